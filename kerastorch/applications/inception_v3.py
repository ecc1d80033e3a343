"""Inception V3: in each module several towers of convolutions side by side."""

from kerastorch import layers
from kerastorch.applications.architecture import Family, channels_axis, conv, files
from kerastorch.applications.imagenet_utils import decode_predictions as decode_predictions
from kerastorch.applications.imagenet_utils import preprocessing

preprocess_input = preprocessing("tf")


def unit(x, filters, size, strides=1, padding="same"):
    return conv(x, filters, size, strides=strides, padding=padding, activation="relu", axis=channels_axis(), scale=False)


def tower(x, *units):
    """Convolutions one after the other, each given as filters and window."""
    for filters, size in units:
        x = unit(x, filters, size)
    return x


def pooled(x, filters):
    return unit(layers.AveragePooling2D(3, strides=1, padding="same")(x), filters, 1)


def mixed(towers, name=None):
    return layers.Concatenate(axis=channels_axis(), name=name)(towers)


def narrow(x, filters, name):
    """A module for large maps: windows of 1, 5 and twice 3, and averages."""
    return mixed([unit(x, 64, 1), tower(x, (48, 1), (64, 5)), tower(x, (64, 1), (96, 3), (96, 3)), pooled(x, filters)], name)


def factorized(x, filters, name):
    """A module with windows of 7 that are rows and columns."""
    row, column = (1, 7), (7, 1)
    once = ((filters, 1), (filters, row), (192, column))
    twice = ((filters, 1), (filters, column), (filters, row), (filters, column), (192, row))
    return mixed([unit(x, 192, 1), tower(x, *once), tower(x, *twice), pooled(x, 192)], name)


def wide(x, name, inner):
    """A module for small maps, whose towers end in a row and a column side by side."""

    def ends(x, name=None):
        return mixed([unit(x, 384, (1, 3)), unit(x, 384, (3, 1))], name)

    return mixed([unit(x, 320, 1), ends(unit(x, 384, 1), inner), ends(tower(x, (448, 1), (384, 3))), pooled(x, 192)], name)


def halved(x, towers, name):
    """A module that halves height and width: towers given as their units, and maxima."""
    ends = [unit(tower(x, *units), filters, 3, strides=2, padding="valid") for *units, (filters, _) in towers]
    return mixed([*ends, layers.MaxPooling2D(3, strides=2)(x)], name)


def stem(x):
    """What comes before the first module."""
    x = unit(x, 32, 3, strides=2, padding="valid")
    x = unit(unit(x, 32, 3, padding="valid"), 64, 3)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = unit(unit(x, 80, 1, padding="valid"), 192, 3, padding="valid")
    return layers.MaxPooling2D(3, strides=2)(x)


def features(x):
    x = stem(x)
    for i, filters in enumerate((32, 64, 64)):
        x = narrow(x, filters, f"mixed{i}")
    x = halved(x, (((384, 3),), ((64, 1), (96, 3), (96, 3))), "mixed3")
    for i, filters in enumerate((128, 160, 160, 192), 4):
        x = factorized(x, filters, f"mixed{i}")
    x = halved(x, (((192, 1), (320, 3)), ((192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3))), "mixed8")
    for i in (0, 1):
        x = wide(x, f"mixed{9 + i}", f"mixed9_{i}")
    return x


family = Family(
    features,
    "Szegedy et al., 2015, Rethinking the Inception architecture for computer vision",
    files("inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels{top}.h5"),
    size=299,
    least=75,
    pools=(None, None),
)

InceptionV3 = family.variant(
    "InceptionV3", "inception_v3", ("9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63")
)
