"""What numpy does for each primitive op; composites run by their bodies."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from kerastorch import dtypes, ops
from kerastorch.ops import control, elementwise
from kerastorch.ops.control import run_steps
from kerastorch.shapes import per_axis
from kerastorch.variable import numpy_dtype
from toy_backend.tensors import Tensor, tensor

# Those that numpy calls by the same name, and takes with the same arguments in the same order.
SAME = """
    abs add arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh bitwise_and bitwise_not
    bitwise_or bitwise_xor broadcast_to ceil clip copy cos cosh divide equal exp expand_dims expm1 floor flip floor_divide
    fmod greater greater_equal isfinite isinf isnan less less_equal log log1p logical_and logical_not logical_or
    logical_xor matmul maximum minimum mod multiply negative not_equal power reciprocal repeat reshape sign sin sinh
    size sqrt square squeeze subtract take take_along_axis tan tanh tile transpose trunc
"""
REDUCTIONS = "all any argmax argmin max mean min prod sum var"


def as_tensors(function: Callable) -> Callable:
    """The function with plain arrays for its operands and Tensors for its results."""

    def call(*args: Any) -> Any:
        out = function(*(np.asarray(a) if isinstance(a, Tensor) else a for a in args))
        return [tensor(x) for x in out] if isinstance(out, list) else tensor(out)

    return call


def reduction(function: Callable) -> Callable:
    return lambda x, axis=None, keepdims=False, *_: function(
        x, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims
    )


def of_dtype(dtype: Any) -> Any:
    return numpy_dtype(dtypes.standardize(dtype))


def unstack(x: Any) -> list:
    return [tensor(row) for row in x]


def scan(operands, body, n_carry, n_xs, length, reverse, unroll):
    return run_steps(operands, body, n_carry, n_xs, length, reverse, unstack, lambda ys: tensor(np.stack(ys)))


def cond(pred, operands, true_body, false_body):
    return (true_body if pred else false_body)(*operands)


def split(x, indices_or_sections, axis=0):
    return list(np.split(x, indices_or_sections, axis))


def concatenate(xs, axis=0):
    return np.concatenate([np.asarray(x) for x in xs], axis)


def stack(xs, axis=0):
    return np.stack([np.asarray(x) for x in xs], axis)


# ------------------------------------------------------------------------------------------------ windows


def padded(x: Any, size: tuple, strides: tuple, padding: str, fill: float) -> Any:
    """Data with its channels last, with what "same" asks for around the axes between the first and the last."""
    if padding == "valid":
        return x
    extra = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(x.shape[1:-1], size, strides, strict=True)]
    pairs = [(0, 0), *((e // 2, e - e // 2) for e in extra), (0, 0)]
    return np.pad(x, pairs, constant_values=fill)


def windows(x: Any, size: tuple, strides: tuple, dilation: tuple) -> Any:
    """The windows over data with its channels last: (batch, *places, channels, *size)."""
    reach = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    found = sliding_window_view(x, reach, axis=tuple(range(1, x.ndim - 1)))
    places, inside = (tuple(slice(None, None, n) for n in steps) for steps in (strides, dilation))
    return found[(slice(None), *places, slice(None), *inside)]


def conv(x, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    if data_format == "channels_first":
        raise NotImplementedError("the toy backend convolves with channels last only")
    rank = x.ndim - 2
    strides, dilation = per_axis(strides, rank), per_axis(dilation_rate, rank)
    size = kernel.shape[:rank]
    reach = tuple((k - 1) * d + 1 for k, d in zip(size, dilation, strict=True))
    found = windows(padded(x, reach, strides, padding, 0.0), size, strides, dilation)
    inside = (*range(rank + 2, 2 * rank + 2), rank + 1)
    return np.tensordot(found, kernel, axes=(inside, tuple(range(rank + 1))))


def pool(function, fill):
    def call(x, pool_size, strides=None, padding="valid", data_format=None):
        rank = x.ndim - 2
        size = per_axis(pool_size, rank)
        strides = size if strides is None else per_axis(strides, rank)
        found = windows(padded(x, size, strides, padding, fill), size, strides, (1,) * rank)
        return function(found, axis=tuple(range(rank + 2, 2 * rank + 2)))

    return call


PLAIN = {
    **{getattr(ops, name): getattr(np, name) for name in SAME.split()},
    **{getattr(ops, name): reduction(getattr(np, name)) for name in REDUCTIONS.split()},
    ops.average_pool: pool(np.nanmean, np.nan),
    ops.cast: lambda x, dtype: x.astype(of_dtype(dtype)),
    ops.concatenate: concatenate,
    ops.constant: lambda x, dtype=None: x,
    ops.conv: conv,
    ops.full: lambda shape, value, dtype=None: np.full(shape, value, of_dtype(dtype)),
    ops.get_item: lambda x, key: x[key],
    ops.max_pool: pool(np.max, -np.inf),
    ops.ones: lambda shape, dtype=None: np.ones(shape, of_dtype(dtype)),
    ops.ones_like: lambda x, dtype=None: np.ones_like(x),
    ops.relu: lambda x: np.maximum(x, 0),
    ops.rsqrt: lambda x: 1 / np.sqrt(x),
    ops.sigmoid: lambda x: 1 / (1 + np.exp(-x)),
    ops.split: split,
    ops.stack: stack,
    ops.stop_gradient: lambda x: x,
    ops.zeros: lambda shape, dtype=None: np.zeros(shape, of_dtype(dtype)),
    elementwise.where_: np.where,
    ops.zeros_like: lambda x, dtype=None: np.zeros_like(x),
}
TABLE = {op: as_tensors(function) for op, function in PLAIN.items()} | {
    control.scan_: scan,
    control.cond_: cond,
    ops.size_of: lambda x, axis: x.shape[axis],
    ops.size_arithmetic: lambda function, a, b: function(a, b),
    ops.unstack: lambda x, num=None, axis=0: unstack(np.moveaxis(np.asarray(x), axis, 0)),
}
