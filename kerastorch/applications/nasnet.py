"""NASNet: two cells found by search, one that keeps height and width and one that halves them."""

from kerastorch import layers
from kerastorch.applications.architecture import SITE, Family, padded
from kerastorch.applications.imagenet_utils import decode_predictions as decode_predictions
from kerastorch.applications.imagenet_utils import preprocessing
from kerastorch.scope import name_scope

preprocess_input = preprocessing("tf")


def relu(x, name=None):
    return layers.Activation("relu", name=name)(x)


def normalized(x, name):
    return layers.BatchNormalization(momentum=0.9997, epsilon=1e-3, name=name)(x)


def pointwise(x, filters, name):
    return layers.Conv2D(filters, 1, padding="same", use_bias=False, kernel_initializer="he_normal", name=name)(x)


def average(x, size, strides, name, padding="valid"):
    return layers.AveragePooling2D(size, strides=strides, padding=padding, name=name)(x)


def separable(x, filters, size, name, block, strides=1):
    """ReLU, a separable convolution and batch normalization, twice; part of a numbered block of a cell."""
    padding = "same" if strides == 1 else "valid"
    with name_scope(f"block_{block}"), name_scope(f"separable_conv_block_{name}"):
        x = relu(x)
        x = x if strides == 1 else padded(x, size, f"separable_conv_1_pad_{name}")
        x = layers.SeparableConv2D(filters, size, strides, padding, use_bias=False, name=f"separable_conv_1_{name}")(x)
        x = relu(normalized(x, f"separable_conv_1_bn_{name}"))
        x = layers.SeparableConv2D(filters, size, padding="same", use_bias=False, name=f"separable_conv_2_{name}")(x)
        return normalized(x, f"separable_conv_2_bn_{name}")


def adjusted(before, x, filters, name):
    """What came before the input of a cell, brought to the input's size and to `filters` channels."""
    if before is None:
        return x
    if before.shape[2] != x.shape[2]:
        with name_scope("adjust_block"), name_scope(f"adjust_reduction_block_{name}"):
            before = relu(before, f"adjust_relu_1_{name}")
            part = average(before, 1, 2, f"adjust_avg_pool_1_{name}")
            one = pointwise(part, filters // 2, f"adjust_conv_1_{name}")
            shifted = layers.Cropping2D(((1, 0), (1, 0)))(layers.ZeroPadding2D(((0, 1), (0, 1)))(before))
            part = average(shifted, 1, 2, f"adjust_avg_pool_2_{name}")
            other = pointwise(part, filters // 2, f"adjust_conv_2_{name}")
            return normalized(layers.Concatenate()([one, other]), f"adjust_bn_{name}")
    if before.shape[3] == filters:
        return before
    with name_scope("adjust_block"), name_scope(f"adjust_projection_block_{name}"):
        return normalized(pointwise(relu(before), filters, f"adjust_conv_projection_{name}"), f"adjust_bn_{name}")


def added(one, other, name=None):
    return layers.Add(name=name)([one, other])


def normal(x, before, filters, name):
    """The cell that keeps height and width."""
    p = adjusted(before, x, filters, name)
    h = normalized(pointwise(relu(x), filters, f"normal_conv_1_{name}"), f"normal_bn_1_{name}")
    rows = []
    for i, left in ((1, h), (2, p)):
        one = separable(left, filters, 5, f"normal_left{i}_{name}", i)
        rows.append(added(one, separable(p, filters, 3, f"normal_right{i}_{name}", i), f"normal_add_{i}_{name}"))
    rows.append(added(average(h, 3, 1, f"normal_left3_{name}", "same"), p, f"normal_add_3_{name}"))
    sides = [average(p, 3, 1, f"normal_{side}4_{name}", "same") for side in ("left", "right")]
    rows.append(added(*sides, f"normal_add_4_{name}"))
    rows.append(added(separable(h, filters, 3, f"normal_left5_{name}", 5), h, f"normal_add_5_{name}"))
    return layers.Concatenate(name=f"normal_concat_{name}")([p, *rows])


def reduction(x, before, filters, name):
    """The cell that halves height and width."""
    p = adjusted(before, x, filters, name)
    h = normalized(pointwise(relu(x), filters, f"reduction_conv_1_{name}"), f"reduction_bn_1_{name}")
    h3 = padded(h, 3, f"reduction_pad_1_{name}")
    left = separable(h, filters, 5, f"reduction_left1_{name}", 1, 2)
    first = added(left, separable(p, filters, 7, f"reduction_right1_{name}", 1, 2), f"reduction_add_1_{name}")
    left = layers.MaxPooling2D(3, strides=2, name=f"reduction_left2_{name}")(h3)
    second = added(left, separable(p, filters, 7, f"reduction_right2_{name}", 2, 2), f"reduction_add_2_{name}")
    left = average(h3, 3, 2, f"reduction_left3_{name}")
    third = added(left, separable(p, filters, 5, f"reduction_right3_{name}", 3, 2), f"reduction_add3_{name}")
    fourth = added(second, average(first, 3, 1, f"reduction_left4_{name}", "same"))
    left = separable(first, filters, 3, f"reduction_left4_{name}", 5)
    right = layers.MaxPooling2D(3, strides=2, name=f"reduction_right5_{name}")(h3)
    rows = [second, third, fourth, added(left, right, f"reduction_add4_{name}")]
    return layers.Concatenate(name=f"reduction_concat_{name}")(rows)


def cell(kind, x, before, filters, name):
    with name_scope(f"{kind.__name__}_A_block_{name}"):
        return kind(x, before, filters, name)


def features(x, *, cells, stem, filters, skip):
    more = {"strides": 2, "use_bias": False, "kernel_initializer": "he_normal", "name": "stem_conv1"}
    x = normalized(layers.Conv2D(stem, 3, **more)(x), "stem_bn1")
    x, before = cell(reduction, x, None, filters // 4, "stem_1"), x
    x, before = cell(reduction, x, before, filters // 2, "stem_2"), x
    for stage in range(3):
        width, first = filters * 2**stage, stage * cells
        if stage:
            x, kept = cell(reduction, x, before, width, f"reduce_{first}"), x
            before = before if skip else kept
        for i in range(cells):
            x, before = cell(normal, x, before, width, f"{first + i + (stage > 0)}"), x
    return relu(x)


def top(x, *, classes, classifier_activation):
    x = layers.GlobalAveragePooling2D()(x)
    return layers.Dense(classes, activation=classifier_activation, name="predictions")(x)


def weights(known):
    without = not known["include_top"]
    url = f"{SITE}nasnet/NASNet-{known['extent']}{'-no-top' * without}.h5"
    return url, known["hashes"][without], f"nasnet_{known['extent']}{'_no_top' * without}.h5"


def check(known):
    """The small one has images of its default size even without the classifier."""
    if known["extent"] == "mobile" and known["input_shape"] is None:
        return {"input_shape": (known["size"], known["size"], 3)}
    return {}


family = Family(
    features,
    "Zoph et al., 2017, Learning transferable architectures for scalable image recognition",
    weights,
    top=top,
    pools=(None, None),
    parameters=("input_shape", "include_top", "weights", "input_tensor", "pooling", "classes", "classifier_activation", "name"),
    check=check,
    channels_first=False,
)

NASNetMobile = family.variant(
    "NASNetMobile", "nasnet_mobile", ("020fb642bf7360b370c678b08e0adf61", "1ed92395b5b598bdda52abe5c0dbfd63"),
    cells=4, stem=32, filters=44, skip=False, extent="mobile",
)  # fmt: skip
NASNetLarge = family.variant(
    "NASNetLarge", "nasnet_large", ("11577c9a518f0070763c2b964a382f17", "d81d89dc07e6e56530c4e77faddd61b5"),
    size=331, cells=6, stem=96, filters=168, skip=True, extent="large",
)  # fmt: skip
