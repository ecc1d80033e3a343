"""Ops that give images another size by weighting the pixels near each new one."""

from kerastorch import dtypes, ops, shapes
from kerastorch.dtypes import same
from kerastorch.op import Tensor, composite, dtype_of
from kerastorch.ops.core import of_sizes
from kerastorch.shapes import image, image_axes, replaced


def pixels(images, *others):
    """Floats are worked on in float32 at least, and every dtype is answered in itself; see `in_floats`."""
    d = dtypes.concrete(images)
    wide = dtypes.promote(d, "float32") if dtypes.is_float(d) else "float32"
    return (wide if dtypes.is_float(d) else d, *[wide] * len(others)), d


def in_floats(function, images):
    """What a function of float images makes of images of any dtype: integers are rounded and kept within their range."""
    kind = dtype_of(images)
    if dtypes.is_float(kind):
        return function(images)
    return ops.saturate_cast(ops.round(function(ops.cast(images, "float32"))), kind)


# ------------------------------------------------------------------------------------------------ kernels


def _linear(x):
    return ops.maximum(1.0 - x, 0.0)


def _cubic(x):
    """Keys's cubic convolution with a = -1/2 (Keys, 1981)."""
    near, far = ((x * 1.5 - 2.5) * x) * x + 1.0, ((x * -0.5 + 2.5) * x - 4.0) * x + 2.0
    return ops.where(x < 1, near, ops.where(x < 2, far, 0.0))


def _lanczos(radius):
    def kernel(x):
        return ops.where(x < radius, ops.sinc(x) * ops.sinc(x / radius), 0.0)

    return kernel


KERNELS = {
    **dict.fromkeys(("linear", "bilinear", "trilinear", "triangle"), _linear),
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), _cubic),
    "lanczos3": _lanczos(3.0),
    "lanczos5": _lanczos(5.0),
}


def mixed(x, axis, size, scale, translation, method, antialias):
    """One axis resampled.

    Position `i` of the result shows position `(i + 1/2 - translation) / scale - 1/2` of the operand, or 0 where that lies outside.

    Args:
        x: Float tensor.
        axis: Axis.
        size: Its new size.
        scale, translation: Numbers, or tensors of the operand's dtype without dimensions.
        method: Name of a kernel.
        antialias: Whether the kernel is widened where the result is smaller, so that all pixels count.
    """
    have = ops.shape(x)[axis]
    at = (ops.arange(size, dtype=x.dtype) + 0.5 - translation) / scale - 0.5
    distance = ops.abs(at - ops.expand_dims(ops.arange(have, dtype=x.dtype), 1))
    weights = KERNELS[method](distance * ops.minimum(ops.ones_like(at) * scale, 1.0) if antialias else distance)
    total = ops.sum(weights, axis=0, keepdims=True)
    tiny = ops.abs(total) <= 1000 * EPSILON
    weights = ops.where(tiny, 0.0, weights / ops.where(tiny, 1.0, total))
    outside = ops.logical_or(at < -0.5, at + 0.5 > have)
    weights = ops.where(outside, 0.0, weights)
    return ops.moveaxis(ops.tensordot(x, weights, [[axis], [0]]), -1, axis)


EPSILON = 2.0**-23  # the distance of float32 numbers near 1

# ------------------------------------------------------------------------------------------------ resizing

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


def _resampled(x, *, size, data_format):
    return replaced(x, dict(zip(image_axes(data_format), size, strict=False)))


def _resized(images, *, size, interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio, fill_mode, data_format):
    image(images)
    if not isinstance(size, tuple | list) or len(size) != 2:
        raise ValueError(f"Expected `size` to be a tuple of 2 integers, (height, width), not {size!r}")
    if any(isinstance(d, int) and d < 1 for d in size):
        raise ValueError(f"`size` must have positive height and width, got {tuple(size)}")
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"Invalid value for argument `interpolation`: {interpolation!r} is none of {', '.join(INTERPOLATIONS)}")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("Only one of `pad_to_aspect_ratio` and `crop_to_aspect_ratio` can be True")
    if fill_mode != "constant":
        raise ValueError(f"Invalid value for argument `fill_mode`: only 'constant' is known, not {fill_mode!r}")
    return _resampled(images, size=size, data_format=data_format)


@composite(shape=_resampled, dtype=same)
def resample(x: Tensor, size, interpolation, antialias, data_format):
    """Images of another size, by one of the `INTERPOLATIONS`. Arguments as for `resize`."""
    for axis, new in zip(image_axes(data_format), size, strict=False):
        have = ops.shape(x)[axis]
        if interpolation == "nearest":
            x = ops.take(x, ops.floor_divide((ops.arange(new) * 2 + 1) * have, new * 2), axis=axis)
        else:
            scale = new / have if isinstance(have, int) else ops.divide(new, ops.cast(have, x.dtype))
            x = mixed(x, axis, new, scale, 0.0, interpolation, antialias)
    return x


def _fitted(images, size, crop, fill_value, data_format):
    """Images cut down (or padded) around their middle to the ratio of height and width that `size` has."""
    rows, columns, _ = image_axes(data_format)
    have = ops.shape(images)[rows], ops.shape(images)[columns]
    wanted = of_sizes(max, have[1] * size[0] // size[1], 1), of_sizes(max, have[0] * size[1] // size[0], 1)
    box = [of_sizes(min if crop else max, h, w) for h, w in zip(have, wanted, strict=True)]
    if crop:
        key = [slice(None)] * len(images.shape)
        for axis, h, b in zip((rows, columns), have, box, strict=True):
            start = (h - b) // 2
            key[axis] = slice(start, start + b)
        return images[tuple(key)]
    pairs = [(0, 0)] * len(images.shape)
    for axis, h, b in zip((rows, columns), have, box, strict=True):
        pairs[axis] = ((b - h) // 2, (b - h) // 2)
    return ops.pad(images, pairs, constant_values=fill_value)


@composite(shape=_resized, dtype=pixels, checked=True)
def resize(images: Tensor, size, interpolation="bilinear", antialias=False, crop_to_aspect_ratio=False,
           pad_to_aspect_ratio=False, fill_mode="constant", fill_value=0.0, data_format=None):  # fmt: skip
    """Images of another size.

    Args:
        images: Tensor of shape (height, width, channels), or with a batch in front. Integers are rounded.
        size: (height, width) of the result, in pixels.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5".
        antialias: Whether all pixels count where the result is smaller, not only those next to the new ones.
        crop_to_aspect_ratio: Whether the middle is cut out of images of another ratio of height and width first.
        pad_to_aspect_ratio: Whether such images are padded first.
        fill_mode: How they are padded: only "constant" is known.
        fill_value: What they are padded with.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.

    Raises:
        ValueError: If the size, the interpolation or the mode is none of these.
    """
    if crop_to_aspect_ratio or pad_to_aspect_ratio:
        images = _fitted(images, size, crop_to_aspect_ratio, fill_value, data_format)
    if interpolation == "nearest":
        return resample(images, tuple(size), interpolation, False, data_format)
    return in_floats(lambda x: resample(x, tuple(size), interpolation, antialias, data_format), images)


def _moved(images, scale, translation, *, output_shape, spatial_dims, method):
    out = shapes.known(output_shape)
    if method not in KERNELS:
        raise ValueError(f"Invalid value for argument `method`: {method!r} is none of {', '.join(KERNELS)}")
    axes = shapes.normalize_axes(list(spatial_dims), len(images))
    if len(out) != len(images) or any(a not in axes and None not in (o, d) and o != d
                                      for a, (o, d) in enumerate(zip(out, images, strict=True))):  # fmt: skip
        raise ValueError(f"output_shape {out} must be the shape {images} of the images but for the dimensions {axes}")
    for name, shape in (("scale", scale), ("translation", translation)):
        if len(shape) != 1 or shape[0] not in (len(axes), None):
            raise ValueError(f"{name} must be a vector of {len(axes)} numbers, one for each of the dimensions {axes}, got "
                             f"shape {shape}")  # fmt: skip
    return out


@composite(shape=_moved, dtype=pixels, checked=True)
def scale_and_translate(images: Tensor, output_shape, scale: Tensor, translation: Tensor, spatial_dims, method, antialias=True):
    """Images stretched and moved along some dimensions.

    What was at position `x` of a dimension comes to `x * scale + translation`, where the first pixel reaches from 0 to 1 and its
    middle is at 1/2. What comes from outside is 0.

    Args:
        images: Tensor of any rank.
        output_shape: Shape of the result; it differs from that of the images along `spatial_dims` only.
        scale, translation: Vectors with a number for each of these dimensions.
        spatial_dims: The dimensions.
        method: "linear", "bilinear", "trilinear" or "triangle"; "cubic", "bicubic" or "tricubic"; "lanczos3" or "lanczos5".
        antialias: Whether all pixels count where the result is smaller, not only those next to the new ones.
    """

    def move(x):
        for i, axis in enumerate(spatial_dims):
            x = mixed(x, axis, output_shape[axis], scale[i], translation[i], method, antialias)
        return x

    return in_floats(move, images)
