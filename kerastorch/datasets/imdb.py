"""IMDB: film reviews, for or against."""

import json

import numpy as np

from kerastorch.datasets import words
from kerastorch.datasets.arrays import objects, read_npz
from kerastorch.datasets.sources import fetch
from kerastorch.datasets.splits import shuffled


def load_data(
    path="imdb.npz",
    num_words=None,
    skip_top=0,
    maxlen=None,
    seed=113,
    start_char=1,
    oov_char=2,
    index_from=3,
    **kwargs,
):
    """The IMDB data set: 50,000 film reviews as sequences of word numbers, each for or against the film.

    Words are numbered by frequency, so that `num_words=10000` keeps the most frequent ones. Collected by Maas et al.
    (2011), "Learning word vectors for sentiment analysis", https://ai.stanford.edu/~amaas/data/sentiment/.

    Args:
        path: File name of the copy in `~/.keras/datasets`.
        num_words: Word numbers from here on become `oov_char`. None keeps (all but one of) them.
        skip_top: Word numbers below this become `oov_char`.
        maxlen: Drop the reviews that have this many words or more, `start_char` included. None keeps all.
        seed: Seed of the order of the reviews.
        start_char: What each review starts with, or None for nothing.
        oov_char: What stands for a word left out, or None to drop it.
        index_from: What is added to each word number, to make room for the marks.
        **kwargs: No other argument is accepted.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: arrays of 25,000 lists of word numbers, and int64 arrays of labels,
        1 for the film and 0 against it.

    Raises:
        TypeError: There are other arguments.
        ValueError: No review is shorter than `maxlen`.
        DownloadError: The file is not cached and cannot be downloaded. The message says where to put it.
    """
    if kwargs:
        raise TypeError(f"imdb.load_data takes no argument {', '.join(kwargs)}; the vocabulary's size is `num_words`.")
    data = read_npz(fetch("imdb.npz", path))
    reviews, labels, counts = [], [], []
    for x, y in shuffled(seed, (data["x_train"], data["y_train"]), (data["x_test"], data["y_test"])):
        kept, kept_labels = words.shorter(words.number(x, start_char, index_from), y, maxlen)
        reviews += kept
        labels += kept_labels
        counts.append(len(kept))
    x = objects(words.limit(reviews, num_words, skip_top, oov_char), sum(counts))
    y = np.array(labels)
    return (x[: counts[0]], y[: counts[0]]), (x[counts[0] :], y[counts[0] :])


def get_word_index(path="imdb_word_index.json"):
    """The number of each word, as it is before `load_data` adds `index_from`.

    Args:
        path: File name of the copy in `~/.keras/datasets`.

    Returns:
        A dictionary from word to number, which starts from 1 with the most frequent word.

    Raises:
        DownloadError: The file is not cached and cannot be downloaded. The message says where to put it.
    """
    with open(fetch("imdb_word_index.json", path), encoding="utf-8") as file:
        return json.load(file)
