"""Rescaling of inputs."""

from kerastorch import fields, ops, scope
from kerastorch.fields import declare
from kerastorch.layers.elementwise import Elementwise
from kerastorch.saving.objects import deserialize_keras_object, serialize_keras_object

FACTOR = fields.Field(lambda v: deserialize_keras_object(v) if isinstance(v, dict) else v, serialize_keras_object)


@declare
class Rescaling(Elementwise):
    """`inputs * scale + offset`, in the layer's compute dtype.

    Args:
        scale: A factor, or one for each channel.
        offset: What is added, or one for each channel.
    """

    scale: FACTOR
    offset: FACTOR = 0.0

    built = False

    def call(self, inputs):
        inputs = ops.cast(inputs, self.compute_dtype)
        return ops.add(ops.multiply(inputs, self._constant(self.scale, by_channel=True)), self._constant(self.offset))

    def _constant(self, value, by_channel=False):
        if isinstance(value, int | float):
            return value
        value = ops.convert_to_tensor(value, self.compute_dtype)
        rank = len(value.shape)
        if by_channel and rank and scope.image_data_format() == "channels_first":
            value = ops.reshape(value, (*value.shape, *(1,) * (3 - rank)))
        return value
