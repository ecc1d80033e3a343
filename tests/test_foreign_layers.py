"""Layers around SavedModels and JAX functions: weights, shapes, training, and what files may bring."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

import kerastorch as keras  # noqa: E402
from kerastorch import backend_registry, layers  # noqa: E402
from kerastorch.errors import BackendNotInstalled, NotLowerable  # noqa: E402


@pytest.fixture(autouse=True)
def on_tensorflow():
    with backend_registry.using("tensorflow"):
        yield


@pytest.fixture
def saved(tmp_path):
    class Scaled(tf.Module):
        def __init__(self):
            super().__init__()
            self.scale = tf.Variable([2.0, 3.0], name="scale")

        @tf.function(input_signature=[tf.TensorSpec((None, 2))])
        def serve(self, x):
            return x * self.scale

        @tf.function(input_signature=[tf.TensorSpec((None, 2))])
        def learn(self, x):
            return x * self.scale + 1.0

    tf.saved_model.save(Scaled(), str(tmp_path / "scaled"))
    return str(tmp_path / "scaled")


def test_saved_models(saved):
    layer = layers.TFSMLayer(saved, call_training_endpoint="learn")
    assert layer(layers.Input((2,))).shape == (None, 2)
    x = np.ones((3, 2), "float32")
    np.testing.assert_allclose(layer(x), x * [2.0, 3.0])
    np.testing.assert_allclose(layer(x, training=True), x * [2.0, 3.0] + 1.0)
    assert [(v.name, v.trainable, v.shape) for v in layer.weights] == [("scale", True, (2,))]
    layer.weights[0].assign([1.0, 1.0])
    np.testing.assert_allclose(layer(x), x)
    with pytest.raises(ValueError, match="The endpoint 'wrong' is neither an attribute nor a signature"):
        layers.TFSMLayer(saved, call_endpoint="wrong")
    with pytest.raises(ValueError, match="arbitrary code execution"):
        layers.TFSMLayer.from_config(layer.get_config())
    again = layers.TFSMLayer.from_config(layer.get_config(), safe_mode=False)
    np.testing.assert_allclose(again(x), x * [2.0, 3.0])


def dense(params, state, inputs, training):
    return inputs @ params["w"] + params["b"], {"calls": state["calls"] + 1.0 if training else state["calls"]}


def test_jax_functions():
    pytest.importorskip("jax")
    params = {"w": np.ones((4, 2), "float32"), "b": np.zeros(2, "float32")}
    layer = layers.JaxLayer(dense, params=params, state={"calls": np.float32(0)})
    x = layers.Input((4,))
    model = keras.Model(x, layer(x))
    assert model.output_shape == (None, 2)
    assert [v.trainable for v in layer.weights] == [True, True, False]
    data = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    np.testing.assert_allclose(model.predict(data, verbose=0), data @ params["w"], rtol=1e-5, atol=1e-5)
    model.compile("sgd", "mse", backend="torch")
    if backend_registry.installed("torch"):
        with pytest.raises(NotLowerable, match=r"jax_layer.*compile\(\.\.\., backend='tensorflow'\)"):
            model.fit(data, np.ones((8, 2)), verbose=0)
    model.compile(keras.optimizers.SGD(0.1), "mse", backend="tensorflow")
    model.fit(data, np.ones((8, 2)), batch_size=4, verbose=0)
    assert float(layer.state["calls"].numpy()) == 2.0
    assert not np.allclose(layer.params["w"].numpy(), params["w"])
    model.compile("sgd", "categorical_crossentropy", backend="tensorflow")  # whose pass looks into the last layer
    model.fit(data, np.ones((8, 2)), batch_size=4, verbose=0)
    assert float(layer.state["calls"].numpy()) == 4.0
    assert set(layer.get_config()) >= {"call_fn", "init_fn"} and "params" not in layer.get_config()


def test_flax_is_asked_for_by_name():
    try:
        import flax  # noqa: F401
    except ImportError:
        with pytest.raises(BackendNotInstalled, match="FlaxLayer needs the package flax, which is not installed"):
            layers.FlaxLayer(object())


def test_flax_modules():
    """Batch statistics and dropout in training; inference is what Flax itself gives with the layer's variables."""
    linen = pytest.importorskip("flax.linen")

    class Block(linen.Module):
        @linen.compact
        def __call__(self, x, training=False):
            x = linen.BatchNorm(use_running_average=not training)(linen.Dense(5)(x))
            return linen.Dense(2)(linen.Dropout(0.2, deterministic=not training)(linen.relu(x)))

    x, layer = layers.Input((4,)), layers.FlaxLayer(Block())
    model = keras.Model(x, layer(x))
    assert model.output_shape == (None, 2) and [v.trainable for v in layer.weights] == [True] * 6 + [False] * 2
    data = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
    model.compile("adam", "mse", backend="tensorflow")
    start = model.get_weights()
    model.fit(data, np.ones((16, 2)), verbose=0)
    assert all((a != b).any() for a, b in zip(start, model.get_weights(), strict=True))
    held = keras.tree.map_structure(lambda v: v.numpy(), {"params": layer.params, **layer.state})
    np.testing.assert_allclose(model.predict(data, verbose=0), Block().apply(held, data), rtol=1e-5, atol=1e-6)
