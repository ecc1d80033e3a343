"""Quantizers: what turns floats into integers and a scale, found by name or configuration."""

from typing import Any

from kerastorch import dtypes
from kerastorch.quantizers.functions import abs_max_quantize
from kerastorch.saving import objects


class Quantizer:
    """Turns floats into numbers of fewer bits; subclasses write `__call__` and `get_config`.

    Args:
        output_dtype: Dtype of the result.
    """

    def __init__(self, output_dtype="int8"):
        self.output_dtype = dtypes.standardize(output_dtype)

    def __call__(self, x):
        """The floats, quantized; here as they are."""
        return x

    @classmethod
    def from_config(cls, config):
        """A new quantizer from what `get_config` gave."""
        return cls(**config)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON-like values."""
        raise NotImplementedError(f"{type(self).__name__} does not implement get_config()")


class AbsMaxQuantizer(Quantizer):
    """Scales so that the largest absolute value becomes the end of the integers' range.

    Args:
        axis: Axis, or several, whose elements share a scale; where None, it is given with each call.
        value_range: Smallest and largest integer.
        epsilon: Added to the largest value, so that zeros can be divided by it.
        output_dtype: Dtype of the integers.

    Raises:
        ValueError: If the range is beyond that of the dtype.
    """

    def __init__(self, axis=None, value_range=(-127, 127), epsilon=1e-07, output_dtype="int8"):
        super().__init__(output_dtype)
        self.axis = axis if axis is None else tuple(axis) if isinstance(axis, list | tuple) else (axis,)
        self.value_range, self.epsilon = tuple(value_range), epsilon
        least, most = (-128, 127) if self.output_dtype == "int8" else (float("-inf"), float("inf"))
        if self.value_range[0] < least or self.value_range[1] > most:
            raise ValueError(f"AbsMaxQuantizer: Quantizer with output_dtype={self.output_dtype!r} requires value_range to be "
                             f"within the interval [{least}, {most}], not value_range={self.value_range}")  # fmt: skip

    def __call__(self, x, axis=None, to_numpy=False):
        """The integers, and the scales by which `x` was multiplied.

        Args:
            x: Floats.
            axis: Axis, or several, in place of the quantizer's own; the last one where neither is given.
            to_numpy: Accepted as in Keras.
        """
        axis = (self.axis or -1) if axis is None else axis
        return abs_max_quantize(x, axis, self.value_range, self.output_dtype, self.epsilon, to_numpy)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON-like values."""
        config = {"value_range": self.value_range, "epsilon": self.epsilon, "output_dtype": self.output_dtype}
        return config if self.axis is None else {**config, "axis": self.axis}


NAMES = {"Quantizer": Quantizer, "quantizer": Quantizer, "AbsMaxQuantizer": AbsMaxQuantizer, "abs_max_quantizer": AbsMaxQuantizer}


def serialize(initializer) -> Any:
    """The configuration of a quantizer."""
    return objects.serialize_keras_object(initializer)


def deserialize(config, custom_objects=None):
    """The quantizer of a name or configuration.

    Raises:
        ValueError: Where it is not known.
    """
    return objects.lookup("quantizer", NAMES, config, custom_objects)


def get(identifier, **kwargs):
    """The quantizer that a name, a configuration, a class or a callable stands for; None stays None.

    Args:
        identifier: What stands for it.
        **kwargs: Arguments of the constructor, where `identifier` is a name or a class.

    Raises:
        ValueError: Where it is not known; near names are suggested.
    """
    known = NAMES.get(identifier, identifier) if isinstance(identifier, str) else identifier
    if kwargs and isinstance(known, type):
        return known(**kwargs)
    return objects.lookup("quantizer", NAMES, identifier)
