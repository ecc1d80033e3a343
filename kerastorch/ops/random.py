"""Random ops: declared here once, with bodies that draw the same numbers on every backend.

The bodies run Threefry-2x32 (Salmon et al., 2011), which turns a key and a counter into bits by additions, rotations
and exclusive ors of integers. Backends override them with their own, faster generators; `kerastorch.random.portable`
switches to the bodies.
"""

import math
from collections.abc import Sequence
from typing import Any

from kerastorch import dtypes, ops
from kerastorch.dtypes import floating, promoted
from kerastorch.op import Tensor, composite
from kerastorch.shapes import count, given, normalize_axis, unary

WORD = 0xFFFFFFFF
ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA


def key(seed: Any) -> tuple[Any, Any]:
    """The two words that a seed gives for one draw: always the same from an integer, always new from a generator."""
    from kerastorch.random import SeedGenerator, global_generator

    if hasattr(seed, "__index__"):
        seed = int(seed)
        return (seed ^ seed >> 32) & WORD, 0
    first, count = (global_generator() if seed is None else SeedGenerator.of(seed)).words()
    if isinstance(first, int):
        return (first ^ first >> 32) & WORD, count & WORD
    return ops.bitwise_and(ops.bitwise_xor(first, ops.right_shift(first, 32)), WORD), ops.bitwise_and(count, WORD)


def threefry(k0: Any, k1: Any, count: Any) -> tuple[Any, Any]:
    """Two tensors of `count` random words (0 to 2^32 - 1, as int64) from the two words of a key."""
    keys = (k0, k1, ops.bitwise_xor(ops.bitwise_xor(k0, k1), PARITY))
    x = ops.bitwise_and(ops.add(ops.arange(count, dtype="int64"), keys[0]), WORD)
    y = ops.bitwise_and(ops.add(ops.zeros_like(x), keys[1]), WORD)
    for turn in range(5):
        for by in ROTATIONS[turn % 2]:
            x = ops.bitwise_and(x + y, WORD)
            y = ops.bitwise_or(ops.bitwise_and(ops.left_shift(y, by), WORD), ops.right_shift(y, 32 - by))
            y = ops.bitwise_xor(x, y)
        x = ops.bitwise_and(ops.add(x, keys[(turn + 1) % 3]), WORD)
        y = ops.bitwise_and(ops.add(ops.add(y, keys[(turn + 2) % 3]), turn + 1), WORD)
    return x, y


def bits(shape: Any, seed: Any, draws: int = 1) -> Any:
    """`draws` tensors of a shape with random words, from one key; one tensor where `draws` is 1."""
    shape = tuple(shape) if isinstance(shape, list | tuple) else (shape,)
    size = math.prod(shape)
    pairs = (size * draws + 1) // 2
    words = ops.concatenate(threefry(*key(seed), pairs))
    made = [ops.reshape(words[i * size : (i + 1) * size], shape) for i in range(draws)]
    return made[0] if draws == 1 else made


DIGITS = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 32}


def fraction(words: Any, dtype: str) -> Any:
    """Words as numbers of at least 0 and below 1, with as many bits as the dtype holds."""
    digits = DIGITS[dtype]
    return ops.multiply(ops.cast(ops.right_shift(words, 32 - digits), dtype), 2.0**-digits)


def float_dtype(name: str, dtype: Any) -> str:
    """The dtype of an op that draws real numbers; None is floatx.

    Raises:
        ValueError: If it is no floating one.
    """
    dtype = dtypes.standardize(dtype)
    if dtype not in dtypes.FLOATS:
        raise ValueError(f"`keras.random.{name}` requires a floating point `dtype`. Received: {dtype!r}, which is none of "
                         f"{', '.join(dtypes.FLOATS)}")  # fmt: skip
    return dtype


def integer_dtype(name: str, dtype: Any) -> str:
    """The dtype of an op that draws integers.

    Raises:
        ValueError: If it is no integer one.
    """
    dtype = dtypes.standardize(dtype)
    if not dtypes.is_integer(dtype):
        raise ValueError(f"`keras.random.{name}` requires an integer `dtype`. Received: {dtype!r}")
    return dtype


def _real(*operands, dtype=None):
    return (None, float_dtype("ops", dtype))


def _whole(*operands, dtype=None):
    return (None, integer_dtype("ops", dtype))


# ------------------------------------------------------------------------------------------------ distributions


@composite(shape=given, dtype=_real)
def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    """Evenly distributed numbers.

    Args:
        shape: Shape of the result.
        minval, maxval: Bounds; the upper one is not reached, but for rounding.
        dtype: Floating dtype of the result; None is floatx.
        seed: Integer (each call gives the same), `SeedGenerator`, or None for the global generator.
    """
    dtype = float_dtype("uniform", dtype)
    return fraction(bits(shape, seed), dtype) * (maxval - minval) + minval


@composite(shape=given, dtype=_real)
def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Normally distributed numbers.

    Args:
        shape: Shape of the result.
        mean, stddev: Mean and standard deviation.
        dtype: Floating dtype of the result; None is floatx.
        seed: As for `uniform`.
    """
    dtype = float_dtype("normal", dtype)
    wide = dtypes.promote(dtype, "float32")
    first, second = bits(shape, seed, 2)
    # Box and Muller's way; 1 minus a number below 1 has a logarithm.
    radius = ops.sqrt(ops.log(1.0 - fraction(first, wide)) * -2.0)
    return ops.cast(radius * ops.cos(fraction(second, wide) * (2 * math.pi)) * stddev + mean, dtype)


@composite(shape=given, dtype=_real)
def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Normally distributed numbers within two standard deviations of the mean. Arguments as for `normal`."""
    dtype = float_dtype("truncated_normal", dtype)
    wide = dtypes.promote(dtype, "float32")
    within = math.erf(math.sqrt(2.0))
    value = ops.erfinv((fraction(bits(shape, seed), wide) * 2.0 - 1.0) * within) * math.sqrt(2.0)
    return ops.cast(value * stddev + mean, dtype)


@composite(shape=given, dtype=_whole)
def randint(shape, minval, maxval, dtype="int32", seed=None):
    """Evenly distributed integers.

    Args:
        shape: Shape of the result.
        minval, maxval: Bounds; the upper one is excluded.
        dtype: Integer dtype of the result.
        seed: As for `uniform`.
    """
    dtype = integer_dtype("randint", dtype)
    return ops.cast(ops.add(ops.mod(bits(shape, seed), maxval - minval), minval), dtype)


def samples(logits, *, num_samples):
    """The shape of what `categorical` draws."""
    if len(logits) != 2:
        raise ValueError(f"logits must have the shape (batch, classes), got {logits}")
    return logits[0], count(num_samples, "`num_samples`")


@composite(shape=samples, dtype=_whole)
def categorical(logits: Tensor, num_samples, dtype="int32", seed=None):
    """Class indices drawn by unnormalized log-probabilities.

    Args:
        logits: Tensor of shape (batch, classes).
        num_samples: How many indices are drawn for each row.
        dtype: Integer dtype of the result.
        seed: As for `uniform`.

    Returns:
        Tensor of shape (batch, num_samples).
    """
    samples(tuple(logits.shape), num_samples=num_samples)
    rows, classes = ops.shape(logits)
    # The largest of logits with Gumbel noise has the distribution wanted.
    u = uniform((rows, num_samples, classes), 1e-20, 1.0, "float32", seed)
    noisy = ops.subtract(ops.expand_dims(logits, 1), ops.log(-ops.log(u)))
    return ops.cast(ops.argmax(noisy, axis=-1), integer_dtype("categorical", dtype))


def _drawn(*operands, shape):
    return given(shape=shape)


def _by_parameters(*operands, dtype=None):
    dtype = float_dtype("ops", dtype)
    return dtypes.promote(dtype, "float32"), dtype


@composite(shape=_drawn, dtype=_by_parameters)
def gamma(shape, alpha: Tensor, dtype=None, seed=None):
    """Numbers with a gamma distribution of rate 1.

    Args:
        shape: Shape of the result.
        alpha: Shape parameter of the distribution, broadcastable to the result.
        dtype: Floating dtype of the result; None is floatx.
        seed: As for `uniform`.
    """
    # Marsaglia and Tsang's rejection, 8 candidates at once; more than 19 of 20 candidates are accepted.
    kind, candidates = dtypes.promote(float_dtype("gamma", dtype), "float32"), 8
    shape = tuple(shape)
    words = bits((3 * candidates + 1, *shape), seed)
    u = fraction(words, kind)
    low = ops.cast(ops.less(alpha, 1.0), kind)
    d = ops.add(alpha, low) - 1.0 / 3.0
    c = 1.0 / ops.sqrt(d * 9.0)
    result = d + ops.zeros(shape, dtype=kind)
    for i in range(candidates):
        x = ops.sqrt(ops.log(1.0 - u[3 * i]) * -2.0) * ops.cos(u[3 * i + 1] * (2 * math.pi))
        v = ops.power(ops.maximum(x * c + 1.0, 0.0), 3.0)
        bound = x * x * 0.5 + d - d * v + d * ops.log(ops.maximum(v, 1e-37))
        fits = ops.logical_and(v > 0.0, ops.log(1.0 - u[3 * i + 2]) < bound)
        result = ops.where(fits, d * v, result)
    # Below 1 the distribution of alpha + 1 is drawn from and scaled.
    return result * ops.where(low > 0.0, ops.power(1.0 - u[3 * candidates], 1.0 / ops.maximum(alpha, 1e-37)), 1.0)


@composite(shape=_drawn, dtype=_by_parameters)
def beta(shape, alpha: Tensor, beta: Tensor, dtype=None, seed=None):
    """Numbers with a beta distribution.

    Args:
        shape: Shape of the result.
        alpha, beta: Parameters of the distribution, broadcastable to the result.
        dtype: Floating dtype of the result; None is floatx.
        seed: As for `uniform`.
    """
    kind = dtypes.promote(float_dtype("beta", dtype), "float32")
    shape = tuple(shape)
    pair = ops.stack([ops.broadcast_to(alpha, shape), ops.broadcast_to(beta, shape)])
    drawn = gamma((2, *shape), pair, kind, seed)
    return drawn[0] / (drawn[0] + drawn[1])


@composite(shape=_drawn, dtype=_by_parameters)
def binomial(shape, counts: Tensor, probabilities: Tensor, dtype=None, seed=None):
    """How many of `counts` trials succeed.

    Args:
        shape: Shape of the result.
        counts: Numbers of trials, broadcastable to the result.
        probabilities: Probabilities of success, broadcastable to the result.
        dtype: Floating dtype of the result; None is floatx.
        seed: As for `uniform`.
    """
    # The distribution function is summed up until it exceeds a number that is evenly distributed, in 64 bits and logarithms.
    n, p, u = ops.cast(counts, "float64"), ops.cast(probabilities, "float64"), fraction(bits(shape, seed), "float64")
    p = ops.clip(p, 1e-300, 1.0 - 1e-16)
    odds, zero = ops.log(p) - ops.log1p(-p), ops.zeros_like(u)

    def further(k, log, total, found):
        left = ops.maximum(n - k, 0.0)
        step = ops.where(left > 0.0, ops.log(ops.maximum(left, 1.0)) - ops.log(k + 1.0) + odds, -math.inf)
        total = total + ops.exp(log)
        return k + 1.0, log + step, total, found + ops.cast(ops.logical_and(total <= u, found < n), "float64")

    start = (ops.zeros((), dtype="float64"), n * ops.log1p(-p) + zero, zero, zero)
    return ops.while_loop(lambda k, log, total, found: k <= ops.max(n), further, start)[-1]


# ------------------------------------------------------------------------------------------------ on data


def noise_sizes(sizes: Sequence[Any], noise_shape: Any) -> tuple[Any, ...]:
    """The shape of a dropout mask: the data's `sizes` where `noise_shape` is None or has None."""
    if noise_shape is None:
        return tuple(sizes)
    if len(noise_shape) != len(sizes):
        raise ValueError(f"dropout: noise_shape {tuple(noise_shape)} needs one entry per axis of shape {tuple(sizes)}")
    return tuple(have if wanted is None else wanted for have, wanted in zip(sizes, noise_shape, strict=True))


@composite(shape=unary, dtype=floating)
def dropout(inputs: Tensor, rate, noise_shape=None, seed=None):
    """Sets elements to 0 at random and scales the others up, so that the sum is the same on average.

    Args:
        inputs: Tensor.
        rate: Share of the elements that is set to 0, from 0 to 1.
        noise_shape: Shape of the random mask, which broadcasts; None (in it) is the size of `inputs`.
        seed: As for `uniform`.
    """
    if rate >= 1.0:
        return ops.zeros_like(inputs)
    if rate <= 0.0:
        return inputs
    kept = bits(noise_sizes(ops.shape(inputs), noise_shape), seed) >= round(rate * 2**32)
    return ops.where(kept, inputs / (1.0 - rate), 0.0)


@composite(shape=unary, dtype=promoted)
def shuffle(x: Tensor, axis=0, seed=None):
    """The entries along an axis in random order.

    Args:
        x: Tensor.
        axis: The axis.
        seed: As for `uniform`.
    """
    axis = normalize_axis(axis, len(x.shape))
    return ops.take(x, ops.argsort(bits((ops.shape(x)[axis],), seed)), axis=axis)
