"""Ops in lowered models: values as in eager calls, shapes and dtypes as recorded, where a body or several results are involved."""

import numpy as np
import pytest

import kerastorch as keras
from kerastorch import backend_registry, ops

X = np.random.default_rng(0).normal(size=(2, 6, 4)).astype("float32")
OPS = {
    "no axes": lambda x: ops.sum(x, axis=()),
    "median": lambda x: ops.median(x, axis=1),
    "quantile": lambda x: ops.quantile(x, [0.2, 0.5], axis=1),
    "unique": lambda x: ops.unique(ops.cast(x, "int32"), return_index=True, return_inverse=True, return_counts=True),
    "unique of one size": lambda x: ops.unique(ops.cast(x, "int32"), size=5),
    "histogram": lambda x: ops.histogram(ops.reshape(x, (-1,)), 5),
    "histogram of integers": lambda x: ops.histogram(ops.cast(ops.ravel(x), "int32"), 5),
    "vander": lambda x: ops.vander(ops.ravel(x), 3),
    "view": lambda x: ops.view(x, "int16"),
    "bincount": lambda x: ops.bincount(ops.cast(ops.abs(x), "int32")),
    "nonzero": lambda x: ops.nonzero(x > 0),
    "where": lambda x: ops.where(x > 0),
    "split and squeeze": lambda x: ops.squeeze(ops.split(x, [1, 4], 1)[0], 1),
    "array_split": lambda x: ops.array_split(x, 4, axis=1),
    "top_k": lambda x: ops.top_k(x, 2),
    "take": lambda x: ops.take(x, 0),
    "windows": lambda x: x * ops.hanning(4),
}


@pytest.mark.parametrize("name", OPS)
@pytest.mark.parametrize("backend", backend_registry.BUILT_IN)
def test_lowered(name, backend):
    with backend_registry.using(backend) as owner:
        symbol = keras.Input((6, 4))
        recorded = keras.tree.flatten(OPS[name](symbol))
        found = keras.tree.flatten(keras.lower(keras.Model(symbol, recorded), backend)(owner.convert(X)))
        wanted = keras.tree.flatten(OPS[name](owner.convert(X)))
        for told, a, b in zip(recorded, found, wanted, strict=True):
            np.testing.assert_allclose(owner.numpy(a), owner.numpy(b), 1e-5, 1e-6)
            assert owner.dtype(a) == owner.dtype(b) == told.dtype
            assert len(told.shape) == len(a.shape) and all(s in (None, n) for s, n in zip(told.shape, a.shape, strict=True))
