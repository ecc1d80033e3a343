"""Many images at once, by matplotlib."""

import math
from typing import Any

from kerastorch import extras, ops
from kerastorch.visualization.drawing import draw_bounding_boxes, draw_segmentation_masks, in_bytes


def plot_image_gallery(
    images,
    y_true=None,
    y_pred=None,
    label_map=None,
    rows=None,
    cols=None,
    value_range=(0, 255),
    scale=2,
    path=None,
    show=None,
    transparent=True,
    dpi=60,
    legend_handles=None,
    data_format=None,
):
    """Shows images in rows and columns, or writes them to a file.

    Args:
        images: Array or tensor of shape (batch, height, width, channels).
        y_true, y_pred: The classes of the images, and those predicted, which are written above: green where they agree, red
            where they do not.
        label_map: From classes to names.
        rows, cols: How many there are; what is None is found from the other, or for a square.
        value_range: The least and the greatest value of a pixel.
        scale: Size of an image in inches.
        path: File to write; None for none.
        show: Whether the gallery is shown; it is, unless it is written.
        transparent: Whether the file's background is transparent.
        dpi: Resolution of the file in dots per inch.
        legend_handles: What matplotlib's legend shows.
        data_format: "channels_last" or "channels_first"; None is the default layout.

    Raises:
        ValueError: If `images` is no batch, labels are given without `label_map`, or the gallery is to be both written and shown.
        ImportError: If matplotlib is not installed.
    """
    if path is not None and show:
        raise ValueError("plot_image_gallery: either a `path` is given or `show=True`, not both")
    if (y_true is not None or y_pred is not None) and label_map is None:
        raise ValueError("plot_image_gallery: a `label_map` is needed for the names of the classes in `y_true` or `y_pred`")
    pictures = in_bytes("plot_image_gallery", images, data_format, value_range)
    plt = extras.load("matplotlib.pyplot", "plot_image_gallery")
    n = len(pictures)
    if rows is None:
        cols = cols or math.ceil(math.sqrt(n))
        rows = math.ceil(n / cols)
    cols = cols or math.ceil(n / rows)
    figure, places = plt.subplots(rows, cols, squeeze=False, layout="tight", figsize=(cols * scale, rows * scale))
    true, predicted = (None if y is None else ops.convert_to_numpy(y).reshape(-1) for y in (y_true, y_pred))
    for i, place in enumerate(places.flat):
        place.axis("off")
        if i < n:
            place.imshow(pictures[i])
            text, color = _title(i, true, predicted, label_map)
            place.set_title(text, color=color)
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="lower center")
    if path is not None:
        figure.savefig(path, transparent=transparent, dpi=dpi, bbox_inches="tight")
        plt.close(figure)
    elif show is not False:
        plt.show()


def _title(i: int, true: Any, predicted: Any, names: Any) -> tuple[str, str]:
    """What is written above image number i, and in which color."""
    lines = [f"{what}: {names[int(y[i])]}" for what, y in (("true", true), ("predicted", predicted)) if y is not None]
    both = true is not None and predicted is not None
    return "\n".join(lines), ("green" if true[i] == predicted[i] else "red") if both else "black"


def plot_bounding_box_gallery(
    images,
    bounding_box_format,
    y_true=None,
    y_pred=None,
    value_range=(0, 255),
    true_color=(0, 188, 212),
    pred_color=(255, 235, 59),
    line_thickness=2,
    font_scale=1.0,
    text_thickness=None,
    class_mapping=None,
    ground_truth_mapping=None,
    prediction_mapping=None,
    legend=False,
    legend_handles=None,
    rows=None,
    cols=None,
    data_format=None,
    **kwargs,
):
    """Shows images with the boxes that are there and those predicted.

    Args:
        images: Array or tensor of shape (batch, height, width, channels).
        bounding_box_format, y_true, y_pred: The boxes, as `draw_bounding_boxes` takes them.
        value_range: The least and the greatest value of a pixel.
        true_color, pred_color: Red, green and blue of the boxes of `y_true` and of `y_pred`.
        line_thickness, font_scale, text_thickness: Of `draw_bounding_boxes`; text is as thick as lines where it is None.
        class_mapping: From labels to names; `ground_truth_mapping` and `prediction_mapping` come first for their boxes.
        legend: Whether a legend says which color is which.
        legend_handles: What matplotlib's legend shows instead.
        rows, cols, data_format, **kwargs: Of `plot_image_gallery`.

    Raises:
        ValueError: If both `legend` and `legend_handles` are given, or `images` is no batch.
        ImportError: If matplotlib or Pillow is not installed.
    """
    if legend and legend_handles:
        raise ValueError("plot_bounding_box_gallery: Only pass `legend` or `legend_handles`, not both")
    pictures = in_bytes("plot_bounding_box_gallery", images, data_format, value_range)
    kinds = (
        ("Ground Truth", y_true, true_color, ground_truth_mapping),
        ("Prediction", y_pred, pred_color, prediction_mapping),
    )
    for _, boxes, color, mapping in kinds:
        if boxes is not None:
            pictures = draw_bounding_boxes(pictures, boxes, bounding_box_format, mapping or class_mapping, color, line_thickness,
                                           text_thickness or line_thickness, font_scale, "channels_last")  # fmt: skip
    if legend:
        patch = extras.load("matplotlib.patches", "plot_bounding_box_gallery").Patch
        legend_handles = [patch(color=[c / 255 for c in color], label=name) for name, boxes, color, _ in kinds if boxes is not None]
    plot_image_gallery(pictures, rows=rows, cols=cols, legend_handles=legend_handles, data_format="channels_last", **kwargs)


def plot_segmentation_mask_gallery(
    images,
    num_classes,
    value_range=(0, 255),
    y_true=None,
    y_pred=None,
    color_mapping=None,
    blend=True,
    alpha=0.8,
    ignore_index=-1,
    data_format=None,
    **kwargs,
):
    """Shows images, beside each the same with the mask that is there, and with the one predicted.

    Args:
        images: Array or tensor of shape (batch, height, width, channels).
        num_classes, color_mapping, blend, alpha, ignore_index: Of `draw_segmentation_masks`.
        value_range: The least and the greatest value of a pixel.
        y_true, y_pred: Masks, as `draw_segmentation_masks` takes them.
        data_format, **kwargs: Of `plot_image_gallery`.

    Raises:
        ValueError: If `images` is no batch.
        ImportError: If matplotlib is not installed.
    """
    import numpy as np

    plain = in_bytes("plot_segmentation_mask_gallery", images, data_format, value_range)
    shown = [plain]
    for masks in (y_true, y_pred):
        if masks is not None:
            shown.append(
                draw_segmentation_masks(plain, masks, num_classes, color_mapping, alpha, blend, ignore_index, "channels_last")
            )
    together = np.concatenate(shown, axis=2)  # side by side
    plot_image_gallery(together, data_format="channels_last", **kwargs)
