"""DenseNet: each layer sees what all before it in its block have made."""

from kerastorch import layers
from kerastorch.applications.architecture import Family, channels_axis, files
from kerastorch.applications.imagenet_utils import decode_predictions as decode_predictions
from kerastorch.applications.imagenet_utils import preprocessing
from kerastorch.applications.resnet import normalized

preprocess_input = preprocessing("torch")
GROWTH = 32


def dense(x, name):
    """What is known so far, and `GROWTH` further channels made of it."""
    new = normalized(x, f"{name}_0", "relu")
    new = layers.Conv2D(4 * GROWTH, 1, use_bias=False, name=f"{name}_1_conv")(new)
    new = normalized(new, f"{name}_1", "relu")
    new = layers.Conv2D(GROWTH, 3, padding="same", use_bias=False, name=f"{name}_2_conv")(new)
    return layers.Concatenate(axis=channels_axis(), name=f"{name}_concat")([x, new])


def transition(x, name):
    """Half of the channels, at half of the height and width."""
    x = normalized(x, name, "relu")
    x = layers.Conv2D(x.shape[channels_axis()] // 2, 1, use_bias=False, name=f"{name}_conv")(x)
    return layers.AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)


def features(x, *, blocks):
    x = layers.ZeroPadding2D(3)(x)
    x = layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(x)
    x = layers.ZeroPadding2D(1)(normalized(x, "conv1", "relu"))
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    for stage, count in enumerate(blocks, 2):
        for i in range(1, count + 1):
            x = dense(x, f"conv{stage}_block{i}")
        x = transition(x, f"pool{stage}") if stage < 5 else x
    x = layers.BatchNormalization(axis=channels_axis(), epsilon=1.001e-5, name="bn")(x)
    return layers.Activation("relu", name="relu")(x)


family = Family(
    features,
    "Huang et al., 2016, Densely connected convolutional networks",
    files("densenet/{model}_weights_tf_dim_ordering_tf_kernels{top}.h5"),
    channels_first=False,
)

DenseNet121 = family.variant("DenseNet121", "densenet121", ("9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738"),
                             blocks=(6, 12, 24, 16))  # fmt: skip
DenseNet169 = family.variant("DenseNet169", "densenet169", ("d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b"),
                             blocks=(6, 12, 32, 32))  # fmt: skip
DenseNet201 = family.variant("DenseNet201", "densenet201", ("1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1"),
                             blocks=(6, 12, 48, 32))  # fmt: skip
