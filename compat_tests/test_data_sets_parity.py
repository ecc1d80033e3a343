"""Data sets from arrays, and images in files, against reference Keras: the same batches, orders, types and errors."""

import inspect
import sys

import numpy as np
import pytest

import kerastorch
from kerastorch import backend_registry, utils
from kerastorch.preprocessing import image
from kerastorch.utils import timeseries
from kerastorch.utils.samples import SampleBatches

reference = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

NAMES = ("array_to_img", "img_to_array", "load_img", "save_img", "split_dataset", "timeseries_dataset_from_array")
SERIES = np.random.default_rng(0).normal(size=(30, 2)).astype("float32")
TARGETS = np.arange(30) * 2
WINDOWS = {
    "defaults": ((SERIES, TARGETS, 4), {}),
    "windows alone": ((SERIES, None, 4), {"batch_size": 7}),
    "stride and rate": ((SERIES, TARGETS, 3), {"sequence_stride": 2, "sampling_rate": 3, "batch_size": 4}),
    "a part": ((SERIES, TARGETS, 3), {"start_index": 5, "end_index": 20, "batch_size": 4}),
    "fewer targets": ((np.arange(12), np.arange(12)[4:], 4), {"batch_size": 3}),
    "one by one": ((SERIES, TARGETS, 3), {"batch_size": None}),
    "an empty part": ((SERIES, None, 3), {"end_index": 0}),
}
SHUFFLED = {
    "batches": ((SERIES, TARGETS, 4), {"shuffle": True, "seed": 3, "batch_size": 2}),
    "one by one": ((SERIES, None, 4), {"shuffle": True, "seed": 4, "batch_size": None}),
}
WRONG_WINDOWS = {
    "start": {"start_index": 30},
    "negative start": {"start_index": -1},
    "end": {"end_index": 30},
    "end before start": {"start_index": 5, "end_index": 5},
    "rate": {"sampling_rate": 0},
    "stride": {"sequence_stride": 30},
    "format": {"format": "arrays"},
}
ARRAYS = (SERIES, TARGETS)
SIZES = {
    "left share": {"left_size": 0.3},
    "right number": {"right_size": 7},
    "both": {"left_size": 0.5, "right_size": 10},
    "rounded": {"left_size": 0.35},
    "shuffled": {"left_size": 0.3, "shuffle": True, "seed": 5},
}
WRONG_SIZES = {
    "none": {},
    "text": {"left_size": "3"},
    "too many": {"left_size": 30},
    "more than all": {"left_size": 0.7, "right_size": 0.4},
    "too many together": {"left_size": 20, "right_size": 11},
    "nothing": {"left_size": 0.01},
    "zero": {"right_size": 0},
}


def each(cases):
    return pytest.mark.parametrize("case", cases.values(), ids=cases.keys())


def same(ours, theirs):
    """That two data sets give the same arrays."""
    ours, theirs = (tf.nest.map_structure(np.asarray, list(d)) for d in (ours, theirs))
    tf.nest.assert_same_structure(ours, theirs)
    for a, b in zip(tf.nest.flatten(ours), tf.nest.flatten(theirs)):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", NAMES)
def test_signatures(name):
    assert inspect.signature(getattr(utils, name)) == inspect.signature(getattr(reference.utils, name))


def test_names_in_preprocessing():
    assert inspect.signature(image.smart_resize) == inspect.signature(reference.preprocessing.image.smart_resize)
    assert kerastorch.preprocessing.timeseries_dataset_from_array is timeseries.timeseries_dataset_from_array
    assert utils.Sequence is utils.PyDataset


@each(WINDOWS | {f"shuffled, {name}": case for name, case in SHUFFLED.items()})
def test_windows(case):
    args, options = case
    ours, theirs = (k.timeseries_dataset_from_array(*args, **options) for k in (utils, reference.utils))
    assert int(ours.cardinality()) == int(theirs.cardinality())
    same(ours, theirs)
    same(ours, theirs)  # in the order of a second pass


@each(WINDOWS)
def test_windows_without_tensorflow(case, monkeypatch):
    args, options = case
    theirs = reference.utils.timeseries_dataset_from_array(*args, **options)
    monkeypatch.setattr(backend_registry, "installed", lambda name: False)
    ours = utils.timeseries_dataset_from_array(*args, **options)
    assert isinstance(ours, SampleBatches) and len(ours) == int(theirs.cardinality())
    same(ours, theirs)


@each(SHUFFLED)
def test_windows_without_tensorflow_come_in_new_orders(case, monkeypatch):
    args, options = case
    monkeypatch.setattr(backend_registry, "installed", lambda name: False)
    ours, again = (utils.timeseries_dataset_from_array(*args, **options) for _ in range(2))
    passes = [np.concatenate([np.ravel(b[0] if isinstance(b, tuple) else b) for b in d]) for d in (ours, ours, again)]
    np.testing.assert_array_equal(passes[0], passes[2])
    assert (passes[0] != passes[1]).any()
    np.testing.assert_array_equal(np.sort(passes[0]), np.sort(passes[1]))


@pytest.mark.parametrize("backend", ["torch", "tensorflow"])
def test_models_fit_windows(backend, monkeypatch):
    monkeypatch.setattr(backend_registry, "installed", lambda name: False)
    data = utils.timeseries_dataset_from_array(SERIES, TARGETS.astype("float32"), 4, batch_size=5, shuffle=True)
    with backend_registry.using(backend):
        model = kerastorch.Sequential([kerastorch.layers.Flatten(), kerastorch.layers.Dense(1)])
        model.compile("sgd", "mse")
        history = model.fit(data, epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2


@each(WRONG_WINDOWS)
def test_wrong_windows(case):
    for k in (reference.utils, utils):
        with pytest.raises(ValueError, match=f"`{list(case)[-1]}` "):
            k.timeseries_dataset_from_array(SERIES, TARGETS, 3, **case)


@each(SIZES)
@pytest.mark.parametrize("kind", ["tuple", "list", "array", "tf.data", "batches"])
def test_split_to_tensorflow(kind, case):
    data = {
        "tuple": lambda: ARRAYS,
        "list": lambda: list(ARRAYS),
        "array": lambda: SERIES,
        "tf.data": lambda: tf.data.Dataset.from_tensor_slices({"x": SERIES, "y": (TARGETS, SERIES)}),
        "batches": lambda: tf.data.Dataset.from_tensor_slices(ARRAYS).batch(4),
    }[kind]()
    ours, theirs = (k.split_dataset(data, **case, preferred_backend="tensorflow") for k in (utils, reference.utils))
    for a, b in zip(ours, theirs, strict=True):
        same(a, b)


@each({name: case for name, case in SIZES.items() if "shuffle" in case})
def test_split_to_torch(case):
    ours, theirs = (k.split_dataset(ARRAYS, **case, preferred_backend="torch") for k in (utils, reference.utils))
    for a, b in zip(ours, theirs, strict=True):
        same([tuple(x.numpy() for x in s) for s in a], [tuple(x.numpy() for x in s) for s in b])


def test_split_to_torch_keeps_the_order():
    left, right = utils.split_dataset(ARRAYS, left_size=10, preferred_backend="torch")
    assert [int(y) for _, y in left] + [int(y) for _, y in right] == TARGETS.tolist()


@each(WRONG_SIZES)
@pytest.mark.parametrize("backend", ["torch", "tensorflow"])
def test_wrong_sizes(backend, case):
    errors = []
    for k in (reference.utils, utils):
        with pytest.raises((TypeError, ValueError)) as raised:
            k.split_dataset(ARRAYS, **case, preferred_backend=backend)
        errors.append(raised.type)
    assert errors[0] is errors[1]


@pytest.mark.parametrize("data", [[], (), [SERIES, [1, 2]], (SERIES, SERIES[:3])], ids=["no list", "nothing", "a list", "lengths"])
def test_wrong_arrays(data):
    with pytest.raises(ValueError, match="split_dataset"):
        utils.split_dataset(data, left_size=1)


def test_what_is_no_data_set():
    with pytest.raises(TypeError, match="split_dataset"):
        utils.split_dataset({1, 2}, left_size=1)


# ------------------------------------------------------------------------------------------------ images

PIXELS = np.random.default_rng(1).integers(0, 256, (9, 14, 4)).astype("uint8")


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("scale", [True, False])
def test_arrays_to_images_and_back(channels, scale, layout):
    pytest.importorskip("PIL")
    x = PIXELS[..., :channels] if layout == "channels_last" else PIXELS[..., :channels].transpose(2, 0, 1)
    ours, theirs = (k.array_to_img(x, layout, scale) for k in (utils, reference.utils))
    assert (ours.mode, ours.tobytes()) == (theirs.mode, theirs.tobytes())
    for dtype in (None, "uint8"):
        same([utils.img_to_array(ours, layout, dtype)], [reference.utils.img_to_array(theirs, layout, dtype)])


def test_gray_images_of_32_bits():
    pytest.importorskip("PIL")
    x = np.arange(12).reshape(3, 4, 1) * 100
    ours, theirs = (k.array_to_img(x, scale=False) for k in (utils, reference.utils))
    assert (ours.mode, ours.tobytes()) == (theirs.mode, theirs.tobytes())


@pytest.mark.parametrize("options", [
    {}, {"color_mode": "grayscale"}, {"color_mode": "rgba"}, {"target_size": (5, 6)}, {"target_size": (9, 14)},
    {"target_size": (5, 6), "interpolation": "lanczos"}, {"target_size": (5, 6), "interpolation": "box", "keep_aspect_ratio": True},
    {"target_size": (20, 6), "keep_aspect_ratio": True},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.jpeg"])
def test_files_of_images(name, options, tmp_path):
    pytest.importorskip("PIL")
    path = tmp_path / name
    utils.save_img(path, PIXELS[..., :3])
    ours, theirs = (k.load_img(path, **options) for k in (utils, reference.utils))
    assert (ours.mode, ours.size, ours.tobytes()) == (theirs.mode, theirs.size, theirs.tobytes())


def test_transparent_images_in_jpeg_files(tmp_path):
    pytest.importorskip("PIL")
    with pytest.warns(UserWarning, match="RGBA"):
        utils.save_img(tmp_path / "a.jpg", PIXELS)
    assert utils.load_img(tmp_path / "a.jpg").size == (14, 9)


@pytest.mark.parametrize("error, name, args", [
    (ValueError, "array_to_img", (np.zeros((3, 3)),)),
    (ValueError, "array_to_img", (np.zeros((3, 3, 2)),)),
    (ValueError, "img_to_array", (np.zeros((1, 1, 3, 3)),)),
    (TypeError, "load_img", (3,)),
    (ValueError, "load_img", ("a.png", "cmyk")),
])  # fmt: skip
def test_wrong_images(error, name, args):
    pytest.importorskip("PIL")
    with pytest.raises(error, match=name):
        getattr(utils, name)(*args)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("size", [(4, 4), (20, 5), (3, 12)], ids=str)
@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("backend", ["torch", "tensorflow"])
def test_smart_resize(backend, batched, layout, size, interpolation):
    x = PIXELS.astype("float32") if layout == "channels_last" else PIXELS.transpose(2, 0, 1).astype("float32")
    x = np.stack([x, x[::-1]]) if batched else x
    theirs = reference.preprocessing.image.smart_resize(x, size, interpolation, layout)
    with backend_registry.using(backend):
        ours = image.smart_resize(x, size, interpolation, layout)
    assert isinstance(ours, np.ndarray)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-3)


def test_smart_resize_refuses_what_is_no_image():
    for args in ((PIXELS[0], (3, 3)), (PIXELS, (3,))):
        with pytest.raises(ValueError, match="smart_resize"):
            image.smart_resize(*args)
    with pytest.raises(TypeError, match="unexpected"):
        image.smart_resize(PIXELS, (3, 3), size_of="x")


@pytest.mark.parametrize("name, args", [("array_to_img", (PIXELS,)), ("load_img", ("a.png",)), ("save_img", ("a.png", PIXELS))])
def test_pillow_has_to_be_there(name, args, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(ImportError, match="pip install pillow"):
        getattr(utils, name)(*args)
