"""Boxes and masks drawn on images, which come as arrays or tensors and go as arrays of bytes."""

from typing import Any

import numpy as np

from kerastorch import extras, ops
from kerastorch.fields import DataFormat
from kerastorch.utils import bounding_boxes as boxes_

TEXT_SIZE = 10  # height of letters in pixels at a scale of 1


def draw_bounding_boxes(
    images,
    bounding_boxes,
    bounding_box_format,
    class_mapping=None,
    color=(128, 128, 128),
    line_thickness=2,
    text_thickness=1,
    font_scale=1.0,
    data_format=None,
):
    """Images with boxes drawn on them, and what is in these written above.

    Args:
        images: Array or tensor of shape (batch, height, width, channels), with values from 0 to 255.
        bounding_boxes: Dictionary of "boxes", (batch, boxes, 4), "labels", (batch, boxes), and perhaps "confidences", (batch,
            boxes). Boxes with the label -1 are left out.
        bounding_box_format: What the four numbers are, see `utils.bounding_boxes.convert_format`.
        class_mapping: From labels to the names that are written; nothing is written where it is None.
        color: Red, green and blue of lines and text.
        line_thickness: Width of the lines in pixels.
        text_thickness: Width of the strokes of letters in pixels, roughly.
        font_scale: Size of the text in parts of the usual one.
        data_format: "channels_last" or "channels_first"; None is the default layout.

    Returns:
        Array of uint8 of the images' shape, with channels last.

    Raises:
        ValueError: If `images` is no batch, or the dictionary lacks boxes or labels.
        TypeError: If `bounding_boxes` is no dictionary.
        ImportError: If Pillow is not installed.
    """
    if not isinstance(bounding_boxes, dict):
        raise TypeError(f"draw_bounding_boxes: `bounding_boxes` should be a dict, not {bounding_boxes!r}")
    if not {"boxes", "labels"} <= bounding_boxes.keys():
        raise ValueError("draw_bounding_boxes: `bounding_boxes` should be a dict containing 'boxes' and 'labels' keys; it has "
                         f"{sorted(bounding_boxes)}")  # fmt: skip
    pictures = in_bytes("draw_bounding_boxes", images, data_format)
    image, draw_, font = (extras.load(f"PIL.{name}", "draw_bounding_boxes") for name in ("Image", "ImageDraw", "ImageFont"))
    height, width = pictures.shape[1:3]
    corners = boxes_.convert_format(
        ops.cast(bounding_boxes["boxes"], "float32"), bounding_box_format, "xyxy", height=height, width=width
    )
    corners, labels = ops.convert_to_numpy(corners), ops.convert_to_numpy(bounding_boxes["labels"])
    given = bounding_boxes.get("confidences")
    confidences = None if given is None else ops.convert_to_numpy(given)
    letters, half = font.load_default(TEXT_SIZE * font_scale), line_thickness // 2
    for i, picture in enumerate(pictures):
        canvas = image.fromarray(picture)
        draw = draw_.Draw(canvas)
        for j in np.flatnonzero(labels[i] != -1):
            x, y, r, b = corners[i, j].astype(int)
            box = (x - half, y - half, max(x, r) + half, max(y, b) + half)
            draw.rectangle(box, outline=tuple(color), width=line_thickness)
            if class_mapping is not None:
                text = str(class_mapping.get(int(labels[i, j]), int(labels[i, j])))
                text += "" if confidences is None else f": {confidences[i, j]:.2f}"
                at = (x, y - half - 2)
                draw.text(at, text, fill=tuple(color), anchor="ls", font=letters, stroke_width=(text_thickness - 1) // 2)
        pictures[i] = np.asarray(canvas)
    return pictures


def draw_segmentation_masks(
    images,
    segmentation_masks,
    num_classes=None,
    color_mapping=None,
    alpha=0.8,
    blend=True,
    ignore_index=-1,
    data_format=None,
):
    """Images with the pixels of each class in a color.

    Args:
        images: Array or tensor of shape (batch, height, width, channels), with values from 0 to 255.
        segmentation_masks: Integers of shape (batch, height, width) or (batch, height, width, 1): the class of each pixel.
        num_classes: Pixels of this class and those above stay as they are; None draws all.
        color_mapping: From classes to red, green and blue; None makes colors.
        alpha: How much of the color is mixed with the image, from 0 to 1.
        blend: Whether colors are mixed rather than put in place of the image.
        ignore_index: The class that is not drawn.
        data_format: "channels_last" or "channels_first"; None is the default layout.

    Returns:
        Array of uint8 of the images' shape, with channels last.

    Raises:
        ValueError: If `images` is no batch, or a class has no color.
        TypeError: If masks are no integers.
    """
    pictures = in_bytes("draw_segmentation_masks", images, data_format)
    masks = ops.convert_to_numpy(segmentation_masks)
    if masks.dtype.kind not in "iu":
        raise TypeError(f"draw_segmentation_masks: `segmentation_masks` must be in integer dtype, not {masks.dtype}")
    masks = masks[..., 0] if masks.ndim == 4 else masks
    count = int(masks.max(initial=0)) + 1 if num_classes is None else num_classes
    drawn = (masks >= 0) & (masks < count) & (masks != ignore_index)
    used = np.unique(masks[drawn])
    absent = [] if color_mapping is None else [int(k) for k in used if int(k) not in color_mapping]
    if absent:
        raise ValueError(f"draw_segmentation_masks: `color_mapping` has no color for the classes {absent}")
    colors = np.zeros((count, 3), "float32")
    for k in map(int, used):
        colors[k] = np.array([1, 127, 31]) * k % 255 if color_mapping is None else color_mapping[k]
    share = alpha if blend else 1.0
    mixed = colors[np.where(drawn, masks, 0)] * share + pictures.astype("float32") * (1 - share)
    return np.where(drawn[..., None], mixed, pictures).astype("uint8")


def in_bytes(what: str, images: Any, data_format: str | None, value_range: tuple[float, float] = (0, 255)) -> Any:
    """A batch of images as an array of uint8 of its own, with channels last and at least three of them.

    Raises:
        ValueError: If it is no batch of images.
    """
    found = np.array(ops.convert_to_numpy(images))
    if found.ndim != 4:
        raise ValueError(f"{what}: `images` must be batched 4D tensor, of (batch, height, width, channels); their shape is "
                         f"{found.shape}")  # fmt: skip
    if DataFormat.parse(data_format) == "channels_first":
        found = found.transpose(0, 2, 3, 1)
    if tuple(value_range) != (0, 255):
        low, high = value_range
        found = (found - low) * (255.0 / (high - low))
    found = np.clip(found, 0, 255).astype("uint8")
    return np.repeat(found, 3, axis=-1) if found.shape[-1] == 1 else found
