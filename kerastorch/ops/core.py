"""What is asked of single tensors: conversion, dtype, shape, and gradients held back."""

from typing import Any

from kerastorch import backend_registry, dtypes, scope
from kerastorch.errors import OpError
from kerastorch.graph import KerasTensor
from kerastorch.op import Tensor, composite, dtype_of, op, operand, shape_of
from kerastorch.ops import elementwise, logic
from kerastorch.shapes import scalar, unary
from kerastorch.sparsity import kept
from kerastorch.variable import Variable

# ------------------------------------------------------------------------------------------------ conversion


def _given_dtype(x, *, dtype):
    return None, dtypes.standardize(dtype)


@op(shape=unary, dtype=_given_dtype, sparse=kept)
def cast(x: Tensor, dtype):
    """The operand in another dtype."""


@composite(shape=unary, dtype=_given_dtype)
def saturate_cast(x: Tensor, dtype):
    """The operand in another dtype, held between the least and the largest number of that dtype."""
    out = cast(x, dtype)
    (low, high), (have_low, have_high) = (
        dtypes.limits(dtypes.standardize(dtype)),
        dtypes.limits(dtypes.concrete(dtype_of(x))),
    )
    if have_high > high:
        out = elementwise.where(logic.greater_equal(x, high), high, out)
    return elementwise.where(logic.less_equal(x, low), low, out) if have_low < low else out


def convert_to_tensor(x, dtype=None, sparse=None, ragged=None):
    """A number, nest, array, Variable or tensor as a tensor.

    Args:
        x: What is converted. A KerasTensor stays one; a tensor stays with its framework.
        dtype: Dtype of the result; None keeps the operand's, or infers one for Python numbers.
        sparse, ragged: False makes a sparse or ragged tensor a dense one; else it stays what it is.
    """
    if sparse is False or ragged is False:
        x = densify(x)
    if isinstance(x, KerasTensor):
        return x if dtype is None or x.dtype == dtypes.standardize(dtype) else cast(x, dtype)
    owner = backend_registry.of(x)
    if owner is None and scope.is_symbolic():
        return constant(x, dtype)
    owner = owner or getattr(x, "backend", None) or backend_registry.active()
    return operand(owner, x, None if dtype is None else dtypes.standardize(dtype))


@op(shape=unary, dtype=dtypes.as_given_or_same)
def constant(x: Tensor, dtype=None):
    """The recorded form of a conversion to a tensor."""


@op(shape=unary, dtype=dtypes.same)
def densify(x: Tensor):
    """A sparse or ragged tensor as a dense one, zero where it has no values; a dense tensor itself."""


def convert_to_numpy(x):
    """A tensor, or anything that converts to one, as a numpy array of its own; a list of tensors of one shape becomes one.

    Raises:
        ValueError: For a KerasTensor, which has no values.
    """
    import numpy as np

    owner = backend_registry.of(x)
    if owner is not None:
        return np.array(owner.numpy(x))  # a copy: the tensor may be a buffer that changes in place
    if isinstance(x, list | tuple):
        return np.array([convert_to_numpy(item) for item in x])
    return x.numpy() if isinstance(x, Variable) else np.array(x)


def is_tensor(x):
    """Whether the argument is a tensor of some framework."""
    return backend_registry.of(x) is not None


def dtype(x):
    """The dtype of a tensor, array or number by its name."""
    return dtypes.concrete(dtype_of(x))


def _viewed(x, *, sizes):
    old, new = sizes
    if old == new:
        return x
    if not x:
        raise ValueError(f"an element of {old} bytes alone cannot be seen as one of {new} bytes")
    if x[-1] is not None and x[-1] * old % new:
        raise ValueError(f"the {x[-1] * old} bytes along the last axis of shape {x} make no whole number of {new}-byte elements")
    return (*x[:-1], None if x[-1] is None else x[-1] * old // new)


@op(shape=_viewed, dtype=lambda x, *, dtype: (dtypes.AS_STORED, dtype))
def bits_as(x: Tensor, dtype, sizes):
    """The recorded form of `view`; `sizes` are the bytes of an element before and after."""


def view(x, dtype=None):
    """The bits of a tensor, taken as those of another dtype.

    Args:
        x: Tensor.
        dtype: Dtype of the result; None leaves the operand's. If its elements have another size, the last axis shrinks or grows.

    Raises:
        ValueError: If the bytes along the last axis make no whole number of elements.
    """
    before = dtypes.concrete(dtype_of(x) or "")
    after = before if dtype is None else dtypes.standardize(dtype)
    sizes = dtypes.itemsize(before), dtypes.itemsize(after)
    try:
        _viewed(shape_of(x), sizes=sizes)
    except ValueError as error:
        raise OpError(f"ops.view: {error}. Arguments: x={before}{list(shape_of(x))}, dtype={after}") from None
    return bits_as(x, after, sizes)


# ------------------------------------------------------------------------------------------------ sizes


def shape(x):
    """The shape as a tuple.

    While a layer's call is recorded, and on frameworks that trace with open shapes, a dimension that is not known yet
    is a tensor without dimensions; otherwise it is None.
    """
    return shape_of(x) if isinstance(x, KerasTensor) and not scope.is_symbolic() else sizes(x)


def sizes(x):
    """The shape as a tuple, with a tensor without dimensions for each size that is not known yet."""
    found = shape_of(x)
    if None not in found:
        return found
    return tuple(size_of(x, axis) if size is None else size for axis, size in enumerate(found))


def _size_dtype(*_):
    return None, "int32"


@op(shape=scalar, dtype=_size_dtype)
def size_of(x: Tensor, axis):
    """The size of one dimension: an int, or a tensor without dimensions where the framework does not know it yet."""


@op(shape=scalar, dtype=_size_dtype)
def size_arithmetic(function, a, b):
    """What a function of the module `operator`, `min` or `max` makes of two sizes; ints stay ints.

    Recorded in place of an op on tensors, so that sizes worked out from sizes cost the device nothing.
    """


def of_sizes(function, a, b):
    """What a function of two ints makes of two sizes, either of which may not be known yet."""
    return function(a, b) if isinstance(a, int) and isinstance(b, int) else size_arithmetic(function, a, b)


def is_size(x: Any) -> bool:
    """Whether `x` is an int, or a KerasTensor that stands for the size of a dimension."""
    if isinstance(x, KerasTensor):
        return x.node is not None and x.node.operation in (size_of, size_arithmetic)
    return isinstance(x, int) and not isinstance(x, bool)


@op(shape=scalar, dtype=_size_dtype)
def size(x: Tensor):
    """The number of elements."""


def ndim(x):
    """The number of dimensions."""
    return len(shape_of(x))


# ------------------------------------------------------------------------------------------------ values


@op(shape=unary, dtype=dtypes.same, sparse=kept)
def copy(x: Tensor):
    """The operand's values in memory of their own."""


@op(shape=unary, dtype=dtypes.same)
def of_size(x: Tensor, axis, size, complaint):
    """The operand as it is, which must have a size along an axis; the complaint says what is wrong with another ("{}")."""


@op(shape=unary, dtype=dtypes.same)
def stop_gradient(variable: Tensor):
    """The operand, through which no gradient flows."""
