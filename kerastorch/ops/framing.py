"""Ops that cut images out and put borders around them."""

from kerastorch import ops
from kerastorch.dtypes import same
from kerastorch.op import Tensor, composite
from kerastorch.shapes import image, image_axes, replaced

SIDES = (("top", "bottom", "height"), ("left", "right", "width"))


def sides(kind, size, before, after, target, names):
    """What is padded (or cropped) before and after one axis, and the size that results, of which two are given.

    Args:
        kind: "padding" or "cropping".
        size: The size before; it may not be known.
        before, after, target: Ints; None for the one that follows.
        names: What the three are called.

    Returns:
        (before, after, target), each None where it depends on a size that is not known.
    """
    first, last, name = f"{names[0]}_{kind}", f"{names[1]}_{kind}", f"target_{names[2]}"
    if [before, after, target].count(None) != 1:
        raise ValueError(f"Must specify exactly two of {first}, {last}, {name}, got {before}, {after} and {target}")
    sign = 1 if kind == "padding" else -1
    refuse_negative(size, {first: before, last: after, name: target})
    if not isinstance(size, int):
        if target is None and kind == "cropping":
            raise ValueError(f"When the {names[2]} of the images is unknown, {name} must be given for cropping")
    elif before is None:
        before = sign * (target - size) - after
    elif after is None:
        after = sign * (target - size) - before
    else:
        target = size + sign * (before + after)
    refuse_negative(size, {first: before, last: after, name: target})
    return before, after, target


def refuse_negative(size, values):
    """Raises a ValueError where one of the values, given by name, is below 0."""
    for name, value in values.items():
        if value is not None and value < 0:
            raise ValueError(f"{name} must be >= 0, got {value} for an axis of size {size}")


def _padded(images, *, top_padding, left_padding, bottom_padding, right_padding, target_height, target_width, data_format):
    rows, columns, _ = image_axes(data_format)
    height = sides("padding", image(images)[rows], top_padding, bottom_padding, target_height, SIDES[0])[-1]
    width = sides("padding", images[columns], left_padding, right_padding, target_width, SIDES[1])[-1]
    return replaced(images, {rows: height, columns: width})


def _cropped(images, *, top_cropping, left_cropping, bottom_cropping, right_cropping, target_height, target_width, data_format):
    rows, columns, _ = image_axes(data_format)
    height = sides("cropping", image(images)[rows], top_cropping, bottom_cropping, target_height, SIDES[0])[-1]
    width = sides("cropping", images[columns], left_cropping, right_cropping, target_width, SIDES[1])[-1]
    return replaced(images, {rows: height, columns: width})


@composite(shape=_padded, dtype=same, checked=True)
def pad_images(images: Tensor, top_padding=None, left_padding=None, bottom_padding=None, right_padding=None,
               target_height=None, target_width=None, data_format=None):  # fmt: skip
    """Zeros around images.

    Args:
        images: Tensor of shape (height, width, channels), or with a batch in front.
        top_padding, bottom_padding, target_height: Rows put above and below, and the height that results: two of them.
        left_padding, right_padding, target_width: Columns put left and right, and the width that results: two of them.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.

    Raises:
        ValueError: Where not exactly two of three are given, or one of them comes out negative.
    """
    given = ((top_padding, bottom_padding, target_height), (left_padding, right_padding, target_width))
    pairs = [(0, 0)] * len(images.shape)
    for axis, (before, after, target), names in zip(image_axes(data_format), given, SIDES, strict=False):
        size = ops.shape(images)[axis]
        known = sides("padding", size, before, after, target, names)
        before = target - size - after if known[0] is None else known[0]
        pairs[axis] = (before, target - size - before if known[1] is None else known[1])
    return ops.pad(images, pairs)


@composite(shape=_cropped, dtype=same, checked=True)
def crop_images(images: Tensor, top_cropping=None, left_cropping=None, bottom_cropping=None, right_cropping=None,
                target_height=None, target_width=None, data_format=None):  # fmt: skip
    """A rectangle out of images.

    Args:
        images: Tensor of shape (height, width, channels), or with a batch in front.
        top_cropping, bottom_cropping, target_height: Rows cut off above and below, and the height that stays: two of them.
        left_cropping, right_cropping, target_width: Columns cut off left and right, and the width that stays: two of them.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.

    Raises:
        ValueError: Where not exactly two of three are given, or one of them comes out negative.
    """
    given = ((top_cropping, bottom_cropping, target_height), (left_cropping, right_cropping, target_width))
    key = [slice(None)] * len(images.shape)
    for axis, (before, after, target), names in zip(image_axes(data_format), given, SIDES, strict=False):
        first, last, target = sides("cropping", images.shape[axis], before, after, target, names)
        key[axis] = slice(-(last + target), -last or None) if first is None else slice(first, first + target)
    return images[tuple(key)]
