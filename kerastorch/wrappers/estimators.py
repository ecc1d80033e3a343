"""Models as estimators of scikit-learn, to be used in its pipelines, searches and validations."""

import numpy as np

from kerastorch import extras
from kerastorch.models import Model, clone_model

try:
    from sklearn import get_config
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise extras.missing("sklearn", "keras.wrappers") from error


class Estimator(BaseEstimator):
    """What the three kinds of estimators share.

    A subclass says what the model is given for targets (`_encoded`), and what its output means (`_decoded`).
    """

    def __init__(self, model, warm_start=False, model_kwargs=None, fit_kwargs=None):
        # Kept as they are, and looked at in `fit` alone: scikit-learn copies and compares them.
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True  # weights are drawn
        return tags

    def fit(self, X, y, **kwargs):
        """Trains a model.

        Args:
            X: Inputs, (samples, features).
            y: Targets, (samples,).
            **kwargs: For the model's `fit`; they come before those in `fit_kwargs`.

        Returns:
            This estimator, with the model as `model_` and what its `fit` returned as `history_`.

        Raises:
            ValueError: If shapes or the kind of targets do not suit.
            TypeError: If `model` is neither a model nor makes one.
            RuntimeError: If the model is not compiled.
        """
        X, y = validate_data(self, X, y)
        y = self._encoded(y)
        self.model_ = self._made(X, y)
        self.history_ = self.model_.fit(X, y, **{**(self.fit_kwargs or {}), **kwargs})
        return self

    def predict(self, X):
        """What the model says of inputs of shape (samples, features).

        Raises:
            NotFittedError: Before `fit`.
        """
        return self._decoded(self._output(X))

    def _output(self, X):
        check_is_fitted(self, "model_")
        return self.model_.predict(validate_data(self, X, reset=False))

    def _made(self, X, y):
        """The model to be trained."""
        title = type(self).__name__
        if self.warm_start and hasattr(self, "model_"):
            return self.model_
        if isinstance(self.model, Model):
            found = self.model
        elif callable(self.model):
            found = self.model(X=X, y=y, **(self.model_kwargs or {}))
        else:
            raise TypeError(f"{title}: `model` must be a model or a function that returns one, not {self.model!r}")
        if not isinstance(found, Model):
            raise TypeError(f"{title}: the function given as `model` must return a model, not {found!r}")
        if not (found.compiled and found.loss and found.optimizer):
            raise RuntimeError(f"{title}: Given model needs to be compiled, and have a loss and an optimizer, but {found.name!r} "
                               "lacks them: call its `compile` first")  # fmt: skip
        return clone_model(found) if found is self.model and not self.warm_start else found

    def _encoded(self, y):
        return y.reshape(-1, 1)

    def _decoded(self, output):
        return output[:, 0] if output.ndim == 2 and output.shape[1] == 1 else output

    def get_metadata_routing(self):
        """What this estimator asks scikit-learn to hand on to it, see scikit-learn's metadata routing."""
        return self._get_metadata_request()

    def set_fit_request(self, **kwargs):
        """Asks for metadata in `fit`.

        Args:
            **kwargs: Name of an argument of the model's `fit` to True, False, None, or the name that it has elsewhere.

        Returns:
            This estimator.

        Raises:
            RuntimeError: If scikit-learn's metadata routing is not switched on.
        """
        if not get_config()["enable_metadata_routing"]:
            raise RuntimeError(f"{type(self).__name__}.set_fit_request: This method is only available when metadata routing is "
                               "enabled, by `sklearn.set_config(enable_metadata_routing=True)`")  # fmt: skip
        self._metadata_request = self._get_metadata_request()
        for name, alias in kwargs.items():
            self._metadata_request.fit.add_request(param=name, alias=alias)
        return self


class SKLearnClassifier(ClassifierMixin, Estimator):
    """A model as a classifier of scikit-learn.

    The model is trained on one row for each target that is 1 at its class, and the greatest output is the class predicted.

    Args:
        model: A compiled model, of which a copy with fresh weights is trained; or a function of `X` and `y` that returns a compiled
            model.
        warm_start: Whether to train the model itself rather than a copy, and to go on from its weights in a further `fit`.
        model_kwargs: Further arguments of `model` where that is a function.
        fit_kwargs: Arguments of the model's `fit`.
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # on the small data of scikit-learn's checks, with whatever model there is
        return tags

    def _encoded(self, y):
        check_classification_targets(y)
        self.classes_, places = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__}: Classifier can't train when only one class is present, here {self.classes_[0]}"
            )
        return np.eye(len(self.classes_))[places]

    def _decoded(self, output):
        return self.classes_[output.argmax(axis=-1)]

    def decision_function(self, X):
        """The model's outputs as they are, (samples, classes).

        Raises:
            NotFittedError: Before `fit`.
        """
        return self._output(X)


class SKLearnRegressor(RegressorMixin, Estimator):
    """A model as a regressor of scikit-learn, trained on targets of shape (samples, 1).

    Args:
        model: A compiled model, of which a copy with fresh weights is trained; or a function of `X` and `y` that returns a compiled
            model.
        warm_start: Whether to train the model itself rather than a copy, and to go on from its weights in a further `fit`.
        model_kwargs: Further arguments of `model` where that is a function.
        fit_kwargs: Arguments of the model's `fit`.
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


class SKLearnTransformer(TransformerMixin, Estimator):
    """A model as a step of a scikit-learn pipeline that makes features from features.

    Args:
        model: A compiled model, of which a copy with fresh weights is trained; or a function of `X` and `y` that returns a compiled
            model.
        warm_start: Whether to train the model itself rather than a copy, and to go on from its weights in a further `fit`.
        model_kwargs: Further arguments of `model` where that is a function.
        fit_kwargs: Arguments of the model's `fit`.
    """

    def transform(self, X):
        """The model's outputs for inputs of shape (samples, features).

        Raises:
            NotFittedError: Before `fit`.
        """
        return self._output(X)
