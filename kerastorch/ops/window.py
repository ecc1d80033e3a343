"""Ops that slide a window over the spatial axes: convolutions and pooling."""

import math

from kerastorch import ops
from kerastorch.dtypes import floating, promoted
from kerastorch.op import Tensor, composite, op
from kerastorch.shapes import convolved, per_axis, pooled, spatial, steps, unspatial, window_length

# ------------------------------------------------------------------------------------------------ pooling


@op(shape=pooled, dtype=promoted)
def max_pool(inputs: Tensor, pool_size, strides=None, padding="valid", data_format=None):
    """The largest element of each window; padding never wins.

    Args:
        inputs: Tensor of shape (batch, *spatial, channels), or (batch, channels, *spatial) with "channels_first".
        pool_size: Size of the window, in elements: one for all spatial axes or one each.
        strides: Step from window to window, `pool_size` where None.
        padding: "valid", or "same" for `ceil(size / stride)` windows with the excess put behind.
        data_format: "channels_last" or "channels_first"; None is the default layout.
    """


@op(shape=pooled, dtype=floating)
def average_pool(inputs: Tensor, pool_size, strides=None, padding="valid", data_format=None):
    """The mean of each window's elements; padding does not count. Arguments as for `max_pool`."""


def _adapted(x, *, output_size, data_format):
    dims, channels = spatial(x, data_format)
    return unspatial(x[0], steps(output_size, len(dims), "output_size"), channels, data_format)


def _adaptive(reduce, inputs, output_size, data_format):
    """Reduces each axis in turn over output_size windows, from floor(i n / size) to ceil((i + 1) n / size)."""
    dims, _ = spatial(tuple(inputs.shape), data_format)
    first = 1 if data_format == "channels_last" else 2
    for axis, (n, size) in enumerate(zip(dims, per_axis(output_size, len(dims)), strict=True), first):
        if n is None:
            raise ValueError(f"adaptive pooling needs to know the size of axis {axis} of shape {tuple(inputs.shape)}")
        at = (slice(None),) * axis
        windows = [inputs[(*at, slice(i * n // size, -(-(i + 1) * n // size)))] for i in range(size)]
        inputs = ops.concatenate([reduce(w, axis=axis, keepdims=True) for w in windows], axis=axis)
    return inputs


@composite(shape=_adapted, dtype=floating, checked=True)
def adaptive_average_pool(inputs: Tensor, output_size, data_format=None):
    """The means of windows whose size and place follow from how many there shall be.

    Args:
        inputs: Tensor of shape (batch, *spatial, channels), or (batch, channels, *spatial) with "channels_first".
        output_size: How many windows: one number for all spatial axes or one each.
        data_format: "channels_last" or "channels_first"; None is the default layout.
    """
    return _adaptive(ops.mean, inputs, output_size, data_format)


@composite(shape=_adapted, dtype=promoted, checked=True)
def adaptive_max_pool(inputs: Tensor, output_size, data_format=None):
    """The largest elements of windows chosen as for `adaptive_average_pool`."""
    return _adaptive(ops.max, inputs, output_size, data_format)


# ------------------------------------------------------------------------------------------------ convolution


@op(shape=convolved, dtype=promoted)
def conv(inputs: Tensor, kernel: Tensor, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolution (cross-correlation) with 1, 2 or 3 spatial axes.

    Args:
        inputs: Tensor of shape (batch, *spatial, channels), or (batch, channels, *spatial) with "channels_first".
        kernel: Tensor of shape (*window, channels / groups, filters); its channels decide the number of groups.
        strides: Step from window to window: one for all spatial axes or one each.
        padding: "valid", or "same" for `ceil(size / stride)` windows with the excess put behind.
        data_format: "channels_last" or "channels_first"; None is the default layout.
        dilation_rate: Distance between the window's elements: one for all spatial axes or one each.
    """


def _by_channel(kernel):
    """A depthwise kernel's shape as that of the grouped convolution with one group per channel."""
    *window, channels, multiplier = kernel
    return (*window, 1, channels * multiplier)


def _own_channels(x, kernel, data_format):
    channels = spatial(x, data_format)[1]
    if None not in (channels, kernel[-2]) and channels != kernel[-2]:
        raise ValueError(f"the input channels must match the kernel: the input has {channels} (shape {x}), the kernel "
                         f"{kernel[-2]} (shape {kernel})")  # fmt: skip


def _depthwise(x, kernel, *, strides=1, padding="valid", data_format="channels_last", dilation_rate=1):
    _own_channels(x, kernel, data_format)
    return convolved(x, _by_channel(kernel), strides=strides, padding=padding, data_format=data_format,
                     dilation_rate=dilation_rate)  # fmt: skip


@composite(shape=_depthwise, dtype=promoted, checked=True)
def depthwise_conv(inputs: Tensor, kernel: Tensor, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolution of each channel by itself.

    Args:
        inputs: As for `conv`.
        kernel: Tensor of shape (*window, channels, multiplier); the result has channels * multiplier channels.
        strides, padding, data_format, dilation_rate: As for `conv`.
    """
    kernel = ops.reshape(kernel, _by_channel(kernel.shape))
    return conv(inputs, kernel, strides, padding, data_format, dilation_rate)


def _separable(x, depthwise, pointwise, *, strides=1, padding="valid", data_format="channels_last", dilation_rate=1):
    between = _depthwise(x, depthwise, strides=strides, padding=padding, data_format=data_format,
                         dilation_rate=dilation_rate)  # fmt: skip
    return convolved(between, pointwise, data_format=data_format)


@composite(shape=_separable, dtype=promoted)
def separable_conv(inputs: Tensor, depthwise_kernel: Tensor, pointwise_kernel: Tensor, strides=1, padding="valid",
                   data_format=None, dilation_rate=1):  # fmt: skip
    """A depthwise convolution followed by one with windows of a single element.

    Args:
        inputs: As for `conv`.
        depthwise_kernel: As for `depthwise_conv`.
        pointwise_kernel: Tensor of shape (*ones, channels * multiplier, filters).
        strides, padding, data_format, dilation_rate: As for `conv`; they concern the depthwise part.
    """
    between = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(between, pointwise_kernel, 1, "valid", data_format, 1)


def transposed_axis(window, stride, padding, output_padding=None, dilation=1):
    """(reach, crop, extra) of a transposed convolution along one axis.

    The full result of `n` elements has `(n - 1) * stride + reach` elements. The output begins `crop` elements into it
    and is `extra` elements longer (shorter where negative); what it lacks at the end is 0.
    """
    reach = dilation * (window - 1) + 1
    if padding == "same":
        extra = stride - reach if output_padding is None else reach % 2 + output_padding - reach
        return reach, max(-extra // 2, 0), extra
    return reach, 0, max(stride - reach, 0) if output_padding is None else output_padding


def transposed_axes(kernel, strides, padding, output_padding, dilation_rate):
    """(stride, reach, crop, extra) of each spatial axis; the kernel is given by its shape."""
    rank = len(kernel) - 2
    more = (None,) * rank if output_padding is None else per_axis(output_padding, rank)
    apart = steps(strides, rank, "strides"), steps(dilation_rate, rank, "dilation_rate")
    each = zip(kernel[:rank], apart[0], more, apart[1], strict=True)
    return [(s, *transposed_axis(k, s, padding, e, d)) for k, s, e, d in each]


def transposed(x, kernel, *, strides=1, padding="valid", output_padding=None, data_format="channels_last",
                dilation_rate=1):  # fmt: skip
    dims, channels = spatial(x, data_format)
    if len(kernel) != len(x):
        raise ValueError(f"an input of shape {x} needs a kernel of rank {len(x)}, got shape {kernel}")
    if None not in (channels, kernel[-1]) and channels != kernel[-1]:
        raise ValueError(f"the input channels must match the kernel: the input has {channels} (shape {x}), the kernel "
                         f"{kernel[-1]} (shape {kernel})")  # fmt: skip
    axes = transposed_axes(kernel, strides, padding, output_padding, dilation_rate)
    each = zip(dims, axes, strict=True)
    out = [None if n is None else (n - 1) * step + reach + extra for n, (step, reach, _, extra) in each]
    return unspatial(x[0], out, kernel[-2], data_format)


@op(shape=transposed, dtype=promoted)
def conv_transpose(inputs: Tensor, kernel: Tensor, strides=1, padding="valid", output_padding=None, data_format=None,
                   dilation_rate=1):  # fmt: skip
    """The transpose of a convolution, which leads from its output's shape back to its input's.

    Args:
        inputs: Tensor of shape (batch, *spatial, channels), or (batch, channels, *spatial) with "channels_first".
        kernel: Tensor of shape (*window, filters, channels).
        strides: Step between the windows in the result: one for all spatial axes or one each.
        padding: "valid", or "same" for a result of `size * stride` elements per axis.
        output_padding: Elements added to the end of each spatial axis of the result; None follows from `padding`.
        data_format: "channels_last" or "channels_first"; None is the default layout.
        dilation_rate: Distance between the window's elements: one for all spatial axes or one each.
    """


# ------------------------------------------------------------------------------------------------ blocks


def _blocks(x, block_size, data_format):
    if len(x) != 4:
        raise ValueError(f"a tensor of rank 4 is needed, got shape {x}")
    if block_size < 2:
        raise ValueError(f"`block_size` must be at least 2, got {block_size}")
    return spatial(x, data_format)


def _deepened(x, *, block_size, data_format):
    dims, channels = _blocks(x, block_size, data_format)
    if any(d is not None and d % block_size for d in dims):
        raise ValueError(f"the spatial sizes {dims} are no multiples of block_size {block_size}")
    out = [None if d is None else d // block_size for d in dims]
    return unspatial(x[0], out, None if channels is None else channels * block_size**2, data_format)


def _flattened(x, *, block_size, data_format):
    dims, channels = _blocks(x, block_size, data_format)
    if channels is not None and channels % block_size**2:
        raise ValueError(f"the {channels} channels are no multiple of block_size squared, {block_size**2}")
    out = [None if d is None else d * block_size for d in dims]
    return unspatial(x[0], out, None if channels is None else channels // block_size**2, data_format)


@composite(shape=_deepened, dtype=promoted, checked=True)
def space_to_depth(x: Tensor, block_size, data_format="channels_last"):
    """Moves squares of `block_size` by `block_size` positions into the channels."""
    n, b = ops.shape(x), block_size
    if data_format == "channels_last":
        x = ops.reshape(x, (n[0], n[1] // b, b, n[2] // b, b, n[3]))
        return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (n[0], n[1] // b, n[2] // b, n[3] * b * b))
    x = ops.reshape(x, (n[0], n[1], n[2] // b, b, n[3] // b, b))
    return ops.reshape(ops.transpose(x, (0, 1, 3, 5, 2, 4)), (n[0], n[1] * b * b, n[2] // b, n[3] // b))


@composite(shape=_flattened, dtype=promoted, checked=True)
def depth_to_space(x: Tensor, block_size, data_format="channels_last"):
    """Spreads channels over squares of `block_size` by `block_size` positions; the inverse of `space_to_depth`."""
    n, b = ops.shape(x), block_size
    if data_format == "channels_last":
        x = ops.reshape(x, (n[0], n[1], n[2], b, b, n[3] // (b * b)))
        return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (n[0], n[1] * b, n[2] * b, n[3] // (b * b)))
    x = ops.reshape(x, (n[0], n[1] // (b * b), b, b, n[2], n[3]))
    return ops.reshape(ops.transpose(x, (0, 1, 4, 2, 5, 3)), (n[0], n[1] // (b * b), n[2] * b, n[3] * b))


def _pair(value):
    return per_axis(value, 2)


def _patches(x, *, kernel_size, dilation=1, padding=0, stride=1):
    if len(x) != 4:
        raise ValueError(f"unfold needs a tensor of rank 4, got shape {x}")
    kernel_size, dilation, stride = steps(kernel_size, 2, "kernel_size"), steps(dilation, 2, "dilation"), steps(stride, 2, "stride")
    counts = [
        None if d is None else (d + 2 * p - r * (k - 1) - 1) // s + 1
        for d, k, r, p, s in zip(x[2:], *map(_pair, (kernel_size, dilation, padding, stride)), strict=True)
    ]
    rows = None if x[1] is None else x[1] * math.prod(_pair(kernel_size))
    return (x[0], rows, None if None in counts else math.prod(counts))


@composite(shape=_patches, dtype=promoted)
def unfold(x: Tensor, kernel_size, dilation=1, padding=0, stride=1):
    """The windows of an image as columns.

    Args:
        x: Tensor of shape (batch, channels, height, width).
        kernel_size: Size of the windows: one number, or height and width; so for all that follows.
        dilation: Distance between a window's elements.
        padding: Zeros added on every side.
        stride: Step from window to window.

    Returns:
        Tensor of shape (batch, channels * window, number of windows).
    """
    (kh, kw), (dh, dw), (ph, pw), (sh, sw) = map(_pair, (kernel_size, dilation, padding, stride))
    x = ops.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    n, c, h, w = ops.shape(x)
    rows, columns = (h - dh * (kh - 1) - 1) // sh + 1, (w - dw * (kw - 1) - 1) // sw + 1
    shifted = [
        x[:, :, i * dh : i * dh + (rows - 1) * sh + 1 : sh, j * dw : j * dw + (columns - 1) * sw + 1 : sw]
        for i in range(kh)
        for j in range(kw)
    ]
    return ops.reshape(ops.stack(shifted, axis=2), (n, c * kh * kw, rows * columns))


def _assembled(x, *, output_size, kernel_size, dilation=1, padding=0, stride=1):
    if len(x) != 3:
        raise ValueError(f"a 3D tensor of shape (batch, channels * window, windows) is needed, got shape {x}")
    size, window = _pair(output_size), math.prod(_pair(kernel_size))
    if x[1] is not None and x[1] % window:
        raise ValueError(f"the second dimension of shape {x} must be a multiple of the {window} elements of a window")
    channels = None if x[1] is None else x[1] // window
    count = _patches((x[0], channels, *size), kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride)[-1]
    if x[2] not in (count, None):
        raise ValueError(f"an image of size {size} has {count} such windows, the tensor of shape {x} has {x[2]}")
    return (x[0], channels, *size)


@composite(shape=_assembled, dtype=floating, checked=True)
def fold(x: Tensor, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Images whose windows are given as columns; where windows overlap, their elements are added. See `unfold`.

    Args:
        x: Tensor of shape (batch, channels * window, number of windows).
        output_size: Height and width of the images: one number or two; so for all that follows.
        kernel_size: Size of the windows.
        dilation: Distance between a window's elements.
        padding: Zeros that were added on every side, and are cut off.
        stride: Step from window to window.

    Returns:
        Tensor of shape (batch, channels, height, width).
    """
    size, window, dilation, pads, stride = map(_pair, (output_size, kernel_size, dilation, padding, stride))
    whole = [n + 2 * p for n, p in zip(size, pads, strict=True)]
    counts = [window_length(*one[:3], "valid", one[3]) for one in zip(whole, window, stride, dilation, strict=True)]
    area, channels = math.prod(window), x.shape[1] // math.prod(window)
    # Each position of the window puts its channel into an image of its own, shifted; a transposed convolution adds them up.
    columns = ops.transpose(ops.reshape(x, (-1, area, *counts)), (0, 2, 3, 1))
    out = ops.conv_transpose(columns, ops.reshape(ops.eye(area, dtype=x.dtype), (*window, 1, area)), stride, "valid",
                             output_padding=0, data_format="channels_last", dilation_rate=dilation)  # fmt: skip
    missing = [n - d for n, d in zip(whole, out.shape[1:3], strict=True)]
    out = ops.pad(out, ((0, 0), (0, missing[0]), (0, missing[1]), (0, 0)))
    out = out[:, pads[0] : pads[0] + size[0], pads[1] : pads[1] + size[1]]
    return ops.reshape(out, (-1, channels, *size))
