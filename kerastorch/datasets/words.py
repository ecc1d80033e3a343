"""Texts as sequences of word numbers: the conventions that IMDB and Reuters share.

In the files, words are numbered by frequency, from 1. `load_data` moves these numbers up by `index_from`, so that small
numbers are free: by default 0 to pad with, 1 for the start of a text, 2 for a word that is left out.
"""

from collections.abc import Iterable


def number(texts: Iterable[Iterable[int]], start_char: int | None, index_from: int | None) -> list[list[int]]:
    """Move word numbers up and mark the start of each text.

    Args:
        texts: Sequences of word numbers.
        start_char: The number that each text starts with, or None for no such mark.
        index_from: What is added to each word number.

    Returns:
        The texts, as new lists.

    Raises:
        TypeError: A text holds something that is not a number.
    """
    head = [] if start_char is None else [start_char]
    up = index_from or 0
    return [head + [word + up for word in text] for text in texts]


def shorter(texts: list[list[int]], labels: Iterable[int], maxlen: int | None) -> tuple[list[list[int]], list[int]]:
    """The texts with fewer than `maxlen` words, the mark of the start included, and their labels.

    Args:
        texts: Sequences of word numbers.
        labels: As many labels.
        maxlen: The length from which texts are dropped, or None to keep all.

    Returns:
        Texts and labels, as lists.

    Raises:
        ValueError: No text is that short.
    """
    pairs = [(text, label) for text, label in zip(texts, labels) if not maxlen or len(text) < maxlen]
    if not pairs:
        raise ValueError(f"maxlen={maxlen} leaves no text: each has as many words or more.")
    kept, kept_labels = zip(*pairs)
    return list(kept), list(kept_labels)


def limit(texts: list[list[int]], num_words: int | None, skip_top: int, oov_char: int | None) -> list[list[int]]:
    """Replace or drop the words whose numbers are outside a range.

    Args:
        texts: Sequences of word numbers.
        num_words: Numbers from here on go. None takes the largest number found, and so, as in Keras, lets just the
            rarest word go.
        skip_top: Numbers below this go: the most frequent words, and also the marks.
        oov_char: What replaces them, or None to drop them.

    Returns:
        The texts, as new lists.

    Raises:
        TypeError: A text holds something that is not a number.
    """
    end = num_words or max((max(text, default=0) for text in texts), default=0)
    if oov_char is None:
        return [[word for word in text if skip_top <= word < end] for text in texts]
    return [[word if skip_top <= word < end else oov_char for word in text] for text in texts]
