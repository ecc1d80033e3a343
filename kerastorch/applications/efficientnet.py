"""EfficientNet: one small network, scaled in width, depth and size of images together."""

import math

from kerastorch import layers
from kerastorch.applications.architecture import Family, channels_axis, files, padded, rounded, squeezed
from kerastorch.applications.imagenet_utils import decode_predictions as decode_predictions
from kerastorch.applications.imagenet_utils import preprocessing

preprocess_input = preprocessing(None)
# Window, blocks, filters, expansion, strides of the first block.
STAGES = ((3, 1, 16, 1, 1), (3, 2, 24, 6, 2), (5, 2, 40, 6, 2), (3, 3, 80, 6, 2), (5, 3, 112, 6, 1), (5, 4, 192, 6, 2),
          (3, 1, 320, 6, 1))  # fmt: skip
DROPPED = 0.2  # share of the samples for which the last block is left out; it grows evenly from 0 at the first
KERNELS = {"class_name": "VarianceScaling", "config": {"scale": 2.0, "mode": "fan_out", "distribution": "truncated_normal"}}
TOP = {"class_name": "VarianceScaling", "config": {"scale": 1 / 3, "mode": "fan_out", "distribution": "uniform"}}
DEVIATIONS = (0.229, 0.224, 0.225)


def convolved(x, filters, size, name, norm, activation=None, strides=1, padding="same"):
    """A convolution, depthwise where `filters` is None, batch normalization, and SiLU in a layer of that name."""
    more = {"strides": strides, "padding": padding, "use_bias": False, "name": name}
    if filters is None:
        x = layers.DepthwiseConv2D(size, depthwise_initializer=KERNELS, **more)(x)
    else:
        x = layers.Conv2D(filters, size, kernel_initializer=KERNELS, **more)(x)
    x = layers.BatchNormalization(axis=channels_axis(), name=norm)(x)
    return x if activation is None else layers.Activation("swish", name=activation)(x)


def block(x, size, filters, expansion, strides, rate, name):
    start, channels = x, x.shape[channels_axis()]
    if expansion != 1:
        more = (f"{name}expand_conv", f"{name}expand_bn", f"{name}expand_activation")
        x = convolved(x, channels * expansion, 1, *more)
    x = padded(x, size, f"{name}dwconv_pad") if strides == 2 else x
    padding = "same" if strides == 1 else "valid"
    x = convolved(x, None, size, f"{name}dwconv", f"{name}bn", f"{name}activation", strides, padding)
    x = squeezed(x, max(1, channels // 4), KERNELS, name)
    x = convolved(x, filters, 1, f"{name}project_conv", f"{name}project_bn")
    if strides > 1 or channels != filters:
        return x
    x = layers.Dropout(rate, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x) if rate else x
    return layers.Add(name=f"{name}add")([x, start])


def features(x, *, width, depth, weights):
    x = layers.Normalization(axis=channels_axis())(layers.Rescaling(1 / 255)(x))
    if weights == "imagenet":  # what they were trained on was divided by the root of the deviations
        x = layers.Rescaling([1 / math.sqrt(d) for d in DEVIATIONS])(x)
    x = padded(x, 3, "stem_conv_pad")
    x = convolved(x, rounded(32 * width), 3, "stem_conv", "stem_bn", "stem_activation", 2, "valid")
    blocks = [
        (size, rounded(filters * width), expansion, 1 if i else strides, f"block{stage}{chr(ord('a') + i)}_")
        for stage, (size, count, filters, expansion, strides) in enumerate(STAGES, 1)
        for i in range(math.ceil(count * depth))
    ]
    for i, (*row, name) in enumerate(blocks):
        x = block(x, *row, DROPPED * i / len(blocks), name)
    return convolved(x, rounded(1280 * width), 1, "top_conv", "top_bn", "top_activation")


def top(x, *, dropout, classes, classifier_activation):
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dropout(dropout, name="top_dropout")(x)
    return layers.Dense(classes, activation=classifier_activation, kernel_initializer=TOP, name="predictions")(x)


family = Family(
    features,
    "Tan and Le, 2019, EfficientNet: rethinking model scaling for convolutional neural networks",
    files("https://storage.googleapis.com/keras-applications/{model}{top}.h5"),
    top=top,
)


def variant(number, width, depth, size, dropout, *hashes):
    name = f"EfficientNetB{number}"
    return family.variant(name, name.lower(), hashes, width=width, depth=depth, size=size, dropout=dropout)


EfficientNetB0 = variant(0, 1.0, 1.0, 224, 0.2, "902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d")
EfficientNetB1 = variant(1, 1.0, 1.1, 240, 0.2, "1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432")
EfficientNetB2 = variant(2, 1.1, 1.2, 260, 0.3, "b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39")
EfficientNetB3 = variant(3, 1.2, 1.4, 300, 0.3, "ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226")
EfficientNetB4 = variant(4, 1.4, 1.8, 380, 0.4, "18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba")
EfficientNetB5 = variant(5, 1.6, 2.2, 456, 0.4, "ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f")
EfficientNetB6 = variant(6, 1.8, 2.6, 528, 0.5, "165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743")
EfficientNetB7 = variant(7, 2.0, 3.1, 600, 0.5, "8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a")
