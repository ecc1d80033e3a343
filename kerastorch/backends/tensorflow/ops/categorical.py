"""TensorFlow's functions for class numbers."""

import tensorflow as tf

from kerastorch.ops import categorical


def tally(x, weights, depth, dtype):
    x = tf.cast(x, tf.int64)
    shape = tf.shape(x)
    rows = tf.reduce_prod(shape[:-1])
    flat = tf.reshape(x, [rows, -1])
    places = flat + tf.range(tf.cast(rows, tf.int64))[:, None] * depth
    places = tf.where((flat >= 0) & (flat < depth), places, -1)  # a negative place is left out
    ones = tf.ones_like(flat, dtype) if weights is None else tf.reshape(tf.broadcast_to(weights, shape), [rows, -1])
    sums = tf.math.unsorted_segment_sum(ones, places, rows * depth)
    return tf.ensure_shape(tf.reshape(sums, tf.concat([shape[:-1], [depth]], 0)), [*x.shape[:-1], depth])


def require(x, holds, message):
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(holds), [message])]):
        return tf.identity(x)


TABLE = {
    categorical.require: require,
    categorical.tally: tally,
}
SCALARS: set = set()
