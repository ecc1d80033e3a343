"""Losses as functions of targets and predictions, one value per sample: the last axis (or `axis`) is reduced.

Targets are cast to the predictions' dtype, and a last axis of 1 that only one of the two has is added or dropped.
"""

import math
import warnings

from kerastorch import dtypes, ops
from kerastorch.losses.base import same_rank, together


def _pair(y_true, y_pred):
    return same_rank(*together(y_true, y_pred))


def mean_squared_error(y_true, y_pred):
    """Mean of the squared differences."""
    y_true, y_pred = _pair(y_true, y_pred)
    return ops.mean(ops.square(ops.subtract(y_pred, y_true)), axis=-1)


def mean_absolute_error(y_true, y_pred):
    """Mean of the absolute differences."""
    y_true, y_pred = _pair(y_true, y_pred)
    return ops.mean(ops.abs(ops.subtract(y_pred, y_true)), axis=-1)


def mean_absolute_percentage_error(y_true, y_pred):
    """Mean of the absolute differences in percent of the absolute target, which counts as epsilon at least."""
    y_true, y_pred = _pair(y_true, y_pred)
    size = ops.maximum(ops.abs(y_true), dtypes.epsilon())
    return ops.multiply(ops.mean(ops.abs(ops.divide(ops.subtract(y_true, y_pred), size)), axis=-1), 100.0)


def mean_squared_logarithmic_error(y_true, y_pred):
    """Mean of the squared differences of log(1 + x); values below epsilon count as epsilon."""
    logs = [ops.log(ops.add(ops.maximum(x, dtypes.epsilon()), 1.0)) for x in _pair(y_true, y_pred)]
    return ops.mean(ops.square(ops.subtract(*logs)), axis=-1)


def cosine_similarity(y_true, y_pred, axis=-1):
    """Minus the cosine of the angle between vectors: -1 where they point the same way, 1 where they are opposed."""
    y_true, y_pred = (ops.normalize(x, axis=axis) for x in _pair(y_true, y_pred))
    return ops.negative(ops.sum(ops.multiply(y_true, y_pred), axis=axis))


def huber(y_true, y_pred, delta=1.0):
    """Mean of half the squared difference d where |d| <= delta, and of delta * (|d| - delta / 2) beyond.

    Source: Huber, Robust estimation of a location parameter (1964).
    """
    y_true, y_pred = _pair(y_true, y_pred)
    size = ops.abs(ops.subtract(y_pred, y_true))
    inner, outer = ops.multiply(ops.square(size), 0.5), ops.subtract(ops.multiply(size, delta), 0.5 * delta * delta)
    return ops.mean(ops.where(ops.less_equal(size, delta), inner, outer), axis=-1)


def log_cosh(y_true, y_pred):
    """Mean of log(cosh(difference)), computed so that large differences do not overflow."""
    y_true, y_pred = _pair(y_true, y_pred)
    d = ops.subtract(y_pred, y_true)
    return ops.mean(ops.subtract(ops.add(d, ops.softplus(ops.multiply(d, -2.0))), math.log(2.0)), axis=-1)


def kl_divergence(y_true, y_pred):
    """Sum of t * log(t / p): the Kullback-Leibler divergence of distributions, which are clipped to epsilon..1."""
    t, p = (ops.clip(x, dtypes.epsilon(), 1.0) for x in together(y_true, y_pred))
    return ops.sum(ops.multiply(t, ops.log(ops.divide(t, p))), axis=-1)


def poisson(y_true, y_pred):
    """Mean of p - t * log(p): the negative log-likelihood of counts t under Poisson rates p, less a constant."""
    t, p = together(y_true, y_pred)
    return ops.mean(ops.subtract(p, ops.multiply(t, ops.log(ops.add(p, dtypes.epsilon())))), axis=-1)


# ------------------------------------------------------------------------------------------------ margins


def _signs(y_true):
    # Labels that are all 0 or 1 stand for -1 and 1. Decided on the device: a condition in Python would wait for it.
    binary = ops.all(ops.equal(ops.square(y_true), y_true))
    return ops.where(binary, ops.subtract(ops.multiply(y_true, 2.0), 1.0), y_true)


def _shortfall(y_true, y_pred):
    y_true, y_pred = together(y_true, y_pred)
    return ops.maximum(ops.subtract(1.0, ops.multiply(_signs(y_true), y_pred)), 0.0)


def hinge(y_true, y_pred):
    """Mean of max(1 - t * p, 0) for labels t of -1 and 1 (or 0 and 1)."""
    return ops.mean(_shortfall(y_true, y_pred), axis=-1)


def squared_hinge(y_true, y_pred):
    """Mean of max(1 - t * p, 0) squared, for labels t of -1 and 1 (or 0 and 1)."""
    return ops.mean(ops.square(_shortfall(y_true, y_pred)), axis=-1)


def categorical_hinge(y_true, y_pred):
    """How far the best wrong class comes within 1 of the right one: max(wrong - right + 1, 0), targets one-hot."""
    y_true, y_pred = together(y_true, y_pred)
    right = ops.sum(ops.multiply(y_true, y_pred), axis=-1)
    wrong = ops.max(ops.multiply(ops.subtract(1.0, y_true), y_pred), axis=-1)
    return ops.maximum(ops.add(ops.subtract(wrong, right), 1.0), 0.0)


# ------------------------------------------------------------------------------------------------ classes and
# probabilities


def _smooth(y_true, label_smoothing, share):
    """Targets drawn towards `share` by the fraction `label_smoothing`."""
    if not label_smoothing:
        return y_true
    return ops.add(ops.multiply(y_true, 1.0 - label_smoothing), label_smoothing * share)


def _classes(name, y_true, y_pred, label_smoothing, axis):
    """Checked and smoothed target, and prediction, of a loss over one-hot targets."""
    if isinstance(axis, bool):
        raise ValueError(f"{name}: axis must be an integer, not {axis!r}")
    y_true, y_pred = together(y_true, y_pred)
    if y_pred.shape[-1] == 1:
        warnings.warn(
            f"{name}: predictions of shape {tuple(y_pred.shape)} are for a single class, so the loss is always 0. "
            "For two classes in one column, use binary_crossentropy.",
            SyntaxWarning,
            stacklevel=3,
        )
    return (_smooth(y_true, label_smoothing, 1.0 / y_true.shape[-1]) if label_smoothing else y_true), y_pred


def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """Crossentropy of one-hot (or soft) targets and predicted classes.

    Args:
        y_true: Distribution over the classes.
        y_pred: Probabilities, which are scaled to sum to 1, or logits.
        from_logits: Whether `y_pred` are logits.
        label_smoothing: Fraction of the target that is spread evenly over all classes.
        axis: The axis of the classes.

    Raises:
        ValueError: If `axis` is a bool, or the shapes differ.
    """
    y_true, y_pred = _classes("categorical_crossentropy", y_true, y_pred, label_smoothing, axis)
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


def categorical_focal_crossentropy(y_true, y_pred, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1):
    """Crossentropy in which each term is weighed by alpha * (1 - p)^gamma, so that easy samples count less.

    Source: Lin et al., Focal loss for dense object detection (2017), arXiv:1708.02002.
    """
    y_true, y_pred = _classes("categorical_focal_crossentropy", y_true, y_pred, label_smoothing, axis)
    p = ops.softmax(y_pred, axis=axis) if from_logits else y_pred
    p = ops.clip(ops.divide(p, ops.sum(p, axis=axis, keepdims=True)), dtypes.epsilon(), 1.0 - dtypes.epsilon())
    focus = ops.multiply(ops.power(ops.subtract(1.0, p), gamma), -alpha)
    return ops.sum(ops.multiply(focus, ops.multiply(y_true, ops.log(p))), axis=axis)


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, ignore_class=None, axis=-1):
    """Crossentropy of integer classes and predicted classes.

    Args:
        y_true: Class numbers, of the prediction's shape without the axis of the classes (or with 1 there).
        y_pred: Probabilities, which are scaled to sum to 1, or logits.
        from_logits: Whether `y_pred` are logits.
        ignore_class: A class whose samples do not count; the result carries a mask that says so.
        axis: The axis of the classes.

    Raises:
        ValueError: If the shapes do not fit, or labels given as a numpy array are out of range.
    """
    if type(y_true).__module__ == "numpy":
        from kerastorch.losses.names import check_labels

        check_labels("sparse_categorical_crossentropy", y_true, y_pred.shape[axis], ignore_class)
    y_true, y_pred = together(y_true, y_pred, cast=False)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[axis] == 1:
        y_true = ops.squeeze(y_true, axis=axis)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
    counts = ops.not_equal(y_true, ignore_class)
    values = ops.sparse_categorical_crossentropy(
        ops.where(counts, y_true, 0),
        ops.where(ops.expand_dims(counts, axis), y_pred, 0.0),
        from_logits=from_logits,
        axis=axis,
    )
    values = ops.where(counts, values, 0.0)
    values._keras_mask = counts
    return values


def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """Mean crossentropy of targets of 0 and 1, each on its own.

    Args:
        y_true: Targets from 0 to 1.
        y_pred: Probabilities or logits.
        from_logits: Whether `y_pred` are logits.
        label_smoothing: Fraction by which targets are drawn towards 0.5.
        axis: The axis of the mean.
    """
    y_true, y_pred = together(y_true, y_pred)
    y_true = _smooth(y_true, label_smoothing, 0.5)
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis=axis)


def binary_focal_crossentropy(
    y_true, y_pred, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1
):
    """Mean crossentropy of targets of 0 and 1, each weighed by (1 - p)^gamma for the probability p of the right answer.

    Args:
        y_true, y_pred, from_logits, label_smoothing, axis: As of `binary_crossentropy`.
        apply_class_balancing: Whether class 1 is weighed by `alpha` and class 0 by `1 - alpha`.
        alpha: That weight.
        gamma: How strongly easy samples are discounted.

    Source: Lin et al., Focal loss for dense object detection (2017), arXiv:1708.02002.
    """
    y_true, y_pred = together(y_true, y_pred)
    t = _smooth(y_true, label_smoothing, 0.5)
    p = ops.sigmoid(y_pred) if from_logits else y_pred
    wrong = ops.subtract(ops.add(t, p), ops.multiply(ops.multiply(t, p), 2.0))  # 1 - (t p + (1 - t) (1 - p))
    values = ops.multiply(ops.power(wrong, gamma), ops.binary_crossentropy(t, p))
    if apply_class_balancing:
        values = ops.multiply(values, ops.add(ops.multiply(t, 2.0 * alpha - 1.0), 1.0 - alpha))
    return ops.mean(values, axis=axis)


def categorical_generalized_cross_entropy(y_true, y_pred, q):
    """(1 - p^q) / q for the probability p of the right class: crossentropy as q -> 0, absolute error at q = 1.

    Source: Zhang and Sabuncu, Generalized cross entropy loss for training with noisy labels (2018), arXiv:1805.07836.
    """
    y_true, y_pred = together(y_true, y_pred, cast=False)
    right = ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1], dtype=dtypes.standardize(y_pred.dtype))
    return ops.divide(ops.subtract(1.0, ops.power(ops.sum(ops.multiply(y_pred, right), axis=-1), q)), q)


# ------------------------------------------------------------------------------------------------ overlap, sequences,
# similarity


def dice(y_true, y_pred, axis=None):
    """1 - 2 |t p| / (|t| + |p|), the share of two regions that does not overlap; `axis` are the axes of a region."""
    y_true, y_pred = together(y_true, y_pred)
    both = ops.sum(ops.multiply(y_true, y_pred), axis=axis)
    size = ops.add(ops.sum(y_true, axis=axis), ops.sum(y_pred, axis=axis))
    return ops.subtract(1.0, ops.divide(ops.multiply(both, 2.0), ops.add(size, dtypes.epsilon())))


def tversky(y_true, y_pred, alpha=0.5, beta=0.5, axis=None):
    """As `dice`, with what is only in the target weighed by `alpha` and what is only in the prediction by `beta`.

    Source: Salehi et al., Tversky loss function for image segmentation (2017), arXiv:1706.05721.
    """
    y_true, y_pred = together(y_true, y_pred)
    both = ops.sum(ops.multiply(y_true, y_pred), axis=axis)
    missed = ops.subtract(ops.sum(y_true, axis=axis), both)
    extra = ops.subtract(ops.sum(y_pred, axis=axis), both)
    size = ops.add(both, ops.add(ops.multiply(missed, alpha), ops.multiply(extra, beta)))
    return ops.subtract(1.0, ops.divide(both, ops.add(size, dtypes.epsilon())))


def ctc(y_true, y_pred):
    """Connectionist temporal classification: the loss of unaligned label sequences.

    Args:
        y_true: Integer labels of shape (batch, length); 0 is the blank and pads the end.
        y_pred: Logits of shape (batch, time, classes).

    Raises:
        ValueError: If the ranks are not 2 and 3.
    """
    y_true, y_pred = together(y_true, y_pred, cast=False)
    if len(y_true.shape) != 2 or len(y_pred.shape) != 3:
        raise ValueError(
            f"ctc: y_true must have the shape (batch, length) and y_pred (batch, time, classes); their shapes are "
            f"{tuple(y_true.shape)} and {tuple(y_pred.shape)}"
        )
    labels = ops.sum(ops.not_equal(y_true, 0), axis=-1)
    steps = ops.shape(y_pred)
    return ops.ctc_loss(y_true, y_pred, labels, ops.full((steps[0],), steps[1], dtype="int32"), mask_index=0)


def circle(y_true, y_pred, ref_labels=None, ref_embeddings=None, remove_diagonal=True, gamma=80, margin=0.4):
    """Draws embeddings of one class together and pushes those of others apart, the furthest from their aim the most.

    Args:
        y_true: Integer labels of shape (batch,).
        y_pred: Embeddings of length 1, of shape (batch, features).
        ref_labels, ref_embeddings: What they are compared with; the batch itself by default.
        remove_diagonal: Whether a sample is not compared with itself.
        gamma: Scale.
        margin: How close same and how far other samples are to be, as 1 - cosine.

    Source: Sun et al., Circle loss (2020), arXiv:2002.10857.
    """
    y_true, y_pred = together(y_true, y_pred, cast=False)
    labels = ops.reshape(ops.cast(y_true, "int32"), (-1, 1))
    others = labels if ref_labels is None else ops.reshape(ops.cast(ref_labels, "int32"), (-1, 1))
    embeddings = y_pred if ref_embeddings is None else together(ref_embeddings, y_pred)[0]
    distance = ops.maximum(ops.subtract(1.0, ops.matmul(y_pred, ops.transpose(embeddings))), 0.0)
    same = ops.equal(labels, ops.transpose(others))
    other = ops.logical_not(same)
    if remove_diagonal:
        size = ops.shape(same)
        same = ops.logical_and(same, ops.logical_not(ops.eye(size[0], size[1], dtype="bool")))
    pull = ops.multiply(ops.add(distance, margin), ops.subtract(distance, margin))
    push = ops.multiply(ops.maximum(ops.subtract(1.0 + margin, distance), 0.0), ops.subtract(1.0 - margin, distance))
    sums = [
        ops.logsumexp(ops.where(mask, ops.multiply(score, gamma), -math.inf), axis=1)
        for mask, score in ((same, pull), (other, push))
    ]
    values = ops.softplus(ops.add(*sums))
    values._keras_mask = ops.greater(values, 0.0)
    return values
