"""VGG: plain stacks of 3 by 3 convolutions."""

from kerastorch import layers
from kerastorch.applications.architecture import Family, files
from kerastorch.applications.imagenet_utils import decode_predictions as decode_predictions
from kerastorch.applications.imagenet_utils import preprocessing

preprocess_input = preprocessing("caffe")
FILTERS = (64, 128, 256, 512, 512)


def features(x, *, repeats):
    for block, (count, filters) in enumerate(zip(repeats, FILTERS, strict=True), 1):
        for i in range(1, count + 1):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"block{block}_conv{i}")(x)
        x = layers.MaxPooling2D(2, strides=2, name=f"block{block}_pool")(x)
    return x


def top(x, *, classes, classifier_activation):
    x = layers.Flatten(name="flatten")(x)
    for name in ("fc1", "fc2"):
        x = layers.Dense(4096, activation="relu", name=name)(x)
    return layers.Dense(classes, activation=classifier_activation, name="predictions")(x)


family = Family(
    features,
    "Simonyan and Zisserman, 2014, Very deep convolutional networks for large-scale image recognition",
    files("{model}/{model}_weights_tf_dim_ordering_tf_kernels{top}.h5"),
    top=top,
    pools=(None, None),
)

VGG16 = family.variant("VGG16", "vgg16", ("64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc"),
                       repeats=(2, 2, 3, 3, 3))  # fmt: skip
VGG19 = family.variant("VGG19", "vgg19", ("cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6"),
                       repeats=(2, 2, 4, 4, 4))  # fmt: skip
