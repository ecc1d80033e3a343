"""Fashion-MNIST: pieces of clothing, in the format of MNIST."""

from kerastorch.datasets.arrays import read_idx
from kerastorch.datasets.sources import fetch


def load_data():
    """The Fashion-MNIST data set: 70,000 grey images of ten kinds of clothing.

    The kinds are, from 0 to 9: T-shirt/top, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot.
    Made by Zalando Research; licence MIT.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, uint8 arrays: images of shape `(60000, 28, 28)` and `(10000, 28, 28)`
        with values from 0 to 255, and the kinds, of shape `(60000,)` and `(10000,)`.

    Raises:
        DownloadError: A file is not cached and cannot be downloaded. The message says where to put it.
    """
    train, test = (
        tuple(read_idx(fetch(f"{part}-{kind}-ubyte.gz")) for kind in ("images-idx3", "labels-idx1"))
        for part in ("train", "t10k")
    )
    return train, test
