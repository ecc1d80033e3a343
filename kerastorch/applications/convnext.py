"""ConvNeXt: a convolutional network with the proportions of a vision transformer."""

from kerastorch import initializers, layers, ops, random
from kerastorch.applications.architecture import Family, files
from kerastorch.applications.imagenet_utils import decode_predictions as decode_predictions
from kerastorch.applications.imagenet_utils import preprocessing
from kerastorch.layers.base import Layer
from kerastorch.models import Sequential

preprocess_input = preprocessing(None)
MEANS = (0.485 * 255, 0.456 * 255, 0.406 * 255)
VARIANCES = tuple((d * 255) ** 2 for d in (0.229, 0.224, 0.225))


class LayerScale(Layer):
    """Multiplies each channel by a learned factor: Touvron et al., 2021, Going deeper with image transformers.

    Args:
        init_values: What the factors begin with.
        projection_dim: Number of channels, the last axis.
    """

    def __init__(self, init_values, projection_dim, **kwargs):
        super().__init__(**kwargs)
        self.init_values, self.projection_dim = init_values, projection_dim

    def build(self, _):
        start = initializers.Constant(self.init_values)
        self.gamma = self.add_weight(shape=(self.projection_dim,), initializer=start, trainable=True)

    def call(self, x):
        return x * self.gamma

    def get_config(self):
        return super().get_config() | {"init_values": self.init_values, "projection_dim": self.projection_dim}


class StochasticDepth(Layer):
    """In training, drops whole samples: Huang et al., 2016, Deep networks with stochastic depth.

    Args:
        drop_path_rate: Probability with which a sample becomes zero.
    """

    def __init__(self, drop_path_rate, **kwargs):
        super().__init__(**kwargs)
        self.drop_path_rate, self.seed = drop_path_rate, random.SeedGenerator()

    def call(self, x, training=None):
        if not training:
            return x
        kept = 1 - self.drop_path_rate
        shape = (ops.shape(x)[0], *(1,) * (len(x.shape) - 1))
        return x / kept * ops.floor(kept + random.uniform(shape, 0, 1, seed=self.seed))

    def get_config(self):
        return super().get_config() | {"drop_path_rate": self.drop_path_rate}


def block(x, channels, name):
    start = x
    x = layers.Conv2D(channels, 7, padding="same", groups=channels, name=f"{name}_depthwise_conv")(x)
    x = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_layernorm")(x)
    x = layers.Dense(4 * channels, name=f"{name}_pointwise_conv_1")(x)
    x = layers.Activation("gelu", name=f"{name}_gelu")(x)
    x = layers.Dense(channels, name=f"{name}_pointwise_conv_2")(x)
    x = LayerScale(1e-6, channels, name=f"{name}_layer_scale")(x)
    return start + layers.Activation("linear", name=f"{name}_identity")(x)


def features(x, *, blocks, channels, name, include_top, include_preprocessing):
    if include_preprocessing and x.shape[-1] == 3:
        x = layers.Normalization(mean=MEANS, variance=VARIANCES, name=f"{name}_prestem_normalization")(x)
    stem = layers.Conv2D(channels[0], 4, strides=4, name=f"{name}_stem_conv")
    x = Sequential([stem, layers.LayerNormalization(epsilon=1e-6, name=f"{name}_stem_layernorm")], name=f"{name}_stem")(x)
    for stage, (count, width) in enumerate(zip(blocks, channels, strict=True)):
        if stage:
            i = stage - 1
            norm = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_downsampling_layernorm_{i}")
            halving = layers.Conv2D(width, 2, strides=2, name=f"{name}_downsampling_conv_{i}")
            x = Sequential([norm, halving], name=f"{name}_downsampling_block_{i}")(x)
        for i in range(count):
            x = block(x, width, f"{name}_stage_{stage}_block_{i}")
    return x


def top(x, *, name, classes, classifier_activation):
    x = layers.GlobalAveragePooling2D(name=f"{name}_head_gap")(x)
    x = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_head_layernorm")(x)
    return layers.Dense(classes, activation=classifier_activation, name=f"{name}_head_dense")(x)


def end(x):
    return layers.LayerNormalization(epsilon=1e-6)(x)


family = Family(
    features,
    "Liu et al., 2022, A ConvNet for the 2020s",
    files("convnext/{model}{top}.h5"),
    top=top,
    pools=(None, None),
    end=end,
    parameters=("include_top", "include_preprocessing", "weights", "input_tensor", "input_shape", "pooling", "classes",
                "classifier_activation", "name"),
    options={"include_preprocessing": True},
    channels_first=False,
)  # fmt: skip


def variant(size, blocks, width, *hashes):
    channels = tuple(width * 2**i for i in range(4))
    return family.variant(f"ConvNeXt{size}", f"convnext_{size.lower()}", hashes, blocks=blocks, channels=channels)


ConvNeXtTiny = variant("Tiny", (3, 3, 9, 3), 96, "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
                       "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1")  # fmt: skip
ConvNeXtSmall = variant("Small", (3, 3, 27, 3), 96, "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
                        "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab")  # fmt: skip
ConvNeXtBase = variant("Base", (3, 3, 27, 3), 128, "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
                       "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45")  # fmt: skip
ConvNeXtLarge = variant("Large", (3, 3, 27, 3), 192, "070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
                        "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd")  # fmt: skip
ConvNeXtXLarge = variant("XLarge", (3, 3, 27, 3), 256, "c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
                         "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05")  # fmt: skip
