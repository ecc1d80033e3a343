"""Functions of bounding boxes give what they give in Keras, on every backend."""

import inspect

import keras
import numpy as np
import pytest

import kerastorch
from compat_tests.cases.bounding_boxes import CASES, IDS, WRONG
from kerastorch.utils import bounding_boxes

REFERENCE = keras.utils.bounding_boxes


def mapped(function, value):
    """A function of arrays, on the arrays in a nest."""
    return kerastorch.tree.map_structure(lambda x: function(x) if isinstance(x, np.ndarray) else x, value)


@pytest.mark.parametrize(("name", "args", "kwargs"), CASES, ids=IDS)
def test_like_the_reference(backend, name, args, kwargs):
    theirs = getattr(REFERENCE, name)(*mapped(keras.ops.convert_to_tensor, list(args)),
                                      **mapped(keras.ops.convert_to_tensor, kwargs))  # fmt: skip
    mine = getattr(bounding_boxes, name)(*mapped(backend.convert, list(args)), **mapped(backend.convert, kwargs))
    theirs = keras.tree.flatten(keras.tree.map_structure(keras.ops.convert_to_numpy, theirs))
    for a, b in zip(kerastorch.tree.flatten(mine), theirs, strict=True):
        a = backend.numpy(a)
        assert a.shape == b.shape and a.dtype.kind == b.dtype.kind
        np.testing.assert_allclose(a.astype("float64"), b.astype("float64"), rtol=1e-3 if b.dtype == "float16" else 1e-4, atol=1e-4)


def test_every_function_has_a_case():
    public = {name for name, f in vars(REFERENCE).items() if inspect.isfunction(f)}
    assert public == {name for name, *_ in CASES}


@pytest.mark.parametrize(("name", "args", "kwargs", "error", "said"), WRONG, ids=[f"{i}-{w[0]}" for i, w in enumerate(WRONG)])
def test_errors(name, args, kwargs, error, said):
    with pytest.raises(error, match=said):
        getattr(bounding_boxes, name)(*args, **kwargs)


def test_deltas_there_and_back(backend):
    anchors = backend.convert(np.array([[0, 0, 10, 20], [5, 5, 30, 40]], "float32"))
    boxes = np.array([[[1, 2, 11, 25], [8, 4, 33, 50]]], "float32")
    deltas = bounding_boxes.encode_box_to_deltas(anchors, backend.convert(boxes), "xyxy", "xyxy", variance=[0.1, 0.1, 0.2, 0.2])
    back = bounding_boxes.decode_deltas_to_boxes(anchors, deltas, "xyxy", "xyxy", variance=[0.1, 0.1, 0.2, 0.2])
    np.testing.assert_allclose(backend.numpy(back), boxes, rtol=1e-4)


def test_relative_sizes_of_images_may_have_channels(backend):
    boxes = backend.convert(np.array([[0.1, 0.2, 0.5, 0.6]], "float32"))
    for function in (bounding_boxes.compute_iou, bounding_boxes.compute_ciou):
        np.testing.assert_allclose(backend.numpy(function(boxes, boxes, "rel_xyxy", image_shape=(80, 100, 3))).ravel(), [1], atol=1e-4)


def test_recorded():
    boxes = kerastorch.KerasTensor((None, 5, 4))
    out = bounding_boxes.convert_format(boxes, "xywh", "rel_xyxy", 80, 100)
    assert out.shape == (None, 5, 4) and bounding_boxes.compute_iou(boxes, out, "xyxy").shape == (None, 5, 5)
