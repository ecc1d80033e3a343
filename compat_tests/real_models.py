"""Models of real size, built over the layers of whichever Keras is given; the architectures are those of the papers named.

`MODELS` has by name a function from a Keras to a model, and what its inputs are like.
"""

from collections.abc import Callable
from typing import Any

from compat_tests.cases.layer_case import Data, ints

MODELS: dict[str, tuple[Callable[[Any], Any], list[Data]]] = {}


def model(*data: Any) -> Callable[[Callable], Callable]:
    """Enters a function that makes a model, given the inputs' shapes with the batch axis or `Data`, into the table."""

    def enter(build):
        MODELS[build.__name__] = build, [d if isinstance(d, Data) else Data(d) for d in data]
        return build

    return enter


# ------------------------------------------------------------------------------------------------ images


def convolved(k, x, filters, size):
    """A convolution without bias, batch normalization, and what is positive of that."""
    return k.layers.ReLU()(k.layers.BatchNormalization()(k.layers.Conv2D(filters, size, padding="same", use_bias=False)(x)))


@model((2, 64, 64, 3))
def resnet50(k):
    """He et al., 2015."""
    return k.applications.ResNet50(weights=None, input_shape=(64, 64, 3))


@model((2, 64, 64, 3))
def mobilenet_v3(k):
    """The large one of Howard et al., 2019."""
    return k.applications.MobileNetV3Large(weights=None, input_shape=(64, 64, 3))


@model((2, 64, 64, 3))
def efficientnet_b0(k):
    """Tan and Le, 2019."""
    return k.applications.EfficientNetB0(weights=None, input_shape=(64, 64, 3))


@model((2, 64, 64, 3))
def u_net(k):
    """Ronneberger et al., 2015, with batch normalization and padding."""

    def twice(x, filters):
        return convolved(k, convolved(k, x, filters, 3), filters, 3)

    x = inputs = k.layers.Input((64, 64, 3))
    kept = []
    for filters in (32, 64, 128):
        kept.append(twice(x, filters))
        x = k.layers.MaxPooling2D()(kept[-1])
    x = k.layers.SpatialDropout2D(0.3)(twice(x, 256))
    for filters, before in zip((128, 64, 32), reversed(kept), strict=True):
        up = k.layers.Conv2DTranspose(filters, 2, strides=2, padding="same")
        x = twice(k.layers.Concatenate()([before, up(x)]), filters)
    return k.Model(inputs, k.layers.Conv2D(4, 1, activation="softmax")(x))


@model((1, 4, 32, 32, 1))
def video(k):
    """What comes next in a film, by convolutional LSTMs (Shi et al., 2015)."""
    inputs = k.layers.Input((None, 32, 32, 1))
    x = k.layers.ConvLSTM2D(16, 5, padding="same", return_sequences=True)(inputs)
    x = k.layers.ConvLSTM2D(16, 3, padding="same", return_sequences=True, activation="relu")(k.layers.BatchNormalization()(x))
    x = k.layers.TimeDistributed(k.layers.SeparableConv2D(8, 3, padding="same"))(k.layers.LayerNormalization()(x))
    return k.Model(inputs, k.layers.Conv3D(1, 3, padding="same", activation="sigmoid")(x))


# ------------------------------------------------------------------------------------------------ text

VOCABULARY, SIZE = 2000, 256


def positions(k, length):
    """A layer that adds a learned vector to each step; a layer has to be of the Keras in question."""

    class Positions(k.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.supports_masking = True

        def build(self, input_shape):
            self.vectors = self.add_weight((length, input_shape[-1]), "uniform", name="vectors")

        def call(self, x):
            return x + self.vectors

    return Positions(name="positions")


@model(ints(2, 24, below=VOCABULARY))
def transformer_encoder(k):
    """Two layers of Vaswani et al., 2017, with normalization first, over padded text."""
    words = k.layers.Input((24,), dtype="int32")
    x = positions(k, 24)(k.layers.Embedding(VOCABULARY, SIZE, mask_zero=True)(words))
    for _ in range(2):  # normalized before: where the inputs of an attention go on, reference Keras loses their masks
        y = k.layers.LayerNormalization(epsilon=1e-6)(x)
        x = k.layers.Add()([x, k.layers.MultiHeadAttention(8, SIZE // 8, dropout=0.1)(y, y)])
        y = k.layers.LayerNormalization(epsilon=1e-6)(x)
        y = k.layers.Dense(SIZE)(k.layers.Dense(4 * SIZE, activation="gelu")(y))
        x = k.layers.Add()([x, k.layers.Dropout(0.1)(y)])
    return k.Model(words, k.layers.Dense(5, activation="softmax")(k.layers.GlobalAveragePooling1D()(x)))


@model(ints(2, 16, below=VOCABULARY))
def grouped_decoder(k):
    """A decoder as in Touvron et al., 2023: groups of heads, RMS normalization, gated dense layers, one table both ways."""
    words = k.layers.Input((None,), dtype="int32")
    table = k.layers.ReversibleEmbedding(VOCABULARY, SIZE)
    x = table(words)
    for _ in range(2):
        y = k.layers.RMSNormalization()(x)
        y = k.layers.GroupQueryAttention(SIZE // 8, 8, 2, use_bias=False)(y, y, use_causal_mask=True)
        x = k.layers.Add()([x, y])
        y = k.layers.RMSNormalization()(x)
        gate, up = k.layers.Dense(688, activation="silu", use_bias=False)(y), k.layers.Dense(688, use_bias=False)(y)
        x = k.layers.Add()([x, k.layers.Dense(SIZE, use_bias=False)(k.layers.Multiply()([gate, up]))])
    return k.Model(words, table(k.layers.RMSNormalization()(x), reverse=True))


@model(ints(3, 20, below=VOCABULARY))
def tagger(k):
    """A label for each word by LSTMs in both directions (Huang et al., 2015), over padded text."""
    words = k.layers.Input((None,), dtype="int32")
    x = k.layers.SpatialDropout1D(0.2)(k.layers.Embedding(VOCABULARY, 128, mask_zero=True)(words))
    for merge in ("concat", "sum"):
        x = k.layers.Bidirectional(k.layers.LSTM(128, return_sequences=True, dropout=0.1), merge_mode=merge)(x)
    return k.Model(words, k.layers.TimeDistributed(k.layers.Dense(17, activation="softmax"))(x))


@model(ints(3, 12, below=VOCABULARY), ints(3, 9, below=VOCABULARY))
def translator(k):
    """A sequence from a sequence (Sutskever et al., 2014), with attention (Luong et al., 2015)."""
    source, target = (k.layers.Input((None,), dtype="int32", name=n) for n in ("source", "target"))
    x = k.layers.Embedding(VOCABULARY, 128, mask_zero=True)(source)
    encoded, *states = k.layers.LSTM(192, return_sequences=True, return_state=True)(x)
    encoded, state = k.layers.GRU(192, return_sequences=True, return_state=True)(encoded)
    y = k.layers.Embedding(VOCABULARY, 128, mask_zero=True)(target)
    y = k.layers.LSTM(192, return_sequences=True)(y, initial_state=states)
    y = k.layers.GRU(192, return_sequences=True)(y, initial_state=state)
    context = k.layers.Attention(use_scale=True)([y, encoded])
    y = k.layers.Dense(128, activation="tanh")(k.layers.Concatenate()([context, y]))
    return k.Model([source, target], k.layers.Dense(VOCABULARY, activation="softmax")(y))
