"""`keras.applications`: each model as the reference records it, predictions with the reference's weights, and the arguments."""

import functools
import json

import keras
import numpy as np
import pytest

import kerastorch
from compat_tests.applications import CASES, FACTS, Case, facts, nothing_loaded, recorded
from kerastorch.applications import imagenet_utils

EXPECTED = json.loads(FACTS.read_text())


@pytest.fixture(autouse=True)
def default_layout():
    """Leaves names and layout as they were found."""
    yield
    kerastorch.utils.clear_session()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_recorded_as_by_the_reference(case):
    assert facts(kerastorch, case) == EXPECTED[case.id]


# ------------------------------------------------------------------------------------------------ predictions

# The size of images; one of each family whose layers and weights are quickly made.
RUNS = {"VGG16": 32, "ResNet50V2": 32, "InceptionV3": 75, "Xception": 71, "MobileNet": 32, "MobileNetV2": 33,
        "MobileNetV3Small": 32, "DenseNet121": 32, "EfficientNetV2B0": 33, "ConvNeXtTiny": 32}  # fmt: skip


def built(k, variant):
    size = RUNS[variant]
    return recorded(k, Case(variant, {"weights": None, "include_top": False, "pooling": "avg", "input_shape": (size, size, 3)}))[0]


def drawn(variables):
    """Weights under which each layer does something."""
    rng = np.random.default_rng(5)
    found = []
    for v in variables:
        fan = np.prod(v.shape[:-1]) if len(v.shape) > 1 else 0
        low, high = (0.5, 1.5) if v.path.endswith(("gamma", "variance")) else (-0.1, 0.1)
        found.append(rng.normal(scale=fan**-0.5, size=v.shape) if fan else rng.uniform(low, high, v.shape))
    return found


@functools.cache
def expected(variant):
    """Images, and the reference's weights and predictions."""
    model = built(keras, variant)
    model.set_weights(drawn(model.weights))
    images = np.random.default_rng(3).uniform(0, 255, (2, *model.input_shape[1:])).astype("float32")
    return images, model.get_weights(), keras.ops.convert_to_numpy(model(images, training=False))


@pytest.mark.parametrize("variant", RUNS)
def test_predictions_with_the_weights_of_the_reference(variant, backend):
    images, weights, outputs = expected(variant)
    model = built(kerastorch, variant)
    model.set_weights(weights)
    found = model.predict_on_batch(images)
    assert np.ptp(outputs) > 0.01
    np.testing.assert_allclose(found, outputs, rtol=1e-3, atol=1e-4 * np.abs(outputs).max())


# ------------------------------------------------------------------------------------------------ images and classes

MODULES = ("convnext densenet efficientnet efficientnet_v2 inception_resnet_v2 inception_v3 mobilenet mobilenet_v2 mobilenet_v3 "
           "nasnet resnet resnet50 resnet_v2 vgg16 vgg19 xception").split()  # fmt: skip


def pixels(data_format, dtype="float32", rank=4):
    shape = (2, 3, 4, 5) if data_format == "channels_first" else (2, 4, 5, 3)
    return np.random.default_rng(2).integers(0, 256, shape[4 - rank :]).astype(dtype)


@pytest.mark.parametrize("rank", (3, 4))
@pytest.mark.parametrize("dtype", ("uint8", "float32", "float64"))
@pytest.mark.parametrize("data_format", (None, "channels_last", "channels_first"))
@pytest.mark.parametrize("mode", imagenet_utils.MODES)
def test_preprocessed_arrays(mode, data_format, dtype, rank):
    mine, theirs = pixels(data_format, dtype, rank), pixels(data_format, dtype, rank)
    found = imagenet_utils.preprocess_input(mine, data_format, mode)
    wanted = keras.applications.imagenet_utils.preprocess_input(theirs, data_format, mode)
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(mine, theirs)  # overwritten alike


@pytest.mark.parametrize("data_format", ("channels_last", "channels_first"))
@pytest.mark.parametrize("mode", imagenet_utils.MODES)
def test_preprocessed_tensors_and_recorded(mode, data_format, backend):
    x = pixels(data_format)
    wanted = imagenet_utils.preprocess_input(x.copy(), data_format, mode)
    found = imagenet_utils.preprocess_input(backend.convert(x), data_format, mode)
    np.testing.assert_allclose(backend.numpy(found), wanted, rtol=1e-6, atol=1e-5)
    inputs = kerastorch.Input(x.shape[1:], dtype="uint8")
    model = kerastorch.Model(inputs, imagenet_utils.preprocess_input(inputs, data_format, mode))
    np.testing.assert_allclose(model.predict_on_batch(x.astype("uint8")), wanted, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("name", MODULES)
def test_preprocessing_of_each_module(name):
    found = getattr(kerastorch.applications, name).preprocess_input(pixels(None))
    wanted = getattr(keras.applications, name).preprocess_input(pixels(None))
    np.testing.assert_array_equal(found, wanted)


def test_decoded_predictions(monkeypatch, tmp_path, backend):
    path = tmp_path / "index.json"
    path.write_text(json.dumps({str(i): [f"n{i:08}", f"class {i}"] for i in range(1000)}))
    asked = []
    monkeypatch.setattr(imagenet_utils, "get_file", lambda *args, **kwargs: asked.append((args, kwargs)) or str(path))
    imagenet_utils.class_index.cache_clear()
    probabilities = np.zeros((2, 1000), "float32")
    probabilities[0, [7, 3]], probabilities[1, 999] = (0.2, 0.8), 1.0
    first, second = imagenet_utils.decode_predictions(backend.convert(probabilities), top=2)
    assert [c[:2] for c in first] == [("n00000003", "class 3"), ("n00000007", "class 7")]
    assert second[0] == ("n00000999", "class 999", 1.0) and len(second) == 2
    assert len(imagenet_utils.decode_predictions(probabilities)[0]) == 5 and len(asked) == 1
    imagenet_utils.class_index.cache_clear()


@pytest.mark.parametrize("shape", ((1000,), (2, 10), (1, 1, 1000)))
def test_what_is_no_predictions(shape):
    for k in (keras, kerastorch):
        with pytest.raises(ValueError, match="expects a batch of predictions"):
            k.applications.resnet50.decode_predictions(np.zeros(shape))


# ------------------------------------------------------------------------------------------------ arguments

NEW = {"weights": None}
WRONG = [
    ("VGG16", {"weights": "nowhere"}, "path to the weights file"),
    ("ResNet50", {"classes": 10}, "should be 1000"),
    ("MobileNetV2", NEW | {"include_top": False, "input_shape": (8, 8, 3)}, "at least 32x32"),
    ("InceptionV3", NEW | {"include_top": False, "input_shape": (74, 80, 3)}, "at least 75x75"),
    ("Xception", NEW | {"include_top": False, "input_shape": (96, 96)}, "three integers"),
    ("DenseNet121", NEW | {"input_shape": (None, None, 3)}, "static `input_shape`"),
    ("ResNet50", {"input_shape": (96, 96, 3)}, "should be"),
    ("ResNet50", {"include_top": False, "input_shape": (96, 96, 1)}, "3 channels"),
    ("EfficientNetB0", {"classifier_activation": "relu"}, "Only `None` and `softmax`"),
    ("MobileNet", {"alpha": 0.6}, "alpha"),
    ("MobileNet", {"depth_multiplier": 2}, "multiplier"),
    ("MobileNetV2", {"alpha": 0.6}, "alpha"),
    ("MobileNetV3Small", {"alpha": 0.75, "minimalistic": True}, "alpha"),
    ("VGG16", NEW | {"input_tensor": "images"}, "KerasTensor"),
]


@pytest.mark.parametrize("variant, options, phrase", WRONG, ids=lambda value: str(value))
def test_arguments_that_do_not_fit(variant, options, phrase):
    for k in (keras, kerastorch):
        with nothing_loaded(k, k.__name__), pytest.raises(ValueError, match=phrase):
            getattr(k.applications, variant)(**options)


@pytest.mark.parametrize("variant", ("DenseNet121", "ConvNeXtTiny"))
def test_without_channels_first(variant):
    with pytest.raises(ValueError, match="does not support the `channels_first`"):
        recorded(kerastorch, Case(variant, NEW, "channels_first"))


def test_unknown_arguments():
    with pytest.raises(TypeError, match=r"VGG16\(\).*'wieghts'.*weights"):
        kerastorch.applications.VGG16(wieghts=None)


@pytest.mark.parametrize("variant", ("MobileNetV2", "VGG16"))
def test_on_top_of_what_is_recorded_already(variant):
    shapes = []
    for k in (keras, kerastorch):
        k.utils.clear_session()
        images = k.Input((64, 64, 3), name="images")
        whole = getattr(k.applications, variant)(input_tensor=images, include_top=False, weights=None)
        scaled = k.layers.Rescaling(1 / 255)(images)
        nested = getattr(k.applications, variant)(input_tensor=scaled, include_top=False, pooling="max", weights=None)
        layers = [layer.name for layer in whole.layers] + [layer.name for layer in nested.layers]
        shapes.append((whole.name, nested.name, whole.input_shape, whole.output_shape, nested.output_shape, layers))
    assert shapes[0] == shapes[1]


def test_weights_of_a_file_of_the_reference(tmp_path):
    options = {"include_top": False, "input_shape": (32, 32, 3)}
    theirs = keras.applications.MobileNetV2(alpha=0.35, weights=None, **options)
    for name in ("model.weights.h5", "model.h5"):
        (theirs.save_weights if "weights" in name else theirs.save)(tmp_path / name)
        mine = kerastorch.applications.MobileNetV2(alpha=0.35, weights=str(tmp_path / name), **options)
        for a, b in zip(mine.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("variant", ("ConvNeXtTiny",))
def test_layers_of_their_own_come_back_from_configurations(variant):
    options = {"weights": None, "include_top": False, "input_shape": (96, 96, 3)}
    text = getattr(keras.applications, variant)(**options).to_json()
    model = kerastorch.models.model_from_json(text)
    again = kerastorch.models.model_from_json(model.to_json())
    wanted = getattr(kerastorch.applications, variant)(**options)
    assert [v.shape for v in again.weights] == [v.shape for v in wanted.weights]
    assert keras.models.model_from_json(model.to_json()).count_params() == wanted.count_params()


def test_old_spellings():
    with pytest.warns(Warning, match="old"):
        old = kerastorch.applications.MobileNetV2(weights=None, alpha=0.35, backend=kerastorch.backend, layers=kerastorch.layers)
    assert old.name == "mobilenetv2_0.35_224"
    with pytest.warns(Warning, match="old"):
        found = imagenet_utils.preprocess_input(pixels("channels_first"), dim_ordering="th")
    np.testing.assert_array_equal(found, imagenet_utils.preprocess_input(pixels("channels_first"), "channels_first"))
    with pytest.warns(Warning, match="old"):
        assert kerastorch.applications.mobilenetv2.MobileNetV2 is kerastorch.applications.MobileNetV2
    assert imagenet_utils._obtain_input_shape((8, 8, 3), 224, 4, "channels_last", True) == (8, 8, 3)
