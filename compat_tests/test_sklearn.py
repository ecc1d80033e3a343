"""Estimators of scikit-learn around models, against those of the reference."""

import keras
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import kerastorch
from kerastorch import wrappers

X = np.random.default_rng(0).normal(size=(40, 3))
LABELS = np.where(X[:, 0] > 0, "b", "a")
SUMS = X.sum(1)


def maker(package):
    """A function that makes a linear model with the same start in both packages."""

    def make(X, y, rate=0.1):
        outputs = y.shape[1]
        kernel = np.linspace(-1, 1, 3 * outputs).reshape(3, outputs)
        layer = package.layers.Dense(outputs, activation="softmax" if outputs > 1 else None)
        model = package.Sequential([package.Input((3,)), layer])
        model.set_weights([kernel, np.zeros(outputs)])
        model.compile(package.optimizers.SGD(rate), "categorical_crossentropy" if outputs > 1 else "mse")
        return model

    return make


@pytest.mark.parametrize("kind, y", [("Classifier", LABELS), ("Regressor", SUMS), ("Transformer", SUMS)])
def test_an_estimator_learns_what_the_reference_learns(kind, y, backend):
    found = []
    for package in (keras, kerastorch):
        make = getattr(package.wrappers, f"SKLearn{kind}")
        estimator = make(maker(package), fit_kwargs={"epochs": 2, "shuffle": False, "verbose": 0}).fit(X, y, batch_size=10)
        result = (estimator.transform if kind == "Transformer" else estimator.predict)(X)
        found.append((result, estimator.n_features_in_, estimator.history_.history["loss"]))
    (expected, features, losses), (result, ours, history) = found
    assert (result.shape, result.dtype, features) == (expected.shape, expected.dtype, ours)
    np.testing.assert_allclose(history, losses, rtol=1e-5)
    if result.dtype.kind == "f":
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)
    else:
        np.testing.assert_array_equal(result, expected)


def test_pipelines_and_searches_take_estimators():
    model = wrappers.SKLearnRegressor(maker(kerastorch), fit_kwargs={"epochs": 20, "verbose": 0})
    search = GridSearchCV(model, {"model_kwargs": [{"rate": 0.0}, {"rate": 0.1}]}, cv=2)
    assert make_pipeline(StandardScaler(), search).fit(X, SUMS).score(X, SUMS) > 0.9
    assert search.best_params_ == {"model_kwargs": {"rate": 0.1}}


def test_a_model_is_copied_unless_it_starts_warm():
    model = maker(kerastorch)(X, SUMS[:, None])
    before = model.get_weights()[0].copy()
    cold = wrappers.SKLearnRegressor(model).fit(X, SUMS, verbose=0)
    assert cold.model_ is not model
    np.testing.assert_array_equal(model.get_weights()[0], before)
    warm = wrappers.SKLearnRegressor(model, warm_start=True).fit(X, SUMS, verbose=0)
    assert warm.fit(X, SUMS, verbose=0).model_ is model


@pytest.mark.parametrize("model, error, message", [
    ("dense", TypeError, "must be a model or a function"),
    (lambda X, y: 3, TypeError, "must return a model, not 3"),
    (kerastorch.Sequential([kerastorch.layers.Dense(1)]), RuntimeError, "needs to be compiled"),
])  # fmt: skip
def test_what_is_no_compiled_model_is_refused(model, error, message):
    with pytest.raises(error, match=message):
        wrappers.SKLearnRegressor(model).fit(X, SUMS)


def test_a_classifier_needs_two_classes():
    with pytest.raises(ValueError, match="only one class is present, here a"):
        wrappers.SKLearnClassifier(maker(kerastorch)).fit(X, ["a"] * 40)


# ------------------------------------------------------------------------------------------------ as in Keras 1 and 2


def built(units=4, optimizer="adam", outputs=1, loss="binary_crossentropy"):
    layers = kerastorch.layers
    last = {"binary_crossentropy": "sigmoid", "categorical_crossentropy": "softmax", "mse": None}[loss]
    model = kerastorch.Sequential([layers.Dense(units, activation="relu", input_dim=2), layers.Dense(outputs, activation=last)])
    model.compile(optimizer, loss, metrics=["accuracy"] if last else None)
    return model


@pytest.fixture
def old_place():
    from kerastorch.legacy import spelling

    with spelling.silence():
        from kerastorch.wrappers import KerasClassifier, KerasRegressor
    return KerasClassifier, KerasRegressor


def test_old_classifier(old_place):
    from sklearn.model_selection import GridSearchCV, cross_val_score

    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2)).astype("float32")
    names = np.where(x.sum(1) > 0, "yes", "no")
    kerastorch.utils.set_random_seed(0)
    one = old_place[0](build_fn=built, units=8, epochs=60, batch_size=10, verbose=0)
    history = one.fit(x, names)
    assert len(history.history["loss"]) == 60 and list(one.classes_) == ["no", "yes"]
    assert one.score(x, names) > 0.8 and set(one.predict(x).ravel()) <= {"no", "yes"}
    np.testing.assert_allclose(one.predict_proba(x).sum(1), 1.0, rtol=1e-6)

    several = old_place[0](built, outputs=2, loss="categorical_crossentropy", nb_epoch=1, verbose=0)
    assert cross_val_score(several, x, names, cv=2).shape == (2,)
    assert several.fit(x, np.eye(2)[(names == "yes").astype(int)], batch_size=20).params["epochs"] == 1
    assert several.predict_proba(x).shape == (60, 2)
    search = GridSearchCV(old_place[0](build_fn=built, verbose=0), {"units": [2, 3], "epochs": [1]}, cv=2).fit(x, names)
    assert search.best_params_["units"] in (2, 3)
    with pytest.raises(ValueError, match="colour is not a legal parameter"):
        old_place[0](build_fn=built, colour=3)


def test_old_regressor(old_place):
    x = np.random.default_rng(0).normal(size=(20, 2)).astype("float32")

    class Own(old_place[1]):
        def __call__(self, units=3):
            return built(units, loss="mse")

    one = Own(units=5, verbose=0)
    one.fit(x, x.sum(1), epochs=2)
    assert one.predict(x).shape == (20,) and one.model.layers[0].units == 5
    assert one.score(x, x.sum(1)) == pytest.approx(-np.mean((one.predict(x) - x.sum(1)) ** 2), rel=1e-4)
