"""torch's functions for making, converting and rearranging tensors."""

import torch
import torch.nn.functional as F

from kerastorch import ops, shapes
from kerastorch.backends.torch import tensors
from kerastorch.ops import core as declared
from kerastorch.ops import shaping
from kerastorch.shapes import normalize_axes, pad_pairs

# ------------------------------------------------------------------------------------------------ making


def filled(make):
    """A function of torch's that fills a shape, on the current device."""

    def fill(shape, dtype=None):
        sizes = (shape,) if isinstance(shape, int) else tuple(shape)
        return make(sizes, dtype=tensors.native_dtype(dtype), device=tensors.current_device())

    fill.__name__ = fill.__qualname__ = make.__name__  # by which a pickle finds it
    return fill


zeros, ones = filled(torch.zeros), filled(torch.ones)


def full(shape, fill_value, dtype=None):
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    return tensors.cast(fill_value, dtype).expand(sizes).clone()


def zeros_like(x, dtype=None):
    return torch.zeros_like(x, dtype=None if dtype is None else tensors.native_dtype(dtype))


def ones_like(x, dtype=None):
    return torch.ones_like(x, dtype=None if dtype is None else tensors.native_dtype(dtype))


def arange(start, stop=None, step=None, dtype=None):
    begin, end = (0, start) if stop is None else (start, stop)
    return torch.arange(begin, end, 1 if step is None else step, device=tensors.current_device())


# ------------------------------------------------------------------------------------------------ shapes


def transpose(x, axes=None):
    return x.permute(tuple(range(x.ndim))[::-1] if axes is None else tuple(axes))


def expand_dims(x, axis):
    if isinstance(axis, int):
        return x.unsqueeze(axis)
    rank = x.ndim + len(axis)
    for a in sorted(a % rank for a in axis):
        x = x.unsqueeze(a)
    return x


def squeeze(x, axis=None):
    if axis is None:
        return x.squeeze()
    shapes.squeeze(x.shape, axis=axis)  # torch leaves axes of other sizes as they are
    return x.squeeze(tuple(axis) if isinstance(axis, list) else axis)


def size_of(x, axis):
    return x.shape[axis]


def of_size(x, axis, size, complaint):
    if x.shape[axis] != size:
        raise ValueError(complaint.format(x.shape[axis]))
    return x


def size_arithmetic(function, a, b):
    return function(a, b)


def size(x):
    return torch.tensor(x.numel(), device=x.device)


# -------------------------------------------------------------------------------------- joining, splitting, repeating


def split(x, indices_or_sections, axis=0):
    if isinstance(indices_or_sections, int):
        if x.shape[axis] % indices_or_sections:
            raise ValueError(f"axis {axis} of shape {tuple(x.shape)} has no {indices_or_sections} equal parts")
        return list(torch.tensor_split(x, indices_or_sections, axis))
    return list(torch.tensor_split(x, [int(i) for i in indices_or_sections], axis))


def unstack(x, num=None, axis=0):
    return list(torch.unbind(x, axis))


def repeat(x, repeats, axis=None):
    if hasattr(repeats, "tolist"):
        repeats = repeats.tolist()
    if isinstance(repeats, list | tuple):
        repeats = repeats[0] if len(repeats) == 1 else torch.tensor(repeats, device=x.device)
    return torch.repeat_interleave(x, repeats, axis)


def tile(x, repeats):
    return torch.tile(x, (repeats,) if isinstance(repeats, int) else tuple(repeats))


def flip(x, axis=None):
    return torch.flip(x, normalize_axes(axis, x.ndim))


def roll(x, shift, axis=None):
    return torch.roll(x, shift, axis)


def pad(x, pad_width, mode="constant", constant_values=None):
    pairs = pad_pairs(pad_width, x.ndim)
    if mode == "constant":
        value = 0 if constant_values is None else constant_values
        if isinstance(value, torch.Tensor):
            value = value.item()
        return F.pad(x, [n for pair in reversed(pairs) for n in pair], value=value)
    if constant_values is not None:
        raise ValueError(f"Argument `constant_values` can only be provided when `mode == 'constant'`, not with {mode!r}")
    for axis, (before, after) in enumerate(pairs):
        if before or after:
            x = x.index_select(
                axis, mirrored(torch.arange(-before, x.shape[axis] + after, device=x.device), x.shape[axis], mode)
            )
    return x


def mirrored(at, size, mode):
    """Which position of an axis of some size stands at each place in and around it."""
    if mode == "edge":
        return at.clamp(0, size - 1)
    if mode in ("circular", "wrap"):
        return at % size
    if mode == "symmetric":
        at = at % (2 * size)
        return torch.minimum(at, 2 * size - 1 - at)
    if mode == "reflect":
        period = max(2 * size - 2, 1)
        at = at % period
        return torch.minimum(at, period - at)
    raise ValueError(f"mode {mode!r} is none of 'constant', 'edge', 'reflect', 'symmetric', 'circular' and 'wrap'")


def bits_as(x, dtype, sizes):
    return x.contiguous().view(tensors.native_dtype(dtype))


TABLE = {
    declared.densify: lambda x: x if x.layout is torch.strided else x.to_dense(),
    ops.arange: arange,
    declared.bits_as: bits_as,
    ops.broadcast_to: torch.broadcast_to,
    ops.cast: tensors.cast,
    ops.concatenate: torch.cat,
    ops.constant: tensors.convert,
    ops.copy: torch.clone,
    ops.expand_dims: expand_dims,
    ops.flip: flip,
    ops.full: full,
    ops.ones: ones,
    ops.ones_like: ones_like,
    ops.pad: pad,
    ops.repeat: repeat,
    ops.reshape: torch.Tensor.reshape,
    ops.roll: roll,
    ops.size: size,
    ops.size_arithmetic: size_arithmetic,
    ops.of_size: of_size,
    ops.size_of: size_of,
    ops.split: split,
    ops.squeeze: squeeze,
    shaping.squeeze_: squeeze,
    ops.stack: torch.stack,
    ops.stop_gradient: torch.Tensor.detach,
    ops.tile: tile,
    ops.transpose: transpose,
    ops.unstack: unstack,
    ops.zeros: zeros,
    ops.zeros_like: zeros_like,
}
SCALARS = {ops.pad}
