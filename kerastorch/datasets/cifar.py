"""What CIFAR-10 and CIFAR-100 have in common: the format of their batches."""

import os
from collections.abc import Sequence

import numpy as np

from kerastorch.datasets.arrays import read_pickle
from kerastorch.scope import image_data_format


def load_split(folder: str, batches: Sequence[str], labels: str) -> tuple[np.ndarray, list[int]]:
    """Images and labels of some batches, one after the other.

    Args:
        folder: Where the batches lie.
        batches: Their file names.
        labels: The key under which a batch holds its labels.

    Returns:
        A uint8 array of shape `(n, 32, 32, 3)`, or `(n, 3, 32, 32)` if `image_data_format()` is `"channels_first"`,
        and a list of n labels.

    Raises:
        UnpicklingError: A batch holds anything but arrays and plain data.
    """
    pixels, classes = [], []
    for name in batches:
        path = os.path.join(folder, name)
        with open(path, "rb") as file:
            batch = read_pickle(file, path, encoding="bytes")  # written by Python 2
        pixels.append(batch[b"data"])
        classes += batch[labels.encode()]
    images = np.concatenate(pixels).reshape(-1, 3, 32, 32)
    return (images.transpose(0, 2, 3, 1) if image_data_format() == "channels_last" else images), classes
