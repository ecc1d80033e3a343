"""Ops that pick, place, order and search elements."""

import math

from kerastorch import dtypes, shapes
from kerastorch.dtypes import same
from kerastorch.op import Tensor, Tensors, composite, op
from kerastorch.ops import core, creation, elementwise, logic, reduce, shaping
from kerastorch.sparsity import kept

# ------------------------------------------------------------------------------------------------ picking


@op(shape=shapes.take, dtype=same)
def take(x: Tensor, indices: Tensor, axis=None):
    """The elements at some positions.

    Args:
        x: Tensor.
        indices: Positions along the axis; negative ones count from the end.
        axis: Axis that is indexed; None indexes the flattened operand.
    """


def _along(x, indices, *, axis=None):
    if axis is None:
        return indices if len(indices) == 1 else (None if None in indices else math.prod(indices),)
    if len(x) != len(indices):
        raise ValueError(f"indices of shape {indices} must have as many dimensions as x of shape {x}")
    axis = shapes.normalize_axis(axis, len(x))
    rest = shapes.broadcast(x[:axis] + x[axis + 1 :], indices[:axis] + indices[axis + 1 :])
    return (*rest[:axis], indices[axis], *rest[axis:])


@op(shape=_along, dtype=same)
def take_along_axis(x: Tensor, indices: Tensor, axis=None):
    """The elements at positions that differ from row to row.

    Args:
        x: Tensor.
        indices: Positions along the axis, of as many dimensions as `x`.
        axis: Axis that is indexed; None indexes the flattened operand.
    """


@op(shape=shapes.sliced, dtype=same)
def get_item(x: Tensor, key):
    """What `x[key]` is: integers, slices, `...`, None and index tensors as in numpy."""


def _slice(inputs, starts, *, shape, start_indices):
    if len(shape) != len(inputs):
        raise ValueError(
            f"the dimensions in `inputs` must match the dimensions in `shape`: shape {inputs} has {len(inputs)}, "
            f"and {tuple(shape)} has sizes for {len(shape)}"
        )
    if starts and starts[0] not in (None, len(inputs)):
        raise ValueError(
            f"the dimensions in `start_indices` must match the dimensions in `inputs`: shape {inputs} has {len(inputs)}, "
            f"and there are {starts[0]} indices"
        )
    sizes = [d if isinstance(d, int) and d == -1 else shapes.known((d,))[0] for d in shape]
    if any(None not in (d, size) and d > size for d, size in zip(sizes, inputs, strict=True)):
        raise ValueError(f"a block of shape {tuple(shape)} is larger than shape {inputs}")
    begins = start_indices if isinstance(start_indices, list | tuple) else [None] * len(inputs)
    return tuple(
        d if d != -1 else size - begin if isinstance(begin, int) and size is not None else None
        for d, size, begin in zip(sizes, inputs, begins, strict=True)
    )


def _place(indices):
    """The dtype in which places are counted."""
    return None if indices in ("int32", "int64") else "int64"


def _placing(x, indices):
    d = same(x)[1]
    return (d, _place(indices), d), d


@op(shape=_slice, dtype=lambda inputs, start_indices: (_placing(inputs, start_indices)[0][:2], same(inputs)[1]))
def slice(inputs: Tensor, start_indices: Tensor, shape):
    """A block of a tensor.

    Args:
        inputs: Tensor.
        start_indices: Where the block begins, along each dimension.
        shape: Its sizes; -1 goes on to the end.
    """


@op(
    shape=shapes.unary,
    dtype=lambda inputs, start_indices, updates: _placing(inputs, start_indices),
)
def slice_update(inputs: Tensor, start_indices: Tensor, updates: Tensor):
    """A tensor with a block of it replaced.

    Args:
        inputs: Tensor.
        start_indices: Where the block begins, along each dimension.
        updates: What is put there, with as many dimensions as `inputs`.
    """


@composite
def select(condlist: Tensors, choicelist: Tensors, default: Tensor = 0):
    """Elements of the first choice whose condition holds.

    Args:
        condlist: Conditions.
        choicelist: A tensor for each condition.
        default: What stands where no condition holds.
    """
    out = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        out = elementwise.where(condition, choice, out)
    return out


# ------------------------------------------------------------------------------------------------ placing


def _scattered(indices, values, *, shape):
    return shapes.known(shape)


@op(shape=_scattered, dtype=lambda indices, values: (_placing(values, indices)[0][1:], same(values)[1]))
def scatter(indices: Tensor, values: Tensor, shape):
    """Zeros with values added at some places.

    Args:
        indices: Places, as rows of indices into the leading dimensions.
        values: What is put there; values for one place add up.
        shape: Shape of the result.
    """


@op(
    shape=shapes.unary,
    dtype=lambda inputs, indices, updates: _placing(inputs, indices),
)
def scatter_update(inputs: Tensor, indices: Tensor, updates: Tensor, reduction=None):
    """A tensor with the values at some places replaced, or combined with others.

    Args:
        inputs: Tensor.
        indices: Places, as rows of indices into the leading dimensions.
        updates: A value (or slice) for each place.
        reduction: None replaces; "add", "mul", "max" and "min" combine old and new values.
    """


# ------------------------------------------------------------------------------------------------ ordering


def _ordered(x, *, axis=-1):
    if axis is None:
        return (None if None in x else math.prod(x),)
    shapes.normalize_axis(axis, len(x))
    return x


@op(shape=_ordered, dtype=dtypes.arithmetic)
def sort(x: Tensor, axis=-1):
    """The elements in ascending order along an axis, or of the flattened operand where that is None."""


@op(shape=lambda x, *, axis=-1: _ordered(x, axis=axis) if x else (1,), dtype=dtypes.index)
def argsort(x: Tensor, axis=-1):
    """The positions that would sort a tensor; equal elements keep their order. A single number is taken as a vector."""


def _parted(x, *, kth, axis=-1):
    if not isinstance(kth, int):
        raise ValueError(f"kth must be an integer, not {kth!r}")
    return _ordered(x, axis=axis)


@composite(shape=_parted, dtype=dtypes.index, checked=True)
def argpartition(x: Tensor, kth, axis=-1):
    """Positions that put one element where sorting would, those before it being no larger and those behind it no smaller.

    Args:
        x: Tensor.
        kth: Which element of the order comes to its place.
        axis: Axis; None is the flattened operand.
    """
    return argsort(x, axis)  # more order than is asked for, and as fast: neither framework partitions


def _top(x, *, k):
    k = shapes.count(k, "`k`")
    if not x or x[-1] is not None and x[-1] < k:
        raise ValueError(f"there are no {k} elements along the last axis of shape {x}")
    return [(*x[:-1], k)] * 2


def _top_dtype(x):
    compute, d = dtypes.arithmetic(x)
    return compute, (d, "int32")


@op(shape=_top, dtype=_top_dtype)
def top_k(x: Tensor, k, sorted=True):
    """The `k` largest elements along the last axis, and their positions.

    Args:
        x: Tensor.
        k: How many.
        sorted: Whether they come in descending order.
    """


def _classified(targets, predictions):
    if len(predictions) != 2 or len(targets) != 1:
        raise ValueError(f"targets of shape {targets} and predictions of shape {predictions} must have ranks 1 and 2")
    return targets


@composite(shape=_classified, dtype=lambda targets, predictions: (None, "bool"))
def in_top_k(targets: Tensor, predictions: Tensor, k):
    """Whether each target is among the `k` classes with the largest predictions; ties count for the target.

    Args:
        targets: Class of each sample.
        predictions: A row of scores for each sample.
        k: How many classes to look at.
    """
    score = take_along_axis(predictions, shaping.expand_dims(targets, 1), 1)
    better = reduce.sum(core.cast(logic.greater(predictions, score), "int32"), 1)
    return logic.logical_and(logic.less(better, k), logic.isfinite(shaping.squeeze(score, 1)))


# ------------------------------------------------------------------------------------------------ searching


def _searched(sorted_sequence, values):
    if len(sorted_sequence) != 1:
        raise ValueError(f"sorted_sequence of shape {sorted_sequence} must be a vector")
    return values


def _search_dtype(sorted_sequence, values):
    return dtypes.arithmetic(sorted_sequence, values)[0], "int32"


@op(shape=_searched, dtype=_search_dtype, checked=True)
def searchsorted(sorted_sequence: Tensor, values: Tensor, side="left"):
    """Where values would be inserted into a sorted vector to keep it sorted.

    Args:
        sorted_sequence: Ascending vector.
        values: What is looked up.
        side: "left" goes before equal elements, "right" behind them.
    """


def _binned(x, bins):
    if len(bins) != 1:
        raise ValueError(f"bins of shape {bins} must be a vector")
    return x


@composite(shape=_binned, dtype=lambda x, bins: (None, "int32"), sparse=kept, checked=True)
def digitize(x: Tensor, bins: Tensor):
    """The bin into which each element falls: how many of the ascending bounds are not above it."""
    return searchsorted(bins, x, "right")


@composite(shape=lambda x1, x2: x1, dtype=dtypes.ordered)
def isin(x1: Tensor, x2: Tensor, assume_unique=False, invert=False):
    """Whether each element of the first operand is somewhere in the second.

    Args:
        x1: Elements that are looked up.
        x2: Elements among which to look.
        assume_unique: Accepted as in numpy; it makes no difference here.
        invert: Whether to answer with the opposite.
    """
    found = reduce.any(logic.equal(shaping.expand_dims(x1, -1), shaping.ravel(x2)), -1)
    return logic.logical_not(found) if invert else found


@op(shape=lambda x: [(None,)] * len(x), dtype=lambda x: ("bool", "int32"))
def nonzero(x: Tensor):
    """The positions of the elements that are not 0: for each dimension, a vector of indices."""


def _spread(indices, *, shape):
    return [indices] * len(shape)


@composite(shape=_spread, dtype=same)
def unravel_index(indices: Tensor, shape):
    """Where the elements at some positions of a flattened tensor stand in that tensor.

    Args:
        indices: Positions; negative ones count from the end.
        shape: Shape of the tensor.

    Returns:
        For each of its dimensions, indices in the shape of `indices`.
    """
    found = []
    for size in reversed(shape):
        found.append(elementwise.mod(indices, size))
        indices = elementwise.floor_divide(indices, size)
    return tuple(reversed(found))


# ------------------------------------------------------------------------------------------------ distinct elements


def _distinct(x, *, axis=None):
    if axis is None:
        return [(None,), x, (None,)]
    axis = shapes.normalize_axis(axis, len(x))
    return [(*x[:axis], None, *x[axis + 1 :]), (x[axis],), (None,)]


@op(shape=_distinct, dtype=lambda x: (None, (same(x)[1], "int32", "int32")))
def distinct(x: Tensor, axis=None):
    """What `unique` is made of: the distinct elements (or slices) in order, which of them stands where, and how often."""


def _chosen(items, return_index, return_inverse, return_counts):
    """The results of `unique` that were asked for, out of values, indices, inverse and counts."""
    return [x for x, asked in zip(items, (True, return_index, return_inverse, return_counts), strict=True) if asked]


def _unique(x, *, return_index=False, return_inverse=False, return_counts=False, axis=None, size=None):
    values, inverse, _ = _distinct(x, axis=axis)
    along = 0 if axis is None else shapes.normalize_axis(axis, len(x))
    values = (*values[:along], size, *values[along + 1 :])
    found = _chosen((values, (size,), inverse, (size,)), return_index, return_inverse, return_counts)
    return found if len(found) > 1 else found[0]


def _unique_dtype(x, *, return_index=False, return_inverse=False, return_counts=False):
    found = _chosen((same(x)[1], "int32", "int32", "int32"), return_index, return_inverse, return_counts)
    return None, tuple(found) if len(found) > 1 else found[0]


@composite(shape=_unique, dtype=_unique_dtype)
def unique(
    x: Tensor,
    sorted=True,
    return_index=False,
    return_inverse=False,
    return_counts=False,
    axis=None,
    size=None,
    fill_value=None,
):
    """The distinct elements of a tensor, or its distinct slices along an axis, in ascending order.

    Args:
        x: Tensor. Each NaN is distinct from all others.
        sorted: Accepted as in Keras; the result is sorted either way.
        return_index: Whether to tell where each of them stands first.
        return_inverse: Whether to tell, for each element of `x`, which of them it is.
        return_counts: Whether to tell how often each of them stands there.
        axis: Axis along which slices are compared; None compares single elements.
        size: How many to answer with, so that the shape is known: the first ones, filled up where there are fewer.
        fill_value: What fills up the elements; None is 0. Indices are filled up with 1, counts with 0.

    Returns:
        The elements, or a tuple of them and what else was asked for: indices, inverse, counts.
    """
    values, inverse, counts = distinct(x, axis)
    first = None
    if return_index:
        places = shaping.reshape(inverse, (-1, 1))
        count = core.shape(places)[0]
        start = elementwise.multiply(creation.ones_like(counts), count)
        first = scatter_update(start, places, creation.arange(count, dtype="int32"), "min")
    if size is not None:
        along = 0 if axis is None else axis
        values = _fitted(values, size, fill_value or 0, along)
        counts = _fitted(counts, size, 0, 0)
        if return_index:
            first = _fitted(first, size, 1, 0)
    found = _chosen((values, first, inverse, counts), return_index, return_inverse, return_counts)
    return tuple(found) if len(found) > 1 else found[0]


def _fitted(x, size, fill_value, axis):
    """The first so many slices along an axis, filled up where there are fewer."""
    shape = list(core.shape(x))
    shape[axis] = size
    filling = core.cast(creation.full(shape, fill_value, core.dtype(x)), core.dtype(x))
    return take(shaping.concatenate([x, filling], axis), creation.arange(size), axis)


# -------------------------------------------------------------------------------------------- diagonals and triangles


def _diagonal(x, *, offset=0, axis1=0, axis2=1):
    if len(x) < 2:
        raise ValueError(f"a tensor of rank 2 or more is needed, not of shape {x}")
    a, b = shapes.normalize_axis(axis1, len(x)), shapes.normalize_axis(axis2, len(x))
    if a == b:
        raise ValueError(f"axis1={axis1} and axis2={axis2} are one axis of shape {x}")
    rest = tuple(d for i, d in enumerate(x) if i not in (a, b))
    rows, columns = x[a], x[b]
    if None in (rows, columns):
        return (*rest, None)
    return (*rest, max(min(rows + min(offset, 0), columns - max(offset, 0)), 0))


@op(shape=_diagonal, dtype=same)
def diagonal(x: Tensor, offset=0, axis1=0, axis2=1):
    """The diagonal of the matrices that two axes span, as the last dimension.

    Args:
        x: Tensor.
        offset: How far right of the main diagonal.
        axis1, axis2: Axes of the rows and of the columns.
    """


def _diag(x, *, k=0):
    if len(x) == 1:
        return (None if x[0] is None else x[0] + abs(k),) * 2
    if len(x) > 2:
        raise ValueError(f"a vector or a matrix is needed, not a tensor of shape {x}")
    return _diagonal(x, offset=k)


@composite(shape=_diag, dtype=same)
def diag(x: Tensor, k=0):
    """A vector as a diagonal of a matrix of zeros, or a diagonal of a matrix as a vector."""
    if len(x.shape) == 2:
        return diagonal(x, k)
    number = core.shape(x)[0]
    square = elementwise.multiply(shaping.expand_dims(x, 1), creation.eye(number, dtype=core.dtype(x)))
    before, after = max(k, 0), max(-k, 0)
    return shaping.pad(square, ((after, before), (before, after)))


@composite(shape=lambda x, *, k=0: _diag((None if None in x else math.prod(x),), k=k), dtype=same)
def diagflat(x: Tensor, k=0):
    """All elements as a diagonal of a matrix of zeros."""
    return diag(shaping.ravel(x), k)


def _triangle(x):
    if len(x) < 2:
        raise ValueError(f"a tensor of rank 2 or more is needed, not of shape {x}")
    return x


@composite(shape=_triangle, dtype=same)
def tril(x: Tensor, k=0):
    """The last two dimensions with zeros above one diagonal."""
    return elementwise.where(creation.tri(*core.shape(x)[-2:], k, "bool"), x, 0)


@composite(shape=_triangle, dtype=same)
def triu(x: Tensor, k=0):
    """The last two dimensions with zeros below one diagonal."""
    return elementwise.where(creation.tri(*core.shape(x)[-2:], k - 1, "bool"), 0, x)
