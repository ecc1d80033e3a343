"""torch's own generators for the random ops."""

import math
import operator

import torch
import torch.nn.functional as F

from kerastorch import random
from kerastorch.backends.torch.tensors import current_device, native_dtype
from kerastorch.ops import random as declared
from kerastorch.ops.random import float_dtype, integer_dtype, noise_sizes


def generator(seed, device):
    """The torch generator of a seed; None, torch's global one, where no seed was ever given.

    A lowered module holds the state of a SeedGenerator as a tensor of two integers, the second of which counts draws.
    """
    if hasattr(seed, "__index__") and not isinstance(seed, torch.Tensor):
        words = (int(seed), 0)
    elif isinstance(seed, torch.Tensor):
        words = seed.tolist()
        seed[1] += 1
    elif given(seed) is None:
        return None
    else:
        words = random.SeedGenerator.of(seed).draw()
    # Any mixing will do that keeps neighbouring seeds and counts apart.
    return torch.Generator(device).manual_seed((words[0] * 0x9E3779B97F4A7C15 + words[1]) % 2**63)


def given(seed):
    """The seed, None where that is a SeedGenerator to which none was given."""
    return None if seed.__class__ is random.SeedGenerator and not seed.given else seed


FILL = {
    "uniform": lambda out, source: out.uniform_(0.0, 1.0, generator=source),
    "normal": lambda out, source: out.normal_(generator=source),
}


@torch.library.custom_op("kerastorch::noise", mutates_args=("state",))
def _opaque(state: torch.Tensor, kind: str, size: list[int], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    return FILL[kind](torch.empty(size, dtype=dtype, device=device), generator(state, device))


@_opaque.register_fake
def _(state, kind, size, dtype, device):
    return torch.empty(size, dtype=dtype, device=device)


def noise(kind, size, dtype, device, seed):
    """A tensor of numbers between 0 and 1 ("uniform"), or with mean 0 and deviation 1 ("normal").

    torch.compile cannot look into generators, so while compiling they are used inside an op of our own.
    """
    if torch.compiler.is_compiling() and not torch.compiler.is_exporting() and seed is not None:
        state = seed if isinstance(seed, torch.Tensor) else torch.tensor([seed, 0])
        return _opaque(state, kind, size, dtype, device)
    return FILL[kind](torch.empty(size, dtype=dtype, device=device), generator(seed, device))


def sizes(shape):
    return tuple(map(operator.index, shape)) if isinstance(shape, list | tuple) else (operator.index(shape),)


def uniform(shape, minval, maxval, dtype, seed):
    out = noise("uniform", sizes(shape), native_dtype(float_dtype("uniform", dtype)), current_device(), seed)
    return out * (maxval - minval) + minval


def normal(shape, mean, stddev, dtype, seed):
    out = noise("normal", sizes(shape), native_dtype(float_dtype("normal", dtype)), current_device(), seed)
    return out * stddev + mean


WITHIN = math.erf(math.sqrt(2.0))


def truncated_normal(shape, mean, stddev, dtype, seed):
    dtype = native_dtype(float_dtype("truncated_normal", dtype))
    # The inverse of the distribution function, on the part of its range that lies within two deviations.
    wide = torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype
    spread = noise("uniform", sizes(shape), wide, current_device(), seed) * (2 * WITHIN) - WITHIN
    return (torch.erfinv(spread) * math.sqrt(2.0) * stddev + mean).to(dtype)


def randint(shape, minval, maxval, dtype, seed):
    device = current_device()
    kind = native_dtype(integer_dtype("randint", dtype))
    source = generator(seed, device)
    return torch.randint(int(minval), int(maxval), sizes(shape), generator=source, device=device).to(kind)


def categorical(logits, num_samples, dtype, seed):
    declared.samples(tuple(logits.shape), num_samples=num_samples)  # torch takes a single row too
    source = generator(seed, logits.device)
    return torch.multinomial(torch.softmax(logits.float(), -1), num_samples, True, generator=source)


def gamma(shape, alpha, dtype, seed):
    return torch._standard_gamma(alpha.expand(sizes(shape)).contiguous(), generator=generator(seed, alpha.device))


def beta(shape, alpha, beta, dtype, seed):
    shape = sizes(shape)
    pair = torch.stack([alpha.expand(shape), beta.expand(shape)])
    a, b = torch._standard_gamma(pair, generator=generator(seed, alpha.device))
    return a / (a + b)


def binomial(shape, counts, probabilities, dtype, seed):
    shape = sizes(shape)
    source = generator(seed, counts.device)
    return torch.binomial(counts.expand(shape).contiguous(), probabilities.expand(shape).contiguous(), generator=source)


def dropout(inputs, rate, noise_shape, seed):
    if rate >= 1.0:
        return torch.zeros_like(inputs)
    if rate <= 0.0:
        return inputs
    compiling, seed = torch.compiler.is_compiling(), given(seed)
    if seed is None and noise_shape is None and (inputs.is_cuda or compiling):
        return F.dropout(inputs, rate, True)
    size = noise_sizes(inputs.shape, noise_shape)
    if seed is not None or compiling or inputs.device.type != "cpu":
        kept = noise("uniform", size, torch.float32, inputs.device, seed) >= rate
    else:
        kept = coarse_mask(size, rate)
    return inputs * (kept.to(inputs.dtype) * (1.0 / (1.0 - rate)))


def coarse_mask(shape, rate):
    """True with a probability of 1 - rate, to a 65536th: four draws per random word, in a third of F.dropout's time."""
    size = math.prod(shape)
    words = torch.empty(-(-size // 4), dtype=torch.int64).random_(-(2**63), None)
    return words.view(torch.int16)[:size].view(shape) >= min(round(rate * 65536), 65535) - 32768


def shuffle(x, axis, seed):
    order = torch.randperm(x.shape[axis], generator=generator(seed, x.device), device=x.device)
    return x.index_select(axis, order)


TABLE = {
    declared.beta: beta,
    declared.binomial: binomial,
    declared.categorical: categorical,
    declared.dropout: dropout,
    declared.gamma: gamma,
    declared.normal: normal,
    declared.randint: randint,
    declared.shuffle: shuffle,
    declared.truncated_normal: truncated_normal,
    declared.uniform: uniform,
}
SCALARS: set = set()
