"""The layer that turns texts into the numbers of their words."""

import string

import numpy as np

from kerastorch import backend_registry, dtypes, fields
from kerastorch.fields import declare
from kerastorch.graph import KerasTensor
from kerastorch.layers.data_layer import DROPPED, MODES, DataLayer, as_array, batches, host, is_whole, mode
from kerastorch.layers.hashing import as_bytes
from kerastorch.layers.lookup import StringLookup, looked_up
from kerastorch.saving.objects import deserialize_keras_object, serialize_keras_object

PUNCTUATION = string.punctuation.encode()
PUNCTUATION_PATTERN = r"[[:punct:]]"
LAST_AXIS = "texts that are to be split must lie in a vector, or in a tensor whose last axis has size 1, not of shape {}"


class Recipe:
    """How texts become tokens.

    Args:
        standardize, split: As given to `TextVectorization`.
        ngrams: The lengths of the sequences of tokens that are joined into one, None joins none.
        ragged: Whether the result has rows of different lengths.
    """

    def __init__(self, standardize, split, ngrams, ragged):
        self.standardize, self.split, self.ngrams, self.ragged = standardize, split, ngrams, ragged
        self.lower = standardize in ("lower", "lower_and_strip_punctuation")
        self.strip = standardize in ("strip_punctuation", "lower_and_strip_punctuation")


def tokenized(x, recipe):
    """The tokens of an array of texts: a list of rows of bytes, and the shape of the array that the rows lie in.

    As in TensorFlow, only ASCII letters are lowered, and only ASCII white space splits.
    """
    x = as_array(x)
    if callable(recipe.standardize):
        strings = np.array([w.decode() for w in as_bytes(x)], str).reshape(x.shape)
        x = as_array(recipe.standardize(strings))
    texts = as_bytes(x)
    if recipe.lower:
        texts = [t.lower() for t in texts]
    if recipe.strip:
        texts = [t.translate(None, PUNCTUATION) for t in texts]
    outer = x.shape[:-1] if x.ndim > 1 or recipe.split is None else x.shape
    if recipe.split is None:
        width = x.shape[-1] if x.ndim else 1
        rows = [texts[i : i + width] for i in range(0, len(texts), width)]
    else:
        if x.ndim > 1 and x.shape[-1] != 1:
            raise ValueError(LAST_AXIS.format(x.shape))
        rows = _split(texts, outer, recipe.split)
    if recipe.ngrams is not None:
        rows = [[b" ".join(r[i : i + n]) for n in recipe.ngrams for i in range(len(r) - n + 1)] for r in rows]
    return rows, outer


def _split(texts, outer, how):
    if how == "whitespace":
        return [t.split() for t in texts]
    if how == "character":
        return [[c.encode() for c in t.decode()] for t in texts]
    rows = how(np.array([t.decode() for t in texts], str).reshape(outer))
    rows = as_array(rows).tolist() if hasattr(rows, "__array__") or backend_registry.of(rows) is not None else rows
    return [as_bytes(np.array([w for w in row if w not in ("", b"")], object)) for row in rows]


@host
def rows(x, recipe):
    """The tokens of texts, as lists."""
    return tokenized(x, recipe)[0]


@host
def vectorized(x, recipe, table, length, fill):
    """The numbers of the tokens of texts, filled up to one length.

    Args:
        x: Array of texts.
        recipe: How they become tokens.
        table: In which tokens are looked up.
        length: Number of tokens of each text, the rest being cut off; None is that of the longest.
        fill: What is put where there is no token.
    """
    found, outer = tokenized(x, recipe)
    counts = np.fromiter(map(len, found), np.int64, len(found))
    width = int(counts.max(initial=0)) if length is None else length
    places = np.arange(max(int(counts.max(initial=0)), width)) < counts[:, None]
    ids = np.full(places.shape, fill, np.int64)
    ids[places] = looked_up(np.array([t for row in found for t in row], object), table)
    return ids[:, :width].reshape(*outer, width)


def _function(*names):
    """A field for a name out of some, None, or a function, which may come as its configuration."""

    def parse(value):
        value = deserialize_keras_object(value) if isinstance(value, dict) else value
        if value is not None and value not in names and not callable(value):
            raise ValueError(f"one of {', '.join(map(repr, names))}, a function, or None is needed, not {value!r}")
        return value

    return fields.Field(parse)


def _ngrams(value):
    value = tuple(value) if isinstance(value, list) else value
    if value is None or isinstance(value, int) or isinstance(value, tuple) and all(isinstance(n, int) for n in value):
        return value
    raise ValueError(f"None, an integer, or a tuple of integers is needed, not {value!r}")


STANDARDIZE = _function("lower_and_strip_punctuation", "lower", "strip_punctuation")
SPLIT = _function("whitespace", "character")


class OverLookup(DataLayer):
    """A layer whose vocabulary is that of a lookup inside."""

    _lookup_layer: StringLookup
    is_adaptable = property(lambda self: self._lookup_layer.is_adaptable)

    def finalize_state(self):
        """Makes the vocabulary of the words counted so far."""
        self._lookup_layer.finalize_state()

    def reset_state(self):
        """Forgets the words counted so far."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens=True):
        """The vocabulary in the order of its numbers.

        Args:
            include_special_tokens: Whether "" for padding and "[UNK]" for other words come first, as their numbers do.
        """
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self):
        """How many numbers there are, those for padding and for other words included."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary, idf_weights=None):
        """Sets the vocabulary.

        Args:
            vocabulary: Words, or the path of a file with one a line.
            idf_weights: The inverse document frequency of each, in mode "tf_idf" only.
        """
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights=idf_weights)

    def save_own_variables(self, store):
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store):
        self._lookup_layer.load_own_variables(store)

    def save_assets(self, dir_path):
        """Writes the vocabulary, one word a line, unless the configuration holds it."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path):
        """Reads the vocabulary that `save_assets` wrote."""
        self._lookup_layer.load_assets(dir_path)


@declare(
    hidden=("has_input_vocabulary",),
    unlisted=("vocabulary_size", "has_input_vocabulary"),
)
class TextVectorization(OverLookup):
    """Texts as the numbers of their words in a vocabulary, or as vectors of how often each occurs.

    Args:
        max_tokens: Most numbers there may be, that for padding (0) and that for other words (1) included; None sets no bound.
        standardize: What is done to texts first: "lower_and_strip_punctuation", "lower" or "strip_punctuation" (ASCII only), None,
            or a function, of a tensor where the backend has tensors of text, else of a numpy array of strings.
        split: What texts are split at: "whitespace", "character", None, or a function of the same kind that gives the tokens.
        ngrams: Joins tokens that follow each other: the lengths of the sequences as a tuple, or the greatest of them.
        output_mode: "int", "one_hot", "multi_hot", "count", or "tf_idf", counts times inverse document frequencies.
        output_sequence_length: Number of tokens of each text in mode "int"; None is that of the longest in the batch.
        pad_to_max_tokens: Whether vectors have `max_tokens` entries, however many words there are.
        vocabulary: The words, or the path of a file with one a line; None leaves them to `adapt`.
        idf_weights: The inverse document frequency of each word, in mode "tf_idf".
        sparse, ragged: Whether the output is sparse, or has rows of different lengths, where the backend has such tensors.
        encoding: Accepted as "utf-8", which is what words are stored in.
    """

    max_tokens: fields.PLAIN = None
    standardize: STANDARDIZE = "lower_and_strip_punctuation"
    split: SPLIT = "whitespace"
    ngrams: fields.Field(_ngrams) = None
    output_mode: mode(*MODES) = "int"
    output_sequence_length: fields.PLAIN = None
    pad_to_max_tokens: bool = False
    vocabulary: fields.PLAIN = None
    idf_weights: fields.PLAIN = None
    sparse: bool = False
    ragged: bool = False
    encoding: fields.choice("utf-8") = "utf-8"
    name: fields.Base = None
    vocabulary_size: fields.Field(attribute="given_size") = None
    has_input_vocabulary: fields.PLAIN = None

    runs_on_host = True
    compute_dtype = variable_dtype = dtype = property(lambda self: "string")

    def __post_init__(self):
        length = self.output_sequence_length
        if self.output_mode != "int" and length is not None:
            raise ValueError(
                "TextVectorization: `output_sequence_length` must not be set if `output_mode` is not 'int', for then there is one "
                f"vector for each text; it is {length!r}"
            )
        if length is not None and not isinstance(length, int):
            raise ValueError(f"TextVectorization: `output_sequence_length` must be an integer or None, not {length!r}")
        if self.ragged:
            if self.output_mode != "int":
                raise ValueError(f"TextVectorization: `ragged` needs `output_mode` 'int', not {self.output_mode!r}")
            self._require("ragged", "ragged")
        self.autocast = False
        ngrams = tuple(range(1, self.ngrams + 1)) if isinstance(self.ngrams, int) else self.ngrams
        self._recipe = Recipe(self.standardize, self.split, ngrams, self.ragged)
        self._lookup_layer = StringLookup(
            max_tokens=self.max_tokens, mask_token="", vocabulary=self.vocabulary, idf_weights=self.idf_weights,
            output_mode=self.output_mode, pad_to_max_tokens=self.pad_to_max_tokens, sparse=self.sparse, encoding=self.encoding,
            vocabulary_size=self.given_size, has_input_vocabulary=self.has_input_vocabulary,
        )  # fmt: skip
        self._lookup_layer.build(None)
        self.has_input_vocabulary = None

    def build(self, input_shape=None):
        pass

    def adapt(self, data, batch_size=None, steps=None):
        """Makes the vocabulary the words that occur in data, the most frequent first, of equally frequent ones the greater.

        Args:
            data: An array, tensor or list of texts; or what gives batches of them (a generator, a `tf.data.Dataset`, a
                `DataLoader`).
            batch_size: Accepted as in Keras; it makes no difference.
            steps: How many batches are read; None reads all.

        Raises:
            ValueError: If the vocabulary was given.
        """
        self.reset_state()
        whole = isinstance(data, list | tuple) or is_whole(data)
        for batch in (data,) if whole else batches(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data):
        """Takes a batch of texts into account."""
        backend = backend_registry.active() if callable(self.standardize) or callable(self.split) else None
        if backend is not None and "text" in backend.also_holds:  # the user's functions work on its tensors
            data = backend.convert(as_array(data))
        self._lookup_layer._count_rows(rows(data, self._recipe))

    def call(self, inputs):
        fill = 0 if self.output_mode == "int" else DROPPED
        lookup = self._lookup_layer
        ids = vectorized(inputs, self._recipe, lookup.table, self.output_sequence_length, fill)
        return lookup.encoded(self._result(ids))

    def compute_output_shape(self, input_shape):
        shape = tuple(input_shape)
        if self.split is not None:
            shape = (*(shape[:-1] if len(shape) > 1 else shape), None)
        elif not shape[1:]:
            shape = (*shape, 1)
        if self.output_mode == "int":
            return (*shape[:-1], self.output_sequence_length) if self.output_sequence_length or self.split else shape
        return self._lookup_layer.compute_output_shape(shape)

    def compute_output_spec(self, inputs):
        dtype = "int64" if self.output_mode == "int" else dtypes.floatx()
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype, sparse=self.sparse)

    def get_config(self):
        lookup = self._lookup_layer
        return {
            **self.declared_config(),
            "standardize": _serialized(self.standardize),
            "split": _serialized(self.split),
            "vocabulary": lookup.get_config()["vocabulary"],
            "idf_weights": lookup.get_config()["idf_weights"],
            "vocabulary_size": self.vocabulary_size(),
        }

    @classmethod
    def from_config(cls, config):
        """A new layer; a path in a configuration is not read."""
        if isinstance(config.get("vocabulary"), str):
            StringLookup.from_config(config)
        return cls(**config)


def _serialized(value):
    return serialize_keras_object(value) if callable(value) else value
