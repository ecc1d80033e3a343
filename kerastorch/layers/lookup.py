"""Layers that turn the words or integers of a vocabulary into their numbers, and back."""

import math
import os
from collections import Counter

import numpy as np

from kerastorch import dtypes, fields, ops
from kerastorch.fields import declare
from kerastorch.graph import KerasTensor
from kerastorch.layers.data_layer import (
    DROPPED,
    MODES,
    SALT,
    DataLayer,
    as_array,
    batches,
    check_sparse,
    encode,
    encoded_shape,
    host,
    is_whole,
    mode,
    without_zeros,
)
from kerastorch.layers.hashing import as_bytes, hashed
from kerastorch.ops import categorical

UNKNOWN = -2  # in place of the number of what is not in the vocabulary, until it has one
NO_BUCKET = "When `num_oov_indices=0` all inputs should be in vocabulary, but there are others; `num_oov_indices=1` makes room."


class Table:
    """What a lookup layer looks things up in.

    Args:
        keys: Words as bytes, or integers.
        values: The number of each.
        start: The first number for what is none of them.
        buckets: How many numbers there are for that.
        salt: Key of the hash by which it gets one of them, FarmHash's where it is None.
    """

    def __init__(self, keys, values, start, buckets, salt):
        self.keys, self.values, self.start, self.buckets, self.salt = keys, values, start, buckets, salt
        self.index = dict(zip(keys, values, strict=True))

    def arrays(self):
        """The integers that are keys in ascending order, and their numbers."""
        keys, values = (np.array(x, "int64") for x in (self.keys, self.values))
        order = np.argsort(keys)
        return keys[order], values[order]


@host
def looked_up(x, table):
    """The numbers of words, as an array like theirs."""
    x = as_array(x)
    found = [table.index.get(word, UNKNOWN) for word in as_bytes(x)]
    ids = np.array(found, "int64").reshape(x.shape)
    unknown = ids == UNKNOWN
    if not unknown.any():
        return ids
    if not table.buckets:
        raise ValueError(f"{NO_BUCKET} Some of them: {x[unknown][:5].tolist()}")
    others = hashed(x[unknown], table.buckets, table.salt, None) if table.buckets > 1 else 0
    ids[unknown] = table.start + others
    return ids


@host
def words(ids, tokens, other):
    """The words of numbers, as a list of strings like them; `other` for numbers out of range."""
    ids = as_array(ids)
    return np.array([*tokens, other], object)[np.where((ids >= 0) & (ids < len(tokens)), ids, len(tokens))].tolist()


def _at_least(least, what):
    def parse(value):
        if value is not None and value < least:
            raise ValueError(f"`{what}` must be {least} or more, not {value!r}")
        return value

    return fields.Field(parse)


def _lines(path):
    with open(path, encoding="utf-8", newline="\n") as file:
        return file.read().removesuffix("\n").split("\n")


def _listed(value):
    return value if value is None or isinstance(value, str) else as_array(value).tolist()


VOCABULARY = fields.Field(serialize=_listed, attribute="input_vocabulary")
WEIGHTS = fields.Field(serialize=_listed, attribute="input_idf_weights")
MAX_TOKENS = _at_least(2, "max_tokens")
OOV = _at_least(0, "num_oov_indices")
OOV_METHOD = fields.choice("floormod", "farmhash")


class IndexLookup(DataLayer):
    """What lookups of words and of integers share: a vocabulary that is given, adapted to data, or read from a file."""

    vocabulary_dtype: str
    vocabulary = idf_weights = None  # given to the constructor; kept as input_vocabulary and input_idf_weights
    autocast = False
    compute_dtype = property(lambda self: self.vocabulary_dtype)
    variable_dtype = property(lambda self: self.vocabulary_dtype)
    dtype = property(lambda self: self.vocabulary_dtype)

    def __post_init__(self):
        check_sparse(self)
        if self.pad_to_max_tokens and self.max_tokens is None:
            raise ValueError(f"{self._title}: with pad_to_max_tokens=True, `max_tokens` must be set")
        if self.invert and self.output_mode != "int":
            raise ValueError(f"{self._title}: `output_mode` must be 'int' when `invert` is true, not {self.output_mode!r}")
        if self.salt is not None and self.vocabulary_dtype != "string" and self.oov_method != "farmhash":
            raise ValueError(f"{self._title}: `salt` can only be used when `oov_method='farmhash'`, not {self.oov_method!r}")
        given, weights = self.input_vocabulary, self.input_idf_weights
        self.autocast = False
        self._tokens, self._table, self.weights_of_tokens = [], None, None
        self._has_input_vocabulary = given is not None if self.has_input_vocabulary is None else self.has_input_vocabulary
        self.has_input_vocabulary = None
        self.reset_state()
        if weights is not None and self.output_mode != "tf_idf":
            raise ValueError(f"{self._title}: `idf_weights` should only be set if `output_mode` is 'tf_idf'")
        if self.output_mode == "tf_idf" and self._has_input_vocabulary and given is not None and weights is None:
            raise ValueError(f"{self._title}: with a `vocabulary` in mode 'tf_idf', `idf_weights` must be given too")
        if given is not None:
            self.set_vocabulary(given, weights)
        if isinstance(given, str):
            self.input_vocabulary = None  # the words go into the model's file, not the path

    number_of_classes = property(lambda self: self.vocabulary_size())
    is_adaptable = property(lambda self: not self._has_input_vocabulary)
    _title = property(lambda self: f"{type(self).__name__} {self.name!r}")

    # ---------------------------------------------------------------- vocabulary

    @property
    def _special(self):
        """What comes before the vocabulary: the mask where it has a number, and what stands for everything else."""
        mask = [self.mask_token] if self.mask_token is not None and self.output_mode == "int" else []
        return [*mask, *[self.oov_token] * self.num_oov_indices]

    def get_vocabulary(self, include_special_tokens=True):
        """The vocabulary in the order of its numbers.

        Args:
            include_special_tokens: Whether the mask and what stands for everything else come first, as their numbers do.
        """
        return [*(self._special if include_special_tokens else []), *self._tokens]

    def vocabulary_size(self):
        """How many numbers there are, special ones included."""
        return len(self._special) + len(self._tokens)

    def set_vocabulary(self, vocabulary, idf_weights=None):
        """Sets the vocabulary.

        Args:
            vocabulary: Words or integers, with or without the special ones before them; or the path of a file with one a line.
            idf_weights: The inverse document frequency of each, in mode "tf_idf" only.

        Raises:
            ValueError: If the vocabulary is empty, too large or not unique, has special tokens among it, or does not fit the
                weights.
        """
        if (idf_weights is not None) != (self.output_mode == "tf_idf"):
            rule = "must be set if output_mode is 'tf_idf'" if idf_weights is None else "should only be set if it is 'tf_idf'"
            raise ValueError(f"{self._title}: `idf_weights` {rule}; output_mode is {self.output_mode!r}")
        if isinstance(vocabulary, str):
            if not os.path.exists(vocabulary):
                raise ValueError(f"{self._title}: Vocabulary file {vocabulary} does not exist.")
            vocabulary = _lines(vocabulary)
        given = [self._token(v) for v in (as_array(vocabulary).ravel().tolist())]
        if not given:
            raise ValueError(f"{self._title}: Cannot set an empty vocabulary.")
        special = self._special
        whole = given[: len(special)] == special
        tokens = given[len(special) :] if whole else given
        repeated = [t for t, n in Counter(tokens).items() if n > 1]
        if repeated:
            raise ValueError(f"{self._title}: the vocabulary has at least one repeated term: {repeated[:10]}")
        for what, token in (("mask", self.mask_token), ("OOV", self.oov_token if self.invert else None)):
            if token is not None and token in tokens:
                raise ValueError(
                    f"{self._title}: Found reserved {what} token at unexpected location in `vocabulary`: {token!r} at "
                    f"{given.index(token)}. Leave special tokens out, or begin with all of them: {special}"
                )
        self._set_tokens(tokens)
        if idf_weights is not None:
            self._set_weights(idf_weights, len(given), whole)

    def _set_tokens(self, tokens):
        size = len(self._special) + len(tokens)
        if self.max_tokens is not None and size > self.max_tokens:
            raise ValueError(
                f"{self._title}: Attempted to set a vocabulary larger than the maximum vocab size: {size} with the special tokens, "
                f"where `max_tokens` is {self.max_tokens}"
            )
        fixed = self.output_mode != "int" and not self.pad_to_max_tokens
        if fixed and self._size is not None and self._size != size:
            raise RuntimeError(
                f"{self._title}: with `output_mode={self.output_mode}` and `pad_to_max_tokens=False`, the vocabulary size cannot "
                f"be changed after the layer is called: it is {self._size}, not {size}"
            )
        self._tokens, self._size, self._table = tokens, size, None

    def _set_weights(self, weights, length, whole):
        """The weights of all numbers: those of special tokens, where they are not given, are the mean of the others."""
        weights = as_array(weights)
        if weights.shape != (length,):
            raise ValueError(
                f"{self._title}: `idf_weights` must be the same length as vocabulary, a vector of {length}, not of shape "
                f"{weights.shape}"
            )
        front = 0 if whole else len(self._special)
        back = max(self.max_tokens - front - length, 0) if self.pad_to_max_tokens else 0
        filled = [np.full(front, weights.mean()), weights, np.zeros(back)]
        self.weights_of_tokens = np.concatenate(filled).astype(dtypes.floatx())

    # ---------------------------------------------------------------- adapting

    def adapt(self, data, steps=None):
        """Makes the vocabulary what occurs in data, the most frequent first, of equally frequent ones the greater.

        Args:
            data: An array, tensor or list; or what gives batches of them (a generator, a `tf.data.Dataset`, a `DataLoader`).
            steps: How many batches are read; None reads all.

        Raises:
            ValueError: If the vocabulary was given.
        """
        self.reset_state()
        if isinstance(data, list | tuple) or is_whole(data):
            data = as_array(data)
            self.update_state(data[:, None] if data.ndim == 1 else data)
        else:
            for batch in batches(data, steps):
                self.update_state(batch)
        self.finalize_state()

    def update_state(self, data):
        """Takes a batch into account: rows are documents, a vector is one."""
        data = as_array(data)
        self._count_rows(data.reshape(len(data), -1).tolist() if data.ndim > 1 else [data.ravel().tolist()])

    def _count_rows(self, rows):
        if self._has_input_vocabulary:
            raise ValueError(f"{self._title}: Cannot adapt a layer whose vocabulary was given to its constructor")
        for row in rows:
            row = [self._token(t) for t in row]
            self._counts.update(row)
            if self.output_mode == "tf_idf":
                self._documents.update(set(row))
        self._number += len(rows)

    def finalize_state(self):
        """Makes the vocabulary of what was counted."""
        for token in (self.mask_token, self.oov_token):
            self._counts.pop(token, None)
        if self._has_input_vocabulary or not self._counts:
            self._size = self.vocabulary_size()
            return
        ranked = sorted(self._counts, key=lambda t: (self._counts[t], t), reverse=True)
        tokens = ranked[: max(self.max_tokens - len(self._special), 0)] if self.max_tokens else ranked
        self._set_tokens(tokens)
        if self.output_mode == "tf_idf":
            weights = np.array([math.log(1 + self._number / (1 + self._documents[t])) for t in tokens])
            self._set_weights(weights, len(tokens), False)
        self.reset_state()

    def reset_state(self):
        """Forgets what was counted."""
        self._counts, self._documents, self._number = Counter(), Counter(), 0

    # ---------------------------------------------------------------- calling

    @property
    def table(self):
        """What inputs are looked up in."""
        if self._table is None:
            start = len(self._special)
            mask = [] if self.mask_token is None else [(self.mask_token, 0 if self.output_mode == "int" else DROPPED)]
            pairs = [*zip(self._tokens, range(start, start + len(self._tokens)), strict=True), *mask]
            keys = [self._key(k) for k, _ in pairs]
            self._table = Table(keys, [v for _, v in pairs], start - self.num_oov_indices, self.num_oov_indices, self.salt)
        return self._table

    @property
    def _depth(self):
        return self.max_tokens if self.pad_to_max_tokens else self._size

    def call(self, inputs):
        return self.encoded(self._inverse(inputs) if self.invert else self._numbers(inputs))

    def encoded(self, ids):
        """Numbers as the layer writes them."""
        if self.output_mode == "int":
            return ids
        if self._depth is None:
            raise RuntimeError(
                f"{self._title}: with `output_mode={self.output_mode}` and `pad_to_max_tokens=False`, the vocabulary must be set "
                "before the layer is called: by the argument `vocabulary`, or by adapt(data)"
            )
        if self.output_mode != "tf_idf":
            return encode(ids, self.output_mode, self._depth, dtypes.floatx(), self.sparse)
        out = encode(ids, "count", self._depth, dtypes.floatx())
        out = ops.multiply(out, ops.convert_to_tensor(self.weights_of_tokens))
        return without_zeros(out) if self.sparse else out

    def compute_output_shape(self, input_shape):
        return encoded_shape(input_shape, self.output_mode, self._depth)

    def compute_output_spec(self, inputs):
        dtype = dtypes.floatx() if self.output_mode != "int" else self.vocabulary_dtype if self.invert else "int64"
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype, sparse=self.sparse)

    # ---------------------------------------------------------------- saving

    def get_build_config(self):
        return {}

    def build_from_config(self, config):
        self.build(None)

    @classmethod
    def from_config(cls, config):
        """A new layer. A path in a configuration is not read: whoever wrote the file would choose what is read here."""
        if isinstance(config.get("vocabulary"), str):
            raise ValueError(
                f"{cls.__name__}.from_config: the configuration names a vocabulary file, {config['vocabulary']!r}, outside of the "
                "model's own, which is not read for safety; make the layer in code, or call set_vocabulary(path)"
            )
        return cls(**config)

    def save_own_variables(self, store):
        if self.output_mode == "tf_idf" and self.weights_of_tokens is not None:
            store["idf_weights"] = self.weights_of_tokens

    def load_own_variables(self, store):
        if self.output_mode == "tf_idf" and "idf_weights" in store.keys():  # noqa: SIM118 (stores are no dicts)
            self.weights_of_tokens = as_array(store["idf_weights"][...])

    def save_assets(self, dir_path):
        """Writes the vocabulary, one word a line, unless the configuration holds it."""
        if self.input_vocabulary is None:
            with open(os.path.join(dir_path, "vocabulary.txt"), "w", encoding="utf-8", newline="\n") as file:
                file.write("\n".join(map(str, self.get_vocabulary())))

    def load_assets(self, dir_path):
        """Reads the vocabulary that `save_assets` wrote."""
        if self.input_vocabulary is not None:
            return
        with open(os.path.join(dir_path, "vocabulary.txt"), encoding="utf-8", newline="\n") as file:
            text = file.read()
        given = [self._token(line) for line in text.split("\n")] if text else []
        special = self._special
        self._set_tokens(given[len(special) :] if given[: len(special)] == special else given)


@declare(
    hidden=("has_input_vocabulary",),
    unlisted=("oov_method", "vocabulary_size", "has_input_vocabulary"),
    order=("max_tokens", "num_oov_indices", "mask_token", "oov_token", "vocabulary", "idf_weights", "invert", "output_mode",
           "pad_to_max_tokens", "sparse", "encoding", "name", "salt", "oov_method", "vocabulary_size", "has_input_vocabulary"),
)  # fmt: skip
class StringLookup(IndexLookup):
    """Words as their numbers in a vocabulary.

    Args:
        max_tokens: Most numbers there may be, special ones included; None sets no bound.
        num_oov_indices: How many numbers there are for words that are not in the vocabulary, shared out by a hash.
        mask_token: The word for padding, which is number 0, or adds nothing where the output is no number.
        oov_token: What stands for words that are not in the vocabulary, when they are named.
        vocabulary: The words, or the path of a file with one a line; None leaves them to `adapt`.
        idf_weights: The inverse document frequency of each word, in mode "tf_idf".
        invert: Whether numbers are turned into words instead.
        output_mode: "int", "one_hot", "multi_hot", "count", or "tf_idf", counts times inverse document frequencies.
        pad_to_max_tokens: Whether vectors have `max_tokens` entries, however many words there are.
        sparse: Whether the output is sparse, where the backend has sparse tensors.
        encoding: Accepted as "utf-8", which is what words are stored in.
        salt: Key of SipHash for words that are not in the vocabulary; None uses FarmHash.
    """

    max_tokens: MAX_TOKENS = None
    num_oov_indices: OOV = 1
    mask_token: fields.PLAIN = None
    oov_token: fields.PLAIN = "[UNK]"
    vocabulary: VOCABULARY = None
    idf_weights: WEIGHTS = None
    invert: bool = False
    output_mode: mode(*MODES) = "int"
    pad_to_max_tokens: bool = False
    sparse: bool = False
    encoding: fields.choice("utf-8") = "utf-8"
    name: fields.Base = None
    salt: SALT = None
    oov_method: OOV_METHOD = "floormod"
    vocabulary_size: fields.Field(attribute="_size") = None
    has_input_vocabulary: fields.PLAIN = None

    vocabulary_dtype = "string"
    runs_on_host = True

    @staticmethod
    def _token(value):
        return value.decode() if isinstance(value, bytes) else str(value)

    @staticmethod
    def _key(token):
        return token.encode()

    def _numbers(self, inputs):
        return self._result(looked_up(inputs, self.table))

    def _inverse(self, ids):
        return words(ids, self.get_vocabulary(), self.oov_token)


@declare(
    hidden=("has_input_vocabulary",),
    unlisted=("vocabulary_size", "has_input_vocabulary"),
)
class IntegerLookup(IndexLookup):
    """Integers as their numbers in a vocabulary.

    Args:
        max_tokens, num_oov_indices, mask_token, oov_token: As for `StringLookup`, with integers.
        vocabulary, idf_weights, invert, output_mode, sparse, pad_to_max_tokens: As for `StringLookup`.
        vocabulary_dtype: Only "int64".
        oov_method: How integers that are not in the vocabulary share the numbers for them: "floormod" by their remainder,
            "farmhash" by a hash of their digits.
        salt: Key of SipHash, which then takes the place of FarmHash.
    """

    max_tokens: MAX_TOKENS = None
    num_oov_indices: OOV = 1
    mask_token: fields.PLAIN = None
    oov_token: fields.PLAIN = -1
    vocabulary: VOCABULARY = None
    vocabulary_dtype: fields.choice("int64") = "int64"
    idf_weights: WEIGHTS = None
    invert: bool = False
    output_mode: mode(*MODES) = "int"
    sparse: bool = False
    pad_to_max_tokens: bool = False
    oov_method: OOV_METHOD = "floormod"
    salt: SALT = None
    name: fields.Base = None
    vocabulary_size: fields.Field(attribute="_size") = None
    has_input_vocabulary: fields.PLAIN = None

    def __post_init__(self):
        super().__post_init__()
        self.runs_on_host = self.num_oov_indices > 1 and self.oov_method == "farmhash"

    @staticmethod
    def _token(value):
        return int(value)

    @staticmethod
    def _key(token):
        return token

    def _numbers(self, inputs):
        x = ops.cast(inputs, "int64")
        table = self.table
        if table.buckets > 1 and self.oov_method == "farmhash":
            other = ops.add(self._result(hashed(inputs, table.buckets, table.salt, None)), table.start)
        elif table.buckets > 1:
            other = ops.add(ops.mod(x, table.buckets), table.start)
        else:
            other = ops.full_like(x, table.start)
        keys, values = table.arrays()
        if not len(keys):
            return other
        at = ops.minimum(ops.searchsorted(keys, x), len(keys) - 1)
        known = ops.equal(ops.take(keys, at), x)
        if not table.buckets:
            x = categorical.require(x, known, NO_BUCKET)
        return ops.where(known, ops.take(values, at), other)

    def _inverse(self, ids):
        ids = ops.cast(ids, "int64")
        tokens = np.array([*self.get_vocabulary(), self.oov_token], "int64")
        inside = ops.logical_and(ops.greater_equal(ids, 0), ops.less(ids, len(tokens) - 1))
        return ops.take(tokens, ops.where(inside, ids, len(tokens) - 1))
