"""`.h5` files as Keras 1 and 2 wrote them: old names, old arguments, old layouts of weights."""

import json

import h5py
import numpy as np
import pytest

from kerastorch.legacy import configs, old_weights, tensorflow_ops
from kerastorch.saving import load_model

RNG = np.random.default_rng(0)


def written(path, config, weights, version="2.2.4", backend="tensorflow", training=None):
    """A file with a configuration and, by layer, arrays."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config).encode()
        file.attrs["keras_version"], file.attrs["backend"] = version.encode(), backend.encode()
        if training:
            file.attrs["training_config"] = json.dumps(training).encode()
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [n.encode() for n in weights]
        for name, arrays in weights.items():
            inner = group.create_group(name)
            names = [f"{name}/w_{i}:0" for i in range(len(arrays))]
            inner.attrs["weight_names"] = [n.encode() for n in names]
            for n, array in zip(names, arrays, strict=True):
                inner[n] = array
    return str(path)


def entry(kind, name, calls=None, **config):
    made = {"class_name": kind, "config": {"name": name, **config}}
    return made if calls is None else {**made, "name": name, "inbound_nodes": calls}


def drawn(*shape):
    return RNG.normal(size=shape).astype("float32")


def test_a_sequential_of_keras_1(tmp_path):
    layers = [
        entry("Convolution2D", "conv", nb_filter=3, nb_row=2, nb_col=2, border_mode="valid", subsample=[1, 1], dim_ordering="tf",
              activation="relu", init="glorot_uniform", W_regularizer=None, bias=True, batch_input_shape=[None, 4, 4, 2],
              input_dtype="float32", trainable=True),  # fmt: skip
        entry("Flatten", "flatten", trainable=True),
        entry("Dense", "dense", output_dim=2, init="uniform", activation="linear", bias=True, input_dim=27),
    ]
    kernel, bias, w, b = drawn(2, 2, 2, 3), drawn(3), drawn(27, 2), drawn(2)
    config = {"class_name": "Sequential", "config": layers}
    model = load_model(written(tmp_path / "m.h5", config, {"conv": [kernel, bias], "flatten": [], "dense": [w, b]}, "1.2.2"))
    x = drawn(1, 4, 4, 2)
    patches = np.stack([x[0, i : i + 2, j : j + 2].ravel() for i in range(3) for j in range(3)])
    hidden = np.maximum(patches @ kernel.reshape(8, 3) + bias, 0).reshape(1, 27)
    np.testing.assert_allclose(model.predict(x, verbose=0), hidden @ w + b, rtol=1e-4, atol=1e-5)


def test_a_model_within_a_model_whose_calls_count_from_1(tmp_path):
    def start(name):
        return entry("InputLayer", name, [], batch_input_shape=[None, 3], dtype="float32", sparse=False)

    inner = {
        "name": "inner",
        "layers": [start("a"), entry("Dense", "d", [[["a", 0, 0, {}]]], units=3, activation="linear", use_bias=True)],
        "input_layers": [["a", 0, 0]],
        "output_layers": [["d", 0, 0]],
    }
    nested = {"class_name": "Model", "config": inner, "name": "inner",
              "inbound_nodes": [[["x", 0, 0, {}]], [["inner", 1, 0, {}]]]}  # fmt: skip
    config = {
        "name": "outer",
        "layers": [start("x"), nested],
        "input_layers": [["x", 0, 0]],
        "output_layers": [["inner", 2, 0]],
    }
    w, b = drawn(3, 3), drawn(3)
    training = {
        "optimizer_config": {"class_name": "Adam", "config": {"lr": 0.5, "beta_1": 0.9, "decay": 0.0, "amsgrad": False}},
        "loss": "mse", "metrics": ["accuracy"], "sample_weight_mode": None, "loss_weights": None,
    }  # fmt: skip
    path = written(tmp_path / "m.h5", {"class_name": "Model", "config": config}, {"x": [], "inner": [w, b]}, training=training)
    model = load_model(path)
    x = drawn(2, 3)
    np.testing.assert_allclose(model.predict(x, verbose=0), (x @ w + b) @ w + b, rtol=1e-4, atol=1e-5)
    assert type(model.optimizer).__name__ == "Adam" and float(model.optimizer.learning_rate) == 0.5


@pytest.mark.parametrize("kind, gates", [("LSTM", 4), ("GRU", 3)])
def test_weights_of_cudnn(kind, gates):
    units, features = 2, 3
    kernel, recurrent = drawn(features, gates * units), drawn(units, gates * units)
    bias = drawn(2 * gates * units)
    found = old_weights._of_cudnn(kind, [kernel, recurrent, bias])
    for i in range(gates):  # cuDNN keeps each gate's matrix transposed, row after row
        part = slice(i * units, (i + 1) * units)
        np.testing.assert_array_equal(found[0][:, part], kernel[:, part].reshape(units, features).T)
        np.testing.assert_array_equal(found[1][:, part], recurrent[:, part].T)
    both = bias.reshape(2, -1)
    np.testing.assert_array_equal(found[2], both.sum(axis=0) if kind == "LSTM" else both)


def test_gates_that_were_arrays_of_their_own(tmp_path):
    parts = [drawn(*shape) for _ in range(4) for shape in ((3, 2), (2, 2), (2,))]  # input, candidate, forget, output
    config = {"class_name": "Sequential", "config": [
        entry("LSTM", "lstm", output_dim=2, init="glorot_uniform", inner_init="orthogonal", forget_bias_init="one", activation="tanh",
              inner_activation="hard_sigmoid", return_sequences=False, go_backwards=False, stateful=False, unroll=False,
              consume_less="cpu", input_dim=3, input_length=None, batch_input_shape=[None, 4, 3], W_regularizer=None,
              dropout_W=0.0, dropout_U=0.0)]}  # fmt: skip
    model = load_model(written(tmp_path / "m.h5", config, {"lstm": parts}, "1.2.2"))
    kernel = model.layers[0].get_weights()[0]
    np.testing.assert_array_equal(kernel, np.concatenate([parts[0], parts[6], parts[3], parts[9]], axis=1))


def test_kernels_of_theano_are_turned():
    class Conv2D:
        pass

    kernel = drawn(2, 3, 1, 1)
    found = old_weights.modern(Conv2D(), [kernel, drawn(1)], "2.1.0", "theano")
    np.testing.assert_array_equal(found[0], kernel[::-1, ::-1])


@pytest.mark.parametrize("mode, kind", configs.MERGES.items())
def test_merge(mode, kind):
    assert configs.modern({"class_name": "Merge", "config": {"name": "m", "mode": mode}})["class_name"] == kind


def test_what_old_classes_wrote_and_none_takes():
    old = {"class_name": "DepthwiseConv2D", "config": {"name": "d", "kernel_size": [2, 2], "groups": 1, "filters": None}}
    assert configs.modern(old)["config"] == {"name": "d", "kernel_size": [2, 2]}
    old = {"class_name": "BatchNormalization", "config": {"name": "b", "axis": [3], "dtype": {"class_name": "Policy", "config": {
        "name": "mixed_float16"}}}}  # fmt: skip
    assert configs.modern(old)["config"] == {"name": "b", "axis": 3, "dtype": "mixed_float16"}


def call_of(function, *calls):
    return {"class_name": "TFOpLambda", "config": {"name": "f", "function": function}, "name": "f", "inbound_nodes": list(calls)}


def test_functions_of_tensorflow():
    found = tensorflow_ops.modern(call_of("math.subtract", ["_CONSTANT_VALUE", -1, 1.0, {"y": ["x", 0, 0], "name": None}]))
    place = {"class_name": "__keras_tensor__", "config": {"keras_history": ["x", 0, 0]}}
    assert found["config"]["function"] == "math.subtract"
    assert found["inbound_nodes"] == [{"args": [], "kwargs": {"x": 1.0, "y": place, "name": None}}]


def test_functions_of_tensorflow_that_have_no_equal():
    with pytest.raises(ValueError, match=r"tf\.io\.read_file, which has no equal"):
        tensorflow_ops.modern(call_of("io.read_file", ["x", 0, 0, {}]))
    with pytest.raises(TypeError, match="adjoint_a=True, which its equal among the ops does not take"):
        tensorflow_ops.call("linalg.matmul", {"a": 1.0, "b": 2.0, "adjoint_a": True})
