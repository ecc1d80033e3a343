"""Products of vectors, matrices and tensors."""

import math
import string

from kerastorch import dtypes, shapes
from kerastorch.op import Tensor, Tensors, composite, op
from kerastorch.ops import core, elementwise, indexing, reduce, shaping
from kerastorch.shapes import contract
from kerastorch.sparsity import union

# ------------------------------------------------------------------------------------------------ products


def _product(*operands):
    """As `arithmetic`; products of int8 are summed in int32."""
    compute, d = dtypes.arithmetic(*operands)
    return ("int32", "int32") if len(operands) > 1 and set(operands) == {"int8"} else (compute, d)


@op(shape=contract, dtype=_product, sparse=union)
def matmul(x1: Tensor, x2: Tensor):
    """The matrix product, with leading dimensions broadcast.

    Args:
        x1, x2: Tensors of rank 1 or more; a vector is a row on the left and a column on the right.
    """


def _contracted(x1, x2, *, axes=2):
    left, right = _pairs(len(x1), len(x2), axes)
    for a, b in zip(left, right, strict=True):
        if None not in (x1[a], x2[b]) and x1[a] != x2[b]:
            raise ValueError(f"axes {axes} contract sizes {x1[a]} and {x2[b]} of shapes {x1} and {x2}")
    return tuple(d for i, d in enumerate(x1) if i not in left) + tuple(d for i, d in enumerate(x2) if i not in right)


def _pairs(rank1, rank2, axes):
    """The contracted axes of both operands of `tensordot`."""
    if isinstance(axes, int):
        if axes > min(rank1, rank2):
            raise ValueError(f"axes {axes} are more than tensors of ranks {rank1} and {rank2} have")
        return list(range(rank1 - axes, rank1)), list(range(axes))
    left, right = ([a] if isinstance(a, int) else list(a) for a in axes)
    return [shapes.normalize_axis(a, rank1) for a in left], [shapes.normalize_axis(b, rank2) for b in right]


@op(shape=_contracted, dtype=dtypes.arithmetic)
def tensordot(x1: Tensor, x2: Tensor, axes=2):
    """The sum of products over some axes of two tensors.

    Args:
        x1, x2: Tensors.
        axes: How many last axes of the first go with as many first axes of the second, or two lists of axes.
    """


@composite(shape=shapes.dot, dtype=dtypes.arithmetic)
def dot(x1: Tensor, x2: Tensor):
    """The sum of products over the last axis of the first and the last but one of the second operand."""
    if 0 in (core.ndim(x1), core.ndim(x2)):
        return elementwise.multiply(x1, x2)
    return tensordot(x1, x2, [[-1], [-2 if len(x2.shape) > 1 else -1]])


def _inner(x1, x2):
    if x1 and x2 and None not in (x1[-1], x2[-1]) and x1[-1] != x2[-1]:
        raise ValueError(f"the last dimension of both operands must be the same, not those of shapes {x1} and {x2}")
    return _contracted(x1, x2, axes=[[-1], [-1]]) if x1 and x2 else shapes.broadcast(x1, x2)


@composite(shape=_inner, dtype=dtypes.arithmetic)
def inner(x1: Tensor, x2: Tensor):
    """The sum of products over the last axes of both operands."""
    return elementwise.multiply(x1, x2) if 0 in (core.ndim(x1), core.ndim(x2)) else tensordot(x1, x2, [[-1], [-1]])


def _flat(x):
    return (None if None in x else math.prod(x),)


def _outer(x1, x2):
    return (*_flat(x1), *_flat(x2))


@composite(shape=_outer, dtype=dtypes.arithmetic)
def outer(x1: Tensor, x2: Tensor):
    """The products of each element of one operand with each of the other, as a matrix."""
    return elementwise.multiply(shaping.reshape(x1, (-1, 1)), shaping.reshape(x2, (1, -1)))


def _paired(x1, x2):
    _contracted(*map(_flat, (x1, x2)), axes=1)
    return ()


@composite(shape=_paired, dtype=dtypes.arithmetic)
def vdot(x1: Tensor, x2: Tensor):
    """The sum of products of all elements, the first operand conjugated."""
    return tensordot(elementwise.conj(shaping.ravel(x1)), shaping.ravel(x2), 1)


def _kron(x1, x2):
    rank = max(len(x1), len(x2))
    a, b = ((1,) * (rank - len(x)) + tuple(x) for x in (x1, x2))
    return tuple(None if None in pair else pair[0] * pair[1] for pair in zip(a, b, strict=True))


@composite(shape=_kron, dtype=dtypes.arithmetic)
def kron(x1: Tensor, x2: Tensor):
    """Each element of the first operand times the whole second one, as blocks."""
    rank = max(len(x1.shape), len(x2.shape))
    a, b = ((1,) * (rank - len(x.shape)) + tuple(core.shape(x)) for x in (x1, x2))
    blocks = shaping.reshape(x1, [d for size in a for d in (size, 1)])
    inside = shaping.reshape(x2, [d for size in b for d in (1, size)])
    return shaping.reshape(elementwise.multiply(blocks, inside), [m * n for m, n in zip(a, b, strict=True)])


def _cross(x1, x2, *, axisa=-1, axisb=-1, axisc=-1, axis=None):
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = shapes.normalize_axis(axisa, len(x1)), shapes.normalize_axis(axisb, len(x2))
    if x1[a] not in (2, 3, None) or x2[b] not in (2, 3, None):
        raise ValueError(f"vectors of 2 or 3 components are needed, not {x1[a]} and {x2[b]} (shapes {x1} and {x2})")
    rest = shapes.broadcast(x1[:a] + x1[a + 1 :], x2[:b] + x2[b + 1 :])
    if 3 not in (x1[a], x2[b]):  # where no size is known, both are taken to be 2, as in Keras
        return rest
    c = shapes.normalize_axis(axisc, len(rest) + 1)
    return (*rest[:c], 3, *rest[c:])


@composite(shape=_cross, dtype=dtypes.arithmetic)
def cross(x1: Tensor, x2: Tensor, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """The cross product of vectors of two or three components.

    Args:
        x1, x2: Tensors.
        axisa, axisb: Axes of their components.
        axisc: Axis of the result's components; two pairs of components give numbers instead.
        axis: One axis for all three.
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    left = shaping.unstack(x1, axis=axisa)
    right = shaping.unstack(x2, axis=axisb)

    def minor(i, j):
        return elementwise.subtract(elementwise.multiply(left[i], right[j]), elementwise.multiply(left[j], right[i]))

    if len(left) == len(right) == 2:
        return minor(0, 1)
    left, right = (v if len(v) == 3 else [*v, elementwise.multiply(v[0], 0)] for v in (left, right))
    return shaping.stack([minor(1, 2), minor(2, 0), minor(0, 1)], axisc)


# ------------------------------------------------------------------------------------------------ einsum


def _sum_of_products(operands, *, subscripts):
    inputs, output = _parse(subscripts, [len(s) for s in operands])
    sizes: dict[str, int | None] = {}
    for letters, shape in zip(inputs, operands, strict=True):
        for letter, size in zip(letters, shape, strict=True):
            before = sizes.get(letter, 1)
            if None not in (before, size) and 1 not in (before, size) and before != size:
                raise ValueError(f"{subscripts!r} gives {letter!r} the sizes {before} and {size} (shapes {operands})")
            sizes[letter] = size if before in (1, None) and size != 1 or letter not in sizes else before
    return tuple(sizes[letter] for letter in output)


def _parse(subscripts, ranks):
    """The letters of each operand and of the result, with fresh ones in place of an ellipsis."""
    text = subscripts.replace(" ", "")
    given, arrow, output = text.partition("->")
    inputs = given.split(",")
    if len(inputs) != len(ranks):
        raise ValueError(f"{subscripts!r} names {len(inputs)} operands, but {len(ranks)} were given")
    free = [c for c in string.ascii_letters if c not in text]
    extra = max((rank - len(i) + 3 for i, rank in zip(inputs, ranks, strict=True) if "..." in i), default=0)
    dots = "".join(free[:extra])
    spelled = []
    for letters, rank in zip(inputs, ranks, strict=True):
        own = rank - len(letters.replace("...", ""))
        if own < 0 or own and "..." not in letters:
            raise ValueError(f"{subscripts!r} has {letters!r} for a tensor of rank {rank}")
        spelled.append(letters.replace("...", dots[extra - own :]))
    if not arrow:
        counted = "".join(spelled)
        output = dots + "".join(sorted(c for c in set(counted) - set(dots) if counted.count(c) == 1))
    return spelled, output.replace("...", dots)


def _einsum_dtype(operands):
    return _product(*operands)


@op(shape=_sum_of_products, dtype=_einsum_dtype)
def einsum_(subscripts, operands: Tensors):
    """The recorded form of `einsum`."""


def einsum(subscripts, *operands, **kwargs):
    """The sum of products that Einstein's notation names, such as "bij,bjk->bik".

    Args:
        subscripts: A letter for each dimension of each operand and, behind `->`, of the result; `...` is any number.
        operands: Tensors.
        kwargs: `optimize` is accepted and left to the framework.

    Raises:
        TypeError: For any other keyword.
    """
    if kwargs.keys() - {"optimize"}:
        raise TypeError(f"einsum: unexpected arguments {sorted(kwargs)}")
    return einsum_(subscripts, list(operands))


def _trace(x, *, offset=0, axis1=0, axis2=1):
    return indexing.diagonal.op.shape_rule(x, offset=offset, axis1=axis1, axis2=axis2)[:-1]


@composite(shape=_trace, dtype=dtypes.counting)
def trace(x: Tensor, offset=0, axis1=0, axis2=1):
    """The sum along a diagonal, arguments as for `diagonal`."""
    return reduce.sum(indexing.diagonal(x, offset, axis1, axis2), -1)
