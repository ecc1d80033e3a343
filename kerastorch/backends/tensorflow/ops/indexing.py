"""TensorFlow's functions for picking, placing, ordering and searching elements."""

import numpy as np
import tensorflow as tf

from kerastorch import ops
from kerastorch.backends.tensorflow.ops.shaping import size_of, sizes
from kerastorch.ops.indexing import distinct as distinct_op
from kerastorch.shapes import normalize_axis


def counted_from_start(indices, size):
    """Indices into an axis of some size, with those that count from the end made to count from the start."""
    indices = indices if indices.dtype in (tf.int32, tf.int64) else tf.cast(indices, tf.int32)
    return tf.where(indices < 0, indices + tf.cast(size, indices.dtype), indices)


# ------------------------------------------------------------------------------------------------ picking


def take(x, indices, axis=None):
    if axis is None:
        x, axis = tf.reshape(x, [-1]), 0
    return tf.gather(x, counted_from_start(indices, size_of(x, axis)), axis=axis)


def take_along_axis(x, indices, axis=None):
    if axis is None:
        x, indices, axis = tf.reshape(x, [-1]), tf.reshape(indices, [-1]), 0
    rank = x.shape.rank
    axis = normalize_axis(axis, rank)
    indices = counted_from_start(indices, size_of(x, axis))
    outer = [tf.broadcast_dynamic_shape(tf.shape(t)[:axis], tf.shape(u)[:axis]) for t, u in ((x, indices),)][0]
    inner = tf.broadcast_dynamic_shape(tf.shape(x)[axis + 1 :], tf.shape(indices)[axis + 1 :])
    x = tf.broadcast_to(x, tf.concat([outer, [size_of(x, axis)], inner], 0))
    indices = tf.broadcast_to(indices, tf.concat([outer, [size_of(indices, axis)], inner], 0))
    # The axis goes last, where each row of x has its own row of indices.
    order = [*range(axis), *range(axis + 1, rank), axis]
    found = tf.gather(tf.transpose(x, order), tf.transpose(indices, order), batch_dims=rank - 1)
    return tf.transpose(found, [*range(axis), rank - 1, *range(axis, rank - 1)])


def get_item(x, key):
    keys = list(key) if isinstance(key, tuple) else [key]
    given = sum(k is not None and k is not Ellipsis for k in keys)
    at = next((i for i, k in enumerate(keys) if k is Ellipsis), len(keys))
    keys[at : at + 1] = [slice(None)] * (x.shape.rank - given)
    advanced = [i for i, k in enumerate(keys) if not isinstance(k, slice | int) and k is not None and is_array(k)]
    if not advanced:
        return x[tuple(keys)]
    if tf.as_dtype(getattr(tf.convert_to_tensor(keys[advanced[0]]), "dtype", tf.int32)) == tf.bool:
        if len(advanced) > 1:
            raise ValueError("one boolean mask is understood in an index, not several")
        mask = tf.convert_to_tensor(keys[advanced[0]])
        rest = tuple(slice(None) if i == advanced[0] else k for i, k in enumerate(keys))
        return tf.boolean_mask(x if all(k == slice(None) for k in rest) else x[rest], mask, axis=advanced[0])
    basic = x[tuple(slice(None) if i in advanced else k for i, k in enumerate(keys))]
    # Dimensions that integers took away lie before some of the indexed ones.
    axes = [i - sum(isinstance(k, int) for k in keys[:i]) for i in advanced]
    indices = [
        counted_from_start(tf.convert_to_tensor(keys[i]), size_of(basic, a))
        for i, a in zip(advanced, axes, strict=True)
    ]
    if len(indices) == 1:
        return tf.gather(basic, indices[0], axis=axes[0])
    together = axes == list(range(axes[0], axes[0] + len(axes)))
    order = [*axes, *(a for a in range(basic.shape.rank) if a not in axes)]
    shape = tf.shape(sum(tf.zeros_like(i, tf.int32) for i in indices))
    where = tf.stack([tf.broadcast_to(tf.cast(i, tf.int64), shape) for i in indices], -1)
    found = tf.gather_nd(tf.transpose(basic, order), where)
    if not together or axes[0] == 0:
        return found
    rank = where.shape.rank - 1
    return tf.transpose(found, [*range(rank, rank + axes[0]), *range(rank), *range(rank + axes[0], found.shape.rank)])


def is_array(key):
    return isinstance(key, list | tuple | np.ndarray) or tf.is_tensor(key) and key.shape.rank != 0


def slice_(inputs, start_indices, shape):
    return tf.slice(inputs, start_indices, shape)


def slice_update(inputs, start_indices, updates):
    ends = start_indices + tf.cast(tf.shape(updates), start_indices.dtype)
    return tf.raw_ops.TensorStridedSliceUpdate(
        input=inputs, begin=start_indices, end=ends, strides=tf.ones_like(start_indices), value=updates
    )


def diagonal(x, offset=0, axis1=0, axis2=1):
    rank = x.shape.rank
    a, b = normalize_axis(axis1, rank), normalize_axis(axis2, rank)
    order = [i for i in range(rank) if i not in (a, b)] + [a, b]
    x = tf.transpose(x, order)
    *_, rows, columns = sizes(x)
    number = tf.maximum(tf.minimum(rows + min(offset, 0), columns - max(offset, 0)), 0)
    at = tf.range(number) * (columns + 1) + (offset if offset >= 0 else -offset * columns)
    return tf.gather(tf.reshape(x, [*sizes(x)[:-2], rows * columns]), at, axis=-1)


# ------------------------------------------------------------------------------------------------ placing


def scatter(indices, values, shape):
    return tf.scatter_nd(indices, values, tf.cast(shape, indices.dtype))


REDUCTIONS = {
    None: tf.tensor_scatter_nd_update,
    "add": tf.tensor_scatter_nd_add,
    "max": tf.tensor_scatter_nd_max,
    "min": tf.tensor_scatter_nd_min,
}


def scatter_update(inputs, indices, updates, reduction=None):
    if reduction in REDUCTIONS:
        return REDUCTIONS[reduction](inputs, indices, updates)
    if reduction != "mul":
        raise ValueError(f"reduction {reduction!r} is none of None, 'add', 'mul', 'max' and 'min'")
    # Places named more than once multiply up one after the other.
    depth = indices.shape[-1]
    places = tf.reshape(indices, [-1, depth])
    updates = tf.reshape(updates, [tf.shape(places)[0], *sizes(inputs)[depth:]])

    def step(i, out):
        at = places[i : i + 1]
        return i + 1, tf.tensor_scatter_nd_update(out, at, tf.gather_nd(out, at) * updates[i : i + 1])

    return tf.while_loop(lambda i, _: i < tf.shape(places)[0], step, (0, inputs))[1]


# --------------------------------------------------------------------------------------------- ordering and searching


def sort(x, axis=-1):
    return tf.sort(tf.reshape(x, [-1]), 0) if axis is None else tf.sort(x, axis)


def argsort(x, axis=-1):
    return tf.argsort(tf.reshape(x, [-1]), 0) if axis is None or not x.shape.rank else tf.argsort(x, axis)


def top_k(x, k, sorted=True):
    return tuple(tf.math.top_k(x, k, sorted))


def nonzero(x):
    return tuple(tf.unstack(tf.where(x), x.shape.rank, 1)) if x.shape.rank else ()


def distinct(x, axis=None):
    flat = tf.reshape(x, [-1]) if axis is None else x
    along = normalize_axis(axis or 0, flat.shape.rank)
    values, inverse, counts = tf.raw_ops.UniqueWithCountsV2(x=flat, axis=[along])
    order = ascending(values, along)
    inverse = tf.gather(tf.math.invert_permutation(order), inverse)
    return (
        tf.gather(values, order, axis=along),
        tf.reshape(inverse, tf.shape(x)) if axis is None else inverse,
        tf.gather(counts, order),
    )


def ascending(x, axis):
    """The order of the slices along an axis by their first element, then by their second, and so on; NaN comes last."""
    keys = tf.where(tf.math.is_nan(x), tf.constant(np.inf, x.dtype), x) if x.dtype.is_floating else x
    keys = tf.cast(keys, tf.uint8) if keys.dtype == tf.bool else keys
    rest = [i for i in range(x.shape.rank) if i != axis]
    number = size_of(x, axis)
    keys = tf.reshape(tf.transpose(keys, [*rest, axis]), [-1, number])
    return tf.foldr(lambda order, key: tf.gather(order, tf.argsort(tf.gather(key, order), stable=True)), keys, tf.range(number))


def searchsorted(sorted_sequence, values, side="left"):
    return tf.reshape(tf.searchsorted(sorted_sequence, tf.reshape(values, [-1]), side), tf.shape(values))


TABLE = {
    distinct_op: distinct,
    ops.argsort: argsort,
    ops.diagonal: diagonal,
    ops.get_item: get_item,
    ops.nonzero: nonzero,
    ops.scatter: scatter,
    ops.scatter_update: scatter_update,
    ops.searchsorted: searchsorted,
    ops.slice: slice_,
    ops.slice_update: slice_update,
    ops.sort: sort,
    ops.take: take,
    ops.take_along_axis: take_along_axis,
    ops.top_k: top_k,
}
SCALARS: set = set()
