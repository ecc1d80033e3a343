"""Data sets of the files in a directory, one folder for each class."""

import importlib.util
import os
import wave
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from kerastorch import ops, scope
from kerastorch.errors import near
from kerastorch.utils.image_files import CHANNELS, img_to_array, load_img
from kerastorch.utils.io import print_msg
from kerastorch.utils.samples import Samples, check_format, serve

LABEL_MODES = ("int", "categorical", "binary")
SUBSETS = ("training", "validation", "both")
INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")


class Kind(NamedTuple):
    """A kind of files.

    Args:
        user: The public function that serves them.
        what: What they are called.
        ends: How their names end.
        load: The content of a file, given its path and the options of the kind.
        key: What backends know the kind by.
    """

    user: str
    what: str
    ends: tuple[str, ...]
    load: Callable[..., Any]
    key: str


class Files(Samples):
    """Files by number, each with its label if there are labels.

    Args:
        paths: Where the files are.
        labels: One integer each, or None.
        mode: How labels are given, one of `LABEL_MODES`.
        classes: Number of classes.
        load: The content of a file, given its path.
    """

    def __init__(self, paths: Any, labels: Any, mode: str | None, classes: int, load: Callable[[str], Any]):
        self.paths, self.labels, self.mode, self.classes, self.load = paths, labels, mode, classes, load

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Any:
        x = self.load(self.paths[index])
        return x if self.labels is None else (x, self._label(self.labels[index]))

    def _label(self, label: Any) -> Any:
        if self.mode == "binary":
            return np.array([label], "float32")
        return (np.arange(self.classes) == label).astype("float32") if self.mode == "categorical" else label

    def stack(self, samples: Any) -> Any:
        if self.labels is None:
            return _stack(samples)
        contents, labels = zip(*samples)
        return _stack(contents), np.stack(labels)


def _stack(contents: Any) -> Any:
    """Contents of files as one array: text as objects, sound filled up with silence to the longest."""
    if isinstance(contents[0], str):
        return np.array(contents, dtype=object)
    longest = max(len(x) for x in contents)
    return np.stack([np.pad(x, [(0, longest - len(x))] + [(0, 0)] * (x.ndim - 1)) for x in contents])


def _load_image(path, image_size, color_mode, interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio, data_format):
    x = img_to_array(load_img(path, color_mode), data_format, "float32")
    x = ops.image.resize(x, image_size, interpolation, crop_to_aspect_ratio=crop_to_aspect_ratio,
                         pad_to_aspect_ratio=pad_to_aspect_ratio, data_format=data_format)  # fmt: skip
    return ops.convert_to_numpy(x)


def _load_text(path, max_length):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read(-1 if max_length is None else max_length)


def _load_sound(path, sampling_rate, output_sequence_length, ragged):
    if ragged:
        raise ImportError("audio_dataset_from_directory: ragged=True needs TensorFlow, whose ragged tensors hold the result")
    with wave.open(os.fspath(path), "rb") as file:
        if file.getsampwidth() != 2:
            raise ValueError(
                f"audio_dataset_from_directory: {path} has samples of {8 * file.getsampwidth()} bits, but 16 were expected"
            )
        x = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
    x = x.astype("float32") / 32768
    if output_sequence_length is None:
        return x
    return np.pad(x[:output_sequence_length], [(0, max(0, output_sequence_length - len(x))), (0, 0)])


IMAGES = Kind(
    "image_dataset_from_directory", "images", (".bmp", ".gif", ".jpeg", ".jpg", ".png"), _load_image, "image"
)  # fmt: skip
TEXT = Kind("text_dataset_from_directory", "text files", (".txt",), _load_text, "text")
SOUND = Kind("audio_dataset_from_directory", "audio files", (".wav",), _load_sound, "audio")


def image_dataset_from_directory(
    directory,
    labels="inferred",
    label_mode="int",
    class_names=None,
    color_mode="rgb",
    batch_size=32,
    image_size=(256, 256),
    shuffle=True,
    seed=None,
    validation_split=None,
    subset=None,
    interpolation="bilinear",
    follow_links=False,
    crop_to_aspect_ratio=False,
    pad_to_aspect_ratio=False,
    data_format=None,
    format="tf",
    verbose=True,
):
    """The images in a directory, in batches.

    Args:
        directory: Where they are; for `labels="inferred"` in one folder for each class.
        labels: "inferred" from the folders, a list or tuple of one integer for each file in the order of their paths, or None.
        label_mode: "int" (int32 of shape `(batch,)`), "categorical" (one-hot float32 of shape `(batch, classes)`), "binary"
            (float32 of shape `(batch, 1)`), or None for images alone.
        class_names: The folders to read, in the order of the classes; None is all, by name.
        color_mode: "grayscale", "rgb" or "rgba".
        batch_size: Images in a batch, the last one excepted; None gives them one by one.
        image_size: `(height, width)` in pixels to which all are resized.
        shuffle: Whether they are in random order, a new one in each pass; else in the order of their paths.
        seed: For the order.
        validation_split: Share of the files that is kept for validation, between 0 and 1.
        subset: "training", "validation" or "both", where there is such a share.
        interpolation: "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian" or "mitchellcubic".
        follow_links: Whether folders that are symbolic links are read too.
        crop_to_aspect_ratio: Whether what would distort an image is cut off, evenly on both sides.
        pad_to_aspect_ratio: Whether an image gets margins instead, so that it is not distorted.
        data_format: "channels_last" or "channels_first"; None is `keras.config.image_data_format()`.
        format: "tf" or "grain".
        verbose: Whether it says how many files it found.

    Returns:
        A `tf.data.Dataset`, or a `grain.IterDataset` for "grain"; a list of two for "both". Its `class_names` are the names of the
        classes, its `file_paths` the files. Where "tf" is asked for and TensorFlow is not installed, a `PyDataset` of numpy
        arrays, which reads images with Pillow.

    Raises:
        ValueError: If an argument is wrong, or there are no files, or not as many as labels.
        ImportError: If "grain" is asked for and not installed.
    """
    if color_mode not in CHANNELS:
        raise ValueError(f"{IMAGES.user}: `color_mode` must be one of {list(CHANNELS)}, not {color_mode!r}")
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    if not isinstance(size, list | tuple) or len(size) != 2:
        raise ValueError(f"{IMAGES.user}: Invalid `image_size` {image_size!r}: it must be a height and a width")
    interpolation = interpolation.lower()
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"{IMAGES.user}: `interpolation` should be one of {INTERPOLATIONS}, not {interpolation!r}."
                         f"{near(interpolation, INTERPOLATIONS)}")  # fmt: skip
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(f"{IMAGES.user}: Only one of `pad_to_aspect_ratio`, `crop_to_aspect_ratio` can be True")
    options = {
        "image_size": tuple(size),
        "color_mode": color_mode,
        "interpolation": interpolation,
        "crop_to_aspect_ratio": crop_to_aspect_ratio,
        "pad_to_aspect_ratio": pad_to_aspect_ratio,
        "data_format": scope.standardize_data_format(data_format),
    }
    return _serve(IMAGES, options, directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset,
                  follow_links, format, verbose)  # fmt: skip


def text_dataset_from_directory(
    directory,
    labels="inferred",
    label_mode="int",
    class_names=None,
    batch_size=32,
    max_length=None,
    shuffle=True,
    seed=None,
    validation_split=None,
    subset=None,
    follow_links=False,
    format="tf",
    verbose=True,
):
    """The text files (`.txt`) in a directory, in batches.

    Args:
        directory, labels, label_mode, class_names, batch_size: As for `image_dataset_from_directory`.
        max_length: Where longer texts are cut.
        shuffle, seed, validation_split, subset, follow_links, format, verbose: As for `image_dataset_from_directory`.

    Returns:
        A `tf.data.Dataset` of string tensors, or a `grain.IterDataset` for "grain"; a list of two for "both". Its `class_names` are
        the names of the classes. Where "tf" is asked for and TensorFlow is not installed, a `PyDataset` of numpy arrays of str.

    Raises:
        ValueError: If an argument is wrong, or there are no files, or not as many as labels.
        ImportError: If "grain" is asked for and not installed.
    """
    return _serve(TEXT, {"max_length": max_length}, directory, labels, label_mode, class_names, batch_size, shuffle, seed,
                  validation_split, subset, follow_links, format, verbose)  # fmt: skip


def audio_dataset_from_directory(
    directory,
    labels="inferred",
    label_mode="int",
    class_names=None,
    batch_size=32,
    sampling_rate=None,
    output_sequence_length=None,
    ragged=False,
    shuffle=True,
    seed=None,
    validation_split=None,
    subset=None,
    follow_links=False,
    verbose=True,
):
    """The sound files (`.wav`, 16 bits) in a directory, in batches of shape `(batch, samples, channels)`.

    Args:
        directory, labels, label_mode, class_names, batch_size: As for `image_dataset_from_directory`.
        sampling_rate: In Hertz, to which all are brought. Needs tensorflow_io.
        output_sequence_length: Samples of each file: longer ones are cut, shorter ones end in silence. None fills them up to the
            longest one in the batch.
        ragged: Whether batches are ragged tensors instead.
        shuffle, seed, validation_split, subset, follow_links, verbose: As for `image_dataset_from_directory`.

    Returns:
        A `tf.data.Dataset` of float32 tensors between -1 and 1, a tuple of two for "both". Its `class_names` are the names of the
        classes. Where TensorFlow is not installed, a `PyDataset` of numpy arrays.

    Raises:
        ValueError: If an argument is wrong, or there are no files, or not as many as labels.
        ImportError: If `sampling_rate` is given and tensorflow_io is not installed.
    """
    if ragged and output_sequence_length is not None:
        raise ValueError(f"{SOUND.user}: Cannot set both `ragged` and `output_sequence_length`")
    if sampling_rate is not None:
        _check_rate(sampling_rate)
    options = {"sampling_rate": sampling_rate, "output_sequence_length": output_sequence_length, "ragged": ragged}
    made = _serve(SOUND, options, directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset,
                  follow_links, "tf", verbose)  # fmt: skip
    return tuple(made) if isinstance(made, list) else made


def _check_rate(rate: Any) -> None:
    if not isinstance(rate, int):
        raise ValueError(f"{SOUND.user}: `sampling_rate` should have an integer value. Received: {rate!r}")
    if rate <= 0:
        raise ValueError(f"{SOUND.user}: `sampling_rate` should be higher than 0. Received: {rate}")
    if importlib.util.find_spec("tensorflow_io") is None:
        raise ImportError(
            f"{SOUND.user}: To use the argument `sampling_rate`, tensorflow_io has to be there: `pip install tensorflow-io`"
        )


def _serve(kind, options, directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset,
           follow_links, format, verbose):  # fmt: skip
    """The data set, or the list of two, that a directory holds."""
    _check(kind, labels, label_mode, class_names, shuffle, seed, validation_split, subset)
    check_format(format, kind.user)
    labels, label_mode = (None, None) if labels is None or label_mode is None else (labels, label_mode)
    paths, labels, classes = _found(kind, directory, labels, class_names, follow_links)
    if label_mode == "binary" and len(classes) != 2:
        raise ValueError(f'{kind.user}: For label_mode="binary" there must be exactly 2 classes, but there are {classes}')
    if verbose:
        belonging = "" if classes is None else f" belonging to {len(classes)} classes"
        print_msg(f"Found {len(paths)} files{belonging}.")
    seed = int(np.random.randint(1e6)) if seed is None else seed
    order = np.arange(len(paths))
    if shuffle:
        np.random.RandomState(seed).shuffle(order)
    cut = len(order) - int((validation_split or 0) * len(order))
    parts = {None: order, "training": order[:cut], "validation": order[cut:]}
    made = []
    for name in ("training", "validation") if subset == "both" else (subset,):
        numbers = parts[name]
        if not len(numbers):
            raise ValueError(
                f"{kind.user}: No {name + ' ' if name and len(order) else ''}{kind.what} found in directory {directory}, "
                f"whose names end in {', '.join(kind.ends)}"
            )
        if verbose and name:
            print_msg(f"Using {len(numbers)} files for {name}.")
        mixed = bool(shuffle) and not (subset == "both" and name == "validation")
        made.append(_dataset(kind, options, [paths[i] for i in numbers], None if labels is None else labels[numbers], label_mode,
                             classes, format, {"batch_size": batch_size, "shuffle": mixed, "seed": seed}))  # fmt: skip
    return made if subset == "both" else made[0]


def _dataset(kind, options, paths, labels, label_mode, classes, format, order):
    count = len(classes or ())
    made = serve(
        format,
        kind.user,
        lambda tf: tf.files(kind.key, options, paths, labels, label_mode, count, **order),
        lambda: Files(paths, labels, label_mode, count, lambda path: kind.load(path, **options)),
        **order,
    )
    made.class_names = classes
    if kind is IMAGES:
        made.file_paths = paths
    return made


def _check(kind, labels, label_mode, class_names, shuffle, seed, validation_split, subset):
    """Refuses arguments that do not fit together."""
    if labels not in ("inferred", None):
        if not isinstance(labels, list | tuple):
            raise ValueError(
                f'{kind.user}: the `labels` argument should be "inferred", None or a list or tuple of one integer for each file, '
                f"not {labels!r}"
            )
        if class_names:
            raise ValueError(f'{kind.user}: you can only pass `class_names` if `labels="inferred"`, not with a list of labels')
    if label_mode not in (*LABEL_MODES, None):
        raise ValueError(f"{kind.user}: the `label_mode` argument must be one of {LABEL_MODES} or None, not {label_mode!r}")
    if validation_split and not 0 < validation_split < 1:
        raise ValueError(f"{kind.user}: `validation_split` must be between 0 and 1, not {validation_split}")
    if bool(validation_split) != bool(subset):
        raise ValueError(
            f"{kind.user}: where `subset` is given, `validation_split` must be set, and the other way round: subset={subset!r}, "
            f"validation_split={validation_split}"
        )
    if subset not in (*SUBSETS, None):
        raise ValueError(f'{kind.user}: `subset` must be either "training", "validation" or "both", not {subset!r}')
    if validation_split and shuffle and seed is None:
        raise ValueError(
            f"{kind.user}: to split what is shuffled you must provide a `seed`, or the two parts would have files in common"
        )


def _found(kind, directory, labels, class_names, follow_links):
    """The files in a directory, their labels as an array, and the names of the classes; both None for no labels."""
    directory = os.fspath(directory)
    if labels != "inferred":
        paths = _files(directory, kind.ends, follow_links)
        if labels is None:
            return paths, None, None
        if len(labels) != len(paths):
            raise ValueError(
                f"{kind.user}: Expected the lengths of `labels` to match the number of files, but there are {len(labels)} labels "
                f"and {len(paths)} files in {directory}"
            )
        found = np.asarray(labels)
        return paths, found.astype("int32") if found.dtype.kind in "iu" else found, [str(x) for x in sorted(set(labels))]
    folders = sorted(e.name for e in os.scandir(directory) if e.is_dir() and not e.name.startswith("."))
    if class_names is not None and not set(class_names) <= set(folders):
        raise ValueError(
            f"{kind.user}: the `class_names` passed did not match the folders in {directory}: {class_names}, not in {folders}"
        )
    folders = folders if class_names is None else class_names
    each = [_files(os.path.join(directory, folder), kind.ends, follow_links) for folder in folders]
    labels = np.repeat(np.arange(len(each), dtype="int32"), [len(paths) for paths in each])
    return [path for paths in each for path in paths], labels, folders


def _files(folder: str, ends: tuple[str, ...], follow_links: bool) -> list[str]:
    """The files below a folder, sorted by folder and then by name."""
    walk = sorted(os.walk(folder, followlinks=follow_links), key=lambda step: step[0])
    return [os.path.join(root, name) for root, _, names in walk for name in sorted(names) if name.lower().endswith(ends)]
