"""Layers that move the pixels of images at random in training: turned over, turned, moved, enlarged, sheared, bent."""

import math

from kerastorch import fields, ops, random
from kerastorch.fields import declare
from kerastorch.layers.image_layer import DRAWN, INTERPOLATION, SHOULD, VALUE_RANGE, RandomImageLayer, each, images_in, known, span
from kerastorch.ops import warping
from kerastorch.ops.core import of_sizes
from kerastorch.ops.filtering import bell, blurred
from kerastorch.utils.bounding_boxes import around

TAIL = ("fill_mode", "interpolation", "seed", "fill_value", "data_format", "bounding_box_format")


def fraction(above=None, optional=False):
    """A field of a number from -1 to 1, or of a pair, that is kept as it is given; see `ends`."""

    def parse(value):
        if value is None and optional:
            return None
        pair = value if isinstance(value, list | tuple) else (value,)
        real = all(isinstance(v, int | float) for v in pair) and len(pair) == (2 if pair is value else 1)
        if not real or min(pair) < -1 or max(pair) > 1 or min(pair) == above:
            raise ValueError(f"a number or a pair of numbers in the range {'[' if above is None else '('}-1, 1] is needed, "
                             f"not {value!r}")  # fmt: skip
        return value

    return fields.Field(parse)


def ends(value):
    """The bounds that a number or a pair of them stands for."""
    return tuple(sorted(value)) if isinstance(value, list | tuple) else (-abs(value), abs(value))


@declare(order=("mode", "seed", "data_format", "bounding_box_format"))
class RandomFlip(RandomImageLayer):
    """Turns half of the images over in training.

    Args:
        mode: "horizontal" swaps left and right, "vertical" top and bottom, "horizontal_and_vertical" both at once.
        seed: Seed of the draws; an integer, or None for a random one.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
    """

    mode: fields.choice("horizontal", "vertical", "horizontal_and_vertical", fold=False) = "horizontal_and_vertical"

    def get_random_transformation(self, data, training=True, seed=None):
        """Which images are turned over: "flips", of shape (batch, 1, 1, 1)."""
        if not training:
            return None
        return {"flips": self._drawn(data, (0, 1), seed, 1, 1, 1) <= 0.5, "input_shape": ops.shape(images_in(data))}

    def changed(self, images, transformation):
        rows, columns, _ = self._axes
        axes = {"horizontal": (columns,), "vertical": (rows,)}.get(self.mode, (rows, columns))
        return ops.where(each(transformation["flips"]), ops.flip(images, axes), images)

    def boxes_moved(self, boxes, transformation, height, width):
        x, y, r, b = ops.unstack(boxes, 4, axis=-1)
        if self.mode != "vertical":
            width_ = ops.cast(width, boxes.dtype)
            x, r = width_ - r, width_ - x
        if self.mode != "horizontal":
            height_ = ops.cast(height, boxes.dtype)
            y, b = height_ - b, height_ - y
        flips = ops.reshape(transformation["flips"], (-1, 1, 1))
        return ops.where(flips, ops.stack([x, y, r, b], axis=-1), boxes), (height, width)


@declare
class Warp(RandomImageLayer):
    """What layers share that read images at other places.

    Args:
        fill_mode: What is outside of an image: "reflect" (`dcba|abcd|dcba`), "wrap" (`abcd|abcd|abcd`), "nearest"
            (`aaaa|abcd|dddd`), or "constant" for `fill_value`.
        interpolation: "bilinear" weights the pixels around a place, "nearest" takes the nearest one, as it is for masks.
        seed: Seed of the draws; an integer, or None for a random one.
        fill_value: The value outside, with `fill_mode="constant"`.
    """

    fill_mode: known("reflect", "wrap", "constant", "nearest") = "reflect"
    interpolation: INTERPOLATION = "bilinear"
    fill_value: fields.PLAIN = 0.0

    def get_random_transformation(self, data, training=True, seed=None):
        """What is drawn for each image, by name; None outside of training."""
        if not training:
            return None
        shape = ops.shape(images_in(data))
        return {**self.drawn(data, self._seed(seed)), "input_shape": shape}

    def drawn(self, data, seed):
        """What is drawn for each image: tensors by name."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it draws (`drawn`)")

    def rows_of(self, transformation, height, width):
        """The first eight numbers, row by row, of the matrices that lead from places in the result to places in the images.

        Each is a number or a tensor of shape (batch,); the height and the width are floats.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say where it reads images (`rows_of`)")

    def applied(self, transformation):
        """Which images are changed, of shape (batch,); None for all."""
        return None

    def changed(self, images, transformation):
        return self._read(images, transformation, self.interpolation)

    def transform_segmentation_masks(self, segmentation_masks, transformation=None, training=True):
        return self._read(segmentation_masks, transformation, "nearest") if training else segmentation_masks

    def _read(self, images, transformation, interpolation):
        out, applied = self._warped(images, transformation, interpolation), self.applied(transformation)
        if applied is None:
            return out
        applied = ops.reshape(applied, (-1, *(1,) * (len(images.shape) - 1)))
        return ops.where(applied, out, images)  # the others stay free of rounding

    def _warped(self, images, transformation, interpolation):
        batch, *sizes = self._sizes(images)
        rows = self.rows_of(transformation, *(ops.cast(s, "float32") for s in sizes))
        zero = ops.zeros((batch,), "float32")
        matrices = ops.stack([zero + r for r in rows], axis=-1)
        return ops.image.affine_transform(images, matrices, interpolation, self.fill_mode, self.fill_value, self.data_format)

    def boxes_moved(self, boxes, transformation, height, width):
        rows = self.rows_of(transformation, *(ops.cast(s, "float32") for s in (height, width)))
        a, b, c, d, e, f, g, h = (ops.reshape(ops.convert_to_tensor(r, "float32"), (-1, 1, 1)) for r in rows)

        def back(x, y):  # by the adjugate of the matrix
            depth = (d * h - e * g) * x + (b * g - a * h) * y + (a * e - b * d)
            return ((e - f * h) * x + (c * h - b) * y + (b * f - c * e)) / depth, (
                (f * g - d) * x + (a - c * g) * y + (c * d - a * f)
            ) / depth

        return around(boxes, back), (height, width)


def around_center(a, b, c, d, height, width):
    """The numbers of a matrix with `[[a, b], [c, d]]` in its corner that leaves the middle of an image where it is."""
    x, y = (width - 1.0) / 2.0, (height - 1.0) / 2.0
    return a, b, x - a * x - b * y, c, d, y - c * x - d * y, 0.0, 0.0


@declare(order=("factor", *TAIL))
class RandomRotation(Warp):
    """Turns images about their middle by a random angle, in training.

    Args:
        factor: Range of the angles in whole turns, counterclockwise: a pair, or one number for the range from its opposite.
        fill_mode: What is outside of an image: "reflect" (`dcba|abcd|dcba`), "wrap" (`abcd|abcd|abcd`), "nearest"
            (`aaaa|abcd|dddd`), or "constant" for `fill_value`.
        interpolation: "bilinear" or "nearest".
        seed: Seed of the draws; an integer, or None for a random one.
        fill_value: The value outside, with `fill_mode="constant"`.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
    """

    factor: span(-1, 1)

    def drawn(self, data, seed):
        return {"angle": self._drawn(data, (360 * f for f in self.factor), seed)}

    def rows_of(self, transformation, height, width):
        angle = ops.reshape(transformation["angle"], (-1,)) * (math.pi / 180)
        cos, sin = ops.cos(angle), ops.sin(angle)
        return around_center(cos, -sin, sin, cos, height, width)


@declare(order=("height_factor", "width_factor", *TAIL))
class RandomTranslation(Warp):
    """Moves images by random distances, in training.

    Args:
        height_factor: Range of the distances downwards as parts of the height: a pair, or one number for the range from its
            opposite.
        width_factor: Range of the distances to the right as parts of the width.
        fill_mode: What is outside of an image: "reflect" (`dcba|abcd|dcba`), "wrap" (`abcd|abcd|abcd`), "nearest"
            (`aaaa|abcd|dddd`), or "constant" for `fill_value`.
        interpolation: "bilinear" or "nearest".
        seed: Seed of the draws; an integer, or None for a random one.
        fill_value: The value outside, with `fill_mode="constant"`.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
    """

    height_factor: fraction()
    width_factor: fraction()

    def drawn(self, data, seed):
        """How many pixels each image is moved to the right and down: "translations", of shape (batch, 2)."""
        _, height, width = self._sizes(data)
        down = self._drawn(data, ends(self.height_factor), seed, 1) * ops.cast(height, "float32")
        right = self._drawn(data, ends(self.width_factor), seed, 1) * ops.cast(width, "float32")
        return {"translations": ops.concatenate([right, down], axis=1)}

    def rows_of(self, transformation, height, width):
        moved = transformation["translations"]
        return 1.0, 0.0, -moved[..., 0], 0.0, 1.0, -moved[..., 1], 0.0, 0.0


@declare(order=("height_factor", "width_factor", *TAIL))
class RandomZoom(Warp):
    """Enlarges images or makes them smaller about their middle at random, in training.

    Args:
        height_factor: Range of the height that is shown more (or, where negative, less), as parts of the height: a pair, or one
            number for the range from its opposite.
        width_factor: The same for the width; None keeps the ratio of height and width.
        fill_mode: What is outside of an image: "reflect" (`dcba|abcd|dcba`), "wrap" (`abcd|abcd|abcd`), "nearest"
            (`aaaa|abcd|dddd`), or "constant" for `fill_value`.
        interpolation: "bilinear" or "nearest".
        seed: Seed of the draws; an integer, or None for a random one.
        fill_value: The value outside, with `fill_mode="constant"`.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
    """

    height_factor: fraction(above=-1)
    width_factor: fraction(above=-1, optional=True) = None

    def drawn(self, data, seed):
        """How much of each image is shown, as parts of it: "height_zoom" and "width_zoom", of shape (batch, 1)."""
        height = self._drawn(data, ends(self.height_factor), seed, 1) + 1.0
        width = height if self.width_factor is None else self._drawn(data, ends(self.width_factor), seed, 1) + 1.0
        return {"height_zoom": height, "width_zoom": width}

    def rows_of(self, transformation, height, width):
        zoom = transformation["width_zoom"][..., 0], transformation["height_zoom"][..., 0]
        return around_center(zoom[0], 0.0, 0.0, zoom[1], height, width)


@declare(order=("x_factor", "y_factor", "interpolation", "fill_mode", "fill_value", "data_format", *DRAWN))
class RandomShear(Warp):
    """Shears images at random in training: rows are moved in proportion to their height, columns to their distance from the left.

    Args:
        x_factor: Range of how far rows are moved, in parts of their height, to both sides: a pair, or one number for the range
            from 0.
        y_factor: The same for columns.
        interpolation: "bilinear" or "nearest".
        fill_mode: What is outside of an image: "reflect" (`dcba|abcd|dcba`), "wrap" (`abcd|abcd|abcd`), "nearest"
            (`aaaa|abcd|dddd`), or "constant" for `fill_value`.
        fill_value: The value outside, with `fill_mode="constant"`.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
        seed: Seed of the draws; an integer, or None for a random one.
    """

    x_factor: span(-1, 1) = 0.0
    y_factor: span(-1, 1) = 0.0

    def drawn(self, data, seed):
        """The shear along rows and along columns: "shear_factor", of shape (batch, 2)."""
        both = [self._drawn(data, factor, seed, 1) for factor in (self.x_factor, self.y_factor)]
        side = ops.where(self._drawn(data, (-1, 1), seed, 1) < 0, -1.0, 1.0)
        return {"shear_factor": ops.concatenate(both, axis=1) * side}

    def rows_of(self, transformation, height, width):
        shear = transformation["shear_factor"]
        return 1.0, shear[..., 0], 0.0, shear[..., 1], 1.0, 0.0, 0.0, 0.0

    def boxes_moved(self, boxes, transformation, height, width):
        """As in Keras: rows first and then columns, by parts of the image's size, so that a full shear leaves boxes finite."""
        across, down = (ops.reshape(s, (-1, 1, 1)) for s in ops.unstack(transformation["shear_factor"], 2, axis=-1))
        ratio = ops.cast(width, boxes.dtype) / ops.cast(height, boxes.dtype)

        def change(x, y):
            x = x - across * ratio * y
            return x, y - down / ratio * x

        return around(boxes, change), (height, width)


@declare(order=("factor", "scale", "interpolation", "fill_value", "seed", "data_format", "bounding_box_format"))
class RandomPerspective(Warp):
    """Shows images as if seen from elsewhere, in training: all corners but the upper left one come to other places.

    Args:
        factor: Range of the probability with which an image is changed: a pair, or one number for the range from 0.
        scale: How far corners move at most, to both sides, in parts of half of the size; from 0 to 1.
        interpolation: "bilinear" or "nearest".
        fill_value: What comes from outside of an image.
        seed: Seed of the draws; an integer, or None for a random one.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
    """

    factor: span(0, 1) = 1.0
    scale: fields.number(0, 1, complaint=SHOULD) = 1.0

    fill_mode = "constant"

    def drawn(self, data, seed):
        """Which images are changed, and the columns and rows of corners before and afterwards, of shape (batch, 4, 2)."""
        batch, *sizes = self._sizes(data)
        height, width = (ops.cast(s, "float32") - 1.0 for s in sizes)
        zero = ops.zeros_like(height)
        corners = ops.stack([ops.stack([x, y]) for y in (zero, height) for x in (zero, width)])
        moved = random.uniform((batch, 4, 2), -self.scale / 2, self.scale / 2, seed=seed)
        start = corners + ops.zeros_like(moved)
        chosen = self._chosen(data, self.factor, seed)
        return {"apply_perspective": chosen, "start_points": start, "end_points": start * (moved + 1)}

    def rows_of(self, transformation, height, width):
        start, end = transformation["start_points"], transformation["end_points"]
        rest = ops.convert_to_tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
        applied = ops.expand_dims(self.applied(transformation), -1)
        return ops.unstack(ops.where(applied, warping.transform_of(start, end), rest), 8, axis=-1)

    def applied(self, transformation):
        moved = ops.any(transformation["start_points"] != transformation["end_points"], axis=(1, 2))
        return ops.logical_and(transformation["apply_perspective"], moved)


@declare(order=("factor", "scale", "interpolation", "fill_mode", "fill_value", "value_range", "seed", "data_format",
                "bounding_box_format"))  # fmt: skip
class RandomElasticTransform(Warp):
    """Bends images in training, by smooth random displacements of their pixels (Simard et al., 2003).

    Args:
        factor: Range of the probability with which an image is changed: a pair, or one number for the range from 0.
        scale: Range of the strength: a pair from 0 to 1, or one number for the range from 0.
        interpolation: "bilinear" or "nearest".
        fill_mode: What is outside of an image: "reflect" (`dcba|abcd|dcba`), "mirror" (`dcb|abcd|cba`), "wrap"
            (`abcd|abcd|abcd`), "nearest" (`aaaa|abcd|dddd`), or "constant" for `fill_value`.
        fill_value: The value outside, with `fill_mode="constant"`.
        value_range: The least and the greatest value of a pixel.
        seed: Seed of the draws; an integer, or None for a random one.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
    """

    factor: span(0, 1) = 1.0
    scale: span(0, 1) = 1.0
    fill_mode: known(*warping.FOLDS) = "reflect"
    value_range: VALUE_RANGE = (0, 255)

    def drawn(self, data, seed):
        """Which images are changed, how much, and normally distributed numbers, of shape (batch, height, width, 2)."""
        return {
            "apply_transform": self._chosen(data, self.factor, seed),
            "distortion_factor": random.uniform((), *map(float, self.scale), seed=seed),
            "noise": random.normal((*self._sizes(data), 2), seed=seed),
        }

    def _warped(self, images, transformation, interpolation):
        _, *sizes = self._sizes(images)
        shorter, longer = (of_sizes(f, *sizes) for f in (min, max))
        strength = transformation["distortion_factor"]
        deviation = ops.maximum(strength, 1e-3) * 0.05 * ops.cast(shorter, "float32")
        weights = bell(shorter * 3 // 20 * 2 + 1, deviation, "float32")  # three deviations to both sides
        noise = transformation.get("noise")
        if noise is None:  # as in transformations of Keras's, which leave these draws to the op
            noise = random.normal((*self._sizes(images), 2), seed=self._seed(None))
        moves = blurred(noise * deviation, weights, weights, "same", "channels_last")
        moves = moves * strength * 0.1 * ops.cast(longer, "float32")

        def bend(floats):
            (y, x), (down, right) = warping.grid(floats, self.data_format), ops.unstack(ops.cast(moves, floats.dtype), 2, axis=-1)
            return warping.warp(floats, y + down, x + right, interpolation, self.fill_mode, self.fill_value, self.data_format)

        return warping.batched(bend, images)

    def applied(self, transformation):
        return ops.logical_and(transformation["apply_transform"], transformation["distortion_factor"] > 0)

    def boxes_moved(self, boxes, transformation, height, width):
        raise NotImplementedError("RandomElasticTransform cannot move bounding boxes along with images; leave them out")
