"""Samples that can be had by number, as data sets of several makes."""

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from kerastorch import backend_registry
from kerastorch.errors import near
from kerastorch.utils.pydataset import PyDataset

FORMATS = ("tf", "grain")
TF = "tensorflow"  # whose data sets "tf" stands for


class Samples:
    """Samples by number: a subclass gives one as `self[number]`, and says how many there are."""

    def __len__(self) -> int:
        raise NotImplementedError("a subclass says how many samples there are")

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError("a subclass gives a sample by its number")

    def batch(self, numbers: Any) -> Any:
        """The samples of some numbers as one batch."""
        return self.stack([self[i] for i in numbers])

    def stack(self, samples: Any) -> Any:
        """Samples as one batch."""
        if isinstance(samples[0], tuple):
            return tuple(np.stack(part) for part in zip(*samples))
        return np.stack(samples)


class SampleBatches(PyDataset):
    """Batches of samples that are made when they are asked for, in an order that changes from epoch to epoch if shuffled.

    Args:
        samples: The samples.
        batch_size: Samples in a batch, the last one excepted; None gives samples one by one.
        shuffle: Whether there is a new order in each epoch.
        seed: For the order.
        **kwargs: For `PyDataset`.
    """

    def __init__(self, samples, batch_size, shuffle=False, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.samples, self.batch_size, self.shuffle = samples, batch_size, shuffle
        self._random = np.random.RandomState(seed)
        self._order = np.arange(len(samples))
        self.on_epoch_end()

    def __len__(self):
        return math.ceil(len(self._order) / (self.batch_size or 1))

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(f"there is no batch {index}: the data set has {len(self)}")
        if self.batch_size is None:
            return self.samples[self._order[index]]
        return self.samples.batch(self._order[index * self.batch_size : (index + 1) * self.batch_size])

    def __iter__(self):
        yield from map(self.__getitem__, range(len(self)))
        self.on_epoch_end()

    def on_epoch_end(self):
        """Draws the order of the next epoch."""
        if self.shuffle:
            self._random.shuffle(self._order)


def check_format(format: str, user: str) -> None:
    """Refuses a format that there is not."""
    if format not in FORMATS:
        raise ValueError(f'{user}: `format` should be "tf" or "grain", not {format!r}.{near(str(format), FORMATS)}')


def serve(format: str, user: str, tf: Callable[[Any], Any], samples: Callable[[], Any], *, batch_size, shuffle, seed) -> Any:
    """A data set in a format.

    Args:
        format: "tf" or "grain".
        user: The public function, for messages.
        tf: Makes a tf.data.Dataset, given the TensorFlow backend's functions for them.
        samples: Gives the same data as `Samples`.
        batch_size, shuffle, seed: As for `SampleBatches`.

    Returns:
        The data set; a `SampleBatches` where tf.data is asked for and TensorFlow is not installed.
    """
    check_format(format, user)
    if format == "tf":
        if backend_registry.installed(TF):
            return tf(backend_registry.get(TF).datasets)
        return SampleBatches(samples(), batch_size, shuffle, seed)
    try:
        grain = importlib.import_module("grain")
    except ImportError as error:
        raise ImportError(f'{user}: format="grain" needs grain: install it with `pip install grain`') from error
    made = samples()
    data = grain.MapDataset.source(made)
    if shuffle:
        data = data.shuffle(seed=seed)
    data = data.to_iter_dataset()
    return data if batch_size is None else data.batch(batch_size, batch_fn=made.stack)
