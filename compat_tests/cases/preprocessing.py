"""Cases of the layers that turn text, categories and numbers into numbers, by the data that they are given."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

WORDS = ["red", "blue", "", "green", "blue", "ünïcode", "red", "unheard of", "x" * 40, "y" * 90]
TEXTS = ["The cat, the hat!", "", "a  cat\tsat.  On\nthe MAT", "É un gatto -- the cat"]
NUMBERS = np.array([[3, 7], [-5, 3], [100, 8], [2**40, 0]])


@dataclass(frozen=True)
class Case:
    """One way to use a preprocessing layer.

    Attributes:
        layer: Name of the class in `layers`.
        data: What it is called on: an array, or a tuple of arrays.
        kwargs: The constructor's arguments.
        adapt: What it is adapted to first.
        recorded: Whether the shape and dtype that the reference records are compared with ours; it is wrong about some.
    """

    layer: str
    data: Any
    kwargs: dict[str, Any] = field(default_factory=dict)
    adapt: Any = None
    recorded: bool = True

    @property
    def id(self) -> str:
        given = ",".join(f"{k}={v}" for k, v in self.kwargs.items() if k not in ("vocabulary", "idf_weights"))
        kind = "numbers" if getattr(self.data, "dtype", np.dtype("O")).kind in "if" else "text"
        return f"{self.layer}-{kind}-{given}-{'adapted' if self.adapt is not None else ''}".replace(" ", "").strip("-")


words, texts, column = np.array(WORDS), np.array(TEXTS), np.array(WORDS)[:, None]
documents = np.array(WORDS).reshape(5, 2)
given = {"vocabulary": ["red", "green", "blue"]}
weighted = {**given, "idf_weights": [0.5, 0.25, 2.0]}
numbers = {"vocabulary": [7, 3, 100]}
read = {"vocabulary": ["cat", "the", "hat", "mat", "the cat"]}

CASES = [
    Case("Hashing", words, {"num_bins": 7}),
    Case("Hashing", column, {"num_bins": 7, "salt": 133}),
    Case("Hashing", documents, {"num_bins": 2**40, "salt": [3, 2**50], "mask_value": "red"}),
    Case("Hashing", documents, {"num_bins": 5, "output_mode": "multi_hot", "mask_value": ""}),
    Case("Hashing", column, {"num_bins": 5, "output_mode": "one_hot", "dtype": "float64"}),
    Case("Hashing", NUMBERS, {"num_bins": 4, "mask_value": 3}),
    Case("Hashing", NUMBERS, {"num_bins": 4, "output_mode": "count"}),
    Case("HashedCrossing", (words, np.arange(10)), {"num_bins": 1000}, recorded=False),
    Case("HashedCrossing", (column, column, np.arange(10)[:, None] - 5), {"num_bins": 4, "output_mode": "one_hot"}, recorded=False),
    Case("HashedCrossing", (NUMBERS[:, 0], NUMBERS[:, 1].astype("int32")), {"num_bins": 10}, recorded=False),
    Case("StringLookup", words, given),
    Case("StringLookup", documents, {**given, "mask_token": "", "num_oov_indices": 2}),
    Case("StringLookup", documents, {**given, "num_oov_indices": 3, "salt": [1, 2]}),
    Case("StringLookup", words[:2], {**given, "num_oov_indices": 0}),
    Case("StringLookup", documents, {**given, "output_mode": "one_hot"}),
    Case("StringLookup", column, {**given, "output_mode": "one_hot", "mask_token": "ünïcode"}),
    Case("StringLookup", documents, {**given, "output_mode": "count", "mask_token": ""}),
    Case("StringLookup", documents, {**given, "output_mode": "multi_hot", "max_tokens": 6, "pad_to_max_tokens": True}),
    Case("StringLookup", documents, {**weighted, "output_mode": "tf_idf", "max_tokens": 6, "pad_to_max_tokens": True}),
    Case("StringLookup", documents, {"output_mode": "tf-idf", "mask_token": ""}, documents),
    Case("StringLookup", words, {"max_tokens": 4, "mask_token": ""}, words),
    Case("IntegerLookup", NUMBERS, numbers),
    Case("IntegerLookup", NUMBERS.astype("int32"), {**numbers, "mask_token": 0, "num_oov_indices": 2}),
    Case("IntegerLookup", NUMBERS, {**numbers, "num_oov_indices": 4, "oov_method": "farmhash", "salt": 5}),
    Case("IntegerLookup", NUMBERS, {**numbers, "output_mode": "binary", "mask_token": 8}),
    Case("IntegerLookup", NUMBERS, {**numbers, "output_mode": "one_hot", "num_oov_indices": 2}),
    Case("IntegerLookup", np.array([[1, 2, 0], [3, 9, -1]]), {**numbers, "invert": True, "mask_token": 0}),
    Case("IntegerLookup", NUMBERS, {"output_mode": "tf_idf"}, NUMBERS),
    Case("TextVectorization", texts, read),
    Case("TextVectorization", texts[:, None], {**read, "output_sequence_length": 3, "ngrams": 2}),
    Case("TextVectorization", texts, {**read, "output_sequence_length": 8, "standardize": "lower"}),
    Case("TextVectorization", texts, {**read, "standardize": "strip_punctuation", "ngrams": (1, 3), "output_mode": "count"}),
    Case("TextVectorization", texts, {**read, "standardize": None, "split": "character"}),
    Case("TextVectorization", texts[:, None], {**read, "split": None}),
    Case("TextVectorization", texts, {"output_mode": "tf_idf", "max_tokens": 20}, texts),
    Case("TextVectorization", texts, {"output_mode": "multi_hot", "ngrams": 2}, texts),
    Case("TextVectorization", texts, {"max_tokens": 5}, texts),
]
