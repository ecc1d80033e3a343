"""Ops that rearrange elements: shapes, order, joining, splitting, repeating and padding."""

import math

from kerastorch import shapes
from kerastorch.dtypes import promoted, same
from kerastorch.op import Tensor, Tensors, composite, op, shape_of
from kerastorch.ops import core
from kerastorch.sparsity import kept, union

# ------------------------------------------------------------------------------------------------ one shape for another


@op(shape=shapes.reshape, dtype=same, sparse=kept)
def reshape(x: Tensor, newshape):
    """The same elements in another shape.

    Args:
        x: Tensor.
        newshape: The sizes; one may be -1, which stands for what is left.
    """


@composite(shape=lambda x: (None if None in x else math.prod(x),), dtype=same)
def ravel(x: Tensor):
    """All elements in one dimension."""
    return reshape(x, (-1,))


@op(shape=shapes.transpose, dtype=same, sparse=kept)
def transpose(x: Tensor, axes=None):
    """The dimensions in the order of `axes`, reversed where that is None."""


def _swapped(x, *, axis1, axis2):
    return tuple(x[a] for a in _swap(len(x), axis1, axis2))


def _swap(rank, axis1, axis2):
    order = list(range(rank))
    a, b = (shapes.normalize_axis(axis, rank) for axis in (axis1, axis2))
    order[a], order[b] = order[b], order[a]
    return order


@composite(shape=_swapped, dtype=same)
def swapaxes(x: Tensor, axis1, axis2):
    """Two dimensions in each other's place."""
    return transpose(x, _swap(len(x.shape), axis1, axis2))


def _moved(x, *, source, destination):
    return tuple(x[a] for a in _move(len(x), source, destination))


def _move(rank, source, destination):
    source, destination = shapes.normalize_axes(source, rank), shapes.normalize_axes(destination, rank)
    if len(source) != len(destination):
        raise ValueError(f"source {source} and destination {destination} must name as many axes")
    order = [a for a in range(rank) if a not in source]
    for to, origin in sorted(zip(destination, source, strict=True)):
        order.insert(to, origin)
    return order


@composite(shape=_moved, dtype=same)
def moveaxis(x: Tensor, source, destination):
    """Some dimensions at other places, the rest in their order.

    Args:
        x: Tensor.
        source: Axis that moves, or several.
        destination: Where each goes.
    """
    return transpose(x, _move(len(x.shape), source, destination))


@op(shape=shapes.expand, dtype=same, sparse=kept)
def expand_dims(x: Tensor, axis):
    """With a dimension of size 1 inserted at one position, or at several."""


@op(shape=shapes.squeeze, dtype=same, sparse=kept)
def squeeze_(x: Tensor, axis=None):
    """The recorded form of `squeeze`, which names all axes, so that a batch of one stays a batch."""


@composite(shape=shapes.squeeze)
def squeeze(x: Tensor, axis=None):
    """Without the dimensions of size 1, or without the named ones."""
    return squeeze_(x, [i for i, size in enumerate(shape_of(x)) if size == 1] if axis is None else axis)


def _broadcast_to(x, *, shape):
    target = shapes.known(shape)
    pairs = zip(x[::-1], target[::-1])
    if len(x) > len(target) or any(want is not None and have not in (1, None, want) for have, want in pairs):
        raise ValueError(f"shape {x} does not broadcast to {target}")
    return target


@op(shape=_broadcast_to, dtype=same, checked=True)
def broadcast_to(x: Tensor, shape):
    """The operand repeated along dimensions of size 1, and along new leading ones, to a given shape."""


# ------------------------------------------------------------------------------------------------ joining


@op(shape=lambda xs, *, axis=0: shapes.concatenate(xs, axis=axis), dtype=promoted, sparse=union)
def concatenate(xs: Tensors, axis=0):
    """Tensors joined along one axis, which must agree in all others."""


@op(shape=shapes.stack, dtype=promoted)
def stack(x: Tensors, axis=0):
    """Tensors of one shape, joined along a new axis."""


def _appended(x1, x2, *, axis=None):
    if axis is None:
        x1, x2 = ((None if None in x else math.prod(x),) for x in (x1, x2))
    return shapes.concatenate([x1, x2], axis=axis or 0)


@composite(shape=_appended, dtype=promoted)
def append(x1: Tensor, x2: Tensor, axis=None):
    """The second operand behind the first, along an axis; both flattened where that is None."""
    if axis is None:
        return concatenate([ravel(x1), ravel(x2)])
    return concatenate([x1, x2], axis)


@composite
def vstack(xs: Tensors):
    """Tensors joined along the first axis, vectors taken as rows."""
    return concatenate([x if len(x.shape) > 1 else reshape(x, (1, -1)) for x in map(core.convert_to_tensor, xs)])


@composite
def hstack(xs: Tensors):
    """Tensors joined along the second axis, or vectors along their only one."""
    xs = [x if len(x.shape) else reshape(x, (1,)) for x in map(core.convert_to_tensor, xs)]
    return concatenate(xs, 0 if len(xs[0].shape) == 1 else 1)


@composite
def dstack(xs: Tensors):
    """Tensors joined along the third axis, which vectors and matrices are given."""
    deep = []
    for x in map(core.convert_to_tensor, xs):
        x = x if len(x.shape) > 1 else reshape(x, (1, -1))
        deep.append(x if len(x.shape) > 2 else expand_dims(x, -1))
    return concatenate(deep, 2)


# ------------------------------------------------------------------------------------------------ splitting


def _split(x, *, indices_or_sections, axis=0):
    axis = shapes.normalize_axis(axis, len(x))
    size = x[axis]
    if isinstance(indices_or_sections, int):
        shapes.count(indices_or_sections, "the number of parts", 1)
        if size is not None and size % indices_or_sections:
            raise ValueError(f"axis {axis} of shape {x} cannot be split into {indices_or_sections} equal parts")
        sizes = [None if size is None else size // indices_or_sections] * indices_or_sections
    else:
        sizes = _between(indices_or_sections, size)
    return [(*x[:axis], s, *x[axis + 1 :]) for s in sizes]


def _between(cuts, size):
    """The sizes of the parts of an axis that is cut at some positions."""
    cuts = [int(c) for c in cuts]
    if size is None:
        return [*(b - a for a, b in zip([0, *cuts], cuts)), None]
    at = [0, *(min(max(c + size if c < 0 else c, 0), size) for c in cuts), size]
    return [max(b - a, 0) for a, b in zip(at, at[1:])]


@op(shape=_split, dtype=same)
def split(x: Tensor, indices_or_sections, axis=0):
    """The parts of a tensor along one axis, as a list.

    Args:
        x: Tensor.
        indices_or_sections: How many equal parts, or the positions at which new parts begin.
        axis: Axis that is split.
    """


def _divided(x, *, indices_or_sections, axis=0):
    size = x[shapes.normalize_axis(axis, len(x))]
    if isinstance(indices_or_sections, int) and indices_or_sections > 0 and size is not None:
        indices_or_sections = _cuts(size, indices_or_sections)
    return _split(x, indices_or_sections=indices_or_sections, axis=axis)


def _cuts(size, number):
    """Where the parts begin, after the first, when an axis is split into some that differ by one at most."""
    least, more = divmod(size, number)
    return [least * i + min(i, more) for i in range(1, number)]


@composite(shape=_divided, dtype=same, checked=True)
def array_split(x: Tensor, indices_or_sections, axis=0):
    """As `split`, with parts that may differ by one where the axis does not divide evenly."""
    if isinstance(indices_or_sections, int):
        indices_or_sections = _cuts(core.shape(x)[axis], indices_or_sections)
    return split(x, indices_or_sections, axis)


@composite
def hsplit(x: Tensor, indices_or_sections):
    """The parts of a tensor along its second axis, or of a vector along its only one."""
    return split(x, indices_or_sections, 0 if len(x.shape) == 1 else 1)


@composite
def vsplit(x: Tensor, indices_or_sections):
    """The parts of a tensor along its first axis."""
    return split(x, indices_or_sections, 0)


@composite
def dsplit(x: Tensor, indices_or_sections):
    """The parts of a tensor along its third axis."""
    return split(x, indices_or_sections, 2)


def _unstacked(x, *, num=None, axis=0):
    axis = shapes.normalize_axis(axis, len(x))
    if None not in (num, x[axis]) and num != x[axis]:
        raise ValueError(f"num {num} is not the size of axis {axis} of shape {x}")
    num = x[axis] if num is None else num
    if num is None:
        raise ValueError(f"Cannot infer argument `num` from shape {x}: axis {axis} has no known size. Give num itself")
    return [x[:axis] + x[axis + 1 :]] * num


@op(shape=_unstacked, dtype=same, checked=True)
def unstack(x: Tensor, num=None, axis=0):
    """The slices of a tensor along one axis, as a list.

    Args:
        x: Tensor.
        num: How many there are; needed only where the size of the axis is not known.
        axis: Axis that is taken apart.
    """


# ------------------------------------------------------------------------------------------------ repeating and padding


@op(shape=shapes.repeated, dtype=same)
def repeat(x: Tensor, repeats, axis=None):
    """Each element several times in succession.

    Args:
        x: Tensor.
        repeats: How often; one number, or one for each position of the axis.
        axis: Axis along which to repeat; None flattens first.
    """


@op(shape=shapes.tiled, dtype=same)
def tile(x: Tensor, repeats):
    """The whole tensor side by side with itself, so many times along each axis."""


@op(shape=shapes.padded, dtype=lambda x, constant_values: promoted(x))
def pad(x: Tensor, pad_width, mode="constant", constant_values: Tensor = None):
    """The operand with a border around it.

    Args:
        x: Tensor.
        pad_width: Border of each dimension, `((before, after), ...)`; one such pair, or one number, is for all of them.
        mode: "constant", "edge", "reflect", "symmetric", "circular" or "wrap".
        constant_values: What fills a constant border; None is 0.
    """


def _moving(x, *, axis=None):
    shapes.normalize_axes(axis, len(x))
    return x


@op(shape=_moving, dtype=same)
def flip(x: Tensor, axis=None):
    """The elements in reverse order along some axes; None is all of them."""


@composite(shape=shapes.unary, dtype=same)
def fliplr(x: Tensor):
    """The columns in reverse order."""
    return flip(x, 1)


@composite(shape=shapes.unary, dtype=same)
def flipud(x: Tensor):
    """The rows in reverse order."""
    return flip(x, 0)


def _rolling(x, *, axis=None):
    for a in axis if isinstance(axis, list | tuple) else (axis,):  # which may name an axis twice
        _moving(x, axis=a)
    return x


@op(shape=_rolling, dtype=same)
def roll(x: Tensor, shift, axis=None):
    """The elements moved along an axis, those that leave at one end coming back at the other.

    Args:
        x: Tensor.
        shift: How far; several for several axes.
        axis: Axis, or several; None moves over the flattened operand and restores its shape.
    """


@composite
def rot90(array: Tensor, k=1, axes=(0, 1)):
    """The operand turned by 90 degrees in the plane of two axes, `k` times, from the first axis towards the second."""
    first, second = (shapes.normalize_axis(a, len(array.shape), "axes") for a in axes)
    if first == second:
        raise ValueError(f"rot90: axes {axes} name one dimension twice")
    k %= 4
    if k == 2:
        return flip(array, (first, second))
    if k == 1:
        array = flip(array, second)
    if k:
        array = swapaxes(array, first, second)
    return flip(array, second) if k == 3 else array


def meshgrid(*x, indexing="xy"):
    """The coordinates of a grid: one tensor for each vector of positions.

    Args:
        x: Vectors.
        indexing: "ij" varies the first vector along the first axis, "xy" along the second.
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing must be 'xy' or 'ij', not {indexing!r}")
    vectors = [ravel(v) for v in x]
    concatenate.op.owner(vectors, (vectors, 0))  # all of one framework
    order = list(range(len(vectors)))
    if indexing == "xy" and len(order) > 1:
        order[:2] = 1, 0
    whole = [core.sizes(vectors[i])[0] for i in order]
    at = {vector: axis for axis, vector in enumerate(order)}
    return [
        broadcast_to(reshape(v, [-1 if axis == at[i] else 1 for axis in range(len(order))]), whole)
        for i, v in enumerate(vectors)
    ]
