"""Convolutions as modules of torch's."""

from torch import nn
from torch.nn import functional as F

from kerastorch import layers
from kerastorch.backends.torch.layers.core import activation_of, bias_of
from kerastorch.backends.torch.native import Native, Weight, permuted
from kerastorch.backends.torch.tensors import native_dtype

MODULES = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


def same_padding(size, window, stride, dilation):
    """Zeros before and after an axis for "same" padding as TensorFlow has it: the odd one comes after."""
    reach = dilation * (window - 1) + 1
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


class PaddedConv:
    """A convolution that pads its input by itself: as "same" with strides needs it, or all before ("causal")."""

    causal = False

    def forward(self, x):
        pads = []
        for size, window, stride, dilation in zip(x.shape[2:], self.kernel_size, self.stride, self.dilation, strict=True):
            pads = [*((dilation * (window - 1), 0) if self.causal else same_padding(size, window, stride, dilation)), *pads]
        return super().forward(F.pad(x, pads))


class PaddedConv1d(PaddedConv, nn.Conv1d):
    """`nn.Conv1d` over a padded input."""


class PaddedConv2d(PaddedConv, nn.Conv2d):
    """`nn.Conv2d` over a padded input."""


class PaddedConv3d(PaddedConv, nn.Conv3d):
    """`nn.Conv3d` over a padded input."""


PADDED = {1: PaddedConv1d, 2: PaddedConv2d, 3: PaddedConv3d}


def convolution(layer):
    """`nn.Conv1d/2d/3d`, whose weight is the kernel with output channels first."""
    rank = layer.rank
    channels = layer.kernel.shape[-2] * layer.groups
    own = layer.padding == "causal" or (layer.padding == "same" and max(layer.strides) > 1)
    module = nn.utils.skip_init(
        (PADDED if own else MODULES)[rank], channels, layer.filters, layer.kernel_size, stride=layer.strides,
        padding="same" if layer.padding == "same" and not own else 0, dilation=layer.dilation_rate, groups=layer.groups,
        bias=layer.bias is not None, dtype=native_dtype(layer.variable_dtype))  # fmt: skip
    if own:
        module.causal = layer.padding == "causal"
    weights = [Weight(layer.kernel, ["weight"], *permuted(rank + 1, rank, *range(rank))), *bias_of(layer)]
    return Native(module, weights, channels_first=layer.data_format == "channels_last", then=activation_of(layer))


LAYERS = dict.fromkeys((layers.Conv1D, layers.Conv2D, layers.Conv3D), convolution)
