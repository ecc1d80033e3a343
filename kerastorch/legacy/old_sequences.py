"""`keras.preprocessing.sequence` of Keras 1 and 2: windows of time series, and pairs of words."""

import json
import random

import numpy as np

from kerastorch.legacy.past import Past, old
from kerastorch.utils.pydataset import PyDataset

PAST: dict[str, Past] = {}


@old(PAST, "keras.utils.timeseries_dataset_from_array")
class TimeseriesGenerator(PyDataset):
    """Batches of windows of a series, each with the target of the step behind it.

    Args:
        data: Array or list with the time first.
        targets: As long as the data.
        length: Steps that a window covers.
        sampling_rate: A window holds every step of this number.
        stride: Steps from one window to the next.
        start_index, end_index: First and last step that is used; None is the last one there is.
        shuffle: Whether windows are drawn at random.
        reverse: Whether windows are turned around in time.
        batch_size: Windows in a batch.

    Raises:
        ValueError: If data and targets differ in length, or are too short for a window.
    """

    def __init__(self, data, targets, length, sampling_rate=1, stride=1, start_index=0, end_index=None, shuffle=False,
                 reverse=False, batch_size=128):  # fmt: skip
        super().__init__()
        if len(data) != len(targets):
            raise ValueError(f"TimeseriesGenerator: data and targets must be equally long, not {len(data)} and {len(targets)}")
        self.data, self.targets, self.length, self.sampling_rate, self.stride = data, targets, length, sampling_rate, stride
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse, self.batch_size = shuffle, reverse, batch_size
        if self.start_index > self.end_index:
            raise ValueError(f"TimeseriesGenerator: no window of length={length} fits between start_index={start_index} and "
                             f"end_index={self.end_index}")  # fmt: skip

    def __len__(self):
        step = self.batch_size * self.stride
        return (self.end_index - self.start_index + step) // step

    def __getitem__(self, index):
        """Arrays of windows and targets."""
        if self.shuffle:
            rows = np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)
        else:
            first = self.start_index + self.batch_size * self.stride * index
            rows = np.arange(first, min(first + self.batch_size * self.stride, self.end_index + 1), self.stride)
        samples = np.array([self.data[row - self.length : row : self.sampling_rate] for row in rows])
        targets = np.array([self.targets[row] for row in rows])
        return (samples[:, ::-1, ...] if self.reverse else samples), targets

    def get_config(self):
        """The arguments, the data as JSON, as Keras 2 wrote them."""
        names = ("length", "sampling_rate", "stride", "start_index", "end_index", "shuffle", "reverse", "batch_size")
        data = {n: json.dumps(np.asarray(getattr(self, n)).tolist()) for n in ("data", "targets")}
        return data | {n: getattr(self, n) for n in names}

    def to_json(self, **kwargs):
        """The configuration as JSON; `kwargs` are those of `json.dumps`."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


@old(PAST, "a table of your own")
def make_sampling_table(size, sampling_factor=1e-5):
    """With what probability words are kept as centres of skip-grams, by rank (Mikolov et al., 2013).

    Frequencies by rank are taken to follow Zipf's law.

    Args:
        size: Number of ranks.
        sampling_factor: The smaller, the more frequent words are left out.
    """
    gamma = 0.577
    rank = np.maximum(np.arange(size), 1)
    inverse = rank * (np.log(rank) + gamma) + 0.5 - 1.0 / (12.0 * rank)
    scaled = sampling_factor * inverse
    return np.minimum(1.0, scaled / np.sqrt(scaled))


@old(PAST, "a data set of pairs of your own")
def skipgrams(sequence, vocabulary_size, window_size=4, negative_samples=1.0, shuffle=True, categorical=False,
              sampling_table=None, seed=None):  # fmt: skip
    """Pairs of words that stand near each other, labelled 1, and pairs drawn at random, labelled 0.

    Args:
        sequence: Numbers of words; 0 is none.
        vocabulary_size: One more than the greatest number.
        window_size: How far words may be apart, on both sides.
        negative_samples: How many pairs are drawn for each that was found.
        shuffle: Whether the pairs are put in random order.
        categorical: Whether labels are `[0, 1]` and `[1, 0]`.
        sampling_table: Probability with which a word is kept as the centre.
        seed: Seed of the order.

    Returns:
        Pairs as a list of lists, and labels as a list.
    """
    couples = []
    for i, word in enumerate(sequence):
        if not word or (sampling_table is not None and sampling_table[word] < random.random()):
            continue
        near = range(max(0, i - window_size), min(len(sequence), i + window_size + 1))
        couples += [[word, sequence[j]] for j in near if j != i and sequence[j]]
    labels = [[0, 1] if categorical else 1] * len(couples)
    drawn = int(len(labels) * negative_samples) if negative_samples > 0 else 0
    centres = [pair[0] for pair in couples]
    random.shuffle(centres)
    couples += [[centres[i % len(centres)], random.randint(1, vocabulary_size - 1)] for i in range(drawn)]
    labels += [[1, 0] if categorical else 0] * drawn
    if shuffle:
        order = random.Random(seed).sample(range(len(couples)), len(couples))
        couples, labels = [couples[i] for i in order], [labels[i] for i in order]
    return couples, labels
