"""Exported models give what the model gives, whatever it runs on and whatever the file is for."""

import sys

import numpy as np
import pytest
import tensorflow as tf
import torch

import kerastorch as keras
from kerastorch import layers

X = np.random.default_rng(0).normal(size=(4, 5, 3)).astype("float32")


def functional():
    x = inputs = keras.Input((5, 3), name="series")
    x = layers.BatchNormalization()(layers.Conv1D(4, 2, activation="relu")(x))
    return keras.Model(inputs, layers.Dropout(0.5)(layers.LSTM(3)(x)))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, x, training=False):
        return self.dense(x) * 2 if training else self.dense(x)


MAKERS = [functional, Subclassed]


@pytest.fixture(params=MAKERS)
def model(request, backend):
    keras.config.set_backend(backend.name)
    made = request.param()
    made.predict(X, verbose=0)
    return made


def test_a_saved_model_is_read_by_tensorflow_and_by_a_layer(model, tmp_path):
    expected = model.predict(X, verbose=0)
    model.export(tmp_path / "saved", verbose=False)
    read = tf.saved_model.load(tmp_path / "saved")
    np.testing.assert_allclose(read.serve(tf.constant(X[:3])), expected[:3], rtol=1e-4, atol=1e-5)
    assert len(read.variables) == len(model.variables)
    layer = layers.TFSMLayer(str(tmp_path / "saved"), call_endpoint="serving_default")
    np.testing.assert_allclose(next(iter(layer(tf.constant(X)).values())), expected, rtol=1e-4, atol=1e-5)
    assert all(v.backend is not None for v in model.weights)


def test_a_program_is_read_by_torch(model, tmp_path):
    expected = model.predict(X, verbose=0)
    model.export(tmp_path / "model.pt2", format="torch", verbose=False)
    program = torch.export.load(tmp_path / "model.pt2").module()
    np.testing.assert_allclose(program(torch.from_numpy(X[:3])).detach(), expected[:3], rtol=1e-4, atol=1e-5)


def test_an_archive_has_the_functions_that_were_added(model, tmp_path):
    archive = keras.export.ExportArchive()
    archive.track(model)
    signature = [keras.InputSpec(shape=(None, 5, 3), dtype="float32")]
    archive.add_endpoint("twice", lambda x: 2 * model(x, training=False), signature)
    archive.add_variable_collection("learned", model.trainable_weights)
    archive.write_out(tmp_path / "saved", verbose=False)
    read = tf.saved_model.load(tmp_path / "saved")
    np.testing.assert_allclose(read.twice(tf.constant(X)), 2 * model.predict(X, verbose=0), rtol=1e-4, atol=1e-5)
    for mine, saved in zip(model.trainable_weights, read.learned, strict=True):
        np.testing.assert_array_equal(mine.numpy(), saved)


@pytest.mark.parametrize("options, error, message", [
    ({"format": "onx"}, ValueError, "Unrecognized format='onx'.*'onnx'"),
    ({"format": "torch"}, ValueError, "end with '.pt2'"),
    ({"format": "litert"}, ValueError, "end with '.tflite'"),
    ({"format": "openvino"}, ValueError, "end with '.xml'"),
    ({"input_signature": [3]}, TypeError, "Unsupported x=3"),
])  # fmt: skip
def test_what_cannot_be_exported_is_refused(options, error, message, tmp_path):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    with pytest.raises(error, match=message):
        model.export(tmp_path / "model", **options)


def test_an_unbuilt_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match="has not yet been built"):
        keras.Sequential([layers.Dense(1)]).export(tmp_path / "model")


def test_a_missing_library_is_named_with_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    with pytest.raises(ImportError, match=r"'onnx' needs onnx.*kerastorch-framework\[onnx\]"):
        model.export(tmp_path / "model.onnx", format="onnx")


def test_tables_of_words_are_exported_with_the_model(tmp_path):
    words = layers.TextVectorization(vocabulary=["blue", "green"], output_sequence_length=3)
    model = keras.Sequential([keras.Input((1,), dtype="string"), words, layers.Embedding(4, 2), layers.Flatten(), layers.Dense(1)])
    keras.config.set_backend("tensorflow")
    text = tf.constant([["green blue"], ["red"]])
    expected = model(text)
    model.export(tmp_path / "saved", verbose=False)
    read = tf.saved_model.load(tmp_path / "saved")  # kept, since its variables go with it
    np.testing.assert_allclose(read.serve(text), expected, rtol=1e-5)
