"""TensorFlow's functions for the reductions."""

import tensorflow as tf

from kerastorch import ops
from kerastorch.backends.tensorflow.ops.shaping import sizes
from kerastorch.shapes import normalize_axis


def maximum(x, axis=None, keepdims=False, initial=None):
    result = tf.reduce_max(x, axis, keepdims)
    return result if initial is None else tf.maximum(result, tf.cast(initial, result.dtype))


def minimum(x, axis=None, keepdims=False, initial=None):
    result = tf.reduce_min(x, axis, keepdims)
    return result if initial is None else tf.minimum(result, tf.cast(initial, result.dtype))


def position(search):
    """A search along one axis, or through the flattened tensor."""

    def call(x, axis=None, keepdims=False):
        result = search(tf.reshape(x, [-1]) if axis is None else x, 0 if axis is None else axis, tf.int32)
        if keepdims:
            return tf.reshape(result, [1] * x.shape.rank) if axis is None else tf.expand_dims(result, axis)
        return result

    return call


def prod(x, axis=None, keepdims=False, dtype=None):
    return tf.reduce_prod(x, axis, keepdims)


def running(accumulate):
    """A running reduction along one axis, or over the flattened tensor."""
    return lambda x, axis=None, dtype=None: accumulate(tf.reshape(x, [-1]) if axis is None else x, axis or 0)


def std(x, axis=None, keepdims=False):
    variance = tf.math.reduce_variance(x, axis, keepdims)
    still = tf.equal(variance, 0)  # where TensorFlow's own has no gradient
    return tf.where(still, variance, tf.sqrt(tf.where(still, tf.ones_like(variance), variance)))


@tf.custom_gradient
def products(x):
    """The running products along the first axis. TensorFlow's gradient of them is wrong where there are zeros."""
    found = tf.math.cumprod(x)

    def without_zeros(upstream):
        return tf.cumsum(found * upstream, reverse=True) / x

    def in_full(upstream):
        number = tf.shape(x)[0]
        one = tf.reshape(tf.eye(number, dtype=tf.bool), tf.concat([[number, number], tf.ones(tf.rank(x) - 1, tf.int32)], 0))
        others = tf.math.cumprod(tf.where(one, tf.ones_like(x), x), 1)  # of all but one, for each one
        behind = tf.cast(tf.math.cumsum(tf.cast(one, tf.int32), 1), x.dtype)
        return tf.reduce_sum(others * behind * upstream, 1)

    return found, lambda upstream: tf.cond(
        tf.reduce_any(tf.equal(x, 0)), lambda: in_full(upstream), lambda: without_zeros(upstream)
    )


def cumprod(x, axis):
    axis = normalize_axis(axis, x.shape.rank)
    order = [axis, *(a for a in range(x.shape.rank) if a != axis)]
    found = products(tf.transpose(x, order) if axis else x)
    return tf.transpose(found, [order.index(a) for a in range(x.shape.rank)]) if axis else found


def bincount(x, weights=None, minlength=0, sparse=False):
    if sparse or isinstance(x, tf.SparseTensor):
        if weights is not None and weights.dtype not in (tf.int32, tf.int64, tf.float32, tf.float64):
            weights = tf.cast(weights, tf.float32 if weights.dtype.is_floating else tf.int32)
        return tf.sparse.bincount(x, weights, axis=-1, minlength=minlength)
    rows = tf.reshape(tf.cast(x, tf.int32), [-1, tf.shape(x)[-1]])
    number = tf.maximum(tf.reduce_max(tf.concat([tf.reshape(rows, [-1]), [-1]], 0)) + 1, minlength)
    with tf.control_dependencies([tf.debugging.assert_non_negative(rows, "bincount counts integers of at least 0")]):
        places = rows + tf.range(tf.shape(rows)[0])[:, tf.newaxis] * number
    weights = tf.ones_like(rows) if weights is None else tf.reshape(tf.broadcast_to(weights, tf.shape(x)), tf.shape(rows))
    found = tf.math.unsorted_segment_sum(weights, places, tf.shape(rows)[0] * number)
    return tf.reshape(found, [*sizes(x)[:-1], number])


TABLE = {
    ops.all: tf.reduce_all,
    ops.any: tf.reduce_any,
    ops.argmax: position(tf.argmax),
    ops.argmin: position(tf.argmin),
    ops.bincount: bincount,
    ops.cumprod: running(cumprod),
    ops.cumsum: running(tf.math.cumsum),
    ops.logsumexp: tf.reduce_logsumexp,
    ops.max: maximum,
    ops.mean: tf.reduce_mean,
    ops.min: minimum,
    ops.prod: prod,
    ops.std: std,
    ops.sum: tf.reduce_sum,
    ops.var: tf.math.reduce_variance,
}
SCALARS: set = set()
HALVES = {"float16": "float32", "bfloat16": "float32"}  # in which TensorFlow would add up
WIDER = dict.fromkeys((ops.mean, ops.std, ops.var), HALVES)
