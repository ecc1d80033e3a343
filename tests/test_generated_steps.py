"""Loss and metrics as generated torch code: the same numbers as op by op, wherever the state lives and whatever comes in."""

import numpy as np
import pytest
import torch

import kerastorch as keras
from kerastorch.backends.torch.traced import KINDS, Traced

L = keras.layers
RNG = np.random.default_rng(0)
X = RNG.random((50, 6, 4), dtype="float32")
CLASSES = RNG.integers(0, 3, (50,))
NUMBERS = RNG.random((50, 2), dtype="float32")
WEIGHTS = RNG.random(50).astype("float32")


def dense(masked=False):
    x = inputs = keras.Input((6, 4))
    if masked:
        x = L.Masking()(x)
    return inputs, L.LSTM(5, return_sequences=True, name="steps")(x)


def one_output():
    inputs, x = dense()
    model = keras.Model(inputs, L.Dense(3, activation="softmax")(L.Flatten()(x)))
    return model, CLASSES, {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], "weighted_metrics": ["sparse_categorical_crossentropy"]}


def several_outputs():
    inputs, x = dense()
    x = L.Flatten()(x)
    model = keras.Model(inputs, {"kind": L.Dense(3, activation="softmax", name="kind")(x), "size": L.Dense(2, name="size")(x)})
    losses = {"kind": "sparse_categorical_crossentropy", "size": keras.losses.Huber()}
    return model, {"kind": CLASSES, "size": NUMBERS}, {
        "loss": losses, "loss_weights": {"kind": 0.3, "size": 2.0}, "metrics": {"kind": ["accuracy"], "size": ["mae", "mse"]}}  # fmt: skip


def masked():
    inputs, x = dense(masked=True)
    model = keras.Model(inputs, L.Dense(4)(x))
    return model, X, {"loss": "mse", "metrics": ["mae"]}


def one_number():
    inputs, x = dense()
    return keras.Model(inputs, L.Dense(1)(L.Flatten()(x))), NUMBERS[:, :1], {"loss": "mse", "metrics": ["mae", "mse"]}


def one_number_a_step():
    inputs, x = dense()
    return keras.Model(inputs, L.Dense(1)(x)), X[:, :, :1], {"loss": "mae", "metrics": ["mse"]}


def yes_or_no():
    inputs, x = dense()
    model = keras.Model(inputs, L.Dense(1, activation="sigmoid")(L.Flatten()(x)))
    return model, (CLASSES > 1).astype("uint8"), {"loss": "binary_crossentropy", "metrics": ["accuracy"]}


@pytest.mark.parametrize(
    "make", [one_output, several_outputs, masked, one_number, one_number_a_step, yes_or_no], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_same_as_op_by_op(make, weighted):
    x = X.copy()
    x[::3, 4:] = 0.0
    histories = {}
    for eagerly in (False, True):
        keras.utils.set_random_seed(1)
        model, y, arguments = make()
        model.compile("adam", run_eagerly=eagerly, backend="torch", **arguments)
        weights = WEIGHTS[:, None].repeat(6, 1) if make in (masked, one_number_a_step) else WEIGHTS
        weight = {"sample_weight": dict.fromkeys(y, weights) if isinstance(y, dict) else weights} if weighted else {}
        histories[eagerly] = model.fit(x, y, batch_size=16, epochs=2, verbose=0, validation_data=(x, y), **weight).history
        assert isinstance(model._training.steps.compared, Traced) is not eagerly
    assert histories[False].keys() == histories[True].keys()
    for name, values in histories[True].items():
        np.testing.assert_allclose(histories[False][name], values, rtol=2e-6, atol=1e-7, err_msg=name)


def test_what_users_write_runs_as_they_wrote_it():
    """A loss and a metric with Python in them see tensors at every step."""
    seen = []

    def loss(y_true, y_pred):
        seen.append(type(y_pred))
        return torch.mean((y_true - y_pred) ** 2, -1)

    def spread(y_true, y_pred):
        seen.append(type(y_pred))
        return torch.amax(y_pred, -1) - torch.amin(y_pred, -1)

    model = keras.Sequential([keras.Input((2,)), L.Dense(2)])
    model.compile("sgd", loss, metrics=[spread, "mae"], backend="torch")
    model.fit(NUMBERS, NUMBERS, batch_size=10, verbose=0)
    assert sum(issubclass(kind, torch.Tensor) for kind in seen) >= 2 * 5


def test_state_that_has_moved_is_fetched_back():
    """A metric that two models share is right in both, and so is one that was on another backend in between."""
    metric = keras.metrics.MeanAbsoluteError()
    models = [keras.Sequential([keras.Input((2,)), L.Dense(2, kernel_initializer="zeros")]) for _ in range(2)]
    for model, backend in zip(models, ("torch", "tensorflow"), strict=True):
        model.compile(keras.optimizers.SGD(0.0), "mse", metrics=[metric], backend=backend)
    for _ in range(2):
        for model in models:
            logs = model.evaluate(NUMBERS, NUMBERS, verbose=0, return_dict=True)
            np.testing.assert_allclose(logs["mean_absolute_error"], np.abs(NUMBERS).mean(), rtol=1e-5)
            np.testing.assert_allclose(logs["loss"], (NUMBERS**2).mean(), rtol=1e-5)


def test_lengths_that_vary():
    """Code is generated for a few kinds of batches; further ones run op by op, with the same state."""
    model = keras.Sequential([keras.Input((None, 4)), L.Dense(1)])
    model.compile(keras.optimizers.SGD(0.0), "mse", metrics=["mae"], backend="torch")
    lengths = range(1, KINDS + 4)
    batches = [(X[:8, :1].repeat(n, 1), np.ones((8, n, 1), "float32")) for n in lengths]
    logs = model.evaluate(iter(batches), verbose=0, return_dict=True)
    weight, bias = model.get_weights()
    truth = [np.abs(x @ weight + bias - y).mean(axis=(0, 2)) for x, y in batches]
    np.testing.assert_allclose(logs["mae"], np.mean([t.mean() for t in truth]), rtol=1e-5)
    assert len(model._training.steps.compared.made) == KINDS


def test_a_whole_step_compiles():
    """`jit_compile=True` compiles forward, loss and metrics, each without a graph break."""
    model, y, arguments = one_output()
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    model.compile("adam", jit_compile=True, backend="torch", **arguments)
    history = model.fit(X, y, batch_size=25, epochs=2, verbose=0).history
    assert history["loss"][1] < history["loss"][0]
    assert not torch._dynamo.utils.counters["graph_break"]


def code(made):
    """The generated code of what a Traced has made."""
    (forward,) = made.made.values()
    return forward.__self__.code


def test_one_call_where_ops_are_many():
    """Losses and metrics of plain arrays come to the function that somebody would have called by hand."""
    model = keras.Sequential([keras.Input((2,)), L.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"], backend="torch")
    model.fit(NUMBERS, NUMBERS[:, :1], verbose=0, batch_size=50)
    steps = model._training.steps
    assert "mse_loss(" in code(steps.compared) and "torch.mean" not in code(steps.compared)
    assert "l1_loss(" in code(steps.update_metrics) and "torch.abs" not in code(steps.update_metrics)

    model = keras.Sequential([keras.Input((2,)), L.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], backend="torch")
    model.fit(NUMBERS, CLASSES, verbose=0, batch_size=50)
    assert ".to(" not in code(model._training.steps.update_metrics)
