"""TensorFlow's functions and modules called on KerasTensors."""

import functools
import inspect

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

import kerastorch as keras  # noqa: E402
from kerastorch import backend_registry, layers, tree  # noqa: E402
from kerastorch.errors import LayerError  # noqa: E402
from kerastorch.legacy import tensorflow_ops  # noqa: E402

X = np.random.default_rng(0).uniform(0.1, 1.0, (2, 4, 3)).astype("float32")
ONCE = {
    "method-like": lambda x: tf.nn.relu(x - 0.5),
    "reduced": lambda x: tf.reduce_mean(x, axis=[1, 2], keepdims=True),
    "reduced by position": lambda x: tf.reduce_sum(x, 1),
    "several": lambda x: tf.concat([x, tf.square(x)], -1),
    "stacked": lambda x: tf.stack([x, x], axis=1),
    "tensor first": lambda x: tf.constant([1.0, 2.0, 3.0]) * x,
    "tensor first, matmul": lambda x: tf.ones((2, 4)) @ x,
    "matmul": lambda x: tf.matmul(x, tf.ones((3, 2))),
    "matmul transposed": lambda x: tf.matmul(x, x, transpose_b=True),
    "sigmoid": tf.sigmoid,
    "softmax": lambda x: tf.nn.softmax(x, axis=1),
    "leaky": lambda x: tf.nn.leaky_relu(x - 0.5, alpha=0.3),
    "logarithm": tf.math.log,
    "cast": lambda x: tf.cast(x * 10.0, tf.int32),
    "transposed": lambda x: tf.transpose(x, perm=[0, 2, 1]),
    "reshaped": lambda x: tf.reshape(x, [-1, 12]),
    "expanded": lambda x: tf.expand_dims(x, 1),
    "normalized": lambda x: tf.math.l2_normalize(x, axis=-1),
    "clipped": lambda x: tf.clip_by_value(x, 0.3, 0.6),
    "where": lambda x: tf.where(x > 0.5, x, tf.zeros_like(x)),
    "padded": lambda x: tf.pad(x, [[0, 0], [1, 2], [0, 0]]),
    "gathered": lambda x: tf.gather(x, [2, 0], axis=1),
    "identity": tf.identity,
    "shape": lambda x: tf.reshape(x, (tf.shape(x)[0], 12)),
    "split": lambda x: tf.split(x, 2, axis=1)[1],
    "split by sizes": lambda x: tf.split(x, [1, 3], axis=1)[1],
    "resized": lambda x: tf.image.resize(x[..., None], (2, 6)),
}


@pytest.mark.parametrize("case", ONCE)
@pytest.mark.parametrize("backend", ["torch", "tensorflow"])
def test_functions_become_ops(case, backend):
    """A functional model in the style of tf.keras runs on any backend."""
    inputs = layers.Input((4, 3))
    model = keras.Model(inputs, ONCE[case](inputs))
    model.compile(backend=backend)
    expected = ONCE[case](tf.constant(X)).numpy()
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5, atol=1e-6)
    assert model.output.shape[1:] == expected.shape[1:] and model.output.dtype == expected.dtype
    again = keras.Model.from_config(model.get_config())
    np.testing.assert_allclose(again.predict(X, verbose=0), expected, rtol=1e-5, atol=1e-6)


SAMPLES = {  # of arguments that have no default
    "axis": 1, "shape": (2, 12), "dtype": "int32", "repeats": 2, "multiples": (1, 2, 1), "begin": (0, 1, 0), "size": (2, 2, 2),
    "clip_value_min": 0.2, "clip_value_max": 0.5, "depth": 4, "slice_spec": 0, "num_or_size_splits": 2, "paddings": [[0, 0], [1, 0], [0, 2]],
    "indices": [1, 0],
}  # fmt: skip
WHOLE = ("math.floordiv", "math.floormod", "math.mod")
ODD = {"reverse": {"axis": [1]}, "broadcast_to": {"shape": (3, 2, 4, 3)}, "image.resize": {"size": (2, 5)}, "nn.bias_add": {"bias": [1.0, 2.0, 3.0]}}


@pytest.mark.parametrize("name", [*tensorflow_ops.FUNCTIONS, *tensorflow_ops.WRITTEN])
def test_equals_of_functions(name):
    """Each function is TensorFlow's under its own arguments' names, and its equal gives the same with as few arguments as can be."""
    if name.startswith("__operators__."):  # the operators of tensors have such names in files alone
        return
    function = functools.reduce(getattr, name.split("."), tf)
    parameters = inspect.signature(inspect.unwrap(function)).parameters
    takes = tensorflow_ops.parameters(name)
    assert set(takes) <= set(parameters)
    first, *rest = [k for k, p in parameters.items() if p.default is p.empty and k not in ("name", "num")]
    logical = "logical" in name or name in ("math.reduce_all", "math.reduce_any") or first == "condition"
    x = X > 0.5 if logical else (X * 4).astype("int32") if first == "indices" or name in WHOLE else X
    x = x + 1 if name in WHOLE or name == "math.acosh" else x
    tensors = {k for k in rest if k in ("y", "b", "x")}
    others = {k: ODD.get(name, {}).get(k, SAMPLES.get(k)) for k in rest if k not in tensors}
    if name in ("where", "compat.v1.where"):
        tensors = {"x", "y"}
    second = {k: (np.swapaxes(x, -1, -2) if "matmul" in name else X[:, ::-1] if first == "condition" else x[:, ::-1]) for k in tensors}
    if name in ("gather", "compat.v1.gather", "nn.embedding_lookup"):
        others = {"indices" if "gather" in name else "ids": [1, 0]}
    several = first in ("values", "inputs")

    def run(put):
        value = [put(x), put(x)] if several else put(x)
        return {first: value, **{k: put(v) for k, v in second.items()}, **others}

    expected = function(**run(tf.constant))
    with backend_registry.using("torch") as torch:
        found = tensorflow_ops.call(name, run(torch.convert))
    whole = "shape" in name  # is a tuple of sizes here, which may be KerasTensors
    for mine, theirs in [(found, expected)] if whole else zip(tree.leaves(found), tree.leaves(expected), strict=True):
        np.testing.assert_allclose(np.asarray(mine), np.asarray(theirs), rtol=1e-5, atol=1e-6)


def test_what_has_no_equal_is_refused():
    x = layers.Input((4, 3))
    with pytest.raises(TypeError, match=r"tf\.\w*erfcinv was called on a KerasTensor.*no equal.*test_tensorflow_calls.py"):
        tf.math.erfcinv(x)
    with pytest.raises(TypeError, match="with adjoint_a=True, which"):
        tf.matmul(x, x, adjoint_a=True)


class Scaled(tf.Module):
    def __init__(self):
        super().__init__()
        self.scale = tf.Variable([1.0, 2.0, 3.0], name="scale")

    def __call__(self, x, plus=0.0):
        return tf.nn.relu(x * self.scale) + plus


class Late(tf.Module):
    """Makes its variables when it sees an input, as many modules do."""

    w = None

    def __call__(self, x):
        if self.w is None:
            self.w = tf.Variable(tf.ones((x.shape[-1], 2)), name="w")
        return x @ self.w


def test_modules_become_layers():
    with backend_registry.using("tensorflow"):
        module = Scaled()
        inputs = layers.Input((4, 3))
        x = module(inputs, plus=1.0)
        model = keras.Model(inputs, Late()(module(x)))
        assert model.output.shape == (None, 4, 2)
        assert [(v.name, v.shape, v.trainable) for v in model.weights] == [("scale", (3,), True), ("w", (3, 2), True)]
        np.testing.assert_allclose(model.predict(X, verbose=0), np.repeat(((X * [1, 2, 3] + 1) * [1, 2, 3]).sum(-1, keepdims=True), 2, -1),
                                   rtol=1e-5)  # fmt: skip
        model.compile("sgd", "mse", backend="tensorflow")
        model.fit(X, np.zeros((2, 4, 2)), verbose=0)
        assert not np.allclose(module.scale, [1.0, 2.0, 3.0])  # the user's own variable is what learns
        with pytest.raises(NotImplementedError, match="around the tf.Module Scaled"):
            model.get_config()
    with pytest.raises(LayerError, match="runs on TensorFlow only"):
        model.compile("sgd", "mse", backend="torch")
        model.fit(X, np.zeros((2, 4, 2)), verbose=0)
