"""TensorFlow's functions for images, which put channels last."""

import tensorflow as tf

from kerastorch.ops import filtering, resampling, warping


def channels_last(x, data_format):
    """Images or volumes with their channels last."""
    return x if data_format == "channels_last" else tf.experimental.numpy.moveaxis(x, -3, -1)


def as_given(x, data_format):
    """The inverse of `channels_last`."""
    return x if data_format == "channels_last" else tf.experimental.numpy.moveaxis(x, -1, -3)


def resample(x, size, interpolation, antialias, data_format):
    if x.dtype == tf.float64 and interpolation != "nearest":  # TensorFlow would answer in float32
        return resampling.resample.op.body(x, size, interpolation, antialias, data_format)
    return as_given(tf.image.resize(channels_last(x, data_format), size, interpolation, antialias=antialias), data_format)


FILLS = ("constant", "nearest", "reflect")


def project(images, transforms, interpolation, fill_mode, fill_value, data_format):
    if fill_mode not in FILLS or images.dtype == tf.float64:  # TensorFlow would compute in float32
        return warping.project.op.body(images, transforms, interpolation, fill_mode, fill_value, data_format)

    @tf.custom_gradient
    def run(x):
        y = tf.raw_ops.ImageProjectiveTransformV3(
            images=x, transforms=tf.cast(transforms, tf.float32), output_shape=tf.shape(x)[1:3],
            interpolation=interpolation.upper(), fill_mode=fill_mode.upper(), fill_value=float(fill_value),
        )  # fmt: skip

        def gradient(upstream):  # TensorFlow's own is that of the inverse transform, which is not the same
            with tf.GradientTape() as tape:
                tape.watch(x)
                out = warping.project.op.body(x, transforms, interpolation, fill_mode, fill_value, "channels_last")
            return tape.gradient(out, x, upstream)

        return y, gradient

    y = run(channels_last(images, data_format))
    return as_given(tf.ensure_shape(y, channels_last(images, data_format).shape), data_format)


def patches(x, size, strides, dilation_rate, padding, data_format):
    if len(size) == 3:
        return filtering.patches.op.body(x, size, strides, dilation_rate, padding, data_format)
    x = channels_last(x, data_format)
    # TensorFlow copies windows one by one, which takes longer the more of them there are: those that overlap much are gathered.
    if None not in x.shape[1:3] and any(2 * step < window for window, step in zip(size, strides, strict=True)):
        y = filtering.patches.op.body(x, size, strides, dilation_rate, padding, "channels_last")
    else:
        y = tf.image.extract_patches(x, (1, *size, 1), (1, *strides, 1), (1, *dilation_rate, 1), padding.upper())
    return as_given(y, data_format)


TABLE = {
    resampling.resample: resample,
    warping.project: project,
    filtering.patches: patches,
}
SCALARS: set = set()
WIDER = {resampling.resample: {"bool": "uint8", "uint32": "int64"}, filtering.patches: {"bool": "uint8"}}
