"""A layer applied to each step of a sequence."""

from kerastorch import ops
from kerastorch.errors import LayerError
from kerastorch.fields import declare
from kerastorch.layers.calls import specs_of
from kerastorch.layers.wrapper import Wrapper
from kerastorch.op import shape_of


@declare
class TimeDistributed(Wrapper):
    """A layer applied to each step of a sequence by itself.

    Args:
        layer: The layer. Its inputs are those of this layer without the time axis, which is the second.

    Raises:
        ValueError: If `layer` is no layer.
    """

    supports_masking = True

    def _step_shape(self, input_shape):
        if len(input_shape) < 3:
            raise LayerError(f"layer {self.name!r} (TimeDistributed) needs an input of rank at least 3, (batch, time, "
                             f"...), but was given one of shape {tuple(input_shape)}")  # fmt: skip
        return (input_shape[0], *input_shape[2:])

    def build(self, input_shape):
        super().build(self._step_shape(input_shape))

    def compute_output_shape(self, input_shape):
        step = self.layer.compute_output_shape(self._step_shape(input_shape))
        return (step[0], input_shape[1], *step[1:])

    def call(self, inputs, training=None, mask=None):
        steps, masks = ops.swapaxes(inputs, 0, 1), None
        specs = specs_of(type(self.layer))
        given = {"training": training} if specs.training else {}
        if mask is not None:
            self._check_mask(shape_of(mask), shape_of(inputs))
            if specs.mask:
                masks = ops.swapaxes(mask, 0, 1)
        if masks is None:
            outputs = ops.map(lambda x: self.layer(x, **given), steps)
        else:
            outputs = ops.map(lambda at: self.layer(at[0], mask=at[1], **given), (steps, masks))
        return ops.cast(ops.swapaxes(outputs, 0, 1), self.compute_dtype)

    def _check_mask(self, mask, inputs):
        fits = len(mask) >= 2 and all(None in (m, n) or m == n for m, n in zip(mask[:2], inputs[:2], strict=True))
        if not fits:
            raise LayerError(f"layer {self.name!r}: The `mask` passed to the `TimeDistributed` layer has a shape whose first two "
                             f"sizes are not those of the input: the mask's is {mask}, the input's {inputs}")  # fmt: skip
