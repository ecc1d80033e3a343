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
    ids=lambda kwargs: ", ".join(kwargs),
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
    ids=lambda kwargs: ", ".join(kwargs),
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


IMAGES = np.random.RandomState(0).uniform(0, 255, (6, 8, 10, 3)).astype("float32")
CHANGES = {"rotation_range": 20, "width_shift_range": 0.2, "height_shift_range": 3, "shear_range": 10.0, "zoom_range": 0.3,
           "channel_shift_range": 20.0, "horizontal_flip": True, "vertical_flip": True, "brightness_range": (0.5, 1.5)}  # fmt: skip
GENERATORS = [
    {},
    CHANGES,
    {"width_shift_range": [1, 2, 3], "height_shift_range": 1.5, "fill_mode": "constant", "cval": 7.0, "interpolation_order": 0},
    {"rotation_range": 45, "fill_mode": "reflect", "rescale": 1 / 255, "preprocessing_function": lambda x: x + 1},
    {"featurewise_center": True, "featurewise_std_normalization": True},
    {"samplewise_center": True, "samplewise_std_normalization": True, "rescale": 2.0},
    {"featurewise_center": True, "zca_whitening": True, "zca_epsilon": 1e-2},
    {"data_format": "channels_first", "zoom_range": (0.8, 1.1), "horizontal_flip": True},
]


@pytest.mark.parametrize("kwargs", GENERATORS, ids=lambda kwargs: ", ".join(kwargs))
def test_image_generator(kwargs):
    ours, other = (k.image.ImageDataGenerator(**kwargs) for k in (preprocessing, theirs))
    for seed in range(4):
        assert ours.get_random_transform((8, 10, 3), seed) == other.get_random_transform((8, 10, 3), seed)
        np.testing.assert_allclose(*(g.random_transform(IMAGES[0], seed) for g in (ours, other)), rtol=1e-4, atol=1e-3)
    images = IMAGES.transpose(0, 3, 1, 2) if "data_format" in kwargs else IMAGES
    for g in (ours, other):
        g.fit(images)
    np.testing.assert_allclose(*(g.standardize(images[:1].copy()) for g in (ours, other)), rtol=1e-3, atol=1e-3)
    flows = [g.flow(images, np.arange(6), batch_size=4, seed=3, sample_weight=np.arange(6) / 6) for g in (ours, other)]
    assert len(flows[0]) == len(flows[1]) == 2
    for _ in range(3):
        for a, b in zip(*map(next, flows), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)


def test_parts_of_arrays():
    for subset in ("training", "validation"):
        flows = [
            k.image.ImageDataGenerator(validation_split=0.4).flow(
                (IMAGES, np.arange(6)), np.arange(6) % 2, batch_size=3, shuffle=False, subset=subset
            )
            for k in (preprocessing, theirs)
        ]
        (a, y), (b, wanted) = map(next, flows)
        np.testing.assert_array_equal(y, wanted)
        for one, two in zip(a, b, strict=True):
            np.testing.assert_allclose(one, two)


def test_folders_and_tables_of_images(tmp_path, capsys):
    pandas = pytest.importorskip("pandas")
    names = []
    for i, image in enumerate(IMAGES):
        folder = tmp_path / ("dogs" if i % 3 else "cats")
        folder.mkdir(exist_ok=True)
        preprocessing.image.save_img(str(folder / f"{i}.png"), image)
        names.append(f"{folder.name}/{i}.png")
    table = pandas.DataFrame({"filename": [*names, "none.png"], "class": ["b", "a", "b", "c", "a", "b", "a"], "value": range(7)})
    for kwargs in ({}, {"class_mode": "binary", "subset": "validation"}, {"class_mode": None, "color_mode": "grayscale"},
                   {"class_mode": "input", "subset": "training", "interpolation": "bilinear"}):  # fmt: skip
        for what in ("directory", "dataframe"):
            if (what, kwargs.get("class_mode")) == ("dataframe", "binary"):
                kwargs = {**kwargs, "class_mode": "sparse"}
            found = []
            for k in (preprocessing, theirs):
                g = k.image.ImageDataGenerator(rescale=0.5, validation_split=0.34)
                given = (str(tmp_path),) if what == "directory" else (table, str(tmp_path))
                flow = getattr(g, f"flow_from_{what}")(*given, target_size=(6, 5), batch_size=4, shuffle=False, **kwargs)
                batch = next(flow)
                found.append((batch if isinstance(batch, tuple) else (batch,), flow.filenames, getattr(flow, "class_indices", 0)))
            assert found[0][1:] == found[1][1:]
            for a, b in zip(found[0][0], found[1][0], strict=True):
                assert a.dtype == b.dtype
                np.testing.assert_allclose(a, b, atol=1e-4)
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Found")]
    assert said[::2] == said[1::2]
    raw = preprocessing.image.ImageDataGenerator().flow_from_dataframe(table, str(tmp_path), y_col="value", class_mode="raw")
    assert sorted(raw[0][1]) == list(range(6))


def test_single_images():
    for name, args in (("apply_channel_shift", (30.0,)), ("apply_brightness_shift", (0.7,)), ("apply_brightness_shift", (1.3, False))):
        for image in (IMAGES[0], IMAGES[0] - 100):
            np.testing.assert_allclose(*(getattr(k.image, name)(image, *args) for k in (preprocessing, theirs)), atol=1e-3)
    axes = {"row_axis": 0, "col_axis": 1, "channel_axis": 2}
    for name, args in (("random_rotation", (30,)), ("random_shift", (0.2, 0.3)), ("random_shear", (20,)), ("random_zoom", ((0.5, 2),))):
        found = []
        for k in (preprocessing, theirs):
            np.random.seed(4)
            found.append(getattr(k.image, name)(IMAGES[1], *args, **axes))
        np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-3)
