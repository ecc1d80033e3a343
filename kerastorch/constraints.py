"""Constraints: what is done to a weight after each update."""

from typing import Any

from kerastorch import dtypes, ops
from kerastorch.fields import Axes, Declared, declare
from kerastorch.lazy import attach_past
from kerastorch.saving import objects


class Constraint(Declared):
    """Base of constraints: objects that are called with a weight's value and return the value it shall have."""

    def __call__(self, w):
        """The value that the weight shall have."""
        return w


def norms(w, axis):
    """The Euclidean norms over some axes, which stay with size 1."""
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


def rescaled(w, have, want):
    """The weight with its norms changed from `have` to `want`."""
    return ops.multiply(w, ops.divide(want, ops.add(have, dtypes.epsilon())))


@declare
class MaxNorm(Constraint):
    """Scales down what has a norm above a limit.

    Args:
        max_value: The limit.
        axis: Axis, or several, over which norms are taken.
    """

    max_value: Any = 2
    axis: Axes = 0

    def __call__(self, w):
        have = norms(w, self.axis)
        return rescaled(w, have, ops.clip(have, 0, self.max_value))


@declare
class NonNeg(Constraint):
    """Sets negative elements to 0."""

    def __call__(self, w):
        return ops.relu(w)


@declare
class UnitNorm(Constraint):
    """Scales to norm 1.

    Args:
        axis: Axis, or several, over which norms are taken.
    """

    axis: Axes = 0

    def __call__(self, w):
        return ops.divide(w, ops.add(norms(w, self.axis), dtypes.epsilon()))


@declare
class MinMaxNorm(Constraint):
    """Moves norms towards a range.

    Args:
        min_value, max_value: The range.
        rate: How much of the way a norm is moved, 0 to 1.
        axis: Axis, or several, over which norms are taken.
    """

    min_value: Any = 0.0
    max_value: Any = 1.0
    rate: Any = 1.0
    axis: Axes = 0

    def __call__(self, w):
        have = norms(w, self.axis)
        inside = ops.clip(have, self.min_value, self.max_value)
        return rescaled(w, have, ops.add(ops.multiply(inside, self.rate), ops.multiply(have, 1.0 - self.rate)))


NAMES = {
    "Constraint": Constraint, "constraint": Constraint, "MaxNorm": MaxNorm, "max_norm": MaxNorm,
    "MinMaxNorm": MinMaxNorm, "min_max_norm": MinMaxNorm, "NonNeg": NonNeg, "non_neg": NonNeg,
    "UnitNorm": UnitNorm, "unit_norm": UnitNorm,
}  # fmt: skip
max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm
__all__ = [
    "Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "deserialize", "get", "max_norm", "min_max_norm",
    "non_neg", "serialize", "unit_norm",
]  # fmt: skip


def serialize(constraint) -> Any:
    """The configuration of a constraint."""
    return objects.serialize_keras_object(constraint)


def deserialize(config, custom_objects=None):
    """The constraint of a name or configuration.

    Raises:
        ValueError: Where it is not known.
    """
    return objects.lookup("constraint", NAMES, config, custom_objects)


def get(identifier):
    """The constraint that a name, a configuration, a class or a callable stands for; None stays None.

    Raises:
        ValueError: Where it is not known; near names are suggested.
    """
    return objects.lookup("constraint", NAMES, identifier)


__getattr__ = attach_past(__name__)
