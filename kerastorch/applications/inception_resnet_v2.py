"""Inception-ResNet V2: Inception's towers, whose result is scaled and added to what comes in."""

from kerastorch import layers
from kerastorch.applications.architecture import Family, channels_axis, conv, files
from kerastorch.applications.imagenet_utils import decode_predictions as decode_predictions
from kerastorch.applications.imagenet_utils import preprocessing
from kerastorch.applications.inception_v3 import halved, mixed, pooled, stem, tower, unit
from kerastorch.layers.base import Layer

preprocess_input = preprocessing("tf")


class CustomScaleLayer(Layer):
    """The first of two inputs and the second times a number.

    Args:
        scale: The number.
    """

    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs):
        return inputs[0] + inputs[1] * self.scale

    def get_config(self):
        return super().get_config() | {"scale": self.scale}


def block(x, towers, scale, name, activation="relu"):
    """Towers, given as their units, brought to the channels of what comes in, and added to it."""
    change = mixed([tower(x, *units) for units in towers], f"{name}_mixed")
    change = layers.Conv2D(x.shape[channels_axis()], 1, padding="same", name=f"{name}_conv")(change)
    x = CustomScaleLayer(scale)([x, change])
    return x if activation is None else layers.Activation(activation, name=f"{name}_ac")(x)


BLOCK35 = (((32, 1),), ((32, 1), (32, 3)), ((32, 1), (48, 3), (64, 3)))
BLOCK17 = (((192, 1),), ((128, 1), (160, (1, 7)), (192, (7, 1))))
BLOCK8 = (((192, 1),), ((192, 1), (224, (1, 3)), (256, (3, 1))))


def features(x):
    x = stem(x)
    x = mixed([unit(x, 96, 1), tower(x, (48, 1), (64, 5)), tower(x, (64, 1), (96, 3), (96, 3)), pooled(x, 64)], "mixed_5b")
    for i in range(1, 11):
        x = block(x, BLOCK35, 0.17, f"block35_{i}")
    x = halved(x, (((384, 3),), ((256, 1), (256, 3), (384, 3))), "mixed_6a")
    for i in range(1, 21):
        x = block(x, BLOCK17, 0.1, f"block17_{i}")
    x = halved(x, (((256, 1), (384, 3)), ((256, 1), (288, 3)), ((256, 1), (288, 3), (320, 3))), "mixed_7a")
    for i in range(1, 10):
        x = block(x, BLOCK8, 0.2, f"block8_{i}")
    x = block(x, BLOCK8, 1.0, "block8_10", activation=None)
    names = {"name": "conv_7b", "bn_name": "conv_7b_bn", "act_name": "conv_7b_ac"}
    return conv(x, 1536, 1, activation="relu", axis=channels_axis(), scale=False, **names)


family = Family(
    features,
    "Szegedy et al., 2016, Inception-v4, Inception-ResNet and the impact of residual connections on learning",
    files("inception_resnet_v2/inception_resnet_v2_weights_tf_dim_ordering_tf_kernels{top}.h5"),
    size=299,
    least=75,
    pools=(None, None),
)

InceptionResNetV2 = family.variant(
    "InceptionResNetV2", "inception_resnet_v2", ("e693bd0210a403b3192acc6073ad2e96", "d19885ff4a710c122648d3b5c3b684e4")
)
