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
