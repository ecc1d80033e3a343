"""Activations: functions from a tensor to a tensor of the same shape, found by name.

Those that are ops are the ops themselves; what has a form of its own stands here.
"""

from typing import Any

from kerastorch import ops
from kerastorch.ops import tanh
from kerastorch.ops.activation import (
    celu,
    elu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_swish,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    squareplus,
    swish,
    tanh_shrink,
    threshold,
)
from kerastorch.ops.nn import log_softmax, softmax, sparsemax
from kerastorch.saving import objects


def linear(x):
    """The operand as it is."""
    return x


def exponential(x):
    """The exponential function."""
    return ops.exp(x)


def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """The rectifier: the operand above `threshold`, with a slope below it and a limit above.

    Args:
        x: Tensor.
        negative_slope: Factor of `x - threshold` where the operand is not above the threshold.
        max_value: Largest value; None is no limit.
        threshold: What the operand must exceed to be passed on.
    """
    if not threshold and max_value is None:
        return ops.leaky_relu(x, negative_slope) if negative_slope else ops.relu(x)
    above = ops.where(ops.greater(x, threshold), x, 0.0) if threshold else ops.relu(x)
    above = above if max_value is None else ops.clip(above, 0.0, max_value)
    if not negative_slope:
        return above
    return ops.subtract(above, ops.multiply(ops.relu(ops.subtract(threshold, x)), negative_slope))


def gelu(x, approximate=False):
    """The operand times the normal distribution function of it (Hendrycks and Gimpel, 2016).

    Args:
        x: Tensor.
        approximate: Whether the distribution function is approximated by a tanh.
    """
    return ops.gelu(x, approximate)


def mish(x):
    """The operand times the tanh of its softplus (Misra, 2019)."""
    return ops.multiply(x, ops.tanh(ops.softplus(x)))


NAMES = {
    function.__name__: function
    for function in (
        celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu, linear,
        log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid, silu, soft_shrink, softmax, softplus, softsign,
        sparse_plus, sparse_sigmoid, sparsemax, squareplus, tanh, tanh_shrink, threshold,
    )
} | {"swish": swish, "hard_swish": hard_swish}  # fmt: skip
__all__ = [
    "celu", "deserialize", "elu", "exponential", "gelu", "get", "glu", "hard_shrink", "hard_sigmoid", "hard_silu",
    "hard_swish", "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6",
    "selu", "serialize", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus",
    "sparse_sigmoid", "sparsemax", "squareplus", "swish", "tanh", "tanh_shrink", "threshold",
]  # fmt: skip


def serialize(activation) -> Any:
    """The name of a built-in activation, or the configuration of another one."""
    name = getattr(activation, "__name__", None)
    if name is not None and NAMES.get(name) is activation:
        return name
    return objects.serialize_keras_object(activation)


def deserialize(config, custom_objects=None):
    """The activation of a name or configuration.

    Raises:
        ValueError: Where it is not known.
    """
    return objects.lookup("activation", NAMES, config, custom_objects)


def get(identifier):
    """The activation that a name, a configuration or a callable stands for; None is `linear`.

    Raises:
        ValueError: Where it is not known; near names are suggested.
    """
    return linear if identifier is None else objects.lookup("activation", NAMES, identifier)
