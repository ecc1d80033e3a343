"""MobileNet V3: the blocks of V2 with squeezing and hard swish, in two networks found by search."""

from kerastorch import layers
from kerastorch.applications.architecture import Family, channels_axis, files, padded, rounded, start_of
from kerastorch.applications.imagenet_utils import decode_predictions as decode_predictions
from kerastorch.applications.imagenet_utils import preprocessing

preprocess_input = preprocessing(None)
# Expansion, filters, window, strides, whether channels are squeezed, whether the activation is hard swish.
SMALL = (
    (1, 16, 3, 2, True, False), (72 / 16, 24, 3, 2, False, False), (88 / 24, 24, 3, 1, False, False), (4, 40, 5, 2, True, True),
    *2 * ((6, 40, 5, 1, True, True),), *2 * ((3, 48, 5, 1, True, True),), (6, 96, 5, 2, True, True),
    *2 * ((6, 96, 5, 1, True, True),),
)  # fmt: skip
LARGE = (
    (1, 16, 3, 1, False, False), (4, 24, 3, 2, False, False), (3, 24, 3, 1, False, False), (3, 40, 5, 2, True, False),
    *2 * ((3, 40, 5, 1, True, False),), (6, 80, 3, 2, False, True), (2.5, 80, 3, 1, False, True),
    *2 * ((2.3, 80, 3, 1, False, True),), *2 * ((6, 112, 3, 1, True, True),), (6, 160, 5, 2, True, True),
    *2 * ((6, 160, 5, 1, True, True),),
)  # fmt: skip


def activated(x, hard):
    return layers.Activation("hard_swish")(x) if hard else layers.ReLU()(x)


def normalized(x, name):
    return layers.BatchNormalization(axis=channels_axis(last=-1), epsilon=1e-3, momentum=0.999, name=name)(x)


def squeezed(x, channels, name):
    """Channels weighted by what two convolutions make of their means."""
    weights = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}avg_pool")(x)
    weights = layers.Conv2D(rounded(channels / 4), 1, padding="same", name=f"{name}conv")(weights)
    weights = layers.ReLU(name=f"{name}relu")(weights)
    weights = layers.Conv2D(channels, 1, padding="same", name=f"{name}conv_1")(weights)
    weights = layers.ReLU(6.0)(weights + 3.0) * (1.0 / 6.0)
    return layers.Multiply(name=f"{name}mul")([x, weights])


def block(x, expansion, filters, size, strides, squeeze, hard, name, expand):
    start, channels = x, x.shape[channels_axis()]
    inner = rounded(channels * expansion)
    if expand:
        x = layers.Conv2D(inner, 1, padding="same", use_bias=False, name=f"{name}expand")(x)
        x = activated(normalized(x, f"{name}expand_bn"), hard)
    x = padded(x, size, f"{name}depthwise_pad") if strides == 2 else x
    padding = "same" if strides == 1 else "valid"
    x = layers.DepthwiseConv2D(size, strides, padding, use_bias=False, name=f"{name}depthwise")(x)
    x = activated(normalized(x, f"{name}depthwise_bn"), hard)
    x = squeezed(x, inner, f"{name}squeeze_excite_") if squeeze else x
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"{name}project")(x)
    x = normalized(x, f"{name}project_bn")
    return layers.Add(name=f"{name}add")([start, x]) if strides == 1 and channels == filters else x


def features(x, *, blocks, alpha, minimalistic, include_preprocessing):
    x = layers.Rescaling(scale=1 / 127.5, offset=-1.0)(x) if include_preprocessing else x
    x = layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="conv")(x)
    x = activated(normalized(x, "conv_bn"), not minimalistic)
    for i, (expansion, filters, size, strides, squeeze, hard) in enumerate(blocks):
        row = (3, strides, False, False) if minimalistic else (size, strides, squeeze, hard)
        x = block(x, expansion, rounded(filters * alpha), *row, f"expanded_conv_{i}_" if i else "expanded_conv_", expand=i > 0)
    x = layers.Conv2D(rounded(6 * x.shape[channels_axis()]), 1, padding="same", use_bias=False, name="conv_1")(x)
    return activated(normalized(x, "conv_1_bn"), not minimalistic)


def top(x, *, channels, alpha, minimalistic, dropout_rate, classes, classifier_activation):
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Conv2D(rounded(channels * max(alpha, 1.0)), 1, padding="same", name="conv_2")(x)
    x = activated(x, not minimalistic)
    x = layers.Dropout(dropout_rate)(x) if dropout_rate > 0 else x
    x = layers.Conv2D(classes, 1, padding="same", name="logits")(x)
    return layers.Activation(classifier_activation, name="predictions")(layers.Flatten()(x))


def check(known):
    alpha, minimalistic = known["alpha"], known["minimalistic"]
    digests = known["hashes"].get((alpha, bool(minimalistic)))
    if known["weights"] == "imagenet" and digests is None:
        options = "`0.75`, `1.0` for non minimalistic or `1.0` for minimalistic only"
        received = f"Received alpha={alpha}, minimalistic={minimalistic}"
        raise ValueError(f"If imagenet weights are being loaded, alpha can be one of {options}. {received}")
    kind = "_minimalistic" if minimalistic else ""
    return {"hashes": digests, "kind": kind, "width": float(alpha), "input_shape": start_of(known), "flat": False}


family = Family(
    features,
    "Howard et al., 2019, Searching for MobileNetV3",
    files("mobilenet_v3/weights_mobilenet_v3_{extent}{kind}_224_{width}_float{top}.h5", "_no_top_v2"),
    top=top,
    parameters=("input_shape", "alpha", "minimalistic", "include_top", "weights", "input_tensor", "classes", "pooling",
                "dropout_rate", "classifier_activation", "include_preprocessing", "name"),
    options={"alpha": 1.0, "minimalistic": False, "dropout_rate": 0.2, "include_preprocessing": True},
    check=check,
)  # fmt: skip

MobileNetV3Small = family.variant(
    "MobileNetV3Small",
    "MobileNetV3Small",
    {
        (0.75, False): ("cb65d4e5be93758266aa0a7f2c6708b7", "ebdb5cc8e0b497cd13a7c275d475c819"),
        (1.0, False): ("8768d4c2e7dee89b9d02b2d03d65d862", "d3e8ec802a04aa4fc771ee12a9a9b836"),
        (1.0, True): ("99cd97fb2fcdad2bf028eb838de69e37", "cde8136e733e811080d9fcd8a252f7e4"),
    },
    blocks=SMALL,
    channels=1024,
    extent="small",
)
MobileNetV3Large = family.variant(
    "MobileNetV3Large",
    "MobileNetV3Large",
    {
        (0.75, False): ("765b44a33ad4005b3ac83185abf1d0eb", "40af19a13ebea4e2ee0c676887f69a2e"),
        (1.0, False): ("59e551e166be033d707958cf9e29a6a7", "07fb09a5933dd0c8eaafa16978110389"),
        (1.0, True): ("675e7b876c45c57e9e63e6d90a36599c", "ec5221f64a2f6d1ef965a614bdae7973"),
    },
    blocks=LARGE,
    channels=1280,
    extent="large",
)
