"""Data that comes batch by batch: generators, iterables, DataLoaders, tf.data and PyDatasets."""

import collections
import concurrent.futures
import itertools
import os
import random
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import numpy as np

from kerastorch.training.data_arrays import ran_out
from kerastorch.training.data_common import (
    PARTS,
    ClassWeights,
    Data,
    DataError,
    arrays,
    flatten,
    map_arrays,
    spec_of,
    to_tensor,
    unpack_x_y_sample_weight,
)
from kerastorch.utils.pydataset import PyDataset

END = object()
ENDLESS = float("inf")
LOOKED_AT = 2  # batches, to see which dimensions vary


def _loader_length(loader: Any) -> int | None:
    return len(loader) if hasattr(loader.dataset, "__len__") else None


def _dataset_length(dataset: Any) -> int | float | None:
    found = dataset.cardinality
    count = int(found() if callable(found) else found)
    return count if count >= 0 else ENDLESS if count == -1 else None


# Data sets of frameworks are known by the names of their classes, so that nothing is imported to find out:
# the beginning of the module's name, the class's name -> how to call it, how many batches it has (None if unknown).
FOREIGN = {
    ("torch.utils.data", "DataLoader"): ("torch DataLoader", _loader_length),
    ("tensorflow.python.", "DatasetV2"): ("tf.data.Dataset", _dataset_length),
    ("tensorflow.python.", "DistributedDataset"): ("tf.data.Dataset", _dataset_length),
    ("tensorflow.python.", "DistributedDatasetsFromFunction"): ("tf.data.Dataset", _dataset_length),
}


def foreign_kind(x: Any) -> tuple[str, Callable[[Any], int | float | None]] | None:
    """What a framework's data set is called and how its length is found, None for anything else."""
    for base in type(x).__mro__:
        for (module, name), kind in FOREIGN.items():
            if base.__name__ == name and base.__module__.startswith(module):
                return kind
    return None


class StreamData(Data):
    """Batches from an iterable, begun anew for each epoch, or from an iterator, which is used up.

    Args:
        source: The iterable or iterator; it gives `x`, `(x, y)` or `(x, y, sample_weight)`.
        kind: How to call it in messages.
        length: Number of batches in it, ENDLESS, or None if unknown.
        steps: Batches in an epoch. Epochs then go on where the one before stopped.
        class_weight, role: As for ArrayData.
    """

    def __init__(self, source, *, kind, length, steps, class_weight, role):
        self._source, self._kind, self._steps, self._role = source, kind, steps, role
        self._once = hasattr(source, "__next__")
        self._weights = None if class_weight is None else ClassWeights(class_weight)
        self._running: Iterator[Any] | None = None
        self._looked = False  # whether the running iterator was begun by `sample`, for the epoch to come
        self._like: tuple[Any, Any, Any] | None = None
        if length == 0:
            raise DataError(f"there is no data: the {kind} has no batches")
        self.num_batches = steps or (int(length) if length not in (None, ENDLESS) else None)
        self.batch_size = getattr(source, "batch_size", None) if kind == "torch DataLoader" else None

    def sample(self):
        if self._like is None:
            batches = [self._parts(batch) for batch in self._look()]
            if not batches:
                raise DataError(f"there is no data: the {self._kind} gave no batch")
            self._like = map_arrays(spec_of, *batches)
        return self._like

    def _look(self) -> list[Any]:
        """The batches to come, which stay to come."""
        if self._running is None:
            self._running, self._looked = self._start(), True
        batches = list(itertools.islice(self._running, LOOKED_AT))
        self._running = itertools.chain(batches, self._running)
        return batches

    def _batches(self, backend: Any, epoch: int) -> Iterator[tuple[Any, Any, Any]]:
        used = self._resume()
        assert self._running is not None
        done = 0
        while done != self._steps:
            batch = next(self._running, END)
            if batch is END and used and not done and not self._once:
                self._running, used = self._start(), False  # the epoch before took the last batch
                continue
            if batch is END:
                self._end_of_data(used, done, epoch)
                return
            done += 1
            leaves, spec = flatten(self._parts(batch))
            yield spec.unflatten([to_tensor(leaf, backend) for leaf in leaves])

    def _resume(self) -> bool:
        """Sees to it that an iterator is running; whether epochs before have taken batches from it."""
        if self._looked:
            self._looked = False
            return False
        if self._running is not None and (self._once or (self._steps is not None and self._role == "fit")):
            return True
        self._running = self._start()
        return False

    def _start(self) -> Iterator[Any]:
        return iter(self._source)

    def _end_of_data(self, used: bool, done: int, epoch: int) -> None:
        if not self._once:
            self._running = None
        if not done and not used:
            raise DataError(f"there is no data: the {self._kind} gave no batch")
        self.exhausted = self._once
        if self._steps is not None or not done:
            ran_out(self._kind, self._role, epoch, done, self._steps)
        elif not self._once:
            self.num_batches = done

    def _parts(self, batch: Any) -> tuple[Any, Any, Any]:
        parts = [arrays(part, name) for name, part in zip(PARTS, unpack_x_y_sample_weight(batch), strict=True)]
        if self._weights is not None:
            if parts[2] is not None:
                raise DataError(f"class_weight cannot be given, since the {self._kind} gives sample weights")
            parts[2] = self._weights.of(parts[1])
        return tuple(parts)


class PyDatasetStream(StreamData):
    """Batches of a PyDataset, made ahead by its workers; `shuffle` draws an order of the batches for each pass."""

    def __init__(self, source, *, shuffle, **settings):
        super().__init__(source, kind="PyDataset", **settings)
        self._shuffle = shuffle

    def close(self):
        if isinstance(self._running, Generator):
            self._running.close()
        self._running = None

    def _begin(self):
        self._source.on_epoch_begin()

    def _end(self):
        self._source.on_epoch_end()

    def _look(self):
        count = self._source.num_batches
        return [self._source[i] for i in range(LOOKED_AT if count is None else min(count, LOOKED_AT))]

    def _start(self):
        data = self._source
        count = data.num_batches  # may change from epoch to epoch
        if self._steps is None:
            self.num_batches = count
        numbers: Iterable[int] = itertools.count() if count is None else range(count)
        if self._shuffle and count is not None:
            numbers = np.random.permutation(count).tolist()
        if data.workers > 1 or (data.workers > 0 and data.use_multiprocessing):
            return _made_ahead(data, numbers)
        return map(data.__getitem__, numbers)


def _made_ahead(data: PyDataset, numbers: Iterable[int]) -> Iterator[Any]:
    """The batches of a PyDataset in order, made by its workers."""
    pool: concurrent.futures.Executor
    make: Callable[[int], Any]
    if data.use_multiprocessing:
        seed = int(np.random.randint(2**31))
        pool = concurrent.futures.ProcessPoolExecutor(data.workers, initializer=_keep, initargs=(data, seed))
        make = _kept_batch
    else:
        pool, make = concurrent.futures.ThreadPoolExecutor(data.workers), data.__getitem__
    coming: collections.deque[concurrent.futures.Future[Any]] = collections.deque()
    rest = iter(numbers)
    try:
        coming.extend(pool.submit(make, i) for i in itertools.islice(rest, max(1, data.max_queue_size)))
        while coming:
            batch = coming.popleft().result()
            coming.extend(pool.submit(make, i) for i in itertools.islice(rest, 1))
            yield batch
    finally:
        pool.shutdown(cancel_futures=True)


_kept: PyDataset | None = None  # in a worker process: its copy of the data set


def _keep(data: PyDataset, seed: int) -> None:
    global _kept
    _kept = data
    random.seed(seed + os.getpid())  # else workers that were forked would all draw the same augmentations
    np.random.seed((seed + os.getpid()) % 2**32)


def _kept_batch(index: int) -> Any:
    assert _kept is not None
    return _kept[index]
