"""Norms, distances, and the decompositions of matrices."""

import math

from kerastorch import dtypes, shapes
from kerastorch.dtypes import averaging, deep
from kerastorch.op import Tensor, composite, op
from kerastorch.ops import core, creation, elementwise, indexing, logic, reduce, shaping
from kerastorch.ops.algebra import matmul

# ------------------------------------------------------------------------------------------------ norms and distances


def _norm(x, *, ord=None, axis=None, keepdims=False):
    axes = shapes.normalize_axes(axis, len(x))
    if isinstance(ord, str) and (ord not in ("fro", "nuc") or len(axes) != 2):
        raise ValueError(f"ord {ord!r} must be 'fro' or 'nuc', and needs two axes, not {len(axes)}")
    if len(axes) == 2 and ord not in (None, "fro", "nuc", math.inf, -math.inf, 1, -1, 2, -2):
        raise ValueError(
            f"ord {ord!r} is no norm of matrices: it must be None, 'fro', 'nuc', inf, -inf, 1, -1, 2 or -2"
        )
    if len(axes) > 2 and ord is not None:
        raise ValueError(f"ord {ord!r} needs one axis or two, not {len(axes)}")
    return shapes.reduce(x, axis=axis, keepdims=keepdims)


def _norm_dtype(x):
    d = averaging(x)[1]
    return d, dtypes.real_part(d)


@composite(shape=_norm, dtype=_norm_dtype)
def norm(x: Tensor, ord=None, axis=None, keepdims=False):
    """The norm of vectors or matrices.

    Args:
        x: Tensor.
        ord: Which one. Vectors: any number p, the infinities, 0 for the count of non-zeros. Matrices: "fro", "nuc" (sum
            of singular values), 1 and inf (largest column and row sum), 2 (largest singular value), negative for the
            smallest. None is the square root of the sum of squares.
        axis: Axis of the vectors, or the two axes of the matrices; None is all.
        keepdims: Whether the axes stay, with size 1.
    """
    _norm(tuple(x.shape), ord=ord, axis=axis)
    axes = shapes.normalize_axes(axis, len(x.shape))
    if ord in ("nuc", 2, -2) and len(axes) == 2:
        values = svd(shaping.moveaxis(x, axes, (-2, -1)), compute_uv=False)
        found = {"nuc": reduce.sum, 2: reduce.max, -2: reduce.min}[ord](values, -1)
        return shaping.expand_dims(found, axes) if keepdims else found
    x = elementwise.abs(x)
    if ord is None or ord == "fro" or ord == 2 and len(axes) == 1:
        return length(elementwise.square(x), axes, keepdims)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes, keepdims)
    rows, columns = axes
    within, across = (rows, columns) if ord in (1, -1) else (columns, rows)
    extreme = reduce.max if ord > 0 else reduce.min
    found = extreme(reduce.sum(x, within, True), across, True)
    return found if keepdims else shaping.squeeze(found, axes)


def length(squares, axis, keepdims=False):
    """The square root of a sum of squares, with a gradient of zero where that is zero."""
    total = reduce.sum(squares, axis, keepdims)
    some = logic.greater(total, 0)
    return elementwise.where(some, elementwise.sqrt(elementwise.where(some, total, 1)), 0)


def _vector_norm(magnitudes, ord, axes, keepdims):
    if ord in (math.inf, -math.inf):
        return (reduce.max if ord > 0 else reduce.min)(magnitudes, axes, keepdims)
    if ord == 0:
        return reduce.sum(core.cast(logic.not_equal(magnitudes, 0), core.dtype(magnitudes)), axes, keepdims)
    if ord == 1:
        return reduce.sum(magnitudes, axes, keepdims)
    return elementwise.power(reduce.sum(elementwise.power(magnitudes, ord), axes, keepdims), 1.0 / ord)


def _distances(x, y):
    if len(x) < 2 or len(y) < 2 or None not in (x[-1], y[-1]) and x[-1] != y[-1]:
        raise ValueError(f"vectors of one length are needed along the last axes of shapes {x} and {y}")
    return (*shapes.broadcast(x[:-2], y[:-2]), x[-2], y[-2])


@composite(shape=_distances, dtype=deep)
def cdist(x: Tensor, y: Tensor):
    """The Euclidean distances between the vectors of two sets.

    Args:
        x: Tensor of shape (..., m, d).
        y: Tensor of shape (..., n, d).

    Returns:
        Tensor of shape (..., m, n).
    """
    return length(elementwise.square(elementwise.subtract(shaping.expand_dims(x, -2), shaping.expand_dims(y, -3))), -1)


# ------------------------------------------------------------------------------------------------ square matrices


def _matrices(x, *rest):
    if len(x) < 2:
        raise ValueError(f"Input should have rank >= 2. Received: a tensor of shape {x}, which holds no matrices")
    if None in x[-2:]:
        raise ValueError(f"Input should have its last 2 dimensions fully-defined. Received: a tensor of shape {x}")
    return x


def _square(x, *rest):
    if _matrices(x)[-1] != x[-2]:
        raise ValueError(f"square matrices are needed, not a tensor of shape {x}")
    return x


def _per_matrix(x):
    return _square(x)[:-2]


@op(shape=_square, dtype=deep)
def inv(x: Tensor):
    """The inverses of square matrices."""


@op(shape=_per_matrix, dtype=deep)
def det(x: Tensor):
    """The determinants of square matrices."""


@op(shape=lambda x: [_per_matrix(x)] * 2, dtype=deep)
def slogdet(x: Tensor):
    """The signs of determinants, and the logarithms of their absolute values."""


@composite(shape=_per_matrix, dtype=deep)
def logdet(x: Tensor):
    """The logarithms of the determinants of positive definite matrices."""
    return elementwise.multiply(2, reduce.sum(elementwise.log(indexing.diagonal(cholesky(x), 0, -2, -1)), -1))


@op(shape=_square, dtype=deep)
def cholesky(x: Tensor, upper=False):
    """The triangular factors of positive definite matrices: x is L times its conjugate transpose.

    Args:
        x: Matrices.
        upper: Whether to answer with the transpose of L.
    """


@composite(shape=_square, dtype=deep)
def cholesky_inverse(x: Tensor, upper=False):
    """The inverses of positive definite matrices, from their factors by `cholesky`.

    Args:
        x: Triangular factors.
        upper: Whether they are upper triangular.
    """
    identity = elementwise.add(creation.zeros_like(x), creation.eye(x.shape[-1], dtype=core.dtype(x)))
    inverse = solve_triangular(x, identity, not upper)
    turned = elementwise.conj(shaping.swapaxes(inverse, -2, -1))
    return matmul(inverse, turned) if upper else matmul(turned, inverse)


def _solution(a, b):
    _square(a)
    if len(b) not in (len(a) - 1, len(a)) or a[-1] != b[len(a) - 2]:
        raise ValueError(f"matrices of shape {a} do not fit right hand sides of shape {b}")
    return b


@op(shape=_solution, dtype=deep)
def solve(a: Tensor, b: Tensor):
    """The solutions of linear equations.

    Args:
        a: Square matrices.
        b: Right hand sides: vectors, or matrices of several ones side by side.
    """


@op(shape=_solution, dtype=deep)
def solve_triangular(a: Tensor, b: Tensor, lower=False):
    """The solutions of linear equations whose matrices are triangular, arguments as for `solve`."""


def _complex(x):
    compute, d = deep(x)
    return compute, dtypes.with_imaginary(d)


@op(shape=lambda x: [_square(x)[:-1], x], dtype=_complex)
def eig(x: Tensor):
    """The complex eigenvalues of square matrices in no order, and the eigenvectors as columns."""


@op(shape=lambda x: [_square(x)[:-1], x], dtype=deep)
def eigh(x: Tensor):
    """The eigenvalues of symmetric (Hermitian) matrices in ascending order, and the eigenvectors as columns."""


# ------------------------------------------------------------------------------------------------ any matrices


def _factors(x, *, mode="reduced"):
    if mode not in ("reduced", "complete"):
        raise ValueError(
            f"`mode` argument value not supported. Expected one of {{'reduced', 'complete'}}. Received: mode={mode}"
        )
    *batch, m, n = _matrices(x)
    inner = m if mode == "complete" else min(m, n)
    return [(*batch, m, inner), (*batch, inner, n)]


@op(shape=_factors, dtype=deep, checked=True)
def qr(x: Tensor, mode="reduced"):
    """The orthogonal and the upper triangular factors of matrices.

    Args:
        x: Matrices.
        mode: "reduced", or "complete" for square orthogonal factors.
    """


def _singular(x, *, full_matrices=True, compute_uv=True):
    *batch, m, n = _matrices(x)
    number = min(m, n)
    if not compute_uv:
        return (*batch, number)
    return [(*batch, m, m if full_matrices else number), (*batch, number), (*batch, n if full_matrices else number, n)]


@op(shape=_singular, dtype=deep)
def svd(x: Tensor, full_matrices=True, compute_uv=True):
    """The singular values of matrices, between the left and the right singular vectors.

    Args:
        x: Matrices.
        full_matrices: Whether the vectors make square matrices.
        compute_uv: Whether to answer with the vectors, or with the values alone.
    """


def _pivots(x):
    *batch, m, n = _matrices(x)
    return [x, (*batch, min(m, n))]


def _pivots_dtype(x):
    compute, d = deep(x)
    return compute, (d, "int32")


@op(shape=_pivots, dtype=_pivots_dtype)
def lu_factor(x: Tensor):
    """Both triangular factors of matrices in one tensor (the lower one has a diagonal of ones), and how rows were swapped.

    The second result is the framework's own: LAPACK's pivots (row i was swapped with row p[i], in turn) on torch; on TensorFlow,
    which factors square matrices only, the permutation that takes the rows of the product to those of the matrix.
    """


def _cutoff(values, tolerance):
    """Below which singular values count as zero, with the size of the matrices worked into the relative tolerance."""
    return elementwise.multiply(reduce.max(values, -1, True), tolerance)


def _precision(x):
    """The relative error of singular values: the dtype's resolution times the longer side."""
    return dtypes.resolution(core.dtype(x)) * max(x.shape[-2:])


@composite(shape=lambda x: (*_matrices(x)[:-2], x[-1], x[-2]), dtype=deep)
def pinv(x: Tensor, rcond=None):
    """The Moore-Penrose pseudo-inverses of matrices.

    Args:
        x: Matrices.
        rcond: Singular values up to this share of the largest count as zero; None is the dtype's resolution times the
            longer side.
    """
    u, values, v = svd(x, False)
    keep = logic.greater(values, _cutoff(values, _precision(x) if rcond is None else rcond))
    inverse = elementwise.where(keep, elementwise.divide(1, elementwise.where(keep, values, 1)), 0)
    u, v = (elementwise.conj(shaping.swapaxes(m, -2, -1)) for m in (u, v))
    return matmul(elementwise.multiply(v, shaping.expand_dims(core.cast(inverse, core.dtype(v)), -2)), u)


@composite(shape=lambda x: _matrices(x)[:-2], dtype=lambda x: (deep(x)[0], "int32"))
def matrix_rank(x: Tensor, tol=None):
    """How many singular values of matrices are not zero.

    Args:
        x: Matrices.
        tol: Values up to this count as zero; None is the largest one times the dtype's resolution times the longer side.
    """
    values = svd(x, True, False)
    least = _cutoff(values, _precision(x)) if tol is None else tol
    return reduce.sum(core.cast(logic.greater(values, least), "int32"), -1)


def _least_squares(a, b):
    if len(a) != 2 or len(b) not in (1, 2) or None not in (a[0], b[0]) and a[0] != b[0]:
        raise ValueError(f"a matrix of shape {a} does not fit right hand sides of shape {b}")
    return (a[1], *b[1:])


@composite(shape=_least_squares, dtype=deep, checked=True)
def lstsq(a: Tensor, b: Tensor, rcond=None):
    """The shortest ones of the vectors that solve linear equations with the least sum of squared errors.

    Args:
        a: Matrix of coefficients, of any two sizes.
        b: Right hand sides: a vector, or several side by side.
        rcond: As for `pinv`.
    """
    return matmul(pinv(a, rcond), b)  # the frameworks' own solvers want full rank on some devices
