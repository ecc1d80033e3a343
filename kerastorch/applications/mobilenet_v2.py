"""MobileNet V2: blocks that widen, convolve depthwise, and narrow again, added to what comes in where shapes allow."""

from kerastorch import layers
from kerastorch.applications.architecture import Family, channels_axis, files, padded, rounded, sized, start_of
from kerastorch.applications.imagenet_utils import decode_predictions as decode_predictions
from kerastorch.applications.imagenet_utils import preprocessing

preprocess_input = preprocessing("tf")
# Expansion, filters, blocks, strides of the first.
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
ALPHAS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
SIZES = (96, 128, 160, 192, 224)


def normalized(x, name, relu=None):
    """Batch normalization, and ReLU up to 6 in a layer of that name."""
    x = layers.BatchNormalization(axis=channels_axis(last=-1), epsilon=1e-3, momentum=0.999, name=name)(x)
    return x if relu is None else layers.ReLU(6.0, name=relu)(x)


def block(x, expansion, filters, strides, name):
    channels, start = x.shape[channels_axis()], x
    if expansion > 1:
        x = layers.Conv2D(expansion * channels, 1, padding="same", use_bias=False, name=f"{name}_expand")(x)
        x = normalized(x, f"{name}_expand_BN", f"{name}_expand_relu")
    x = padded(x, 3, f"{name}_pad") if strides == 2 else x
    padding = "same" if strides == 1 else "valid"
    x = layers.DepthwiseConv2D(3, strides, padding, use_bias=False, name=f"{name}_depthwise")(x)
    x = normalized(x, f"{name}_depthwise_BN", f"{name}_depthwise_relu")
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"{name}_project")(x)
    x = normalized(x, f"{name}_project_BN")
    return layers.Add(name=f"{name}_add")([start, x]) if channels == filters and strides == 1 else x


def features(x, *, alpha):
    x = layers.Conv2D(rounded(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="Conv1")(x)
    x = normalized(x, "bn_Conv1", "Conv1_relu")
    blocks = [(t, c, s if i == 0 else 1) for t, c, count, s in STAGES for i in range(count)]
    for i, (expansion, filters, strides) in enumerate(blocks):
        x = block(x, expansion, rounded(filters * alpha), strides, f"block_{i}" if i else "expanded_conv")
    x = layers.Conv2D(rounded(1280 * max(alpha, 1.0)), 1, use_bias=False, name="Conv_1")(x)
    return normalized(x, "Conv_1_bn", "out_relu")


def top(x, *, classes, classifier_activation):
    x = layers.GlobalAveragePooling2D()(x)
    return layers.Dense(classes, activation=classifier_activation, name="predictions")(x)


def check(known):
    first = channels_axis() % 3
    rows, columns = (start_of(known) or (None, None, None))[first : first + 2]
    if known["include_top"] and known["input_shape"] is None and rows == columns and rows in SIZES:
        known = known | {"size": rows}
    return sized(known, "mobilenetv2", ALPHAS, SIZES)


family = Family(
    features,
    "Sandler et al., 2018, MobileNetV2: inverted residuals and linear bottlenecks",
    files("mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{width}_{size}{top}.h5", "_no_top"),
    top=top,
    pools=(None, None),
    parameters=("input_shape", "alpha", "include_top", "weights", "input_tensor", "pooling", "classes", "classifier_activation",
                "name"),
    options={"alpha": 1.0},
    check=check,
)  # fmt: skip

MobileNetV2 = family.variant("MobileNetV2")
