"""Data sets of TensorFlow's own."""

import functools
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from kerastorch.utils.image_files import CHANNELS

WINDOW = 1024  # samples that are shuffled among each other where there are no batches


def in_order(dataset: Any, batch_size: int | None, shuffle: bool, seed: int | None) -> Any:
    """The samples in a new order in each pass, if they are shuffled."""
    return dataset.shuffle(batch_size * 8 if batch_size else WINDOW, seed=seed) if shuffle else dataset


def windows(data: Any, targets: Any, starts: Any, offsets: Any, batch_size: Any, shuffle: bool, seed: int | None) -> Any:
    """The windows of a series, each with its target if there are targets.

    Args:
        data, targets: As for `Windows`.
        starts, offsets: Likewise.
        batch_size, shuffle, seed: As for `SampleBatches`.
    """
    data, offsets = tf.convert_to_tensor(data), tf.constant(offsets, starts.dtype)
    dataset = in_order(tf.data.Dataset.from_tensor_slices(starts), batch_size, shuffle, seed)
    # A whole batch of windows is picked at once.
    dataset = dataset if batch_size is None else dataset.batch(batch_size)
    if targets is None:
        pick = lambda start: tf.gather(data, start[..., None] + offsets)
    else:
        targets = tf.convert_to_tensor(targets)
        pick = lambda start: (tf.gather(data, start[..., None] + offsets), tf.gather(targets, start))
    return dataset.map(pick, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def split(dataset: Any, sizes: Callable[[int], tuple[int, int]], shuffle: bool, seed: int | None) -> tuple[Any, Any]:
    """Two parts of any data set, an array or a tuple of arrays; `sizes` says how much goes into each."""
    batch_size = getattr(dataset, "_batch_size", None) if isinstance(dataset, tf.data.Dataset) else None
    if not isinstance(dataset, tuple | np.ndarray):
        dataset = _stacked(list(dataset if batch_size is None else dataset.unbatch()))
    count = len(tf.nest.flatten(dataset)[0])
    left, right = sizes(count)
    order = list(range(count))
    if shuffle:
        random.Random(random.randint(0, int(1e6)) if seed is None else seed).shuffle(order)
    parts = []
    for numbers in (order[:left], order[count - right :]):
        part = tf.data.Dataset.from_tensor_slices(tf.nest.map_structure(lambda x, n=numbers: x[n], dataset))
        part = part if batch_size is None else part.batch(batch_size)
        parts.append(part.prefetch(tf.data.AUTOTUNE))
    return parts[0], parts[1]


def _stacked(samples: list[Any]) -> Any:
    """Samples that are nests of tensors as a nest of arrays; what is a list becomes a tuple, which tf.data takes for a nest."""
    if isinstance(samples[0], list | tuple):
        return tuple(_stacked([s[i] for s in samples]) for i in range(len(samples[0])))
    if isinstance(samples[0], dict):
        return type(samples[0])((key, _stacked([s[key] for s in samples])) for key in samples[0])
    return np.stack([np.asarray(s) for s in samples])


# ------------------------------------------------------------------------------------------------ files


def files(
    kind: str, options: Any, paths: Any, labels: Any, label_mode: Any, classes: int, batch_size: Any, shuffle: bool, seed: Any
) -> Any:
    """What files hold, each with its label if there are labels.

    Args:
        kind: One of `LOADERS`.
        options: For it.
        paths, labels, label_mode, classes: As for `Files`.
        batch_size, shuffle, seed: As for `SampleBatches`.
    """
    dataset = tf.data.Dataset.from_tensor_slices(paths if labels is None else (paths, labels))
    dataset = in_order(dataset, batch_size, shuffle, seed)
    load = functools.partial(LOADERS[kind], **options)
    if labels is not None:
        label = LABELS[label_mode]
        dataset = dataset.map(lambda path, y: (load(path), label(y, classes)), num_parallel_calls=tf.data.AUTOTUNE)
    else:
        dataset = dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE)
    if batch_size is not None:
        filled = kind == "audio" and not options["ragged"]
        dataset = dataset.padded_batch(batch_size) if filled else dataset.batch(batch_size)
    return dataset.prefetch(tf.data.AUTOTUNE)


def _image(path, image_size, color_mode, interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio, data_format):
    channels = CHANNELS[color_mode]
    x = tf.image.decode_image(tf.io.read_file(path), channels=channels, expand_animations=False)
    if pad_to_aspect_ratio:
        x = tf.image.resize_with_pad(x, *image_size, method=interpolation)
    elif crop_to_aspect_ratio:
        # As in `smart_resize`, but sizes are tensors here: a pipeline learns them only when it reads a file.
        height, width = tf.unstack(tf.shape(x)[:2])
        kept = [tf.maximum(tf.minimum(height, width * image_size[0] // image_size[1]), 1),
                tf.maximum(tf.minimum(width, height * image_size[1] // image_size[0]), 1)]  # fmt: skip
        top, left = (height - kept[0]) // 2, (width - kept[1]) // 2
        x = tf.image.resize(x[top : top + kept[0], left : left + kept[1]], image_size, method=interpolation)
    else:
        x = tf.image.resize(x, image_size, method=interpolation)
    x = tf.ensure_shape(x, (*image_size, channels))
    return x if data_format == "channels_last" else tf.transpose(x, (2, 0, 1))


def _text(path, max_length):
    content = tf.io.read_file(path)
    return content if max_length is None else tf.strings.substr(content, 0, max_length)


def _audio(path, sampling_rate, output_sequence_length, ragged):
    samples = -1 if output_sequence_length is None else output_sequence_length
    x, rate = tf.audio.decode_wav(tf.io.read_file(path), desired_samples=samples)
    if sampling_rate is not None:
        import tensorflow_io

        x = tensorflow_io.audio.resample(x, tf.cast(rate, "int64"), sampling_rate)
    return tf.RaggedTensor.from_tensor(x) if ragged else x


LOADERS = {"image": _image, "text": _text, "audio": _audio}
LABELS = {
    "int": lambda y, classes: y,
    "binary": lambda y, classes: tf.cast(y, "float32")[..., None],
    "categorical": lambda y, classes: tf.one_hot(y, classes),
}
