"""MobileNet: depthwise convolutions, each followed by one over channels alone."""

from kerastorch import layers
from kerastorch.applications.architecture import Family, channels_axis, files, sized
from kerastorch.applications.imagenet_utils import decode_predictions as decode_predictions
from kerastorch.applications.imagenet_utils import preprocessing

preprocess_input = preprocessing("tf")
# Filters of the convolution over channels, strides of the depthwise one before it.
BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *5 * ((512, 1),), (1024, 2), (1024, 1))
NAMES_OF_ALPHAS = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}


def normalized(x, name):
    x = layers.BatchNormalization(axis=channels_axis(last=-1), name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x)


def features(x, *, alpha, depth_multiplier):
    x = layers.Conv2D(int(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="conv1")(x)
    x = normalized(x, "conv1")
    for i, (filters, strides) in enumerate(BLOCKS, 1):
        x = x if strides == 1 else layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{i}")(x)
        padding = "same" if strides == 1 else "valid"
        x = layers.DepthwiseConv2D(3, strides, padding, depth_multiplier, use_bias=False, name=f"conv_dw_{i}")(x)
        x = normalized(x, f"conv_dw_{i}")
        x = layers.Conv2D(int(filters * alpha), 1, padding="same", use_bias=False, name=f"conv_pw_{i}")(x)
        x = normalized(x, f"conv_pw_{i}")
    return x


def top(x, *, dropout, classes, classifier_activation):
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Conv2D(classes, 1, padding="same", name="conv_preds")(x)
    x = layers.Reshape((classes,), name="reshape_2")(x)
    return layers.Activation(classifier_activation, name="predictions")(x)


def check(known):
    alpha, multiplier = known["alpha"], known["depth_multiplier"]
    if known["weights"] == "imagenet" and multiplier != 1:
        why = "If imagenet weights are being loaded, depth multiplier must be 1"
        raise ValueError(f"{why}. Received depth_multiplier={multiplier}")
    return sized(known, "mobilenet", NAMES_OF_ALPHAS, (128, 160, 192, 224)) | {"width": NAMES_OF_ALPHAS.get(alpha)}


family = Family(
    features,
    "Howard et al., 2017, MobileNets: efficient convolutional neural networks for mobile vision applications",
    files("mobilenet/mobilenet_{width}_{size}_tf{top}.h5", "_no_top"),
    top=top,
    pools=(None, None),
    parameters=("input_shape", "alpha", "depth_multiplier", "dropout", "include_top", "weights", "input_tensor", "pooling",
                "classes", "classifier_activation", "name"),
    options={"alpha": 1.0, "depth_multiplier": 1, "dropout": 0.001},
    check=check,
)  # fmt: skip

MobileNet = family.variant("MobileNet")
