"""Intersection over union of predicted and true classes, from a confusion matrix."""

import warnings
from typing import Any

from kerastorch import dtype_policies, dtypes, ops
from kerastorch.fields import Field, declare
from kerastorch.losses.base import together
from kerastorch.metrics.base import Metric

Whole = Field(lambda value: dtype_policies.get(value or "int32").compute_dtype, attribute="_dtype")


@declare(order=("num_classes", "target_class_ids", "name", "dtype", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis"))
class IoU(Metric):
    """Mean of true positives / (true positives + false positives + false negatives) over some classes.

    Args:
        num_classes: Number of classes.
        target_class_ids: The classes that count.
        name: As of `Metric`.
        dtype: Dtype of the confusion matrix, int32 by default.
        ignore_class: A class in the targets whose samples do not count.
        sparse_y_true, sparse_y_pred: Whether they are class numbers; otherwise the largest entry along `axis` is the
            class.
        axis: The axis of the classes.

    Raises:
        ValueError: If a target class is out of range.
    """

    num_classes: Any
    target_class_ids: Any
    dtype: Whole = None
    ignore_class: Any = None
    sparse_y_true: Any = True
    sparse_y_pred: Any = True
    axis: Any = -1

    _direction = "up"

    def __post_init__(self):
        super().__post_init__()
        if max(self.target_class_ids) >= self.num_classes:
            raise ValueError(
                f"{type(self).__name__}: target class {max(self.target_class_ids)} is out of range for {self.num_classes} classes"
            )
        size = (self.num_classes, self.num_classes)
        self.total_cm = self.add_variable(size, "zeros", dtype=self.dtype, name="total_confusion_matrix")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Takes a batch into account."""
        y_true, y_pred = together(y_true, y_pred, cast=False)
        y_true = y_true if self.sparse_y_true else ops.argmax(y_true, axis=self.axis)
        y_pred = y_pred if self.sparse_y_pred else ops.argmax(y_pred, axis=self.axis)
        y_true, y_pred = (ops.reshape(ops.cast(y, "int32"), (-1,)) for y in (y_true, y_pred))
        weight = (
            ops.ones_like(y_true) if sample_weight is None else ops.reshape(together(sample_weight, y_true, cast=False)[0], (-1,))
        )
        if dtypes.is_float(dtypes.standardize(weight.dtype)) and dtypes.is_integer(self.dtype):
            warnings.warn(f"{self.name}: sample weights are float, the metric is {self.dtype}: casting cuts them", stacklevel=2)
        weight = ops.broadcast_to(ops.cast(weight, self.dtype), ops.shape(y_true))
        n = self.num_classes
        counts = ops.logical_and(_within(y_true, n), _within(y_pred, n))
        if self.ignore_class is not None:
            counts = ops.logical_and(counts, ops.not_equal(y_true, self.ignore_class))
        weight = ops.cast(ops.where(counts, weight, 0), "float32")
        true, pred = (ops.one_hot(ops.where(counts, y, 0), n, dtype="float32") for y in (y_true, y_pred))
        matrix = ops.matmul(ops.transpose(true), ops.multiply(pred, ops.expand_dims(weight, -1)))
        self.total_cm.accumulate(ops.cast(matrix, self.dtype))

    def result(self):
        """The mean so far, over those classes that were seen."""
        matrix = ops.cast(self.total_cm, "float32")
        hits = ops.sum(ops.multiply(matrix, ops.eye(self.num_classes, dtype="float32")), axis=0)
        union = ops.subtract(ops.add(ops.sum(matrix, axis=0), ops.sum(matrix, axis=1)), hits)
        hits, union = (ops.take(x, list(self.target_class_ids), axis=0) for x in (hits, union))
        seen = ops.cast(ops.greater(union, 1e-9), "float32")
        share = ops.multiply(ops.divide(hits, ops.add(union, dtypes.epsilon())), seen)
        return ops.divide(ops.sum(share), ops.add(ops.sum(seen), dtypes.epsilon()))


def _within(y: Any, n: int) -> Any:
    return ops.logical_and(ops.greater_equal(y, 0), ops.less(y, n))


ALL_CLASSES = property(lambda self: list(range(self.num_classes)), doc="The classes that count: all of them.")


@declare(order=("target_class_ids", "threshold", "name", "dtype"))
class BinaryIoU(IoU):
    """`IoU` of predictions that are at `threshold` or above as class 1 and others as class 0."""

    target_class_ids: Any = (0, 1)
    threshold: Any = 0.5

    num_classes, ignore_class, sparse_y_true, sparse_y_pred, axis = 2, None, True, True, -1

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Takes a batch into account."""
        y_true, y_pred = together(y_true, y_pred, "float32")
        super().update_state(y_true, ops.cast(ops.greater_equal(y_pred, self.threshold), "int32"), sample_weight)


@declare(order=("num_classes", "name", "dtype", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis"))
class MeanIoU(IoU):
    """`IoU` over all classes."""

    target_class_ids = ALL_CLASSES


@declare(order=("num_classes", "target_class_ids", "name", "dtype", "ignore_class", "sparse_y_pred", "axis"))
class OneHotIoU(IoU):
    """`IoU` of one-hot targets, and predictions by class."""

    sparse_y_pred: Any = False

    sparse_y_true = False


@declare(order=("num_classes", "name", "dtype", "ignore_class", "sparse_y_pred", "axis"))
class OneHotMeanIoU(IoU):
    """`IoU` over all classes of one-hot targets, and predictions by class."""

    sparse_y_pred: Any = False

    sparse_y_true = False
    target_class_ids = ALL_CLASSES
