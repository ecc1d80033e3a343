"""Dense, Embedding and Dropout as modules of torch's."""

import inspect
import math

import torch
from torch import nn
from torch.nn import functional as F

from kerastorch import layers
from kerastorch.backends.torch.native import Native, Weight, permuted
from kerastorch.backends.torch.tensors import native_dtype


def activation_of(layer):
    """The layer's activation as what is applied to the module's output, None where that is nothing."""
    from kerastorch import activations

    return None if layer.activation in (None, activations.linear) else layer.activation


def bias_of(layer):
    """The weight map of a bias, empty where the layer has none."""
    return [Weight(layer.bias, ["bias"])] if layer.bias is not None else []


def dense(layer):
    """`nn.Linear`, whose weight is the kernel transposed."""
    features, units = layer.kernel.shape
    module = nn.utils.skip_init(nn.Linear, features, units, bias=layer.bias is not None, dtype=native_dtype(layer.variable_dtype))
    return Native(module, [Weight(layer.kernel, ["weight"], *permuted(1, 0)), *bias_of(layer)], then=activation_of(layer))


class AxesLinear(nn.Linear):
    """`nn.Linear` over the last axes of its input together, whose output has several axes in their place.

    Args:
        old, new: Sizes of these axes.
    """

    def __init__(self, old, new, bias=True, device=None, dtype=None):
        super().__init__(math.prod(old), math.prod(new), bias, device, dtype)
        self.old, self.new = tuple(old), tuple(new)

    def forward(self, x):
        x = super().forward(x if len(self.old) == 1 else x.flatten(-len(self.old)))
        return x if len(self.new) == 1 else x.unflatten(-1, self.new)


def einsum_dense(layer):
    """`nn.Linear` where the equation says no more than a product over the last axes."""
    if layer.plan.trailing is None:
        return None
    shape, count = tuple(layer.kernel.shape), layer.plan.trailing
    old, new = shape[:count], shape[count:]
    if layer.bias is not None and tuple(layer.bias.shape) != new:
        return None
    module = nn.utils.skip_init(AxesLinear, old, new, bias=layer.bias is not None, dtype=native_dtype(layer.variable_dtype))
    kernel = (lambda x: [x.reshape(module.in_features, -1).T], lambda parts: parts[0].T.reshape(shape))
    weights = [Weight(layer.kernel, ["weight"], *kernel)]
    if layer.bias is not None:
        weights.append(Weight(layer.bias, ["bias"], lambda x: [x.reshape(-1)], lambda parts: parts[0].reshape(new)))
    return Native(module, weights, then=activation_of(layer))


def embedding(layer):
    """`nn.Embedding`."""
    rows, size = layer.embeddings.shape
    # Not by skip_init, which makes torch import its compiler here.
    weight = torch.empty(rows, size, dtype=native_dtype(layer.variable_dtype))
    module = nn.Embedding(rows, size, _weight=weight)
    return Native(module, [Weight(layer.embeddings, ["weight"])], takes="int")


class Dropout(nn.Dropout):
    """`nn.Dropout` with the mask drawn as random integers on the host's processor, which takes a third of the time there."""

    def forward(self, x):
        if not self.training or self.p == 0.0:
            return x
        if self.p == 1.0 or x.device.type != "cpu" or torch.compiler.is_compiling():
            return F.dropout(x, self.p, True)
        # The lowest 16 bits of random words decide; the rate is met to 1/65536.
        words = torch.empty(x.numel() // 4 + 1, dtype=torch.int64).random_(-(2**63), None)
        keep = words.view(torch.int16)[: x.numel()].view(x.shape) >= round(self.p * 65536) - 32768
        return x * keep.to(x.dtype).mul_(1.0 / (1.0 - self.p))


def dropout(layer):
    """`nn.Dropout`; with a seed or a noise shape the ops are needed."""
    if layer.seed is not None or layer.noise_shape is not None:
        return None
    return Native(Dropout(layer.rate), elementwise=True, takes=None)


def torch_module(layer):
    """The user's module itself."""
    weights = [Weight(v, [name]) for name, v in layer._parameters.items()]
    keywords = tuple(inspect.signature(layer.module.forward).parameters)
    return Native(layer.module, weights, takes=None, keywords=keywords, given=True)


LAYERS = {
    layers.TorchModuleWrapper: torch_module,
    layers.Dense: dense,
    layers.EinsumDense: einsum_dense,
    layers.Embedding: embedding,
    layers.Dropout: dropout,
}
