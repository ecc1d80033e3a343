"""Normalizations as modules of torch's."""

import torch
from torch import nn
from torch.nn import functional as F

from kerastorch import layers
from kerastorch.backends.torch.native import Native, Weight
from kerastorch.backends.torch.tensors import native_dtype


class BatchNorm(nn.Module):
    """Batch normalization with Keras's moving averages, under the names of `nn.BatchNorm2d`.

    torch averages the unbiased variance, Keras the biased one, which is (n-1)/n of it.
    """

    def __init__(self, features, eps, momentum, center, scale, dtype):
        super().__init__()
        self.eps, self.momentum, self.frozen = eps, momentum, False
        self.weight = nn.Parameter(torch.ones(features, dtype=dtype)) if scale else None
        self.bias = nn.Parameter(torch.zeros(features, dtype=dtype)) if center else None
        self.register_buffer("running_mean", torch.zeros(features, dtype=dtype))
        self.register_buffer("running_var", torch.ones(features, dtype=dtype))

    def forward(self, x):
        if not self.training or self.frozen:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)
        n = x.numel() // x.shape[1]
        if n < 2:  # one value per channel: its mean is itself, its variance 0, and it has no influence on the output
            with torch.no_grad():
                mean = x.transpose(0, 1).reshape(x.shape[1], -1).mean(1)
                self.running_mean.lerp_(mean, 1 - self.momentum)
                self.running_var.mul_(self.momentum)
            zero = torch.zeros_like(mean)
            return F.batch_norm(x - x, zero, zero, self.weight, self.bias, False, 0.0, self.eps)
        # The kernel keeps what it is given as moving averages for its backward pass, so those proper must not be given.
        mean, variance = torch.zeros_like(self.running_mean), torch.zeros_like(self.running_var)
        out = F.batch_norm(x, mean, variance, self.weight, self.bias, True, 1.0, self.eps)
        with torch.no_grad():
            self.running_mean.lerp_(mean, 1 - self.momentum)
            self.running_var.mul_(self.momentum).add_(variance, alpha=(1 - self.momentum) * (n - 1) / n)
        return out

    def extra_repr(self):
        return f"{len(self.running_mean)}, eps={self.eps}, momentum={self.momentum}"


def batch_normalization(layer):
    """Batch normalization over the channels; other axes and masks are left to the ops."""
    nodes = layer._state.nodes
    rank = layer.input_spec.ndim
    axis = layer.axis if isinstance(layer.axis, int) else layer.axis[0]
    if rank is None or layer.renorm or any(n.kwargs.get("mask") is not None for n in nodes):
        return None
    last, first = axis in (-1, rank - 1), axis == 1
    if not (last or first):
        return None
    features = layer.moving_mean.shape[0]
    module = BatchNorm(features, layer.epsilon, layer.momentum, layer.center, layer.scale, native_dtype(layer.variable_dtype))
    module.frozen = not layer.trainable
    weights = [Weight(layer.gamma, ["weight"])] if layer.scale else []
    weights += [Weight(layer.beta, ["bias"])] if layer.center else []
    weights += [Weight(layer.moving_mean, ["running_mean"]), Weight(layer.moving_variance, ["running_var"])]
    return Native(module, weights, channels_first=last and rank > 2)


def layer_normalization(layer):
    """`nn.LayerNorm` over the last axes."""
    axes = layer.axis if isinstance(layer.axis, list | tuple) else [layer.axis]
    shapes = layer._state.build_shapes
    rank = len(shapes["input_shape"]) if shapes else None
    if rank is None or layer.rms_scaling or not (layer.center and layer.scale):
        return None
    if sorted(a % rank for a in axes) != list(range(rank - len(axes), rank)):
        return None
    module = nn.LayerNorm(tuple(layer.gamma.shape), layer.epsilon, dtype=native_dtype(layer.variable_dtype))
    return Native(module, [Weight(layer.gamma, ["weight"]), Weight(layer.beta, ["bias"])])


LAYERS = {layers.BatchNormalization: batch_normalization, layers.LayerNormalization: layer_normalization}
