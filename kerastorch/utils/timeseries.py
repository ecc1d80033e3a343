"""Windows over series of measurements, as a data set."""

from typing import Any

import numpy as np

from kerastorch.utils.samples import Samples, serve


class Windows(Samples):
    """The windows of a series, by number, each with its target if there are targets.

    Args:
        data: The series, time first.
        targets: The target of the window that begins at each step; None for none.
        starts: Where the windows begin.
        offsets: Steps of a window, counted from its beginning.
    """

    def __init__(self, data: Any, targets: Any, starts: Any, offsets: Any):
        self.data, self.targets, self.starts, self.offsets = data, targets, starts, offsets

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: Any) -> Any:
        """One window, or those of an array of numbers."""
        start = self.starts[index]
        x = self.data[np.add.outer(start, self.offsets)]
        return x if self.targets is None else (x, self.targets[start])

    batch = __getitem__


def timeseries_dataset_from_array(
    data,
    targets,
    sequence_length,
    sequence_stride=1,
    sampling_rate=1,
    batch_size=128,
    shuffle=False,
    seed=None,
    start_index=None,
    end_index=None,
    format="tf",
):
    """Windows of equal length over a series, in batches.

    >>> dataset = timeseries_dataset_from_array(np.arange(5), None, sequence_length=3)  # 0 1 2, 1 2 3, 2 3 4

    Args:
        data: Array or tensor with one row for each step of time.
        targets: The targets, such that `targets[i]` belongs to the window that begins at step `i`; None for windows alone.
        sequence_length: Steps in a window.
        sequence_stride: Steps from the beginning of a window to that of the next.
        sampling_rate: Steps of the series from a step of a window to the next.
        batch_size: Windows in a batch, the last one excepted; None gives them one by one.
        shuffle: Whether they come in a new order in each pass.
        seed: For the order.
        start_index: Steps of `data` before it are not used.
        end_index: Steps of `data` from it on are not used.
        format: "tf" or "grain".

    Returns:
        A `tf.data.Dataset`, or a `grain.IterDataset` for "grain". Where "tf" is asked for and TensorFlow is not installed, a
        `PyDataset` with the same batches as numpy arrays.

    Raises:
        ValueError: If an argument lies outside its range.
        ImportError: If "grain" is asked for and not installed.
    """
    count = len(data)
    for name, value, least, most in (
        ("start_index", start_index, 0, count),
        ("end_index", end_index, max((start_index or 0) + 1, 1), count),
        ("sampling_rate", sampling_rate, 1, count),
        ("sequence_stride", sequence_stride, 1, count),
    ):
        if value is None or (name == "end_index" and value == 0):
            continue
        if not least <= value < most:
            raise ValueError(
                f"timeseries_dataset_from_array: `{name}` must be at least {least} and below {most}, the length of the data, "
                f"not {value}"
            )
    first, last = start_index or 0, end_index if end_index is not None else count
    windows = last - first - (sequence_length - 1) * sampling_rate
    if targets is not None:
        windows = min(windows, len(targets))
    starts = np.arange(0, windows, sequence_stride, dtype="int32" if windows < 2**31 - 1 else "int64")
    if shuffle:
        seed = int(np.random.randint(1e6)) if seed is None else seed
        np.random.RandomState(seed).shuffle(starts)
    offsets = np.arange(sequence_length) * sampling_rate
    order = {"batch_size": batch_size, "shuffle": shuffle, "seed": seed}
    return serve(
        format,
        "timeseries_dataset_from_array",
        lambda tf: tf.windows(data[first:last], None if targets is None else targets[first:last], starts, offsets, **order),
        lambda: Windows(_rows(data, first, last), None if targets is None else _rows(targets, first, None), starts, offsets),
        **order,
    )


def _rows(x: Any, first: int, last: int | None) -> Any:
    return np.asarray(x[first:last])
