"""Layers for which TensorFlow has something better than their `call` over ops: layer class -> what runs in its place."""

from typing import Any

import tensorflow as tf

from kerastorch.layers.normalization import BatchNormalization


def batch_normalization(layer: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    """The fused kernel, for images with their channels last."""
    images = inputs.shape.rank == 4 and layer.axis in (-1, 3) and inputs.dtype in (tf.float32, tf.float16, tf.bfloat16)
    if not images or mask is not None or layer.synchronized or layer.renorm:
        return layer.call(inputs, training=training, mask=mask)
    mean, variance = (v.tensor() for v in (layer.moving_mean, layer.moving_variance))
    scale = tf.ones_like(mean) if layer.gamma is None else tf.cast(layer.gamma.tensor(), mean.dtype)
    offset = tf.zeros_like(mean) if layer.beta is None else tf.cast(layer.beta.tensor(), mean.dtype)
    learning = bool(training and layer.trainable)
    moments = {} if learning else {"mean": mean, "variance": variance}
    out, batch_mean, batch_variance = tf.compat.v1.nn.fused_batch_norm(
        inputs, scale, offset, epsilon=layer.epsilon, is_training=learning, **moments
    )
    if learning:
        # The kernel gives the unbiased variance, n/(n-1) times the biased one, which Keras averages.
        n = tf.cast(tf.size(inputs) // inputs.shape[-1], mean.dtype)
        batch_variance *= (n - 1) / n
        for average, old, new in ((layer.moving_mean, mean, batch_mean), (layer.moving_variance, variance, batch_variance)):
            average.assign(old * layer.momentum + new * (1.0 - layer.momentum))
    return out


LAYERS = {
    BatchNormalization: batch_normalization,
}
