"""What ops do on TensorFlow's sparse tensors: `tf.SparseTensor`, and `tf.IndexedSlices`, which is sparse along its first axis.

Where an op has a sparsity rule, this gives a sparse tensor whenever that says so, of the operands' kind. In all other cases the
operands are made dense.
"""

import functools
import math

import tensorflow as tf

from kerastorch import ops, sparsity
from kerastorch.backends.tensorflow.ops.reduce import bincount
from kerastorch.backends.tensorflow.tensors import dense, shape
from kerastorch.ops import shaping
from kerastorch.shapes import normalize_axes

KINDS = (tf.SparseTensor, tf.IndexedSlices)


def on_sparse(op, function):
    """The function of an op for operands of which some are sparse, from the one for dense operands."""

    def on_dense(*args):
        args = list(args)
        for i in op.operands:
            args[i] = [dense(x) for x in args[i]] if i in op.variadic else dense(args[i])
        return function(*args)

    def call(*args):
        if op.function in TABLE and (out := TABLE[op.function](*args)) is not None:
            return out
        if op.sparse_rule is sparsity.kept and op.function not in TABLE:
            return with_values(args[0], function(args[0].values, *args[1:]))
        if op.sparse_rule is sparsity.union and len({type(x) for x in args}) == 1:
            return on_union(function, *args)
        return on_dense(*args)

    return call


def with_values(x, values):
    """A sparse tensor with other values at the same places."""
    if isinstance(x, tf.SparseTensor):
        return tf.SparseTensor(x.indices, values, x.dense_shape)
    return tf.IndexedSlices(values, x.indices, x.dense_shape)


def on_union(function, x, y):
    """A binary function of two sparse tensors, worked out wherever one of them has values."""
    if isinstance(x, tf.SparseTensor):
        zeros = [with_values(t, tf.zeros_like(t.values)) for t in (x, y)]
        x, y = tf.sparse.add(x, zeros[1]), tf.sparse.add(zeros[0], y)  # which now have the same places
        return with_values(x, function(x.values, y.values))
    places, inverse = tf.unique(tf.concat([x.indices, y.indices], 0))
    parts = tf.split(inverse, [tf.shape(x.indices)[0], tf.shape(y.indices)[0]])
    rows = [tf.math.unsorted_segment_sum(t.values, at, tf.size(places)) for t, at in zip((x, y), parts, strict=True)]
    return tf.IndexedSlices(function(*rows), places, x.dense_shape)


def reaches(y, x):
    """Whether a dense tensor broadcasts to the shape of a sparse one."""
    return tf.broadcast_static_shape(y.shape, tf.TensorShape(shape(x))) == tf.TensorShape(shape(x))


def at_places(y, x):
    """The elements of a dense tensor, broadcast to the shape of a sparse one, where that has values; None if it cannot be."""
    if y.shape.rank == 0:
        return y
    if not reaches(y, x):
        return None
    y = tf.broadcast_to(y, x.dense_shape)
    return tf.gather_nd(y, x.indices) if isinstance(x, tf.SparseTensor) else tf.gather(y, x.indices)


def multiply(x, y):
    x, y = (x, y) if isinstance(x, KINDS) else (y, x)
    factor = at_places(dense(y), x)
    return None if factor is None else with_values(x, x.values * factor)


def divide(x, y):
    """Where the divisor is 0 or NaN, so is the quotient not 0: such places are among the result's."""
    if isinstance(y, KINDS):
        return None
    if y.shape.rank == 0:
        return with_values(x, x.values / y)
    if not reaches(y, x):
        return None
    quotient = tf.divide(dense(x), y)
    if isinstance(x, tf.SparseTensor):
        return tf.sparse.from_dense(quotient)
    rows = tf.reshape(tf.where(tf.reduce_any(tf.not_equal(quotient, 0), range(1, quotient.shape.rank))), [-1])
    return tf.IndexedSlices(tf.gather(quotient, rows), rows, x.dense_shape)


def matmul(x, y):
    if isinstance(x, KINDS) and isinstance(y, KINDS):
        return tf.sparse.from_dense(tf.matmul(dense(x), dense(y)))
    if len(shape(x)) != 2 or len(shape(y)) != 2 or x.dtype not in PRODUCTS:
        return None
    if isinstance(x, tf.SparseTensor):
        return rows_product(x, y) if x.dtype.is_floating else tf.sparse.sparse_dense_matmul(x, y)
    if isinstance(y, tf.SparseTensor):
        return tf.transpose(tf.sparse.sparse_dense_matmul(y, x, adjoint_a=True, adjoint_b=True))
    return None


def rows_product(x, y):
    """A sparse matrix times a dense one, whose gradient has only those rows for which the sparse one has values."""

    @tf.custom_gradient
    def product(values, y):
        def gradients(upstream):
            rows, columns = x.indices[:, 0], x.indices[:, 1]
            each = tf.gather(upstream, rows)
            used, places = tf.unique(columns)
            sums = tf.math.unsorted_segment_sum(each * values[:, None], places, tf.size(used))
            return tf.reduce_sum(each * tf.gather(y, columns), -1), tf.IndexedSlices(sums, used, tf.shape(y, "int64"))

        return tf.sparse.sparse_dense_matmul(with_values(x, values), y), gradients

    return product(x.values, y)


PRODUCTS = (tf.float32, tf.float64, tf.int32, tf.complex64, tf.complex128)


def only(function):
    """A function of `tf.SparseTensor`, which has no counterpart for `tf.IndexedSlices`."""
    return lambda x, *args: function(x, *args) if isinstance(x, tf.SparseTensor) else None


def expand_dims(x, axis):
    axes = (axis,) if isinstance(axis, int) else axis
    rank = x.shape.rank + len(axes)
    return functools.reduce(tf.sparse.expand_dims, sorted(a % rank for a in axes), x)


def squeeze(x, axis=None):
    axes = [i for i, size in enumerate(x.shape) if size == 1] if axis is None else normalize_axes(axis, x.shape.rank)
    kept = [i for i in range(x.shape.rank) if i not in axes]
    return tf.SparseTensor(tf.gather(x.indices, kept, axis=1), x.values, tf.gather(x.dense_shape, kept))


def total(x, axis=None, keepdims=False):
    if axis is not None and not normalize_axes(axis, x.shape.rank):
        return x
    return tf.sparse.reduce_sum(x, axis, keepdims, output_is_sparse=True)


def mean(x, axis=None, keepdims=False):
    found = total(x, axis, keepdims)
    number = math.prod(x.shape[a] for a in normalize_axes(axis, x.shape.rank))
    return with_values(found, found.values / tf.cast(number, found.dtype))


def concatenate(xs, axis=0):
    return tf.sparse.concat(axis, xs) if all(isinstance(x, tf.SparseTensor) for x in xs) else None


# Each answers with None where the operands are to be made dense after all.
TABLE = {
    ops.bincount: bincount,
    ops.concatenate: concatenate,
    ops.divide: divide,
    ops.expand_dims: only(expand_dims),
    ops.matmul: matmul,
    ops.mean: only(mean),
    ops.multiply: multiply,
    ops.reshape: only(lambda x, newshape: tf.sparse.reshape(x, (newshape,) if isinstance(newshape, int) else newshape)),
    ops.squeeze: only(squeeze),
    shaping.squeeze_: only(squeeze),
    ops.sum: only(total),
    ops.transpose: only(lambda x, axes=None: tf.sparse.transpose(x, axes)),
}
