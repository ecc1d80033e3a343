"""Pooling as modules of torch's; "same" padding that torch's modules do not know is left to the ops."""

from torch import nn

from kerastorch import layers
from kerastorch.backends.torch.native import Native


def pooling(cls):
    """The lowering of a pooling layer to a class of modules."""

    def lower(layer):
        if layer.padding != "valid":
            return None
        return Native(cls(layer.pool_size, layer.strides), channels_first=layer.data_format == "channels_last")

    return lower


LAYERS = {
    layers.MaxPooling1D: pooling(nn.MaxPool1d),
    layers.MaxPooling2D: pooling(nn.MaxPool2d),
    layers.MaxPooling3D: pooling(nn.MaxPool3d),
    layers.AveragePooling1D: pooling(nn.AvgPool1d),
    layers.AveragePooling2D: pooling(nn.AvgPool2d),
    layers.AveragePooling3D: pooling(nn.AvgPool3d),
}
