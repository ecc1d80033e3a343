"""torch's functions for activations, normalization, crossentropies and attention."""

import contextlib
import math

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from kerastorch import dtypes, ops
from kerastorch.backends.torch.ops import window
from kerastorch.backends.torch.ops.random import dropout, given
from kerastorch.ops import neural as nn
from kerastorch.shapes import normalize_axes


def gelu(x, approximate):
    return F.gelu(x, approximate="tanh" if approximate else "none")


def unless(declined, op, function):
    """A table's entry that leaves some arguments to the op's body.

    Lowering asks for `declined` while it writes: the body is then part of the graph, and else `function` itself.

    Args:
        declined: The op's arguments -> whether the body serves them.
        op: The op.
        function: What serves all others.
    """

    def chosen(*args):
        return op.op.body(*args) if declined(*args) else function(*args)

    chosen.declined, chosen.function = declined, function
    return chosen


def several(x, axis):
    return not isinstance(axis, int)


def moments(x, axes, keepdims, synchronized):
    if x.dtype in (torch.float16, torch.bfloat16):
        return nn.moments.op.body(x, axes, keepdims, synchronized)
    variance, mean = torch.var_mean(x, axes, correction=0, keepdim=keepdims)
    return mean, variance


def trailing(x, axis):
    """The sizes of the last axes, from the first of some on."""
    return tuple(x.shape[min(normalize_axes(axis, x.ndim)) :])


def inner(x, axis):
    """Whether some axes are not the last ones."""
    axes = sorted(normalize_axes(axis, x.ndim))
    return axes != list(range(x.ndim - len(axes), x.ndim))


def layer_normalization(x, gamma, beta, axis, epsilon):
    sizes = trailing(x, axis)
    gamma, beta = (w if w is None else w.reshape(sizes) for w in (gamma, beta))
    return F.layer_norm(x, sizes, gamma, beta, dtypes.epsilon() if epsilon is None else epsilon)


def rms_normalization(x, scale, axis, epsilon):
    sizes = trailing(x, axis)
    scale = scale if scale is None else scale.reshape(sizes)
    return F.rms_norm(x, sizes, scale, dtypes.epsilon() if epsilon is None else epsilon)


def binary_crossentropy(target, output, from_logits):
    return F.binary_cross_entropy_with_logits(output, target, reduction="none")


def sparse_categorical_crossentropy(target, output, from_logits, axis):
    if target.ndim == output.ndim:
        target = target.squeeze(axis)
    if from_logits:
        log_probabilities = F.log_softmax(output, axis)
    else:
        epsilon = dtypes.epsilon()
        log_probabilities = (output / output.sum(axis, True)).clamp(epsilon, 1.0 - epsilon).log()
    if output.ndim == 1:
        return F.nll_loss(log_probabilities, target.long(), reduction="none")
    return F.nll_loss(log_probabilities.movedim(axis, 1), target.long(), reduction="none")


def additive(mask, is_causal, query, key):
    """A mask as what is added to the logits, so that a row with everything masked averages all values instead of giving NaN."""
    if is_causal:
        causal = torch.ones(query.shape[1], key.shape[1], dtype=torch.bool, device=query.device).tril()
        mask = causal if mask is None else mask & causal
    zeros = torch.zeros(mask.shape, dtype=query.dtype, device=query.device)
    return zeros.masked_fill(~mask, max(nn.MASKED, torch.finfo(query.dtype).min * 0.7))


def dot_product_attention(query, key, value, bias, mask, scale, is_causal, flash_attention, attn_logits_soft_cap, rate=0.0):
    if mask is not None or (bias is not None and is_causal):
        masked, is_causal = additive(mask, is_causal, query, key), False
        bias = masked if bias is None else bias + masked
    grouped = query.shape[2] != key.shape[2]
    query, key, value = query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)
    choice = sdpa_kernel(SDPBackend.FLASH_ATTENTION) if flash_attention else contextlib.nullcontext()
    with choice:
        out = F.scaled_dot_product_attention(query, key, value, bias, rate, is_causal, scale=scale, enable_gqa=grouped)
    return out.transpose(1, 2)


def dropped_attention(query, key, value, mask, is_causal, rate, seed):
    seen = None if mask is None else mask.any(-1, keepdim=True)
    if query.is_cuda:
        out = dot_product_attention(query, key, value, None, mask, None, is_causal, None, None, rate)
        return out if seen is None else out * seen.transpose(1, 2)
    # The host's processor has no kernel that drops; what torch would do in its place takes longer than this.
    groups = query.shape[2] // key.shape[2]
    if groups > 1:
        key, value = key.repeat_interleave(groups, 2), value.repeat_interleave(groups, 2)
    logits = torch.einsum("bkhd,bqhd->bhqk", key, query * (1.0 / math.sqrt(query.shape[-1])))
    if mask is not None or is_causal:
        logits = logits + additive(mask, is_causal, query, key)
    weights = dropout(torch.softmax(logits, -1), rate, None, None)
    return torch.einsum("bhqk,bkhd->bqhd", weights if seen is None else weights * seen, value)


TABLE = {
    ops.relu: torch.relu,
    ops.sigmoid: torch.sigmoid,
    ops.relu6: F.relu6,
    ops.softplus: F.softplus,
    ops.softsign: F.softsign,
    ops.silu: F.silu,
    ops.log_sigmoid: F.logsigmoid,
    ops.leaky_relu: F.leaky_relu,
    ops.hard_sigmoid: F.hardsigmoid,
    ops.hard_silu: F.hardswish,
    ops.elu: F.elu,
    ops.selu: torch.selu,
    ops.celu: torch.celu,
    ops.gelu: gelu,
    ops.glu: F.glu,
    ops.tanh_shrink: F.tanhshrink,
    ops.hard_shrink: F.hardshrink,
    ops.soft_shrink: F.softshrink,
    ops.polar: torch.polar,
    ops.softmax: unless(lambda x, axis: several(x, axis) or x.shape[axis] == 1, ops.softmax, torch.softmax),  # 1: warned of
    ops.log_softmax: unless(several, ops.log_softmax, torch.log_softmax),
    ops.moments: moments,
    nn.layer_normalization_: unless(
        lambda x, gamma, beta, axis, epsilon: inner(x, axis), nn.layer_normalization_, layer_normalization
    ),
    ops.rms_normalization: unless(
        lambda x, scale, axis, epsilon: inner(x, axis), ops.rms_normalization, rms_normalization
    ),
    ops.binary_crossentropy: unless(
        lambda target, output, from_logits: not from_logits, ops.binary_crossentropy, binary_crossentropy
    ),
    ops.sparse_categorical_crossentropy: sparse_categorical_crossentropy,
    ops.dot_product_attention: unless(
        lambda *args: args[-1] is not None, ops.dot_product_attention, dot_product_attention  # a cap on the logits
    ),
    nn.dropped_attention_: unless(lambda *args: given(args[-1]) is not None, nn.dropped_attention_, dropped_attention),
    **window.TABLE,
}
SCALARS: set = set()
WIDER = {**window.WIDER, **dict.fromkeys((ops.relu, ops.relu6), {"bool": "uint8"})}
