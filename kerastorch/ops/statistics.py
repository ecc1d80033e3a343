"""Ops that describe samples: medians and quantiles, counts and histograms, correlation."""

import math

from kerastorch import dtypes, shapes
from kerastorch.dtypes import floating, wide_floating
from kerastorch.op import Tensor, composite, op
from kerastorch.ops import algebra, core, creation, elementwise, indexing, logic, reduce, shaping, window
from kerastorch.sparsity import on_request

# ------------------------------------------------------------------------------------------------ quantiles

# From a place between two neighbours in the order, and the one below it, to the weight of the upper neighbour.
METHODS = {
    "linear": elementwise.subtract,
    "lower": lambda place, below: creation.zeros_like(place),
    "higher": lambda place, below: elementwise.subtract(elementwise.ceil(place), below),
    "midpoint": lambda place, below: elementwise.multiply(elementwise.subtract(elementwise.ceil(place), below), 0.5),
    "nearest": lambda place, below: elementwise.subtract(elementwise.round(place), below),
}


def _in_order(x, q, axis, method, keepdims, without_nan):
    """What stands at the fractions `q` of the way through the elements in ascending order, over some axes of a float tensor."""
    sizes, axes = core.shape(x), shapes.normalize_axes(axis, len(x.shape))
    rest = [a for a in range(len(sizes)) if a not in axes]
    kept, number = [sizes[a] for a in rest], math.prod(sizes[a] for a in axes)
    x = shaping.reshape(shaping.transpose(x, [*rest, *axes]), [*kept, number])
    missing = logic.isnan(x)
    x = indexing.sort(elementwise.where(missing, math.inf, x), -1)
    if without_nan:
        number = reduce.sum(logic.logical_not(missing), -1, True)
    flat = shaping.reshape(q, [1] * len(rest) + [-1])
    place = elementwise.multiply(elementwise.clip(flat, 0, 1), elementwise.maximum(elementwise.subtract(number, 1), 0))
    below = elementwise.floor(place)
    weight = core.cast(METHODS[method](place, below), core.dtype(x))
    low, high = (indexing.take_along_axis(x, core.cast(f(place), "int32"), -1) for f in (elementwise.floor, elementwise.ceil))
    # A neighbour without weight takes no part, as it may be infinite.
    low, high = (
        elementwise.where(logic.equal(weight, 1), high, low),
        elementwise.where(logic.equal(weight, 0), low, high),
    )
    between = elementwise.add(low, elementwise.multiply(elementwise.subtract(high, low), weight))
    found = elementwise.where(logic.equal(low, high), low, between)
    unknown = reduce.all(missing, -1, True) if without_nan else reduce.any(missing, -1, True)
    found = shaping.moveaxis(elementwise.where(unknown, math.nan, found), -1, 0)
    rows = [1 if a in axes else size for a, size in enumerate(sizes)] if keepdims else kept
    return shaping.reshape(found, [*core.shape(q), *rows])


def _of_fractions(x, q, *, axis=None, method="linear", keepdims=False):
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    if 0 in (x[a] for a in shapes.normalize_axes(axis, len(x))):
        raise ValueError(f"there are no elements to choose from over axis {axis} of a tensor of shape {x}")
    return (*q, *shapes.reduce(x, axis=axis, keepdims=keepdims))


def _fractions_dtype(x, q):
    d = floating(x)[1]
    return (d, dtypes.promote(q, "float32")), d  # half precision would miss the place


@composite(shape=_of_fractions, dtype=_fractions_dtype, checked=True)
def quantile(x: Tensor, q: Tensor, axis=None, method="linear", keepdims=False):
    """The values below which given fractions of the elements lie; NaN where an element is NaN.

    Args:
        x: Tensor.
        q: Fraction from 0 to 1, or several, whose shape comes first in the result's.
        axis: Axis, or several; None is all of them.
        method: Which value to take between two elements: "linear", "lower", "higher", "midpoint" or "nearest".
        keepdims: Whether the axes stay, with size 1.

    Raises:
        ValueError: For any other method.
    """
    return _in_order(x, q, axis, method, keepdims, False)


@composite(shape=_of_fractions, dtype=_fractions_dtype, checked=True)
def nanquantile(x: Tensor, q: Tensor, axis=None, method="linear", keepdims=False):
    """As `quantile`, without the elements that are NaN; NaN where all are."""
    return _in_order(x, q, axis, method, keepdims, True)


@composite(shape=_of_fractions, dtype=_fractions_dtype, checked=True)
def percentile(x: Tensor, q: Tensor, axis=None, method="linear", keepdims=False):
    """As `quantile`, with `q` from 0 to 100."""
    return _in_order(x, elementwise.divide(q, 100), axis, method, keepdims, False)


@composite(shape=_of_fractions, dtype=_fractions_dtype, checked=True)
def nanpercentile(x: Tensor, q: Tensor, axis=None, method="linear", keepdims=False):
    """As `nanquantile`, with `q` from 0 to 100."""
    return _in_order(x, elementwise.divide(q, 100), axis, method, keepdims, True)


@composite(shape=shapes.reduce, dtype=floating)
def median(x: Tensor, axis=None, keepdims=False):
    """The middle element in ascending order over some axes, or the mean of the two; NaN where an element is NaN."""
    return quantile(x, 0.5, axis, keepdims=keepdims)


@composite(shape=shapes.reduce, dtype=floating)
def nanmedian(x: Tensor, axis=None, keepdims=False):
    """As `median`, without the elements that are NaN; NaN where all are."""
    return nanquantile(x, 0.5, axis, keepdims=keepdims)


# ------------------------------------------------------------------------------------------------ counts


def _counts_dtype(x, weights):
    d = "int32" if weights is None else dtypes.promote(x, weights)
    return (None, d), d


def _counts(x, weights, *, minlength=0):
    shapes.count(minlength, "`minlength`")
    return (*x[:-1], None)


@op(shape=_counts, dtype=_counts_dtype, sparse=on_request, checked=True)
def bincount(x: Tensor, weights: Tensor = None, minlength=0, sparse=False):
    """How often each of the integers from 0 on occurs along the last axis.

    Args:
        x: Integers of at least 0.
        weights: What each of them counts, in the shape of `x`; None counts 1.
        minlength: How many integers to count at least; the largest one in `x` is always among them.
        sparse: Whether the result is a sparse tensor, on a backend that has them.
    """


def _bins(x, *, bins=10, range=None):
    if len(x) != 1:
        raise ValueError(f"Input tensor must be 1-dimensional, but x has the shape {x}")
    if not isinstance(bins, int):
        raise TypeError(f"Argument `bins` must be of type `int`, not {bins!r}")
    if bins < 0:
        raise ValueError(f"Argument `bins` should be a non-negative integer, not {bins}")
    if range and (not isinstance(range, tuple) or len(range) != 2):
        raise ValueError(f"Argument `range` must be a tuple of two elements, not {range!r}")
    if range and range[1] < range[0]:
        raise ValueError(f"The second element of `range` must be greater than the first, unlike in {range}")
    return [(bins,), (bins + 1,)]


def _histogram_dtype(x):
    return wide_floating(x)[0], (dtypes.arithmetic(x)[0],) * 2


@composite(shape=_bins, dtype=_histogram_dtype, checked=True)
def histogram(x: Tensor, bins=10, range=None):
    """How many elements of a vector fall into each of some equally wide bins, and the edges of the bins.

    Args:
        x: Vector.
        bins: How many bins. Each has its lower edge within it, the last one its upper edge too.
        range: Lowest and highest edge; None is the least and the largest element. What lies outside is not counted.

    Returns:
        The counts, of shape (bins,), and the edges, of shape (bins + 1,).
    """
    if not range and x.shape[0] != 0:
        low, high = reduce.min(x), reduce.max(x)
    else:
        low, high = (core.convert_to_tensor(float(end), core.dtype(x)) for end in range or (0, 1))
    widened = core.cast(logic.equal(low, high), core.dtype(x))  # as numpy does, where all elements are equal
    low = elementwise.subtract(low, elementwise.multiply(widened, 0.5))
    high = elementwise.add(high, elementwise.multiply(widened, 0.5))
    edges = creation.linspace(low, high, bins + 1)
    place = elementwise.subtract(indexing.searchsorted(edges, x, "right"), 1)
    place = elementwise.where(logic.equal(x, high), max(bins - 1, 0), place)
    inside = logic.logical_and(logic.greater_equal(x, low), logic.less_equal(x, high))
    place = elementwise.where(inside, place, bins)  # one more bin, for those outside
    counts = indexing.scatter(shaping.expand_dims(place, -1), creation.ones_like(place), (bins + 1,))
    return indexing.get_item(counts, slice(0, bins)), edges


# ------------------------------------------------------------------------------------------------ correlation


def _between_rows(x):
    if len(x) > 2:
        raise ValueError(f"a matrix with a row for each variable, or a vector, is needed, not a tensor of shape {x}")
    return x[:1] * 2 if len(x) == 2 else ()


@composite(shape=_between_rows, dtype=wide_floating, checked=True)
def corrcoef(x: Tensor):
    """Pearson's correlation coefficients between the rows of a matrix.

    Args:
        x: Matrix of shape (variables, observations), or a vector of observations of one variable.

    Returns:
        Symmetric matrix of shape (variables, variables) with numbers from -1 to 1; a number for a vector.
    """
    apart = elementwise.subtract(x, reduce.mean(x, -1, True))
    spread = elementwise.sqrt(reduce.sum(elementwise.square(apart), -1, True))
    rows = elementwise.divide(apart, spread)
    return elementwise.clip(algebra.inner(rows, rows), -1, 1)


def _slid(x1, x2, *, mode="valid"):
    if len(x1) != 1 or len(x2) != 1:
        raise ValueError(f"two vectors are needed, not tensors of shapes {x1} and {x2}")
    if mode not in ("valid", "same", "full"):
        raise ValueError(f"mode must be 'valid', 'same' or 'full', not {mode!r}")
    if None in (*x1, *x2):
        raise ValueError(f"both vectors must have a known length, as the longer one stays in place, not the shapes {x1} and {x2}")
    long, short = max(x1[0], x2[0]), min(x1[0], x2[0])
    return ({"valid": long - short + 1, "same": long, "full": long + short - 1}[mode],)


def _correlation_dtype(x1, x2):
    d = dtypes.promote(x1, x2)
    d = "float64" if d == "int64" else d if d in ("bfloat16", "float16", "float64") else "float32"
    return d, d


@composite(shape=_slid, dtype=_correlation_dtype, checked=True)
def correlate(x1: Tensor, x2: Tensor, mode="valid"):
    """The sums of products of two vectors, for each place to which the one is slid along the other.

    Args:
        x1, x2: Vectors. Places are counted along the longer one; where that is `x2`, from its end.
        mode: "valid" for the places where the shorter vector lies within the longer one, "same" for as many as the longer
            one has elements, "full" for all where they overlap.
    """
    (n,), (m,) = core.shape(x1), core.shape(x2)
    if n < m:
        return shaping.flip(correlate(x2, x1, mode))
    border = {"valid": (0, 0), "same": (m // 2, m - m // 2 - 1), "full": (m - 1, m - 1)}[mode]
    sequence = shaping.reshape(shaping.pad(x1, (border,)), (1, -1, 1))
    return shaping.ravel(window.conv(sequence, shaping.reshape(x2, (-1, 1, 1)), data_format="channels_last"))
