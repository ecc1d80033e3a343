"""Convolutions over one, two or three spatial axes: plain, transposed, depthwise and separable."""

from kerastorch import fields, ops, shapes
from kerastorch.fields import declare
from kerastorch.layers.adapted import Adapted, adaptable
from kerastorch.layers.base import Layer
from kerastorch.layers.spec import InputSpec
from kerastorch.ops.window import transposed

PADDING = fields.choice("valid", "same")
INVALID = "{cls}: Invalid value for argument `{name}`. Expected a strictly positive value. Received {name}={value!r}."
POSITIVE = fields.Field(fields.positive, complaint=INVALID)
GROUPS = fields.Field(
    fields.positive, complaint="{cls}: The number of groups must be a positive integer. Received: {name}={value!r}."
)
AXES = {
    1: "one spatial axis, such as time",
    2: "two spatial axes, as those of images",
    3: "three spatial axes, as those of volumes",
}


def _documented(base: type, rank: int) -> str:
    """The docstring of a class for `rank` axes, made from its base's."""
    return (base.__doc__ or "").replace("the spatial axes", AXES[rank], 1)


class Window(Layer):
    """What all convolutions share: a window over the spatial axes, a bias and an activation."""

    def __post_init__(self):
        self.input_spec = InputSpec(min_ndim=self.rank + 2)

    def _channels(self, input_shape):
        """The number of input channels, which must be known; further inputs must have as many, and the window must fit."""
        _, channels = shapes.spatial(tuple(input_shape), self.data_format)
        if channels is None:
            raise ValueError(f"the number of channels in {tuple(input_shape)} must be known ({self.data_format})")
        self.compute_output_shape(input_shape)  # raises where the window does not fit
        axis = -1 if self.data_format == "channels_last" else 1
        self.input_spec = InputSpec(min_ndim=self.rank + 2, axes={axis: channels})
        return channels

    def _finished(self, x):
        """With bias and activation."""
        if self.bias is not None:
            last = self.data_format == "channels_last"
            x = ops.add(x, self.bias if last else ops.reshape(self.bias, (self.bias.shape[0],) + (1,) * self.rank))
        return self.activation(x)

    def _window(self):
        return {"strides": self.strides, "padding": self.padding, "data_format": self.data_format,
                "dilation_rate": self.dilation_rate}  # fmt: skip

    def _convolved(self, input_shape, filters):
        """The output's shape; raises where the window does not fit."""
        return shapes.convolved(tuple(input_shape), (*self.kernel_size, None, filters), **self._window())

    def _check_strides(self):
        name, strides, dilation = type(self).__name__, self.strides, self.dilation_rate
        if max(strides) > 1 and max(dilation) > 1:
            raise ValueError(f"{name}: `strides > 1` not supported in conjunction with `dilation_rate > 1`. Received: "
                             f"strides={strides} and dilation_rate={dilation}")  # fmt: skip


@declare(hidden=("lora_rank", "lora_alpha"), unlisted=("lora_rank", "lora_alpha"))
class Convolution(Window, Adapted):
    """Kernels slid over the spatial axes, each giving one output channel.

    Args:
        filters: Number of output channels.
        kernel_size: Size of the window; one integer for all spatial axes or one each.
        strides: Step from window to window.
        padding: "valid", or "same" (zeros around, so that with stride 1 the output has the input's size), or with one
            axis also "causal" (zeros before, so that no output depends on a later input).
        data_format: "channels_last" (batch, ..., channels) or "channels_first" (batch, channels, ...).
        dilation_rate: Distance between the window's elements.
        groups: Number of groups into which channels are split, each convolved with its own filters.
        activation: Function of the result; none where None.
        use_bias: Whether a bias is added.
        kernel_initializer, bias_initializer: How the weights start.
        kernel_regularizer, bias_regularizer, activity_regularizer: What is added to the loss for weights and output.
        kernel_constraint, bias_constraint: Applied to the weights after each update.
    """

    filters: POSITIVE
    kernel_size: fields.PLAIN
    strides: fields.PLAIN = 1
    padding: PADDING = "valid"
    data_format: fields.DataFormat = None
    dilation_rate: fields.PLAIN = 1
    groups: GROUPS = 1
    activation: fields.Activation = None
    use_bias: bool = True
    kernel_initializer: fields.Initializer = "glorot_uniform"
    bias_initializer: fields.Initializer = "zeros"
    kernel_regularizer: fields.Regularizer = None
    bias_regularizer: fields.Regularizer = None
    activity_regularizer: fields.Regularizer = None
    kernel_constraint: fields.Constraint = None
    bias_constraint: fields.Constraint = None
    lora_rank: fields.PLAIN = None
    lora_alpha: fields.PLAIN = None

    kernel = adaptable("kernel")

    def __post_init__(self):
        super().__post_init__()
        self._check_strides()
        if self.filters % self.groups:
            raise ValueError(
                f"{type(self).__name__}: The number of filters must be evenly divisible by the number of groups. Received: "
                f"groups={self.groups}, filters={self.filters}."
            )

    def build(self, input_shape):
        channels = self._channels(input_shape)
        if channels % self.groups:
            raise ValueError(f"the {channels} channels cannot be split into {self.groups} groups")
        self._kernel = self._declared_weight("kernel", (*self.kernel_size, channels // self.groups, self.filters))
        self.bias = self._declared_weight("bias", (self.filters,)) if self.use_bias else None
        self._built()

    def convolution_op(self, inputs, kernel):
        """The convolution without bias and activation; subclasses may change it."""
        window = self._window()
        if self.padding == "causal":
            before = (self.dilation_rate[0] * (self.kernel_size[0] - 1), 0)
            inputs = ops.pad(inputs, shapes.unspatial((0, 0), [before], (0, 0), self.data_format))
            window["padding"] = "valid"
        return ops.conv(inputs, kernel, **window)

    def call(self, inputs):
        return self._finished(self.convolution_op(inputs, self.kernel))

    def compute_output_shape(self, input_shape):
        return self._convolved(input_shape, self.filters)


@declare
class Conv1D(Convolution):
    __doc__ = _documented(Convolution, 1)
    rank = 1
    kernel_size: fields.sizes(1)
    strides: fields.sizes(1) = 1
    dilation_rate: fields.sizes(1) = 1
    padding: fields.choice("valid", "same", "causal") = "valid"


@declare
class Conv2D(Convolution):
    __doc__ = _documented(Convolution, 2)
    rank = 2
    kernel_size: fields.sizes(2)
    strides: fields.sizes(2) = (1, 1)
    dilation_rate: fields.sizes(2) = (1, 1)


@declare
class Conv3D(Convolution):
    __doc__ = _documented(Convolution, 3)
    rank = 3
    kernel_size: fields.sizes(3)
    strides: fields.sizes(3) = (1, 1, 1)
    dilation_rate: fields.sizes(3) = (1, 1, 1)


@declare
class TransposedConvolution(Window):
    """The transpose of a convolution (or deconvolution): each input is spread over a window of the spatial axes.

    Args:
        filters: Number of output channels.
        kernel_size: Size of the window; one integer for all spatial axes or one each.
        strides: Distance between the windows of neighbouring inputs.
        padding: "valid" (all that any window reaches) or "same" (size times strides).
        output_padding: Elements added to the end of each axis, fewer than `strides`; None follows from `padding`.
        data_format: "channels_last" (batch, ..., channels) or "channels_first" (batch, channels, ...).
        dilation_rate: Distance between the window's elements.
        activation: Function of the result; none where None.
        use_bias: Whether a bias is added.
        kernel_initializer, bias_initializer: How the weights start.
        kernel_regularizer, bias_regularizer, activity_regularizer: What is added to the loss for weights and output.
        kernel_constraint, bias_constraint: Applied to the weights after each update.
    """

    filters: POSITIVE
    kernel_size: fields.PLAIN
    strides: fields.PLAIN = 1
    padding: PADDING = "valid"
    output_padding: fields.PLAIN = None
    data_format: fields.DataFormat = None
    dilation_rate: fields.PLAIN = 1
    activation: fields.Activation = None
    use_bias: bool = True
    kernel_initializer: fields.Initializer = "glorot_uniform"
    bias_initializer: fields.Initializer = "zeros"
    kernel_regularizer: fields.Regularizer = None
    bias_regularizer: fields.Regularizer = None
    activity_regularizer: fields.Regularizer = None
    kernel_constraint: fields.Constraint = None
    bias_constraint: fields.Constraint = None

    def __post_init__(self):
        super().__post_init__()
        self._check_strides()
        if self.output_padding and any(
            extra >= step for extra, step in zip(self.output_padding, self.strides, strict=True)
        ):
            raise ValueError(
                f"{type(self).__name__}: `output_padding` must be strictly less than `strides`. Received: "
                f"output_padding={self.output_padding} and strides={self.strides}"
            )

    def build(self, input_shape):
        channels = self._channels(input_shape)
        self.kernel = self._declared_weight("kernel", (*self.kernel_size, self.filters, channels))
        self.bias = self._declared_weight("bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs):
        return self._finished(
            ops.conv_transpose(inputs, self.kernel, output_padding=self.output_padding, **self._window())
        )

    def compute_output_shape(self, input_shape):
        kernel = (*self.kernel_size, self.filters, None)
        return transposed(tuple(input_shape), kernel, output_padding=self.output_padding, **self._window())


@declare
class Conv1DTranspose(TransposedConvolution):
    __doc__ = _documented(TransposedConvolution, 1)
    rank = 1
    kernel_size: fields.sizes(1)
    strides: fields.sizes(1) = 1
    dilation_rate: fields.sizes(1) = 1
    output_padding: fields.sizes(1, zero=True, optional=True) = None


@declare
class Conv2DTranspose(TransposedConvolution):
    __doc__ = _documented(TransposedConvolution, 2)
    rank = 2
    kernel_size: fields.sizes(2)
    strides: fields.sizes(2) = (1, 1)
    dilation_rate: fields.sizes(2) = (1, 1)
    output_padding: fields.sizes(2, zero=True, optional=True) = None


_NAMES = list(TransposedConvolution.__fields__)
_ORDER_3D = [{"output_padding": "data_format", "data_format": "output_padding"}.get(n, n) for n in _NAMES]


@declare(order=_ORDER_3D)
class Conv3DTranspose(TransposedConvolution):
    __doc__ = _documented(TransposedConvolution, 3)
    rank = 3
    kernel_size: fields.sizes(3)
    strides: fields.sizes(3) = (1, 1, 1)
    dilation_rate: fields.sizes(3) = (1, 1, 1)
    output_padding: fields.sizes(3, zero=True, optional=True) = None


@declare
class DepthwiseConvolution(Window):
    """Kernels slid over the spatial axes, each seeing one input channel only.

    Args:
        kernel_size: Size of the window; one integer for all spatial axes or one each.
        strides: Step from window to window, the same for all axes.
        padding: "valid", or "same" (zeros around, so that with stride 1 the output has the input's size).
        depth_multiplier: Number of output channels per input channel.
        data_format: "channels_last" (batch, ..., channels) or "channels_first" (batch, channels, ...).
        dilation_rate: Distance between the window's elements.
        activation: Function of the result; none where None.
        use_bias: Whether a bias is added.
        depthwise_initializer, bias_initializer: How the weights start.
        depthwise_regularizer, bias_regularizer, activity_regularizer: What is added to the loss for weights and output.
        depthwise_constraint, bias_constraint: Applied to the weights after each update.
    """

    kernel_size: fields.PLAIN
    strides: fields.PLAIN = 1
    padding: PADDING = "valid"
    depth_multiplier: POSITIVE = 1
    data_format: fields.DataFormat = None
    dilation_rate: fields.PLAIN = 1
    activation: fields.Activation = None
    use_bias: bool = True
    depthwise_initializer: fields.Initializer = "glorot_uniform"
    bias_initializer: fields.Initializer = "zeros"
    depthwise_regularizer: fields.Regularizer = None
    bias_regularizer: fields.Regularizer = None
    activity_regularizer: fields.Regularizer = None
    depthwise_constraint: fields.Constraint = None
    bias_constraint: fields.Constraint = None

    def build(self, input_shape):
        channels = self._channels(input_shape)
        self.kernel = self._declared_weight("kernel", (*self.kernel_size, channels, self.depth_multiplier), "depthwise")
        self.bias = self._declared_weight("bias", (channels * self.depth_multiplier,)) if self.use_bias else None

    def call(self, inputs):
        return self._finished(ops.depthwise_conv(inputs, self.kernel, **self._window()))

    def compute_output_shape(self, input_shape):
        _, channels = shapes.spatial(tuple(input_shape), self.data_format)
        return self._convolved(input_shape, None if channels is None else channels * self.depth_multiplier)


@declare
class DepthwiseConv1D(DepthwiseConvolution):
    __doc__ = _documented(DepthwiseConvolution, 1)
    rank = 1
    kernel_size: fields.sizes(1)
    strides: fields.sizes(1) = 1
    dilation_rate: fields.sizes(1) = 1


@declare
class DepthwiseConv2D(DepthwiseConvolution):
    __doc__ = _documented(DepthwiseConvolution, 2)
    rank = 2
    kernel_size: fields.sizes(2)
    strides: fields.sizes(2) = (1, 1)
    dilation_rate: fields.sizes(2) = (1, 1)


@declare
class SeparableConvolution(Window):
    """A depthwise convolution over the spatial axes, then one over the channels alone.

    Args:
        filters: Number of output channels.
        kernel_size: Size of the window; one integer for all spatial axes or one each.
        strides: Step from window to window, the same for all axes.
        padding: "valid", or "same" (zeros around, so that with stride 1 the output has the input's size).
        data_format: "channels_last" (batch, ..., channels) or "channels_first" (batch, channels, ...).
        dilation_rate: Distance between the window's elements.
        depth_multiplier: Number of intermediate channels per input channel.
        activation: Function of the result; none where None.
        use_bias: Whether a bias is added.
        depthwise_initializer, pointwise_initializer, bias_initializer: How the weights start.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer: What is added to the loss.
        depthwise_constraint, pointwise_constraint, bias_constraint: Applied to the weights after each update.
    """

    filters: POSITIVE
    kernel_size: fields.PLAIN
    strides: fields.PLAIN = 1
    padding: PADDING = "valid"
    data_format: fields.DataFormat = None
    dilation_rate: fields.PLAIN = 1
    depth_multiplier: POSITIVE = 1
    activation: fields.Activation = None
    use_bias: bool = True
    depthwise_initializer: fields.Initializer = "glorot_uniform"
    pointwise_initializer: fields.Initializer = "glorot_uniform"
    bias_initializer: fields.Initializer = "zeros"
    depthwise_regularizer: fields.Regularizer = None
    pointwise_regularizer: fields.Regularizer = None
    bias_regularizer: fields.Regularizer = None
    activity_regularizer: fields.Regularizer = None
    depthwise_constraint: fields.Constraint = None
    pointwise_constraint: fields.Constraint = None
    bias_constraint: fields.Constraint = None

    def build(self, input_shape):
        channels = self._channels(input_shape)
        between = channels * self.depth_multiplier
        self.depthwise_kernel = self._declared_weight(
            "depthwise_kernel", (*self.kernel_size, channels, self.depth_multiplier), "depthwise"
        )
        self.pointwise_kernel = self._declared_weight(
            "pointwise_kernel", (*(1,) * self.rank, between, self.filters), "pointwise"
        )
        self.bias = self._declared_weight("bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs):
        return self._finished(
            ops.separable_conv(inputs, self.depthwise_kernel, self.pointwise_kernel, **self._window())
        )

    def compute_output_shape(self, input_shape):
        return self._convolved(input_shape, self.filters)


@declare
class SeparableConv1D(SeparableConvolution):
    __doc__ = _documented(SeparableConvolution, 1)
    rank = 1
    kernel_size: fields.sizes(1)
    strides: fields.sizes(1) = 1
    dilation_rate: fields.sizes(1) = 1


@declare
class SeparableConv2D(SeparableConvolution):
    __doc__ = _documented(SeparableConvolution, 2)
    rank = 2
    kernel_size: fields.sizes(2)
    strides: fields.sizes(2) = (1, 1)
    dilation_rate: fields.sizes(2) = (1, 1)


# Keras's other names.
Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
Convolution1DTranspose, Convolution2DTranspose, Convolution3DTranspose = (
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3DTranspose,
)
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
