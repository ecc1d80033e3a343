"""Layers that change the values of pixels and leave them in their places: brightness, contrast, colors, sharpness, noise."""

from kerastorch import fields, ops, random
from kerastorch.fields import declare
from kerastorch.layers.image_layer import COLORS, DRAWN, SHOULD, SORTED_RANGE, VALUE_RANGE, RandomImageLayer, each, span
from kerastorch.ops.filtering import bell, blurred
from kerastorch.ops.resampling import in_floats

TINY = 1e-7  # keeps quotients finite


def _window(value):
    sizes = tuple(value) if isinstance(value, list | tuple) else (value, value)
    if len(sizes) != 2 or any(not isinstance(s, int) or s < 1 or s % 2 == 0 for s in sizes):
        raise ValueError(f"kernel_size must be an odd number, or two such, not {value!r}")
    return sizes


def _sigma(value):
    pair = tuple(value) if isinstance(value, list | tuple) else (0, value)
    real = len(pair) == 2 and all(isinstance(v, int | float) for v in pair)
    if not real or not 0 <= pair[0] <= pair[1] or (value is pair[1] and value > 1):
        raise ValueError(f"a number (or a list of two numbers) in the range [0, 1], not {value!r}")
    return pair


WINDOW, SIGMA = fields.Field(_window), fields.Field(_sigma, complaint=SHOULD)
BOTH = span(0, 1, complaint="{cls}: The `addition_factor` and `threshold_factor` arguments should be {error}")


@declare(order=COLORS)
class Tone(RandomImageLayer):
    """What layers share that change the values of pixels and leave them in their places.

    Args:
        factor: How much they are changed.
        value_range: The least and the greatest value of a pixel, within which results are kept.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
        seed: Seed of the draws; an integer, or None for a random one.
    """

    factor: fields.PLAIN
    value_range: SORTED_RANGE = (0, 255)

    moves = False

    def _kept(self, images):
        return ops.clip(images, *self.value_range)

    def _in_hsv(self, images, place, change):
        """Images of which the hue (place 0) or the saturation (1), both from 0 to 1, is changed."""
        axis = self._axes[-1]

        def changed(parts):
            channels = list(ops.split(ops.image.rgb_to_hsv(parts, data_format=self.data_format), 3, axis=axis))
            channels[place] = change(channels[place])
            return ops.image.hsv_to_rgb(ops.concatenate(channels, axis=axis), data_format=self.data_format)

        return self._in_parts(changed, images)

    def _in_parts(self, function, images, whole=1.0):
        """What a function of images with values from 0 to `whole` makes of images in the range of values, in that range."""
        low, high = self.value_range
        parts = function((images - low) * (whole / (high - low)))
        return self._kept(parts * ((high - low) / whole) + low)


@declare(unlisted=("data_format",), order=("factor", "value_range", "seed", "data_format", "bounding_box_format"))
class RandomContrast(Tone):
    """Changes the contrast of images at random in training: `(x - mean) * factor + mean`, with the mean of each channel.

    Args:
        factor: How far the factor lies from 1: a pair for the range from 1 - lower to 1 + upper, or one number for that up to
            1 + factor.
        value_range: The least and the greatest value of a pixel, within which results are kept.
        seed: Seed of the draws; an integer, or None for a random one.
    """

    factor: span(0, 1)
    value_range: VALUE_RANGE = (0, 255)

    def get_random_transformation(self, data, training=True, seed=None):
        """The "contrast_factor" of each image, of shape (batch, 1, 1, 1)."""
        lower, upper = self.factor
        return {"contrast_factor": self._drawn(data, (1 - lower, 1 + upper), seed, 1, 1, 1)} if training else None

    def changed(self, images, transformation):
        mean = ops.mean(images, axis=self._axes[:2], keepdims=True)
        return self._kept((images - mean) * each(transformation["contrast_factor"], images) + mean)


@declare(unlisted=("data_format",), order=("factor", "value_range", "seed", "data_format", "bounding_box_format"))
class RandomBrightness(Tone):
    """Adds a random number to all pixels of an image, in training.

    Args:
        factor: Range of the number as parts of the range of values: a pair, or one number for the range from its opposite.
        value_range: The least and the greatest value of a pixel, within which results are kept.
        seed: Seed of the draws; an integer, or None for a random one.
    """

    factor: span(-1, 1)

    def get_random_transformation(self, data, training=True, seed=None):
        """What is added to each image: "rgb_delta", of shape (batch, 1, 1, 1)."""
        low, high = self.value_range
        return {"rgb_delta": self._drawn(data, (f * (high - low) for f in self.factor), seed, 1, 1, 1)} if training else None

    def transform_images(self, images, transformation=None, training=True):
        if not training:
            return images
        return in_floats(lambda x: self._kept(x + each(transformation["rgb_delta"], x)), images)


@declare(order=COLORS)
class RandomColorDegeneration(Tone):
    """Mixes images with what is left of them without colors, in training: `x + factor * (gray - x)`.

    Args:
        factor: Range of the factor: a pair, or one number for the range from its opposite.
        value_range: The least and the greatest value of a pixel, within which results are kept.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
        seed: Seed of the draws; an integer, or None for a random one.
    """

    factor: span(-1, 1)

    def get_random_transformation(self, data, training=True, seed=None):
        """The "factor" of each image, of shape (batch, 1, 1, 1)."""
        return {"factor": self._drawn(data, self.factor, seed, 1, 1, 1)} if training else None

    def changed(self, images, transformation):
        gray = ops.image.rgb_to_grayscale(images, data_format=self.data_format)
        return self._kept(images + each(transformation["factor"], images) * (gray - images))


@declare(order=COLORS)
class RandomSaturation(Tone):
    """Makes the colors of images stronger or weaker at random in training.

    Args:
        factor: Range of the strength: a pair, or one number for the range from its opposite. 0 takes all color away, 0.5 changes
            nothing, 1 gives full colors; the saturation is multiplied by `factor / (1 - factor)`.
        value_range: The least and the greatest value of a pixel, within which results are kept.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
        seed: Seed of the draws; an integer, or None for a random one.
    """

    factor: span(-1, 1)

    def get_random_transformation(self, data, training=True, seed=None):
        """What saturations are multiplied by: "factor", of shape (batch,)."""
        if not training:
            return None
        drawn = self._drawn(data, self.factor, seed)
        return {"factor": drawn / (1.0 - drawn + TINY)}

    def changed(self, images, transformation):
        factor = each(transformation["factor"], images)
        return self._in_hsv(images, 1, lambda s: ops.clip(s * factor, 0, 1))


@declare(order=COLORS)
class RandomHue(Tone):
    """Turns the colors of images around the color circle by a random angle, in training.

    Args:
        factor: Range of the angle, to both sides, in half turns: a pair, or one number for the range from 0.
        value_range: The least and the greatest value of a pixel, within which results are kept.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
        seed: Seed of the draws; an integer, or None for a random one.
    """

    factor: span(0, 1)
    value_range: VALUE_RANGE = (0, 255)

    def get_random_transformation(self, data, training=True, seed=None):
        """What is added to hues, in turns: "factor", of shape (batch,)."""
        if not training:
            return None
        side = ops.where(self._drawn(data, (-1, 1), seed) < 0, -0.5, 0.5)
        return {"factor": self._drawn(data, self.factor, seed) * side}

    def changed(self, images, transformation):
        factor = each(transformation["factor"], images)
        return self._in_hsv(images, 0, lambda h: ops.mod(h + factor, 1.0))


@declare(order=COLORS)
class RandomSharpness(Tone):
    """Makes images more or less sharp at random in training: `blurred + 2 * factor * (x - blurred)`.

    Args:
        factor: Range of the factor: a pair, or one number for the range from 0. 0 blurs, 0.5 changes nothing, 1 sharpens.
        value_range: The least and the greatest value of a pixel, within which results are kept.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
        seed: Seed of the draws; an integer, or None for a random one.
    """

    factor: span(0, 1)

    def get_random_transformation(self, data, training=True, seed=None):
        """The "factor" of each image, of shape (batch,)."""
        return {"factor": self._drawn(data, self.factor, seed)} if training else None

    def changed(self, images, transformation):
        channels = images.shape[self._axes[-1]]
        kernel = ops.reshape(ops.convert_to_tensor([1, 1, 1, 1, 5, 1, 1, 1, 1], images.dtype) / 13, (3, 3, 1, 1))
        soft = ops.depthwise_conv(images, ops.tile(kernel, (1, 1, channels, 1)), padding="same", data_format=self.data_format)
        return self._kept(soft + each(transformation["factor"], images) * 2 * (images - soft))


@declare(order=COLORS)
class RandomPosterization(Tone):
    """Keeps only the first bits of each value, in training, as in RandAugment (Cubuk et al., 2019).

    Args:
        factor: How many of the 8 bits are kept: a number above which none is drawn, or a pair.
        value_range: The least and the greatest value of a pixel.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
        seed: Seed of the draws; an integer, or None for a random one.
    """

    factor: span(1, 8)

    def get_random_transformation(self, data, training=True, seed=None):
        """How many bits are dropped: "shift_factor", of shape (batch,)."""
        if not training:
            return None
        return {"shift_factor": ops.cast(8 - ops.floor(self._drawn(data, self.factor, seed)), "uint8")}

    def changed(self, images, transformation):
        step = ops.power(2.0, each(transformation["shift_factor"], images))
        return self._in_parts(lambda x: ops.floor(ops.floor(x) / step) * step, images, 255.0)


# ------------------------------------------------------------------------------------------------ now and then


@declare(order=("factor", "data_format", *DRAWN))
class RandomGrayscale(RandomImageLayer):
    """Takes the colors away from some images in training, and keeps their channels and their dtype.

    Args:
        factor: The probability with which an image loses its colors.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
        seed: Seed of the draws; an integer, or None for a random one.
    """

    factor: fields.number(0, 1, complaint="{cls}: `{name}` should be between 0 and 1. {error}") = 0.5

    moves = False

    def get_random_transformation(self, data, training=True, seed=None):
        """Which images lose their colors, of shape (batch, 1, 1, 1)."""
        return self._drawn(data, (0, 1), seed, 1, 1, 1) < self.factor if training else None

    def transform_images(self, images, transformation=None, training=True):
        if not training:
            return images
        return ops.where(each(transformation), ops.image.rgb_to_grayscale(images, data_format=self.data_format), images)


@declare(order=("factor", "value_range", "seed", "data_format", "bounding_box_format"))
class RandomInvert(Tone):
    """Turns light into dark in some images, in training.

    Args:
        factor: Range of the probability with which an image is changed: a pair, or one number for the range from 0.
        value_range: The least and the greatest value of a pixel.
        seed: Seed of the draws; an integer, or None for a random one.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
    """

    factor: span(0, 1) = 1.0
    value_range: VALUE_RANGE = (0, 255)

    def get_random_transformation(self, data, training=True, seed=None):
        """Which images are changed: "apply_inversion", of shape (batch,)."""
        return {"apply_inversion": self._chosen(data, self.factor, seed)} if training else None

    def changed(self, images, transformation):
        return ops.where(each(transformation["apply_inversion"]), self.value_range[1] - images, images)


@declare(unlisted=("data_format",), order=("addition_factor", "threshold_factor", "value_range", "seed", "data_format",
                                           "bounding_box_format"))  # fmt: skip
class Solarization(Tone):
    """Turns light into dark where images are bright, in training: `high - (x - low)` where `x` reaches a threshold.

    Args:
        addition_factor: Range of what is added before, as parts of the range of values: a pair, or one number for the range from 0.
        threshold_factor: Range of the threshold, as parts of the range of values: a pair, or one number for the range from 0.
        value_range: The least and the greatest value of a pixel, within which results are kept.
        seed: Seed of the draws; an integer, or None for a random one.
    """

    addition_factor: BOTH = 0.0
    threshold_factor: BOTH = 0.0

    def get_random_transformation(self, data, training=True, seed=None):
        """What is added, and where images begin to change: "additions" and "thresholds", of shape (batch, 1, 1, 1)."""
        if not training:
            return None
        low, high = self.value_range
        added, threshold = (
            self._drawn(data, (f * (high - low) for f in factor), seed, 1, 1, 1)
            for factor in (self.addition_factor, self.threshold_factor)
        )
        return {"additions": added, "thresholds": threshold + low}

    def changed(self, images, transformation):
        images = self._kept(images + each(transformation["additions"], images))
        bright = images >= each(transformation["thresholds"], images)
        return self._kept(ops.where(bright, sum(self.value_range) - images, images))


@declare(order=("factor", "kernel_size", "sigma", "value_range", "data_format", *DRAWN))
class RandomGaussianBlur(Tone):
    """Blurs some images in training, with a Gaussian; what lies outside counts as 0.

    Args:
        factor: Range of the probability with which an image is changed: a pair, or one number for the range from 0.
        kernel_size: Width and height of the window in pixels, or one odd number for both.
        sigma: Range of the deviation in pixels, drawn for both directions: a pair, or one number up to 1 for the range from 0.
        value_range: The least and the greatest value of a pixel, within which results are kept.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
        seed: Seed of the draws; an integer, or None for a random one.
    """

    factor: span(0, 1) = 1.0
    kernel_size: WINDOW = 3
    sigma: SIGMA = 1.0
    value_range: VALUE_RANGE = (0, 255)

    def get_random_transformation(self, data, training=True, seed=None):
        """Which images are blurred, of shape (batch,), and the deviation along the width and along the height, of shape (2,)."""
        if not training:
            return None
        seed = self._seed(seed)
        sigma = random.uniform((2,), *map(float, self.sigma), seed=seed)
        return {"should_apply_blur": self._chosen(data, self.factor, seed), "blur_factor": sigma}

    def changed(self, images, transformation):
        sigma = ops.maximum(ops.cast(transformation["blur_factor"], images.dtype), 1e-3)
        across, down = (bell(size, sigma[i], images.dtype) for i, size in enumerate(self.kernel_size))
        soft = self._kept(blurred(images, down, across, "same", self.data_format))
        return ops.where(each(transformation["should_apply_blur"]), soft, images)
