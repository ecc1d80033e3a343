"""Reuters: newswires of 46 topics."""

import json

import numpy as np

from kerastorch.datasets import words
from kerastorch.datasets.arrays import objects, read_npz
from kerastorch.datasets.sources import fetch
from kerastorch.datasets.splits import shuffled, split

_TOPICS = """
    cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass crude
    nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi iron-steel
    rubber heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead
"""


def load_data(
    path="reuters.npz",
    num_words=None,
    skip_top=0,
    maxlen=None,
    test_split=0.2,
    seed=113,
    start_char=1,
    oov_char=2,
    index_from=3,
):
    """The Reuters data set: 11,228 newswires of 1987 as sequences of word numbers, each of one of 46 topics.

    Words are numbered by frequency, so that `num_words=10000` keeps the most frequent ones. `get_label_names` has the
    topics' names.

    Args:
        path: File name of the copy in `~/.keras/datasets`.
        num_words: Word numbers from here on become `oov_char`. None keeps (all but one of) them.
        skip_top: Word numbers below this become `oov_char`.
        maxlen: Drop the newswires that have this many words or more, `start_char` included. None keeps all.
        test_split: Share of the newswires kept for testing.
        seed: Seed of the order of the newswires.
        start_char: What each newswire starts with, or None for nothing.
        oov_char: What stands for a word left out, or None to drop it.
        index_from: What is added to each word number, to make room for the marks.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: arrays of lists of word numbers, and int64 arrays of topics, from 0
        to 45. By default 8,982 newswires are for training and 2,246 for testing.

    Raises:
        ValueError: No newswire is shorter than `maxlen`, or `test_split` is not at least 0 and less than 1.
        DownloadError: The file is not cached and cannot be downloaded. The message says where to put it.
    """
    data = read_npz(fetch("reuters.npz", path))
    [(x, y)] = shuffled(seed, (data["x"], data["y"]))
    texts, labels = words.shorter(words.number(x, start_char, index_from), y, maxlen)
    texts = words.limit(texts, num_words, skip_top, oov_char)
    return split(objects(texts, len(texts)), np.array(labels), test_split)


def get_word_index(path="reuters_word_index.json"):
    """The number of each word, as it is before `load_data` adds `index_from`.

    Args:
        path: File name of the copy in `~/.keras/datasets`.

    Returns:
        A dictionary from word to number, which starts from 1 with the most frequent word.

    Raises:
        DownloadError: The file is not cached and cannot be downloaded. The message says where to put it.
    """
    with open(fetch("reuters_word_index.json", path), encoding="utf-8") as file:
        return json.load(file)


def get_label_names():
    """The names of the 46 topics, in the order of the labels.

    Returns:
        A tuple of strings. Identified by Martin Thoma, https://martin-thoma.com/nlp-reuters/.
    """
    return tuple(_TOPICS.split())
