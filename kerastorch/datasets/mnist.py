"""MNIST: handwritten digits."""

from kerastorch.datasets.arrays import read_npz
from kerastorch.datasets.sources import fetch


def load_data(path="mnist.npz"):
    """The MNIST data set: 70,000 grey images of handwritten digits.

    Made by Yann LeCun and Corinna Cortes from data of NIST; licence CC BY-SA 3.0.

    Args:
        path: File name of the copy in `~/.keras/datasets`.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, uint8 arrays: images of shape `(60000, 28, 28)` and `(10000, 28, 28)`
        with values from 0 to 255, and the digits, of shape `(60000,)` and `(10000,)`.

    Raises:
        DownloadError: The file is not cached and cannot be downloaded. The message says where to put it.
    """
    data = read_npz(fetch("mnist.npz", path))
    return (data["x_train"], data["y_train"]), (data["x_test"], data["y_test"])
