"""Scores whose state is more than one sum: R2, F scores, and correlations of two series."""

import math
import warnings
from typing import Any

from kerastorch import dtypes, ops
from kerastorch.fields import Field, choice, declare
from kerastorch.losses.base import together
from kerastorch.metrics.base import Metric
from kerastorch.metrics.reduction import FunctionMean, mean_of, paired


def _columns(metric: Metric, y_true: Any, y_pred: Any) -> int:
    """The number of columns of two matrices."""
    if len(y_true.shape) != 2 or len(y_pred.shape) != 2 or y_pred.shape[-1] is None:
        raise ValueError(
            f"{type(metric).__name__} expects 2D inputs with shape (batch, outputs), with a known number of outputs; targets have "
            f"{tuple(y_true.shape)} and predictions {tuple(y_pred.shape)}"
        )
    return y_pred.shape[-1]


def _whole(value):
    if not hasattr(value, "__index__") or value.__index__() < 0:
        raise ValueError(f"an integer of at least 0 is needed, not {value!r}")
    return value


INVALID = "{cls}: Invalid value for argument `{name}`: {error}"
Whole = Field(_whole, complaint=INVALID)
Aggregation = choice("uniform_average", "variance_weighted_average", None, complaint=INVALID)


@declare(order=("class_aggregation", "num_regressors", "name", "dtype"))
class R2Score(Metric):
    """The share of the targets' variance that predictions explain: 1 is perfect, 0 as good as their mean.

    Args:
        class_aggregation: "uniform_average" averages over the outputs, "variance_weighted_average" weighs them by their
            targets' variance, None gives one score per output.
        num_regressors: Number of independent variables of the model, for the adjusted score; 0 is the plain one.
        name, dtype: As of `Metric`.
    """

    class_aggregation: Aggregation = "uniform_average"
    num_regressors: Whole = 0
    name: Any = "r2_score"

    _direction = "up"
    built = False

    def __post_init__(self):
        super().__post_init__()
        self.num_samples = self.add_variable((), "zeros", name="num_samples")

    def build(self, outputs: int) -> None:
        """Makes the state for a number of outputs."""
        self.squared_sum, self.sum, self.total_mse, self.count = (
            self.add_variable((outputs,), "zeros", name=name) for name in ("squared_sum", "sum", "residual", "count")
        )
        self.built = True

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Takes a batch of shape (batch, outputs) into account."""
        y_true, y_pred = paired(y_true, y_pred, self.dtype)
        if not self.built:
            self.build(_columns(self, y_true, y_pred))
        weight = ops.ones_like(y_true) if sample_weight is None else together(sample_weight, y_true)[0]
        if len(weight.shape) == 1:
            weight = ops.expand_dims(weight, 1)
        weight = ops.broadcast_to(weight, ops.shape(y_true))
        weighted = ops.multiply(y_true, weight)
        error = ops.multiply(ops.square(ops.subtract(y_true, y_pred)), weight)
        self.sum.accumulate(ops.sum(weighted, axis=0))
        self.squared_sum.accumulate(ops.sum(ops.multiply(y_true, weighted), axis=0))
        self.total_mse.accumulate(ops.sum(error, axis=0))
        self.count.accumulate(ops.sum(weight, axis=0))
        self.num_samples.accumulate(ops.cast(ops.size(y_true), self.num_samples.dtype))

    def result(self):
        """The score so far."""
        total = ops.subtract(self.squared_sum, ops.divide(ops.square(self.sum), self.count))
        score = ops.subtract(1.0, ops.divide(self.total_mse, total))
        score = ops.where(ops.isinf(score), 0.0, score)
        if self.class_aggregation == "uniform_average":
            score = ops.mean(score)
        elif self.class_aggregation is not None:
            score = ops.divide(ops.sum(ops.multiply(total, score)), ops.sum(total))
        return self._adjusted(score) if self.num_regressors else score

    def _adjusted(self, score: Any) -> Any:
        freedom = float(self.num_samples) - 1 - self.num_regressors
        if freedom <= 0:
            warnings.warn(
                f"R2Score: {self.num_regressors} regressors are too many for {float(self.num_samples):.0f} values, so "
                "the score is not adjusted for them.",
                stacklevel=3,
            )
            return score
        return ops.subtract(1.0, ops.multiply(ops.subtract(1.0, score), (float(self.num_samples) - 1) / freedom))


def _float_between(least: float, most: float, bounds: str, optional: bool = False) -> Field:
    """A field of a Python float above `least` and up to `most`."""

    def parse(value):
        if value is None and optional:
            return None
        if not isinstance(value, float):
            raise ValueError("It should be a Python float")
        if not least < value <= most:
            raise ValueError(f"It should {bounds}")
        return value

    invalid = "Invalid `{name}` argument value. {error}. Received: {name}={value} of type '{value.__class__}', for {cls}"
    return Field(parse, complaint=invalid)


Beta = _float_between(0.0, math.inf, "be > 0")
Threshold = _float_between(0.0, 1.0, "verify 0 < threshold <= 1", optional=True)
AVERAGES = (None, "micro", "macro", "weighted")
Average = choice(
    *AVERAGES,
    complaint=f"Invalid `{{name}}` argument value. Expected one of: {{{{{', '.join(map(repr, AVERAGES))}}}}}. "
    "Received: {name}={value}, for {cls}",
)


@declare(order=("average", "beta", "threshold", "name", "dtype"))
class FBetaScore(Metric):
    """The harmonic mean of precision and recall, recall counting `beta` times as much.

    Args:
        average: None gives one score per class, "micro" counts over all classes together, "macro" averages the classes'
            scores, "weighted" does so by the number of their samples.
        beta: Weight of recall.
        threshold: Predictions above it count as positive; None takes the largest one of each sample.
        name, dtype: As of `Metric`.
    """

    average: Average = None
    beta: Beta = 1.0
    threshold: Threshold = None
    name: Any = "fbeta_score"

    _direction = "up"
    built = False
    counts = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")

    def build(self, classes: int) -> None:
        """Makes the state for a number of classes."""
        for name in self.counts:
            setattr(
                self,
                name,
                self.add_variable(() if self.average == "micro" else (classes,), "zeros", self.dtype, name=name),
            )
        self.built = True

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Takes a batch of shape (batch, classes) into account, targets of 0 and 1."""
        y_true, y_pred = together(y_true, y_pred, self.dtype)
        if not self.built:
            self.build(_columns(self, y_true, y_pred))
        if self.threshold is None:
            best = ops.greater_equal(y_pred, ops.max(y_pred, axis=-1, keepdims=True))
            found = ops.logical_and(best, ops.greater(ops.abs(y_pred), 1e-9))
        else:
            found = ops.greater(y_pred, self.threshold)
        found = ops.cast(found, self.dtype)
        hit = ops.multiply(found, y_true)
        axis = None if self.average == "micro" else 0
        weight = None if sample_weight is None else ops.expand_dims(together(sample_weight, y_true)[0], 1)
        for name, value in zip(self.counts, (hit, ops.subtract(found, hit), ops.subtract(y_true, hit), y_true), strict=True):
            weighted = value if weight is None else ops.multiply(value, weight)
            getattr(self, name).accumulate(ops.sum(weighted, axis=axis))

    def result(self):
        """The score so far."""
        tiny, square = dtypes.epsilon(), self.beta**2
        precision = ops.divide(self.true_positives, ops.add(ops.add(self.true_positives, self.false_positives), tiny))
        recall = ops.divide(self.true_positives, ops.add(ops.add(self.true_positives, self.false_negatives), tiny))
        mean = ops.divide(ops.multiply(precision, recall), ops.add(ops.add(ops.multiply(precision, square), recall), tiny))
        score = ops.multiply(mean, 1.0 + square)
        if self.average == "weighted":
            share = ops.divide(self.intermediate_weights, ops.add(ops.sum(self.intermediate_weights), tiny))
            return ops.sum(ops.multiply(score, share))
        return score if self.average is None else ops.mean(score)


@declare(order=("average", "threshold", "name", "dtype"))
class F1Score(FBetaScore):
    """The harmonic mean of precision and recall, see `FBetaScore`."""

    name: Any = "f1_score"

    beta = 1.0


def _standard(x, axis):
    x = ops.subtract(x, ops.mean(x, axis=axis, keepdims=True))
    return ops.divide(x, ops.std(x, axis=axis, keepdims=True))


def pearson_correlation(y_true, y_pred, axis=-1):
    """Pearson's correlation along an axis: from -1 to 1."""
    y_true, y_pred = paired(y_true, y_pred)
    return ops.mean(ops.multiply(_standard(y_true, axis), _standard(y_pred, axis)), axis=axis)


def concordance_correlation(y_true, y_pred, axis=-1):
    """Lin's concordance along an axis: correlation that also asks for equal mean and scale.

    Source: Lin, A concordance correlation coefficient to evaluate reproducibility, Biometrics (1989).
    """
    y_true, y_pred = paired(y_true, y_pred)
    means = [ops.mean(y, axis=axis, keepdims=True) for y in (y_true, y_pred)]
    spread = ops.add(*(ops.var(y, axis=axis, keepdims=True) for y in (y_true, y_pred)))
    spread = ops.add(ops.add(spread, ops.square(ops.subtract(*means))), dtypes.epsilon())
    joint = ops.multiply(ops.subtract(y_true, means[1]), ops.subtract(y_pred, means[1]))
    return ops.mean(ops.divide(ops.multiply(joint, 2.0), spread), axis=axis)


@mean_of(pearson_correlation, "up")
class PearsonCorrelation(FunctionMean):
    """Mean Pearson correlation of target and prediction along `axis`."""

    axis: int = -1


@mean_of(concordance_correlation, "up")
class ConcordanceCorrelation(FunctionMean):
    """Mean concordance correlation of target and prediction along `axis`."""

    axis: int = -1
