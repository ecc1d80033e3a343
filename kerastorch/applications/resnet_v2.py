"""ResNet V2: normalization and activation come before the convolutions, and nothing after the addition."""

from kerastorch import layers
from kerastorch.applications.architecture import Family
from kerastorch.applications.imagenet_utils import decode_predictions as decode_predictions
from kerastorch.applications.imagenet_utils import preprocessing
from kerastorch.applications.resnet import FILTERS, WEIGHTS, normalized, start

preprocess_input = preprocessing("tf")


def block(x, filters, strides, first, name):
    """Three convolutions, the second with a window of 3, and around them what comes in, projected in the first of a stage."""
    before = normalized(x, f"{name}_preact", "relu")
    if first:
        around = layers.Conv2D(4 * filters, 1, strides=strides, name=f"{name}_0_conv")(before)
    else:
        around = layers.MaxPooling2D(1, strides=strides)(x) if strides > 1 else x
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(before)
    x = layers.ZeroPadding2D(1, name=f"{name}_2_pad")(normalized(x, f"{name}_1", "relu"))
    x = layers.Conv2D(filters, 3, strides=strides, use_bias=False, name=f"{name}_2_conv")(x)
    x = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(normalized(x, f"{name}_2", "relu"))
    return layers.Add(name=f"{name}_out")([around, x])


def features(x, *, blocks):
    x = start(x, normalize=False)
    for stage, (filters, count) in enumerate(zip(FILTERS, blocks, strict=True), 2):
        for i in range(1, count + 1):
            x = block(x, filters, 2 if i == count and stage < 5 else 1, i == 1, f"conv{stage}_block{i}")
    return normalized(x, "post", "relu")


family = Family(features, "He et al., 2016, Identity mappings in deep residual networks", WEIGHTS)

ResNet50V2 = family.variant("ResNet50V2", "resnet50v2", ("3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917"),
                            blocks=(3, 4, 6, 3))  # fmt: skip
ResNet101V2 = family.variant("ResNet101V2", "resnet101v2", ("6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5"),
                             blocks=(3, 4, 23, 3))  # fmt: skip
ResNet152V2 = family.variant("ResNet152V2", "resnet152v2", ("a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33"),
                             blocks=(3, 8, 36, 3))  # fmt: skip
