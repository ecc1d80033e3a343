"""Comparing backends: what differs is found where it begins, and everything that was compared is counted."""

import contextlib
import json
import math

import numpy as np
import pytest

import kerastorch as keras
from kerastorch import backend_registry, layers, ops, variable
from kerastorch.compare.report import Difference, Report, Row
from kerastorch.errors import NotCompiled
from kerastorch.op import forget_plans

BACKENDS = [name for name in backend_registry.BUILT_IN if backend_registry.installed(name)]
needs_two = pytest.mark.skipif(len(BACKENDS) < 2, reason="two frameworks are needed")
pytestmark = needs_two
RNG = np.random.default_rng(0)
X = RNG.normal(size=(8, 5)).astype("float32")


@pytest.fixture
def broken(monkeypatch):
    """Replaces an op on the last backend."""
    backend = backend_registry.get(BACKENDS[-1])

    def replace(op, make):
        monkeypatch.setitem(backend.ops, op, make(backend.ops[op], backend))
        forget_plans()

    yield replace
    monkeypatch.undo()
    forget_plans()


def stack():
    return keras.Sequential(
        [
            layers.Input((5,)),
            layers.Dense(4, name="first"),
            layers.Activation("tanh", name="middle"),
            layers.Dense(4, activation="softplus", name="third"),
            layers.Dense(2, name="last"),
        ]
    )


def test_agreement_and_the_number_of_comparisons():
    report = keras.compare(stack(), X, backends=BACKENDS)
    assert report.ok and report.first_divergence is None and report.backends == BACKENDS
    assert [row.layer for row in report.rows] == ["first", "middle", "third", "last", "loss"]
    # Outputs alone and cumulative for five rows; two weights' gradients, alone and cumulative, for three.
    assert report.count == 5 * 2 + 3 * 2 * 2
    assert report.notes == []
    assert "22 comparisons" in str(report) and "all within tolerance" in str(report)


@pytest.mark.parametrize("op, layer", [(ops.tanh, "middle"), (ops.softplus, "third")], ids=["layer", "activation"])
def test_a_wrong_op_is_the_first_divergence(broken, op, layer):
    broken(op, lambda right, backend: lambda x: right(x) * 1.01)
    report = keras.compare(stack(), X, backends=BACKENDS)
    assert not report.ok and report.first_divergence.layer == layer
    row = report.first_divergence
    assert not row.output.within and not row.output_cumulative.within
    later = report.rows[-2]
    assert later.output.within and not later.output_cumulative.within
    assert f"first layer beyond tolerance (!) is {layer}" in str(report)


def test_in_the_other_order(broken):
    broken(ops.tanh, lambda right, backend: lambda x: right(x) * 1.01)
    assert keras.compare(stack(), X, backends=BACKENDS[::-1]).first_divergence.layer == "middle"


def test_a_wrong_gradient_is_found_though_all_outputs_agree(broken):
    broken(ops.softplus, lambda right, backend: lambda x: backend.ops[ops.stop_gradient](right(x)))
    report = keras.compare(stack(), X, backends=BACKENDS)
    assert all(row.output.within and row.output_cumulative.within for row in report.rows)
    row = report.first_divergence
    assert row.layer == "third" and not row.gradient.within and "third/" in row.gradient.where


def test_a_wrong_gradient_of_a_layer_without_weights(broken):
    """Only the layers before it suffer; the last of them is named."""
    broken(ops.tanh, lambda right, backend: lambda x: backend.ops[ops.stop_gradient](right(x)))
    report = keras.compare(stack(), X, backends=BACKENDS)
    row = report.first_divergence
    assert row.layer == "first" and row.gradient.within and not row.gradient_cumulative.within


class Shifty(layers.Layer):
    """Differs on one backend."""

    def call(self, x):
        return x + (0.5 if backend_registry.active().name == BACKENDS[-1] else 0.0)


def test_a_wrong_layer_of_the_users_own():
    model = keras.Sequential([layers.Input((5,)), layers.Dense(3), Shifty(name="shifty"), layers.Dense(3)])
    row = keras.compare(model, X, backends=BACKENDS).first_divergence
    assert row.layer == "shifty" and math.isclose(row.output.absolute, 0.5, rel_tol=1e-5)


def test_nested_shared_and_several_inputs():
    keras.utils.clear_session()  # the names of ops are counted from here
    inner = keras.Sequential(
        [layers.Input((3,)), layers.Dense(3, name="dense"), layers.BatchNormalization(name="norm")], name="inner"
    )
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    total = inner(a) * 2.0 + inner(b)
    model = keras.Model({"a": a, "b": b}, {"sum": total, "max": layers.Maximum(name="most")([inner(a), b])})
    x = {"a": X[:, :3], "b": X[:, 2:]}
    report = keras.compare(model, x, backends=BACKENDS)
    names = [row.layer for row in report.rows]
    assert report.ok and {"inner/dense (call 1)", "inner/norm (call 3)", "most", "multiply", "add"} <= set(names)
    # Gradients of the model's loss belong to the first call of a layer.
    assert [row.layer for row in report.rows if row.gradient_cumulative] == [
        "inner/dense (call 1)",
        "inner/norm (call 1)",
    ]


def test_masks_and_integers():
    words = keras.Input((6,), dtype="int32")
    x = layers.Embedding(10, 4, mask_zero=True)(words)
    x = layers.Concatenate()([layers.LSTM(3)(x), layers.Bidirectional(layers.GRU(2))(x)])
    model = keras.Model(words, layers.Dense(3, activation="softmax")(x))
    model.compile("sgd", "sparse_categorical_crossentropy")
    report = keras.compare(model, RNG.integers(0, 10, (7, 6)), RNG.integers(0, 3, 7), backends=BACKENDS)
    assert report.ok and report.rows[-1].kind == "compiled loss"
    assert sum(row.kind == "NotEqual" for row in report.rows) == 1


class Two(keras.Model):
    def __init__(self):
        super().__init__()
        self.rest = [layers.Dense(3, name="a"), layers.Dropout(0.5, name="drop"), layers.Dense(2, name="b")]

    def call(self, x, training=None):
        for layer in self.rest:
            x = layer(x)
        return ops.tanh(x)


def test_a_subclassed_model(broken):
    model = Two()
    report = keras.compare(model, X, backends=BACKENDS)
    assert model.built and report.ok
    assert [row.layer for row in report.rows] == ["a", "drop", "b", model.name, "loss"]
    broken(ops.tanh, lambda right, backend: lambda x: right(x) + 1)
    assert keras.compare(model, X, backends=BACKENDS).first_divergence.layer == model.name


def test_a_loss_that_differs(broken):
    model = keras.Sequential([layers.Input((5,)), layers.Dense(2, name="dense")])
    model.compile("sgd", "mean_absolute_error")
    broken(ops.abs, lambda right, backend: lambda x: right(x) * 2)
    assert keras.compare(model, X, X[:, :2], backends=BACKENDS).first_divergence.layer == "loss"


def test_a_layer_alone():
    layer = layers.Dense(3)
    report = keras.compare(layer, X, backends=BACKENDS)
    assert report.ok and layer.built and [row.layer for row in report.rows] == [layer.name, "loss"]


def test_the_model_is_left_as_it_was():
    model = keras.Sequential(
        [
            layers.Input((4, 3), batch_size=8),
            layers.LSTM(3, stateful=True),
            layers.Dropout(0.5),
            layers.BatchNormalization(),
            layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse", backend=BACKENDS[-1])
    x, y = RNG.normal(size=(8, 4, 3)).astype("float32"), np.zeros((8, 1), "float32")
    model.fit(x, y, batch_size=8, verbose=0)
    before, states = model.get_weights(), [s.numpy() for s in model.layers[0].states]
    homes = [(v, v.home) for v in model.variables]
    assert keras.compare(model, x, y, backends=BACKENDS).ok
    assert all(v.home is home for v, home in homes)
    for old, new in zip(
        before + states, model.get_weights() + [s.numpy() for s in model.layers[0].states], strict=True
    ):
        np.testing.assert_array_equal(old, new)
    model.fit(x, y, batch_size=8, verbose=0)


def test_an_unbuilt_stack_is_built():
    model = keras.Sequential([layers.Dense(3), layers.Dense(2)])
    assert keras.compare(model, X, backends=BACKENDS).ok and model.output_shape == (None, 2)


def test_frozen_weights_have_no_gradients():
    model = stack()
    model.get_layer("first").trainable = False
    report = keras.compare(model, X, backends=BACKENDS)
    assert report.rows[0].gradient is None and report.rows[2].gradient is not None


def test_bad_arguments():
    model = stack()
    for names in (BACKENDS[:1], BACKENDS[0], BACKENDS[:1] * 2):
        with pytest.raises(ValueError, match="at least two backends"):
            keras.compare(model, X, backends=names)
    with pytest.raises(ValueError, match="no backend named 'abacus'"):
        keras.compare(model, X, backends=[BACKENDS[0], "abacus"])
    with pytest.raises(NotCompiled, match="has no loss"):
        keras.compare(model, X, X, backends=BACKENDS)


# ------------------------------------------------------------------------------------------------ a backend from outside


class Array(np.ndarray):
    """The tensors of a third framework."""


class Home(variable.HostHome):
    backend = None

    def tensor(self):
        return self.view().view(Array)


class Third(backend_registry.Backend):
    """A few ops in numpy, and no gradients."""

    name = "third"
    packages = (__name__.partition(".")[0],)
    ops = {
        ops.matmul: np.matmul,
        ops.add: np.add,
        ops.tanh: np.tanh,
        ops.square: np.square,
        ops.sum: lambda x, axis, keepdims: np.sum(x, axis=axis, keepdims=keepdims).view(Array),
        ops.cast: lambda x, dtype: x.astype(dtype),
    }

    def is_tensor(self, x):
        return isinstance(x, Array)

    def convert(self, x, dtype=None, alias=False):
        return np.asarray(x, dtype).view(Array)

    def cast(self, x, dtype):
        return x.astype(dtype)

    def numpy(self, x):
        return np.array(x)

    def dtype(self, x):
        return str(x.dtype)

    def shape(self, x):
        return x.shape

    def no_gradient(self):
        return contextlib.nullcontext()

    def adopt(self, variable):
        home = Home(variable.home.numpy)
        home.backend = self
        variable.move(home)


def test_a_third_backend():
    backend_registry.register(Third())
    try:
        model = keras.Sequential([layers.Input((5,)), layers.Dense(3, activation="tanh"), layers.Dense(2)])
        report = keras.compare(model, X, backends=[*BACKENDS, "third"])
    finally:
        backend_registry.unregister("third")
        forget_plans()
    assert report.ok and {row.backend for row in report.rows} == {BACKENDS[-1], "third"}
    assert all(row.gradient is None for row in report.rows if row.backend == "third")
    assert len(report.notes) == 1 and "third does not give any" in str(report)


# ------------------------------------------------------------------------------------------------ the report


def test_differences():
    def of(a, b):
        return Difference.of(np.array(a), np.array(b), rtol=0.1, atol=0.01)

    assert of([1.0, -2.0], [1.0, -2.0]) == Difference(0.0, 0.0, True)
    found = of([1.0, -2.0], [1.1, -2.2])
    assert math.isclose(found.absolute, 0.2) and math.isclose(found.relative, 0.1) and found.within
    assert not of([1.0], [1.2]).within
    assert of([0.0], [0.0]).within and of([0.0], [0.5]).relative == math.inf
    assert of([math.nan, math.inf, 1.0], [math.nan, math.inf, 1.0]).within
    assert of([math.nan], [1.0]).absolute == math.inf and not of([math.inf], [1.0]).within
    assert not of([1.0, 2.0], [1.0]).within
    assert of([True, False], [True, False]).within and not of([1], [5]).within
    assert of(np.zeros((0, 3)), np.zeros((0, 3))).within
    assert of([1 + 2j], [1 + 2j]).within


def test_report_as_data():
    good, bad = Difference(1e-6, 1e-6, True), Difference(1.0, 0.5, False, "a/kernel", 2)
    rows = [Row("a", "Dense", "other", good, good, good, bad), Row("b", "Dense", "other", good, good, good, bad)]
    report = Report("m", ["one", "other"], 1e-4, 1e-5, rows)
    # Wrong cumulative gradients come from behind.
    assert report.first_divergence.layer == "b" and report.count == 2 * 5 and not report.ok
    assert report.worst.layer in ("a", "b")
    data = json.loads(json.dumps(report.to_dict()))
    assert data["first_divergence"] == {"layer": "b", "backend": "other"} and data["count"] == 10
    assert data["rows"][0]["gradient_cumulative"]["where"] == "a/kernel"
    empty = Report("m", ["one", "other"], 1e-4, 1e-5)
    assert not empty.ok and empty.worst is None and "nothing was compared" in str(empty)


def test_the_package_can_be_called():
    """`import kerastorch.compare` binds the package, under the name of the function."""
    import kerastorch.compare as package

    assert package(stack(), X, backends=BACKENDS).ok
