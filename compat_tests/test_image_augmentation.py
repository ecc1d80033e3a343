"""Layers that change images at random: what holds whatever is drawn, on every backend."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerastorch
from kerastorch import layers

FIRST = {"data_format": "channels_first"}
RANDOM = {
    "RandomFlip": {},
    "RandomRotation": {"factor": 0.3},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": (0.1, 0.2)},
    "RandomZoom": {"height_factor": (-0.4, 0.2)},
    "RandomContrast": {"factor": 0.5},
    "RandomBrightness": {"factor": 0.5},
    "RandomCrop": {"height": 3, "width": 4},
}
IMAGES = np.random.default_rng(0).uniform(0, 255, (8, 6, 5, 3)).astype("float32")
each_layer = pytest.mark.parametrize(("name", "kwargs"), RANDOM.items(), ids=list(RANDOM))


def outcome(layer, backend, data=IMAGES, **kwargs):
    return backend.numpy(layer(backend.convert(data), **kwargs))


@each_layer
def test_inference_changes_nothing(backend, name, kwargs):
    np.testing.assert_array_equal(outcome(getattr(layers, name)(**kwargs), backend, training=False), IMAGES)


@each_layer
def test_a_layer_called_alone_is_in_training(backend, name, kwargs):
    out = outcome(getattr(layers, name)(**kwargs), backend)
    assert out.shape != IMAGES.shape or (out != IMAGES).any()


@each_layer
def test_a_seed_gives_a_series_that_can_be_had_again(backend, name, kwargs):
    first, again = (getattr(layers, name)(**kwargs, seed=3) for _ in range(2))
    series = [outcome(first, backend) for _ in range(5)]
    assert any((out != series[0]).any() for out in series)
    for expected in series:
        np.testing.assert_array_equal(outcome(again, backend), expected)


@each_layer
@pytest.mark.parametrize("seed", [None, 3])
def test_a_pipeline_draws_anew_for_each_batch(name, kwargs, seed):
    layer = getattr(layers, name)(**kwargs, seed=seed)
    layer(IMAGES)  # on the default backend, which may be another one
    found = [x.numpy() for x in tf.data.Dataset.from_tensors(IMAGES).repeat(6).map(layer)]
    assert any((x != found[0]).any() for x in found)


@each_layer
def test_one_image_and_channels_first(backend, name, kwargs):
    alone, batch = (outcome(getattr(layers, name)(**kwargs), backend, x) for x in (IMAGES[0], IMAGES))
    assert alone.shape == batch.shape[1:]
    if name not in ("RandomContrast", "RandomBrightness"):
        first, last = getattr(layers, name)(**kwargs, **FIRST, seed=1), getattr(layers, name)(**kwargs, seed=1)
        out = outcome(first, backend, IMAGES.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
        np.testing.assert_allclose(out, outcome(last, backend), rtol=1e-5, atol=1e-3)


@each_layer
def test_masks_and_labels_follow(backend, name, kwargs):
    masks = (IMAGES[..., :1] > 100).astype("float32")
    data = {"images": backend.convert(masks), "segmentation_masks": backend.convert(masks), "labels": backend.convert(np.arange(8))}
    more = {"interpolation": "nearest"} if name in ("RandomRotation", "RandomTranslation", "RandomZoom") else {}
    out = getattr(layers, name)(**kwargs, **more)(data)
    assert set(data) == set(out) and out is not data
    np.testing.assert_array_equal(backend.numpy(out["labels"]), np.arange(8))
    moved = masks if name in ("RandomContrast", "RandomBrightness") else backend.numpy(out["images"])
    np.testing.assert_array_equal(backend.numpy(out["segmentation_masks"]), moved)


@each_layer
def test_configuration_like_the_reference(name, kwargs):
    mine = getattr(layers, name)(**kwargs, seed=5, bounding_box_format="xyxy").get_config()
    theirs = getattr(keras.layers, name)(**kwargs, seed=5, bounding_box_format="xyxy").get_config()
    for config in (mine, theirs):
        del config["name"], config["dtype"]
    assert mine == theirs
    assert getattr(layers, name).from_config(mine).get_config()["seed"] == 5


def test_flips_are_flips(backend):
    out = outcome(layers.RandomFlip("horizontal", seed=1), backend, np.repeat(IMAGES[:1], 200, axis=0))
    turned = (out == IMAGES[0, :, ::-1]).all(axis=(1, 2, 3))
    assert (turned | (out == IMAGES[0]).all(axis=(1, 2, 3))).all() and 60 < turned.sum() < 140


def test_crops_are_parts_of_the_images(backend):
    layer = layers.RandomCrop(3, 4, seed=1)
    starts = set()
    for _ in range(20):
        out = outcome(layer, backend)
        starts |= {(i, j) for i in range(4) for j in range(2) if (IMAGES[:, i : i + 3, j : j + 4] == out).all()}
    assert len(starts) > 4


@pytest.mark.parametrize("size", [(8, 4), (4, 8), (9, 9), (6, 3)])
def test_small_images_are_cut_in_the_middle_and_resized(backend, size):
    expected = keras.ops.convert_to_numpy(keras.layers.RandomCrop(*size)(IMAGES, training=True))
    np.testing.assert_allclose(outcome(layers.RandomCrop(*size), backend), expected, rtol=1e-4, atol=1e-3)


def test_draws_cover_their_ranges(backend):
    data = backend.convert(np.zeros((2000, 2, 2, 1), "float32"))
    found = {
        (0.8, 1.3): layers.RandomContrast((0.2, 0.3)).get_random_transformation(data)["contrast_factor"],
        (-51.0, 51.0): layers.RandomBrightness(0.2).get_random_transformation(data)["rgb_delta"],
        (0.7, 1.3): layers.RandomZoom(0.3).get_random_transformation(data)["height_zoom"],
        (-0.6, 0.6): layers.RandomTranslation(0, 0.3).get_random_transformation(data)["translations"][:, 0],
        (36.0, 72.0): layers.RandomRotation((0.1, 0.2)).get_random_transformation(data)["angle"],
    }
    for (low, high), drawn in found.items():
        drawn = backend.numpy(drawn)
        width = high - low
        assert low <= drawn.min() < low + 0.02 * width and high - 0.02 * width < drawn.max() <= high + 1e-4


def test_whole_numbers_stay_in_their_range(backend):
    out = outcome(layers.RandomBrightness((0.5, 0.5)), backend, IMAGES.astype("uint8"))
    np.testing.assert_array_equal(out, np.minimum(np.round(IMAGES.astype("uint8") + 127.5), 255).astype("uint8"))


def test_a_model_of_any_size(backend):
    inputs = kerastorch.Input((None, None, 3))
    x = layers.RandomZoom((0.1, 0.2))(layers.RandomRotation(0.1)(layers.RandomFlip()(inputs)))
    model = kerastorch.Model(inputs, layers.CenterCrop(4, 4)(x))
    np.testing.assert_array_equal(backend.numpy(model(backend.convert(IMAGES), training=False)), IMAGES[:, 1:5, :4])
    assert backend.numpy(model(backend.convert(IMAGES[:, :3]), training=True)).shape == (8, 4, 4, 3)


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: layers.RandomRotation(1.5), ValueError, r"\[-1, 1\]"),
        (lambda: layers.RandomContrast(-0.5), ValueError, r"\[0, 1\]"),
        (lambda: layers.RandomZoom(-1), ValueError, r"\(-1, 1\]"),
        (lambda: layers.RandomTranslation((0, 1, 2), 0), ValueError, r"\[-1, 1\]"),
        (lambda: layers.RandomRotation(0.1, fill_mode="no"), NotImplementedError, "'no' is none of"),
        (lambda: layers.RandomBrightness(0.1, value_range=3), ValueError, "list of two numbers"),
        (lambda: layers.RandomFlip()(np.zeros((3, 4))), ValueError, "rank 3"),
        (lambda: layers.RandomCrop(2, 2)(kerastorch.Input((None, None, 3))), ValueError, "fully defined"),
        (lambda: layers.RandomFlip()({"images": IMAGES, "bounding_boxes": {}}), ValueError, "bounding_box_format"),
    ],
)
def test_errors(make, error, said):
    with pytest.raises(error, match=said):
        make()
