"""Boxes and masks drawn on images, and galleries of them."""

import keras
import numpy as np
import pytest

import kerastorch
from kerastorch import visualization

IMAGES = np.full((2, 8, 8, 3), 100, "uint8")
MASKS = np.zeros((2, 8, 8, 1), "int32")
MASKS[:, :4], MASKS[:, 4:, 4:] = 1, 2
BOXES = {"boxes": np.array([[[1, 1, 5, 6.0], [0, 0, 8, 8]]] * 2), "labels": np.array([[0, -1]] * 2)}


@pytest.mark.parametrize("options", [
    {}, {"alpha": 0.5}, {"ignore_index": 0}, {"ignore_index": 1}, {"alpha": 1.0, "color_mapping": {0: (9, 9, 9), 1: (255, 0, 0), 2: (0, 255, 0)}},
], ids=str)  # fmt: skip
def test_masks_are_those_of_the_reference(options):
    expected = keras.visualization.draw_segmentation_masks(IMAGES, MASKS, num_classes=3, **options)
    found = visualization.draw_segmentation_masks(IMAGES, MASKS, num_classes=3, **options)
    assert found.dtype == "uint8"
    np.testing.assert_array_equal(found, expected)


def test_a_box_is_an_outline_and_the_image_stays():
    found = visualization.draw_bounding_boxes(IMAGES, BOXES, "xyxy", color=(1, 2, 3), line_thickness=1)
    expected = IMAGES.copy()
    expected[:, 1:7, 1:6] = (1, 2, 3)
    expected[:, 2:6, 2:5] = 100
    np.testing.assert_array_equal(found, expected)
    assert (IMAGES == 100).all()


def test_channels_may_come_first_and_boxes_in_parts_of_the_image():
    boxes = {**BOXES, "boxes": BOXES["boxes"] / 8}
    first = visualization.draw_bounding_boxes(IMAGES.transpose(0, 3, 1, 2), boxes, "rel_xyxy", data_format="channels_first")
    np.testing.assert_array_equal(first, visualization.draw_bounding_boxes(IMAGES, BOXES, "xyxy"))


def test_names_are_written_above_boxes():
    images, boxes = np.zeros((1, 60, 60, 3)), {"boxes": [[[10, 30, 50, 50.0]]], "labels": [[7]], "confidences": [[0.5]]}
    found = visualization.draw_bounding_boxes(images, boxes, "xyxy", {7: "cat"}, color=(0, 255, 0))
    rows = np.flatnonzero(found[0, :, :, 1].any(1))
    assert 12 <= rows.min() < 26 and rows.max() == 51


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="must be batched"):
        visualization.draw_bounding_boxes(IMAGES[0], BOXES, "xyxy")
    with pytest.raises(TypeError, match="should be a dict"):
        visualization.draw_bounding_boxes(IMAGES, [1], "xyxy")
    with pytest.raises(TypeError, match="integer dtype"):
        visualization.draw_segmentation_masks(IMAGES, MASKS.astype("float32"))
    with pytest.raises(ValueError, match=r"no color for the classes \[0, 2\]"):
        visualization.draw_segmentation_masks(IMAGES, MASKS, color_mapping={1: (1, 2, 3)})
    with pytest.raises(ValueError, match="label_map"):
        visualization.plot_image_gallery(IMAGES, y_true=[0, 1])


def test_galleries_are_written_to_files(tmp_path):
    pytest.importorskip("matplotlib").use("Agg")
    names = {0: "a", 1: "b"}
    visualization.plot_image_gallery(IMAGES / 255, [0, 1], [1, 1], names, value_range=(0, 1), path=tmp_path / "images.png")
    visualization.plot_bounding_box_gallery(IMAGES, "xyxy", BOXES, BOXES, legend=True, cols=1, path=tmp_path / "boxes.png")
    visualization.plot_segmentation_mask_gallery(IMAGES, 3, y_true=MASKS, y_pred=MASKS, path=tmp_path / "masks.png")
    sizes = {p.name: kerastorch.utils.load_img(p).size for p in tmp_path.iterdir()}
    assert sorted(sizes) == ["boxes.png", "images.png", "masks.png"] and min(min(s) for s in sizes.values()) > 20
