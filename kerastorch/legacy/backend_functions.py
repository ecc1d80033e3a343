"""`keras.backend` of Keras 1, 2 and tf.keras: tensors in, tensors out.

What is an op of today under another name, or with other arguments, is a line of the table; what differs is a function.
Integers stay integers of their dtype where they did with TensorFlow.
"""

import contextlib
import functools
import math
import string
from typing import Any

import numpy as np

from kerastorch import backend_registry, dtypes, losses, ops, random, scope
from kerastorch.graph import KerasTensor, tensors_in
from kerastorch.legacy.past import Past, old
from kerastorch.op import dtype_of, shape_of
from kerastorch.op import is_sparse as sparse_operand


def kept(x: Any, result: Any) -> Any:
    """A result in its operand's dtype, where that is one of whole numbers."""
    dtype = ops.dtype(x)
    return ops.cast(result, dtype) if dtypes.is_integer(dtype) else result


def counted(x: Any) -> Any:
    """The operand, floating where it is of truth values: their mean is a rate."""
    return ops.cast(x, dtypes.floatx()) if dtype_of(x) == "bool" else x


def rank(x: Any) -> int:
    """The number of axes of a tensor."""
    return len(shape_of(x))


class Sizes(tuple):
    """The sizes of a tensor, known or symbolic: indexed and passed on as a tuple, computed with as the tensor it once was."""

    def __getitem__(self, key: Any) -> Any:
        found = tuple.__getitem__(self, key)
        return Sizes(found) if isinstance(key, slice) else found

    def tensor(self) -> Any:
        """The sizes as a vector of integers."""
        if any(isinstance(n, KerasTensor) for n in self):
            return ops.stack([ops.cast(n, "int32") for n in self])
        return ops.convert_to_tensor(list(self), dtype="int32")


def _computed(name: str) -> Any:
    return lambda self, other: getattr(self.tensor(), name)(other)


for _name in (f"__{side}{name}__" for name in ("add", "sub", "mul", "floordiv", "truediv", "mod") for side in ("", "r")):
    setattr(Sizes, _name, _computed(_name))


def sizes(shape: Any) -> Any:
    """A shape given as a tuple, or as a tensor of sizes, as a tuple."""
    if isinstance(shape, int):
        return (shape,)
    if isinstance(shape, KerasTensor):
        return ops.unstack(shape)
    whole = shape if isinstance(shape, list | tuple) else ops.convert_to_numpy(shape)
    return tuple(n if isinstance(n, KerasTensor) else int(n) for n in whole)


@functools.cache
def _seeded(seed: int) -> random.SeedGenerator:
    return random.SeedGenerator(seed)


def generator(seed: int | None) -> random.SeedGenerator | None:
    """What draws with a seed take their numbers from: others each time, the same series in each run."""
    return None if seed is None else _seeded(int(seed))


def drawn(op: Any, shape: Any, first: Any, second: Any, dtype: Any, seed: Any) -> Any:
    """Random numbers of a shape that may be symbolic."""
    shape = sizes(shape)
    with scope.symbolic() if tensors_in(shape) else contextlib.nullcontext():
        return op(shape, first, second, dtype=dtype or dtypes.floatx(), seed=generator(seed))


def each(function: Any, variables: Any) -> Any:
    """A function's result for a tensor, or for each of several."""
    return [function(v) for v in variables] if isinstance(variables, list | tuple) else function(variables)


PAST: dict[str, Past] = {
    name: Past(function, f"keras.ops.{today}" if today.isidentifier() else today)
    for name, today, function in (
        # element by element
        ("abs", "abs", lambda x: ops.abs(x)),
        ("square", "square", lambda x: ops.square(x)),
        ("sqrt", "sqrt", lambda x: ops.sqrt(ops.maximum(x, 0))),  # of negative numbers 0
        ("exp", "exp", lambda x: ops.exp(x)),
        ("log", "log", lambda x: ops.log(x)),
        ("round", "round", lambda x: ops.round(x)),
        ("sign", "sign", lambda x: ops.sign(x)),
        ("pow", "power", lambda x, a: ops.power(x, a)),
        ("sin", "sin", lambda x: ops.sin(x)),
        ("cos", "cos", lambda x: ops.cos(x)),
        ("maximum", "maximum", lambda x, y: ops.maximum(x, y)),
        ("minimum", "minimum", lambda x, y: ops.minimum(x, y)),
        ("equal", "equal", lambda x, y: ops.equal(x, y)),
        ("not_equal", "not_equal", lambda x, y: ops.not_equal(x, y)),
        ("greater", "greater", lambda x, y: ops.greater(x, y)),
        ("greater_equal", "greater_equal", lambda x, y: ops.greater_equal(x, y)),
        ("less", "less", lambda x, y: ops.less(x, y)),
        ("less_equal", "less_equal", lambda x, y: ops.less_equal(x, y)),
        ("cast", "cast", lambda x, dtype: ops.cast(x, dtype)),
        ("stop_gradient", "stop_gradient", lambda variables: each(ops.stop_gradient, variables)),
        # over axes
        ("sum", "sum", lambda x, axis=None, keepdims=False: kept(x, ops.sum(x, axis, keepdims))),
        ("prod", "prod", lambda x, axis=None, keepdims=False: kept(x, ops.prod(x, axis, keepdims))),
        ("max", "max", lambda x, axis=None, keepdims=False: ops.max(x, axis, keepdims)),
        ("min", "min", lambda x, axis=None, keepdims=False: ops.min(x, axis, keepdims)),
        ("mean", "mean", lambda x, axis=None, keepdims=False: kept(x, ops.mean(counted(x), axis, keepdims))),
        ("var", "var", lambda x, axis=None, keepdims=False: ops.var(counted(x), axis, keepdims)),
        ("std", "std", lambda x, axis=None, keepdims=False: ops.std(counted(x), axis, keepdims)),
        ("logsumexp", "logsumexp", lambda x, axis=None, keepdims=False: ops.logsumexp(x, axis, keepdims)),
        ("any", "any", lambda x, axis=None, keepdims=False: ops.any(x, axis, keepdims)),
        ("all", "all", lambda x, axis=None, keepdims=False: ops.all(x, axis, keepdims)),
        ("argmax", "argmax", lambda x, axis=-1: ops.cast(ops.argmax(x, axis), "int64")),
        ("argmin", "argmin", lambda x, axis=-1: ops.cast(ops.argmin(x, axis), "int64")),
        ("cumsum", "cumsum", lambda x, axis=0: kept(x, ops.cumsum(x, axis))),
        ("cumprod", "cumprod", lambda x, axis=0: kept(x, ops.cumprod(x, axis))),
        # shapes
        ("reshape", "reshape", lambda x, shape: ops.reshape(x, sizes(shape))),
        ("flatten", "ravel", lambda x: ops.reshape(x, (-1,))),
        ("expand_dims", "expand_dims", lambda x, axis=-1: ops.expand_dims(x, axis)),
        ("squeeze", "squeeze", lambda x, axis: ops.squeeze(x, axis)),
        ("transpose", "transpose", lambda x: ops.transpose(x)),
        ("permute_dimensions", "transpose", lambda x, pattern: ops.transpose(x, tuple(pattern))),
        ("concatenate", "concatenate", lambda tensors, axis=-1: ops.concatenate(tensors, axis)),
        ("stack", "stack", lambda x, axis=0: ops.stack(x, axis)),
        ("repeat_elements", "repeat", lambda x, rep, axis: ops.repeat(x, rep, axis)),
        ("reverse", "flip", lambda x, axes: ops.flip(x, axes)),
        ("gather", "take", lambda reference, indices: ops.take(reference, indices, axis=0)),
        ("one_hot", "one_hot", lambda indices, num_classes: ops.one_hot(ops.cast(indices, "int32"), num_classes)),
        # made of nothing, or of a shape
        ("eye", "eye", lambda size, dtype=None, name=None: ops.eye(size, dtype=dtype or dtypes.floatx())),
        ("ones_like", "ones_like", lambda x, dtype=None, name=None: ops.ones_like(x, dtype=dtype)),
        ("zeros_like", "zeros_like", lambda x, dtype=None, name=None: ops.zeros_like(x, dtype=dtype)),
        # activations and losses
        ("sigmoid", "sigmoid", lambda x: ops.sigmoid(x)),
        ("tanh", "tanh", lambda x: ops.tanh(x)),
        ("softplus", "softplus", lambda x: ops.softplus(x)),
        ("softsign", "softsign", lambda x: ops.softsign(x)),
        ("softmax", "softmax", lambda x, axis=-1: ops.softmax(x, axis)),
        ("elu", "elu", lambda x, alpha=1.0: ops.elu(x, alpha)),
        ("hard_sigmoid", "hard_sigmoid", lambda x: ops.clip(x * 0.2 + 0.5, 0.0, 1.0)),  # today its slope is 1 / 6
        ("in_top_k", "in_top_k", lambda predictions, targets, k: ops.in_top_k(targets, predictions, k)),
        # random numbers
        ("random_normal", "keras.random.normal", lambda shape, mean=0.0, stddev=1.0, dtype=None, seed=None: drawn(
            random.normal, shape, mean, stddev, dtype, seed)),
        ("truncated_normal", "keras.random.truncated_normal", lambda shape, mean=0.0, stddev=1.0, dtype=None, seed=None: drawn(
            random.truncated_normal, shape, mean, stddev, dtype, seed)),
        ("random_uniform", "keras.random.uniform", lambda shape, minval=0.0, maxval=1.0, dtype=None, seed=None: drawn(
            random.randint if dtype and dtypes.is_integer(dtype) else random.uniform, shape, minval, maxval, dtype, seed)),
        ("random_bernoulli", "keras.random.binomial", lambda shape, p=0.0, dtype=None, seed=None: ops.cast(ops.less(
            drawn(random.uniform, shape, 0.0, 1.0, None, seed), p), dtype or dtypes.floatx())),
        ("dropout", "keras.random.dropout", lambda x, level, noise_shape=None, seed=None: random.dropout(
            x, level, noise_shape, generator(seed))),
        # loops
        ("map_fn", "map", lambda fn, elems, name=None, dtype=None: ops.map(fn, elems)),
    )
}  # fmt: skip
PAST["random_binomial"] = PAST["random_bernoulli"]


# ------------------------------------------------------------------------------------------------ what tensors are


@old(PAST, "keras.ops.shape(x), a tuple")
def shape(x):
    """The sizes of a tensor, symbolic where they are not known."""
    with scope.symbolic() if isinstance(x, KerasTensor) else contextlib.nullcontext():
        return Sizes(ops.shape(x))


@old(PAST, "x.shape")
def int_shape(x):
    """The shape of a tensor as a tuple, with None for sizes that are not known."""
    return tuple(shape_of(x))


@old(PAST, "len(x.shape)")
def ndim(x):
    """The number of axes of a tensor."""
    return rank(x)


@old(PAST, "keras.backend.standardize_dtype(x.dtype)")
def dtype(x):
    """The name of a tensor's dtype."""
    return ops.dtype(x)


@old(PAST, "math.prod(x.shape)")
def count_params(x):
    """The number of elements of a tensor or variable."""
    return math.prod(shape_of(x))


@old(PAST, "a check of the tensor's class")
def is_sparse(tensor):
    """Whether a tensor is a sparse one."""
    return sparse_operand(tensor)


@old(PAST, "keras.ops.convert_to_tensor(x, sparse=False)")
def to_dense(tensor):
    """A tensor that is not sparse."""
    return ops.convert_to_tensor(tensor, sparse=False)


@old(PAST, "keras.ops.cast(x, keras.config.floatx())")
def cast_to_floatx(x):
    """A tensor, or an array, which stays one, in the default floating dtype."""
    if backend_registry.of(x) is None and not isinstance(x, KerasTensor):
        return np.asarray(x, dtype=dtypes.floatx())
    return ops.cast(x, dtypes.floatx())


# ------------------------------------------------------------------------------------------------ elements


@old(PAST, "keras.ops.clip")
def clip(x, min_value, max_value):
    """The elements, held between two numbers; None is no bound."""
    if isinstance(min_value, int | float) and isinstance(max_value, int | float):
        max_value = max(min_value, max_value)
    low = -math.inf if min_value is None else min_value
    high = math.inf if max_value is None else max_value
    return kept(x, ops.clip(x, low, high))


@old(PAST, "keras.ops.relu, or keras.layers.ReLU")
def relu(x, alpha=0.0, max_value=None, threshold=0.0):
    """The elements at and above a threshold, at most `max_value`; those below by their distance from it, times `alpha`."""
    above = ops.where(ops.greater_equal(x, threshold) if threshold else ops.greater(x, 0), x, ops.multiply(x - threshold, alpha))
    return above if max_value is None else ops.where(ops.greater(x, threshold), ops.minimum(above, max_value), above)


@old(PAST, "keras.ops.where, or keras.ops.cond")
def switch(condition, then_expression, else_expression):
    """One of two tensors, or for conditions with axes, element by element from both.

    Args:
        condition: Truth values, of no more axes than the tensors.
        then_expression, else_expression: Tensors, or functions without arguments that give them.
    """
    options = [(lambda value=e: value() if callable(value) else value) for e in (then_expression, else_expression)]
    condition = ops.cast(condition, "bool")
    if not rank(condition):
        return ops.cond(condition, *options)
    then, other = (option() for option in options)
    if rank(condition) > rank(then):
        raise ValueError(f"switch: the condition has {rank(condition)} axes, more than then_expression, which has {rank(then)}")
    return ops.where(ops.expand_dims(condition, tuple(range(rank(condition), rank(then)))), then, other)


# ------------------------------------------------------------------------------------------------ products


@old(PAST, "keras.ops.matmul, or keras.ops.dot")
def dot(x, y):
    """Products summed along the last axis of `x` and the last but one of `y`."""
    return ops.dot(x, y)


@old(PAST, "keras.ops.einsum")
def batch_dot(x, y, axes=None):
    """Products summed along one axis of each, sample by sample.

    Args:
        x, y: Tensors of at least two axes.
        axes: The axis of both, or a pair; None is the last of `x` and, if `y` has more than two axes, its last but one.
    """
    if axes is None:
        axes = (rank(x) - 1, rank(y) - 1 if rank(y) == 2 else rank(y) - 2)
    axes = (axes, axes) if isinstance(axes, int) else axes
    a, b = (axis % rank(t) for axis, t in zip(axes, (x, y), strict=True))
    if 0 in (a, b):
        raise ValueError(f"batch_dot: axes={tuple(axes)} names axis 0, along which the samples lie")
    letters = iter(string.ascii_lowercase)
    batch, summed = next(letters), next(letters)
    left = [batch, *(summed if i == a else next(letters) for i in range(1, rank(x)))]
    right = [batch, *(summed if i == b else next(letters) for i in range(1, rank(y)))]
    rest = "".join(c for c in [*left[1:], *right[1:]] if c != summed)
    output = ops.einsum(f"{''.join(left)},{''.join(right)}->{batch}{rest}", x, y)
    return output if rest else ops.expand_dims(output, -1)


# ------------------------------------------------------------------------------------------------ normalisation and losses


@old(PAST, "keras.ops.normalize")
def l2_normalize(x, axis=None):
    """The tensor scaled to length 1 along axes, or as a whole."""
    length = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return x * ops.rsqrt(ops.maximum(length, 1e-12))


@old(PAST, "keras.ops.batch_normalization")
def batch_normalization(x, mean, var, beta, gamma, axis=-1, epsilon=1e-3):
    """The tensor less a mean, over the root of a variance, times `gamma` plus `beta`, all along one axis or broadcast."""
    scale = ops.rsqrt(var + epsilon)
    if rank(mean) == 1 and axis % rank(x) != rank(x) - 1:
        wide = [1] * rank(x)
        wide[axis] = -1
        mean, scale, beta, gamma = (None if v is None else ops.reshape(v, wide) for v in (mean, scale, beta, gamma))
    out = (x - mean) * (scale if gamma is None else scale * gamma)
    return out if beta is None else out + beta


@old(PAST, "keras.layers.BatchNormalization")
def normalize_batch_in_training(x, gamma, beta, reduction_axes, epsilon=1e-3):
    """The batch normalised by its own statistics, then its mean and its variance."""
    mean, var = ops.moments(x, tuple(reduction_axes), keepdims=True)
    beta, gamma = (None if v is None else ops.reshape(v, ops.shape(mean)) for v in (beta, gamma))
    axes = tuple(a % rank(x) for a in reduction_axes)
    return batch_normalization(x, mean, var, beta, gamma, epsilon=epsilon), ops.squeeze(mean, axes), ops.squeeze(var, axes)


@old(PAST, "keras.ops.add")
def bias_add(x, bias, data_format=None):
    """The tensor plus a bias of the channels, or of whole samples."""
    first = scope.standardize_data_format(data_format) == "channels_first"
    n = tuple(shape_of(bias))
    if len(n) not in (1, rank(x) - 1):
        raise ValueError(f"bias_add: a bias has 1 axis or {rank(x) - 1} beside x with {rank(x)}, but it has {len(n)}")
    if first and rank(x) > 2:
        bias = ops.reshape(bias, (-1, *n[:-1], *[1] * (rank(x) - 1 - len(n))))
    return x + bias


@old(PAST, "keras.losses.binary_crossentropy")
def binary_crossentropy(target, output, from_logits=False):
    """The cross-entropy of each element, which is true or not."""
    return ops.binary_crossentropy(ops.cast(target, dtype(output)), output, from_logits)


@old(PAST, "keras.losses.categorical_crossentropy")
def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """The cross-entropy along an axis of classes."""
    return ops.categorical_crossentropy(ops.cast(target, dtype(output)), output, from_logits, axis)


@old(PAST, "keras.losses.sparse_categorical_crossentropy")
def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1, ignore_class=None):
    """As `categorical_crossentropy`, with targets that are numbers of classes; 0 where one is `ignore_class`."""
    target = ops.cast(target, "int32")
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(target, output, from_logits, axis)
    valid = ops.not_equal(target, ignore_class)
    found = ops.sparse_categorical_crossentropy(ops.where(valid, target, 0), output, from_logits, axis)
    return ops.where(valid, found, 0)


@old(PAST, "keras.losses.binary_focal_crossentropy")
def binary_focal_crossentropy(target, output, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False):
    """The focal cross-entropy of each element (Lin et al., 2017)."""
    chance = ops.sigmoid(output) if from_logits else output
    right = target * chance + (1 - target) * (1 - chance)
    loss = ops.power(1.0 - right, gamma) * binary_crossentropy(target, output, from_logits)
    return loss * (target * alpha + (1 - target) * (1 - alpha)) if apply_class_balancing else loss


@old(PAST, "keras.losses.categorical_focal_crossentropy")
def categorical_focal_crossentropy(target, output, alpha=0.25, gamma=2.0, from_logits=False, axis=-1):
    """The focal cross-entropy along an axis of classes (Lin et al., 2017)."""
    return losses.categorical_focal_crossentropy(target, output, alpha=alpha, gamma=gamma, from_logits=from_logits, axis=axis)


@old(PAST, "keras.ops.ctc_loss")
def ctc_batch_cost(y_true, y_pred, input_length, label_length):
    """The CTC loss of each sample, of shape `(batch, 1)`, where the last class is the blank.

    Args:
        y_true: Numbers of classes, `(batch, longest label)`.
        y_pred: Probabilities, `(batch, steps, classes)`.
        input_length, label_length: How much of both counts, `(batch, 1)`.
    """
    lengths = [ops.reshape(ops.cast(n, "int32"), (-1,)) for n in (label_length, input_length)]
    scores, blank = ops.log(y_pred + dtypes.epsilon()), shape_of(y_pred)[-1] - 1
    loss = ops.ctc_loss(ops.cast(y_true, "int32"), scores, *lengths, mask_index=blank)
    return ops.expand_dims(loss, 1)


@old(PAST, "keras.ops.ctc_decode")
def ctc_decode(y_pred, input_length, greedy=True, beam_width=100, top_paths=1):
    """The likeliest labels, as a list of `top_paths` tensors filled up with -1, and their log probabilities."""
    last = shape_of(y_pred)[-1] - 1
    how = {"strategy": "greedy"} if greedy else {"strategy": "beam_search", "beam_width": beam_width, "top_paths": top_paths}
    found, scores = ops.ctc_decode(ops.log(y_pred + dtypes.epsilon()), ops.cast(input_length, "int32"), mask_index=last, **how)
    return [found[i] for i in range(1 if greedy else top_paths)], scores


# ------------------------------------------------------------------------------------------------ shapes


@old(PAST, "keras.layers.Flatten, or keras.ops.reshape")
def batch_flatten(x):
    """Each sample as a vector."""
    known = shape_of(x)[1:]
    return ops.reshape(x, (-1, math.prod(known) if None not in known else math.prod(ops.shape(x)[1:], start=1)))


@old(PAST, "keras.ops.repeat")
def repeat(x, n):
    """Vectors, repeated `n` times along a new axis of steps."""
    return ops.repeat(ops.expand_dims(x, 1), n, 1)


@old(PAST, "keras.ops.tile")
def tile(x, n):
    """The tensor beside itself, `n` times along each axis."""
    return ops.tile(x, (n,) if isinstance(n, int) else sizes(n))


@old(PAST, "keras.ops.arange")
def arange(start, stop=None, step=1, dtype="int32"):
    """Numbers in even steps; from 0 where `stop` is not given, or is below `start`."""
    if stop is None:
        start, stop = 0, start
    return ops.arange(start, stop, step, dtype=dtype)


@old(PAST, "keras.layers.ZeroPadding1D")
def temporal_padding(x, padding=(1, 1)):
    """Sequences with zeros before and after them."""
    return ops.pad(x, ((0, 0), tuple(padding), (0, 0)))


def _padded(x: Any, padding: Any, data_format: Any) -> Any:
    """Images or volumes with zeros around them."""
    around = tuple(map(tuple, padding))
    first = scope.standardize_data_format(data_format) == "channels_first"
    return ops.pad(x, ((0, 0), (0, 0), *around) if first else ((0, 0), *around, (0, 0)))


@old(PAST, "keras.layers.ZeroPadding2D")
def spatial_2d_padding(x, padding=((1, 1), (1, 1)), data_format=None):
    """Images with zeros around them."""
    return _padded(x, padding, data_format)


@old(PAST, "keras.layers.ZeroPadding3D")
def spatial_3d_padding(x, padding=((1, 1), (1, 1), (1, 1)), data_format=None):
    """Volumes with zeros around them."""
    return _padded(x, padding, data_format)
