"""What neural networks are made of: softmax, crossentropies, normalization and attention.

Activations and convolutions are declared beside this file and belong to the same namespace.
"""

import math
import warnings

from kerastorch import dtypes, ops, shapes
from kerastorch.dtypes import as_given, concrete, floating, is_float, promote
from kerastorch.op import Tensor, composite, dtype_of, op
from kerastorch.ops import core
from kerastorch.ops.activation import celu as celu
from kerastorch.ops.activation import elu as elu
from kerastorch.ops.activation import gelu as gelu
from kerastorch.ops.activation import glu as glu
from kerastorch.ops.activation import hard_shrink as hard_shrink
from kerastorch.ops.activation import hard_sigmoid as hard_sigmoid
from kerastorch.ops.activation import hard_silu as hard_silu
from kerastorch.ops.activation import hard_swish as hard_swish
from kerastorch.ops.activation import hard_tanh as hard_tanh
from kerastorch.ops.activation import leaky_relu as leaky_relu
from kerastorch.ops.activation import log_sigmoid as log_sigmoid
from kerastorch.ops.activation import relu as relu
from kerastorch.ops.activation import relu6 as relu6
from kerastorch.ops.activation import selu as selu
from kerastorch.ops.activation import sigmoid as sigmoid
from kerastorch.ops.activation import silu as silu
from kerastorch.ops.activation import soft_shrink as soft_shrink
from kerastorch.ops.activation import softplus as softplus
from kerastorch.ops.activation import softsign as softsign
from kerastorch.ops.activation import sparse_plus as sparse_plus
from kerastorch.ops.activation import sparse_sigmoid as sparse_sigmoid
from kerastorch.ops.activation import squareplus as squareplus
from kerastorch.ops.activation import swish as swish
from kerastorch.ops.activation import tanh_shrink as tanh_shrink
from kerastorch.ops.activation import threshold as threshold
from kerastorch.ops.random import dropout
from kerastorch.ops.window import adaptive_average_pool as adaptive_average_pool
from kerastorch.ops.window import adaptive_max_pool as adaptive_max_pool
from kerastorch.ops.window import average_pool as average_pool
from kerastorch.ops.window import conv as conv
from kerastorch.ops.window import conv_transpose as conv_transpose
from kerastorch.ops.window import depth_to_space as depth_to_space
from kerastorch.ops.window import depthwise_conv as depthwise_conv
from kerastorch.ops.window import max_pool as max_pool
from kerastorch.ops.window import separable_conv as separable_conv
from kerastorch.ops.window import space_to_depth as space_to_depth
from kerastorch.ops.window import unfold as unfold
from kerastorch.shapes import broadcast, normalize_axes, normalize_axis
from kerastorch.sparsity import on_request


def wide(*kinds):
    """Computes in float32 at least, answers in the first operand's dtype (floatx where that is no float)."""
    first = concrete(kinds[0])
    result = first if is_float(first) else floating(first)[1]
    return promote(result, "float32"), result


# ------------------------------------------------------------------------------------------------ softmax


def _along(x, *, axis=-1):
    normalize_axes(axis, len(x))
    return x


def _to_one(x, *, axis=-1):
    axes = normalize_axes(axis, len(x))
    warn_of_one(x, axes)
    return x


def warn_of_one(shape, axis):
    """Warns where a softmax runs over a single element."""
    axes = (axis,) if isinstance(axis, int) else axis or ()
    if len(axes) == 1 and shape[axes[0]] == 1:
        warnings.warn(
            f"softmax over axis {axis} of shape {tuple(shape)} gives 1 everywhere, since that axis has size 1; "
            "a sigmoid may be what is wanted",
            stacklevel=2,
        )


@composite(shape=_to_one, dtype=floating)
def softmax(x: Tensor, axis=-1):
    """Exponentials divided by their sum.

    Args:
        x: Tensor.
        axis: Axis, or several, over which the result sums to 1; None is all of them.
    """
    warn_of_one(x.shape, axis)
    e = ops.exp(x - ops.stop_gradient(ops.max(x, axis=axis, keepdims=True)))
    return e / ops.sum(e, axis=axis, keepdims=True)


@composite(shape=_along, dtype=floating)
def log_softmax(x: Tensor, axis=-1):
    """The logarithm of the softmax, without loss of precision. Arguments as for `softmax`."""
    x = x - ops.stop_gradient(ops.max(x, axis=axis, keepdims=True))
    return x - ops.log(ops.sum(ops.exp(x), axis=axis, keepdims=True))


@composite(shape=_along, dtype=floating)
def sparsemax(x: Tensor, axis=-1):
    """The point of the probability simplex that is nearest to the operand (Martins and Astudillo, 2016)."""
    descending = -ops.sort(-x, axis=axis)
    rank = ops.cumsum(ops.ones_like(descending), axis=axis)
    total = ops.cumsum(descending, axis=axis)
    support = descending * rank + 1.0 > total
    size = ops.sum(ops.cast(support, x.dtype), axis=axis, keepdims=True)
    threshold = (ops.sum(ops.where(support, descending, 0.0), axis=axis, keepdims=True) - 1.0) / size
    return ops.maximum(x - threshold, 0.0)


# ------------------------------------------------------------------------------------------------ classes


def _classes(x, *, num_classes, axis=-1):
    axis = normalize_axis(axis, len(x) + 1)
    return (*x[:axis], shapes.count(num_classes, "`num_classes`"), *x[axis:])


def _dense_only(sparse):
    if sparse:
        raise ValueError("sparse=True: this backend has no sparse tensors of this kind; leave sparse False")


@composite(shape=_classes, dtype=as_given, sparse=on_request)
def one_hot(x: Tensor, num_classes, axis=-1, dtype=None, sparse=False):
    """1 at the place of each class index and 0 elsewhere; an index out of range gives zeros only.

    Args:
        x: Integer tensor of class indices.
        num_classes: Number of classes.
        axis: Where the axis of classes is inserted.
        dtype: Dtype of the result; None is floatx.
        sparse: Whether the result is a sparse tensor, where the backend has such.
    """
    _dense_only(sparse)
    axis = normalize_axis(axis, len(x.shape) + 1)
    classes = ops.reshape(ops.arange(num_classes, dtype="int32"), (num_classes,) + (1,) * (len(x.shape) - axis))
    return ops.cast(ops.equal(ops.expand_dims(ops.cast(x, "int32"), axis), classes), dtype)


def _bag(x, *, num_classes, axis=-1):
    out = _classes(x, num_classes=num_classes, axis=axis)
    at = 1 if len(x) > 1 else 0
    return (*out[:at], *out[at + 1 :])


@composite(shape=_bag, dtype=as_given, sparse=on_request)
def multi_hot_(inputs: Tensor, num_classes, axis=-1, dtype=None, sparse=False):
    """`multi_hot` with its number of classes settled."""
    _dense_only(sparse)
    return ops.max(one_hot(inputs, num_classes, axis, dtype), axis=1 if len(inputs.shape) > 1 else 0)


def multi_hot(inputs, num_classes=None, axis=-1, dtype=None, sparse=False, **kwargs):
    """1 for each class that occurs among the indices of a sample, else 0.

    Args:
        inputs: Integer tensor of shape (indices,) or (batch, indices, ...).
        num_classes: Number of classes; `num_tokens` is an old name of it.
        axis: Where the axis of classes is inserted before the indices are joined.
        dtype: Dtype of the result; None is floatx.
        sparse: Whether the result is a sparse tensor, where the backend has such.

    Raises:
        ValueError: Where the number of classes is missing.
    """
    num_classes = kwargs.pop("num_tokens", None) if num_classes is None else num_classes
    if kwargs:
        raise TypeError(f"multi_hot: unexpected arguments {sorted(kwargs)}")
    if num_classes is None:
        raise ValueError("multi_hot: the argument num_classes must be given")
    return multi_hot_(inputs, num_classes, axis, dtype, sparse)


# ------------------------------------------------------------------------------------------------ crossentropies


def _agree(target, output):
    if len(target) != len(output) or any(None not in (a, b) and a != b for a, b in zip(target, output, strict=True)):
        raise ValueError(f"target and output must have the same shape, got {target} and {output}")


def _each(target, output):
    _agree(target, output)
    return output


def _without_class(target, output, *, axis=-1):
    _agree(target, output)
    axis = normalize_axis(axis, len(output))
    return output[:axis] + output[axis + 1 :]


def _one_label(target, output, *, axis=-1):
    axis = normalize_axis(axis, len(output))
    rest = output[:axis] + output[axis + 1 :]
    labels = target[:axis] + target[axis + 1 :] if len(target) == len(output) and target[axis] in (1, None) else target
    if len(labels) != len(rest) or any(None not in (a, b) and a != b for a, b in zip(labels, rest, strict=True)):
        raise ValueError(f"target must have the shape of output without class axis {axis}, got {target} and {output}")
    return rest


def _labels(target, output):
    d = floating(output)[1]
    return (None, d), d


@composite(shape=_each, dtype=floating)
def binary_crossentropy(target: Tensor, output: Tensor, from_logits=False):
    """Crossentropy of two classes, element-wise.

    Args:
        target: Probability of the second class, 0 to 1.
        output: Predicted probability of it, or its logit.
        from_logits: Whether `output` is a logit.
    """
    if from_logits:
        return ops.maximum(output, 0.0) - output * target + ops.log1p(ops.exp(-ops.abs(output)))
    _agree(tuple(target.shape), tuple(output.shape))
    output = ops.clip(output, dtypes.epsilon(), 1.0 - dtypes.epsilon())
    return -(target * ops.log(output) + (1.0 - target) * ops.log(1.0 - output))


def log_probabilities(output, from_logits, axis):
    """Logarithms of predicted probabilities, which are made to sum to 1 and kept away from 0 and 1."""
    if from_logits:
        return log_softmax(output, axis)
    output = output / ops.sum(output, axis=axis, keepdims=True)
    return ops.log(ops.clip(output, dtypes.epsilon(), 1.0 - dtypes.epsilon()))


@composite(shape=_without_class, dtype=floating)
def categorical_crossentropy(target: Tensor, output: Tensor, from_logits=False, axis=-1):
    """Crossentropy of several classes.

    Args:
        target: Probabilities of the classes along `axis`.
        output: Predicted probabilities, or logits.
        from_logits: Whether `output` holds logits.
        axis: The axis of classes, which the result lacks.
    """
    _agree(tuple(target.shape), tuple(output.shape))
    return -ops.sum(target * log_probabilities(output, from_logits, axis), axis=axis)


@composite(shape=_one_label, dtype=_labels)
def sparse_categorical_crossentropy(target: Tensor, output: Tensor, from_logits=False, axis=-1):
    """Crossentropy of several classes for integer labels.

    Args:
        target: Class indices in the shape of `output` without `axis` (which may be there with size 1).
        output: Predicted probabilities, or logits.
        from_logits: Whether `output` holds logits.
        axis: The axis of classes, which the result lacks.
    """
    if len(target.shape) < len(output.shape):
        target = ops.expand_dims(target, axis)
    chosen = ops.take_along_axis(log_probabilities(output, from_logits, axis), ops.cast(target, "int32"), axis=axis)
    return -ops.squeeze(chosen, axis)


# ------------------------------------------------------------------------------------------------ normalization


HALF = ("float16", "bfloat16")


def _two(x, *, axes, keepdims=False):
    return [shapes.reduce(x, axis=axes, keepdims=keepdims)] * 2


@composite(shape=_two, dtype=floating)
def moments(x: Tensor, axes, keepdims=False, synchronized=False):
    """The mean and the variance over some axes.

    Args:
        x: Tensor.
        axes: Axis, or several.
        keepdims: Whether the axes stay, with size 1.
        synchronized: Whether replicas are taken together, where there are several.

    Returns:
        (mean, variance).
    """
    kind = dtype_of(x)
    if kind in HALF:  # computed in float32, and what does not fit becomes the largest number that does
        return tuple(ops.saturate_cast(m, kind) for m in moments(ops.cast(x, "float32"), axes, keepdims, synchronized))
    mean = ops.mean(x, axis=axes, keepdims=True)
    variance = ops.mean(ops.square(x - mean), axis=axes, keepdims=keepdims)
    return (mean if keepdims else ops.squeeze(mean, axes)), variance


def _per_channel(x, mean, variance, offset, scale, *, axis):
    size = x[normalize_axis(axis, len(x))]
    for name, shape in (("mean", mean), ("variance", variance), ("offset", offset), ("scale", scale)):
        if shape is not None and (len(shape) != 1 or None not in (shape[0], size) and shape[0] != size):
            raise ValueError(f"`{name}` must be a vector of length {size}, the size of axis {axis} of {x}, got shape {shape}")
    return x


@composite(shape=_per_channel, dtype=wide)
def batch_normalization(x: Tensor, mean: Tensor, variance: Tensor, axis, offset: Tensor = None, scale: Tensor = None,
                        epsilon=0.001):  # fmt: skip
    """`(x - mean) / sqrt(variance + epsilon) * scale + offset`, with one number per position of an axis.

    Args:
        x: Tensor.
        mean, variance: Vectors along `axis`.
        axis: The axis that is normalized by itself.
        offset, scale: Vectors along `axis`; None leaves them out.
        epsilon: Added to the variance.
    """
    factor = ops.rsqrt(variance + epsilon)
    factor = factor if scale is None else factor * scale
    shift = -mean * factor if offset is None else offset - mean * factor
    after = (1,) * (len(x.shape) - 1 - normalize_axis(axis, len(x.shape)))
    return x * ops.reshape(factor, (-1, *after)) + ops.reshape(shift, (-1, *after))


def _along_weights(x, *weights, axis=-1):
    return _along(x, axis=axis)


def spread(x, weight, axes):
    """A weight that has the sizes of some axes of `x` only, reshaped so that it multiplies along them."""
    if weight is None or len(weight.shape) == len(x.shape):
        return weight
    sizes = iter(core.sizes(weight))
    return ops.reshape(weight, [next(sizes) if i in axes else 1 for i in range(len(x.shape))])


@composite(shape=_along_weights, dtype=wide)
def layer_normalization_(x: Tensor, gamma: Tensor = None, beta: Tensor = None, axis=-1, epsilon=None):
    """`layer_normalization` without its deprecated argument."""
    axes = sorted(normalize_axes(axis, len(x.shape)))
    mean, variance = moments(x, axes, keepdims=True)
    x = (x - mean) * ops.rsqrt(variance + (dtypes.epsilon() if epsilon is None else epsilon))
    x = x if gamma is None else x * spread(x, gamma, axes)
    return x if beta is None else x + spread(x, beta, axes)


def layer_normalization(x, gamma=None, beta=None, axis=-1, epsilon=None, **kwargs):
    """Shifts and scales to mean 0 and variance 1 over some axes (Ba et al., 2016).

    Args:
        x: Tensor.
        gamma, beta: Factor and summand in the sizes of the axes; None leaves them out.
        axis: Axis, or several.
        epsilon: Added to the variance; None is `config.epsilon()`.
        rms_scaling: Deprecated: whether the mean is not subtracted and `beta` is left out; see `rms_normalization`.
    """
    rms_scaling = kwargs.pop("rms_scaling", False)
    if kwargs:
        raise TypeError(f"layer_normalization: unexpected arguments {sorted(kwargs)}")
    if not rms_scaling:
        return layer_normalization_(x, gamma, beta, axis, epsilon)
    warnings.warn("layer_normalization: You passed `rms_scaling=True`, which is deprecated: it divides by the deviation, "
                  "not by the root of the mean square; use rms_normalization", stacklevel=2)  # fmt: skip
    x = ops.convert_to_tensor(x)
    axes = sorted(normalize_axes(axis, len(x.shape)))
    deviation = ops.sqrt(ops.add(moments(x, axes, keepdims=True)[1], dtypes.epsilon() if epsilon is None else epsilon))
    x = ops.divide(x, deviation)
    return x if gamma is None else ops.multiply(x, spread(x, gamma, axes))


@composite(shape=_along_weights, dtype=wide)
def rms_normalization(x: Tensor, scale: Tensor = None, axis=-1, epsilon=None):
    """Divides by the root of the mean square over some axes (Zhang and Sennrich, 2019).

    Args:
        x: Tensor.
        scale: Factor in the sizes of the axes; None leaves it out.
        axis: Axis, or several.
        epsilon: Added to the mean square; None is `config.epsilon()`.
    """
    axes = sorted(normalize_axes(axis, len(x.shape)))
    power = ops.mean(ops.square(x), axis=axes, keepdims=True)
    x = x * ops.rsqrt(power + (dtypes.epsilon() if epsilon is None else epsilon))
    return x if scale is None else x * spread(x, scale, axes)


@composite(shape=_along, dtype=floating)
def normalize(x: Tensor, axis=-1, order=2, epsilon=None):
    """Divides by the norm over some axes, or by `epsilon` where the norm is less.

    Args:
        x: Tensor.
        axis: Axis, or several; None is all of them.
        order: Order of the norm, an integer of at least 1.
        epsilon: Least divisor; None is `config.epsilon()`.
    """
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"normalize: Argument `order` must be an int >= 1, not {order!r}")
    epsilon = dtypes.epsilon() if epsilon is None else epsilon
    if order == 2:
        return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), epsilon * epsilon))
    norm = ops.power(ops.sum(ops.power(ops.abs(x), order), axis=axis, keepdims=True), 1.0 / order)
    return x / ops.maximum(norm, epsilon)


def _complex(abs_, angle):
    double = promote(abs_, angle) == "float64"
    return ("float64", "complex128") if double else ("float32", "complex64")


@op(shape=broadcast, dtype=_complex)
def polar(abs_: Tensor, angle: Tensor):
    """Complex numbers of an absolute value and an angle in radians: `abs_ * (cos(angle) + i sin(angle))`."""


def _same_rank(x1, x2):
    if len(x1) != len(x2):
        raise ValueError(f"both images must have the same rank, got shapes {x1} and {x2}")
    return ()


@composite(shape=_same_rank, dtype=floating)
def psnr(x1: Tensor, x2: Tensor, max_val):
    """The peak signal-to-noise ratio of two images in decibel.

    Args:
        x1, x2: Tensors of one shape.
        max_val: The largest value that a pixel can have.
    """
    return 20.0 * math.log10(max_val) - ops.log10(ops.mean(ops.square(x1 - x2))) * 10.0


# ------------------------------------------------------------------------------------------------ attention


def _attended(query, key, value, bias, mask):
    for name, shape in (("query", query), ("key", key), ("value", value)):
        if len(shape) != 4:
            raise ValueError(f"{name} must have the rank 4 of (batch, length, heads, size), got shape {shape}")
    return (*query[:-1], value[-1])


def _attending(query, key, value, bias, mask):
    d = promote(query, key, value)
    compute = d if is_float(d) else promote(d, "float")
    return (*(compute,) * 4, "bool"), d


@composite(shape=_attended, dtype=_attending, checked=True)
def dot_product_attention(query: Tensor, key: Tensor, value: Tensor, bias: Tensor = None, mask: Tensor = None,
                          scale=None, is_causal=False, flash_attention=None, attn_logits_soft_cap=None):  # fmt: skip
    """Values averaged by the softmax of scaled products of queries and keys (Vaswani et al., 2017).

    Args:
        query: Tensor of shape (batch, queries, heads, size).
        key: Tensor of shape (batch, keys, key heads, size); the heads must be a multiple of the key heads.
        value: Tensor of shape (batch, keys, key heads, size).
        bias: Added to the products; broadcastable to (batch, heads, queries, keys).
        mask: True where a key may be looked at; broadcastable to (batch, heads, queries, keys).
        scale: Factor of the products; None is `1 / sqrt(size)`.
        is_causal: Whether a query looks only at keys up to its own position.
        flash_attention: True asks for a fused kernel and fails where there is none; else the choice is open.
        attn_logits_soft_cap: Largest absolute value of the products, approached by a tanh; None is no limit.

    Returns:
        Tensor of shape (batch, queries, heads, size).
    """
    if flash_attention:
        raise ValueError("dot_product_attention: no fused kernel takes these operands; leave flash_attention None")
    heads, key_heads = query.shape[2], key.shape[2]
    if heads != key_heads:
        key, value = ops.repeat(key, heads // key_heads, axis=2), ops.repeat(value, heads // key_heads, axis=2)
    query, key, value = (ops.transpose(x, (0, 2, 1, 3)) for x in (query, key, value))
    scale = 1.0 / math.sqrt(query.shape[-1]) if scale is None else scale
    logits = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
    logits = ops.cast(logits, promote(dtype_of(logits), "float32")) * scale
    if attn_logits_soft_cap is not None:
        logits = ops.tanh(logits / attn_logits_soft_cap) * attn_logits_soft_cap
    if bias is not None:
        logits = ops.add(logits, bias)
    if is_causal:
        causal = ops.tril(ops.ones_like(logits, dtype="bool"))
        mask = causal if mask is None else ops.logical_and(mask, causal)
    if mask is not None:
        logits = ops.where(mask, logits, MASKED)
    return ops.transpose(ops.matmul(ops.cast(softmax(logits), value.dtype), value), (0, 2, 1, 3))


def _attended_in_training(query, key, value, mask):
    return _attended(query, key, value, None, mask)


def _attending_in_training(query, key, value, mask):
    d = promote(query, key, value)
    return (d, d, d, "bool"), d


@composite(shape=_attended_in_training, dtype=_attending_in_training)
def dropped_attention_(query: Tensor, key: Tensor, value: Tensor, mask: Tensor = None, is_causal=False, rate=0.0, seed=None):
    """`dot_product_attention` in training: weights are set to 0 at random, a share `rate` of them, and the others scaled up.

    A query that may look at no key gives zeros. Other arguments are those of `dot_product_attention` and `random.dropout`.
    """
    heads, key_heads = query.shape[2], key.shape[2]
    if heads != key_heads:
        key, value = ops.repeat(key, heads // key_heads, axis=2), ops.repeat(value, heads // key_heads, axis=2)
    logits = ops.einsum("bkhd,bqhd->bhqk", key, ops.multiply(query, 1.0 / math.sqrt(query.shape[-1])))
    logits = ops.cast(logits, promote(dtype_of(logits), "float32"))
    if is_causal:
        causal = ops.tril(ops.ones_like(logits[:1, :1], dtype="bool"))
        mask = causal if mask is None else ops.logical_and(mask, causal)
    if mask is not None:
        logits = ops.where(mask, logits, MASKED)
    weights = softmax(logits)
    if mask is not None:
        weights = ops.where(ops.any(mask, axis=-1, keepdims=True), weights, 0.0)
    weights = dropout(ops.cast(weights, value.dtype), rate, seed=seed)
    return ops.einsum("bhqk,bkhd->bqhd", weights, value)


# Far below any product, yet finite, so that a row with everything masked averages all values instead of giving NaN.
MASKED = -2.37e38
