"""torch's functions for linear algebra."""

import torch

from kerastorch import ops
from kerastorch.ops.algebra import einsum_


def tensordot(x1, x2, axes=2):
    return torch.tensordot(
        x1, x2, axes if isinstance(axes, int) else [[a] if isinstance(a, int) else list(a) for a in axes]
    )


def einsum(subscripts, operands):
    return torch.einsum(subscripts, *operands)


def cholesky(x, upper=False):
    return torch.linalg.cholesky(x, upper=upper)


def cholesky_inverse(x, upper=False):
    # Without the cut, the half that is not read would get a gradient.
    return torch.cholesky_inverse(x.triu() if upper else x.tril(), upper=upper)


def pinv(x, rcond=None):
    return torch.linalg.pinv(x, rtol=rcond)


def lu_factor(x):
    factors, pivots = torch.linalg.lu_factor(x)
    return factors, pivots - 1  # LAPACK counts from 1


def slogdet(x):
    return tuple(torch.linalg.slogdet(x))


def solve(a, b):
    return torch.linalg.solve(a, b)


def solve_triangular(a, b, lower=False):
    if b.ndim == a.ndim - 1:
        return torch.linalg.solve_triangular(a, b.unsqueeze(-1), upper=not lower).squeeze(-1)
    return torch.linalg.solve_triangular(a, b, upper=not lower)


def eig(x):
    return tuple(torch.linalg.eig(x))


def eigh(x):
    return tuple(torch.linalg.eigh(x))


def qr(x, mode="reduced"):
    return tuple(torch.linalg.qr(x, mode))


def svd(x, full_matrices=True, compute_uv=True):
    return tuple(torch.linalg.svd(x, full_matrices)) if compute_uv else torch.linalg.svdvals(x)


TABLE = {
    ops.cdist: torch.cdist,
    ops.cholesky: cholesky,
    ops.cholesky_inverse: cholesky_inverse,
    ops.det: torch.linalg.det,
    ops.eig: eig,
    ops.eigh: eigh,
    einsum_: einsum,
    ops.inv: torch.linalg.inv,
    ops.lu_factor: lu_factor,
    ops.matmul: torch.matmul,
    ops.norm: torch.linalg.norm,
    ops.pinv: pinv,
    ops.qr: qr,
    ops.slogdet: slogdet,
    ops.solve: solve,
    ops.solve_triangular: solve_triangular,
    ops.svd: svd,
    ops.tensordot: tensordot,
}
SCALARS: set = set()
