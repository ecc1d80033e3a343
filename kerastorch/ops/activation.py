"""Ops that are applied to each element of a layer's output: activations and their pieces."""

import math

from kerastorch import ops
from kerastorch.dtypes import floating, promoted
from kerastorch.op import Tensor, composite, op
from kerastorch.shapes import normalize_axis, unary

elementwise = composite(shape=unary, dtype=floating)


@op(shape=unary, dtype=promoted)
def relu(x: Tensor):
    """The operand where it is positive, else 0."""


@op(shape=unary, dtype=floating)
def sigmoid(x: Tensor):
    """The logistic function, `1 / (1 + exp(-x))`."""


@composite(shape=unary, dtype=promoted)
def relu6(x: Tensor):
    """The operand limited to the range from 0 to 6."""
    return ops.clip(x, 0, 6)


@elementwise
def softplus(x: Tensor):
    """A smooth form of relu, `log(1 + exp(x))`."""
    return ops.maximum(x, 0.0) + ops.log1p(ops.exp(-ops.abs(x)))


@elementwise
def softsign(x: Tensor):
    """`x / (1 + |x|)`, which lies between -1 and 1."""
    return x / (ops.abs(x) + 1.0)


@elementwise
def silu(x: Tensor):
    """The operand times its sigmoid; also called swish (Ramachandran et al., 2017)."""
    return x * sigmoid(x)


swish = silu


@elementwise
def log_sigmoid(x: Tensor):
    """The logarithm of the sigmoid, without loss of precision far from 0."""
    return -softplus(-x)


@elementwise
def leaky_relu(x: Tensor, negative_slope=0.2):
    """The operand where it is positive, else the operand times `negative_slope`."""
    return ops.where(x > 0, x, x * negative_slope)


@elementwise
def hard_sigmoid(x: Tensor):
    """A sigmoid of straight lines: 0 below -3, 1 above 3, `x / 6 + 1 / 2` between."""
    return relu6(x + 3.0) / 6.0


@elementwise
def hard_silu(x: Tensor):
    """The operand times its hard sigmoid; also called hard swish (Howard et al., 2019)."""
    return x * hard_sigmoid(x)


hard_swish = hard_silu


@elementwise
def elu(x: Tensor, alpha=1.0):
    """The operand where it is positive, else `alpha * (exp(x) - 1)` (Clevert et al., 2015)."""
    return ops.where(x > 0, x, ops.expm1(ops.minimum(x, 0.0)) * alpha)


# Fixed point of mean 0 and variance 1 (Klambauer et al., 2017).
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


@elementwise
def selu(x: Tensor):
    """An elu scaled so that mean 0 and variance 1 are kept from layer to layer (Klambauer et al., 2017)."""
    return elu(x, SELU_ALPHA) * SELU_SCALE


@elementwise
def celu(x: Tensor, alpha=1.0):
    """An elu with a continuous derivative: `alpha * (exp(x / alpha) - 1)` below 0 (Barron, 2017)."""
    return ops.maximum(x, 0.0) + ops.expm1(ops.minimum(x, 0.0) / alpha) * alpha


@elementwise
def gelu(x: Tensor, approximate=True):
    """The operand times the normal distribution function of it (Hendrycks and Gimpel, 2016).

    Args:
        x: Tensor.
        approximate: Whether the distribution function is approximated by a tanh.
    """
    if approximate:
        return x * 0.5 * (ops.tanh((x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)) + 1.0)
    return x * 0.5 * (ops.erf(x / math.sqrt(2)) + 1.0)


def _halved(x, *, axis=-1):
    axis = normalize_axis(axis, len(x))
    if x[axis] is not None and x[axis] % 2:
        raise ValueError(f"axis {axis} of shape {x} must have an even size")
    return (*x[:axis], None if x[axis] is None else x[axis] // 2, *x[axis + 1 :])


@composite(shape=_halved, dtype=floating)
def glu(x: Tensor, axis=-1):
    """The first half of an axis times the sigmoid of its second half (Dauphin et al., 2017)."""
    value, gate = ops.split(x, 2, axis=axis)
    return value * sigmoid(gate)


@elementwise
def tanh_shrink(x: Tensor):
    """The operand minus its tanh."""
    return x - ops.tanh(x)


@composite(shape=unary, dtype=promoted)
def hard_tanh(x: Tensor):
    """The operand limited to the range from -1 to 1."""
    return ops.clip(x, -1, 1)


@elementwise
def hard_shrink(x: Tensor, threshold=0.5):
    """The operand where its absolute value exceeds `threshold`, else 0."""
    return ops.where(ops.abs(x) > threshold, x, 0.0)


@elementwise
def soft_shrink(x: Tensor, threshold=0.5):
    """The operand moved towards 0 by `threshold`, and 0 where it is no farther than that."""
    return ops.where(x > threshold, x - threshold, ops.where(x < -threshold, x + threshold, 0.0))


@composite(shape=unary, dtype=promoted)
def threshold(x: Tensor, threshold, default_value):
    """The operand where it exceeds `threshold`, else `default_value`."""
    return ops.where(ops.greater(x, threshold), x, default_value)


@elementwise
def squareplus(x: Tensor, b=4):
    """A smooth form of relu without exponentials, `(x + sqrt(x^2 + b)) / 2` (Barron, 2021)."""
    return (x + ops.sqrt(x * x + b)) / 2.0


@elementwise
def sparse_plus(x: Tensor):
    """0 below -1, the operand above 1, `(x + 1)^2 / 4` between; the smooth relu that belongs to `sparse_sigmoid`."""
    return ops.where(x <= -1, 0.0, ops.where(x < 1, ops.square(x + 1.0) * 0.25, x))


@elementwise
def sparse_sigmoid(x: Tensor):
    """0 below -1, 1 above 1, a straight line between."""
    return ops.clip((x + 1.0) * 0.5, 0.0, 1.0)
