"""Shuffling and cutting a data set that comes in one piece."""

import numpy as np

Pair = tuple[np.ndarray, np.ndarray]


def split(x: np.ndarray, y: np.ndarray, test_split: float) -> tuple[Pair, Pair]:
    """Cut samples into a first part for training and a last part for testing.

    Args:
        x: Samples.
        y: As many targets.
        test_split: Share of the last part, from 0 to 1.

    Returns:
        `(x_train, y_train), (x_test, y_test)`.

    Raises:
        ValueError: `test_split` is not in the range from 0 (included) to 1 (not included).
    """
    if not 0 <= test_split < 1:
        raise ValueError(f"test_split={test_split!r} must be at least 0 and less than 1.")
    cut = int(len(x) * (1 - test_split))
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])


def shuffled(seed: int, *pairs: Pair) -> list[Pair]:
    """Samples and targets in random order, each target still beside its sample.

    Args:
        seed: Seed of the one legacy NumPy generator that shuffles all pairs in turn, as Keras's does: the orders agree.
        pairs: Arrays of samples and of targets.

    Returns:
        The pairs, shuffled.

    Raises:
        IndexError: A pair has more samples than targets.
    """
    rng = np.random.RandomState(seed)
    orders = [rng.permutation(len(x)) for x, _ in pairs]
    return [(x[order], y[order]) for order, (x, y) in zip(orders, pairs)]
