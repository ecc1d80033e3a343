"""Ops that look at the surroundings of each pixel: blur, edges, similarity, patches."""

import math

from kerastorch import dtypes, ops
from kerastorch.dtypes import same
from kerastorch.errors import OpTypeError
from kerastorch.op import Tensor, composite
from kerastorch.ops.resampling import in_floats, pixels
from kerastorch.shapes import broadcast, image, image_axes, per_axis, spatial, unspatial, window_length

# ------------------------------------------------------------------------------------------------ blur


def bell(size, sigma, dtype):
    """A Gaussian's values around its middle, which sum to 1."""
    at = ops.arange(size, dtype=dtype) - (size - 1) / 2
    weights = ops.exp(ops.square(at / sigma) * -0.5)
    return weights / ops.sum(weights)


def blurred(x, down, across, padding, data_format):
    """A batch of float images, each channel convolved with one vector of weights along the rows and one along the columns."""
    channels = x.shape[image_axes(data_format)[-1]]
    for weights, shape in ((down, (-1, 1, 1, 1)), (across, (1, -1, 1, 1))):
        kernel = ops.tile(ops.reshape(weights, shape), (1, 1, channels, 1))
        x = ops.depthwise_conv(x, kernel, padding=padding, data_format=data_format)
    return x


def _blurred(images, sigma):
    if sigma not in ((2,), (None,)):
        raise ValueError(f"sigma must have a number for the width and one for the height, got shape {sigma}")
    return image(images)


@composite(shape=_blurred, dtype=pixels, checked=True)
def gaussian_blur(images: Tensor, kernel_size=(3, 3), sigma: Tensor = (1.0, 1.0), data_format=None):
    """Images convolved with a Gaussian; what lies outside counts as 0.

    Args:
        images: Tensor of shape (height, width, channels), or with a batch in front. Integers are rounded.
        kernel_size: Width and height of the window, in pixels.
        sigma: Deviation along the width and along the height, in pixels.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
    """

    def blur(x):
        across, down = (bell(int(kernel_size[i]), sigma[i], x.dtype) for i in range(2))
        if len(x.shape) == 4:
            return blurred(x, down, across, "same", data_format)
        return ops.squeeze(blurred(ops.expand_dims(x, 0), down, across, "same", data_format), 0)

    return in_floats(blur, images)


# ------------------------------------------------------------------------------------------------ edges


def _two_slopes(images):
    if len(images) != 4:
        raise ValueError(f"Invalid images rank: expected rank 4 (a batch of images), got shape {images}")
    return (*images, 2)


# Sobel's windows: downwards and to the right, row by row.
SOBEL = [[[-1, -1], [-2, 0], [-1, 1]], [[0, -2], [0, 0], [0, 2]], [[1, -1], [2, 0], [1, 1]]]


@composite(shape=_two_slopes, dtype=pixels, checked=True)
def sobel_edges(images: Tensor, data_format=None):
    """How steeply images rise downwards and to the right, by Sobel's windows of 3 by 3; what lies outside counts as 0.

    Args:
        images: Tensor of shape (batch, height, width, channels). Integers are kept within their range.
        data_format: "channels_last", or "channels_first" for (batch, channels, height, width); None is the default layout.

    Returns:
        Tensor with another dimension behind, of size 2: downwards, to the right.
    """
    channels = images.shape[image_axes(data_format)[-1]]

    def slopes(x):
        windows = ops.tile(ops.expand_dims(ops.convert_to_tensor(SOBEL, x.dtype), 2), (1, 1, channels, 1))
        both = ops.depthwise_conv(x, windows, padding="same", data_format=data_format)
        batch, *rest = ops.shape(both)
        if data_format == "channels_last":
            return ops.reshape(both, (batch, *rest[:2], channels, 2))
        return ops.moveaxis(ops.reshape(both, (batch, channels, 2, *rest[1:])), 2, -1)

    return in_floats(slopes, images)


# ------------------------------------------------------------------------------------------------ similarity


def _alike(image1, image2, *, filter_size, data_format):
    image(image1, "image1")
    if len(image1) != len(image2):
        raise ValueError(f"image1 and image2 must have the same rank, got shapes {image1} and {image2}")
    both = broadcast(image1, image2)
    if not isinstance(filter_size, int) or filter_size < 1:
        raise ValueError(f"filter_size must be a positive integer, not {filter_size!r}")
    for axis in image_axes(data_format)[:2]:
        window_length(both[axis], filter_size, 1, "valid")
    return both[:-3]


def _wide(*images):
    d = dtypes.floating(*images)[0]
    return dtypes.promote(d, "float32"), d


@composite(shape=_alike, dtype=_wide, checked=True)
def ssim(image1: Tensor, image2: Tensor, max_val=1.0, filter_size=11, filter_sigma=1.5, k1=0.01, k2=0.03, data_format=None):
    """The structural similarity of two images, 1 where they are equal (Wang et al., 2004).

    Args:
        image1, image2: Tensors of shape (height, width, channels), or with a batch in front.
        max_val: The largest value that a pixel can have.
        filter_size: Size in pixels of the windows in which means and variances are taken.
        filter_sigma: Deviation, in pixels, of the Gaussian that weights them.
        k1, k2: How much the comparison of means and of deviations is damped where these are small.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.

    Returns:
        A number for each pair of images: tensor of shape (batch,), or () for one pair.
    """
    pair = [x if len(x.shape) == 4 else ops.expand_dims(x, 0) for x in (image1, image2)]
    shape = broadcast(*(tuple(x.shape) for x in pair))
    x, y = (z if tuple(z.shape) == shape else z + ops.zeros_like(o) for z, o in (pair, pair[::-1]))
    weights = bell(filter_size, filter_sigma, x.dtype)
    moments = blurred(ops.concatenate([x, y, x * x, y * y, x * y], 0), weights, weights, "valid", data_format)
    mx, my, xx, yy, xy = ops.split(moments, 5, axis=0)
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    means = (mx * my * 2.0 + c1) / (mx * mx + my * my + c1)
    shapes = ((xy - mx * my) * 2.0 + c2) / (xx - mx * mx + yy - my * my + c2)
    out = ops.mean(means * shapes, axis=(1, 2, 3))
    return out if len(image1.shape) == 4 else ops.squeeze(out, 0)


# ------------------------------------------------------------------------------------------------ patches


def windows(size, strides, dilation_rate, rank=None):
    """Size, step and spread of the windows along each spatial axis; None as rank takes it from the size."""
    if isinstance(size, int):
        size = (size,) * (rank or 2)
    if not isinstance(size, tuple | list):
        raise OpTypeError(f"extract_patches: Expected an int or a tuple of ints as size, not {size!r}")
    if rank is None and len(size) not in (2, 3):
        raise ValueError(f"Expected a tuple of length 2 or 3 as size, got {size!r}")
    if rank is not None and len(size) != rank:
        raise OpTypeError(f"extract_patches_{rank}d: Expected an int or a tuple of length {rank} as size, got {size!r}")
    strides = size if strides is None else strides
    for name, value in (("strides", strides), ("dilation_rate", dilation_rate)):
        if not isinstance(value, int) and (not isinstance(value, tuple | list) or len(value) != len(size)):
            raise ValueError(f"{name} must be an int or a tuple of {len(size)} ints, not {value!r}")
    return tuple(size), per_axis(strides, len(size)), per_axis(dilation_rate, len(size))


def _patches(x, *, size, strides, dilation_rate, padding, data_format):
    dims, channels = spatial(x, data_format)
    counts = [window_length(*one[:3], padding, one[3]) for one in zip(dims, size, strides, dilation_rate, strict=True)]
    return unspatial(x[0], counts, None if channels is None else channels * math.prod(size), data_format)


def _extracted(x, size, strides, dilation_rate, padding, data_format, rank=None):
    settled = windows(size, strides, dilation_rate, rank)
    rank = len(settled[0])
    if len(x) not in (rank + 1, rank + 2):
        raise ValueError(f"windows of {rank} dimensions need a tensor of rank {rank + 1} (one image) or {rank + 2} (a batch), "
                         f"got shape {x}")  # fmt: skip
    if padding not in ("valid", "same"):
        raise ValueError(f"padding must be 'valid' or 'same', not {padding!r}")
    given = dict(zip(("size", "strides", "dilation_rate"), settled, strict=True), padding=padding, data_format=data_format)
    return _patches(x, **given) if len(x) == rank + 2 else _patches((1, *x), **given)[1:]


def _of_images(images, *, size, strides, dilation_rate, padding, data_format):
    return _extracted(images, size, strides, dilation_rate, padding, data_format)


def _of_volumes(volumes, *, size, strides, dilation_rate, padding, data_format):
    return _extracted(volumes, size, strides, dilation_rate, padding, data_format, 3)


@composite(shape=_patches, dtype=same)
def patches(x: Tensor, size, strides, dilation_rate, padding, data_format):
    """`extract_patches` of a batch, with size, strides and dilation rate given for each spatial axis."""
    rank = len(size)
    x = x if data_format == "channels_last" else ops.moveaxis(x, 1, -1)
    counts = []
    for i, (window, step, spread) in enumerate(zip(size, strides, dilation_rate, strict=True)):
        axis, have, reach = 1 + 2 * i, ops.shape(x)[1 + 2 * i], spread * (window - 1) + 1
        if padding == "same":
            if not isinstance(have, int):
                raise ValueError(f"'same' padding needs to know the size of axis {i + 1} of the images")
            missing = max((-(-have // step) - 1) * step + reach - have, 0)
            pairs = [(0, 0)] * len(x.shape)
            pairs[axis] = (missing // 2, missing - missing // 2)
            x, have = ops.pad(x, pairs), have + missing
        counts.append((have - reach) // step + 1)
        starts, offsets = ops.arange(counts[-1]) * step, ops.arange(window) * spread
        x = ops.take(x, ops.expand_dims(starts, 1) + offsets, axis=axis)
    order = (0, *range(1, 2 * rank, 2), *range(2, 2 * rank + 1, 2), 2 * rank + 1)
    out = ops.reshape(ops.transpose(x, order), (ops.shape(x)[0], *counts, math.prod(size) * x.shape[-1]))
    return out if data_format == "channels_last" else ops.moveaxis(out, -1, 1)


@composite(shape=_of_images, dtype=same, checked=True)
def extract_patches(images: Tensor, size, strides=None, dilation_rate=1, padding="valid", data_format=None):
    """Windows of images or volumes as vectors.

    Args:
        images: Tensor of shape (*spatial, channels), or with a batch in front; two or three spatial axes, as many as `size` has.
        size: Size of the windows, in pixels: an int for two axes, or one int each.
        strides: Step from window to window: an int or one each; None is `size`, so that windows do not overlap.
        dilation_rate: Distance between a window's pixels: an int or one each.
        padding: "valid", or "same" for `ceil(size / stride)` windows along each axis, with zeros outside.
        data_format: "channels_last", or "channels_first" for (channels, *spatial); None is the default layout.

    Returns:
        Tensor of shape (*windows, pixels of a window * channels), the channels running fastest, or with the last axis first.
    """
    size, strides, dilation_rate = windows(size, strides, dilation_rate)
    if len(images.shape) == len(size) + 2:
        return patches(images, size, strides, dilation_rate, padding, data_format)
    return ops.squeeze(patches(ops.expand_dims(images, 0), size, strides, dilation_rate, padding, data_format), 0)


@composite(shape=_of_volumes, dtype=same, checked=True)
def extract_patches_3d(volumes: Tensor, size, strides=None, dilation_rate=1, padding="valid", data_format=None):
    """Windows of volumes as vectors: `extract_patches` where one int as `size` counts for three axes.

    Args:
        volumes: Tensor of shape (depth, height, width, channels), or with a batch in front.
        size, strides, dilation_rate, padding, data_format: As for `extract_patches`.
    """
    return extract_patches(volumes, *windows(size, strides, dilation_rate, 3), padding, data_format)
