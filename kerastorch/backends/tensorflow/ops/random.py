"""TensorFlow's own generators for the random ops."""

import tensorflow as tf

from kerastorch import ops, random
from kerastorch.ops import random as declared
from kerastorch.ops.random import float_dtype, integer_dtype, noise_sizes


def key(seed):
    """The key of TensorFlow's stateless ops for a seed; None for those without one, who take the global generator."""
    if hasattr(seed, "__index__"):
        return tf.constant([int(seed), 0], tf.int64)
    if seed is None or not random.SeedGenerator.of(seed).given:
        return None
    words = seed.words()
    return tf.constant(words, tf.int64) if isinstance(words[0], int) else tf.stack(words)


def drawn_key(seed):
    """A key for ops that have no form for the global generator."""
    found = key(seed)
    return tf.random.uniform((2,), maxval=2**31 - 1, dtype=tf.int32) if found is None else found


def sizes(shape):
    return tuple(shape) if isinstance(shape, list | tuple | tf.TensorShape) else (shape,)


def choose(stateful, stateless):
    """A function that draws from the global generator, or from a key."""

    def draw(shape, seed, *args, **kwargs):
        found = key(seed)
        if found is None:
            return stateful(sizes(shape), *args, **kwargs)
        return stateless(sizes(shape), found, *args, **kwargs)

    return draw


_uniform = choose(tf.random.uniform, tf.random.stateless_uniform)
_normal = choose(tf.random.normal, tf.random.stateless_normal)
_truncated = choose(tf.random.truncated_normal, tf.random.stateless_truncated_normal)


def uniform(shape, minval, maxval, dtype, seed):
    return _uniform(shape, seed, dtype=float_dtype("uniform", dtype)) * (maxval - minval) + minval


def normal(shape, mean, stddev, dtype, seed):
    return _normal(shape, seed, dtype=float_dtype("normal", dtype)) * stddev + mean


def truncated_normal(shape, mean, stddev, dtype, seed):
    return _truncated(shape, seed, dtype=float_dtype("truncated_normal", dtype)) * stddev + mean


def randint(shape, minval, maxval, dtype, seed):
    dtype = integer_dtype("randint", dtype)
    kind = dtype if dtype in ("int32", "int64") else "int64"
    return tf.cast(_uniform(shape, seed, minval=minval, maxval=maxval, dtype=kind), dtype)


def categorical(logits, num_samples, dtype, seed):
    found = key(seed)
    if found is None:
        return tf.random.categorical(logits, num_samples)
    return tf.random.stateless_categorical(logits, num_samples, found)


def gamma(shape, alpha, dtype, seed):
    alpha = tf.broadcast_to(alpha, sizes(shape))
    return tf.random.stateless_gamma(sizes(shape), drawn_key(seed), alpha, dtype=alpha.dtype)


def binomial(shape, counts, probabilities, dtype, seed):
    return tf.random.stateless_binomial(sizes(shape), drawn_key(seed), counts, probabilities, output_dtype=counts.dtype)


def dropout(inputs, rate, noise_shape, seed):
    if rate >= 1.0:
        return tf.zeros_like(inputs)
    if rate <= 0.0:
        return inputs
    noise = tf.shape(inputs) if noise_shape is None else noise_sizes(ops.shape(inputs), noise_shape)
    found = key(seed)
    if found is None:
        return tf.nn.experimental.general_dropout(inputs, rate, noise_shape=noise, uniform_sampler=tf.random.uniform)
    return tf.nn.experimental.stateless_dropout(inputs, rate, found, noise_shape=noise)


def shuffle(x, axis, seed):
    order = tf.range(tf.shape(x)[axis])
    found = key(seed)
    order = tf.random.shuffle(order) if found is None else tf.random.experimental.stateless_shuffle(order, found)
    return tf.gather(x, order, axis=axis)


TABLE = {
    declared.binomial: binomial,
    declared.categorical: categorical,
    declared.dropout: dropout,
    declared.gamma: gamma,
    declared.normal: normal,
    declared.randint: randint,
    declared.shuffle: shuffle,
    declared.truncated_normal: truncated_normal,
    declared.uniform: uniform,
}
SCALARS: set = set()
