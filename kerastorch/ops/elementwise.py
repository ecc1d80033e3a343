"""Ops that work element by element: arithmetic, rounding and elementary functions."""

import math

from kerastorch import dtypes
from kerastorch.dtypes import arithmetic, counted, deep, floating, magnitude, promoted, selecting, wide_floating
from kerastorch.op import Tensor, composite, op
from kerastorch.ops import core, indexing, logic
from kerastorch.shapes import broadcast, unary
from kerastorch.sparsity import intersection, kept, quotient, union

# ------------------------------------------------------------------------------------------------ arithmetic


@op(shape=broadcast, dtype=arithmetic, sparse=union)
def add(x1: Tensor, x2: Tensor):
    """Adds element-wise."""


@op(shape=broadcast, dtype=arithmetic, sparse=union)
def subtract(x1: Tensor, x2: Tensor):
    """Subtracts the second operand from the first, element-wise."""


@op(shape=broadcast, dtype=arithmetic, sparse=intersection)
def multiply(x1: Tensor, x2: Tensor):
    """Multiplies element-wise."""


@op(shape=broadcast, dtype=floating, sparse=quotient)
def divide(x1: Tensor, x2: Tensor):
    """Divides the first operand by the second, element-wise; integers give floats."""


true_divide = divide


@composite(shape=broadcast, dtype=floating)
def divide_no_nan(x1: Tensor, x2: Tensor):
    """As `divide`, with 0 where the divisor is 0."""
    empty = logic.equal(x2, 0)
    return where(empty, 0, divide(x1, where(empty, 1, x2)))


@op(shape=broadcast, dtype=arithmetic)
def floor_divide(x1: Tensor, x2: Tensor):
    """The largest integer that is at most the quotient, element-wise."""


@op(shape=broadcast, dtype=counted)
def mod(x1: Tensor, x2: Tensor):
    """What `floor_divide` leaves over; it has the sign of the divisor."""


@op(shape=broadcast, dtype=counted)
def fmod(x1: Tensor, x2: Tensor):
    """What division rounded towards zero leaves over; it has the sign of the dividend."""


@op(shape=broadcast, dtype=arithmetic)
def power(x1: Tensor, x2: Tensor):
    """The first operand raised to the second, element-wise."""


@op(shape=unary, dtype=arithmetic, sparse=kept)
def negative(x: Tensor):
    """The operand with its sign changed."""


@op(shape=unary, dtype=magnitude, sparse=kept)
def abs(x: Tensor):
    """The absolute value; of complex numbers, the distance from zero."""


absolute = abs


@composite(shape=unary, dtype=floating)
def fabs(x: Tensor):
    """The absolute value as a float."""
    return abs(x)


@op(shape=unary, dtype=counted, sparse=kept)
def square(x: Tensor):
    """The operand times itself."""


@op(shape=unary, dtype=floating)
def reciprocal(x: Tensor):
    """One over the operand."""


@op(shape=unary, dtype=arithmetic, sparse=kept)
def sign(x: Tensor):
    """-1, 0 or 1, by the operand's sign."""


@op(shape=broadcast, dtype=arithmetic, sparse=union)
def maximum(x1: Tensor, x2: Tensor):
    """The larger of two elements; NaN if either is."""


@op(shape=broadcast, dtype=arithmetic, sparse=union)
def minimum(x1: Tensor, x2: Tensor):
    """The smaller of two elements; NaN if either is."""


@composite(shape=broadcast, dtype=arithmetic)
def fmax(x1: Tensor, x2: Tensor):
    """The larger of two elements; where one is NaN, the other."""
    return where(logic.isnan(x1), x2, where(logic.isnan(x2), x1, maximum(x1, x2)))


@composite(shape=broadcast, dtype=arithmetic)
def fmin(x1: Tensor, x2: Tensor):
    """The smaller of two elements; where one is NaN, the other."""
    return where(logic.isnan(x1), x2, where(logic.isnan(x2), x1, minimum(x1, x2)))


def _clipping(x, *bounds):
    return counted(x)


@op(shape=unary, dtype=_clipping)
def clip(x: Tensor, x_min: Tensor, x_max: Tensor):
    """The operand, held between two bounds.

    Args:
        x: Tensor.
        x_min, x_max: Lower and upper bound, numbers or tensors that broadcast; the upper one wins where they cross.
    """


@op(shape=broadcast, dtype=selecting)
def where_(condition: Tensor, x1: Tensor, x2: Tensor):
    """The recorded form of `where`."""


def where(condition, x1=None, x2=None):
    """Elements of `x1` where the condition holds, of `x2` elsewhere; without both, the places where it holds.

    Args:
        condition: Truth values.
        x1, x2: Tensors or numbers that broadcast with the condition. Without both, the result is that of `nonzero`.
    """
    return indexing.nonzero(condition) if x1 is None and x2 is None else where_(condition, x1, x2)


@composite(shape=broadcast, dtype=wide_floating)
def hypot(x1: Tensor, x2: Tensor):
    """The length of the hypotenuse over two legs, without overflow on the way."""
    x1, x2 = abs(x1), abs(x2)
    longer, shorter = maximum(x1, x2), minimum(x1, x2)
    ratio = divide(shorter, where(logic.equal(longer, 0), 1, longer))
    return multiply(longer, sqrt(add(1, square(where(logic.isinf(longer), 0, ratio)))))


@op(shape=broadcast, dtype=promoted)
def gcd(x1: Tensor, x2: Tensor):
    """The greatest common divisor of two integers."""


@composite(shape=broadcast, dtype=promoted)
def lcm(x1: Tensor, x2: Tensor):
    """The least common multiple of two integers."""
    x1, x2 = abs(x1), abs(x2)
    divisor = gcd(x1, x2)
    return multiply(x1, floor_divide(x2, maximum(divisor, 1)))


@composite(shape=broadcast, dtype=wide_floating)
def heaviside(x1: Tensor, x2: Tensor):
    """0 where `x1` is negative, 1 where it is positive, and `x2` where it is 0."""
    step = where(logic.equal(x1, 0), x2, core.cast(logic.greater(x1, 0), x1.dtype))
    return where(logic.isnan(x1), x1, step)


@composite(shape=broadcast, dtype=floating)
def ldexp(x1: Tensor, x2: Tensor):
    """`x1` times 2 to the power of `x2`."""
    return multiply(x1, power(2.0, x2))


@op(shape=broadcast, dtype=floating)
def nextafter(x1: Tensor, x2: Tensor):
    """The float next to `x1` in the direction of `x2`."""


# ------------------------------------------------------------------------------------------------ rounding


@composite(shape=unary, dtype=arithmetic, sparse=kept)
def round(x: Tensor, decimals=0):
    """The nearest number with so many decimals, halves going to the even one.

    Args:
        x: Tensor.
        decimals: Decimals that stay; negative ones round to tens, hundreds, ...
    """
    if decimals == 0:
        return round_to_integer(x)
    if decimals < 0:
        unit = 10.0**-decimals
        return multiply(round_to_integer(divide(x, unit)), unit)
    unit = 10.0**decimals
    return divide(round_to_integer(multiply(x, unit)), unit)


@op(shape=unary, dtype=arithmetic, sparse=kept)
def round_to_integer(x: Tensor):
    """The nearest integer, halves going to the even one."""


@op(shape=unary, dtype=floating, sparse=kept)
def floor(x: Tensor):
    """The largest integer that is at most the operand, as a float."""


@op(shape=unary, dtype=floating, sparse=kept)
def ceil(x: Tensor):
    """The smallest integer that is at least the operand, as a float."""


@op(shape=unary, dtype=arithmetic, sparse=kept)
def trunc(x: Tensor):
    """The operand without its decimals."""


# ------------------------------------------------------------------------------------------------ elementary functions


@op(shape=unary, dtype=floating)
def exp(x: Tensor):
    """e raised to the operand."""


@composite(shape=unary, dtype=floating)
def exp2(x: Tensor):
    """2 raised to the operand."""
    return power(2.0, x)


@op(shape=unary, dtype=floating, sparse=kept)
def expm1(x: Tensor):
    """e raised to the operand, less 1; exact near 0."""


@op(shape=unary, dtype=floating)
def log(x: Tensor):
    """The natural logarithm."""


@op(shape=unary, dtype=floating, sparse=kept)
def log1p(x: Tensor):
    """The natural logarithm of 1 more than the operand; exact near 0."""


@composite(shape=unary, dtype=floating)
def log2(x: Tensor):
    """The logarithm to base 2."""
    return divide(log(x), math.log(2.0))


@composite(shape=unary, dtype=floating)
def log10(x: Tensor):
    """The logarithm to base 10."""
    return divide(log(x), math.log(10.0))


@composite(shape=broadcast, dtype=floating)
def logaddexp(x1: Tensor, x2: Tensor):
    """The logarithm of the sum of the exponentials of two elements."""
    apart = subtract(x1, x2)
    return where(logic.isnan(apart), add(x1, x2), add(maximum(x1, x2), log1p(exp(negative(abs(apart))))))


@composite(shape=broadcast, dtype=floating)
def logaddexp2(x1: Tensor, x2: Tensor):
    """The logarithm to base 2 of the sum of 2 raised to each of two elements."""
    unit = math.log(2.0)
    return divide(logaddexp(multiply(x1, unit), multiply(x2, unit)), unit)


@op(shape=unary, dtype=floating, sparse=kept)
def sqrt(x: Tensor):
    """The square root."""


@op(shape=unary, dtype=floating)
def rsqrt(x: Tensor):
    """One over the square root."""


@composite(shape=unary, dtype=wide_floating)
def cbrt(x: Tensor):
    """The cube root, negative for negative operands."""
    return multiply(sign(x), power(abs(x), 1 / 3))


@op(shape=unary, dtype=floating, sparse=kept)
def sin(x: Tensor):
    """The sine of an angle in radians."""


@op(shape=unary, dtype=floating)
def cos(x: Tensor):
    """The cosine of an angle in radians."""


@op(shape=unary, dtype=floating, sparse=kept)
def tan(x: Tensor):
    """The tangent of an angle in radians."""


@op(shape=unary, dtype=floating, sparse=kept)
def arcsin(x: Tensor):
    """The angle in radians, from -pi/2 to pi/2, whose sine is the operand."""


@op(shape=unary, dtype=floating)
def arccos(x: Tensor):
    """The angle in radians, from 0 to pi, whose cosine is the operand."""


@op(shape=unary, dtype=floating, sparse=kept)
def arctan(x: Tensor):
    """The angle in radians, from -pi/2 to pi/2, whose tangent is the operand."""


@op(shape=broadcast, dtype=floating)
def arctan2(x1: Tensor, x2: Tensor):
    """The angle in radians, from -pi to pi, of the point with ordinate `x1` and abscissa `x2`."""


@op(shape=unary, dtype=floating, sparse=kept)
def sinh(x: Tensor):
    """The hyperbolic sine."""


@op(shape=unary, dtype=floating)
def cosh(x: Tensor):
    """The hyperbolic cosine."""


@op(shape=unary, dtype=floating, sparse=kept)
def tanh(x: Tensor):
    """The hyperbolic tangent."""


@op(shape=unary, dtype=floating, sparse=kept)
def arcsinh(x: Tensor):
    """The number whose hyperbolic sine is the operand."""


@op(shape=unary, dtype=floating)
def arccosh(x: Tensor):
    """The non-negative number whose hyperbolic cosine is the operand."""


@op(shape=unary, dtype=floating, sparse=kept)
def arctanh(x: Tensor):
    """The number whose hyperbolic tangent is the operand."""


@composite(shape=unary, dtype=floating)
def sinc(x: Tensor):
    """The sine of pi times the operand over just that angle; 1 at 0."""
    angle = multiply(x, math.pi)
    zero = logic.equal(angle, 0)
    return where(zero, 1, divide(sin(angle), where(zero, 1, angle)))


@composite(shape=unary, dtype=wide_floating)
def deg2rad(x: Tensor):
    """Degrees as radians."""
    return multiply(x, math.pi / 180)


@composite(shape=unary, dtype=wide_floating)
def rad2deg(x: Tensor):
    """Radians as degrees."""
    return multiply(x, 180 / math.pi)


@op(shape=unary, dtype=floating)
def erf(x: Tensor):
    """The error function."""


@composite(shape=unary, dtype=floating)
def erfc(x: Tensor):
    """1 less the error function."""
    return subtract(1, erf(x))


@op(shape=unary, dtype=deep)
def erfinv(x: Tensor):
    """The number whose error function is the operand."""


@op(shape=unary, dtype=wide_floating)
def i0(x: Tensor):
    """The modified Bessel function of the first kind of order 0."""


# ----------------------------------------------------------------------------------------- complex and special values


def _angle(x):
    return floating(x)[0], dtypes.real_part(floating(x)[1])


def _part(x):
    return None, dtypes.real_part(dtypes.concrete(x))


@op(shape=unary, dtype=_part, sparse=kept)
def real(x: Tensor):
    """The real part."""


@op(shape=unary, dtype=_part, sparse=kept)
def imag(x: Tensor):
    """The imaginary part; 0 of real numbers."""


@op(shape=unary, dtype=_angle)
def angle(x: Tensor):
    """The angle of a complex number to the positive real axis, in radians."""


@op(shape=unary, dtype=promoted, sparse=kept)
def conj(x: Tensor):
    """The complex conjugate."""


conjugate = conj


@composite(shape=unary, dtype=promoted)
def nan_to_num(x: Tensor, nan=0.0, posinf=None, neginf=None):
    """The operand with NaN and infinities replaced by numbers.

    Args:
        x: Tensor.
        nan: What stands for NaN.
        posinf, neginf: What stands for the infinities; None is the largest and the least finite number of the dtype.
    """
    if not dtypes.is_float(core.dtype(x)):
        return x
    largest = dtypes.LARGEST[core.dtype(x)]
    x = where(logic.isnan(x), nan, x)
    x = where(logic.isposinf(x), largest if posinf is None else posinf, x)
    return where(logic.isneginf(x), -largest if neginf is None else neginf, x)
