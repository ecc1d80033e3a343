"""Ops that change the colors of images."""

from kerastorch import dtypes, ops
from kerastorch.dtypes import concrete, is_float
from kerastorch.op import Tensor, composite
from kerastorch.shapes import image, image_axes, replaced


def _mixed(images):
    """Mixes channels as floats and answers in the dtype of the images."""
    d = concrete(images)
    return (d if is_float(d) else dtypes.floatx()), d


def _floats(images):
    if not is_float(images):
        raise ValueError(f"Invalid images dtype: expected float dtype. Colors must be numbers from 0 to 1, not of dtype {images}")
    return dtypes.same(images)


def _gray(images, *, data_format):
    axis = image_axes(data_format)[-1]
    if image(images)[axis] not in (1, 3, None):
        raise ValueError(f"Invalid channel size: expected 3 (RGB) or 1 (Grayscale). Images of shape {images} have "
                         f"{images[axis]} channels ({data_format})")  # fmt: skip
    return replaced(images, {axis: 1})


def _three(images, *, data_format):
    channels = image(images)[image_axes(data_format)[-1]]
    if channels not in (3, None):
        raise ValueError(f"Input images must have 3 channels, but received images with {channels} channels. Their shape is "
                         f"{images}, the layout {data_format}")  # fmt: skip
    return images


LUMA = (0.2989, 0.587, 0.114)  # how bright red, green and blue seem (ITU-R BT.601)


@composite(shape=_gray, dtype=_mixed, checked=True)
def rgb_to_grayscale(images: Tensor, data_format=None):
    """The brightness of colors: 0.2989 red, 0.587 green and 0.114 blue.

    Args:
        images: Tensor of shape (height, width, channels), or with a batch in front; 3 channels, or 1 that stays as it is.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.

    Returns:
        Images with one channel.
    """
    axis = image_axes(data_format)[-1]
    if images.shape[axis] == 1:
        return images
    return ops.expand_dims(ops.tensordot(images, ops.convert_to_tensor(LUMA, images.dtype), [[axis], [0]]), axis)


@composite(shape=_three, dtype=_floats, checked=True)
def rgb_to_hsv(images: Tensor, data_format=None):
    """Red, green and blue as hue, saturation and value (Smith, 1978), all from 0 to 1.

    Args:
        images: Float tensor of shape (height, width, 3), or with a batch in front.
        data_format: "channels_last", or "channels_first" for (3, height, width); None is the default layout.

    Returns:
        Images of the same shape. Red has the hue 0, green 1/3 and blue 2/3.
    """
    axis = image_axes(data_format)[-1]
    red, green, blue = ops.unstack(images, 3, axis=axis)
    value = ops.maximum(ops.maximum(red, green), blue)
    spread = value - ops.minimum(ops.minimum(red, green), blue)
    gray = ops.equal(spread, 0)
    unit = ops.where(gray, 1.0, spread * 6.0)
    hue = ops.where(ops.equal(value, green), (blue - red) / unit + 1 / 3, (red - green) / unit + 2 / 3)
    hue = ops.where(ops.equal(value, red), (green - blue) / unit, hue)
    hue = ops.where(gray, 0.0, ops.where(hue < 0, hue + 1.0, hue))
    saturation = ops.where(value > 0, spread / ops.where(value > 0, value, 1.0), 0.0)
    return ops.stack([hue, saturation, value], axis)


@composite(shape=_three, dtype=_floats, checked=True)
def hsv_to_rgb(images: Tensor, data_format=None):
    """Hue, saturation and value, all from 0 to 1, as red, green and blue; the inverse of `rgb_to_hsv`.

    Args:
        images: Float tensor of shape (height, width, 3), or with a batch in front.
        data_format: "channels_last", or "channels_first" for (3, height, width); None is the default layout.
    """
    axis = image_axes(data_format)[-1]
    hue, saturation, value = ops.unstack(images, 3, axis=axis)
    angle = hue * 6.0
    pure = [ops.abs(angle - 3.0) - 1.0, 2.0 - ops.abs(angle - 2.0), 2.0 - ops.abs(angle - 4.0)]
    return ops.stack([(ops.clip(c, 0.0, 1.0) * saturation + (1.0 - saturation)) * value for c in pure], axis)
