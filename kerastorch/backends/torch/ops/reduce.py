"""torch's functions for the reductions."""

import torch

from kerastorch import ops
from kerastorch.shapes import normalize_axes


def filled(x, axis, initial):
    """A tensor in place of an empty one, with the initial value of a reduction to be found in it."""
    axes = normalize_axes(axis, x.ndim)
    return x.new_full([1 if i in axes else size for i, size in enumerate(x.shape)], initial)


def maximum(x, axis=None, keepdims=False, initial=None):
    if initial is not None and not x.numel():
        x = filled(x, axis, initial)
    result = torch.amax(x, () if axis is None else axis, keepdims)
    return result if initial is None else torch.clamp_min(result, initial)


def minimum(x, axis=None, keepdims=False, initial=None):
    if initial is not None and not x.numel():
        x = filled(x, axis, initial)
    result = torch.amin(x, () if axis is None else axis, keepdims)
    return result if initial is None else torch.clamp_max(result, initial)


def prod(x, axis=None, keepdims=False, dtype=None):
    for a in sorted(normalize_axes(axis, x.ndim), reverse=True):
        x = torch.prod(x, a, keepdims)
    return x


def var(x, axis=None, keepdims=False):
    return torch.var(x, axis, correction=0, keepdim=keepdims)


def std(x, axis=None, keepdims=False):
    return torch.std(x, axis, correction=0, keepdim=keepdims)


def logsumexp(x, axis=None, keepdims=False):
    return torch.logsumexp(x, tuple(range(x.ndim)) if axis is None else axis, keepdims)


def cumsum(x, axis=None, dtype=None):
    return x.reshape(-1).cumsum(0) if axis is None else x.cumsum(axis)


def cumprod(x, axis=None, dtype=None):
    return x.reshape(-1).cumprod(0) if axis is None else x.cumprod(axis)


def bincount(x, weights=None, minlength=0, sparse=False):
    if sparse:
        raise ValueError("sparse=True needs a backend with sparse tensors of Keras's kind, which torch is not")
    number = max(int(x.max()) + 1 if x.numel() else 0, minlength)
    weights = torch.ones_like(x, dtype=torch.int32) if weights is None else weights.expand(x.shape)
    return weights.new_zeros(*x.shape[:-1], number).scatter_add(-1, x.long(), weights)


TABLE = {
    ops.all: torch.all,
    ops.any: torch.any,
    ops.argmax: torch.argmax,
    ops.argmin: torch.argmin,
    ops.bincount: bincount,
    ops.cumprod: cumprod,
    ops.cumsum: cumsum,
    ops.logsumexp: logsumexp,
    ops.max: maximum,
    ops.mean: torch.mean,
    ops.min: minimum,
    ops.prod: prod,
    ops.std: std,
    ops.sum: torch.sum,
    ops.var: var,
}
SCALARS: set = set()
