"""Bounding boxes: how they are written, moved, cut and compared, and how a network tells them from anchors.

A box is four numbers along the last axis of a tensor. In the formats, `x` and `y` are the left and the top edge, then the right and
the bottom one, `w` and `h` the width and the height, and "center" is said where `x` and `y` are the middle. All are pixels, or
with "rel_" in front parts of the width and of the height of the image.
"""

import math

from kerastorch import ops

CORNERS = {  # by format, what its four numbers say of the left, top, right and bottom edges
    "xyxy": lambda x, y, r, b: (x, y, r, b),
    "yxyx": lambda y, x, b, r: (x, y, r, b),
    "xywh": lambda x, y, w, h: (x, y, x + w, y + h),
    "center_xywh": lambda x, y, w, h: (x - w / 2, y - h / 2, x + w / 2, y + h / 2),
    "center_yxhw": lambda y, x, h, w: (x - w / 2, y - h / 2, x + w / 2, y + h / 2),
}
WRITTEN = {  # by format, its four numbers
    "xyxy": lambda x, y, r, b: (x, y, r, b),
    "yxyx": lambda x, y, r, b: (y, x, b, r),
    "xywh": lambda x, y, r, b: (x, y, r - x, b - y),
    "center_xywh": lambda x, y, r, b: ((x + r) / 2, (y + b) / 2, r - x, b - y),
    "center_yxhw": lambda x, y, r, b: ((y + b) / 2, (x + r) / 2, b - y, r - x),
}
SUPPORTED = (*CORNERS, "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh")
CENTERED = ("center_xywh", "center_yxhw")
TINY = 1e-7  # keeps quotients finite


def _format(name):
    """Whether a format is relative, and which one it is then."""
    if str(name).lower() not in SUPPORTED:
        raise ValueError(f"Invalid source or target format {name!r}. Supported formats: {', '.join(SUPPORTED)}")
    name = str(name).lower()
    return name.startswith("rel_"), name.removeprefix("rel_")


def _numbers(boxes):
    """The four numbers of boxes, each a tensor without the last axis."""
    shape = tuple(boxes.shape)
    if not shape or shape[-1] not in (4, None):
        raise ValueError(f"`boxes` must be a tensor with the last dimension of 4. Received: boxes.shape={shape}")
    return ops.unstack(boxes, 4, axis=-1)


def _sizes(image_shape, *formats):
    """The height and the width that stand first in the shape of an image, which relative formats need."""
    if image_shape is None and any(_format(f)[0] for f in formats):
        raise ValueError(
            f"the boxes are relative to the size of the image ({', '.join(formats)}), so `image_shape` argument must be provided: "
            "its height, its width and its channels"
        )
    return (None, None) if image_shape is None else tuple(image_shape)[:2]


def convert_format(boxes, source, target, height=None, width=None, dtype="float32"):
    """Boxes written in another format.

    Args:
        boxes: Tensor of shape (..., 4), or a dict with such a one as "boxes", of which the other entries are kept.
        source: Their format: "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", or one of the first four with "rel_" in front.
        target: The format of the result.
        height, width: Size of the image in pixels, needed between relative and absolute formats.
        dtype: Dtype of the result.

    Raises:
        ValueError: For another format, boxes of another shape, or a size that is missing.
    """
    if isinstance(boxes, dict):
        return {**boxes, "boxes": convert_format(boxes["boxes"], source, target, height, width, dtype)}
    (relative, order), (to_relative, to_order) = _format(source), _format(target)
    if relative != to_relative and (height is None or width is None):
        raise ValueError(
            "convert_format() must receive `height` and `width` transforming between relative and absolute formats, which "
            f"{source!r} and {target!r} are; it has height={height}, width={width}"
        )
    corners = CORNERS[order](*_numbers(ops.convert_to_tensor(boxes, dtype)))
    if relative != to_relative:
        across, down = (ops.cast(s, dtype) for s in (width, height))
        change = ops.multiply if relative else ops.divide
        corners = [change(c, s) for c, s in zip(corners, (across, down, across, down), strict=True)]
    return ops.stack(WRITTEN[to_order](*corners), axis=-1)


def _within(size, *places):
    """Columns or rows held within an image."""
    return [ops.minimum(ops.maximum(p, 0.0), ops.cast(size, p.dtype)) for p in places]


def clip_to_image_size(bounding_boxes, height=None, width=None, bounding_box_format="xyxy"):
    """Boxes without what is outside of their image; those of which nothing is left get the label -1.

    Args:
        bounding_boxes: Dict with "boxes", of shape ([batch,] boxes, 4), and "labels", of shape ([batch,] boxes).
        height, width: Size of the image in pixels; not needed where the boxes are relative to it.
        bounding_box_format: How boxes are written.

    Raises:
        ValueError: If the size is missing.
    """
    relative, _ = _format(bounding_box_format)
    if not relative and (height is None or width is None):
        raise ValueError(f"`height` and `width` must be set if `format={bounding_box_format!r}`, which is in pixels")
    corners_format = "rel_xyxy" if relative else "xyxy"
    x, y, r, b = _numbers(convert_format(bounding_boxes["boxes"], bounding_box_format, corners_format))
    (x, r), (y, b) = _within(1 if relative else width, x, r), _within(1 if relative else height, y, b)
    labels = ops.convert_to_tensor(bounding_boxes["labels"])
    return {
        **bounding_boxes,
        "boxes": convert_format(ops.stack([x, y, r, b], axis=-1), corners_format, bounding_box_format),
        "labels": ops.where((r - x) * (b - y) > 0, labels, ops.cast(-1, labels.dtype)),
    }


# ------------------------------------------------------------------------------------------------ moving


def _moved(boxes, bounding_box_format, change):
    """What a function of left, top, right and bottom edges, which gives four such, makes of boxes in pixels."""
    if _format(bounding_box_format)[0]:
        raise NotImplementedError(f"boxes that are to be moved by pixels must be written in pixels, not as {bounding_box_format!r}")
    corners = ops.stack(change(*_numbers(convert_format(boxes, bounding_box_format, "xyxy"))), axis=-1)
    return convert_format(corners, "xyxy", bounding_box_format)


def crop(boxes, top, left, height, width, bounding_box_format="xyxy"):
    """Boxes in a part of their image, without what is outside of the part.

    Args:
        boxes: Tensor of shape (..., 4).
        top, left: Where the part begins, in pixels.
        height, width: Size of the part, in pixels.
        bounding_box_format: How boxes are written, in pixels.
    """

    def change(x, y, r, b):
        (x, r), (y, b) = _within(width, x - left, r - left), _within(height, y - top, b - top)
        return x, y, r, b

    return _moved(boxes, bounding_box_format, change)


def pad(boxes, top, left, height=None, width=None, bounding_box_format="xyxy"):
    """Boxes in an image that was padded.

    Args:
        boxes: Tensor of shape (..., 4).
        top, left: How many rows were added above and columns on the left.
        height, width: Size of the image; it does not matter.
        bounding_box_format: How boxes are written, in pixels.
    """
    return _moved(boxes, bounding_box_format, lambda x, y, r, b: (x + left, y + top, r + left, b + top))


def around(corners, change):
    """The boxes around boxes written as "xyxy" whose corners were moved.

    Args:
        corners: Tensor of shape (batch, boxes, 4).
        change: Function of the columns and the rows of points, of shape (batch, boxes, 4), that gives those they come to.
    """
    x, y, r, b = _numbers(corners)
    columns, rows = change(ops.stack([x, r, x, r], axis=-1), ops.stack([y, y, b, b], axis=-1))
    return ops.stack([f(v, axis=-1) for f in (ops.min, ops.max) for v in (columns, rows)], axis=-1)


def affine_transform(boxes, angle, translate_x, translate_y, scale, shear_x, shear_y, height, width, center_x=None, center_y=None,
                     bounding_box_format="xyxy"):  # fmt: skip
    """The boxes around boxes that were moved, sheared, turned and scaled, in this order.

    Args:
        boxes: Tensor of shape (boxes, 4), or (batch, boxes, 4).
        angle: Angle in degrees, counterclockwise; a number, or one for each image, as for all that follow.
        translate_x, translate_y: Distances to the right and down, as parts of the width and the height.
        scale: Factor of all sizes.
        shear_x, shear_y: Angles of the shear along rows and along columns, in degrees.
        height, width: Size of the image, in pixels.
        center_x, center_y: What stays in its place, as parts of the width and the height; None is the middle.
        bounding_box_format: How boxes are written.
    """
    corners = convert_format(boxes, bounding_box_format, "xyxy", height, width)
    single = len(corners.shape) == 2
    corners = ops.expand_dims(corners, 0) if single else corners
    angle, left, down, scale, shear_x, shear_y = (
        ops.reshape(ops.convert_to_tensor(v, "float32"), (-1, 1, 1))
        for v in (angle, translate_x, translate_y, scale, shear_x, shear_y)
    )
    angle, shear_x, shear_y = (v * (math.pi / 180) for v in (angle, shear_x, shear_y))
    across, along = (ops.cast(s, "float32") - 1 for s in (width, height))
    x0, y0 = across * (0.5 if center_x is None else center_x), along * (0.5 if center_y is None else center_y)
    cos, sin = (f(angle - shear_y) / ops.cos(shear_y) for f in (ops.cos, ops.sin))
    slope = ops.tan(shear_x)

    def change(x, y):
        x, y = x - x0 + left * across, y - y0 + down * along
        columns = (ops.cos(angle) + sin * slope) * x + (cos * slope + ops.sin(angle)) * y
        return columns * scale + x0, (cos * y - sin * x) * scale + y0

    out = around(corners, change)
    return convert_format(ops.squeeze(out, 0) if single else out, "xyxy", bounding_box_format, height, width)


# ------------------------------------------------------------------------------------------------ comparing


def _areas(x, y, r, b):
    return (r - x) * (b - y)


def _overlap(boxes1, boxes2):
    """The intersection over the union of boxes given by their edges."""
    (x1, y1, r1, b1), (x2, y2, r2, b2) = boxes1, boxes2
    width = ops.minimum(r1, r2) - ops.maximum(x1, x2)
    height = ops.minimum(b1, b2) - ops.maximum(y1, y2)
    common = ops.maximum(width, 0.0) * ops.maximum(height, 0.0)
    return common / (_areas(*boxes1) + _areas(*boxes2) - common + TINY)


def compute_iou(boxes1, boxes2, bounding_box_format, use_masking=False, mask_val=-1, image_shape=None):
    """How far each of some boxes overlaps each of others: the intersection over the union.

    Args:
        boxes1: Tensor of shape (m, 4), or (batch, m, 4).
        boxes2: Tensor of shape (n, 4), or (batch, n, 4).
        bounding_box_format: How both are written.
        use_masking: Whether boxes count as missing whose four numbers are all below 0.
        mask_val: The result for missing boxes.
        image_shape: (height, width, channels) of the image, where boxes are relative to it.

    Returns:
        Tensor of shape (m, n), or (batch, m, n).

    Raises:
        ValueError: For other shapes, or a relative format without `image_shape`.
    """
    ranks = [len(ops.convert_to_tensor(b).shape) for b in (boxes1, boxes2)]
    for name, rank in zip(("boxes1", "boxes2"), ranks, strict=True):
        if rank not in (2, 3):
            raise ValueError(f"compute_iou() expects {name} to be batched, or to be unbatched: of rank 3 or 2, not {rank}")
    sizes = _sizes(image_shape, bounding_box_format)
    boxes1, boxes2 = (convert_format(b, bounding_box_format, "xyxy", *sizes) for b in (boxes1, boxes2))
    out = _overlap(_numbers(ops.expand_dims(boxes1, -2)), _numbers(ops.expand_dims(boxes2, -3)))
    if not use_masking:
        return out
    missing = (ops.all(boxes1 < 0, axis=-1, keepdims=True), ops.expand_dims(ops.all(boxes2 < 0, axis=-1), -2))
    return ops.where(ops.logical_or(*missing), float(mask_val), out)


def compute_ciou(boxes1, boxes2, bounding_box_format, image_shape=None):
    """The complete overlap of boxes with others: less than `compute_iou` where middles and ratios differ (Zheng et al., 2020).

    Args:
        boxes1, boxes2: Tensors of shape (..., 4), compared box by box.
        bounding_box_format: How both are written.
        image_shape: (height, width, channels) of the image, where boxes are relative to it.

    Returns:
        Tensor of shape (...), from -2 to 1.

    Raises:
        ValueError: For other shapes, or a relative format without `image_shape`.
    """
    sizes = _sizes(image_shape, bounding_box_format)
    boxes1, boxes2 = (convert_format(b, bounding_box_format, "xyxy", *sizes) for b in (boxes1, boxes2))
    first, second = _numbers(boxes1), _numbers(boxes2)
    overlap = _overlap(first, second)
    (x1, y1, r1, b1), (x2, y2, r2, b2) = first, second
    span = ops.square(ops.maximum(r1, r2) - ops.minimum(x1, x2)) + ops.square(ops.maximum(b1, b2) - ops.minimum(y1, y2))
    apart = (ops.square(x1 + r1 - x2 - r2) + ops.square(y1 + b1 - y2 - b2)) / 4
    slopes = [ops.arctan((r - x) / (b - y + TINY)) for x, y, r, b in (first, second)]
    shape = ops.square(slopes[1] - slopes[0]) * (4 / math.pi**2)
    return overlap - apart / (span + TINY) - shape * ops.stop_gradient(shape / (shape - overlap + 1 + TINY))


# ------------------------------------------------------------------------------------------------ anchors


def _variance(variance):
    """Four factors of deltas, as a tensor."""
    out = ops.convert_to_tensor(1.0 if variance is None else variance, "float32")
    if tuple(out.shape) not in ((), (4,)):
        raise ValueError(f"`variance` must be length 4, got {variance}")
    return out


def _centered(name, value):
    if value not in CENTERED:
        raise ValueError(f"`{name}` should be one of {' or '.join(map(repr, CENTERED))}, but got {value!r}")


def encode_box_to_deltas(anchors, boxes, anchor_format, box_format, encoding_format="center_yxhw", variance=None, image_shape=None):
    """Boxes as a network predicts them: moves of the middles of anchors, in their sizes, and the logarithms of ratios of sizes.

    Args:
        anchors: Tensor of shape (n, 4).
        boxes: Tensor of shape (n, 4), or (batch, n, 4).
        anchor_format, box_format: How they are written.
        encoding_format: "center_yxhw" or "center_xywh": the order of the deltas.
        variance: Four numbers by which deltas are divided.
        image_shape: (height, width, channels) of the image, where a format is relative to it.

    Raises:
        ValueError: For another encoding, or a number of variances that is not 4.
    """
    _centered("encoding_format", encoding_format)
    variance, sizes = _variance(variance), _sizes(image_shape, anchor_format, box_format)
    anchors = convert_format(anchors, anchor_format, encoding_format, *sizes)
    boxes = convert_format(boxes, box_format, encoding_format, *sizes)
    extent = ops.maximum(anchors[..., 2:], TINY)
    moves = (boxes[..., :2] - anchors[..., :2]) / extent
    return ops.concatenate([moves, ops.log(ops.maximum(boxes[..., 2:], TINY) / extent)], axis=-1) / variance


def decode_deltas_to_boxes(anchors, boxes_delta, anchor_format, box_format, encoded_format="center_yxhw", variance=None,
                           image_shape=None):  # fmt: skip
    """The boxes that deltas of anchors stand for; the inverse of `encode_box_to_deltas`.

    Args:
        anchors: Tensor of shape (n, 4), or a dict of such.
        boxes_delta: Tensor of shape (n, 4), or (batch, n, 4), or a dict of such with the same keys.
        anchor_format: How anchors are written.
        box_format: How the result is written.
        encoded_format: "center_yxhw" or "center_xywh": the order of the deltas.
        variance: Four numbers by which deltas are multiplied.
        image_shape: (height, width, channels) of the image, where a format is relative to it.

    Raises:
        ValueError: For another encoding, or a number of variances that is not 4.
    """
    _centered("encoded_format", encoded_format)
    variance, sizes = _variance(variance), _sizes(image_shape, anchor_format, box_format)
    if isinstance(anchors, dict):
        rest = (anchor_format, box_format, encoded_format, None if len(variance.shape) == 0 else variance, image_shape)
        return {k: decode_deltas_to_boxes(anchors[k], deltas, *rest) for k, deltas in boxes_delta.items()}
    anchors = convert_format(anchors, anchor_format, encoded_format, *sizes)
    deltas = ops.multiply(boxes_delta, variance)
    extent = anchors[..., 2:]
    boxes = [deltas[..., :2] * extent + anchors[..., :2], ops.exp(deltas[..., 2:]) * extent]
    return convert_format(ops.concatenate(boxes, axis=-1), encoded_format, box_format, *sizes)
