"""Ops on class numbers that the layers for categories are written over; no public names of their own."""

from kerastorch import dtypes
from kerastorch.op import Tensor, op


def _tallied(x, weights, *, depth):
    return (*x[:-1], depth)


@op(shape=_tallied, dtype=lambda x, weights, *, dtype: ((None, dtypes.standardize(dtype)), dtypes.standardize(dtype)))
def tally(x: Tensor, weights: Tensor, depth, dtype):
    """How often each class occurs along the last axis.

    Args:
        x: Integers of shape (..., n); those below 0 or not below `depth` are left out.
        weights: What each of them counts, of the same shape; None counts 1.
        depth: Number of classes.
        dtype: Dtype of the result.

    Returns:
        Tensor of shape (..., depth).
    """


@op(shape=lambda x, holds: x, dtype=lambda x, holds: ((None, "bool"), dtypes.concrete(x)))
def require(x: Tensor, holds: Tensor, message):
    """The operand, once it is certain that a condition holds for all elements; an error of the framework with a message else."""
