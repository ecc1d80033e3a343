"""Ops that take several elements together: sums, extremes, tests of all, and what runs along an axis."""

import math

from kerastorch import dtypes, shapes
from kerastorch.dtypes import arithmetic, averaging, counting, floating, index, logical, promoted
from kerastorch.op import Tensor, composite, op
from kerastorch.ops import core, elementwise, indexing, logic, shaping
from kerastorch.shapes import reduce
from kerastorch.sparsity import kept

# ------------------------------------------------------------------------------------------------ sums and means


@op(shape=reduce, dtype=counting, sparse=kept)
def sum(x: Tensor, axis=None, keepdims=False):
    """The sum over some axes.

    Args:
        x: Tensor.
        axis: Axis, or several; None is all of them.
        keepdims: Whether the axes stay, with size 1.
    """


@op(shape=reduce, dtype=counting)
def prod(x: Tensor, axis=None, keepdims=False, dtype=None):
    """The product over some axes.

    Args:
        x: Tensor.
        axis: Axis, or several; None is all of them.
        keepdims: Whether the axes stay, with size 1.
        dtype: Dtype of the result; None is the operand's, narrow integers being widened to 32 bits.
    """


@op(shape=reduce, dtype=averaging, sparse=kept)
def mean(x: Tensor, axis=None, keepdims=False):
    """The arithmetic mean over some axes."""


def _variance(x):
    d = averaging(x)[1]
    return d, dtypes.real_part(d)


@op(shape=reduce, dtype=_variance)
def var(x: Tensor, axis=None, keepdims=False):
    """The mean squared distance from the mean over some axes."""


@composite(shape=reduce, dtype=_variance)
def std(x: Tensor, axis=None, keepdims=False):
    """The square root of the variance over some axes."""
    return elementwise.sqrt(var(x, axis, keepdims))


def _agreeing(a, b):
    return a is None or b is None or a == b or None


def _averaged(x, weights, *, axis=None):
    fits = weights is None or len(weights) == len(x) and None not in map(_agreeing, x, weights)
    if not fits and (axis is None or len(weights) != 1):
        raise ValueError(
            f"weights of shape {weights} must have the shape of x, {x}, or one number for each position of axis"
        )
    return reduce(x, axis=axis)


@composite(shape=_averaged, dtype=floating)
def average(x: Tensor, axis=None, weights: Tensor = None):
    """The mean over some axes, each element counted by its weight.

    Args:
        x: Tensor.
        axis: Axis, or several; None is all of them.
        weights: Weights of the shape of `x`, or one for each position along `axis`; None counts all alike.
    """
    if weights is None:
        return mean(x, axis)
    if len(weights.shape) != len(x.shape):
        at = shapes.normalize_axis(axis, len(x.shape))
        weights = shaping.reshape(weights, [-1 if i == at else 1 for i in range(len(x.shape))])
    total = sum(shaping.broadcast_to(weights, core.shape(x)), axis)
    return elementwise.divide(sum(elementwise.multiply(x, weights), axis), total)


@op(shape=reduce, dtype=floating)
def logsumexp(x: Tensor, axis=None, keepdims=False):
    """The logarithm of the sum of exponentials over some axes, without overflow on the way."""


@composite(shape=reduce, dtype=dtypes.index)
def count_nonzero(x: Tensor, axis=None):
    """How many elements are not 0 over some axes."""
    return sum(elementwise.where(logic.not_equal(x, 0), 1, 0), axis)


# ------------------------------------------------------------------------------------------------ extremes


@op(shape=reduce, dtype=arithmetic)
def max(x: Tensor, axis=None, keepdims=False, initial=None):
    """The largest element over some axes.

    Args:
        x: Tensor.
        axis: Axis, or several; None is all of them.
        keepdims: Whether the axes stay, with size 1.
        initial: Number that the result is at least; needed where an axis is empty.
    """


@op(shape=reduce, dtype=arithmetic)
def min(x: Tensor, axis=None, keepdims=False, initial=None):
    """The smallest element over some axes.

    Args:
        x: Tensor.
        axis: Axis, or several; None is all of them.
        keepdims: Whether the axes stay, with size 1.
        initial: Number that the result is at most; needed where an axis is empty.
    """


@composite(shape=reduce, dtype=promoted)
def amax(x: Tensor, axis=None, keepdims=False):
    """The largest element over some axes."""
    return max(x, axis, keepdims)


@composite(shape=reduce, dtype=promoted)
def amin(x: Tensor, axis=None, keepdims=False):
    """The smallest element over some axes."""
    return min(x, axis, keepdims)


@composite(shape=reduce, dtype=promoted)
def ptp(x: Tensor, axis=None, keepdims=False):
    """The largest element less the smallest over some axes."""
    return elementwise.subtract(max(x, axis, keepdims), min(x, axis, keepdims))


@op(shape=reduce, dtype=index)
def argmax(x: Tensor, axis=None, keepdims=False):
    """The position of the first largest element along an axis, or in the flattened operand."""


@op(shape=reduce, dtype=index)
def argmin(x: Tensor, axis=None, keepdims=False):
    """The position of the first smallest element along an axis, or in the flattened operand."""


@op(shape=reduce, dtype=logical)
def all(x: Tensor, axis=None, keepdims=False):
    """Whether every element holds over some axes."""


@op(shape=reduce, dtype=logical)
def any(x: Tensor, axis=None, keepdims=False):
    """Whether some element holds over some axes."""


@composite(shape=shapes.scalar, dtype=dtypes.truth)
def allclose(x1: Tensor, x2: Tensor, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Whether all elements of two tensors are close, as `isclose` says."""
    return all(logic.isclose(x1, x2, rtol, atol, equal_nan))


# ------------------------------------------------------------------------------------------------ along an axis


def _running(x, *, axis=None):
    axis = _the_axis(axis)
    if axis is None:
        return (None if None in x else math.prod(x),)
    shapes.normalize_axis(axis, len(x))
    return x


def _the_axis(axis):
    """An axis that may be given as a tuple of one."""
    if not isinstance(axis, tuple | list):
        return axis
    if len(axis) != 1:
        raise ValueError(f"one axis is needed, not {axis}")
    return axis[0]


def _accumulating(x, *, dtype=None):
    d = dtypes.concrete(x) if dtype is None else dtypes.standardize(dtype)
    d = "int32" if d == "bool" else d
    return d, d


@op(shape=_running, dtype=_accumulating)
def cumsum(x: Tensor, axis=None, dtype=None):
    """The sum of each element and those before it.

    Args:
        x: Tensor.
        axis: Axis along which to sum; None sums over the flattened operand.
        dtype: Dtype of the result; None is the operand's.
    """


@op(shape=_running, dtype=_accumulating)
def cumprod(x: Tensor, axis=None, dtype=None):
    """The product of each element and those before it, arguments as for `cumsum`."""


def _differences(a, *, n=1, axis=-1):
    axis, n = shapes.normalize_axis(axis, len(a)), shapes.count(n, "`n`")
    return tuple(d if i != axis or d is None else (d - n if d > n else 0) for i, d in enumerate(a))


@composite(shape=_differences, dtype=promoted, checked=True)
def diff(a: Tensor, n=1, axis=-1):
    """The difference of each two neighbours along an axis, `n` times over."""
    rank = len(a.shape)
    axis = shapes.normalize_axis(axis, rank)
    apart = logic.not_equal if core.dtype(a) == "bool" else elementwise.subtract
    for _ in range(n):
        later, earlier = ((slice(None),) * axis + (part,) for part in (slice(1, None), slice(None, -1)))
        a = apart(indexing.get_item(a, later), indexing.get_item(a, earlier))
    return a


def _integral(y, x, *, axis=-1):
    axis = shapes.normalize_axis(axis, len(y))
    return y[:axis] + y[axis + 1 :]


@composite(shape=_integral, dtype=lambda y, x: dtypes.floating(y))
def trapezoid(y: Tensor, x: Tensor = None, dx=1.0, axis=-1):
    """The integral along an axis by the trapezoidal rule.

    Args:
        y: Values of the integrand.
        x: Where they were taken; None is in steps of `dx`.
        dx: Distance between two values, where `x` is None.
        axis: Axis along which to integrate.
    """
    y = shaping.moveaxis(y, axis, -1)
    if x is not None:
        dx = diff(x if len(x.shape) == 1 else shaping.moveaxis(x, axis, -1))
    middle = elementwise.add(indexing.get_item(y, (..., slice(1, None))), indexing.get_item(y, (..., slice(None, -1))))
    return elementwise.divide(sum(elementwise.multiply(middle, dx), -1), 2)


# ------------------------------------------------------------------------------------------------ leaving NaN out


def _without_nan(x, stand_in):
    return elementwise.where(logic.isnan(x), stand_in, x) if dtypes.is_float(core.dtype(x)) else x


@composite(shape=reduce, dtype=counting)
def nansum(x: Tensor, axis=None, keepdims=False):
    """The sum over some axes, NaN counting as 0."""
    return sum(_without_nan(x, 0), axis, keepdims)


@composite(shape=reduce, dtype=counting)
def nanprod(x: Tensor, axis=None, keepdims=False):
    """The product over some axes, NaN counting as 1."""
    return prod(_without_nan(x, 1), axis, keepdims)


@composite(shape=_running, dtype=_accumulating)
def nancumsum(x: Tensor, axis=None, dtype=None):
    """As `cumsum`, NaN counting as 0."""
    return cumsum(_without_nan(x, 0), _the_axis(axis), dtype)


@composite(shape=_running, dtype=_accumulating)
def nancumprod(x: Tensor, axis=None, dtype=None):
    """As `cumprod`, NaN counting as 1."""
    return cumprod(_without_nan(x, 1), _the_axis(axis), dtype)


@composite(shape=reduce, dtype=averaging)
def nanmean(x: Tensor, axis=None, keepdims=False):
    """The mean of what is not NaN over some axes; NaN where nothing is."""
    number = sum(logic.logical_not(logic.isnan(x)), axis, keepdims)
    return elementwise.divide(nansum(x, axis, keepdims), number)


@composite(shape=reduce, dtype=averaging)
def nanvar(x: Tensor, axis=None, keepdims=False):
    """The variance of what is not NaN over some axes; NaN where nothing is."""
    return nanmean(elementwise.square(elementwise.subtract(x, nanmean(x, axis, True))), axis, keepdims)


@composite(shape=reduce, dtype=averaging)
def nanstd(x: Tensor, axis=None, keepdims=False):
    """The standard deviation of what is not NaN over some axes; NaN where nothing is."""
    return elementwise.sqrt(nanvar(x, axis, keepdims))


def _nan_extreme(x, axis, keepdims, extreme, stand_in):
    if not dtypes.is_float(core.dtype(x)):
        return extreme(x, axis, keepdims)
    found = extreme(_without_nan(x, stand_in), axis, keepdims)
    return elementwise.where(all(logic.isnan(x), axis, keepdims), math.nan, found)


@composite(shape=reduce, dtype=promoted)
def nanmax(x: Tensor, axis=None, keepdims=False):
    """The largest element that is not NaN over some axes; NaN where all are."""
    return _nan_extreme(x, axis, keepdims, max, -math.inf)


@composite(shape=reduce, dtype=promoted)
def nanmin(x: Tensor, axis=None, keepdims=False):
    """The smallest element that is not NaN over some axes; NaN where all are."""
    return _nan_extreme(x, axis, keepdims, min, math.inf)


@composite(shape=reduce, dtype=index)
def nanargmax(x: Tensor, axis=None, keepdims=False):
    """The position of the largest element that is not NaN; -1 where all are."""
    found = argmax(_without_nan(x, -math.inf), axis, keepdims)
    return elementwise.where(all(logic.isnan(x), axis, keepdims), -1, found)


@composite(shape=reduce, dtype=index)
def nanargmin(x: Tensor, axis=None, keepdims=False):
    """The position of the smallest element that is not NaN; -1 where all are."""
    found = argmin(_without_nan(x, math.inf), axis, keepdims)
    return elementwise.where(all(logic.isnan(x), axis, keepdims), -1, found)
