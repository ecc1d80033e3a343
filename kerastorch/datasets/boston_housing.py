"""Boston housing: prices of houses around Boston in the 1970s."""

from kerastorch.datasets.arrays import read_npz
from kerastorch.datasets.sources import fetch
from kerastorch.datasets.splits import shuffled, split


def load_data(path="boston_housing.npz", test_split=0.2, seed=113):
    """The Boston housing data set: median prices of houses in 506 places near Boston, with 13 properties of each place.

    Collected by Harrison and Rubinfeld (1978). One property, `B`, encodes a claim about race and prices; the data are
    here because many courses use them, and `california_housing` is the better choice for anything new.

    Args:
        path: File name of the copy in `~/.keras/datasets`.
        test_split: Share of the places kept for testing.
        seed: Seed of the order of the places.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, float64 arrays: properties of shape `(n, 13)`, and prices in thousands
        of dollars, of shape `(n,)`. By default 404 places are for training and 102 for testing.

    Raises:
        ValueError: `test_split` is not in the range from 0 (included) to 1 (not included).
        DownloadError: The file is not cached and cannot be downloaded. The message says where to put it.
    """
    data = read_npz(fetch("boston_housing.npz", path))
    [(x, y)] = shuffled(seed, (data["x"], data["y"]))
    return split(x, y, test_split)
