"""Layers that change images at random in training: turned, moved, enlarged, brighter, darker."""

import math

from kerastorch import fields, ops, random
from kerastorch.fields import declare
from kerastorch.layers.image_preprocessing import RandomImageLayer
from kerastorch.ops.resampling import in_floats

TAIL = ("fill_mode", "interpolation", "seed", "fill_value", "data_format", "bounding_box_format")


def span(least, most):
    """A field of the range that a number is drawn from: two numbers, or one for the range from its opposite, within bounds."""

    def parse(value):
        error = ValueError(f"a number or a pair of numbers in the range [{least}, {most}] is needed, not {value!r}")
        if isinstance(value, list | tuple):
            if len(value) != 2 or min(value) > most or max(value) < least:
                raise error
            return tuple(sorted(value))
        value = value or 0.0
        if not isinstance(value, int | float) or not least <= value <= most:
            raise error
        return max(-abs(value), least), abs(value)

    return fields.Field(parse)


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


def _pair(value):
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(f"a list of two numbers is needed, the least and the greatest value of a pixel, not {value!r}")
    return value


VALUE_RANGE = fields.Field(_pair)


def known(*allowed):
    """A field of one of some words, the others of which are refused as not implemented."""

    def parse(value):
        if value not in allowed:
            raise NotImplementedError(f"{value!r} is none of {', '.join(map(repr, allowed))}")
        return value

    return fields.Field(parse)


# ------------------------------------------------------------------------------------------------ places


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
        batch, *_ = self._sizes(data)
        return {"flips": random.uniform((batch, 1, 1, 1), seed=self._seed(seed)) <= 0.5}

    def transform_images(self, images, transformation, training=True):
        images = self._floats(images)
        if not training:
            return images
        rows, columns, _ = self._axes
        axes = {"horizontal": (columns,), "vertical": (rows,)}.get(self.mode, (rows, columns))
        return ops.where(transformation["flips"], ops.flip(images, axes), images)


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
    interpolation: known("nearest", "bilinear") = "bilinear"
    fill_value: fields.PLAIN = 0.0

    def rows_of(self, transformation, height, width):
        """The matrices of `ops.image.affine_transform`: six numbers or tensors of shape (batch,), which are its first two rows."""
        raise NotImplementedError(f"{type(self).__name__} does not say where it reads images (`rows_of`)")

    def transform_images(self, images, transformation, training=True):
        images = self._floats(images)
        return self._warped(images, transformation, self.interpolation) if training else images

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        return self._warped(segmentation_masks, transformation, "nearest") if training else segmentation_masks

    def _warped(self, images, transformation, interpolation):
        _, *sizes = self._sizes(images)
        rows = self.rows_of(transformation, *(ops.cast(s, "float32") for s in sizes))
        like = next(iter(transformation.values()))[..., 0]
        matrices = ops.stack([ops.zeros_like(like) + r for r in (*rows, 0.0, 0.0)], axis=-1)
        return ops.image.affine_transform(images, matrices, interpolation, self.fill_mode, self.fill_value, self.data_format)

    def _drawn(self, data, bounds, seed):
        """A number within bounds for each image, of shape (batch, 1)."""
        return random.uniform((self._sizes(data)[0], 1), *map(float, bounds), seed=seed)


def around_center(a, b, c, d, height, width):
    """The two rows of a matrix `[[a, b], [c, d]]` that leaves the middle of an image where it is."""
    x, y = (width - 1.0) / 2.0, (height - 1.0) / 2.0
    return a, b, x - a * x - b * y, c, d, y - c * x - d * y


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

    def get_random_transformation(self, data, training=True, seed=None):
        """The "angle" of each image in degrees, of shape (batch, 1)."""
        return {"angle": self._drawn(data, (360 * f for f in self.factor), self._seed(seed))} if training else None

    def rows_of(self, transformation, height, width):
        angle = transformation["angle"][..., 0] * (math.pi / 180)
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

    def get_random_transformation(self, data, training=True, seed=None):
        """How many pixels each image is moved to the right and down: "translations", of shape (batch, 2)."""
        if not training:
            return None
        seed, (_, height, width) = self._seed(seed), self._sizes(data)
        down = self._drawn(data, ends(self.height_factor), seed) * ops.cast(height, "float32")
        right = self._drawn(data, ends(self.width_factor), seed) * ops.cast(width, "float32")
        return {"translations": ops.concatenate([right, down], axis=1)}

    def rows_of(self, transformation, height, width):
        moved = transformation["translations"]
        return 1.0, 0.0, -moved[..., 0], 0.0, 1.0, -moved[..., 1]


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

    def get_random_transformation(self, data, training=True, seed=None):
        """How much of each image is shown, as parts of it: "height_zoom" and "width_zoom", of shape (batch, 1)."""
        if not training:
            return None
        seed = self._seed(seed)
        height = self._drawn(data, ends(self.height_factor), seed) + 1.0
        width = height if self.width_factor is None else self._drawn(data, ends(self.width_factor), seed) + 1.0
        return {"height_zoom": height, "width_zoom": width}

    def rows_of(self, transformation, height, width):
        zoom = transformation["width_zoom"][..., 0], transformation["height_zoom"][..., 0]
        return around_center(zoom[0], 0.0, 0.0, zoom[1], height, width)


# ------------------------------------------------------------------------------------------------ values


@declare(unlisted=("data_format",), order=("factor", "value_range", "seed", "data_format", "bounding_box_format"))
class Tone(RandomImageLayer):
    """What layers share that change the values of pixels and leave them in their places.

    Args:
        factor: How much they are changed.
        value_range: The least and the greatest value of a pixel, within which results are kept.
        seed: Seed of the draws; an integer, or None for a random one.
    """

    factor: fields.PLAIN
    value_range: VALUE_RANGE = (0, 255)

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        return segmentation_masks

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        return bounding_boxes

    def _drawn(self, data, bounds, seed):
        """A number within bounds for each image, of shape (batch, 1, 1, 1)."""
        return random.uniform((self._sizes(data)[0], 1, 1, 1), *map(float, bounds), seed=self._seed(seed))

    def _kept(self, images):
        return ops.clip(images, *self.value_range)


@declare
class RandomContrast(Tone):
    """Changes the contrast of images at random in training: `(x - mean) * factor + mean`, with the mean of each channel.

    Args:
        factor: How far the factor lies from 1: a pair for the range from 1 - lower to 1 + upper, or one number for that up to
            1 + factor.
        value_range: The least and the greatest value of a pixel, within which results are kept.
        seed: Seed of the draws; an integer, or None for a random one.
    """

    factor: span(0, 1)

    def get_random_transformation(self, data, training=True, seed=None):
        """The "contrast_factor" of each image, of shape (batch, 1, 1, 1)."""
        lower, upper = self.factor
        return {"contrast_factor": self._drawn(data, (1 - lower, 1 + upper), seed)} if training else None

    def transform_images(self, images, transformation, training=True):
        if not training:
            return images
        images = self._floats(images)
        mean = ops.mean(images, axis=self._axes[:2], keepdims=True)
        return self._kept((images - mean) * ops.cast(transformation["contrast_factor"], images.dtype) + mean)


@declare
class RandomBrightness(Tone):
    """Adds a random number to all pixels of an image, in training.

    Args:
        factor: Range of the number as parts of the range of values: a pair, or one number for the range from its opposite.
        value_range: The least and the greatest value of a pixel, within which results are kept.
        seed: Seed of the draws; an integer, or None for a random one.
    """

    factor: span(-1, 1)
    value_range: fields.Field(lambda v: sorted(_pair(v))) = (0, 255)

    def get_random_transformation(self, data, training=True, seed=None):
        """What is added to each image: "rgb_delta", of shape (batch, 1, 1, 1)."""
        low, high = self.value_range
        return {"rgb_delta": self._drawn(data, (f * (high - low) for f in self.factor), seed)} if training else None

    def transform_images(self, images, transformation, training=True):
        return in_floats(lambda x: self._kept(x + ops.cast(transformation["rgb_delta"], x.dtype)), images) if training else images
