"""Helpers on arrays and files against reference Keras: the same results, dtypes and signatures."""

import inspect

import numpy as np
import pytest

from kerastorch.utils.files import get_file
from kerastorch.utils.numerical import normalize, to_categorical
from kerastorch.utils.sequences import pad_sequences

reference = pytest.importorskip("keras").utils

TEXTS = [[1], [2, 3], [], [4, 5, 6, 7]]
POINTS = [[[1.5, 2.0]], [], [[3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]]
PADDED = {
    "defaults": (TEXTS, {}),
    "maxlen": (TEXTS, {"maxlen": 3}),
    "longer": (TEXTS, {"maxlen": 9, "value": -1}),
    "one": (TEXTS, {"maxlen": 1}),
    "post, post": (TEXTS, {"maxlen": 3, "padding": "post", "truncating": "post"}),
    "pre, post": (TEXTS, {"maxlen": 3, "truncating": "post"}),
    "post, pre": (TEXTS, {"maxlen": 3, "padding": "post"}),
    "floats": ([[1.7, -2.9], [0.5]], {"dtype": "float32", "value": 0.25}),
    "floats cut to integers": ([[1.7, -2.9], [0.5]], {}),
    "strings": ([["a", "bcd"], ["e"]], {"dtype": object, "value": "pad"}),
    "short strings": ([["a", "bcd"], ["e"]], {"dtype": "<U2", "value": "p"}),
    "vectors": (POINTS, {"dtype": "float32"}),
    "vectors, cut": (POINTS, {"dtype": "float64", "maxlen": 2, "padding": "post", "value": 9}),
    "arrays": ([np.arange(3), np.arange(5)], {"dtype": "int64", "maxlen": 4}),
    "tuples": (((1, 2), (3,)), {}),
    "an object array": (np.array([[1, 2], [3]], dtype=object), {}),
    "a matrix": (np.arange(6).reshape(2, 3), {"maxlen": 2}),
    "all empty": ([[], []], {"maxlen": 2}),
    "nothing": ([], {"maxlen": 2}),
}
WRONG_PADDED = {
    "no list": (3, {}),
    "no sequences": ([1, 2], {}),
    "ragged": ([[[1, 2]], [[1, 2, 3]]], {}),
    "padding": ([[1]], {"padding": "both"}),
    "truncating": ([[1]], {"truncating": "none"}),
    "string into numbers": ([["a"]], {"value": "pad"}),
    "empty": ([], {}),
}
LABELS = {
    "a list": ([0, 2, 1], None),
    "more classes": ([0, 2, 1], 5),
    "a column": ([[0], [3]], None),
    "a matrix": ([[0, 1], [2, 1]], 4),
    "a column of rows": (np.array([[[0], [1]], [[2], [1]]]), None),
    "one label": (3, None),
    "a single one": ([1], 0),
    "floats": ([0.9, 1.0, 2.7], None),
    "bytes": (np.array([1, 0], "uint8"), 2),
    "booleans": (np.array([True, False]), None),
    "negative": ([-1, 0, 1], 3),
    "none": ([], 3),
}
VECTORS = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, 0.0], [-1.0, 2.0, 2.0]])
NORMS = {
    "rows": (VECTORS, {}),
    "second axis": (np.arange(24.0).reshape(2, 3, 4), {"axis": 1}),
    "order 1": (VECTORS, {"order": 1}),
    "maximum": (VECTORS, {"order": np.inf}),
    "one vector": (VECTORS[0], {}),
    "one vector, axis 0": (VECTORS[0], {"axis": 0}),
    "integers": (np.array([[3, 4]]), {}),
    "float32": (VECTORS.astype("float32"), {}),
    "all of it": (VECTORS, {"axis": None}),
    "one vector, all of it, order 1": (VECTORS[0], {"axis": None, "order": 1}),
}


def same(ours, theirs):
    np.testing.assert_array_equal(ours, theirs)
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)


@pytest.mark.parametrize("case", PADDED)
def test_pad_sequences(case):
    sequences, arguments = PADDED[case]
    same(pad_sequences(sequences, **arguments), reference.pad_sequences(sequences, **arguments))


@pytest.mark.parametrize("function", [pad_sequences, reference.pad_sequences], ids=["ours", "theirs"])
@pytest.mark.parametrize("case", WRONG_PADDED)
def test_pad_sequences_refuses(function, case):
    sequences, arguments = WRONG_PADDED[case]
    with pytest.raises(ValueError):
        function(sequences, **arguments)


@pytest.mark.parametrize("case", LABELS)
def test_to_categorical(case):
    same(to_categorical(*LABELS[case]), reference.to_categorical(*LABELS[case]))


@pytest.mark.parametrize("labels, classes", [([3], 3), ([-4], 3), ([], None)])
def test_to_categorical_refuses(labels, classes):
    with pytest.raises((ValueError, IndexError)):
        reference.to_categorical(labels, classes)
    with pytest.raises(ValueError, match="to_categorical"):
        to_categorical(labels, classes)


@pytest.mark.parametrize("case", NORMS)
def test_normalize(case):
    x, arguments = NORMS[case]
    same(normalize(x, **arguments), reference.normalize(x, **arguments))


def test_normalize_columns():
    """Reference Keras 3 takes axis 0 for axis -1 when it divides; Keras 2 and its own tensor path do as we do."""
    np.testing.assert_allclose(np.linalg.norm(normalize(VECTORS, axis=0), axis=0), 1)


def test_tensors_stay_tensors(backend):
    for labels in ([0, 2, 1], [[0], [3]]):
        found = to_categorical(backend.convert(labels), 5)
        assert backend.is_tensor(found) and backend.dtype(found) == "int32"
        np.testing.assert_array_equal(backend.numpy(found), reference.to_categorical(labels, 5))
    for order in (1, 2, 3):
        found = normalize(backend.convert(VECTORS), order=order)
        np.testing.assert_allclose(backend.numpy(found), reference.normalize(VECTORS, order=order), rtol=1e-6)


@pytest.mark.parametrize("function", [get_file, normalize, pad_sequences, to_categorical], ids=lambda f: f.__name__)
def test_signatures(function):
    assert inspect.signature(function) == inspect.signature(getattr(reference, function.__name__))
