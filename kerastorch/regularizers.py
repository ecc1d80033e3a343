"""Regularizers: penalties on weights or outputs that are added to the loss."""

import math
from typing import Any

from kerastorch import ops
from kerastorch.fields import Declared, Field, choice, declare, fields_of
from kerastorch.lazy import attach_past
from kerastorch.saving import objects


class Regularizer(Declared):
    """Base of regularizers: objects that are called with a tensor and return a scalar penalty."""

    def __call__(self, x):
        """The penalty on a tensor, a scalar."""
        return 0.0

    def get_config(self):
        """The constructor's arguments as JSON-like values; a subclass says which."""
        if not fields_of(type(self)):
            raise NotImplementedError(f"{type(self).__name__} must define get_config()")
        return {}


def penalty(default: float) -> Field:
    """A field of one finite number of at least 0; None is the default."""

    def parse(value: Any) -> float:
        value = default if value is None else value
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or value < 0:
            raise ValueError(f"a finite number of at least 0 is needed, not {value!r}")
        return float(value)

    return Field(parse)


@declare
class L1L2(Regularizer):
    """The sum of absolute values and the sum of squares, each times a factor.

    Args:
        l1, l2: The factors.
    """

    l1: penalty(0.0) = 0.0
    l2: penalty(0.0) = 0.0

    def __call__(self, x):
        terms = []
        if self.l1:
            terms.append(ops.multiply(ops.sum(ops.absolute(x)), self.l1))
        if self.l2:
            terms.append(ops.multiply(ops.sum(ops.square(x)), self.l2))
        if not terms:
            return ops.zeros((), dtype=x.dtype)
        return terms[0] if len(terms) == 1 else ops.add(*terms)


@declare
class L1(Regularizer):
    """The sum of absolute values times a factor.

    Args:
        l1: The factor.
    """

    l1: penalty(0.01) = 0.01

    def __call__(self, x):
        return ops.multiply(ops.sum(ops.absolute(x)), self.l1)


@declare
class L2(Regularizer):
    """The sum of squares times a factor.

    Args:
        l2: The factor.
    """

    l2: penalty(0.01) = 0.01

    def __call__(self, x):
        return ops.multiply(ops.sum(ops.square(x)), self.l2)


@declare
class OrthogonalRegularizer(Regularizer):
    """The mean absolute cosine between the rows (or columns) of a matrix, times a factor.

    Args:
        factor: The factor.
        mode: "rows" or "columns".
    """

    factor: penalty(0.01) = 0.01
    mode: choice("rows", "columns", fold=False) = "rows"

    def __call__(self, inputs):
        if len(inputs.shape) != 2:
            raise ValueError(f"OrthogonalRegularizer needs a tensor of rank 2, got shape {tuple(inputs.shape)}")
        vectors = inputs if self.mode == "rows" else ops.transpose(inputs)
        n = vectors.shape[0]
        vectors = ops.normalize(vectors, axis=1)
        cosines = ops.absolute(ops.matmul(vectors, ops.transpose(vectors)))
        between = ops.subtract(ops.sum(cosines), ops.sum(ops.diagonal(cosines)))
        return ops.multiply(between, self.factor / (n * (n - 1.0)))


NAMES = {
    "Regularizer": Regularizer, "regularizer": Regularizer, "L1": L1, "l1": L1, "L2": L2, "l2": L2,
    "L1L2": L1L2, "l1l2": L1L2, "l1_l2": L1L2,
    "OrthogonalRegularizer": OrthogonalRegularizer, "orthogonal_regularizer": OrthogonalRegularizer,
}  # fmt: skip
l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer
__all__ = [
    "L1", "L1L2", "L2", "OrthogonalRegularizer", "Regularizer", "deserialize", "get", "l1", "l1_l2", "l2",
    "orthogonal_regularizer", "serialize",
]  # fmt: skip


def serialize(regularizer) -> Any:
    """The configuration of a regularizer."""
    return objects.serialize_keras_object(regularizer)


def deserialize(config, custom_objects=None):
    """The regularizer of a name or configuration.

    Raises:
        ValueError: Where it is not known.
    """
    return objects.lookup("regularizer", NAMES, config, custom_objects)


def get(identifier):
    """The regularizer that a name, a configuration, a class or a callable stands for; None stays None.

    Raises:
        ValueError: Where it is not known; near names are suggested.
    """
    return objects.lookup("regularizer", NAMES, identifier)


__getattr__ = attach_past(__name__)
