"""Every loss against reference Keras, on every backend: all from the records in `cases/losses.py`."""

import inspect

import keras
import numpy as np
import pytest

from compat_tests.cases.losses import COLUMNS, LOSSES, ROWS, arrays
from kerastorch import losses
from kerastorch.losses import functions
from kerastorch.losses.names import CLASSES, FUNCTIONS, NAMES
from kerastorch.variable import Variable

REDUCTIONS = ("sum_over_batch_size", "sum", "mean_with_sample_weight", "none", None)


def each_case(condition=lambda case: True):
    chosen = [c for c in LOSSES if condition(c)]
    return pytest.mark.parametrize("case", chosen, ids=[c.id for c in chosen])


def theirs(x):
    return keras.ops.convert_to_tensor(x)


def listed(config):
    """A configuration with tuples as lists, which is how files keep them."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in config.items()}


def numpy_of(x):
    return keras.ops.convert_to_numpy(x)


@each_case()
def test_value(case, backend):
    y_true, y_pred = arrays(case.data)
    wanted = numpy_of(case.make(keras.losses)(theirs(y_true), theirs(y_pred)))
    loss = case.make(losses)
    got = loss(backend.convert(y_true), backend.convert(y_pred))
    np.testing.assert_allclose(backend.numpy(got), wanted, rtol=case.tolerance, atol=1e-6)
    assert backend.dtype(got) == "float32"
    np.testing.assert_allclose(backend.numpy(loss(y_true, y_pred)), wanted, rtol=case.tolerance, atol=1e-6)


@each_case(lambda case: case.weights is not None)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_sample_weights(case, reduction, backend):
    y_true, y_pred = arrays(case.data)
    weights = np.random.default_rng(5).uniform(0.0, 2.0, case.weights).astype("float32")
    wanted = numpy_of(case.make(keras.losses, reduction=reduction)(theirs(y_true), theirs(y_pred), sample_weight=theirs(weights)))
    got = case.make(losses, reduction=reduction)(backend.convert(y_true), backend.convert(y_pred), sample_weight=weights)
    np.testing.assert_allclose(backend.numpy(got), wanted, rtol=case.tolerance, atol=1e-6)


@each_case()
def test_mask(case, backend):
    y_true, y_pred = arrays(case.data)
    values = numpy_of(case.make(keras.losses, reduction="none")(theirs(y_true), theirs(y_pred)))
    mask = np.random.default_rng(6).uniform(size=values.shape) < 0.6
    given, ours = theirs(y_pred), backend.convert(y_pred)
    given._keras_mask, ours._keras_mask = theirs(mask), backend.convert(mask)
    for reduction in ("sum_over_batch_size", "sum"):
        wanted = numpy_of(case.make(keras.losses, reduction=reduction)(theirs(y_true), given))
        got = case.make(losses, reduction=reduction)(backend.convert(y_true), ours)
        np.testing.assert_allclose(backend.numpy(got), wanted, rtol=case.tolerance, atol=1e-6)


@each_case(lambda case: case.gradient)
def test_gradient(case, backend):
    y_true, y_pred = arrays(case.data)
    x = theirs(y_pred).requires_grad_()
    case.make(keras.losses)(theirs(y_true), x).backward()
    variable, loss = Variable(y_pred), case.make(losses)
    target = backend.convert(y_true)
    _, (got,) = backend.value_and_gradients(lambda: loss(target, variable.tensor(backend)), [variable])
    np.testing.assert_allclose(backend.numpy(got), numpy_of(x.grad), rtol=10 * case.tolerance, atol=1e-6)


@each_case()
def test_configuration(case):
    ours, reference = case.make(losses), case.make(keras.losses)
    config = ours.get_config()
    unsaved = {k: v for k, v in case.arguments.items() if k in type(ours).quiet}  # Keras forgets them, we do not
    assert config == {**reference.get_config(), **unsaved}
    again = losses.deserialize(losses.serialize(ours))
    assert type(again) is type(ours) and listed(again.get_config()) == listed(config)
    exchanged = [keras.losses.deserialize(described) for described in (losses.serialize(ours), keras.losses.serialize(reference))]
    assert type(exchanged[0]) is type(exchanged[1])


@pytest.mark.parametrize("name", sorted([*CLASSES, "Loss"]))
def test_class_signature(name):
    ours, reference = (list(inspect.signature(getattr(m, name)).parameters.values()) for m in (losses, keras.losses))
    assert [(p.name, p.kind, p.default) for p in ours] == [(p.name, p.kind, p.default) for p in reference]


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_function_signature(name):
    ours, reference = (list(inspect.signature(getattr(m, name)).parameters.values()) for m in (losses, keras.losses))
    assert [(p.name, p.kind, p.default) for p in ours] == [(p.name, p.kind, p.default) for p in reference]


def test_public_names():
    assert {n for n in dir(keras.losses) if n[0] != "_"} <= set(losses.__all__)


@pytest.mark.parametrize("name", ["mse", "MAE", "mape", "msle", "bce", "kld", "huber", "Huber", "sparse_categorical_crossentropy"])
def test_get(name):
    found, reference = ((x if inspect.isfunction(x) else type(x)).__name__ for x in (losses.get(name), keras.losses.get(name)))
    assert found == reference or reference == "LossFunctionWrapper"
    assert losses.get(losses.get(name)) is not None and losses.get(None) is None


@pytest.mark.parametrize("name,near", [("mean_square_error", "mean_squared_error"), ("binary_crossentropi", "binary_crossentropy")])
def test_unknown_name(name, near):
    with pytest.raises(ValueError, match=near):
        losses.get(name)


def test_users_own(backend):
    class Cubed(losses.Loss):
        def call(self, y_true, y_pred):
            return abs(y_pred - y_true) ** 3

    y_true, y_pred = arrays("real")
    got = Cubed()(y_true, backend.convert(y_pred))
    np.testing.assert_allclose(backend.numpy(got), (abs(y_pred - y_true) ** 3).mean(), rtol=1e-5)
    assert Cubed(name="c", reduction="sum").get_config() == {"name": "c", "reduction": "sum"}
    with pytest.raises(ValueError, match="reduction"):
        Cubed(reduction="total")
    with pytest.raises(AttributeError):
        Cubed().dtype = "float16"
    assert backend.dtype(Cubed(dtype="float16")(y_true, y_pred)) == "float16"


@pytest.mark.parametrize(
    "kind,name",
    [
        ("binary_column", "Binary"),
        ("classes", "SparseCategorical"),
        ("classes_column", "SparseCategorical"),
        ("onehot", "Categorical"),
    ],
)
def test_crossentropy_goes_by_the_shapes(kind, name, backend):
    y_true, y_pred = arrays(kind)
    got = losses.as_loss("crossentropy")(backend.convert(y_true), backend.convert(y_pred))
    wanted = getattr(losses, f"{name}Crossentropy")()(backend.convert(y_true), backend.convert(y_pred))
    np.testing.assert_allclose(backend.numpy(got), backend.numpy(wanted), rtol=1e-6)


def test_as_loss():
    assert losses.as_loss(None) is None
    assert losses.as_loss("mse").name == "mse" and isinstance(losses.as_loss("mse"), losses.MeanSquaredError)
    own = losses.as_loss(lambda y_true, y_pred: y_pred)
    assert isinstance(own, losses.Loss)
    given = losses.Huber(delta=2.0)
    assert losses.as_loss(given) is given
    assert set(NAMES) >= set(FUNCTIONS) | set(CLASSES)


def test_labels_out_of_range(backend):
    y_pred = arrays("classes")[1]
    y_true = np.array([0, 1, 2, COLUMNS, 1, 0])
    with pytest.raises(ValueError, match=r"y_true\[3\] is 5.*0 to 4"):
        functions.sparse_categorical_crossentropy(y_true, backend.convert(y_pred))
    with pytest.raises(ValueError, match="from 0 to 4"):
        losses.check_labels("sparse_categorical_crossentropy", -np.ones(ROWS, "int64"), COLUMNS)
    with pytest.raises(ValueError, match="subtracted"):
        losses.check_labels(losses.SparseCategoricalCrossentropy(), np.array([1, 2, 3, 4, 5]), COLUMNS)
    losses.check_labels(losses.SparseCategoricalCrossentropy(ignore_class=-1), np.array([-1, 0, 4]), COLUMNS)
    losses.check_labels("mse", y_true, COLUMNS)
    losses.check_labels("sparse_categorical_crossentropy", y_true, None)
