"""Sparse tensors: what ops give on them is what they give on dense ones, and sparse where recording says so."""

import numpy as np
import pytest

from kerastorch import backend_registry, ops
from kerastorch.graph import KerasTensor

tf = pytest.importorskip("tensorflow")

A = np.array([[0, 0, 0, 0], [1, -2, 0, 3], [0, 0, 0, 0]], "float32")
B = np.array([[0, 5, 0, 0], [2, 4, 0, 0], [0, 0, 0, 0]], "float32")
KINDS = {
    "elements": tf.sparse.from_dense,
    "slices": lambda x: tf.IndexedSlices(tf.constant(x[:2]), tf.constant([0, 1]), x.shape),
}
UNARY = {
    "square": (ops.square,), "round": (ops.round, 1), "sin": (ops.sin,), "cos": (ops.cos,), "mean": (ops.mean, 1),
    "sum": (ops.sum, (0, 1)), "sum of none": (ops.sum, ()), "reshape": (ops.reshape, (2, 6)), "transpose": (ops.transpose,),
    "expand_dims": (ops.expand_dims, (0, 3)), "cast": (ops.cast, "int32"), "digitize": (ops.digitize, np.array([0.5, 2])),
    "relu": (ops.relu,), "sort": (ops.sort,),
}  # fmt: skip
BINARY = [ops.add, ops.subtract, ops.maximum, ops.minimum, ops.multiply, ops.divide, ops.power]


@pytest.fixture(autouse=True)
def backend():
    with backend_registry.using("tensorflow") as chosen:
        yield chosen


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("kind", KINDS)
def test_unary(name, kind):
    op, *rest = UNARY[name]
    recorded = op(KerasTensor(A.shape, sparse=True), *rest)
    found = op(KINDS[kind](A), *rest)
    np.testing.assert_allclose(ops.convert_to_numpy(found), ops.convert_to_numpy(op(A, *rest)), 1e-6)
    assert recorded.sparse == (name not in ("cos", "relu", "sort"))
    if kind == "elements":
        assert isinstance(found, tf.SparseTensor) == recorded.sparse


@pytest.mark.parametrize("sparse", [(True, True), (True, False), (False, True)], ids=str)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("op", BINARY, ids=lambda op: op.__name__)
@pytest.mark.filterwarnings("ignore:.*encountered in")
def test_binary(op, kind, sparse):
    recorded = op(*(KerasTensor(A.shape, sparse=s) for s in sparse))
    found = op(*(KINDS[kind](x) if s else x for x, s in zip((A, B), sparse, strict=True)))
    np.testing.assert_allclose(ops.convert_to_numpy(found), ops.convert_to_numpy(op(A, B)), 1e-6)
    assert isinstance(found, tf.SparseTensor | tf.IndexedSlices) == recorded.sparse


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_and_broadcasting(kind):
    for other in (2.0, B[1], np.stack([B, A])):
        for op in (ops.multiply, ops.divide, ops.add):
            with np.errstate(all="ignore"):
                found, wanted = op(KINDS[kind](A), other), op(A, other)
            np.testing.assert_allclose(ops.convert_to_numpy(found), ops.convert_to_numpy(wanted), 1e-6)


@pytest.mark.parametrize("sparse", [(True, True), (True, False), (False, True)], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_products_and_joints(kind, sparse):
    x, y = (KINDS[kind](v) if s else v for v, s in zip((A, B.T.copy()), sparse, strict=True))
    np.testing.assert_allclose(ops.convert_to_numpy(ops.matmul(x, y)), A @ B.T, 1e-6)
    x, y = (KINDS[kind](v) if s else v for v, s in zip((A, B), sparse, strict=True))
    np.testing.assert_allclose(ops.convert_to_numpy(ops.concatenate([x, y], -1)), np.concatenate([A, B], -1))
    counts = ops.bincount(ops.cast(KINDS["elements"](np.abs(A[1:2])), "int32"), sparse=True)
    np.testing.assert_array_equal(ops.convert_to_numpy(counts), [[0, 1, 1, 1]])
