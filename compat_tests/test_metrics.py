"""Every metric against reference Keras, on every backend: all from the records in `cases/losses.py`."""

import inspect
import pickle

import keras
import numpy as np
import pytest

from compat_tests.cases.losses import METRICS, arrays
from kerastorch import losses, metrics, ops
from kerastorch.metrics.names import CLASSES, NAMES
from kerastorch.metrics.reduction import FunctionMean

BATCHES = 3


def each_case(condition=lambda case: True):
    chosen = [c for c in METRICS if condition(c)]
    return pytest.mark.parametrize("case", chosen, ids=[c.id for c in chosen])


def theirs(x):
    return keras.ops.convert_to_tensor(x)


def numpy_of(x):
    return keras.ops.convert_to_numpy(x)


def result(case, weights=None):
    """What the reference says after some batches."""
    metric = case.make(keras.metrics)
    for i in range(BATCHES):
        y_true, y_pred = arrays(case.data, i)
        metric.update_state(theirs(y_true), theirs(y_pred), sample_weight=None if weights is None else theirs(weights[i]))
    return numpy_of(metric.result()), [numpy_of(v) for v in metric.variables]


@each_case()
def test_result(case, backend):
    metric = case.make(metrics)
    for _ in range(2):
        for i in range(BATCHES):
            metric.update_state(*map(backend.convert, arrays(case.data, i)))
        wanted, state = result(case)
        np.testing.assert_allclose(backend.numpy(metric.result()), wanted, rtol=case.tolerance, atol=1e-6)
        assert [v.shape for v in metric.variables] == [v.shape for v in state]
        for v, w in zip(metric.variables, state, strict=True):
            np.testing.assert_allclose(v.numpy(), w, rtol=case.tolerance, atol=1e-5)
        metric.reset_state()
    assert all(not v.numpy().any() for v in metric.variables)


@each_case(lambda case: case.weights is not None)
def test_sample_weights(case, backend):
    rng = np.random.default_rng(5)
    weights = [rng.integers(0, 3, case.weights).astype("float32") for _ in range(BATCHES)]
    metric = case.make(metrics)
    for i in range(BATCHES):
        metric.update_state(*map(backend.convert, arrays(case.data, i)), sample_weight=weights[i])
    np.testing.assert_allclose(backend.numpy(metric.result()), result(case, weights)[0], rtol=case.tolerance, atol=1e-6)


@each_case()
def test_arrays(case, backend):
    wanted = case.make(metrics)(*map(backend.convert, arrays(case.data)))
    np.testing.assert_allclose(backend.numpy(case.make(metrics)(*arrays(case.data))), backend.numpy(wanted), rtol=1e-6)


@each_case(lambda case: issubclass(getattr(metrics, case.name), FunctionMean))
def test_mask(case, backend):
    y_true, y_pred = arrays(case.data)
    metric = case.make(metrics)
    shape = tuple(ops.convert_to_tensor(metric.fn(y_true, y_pred, **metric.arguments)).shape)
    mask = np.random.default_rng(6).uniform(size=shape) < 0.6
    given, ours = theirs(y_pred), backend.convert(y_pred)
    given._keras_mask, ours._keras_mask = theirs(mask), backend.convert(mask)
    reference = case.make(keras.metrics)
    reference.update_state(theirs(y_true), given)
    metric.update_state(backend.convert(y_true), ours)
    np.testing.assert_allclose(backend.numpy(metric.result()), numpy_of(reference.result()), rtol=case.tolerance, atol=1e-6)


@each_case()
def test_stateless(case, backend):
    metric = case.make(metrics)
    metric.update_state(*map(backend.convert, arrays(case.data)))
    before = [v.numpy() for v in metric.variables]
    state = metric.stateless_reset_state()
    for i in range(BATCHES):
        state = metric.stateless_update_state(state, *map(backend.convert, arrays(case.data, i)))
    np.testing.assert_allclose(backend.numpy(metric.stateless_result(state)), result(case)[0], rtol=case.tolerance, atol=1e-6)
    for v, old in zip(metric.variables, before, strict=True):
        np.testing.assert_array_equal(v.numpy(), old)


@each_case()
def test_configuration(case):
    keras.utils.clear_session()
    ours, reference = case.make(metrics, name="m"), case.make(keras.metrics, name="m")
    config, wanted = ours.get_config(), reference.get_config()
    unsaved = {k: v for k, v in case.arguments.items() if k in ours.quiet}  # Keras forgets them, we do not
    assert config == {**{k: v for k, v in wanted.items() if k != "fn"}, **unsaved, **arguments_as_kept(case, wanted)}
    again = metrics.deserialize(metrics.serialize(ours))
    assert type(again) is type(ours) and again.get_config() == config


def arguments_as_kept(case, wanted):
    """Arguments that the reference keeps as a tensor or numpy numbers; ours stay what they were."""
    kept = {k: v for k, v in case.arguments.items() if k == "label_weights"}
    return {
        **kept,
        **({"thresholds": sorted(case.arguments["thresholds"])} if case.name == "AUC" and "thresholds" in wanted else {}),
    }


@pytest.mark.parametrize("name", sorted([*CLASSES, "Metric"]))
def test_class_signature(name):
    ours, reference = (list(inspect.signature(getattr(m, name)).parameters.values()) for m in (metrics, keras.metrics))
    assert [(p.name, p.kind, p.default) for p in ours] == [(p.name, p.kind, p.default) for p in reference]


def test_public_names():
    public = {n for n in dir(keras.metrics) if n[0] != "_"}
    assert public <= set(metrics.__all__)
    for name in public:
        ours, reference = getattr(metrics, name), getattr(keras.metrics, name)
        if inspect.isfunction(reference) and name not in ("get", "serialize", "deserialize"):
            assert list(inspect.signature(ours).parameters) == list(inspect.signature(reference).parameters), name


@pytest.mark.parametrize(
    "name", ["mse", "MAE", "auc", "AUC", "accuracy", "top_k_categorical_accuracy", "SparseCategoricalAccuracy"]
)
def test_get(name):
    assert type(metrics.get(name)).__name__ == type(keras.metrics.get(name)).__name__
    assert metrics.get(None) is None and set(NAMES) >= set(CLASSES)


def test_unknown_name():
    with pytest.raises(ValueError, match="accuracy"):
        metrics.get("acuracy")


def test_mean_and_sum(backend):
    mean, total = metrics.Mean(), metrics.Sum()
    reference, reference_total = keras.metrics.Mean(), keras.metrics.Sum()
    values = np.array([[1.0, 2.0], [5.0, 3.0]], "float32")
    for weight in (None, np.array([1.0, 3.0], "float32"), 2.0, values):
        for ours, wanted in ((mean, reference), (total, reference_total)):
            ours.update_state(backend.convert(values), sample_weight=weight)
            wanted.update_state(theirs(values), sample_weight=weight)
            np.testing.assert_allclose(backend.numpy(ours.result()), numpy_of(wanted.result()), rtol=1e-6)
    mean.update_state(4)
    mean.update_state(backend.convert(0.5), sample_weight=32)
    reference.update_state(4)
    reference.update_state(0.5, sample_weight=32)
    np.testing.assert_allclose(float(mean.result()), float(reference.result()), rtol=1e-6)
    assert metrics.Mean().result() == 0.0
    kept = total.result()
    old = float(kept)
    total.update_state(backend.convert(7.0))
    assert float(kept) == old


def test_function_as_metric(backend):
    y_true, y_pred = arrays("real")
    metric = metrics.MeanMetricWrapper(losses.huber, name="h", delta=0.5)
    reference = keras.metrics.MeanMetricWrapper(keras.losses.huber, name="h", delta=0.5)
    metric.update_state(y_true, backend.convert(y_pred))
    reference.update_state(theirs(y_true), theirs(y_pred))
    np.testing.assert_allclose(float(metric.result()), float(reference.result()), rtol=1e-6)
    again = metrics.MeanMetricWrapper.from_config(metric.get_config())
    assert again.fn is losses.huber and again.arguments == {"delta": 0.5}


class Share(metrics.Metric):
    """A metric as users write it."""

    def __init__(self, name="share", **kwargs):
        super().__init__(name=name, **kwargs)
        self.right = self.add_weight(name="right", initializer="zeros")
        self.seen = self.add_variable((), "zeros", name="seen")
        self.inner = metrics.Sum()

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.right.assign_add(ops.sum(ops.cast(ops.equal(y_true, y_pred), self.dtype)))
        self.seen.assign(self.seen + ops.cast(ops.size(y_true), self.dtype))
        self.inner.update_state(y_true)

    def result(self):
        return self.right / self.seen


def test_users_own(backend):
    metric = Share()
    y_true, y_pred = map(backend.convert, arrays("class_pairs"))
    metric.update_state(y_true, y_pred)
    assert float(metric.result()) == pytest.approx((arrays("class_pairs")[0] == arrays("class_pairs")[1]).mean())
    assert [v.path for v in metric.variables] == ["share/right", "share/seen", "sum/total"]
    assert metric.get_config() == {"name": "share", "dtype": "float32"}
    metric.reset_state()
    assert [float(v) for v in metric.variables] == [0.0, 0.0, 0.0]

    class Forgetful(metrics.Metric):
        def __init__(self):
            self.add_weight(name="x")

    with pytest.raises(RuntimeError, match="super"):
        Forgetful()


@pytest.mark.parametrize("name", ["accuracy", "acc"])
@pytest.mark.parametrize(
    "true,pred,wanted",
    [
        ((None,), (None, 1), "BinaryAccuracy"),
        ((None, 1), (None, 1), "BinaryAccuracy"),
        ((None,), (None, 5), "SparseCategoricalAccuracy"),
        ((None, 1), (None, 5), "SparseCategoricalAccuracy"),
        ((None, 5), (None, 5), "CategoricalAccuracy"),
        ((None, 7), (None, 7, 5), "SparseCategoricalAccuracy"),
        ((None, 7, 5), (None, 7, 5), "CategoricalAccuracy"),
    ],
)
def test_accuracy_goes_by_the_shapes(name, true, pred, wanted):
    from keras.src.trainers.compile_utils import get_metric

    found = metrics.resolve(name, true, pred)
    reference = get_metric(name, keras.KerasTensor(true), keras.KerasTensor(pred))
    assert type(found).__name__ == type(reference).__name__ == wanted and found.name == reference.name == name


def test_resolve():
    assert type(metrics.resolve("crossentropy", (None,), (None, 5))) is metrics.SparseCategoricalCrossentropy
    assert metrics.resolve("mse", (None, 1), (None, 1)).name == "mse"
    assert metrics.resolve(losses.mean_squared_error, (None, 1), (None, 1)).name == "mean_squared_error"
    assert metrics.resolve(losses.Huber(name="h"), (None, 1), (None, 1)).name == "h"
    assert (
        metrics.resolve("accuracy", None, (None, 5), losses.SparseCategoricalCrossentropy()).fn
        is metrics.SparseCategoricalAccuracy.fn
    )
    given = metrics.AUC()
    assert metrics.resolve(given, (None, 1), (None, 1)) is given and metrics.resolve(
        metrics.AUC, (None, 1), (None, 1)
    ).name.startswith("auc")
    with pytest.raises(ValueError, match="None stands among"):
        metrics.resolve(None, (None, 1), (None, 1))


def test_pickling(backend):
    metric = Share()
    metric.update_state(*map(backend.convert, arrays("class_pairs")))
    again = pickle.loads(pickle.dumps(metric))
    assert float(again.result()) == float(metric.result()) and len(again.variables) == 3
    assert pickle.loads(pickle.dumps(losses.Huber(delta=2.0))).delta == 2.0


def test_state_may_begin_as_a_tensor(backend):
    metric = metrics.Sum()
    state = metric.add_variable((2,), initializer=backend.convert(np.array([1, 2], "int32")), dtype="int32", name="counts")
    np.testing.assert_array_equal(state.numpy(), [1, 2])


def test_state_in_nests(backend):
    metric = metrics.Sum()
    metric.more = {"a": [metrics.Mean(), metrics.Sum()]}
    assert len(metric.variables) == 4
