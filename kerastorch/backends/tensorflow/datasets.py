"""Data sets of TensorFlow's own."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

WINDOW = 1024  # samples that are shuffled among each other where there are no batches


def in_order(dataset: Any, batch_size: int | None, shuffle: bool, seed: int | None) -> Any:
    """The samples in a new order in each pass, if they are shuffled."""
    return dataset.shuffle(batch_size * 8 if batch_size else WINDOW, seed=seed) if shuffle else dataset


def windows(data: Any, targets: Any, starts: Any, offsets: Any, batch_size: Any, shuffle: bool, seed: int | None) -> Any:
    """The windows of a series, each with its target if there are targets.

    Args:
        data, targets: As for `Windows`.
        starts, offsets: Likewise.
        batch_size, shuffle, seed: As for `SampleBatches`.
    """
    data, offsets = tf.convert_to_tensor(data), tf.constant(offsets, starts.dtype)
    dataset = in_order(tf.data.Dataset.from_tensor_slices(starts), batch_size, shuffle, seed)
    # A whole batch of windows is picked at once.
    dataset = dataset if batch_size is None else dataset.batch(batch_size)
    if targets is None:
        pick = lambda start: tf.gather(data, start[..., None] + offsets)
    else:
        targets = tf.convert_to_tensor(targets)
        pick = lambda start: (tf.gather(data, start[..., None] + offsets), tf.gather(targets, start))
    return dataset.map(pick, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def split(dataset: Any, sizes: Callable[[int], tuple[int, int]], shuffle: bool, seed: int | None) -> tuple[Any, Any]:
    """Two parts of any data set, an array or a tuple of arrays; `sizes` says how much goes into each."""
    batch_size = getattr(dataset, "_batch_size", None) if isinstance(dataset, tf.data.Dataset) else None
    if not isinstance(dataset, tuple | np.ndarray):
        dataset = _stacked(list(dataset if batch_size is None else dataset.unbatch()))
    count = len(tf.nest.flatten(dataset)[0])
    left, right = sizes(count)
    order = list(range(count))
    if shuffle:
        random.Random(random.randint(0, int(1e6)) if seed is None else seed).shuffle(order)
    parts = []
    for numbers in (order[:left], order[count - right :]):
        part = tf.data.Dataset.from_tensor_slices(tf.nest.map_structure(lambda x, n=numbers: x[n], dataset))
        part = part if batch_size is None else part.batch(batch_size)
        parts.append(part.prefetch(tf.data.AUTOTUNE))
    return parts[0], parts[1]


def _stacked(samples: list[Any]) -> Any:
    """Samples that are nests of tensors as a nest of arrays; what is a list becomes a tuple, which tf.data takes for a nest."""
    if isinstance(samples[0], list | tuple):
        return tuple(_stacked([s[i] for s in samples]) for i in range(len(samples[0])))
    if isinstance(samples[0], dict):
        return type(samples[0])((key, _stacked([s[key] for s in samples])) for key in samples[0])
    return np.stack([np.asarray(s) for s in samples])
