"""EfficientNet V2: the first stages convolve once where V1 widens and convolves depthwise."""

import math

from kerastorch import layers
from kerastorch.applications.architecture import Family, channels_axis, files, rounded, squeezed
from kerastorch.applications.efficientnet import DEVIATIONS, DROPPED, KERNELS, TOP
from kerastorch.applications.imagenet_utils import decode_predictions as decode_predictions
from kerastorch.applications.imagenet_utils import preprocessing

preprocess_input = preprocessing(None)
# Blocks, filters, expansion, strides of the first, whether channels are squeezed: then the window is depthwise.
BASE = ((1, 16, 1, 1, False), (2, 32, 4, 2, False), (2, 48, 4, 2, False), (3, 96, 4, 2, True), (5, 112, 6, 1, True),
        (8, 192, 6, 2, True))  # fmt: skip
SMALL = ((2, 24, 1, 1, False), (4, 48, 4, 2, False), (4, 64, 4, 2, False), (6, 128, 4, 2, True), (9, 160, 6, 1, True),
         (15, 256, 6, 2, True))  # fmt: skip
MEDIUM = ((3, 24, 1, 1, False), (5, 48, 4, 2, False), (5, 80, 4, 2, False), (7, 160, 4, 2, True), (14, 176, 6, 1, True),
          (18, 304, 6, 2, True), (5, 512, 6, 1, True))  # fmt: skip
LARGE = ((4, 32, 1, 1, False), (7, 64, 4, 2, False), (7, 96, 4, 2, False), (10, 192, 4, 2, True), (19, 224, 6, 1, True),
         (25, 384, 6, 2, True), (7, 640, 6, 1, True))  # fmt: skip
BIASES = {"class_name": "Constant", "config": {"value": 0.0}}
MEANS = (0.485, 0.456, 0.406)


def convolved(x, filters, size, strides, name, norm, activation=None):
    """A convolution, depthwise where `filters` is None, batch normalization, and SiLU in a layer of that name."""
    more = {"strides": strides, "padding": "same", "use_bias": False, "name": name}
    if filters is None:
        x = layers.DepthwiseConv2D(size, depthwise_initializer=KERNELS, **more)(x)
    else:
        x = layers.Conv2D(filters, size, kernel_initializer=KERNELS, **more)(x)
    x = layers.BatchNormalization(axis=channels_axis(), momentum=0.9, name=norm)(x)
    return x if activation is None else layers.Activation("swish", name=activation)(x)


def block(x, filters, expansion, strides, squeeze, rate, name):
    start, channels = x, x.shape[channels_axis()]
    size, step = (1, 1) if squeeze else (3, strides)  # of the convolution that widens
    if expansion != 1:
        more = (f"{name}expand_conv", f"{name}expand_bn", f"{name}expand_activation")
        x = convolved(x, channels * expansion, size, step, *more)
    if squeeze:
        x = convolved(x, None, 3, strides, f"{name}dwconv2", f"{name}bn", f"{name}activation")
        x = squeezed(x, max(1, channels // 4), KERNELS, name)
    alone = expansion == 1  # the one convolution of the block
    size, step = (3, strides) if alone else (1, 1)
    activation = f"{name}project_activation" if alone else None
    x = convolved(x, filters, size, step, f"{name}project_conv", f"{name}project_bn", activation)
    if strides > 1 or channels != filters:
        return x
    x = layers.Dropout(rate, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x) if rate else x
    return layers.Add(name=f"{name}add")([x, start])


def prepared(x, standardized):
    """Pixels brought to the range of training: standardized by ImageNet's statistics, or from -1 to 1."""
    if not standardized:
        return layers.Rescaling(scale=1 / 128, offset=-1)(x)
    x = layers.Rescaling(scale=1 / 255)(x)
    return layers.Normalization(mean=MEANS, variance=[d**2 for d in DEVIATIONS], axis=channels_axis())(x)


def features(x, *, stages, width, depth, include_preprocessing):
    x = prepared(x, stages is BASE and x.shape[channels_axis()] == 3) if include_preprocessing else x
    scaled = [(math.ceil(count * depth), rounded(filters * width, least=0.0), *row) for count, filters, *row in stages]
    stem = rounded(stages[0][1] * width * (2 if stages is BASE else 1), least=0.0)
    x = convolved(x, stem, 3, 2, "stem_conv", "stem_bn", "stem_activation")
    blocks = [
        (filters, expansion, 1 if i else strides, squeeze, f"block{stage}{chr(ord('a') + i)}_")
        for stage, (count, filters, expansion, strides, squeeze) in enumerate(scaled, 1)
        for i in range(count)
    ]
    total = sum(stage[0] for stage in stages)  # before scaling: deeper ones leave out more
    for i, (*row, name) in enumerate(blocks):
        x = block(x, *row, DROPPED * i / total, name)
    return convolved(x, rounded(1280 * width, least=0.0), 1, 1, "top_conv", "top_bn", "top_activation")


def top(x, *, classes, classifier_activation):
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dropout(0.2, name="top_dropout")(x)
    more = {"kernel_initializer": TOP, "bias_initializer": BIASES, "name": "predictions"}
    return layers.Dense(classes, activation=classifier_activation, **more)(x)


family = Family(
    features,
    "Tan and Le, 2021, EfficientNetV2: smaller models and faster training",
    files("efficientnet_v2/{model}{top}.h5"),
    top=top,
    parameters=("include_top", "weights", "input_tensor", "input_shape", "pooling", "classes", "classifier_activation",
                "include_preprocessing", "name"),
    options={"include_preprocessing": True},
)  # fmt: skip


def variant(letter, stages, width, depth, size, *hashes):
    name = f"efficientnetv2-{letter.lower()}"
    return family.variant(f"EfficientNetV2{letter}", name, hashes, stages=stages, width=width, depth=depth, size=size)


EfficientNetV2B0 = variant("B0", BASE, 1.0, 1.0, 224, "21ecbf6da12460d5c40bb2f29ceb2188", "893217f2bb855e2983157299931e43ff")
EfficientNetV2B1 = variant("B1", BASE, 1.0, 1.1, 240, "069f0534ff22adf035c89e2d9547a9dc", "0e80663031ca32d657f9caa404b6ec37")
EfficientNetV2B2 = variant("B2", BASE, 1.1, 1.2, 260, "424e49f28180edbde1e94797771950a7", "1dfe2e7a5d45b6632553a8961ea609eb")
EfficientNetV2B3 = variant("B3", BASE, 1.2, 1.4, 300, "1f1fc43bd98a6e4fd8fdfd551e02c7a0", "f6abf7b5849ac99a89b50dd3fd532856")
EfficientNetV2S = variant("S", SMALL, 1.0, 1.0, 384, "e1d88a8495beba45748fedd0cecbe016", "af0682fb74e8c54910f2d4393339c070")
EfficientNetV2M = variant("M", MEDIUM, 1.0, 1.0, 480, "a3bf6aa3276309f4fc6a34aa114c95cd", "1b8dc055df72dde80d614482840fe342")
EfficientNetV2L = variant("L", LARGE, 1.0, 1.0, 480, "27e6d408b53c7ebc868fefa357689935", "b0b66b5c863aef5b46e8608fe1711615")
