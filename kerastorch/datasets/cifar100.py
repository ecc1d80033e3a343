"""CIFAR-100: small colour images of a hundred kinds."""

import os

import numpy as np

from kerastorch.datasets.cifar import load_split
from kerastorch.datasets.sources import fetch
from kerastorch.errors import near

_MODES = ("fine", "coarse")


def load_data(label_mode="fine"):
    """The CIFAR-100 data set: 60,000 colour images of a hundred kinds in twenty groups.

    Made by Alex Krizhevsky, Vinod Nair and Geoffrey Hinton, https://www.cs.toronto.edu/~kriz/cifar.html.

    Args:
        label_mode: `"fine"` for the kinds, from 0 to 99, or `"coarse"` for the groups, from 0 to 19.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images of shape `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)`
        with values from 0 to 255, and int64 labels of shape `(50000, 1)` and `(10000, 1)`.
        Where `image_data_format()` is `"channels_first"` the channels come before rows and columns.

    Raises:
        ValueError: `label_mode` is neither of the two.
        DownloadError: The archive is not cached and cannot be downloaded. The message says where to put it.
    """
    if label_mode not in _MODES:
        raise ValueError(f"label_mode={label_mode!r} must be 'fine' or 'coarse'.{near(label_mode, _MODES)}")
    folder = os.path.join(fetch("cifar-100-python.tar.gz"), "cifar-100-python")
    train, test = (
        (images, np.array(labels, "int64")[:, np.newaxis])
        for images, labels in (load_split(folder, [batch], f"{label_mode}_labels") for batch in ("train", "test"))
    )
    return train, test
