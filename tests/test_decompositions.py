"""Decompositions, whose results are not unique: what they put together again is compared."""

import numpy as np
import pytest

from kerastorch import backend_registry, ops
from kerastorch.errors import OpError
from kerastorch.graph import KerasTensor


@pytest.fixture(params=list(backend_registry.BUILT_IN))
def backend(request):
    """Each backend in turn, made the active one."""
    with backend_registry.using(request.param) as chosen:
        yield chosen


RNG = np.random.default_rng(0)
WIDE, SQUARE = RNG.normal(size=(2, 3, 5)), RNG.normal(size=(2, 4, 4))
SYMMETRIC = SQUARE @ SQUARE.swapaxes(-2, -1)


def from_eigen(w, v):
    return (v * w[..., None, :]) @ np.linalg.inv(v)


def from_lu(factors, pivots):
    """Rows put back by pivots in turn (torch), or by one permutation (TensorFlow)."""
    out = np.empty_like(factors)
    for i, (lu, p) in enumerate(zip(factors, pivots, strict=True)):
        product = (np.tril(lu, -1) + np.eye(len(lu))) @ np.triu(lu)
        if sorted(p) != list(range(len(p))) or (p >= np.arange(len(p))).all():
            for row in reversed(range(len(p))):
                product[[row, p[row]]] = product[[p[row], row]]
            out[i] = product
        else:
            out[i] = product[p]
    return out


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize(
    ("name", "kwargs", "x", "together"),
    [
        ("eig", {}, SQUARE, from_eigen),
        ("eigh", {}, SYMMETRIC, from_eigen),
        ("qr", {}, WIDE, np.matmul),
        ("qr", {"mode": "complete"}, WIDE.swapaxes(-2, -1), np.matmul),
        ("svd", {"full_matrices": False}, WIDE, lambda u, s, v: (u * s[..., None, :]) @ v),
        ("lu_factor", {}, SQUARE, from_lu),
    ],
)
def test_decompositions_come_together_again(name, kwargs, x, together, dtype, backend):
    function = getattr(ops, name)
    parts = function(backend.convert(x, dtype), **kwargs)
    recorded = function(KerasTensor((None, *x.shape[1:]), dtype), **kwargs)
    assert [p.shape for p in recorded] == [(None, *backend.shape(p)[1:]) for p in parts]
    assert [p.dtype for p in recorded] == [backend.dtype(p) for p in parts]
    wide = [backend.numpy(p).astype(backend.numpy(p).dtype.char if dtype != "float16" else "complex64") for p in parts]
    wide = [p.real.astype("int32") if "int" in r.dtype else p for p, r in zip(wide, recorded, strict=True)]
    np.testing.assert_allclose(together(*wide), x, atol=5e-2 if dtype == "float16" else 1e-4)


def test_matrices_that_are_not_positive_definite_have_no_cholesky_factor(backend):
    with pytest.raises(OpError, match="cholesky"):
        ops.cholesky(backend.convert(-np.eye(3, dtype="float32")))


def test_errors_keep_the_kind_that_the_framework_gave_them(backend):
    with pytest.raises(OpError, match="axis 3 is out of bounds") as caught:
        ops.norm(backend.convert(np.ones((2, 2), "float32")), axis=3)
    cause = caught.value.__cause__
    assert isinstance(caught.value, ValueError)
    assert all(isinstance(caught.value, k) for k in (IndexError, RuntimeError) if isinstance(cause, k))
