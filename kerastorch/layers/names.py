"""Layers to configurations and back."""

from kerastorch.layers.base import Layer
from kerastorch.saving.objects import deserialize_keras_object, serialize_keras_object


def serialize(layer):
    """The configuration of a layer."""
    return serialize_keras_object(layer)


def deserialize(config, custom_objects=None):
    """The layer of a configuration.

    Args:
        config: What `serialize` gave.
        custom_objects: Names of the user's own classes and functions.

    Raises:
        ValueError: Where it is unknown or no layer.
    """
    layer = deserialize_keras_object(config, custom_objects)
    if not isinstance(layer, Layer):
        raise ValueError(f"layers.deserialize was given the configuration of no layer, but of {layer!r}: {config!r}")
    return layer
