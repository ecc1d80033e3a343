"""TensorFlow's functions for Fourier transforms and overlapping sequences."""

import tensorflow as tf

from kerastorch import ops
from kerastorch.ops import signal


def parts(function):
    """A transform of a pair of real tensors to such a pair."""

    def transform(x):
        out = function(tf.complex(*x))
        return tf.math.real(out), tf.math.imag(out)

    return transform


def length(fft_length):
    return None if fft_length is None else [fft_length]


def rfft(x, fft_length=None):
    out = tf.signal.rfft(x, length(fft_length))
    return tf.math.real(out), tf.math.imag(out)


def irfft(x, fft_length=None):
    return tf.signal.irfft(tf.complex(*x), length(fft_length))


TABLE = {
    ops.extract_sequences: tf.signal.frame,
    ops.fft: parts(tf.signal.fft),
    ops.fft2: parts(tf.signal.fft2d),
    ops.ifft2: parts(tf.signal.ifft2d),
    ops.irfft: irfft,
    ops.rfft: rfft,
    ops.view_as_complex: lambda x: tf.complex(x[..., 0], x[..., 1]),
    signal.overlap_and_add: tf.signal.overlap_and_add,
}
SCALARS: set = set()
