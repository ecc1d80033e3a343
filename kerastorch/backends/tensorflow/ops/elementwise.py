"""TensorFlow's functions for element-wise ops: arithmetic, elementary functions, comparisons, logic and bits."""

import tensorflow as tf

from kerastorch import ops
from kerastorch.ops.elementwise import where_


def floats(function, otherwise):
    """A function of floats, beside what holds for every other dtype."""
    return lambda x: function(x) if x.dtype.is_floating or x.dtype.is_complex else otherwise(x)


def bits(function, truth):
    """A function of the bits of integers, beside the one of truth values."""
    return lambda *operands: (truth if operands[0].dtype == tf.bool else function)(*operands)


def never(x):
    return tf.zeros_like(x, tf.bool)


def always(x):
    return tf.ones_like(x, tf.bool)


def signbit(x):
    if not x.dtype.is_floating:
        return never(x) if x.dtype.is_unsigned or x.dtype == tf.bool else tf.less(x, 0)
    return tf.less(tf.bitcast(x, {2: tf.int16, 4: tf.int32, 8: tf.int64}[x.dtype.size]), 0)


def fmod(x1, x2):
    return tf.math.floormod(x1, x2) if x1.dtype.is_unsigned else tf.sign(x1) * tf.math.floormod(tf.abs(x1), tf.abs(x2))


def clip(x, x_min, x_max):
    return tf.minimum(tf.maximum(x, x_min), x_max)


def nextafter(x1, x2):
    """TensorFlow's own, which lacks half precision; there it is the number whose bits, read as an integer, are one further."""
    if x1.dtype.size > 2:
        return tf.math.nextafter(x1, x2)
    x1, x2 = x1 + tf.zeros_like(x2), x2 + tf.zeros_like(x1)
    step = tf.where(tf.equal(x2 > x1, x1 > 0), tf.constant(1, tf.int16), tf.constant(-1, tf.int16))
    least = tf.where(x2 > 0, tf.constant(1, tf.int16), tf.constant(1 - 2**15, tf.int16))  # the one next to 0, on either side
    found = tf.bitcast(tf.where(tf.equal(x1, 0), least, tf.bitcast(x1, tf.int16) + step), x1.dtype)
    found = tf.where(tf.equal(x1, x2) | tf.math.is_nan(x2), x2, found)
    return tf.where(tf.math.is_nan(x1), x1, found)


def gcd(x1, x2):
    """Euclid's algorithm, all elements at once."""
    if not x1.dtype.is_integer:
        raise TypeError(f"integers have common divisors, numbers of dtype {x1.dtype.name} have none")
    shape = tf.broadcast_dynamic_shape(tf.shape(x1), tf.shape(x2))
    a, b = (tf.broadcast_to(ops.abs(x), shape) for x in (x1, x2))

    def step(a, b):
        zero = tf.equal(b, 0)
        rest = tf.math.floormod(a, tf.where(zero, tf.ones_like(b), b))
        return tf.where(zero, a, b), tf.where(zero, b, rest)

    return tf.while_loop(lambda a, b: tf.reduce_any(tf.not_equal(b, 0)), step, (a, b))[0]


TABLE = {
    ops.abs: tf.abs,
    ops.add: tf.add,
    ops.angle: tf.math.angle,
    ops.arccos: tf.acos,
    ops.arccosh: tf.acosh,
    ops.arcsin: tf.asin,
    ops.arcsinh: tf.asinh,
    ops.arctan: tf.atan,
    ops.arctan2: tf.atan2,
    ops.arctanh: tf.atanh,
    ops.bitwise_and: bits(tf.bitwise.bitwise_and, tf.logical_and),
    ops.bitwise_left_shift: tf.bitwise.left_shift,
    ops.bitwise_not: bits(tf.bitwise.invert, tf.logical_not),
    ops.bitwise_or: bits(tf.bitwise.bitwise_or, tf.logical_or),
    ops.bitwise_right_shift: tf.bitwise.right_shift,
    ops.bitwise_xor: bits(tf.bitwise.bitwise_xor, tf.math.logical_xor),
    ops.ceil: tf.math.ceil,
    ops.clip: clip,
    ops.conj: floats(tf.math.conj, tf.identity),
    ops.cos: tf.cos,
    ops.cosh: tf.cosh,
    ops.divide: tf.divide,
    ops.equal: tf.equal,
    ops.erf: tf.math.erf,
    ops.erfc: tf.math.erfc,
    ops.erfinv: tf.math.erfinv,
    ops.exp: tf.exp,
    ops.expm1: tf.math.expm1,
    ops.floor: tf.floor,
    ops.floor_divide: tf.math.floordiv,
    ops.fmod: fmod,
    ops.gcd: gcd,
    ops.greater: tf.greater,
    ops.greater_equal: tf.greater_equal,
    ops.i0: tf.math.bessel_i0,
    ops.imag: floats(tf.math.imag, tf.zeros_like),
    ops.isfinite: floats(tf.math.is_finite, always),
    ops.isinf: floats(tf.math.is_inf, never),
    ops.isnan: floats(tf.math.is_nan, never),
    ops.less: tf.less,
    ops.less_equal: tf.less_equal,
    ops.log: tf.math.log,
    ops.log1p: tf.math.log1p,
    ops.logical_and: tf.logical_and,
    ops.logical_not: tf.logical_not,
    ops.logical_or: tf.logical_or,
    ops.logical_xor: tf.math.logical_xor,
    ops.maximum: tf.maximum,
    ops.minimum: tf.minimum,
    ops.mod: tf.math.floormod,
    ops.multiply: tf.multiply,
    ops.negative: tf.negative,
    ops.nextafter: nextafter,
    ops.not_equal: tf.not_equal,
    ops.power: tf.pow,
    ops.real: floats(tf.math.real, tf.identity),
    ops.reciprocal: tf.math.reciprocal,
    ops.round_to_integer: tf.round,
    ops.rsqrt: tf.math.rsqrt,
    ops.sign: tf.sign,
    ops.signbit: signbit,
    ops.sin: tf.sin,
    ops.sinh: tf.sinh,
    ops.sqrt: tf.sqrt,
    ops.square: tf.square,
    ops.subtract: tf.subtract,
    ops.tan: tf.tan,
    ops.tanh: tf.tanh,
    ops.trunc: floats(lambda x: tf.where(x < 0, tf.math.ceil(x), tf.floor(x)), tf.identity),
    where_: tf.where,
}
SCALARS: set = set()
TRAILING_SCALARS = {
    ops.add, ops.subtract, ops.multiply, ops.divide, ops.power, ops.equal, ops.not_equal, ops.greater, ops.greater_equal,
    ops.less, ops.less_equal, ops.floor_divide, ops.mod, ops.maximum, ops.minimum,
}  # fmt: skip
UNSIGNED = dict.fromkeys(("uint8", "uint16", "uint32", "uint64"), "int64")
WIDER = {
    **dict.fromkeys((ops.abs, ops.negative, ops.power, ops.sign), UNSIGNED),
    ops.gcd: {"bool": "uint8"},
    ops.i0: {"float16": "float32", "bfloat16": "float32"},
}
