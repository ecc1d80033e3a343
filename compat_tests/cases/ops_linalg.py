"""Records of products, norms and decompositions."""

import math

import numpy as np

from compat_tests.cases.op_case import ALL, FLOATS, NUMBERS, TWO, Case, integers, normal

M, N = normal(3, 4), normal(4, 2)
A, B = normal(2, 3, 4), normal(2, 4, 3)
V, W = normal(4), normal(4, seed=1)
S = normal(3, 3) + 3 * np.eye(3, dtype="float32")
T = normal(2, 3, 3) + 3 * np.eye(3, dtype="float32")
P = T @ T.transpose(0, 2, 1)  # positive definite
LOOSE = (1e-4, 1e-5)


def distances(x, y):
    """What `cdist` gives."""
    return np.linalg.norm(x[..., :, None, :] - y[..., None, :, :], axis=-1)


CASES = [
    Case("matmul", (M, N), gradient=True),
    Case("matmul", (S, S), dtypes=ALL, note="square"),
    Case("matmul", (A, B), gradient=True, note="batches"),
    Case("matmul", (A, N), note="broadcast"),
    Case("matmul", (V, N), gradient=True, note="row", unknown=False),
    Case("matmul", (M, V), gradient=True, note="column"),
    Case("matmul", (V, W), note="vectors"),
    Case("matmul", (integers(0, 5, 3, 4), integers(0, 5, 4, 2)), note="integers"),
    Case("tensordot", (A, N), {"axes": 1}, unknown=False),
    Case("tensordot", (A, B), {"axes": [[1, 2], [2, 1]]}, gradient=True),
    Case("tensordot", (S, S), dtypes=ALL),
    Case("dot", (M, N), gradient=True, dtypes=()),
    Case("dot", (S, S), dtypes=ALL, note="square"),
    Case("dot", (A, V), note="vector"),
    Case("dot", (A, B), note="batches", expected=np.dot, unknown=False),
    Case("dot", (2.0, M), note="number"),
    Case("inner", (M, A), dtypes=ALL, unknown=False),
    Case("outer", (V, W), gradient=True, dtypes=ALL),
    Case("outer", (M, V), note="flattened"),
    Case("vdot", (M, M + 1), dtypes=ALL, expected=np.vdot),
    Case("kron", (M, N), gradient=True, dtypes=ALL),
    Case("cross", (normal(2, 3), normal(2, 3, seed=1)), gradient=True, dtypes=NUMBERS),
    Case(
        "cross",
        (normal(2, 2), normal(2, 2, seed=1)),
        note="plane",
        expected=lambda a, b: a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0],
    ),
    Case("cross", (normal(3, 2), normal(3, 2, seed=1)), {"axis": 0}, unknown=False),
    Case("einsum", ("ij,jk->ik", M, N), gradient=True),
    Case("einsum", ("ij,jk", S, S), dtypes=ALL, note="implicit"),
    Case("einsum", ("bij,bjk->bik", A, B), note="batches"),
    Case("einsum", ("...ij,jk->...ik", A, N), note="dots"),
    Case("einsum", ("ii->i", S), note="diagonal", expected=lambda _, x: np.diag(x)),
    Case("einsum", ("i,j->ij", V, W), note="outer"),
    Case("einsum", ("ij->", M), note="sum"),
    Case("norm", (M,), gradient=True, dtypes=ALL),
    *(Case("norm", (M,), {"ord": o, "axis": 1}, tolerance=LOOSE) for o in (None, 1, 2, 3, 0, math.inf, -math.inf)),
    *(
        Case("norm", (A,), {"ord": o, "axis": (1, 2), "keepdims": k}, tolerance=LOOSE)
        for o, k in (("fro", False), ("nuc", True), (1, False), (-1, True), (2, True), (-2, False), (math.inf, True))
    ),
    Case(
        "trace",
        (M,),
        gradient=True,
        dtypes=NUMBERS,
        deviates=dict.fromkeys(("uint8", "uint32"), "the reference's answer depends on its backend"),
    ),
    Case("trace", (A,), {"offset": 1, "axis1": 1, "axis2": 2}),
    Case("inv", (T,), gradient=True, tolerance=LOOSE, dtypes=TWO),
    Case("det", (T,), gradient=True, tolerance=LOOSE, dtypes=TWO),
    Case("slogdet", (T,), tolerance=LOOSE),
    Case("logdet", (P,), tolerance=LOOSE),
    Case("cholesky", (P,), tolerance=LOOSE),
    Case("cholesky", (P,), {"upper": True}, tolerance=LOOSE),
    Case("solve", (T, normal(2, 3, 2)), gradient=True, tolerance=LOOSE),
    Case("solve", (S, normal(3)), tolerance=LOOSE, note="vector", unknown=False),
    Case("solve_triangular", (np.tril(T), normal(2, 3, 2)), {"lower": True}, tolerance=LOOSE),
    Case("solve_triangular", (np.triu(S), normal(3, 2)), tolerance=LOOSE, unknown=False),
    Case("svd", (A,), {"compute_uv": False}, gradient=True, tolerance=LOOSE),
    Case("norm", (np.zeros((2, 3), "float32"),), note="zero", expected=lambda x: np.float32(0)),
    Case("cdist", (M, normal(5, 4)), gradient=True, tolerance=LOOSE, dtypes=FLOATS),
    Case("cdist", (A, normal(2, 5, 4)), tolerance=LOOSE, note="batches", expected=distances),
    Case("cholesky_inverse", (np.linalg.cholesky(P),), gradient=True, tolerance=LOOSE),
    Case("cholesky_inverse", (np.linalg.cholesky(P).transpose(0, 2, 1).copy(),), {"upper": True}, tolerance=LOOSE),
    Case("pinv", (A,), gradient=True, tolerance=LOOSE, dtypes=TWO),
    Case("pinv", (M.T.copy(),), {"rcond": 0.5}, tolerance=LOOSE, unknown=False),
    Case("matrix_rank", (A,), dtypes=TWO),
    Case("matrix_rank", (np.outer(V, W),), unknown=False, note="one"),
    Case("matrix_rank", (M,), {"tol": 2.0}, unknown=False),
    Case("lstsq", (M, normal(3, 2)), gradient=True, tolerance=LOOSE, dtypes=TWO),
    Case("lstsq", (N, normal(4)), {"rcond": 0.5}, tolerance=LOOSE),
    Case("view_as_real", (M + 1j * M,)),
    Case("view_as_complex", (N,), dtypes=FLOATS),
]
