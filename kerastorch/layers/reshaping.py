"""Layers that rearrange, repeat, pad or cut their input."""

import math
import operator

from kerastorch import fields, ops, shapes
from kerastorch.fields import declare
from kerastorch.graph import KerasTensor
from kerastorch.layers.base import Layer
from kerastorch.layers.spec import InputSpec


@declare
class Flatten(Layer):
    """Joins all axes but that of the batch into one.

    Args:
        data_format: With "channels_first" the channels are first moved behind the spatial axes.
    """

    data_format: fields.DataFormat = None

    input_spec = InputSpec(min_ndim=1)

    def call(self, inputs):
        rank = len(inputs.shape)
        if self.data_format == "channels_first" and rank > 1:
            inputs = ops.transpose(inputs, (0, *range(2, rank), 1))
        rest = tuple(inputs.shape)[1:]
        if None not in rest:
            return ops.reshape(inputs, (-1, math.prod(rest)))
        return ops.reshape(inputs, (ops.shape(inputs)[0], -1))


def _target(value):
    shape = tuple(value)
    if any(not hasattr(d, "__index__") or d < -1 for d in shape) or shape.count(-1) > 1:
        raise ValueError("each size must be a non-negative integer, with at most one unknown dimension, -1")
    return shape


@declare
class Reshape(Layer):
    """The same elements of each sample in another shape.

    Args:
        target_shape: Shape without the batch axis; one size may be -1, which stands for what is left.
    """

    target_shape: fields.Field(_target, complaint="{cls}: {error}; received {name}={value!r}")

    built = True

    def compute_output_spec(self, inputs):
        batch, *rest = inputs.shape
        shape = (batch, *shapes.reshape(tuple(rest), newshape=self.target_shape))
        return KerasTensor(shape, self._input_dtype(inputs.dtype), sparse=inputs.sparse)

    def call(self, inputs):
        target = shapes.reshape(tuple(inputs.shape)[1:], newshape=self.target_shape)
        if None not in target:
            return ops.reshape(inputs, (-1, *target))
        return ops.reshape(inputs, (ops.shape(inputs)[0], *(-1 if d is None else d for d in target)))


def _permutation(value):
    dims = tuple(value)
    if sorted(dims) != list(range(1, len(dims) + 1)):
        raise ValueError("the axes from 1 to the input's last are needed, each once")
    return dims


@declare
class Permute(Layer):
    """Reorders the axes, that of the batch excepted.

    Args:
        dims: The old axes in their new order, counted from 1: (2, 1) swaps the first two.
    """

    dims: fields.Field(_permutation, complaint="{cls}: Invalid permutation {name}={value!r}: {error}")

    def __post_init__(self):
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs):
        return ops.transpose(inputs, (0, *self.dims))


def _times(value):
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError("Expected an integer value for")
    if value <= 0:
        raise ValueError("There should be a positive integer in")
    return operator.index(value)


TIMES = fields.Field(_times, complaint="{cls}: {error} `{name}`; received {name}={value!r}")


@declare
class RepeatVector(Layer):
    """Makes a sequence of one vector, repeated.

    Args:
        n: How often.
    """

    n: TIMES

    input_spec = InputSpec(ndim=2)

    def call(self, inputs):
        return ops.repeat(ops.expand_dims(inputs, 1), self.n, axis=1)


# ------------------------------------------------------------------------------------------------ padding and cropping


def edges(rank):
    """A field of how much there is at both ends of each axis: an integer, one per axis, or a pair per axis."""
    one = fields.sizes(2, zero=True)
    if rank == 1:
        return one

    def parse(value):
        if hasattr(value, "__index__"):
            value = (value,) * rank
        if not hasattr(value, "__len__") or len(value) != rank:
            raise ValueError(
                f"an integer, or a tuple of {rank} integers or pairs of integers, is needed, not {value!r}"
            )
        return tuple(one.parse(v) for v in value)

    return fields.Field(parse)


class Edges(Layer):
    """What padding and cropping share: pairs at the ends of the spatial axes."""

    data_format = "channels_last"

    def _pairs(self, value):
        """The pairs as one per axis of the input."""
        pairs = (value,) if self.rank == 1 else value
        return shapes.unspatial((0, 0), pairs, (0, 0), self.data_format)


@declare
class ZeroPadding1D(Edges):
    """Puts zeros before and after each sequence.

    Args:
        padding: How many at either end, or a pair of numbers.
        data_format: "channels_last" (batch, steps, channels) or "channels_first" (batch, channels, steps).
    """

    padding: edges(1) = 1
    data_format: fields.DataFormat = None

    rank = 1
    input_spec = InputSpec(ndim=3)

    def call(self, inputs):
        return ops.pad(inputs, self._pairs(self.padding))


@declare
class ZeroPadding2D(ZeroPadding1D):
    """Puts zeros around images.

    Args:
        padding: How many on all sides; or a pair, for height and width; or a pair of pairs, for both ends of each.
        data_format: "channels_last" (batch, ..., channels) or "channels_first" (batch, channels, ...).
    """

    padding: edges(2) = (1, 1)

    rank = 2
    input_spec = InputSpec(ndim=4)


@declare
class ZeroPadding3D(ZeroPadding1D):
    """Puts zeros around volumes.

    Args:
        padding: How many on all sides; or three numbers, one per axis; or three pairs, for both ends of each.
        data_format: "channels_last" (batch, ..., channels) or "channels_first" (batch, channels, ...).
    """

    padding: edges(3) = ((1, 1), (1, 1), (1, 1))

    rank = 3
    input_spec = InputSpec(ndim=5)


@declare
class Cropping1D(Edges):
    """Cuts steps off both ends of each sequence.

    Args:
        cropping: How many at either end, or a pair of numbers.
    """

    cropping: edges(1) = (1, 1)

    rank = 1
    input_spec = InputSpec(ndim=3)

    def call(self, inputs):
        pairs = self._pairs(self.cropping)
        for size, cut in zip(inputs.shape, pairs, strict=True):
            if size is not None and size <= sum(cut):
                raise ValueError(
                    f"`cropping` parameter of `{type(self).__name__}` layer must be smaller than its input. Values in `cropping` "
                    "argument should be smaller than the corresponding spatial dimension of the input. Received: "
                    f"cropping={self.cropping} for an input of shape {tuple(inputs.shape)}"
                )
        return inputs[tuple(slice(before or None, -after or None) for before, after in pairs)]


@declare
class Cropping2D(Cropping1D):
    """Cuts rows and columns off images.

    Args:
        cropping: How many on all sides; or a pair, for height and width; or a pair of pairs, for both ends of each.
        data_format: "channels_last" (batch, ..., channels) or "channels_first" (batch, channels, ...).
    """

    cropping: edges(2) = ((0, 0), (0, 0))
    data_format: fields.DataFormat = None

    rank = 2
    input_spec = InputSpec(ndim=4)


@declare
class Cropping3D(Cropping2D):
    """Cuts the faces off volumes.

    Args:
        cropping: How many on all sides; or three numbers, one per axis; or three pairs, for both ends of each.
        data_format: "channels_last" (batch, ..., channels) or "channels_first" (batch, channels, ...).
    """

    cropping: edges(3) = ((1, 1), (1, 1), (1, 1))

    rank = 3
    input_spec = InputSpec(ndim=5)


# ------------------------------------------------------------------------------------------------ upsampling


class Repeating(Layer):
    """What the upsampling layers share: each element repeated along the spatial axes."""

    data_format = "channels_last"

    def call(self, inputs):
        first = 1 if self.data_format == "channels_last" else 2
        for axis, times in enumerate(shapes.per_axis(self.size, len(inputs.shape) - 2), first):
            inputs = ops.repeat(inputs, times, axis=axis)
        return inputs


@declare
class UpSampling1D(Repeating):
    """Repeats each step of a sequence.

    Args:
        size: How often.
    """

    size: TIMES = 2

    input_spec = InputSpec(ndim=3)


@declare
class UpSampling2D(Repeating):
    """Enlarges images.

    Args:
        size: Factor for height and width: one integer or two.
        data_format: "channels_last" (batch, ..., channels) or "channels_first" (batch, channels, ...).
        interpolation: "nearest" repeats; "bilinear", "bicubic", "lanczos3" and "lanczos5" interpolate.
    """

    size: fields.sizes(2) = (2, 2)
    data_format: fields.DataFormat = None
    interpolation: fields.choice("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5") = "nearest"

    input_spec = InputSpec(ndim=4)

    def call(self, inputs):
        if self.interpolation == "nearest":
            return super().call(inputs)
        dims, _ = shapes.spatial(ops.shape(inputs), self.data_format)
        size = tuple(d * times for d, times in zip(dims, self.size, strict=True))
        return ops.image.resize(inputs, size, interpolation=self.interpolation, data_format=self.data_format)


@declare
class UpSampling3D(Repeating):
    """Enlarges volumes by repeating their elements.

    Args:
        size: Factor for each axis: one integer or three.
        data_format: "channels_last" (batch, ..., channels) or "channels_first" (batch, channels, ...).
    """

    size: fields.sizes(3) = (2, 2, 2)
    data_format: fields.DataFormat = None

    input_spec = InputSpec(ndim=5)
