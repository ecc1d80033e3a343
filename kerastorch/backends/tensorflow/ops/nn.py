"""TensorFlow's functions for activations, normalization and crossentropies."""

import tensorflow as tf

from kerastorch import ops
from kerastorch.backends.tensorflow.ops import window
from kerastorch.dtypes import standardize
from kerastorch.ops import neural as nn


def softmax(x, axis):
    if not isinstance(axis, int):
        return nn.softmax.op.body(x, axis)
    nn.warn_of_one(x.shape, axis)
    return tf.raw_ops.Softmax(logits=x) if axis == -1 else tf.nn.softmax(x, axis)  # the former takes a fifth of the time


def log_softmax(x, axis):
    return tf.nn.log_softmax(x, axis) if isinstance(axis, int) else nn.log_softmax.op.body(x, axis)


def elu(x, alpha):
    return tf.nn.elu(x) if alpha == 1.0 else nn.elu.op.body(x, alpha)


def moments(x, axes, keepdims, synchronized):
    if x.dtype in (tf.float16, tf.bfloat16):
        return nn.moments.op.body(x, axes, keepdims, synchronized)
    return tf.nn.moments(x, axes, keepdims=keepdims)


def sparse_one_hot(x, num_classes, axis, dtype):
    x = tf.cast(x, tf.int64)
    at = tf.where((x >= 0) & (x < num_classes))
    axis = axis % (x.shape.rank + 1)
    at = tf.concat([at[:, :axis], tf.gather_nd(x, at)[:, None], at[:, axis:]], 1)
    sizes = tf.shape(x, tf.int64)
    sizes = tf.concat([sizes[:axis], [num_classes], sizes[axis:]], 0)
    return tf.sparse.reorder(tf.SparseTensor(at, tf.ones(tf.shape(at)[0], standardize(dtype)), sizes))


def multi_hot(inputs, num_classes, axis, dtype, sparse):
    found = nn.multi_hot_.op.body(inputs, num_classes, axis, dtype)
    return tf.sparse.from_dense(found) if sparse else found


def polar(abs_, angle):
    return tf.complex(abs_ * tf.cos(angle), abs_ * tf.sin(angle))


def one_hot(x, num_classes, axis, dtype, sparse):
    if sparse:
        return sparse_one_hot(x, num_classes, axis, dtype)
    x = x if x.dtype in (tf.uint8, tf.int32, tf.int64) else tf.cast(x, tf.int64)
    return tf.one_hot(x, num_classes, axis=axis)


def binary_crossentropy(target, output, from_logits):
    if not from_logits:
        return nn.binary_crossentropy.op.body(target, output, from_logits)
    return tf.nn.sigmoid_cross_entropy_with_logits(target, output)


def categorical_crossentropy(target, output, from_logits, axis):
    if not from_logits:
        return nn.categorical_crossentropy.op.body(target, output, from_logits, axis)
    return tf.nn.softmax_cross_entropy_with_logits(target, output, axis)


def sparse_categorical_crossentropy(target, output, from_logits, axis):
    rank = output.shape.rank
    if target.shape.rank == rank:
        target = tf.squeeze(target, axis)
    logits = output if from_logits else nn.log_probabilities(output, from_logits, axis)
    if axis % rank != rank - 1:
        logits = tf.transpose(logits, (*(i for i in range(rank) if i != axis % rank), axis % rank))
    target = target if target.dtype in (tf.int32, tf.int64) else tf.cast(target, tf.int64)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(target, logits)


TABLE = {
    ops.relu: tf.nn.relu,
    ops.polar: polar,
    nn.multi_hot_: multi_hot,
    ops.sigmoid: tf.sigmoid,
    ops.relu6: tf.nn.relu6,
    ops.softplus: tf.math.softplus,
    ops.softsign: tf.nn.softsign,
    ops.silu: tf.nn.silu,
    ops.log_sigmoid: tf.math.log_sigmoid,
    ops.leaky_relu: tf.nn.leaky_relu,
    ops.elu: elu,
    ops.selu: tf.nn.selu,
    ops.gelu: tf.nn.gelu,
    ops.softmax: softmax,
    ops.log_softmax: log_softmax,
    ops.moments: moments,
    ops.one_hot: one_hot,
    ops.binary_crossentropy: binary_crossentropy,
    ops.categorical_crossentropy: categorical_crossentropy,
    ops.sparse_categorical_crossentropy: sparse_categorical_crossentropy,
    **window.TABLE,
}
SCALARS: set = set()
WIDER = {**window.WIDER, **dict.fromkeys((ops.relu, ops.relu6), {"bool": "uint8"})}
