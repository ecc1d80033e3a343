"""Cases of layers that change images at random: what was drawn, given by hand, so that results can be compared."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

RNG = np.random.default_rng(0)
SHAPE = (3, 7, 9, 3)
IMAGES = RNG.integers(0, 256, SHAPE).astype("float32")
BOXES = np.array([[[1, 2, 6, 5], [0, 0, 9, 7]], [[2, 3, 8, 6], [0, 0, 0, 0]], [[1, 1, 3, 4], [4, 4, 7, 7]]], "float32")
BOX_LABELS = np.array([[1, 2], [3, -1], [4, 5]])
LABELS = np.eye(3, dtype="float32")


@dataclass(frozen=True)
class Case:
    """What a layer makes of images, masks, labels and boxes by a transformation.

    Attributes:
        layer: Name of the class in `layers`.
        drawn: What `get_random_transformation` could have given.
        kwargs: The constructor's arguments.
        skip: What is not compared, and why: of "images", "segmentation_masks", "labels" and "bounding_boxes".
    """

    layer: str
    drawn: Any = None
    kwargs: dict[str, Any] = field(default_factory=dict)
    skip: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.layer}-{','.join(f'{k}={v}' for k, v in self.kwargs.items())}".replace(" ", "").strip("-")


def each(*numbers: float) -> np.ndarray:
    return np.array(numbers, "float32").reshape(-1, 1, 1, 1)


some = np.array([True, False, True])
patch = RNG.random((*SHAPE[:3], 1)) > 0.5
order = np.array([2, 0, 1], "int32")
corners = np.array([[[0, 0], [8, 0], [0, 6], [8, 6]]] * 3, "float32")
shear = {"shear_factor": np.array([[0.3, 0.2], [0, -0.3], [0.1, 0]], "float32"), "input_shape": SHAPE}
NO_BOXES = {"bounding_boxes": "the reference moves none"}
TIES = {"segmentation_masks": "the nearest of two pixels that are equally near is an accident"}

CASES = [
    Case("RandomFlip", {"flips": some.reshape(3, 1, 1, 1), "input_shape": SHAPE}, {"mode": "horizontal"}),
    Case("RandomFlip", {"flips": some.reshape(3, 1, 1, 1), "input_shape": SHAPE}, {"mode": "vertical"}),
    Case("RandomTranslation", {"translations": np.array([[1, 2], [-2, 0.25], [0, 3]], "float32"), "input_shape": SHAPE},
         {"height_factor": 0.5, "width_factor": 0.5}),
    Case("RandomZoom", {"height_zoom": each(1.2, 0.8, 0.5)[:, :, 0, 0], "width_zoom": each(1.1, 0.7, 1.5)[:, :, 0, 0],
                        "input_shape": SHAPE}, {"height_factor": 0.5}, skip=TIES),
    Case("RandomShear", shear, {"x_factor": 0.5}, skip=TIES),
    Case("RandomShear", shear, {"x_factor": 0.5, "fill_mode": "constant", "fill_value": 3.0}, skip=TIES),
    Case("RandomPerspective", {"apply_perspective": some, "start_points": corners, "input_shape": SHAPE,
                               "end_points": corners * np.array([1, 1.2, 0.9], "float32").reshape(3, 1, 1)}),
    Case("RandomGrayscale", some.reshape(3, 1, 1, 1), skip=NO_BOXES),
    Case("RandomInvert", {"apply_inversion": some}, {"value_range": (10, 250)}),
    Case("RandomHue", {"factor": np.array([0.3, -0.4, 0], "float32")}, {"factor": 0.5}),
    Case("RandomPosterization", {"shift_factor": np.array([3, 7, 5], "uint8")}, {"factor": 5}),
    Case("RandomColorDegeneration", {"factor": each(0.3, -0.4, 1)}, {"factor": 0.5}),
    Case("RandomContrast", {"contrast_factor": each(0.3, 0.9, 1.4)}, {"factor": 0.5}),
    Case("RandomBrightness", {"rgb_delta": each(-30, 12, 200)}, {"factor": 0.5}),
    Case("RandomSharpness", {"factor": np.array([0.3, 0.6, 1], "float32")}, {"factor": 0.5}),
    Case("RandomSharpness", {"factor": np.array([0, 0.5, 0.9], "float32")}, {"factor": 0.5, "value_range": (10, 200)}),
    Case("Solarization", {"additions": each(10, 40, 0), "thresholds": each(100, 0, 50)}),
    Case("RandomGaussianBlur", {"should_apply_blur": some, "blur_factor": np.array([0.5, 2], "float32")}, {"kernel_size": 5}),
    Case("RandomGaussianBlur", {"should_apply_blur": some, "blur_factor": np.array([0.9, 0.3], "float32")}),
    Case("RandomErasing", {"apply_erasing": some, "batch_masks": patch, "fill_value": np.float32(7)}),
    Case("CutMix", {"permutation_order": order, "batch_masks": patch, "mix_weight": each(0.3, 0.5, 0.9)}, skip=NO_BOXES),
    Case("MixUp", {"permutation_order": order, "mix_weight": np.array([0.3, 0.5, 0.9], "float32")},
         skip={"segmentation_masks": "the reference mixes masks with other channels",
               "bounding_boxes": "the reference joins labels along another axis than boxes"}),
    Case("CenterCrop", {"input_shape": SHAPE}, {"height": 3, "width": 4}),
    Case("CenterCrop", {"input_shape": SHAPE}, {"height": 10, "width": 5}),
    Case("Resizing", SHAPE[1:3], {"height": 4, "width": 5}),
    Case("Resizing", SHAPE[1:3], {"height": 4, "width": 5, "crop_to_aspect_ratio": True}),
    Case("Resizing", SHAPE[1:3], {"height": 5, "width": 4, "crop_to_aspect_ratio": True}),
    Case("Resizing", SHAPE[1:3], {"height": 4, "width": 5, "pad_to_aspect_ratio": True}),
    Case("Resizing", SHAPE[1:3], {"height": 5, "width": 4, "pad_to_aspect_ratio": True}),
    Case("MaxNumBoundingBoxes", None, {"max_number": 3}),
    Case("MaxNumBoundingBoxes", None, {"max_number": 1, "fill_value": -7}),
]  # fmt: skip
