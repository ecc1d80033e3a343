"""What all architectures have in common: arguments checked, inputs made, layers recorded, a classifier put on top, weights loaded.

A family of architectures is a function that records the layers between the images and the features; a variant is one row of
numbers for it. What such a function asks for by keyword is found in the row of the variant or in the arguments of the call.
"""

import inspect
import os
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from kerastorch import activations, layers, scope
from kerastorch.applications.imagenet_utils import CLASSES, obtain_input_shape
from kerastorch.errors import near
from kerastorch.graph import KerasTensor
from kerastorch.legacy import old_spellings
from kerastorch.models import Functional, Model
from kerastorch.utils.files import get_file
from kerastorch.utils.sources import get_source_inputs

SITE = "https://storage.googleapis.com/tensorflow/keras-applications/"
DEFAULTS = {
    "include_top": True, "weights": "imagenet", "input_tensor": None, "input_shape": None, "pooling": None, "classes": CLASSES,
    "classifier_activation": "softmax", "name": None,
}  # fmt: skip
MEANINGS = {
    "include_top": "Whether the classifier is part of the model.",
    "weights": '`"imagenet"` for weights trained on ImageNet, downloaded once; the path of a weights file; or None for new ones.',
    "input_tensor": "KerasTensor to take as the images, in place of a new input.",
    "input_shape": "Shape of an image without the batch axis. Without the classifier any size from {least} on, by default\n"
    "            an open one; with it {size} by {size} by default.",
    "pooling": 'What stands in place of the classifier: `"avg"` or `"max"` over all positions, or None for the features.',
    "classes": "Number of classes, 1000 for weights trained on ImageNet.",
    "classifier_activation": 'Activation of the last layer: `"softmax"`, or None for the logits; others with own weights only.',
    "name": "Name of the model.",
    "include_preprocessing": "Whether the first layers bring pixels from 0 to 255 to the range that the model was trained with.",
    "alpha": "Width: factor of the number of channels in each layer.",
    "depth_multiplier": "Channels that a depthwise convolution makes of each.",
    "dropout": "Share of what is dropped before the classifier.",
    "dropout_rate": "Share of what is dropped before the classifier.",
    "minimalistic": "Whether to leave out what small hardware is slow at: squeezing, hard swish and windows of 5 by 5.",
}


DESCRIPTION = """{public}, a model for images from {paper}.

    Args:
        {arguments}

    Returns:
        A functional model.

    Raises:
        ValueError: There are no weights for such a model, or no such model for images of that shape.
        DownloadError: The weights are not cached and cannot be downloaded.
    """


def channels_axis(last: int = 3) -> int:
    """The axis of the channels in batches of images by the configuration, `last` where that is the last one."""
    return last if scope.image_data_format() == "channels_last" else 1


def conv(x, filters, size, *, name=None, bn_name=None, activation=None, act_name=None, strides=1, padding="same", use_bias=False,
         **normalization):  # fmt: skip
    """A convolution, batch normalization, and an activation unless that is None."""
    x = layers.Conv2D(filters, size, strides=strides, padding=padding, use_bias=use_bias, name=name)(x)
    x = layers.BatchNormalization(name=bn_name, **normalization)(x)
    return x if activation is None else layers.Activation(activation, name=act_name)(x)


def padded(x, size, name):
    """As many zeros around as a convolution with strides of 2 and such a window needs, as "same" would have them."""
    half, first = size // 2, int(channels_axis() == 1)
    sides = [(half - (dim is None or dim % 2 == 0), half) for dim in (x.shape[1 + first], x.shape[2 + first])]
    return layers.ZeroPadding2D(sides, name=name)(x)


def squeezed(x, filters, initializer, name):
    """Channels weighted by what two convolutions make of their means: Hu et al., 2017, Squeeze-and-excitation networks."""
    more = {"padding": "same", "kernel_initializer": initializer}
    channels = x.shape[channels_axis()]
    mean = layers.GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    shape = (1, 1, channels) if channels_axis() == 3 else (channels, 1, 1)
    weights = layers.Reshape(shape, name=f"{name}se_reshape")(mean)
    weights = layers.Conv2D(filters, 1, activation="swish", name=f"{name}se_reduce", **more)(weights)
    weights = layers.Conv2D(channels, 1, activation="sigmoid", name=f"{name}se_expand", **more)(weights)
    return layers.Multiply(name=f"{name}se_excite")([x, weights])


def rounded(filters, least=0.9):
    """The multiple of 8 nearest to a number of filters, or the next where that is less than the share `least` of it."""
    near_by = max(8, int(filters + 4) // 8 * 8)
    return near_by if near_by >= least * filters else near_by + 8


def classifier(x, *, classes, classifier_activation):
    """The usual classifier: features averaged over all positions, and one dense layer."""
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return layers.Dense(classes, activation=classifier_activation, name="predictions")(x)


def files(url: str, without_top: str = "_notop") -> Callable[..., tuple[str, str | None, str]]:
    """How the weights of a family are found: by a URL with what the call says filled in, and the hashes in a variant's row.

    Args:
        url: URL, below `SITE` if it is relative. `{top}` stands for "" or `without_top`, other fields for what is known.
        without_top: What the name of a file without the classifier has in the place of `{top}`.

    Returns:
        A function from what is known of a call to the URL, the hash or None, and the name of the local copy.
    """

    def find(known):
        place = url.format(**known | {"top": "" if known["include_top"] else without_top})
        digest = known["hashes"][0 if known["include_top"] else 1]
        return place if "//" in place else SITE + place, digest, place.rpartition("/")[2]

    return find


def sized(known: Mapping[str, Any], model: str, alphas: Collection[float], sizes: Sequence[int]) -> dict[str, Any]:
    """For families with weights for several widths and sizes: those of the weights to load, and the default name of the model.

    Raises:
        ValueError: Weights for ImageNet are asked for, and there are none for this width.
    """
    alpha, shape, imagenet = known["alpha"], known["input_shape"], known["weights"] == "imagenet"
    if imagenet and alpha not in alphas:
        options = ", ".join(f"`{a}`" for a in alphas)
        raise ValueError(f"If imagenet weights are being loaded, alpha can be one of {options} only. Received alpha={alpha}")
    first = 1 if channels_axis() == 1 else 0
    rows, columns = (known["size"] if known["include_top"] else None,) * 2 if shape is None else shape[first : first + 2]
    fits = rows == columns and rows in sizes
    if imagenet and not fits:
        warnings.warn(
            f"`input_shape` is undefined or non-square, or `rows` is not in {list(sizes)}. Weights for input shape (224, 224) will "
            "be loaded as the default.",
            stacklevel=5,
        )
    size = rows if fits else known["size"]
    name = f"{model}_{alpha:.2f}_{size if imagenet else rows}" if known["name"] is None else known["name"]
    return {"size": size, "width": float(alpha), "name": name}


def start_of(known: Mapping[str, Any]) -> Any:
    """The shape asked for, or else that of the input that is given.

    Raises:
        ValueError: Both are given, and differ in width.
    """
    shape, tensor = known["input_shape"], known["input_tensor"]
    if not isinstance(tensor, KerasTensor) or tensor.node is None or tensor.node.inputs:
        return shape
    axis = 2 if channels_axis() == 3 else 3
    if shape is not None and tensor.shape[axis] != shape[axis - 1]:
        raise ValueError(
            f"input_tensor.shape[{axis}] must equal input_shape[{axis - 1}]; Received `input_tensor.shape={tensor.shape}`, "
            f"`input_shape={shape}`"
        )
    return tensor.shape[1:] if shape is None else shape


def nothing(known: Mapping[str, Any]) -> None:
    """No further check of the arguments."""


class Family:
    """A family of architectures.

    Args:
        body: Function from a KerasTensor of images, and what it asks for by keyword, to one of features.
        paper: Where the family is from.
        weights: As `files` gives it.
        size: Default height and width of images. A row may have a `size` of its own.
        least: The least height and width of images.
        top: The classifier, a function like `body`.
        pools: Names of the layers that pool averages and maxima in place of a classifier; None for automatic ones.
        parameters: Names of the arguments of the public functions, in order.
        options: Those that are this family's alone, with defaults.
        check: Function that looks at what is known of a call and raises ValueError where the family has no such model; it may
            return what it adds to that, as `flat`, whether the size of images has to be known.
        end: What comes last where there is no classifier.
        channels_first: Whether images may have their channels first.
    """

    def __init__(
        self,
        body: Callable,
        paper: str,
        weights: Callable,
        size: int = 224,
        least: int = 32,
        top: Callable = classifier,
        pools: tuple[str | None, str | None] = ("avg_pool", "max_pool"),
        parameters: Sequence[str] = tuple(DEFAULTS),
        options: Mapping[str, Any] = MappingProxyType({}),
        check: Callable[[dict[str, Any]], Mapping[str, Any] | None] = nothing,
        end: Callable[[KerasTensor], KerasTensor] = lambda x: x,
        channels_first: bool = True,
    ):
        self.body, self.paper, self.weights, self.size, self.least = body, paper, weights, size, least
        self.top, self.pools, self.check, self.end, self.channels_first = top, pools, check, end, channels_first
        self.defaults = {name: {**DEFAULTS, **options}[name] for name in parameters}
        self.module = body.__module__

    def variant(self, public: str, model: str | None = None, hashes: Any = (None, None), **row: Any) -> Callable[..., Model]:
        """The public function that records a variant.

        Args:
            public: Its name.
            model: The default name of the model.
            hashes: Of the weight files, with the classifier and without.
            **row: What `body`, `top`, `weights` and `check` may ask for besides the arguments of the call.
        """
        row = {"size": self.size, "variant": public, "model": model, "hashes": hashes, **row}
        defaults = self.defaults | {"name": model}
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        signature = inspect.Signature([inspect.Parameter(name, kind, default=value) for name, value in defaults.items()])

        def build(*args, **kwargs):
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError as error:
                hints = "".join(near(name, defaults) for name in kwargs if name not in defaults)
                raise TypeError(f"{public}() {error}.{hints}") from None
            return self.build(row | defaults | bound.arguments)

        build.__name__ = build.__qualname__ = public
        build.__module__, build.__doc__ = self.module, self.describe(public, row, defaults)
        build.__signature__ = signature  # type: ignore[attr-defined]
        return old_spellings("applications", public)(build)

    def describe(self, public: str, row: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
        """The docstring of a variant."""
        arguments = "\n        ".join(f"{n}: {MEANINGS[n].format(size=row['size'], least=self.least)}" for n in defaults)
        return DESCRIPTION.format(public=public, paper=self.paper, arguments=arguments)

    def build(self, known: dict[str, Any]) -> Model:
        """Records a model, by its row and the arguments of the call together, and loads its weights."""
        if not self.channels_first and scope.image_data_format() == "channels_first":
            raise ValueError(
                f"{known['variant']} does not support the `channels_first` image data format. Call "
                "keras.config.set_image_data_format('channels_last') first"
            )
        _check_weights(known)
        known |= self.check(known) or {}
        images, start = self.images(known)
        x = ask(self.body, images, known)
        if known["include_top"]:
            _check_activation(known)
            x = ask(self.top, x, known)
        elif known["pooling"] in ("avg", "max"):
            average = known["pooling"] == "avg"
            pool = layers.GlobalAveragePooling2D if average else layers.GlobalMaxPooling2D
            x = pool(name=self.pools[0 if average else 1])(x)
        x = x if known["include_top"] else self.end(x)
        model = Functional(start, x, name=known["name"])
        if known["weights"] == "imagenet":
            url, digest, name = self.weights(known)
            model.load_weights(get_file(name, url, cache_subdir="models", file_hash=digest))
        elif known["weights"] is not None:
            model.load_weights(known["weights"])
        return model

    def images(self, known: dict[str, Any]) -> tuple[KerasTensor, Any]:
        """The images, and where the model begins."""
        data_format = scope.image_data_format()
        flat = known.get("flat", bool(known["include_top"]))
        shape = obtain_input_shape(known["input_shape"], known["size"], self.least, data_format, flat, known["weights"])
        images = known["input_tensor"]
        if images is None:
            images = layers.Input(shape)
            return images, images
        if not isinstance(images, KerasTensor):
            raise ValueError(
                f"{known['variant']}: Argument `input_tensor` must be a KerasTensor, as keras.Input gives, "
                f"not a {type(images).__name__}"
            )
        return images, get_source_inputs(images)


def ask(function: Callable, x: KerasTensor, known: Mapping[str, Any]) -> KerasTensor:
    """Calls a function on `x` and on what it asks for by keyword of what is known."""
    wanted = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    return function(x, **{name: known[name] for name in wanted})


def _check_weights(known: Mapping[str, Any]) -> None:
    weights = known["weights"]
    if weights not in (None, "imagenet") and not os.path.exists(weights):
        raise ValueError(
            f"{known['variant']}: The `weights` argument should be `None` (random initialization), `imagenet` (trained on "
            f"ImageNet), or the path to the weights file to be loaded; there is no such file: weights={weights}"
        )
    if weights == "imagenet" and known["include_top"] and known["classes"] != CLASSES:
        raise ValueError(
            f'{known["variant"]}: If using `weights="imagenet"` with `include_top` as true, `classes` should be {CLASSES}. '
            f"Received classes={known['classes']}"
        )


def _check_activation(known: Mapping[str, Any]) -> None:
    """Weights that were trained with a softmax go with it, or with its logits."""
    activation = known["classifier_activation"]
    if known["weights"] is not None and activations.get(activation) not in (activations.linear, activations.softmax):
        raise ValueError(
            f"{known['variant']}: Only `None` and `softmax` activations are allowed for the `classifier_activation` argument "
            f"when using pretrained weights, with `include_top=True`; Received: classifier_activation={activation}"
        )

