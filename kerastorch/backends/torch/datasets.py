"""Data sets of torch's own."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, Subset, TensorDataset


def split(dataset: Any, sizes: Callable[[int], tuple[int, int]], shuffle: bool, seed: int | None) -> tuple[Any, Any]:
    """Two parts of any data set, an array or a tuple of arrays; `sizes` says how much goes into each."""
    if isinstance(dataset, np.ndarray):
        dataset = (dataset,)
    elif not isinstance(dataset, tuple | Dataset):
        samples = list((dataset.unbatch() if hasattr(dataset, "_batch_size") else dataset).as_numpy_iterator())
        dataset = tuple(map(np.stack, zip(*(s if isinstance(s, tuple) else (s,) for s in samples))))
    if isinstance(dataset, tuple):
        dataset = TensorDataset(*map(torch.from_numpy, dataset))
    count = len(dataset)
    left, right = sizes(count)
    order = list(range(count))
    if shuffle:
        generator = torch.Generator()
        if seed is None:
            generator.seed()
        else:
            generator.manual_seed(seed)
        order = torch.randperm(count, generator=generator).tolist()
    return Subset(dataset, order[:left]), Subset(dataset, order[count - right :])
