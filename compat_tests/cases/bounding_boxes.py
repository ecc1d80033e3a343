"""Cases of functions of bounding boxes: the function, and its arguments."""

import numpy as np

RNG = np.random.default_rng(0)
FORMATS = ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh")


def boxes(*shape: int) -> np.ndarray:
    """Boxes of some width and height, as "xyxy"."""
    start = RNG.uniform(-10, 60, (*shape, 2))
    return np.concatenate([start, start + RNG.uniform(1, 60, (*shape, 2))], axis=-1).astype("float32")


def each(*numbers: float) -> np.ndarray:
    return np.array(numbers, "float32")


SIZE = {"height": 80, "width": 100}
IMAGE = {"image_shape": (80, 100, 3)}
STILL = {"angle": each(0, 0), "translate_x": each(0, 0), "translate_y": each(0, 0), "scale": each(1, 1), "shear_x": each(0, 0),
         "shear_y": each(0, 0)}  # fmt: skip
with_labels = {"boxes": boxes(2, 5), "labels": np.arange(10).reshape(2, 5)}
missing = np.concatenate([boxes(2, 3), np.full((2, 1, 4), -1, "float32")], axis=1)
anchors, targets = boxes(4), boxes(2, 4)
variance = {"variance": [0.1, 0.1, 0.2, 0.2]}

CASES = [
    *(("convert_format", (boxes(2, 3), "xyxy", target), SIZE) for target in FORMATS),
    *(("convert_format", (boxes(3) / 100, source, "xyxy"), SIZE) for source in FORMATS),
    ("convert_format", (with_labels, "xywh", "YXYX"), {"dtype": "float16"}),
    ("clip_to_image_size", (with_labels,), SIZE),
    ("clip_to_image_size", ({**with_labels, "boxes": boxes(2, 5) / 60},), {"bounding_box_format": "rel_xyxy"}),
    ("crop", (boxes(2, 3), 10, 20, 30, 40), {}),
    ("pad", (boxes(2, 3), 10, 20), {}),
    *(("affine_transform", (boxes(2, 3),), {**STILL, **SIZE, **more}) for more in (
        {"angle": each(30, -70)}, {"translate_x": each(0.1, -0.2), "translate_y": each(0, 0.3)}, {"scale": each(2, 0.5)},
        {"shear_x": each(20, -5)}, {"shear_y": each(10, 0)}, {"angle": each(30, 9), "center_x": 0.1, "center_y": 0.7},
        {"angle": each(30, 20), "shear_x": each(20, 9), "shear_y": each(10, 5), "scale": each(2, 1), "translate_x": each(0.1, 0)},
    )),
    ("compute_iou", (boxes(4), boxes(3), "xyxy"), {}),
    ("compute_iou", (boxes(2, 4), boxes(3), "center_xywh"), {}),
    ("compute_iou", (boxes(4), boxes(2, 3), "yxyx"), {}),
    ("compute_iou", (missing, boxes(2, 3), "xyxy"), {"use_masking": True, "mask_val": -2}),
    ("compute_ciou", (boxes(4), boxes(4), "xyxy"), {}),
    ("compute_ciou", (boxes(2, 4), boxes(2, 4), "xywh"), {}),
    *(("encode_box_to_deltas", (anchors, targets, "xyxy", "xyxy"), {"encoding_format": order, **more})
      for order in ("center_xywh", "center_yxhw") for more in ({}, variance)),
    ("encode_box_to_deltas", (anchors, targets / 100, "xyxy", "rel_xyxy"), IMAGE),
    *(("decode_deltas_to_boxes", (anchors, targets / 100, "xyxy", "xywh"), {"encoded_format": order, **more})
      for order in ("center_xywh", "center_yxhw") for more in ({}, variance)),
    ("decode_deltas_to_boxes", ({0: anchors}, {0: targets / 100}, "xyxy", "rel_xyxy"), IMAGE),
]  # fmt: skip
IDS = [f"{i}-{name}" for i, (name, *_) in enumerate(CASES)]

WRONG = [  # function, arguments, error, what it says
    ("convert_format", (boxes(2), "xyxy", "no"), {}, ValueError, "Supported formats"),
    ("convert_format", (boxes(2)[:, :3], "xyxy", "xywh"), {}, ValueError, "last dimension of 4"),
    ("convert_format", (boxes(2), "xyxy", "rel_xywh"), {"height": 3}, ValueError, "must receive `height` and `width`"),
    ("clip_to_image_size", (with_labels,), {}, ValueError, "`height` and `width` must be set"),
    ("crop", (boxes(2), 1, 2, 3, 4), {"bounding_box_format": "rel_xywh"}, NotImplementedError, "in pixels"),
    ("compute_iou", (boxes(2)[0], boxes(2), "xyxy"), {}, ValueError, "expects boxes1 to be batched"),
    ("compute_iou", (boxes(2), boxes(2), "rel_xyxy"), {}, ValueError, "`image_shape` argument must be provided"),
    ("encode_box_to_deltas", (anchors, targets, "xyxy", "xyxy"), {"variance": [1, 2]}, ValueError, "must be length 4"),
    ("encode_box_to_deltas", (anchors, targets, "xyxy", "xyxy", "xyxy"), {}, ValueError, "`encoding_format` should be one of"),
    ("decode_deltas_to_boxes", (anchors, targets, "xyxy", "xyxy", "xyxy"), {}, ValueError, "`encoded_format` should be"),
]
