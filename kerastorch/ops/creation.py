"""Ops that make tensors: filled, counted, spaced."""

import functools
import math

from kerastorch import dtypes, shapes
from kerastorch.dtypes import as_given_or_same
from kerastorch.errors import OpError
from kerastorch.op import Tensor, composite, dtype_of, op, shape_of
from kerastorch.ops import core, elementwise, logic, shaping


def _made(*_, dtype=None):
    return None, dtypes.standardize(dtype)


@op(shape=shapes.given, dtype=_made)
def zeros(shape, dtype=None):
    """A tensor full of zeros.

    Args:
        shape: The sizes.
        dtype: Dtype; None is floatx.
    """


@op(shape=shapes.given, dtype=_made)
def ones(shape, dtype=None):
    """A tensor full of ones, arguments as for `zeros`."""


@composite(shape=shapes.given, dtype=_made)
def empty(shape, dtype=None):
    """A tensor whose values do not matter, arguments as for `zeros`."""
    return zeros(shape, dtype)


@op(shape=lambda fill_value, *, shape: shapes.given(shape=shape), dtype=_made)
def full(shape, fill_value: Tensor, dtype=None):
    """A tensor full of one value.

    Args:
        shape: The sizes.
        fill_value: The value, or a tensor that is repeated.
        dtype: Dtype; None is floatx.
    """


@op(shape=shapes.unary, dtype=as_given_or_same)
def zeros_like(x: Tensor, dtype=None):
    """Zeros in the shape of the operand, and in its dtype where none is given."""


@op(shape=shapes.unary, dtype=as_given_or_same)
def ones_like(x: Tensor, dtype=None):
    """Ones in the shape of the operand, and in its dtype where none is given."""


@composite(shape=shapes.unary, dtype=as_given_or_same)
def empty_like(x: Tensor, dtype=None):
    """A tensor in the shape of the operand whose values do not matter."""
    return zeros_like(x, dtype)


@composite(shape=lambda x, fill_value: x, dtype=lambda x, fill_value, *, dtype=None: as_given_or_same(x, dtype=dtype))
def full_like(x: Tensor, fill_value: Tensor, dtype=None):
    """One value in the shape of the operand, and in its dtype where none is given."""
    return full(core.shape(x), fill_value, dtype or core.dtype(x))


@composite(shape=shapes.unary, dtype=as_given_or_same)
def array(x: Tensor, dtype=None):
    """The operand as a tensor."""
    return core.convert_to_tensor(x, dtype)


# ------------------------------------------------------------------------------------------------ counting


def _count_shape(*, start, stop=None, step=None):
    begin, end, by = (0, start, step) if stop is None else (start, stop, step)
    by = 1 if by is None else by
    if not all(isinstance(n, int | float) for n in (begin, end, by)):
        return (None,)
    return (max(math.ceil((end - begin) / by), 0),)


def _count_dtype(*, start, stop=None, step=None, dtype=None):
    found = dtypes.promote(*(dtype_of(n) for n in (start, stop, step))) if dtype is None else dtypes.standardize(dtype)
    return None, found


@op(shape=_count_shape, dtype=_count_dtype)
def arange(start, stop=None, step=None, dtype=None):
    """The numbers from a start up to, and without, an end.

    Args:
        start: First number; the end, with 0 as the start, where `stop` is None.
        stop: End, which is left out.
        step: Distance of two numbers; None is 1.
        dtype: Dtype; None is what the numbers together have.
    """


def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0):
    """Evenly spaced numbers between two others.

    Args:
        start, stop: First and last number, or tensors of them.
        num: How many numbers.
        endpoint: Whether `stop` is one of them.
        retstep: Whether to answer with a pair: the numbers, and their distance.
        dtype: Dtype; None is that of `start` and `stop`, floatx for integers.
        axis: Where the new dimension goes.
    """
    rank = len(shapes.broadcast(shape_of(start), shape_of(stop)))
    try:
        num, axis = shapes.count(num, "`num`"), shapes.normalize_axis(axis, rank + 1)
    except ValueError as error:
        raise OpError(f"ops.linspace: {error}. Arguments: start={start}, stop={stop}, num={num}, axis={axis}") from error
    kind = dtypes.floating(dtype_of(start), dtype_of(stop))[0]
    parts = num - 1 if endpoint else num
    step = elementwise.divide(elementwise.subtract(stop, start), max(parts, 1))
    index = shaping.reshape(arange(num, dtype=kind), (-1,) + (1,) * rank)
    numbers = elementwise.add(elementwise.multiply(index, step), start)
    if endpoint and num > 1:
        numbers = elementwise.where(logic.equal(index, parts), stop, numbers)  # free of rounding
    numbers = core.cast(shaping.moveaxis(numbers, 0, axis) if axis else numbers, dtype or kind)
    return (numbers, step) if retstep else numbers


def logspace(start, stop, num=50, endpoint=True, base=10, dtype=None, axis=0):
    """Powers of a base whose exponents are evenly spaced.

    Args:
        start, stop: First and last exponent.
        num: How many numbers.
        endpoint: Whether the power of `stop` is one of them.
        base: What is raised.
        dtype: Dtype; None is that of `start` and `stop`, floatx for integers.
        axis: Where the new dimension goes.
    """
    powers = elementwise.power(float(base), linspace(start, stop, num, endpoint, axis=axis))
    return powers if dtype is None else core.cast(powers, dtype)


def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """Numbers between two others, each the same multiple of the one before, arguments as for `linspace`."""
    low, high = (elementwise.log(core.convert_to_tensor(x, dtypes.floating(dtype_of(x))[0])) for x in (start, stop))
    numbers = elementwise.exp(linspace(low, high, num, endpoint, axis=axis))
    return numbers if dtype is None else core.cast(numbers, dtype)


# ------------------------------------------------------------------------------------------------ windows


def _window(x, height):
    """`x` values of a function of the place from 0 to 1; a single one is 1."""
    x = x if isinstance(x, int) else core.cast(x, "int32")
    last = elementwise.subtract(x, 1)
    values = height(elementwise.divide(arange(x, dtype=dtypes.floatx()), elementwise.maximum(last, 1)))
    return elementwise.where(logic.equal(last, 0), 1, values)


def _cosines(x, *heights):
    """A window that is a sum of cosines: of no turn, of one turn over the window, of two, ..."""

    def height(place):
        turns = (
            elementwise.multiply(h, elementwise.cos(elementwise.multiply(place, 2 * math.pi * n)))
            for n, h in enumerate(heights)
        )
        return functools.reduce(elementwise.add, turns)

    return _window(x, height)


def bartlett(x):
    """The triangular window of `x` points (Bartlett, 1950), which rises from 0 to 1 in the middle."""
    return _window(x, lambda place: elementwise.multiply(elementwise.minimum(place, elementwise.subtract(1, place)), 2))


def blackman(x):
    """The Blackman window of `x` points, which has three cosine terms (Blackman and Tukey, 1958)."""
    return _cosines(x, 0.42, -0.5, 0.08)


def hamming(x):
    """The Hamming window of `x` points: a raised cosine whose ends lie at 0.08 (Blackman and Tukey, 1958)."""
    return _cosines(x, 0.54, -0.46)


def hanning(x):
    """The von Hann window of `x` points: a raised cosine whose ends lie at 0 (Blackman and Tukey, 1958)."""
    return _cosines(x, 0.5, -0.5)


def kaiser(x, beta):
    """The Kaiser window (Kaiser, 1966), made of Bessel functions.

    Args:
        x: How many points.
        beta: How narrow it is: 0 is rectangular, 5 near to `hamming`, 8.6 near to `blackman`.
    """

    def height(place):
        inside = elementwise.subtract(1, elementwise.square(elementwise.subtract(elementwise.multiply(place, 2), 1)))
        bessel = elementwise.i0(elementwise.multiply(beta, elementwise.sqrt(elementwise.maximum(inside, 0))))
        return elementwise.divide(bessel, elementwise.i0(beta))

    return _window(x, height)


# ------------------------------------------------------------------------------------------------ powers


def _vandermonde(x, *, N=None, increasing=False):
    if len(x) != 1:
        raise ValueError(f"Input tensor must be 1-dimensional, but x has the shape {x}")
    if N is not None and (not isinstance(N, int) or N < 0):
        raise ValueError(f"N must be None or an integer of at least 0, not {N!r}")
    if not isinstance(increasing, bool):
        raise ValueError(f"increasing must be True or False, not {increasing!r}")
    return (x[0], x[0] if N is None else N)


@composite(shape=_vandermonde, dtype=dtypes.arithmetic, checked=True)
def vander(x: Tensor, N=None, increasing=False):
    """The matrix whose columns are powers of a vector.

    Args:
        x: Vector.
        N: How many powers, from 0 on; None is as many as there are elements.
        increasing: Whether the powers grow from left to right; otherwise from right to left.
    """
    exponents = arange(core.shape(x)[0] if N is None else N, dtype=core.dtype(x))
    powers = elementwise.power(shaping.expand_dims(x, 1), exponents)
    return powers if increasing else shaping.flip(powers, 1)


# ------------------------------------------------------------------------------------------------ triangles


def _rectangle(*, N, M=None):
    for size in (N, M):
        if not isinstance(size, int | None) and not dtypes.is_integer(dtype_of(size)):
            raise TypeError(f"the number of rows and columns must be integers, not N={N} and M={M}")
    return shapes.known((N, N if M is None else M))


def _diagonals(N, M):
    """How far each place of a matrix lies right of the main diagonal."""
    return elementwise.subtract(
        shaping.expand_dims(arange(N if M is None else M), 0), shaping.expand_dims(arange(N), 1)
    )


@composite(shape=_rectangle, dtype=_made)
def eye(N, M=None, k=0, dtype=None):
    """A matrix with ones on one diagonal and zeros elsewhere.

    Args:
        N, M: Rows and columns; None makes it square.
        k: Which diagonal: 0 is the main one, positive ones lie above it.
        dtype: Dtype; None is floatx.
    """
    _rectangle(N=N, M=M)
    return core.cast(logic.equal(_diagonals(N, M), k), dtypes.standardize(dtype))


@composite(shape=lambda *, n: shapes.known((n, n)), dtype=_made)
def identity(n, dtype=None):
    """The square matrix with ones on the main diagonal."""
    return eye(n, dtype=dtype)


@composite(shape=_rectangle, dtype=_made)
def tri(N, M=None, k=0, dtype=None):
    """A matrix with ones on and below one diagonal, arguments as for `eye`."""
    _rectangle(N=N, M=M)
    return core.cast(logic.less_equal(_diagonals(N, M), k), dtypes.standardize(dtype))
