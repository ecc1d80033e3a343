"""Small conversions of arrays."""

import numpy as np


def to_categorical(x, num_classes=None):
    """One-hot encode integer class labels.

    >>> to_categorical([0, 2, 1])
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]])

    Args:
        x: Labels from 0 to `num_classes - 1`, array-like of any shape. A last axis of length 1 is dropped.
            A negative label counts from the last class, as a Python index does.
        num_classes: Number of classes. By default one more than the largest label.

    Returns:
        A float64 array of the shape of the labels, followed by `num_classes`.

    Raises:
        ValueError: A label is out of range, or there is no label to infer the number of classes from.
    """
    labels = np.asarray(x).astype("int64")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if not num_classes:
        if not labels.size:
            raise ValueError("to_categorical: `x` has no labels to tell the number of classes by; say `num_classes`.")
        num_classes = int(labels.max()) + 1
    if labels.size and not -num_classes <= labels.min() <= labels.max() < num_classes:
        raise ValueError(
            f"to_categorical: the labels in `x` run from {labels.min()} to {labels.max()}, "
            f"but num_classes={num_classes} allows 0 to {num_classes - 1}."
        )
    encoded = np.zeros((*labels.shape, num_classes))
    np.put_along_axis(encoded, labels[..., np.newaxis], 1.0, axis=-1)
    return encoded


def normalize(x, axis=-1, order=2):
    """Scale vectors to length 1.

    >>> normalize([[3.0, 4.0], [0.0, 0.0]])
    array([[0.6, 0.8],
           [0. , 0. ]])

    Args:
        x: Array-like.
        axis: The axis along which the vectors lie. None takes the norm of the whole array.
        order: Order of the norm, as `numpy.linalg.norm` takes it; 2 is the Euclidean length.

    Returns:
        A new array of the same shape; one vector alone becomes a matrix of one row. Vectors of length 0 stay so.

    Raises:
        ValueError: NumPy knows no norm of that order for so many axes.
    """
    x = np.asarray(x)
    norm = np.linalg.norm(x, order, axis, keepdims=True)
    scaled = x / np.where(norm == 0, 1, norm)
    return scaled[np.newaxis] if x.ndim == 1 else scaled
