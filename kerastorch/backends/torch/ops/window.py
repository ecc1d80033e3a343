"""Convolutions and pooling by torch, which puts channels first: data with channels last goes in and out as a view."""

import torch
import torch.nn.functional as F

from kerastorch import ops
from kerastorch.ops.window import transposed_axes
from kerastorch.shapes import per_axis

MAX_POOL = {2: F.max_pool2d, 3: F.max_pool3d}
AVERAGE_POOL = {2: F.avg_pool2d, 3: F.avg_pool3d}
CONV = {2: torch.conv2d, 3: torch.conv3d}
CONV_TRANSPOSE = {2: torch.conv_transpose2d, 3: torch.conv_transpose3d}
ADAPTIVE_AVERAGE = {2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}
ADAPTIVE_MAX = {2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}


def channels_first(x, data_format):
    """The data as (batch, channels, ...): a view, which torch knows as its channels_last memory format.

    One spatial axis becomes two, the first of size 1, since that memory format needs two.
    """
    x = x if data_format == "channels_first" else x.movedim(-1, 1)
    return x.unsqueeze(2) if x.ndim == 3 else x


def as_given(x, data_format, rank):
    """The inverse of `channels_first`, for data of `rank` spatial axes."""
    x = x.squeeze(2) if rank == 1 else x
    return x if data_format == "channels_first" else x.movedim(1, -1)


def each_axis(value, rank):
    """One value per spatial axis that torch sees."""
    return (1, *per_axis(value, 1)) if rank == 1 else per_axis(value, rank)


def same_padding(size, window, stride, dilation=1):
    """(before, after): what "same" pads an axis with; the odd element goes behind."""
    total = max((-(-size // stride) - 1) * stride + dilation * (window - 1) + 1 - size, 0)
    return total // 2, total - total // 2


def known_padding(padding):
    """Whether padding is "same".

    Raises:
        ValueError: If it is neither that nor "valid".
    """
    if padding not in ("same", "valid"):
        raise ValueError(f"padding must be 'valid' or 'same', not {padding!r}")
    return padding == "same"


def kernel_first(kernel):
    """A kernel of shape (*window, in, out) as (out, in, *window)."""
    kernel = kernel.permute(-1, -2, *range(kernel.ndim - 2))
    return kernel.unsqueeze(2) if kernel.ndim == 3 else kernel


def conv(inputs, kernel, strides, padding, data_format, dilation_rate):
    x, weight, rank = channels_first(inputs, data_format), kernel_first(kernel), inputs.ndim - 2
    strides, dilation = each_axis(strides, rank), each_axis(dilation_rate, rank)
    pads = (0,) * len(strides)
    if known_padding(padding):
        pairs = [same_padding(*one) for one in zip(x.shape[2:], weight.shape[2:], strides, dilation, strict=True)]
        if all(before == after for before, after in pairs):
            pads = tuple(before for before, _ in pairs)
        else:
            x = F.pad(x, [p for pair in reversed(pairs) for p in pair])
    y = CONV[x.ndim - 2](x, weight, None, strides, pads, dilation, x.shape[1] // weight.shape[1])
    return as_given(y, data_format, rank)


def conv_transpose(inputs, kernel, strides, padding, output_padding, data_format, dilation_rate):
    x, rank = channels_first(inputs, data_format), inputs.ndim - 2
    known_padding(padding)
    axes = transposed_axes(kernel.shape, strides, padding, output_padding, dilation_rate)
    axes = [(1, 1, 0, 0), *axes] if rank == 1 else axes
    steps, crops = tuple(a[0] for a in axes), tuple(a[2] for a in axes)
    weight, dilation = kernel_first(kernel), each_axis(dilation_rate, rank)
    y = CONV_TRANSPOSE[x.ndim - 2](x, weight, None, steps, crops, 0, 1, dilation)
    # torch crops both ends alike; F.pad adds what is missing behind, or cuts off what is too much.
    behind = [extra + 2 * crop for _, _, crop, extra in axes]
    if any(behind):
        y = F.pad(y, [p for b in reversed(behind) for p in (0, b)])
    return as_given(y, data_format, rank)


def pool(functions, inputs, pool_size, strides, padding, data_format, **how):
    """Pools with "same" padding as TensorFlow does, by asking torch for more windows instead of padding the data."""
    x, rank = channels_first(inputs, data_format), inputs.ndim - 2
    size = each_axis(pool_size, rank)
    strides = size if strides is None else each_axis(strides, rank)
    pads, ceil, late = [0] * len(size), False, [False] * len(size)
    if known_padding(padding):
        for i, one in enumerate(zip(x.shape[2:], size, strides, strict=True)):
            before, after = same_padding(*one)
            # One more behind: with steps of 1, pad one more in front too and drop the first window; else torch's ceil
            # mode lets the last window end behind the data.
            late[i] = after > before and strides[i] == 1
            pads[i] = before + late[i]
            ceil = ceil or after > before
    y = functions[x.ndim - 2](x, size, strides, tuple(pads), ceil_mode=ceil, **how)
    for i, drop in enumerate(late):
        if drop:
            y = y.narrow(i + 2, 1, y.shape[i + 2] - 1)
    return as_given(y, data_format, rank)


def max_pool(inputs, pool_size, strides, padding, data_format):
    return pool(MAX_POOL, inputs, pool_size, strides, padding, data_format)


def average_pool(inputs, pool_size, strides, padding, data_format):
    return pool(AVERAGE_POOL, inputs, pool_size, strides, padding, data_format, count_include_pad=False)


def adaptive(functions, inputs, output_size, data_format):
    x, rank = channels_first(inputs, data_format), inputs.ndim - 2
    return as_given(functions[x.ndim - 2](x, each_axis(output_size, rank)), data_format, rank)


def adaptive_average_pool(inputs, output_size, data_format):
    return adaptive(ADAPTIVE_AVERAGE, inputs, output_size, data_format)


def adaptive_max_pool(inputs, output_size, data_format):
    return adaptive(ADAPTIVE_MAX, inputs, output_size, data_format)


def unfold(x, kernel_size, dilation, padding, stride):
    return F.unfold(x, kernel_size, dilation, padding, stride)


def fold(x, output_size, kernel_size, dilation, padding, stride):
    return F.fold(x, output_size, kernel_size, dilation, padding, stride)


TABLE = {
    ops.max_pool: max_pool,
    ops.average_pool: average_pool,
    ops.adaptive_average_pool: adaptive_average_pool,
    ops.adaptive_max_pool: adaptive_max_pool,
    ops.conv: conv,
    ops.conv_transpose: conv_transpose,
    ops.fold: fold,
    ops.unfold: unfold,
}
AS_FLOATS = dict.fromkeys(("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"), "float64")
WIDER = {
    **dict.fromkeys((ops.conv_transpose, ops.adaptive_max_pool, ops.fold, ops.unfold), AS_FLOATS),
    ops.conv: {"bool": "float64"},
    ops.max_pool: {"bool": "uint8"},
}
