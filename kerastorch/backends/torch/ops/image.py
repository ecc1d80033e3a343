"""torch's functions for images, which put channels first: data with channels last goes in and out as a view."""

import torch
import torch.nn.functional as F

from kerastorch import dtypes
from kerastorch.backends.torch.ops.nn import unless
from kerastorch.backends.torch.ops.window import as_given, channels_first, same_padding
from kerastorch.op import dtype_of
from kerastorch.ops import filtering, resampling, warping

MODES = {"nearest": "nearest-exact", "bilinear": "bilinear", "bicubic": "bicubic"}


def resample(x, size, interpolation, antialias, data_format):
    batch = x if x.ndim == 4 else x.unsqueeze(0)
    y = F.interpolate(channels_first(batch, data_format), size, mode=MODES[interpolation], antialias=antialias)
    y = as_given(y, data_format, 2)
    return y if x.ndim == 4 else y.squeeze(0)


def unlike(x, size, interpolation, antialias, data_format):
    """Whether torch has no such interpolation, or not for the dtype."""
    return interpolation not in MODES or not dtypes.is_float(dtype_of(x))


# How torch pads, and whether the ends of the axis are the middles of the outermost pixels or their edges.
PADDINGS = {
    "constant": ("zeros", True),
    "nearest": ("border", True),
    "mirror": ("reflection", True),
    "reflect": ("reflection", False),
}


def warp(images, rows, columns, interpolation, fill_mode, fill_value, data_format):
    x = channels_first(images, data_format)
    padding, middles = PADDINGS[fill_mode]
    sizes = (x.shape[-1], x.shape[-2])
    if middles:  # torch counts places from -1 to 1
        places = [at * (2 / max(n - 1, 1)) - 1 for at, n in zip((columns, rows), sizes, strict=True)]
    else:
        places = [(at * 2 + 1) / n - 1 for at, n in zip((columns, rows), sizes, strict=True)]
    shift = fill_value if fill_mode == "constant" else 0
    y = F.grid_sample(x - shift if shift else x, torch.stack(places, -1), interpolation, padding, middles)
    return as_given(y + shift if shift else y, data_format, 2)


def patches(x, size, strides, dilation_rate, padding, data_format):
    """Windows as views, so that the data is copied once."""
    rank = len(size)
    x = x if data_format == "channels_first" else x.movedim(-1, 1)
    each = list(zip(x.shape[2:], size, strides, dilation_rate, strict=True))
    if padding == "same":
        x = F.pad(x, [p for one in reversed(each) for p in same_padding(*one)])
    for i, (_, window, step, spread) in enumerate(each):
        x = x.unfold(2 + i, spread * (window - 1) + 1, step)
    x = x[(..., *(slice(None, None, spread) for *_, spread in each))]
    counts, inside = tuple(range(2, 2 + rank)), (*range(2 + rank, 2 + 2 * rank), 1)
    if data_format == "channels_last":
        return x.permute(0, *counts, *inside).flatten(1 + rank)
    return x.permute(0, *inside, *counts).flatten(1, 1 + rank)


TABLE = {
    resampling.resample: unless(unlike, resampling.resample, resample),
    warping.warp: unless(lambda *args: args[4] == "wrap", warping.warp, warp),  # no padding of torch's starts afresh
    filtering.patches: patches,
}
SCALARS: set = set()
