"""Activation functions as layers."""

from kerastorch import activations, fields, ops
from kerastorch.fields import declare
from kerastorch.layers.base import Layer
from kerastorch.layers.elementwise import Elementwise
from kerastorch.layers.spec import InputSpec
from kerastorch.op import dtype_of

POSITIVE = fields.number(0, complaint="{name} of a {cls} layer cannot be None or a negative value; received {name}={value!r}")


@declare
class ReLU(Elementwise):
    """The input where it reaches `threshold`, `negative_slope * (input - threshold)` below that, `max_value` at most.

    Args:
        max_value: Largest output, not negative; no limit where None.
        negative_slope: Slope below the threshold.
        threshold: Where the two parts meet.
    """

    max_value: fields.number(0, optional=True, complaint="{name} of a {cls} layer cannot be a negative value: {value!r}") = None
    negative_slope: POSITIVE = 0.0
    threshold: POSITIVE = 0.0

    def call(self, inputs):
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


@declare
class LeakyReLU(Elementwise):
    """The input where it is positive, `negative_slope` times the input elsewhere.

    Args:
        negative_slope: Slope below 0.
    """

    negative_slope: fields.number(0, complaint="The {name} value of a Leaky ReLU layer cannot be None or negative: {value!r}") = 0.3

    def call(self, inputs):
        return activations.leaky_relu(inputs, self.negative_slope)


@declare
class ELU(Elementwise):
    """The input where it is positive, `alpha * (exp(input) - 1)` elsewhere.

    Args:
        alpha: Depth of the curve below 0.
    """

    alpha: float = 1.0

    def call(self, inputs):
        return activations.elu(inputs, self.alpha)


@declare
class PReLU(Layer):
    """The input where it is positive, a learned multiple of it elsewhere.

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: Of the learned slopes.
        shared_axes: Axes along which one slope serves all positions, counted with the batch axis.
    """

    alpha_initializer: fields.Initializer = "Zeros"
    alpha_regularizer: fields.Regularizer = None
    alpha_constraint: fields.Constraint = None
    shared_axes: fields.Field(lambda v: None if v is None else list(v) if isinstance(v, list | tuple) else [v]) = None

    supports_masking = True

    def build(self, input_shape):
        shared = set(self.shared_axes or ())
        sizes = {i: d for i, d in enumerate(input_shape) if i and i not in shared}
        if None in sizes.values():
            raise ValueError(
                f"the sizes in {tuple(input_shape)} must be known, but for the batch's and those of shared_axes"
            )
        shape = [sizes.get(i, 1) for i in range(1, len(input_shape))]
        self.alpha = self._declared_weight("alpha", shape)
        self.input_spec = InputSpec(ndim=len(input_shape), axes=sizes if shared else {})

    def call(self, inputs):
        return ops.relu(inputs) - ops.multiply(self.alpha, ops.relu(ops.negative(inputs)))

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


def _check_mask(shape, mask_shape):
    if len(mask_shape) > len(shape):
        raise ValueError(f"the mask must not have more dimensions than the input: {tuple(mask_shape)} for {tuple(shape)}")
    for size, of_mask in zip(reversed(shape), reversed(mask_shape), strict=False):
        if None not in (size, of_mask) and of_mask not in (1, size):
            raise ValueError(f"the mask's shape {tuple(mask_shape)} is not broadcastable to the input's, {tuple(shape)}")


@declare
class Softmax(Elementwise):
    """Exponentials that add up to 1 along an axis.

    Args:
        axis: The axis, or several.
    """

    axis: fields.Axes = -1

    def call(self, inputs, mask=None):
        if mask is not None:
            _check_mask(inputs.shape, mask.shape)
            if dtype_of(mask) != "bool":
                mask = ops.greater(mask, 0.5)
            inputs = ops.where(mask, inputs, -3e4 if dtype_of(inputs) == "float16" else -1e9)
        axes = self.axis if isinstance(self.axis, list) else [self.axis]
        if len(axes) == 1:
            outputs = activations.softmax(inputs, axis=axes[0])
        else:
            outputs = ops.exp(inputs - ops.logsumexp(inputs, axis=axes, keepdims=True))
        return outputs if mask is None else ops.where(mask, outputs, 0.0)
