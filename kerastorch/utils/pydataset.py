"""Data as a class that gives batches by number."""

import itertools
import warnings
from typing import Any

_DEFAULTS = {"workers": 1, "use_multiprocessing": False, "max_queue_size": 10}


def _setting(name: str, text: str) -> property:
    """A constructor argument that is there even where a subclass forgot to call the constructor."""
    kept = f"_{name}"

    def read(self: Any) -> Any:
        if kept not in self.__dict__:
            warnings.warn(
                f"{type(self).__name__} should call super().__init__(**kwargs) in its constructor, where kwargs may "
                f"hold {', '.join(_DEFAULTS)}; {name}={_DEFAULTS[name]} is used",
                stacklevel=2,
            )
            setattr(self, kept, _DEFAULTS[name])
        return getattr(self, kept)

    return property(read, lambda self, value: setattr(self, kept, value), doc=text)


class PyDataset:
    """Base of data sets whose batches are made in Python, one by one.

    Subclasses define `__getitem__(index)`, which returns a whole batch as `x`, `(x, y)` or `(x, y, sample_weight)`, and
    `__len__()`, the number of batches, or `num_batches`, which may also be None for data without end.

    Args:
        workers: How many batches are made at the same time, in threads.
        use_multiprocessing: Whether in processes instead, which then each have a copy of the data set.
        max_queue_size: How many batches are made ahead.
    """

    def __init__(self, workers=1, use_multiprocessing=False, max_queue_size=10):
        self._workers = workers
        self._use_multiprocessing = use_multiprocessing
        self._max_queue_size = max_queue_size

    workers = _setting("workers", "How many batches are made at the same time.")
    use_multiprocessing = _setting("use_multiprocessing", "Whether they are made in processes, not threads.")
    max_queue_size = _setting("max_queue_size", "How many batches are made ahead.")

    def __getitem__(self, index):
        """The batch of a number.

        Args:
            index: From 0 to one less than the number of batches.
        """
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(index), which returns a batch")

    def __iter__(self):
        told = hasattr(self, "__len__") or type(self).num_batches is not PyDataset.num_batches
        count = self.num_batches if told else None
        return (self[i] for i in (itertools.count() if count is None else range(count)))

    @property
    def num_batches(self):
        """Number of batches in one epoch; None for data without end."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(f"{type(self).__name__} must define __len__() or the property num_batches")

    def on_epoch_begin(self):
        """Called before each epoch."""

    def on_epoch_end(self):
        """Called after each epoch, for example to shuffle."""


Sequence = PyDataset
