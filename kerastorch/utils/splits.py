"""Cutting a data set in two."""

import numbers
from typing import Any

import numpy as np

from kerastorch import backend_registry

# Data sets of frameworks are known by the names of their classes, so that nothing is imported to find out:
# the beginning of the module's name, the class's name -> the backend that it belongs to.
OWNERS = {("tensorflow.python.", "DatasetV2"): "tensorflow", ("torch.utils.data", "Dataset"): "torch"}


def split_dataset(dataset, left_size=None, right_size=None, shuffle=False, seed=None, preferred_backend=None):
    """Cuts a data set in two, as for training and testing.

    Args:
        dataset: A `tf.data.Dataset`, which is read whole, a `torch.utils.data.Dataset`, an array, or a list or tuple of arrays
            of equal length.
        left_size, right_size: The share of the samples (a float between 0 and 1) or their number (an integer) in each part.
            One of them may be None, for all that the other one leaves; where they leave something between them, it is in neither.
        shuffle: Whether the samples are shuffled before; else they keep their order.
        seed: For the order.
        preferred_backend: The backend whose data sets are made. None is that of `dataset`, and for arrays the active one.

    Returns:
        `(left, right)`, two `tf.data.Dataset`s, in batches if `dataset` was batched last of all, or `torch.utils.data.Dataset`s.

    Raises:
        TypeError: If `dataset` or a size is of another type.
        ValueError: If the sizes do not fit, or arrays differ in length.
    """
    backend = backend_registry.get(preferred_backend or _owner(dataset))
    if backend.datasets is None:
        backend = backend_registry.get("tensorflow")
    if left_size is None and right_size is None:
        raise ValueError("split_dataset: At least one of the `left_size` or `right_size` must be specified; both are None")
    if isinstance(dataset, list | tuple):
        _check_arrays(dataset)
        dataset = tuple(dataset)
    return backend.datasets.split(dataset, lambda count: sizes(left_size, right_size, count), shuffle, seed)


def sizes(left: Any, right: Any, count: int) -> tuple[int, int]:
    """How many samples each part has.

    Args:
        left, right: The sizes as given.
        count: Number of samples.
    """
    given = {"left_size": left, "right_size": right}
    found = {name: None if size is None else _size(name, size, count) for name, size in given.items()}
    a, b = found.values()
    a, b = count - b if a is None else a, count - a if b is None else b
    if a + b > count or (isinstance(left, float) and isinstance(right, float) and left + right > 1):
        raise ValueError(
            f"split_dataset: The sum of `left_size` and `right_size` is greater than the whole of {count} samples: "
            f"{left} and {right}"
        )
    for side, size in (("left", a), ("right", b)):
        if size <= 0:
            raise ValueError(
                f"split_dataset: With `dataset` of length={count}, left_size={left} and right_size={right} leave the {side} "
                "part empty"
            )
    return a, b


def _size(name: str, size: Any, count: int) -> int:
    if isinstance(size, bool) or not isinstance(size, int | float):
        raise TypeError(f"split_dataset: Invalid `{name}` Type. Expected: int or float or None, not {type(size)}")
    whole = isinstance(size, numbers.Integral)
    if not 0 < size < (count if whole else 1):
        raise ValueError(
            f"split_dataset: `{name}` should be either a positive integer smaller than {count}, the number of samples, or a "
            f"float between 0 and 1, not {size}"
        )
    return int(size) if whole else round(size * count)


def _check_arrays(arrays: Any) -> None:
    if not arrays:
        raise ValueError(f"split_dataset: Received an empty {type(arrays).__name__} where one of arrays was expected")
    for i, array in enumerate(arrays):
        if not isinstance(array, np.ndarray):
            raise ValueError(f"split_dataset: dataset[{i}] should be a numpy.ndarray, not a {type(array)}")
        if len(array) != len(arrays[0]):
            raise ValueError(
                f"split_dataset: the arrays have different lengths: dataset[0] is of shape {arrays[0].shape}, dataset[{i}] of "
                f"{array.shape}"
            )


def _owner(dataset: Any) -> str:
    """The name of the backend that a data set belongs to."""
    if isinstance(dataset, list | tuple | np.ndarray):
        return backend_registry.active().name
    for base in type(dataset).__mro__:
        for (module, name), owner in OWNERS.items():
            if base.__name__ == name and base.__module__.startswith(module):
                return owner
    raise TypeError(
        "split_dataset: `dataset` must be a tf.data.Dataset, a torch.utils.data.Dataset, an array or a list or tuple of arrays, "
        f"not a {type(dataset)}"
    )
