"""Records of convolutions, pooling and the rearranging of windows."""

from itertools import product

import numpy as np

from compat_tests.cases.op_case import FLOATS, Case, normal

SIZES = (7, 6, 5)
LOOSE = (2e-5, 2e-5)


def data(rank, layout="channels_last", channels=4, batch=2):
    dims = SIZES[:rank]
    return normal(batch, *dims, channels) if layout == "channels_last" else normal(batch, channels, *dims)


def mean_of_what_is_there(inputs, pool_size, strides=None, padding="same", data_format=None):
    """Average pooling with "same" padding that does not count; the reference repeats edges on torch."""
    strides = strides or pool_size
    for axis in range(1, inputs.ndim - 1):
        n = inputs.shape[axis]
        count = -(-n // strides)
        before = max((count - 1) * strides + pool_size - n, 0) // 2
        starts = [i * strides - before for i in range(count)]
        parts = [inputs.take(range(max(s, 0), min(s + pool_size, n)), axis).mean(axis, keepdims=True) for s in starts]
        inputs = np.concatenate(parts, axis)
    return inputs


def transposed_kernel(rank, size, out=3, channels=4):
    return normal(*(size,) * rank, out, channels)


def convolutions(rank, layout, size, padding, strides, dilation):
    """Every kind of convolution with windows of one size."""
    how = {"strides": strides, "padding": padding, "data_format": layout, "dilation_rate": dilation}
    x, window, note = data(rank, layout), (size,) * rank, f"{rank}d,{size}"
    kernels = {
        "conv": [normal(*window, 4, 6)],
        "depthwise_conv": [normal(*window, 4, 2)],
        "conv_transpose": [transposed_kernel(rank, size)],
        "separable_conv": [normal(*window, 4, 2), normal(*(1,) * rank, 8, 3)],
    }
    grouped = Case("conv", (x, normal(*window, 2, 6)), how, LOOSE, note=note + ",groups", unknown=False)
    return [grouped] + [
        Case(op, (x, *kernel), how, LOOSE, note=note, unknown=False)
        for op, kernel in kernels.items()
        if op != "separable_conv" or rank < 3
    ]


CASES = []
for rank, layout, padding in product((1, 2, 3), ("channels_last", "channels_first"), ("valid", "same")):
    last = layout == "channels_last"
    CASES += convolutions(rank, layout, 3, padding, 1, 1 if last else 2)
    CASES += convolutions(rank, layout, 2, padding, 2, 2 if last else 1)
    x, note = data(rank, layout), f"{rank}d"
    for size, strides in ((2, None), (3, 2)) if last else ((2, 1), (2, 3)):
        how = {"pool_size": size, "strides": strides, "padding": padding, "data_format": layout}
        CASES.append(Case("max_pool", (x,), how, note=note))
        if padding == "valid":
            CASES.append(Case("average_pool", (x,), how, LOOSE, note=note))
    for size, strides, extra in ((3, 2, 0), (2, 3, 2)) if last else ((3, 2, 1), (1, 2, 1)):
        how = {"strides": strides, "padding": padding, "output_padding": extra, "data_format": layout}
        kernel = transposed_kernel(rank, size)
        CASES.append(Case("conv_transpose", (x, kernel), how, LOOSE, note=f"{note},{size}", unknown=False))
for rank, layout in product((1, 2, 3), ("channels_last", "channels_first")):
    how = {"output_size": (3, 2, 4)[:rank] if rank > 1 else 3, "data_format": layout}
    for op in ("adaptive_average_pool", "adaptive_max_pool"):
        CASES.append(Case(op, (data(rank, layout),), how, LOOSE, note=f"{rank}d"))
for rank, strides in product((1, 2, 3), (1, 2, 3)):
    how = {"pool_size": 2, "strides": strides, "padding": "same"}
    CASES.append(Case("average_pool", (data(rank),), how, LOOSE, expected=mean_of_what_is_there, note=f"{rank}d"))

SMALL = normal(2, 4, 3, 2)


def convolution(op, x, *kernels, note="gradient", **kwargs):
    return Case(op, (x, *kernels), kwargs, LOOSE, gradient="gradient" in note, note=note, unknown=False)


CASES += [
    convolution("conv", SMALL, normal(2, 2, 2, 3), padding="same"),
    convolution("conv", SMALL, normal(2, 2, 1, 2), strides=2, note="gradient,groups"),
    convolution("conv", data(2), normal(3, 2, 4, 3), strides=(2, 1), padding="SAME", note="uneven"),
    convolution("depthwise_conv", SMALL, normal(2, 2, 2, 2), padding="same"),
    convolution("conv_transpose", normal(1, 3, 2, 2), normal(2, 2, 2, 2), strides=2, padding="same"),
    convolution("separable_conv", SMALL, normal(2, 2, 2, 1), normal(1, 1, 2, 2)),
    Case("conv", (SMALL, normal(1, 1, 2, 3)), {}, LOOSE, dtypes=FLOATS, unknown=False, note="dtypes"),
    Case("conv_transpose", (SMALL, normal(1, 1, 3, 2)), {}, LOOSE, dtypes=FLOATS, unknown=False, note="dtypes"),
    Case("max_pool", (SMALL,), {"pool_size": 2, "strides": 1, "padding": "same"}, gradient=True, note="gradient"),
    Case("max_pool", (data(2),), {"pool_size": (2, 3), "strides": (3, 1)}, note="uneven"),
    Case("average_pool", (SMALL,), {"pool_size": 2, "strides": 1}, gradient=True, dtypes=FLOATS, note="gradient"),
    Case("adaptive_average_pool", (SMALL,), {"output_size": (3, 2)}, gradient=True, note="gradient"),
    *(
        Case(op, (x,), {"block_size": 2, "data_format": layout}, gradient=True)
        for op in ("space_to_depth", "depth_to_space")
        for layout, x in (("channels_last", normal(2, 2, 4, 8)), ("channels_first", normal(2, 8, 2, 4)))
    ),
]  # fmt: skip


def columns(x, kernel_size, dilation=1, padding=0, stride=1):
    """`unfold` by its definition."""
    pairs = [(v, v) if isinstance(v, int) else v for v in (kernel_size, dilation, padding, stride)]
    (kh, kw), (dh, dw), (ph, pw), (sh, sw) = pairs
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    rows = range(0, x.shape[2] - dh * (kh - 1), sh)
    windows = [
        x[:, :, i : i + dh * (kh - 1) + 1 : dh, j : j + dw * (kw - 1) + 1 : dw].reshape(len(x), -1)
        for i in rows
        for j in range(0, x.shape[3] - dw * (kw - 1), sw)
    ]
    return np.stack(windows, -1)


IMAGE = normal(2, 3, 5, 4)
CASES += [
    Case("unfold", (IMAGE,), {"kernel_size": 3}, expected=columns, gradient=True),
    Case("unfold", (IMAGE,), {"kernel_size": (2, 3), "padding": (1, 0), "stride": (2, 1)}, expected=columns),
    Case("unfold", (IMAGE,), {"kernel_size": 2, "dilation": 2, "padding": 1, "stride": 2}, expected=columns),
]


def assembled(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """`fold` by its definition: the transpose of `unfold`."""
    height, width = output_size
    out = np.zeros((len(x), x.shape[1] // kernel_size**2, height + 2 * padding, width + 2 * padding))
    rows, columns_ = ((n - dilation * (kernel_size - 1) - 1) // stride + 1 for n in out.shape[2:])
    x = x.reshape(*out.shape[:2], kernel_size, kernel_size, rows, columns_)
    for i, j, row, column in np.ndindex(x.shape[2:]):
        out[:, :, row * stride + i * dilation, column * stride + j * dilation] += x[:, :, i, j, row, column]
    return out[:, :, padding : padding + height, padding : padding + width]


CASES += [
    Case("fold", (normal(2, 8, 12),), {"output_size": (4, 5), "kernel_size": 2}, expected=assembled, gradient=True),
    Case("fold", (normal(2, 8, 4),), {"output_size": (5, 4), "kernel_size": 2, "stride": 2}, expected=assembled),
    Case("fold", (normal(2, 8, 12),), {"output_size": (4, 3), "kernel_size": 2, "dilation": 2, "padding": 1}, expected=assembled),
]
