"""Areas under curves of rates, approximated by a sum over thresholds."""

from typing import Any

from kerastorch import dtypes, ops
from kerastorch.fields import Field, choice, declare
from kerastorch.metrics.confusion import Counting, count, evenly

CURVES = {"roc": "ROC", "pr": "PR", "prgain": "PRGAIN"}
Summation = choice(
    "interpolation", "minoring", "majoring", complaint='Invalid {cls} summation method value: "{value}". {error}'
)


def _curve(value):
    name = getattr(value, "value", value)
    if str(name).lower() not in CURVES:
        raise ValueError(f"It is none of {', '.join(map(repr, CURVES.values()))}")
    return CURVES[str(name).lower()]


@declare(
    order=(
        "num_thresholds",
        "curve",
        "summation_method",
        "name",
        "dtype",
        "thresholds",
        "multi_label",
        "num_labels",
        "label_weights",
        "from_logits",
    ),
    hidden=("thresholds",),
)
class AUC(Counting):
    """Area under a curve: the chance that a positive sample is ranked above a negative one, for the ROC curve.

    Args:
        num_thresholds: Number of thresholds, at least 2.
        curve: "ROC" (true over false positive rate), "PR" (precision over recall) or "PRGAIN" (their gains).
        summation_method: Height of the curve between two thresholds: "interpolation", "minoring" or "majoring".
        name, dtype: As of `Metric`.
        thresholds: Thresholds to use between 0 and 1, in place of evenly spaced ones.
        multi_label: Whether columns are labels with a curve each, whose areas are averaged.
        num_labels: Number of labels, where the state is to be made at once.
        label_weights: Weight of each label.
        from_logits: Whether predictions are logits.

    Sources: Davis and Goadrich, The relationship between precision-recall and ROC curves (2006);
        Flach and Kull, Precision-recall-gain curves (2015).
    """

    num_thresholds: Any = 200
    curve: Field(_curve, complaint='Invalid {cls} {name} value: "{value}". {error}') = "ROC"
    summation_method: Summation = "interpolation"
    thresholds: Field(attribute="init_thresholds") = None
    multi_label: Any = False
    num_labels: Any = None
    label_weights: Any = None
    from_logits: Any = False

    _direction = "up"

    def _limits(self) -> list[float]:
        given = self.init_thresholds
        if given is not None:
            self.init_thresholds = sorted(given)
            self.num_thresholds = len(given) + 2
        if not hasattr(self.num_thresholds, "__index__") or self.num_thresholds < 2:
            raise ValueError(f"AUC: Argument `num_thresholds` must be an integer > 1; it is {self.num_thresholds!r}")
        inner = self.init_thresholds if given is not None else evenly(self.num_thresholds)[1:-1]
        return [
            -dtypes.epsilon(),
            *inner,
            1.0 + dtypes.epsilon(),
        ]  # every prediction lies between the first and the last

    def _add_counts(self, shape: tuple[int, ...]) -> None:
        if self.num_labels and not self.multi_label:
            raise ValueError(f"AUC: num_labels={self.num_labels} is for multi_label=True only")
        if not self.multi_label:
            super()._add_counts(shape)
        elif self.num_labels:
            super()._add_counts((*shape, self.num_labels))

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Takes a batch of targets (0 and 1) and predictions into account."""
        y_pred = ops.convert_to_tensor(y_pred)
        if not self.variables:
            if len(y_pred.shape) != 2:
                raise ValueError(
                    f"AUC: with multi_label, predictions must have the shape (batch, labels), not {tuple(y_pred.shape)}"
                )
            super()._add_counts((self.num_thresholds, y_pred.shape[1]))
        if self.from_logits:
            y_pred = ops.sigmoid(y_pred)
        weights = None if self.multi_label else self.label_weights
        self._add(count(y_true, y_pred, self.thresholds, sample_weight, label_weights=weights, multi_label=self.multi_label))

    def result(self):
        """The area so far."""
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self.interpolate_pr_auc()
        x, y = {"ROC": self._roc, "PR": self._pr, "PRGAIN": self._gains}[self.curve]()
        height = {"minoring": ops.minimum, "majoring": ops.maximum}.get(self.summation_method, _middle)(y[:-1], y[1:])
        return self._over_labels(ops.multiply(ops.subtract(x[:-1], x[1:]), height))

    def _roc(self) -> tuple[Any, Any]:
        return self._rate("false_positives", "true_negatives"), self._rate("true_positives", "false_negatives")

    def _pr(self) -> tuple[Any, Any]:
        return self._rate("true_positives", "false_negatives"), self._rate("true_positives", "false_positives")

    def _gains(self) -> tuple[Any, Any]:
        # Gains are not defined without true positives, and recall gain is negative for a worse than random ranking.
        hits = self.true_positives
        odds = ops.divide_no_nan(ops.add(hits, self.false_negatives), ops.add(self.true_negatives, self.false_positives))
        none = ops.equal(hits, 0.0)
        recall, precision = (
            ops.subtract(1.0, ops.multiply(odds, ops.divide_no_nan(x, hits))) for x in (self.false_negatives, self.false_positives)
        )
        return ops.maximum(ops.where(none, 0.0, recall), 0.0), ops.where(none, 1.0, precision)

    def interpolate_pr_auc(self):
        """The area under the curve of precision over recall, with true positives interpolated between thresholds."""
        # Between two thresholds true positives grow linearly with positive predictions p: TP = a + slope * p. The
        # integral of TP / p over TP is then slope * (dTP + a * log(p1 / p0)), divided by the number of positives for recall.
        hits, p = ops.copy(self.true_positives), ops.add(self.true_positives, self.false_positives)
        rise = ops.subtract(hits[:-1], hits[1:])
        slope = ops.divide_no_nan(rise, ops.maximum(ops.subtract(p[:-1], p[1:]), 0.0))
        start = ops.subtract(hits[1:], ops.multiply(slope, p[1:]))
        both = ops.logical_and(ops.greater(p[:-1], 0.0), ops.greater(p[1:], 0.0))
        ratio = ops.where(both, ops.divide_no_nan(p[:-1], p[1:]), 1.0)
        area = ops.multiply(slope, ops.add(rise, ops.multiply(start, ops.log(ratio))))
        return self._over_labels(ops.divide_no_nan(area, ops.add(self.true_positives, self.false_negatives)[1:]))

    def _over_labels(self, areas: Any) -> Any:
        if not self.multi_label:
            return ops.sum(areas)
        areas = ops.sum(areas, axis=0)
        if self.label_weights is None:
            return ops.mean(areas)
        weights = ops.cast(ops.convert_to_tensor(self.label_weights), dtypes.standardize(areas.dtype))
        return ops.divide_no_nan(ops.sum(ops.multiply(areas, weights)), ops.sum(weights))


def _middle(a: Any, b: Any) -> Any:
    return ops.divide(ops.add(a, b), 2.0)
