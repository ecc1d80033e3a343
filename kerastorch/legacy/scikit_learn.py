"""Estimators of Keras 1, 2 and tf.keras (up to 2.11), made with a function that builds the model, and arguments for it."""

import inspect
from typing import Any

import numpy as np

from kerastorch import extras
from kerastorch.legacy.past import Past, old
from kerastorch.models import Sequential
from kerastorch.utils import to_categorical

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
except ImportError as error:
    raise extras.missing("sklearn", "keras.wrappers.scikit_learn") from error

PAST: dict[str, Past] = {}
METHODS = (Sequential.fit, Sequential.predict, Sequential.evaluate)


def _takes(function: Any) -> set[str]:
    return set(inspect.signature(function).parameters) - {"self"}


class BuiltEstimator(BaseEstimator):
    """What both kinds share.

    Args:
        build_fn: Function, or object that can be called, that gives a compiled model; a subclass may have `__call__` instead.
        **sk_params: Arguments for it, and for the model's `fit`, `predict` and `evaluate`.

    Raises:
        ValueError: For an argument that none of them takes.
    """

    model: Any = None

    def __init__(self, build_fn=None, **sk_params):
        self.build_fn, self.sk_params = build_fn, sk_params
        self.check_params(sk_params)

    def _builder(self):
        return self.build_fn if self.build_fn is not None else type(self).__call__.__get__(self)

    def check_params(self, params):
        """Refuses arguments that nothing takes."""
        build = self._builder()
        if any(p.kind is p.VAR_KEYWORD for p in inspect.signature(build).parameters.values()):
            return
        known = {"nb_epoch"}.union(*map(_takes, (build, *METHODS)))
        for name in params:
            if name not in known:
                raise ValueError(f"{name} is not a legal parameter: neither the function that builds the model takes it, nor fit, "
                                 "predict or evaluate")  # fmt: skip

    def get_params(self, deep=True):
        """The arguments, as scikit-learn asks for them."""
        return {**self.sk_params, "build_fn": self.build_fn}

    def set_params(self, **params):
        """Changes arguments."""
        self.check_params({k: v for k, v in params.items() if k != "build_fn"})
        self.build_fn = params.pop("build_fn", self.build_fn)
        self.sk_params.update(params)
        return self

    def filter_sk_params(self, fn, override=None):
        """Those of the arguments that a function takes, with some replaced."""
        return {k: v for k, v in self.sk_params.items() if k in _takes(fn)} | (override or {})

    def fit(self, x, y, **kwargs):
        """Builds a model and trains it; gives its History. `kwargs` are for the model's `fit`."""
        build = self._builder()
        self.model = build(**self.filter_sk_params(build))
        if getattr(self.model.loss, "__name__", self.model.loss) == "categorical_crossentropy" and np.ndim(y) != 2:
            y = to_categorical(y)
        epochs = {"epochs": self.sk_params["nb_epoch"]} if "nb_epoch" in self.sk_params else {}
        self.history_ = self.model.fit(x, y, **{**epochs, **self.filter_sk_params(Sequential.fit, kwargs)})
        return self.history_

    def _outputs(self, x, kwargs):
        return self.model.predict(x, **self.filter_sk_params(Sequential.predict, kwargs))


@old(PAST, "keras.wrappers.SKLearnClassifier")
class KerasClassifier(ClassifierMixin, BuiltEstimator):
    """A model that tells classes; arguments as of `BuiltEstimator`."""

    def fit(self, x, y, **kwargs):
        """Builds a model and trains it.

        Args:
            x: Inputs.
            y: Classes of shape (samples,) or (samples, 1), or one-hot ones.
            **kwargs: For the model's `fit`.

        Returns:
            The History of it.
        """
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
        else:
            self.classes_, places = np.unique(y, return_inverse=True)
            y = places.reshape(y.shape)
        self.n_classes_ = len(self.classes_)
        return super().fit(x, y, **kwargs)

    def predict(self, x, **kwargs):
        """The likeliest class of each input."""
        outputs = self._outputs(x, kwargs)
        return self.classes_[outputs.argmax(-1) if outputs.shape[-1] > 1 else (outputs > 0.5).astype("int32")]

    def predict_proba(self, x, **kwargs):
        """The probability of each class, (samples, classes)."""
        outputs = self._outputs(x, kwargs)
        return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs

    def score(self, x, y, **kwargs):
        """The accuracy on data.

        Raises:
            ValueError: If the model was compiled without that metric.
        """
        y = np.searchsorted(self.classes_, y)
        if getattr(self.model.loss, "__name__", self.model.loss) == "categorical_crossentropy" and np.ndim(y) != 2:
            y = to_categorical(y, self.n_classes_)
        found = self.model.evaluate(x, y, return_dict=True, **self.filter_sk_params(Sequential.evaluate, kwargs))
        name = next((n for n in ("accuracy", "acc") if n in found), None)
        if name is None:
            raise ValueError("The model is not configured to compute accuracy: give metrics=['accuracy'] to its compile()")
        return found[name]


@old(PAST, "keras.wrappers.SKLearnRegressor")
class KerasRegressor(RegressorMixin, BuiltEstimator):
    """A model that tells numbers; arguments as of `BuiltEstimator`."""

    def predict(self, x, **kwargs):
        """The outputs, without axes of one value."""
        return np.squeeze(self._outputs(x, kwargs))

    def score(self, x, y, **kwargs):
        """The negative loss on data: larger is better, as scikit-learn has it."""
        found = self.model.evaluate(x, y, **self.filter_sk_params(Sequential.evaluate, kwargs))
        return -(found[0] if isinstance(found, list) else found)
