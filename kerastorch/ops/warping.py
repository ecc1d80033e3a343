"""Ops that read images at places between their pixels: coordinates, affine, perspective and elastic transforms."""

import itertools

from kerastorch import ops, shapes
from kerastorch.dtypes import same
from kerastorch.op import Tensor, composite
from kerastorch.ops.core import of_sizes
from kerastorch.ops.filtering import bell, blurred
from kerastorch.ops.resampling import in_floats, pixels
from kerastorch.shapes import image

# ------------------------------------------------------------------------------------------------ reading between pixels

FAR = 1e9  # farther out than any pixel, and still an int32


def _folded(at, size, fill_mode):
    """Positions outside an axis as the positions inside whose values they show."""
    if fill_mode == "wrap":
        return ops.mod(at, size)
    if fill_mode == "mirror":
        period = of_sizes(max, size * 2 - 2, 1)
        at = ops.mod(at, period)
        return ops.minimum(at, period - at)
    if fill_mode == "reflect":
        at = ops.mod(at, size * 2)
        return ops.minimum(at, size * 2 - 1 - at)
    return ops.clip(at, 0, size - 1)


FOLDS = ("constant", "nearest", "wrap", "mirror", "reflect")


def read(rows, coordinates, sizes, order, fill_mode, fill_value, first=0):
    """Values at places between the pixels.

    Args:
        rows: Float tensor of shape (pixels, ...): the pixels of all images, one after the other.
        coordinates: A tensor for each dimension of an image, all of one shape.
        sizes: The sizes of these dimensions.
        order: 0 takes the nearest pixel, 1 weights those around.
        fill_mode, fill_value: What is outside.
        first: Which image is read, counted from 0.
    """
    ends = []  # of each dimension, the pixels on both sides: where each is read, whether that is inside, and its weight
    for at, size in zip(coordinates, sizes, strict=True):
        at = ops.clip(at, -FAR, FAR)
        if order == 0:
            found = [(ops.cast(ops.round(at), "int32"), None)]
        else:
            low = ops.floor(at)
            start, part = ops.cast(low, "int32"), at - low
            found = [(start, 1.0 - part), (start + 1, part)]
        ends.append([(_folded(i, size, fill_mode), ops.logical_and(i >= 0, i < size), part) for i, part in found])
    total = None
    more = tuple(range(-len(rows.shape) + 1, 0))  # the axes of a pixel's own values
    for corner in itertools.product(*ends):
        index, weight, inside = first, None, None
        for (at, within, part), size in zip(corner, sizes, strict=True):
            index = index * size + at
            weight = part if weight is None else weight * part
            inside = within if inside is None else ops.logical_and(inside, within)
        value = ops.take(rows, index, axis=0)
        if fill_mode == "constant":
            value = ops.where(ops.expand_dims(inside, more) if more else inside, value, fill_value)
        if weight is not None:
            value = value * (ops.expand_dims(weight, more) if more else weight)
        total = value if total is None else total + value
    return total


def _one_of(name, value, known):
    if value not in known:
        raise ValueError(f"Invalid value for argument `{name}`: {value!r} is none of {', '.join(map(repr, known))}")


def _mapped(inputs, coordinates, *, order, fill_mode):
    if len(coordinates) < 2:
        raise ValueError(f"Invalid coordinates rank: expected at least rank 2, got shape {coordinates}")
    if coordinates[0] != len(inputs):
        raise ValueError(f"the first dimension of `coordinates`, of shape {coordinates}, must be the same as the rank of `inputs`, "
                         f"of shape {inputs}")  # fmt: skip
    _one_of("order", order, (0, 1))
    _one_of("fill_mode", fill_mode, FOLDS)
    return coordinates[1:]


@composite(shape=_mapped, dtype=pixels, checked=True)
def map_coordinates(inputs: Tensor, coordinates: Tensor, order, fill_mode="constant", fill_value=0):
    """Elements of a tensor at places that need not be integers.

    Args:
        inputs: Tensor of any rank. Integers are rounded.
        coordinates: Tensor of shape (rank of the inputs, ...): where along each dimension.
        order: 0 takes the nearest element, 1 weights those around linearly.
        fill_mode: What is outside: "constant" for `fill_value`, "nearest" for the nearest element, "wrap" for the other end,
            "mirror" and "reflect" for the elements in reverse, without and with the outermost one.
        fill_value: For "constant".

    Returns:
        Tensor of the shape (...) of the coordinates.
    """
    sizes = ops.shape(inputs)
    parts = ops.unstack(coordinates, len(sizes), axis=0)
    return in_floats(lambda x: read(ops.reshape(x, (-1,)), parts, sizes, order, fill_mode, fill_value), inputs)


# ------------------------------------------------------------------------------------------------ warping images

ORDERS = {"nearest": 0, "bilinear": 1}


def _of_images(images, *rest):
    return images


@composite(shape=_of_images, dtype=same)
def warp(images: Tensor, rows: Tensor, columns: Tensor, interpolation, fill_mode, fill_value, data_format):
    """A batch of float images read at a row and a column for each pixel of the result.

    Args:
        images: Tensor of shape (batch, height, width, channels), or (batch, channels, height, width).
        rows, columns: Tensors of shape (batch, height, width).
        interpolation, fill_mode, fill_value, data_format: As for `affine_transform`.
    """
    last = images if data_format == "channels_last" else ops.transpose(images, (0, 2, 3, 1))
    batch, height, width, channels = ops.shape(last)
    first = ops.reshape(ops.arange(batch), (-1, 1, 1))
    pixels = ops.reshape(last, (-1, channels))
    out = read(pixels, (rows, columns), (height, width), ORDERS[interpolation], fill_mode, fill_value, first)
    return out if data_format == "channels_last" else ops.transpose(out, (0, 3, 1, 2))


def grid(images, data_format):
    """The row and the column of each pixel, as tensors of shape (height, 1) and (1, width)."""
    height, width = (ops.shape(images)[axis] for axis in shapes.image_axes(data_format)[:2])
    kind = images.dtype
    return ops.expand_dims(ops.arange(height, dtype=kind), 1), ops.expand_dims(ops.arange(width, dtype=kind), 0)


@composite(shape=_of_images, dtype=same)
def project(images: Tensor, transforms: Tensor, interpolation, fill_mode, fill_value, data_format):
    """A batch of float images under projective transforms, of shape (batch, 8). Arguments as for `affine_transform`."""
    y, x = grid(images, data_format)
    a0, a1, a2, b0, b1, b2, c0, c1 = (transforms[:, i, None, None] for i in range(8))
    depth = c0 * x + c1 * y + 1.0
    rows, columns = (b0 * x + b1 * y + b2) / depth, (a0 * x + a1 * y + a2) / depth
    return warp(images, rows, columns, interpolation, fill_mode, fill_value, data_format)


def batched(function, images):
    """What a function of a batch of float images makes of a batch, or of one image, of any dtype."""
    if len(images.shape) == 4:
        return in_floats(function, images)
    return ops.squeeze(in_floats(function, ops.expand_dims(images, 0)), 0)


def _warped(images, *, interpolation, fill_mode):
    _one_of("interpolation", interpolation, ORDERS)
    _one_of("fill_mode", fill_mode, FOLDS)
    return image(images)


def _affine(images, transform, *, interpolation, fill_mode):
    out = _warped(images, interpolation=interpolation, fill_mode=fill_mode)
    if len(transform) not in (1, 2):
        raise ValueError(f"Invalid transform rank: expected rank 1 (one transform) or rank 2 (one for each image), got shape "
                         f"{transform}")  # fmt: skip
    if transform[-1] not in (8, None):
        raise ValueError(f"a transform has 8 numbers, got shape {transform}")
    return out


def _projected(images, transforms, interpolation, fill_mode, fill_value, data_format):
    """Images under one transform, or one for each."""

    def change(x):
        each = ops.broadcast_to(transforms, (ops.shape(x)[0], 8))
        return project(x, ops.stop_gradient(each), interpolation, fill_mode, fill_value, data_format)

    return batched(change, images)


@composite(shape=_affine, dtype=pixels, checked=True)
def affine_transform(images: Tensor, transform: Tensor, interpolation="bilinear", fill_mode="constant", fill_value=0,
                     data_format=None):  # fmt: skip
    """Images turned, sheared, scaled, moved, or seen at an angle.

    A transform `(a0, a1, a2, b0, b1, b2, c0, c1)` shows at column `x` and row `y` what was at column `(a0 x + a1 y + a2) / k` and
    row `(b0 x + b1 y + b2) / k`, where `k = c0 x + c1 y + 1`. No gradient flows to it.

    Args:
        images: Tensor of shape (height, width, channels), or with a batch in front. Integers are rounded.
        transform: Tensor of shape (8,), or (batch, 8) for one each.
        interpolation: "nearest" or "bilinear".
        fill_mode: What is outside: "constant" for `fill_value`, "nearest" for the nearest pixel, "wrap" for the other end,
            "mirror" and "reflect" for the pixels in reverse, without and with the outermost one.
        fill_value: For "constant".
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
    """
    return _projected(images, transform, interpolation, fill_mode, fill_value, data_format)


def _perspective(images, start_points, end_points, *, interpolation):
    for name, points in (("start_points", start_points), ("end_points", end_points)):
        image(images)
        if len(points) not in (2, 3) or any(None not in (d, w) and d != w for d, w in zip(points[-2:], (4, 2), strict=True)):
            raise ValueError(f"Invalid {name} shape: expected (4, 2) for one set of corners or (batch, 4, 2), got {points}")
    return _warped(images, interpolation=interpolation, fill_mode="constant")


def transform_of(start_points, end_points):
    """The projective transforms that lead from the end points to the start points; both have the shape (batch, 4, 2)."""
    x, y = ops.unstack(end_points, 2, axis=-1)
    one, zero = ops.ones_like(x), ops.zeros_like(x)
    halves = []
    for start, place in zip(ops.unstack(start_points, 2, axis=-1), (0, 3), strict=True):
        linear = [zero] * place + [x, y, one] + [zero] * (3 - place)
        halves.append(ops.stack([*linear, -start * x, -start * y], axis=-1))
    equations = ops.concatenate(halves, axis=-2)
    wanted = ops.reshape(ops.transpose(start_points, (0, 2, 1)), (-1, 8, 1))
    return ops.squeeze(ops.solve(equations, wanted), -1)


@composite(shape=_perspective, dtype=pixels, checked=True)
def perspective_transform(images: Tensor, start_points: Tensor, end_points: Tensor, interpolation="bilinear", fill_value=0,
                          data_format=None):  # fmt: skip
    """Images seen from elsewhere: four points of each come to four other places.

    Args:
        images: Tensor of shape (height, width, channels), or with a batch in front. Integers are rounded.
        start_points: Columns and rows of four points, of shape (4, 2), or (batch, 4, 2) for other points in each image.
        end_points: Where they come to, in the same shape.
        interpolation: "nearest" or "bilinear".
        fill_value: What comes from outside.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
    """
    start, end = (p if len(p.shape) == 3 else ops.expand_dims(p, 0) for p in (start_points, end_points))
    return _projected(images, transform_of(start, end), interpolation, "constant", fill_value, data_format)


@composite(shape=_warped, dtype=pixels, checked=True)
def elastic_transform(images: Tensor, alpha=20.0, sigma=5.0, interpolation="bilinear", fill_mode="reflect", fill_value=0.0,
                      seed=None, data_format=None):  # fmt: skip
    """Images bent at random, by smooth displacements of their pixels (Simard et al., 2003).

    Args:
        images: Tensor of shape (height, width, channels), or with a batch in front. Integers are rounded.
        alpha: How far pixels move: a factor of the displacements.
        sigma: How smooth the displacements are: the deviation, in pixels, of the Gaussian that blurs them.
        interpolation: "nearest" or "bilinear".
        fill_mode, fill_value: What is outside; as for `affine_transform`.
        seed: Integer or SeedGenerator; None draws a seed.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
    """
    from kerastorch import random

    def bend(x):
        y0, x0 = grid(x, data_format)
        rows, columns = (ops.shape(x)[axis] for axis in shapes.image_axes(data_format)[:2])
        moves = random.normal((ops.shape(x)[0], rows, columns, 2), stddev=sigma, dtype=x.dtype, seed=seed)
        weights = bell(int(6 * sigma) | 1, sigma, x.dtype)
        moves = blurred(moves, weights, weights, "same", "channels_last") * alpha
        return warp(x, y0 + moves[..., 0], x0 + moves[..., 1], interpolation, fill_mode, fill_value, data_format)

    return batched(bend, images)
