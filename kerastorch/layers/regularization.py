"""Layers that act in training only, against overfitting."""

import math

from kerastorch import fields, ops, random, regularizers
from kerastorch.fields import declare
from kerastorch.layers.elementwise import Elementwise
from kerastorch.layers.spec import InputSpec

INVALID = "{cls}: Invalid value received for argument `{name}`. "
RATE = fields.number(0, 1, complaint=INVALID + "Expected a float value between 0 and 1. Received: {name}={value!r}")


def _noise_shape(value):
    if value is None:
        return None
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise ValueError("Expected a tuple or list of integers.")
    for d in value:
        if d is not None and not hasattr(d, "__index__"):
            raise ValueError(f"Expected all elements to be integers or None. One is {d!r}.")
        if d is not None and d <= 0:
            raise ValueError(f"Expected all dimensions to be positive integers or None. One is {d!r}.")
    return tuple(value)


NOISE_SHAPE = fields.Field(_noise_shape, complaint=INVALID + "{error} Received: {name}={value!r}")


class Noise(Elementwise):
    """What layers share that change their input at random in training, by an amount that is a field of theirs."""

    amount = "rate"

    def __post_init__(self):
        if self._active:
            self.seed_generator = random.SeedGenerator(self.seed)

    @property
    def _active(self):
        return getattr(self, self.amount) > 0

    def call(self, inputs, training=False):
        return self.disturb(inputs) if training and self._active else inputs

    def disturb(self, inputs):
        """The input as it is in training."""
        raise NotImplementedError("a noise layer says how its input is changed")

    def _resolved(self, inputs, noise_shape):
        """A noise shape with the input's sizes in place of None."""
        have = ops.shape(inputs)
        return (
            have
            if noise_shape is None
            else tuple(h if d is None else d for d, h in zip(noise_shape, have, strict=True))
        )


@declare
class Dropout(Noise):
    """Sets elements to 0 at random in training and scales the others up, so that sums keep their mean.

    Args:
        rate: Part of the elements that is set to 0, from 0 to 1.
        noise_shape: Shape of the random mask, None in it for the input's own size; axes of size 1 share one draw.
        seed: Seed of the draws; an integer, or None for a random one.
    """

    rate: RATE
    noise_shape: NOISE_SHAPE = None
    seed: fields.PLAIN = None

    def disturb(self, inputs):
        return random.dropout(inputs, self.rate, noise_shape=self.noise_shape, seed=self.seed_generator)


@declare(closed=True)
class SpatialDropout(Noise):
    """Sets whole channels to 0 at random in training, over all the spatial axes, and scales the others up.

    Args:
        rate: Part of the channels that is set to 0, from 0 to 1.
        seed: Seed of the draws; an integer, or None for a random one.
        name, dtype: Of the layer.
    """

    rate: RATE
    seed: fields.PLAIN = None
    name: fields.Base = None
    dtype: fields.Base = None

    data_format = "channels_last"

    def disturb(self, inputs):
        channels = -1 if self.data_format == "channels_last" else 1
        noise_shape = [1] * len(inputs.shape)
        noise_shape[0] = noise_shape[channels] = None
        return random.dropout(inputs, self.rate, noise_shape=tuple(noise_shape), seed=self.seed_generator)

    def get_config(self):
        """The constructor's arguments as JSON-like values."""
        config = {k: v for k, v in self.declared_config().items() if k != "trainable"}
        return {**config, "dtype": self.dtype}


@declare(closed=True)
class SpatialDropout1D(SpatialDropout):
    """Sets whole channels of sequences to 0 at random in training. Arguments as for `SpatialDropout`."""

    input_spec = InputSpec(ndim=3)


@declare(closed=True, order=("rate", "data_format", "seed", "name", "dtype"))
class SpatialDropout2D(SpatialDropout):
    """Sets whole channels of images to 0 at random in training.

    Arguments as for `SpatialDropout`, and `data_format`: "channels_last" or "channels_first".
    """

    data_format: fields.DataFormat = None

    input_spec = InputSpec(ndim=4)


@declare(closed=True)
class SpatialDropout3D(SpatialDropout2D):
    """Sets whole channels of volumes to 0 at random in training. Arguments as for `SpatialDropout2D`."""

    input_spec = InputSpec(ndim=5)


@declare
class GaussianNoise(Noise):
    """Adds normal noise of mean 0 in training.

    Args:
        stddev: Standard deviation of the noise, from 0 to 1.
        seed: Seed of the draws; an integer, or None for a random one.
    """

    stddev: RATE
    seed: fields.PLAIN = None

    amount = "stddev"

    def disturb(self, inputs):
        return inputs + random.normal(ops.shape(inputs), 0.0, self.stddev, self.compute_dtype, self.seed_generator)


@declare
class GaussianDropout(Noise):
    """Multiplies by normal noise of mean 1 and variance `rate / (1 - rate)` in training (Srivastava et al., 2014).

    Args:
        rate: As for `Dropout`, whose mask has the same mean and variance.
        seed: Seed of the draws; an integer, or None for a random one.
    """

    rate: RATE
    seed: fields.PLAIN = None

    def disturb(self, inputs):
        spread = math.sqrt(self.rate / (1.0 - self.rate))
        return inputs * random.normal(ops.shape(inputs), 1.0, spread, self.compute_dtype, self.seed_generator)


@declare
class AlphaDropout(Noise):
    """Dropout that keeps the mean 0 and variance 1 of `selu` networks (Klambauer et al., 2017).

    Args:
        rate: Part of the elements that is replaced by the least value of `selu`, from 0 to 1.
        noise_shape: Shape of the random mask, None in it for the input's own size.
        seed: Seed of the draws; an integer, or None for a random one.
    """

    rate: RATE
    noise_shape: NOISE_SHAPE = None
    seed: fields.PLAIN = None

    LEAST = -1.6732632423543772 * 1.0507009873554805  # selu at minus infinity

    def disturb(self, inputs):
        drawn = random.uniform(self._resolved(inputs, self.noise_shape), seed=self.seed_generator)
        kept = ops.cast(ops.greater_equal(drawn, self.rate), self.compute_dtype)
        scale = ((1 - self.rate) * (1 + self.rate * self.LEAST**2)) ** -0.5
        return (inputs * kept + self.LEAST * (1 - kept)) * scale - scale * self.LEAST * self.rate


@declare
class ActivityRegularization(Elementwise):
    """Gives back its input and adds a penalty on it to the loss.

    Args:
        l1: Factor of the sum of absolute values.
        l2: Factor of the sum of squares.
    """

    l1: float = 0.0
    l2: float = 0.0

    def __post_init__(self):
        self.activity_regularizer = regularizers.L1L2(l1=self.l1, l2=self.l2)

    def call(self, inputs):
        return inputs

    def get_config(self):
        """The constructor's arguments as JSON-like values."""
        return {k: v for k, v in self.declared_config().items() if k != "activity_regularizer"}
