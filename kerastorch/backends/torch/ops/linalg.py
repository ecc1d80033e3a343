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


def slogdet(x):
    return tuple(torch.linalg.slogdet(x))


def solve(a, b):
    return torch.linalg.solve(a, b)


def solve_triangular(a, b, lower=False):
    if b.ndim == a.ndim - 1:
        return torch.linalg.solve_triangular(a, b.unsqueeze(-1), upper=not lower).squeeze(-1)
    return torch.linalg.solve_triangular(a, b, upper=not lower)


def eigh(x):
    return tuple(torch.linalg.eigh(x))


def qr(x, mode="reduced"):
    return tuple(torch.linalg.qr(x, mode))


def svd(x, full_matrices=True, compute_uv=True):
    return tuple(torch.linalg.svd(x, full_matrices)) if compute_uv else torch.linalg.svdvals(x)


TABLE = {
    ops.cholesky: cholesky,
    ops.det: torch.linalg.det,
    ops.eigh: eigh,
    einsum_: einsum,
    ops.inv: torch.linalg.inv,
    ops.matmul: torch.matmul,
    ops.qr: qr,
    ops.slogdet: slogdet,
    ops.solve: solve,
    ops.solve_triangular: solve_triangular,
    ops.svd: svd,
    ops.tensordot: tensordot,
}
SCALARS: set = set()
