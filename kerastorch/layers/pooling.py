"""Pooling: windows or whole spatial axes reduced to their mean or maximum."""

from kerastorch import fields, ops, shapes
from kerastorch.fields import declare
from kerastorch.layers.base import Layer
from kerastorch.layers.spec import InputSpec
from kerastorch.op import dtype_of

PADDING = fields.choice("valid", "same")


@declare
class Pooling(Layer):
    """Reduces each window slid over the spatial axes, channel by channel.

    Args:
        pool_size: Size of the window; one integer for all spatial axes or one each.
        strides: Step from window to window; `pool_size` where None.
        padding: "valid", or "same" for as many windows as there are steps.
        data_format: "channels_last" (batch, ..., channels) or "channels_first" (batch, channels, ...).
        name: Name of the layer.
    """

    pool_size: fields.PLAIN
    strides: fields.PLAIN = None
    padding: PADDING = "valid"
    data_format: fields.DataFormat = None
    name: fields.Base = None

    built = True

    def __post_init__(self):
        self.strides = self.pool_size if self.strides is None else self.strides
        self.input_spec = InputSpec(ndim=len(self.pool_size) + 2)

    def call(self, inputs):
        return self.reduce(inputs, self.pool_size, self.strides, self.padding, self.data_format)

    def compute_output_shape(self, input_shape):
        return shapes.pooled(tuple(input_shape), pool_size=self.pool_size, strides=self.strides, padding=self.padding,
                             data_format=self.data_format)  # fmt: skip


@declare
class GlobalPooling(Layer):
    """Reduces the spatial axes to one value per channel.

    Args:
        data_format: "channels_last" (batch, ..., channels) or "channels_first" (batch, channels, ...).
        keepdims: Whether the spatial axes stay, with size 1.
    """

    data_format: fields.DataFormat = None
    keepdims: bool = False

    built = True

    def __post_init__(self):
        self.input_spec = InputSpec(ndim=self.rank + 2)
        first = 1 if self.data_format == "channels_last" else 2
        self._axes = list(range(first, first + self.rank))

    def call(self, inputs):
        return self.reduce(inputs, axis=self._axes, keepdims=self.keepdims)

    def compute_output_shape(self, input_shape):
        return shapes.reduce(tuple(input_shape), axis=self._axes, keepdims=self.keepdims)


@declare
class MaxPooling1D(Pooling):
    """The maximum of each window over one spatial axis, such as time. Arguments as for `Pooling`."""

    reduce = staticmethod(ops.max_pool)
    pool_size: fields.sizes(1) = 2
    strides: fields.sizes(1, optional=True) = None


@declare
class MaxPooling2D(Pooling):
    """The maximum of each window over two spatial axes, as those of images. Arguments as for `Pooling`."""

    reduce = staticmethod(ops.max_pool)
    pool_size: fields.sizes(2) = (2, 2)
    strides: fields.sizes(2, optional=True) = None


@declare
class MaxPooling3D(Pooling):
    """The maximum of each window over three spatial axes, as those of volumes. Arguments as for `Pooling`."""

    reduce = staticmethod(ops.max_pool)
    pool_size: fields.sizes(3) = (2, 2, 2)
    strides: fields.sizes(3, optional=True) = None


@declare
class AveragePooling1D(Pooling):
    """The mean of each window over one spatial axis, such as time. Arguments as for `Pooling`."""

    reduce = staticmethod(ops.average_pool)
    pool_size: fields.sizes(1)
    strides: fields.sizes(1, optional=True) = None


@declare
class AveragePooling2D(Pooling):
    """The mean of each window over two spatial axes, as those of images. Arguments as for `Pooling`."""

    reduce = staticmethod(ops.average_pool)
    pool_size: fields.sizes(2)
    strides: fields.sizes(2, optional=True) = None


@declare
class AveragePooling3D(Pooling):
    """The mean of each window over three spatial axes, as those of volumes. Arguments as for `Pooling`."""

    reduce = staticmethod(ops.average_pool)
    pool_size: fields.sizes(3)
    strides: fields.sizes(3, optional=True) = None


@declare
class GlobalMaxPooling1D(GlobalPooling):
    """The maximum over one spatial axis, such as time. Arguments as for `GlobalPooling`."""

    rank = 1
    reduce = staticmethod(ops.max)


@declare
class GlobalMaxPooling2D(GlobalPooling):
    """The maximum over two spatial axes, as those of images. Arguments as for `GlobalPooling`."""

    rank = 2
    reduce = staticmethod(ops.max)


@declare
class GlobalMaxPooling3D(GlobalPooling):
    """The maximum over three spatial axes, as those of volumes. Arguments as for `GlobalPooling`."""

    rank = 3
    reduce = staticmethod(ops.max)


@declare
class GlobalAveragePooling1D(GlobalPooling):
    """The mean over one spatial axis, such as time, of all unmasked steps. Arguments as for `GlobalPooling`."""

    rank = 1
    reduce = staticmethod(ops.mean)
    supports_masking = True

    def call(self, inputs, mask=None):
        if mask is None:
            return super().call(inputs)
        kept = ops.cast(ops.expand_dims(mask, 2 if self.data_format == "channels_last" else 1), "bool")
        total = ops.sum(ops.where(kept, inputs, 0), axis=self._axes, keepdims=self.keepdims)
        return total / ops.sum(ops.cast(kept, dtype_of(total)), axis=self._axes, keepdims=self.keepdims)

    def compute_mask(self, inputs, mask=None):
        return None


@declare
class GlobalAveragePooling2D(GlobalPooling):
    """The mean over two spatial axes, as those of images. Arguments as for `GlobalPooling`."""

    rank = 2
    reduce = staticmethod(ops.mean)


@declare
class GlobalAveragePooling3D(GlobalPooling):
    """The mean over three spatial axes, as those of volumes. Arguments as for `GlobalPooling`."""

    rank = 3
    reduce = staticmethod(ops.mean)


# ------------------------------------------------------------------------------------------------ adaptive


@declare
class AdaptivePooling(Layer):
    """Reduces the spatial axes to a given size, by windows that lie as evenly as can be.

    Args:
        output_size: Size of the spatial axes in the output; one integer for all or one each.
        data_format: "channels_last" (batch, ..., channels) or "channels_first" (batch, channels, ...).
    """

    output_size: fields.PLAIN
    data_format: fields.DataFormat = None

    def call(self, inputs):
        return self.reduce(inputs, output_size=self.output_size, data_format=self.data_format)

    def compute_output_shape(self, input_shape):
        _, channels = shapes.spatial(tuple(input_shape), self.data_format)
        return shapes.unspatial(input_shape[0], self.output_size, channels, self.data_format)


@declare
class AdaptiveMaxPooling1D(AdaptivePooling):
    """The maximum of `output_size` windows over one spatial axis. Arguments as for `AdaptivePooling`."""

    reduce = staticmethod(ops.adaptive_max_pool)
    output_size: fields.sizes(1, wrong=TypeError)


@declare
class AdaptiveMaxPooling2D(AdaptivePooling):
    """The maximum of `output_size` windows over two spatial axes. Arguments as for `AdaptivePooling`."""

    reduce = staticmethod(ops.adaptive_max_pool)
    output_size: fields.sizes(2, wrong=TypeError)


@declare
class AdaptiveMaxPooling3D(AdaptivePooling):
    """The maximum of `output_size` windows over three spatial axes. Arguments as for `AdaptivePooling`."""

    reduce = staticmethod(ops.adaptive_max_pool)
    output_size: fields.sizes(3, wrong=TypeError)


@declare
class AdaptiveAveragePooling1D(AdaptivePooling):
    """The mean of `output_size` windows over one spatial axis. Arguments as for `AdaptivePooling`."""

    reduce = staticmethod(ops.adaptive_average_pool)
    output_size: fields.sizes(1, wrong=TypeError)


@declare
class AdaptiveAveragePooling2D(AdaptivePooling):
    """The mean of `output_size` windows over two spatial axes. Arguments as for `AdaptivePooling`."""

    reduce = staticmethod(ops.adaptive_average_pool)
    output_size: fields.sizes(2, wrong=TypeError)


@declare
class AdaptiveAveragePooling3D(AdaptivePooling):
    """The mean of `output_size` windows over three spatial axes. Arguments as for `AdaptivePooling`."""

    reduce = staticmethod(ops.adaptive_average_pool)
    output_size: fields.sizes(3, wrong=TypeError)


# Keras's other names.
MaxPool1D, AvgPool1D = MaxPooling1D, AveragePooling1D
GlobalMaxPool1D, GlobalAvgPool1D = GlobalMaxPooling1D, GlobalAveragePooling1D
MaxPool2D, AvgPool2D = MaxPooling2D, AveragePooling2D
GlobalMaxPool2D, GlobalAvgPool2D = GlobalMaxPooling2D, GlobalAveragePooling2D
MaxPool3D, AvgPool3D = MaxPooling3D, AveragePooling3D
GlobalMaxPool3D, GlobalAvgPool3D = GlobalMaxPooling3D, GlobalAveragePooling3D
