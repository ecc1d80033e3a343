"""Small conversions of arrays."""

import numpy as np

from kerastorch import backend_registry, ops


def to_categorical(x, num_classes=None):
    """One-hot encode integer class labels.

    >>> to_categorical([0, 2, 1])
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]])

    Args:
        x: Labels from 0 to `num_classes - 1`, array-like or a tensor, of any shape. A last axis of length 1 is dropped.
            A negative label counts from the last class, as a Python index does.
        num_classes: Number of classes. By default one more than the largest label.

    Returns:
        A float64 array, or a tensor of the labels' dtype, of the shape of the labels, followed by `num_classes`. A label of a
        tensor that is no class gives a row of zeros: looking for one would wait for the device.

    Raises:
        ValueError: A label is out of range, or there is no label to infer the number of classes from.
    """
    if backend_registry.of(x) is not None:
        labels = ops.squeeze(x, -1) if len(x.shape) > 1 and x.shape[-1] == 1 else x
        return ops.one_hot(labels, num_classes or int(ops.max(labels)) + 1, dtype=ops.dtype(labels))
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
        x: Array-like, or a tensor.
        axis: The axis along which the vectors lie. None takes the norm of the whole array.
        order: Order of the norm, as `numpy.linalg.norm` takes it; 2 is the Euclidean length.

    Returns:
        A new array or tensor of the same shape; an array of one vector becomes a matrix of one row. Vectors of length 0 stay so.

    Raises:
        ValueError: NumPy knows no norm of that order for so many axes.
    """
    if backend_registry.of(x) is not None:
        length = ops.norm(x, order, axis, keepdims=True)
        return x / ops.where(length == 0, 1, length)
    x = np.asarray(x)
    norm = np.linalg.norm(x, order, axis, keepdims=True)
    scaled = x / np.where(norm == 0, 1, norm)
    return scaled[np.newaxis] if x.ndim == 1 else scaled
