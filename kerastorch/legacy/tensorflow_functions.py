"""TensorFlow's functions over ops, where no op has the same arguments and defaults; here they are TensorFlow's."""

from collections.abc import Callable
from typing import Any

from kerastorch import ops
from kerastorch.graph import KerasTensor


def argmax(input, axis=None, output_type="int64"):  # noqa: A002
    return ops.cast(ops.argmax(input, 0 if axis is None else axis), output_type)


def argmin(input, axis=None, output_type="int64"):  # noqa: A002
    return ops.cast(ops.argmin(input, 0 if axis is None else axis), output_type)


def cumsum(x, axis=0):
    return ops.cumsum(x, axis)


def cumprod(x, axis=0):
    return ops.cumprod(x, axis)


def gelu(features, approximate=False):
    return ops.gelu(features, approximate)


def silu(features, beta=1.0):
    return ops.multiply(features, ops.sigmoid(ops.multiply(features, beta)))


def l2_normalize(x, axis=None, epsilon=1e-12):
    squares = ops.sum(ops.square(x), axis, keepdims=True)
    return ops.multiply(x, ops.rsqrt(ops.maximum(squares, epsilon)))


def matmul(a, b, transpose_a=False, transpose_b=False):
    a, b = (ops.swapaxes(x, -1, -2) if swapped else x for x, swapped in ((a, transpose_a), (b, transpose_b)))
    return ops.matmul(a, b)


def split(value, num_or_size_splits, axis=0):
    if isinstance(num_or_size_splits, int):
        return ops.split(value, num_or_size_splits, axis)
    ends = [sum(num_or_size_splits[: i + 1]) for i in range(len(num_or_size_splits) - 1)]
    return ops.split(value, ends, axis)


def unstack(value, num=None, axis=0):
    return ops.unstack(value, num, axis)


def pad(tensor, paddings, mode="CONSTANT", constant_values=0):
    return ops.pad(tensor, paddings, mode.lower(), **{"constant_values": constant_values} if mode.upper() == "CONSTANT" else {})


def gather(params, indices, axis=0):
    return ops.take(params, indices, axis)


def embedding_lookup(params, ids):
    return ops.take(params, ids, 0)


def shape(input):  # noqa: A002
    sizes = ops.shape(input)  # sizes that are open are found out when the graph runs, as `tf.shape` does
    return tuple(ops.size_of(input, i) if n is None else n for i, n in enumerate(sizes))


def identity(input):  # noqa: A002
    return input


def convert_to_tensor(value, dtype=None):
    return ops.convert_to_tensor(value, dtype)


def squared_difference(x, y):
    return ops.square(ops.subtract(x, y))


def add_n(inputs):
    total, *rest = [inputs] if isinstance(inputs, KerasTensor) else inputs
    for x in rest:
        total = ops.add(total, x)
    return total


def bias_add(value, bias):
    return ops.add(value, bias)


def resize(images, size, method="bilinear", antialias=False):
    return ops.image.resize(images, size, interpolation=method, antialias=antialias, data_format="channels_last")


def getitem(tensor, slice_spec):
    return tensor[tuple(slice_spec) if isinstance(slice_spec, list) else slice_spec]  # in files, tuples are lists


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "__operators__.getitem": getitem,
    "math.argmax": argmax, "math.argmin": argmin, "math.cumsum": cumsum, "math.cumprod": cumprod, "nn.gelu": gelu, "nn.silu": silu,
    "math.l2_normalize": l2_normalize, "linalg.matmul": matmul, "split": split, "unstack": unstack, "pad": pad, "gather": gather,
    "compat.v1.gather": gather, "compat.v1.pad": pad, "nn.embedding_lookup": embedding_lookup, "shape": shape,
    "compat.v1.shape": shape, "identity": identity, "convert_to_tensor": convert_to_tensor,
    "math.squared_difference": squared_difference, "math.add_n": add_n, "nn.bias_add": bias_add, "image.resize": resize,
}  # fmt: skip
"""By the names below `tf`."""
