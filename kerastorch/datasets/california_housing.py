"""California housing: prices of houses in California in 1990."""

from kerastorch.datasets.arrays import read_npz
from kerastorch.datasets.sources import fetch
from kerastorch.datasets.splits import shuffled, split
from kerastorch.errors import near

_ROWS = {"small": 600, "large": None}


def load_data(version="large", path="california_housing.npz", test_split=0.2, seed=113):
    """The California housing data set: median prices of houses in 20,640 census blocks, with 8 properties of each.

    The properties are median income, median age of the houses, average number of rooms, of bedrooms, population,
    average number of people in a household, latitude and longitude. From the census of 1990 (Pace and Barry, 1997).

    Args:
        version: `"large"` for all blocks, `"small"` for the first 600.
        path: File name of the copy in `~/.keras/datasets`.
        test_split: Share of the blocks kept for testing.
        seed: Seed of the order of the blocks.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, float arrays: properties of shape `(n, 8)`, and prices in dollars, of
        shape `(n,)`.

    Raises:
        ValueError: `version` is neither of the two, or `test_split` is not in the range from 0 to 1 (not included).
        DownloadError: The file is not cached and cannot be downloaded. The message says where to put it.
    """
    if version not in _ROWS:
        raise ValueError(f"version={version!r} must be 'small' or 'large'.{near(version, _ROWS)}")
    data = read_npz(fetch("california_housing.npz", path))
    [(x, y)] = shuffled(seed, (data["x"][: _ROWS[version]], data["y"][: _ROWS[version]]))
    return split(x, y, test_split)
