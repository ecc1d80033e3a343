"""TensorFlow's functions for linear algebra."""

import tensorflow as tf

from kerastorch import ops
from kerastorch.ops.algebra import einsum_

PRODUCTS = dict.fromkeys(("uint8", "uint16", "uint32", "uint64", "int8", "int16"), "int64")  # has none of their matrices


def matmul(x1, x2):
    first, second = x1.shape.rank, x2.shape.rank
    if first == second == 2:
        return tf.raw_ops.MatMul(a=x1, b=x2)  # in half the time of tf.matmul
    if first > 1 and second > 1:
        return tf.matmul(x1, x2)
    row, column = first == 1, second == 1
    out = tf.matmul(x1[tf.newaxis] if row else x1, x2[:, tf.newaxis] if column else x2)
    if row and column:
        return out[0, 0]
    return tf.squeeze(out, -2) if row else tf.squeeze(out, -1)


def einsum(subscripts, operands):
    return tf.einsum(subscripts, *operands)


def cholesky(x, upper=False):
    # For matrices that are not positive definite TensorFlow has NaN, not an error.
    lower = tf.debugging.check_numerics(tf.linalg.cholesky(x), "the matrices are not positive definite")
    return tf.linalg.adjoint(lower) if upper else lower


def slogdet(x):
    return tuple(tf.linalg.slogdet(x))


def columns(solver):
    """A solver that takes vectors as right hand sides too."""

    def call(a, b, lower=False):
        if b.shape.rank == a.shape.rank - 1:
            return tf.squeeze(solver(a, b[..., tf.newaxis], lower), -1)
        return solver(a, b, lower)

    return call


def lu_factor(x):
    factors, order = tf.linalg.lu(x)
    return factors, tf.argsort(order)  # its inverse


def qr(x, mode="reduced"):
    return tuple(tf.linalg.qr(x, full_matrices=mode == "complete"))


def svd(x, full_matrices=True, compute_uv=True):
    if not compute_uv:
        return tf.linalg.svd(x, compute_uv=False)
    values, left, right = tf.linalg.svd(x, full_matrices)
    return left, values, tf.linalg.adjoint(right)


TABLE = {
    ops.cholesky: cholesky,
    ops.det: tf.linalg.det,
    ops.eig: tf.linalg.eig,
    ops.eigh: tf.linalg.eigh,
    einsum_: einsum,
    ops.inv: tf.linalg.inv,
    ops.lu_factor: lu_factor,
    ops.matmul: matmul,
    ops.qr: qr,
    ops.slogdet: slogdet,
    ops.solve: columns(lambda a, b, _: tf.linalg.solve(a, b)),
    ops.solve_triangular: columns(tf.linalg.triangular_solve),
    ops.svd: svd,
    ops.tensordot: tf.tensordot,
}
SCALARS: set = set()
WIDER = dict.fromkeys((ops.matmul, ops.tensordot, einsum_), PRODUCTS)
