"""Losses as metrics: the mean over all batches of what a loss function gives."""

from typing import Any

from kerastorch import ops
from kerastorch.fields import declare
from kerastorch.losses import functions
from kerastorch.metrics.reduction import FunctionMean, Mean, mean_of, paired


@mean_of(functions.mean_squared_error, "down")
class MeanSquaredError(FunctionMean):
    """Mean of the squared differences."""


@mean_of(functions.mean_absolute_error, "down")
class MeanAbsoluteError(FunctionMean):
    """Mean of the absolute differences."""


@mean_of(functions.mean_absolute_percentage_error, "down")
class MeanAbsolutePercentageError(FunctionMean):
    """Mean of the absolute differences in percent of the target."""


@mean_of(functions.mean_squared_logarithmic_error, "down")
class MeanSquaredLogarithmicError(FunctionMean):
    """Mean of the squared differences of log(1 + x)."""


@declare
class RootMeanSquaredError(Mean):
    """Root of the mean of the squared differences."""

    name: Any = "root_mean_squared_error"

    _direction = "down"

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Takes a batch of targets and predictions into account."""
        y_true, y_pred = paired(y_true, y_pred, self.dtype)
        Mean.update_state(self, ops.square(ops.subtract(y_pred, y_true)), sample_weight)

    def result(self):
        """The root of the mean so far."""
        return ops.sqrt(super().result())


@mean_of(functions.log_cosh, "down", name="logcosh")
class LogCoshError(FunctionMean):
    """Mean of log(cosh(difference))."""


def cosine_similarity(y_true, y_pred, axis=-1):
    """The cosine of the angle between vectors along an axis."""
    return ops.negative(functions.cosine_similarity(y_true, y_pred, axis))


@mean_of(cosine_similarity, "up", quiet=("axis",))
class CosineSimilarity(FunctionMean):
    """Mean cosine of the angle between vectors along `axis`."""

    axis: int = -1


@mean_of(functions.hinge, "down")
class Hinge(FunctionMean):
    """Mean of max(1 - t * p, 0) for labels of -1 and 1 (or 0 and 1)."""


@mean_of(functions.squared_hinge, "down")
class SquaredHinge(FunctionMean):
    """Mean of max(1 - t * p, 0) squared for labels of -1 and 1 (or 0 and 1)."""


@mean_of(functions.categorical_hinge, "down")
class CategoricalHinge(FunctionMean):
    """How far the best wrong class comes within 1 of the right one."""


@mean_of(functions.kl_divergence, "down")
class KLDivergence(FunctionMean):
    """Kullback-Leibler divergence of distributions."""


@mean_of(functions.poisson, "down")
class Poisson(FunctionMean):
    """Negative log-likelihood of counts under Poisson rates, less a constant."""


@mean_of(functions.binary_crossentropy, "down")
class BinaryCrossentropy(FunctionMean):
    """Crossentropy of targets of 0 and 1."""

    from_logits: bool = False
    label_smoothing: float = 0


@mean_of(functions.categorical_crossentropy, "down")
class CategoricalCrossentropy(FunctionMean):
    """Crossentropy of one-hot targets."""

    from_logits: bool = False
    label_smoothing: float = 0
    axis: int = -1


@mean_of(functions.sparse_categorical_crossentropy, "down")
class SparseCategoricalCrossentropy(FunctionMean):
    """Crossentropy of integer classes."""

    from_logits: bool = False
    ignore_class: int | None = None
    axis: int = -1
