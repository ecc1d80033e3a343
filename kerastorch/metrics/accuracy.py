"""How often predictions match targets."""

from typing import Any

from kerastorch import dtypes, ops
from kerastorch.losses.base import together
from kerastorch.metrics.kernels import hits
from kerastorch.metrics.reduction import FunctionMean, mean_of, paired


def _matches(y_true, y_pred):
    return ops.equal(*paired(y_true, y_pred))


def _beyond_threshold(y_true, y_pred, threshold=0.5):
    y_true, y_pred = paired(y_true, y_pred)
    return ops.equal(y_true, ops.cast(ops.greater(y_pred, threshold), dtypes.standardize(y_true.dtype)))


def _same_class(y_true, y_pred):
    y_true, y_pred = together(y_true, y_pred, cast=False)
    return hits(ops.argmax(y_true, axis=-1), y_pred)


def _at_class(y_true, y_pred):
    y_true, y_pred = together(y_true, y_pred, cast=False)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    found = hits(y_true, y_pred)
    return ops.squeeze(found, -1) if len(found.shape) > 1 and found.shape[-1] == 1 else found


def _in_top(y_true, y_pred, k=5, from_sorted_ids=False):
    y_true, y_pred = together(y_true, y_pred, cast=False)
    shape = ops.shape(y_true)
    if len(y_pred.shape) > 2:
        y_pred = ops.reshape(y_pred, (-1, y_pred.shape[-1]))
    if from_sorted_ids:
        found = ops.any(ops.equal(ops.reshape(y_true, (-1, 1)), y_pred[:, :k]), axis=1)
    else:
        found = ops.in_top_k(ops.cast(ops.reshape(y_true, (-1,)), "int32"), y_pred, k=k)
    return ops.reshape(found, shape) if len(shape) != 1 else found


def _in_top_one_hot(y_true, y_pred, k=5):
    y_true, y_pred = together(y_true, y_pred, cast=False)
    return _in_top(ops.argmax(y_true, axis=-1), y_pred, k)


def _as_float(found):
    return ops.cast(found, dtypes.floatx())


def accuracy(y_true, y_pred):
    """1 where the prediction equals the target, else 0."""
    return _as_float(_matches(y_true, y_pred))


def binary_accuracy(y_true, y_pred, threshold=0.5):
    """1 where prediction > threshold agrees with a target of 0 or 1, else 0."""
    return _as_float(_beyond_threshold(y_true, y_pred, threshold))


def categorical_accuracy(y_true, y_pred):
    """1 where the largest prediction stands at the largest entry of a one-hot target, else 0."""
    return _as_float(_same_class(y_true, y_pred))


def sparse_categorical_accuracy(y_true, y_pred):
    """1 where the largest prediction is that of the target's class number, else 0."""
    return _as_float(_at_class(y_true, y_pred))


def top_k_categorical_accuracy(y_true, y_pred, k=5):
    """1 where the class of a one-hot target is among the k largest predictions, else 0."""
    return _as_float(_in_top_one_hot(y_true, y_pred, k))


def sparse_top_k_categorical_accuracy(y_true, y_pred, k=5, from_sorted_ids=False):
    """1 where the target's class number is among the k largest predictions, else 0.

    Args:
        y_true: Class numbers.
        y_pred: Predictions by class; with `from_sorted_ids`, class numbers with the likeliest first.
        k: How many count.
        from_sorted_ids: See `y_pred`.
    """
    return _as_float(_in_top(y_true, y_pred, k, from_sorted_ids))


# The metrics count truth values as they are, which saves a conversion per batch.


@mean_of(_matches, "up", name="accuracy")
class Accuracy(FunctionMean):
    """Share of predictions that equal their target."""


@mean_of(_beyond_threshold, "up", name="binary_accuracy")
class BinaryAccuracy(FunctionMean):
    """Share of predictions that lie on the side of `threshold` that a target of 0 or 1 says."""

    threshold: float = 0.5


@mean_of(_same_class, "up", name="categorical_accuracy")
class CategoricalAccuracy(FunctionMean):
    """Share of samples whose largest prediction is the class of a one-hot target."""


@mean_of(_at_class, "up", name="sparse_categorical_accuracy")
class SparseCategoricalAccuracy(FunctionMean):
    """Share of samples whose largest prediction is the class whose number is the target."""


@mean_of(_in_top_one_hot, "up", name="top_k_categorical_accuracy", first=("k",))
class TopKCategoricalAccuracy(FunctionMean):
    """Share of samples with the class of a one-hot target among the `k` largest predictions."""

    k: int = 5


@mean_of(_in_top, "up", name="sparse_top_k_categorical_accuracy", first=("k",), quiet=("from_sorted_ids",))
class SparseTopKCategoricalAccuracy(FunctionMean):
    """Share of samples with the class whose number is the target among the `k` largest predictions."""

    k: int = 5
    from_sorted_ids: Any = False
