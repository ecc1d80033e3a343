"""The base of layers around a layer."""

from kerastorch.fields import Field, declare
from kerastorch.layers.base import Layer
from kerastorch.saving.objects import deserialize_keras_object, serialize_keras_object


def _layer(value):
    """A layer, given as it is or by its configuration."""
    layer = deserialize_keras_object(value) if isinstance(value, dict) and "class_name" in value else value
    if not isinstance(layer, Layer):
        raise ValueError(f"Layer {layer!r} supplied to Wrapper isn't a supported layer type. Please ensure wrapped layer is a "
                         "valid Keras layer.")  # fmt: skip
    return layer


WRAPPED = Field(_layer, serialize_keras_object)


@declare
class Wrapper(Layer):
    """The base of layers that hold another, for which they build its weights; a subclass says what `call` does with it.

    Args:
        layer: The layer.

    Raises:
        ValueError: If `layer` is no layer.
    """

    layer: WRAPPED

    def build(self, input_shape=None):
        if not self.layer.built:
            self.layer.build(input_shape)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A new layer from what `get_config` gave."""
        return cls(**{**config, "layer": deserialize_keras_object(config["layer"], custom_objects)})
