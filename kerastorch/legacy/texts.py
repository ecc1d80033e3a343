"""`keras.preprocessing.text` of Keras 1 and 2: texts as numbers of words."""

import collections
import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from kerastorch.legacy.past import Past, old

PAST: dict[str, Past] = {}
FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
LAYER = "keras.layers.TextVectorization"


@old(PAST, "str.split")
def text_to_word_sequence(input_text, filters=FILTERS, lower=True, split=" "):
    """The words of a text.

    Args:
        input_text: The text.
        filters: Characters that separate words as `split` does.
        lower: Whether the text is put in lower case first.
        split: What separates words.
    """
    text = input_text.lower() if lower else input_text
    return [word for word in text.translate({ord(c): split for c in filters}).split(split) if word]


def _words(text: Any, filters: str, lower: bool, split: str, analyzer: Callable[[Any], Any] | None) -> Any:
    return text_to_word_sequence(text, filters, lower, split) if analyzer is None else analyzer(text)


@old(PAST, "keras.layers.Hashing")
def hashing_trick(text, n, hash_function=None, filters=FILTERS, lower=True, split=" ", analyzer=None):
    """The words of a text as numbers from 1 to `n - 1`, by a hash, so that different words may share one.

    Args:
        text: The text.
        n: One more than the greatest number.
        hash_function: None for Python's own, which differs between runs, "md5", or a function from a word to an integer.
        filters, lower, split: As for `text_to_word_sequence`.
        analyzer: Function from a text to its words, in place of that.
    """
    hashed: Any = hash if hash_function is None else hash_function
    if hashed == "md5":
        hashed = lambda word: int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)  # noqa: E731
    return [hashed(word) % (n - 1) + 1 for word in _words(text, filters, lower, split, analyzer)]


@old(PAST, "keras.layers.Hashing")
def one_hot(input_text, n, filters=FILTERS, lower=True, split=" ", analyzer=None):
    """As `hashing_trick` with Python's own hash."""
    return hashing_trick(input_text, n, None, filters, lower, split, analyzer)


@old(PAST, LAYER)
class Tokenizer:
    """Numbers words by how frequent they are, from 1; 0 is left for padding.

    Args:
        num_words: Words of this number and above are left out; None keeps all.
        filters, lower, split: As for `text_to_word_sequence`.
        char_level: Whether characters are numbered, not words.
        oov_token: What stands for words that are not known or left out; it then has number 1.
        analyzer: Function from a text to its words.
    """

    def __init__(self, num_words=None, filters=FILTERS, lower=True, split=" ", char_level=False, oov_token=None, analyzer=None,
                 **kwargs):  # fmt: skip
        if "nb_words" in kwargs:
            num_words = kwargs.pop("nb_words")
        self.document_count = kwargs.pop("document_count", 0)
        if kwargs:
            raise TypeError(f"Tokenizer: unexpected arguments {sorted(kwargs)}")
        self.num_words, self.filters, self.lower, self.split = num_words, filters, lower, split
        self.char_level, self.oov_token, self.analyzer = char_level, oov_token, analyzer
        self.word_counts: dict[Any, int] = collections.OrderedDict()
        self.word_docs: dict[Any, int] = collections.defaultdict(int)
        self.index_docs: dict[int, int] = collections.defaultdict(int)
        self.word_index: dict[Any, int] = {}
        self.index_word: dict[int, Any] = {}

    def _split(self, text: Any) -> list[Any]:
        if not self.char_level and not isinstance(text, list):
            return list(_words(text, self.filters, self.lower, self.split, self.analyzer))
        if not self.lower:
            return list(text)
        return [item.lower() for item in text] if isinstance(text, list) else list(text.lower())

    def fit_on_texts(self, texts):
        """Counts the words of texts, and numbers them anew; call it again to count more.

        Args:
            texts: Texts, or lists of words.
        """
        for text in texts:
            self.document_count += 1
            words = self._split(text)
            for word in words:
                self.word_counts[word] = self.word_counts.get(word, 0) + 1
            for word in set(words):
                self.word_docs[word] += 1
        ranked = sorted(self.word_counts, key=self.word_counts.__getitem__, reverse=True)
        known = ranked if self.oov_token is None else [self.oov_token, *ranked]
        self.word_index = {word: i for i, word in enumerate(known, 1)}
        self.index_word = {i: word for word, i in self.word_index.items()}
        for word, count in self.word_docs.items():
            self.index_docs[self.word_index[word]] = count

    def fit_on_sequences(self, sequences):
        """Counts in how many sequences numbers occur, for `sequences_to_matrix` with "tfidf".

        Args:
            sequences: Lists of numbers of words.
        """
        for sequence in sequences:
            self.document_count += 1
            for i in set(sequence):
                self.index_docs[i] += 1

    def texts_to_sequences_generator(self, texts):
        """As `texts_to_sequences`, one after another."""
        unknown = self.word_index.get(self.oov_token)
        for text in texts:
            found = (self.word_index.get(word) for word in self._split(text))
            kept = (i if i is not None and (not self.num_words or i < self.num_words) else unknown for i in found)
            yield [i for i in kept if i is not None]

    def texts_to_sequences(self, texts):
        """The words of each text as numbers; those that are not known are left out, or `oov_token`'s."""
        return list(self.texts_to_sequences_generator(texts))

    def sequences_to_texts_generator(self, sequences):
        """As `sequences_to_texts`, one after another."""
        unknown = self.word_index.get(self.oov_token)
        for sequence in sequences:
            kept = (i if i in self.index_word and (not self.num_words or i < self.num_words) else unknown for i in sequence)
            yield " ".join(self.index_word[i] for i in kept if i is not None)

    def sequences_to_texts(self, sequences):
        """Numbers of words as texts."""
        return list(self.sequences_to_texts_generator(sequences))

    def texts_to_matrix(self, texts, mode="binary"):
        """As `sequences_to_matrix`, from texts."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences, mode="binary"):
        """A row for each sequence, a column for each number of a word.

        Args:
            sequences: Lists of numbers.
            mode: "binary" (1 where it occurs), "count", "freq" (count over the length), or "tfidf", with
                (1 + log count) * log(1 + documents / (1 + documents that have the word)).

        Returns:
            An array of shape `(len(sequences), num_words)`.

        Raises:
            ValueError: For another mode, or where the number of words or documents is not known.
        """
        if not self.num_words and not self.word_index:
            raise ValueError("Tokenizer: how many columns a matrix has is not known: give num_words, or call fit_on_texts first")
        if mode == "tfidf" and not self.document_count:
            raise ValueError("Tokenizer: mode 'tfidf' needs counts of documents: call fit_on_texts or fit_on_sequences first")
        if mode not in ("binary", "count", "freq", "tfidf"):
            raise ValueError(f"Tokenizer: mode must be 'binary', 'count', 'freq' or 'tfidf', not {mode!r}")
        columns = self.num_words or len(self.word_index) + 1
        matrix = np.zeros((len(sequences), columns))
        for row, sequence in zip(matrix, sequences, strict=True):
            inside = np.array([i for i in sequence if i < columns], dtype=int)
            np.add.at(row, inside, 1)
            if mode == "freq" and len(sequence):
                row /= len(sequence)
        if mode == "binary":
            return (matrix > 0).astype(float)
        if mode == "tfidf":
            seen = np.array([self.index_docs.get(i, 0) for i in range(columns)])
            weights = np.log(1 + self.document_count / (1 + seen))
            return np.where(matrix > 0, 1 + np.log(np.maximum(matrix, 1)), 0) * weights
        return matrix

    def get_config(self):
        """The arguments and what was counted, as JSON-like values; counts as texts of JSON, as Keras 2 wrote them."""
        names = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count")
        counts = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        return {n: getattr(self, n) for n in names} | {n: json.dumps(getattr(self, n)) for n in counts}

    def to_json(self, **kwargs):
        """The configuration as JSON; `kwargs` are those of `json.dumps`."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


@old(PAST, LAYER)
def tokenizer_from_json(json_string):
    """The tokenizer of which `to_json` gave the text."""
    config = json.loads(json_string)["config"]
    counts = {n: json.loads(config.pop(n)) for n in ("word_counts", "word_docs", "index_docs", "index_word", "word_index")}
    made = Tokenizer(**config)
    made.word_counts, made.word_docs, made.word_index = counts["word_counts"], counts["word_docs"], counts["word_index"]
    made.index_docs = {int(i): n for i, n in counts["index_docs"].items()}
    made.index_word = {int(i): word for i, word in counts["index_word"].items()}
    return made
