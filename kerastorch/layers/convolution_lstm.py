"""Long short-term memory whose products are convolutions: over sequences of rows, images or volumes."""

from kerastorch import fields, ops, shapes
from kerastorch.fields import declare
from kerastorch.layers.convolution import PADDING, _documented
from kerastorch.layers.recurrent import SEQUENCE, CellLayer
from kerastorch.layers.recurrent_cells import DropoutCell, _forgetful, _plus
from kerastorch.layers.spec import InputSpec

WINDOW = ("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate")
WEIGHTS = tuple(f"{w}_{kind}" for kind in ("initializer", "regularizer", "constraint") for w in ("kernel", "recurrent", "bias"))
ARGUMENTS = (*WINDOW, "activation", "recurrent_activation", "use_bias", *WEIGHTS[:3], "unit_forget_bias", *WEIGHTS[3:], "dropout",
             "recurrent_dropout", "seed")  # fmt: skip
OF_LAYER = list(ARGUMENTS)
OF_LAYER.insert(OF_LAYER.index("bias_regularizer") + 1, "activity_regularizer")


@declare(order=("rank", *ARGUMENTS))
class ConvLSTMCell(DropoutCell):
    """One step of long short-term memory over channels: the formulas of `LSTMCell` with convolutions for products.

    The states (h, c) have the shape of the input's convolution; h is convolved with "same" padding (Shi et al., 2015).

    Args:
        rank: Number of spatial axes.
        filters, kernel_size, strides, padding, data_format, dilation_rate: Of the convolution of the inputs.
        activation, recurrent_activation, ...: As for `LSTMCell`.
    """

    rank: int
    filters: fields.Count
    kernel_size: fields.PLAIN
    strides: fields.PLAIN = 1
    padding: PADDING = "valid"
    data_format: fields.DataFormat = None
    dilation_rate: fields.PLAIN = 1
    recurrent_activation: fields.Activation = "sigmoid"
    unit_forget_bias: bool = True

    gates = 4
    implementation = 2  # the gates drop the same
    units = property(lambda self: self.filters)

    def __post_init__(self):
        super().__post_init__()
        self.implementation = 2
        self.state_size = [self.filters, self.filters]

    def build(self, input_shape):
        step, columns = tuple(input_shape[1:]), self.gates * self.filters
        self._shapes = step, self.state_shape(input_shape)
        channels = step[-1 if self.data_format == "channels_last" else 0]
        self.kernel = self._declared_weight("kernel", (*self.kernel_size, channels, columns))
        self.recurrent_kernel = self._declared_weight(
            "recurrent_kernel", (*self.kernel_size, self.filters, columns), "recurrent"
        )
        start = _forgetful(self.bias_initializer) if self.unit_forget_bias else self.bias_initializer
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight((columns,), start, regularizer=self.bias_regularizer, constraint=self.bias_constraint,
                                        name="bias")  # fmt: skip

    def state_shape(self, input_shape):
        """The shape of each state, without the batch axis."""
        if any(size is None for size in input_shape[1:]):
            raise ValueError(f"the sizes of each step must be known, but for the batch's, and its shape is {tuple(input_shape)}")
        window = {"strides": self.strides, "padding": self.padding, "data_format": self.data_format}
        kernel = (*self.kernel_size, None, self.filters)
        return shapes.convolved(tuple(input_shape), kernel, dilation_rate=self.dilation_rate, **window)[1:]

    def dropped_shapes(self):
        return self._shapes

    def get_initial_state(self, batch_size=None):
        """The states before the first step: zeros."""
        return [ops.zeros((batch_size, *self._shapes[1]), dtype=self.compute_dtype) for _ in self.state_size]

    def call(self, inputs, states, training=False):
        h, c = states
        channels = -1 if self.data_format == "channels_last" else 1
        bias = self.bias if channels == -1 or self.bias is None else ops.reshape(self.bias, (-1,) + (1,) * self.rank)
        x = ops.conv(
            self._dropped(inputs, "dropout", training), self.kernel, strides=self.strides, padding=self.padding,
            data_format=self.data_format, dilation_rate=self.dilation_rate,
        )  # fmt: skip
        h = self._dropped(h, "recurrent_dropout", training)
        h = ops.conv(h, self.recurrent_kernel, strides=1, padding="same", data_format=self.data_format)
        i, f, g, o = ops.split(ops.add(_plus(x, bias), h), 4, axis=channels)
        kept = ops.multiply(self.recurrent_activation(f), c)
        c = ops.add(kept, ops.multiply(self.recurrent_activation(i), self.activation(g)))
        h = ops.multiply(self.recurrent_activation(o), self.activation(c))
        return h, [h, c]


@declare(also=(ConvLSTMCell,), order=(*OF_LAYER, *SEQUENCE, "zero_output_for_mask"), unlisted=("unroll", "zero_output_for_mask"))
class ConvLSTM(CellLayer):
    """Long short-term memory over the spatial axes: what `LSTM` does with products, this does with convolutions.

    Inputs are (batch, time, ..., channels), or (batch, time, channels, ...) with "channels_first".

    Args:
        filters: Number of output channels.
        kernel_size: Size of the window; one integer for all spatial axes or one each.
        strides: Step from window to window, for the inputs.
        padding: "valid", or "same" (zeros around), for the inputs.
        data_format: "channels_last" or "channels_first".
        dilation_rate: Distance between the window's elements, for the inputs.
        activation, recurrent_activation, use_bias, ...: As for `LSTM`.

    Raises:
        ValueError: If both `strides` and `dilation_rate` are above 1.
    """

    activity_regularizer: fields.Regularizer = None

    cell_class = ConvLSTMCell
    unsaved = ()

    def __post_init__(self):
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(f"{type(self).__name__}: Specifying `strides > 1` is not compatible with `dilation_rate > 1`, but they"
                             f" are {self.strides} and {self.dilation_rate}")  # fmt: skip
        super().__post_init__()
        self.input_spec = InputSpec(ndim=self.rank + 3)

    def _state_shapes(self, sequences_shape):
        return [self.cell.state_shape((sequences_shape[0], *sequences_shape[2:]))] * 2

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        batch, length = sequences_shape[:2]
        states = [(batch, *shape) for shape in self._state_shapes(sequences_shape)]
        output = (batch, length, *states[0][1:]) if self.return_sequences else states[0]
        return (output, *states) if self.return_state else output


@declare
class ConvLSTM1D(ConvLSTM):
    __doc__ = _documented(ConvLSTM, 1)
    rank = 1
    kernel_size: fields.sizes(1)
    strides: fields.sizes(1) = 1
    dilation_rate: fields.sizes(1) = 1


@declare
class ConvLSTM2D(ConvLSTM):
    __doc__ = _documented(ConvLSTM, 2)
    rank = 2
    kernel_size: fields.sizes(2)
    strides: fields.sizes(2) = 1
    dilation_rate: fields.sizes(2) = 1


@declare
class ConvLSTM3D(ConvLSTM):
    __doc__ = _documented(ConvLSTM, 3)
    rank = 3
    kernel_size: fields.sizes(3)
    strides: fields.sizes(3) = 1
    dilation_rate: fields.sizes(3) = 1
