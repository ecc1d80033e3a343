"""Metrics made of true and false positives and negatives, counted at one or more thresholds."""

from collections.abc import Callable, Sequence
from typing import Any

from kerastorch import dtypes, ops
from kerastorch.fields import Field, declare, number
from kerastorch.losses.base import same_rank, together
from kerastorch.metrics.base import Metric

COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")
ANY = -1e10  # a threshold below every prediction, for those that top_k leaves
Share = number(0, 1, complaint="{cls}: `{name}` must be in the range [0, 1]. It is {value!r}")


def _thresholds(value):
    values = value if isinstance(value, list | tuple) else [value]
    wrong = [t for t in values if t is None or not 0 <= t <= 1] if value is not None else []
    if wrong:
        raise ValueError(f"Threshold values must be in [0, 1]. Received: {wrong}")
    return value


def _one_or_more(value):
    if not hasattr(value, "__index__") or value < 1:
        raise ValueError(f"it is {value!r}")
    return value


OneOrMore = Field(_one_or_more, complaint="{cls}: Argument `{name}` must be an integer > 0; {error}")
Thresholds = Field(_thresholds, attribute="init_thresholds")


def evenly(n: int) -> list[float]:
    """n thresholds from 0 to 1 at equal distances; 0.5 for n = 1."""
    return [i / (n - 1) for i in range(n)] if n > 1 else [0.5]


def are_even(thresholds: Sequence[float]) -> bool:
    """Whether three or more thresholds run from 0 to 1 (give or take epsilon) at equal distances."""
    n = len(thresholds)
    return n > 2 and all(abs(t - e) <= dtypes.epsilon() + 1e-5 * e for t, e in zip(thresholds, evenly(n), strict=True))


def count(
    y_true: Any,
    y_pred: Any,
    thresholds: Sequence[float],
    sample_weight: Any = None,
    top_k: int | None = None,
    class_id: int | None = None,
    label_weights: Any = None,
    multi_label: bool = False,
    dtype: str | None = None,
) -> dict[str, Any]:
    """The counts of a batch by name, each of shape (thresholds,), or (thresholds, labels) with `multi_label`.

    Args:
        y_true: Targets of 0 and 1 (anything else counts as 1).
        y_pred: Predictions; those above a threshold are positive there.
        thresholds: Numbers.
        sample_weight: Weight of each sample, or of each prediction.
        top_k: How many of each sample's predictions may be positive at all.
        class_id: The one column that counts.
        label_weights: Weight of each column.
        multi_label: Whether columns are counted apart.
        dtype: Dtype of the counts.
    """
    y_true, y_pred = together(y_true, y_pred, dtype or dtypes.floatx())
    y_pred, y_true = same_rank(y_pred, y_true)
    kind = dtypes.standardize(y_pred.dtype)
    if top_k is not None:
        _, places = ops.top_k(y_pred, top_k)
        kept = ops.sum(ops.one_hot(places, y_pred.shape[-1], dtype=kind), axis=-2)
        y_pred = ops.where(ops.greater(kept, 0.0), y_pred, ANY)
    weight = None
    if sample_weight is not None:
        weight = ops.expand_dims(together(sample_weight, y_pred)[0], -1)
        _, weight = same_rank(y_true, weight, expand_vectors=False)
    if class_id is not None:
        if len(y_pred.shape) == 1:
            raise ValueError(
                "When class_id is provided, y_pred must be a 2D array with shape (num_samples, num_classes), found shape: "
                f"{tuple(y_pred.shape)}; class_id={class_id} picks a column"
            )
        y_true, y_pred = (y[..., class_id : class_id + 1] for y in (y_true, y_pred))
    if are_even(thresholds):
        y_pred = ops.clip(y_pred, 0.0, 1.0)
    positive = ops.cast(ops.not_equal(y_true, 0.0), kind)
    shape = ops.shape(y_pred)
    weight = ops.ones_like(positive) if weight is None else ops.broadcast_to(weight, shape)
    if label_weights is not None:
        weight = ops.multiply(weight, label_weights)
    positive, negative = ops.multiply(positive, weight), ops.multiply(ops.subtract(1.0, positive), weight)
    flat = (shape[0], -1) if multi_label else (-1,)
    y_pred, positive, negative = (ops.reshape(x, flat) for x in (y_pred, positive, negative))
    limits = ops.reshape(together(list(thresholds), y_pred)[0], (-1, *[1] * len(flat)))
    above = ops.cast(ops.greater(ops.expand_dims(y_pred, 0), limits), kind)
    hit, wrong = (ops.sum(ops.multiply(above, x), axis=1) for x in (positive, negative))
    return {
        "true_positives": hit,
        "false_positives": wrong,
        "true_negatives": ops.subtract(ops.sum(negative, axis=0), wrong),
        "false_negatives": ops.subtract(ops.sum(positive, axis=0), hit),
    }


class Counting(Metric):
    """Base of the metrics here: keeps the counts that `keeps` names, at `self.thresholds`."""

    __fields__ = Metric.__fields__
    keeps: tuple[str, ...] = COUNTS
    default_threshold = 0.5
    top_k: int | None = None
    class_id: int | None = None

    def __post_init__(self):
        super().__post_init__()
        self._thresholds = self._limits()
        self._add_counts((len(self.thresholds),))

    @property
    def thresholds(self) -> list[float]:
        """The numbers above which a prediction is positive."""
        return self._thresholds

    def _limits(self) -> list[float]:
        given = self.init_thresholds
        if given is None:
            return [self.default_threshold if self.top_k is None else ANY]
        return list(given) if isinstance(given, list | tuple) else [given]

    def _add_counts(self, shape: tuple[int, ...]) -> None:
        for name in self.keeps:
            setattr(self, name, self.add_variable(shape, "zeros", name=name))

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Takes a batch of targets (0 and 1) and predictions into account."""
        self._add(count(y_true, y_pred, self.thresholds, sample_weight, self.top_k, self.class_id))

    def _add(self, counts: dict[str, Any]) -> None:
        for name in self.keeps:
            getattr(self, name).accumulate(counts[name])

    def _rate(self, part: str, rest: str) -> Any:
        """part / (part + rest), 0 where both are 0."""
        part, rest = getattr(self, part), getattr(self, rest)
        return ops.divide_no_nan(part, ops.add(part, rest))

    def _one_or_all(self, values: Any) -> Any:
        return values[0] if len(self.thresholds) == 1 else values


class Count(Counting):
    """Base of the metrics that are one of the counts."""

    __fields__ = Metric.__fields__
    counted = ""
    keeps = ("accumulator",)

    def _add(self, counts: dict[str, Any]) -> None:
        self.accumulator.accumulate(counts[self.counted])

    def result(self):
        """The count so far; a vector where there are several thresholds."""
        return self._one_or_all(ops.copy(self.accumulator))


def _count_of(counted: str) -> Callable:
    def decorate(cls: type) -> type:
        cls.counted = counted  # type: ignore[attr-defined]
        cls.__annotations__ = {"thresholds": Thresholds}
        cls.thresholds = None  # type: ignore[attr-defined]
        return declare(cls, order=("thresholds", "name", "dtype"))

    return decorate


@_count_of("true_positives")
class TruePositives(Count):
    """Number (or weight) of targets of 1 predicted above the threshold, 0.5 by default."""


@_count_of("false_positives")
class FalsePositives(Count):
    """Number (or weight) of targets of 0 predicted above the threshold, 0.5 by default."""


@_count_of("true_negatives")
class TrueNegatives(Count):
    """Number (or weight) of targets of 0 predicted up to the threshold, 0.5 by default."""


@_count_of("false_negatives")
class FalseNegatives(Count):
    """Number (or weight) of targets of 1 predicted up to the threshold, 0.5 by default."""


@declare(order=("thresholds", "top_k", "class_id", "name", "dtype"))
class Precision(Counting):
    """The share of positive predictions that are right.

    Args:
        thresholds: One or more numbers from 0 to 1 above which a prediction is positive; 0.5 by default.
        top_k: Only the k largest predictions of a sample can be positive; then there is no threshold by default.
        class_id: The one class that counts.
        name, dtype: As of `Metric`.
    """

    thresholds: Thresholds = None
    top_k: Any = None
    class_id: Any = None

    keeps = ("true_positives", "false_positives")
    _direction = "up"

    def result(self):
        """The share so far; a vector where there are several thresholds."""
        return self._one_or_all(self._rate(*self.keeps))


@declare(order=("thresholds", "top_k", "class_id", "name", "dtype"))
class Recall(Counting):
    """The share of targets of 1 that are found; arguments as of `Precision`."""

    thresholds: Thresholds = None
    top_k: Any = None
    class_id: Any = None

    keeps = ("true_positives", "false_negatives")
    _direction = "up"

    def result(self):
        """The share so far; a vector where there are several thresholds."""
        return self._one_or_all(self._rate(*self.keeps))


# ------------------------------------------------------------------------------------------------ one rate at another

PRECISION = ("true_positives", "false_positives")
SENSITIVITY = ("true_positives", "false_negatives")  # also called recall
SPECIFICITY = ("true_negatives", "false_positives")


class RateAtRate(Counting):
    """Base: the best value of one rate among the thresholds at which another one is at least `wanted`."""

    __fields__ = Metric.__fields__
    sought: tuple[str, str] = SENSITIVITY
    given: tuple[str, str] = SPECIFICITY
    wanted = ""
    _direction = "up"

    def _limits(self) -> list[float]:
        return evenly(self.num_thresholds)

    def result(self):
        """That value; 0 where no threshold will do."""
        enough = ops.greater_equal(self._rate(*self.given), getattr(self, self.wanted))
        return ops.max(ops.where(enough, self._rate(*self.sought), 0.0))


def _rate_at(wanted: str, sought: tuple[str, str], given: tuple[str, str]) -> Callable:
    def decorate(cls: Any) -> type:
        cls.wanted, cls.sought, cls.given = wanted, sought, given
        cls.__annotations__ = {wanted: Share, "num_thresholds": OneOrMore, "class_id": Any}
        cls.num_thresholds, cls.class_id = 200, None
        return declare(cls, order=(wanted, "num_thresholds", "class_id", "name", "dtype"))

    return decorate


@_rate_at("specificity", SENSITIVITY, SPECIFICITY)
class SensitivityAtSpecificity(RateAtRate):
    """The best sensitivity at a specificity of at least `specificity`."""


@_rate_at("sensitivity", SPECIFICITY, SENSITIVITY)
class SpecificityAtSensitivity(RateAtRate):
    """The best specificity at a sensitivity of at least `sensitivity`."""


@_rate_at("recall", PRECISION, SENSITIVITY)
class PrecisionAtRecall(RateAtRate):
    """The best precision at a recall of at least `recall`."""


@_rate_at("precision", SENSITIVITY, PRECISION)
class RecallAtPrecision(RateAtRate):
    """The best recall at a precision of at least `precision`."""
