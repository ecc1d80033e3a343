"""CIFAR-10: small colour images of ten kinds."""

import os

import numpy as np

from kerastorch.datasets.cifar import load_split
from kerastorch.datasets.sources import fetch

_BATCHES = {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]}


def load_data():
    """The CIFAR-10 data set: 60,000 colour images of ten kinds of animals and vehicles.

    The kinds are, from 0 to 9: airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck.
    Made by Alex Krizhevsky, Vinod Nair and Geoffrey Hinton, https://www.cs.toronto.edu/~kriz/cifar.html.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, uint8 arrays: images of shape `(50000, 32, 32, 3)` and
        `(10000, 32, 32, 3)` with values from 0 to 255, and the kinds, of shape `(50000, 1)` and `(10000, 1)`.
        Where `image_data_format()` is `"channels_first"` the channels come before rows and columns.

    Raises:
        DownloadError: The archive is not cached and cannot be downloaded. The message says where to put it.
    """
    folder = os.path.join(fetch("cifar-10-python.tar.gz"), "cifar-10-batches-py")
    train, test = (
        (images, np.array(labels, "uint8")[:, np.newaxis])
        for images, labels in (load_split(folder, batches, "labels") for batches in _BATCHES.values())
    )
    return train, test
