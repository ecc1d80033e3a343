"""Layers that change images at random: what holds whatever is drawn, on every backend."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerastorch
from compat_tests.cases import image_transformations as transformations
from compat_tests.cases.image_transformations import CASES
from kerastorch import layers
from kerastorch.layers.image_layer import KINDS

FIRST = {"data_format": "channels_first"}
ALWAYS = {"factor": (1, 1)}
MOVING = {
    "RandomFlip": {},
    "RandomRotation": {"factor": 0.3},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": (0.1, 0.2)},
    "RandomZoom": {"height_factor": (-0.4, 0.2)},
    "RandomShear": {"x_factor": 0.3, "y_factor": (0.1, 0.2)},
    "RandomPerspective": ALWAYS,
    "RandomElasticTransform": {**ALWAYS, "scale": (0.5, 1.0)},
    "RandomCrop": {"height": 3, "width": 4},
}
MIXING = {"CutMix": {}, "MixUp": {}}
COLORING = {
    "RandomContrast": {"factor": 0.5},
    "RandomBrightness": {"factor": 0.5},
    "RandomColorDegeneration": {"factor": 0.5},
    "RandomSaturation": {"factor": (0.1, 0.3)},
    "RandomHue": {"factor": 0.5},
    "RandomSharpness": {"factor": 0.3},
    "RandomPosterization": {"factor": 4},
    "RandomGrayscale": {"factor": 0.7},
    "RandomInvert": {"factor": 0.9},
    "Solarization": {"addition_factor": 0.3, "threshold_factor": 0.5},
    "RandomGaussianBlur": {**ALWAYS, "kernel_size": 5, "sigma": (0.5, 2)},
    "RandomErasing": {**ALWAYS, "fill_value": 7},
    "RandomColorJitter": {"brightness_factor": 0.2, "contrast_factor": 0.3, "saturation_factor": 0.3, "hue_factor": 0.1},
    "RandAugment": {},
    "AugMix": {},
}
RANDOM = MOVING | MIXING | COLORING
IMAGES = np.random.default_rng(0).uniform(0, 255, (8, 6, 5, 3)).astype("float32")


def layers_of(table):
    return pytest.mark.parametrize(("name", "kwargs"), table.items(), ids=list(table))


each_layer = layers_of(RANDOM)


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
    first, last = getattr(layers, name)(**kwargs, **FIRST, seed=1), getattr(layers, name)(**kwargs, seed=1)
    out = outcome(first, backend, IMAGES.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(out, outcome(last, backend), rtol=1e-4, atol=1e-2)


@each_layer
def test_a_model_draws_in_training_alone(backend, name, kwargs):
    inputs = kerastorch.Input(IMAGES.shape[1:])
    model = kerastorch.Model(inputs, getattr(layers, name)(**kwargs, seed=1)(inputs))
    data = backend.convert(IMAGES)
    np.testing.assert_array_equal(backend.numpy(model(data, training=False)), IMAGES)
    found = [backend.numpy(model(data, training=True)) for _ in range(4)]
    assert any((x != found[0]).any() for x in found)


@layers_of(MOVING | COLORING)
def test_masks_and_labels_follow(backend, name, kwargs):
    masks = (IMAGES > 100).astype("float32")
    data = {"images": backend.convert(masks), "segmentation_masks": backend.convert(masks), "labels": backend.convert(np.arange(8))}
    more = {"interpolation": "nearest"} if name in MOVING and name not in ("RandomFlip", "RandomCrop") else {}
    out = getattr(layers, name)(**kwargs, **more)(data)
    assert set(data) == set(out) and out is not data
    np.testing.assert_array_equal(backend.numpy(out["labels"]), np.arange(8))
    moved = masks if name in COLORING else backend.numpy(out["images"])
    np.testing.assert_array_equal(backend.numpy(out["segmentation_masks"]), moved)


@layers_of(MIXING)
def test_masks_and_labels_are_mixed_as_images_are(backend, name, kwargs):
    labels = np.eye(8, dtype="float32")
    masks = np.repeat(np.arange(8, dtype="float32"), 30).reshape(8, 6, 5, 1)
    data = {"images": backend.convert(masks), "segmentation_masks": backend.convert(masks), "labels": backend.convert(labels)}
    out = {k: backend.numpy(v) for k, v in getattr(layers, name)(**kwargs, seed=1)(data).items()}
    np.testing.assert_array_equal(out["segmentation_masks"], out["images"])
    np.testing.assert_allclose(out["labels"].sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(out["labels"] @ np.arange(8), out["images"].mean(axis=(1, 2, 3)), atol=1e-4 if name == "MixUp" else 2)


@each_layer
def test_configuration_like_the_reference(name, kwargs):
    mine = getattr(layers, name)(**kwargs, seed=5, bounding_box_format="xyxy").get_config()
    theirs = getattr(keras.layers, name)(**kwargs, seed=5, bounding_box_format="xyxy").get_config()
    for config in (mine, theirs):
        del config["name"], config["dtype"]
    assert mine == theirs | {"seed": 5}  # which the reference forgets for one of them
    assert getattr(layers, name).from_config(mine).get_config()["seed"] == 5


# ------------------------------------------------------------------------------------------------ transformations


def tensors(convert, nest):
    return kerastorch.tree.map_structure(lambda x: convert(x) if hasattr(x, "shape") else x, nest)


@pytest.mark.parametrize(
    ("case", "kind"),
    [(case, kind) for case in CASES for kind in KINDS if kind not in case.skip],
    ids=lambda value: getattr(value, "id", value),
)
def test_a_transformation_like_the_reference(backend, case, kind):
    data = {
        "images": transformations.IMAGES,
        "segmentation_masks": np.round(transformations.IMAGES[..., :1] / 100),
        "labels": transformations.LABELS,
        "bounding_boxes": {"boxes": transformations.BOXES, "labels": transformations.BOX_LABELS},
    }[kind]
    results = []
    for package, convert, numpy in (
        (kerastorch, backend.convert, backend.numpy),
        (keras, keras.ops.convert_to_tensor, keras.ops.convert_to_numpy),
    ):
        layer = getattr(package.layers, case.layer)(**case.kwargs, bounding_box_format="xyxy")
        transform = getattr(layer, f"transform_{kind}")
        out = transform(tensors(convert, data), transformation=tensors(convert, case.drawn), training=True)
        results.append([numpy(x) for x in kerastorch.tree.flatten(out)])
    for mine, theirs in zip(*results, strict=True):
        assert mine.shape == theirs.shape and mine.dtype.kind == theirs.dtype.kind
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=2e-2)


@layers_of({"Resizing": {"height": 30, "width": 35}, "CenterCrop": {"height": 30, "width": 35}}
           | {k: v for k, v in MOVING.items() if k not in ("RandomShear", "RandomElasticTransform")}
           | {"RandomCrop": {"height": 35, "width": 45}, "RandomPerspective": {**ALWAYS, "scale": 0.3}})  # fmt: skip
@pytest.mark.parametrize("crop", [False, True])
def test_boxes_are_around_what_they_were_around(backend, name, kwargs, crop):
    if crop and name not in ("Resizing", "CenterCrop"):
        return
    kwargs = kwargs | ({"crop_to_aspect_ratio": True} if name == "Resizing" else {"height": 60, "width": 50}) if crop else kwargs
    images = np.zeros((5, 40, 50, 1), "float32")
    images[:, 15:25, 20:35] = 1
    boxes = np.tile(np.array([[[20, 15, 35, 25]]], "float32"), (5, 1, 1))
    more = {"fill_mode": "constant"} if name in ("RandomRotation", "RandomTranslation", "RandomZoom") else {}
    layer = getattr(layers, name)(**kwargs, **more, bounding_box_format="rel_center_xywh", **({"seed": 1} if name in MOVING else {}))
    given = kerastorch.utils.bounding_boxes.convert_format(backend.convert(boxes), "xyxy", "rel_center_xywh", 40, 50)
    labels = backend.convert(np.ones((5, 1), "int32"))
    out = layer({"images": backend.convert(images), "bounding_boxes": {"boxes": given, "labels": labels}})
    shown = backend.numpy(out["images"])[..., 0] > 0.5
    size = shown.shape[1:]
    moved = kerastorch.utils.bounding_boxes.convert_format(out["bounding_boxes"]["boxes"], "rel_center_xywh", "xyxy", *size)
    for image, (x, y, r, b) in zip(shown, backend.numpy(moved)[:, 0], strict=True):
        rows, columns = np.nonzero(image)
        found = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        np.testing.assert_allclose((x, y, r, b), found, atol=2)


def test_boxes_of_ragged_batches(backend):
    boxes = tf.ragged.constant([[[1.0, 2, 3, 4]], [[1.0, 1, 2, 2], [2, 2, 4, 4]]], ragged_rank=1)
    labels = tf.ragged.constant([[1], [2, 3]])
    data = tf.data.Dataset.from_tensors({"images": IMAGES[:2], "bounding_boxes": {"boxes": boxes, "labels": labels}})
    layer = layers.MaxNumBoundingBoxes(3, bounding_box_format="xyxy")
    out = next(iter(data.map(layer)))["bounding_boxes"]
    np.testing.assert_array_equal(out["labels"], [[1, -1, -1], [2, 3, -1]])
    assert out["boxes"].shape == (2, 3, 4)


def test_boxes_of_one_image_and_in_inference(backend):
    given = {"boxes": backend.convert(np.array([[1, 2, 3, 4]], "float32")), "labels": backend.convert(np.array([7]))}
    data = {"images": backend.convert(IMAGES[0]), "bounding_boxes": given}
    layer = layers.RandomTranslation((0.5, 0.5), (1, 1), bounding_box_format="xyxy")
    out = {k: backend.numpy(v).tolist() for k, v in layer(data)["bounding_boxes"].items()}
    assert out == {"boxes": [[5, 5, 5, 6]], "labels": [-1]}  # nothing of it is left
    out = {k: backend.numpy(v).tolist() for k, v in layer(data, training=False)["bounding_boxes"].items()}
    assert out == {"boxes": [[1, 2, 3, 4]], "labels": [7]}


def test_the_layers_that_layers_run_draw_from_their_seed(backend):
    layer = layers.RandAugment(num_ops=3, seed=1)
    assert [g.path for g in layer.variables] == [layer.generator.state.path]


def test_layers_of_users_find_functions(backend):
    class Darker(layers.RandomBrightness):
        def transform_images(self, images, transformation=None, training=True):
            return self.backend.numpy.maximum(images - 100, 0)

    np.testing.assert_array_equal(outcome(Darker(0.1), backend), np.maximum(IMAGES - 100, 0))


# ------------------------------------------------------------------------------------------------ draws


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
        (lambda: layers.RandomFlip(bounding_box_format="xyxy")({"images": IMAGES, "bounding_boxes": {}}), ValueError, "with 'boxes'"),
        (lambda: layers.RandomHue(2), ValueError, r"The `factor` argument should be a number .* \[0, 1\]"),
        (lambda: layers.RandomPosterization(0), ValueError, r"\[1, 8\]"),
        (lambda: layers.RandomGaussianBlur(kernel_size=4), ValueError, "kernel_size must be an odd number"),
        (lambda: layers.RandomGaussianBlur(sigma=3), ValueError, "The `sigma` argument"),
        (lambda: layers.RandomPerspective(scale=2), ValueError, "The `scale` argument"),
        (lambda: layers.Solarization(addition_factor=2), ValueError, "`addition_factor` and `threshold_factor` arguments"),
        (lambda: layers.RandomGrayscale(2), ValueError, "`factor` should be between 0 and 1"),
        (lambda: layers.AugMix(interpolation="cubic"), NotImplementedError, "'cubic' is none of"),
    ],
)
def test_errors(make, error, said):
    with pytest.raises(error, match=said):
        make()
