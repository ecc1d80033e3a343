"""Comparisons, tests of single elements, logic and bits."""

from kerastorch import dtypes
from kerastorch.dtypes import boolean, logical, ordered, promoted, truth
from kerastorch.op import Tensor, composite, op
from kerastorch.ops import elementwise
from kerastorch.shapes import broadcast, unary

# ------------------------------------------------------------------------------------------------ comparisons


@op(shape=broadcast, dtype=boolean)
def equal(x1: Tensor, x2: Tensor):
    """Whether two elements are equal."""


@op(shape=broadcast, dtype=boolean)
def not_equal(x1: Tensor, x2: Tensor):
    """Whether two elements differ."""


@op(shape=broadcast, dtype=ordered)
def greater(x1: Tensor, x2: Tensor):
    """Whether the first element is greater than the second."""


@op(shape=broadcast, dtype=ordered)
def greater_equal(x1: Tensor, x2: Tensor):
    """Whether the first element is at least the second."""


@op(shape=broadcast, dtype=ordered)
def less(x1: Tensor, x2: Tensor):
    """Whether the first element is less than the second."""


@op(shape=broadcast, dtype=ordered)
def less_equal(x1: Tensor, x2: Tensor):
    """Whether the first element is at most the second."""


def _closeness(x1, x2):
    return dtypes.floating(x1, x2)[0], "bool"


@composite(shape=broadcast, dtype=_closeness)
def isclose(x1: Tensor, x2: Tensor, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Whether two elements differ by at most `atol` plus `rtol` times the magnitude of the second.

    Args:
        x1, x2: Tensors.
        rtol, atol: Relative and absolute tolerance.
        equal_nan: Whether NaN is close to NaN.
    """
    apart = elementwise.abs(elementwise.subtract(x1, x2))
    near = less_equal(apart, elementwise.add(elementwise.multiply(elementwise.abs(x2), rtol), atol))
    close = logical_or(equal(x1, x2), logical_and(near, isfinite(x2)))
    return logical_or(close, logical_and(isnan(x1), isnan(x2))) if equal_nan else close


# ------------------------------------------------------------------------------------------------ tests of elements


@op(shape=unary, dtype=truth)
def isnan(x: Tensor):
    """Whether an element is NaN."""


@op(shape=unary, dtype=truth)
def isinf(x: Tensor):
    """Whether an element is infinite."""


@op(shape=unary, dtype=truth)
def isfinite(x: Tensor):
    """Whether an element is neither infinite nor NaN."""


@composite(shape=unary, dtype=truth)
def isposinf(x: Tensor):
    """Whether an element is positive infinity."""
    return logical_and(isinf(x), greater(x, 0))


@composite(shape=unary, dtype=truth)
def isneginf(x: Tensor):
    """Whether an element is negative infinity."""
    return logical_and(isinf(x), less(x, 0))


@composite(shape=unary, dtype=truth)
def isreal(x: Tensor):
    """Whether an element has no imaginary part."""
    return equal(elementwise.imag(x), 0)


@op(shape=unary, dtype=truth)
def signbit(x: Tensor):
    """Whether an element's sign bit is set: it is negative, or minus zero."""


# ------------------------------------------------------------------------------------------------ logic


@op(shape=broadcast, dtype=logical)
def logical_and(x1: Tensor, x2: Tensor):
    """Whether both elements hold."""


@op(shape=broadcast, dtype=logical)
def logical_or(x1: Tensor, x2: Tensor):
    """Whether at least one of two elements holds."""


@op(shape=broadcast, dtype=logical)
def logical_xor(x1: Tensor, x2: Tensor):
    """Whether exactly one of two elements holds."""


@op(shape=unary, dtype=logical)
def logical_not(x: Tensor):
    """Whether an element does not hold."""


# ------------------------------------------------------------------------------------------------ bits


@op(shape=broadcast, dtype=promoted)
def bitwise_and(x: Tensor, y: Tensor):
    """The bits that both integers have."""


@op(shape=broadcast, dtype=promoted)
def bitwise_or(x: Tensor, y: Tensor):
    """The bits that at least one of two integers has."""


@op(shape=broadcast, dtype=promoted)
def bitwise_xor(x: Tensor, y: Tensor):
    """The bits that exactly one of two integers has."""


@op(shape=unary, dtype=promoted)
def bitwise_not(x: Tensor):
    """The integer with every bit changed."""


@op(shape=broadcast, dtype=promoted)
def bitwise_left_shift(x: Tensor, y: Tensor):
    """The bits of an integer moved `y` places up."""


@op(shape=broadcast, dtype=promoted)
def bitwise_right_shift(x: Tensor, y: Tensor):
    """The bits of an integer moved `y` places down."""


bitwise_invert = bitwise_not
left_shift = bitwise_left_shift
right_shift = bitwise_right_shift
