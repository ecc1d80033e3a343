"""torch and TensorFlow in one process: imported in either order, computing side by side, one model on both."""

import importlib.util

import pytest
from processes import run

for framework in ("torch", "tensorflow"):
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed", allow_module_level=True)

BOTH = """
import numpy as np
{first}
import kerastorch as keras
from kerastorch import layers
import torch, tensorflow as tf

keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(24, 8, 8, 3)).astype("float32")
y = np.arange(24) % 3
model = keras.Sequential([
    layers.Input((8, 8, 3)), layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization(), layers.MaxPooling2D(),
    layers.Flatten(), layers.Dense(3, activation="softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x, y, epochs=2, verbose=0)
module = keras.lower(model, "tensorflow")
step = tf.function(module)
expected = model.predict(x, verbose=0)
np.testing.assert_allclose(step(tf.constant(x)), expected, rtol=1e-4, atol=1e-5)

# Either goes on by itself.
model.fit(x, y, verbose=0)
np.testing.assert_allclose(step(tf.constant(x)), expected, rtol=1e-4, atol=1e-5)
assert np.abs(model.predict(x, verbose=0) - expected).max() > 1e-4
assert {{v.backend.name for v in model.weights}} == {{"torch"}}
assert torch.add(torch.ones(2), 1).tolist() == tf.add(tf.ones(2), 1).numpy().tolist()

# A second model trains on TensorFlow meanwhile.
other = keras.models.clone_model(model)
other.set_weights(model.get_weights())
other.compile("adam", "sparse_categorical_crossentropy", backend="tensorflow")
logs = [m.fit(x, y, epochs=2, shuffle=False, verbose=0).history["loss"] for m in (model, other)]
assert {{v.backend.name for v in other.weights}} == {{"tensorflow"}}
assert all(after < before for before, after in logs)
"""


@pytest.mark.parametrize("first", ["import torch", "import tensorflow", "import kerastorch; kerastorch.backend_registry.get('tensorflow')", ""],
                         ids=["torch", "tensorflow", "our-tensorflow", "neither"])  # fmt: skip
def test_both_compute_in_either_order(first):
    run(BOTH.format(first=first))


def test_the_tensors_choose_the_backend():
    run("""
        import numpy as np, torch, tensorflow as tf
        from kerastorch import ops
        from kerastorch.errors import OpError

        a, b = np.ones((2, 3), "float32"), np.full((3, 2), 2.0, "float32")
        assert isinstance(ops.matmul(torch.from_numpy(a), b), torch.Tensor)
        assert isinstance(ops.matmul(tf.constant(a), b), tf.Tensor)
        assert isinstance(ops.add(1.0, tf.constant(a)), tf.Tensor)
        try:
            ops.add(torch.ones(2), tf.ones(2))
        except OpError as error:
            assert "torch" in str(error) and "tensorflow" in str(error)
        else:
            raise AssertionError("tensors of two frameworks were added")
    """)


def test_our_tensorflow_brings_no_keras():
    out = run("""
        import sys
        from kerastorch import backend_registry
        backend_registry.get("tensorflow")
        print("keras" in sys.modules)
        import kerastorch
        kerastorch.install()
        import keras
        print(keras is kerastorch or keras.layers is kerastorch.layers)
    """)
    assert out.split() == ["False", "True"]


def test_the_real_keras_of_tensorflow_is_still_there():
    out = run("""
        from kerastorch import backend_registry
        backend_registry.get("tensorflow")
        import tensorflow as tf
        print(tf.keras.layers.Dense(2)(tf.ones((1, 3))).shape)
    """)
    assert out.strip() == "(1, 2)"


def test_the_environment_chooses_the_backend():
    code = """
        import numpy as np, kerastorch as keras, sys
        model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
        model.compile("sgd", "mse")
        model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
        print(model.weights[0].backend.name, "torch" in sys.modules)
    """
    assert run(code, KERASTORCH_BACKEND="tensorflow").split() == ["tensorflow", "False"]
    assert run(code, KERAS_BACKEND="tensorflow").split()[0] == "tensorflow"
    assert run(code).split()[0] == "torch"


def test_a_pipeline_may_be_what_first_needs_tensorflow():
    run(
        """
        import tensorflow as tf, kerastorch
        layer = kerastorch.layers.RandomFlip()
        assert next(iter(tf.data.Dataset.from_tensors(tf.zeros((2, 3, 4, 3))).map(layer))).shape == (2, 3, 4, 3)
        """
    )
