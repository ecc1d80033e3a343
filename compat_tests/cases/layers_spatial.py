"""Cases of the layers with spatial axes: convolutions, pooling, padding, cropping and upsampling."""

import numpy as np

from compat_tests.cases.layer_case import Case, Data

LINE, IMAGE, VOLUME = (2, 7, 4), (2, 7, 6, 4), (2, 5, 6, 4, 2)
FIRST = {"data_format": "channels_first"}


def means(x, pool, strides):
    """Average pooling with "same" padding, which does not count; the reference repeats the border on torch."""
    counts = [-(-d // s) for d, s in zip(x.shape[1:-1], strides, strict=True)]
    out = np.zeros((x.shape[0], *counts, x.shape[-1]), x.dtype)
    for at in np.ndindex(*counts):
        window = []
        for i, d, p, s, n in zip(at, x.shape[1:-1], pool, strides, counts, strict=True):
            start = i * s - max((n - 1) * s + p - d, 0) // 2
            window.append(slice(max(start, 0), min(start + p, d)))
        out[:, *at] = x[:, *window].mean(axis=tuple(range(1, x.ndim - 1)))
    return out


CASES = [
    Case("Conv1D", LINE, {"filters": 3, "kernel_size": 3}, unknown=(1,)),
    Case("Conv1D", LINE, {"filters": 3, "kernel_size": 2, "strides": 2, "padding": "same", "activation": "relu"}),
    Case("Conv1D", LINE, {"filters": 3, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}),
    Case("Conv1D", (2, 4, 7), {"filters": 4, "kernel_size": 3, "padding": "causal", "groups": 2, **FIRST}),
    Case("Conv2D", IMAGE, {"filters": 3, "kernel_size": 3}, unknown=(1, 2)),
    Case("Conv2D", IMAGE, {"filters": 3, "kernel_size": (3, 2), "padding": "same", "activation": "relu"}),
    Case(
        "Conv2D", IMAGE, {"filters": 3, "kernel_size": (2, 3), "strides": (2, 1), "padding": "same", "use_bias": False}
    ),
    Case("Conv2D", IMAGE, {"filters": 3, "kernel_size": 4, "strides": 3, "padding": "same"}),
    Case("Conv2D", IMAGE, {"filters": 2, "kernel_size": 2, "dilation_rate": (2, 3), "padding": "same"}),
    Case("Conv2D", IMAGE, {"filters": 6, "kernel_size": 3, "groups": 2, "strides": 2, "kernel_regularizer": "l2"}),
    Case("Conv2D", (2, 4, 7, 6), {"filters": 3, "kernel_size": 3, "padding": "same", "strides": 2, **FIRST}),
    Case("Conv3D", VOLUME, {"filters": 3, "kernel_size": 2}),
    Case("Conv3D", VOLUME, {"filters": 2, "kernel_size": (3, 2, 1), "padding": "same", "strides": (2, 1, 2)}),
    Case("Conv1DTranspose", LINE, {"filters": 3, "kernel_size": 3, "strides": 2}, unknown=(1,)),
    Case("Conv1DTranspose", LINE, {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}),
    Case("Conv2DTranspose", IMAGE, {"filters": 3, "kernel_size": 3}),
    Case(
        "Conv2DTranspose",
        IMAGE,
        {"filters": 3, "kernel_size": (3, 2), "strides": 2, "padding": "same", "activation": "relu"},
    ),
    Case(
        "Conv2DTranspose",
        IMAGE,
        {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "valid", "output_padding": 1},
    ),
    Case("Conv2DTranspose", (2, 4, 7, 6), {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same", **FIRST}),
    Case("Conv3DTranspose", VOLUME, {"filters": 2, "kernel_size": 2, "strides": 2}),
    Case("DepthwiseConv1D", LINE, {"kernel_size": 3, "depth_multiplier": 2}),
    Case("DepthwiseConv2D", IMAGE, {"kernel_size": 3}, unknown=(1, 2)),
    Case(
        "DepthwiseConv2D",
        IMAGE,
        {"kernel_size": 3, "strides": 2, "padding": "same", "depth_multiplier": 2, "activation": "relu"},
    ),
    Case(
        "DepthwiseConv2D", (2, 4, 7, 6), {"kernel_size": 3, "padding": "same", "depthwise_regularizer": "l2", **FIRST}
    ),
    Case("SeparableConv1D", LINE, {"filters": 3, "kernel_size": 3}),
    Case("SeparableConv2D", IMAGE, {"filters": 3, "kernel_size": 3, "depth_multiplier": 2, "padding": "same"}),
    Case("SeparableConv2D", (2, 4, 7, 6), {"filters": 3, "kernel_size": 3, "strides": 2, **FIRST}),
    Case("MaxPooling1D", LINE),
    Case("MaxPooling1D", LINE, {"pool_size": 3, "strides": 2, "padding": "same"}, unknown=(1,)),
    Case("MaxPooling2D", IMAGE, unknown=(1, 2)),
    Case("MaxPooling2D", IMAGE, {"pool_size": (3, 2), "strides": (2, 1), "padding": "same"}),
    Case("MaxPooling2D", (2, 4, 7, 6), {"pool_size": 2, "strides": 1, **FIRST}),
    Case("MaxPooling3D", VOLUME),
    Case("AveragePooling1D", LINE, {"pool_size": 2}),
    Case("AveragePooling1D", LINE, {"pool_size": 3, "strides": 2, "padding": "same"}, unknown=(1,)),
    Case("AveragePooling2D", IMAGE, {"pool_size": 2}, unknown=(1, 2)),
    Case(
        "AveragePooling2D",
        IMAGE,
        {"pool_size": (3, 2), "strides": (2, 1), "padding": "same"},
        expected=lambda x: means(x, (3, 2), (2, 1)),
    ),  # fmt: skip
    Case("AveragePooling2D", (2, 4, 7, 6), {"pool_size": 2, "strides": 1, **FIRST}),
    Case("AveragePooling3D", VOLUME, {"pool_size": 2}),
    Case(
        "AveragePooling3D",
        VOLUME,
        {"pool_size": (2, 1, 3), "padding": "same"},
        expected=lambda x: means(x, (2, 1, 3), (2, 1, 3)),
    ),  # fmt: skip
    *(
        Case(f"Global{kind}Pooling{rank}D", (2, *(3, 4, 5)[:rank], 2), kwargs, unknown=unknown)
        for kind in ("Max", "Average")
        for rank in (1, 2, 3)
        for kwargs, unknown in (({}, (1,)), ({"keepdims": True}, ()), (FIRST, ()))
    ),  # fmt: skip
    Case("GlobalAveragePooling1D", (3, 4, 5), mask=(3, 4)),
    Case("GlobalAveragePooling1D", (3, 5, 4), {"keepdims": True, **FIRST}, mask=(3, 4)),
    *(
        Case(f"Adaptive{kind}Pooling{rank}D", (2, *(7, 6, 5)[:rank], 2), {"output_size": 3})
        for kind in ("Max", "Average")
        for rank in (1, 2, 3)
    ),  # fmt: skip
    Case("AdaptiveAveragePooling2D", (2, 4, 7, 6), {"output_size": (3, 2), **FIRST}),
    Case("ZeroPadding1D", LINE, unknown=(1,)),
    Case("ZeroPadding1D", LINE, {"padding": (0, 2), **FIRST}),
    Case("ZeroPadding2D", IMAGE, {"padding": 2}),
    Case("ZeroPadding2D", IMAGE, {"padding": ((1, 0), (2, 3)), **FIRST}, unknown=(2, 3)),
    Case("ZeroPadding2D", IMAGE, {"padding": (1, 2)}),
    Case("ZeroPadding3D", VOLUME, {"padding": ((1, 0), (2, 3), (0, 0))}),
    Case("Cropping1D", LINE, unknown=(1,)),
    Case("Cropping1D", LINE, {"cropping": (2, 0)}),
    Case("Cropping2D", IMAGE, {"cropping": 1}),
    Case("Cropping2D", IMAGE, {"cropping": ((0, 2), (1, 0)), **FIRST}, unknown=(3,)),
    Case("Cropping3D", VOLUME),
    Case("UpSampling1D", LINE, {"size": 3}, unknown=(1,)),
    Case("UpSampling2D", IMAGE, unknown=(1,)),
    Case("UpSampling2D", IMAGE, {"size": (3, 1), **FIRST}),
    Case("UpSampling3D", VOLUME, {"size": (1, 2, 3)}),
    Case("Flatten", IMAGE),
    Case("Flatten", IMAGE, FIRST),
    Case("Flatten", Data((4,)), note="no-axes"),
    Case("Flatten", LINE, unknown=(1,), note="unknown"),
    Case("Flatten", LINE, {}, mask=(2, 7)),
    Case("Reshape", (3, 4, 6), {"target_shape": (2, -1)}),
    Case("Reshape", (3, 4, 6), {"target_shape": (-1, 3)}, unknown=(1,)),
    Case("Reshape", (3, 4, 6), {"target_shape": (24,)}),
    Case("Permute", (3, 4, 6), {"dims": (2, 1)}, unknown=(1,)),
    Case("Permute", IMAGE, {"dims": (3, 1, 2)}),
    Case("RepeatVector", (3, 5), {"n": 4}),
]
