"""ResNet: stages of blocks, each of which is added to what goes around it."""

from kerastorch import layers
from kerastorch.applications.architecture import Family, channels_axis, files
from kerastorch.applications.imagenet_utils import decode_predictions as decode_predictions
from kerastorch.applications.imagenet_utils import preprocessing

preprocess_input = preprocessing("caffe")
FILTERS = (64, 128, 256, 512)
WEIGHTS = files("resnet/{model}_weights_tf_dim_ordering_tf_kernels{top}.h5")


def normalized(x, name, activation=None):
    """Batch normalization, and where `activation` says how its layer's name ends, ReLU."""
    x = layers.BatchNormalization(axis=channels_axis(), epsilon=1.001e-5, name=f"{name}_bn")(x)
    return x if activation is None else layers.Activation("relu", name=f"{name}_{activation}")(x)


def start(x, *, normalize):
    """The first convolution and pooling."""
    x = layers.ZeroPadding2D(3, name="conv1_pad")(x)
    x = layers.Conv2D(64, 7, strides=2, name="conv1_conv")(x)
    x = normalized(x, "conv1", "relu") if normalize else x
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    return layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)


def block(x, filters, strides, first, name):
    """Three convolutions, the second with a window of 3, and around them what comes in, projected in the first of a stage."""
    around = x
    if first:
        around = layers.Conv2D(4 * filters, 1, strides=strides, name=f"{name}_0_conv")(x)
        around = normalized(around, f"{name}_0")
    x = layers.Conv2D(filters, 1, strides=strides, name=f"{name}_1_conv")(x)
    x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_2_conv")(normalized(x, f"{name}_1", "relu"))
    x = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(normalized(x, f"{name}_2", "relu"))
    x = layers.Add(name=f"{name}_add")([around, normalized(x, f"{name}_3")])
    return layers.Activation("relu", name=f"{name}_out")(x)


def features(x, *, blocks):
    x = start(x, normalize=True)
    for stage, (filters, count) in enumerate(zip(FILTERS, blocks, strict=True), 2):
        for i in range(1, count + 1):
            x = block(x, filters, 2 if i == 1 and stage > 2 else 1, i == 1, f"conv{stage}_block{i}")
    return x


family = Family(features, "He et al., 2015, Deep residual learning for image recognition", WEIGHTS)

ResNet50 = family.variant("ResNet50", "resnet50", ("2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"),
                          blocks=(3, 4, 6, 3))  # fmt: skip
ResNet101 = family.variant("ResNet101", "resnet101", ("f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"),
                           blocks=(3, 4, 23, 3))  # fmt: skip
ResNet152 = family.variant("ResNet152", "resnet152", ("100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"),
                           blocks=(3, 8, 36, 3))  # fmt: skip
