"""Convolutions and pooling by TensorFlow, whose kernels on the host put channels last; other data is transposed."""

import tensorflow as tf

from kerastorch import ops
from kerastorch.ops import window
from kerastorch.shapes import per_axis, pooled

LAYOUT = {1: "NWC", 2: "NHWC", 3: "NDHWC"}


def channels_last(x, data_format):
    """The data as (batch, ..., channels)."""
    return x if data_format == "channels_last" else tf.transpose(x, (0, *range(2, x.shape.rank), 1))


def as_given(x, data_format):
    """The inverse of `channels_last`."""
    return x if data_format == "channels_last" else tf.transpose(x, (0, x.shape.rank - 1, *range(1, x.shape.rank - 1)))


def pool(function, inputs, pool_size, strides, padding, data_format):
    # TensorFlow's own kernels end the process where a window does not fit.
    pooled(tuple(inputs.shape), pool_size=pool_size, strides=strides, padding=padding, data_format=data_format)
    x, rank = channels_last(inputs, data_format), inputs.shape.rank - 2
    size = per_axis(pool_size, rank)
    strides = size if strides is None else per_axis(strides, rank)
    return as_given(function(x, size, strides, padding.upper(), LAYOUT[rank]), data_format)


def max_pool(inputs, pool_size, strides, padding, data_format):
    return pool(tf.nn.max_pool, inputs, pool_size, strides, padding, data_format)


def average_pool(inputs, pool_size, strides, padding, data_format):
    return pool(tf.nn.avg_pool, inputs, pool_size, strides, padding, data_format)


def spaced(kernel, dilation):
    """A kernel with zeros between its elements, which convolves as the kernel itself with that dilation."""
    for axis, d in enumerate(dilation):
        if d > 1:
            n, sizes = kernel.shape[axis], kernel.shape.as_list()
            pads = [[0, d - 1] if i == axis + 1 else [0, 0] for i in range(len(sizes) + 1)]
            kernel = tf.pad(tf.expand_dims(kernel, axis + 1), pads)
            kernel = tf.reshape(kernel, (*sizes[:axis], n * d, *sizes[axis + 1 :]))
            kernel = kernel[(slice(None),) * axis + (slice((n - 1) * d + 1),)]
    return kernel


def conv(inputs, kernel, strides, padding, data_format, dilation_rate):
    x, rank = channels_last(inputs, data_format), inputs.shape.rank - 2
    *size, depth, filters = kernel.shape
    strides, dilation, channels = per_axis(strides, rank), per_axis(dilation_rate, rank), x.shape[-1]
    if depth == 1 < channels and fits_depthwise(strides):
        kernel = tf.reshape(kernel, (*size, channels, filters // channels))
        return depthwise_conv(inputs, kernel, strides, padding, data_format, dilation)
    if max(strides) > 1 and max(dilation) > 1:
        kernel, dilation = spaced(kernel, dilation), (1,) * rank
    # One convolution per group: the host's kernels know groups in some dtypes only, and gradients of them in fewer.
    groups = channels // depth
    parts = zip(tf.split(x, groups, -1), tf.split(kernel, groups, -1), strict=True) if groups > 1 else [(x, kernel)]
    layout = {1: "NWC", 2: "NHWC", 3: "NDHWC"}.get(rank)  # left open, it makes the gradient fail for three axes
    made = [tf.nn.convolution(a, b, strides, padding.upper(), layout, dilation) for a, b in parts]
    return as_given(made[0] if groups == 1 else tf.concat(made, -1), data_format)


def fits_depthwise(strides):
    """Whether TensorFlow's depthwise convolution takes these steps: for at most two axes, and the same on both."""
    return len(strides) < 3 and len(set(strides)) == 1


def depthwise_conv(inputs, kernel, strides, padding, data_format, dilation_rate):
    x, rank = channels_last(inputs, data_format), inputs.shape.rank - 2
    strides, dilation = per_axis(strides, rank), per_axis(dilation_rate, rank)
    if not fits_depthwise(strides):
        return window.depthwise_conv.op.body(inputs, kernel, strides, padding, data_format, dilation_rate)
    if max(strides) > 1 and max(dilation) > 1:
        kernel, dilation = spaced(kernel, dilation), (1,) * rank
    if rank == 1:
        x, kernel, dilation = tf.expand_dims(x, 1), tf.expand_dims(kernel, 0), (1, *dilation)
    step = (1, strides[0], strides[0], 1)
    y = tf.nn.depthwise_conv2d(x, kernel, step, padding.upper(), dilations=dilation)
    return as_given(tf.squeeze(y, 1) if rank == 1 else y, data_format)


def conv_transpose(inputs, kernel, strides, padding, output_padding, data_format, dilation_rate):
    x, rank = channels_last(inputs, data_format), inputs.shape.rank - 2
    axes = window.transposed_axes(kernel.shape.as_list(), strides, padding, output_padding, dilation_rate)
    dynamic = tf.shape(x)
    sizes = [dynamic[i + 1] if n is None else n for i, n in enumerate(x.shape[1:-1])]
    full = [(n - 1) * stride + reach for n, (stride, reach, _, _) in zip(sizes, axes, strict=True)]
    kernel = spaced(kernel, per_axis(dilation_rate, rank))
    y = tf.nn.conv_transpose(x, kernel, (dynamic[0], *full, kernel.shape[-2]), [a[0] for a in axes], "VALID")
    each = list(zip(full, axes, strict=True))
    y = y[(slice(None), *(slice(crop, crop + n + extra) for n, (_, _, crop, extra) in each))]
    behind = [max(crop + extra, 0) for _, _, crop, extra in axes]
    if any(behind):
        y = tf.pad(y, [[0, 0], *([0, b] for b in behind), [0, 0]])
    known = (n + extra if isinstance(n, int) else None for n, (_, _, _, extra) in each)
    return as_given(tf.ensure_shape(y, (x.shape[0], *known, kernel.shape[-2])), data_format)


TABLE = {
    ops.max_pool: max_pool,
    ops.average_pool: average_pool,
    ops.conv: conv,
    ops.depthwise_conv: depthwise_conv,
    ops.conv_transpose: conv_transpose,
}
AS_FLOATS = dict.fromkeys(("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"), "float64")
WIDER = {
    **dict.fromkeys((ops.conv, ops.depthwise_conv, ops.conv_transpose), AS_FLOATS),
    ops.max_pool: {"bool": "uint8", "uint32": "int64", "uint64": "int64"},
}
