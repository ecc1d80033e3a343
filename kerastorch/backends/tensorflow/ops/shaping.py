"""TensorFlow's functions for making, converting and rearranging tensors."""

import tensorflow as tf

from kerastorch import dtypes, ops
from kerastorch.backends.tensorflow import tensors
from kerastorch.ops import core as declared
from kerastorch.ops import shaping
from kerastorch.shapes import normalize_axes, normalize_axis, pad_pairs

# ------------------------------------------------------------------------------------------------ making


def zeros(shape, dtype=None):
    return tf.zeros(shape, dtypes.standardize(dtype))


def ones(shape, dtype=None):
    return tf.ones(shape, dtypes.standardize(dtype))


def full(shape, fill_value, dtype=None):
    return tf.broadcast_to(tf.cast(fill_value, dtypes.standardize(dtype)), shape)


def arange(start, stop=None, step=None, dtype=None):
    begin, end = (0, start) if stop is None else (start, stop)
    return tf.range(begin, end, 1 if step is None else step)


# ------------------------------------------------------------------------------------------------ shapes


def reshape(x, newshape):
    return tf.reshape(x, (newshape,) if isinstance(newshape, int) else newshape)


def expand_dims(x, axis):
    if isinstance(axis, int):
        return tf.expand_dims(x, axis)
    rank = x.shape.rank + len(axis)
    for a in sorted(a % rank for a in axis):
        x = tf.expand_dims(x, a)
    return x


def squeeze(x, axis=None):
    """Axes of size 1; with none named, those known to have that size, so that the rank stays known."""
    if axis is None:
        axis = [i for i, size in enumerate(x.shape) if size == 1]
        return tf.squeeze(x, axis) if axis else x
    return tf.squeeze(x, list(axis) if isinstance(axis, tuple | list) else [axis])


def sizes(x):
    """The shape as a list, with a tensor for each size that is not known."""
    dynamic = None
    out = list(x.shape)
    for i, size in enumerate(out):
        if size is None:
            dynamic = tf.shape(x) if dynamic is None else dynamic
            out[i] = dynamic[i]
    return out


def size_of(x, axis):
    if isinstance(x, tf.RaggedTensor):
        return x.shape[axis]  # where it is ragged there is no one size
    return tf.shape(x)[axis] if x.shape[axis] is None else x.shape[axis]


def of_size(x, axis, size, complaint):
    if x.shape[axis] is None:
        return tf.ensure_shape(x, [size if i == axis else None for i in range(len(x.shape))])
    if x.shape[axis] != size:
        raise ValueError(complaint.format(x.shape[axis]))
    return x


ON_TENSORS = {min: tf.minimum, max: tf.maximum}  # Python's own ask for the truth of a tensor


def size_arithmetic(function, a, b):
    known = isinstance(a, int) and isinstance(b, int)
    return function(a, b) if known else ON_TENSORS.get(function, function)(a, b)


# -------------------------------------------------------------------------------------- joining, splitting, repeating


def split(x, indices_or_sections, axis=0):
    if isinstance(indices_or_sections, int):
        return tf.split(x, indices_or_sections, axis)
    size = size_of(x, axis)
    if tf.is_tensor(indices_or_sections):
        at = tf.concat([[0], tf.cast(indices_or_sections, tf.int32), [size]], 0)
        return tf.split(x, at[1:] - at[:-1], axis, num=indices_or_sections.shape[0] + 1)
    cuts = [int(c) for c in indices_or_sections]
    if isinstance(size, int):
        at = [0, *(min(max(c + size if c < 0 else c, 0), size) for c in cuts), size]
        return tf.split(x, [max(b - a, 0) for a, b in zip(at, at[1:], strict=False)], axis)
    at = [0, *cuts]
    return tf.split(x, [b - a for a, b in zip(at, cuts, strict=False)] + [size - at[-1]], axis, num=len(at))


def unstack(x, num=None, axis=0):
    return tf.unstack(x, num, axis)


def repeat(x, repeats, axis=None):
    return tf.repeat(x, repeats, axis)


def tile(x, repeats):
    repeats = [repeats] if isinstance(repeats, int) else list(repeats)
    rank = max(x.shape.rank, len(repeats))
    if x.shape.rank < rank:
        x = tf.reshape(x, [1] * (rank - x.shape.rank) + sizes(x))
    return tf.tile(x, [1] * (rank - len(repeats)) + repeats)


def flip(x, axis=None):
    return tf.reverse(x, normalize_axes(axis, x.shape.rank))


def roll(x, shift, axis=None):
    if axis is None:
        return tf.reshape(tf.roll(tf.reshape(x, [-1]), shift, 0), tf.shape(x))
    return tf.roll(x, shift, axis)


def pad(x, pad_width, mode="constant", constant_values=None):
    pairs = pad_pairs(pad_width, x.shape.rank)
    if mode == "constant":
        return tf.pad(x, pairs, constant_values=0 if constant_values is None else constant_values)
    if constant_values is not None:
        raise ValueError(f"Argument `constant_values` can only be provided when `mode == 'constant'`, not with {mode!r}")
    if mode in ("reflect", "symmetric"):
        return tf.pad(x, pairs, mode)
    if mode not in ("edge", "circular", "wrap"):
        raise ValueError(f"mode {mode!r} is none of 'constant', 'edge', 'reflect', 'symmetric', 'circular' and 'wrap'")
    for axis, (before, after) in enumerate(pairs):
        size = size_of(x, axis)
        at = tf.range(-before, size + after)
        x = tf.gather(x, tf.clip_by_value(at, 0, size - 1) if mode == "edge" else at % size, axis=axis)
    return x


def concatenate(xs, axis=0):
    return tf.concat(xs, normalize_axis(axis, xs[0].shape.rank))


def bits_as(x, dtype, sizes):
    if x.dtype == tf.bool:
        x = tf.cast(x, tf.uint8)
    wanted = tf.uint8 if dtype == "bool" else tf.as_dtype(dtype)
    old, new = sizes
    shape = tf.shape(x)
    if new > old:  # the elements that become one lie along an axis of their own
        x = tf.reshape(x, tf.concat([shape[:-1], [shape[-1] * old // new, new // old]], 0))
    x = tf.bitcast(x, wanted)
    if new < old:
        x = tf.reshape(x, tf.concat([shape[:-1], [shape[-1] * (old // new)]], 0))
    return tf.cast(x, tf.bool) if dtype == "bool" else x


TABLE = {
    declared.densify: tensors.dense,
    ops.arange: arange,
    declared.bits_as: bits_as,
    ops.broadcast_to: tf.broadcast_to,
    ops.cast: tensors.cast,
    ops.concatenate: concatenate,
    ops.constant: tensors.convert,
    ops.copy: tf.identity,
    ops.expand_dims: expand_dims,
    ops.flip: flip,
    ops.full: full,
    ops.ones: ones,
    ops.ones_like: tf.ones_like,
    ops.pad: pad,
    ops.repeat: repeat,
    ops.reshape: reshape,
    ops.roll: roll,
    ops.size: tf.size,
    ops.size_arithmetic: size_arithmetic,
    ops.of_size: of_size,
    ops.size_of: size_of,
    ops.split: split,
    ops.squeeze: squeeze,
    shaping.squeeze_: squeeze,
    ops.stack: tf.stack,
    ops.stop_gradient: tf.stop_gradient,
    ops.tile: tile,
    ops.transpose: tf.transpose,
    ops.unstack: unstack,
    ops.zeros: zeros,
    ops.zeros_like: tf.zeros_like,
}
SCALARS: set = set()
WIDER = dict.fromkeys((ops.repeat, ops.tile), {"uint16": "int32"})
