"""`keras.preprocessing` of Keras 2 against tf_keras's: texts, sequences and images."""

import random

import numpy as np
import pytest

from kerastorch import preprocessing

tf_keras = pytest.importorskip("tf_keras")
pytestmark = pytest.mark.filterwarnings("ignore::kerastorch.legacy.spelling.OldSpellingWarning")

theirs = tf_keras.preprocessing
TEXTS = ["The cat sat on the mat.", "The dog ate -- my homework!", "a cat, a dog; A\tmouse"]
OTHERS = ["the mouse sat on a chair", "my cat", ""]


@pytest.mark.parametrize(
    "kwargs",
    [{}, {"num_words": 5}, {"oov_token": "?"}, {"num_words": 4, "oov_token": "?"}, {"char_level": True}, {"lower": False},
     {"filters": "", "split": "t"}, {"analyzer": lambda text: text.lower().split("a")}],
    ids=str,
)  # fmt: skip
def test_tokenizer(kwargs):
    ours, other = (k.text.Tokenizer(**kwargs) for k in (preprocessing, theirs))
    for tokenizer in (ours, other):
        tokenizer.fit_on_texts(TEXTS)
    for name in ("word_index", "index_word", "word_counts", "word_docs", "index_docs", "document_count"):
        assert dict(getattr(ours, name)) == dict(getattr(other, name)) if name != "document_count" else ours.document_count == 3
    sequences = other.texts_to_sequences(TEXTS + OTHERS)
    assert ours.texts_to_sequences(TEXTS + OTHERS) == sequences
    assert ours.sequences_to_texts(sequences) == other.sequences_to_texts(sequences)
    for mode in ("binary", "count", "freq", "tfidf"):
        np.testing.assert_allclose(ours.texts_to_matrix(OTHERS, mode), other.texts_to_matrix(OTHERS, mode))
    if "analyzer" not in kwargs:
        assert ours.to_json() == other.to_json()
        again = preprocessing.text.tokenizer_from_json(other.to_json())
        assert again.texts_to_sequences(OTHERS) == other.texts_to_sequences(OTHERS)
        np.testing.assert_allclose(again.texts_to_matrix(OTHERS, "tfidf"), other.texts_to_matrix(OTHERS, "tfidf"))


def test_words_and_hashes():
    for args in ((TEXTS[0],), (TEXTS[1], "-", False), (TEXTS[2], ";", True, ",")):
        assert preprocessing.text.text_to_word_sequence(*args) == theirs.text.text_to_word_sequence(*args)
    for how in (None, "md5", len):
        assert preprocessing.text.hashing_trick(TEXTS[1], 9, how) == theirs.text.hashing_trick(TEXTS[1], 9, how)
    assert preprocessing.text.one_hot(TEXTS[0], 50) == theirs.text.one_hot(TEXTS[0], 50)


@pytest.mark.parametrize(
    "kwargs",
    [{"length": 4}, {"length": 6, "sampling_rate": 2, "stride": 3, "batch_size": 2}, {"length": 3, "reverse": True, "batch_size": 4},
     {"length": 2, "start_index": 5, "end_index": 12, "batch_size": 3}, {"length": 19}],
    ids=str,
)  # fmt: skip
def test_windows_of_a_series(kwargs):
    data = np.arange(40.0).reshape(20, 2)
    ours, other = (k.sequence.TimeseriesGenerator(data, data[:, 0], **kwargs) for k in (preprocessing, theirs))
    assert len(ours) == len(other)
    for i in range(len(other)):
        for a, b in zip(ours[i], other[i], strict=True):
            np.testing.assert_array_equal(a, b)
    assert ours.to_json() == other.to_json()


def test_skipgrams():
    np.testing.assert_allclose(preprocessing.sequence.make_sampling_table(20), theirs.sequence.make_sampling_table(20))
    sequence = [1, 4, 0, 2, 3, 1, 5]
    for kwargs in ({"negative_samples": 0.0}, {"window_size": 2, "negative_samples": 0.0, "categorical": True}):
        ours, other = (k.sequence.skipgrams(sequence, 6, shuffle=False, **kwargs) for k in (preprocessing, theirs))
        assert ours[0] == other[0] and ours[1] == other[1]
    random.seed(1)
    couples, labels = preprocessing.sequence.skipgrams(sequence, 6, window_size=1, negative_samples=2.0)
    other = theirs.sequence.skipgrams(sequence, 6, window_size=1, negative_samples=2.0)
    assert (len(couples), sum(labels)) == (len(other[0]), sum(other[1]))
    assert all(1 <= a < 6 and 1 <= b < 6 for a, b in couples)
