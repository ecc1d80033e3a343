"""Configurations of the kind that Keras 2 wrote; see `keras.legacy.saving`."""

from kerastorch.legacy.saving import deserialize_keras_object as deserialize_keras_object
from kerastorch.legacy.saving import serialize_keras_object as serialize_keras_object

__all__ = ["deserialize_keras_object", "serialize_keras_object"]
