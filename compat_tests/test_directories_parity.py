"""Data sets of files in directories against reference Keras: the same batches, orders, types and errors."""

import inspect
import os
import sys
import wave

import numpy as np
import pytest

import kerastorch
from kerastorch import backend_registry, utils
from kerastorch.utils.samples import SampleBatches

reference = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

FUNCTIONS = [f"{kind}_dataset_from_directory" for kind in ("image", "text", "audio")]
CLASSES = ("birds", "cats", "dogs")
LABELS = {
    "defaults": {},
    "one-hot": {"label_mode": "categorical", "shuffle": False},
    "two classes": {"label_mode": "binary", "class_names": ["dogs", "birds"], "seed": 1},
    "no labels": {"labels": None, "batch_size": 4},
    "no label mode": {"label_mode": None, "shuffle": False},
    "given": {"labels": [5, 4, 3, 2, 1, 0] * 2, "seed": 2},
    "one by one": {"batch_size": None, "shuffle": False},
    "training": {"validation_split": 0.3, "subset": "training", "seed": 3},
    "validation": {"validation_split": 0.3, "subset": "validation", "shuffle": False},
    "both": {"validation_split": 0.3, "subset": "both", "seed": 4, "batch_size": 2},
}
IMAGES = {
    "gray": {"color_mode": "grayscale"},
    "rgba": {"color_mode": "rgba", "data_format": "channels_first"},
    "cut": {"crop_to_aspect_ratio": True},
    "cut, nearest": {"crop_to_aspect_ratio": True, "interpolation": "nearest"},
    "margins": {"pad_to_aspect_ratio": True, "data_format": "channels_first"},
    "nearest": {"interpolation": "nearest", "image_size": 7},
    "area": {"interpolation": "area"},
}
SOUND = {"cut": {"output_sequence_length": 12}, "ragged": {"ragged": True}, "filled up": {}}
WRONG = {
    "labels": {"labels": "other"},
    "label mode": {"label_mode": "other"},
    "names and labels": {"labels": [0] * 12, "class_names": ["cats"]},
    "number of labels": {"labels": [0]},
    "names": {"class_names": ["cows"]},
    "three classes": {"label_mode": "binary"},
    "split": {"validation_split": 2, "subset": "both"},
    "subset": {"validation_split": 0.5, "subset": "other"},
    "subset alone": {"subset": "training"},
    "no seed": {"validation_split": 0.5, "subset": "training"},
}


def each(cases):
    return pytest.mark.parametrize("options", cases.values(), ids=cases.keys())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twelve files of each kind, in three classes, some in folders below."""
    root, random = tmp_path_factory.mktemp("files"), np.random.default_rng(0)
    for i in range(12):
        place = root / CLASSES[i % 3] / ("below" if i > 8 else "")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{i}.txt").write_text(f"text {i} of all\nin two lines", encoding="utf-8")
        pixels = random.integers(0, 256, (9 + i, 14, 3)).astype("uint8")
        tf.io.write_file(str(place / f"{i}.png"), tf.io.encode_png(pixels))
        with wave.open(str(place / f"{i}.wav"), "wb") as file:
            file.setparams((2, 2, 1000, 0, "NONE", None))
            file.writeframes(random.integers(-(2**15), 2**15, (8 + i, 2)).astype("<i2").tobytes())
    return root


def same(ours, theirs):
    """That two data sets, or lists of them, give the same arrays twice."""
    if isinstance(theirs, list | tuple):
        assert type(ours) is type(theirs) and len(ours) == len(theirs)
        for pair in zip(ours, theirs):
            same(*pair)
        return
    assert ours.class_names == theirs.class_names
    assert list(getattr(ours, "file_paths", ())) == list(getattr(theirs, "file_paths", ()))
    for _ in range(2):
        a, b = (tf.nest.flatten(list(data)) for data in (ours, theirs))
        assert len(a) == len(b)
        for x, y in zip(a, b):
            x, y = ((z.to_tensor() if isinstance(z, tf.RaggedTensor) else z) for z in (x, y))
            x, y = np.asarray(x), np.asarray(y)
            x = np.array([t.encode() for t in x.ravel()], object).reshape(x.shape) if _is_text(x) else x
            assert x.shape == y.shape
            if y.dtype.kind == "f":
                assert x.dtype == y.dtype
                np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-3)
            else:
                np.testing.assert_array_equal(x, y)


def _is_text(x):
    return x.dtype.kind == "U" or x.dtype == object and isinstance(x.ravel()[0], str)


def both(name, folder, options):
    options = {"seed": 7, "verbose": False} | options | ({"image_size": (8, 6)} | options if name.startswith("image") else {})
    options["seed"] = options["seed"] if options.get("shuffle", True) else None
    return [getattr(k, name)(folder, **options) for k in (utils, reference.utils)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_signatures(name):
    assert inspect.signature(getattr(utils, name)) == inspect.signature(getattr(reference.utils, name))
    if hasattr(reference.preprocessing, name):
        assert getattr(kerastorch.preprocessing, name) is getattr(utils, name)


@pytest.mark.parametrize("name", FUNCTIONS)
@each(LABELS)
def test_labels(name, options, folder):
    same(*both(name, str(folder), options))


@each(IMAGES)
def test_images(options, folder):
    same(*both(FUNCTIONS[0], str(folder), options))


@each(SOUND)
def test_sound(options, folder):
    same(*both(FUNCTIONS[2], str(folder), options))


def test_text_is_cut(folder):
    same(*both(FUNCTIONS[1], str(folder), {"max_length": 6}))


@pytest.mark.parametrize("name", FUNCTIONS)
@each({key: options | {"shuffle": False} for key, options in LABELS.items() if key != "training"})
def test_without_tensorflow(name, options, folder, monkeypatch):
    if name == FUNCTIONS[0]:
        pytest.importorskip("PIL")
    _, theirs = both(name, str(folder), options)
    monkeypatch.setattr(backend_registry, "installed", lambda name: False)
    made = getattr(utils, name)(folder, verbose=False, **options, **({"image_size": (8, 6)} if name == FUNCTIONS[0] else {}))
    for data in made if isinstance(made, list | tuple) else [made]:
        assert isinstance(data, SampleBatches)
        data.file_paths = [os.fspath(p) for p in getattr(data, "file_paths", ())]
    same(made, theirs)


@pytest.mark.parametrize("name", FUNCTIONS)
@each(WRONG)
def test_wrong_arguments(name, options, folder):
    for k in (reference.utils, utils):
        with pytest.raises(ValueError):
            getattr(k, name)(folder, verbose=False, **options)
    with pytest.raises(ValueError, match=name):
        getattr(utils, name)(folder, verbose=False, **options)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_files(name, tmp_path):
    (tmp_path / "cats").mkdir()
    with pytest.raises(ValueError, match=f"{name}: No .* found in directory"):
        getattr(utils, name)(tmp_path, verbose=False)


def test_it_says_what_it_found(folder, capsys):
    utils.text_dataset_from_directory(folder, validation_split=0.25, subset="both", seed=1)
    assert "Found 12 files belonging to 3 classes." in capsys.readouterr().out


@each({"rate": {"sampling_rate": 0}, "no rate": {"sampling_rate": 1.5}, "ragged": {"ragged": True, "output_sequence_length": 3}})
def test_wrong_sound(options, folder):
    with pytest.raises(ValueError, match=FUNCTIONS[2]):
        utils.audio_dataset_from_directory(folder, **options)


@each({
    "color": {"color_mode": "cmyk"}, "size": {"image_size": (3,)}, "interpolation": {"interpolation": "cubic"},
    "both": {"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "format": {"format": "arrays"},
})  # fmt: skip
def test_wrong_images(options, folder):
    with pytest.raises(ValueError, match=FUNCTIONS[0]):
        utils.image_dataset_from_directory(folder, **options)


def test_grain(folder):
    pytest.importorskip("grain")
    data = utils.text_dataset_from_directory(folder, format="grain", batch_size=5, shuffle=False, label_mode="categorical")
    theirs = reference.utils.text_dataset_from_directory(folder, batch_size=5, shuffle=False, label_mode="categorical")
    same(data, theirs)
    windows = {
        seed: list(utils.timeseries_dataset_from_array(np.arange(20), np.arange(20) * 2, 4, batch_size=5, shuffle=True, seed=seed, format="grain"))
        for seed in (1, 2)
    }
    for batches in windows.values():
        assert [x.shape for x, _ in batches] == [(5, 4), (5, 4), (5, 4), (2, 4)]
        assert all((x[:, 0] * 2 == y).all() for x, y in batches)
        assert sorted(int(y) for _, batch in batches for y in batch) == list(range(0, 34, 2))
    assert any((a[1] != b[1]).any() for a, b in zip(windows[1], windows[2]))


def test_grain_has_to_be_there(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "grain", None)
    with pytest.raises(ImportError, match="pip install grain"):
        utils.text_dataset_from_directory(folder, format="grain", verbose=False)
