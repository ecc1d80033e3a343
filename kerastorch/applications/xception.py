"""Xception: depthwise separable convolutions throughout."""

from kerastorch import layers
from kerastorch.applications.architecture import Family, channels_axis, conv, files
from kerastorch.applications.imagenet_utils import decode_predictions as decode_predictions
from kerastorch.applications.imagenet_utils import preprocessing

preprocess_input = preprocessing("tf")


def separable(x, filters, name):
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return layers.BatchNormalization(axis=channels_axis(last=-1), name=f"{name}_bn")(x)


def chain(x, block, filters, first=1):
    """ReLU and separable convolution for each number of filters; without the ReLU before those ahead of number `first`."""
    for i, count in enumerate(filters, 1):
        x = layers.Activation("relu", name=f"block{block}_sepconv{i}_act")(x) if i >= first else x
        x = separable(x, count, f"block{block}_sepconv{i}")
    return x


def halving(x, block, filters, first=1):
    """A block that halves height and width, with a projection around it."""
    around = conv(x, filters[-1], 1, strides=2, axis=channels_axis(last=-1))
    x = chain(x, block, filters, first)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"block{block}_pool")(x)
    return layers.Add()([x, around])


def features(x):
    for i, (filters, strides) in enumerate(((32, 2), (64, 1)), 1):
        name = f"block1_conv{i}"
        x = conv(x, filters, 3, name=name, bn_name=f"{name}_bn", activation="relu", act_name=f"{name}_act", strides=strides,
                 padding="valid", axis=channels_axis(last=-1))  # fmt: skip
    x = halving(x, 2, (128, 128), first=2)
    x = halving(halving(x, 3, (256, 256)), 4, (728, 728))
    for block in range(5, 13):
        x = layers.Add()([chain(x, block, (728, 728, 728)), x])
    x = halving(x, 13, (728, 1024))
    for i, filters in enumerate((1536, 2048), 1):
        x = separable(x, filters, f"block14_sepconv{i}")
        x = layers.Activation("relu", name=f"block14_sepconv{i}_act")(x)
    return x


family = Family(
    features,
    "Chollet, 2016, Xception: deep learning with depthwise separable convolutions",
    files("xception/xception_weights_tf_dim_ordering_tf_kernels{top}.h5"),
    size=299,
    least=71,
    pools=(None, None),
)

Xception = family.variant("Xception", "xception", ("0a58e3b7378bc2990ea3b43d5981f1f6", "b0042744bf5b25fce3cb969f33bebb97"))
