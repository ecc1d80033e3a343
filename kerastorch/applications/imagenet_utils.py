"""What all models for ImageNet share: images made ready, predictions put into words, and the shapes of inputs."""

import functools
import json
import warnings
from typing import Any, NamedTuple

from kerastorch import dtypes, ops, scope
from kerastorch.errors import near
from kerastorch.legacy import old_spellings
from kerastorch.op import dtype_of
from kerastorch.utils.files import get_file

CLASSES = 1000
_INDEX = "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json"
_INDEX_HASH = "c2c37ea517e94d9795004a39431a14cb"
_FORMATS = ("channels_first", "channels_last")


class Mode(NamedTuple):
    """How pixels from 0 to 255 are brought to the range that a model was trained with."""

    flipped: bool  # whether the channels, red first, become blue first
    divisor: float
    means: tuple[float, float, float]  # taken off after the division, in the order of the result
    deviations: tuple[float, float, float]  # divided by after that


MODES = {
    "caffe": Mode(True, 1.0, (103.939, 116.779, 123.68), (1.0, 1.0, 1.0)),
    "tf": Mode(False, 127.5, (1.0, 1.0, 1.0), (1.0, 1.0, 1.0)),
    "torch": Mode(False, 255.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


@old_spellings("applications.imagenet_utils", "preprocess_input")
def preprocess_input(x, data_format=None, mode="caffe"):
    """Images with pixels from 0 to 255, red first, as a model for ImageNet wants them.

    An array of floats is overwritten: give a copy of what is still needed.

    Args:
        x: Image or batch of images, an array, tensor or KerasTensor of rank 3 or 4 with 3 channels.
        data_format: `"channels_last"` or `"channels_first"`; by default what the configuration says.
        mode: `"caffe"`: blue first, and less the means of ImageNet's channels. `"tf"`: from -1 to 1. `"torch"`: from 0 to 1,
            then less the means and divided by the standard deviations of ImageNet's channels.

    Returns:
        The same kind of thing, of floats.

    Raises:
        ValueError: `mode` or `data_format` is none of those.
    """
    if mode not in MODES:
        raise ValueError(f"Expected mode to be one of `caffe`, `tf` or `torch`. Received: mode={mode}.{near(str(mode), MODES)}")
    data_format = _checked(data_format)
    axis, shape = (-1, (3,)) if data_format == "channels_last" else (-3, (3, 1, 1))
    return _in_place(x, MODES[mode], axis, shape) if _is_array(x) else _recorded(x, MODES[mode], axis, shape)


def preprocessing(mode):
    """The `preprocess_input` of models that were trained with a mode's range, or with pixels as they are where it is None."""

    def preprocess_input(x, data_format=None):
        return x if mode is None else _preprocess_input(x, data_format, mode)

    preprocess_input.__doc__ = _PREPROCESSING.format(does=_WHAT[mode])
    return preprocess_input


_preprocess_input = preprocess_input
_WHAT = {
    "caffe": "blue first, and less the means of ImageNet's channels",
    "tf": "from -1 to 1",
    "torch": "from 0 to 1, then less the means and divided by the standard deviations of ImageNet's channels",
    None: "as they are, since these models have layers that bring them to their range",
}
_PREPROCESSING = """Images with pixels from 0 to 255, red first, as these models want them: {does}.

    An array of floats that has to be changed is overwritten: give a copy of what is still needed.

    Args:
        x: Image or batch of images, an array, tensor or KerasTensor of rank 3 or 4 with 3 channels.
        data_format: `"channels_last"` or `"channels_first"`; by default what the configuration says.

    Returns:
        The same kind of thing.

    Raises:
        ValueError: `data_format` is none of those, and the pixels have to be changed.
    """


def _checked(data_format: str | None) -> str:
    if data_format is not None and data_format not in _FORMATS:
        options = "`channels_first` or `channels_last`"
        raise ValueError(f"Expected data_format to be one of {options}. Received: data_format={data_format}")
    return scope.standardize_data_format(data_format)


def _is_array(x: Any) -> bool:
    import numpy as np

    return isinstance(x, np.ndarray)


def _in_place(x, mode, axis, shape):
    import numpy as np

    x = x if np.issubdtype(x.dtype, np.floating) else x.astype(dtypes.floatx())
    x = np.flip(x, axis) if mode.flipped else x
    x /= mode.divisor
    x -= np.reshape(mode.means, shape).astype(x.dtype)
    x /= np.reshape(mode.deviations, shape).astype(x.dtype)
    return x


def _recorded(x, mode, axis, shape):
    x = x if dtypes.is_float(dtype_of(x)) else ops.cast(x, dtypes.floatx())
    x = ops.flip(x, axis) if mode.flipped else x
    x = x / mode.divisor - _constant(mode.means, x, shape)
    return x if set(mode.deviations) == {1.0} else x / _constant(mode.deviations, x, shape)


def _constant(values, x, shape):
    return ops.reshape(ops.convert_to_tensor(values, dtype=dtype_of(x)), shape)


@functools.cache
def class_index() -> list[tuple[str, str]]:
    """The classes of ImageNet in the order of a model's outputs, each as its WordNet number and its name; from a file of 35 kB."""
    path = get_file("imagenet_class_index.json", _INDEX, cache_subdir="models", file_hash=_INDEX_HASH)
    with open(path, encoding="utf-8") as file:
        found = json.load(file)
    return [(found[str(i)][0], found[str(i)][1]) for i in range(CLASSES)]


def decode_predictions(preds, top=5):
    """The most probable classes of ImageNet in what a model predicts.

    Args:
        preds: Array or tensor of shape `(samples, 1000)`, a probability for each class.
        top: How many classes to name for each sample.

    Returns:
        For each sample a list of `top` tuples `(WordNet number, name, probability)`, the most probable first.

    Raises:
        ValueError: `preds` has another shape.
        DownloadError: The names of the classes are not cached and cannot be downloaded.
    """
    shape = tuple(preds.shape)
    if len(shape) != 2 or shape[1] != CLASSES:
        what = f"a batch of predictions (i.e. a 2D array of shape (samples, {CLASSES}))"
        raise ValueError(f"`decode_predictions` expects {what}. Received array with shape: {shape}")
    classes = class_index()
    return [[(*classes[i], row[i]) for i in row.argsort()[::-1][:top]] for row in ops.convert_to_numpy(preds)]


def obtain_input_shape(input_shape, default_size, min_size, data_format, require_flatten, weights=None):
    """The shape of a model's images, from what the caller gave and what the model can take.

    Args:
        input_shape: What the caller gave: None, or a tuple of height, width and channels, in the order of `data_format`.
        default_size: Height and width where the caller gave none.
        min_size: The least height and width.
        data_format: `"channels_last"` or `"channels_first"`.
        require_flatten: Whether height and width have to be known, as where a classifier is on top.
        weights: `"imagenet"` where the model is to have weights that were trained on ImageNet.

    Returns:
        The shape without the batch axis, in the order of `data_format`, None where a size is open.

    Raises:
        ValueError: The model cannot take images of that shape.
    """
    last = data_format == "channels_last"
    full = input_shape is not None and len(input_shape) == 3
    channels = 3
    if full and weights != "imagenet":
        channels = input_shape[-1 if last else 0]
        if channels not in (1, 3):
            warnings.warn(
                "This model usually expects 1 or 3 input channels. However, it was passed an input_shape with "
                f"{channels} input channels.",
                stacklevel=4,
            )
    default = (default_size, default_size, channels) if last else (channels, default_size, default_size)
    given = f"Received: input_shape={input_shape}"
    if weights == "imagenet" and require_flatten:
        if input_shape is not None and tuple(input_shape) != default:
            why = "When setting `include_top=True` and loading `imagenet` weights, `input_shape` should be"
            raise ValueError(f"{why} {default}. {given}")
        return default
    if not input_shape:
        return default if require_flatten else (None, None, channels) if last else (channels, None, None)
    if not full:
        raise ValueError(f"`input_shape` must be a tuple of three integers. {given}")
    sizes = input_shape[:2] if last else input_shape[1:]
    if weights == "imagenet" and input_shape[-1 if last else 0] != 3:
        raise ValueError(f"The input must have 3 channels; {given}")
    if any(size is not None and size < min_size for size in sizes):
        raise ValueError(f"Input size must be at least {min_size}x{min_size}; {given}")
    if require_flatten and None in input_shape:
        raise ValueError(f"If `include_top` is True, you should specify a static `input_shape`. {given}")
    return tuple(input_shape)


_obtain_input_shape = obtain_input_shape  # as Keras 2 has it, and programs import it
