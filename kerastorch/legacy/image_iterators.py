"""`keras.preprocessing.image` of Keras 1 and 2: batches of images from arrays, folders and tables."""

import os
from typing import Any

import numpy as np

from kerastorch import dtypes, scope
from kerastorch.errors import near
from kerastorch.legacy.past import Past, old
from kerastorch.utils.image_files import array_to_img, img_to_array, load_img
from kerastorch.utils.pydataset import PyDataset

PAST: dict[str, Past] = {}
EXTENSIONS = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")
SUBSETS = ("training", "validation")


def _part(generator: Any, subset: str | None, count: int) -> slice:
    """Which of `count` samples belong to a subset; those for validation come first."""
    if subset is None:
        return slice(None)
    if subset not in SUBSETS:
        raise ValueError(f"subset must be 'training' or 'validation', not {subset!r}.{near(subset, SUBSETS)}")
    border = int(count * (generator._validation_split if generator is not None else 0))
    return slice(0, border) if subset == "validation" else slice(border, None)


@old(PAST, "keras.utils.PyDataset")
class Iterator(PyDataset):
    """Batches without end, in a new order in each epoch; by number as a `PyDataset` too.

    Args:
        n: Number of samples.
        batch_size: Samples in a batch.
        shuffle: Whether their order is random.
        seed: Seed of that and of random changes; None follows numpy's.
    """

    white_list_formats = EXTENSIONS

    def __init__(self, n, batch_size, shuffle, seed):
        super().__init__()
        self.n, self.batch_size, self.shuffle, self.seed = n, batch_size, shuffle, seed
        self.batch_index = self.total_batches_seen = 0
        self.index_array: Any = None

    def _begin(self) -> None:
        if self.seed is not None:
            np.random.seed(self.seed + self.total_batches_seen)
        self.total_batches_seen += 1

    def _batch(self, idx: int) -> Any:
        return self._get_batches_of_transformed_samples(self.index_array[self.batch_size * idx : self.batch_size * (idx + 1)])

    def _order(self) -> None:
        self.index_array = np.random.permutation(self.n) if self.shuffle else np.arange(self.n)

    def __len__(self):
        return (self.n + self.batch_size - 1) // self.batch_size

    def __getitem__(self, idx):
        if not 0 <= idx < len(self):
            raise ValueError(f"{type(self).__name__}: there are {len(self)} batches, so none of number {idx}")
        self._begin()
        if self.index_array is None:
            self._order()
        return self._batch(idx)

    def _get_batches_of_transformed_samples(self, index_array: Any) -> Any:
        """The batch of some samples, by their numbers."""
        raise NotImplementedError(f"{type(self).__name__} must define _get_batches_of_transformed_samples(index_array)")

    def on_epoch_end(self):
        """Draws a new order."""
        self._order()

    def reset(self):
        """Begins again with the first batch."""
        self.batch_index = 0

    def __iter__(self):
        return self

    def __next__(self):
        self._begin()
        if self.batch_index == 0:
            self._order()
        batch = self._batch(self.batch_index)
        self.batch_index = (self.batch_index + 1) % len(self)
        return batch

    def next(self):
        """The next batch."""
        return next(self)

    def _keep(self, batch: Any, index_array: Any) -> None:
        """Writes the images of a batch where `save_to_dir` says."""
        for i, x in zip(index_array, batch, strict=True) if self.save_to_dir else ():
            name = f"{self.save_prefix}_{i}_{np.random.randint(10**7)}.{self.save_format}"
            array_to_img(x, self.data_format, scale=True).save(os.path.join(str(self.save_to_dir), name))

    save_to_dir: str | None = None
    save_prefix, save_format = "", "png"
    data_format: str | None = None


@old(PAST, "layers such as keras.layers.RandomFlip, on arrays")
class NumpyArrayIterator(Iterator):
    """Batches of images that are in memory.

    Args:
        x: Images, `(samples, height, width, channels)`, or a pair of them and other inputs.
        y: Targets, or None.
        image_data_generator: An `ImageDataGenerator`, which changes the images.
        batch_size, shuffle, seed: As for `Iterator`.
        sample_weight: Weights.
        data_format: Layout; None is the default one.
        save_to_dir, save_prefix, save_format: Where changed images are written, and how; None for nowhere.
        subset: "training" or "validation": the part of the data that the generator's `validation_split` says.
        ignore_class_split: Whether the two may have different classes.
        dtype: Of the images; None is floatx.

    Raises:
        ValueError: If lengths differ, the images are no images, or a subset lacks classes.
    """

    def __init__(self, x, y, image_data_generator, batch_size=32, shuffle=False, sample_weight=None, seed=None,
                 data_format=None, save_to_dir=None, save_prefix="", save_format="png", subset=None,
                 ignore_class_split=False, dtype=None):  # fmt: skip
        x, misc = x if isinstance(x, tuple | list) else (x, [])
        misc = [np.asarray(m) for m in (misc if isinstance(misc, list) else [misc])]
        for name, other in (*(("the other inputs", m) for m in misc), ("y", y), ("sample_weight", sample_weight)):
            if other is not None and len(other) != len(x):
                raise ValueError(f"NumpyArrayIterator: x has {len(x)} images, but {name} have length {len(other)}")
        part = _part(image_data_generator, subset, len(x))
        if subset is not None and y is not None and not ignore_class_split:
            border = int(len(x) * image_data_generator._validation_split)
            if not np.array_equal(np.unique(y[:border]), np.unique(y[border:])):
                raise ValueError("NumpyArrayIterator: training and validation subsets have different classes; shuffle the data, "
                                 "or pass ignore_class_split=True")  # fmt: skip
        self.dtype, self.data_format = dtype or dtypes.floatx(), scope.standardize_data_format(data_format)
        self.x = np.asarray(x, dtype=self.dtype)[part]
        if self.x.ndim != 4:
            raise ValueError(f"NumpyArrayIterator: x must have 4 axes, but has shape {self.x.shape}")
        self.x_misc = [m[part] for m in misc]
        self.y, self.sample_weight = (None if v is None else np.asarray(v)[part] for v in (y, sample_weight))
        self.image_data_generator = image_data_generator
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        super().__init__(len(self.x), batch_size, shuffle, seed)

    def _get_batches_of_transformed_samples(self, index_array: Any) -> Any:
        change = self.image_data_generator
        batch = np.zeros((len(index_array), *self.x.shape[1:]), dtype=self.dtype)
        for row, i in zip(batch, index_array, strict=True):
            row[...] = change.standardize(change.random_transform(self.x[i]))
        self._keep(batch, index_array)
        inputs = [batch, *(m[index_array] for m in self.x_misc)] if self.x_misc else batch
        rest = tuple(v[index_array] for v in (self.y, self.sample_weight) if v is not None)
        return inputs if self.y is None else (inputs, *rest)


class FileIterator(Iterator):
    """What iterators over image files share."""

    filepaths: list[str]
    classes: Any
    num_classes: int
    sample_weight: Any = None

    def set_processing_attrs(self, image_data_generator, target_size, color_mode, data_format, save_to_dir, save_prefix,
                             save_format, subset, interpolation, keep_aspect_ratio):  # fmt: skip
        """Keeps how files become images; see `DirectoryIterator`."""
        channels = {"rgb": 3, "rgba": 4, "grayscale": 1}
        if color_mode not in channels:
            raise ValueError(f"color_mode must be 'rgb', 'rgba' or 'grayscale', not {color_mode!r}.{near(color_mode, channels)}")
        self.image_data_generator, self.target_size, self.color_mode = image_data_generator, tuple(target_size), color_mode
        self.data_format = scope.standardize_data_format(data_format)
        first = self.data_format == "channels_first"
        depth = (channels[color_mode],)
        self.image_shape = depth + self.target_size if first else self.target_size + depth
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        self.subset, self.interpolation, self.keep_aspect_ratio = subset, interpolation, keep_aspect_ratio

    def _targets(self, batch: Any, index_array: Any) -> Any:
        labels = self.classes[index_array] if self.class_mode in ("binary", "sparse", "categorical") else None
        if self.class_mode == "input":
            return batch.copy()
        if self.class_mode == "categorical":
            return np.eye(self.num_classes, dtype=self.dtype)[labels]
        return labels.astype(self.dtype) if labels is not None else self._other_targets(index_array)

    def _other_targets(self, index_array: Any) -> Any:
        return None

    def _get_batches_of_transformed_samples(self, index_array: Any) -> Any:
        change = self.image_data_generator
        batch = np.zeros((len(index_array), *self.image_shape), dtype=self.dtype)
        for row, i in zip(batch, index_array, strict=True):
            img = load_img(self.filepaths[i], self.color_mode, self.target_size, self.interpolation, self.keep_aspect_ratio)
            x = img_to_array(img, self.data_format)
            row[...] = x if change is None else change.standardize(change.random_transform(x))
        self._keep(batch, index_array)
        y = self._targets(batch, index_array)
        if y is None:
            return batch
        return (batch, y) if self.sample_weight is None else (batch, y, self.sample_weight[index_array])

    class_mode: str | None = None
    dtype: str = "float32"


@old(PAST, "keras.utils.image_dataset_from_directory")
class DirectoryIterator(FileIterator):
    """Batches of the images in a folder, which has one folder for each class.

    Args:
        directory: The folder.
        image_data_generator: An `ImageDataGenerator`, which changes the images; None changes nothing.
        target_size: `(height, width)` of the images.
        color_mode: "rgb", "rgba" or "grayscale".
        classes: Names of folders in the order of classes; None takes all, sorted.
        class_mode: Targets: "categorical", "binary", "sparse", "input" (the images themselves), or None.
        batch_size, shuffle, seed: As for `Iterator`.
        data_format, save_to_dir, save_prefix, save_format, subset, dtype: As for `NumpyArrayIterator`.
        follow_links: Whether links to folders are followed.
        interpolation, keep_aspect_ratio: As for `keras.utils.load_img`.

    Raises:
        ValueError: If an argument is unknown.
    """

    def __init__(self, directory, image_data_generator, target_size=(256, 256), color_mode="rgb", classes=None,
                 class_mode="categorical", batch_size=32, shuffle=True, seed=None, data_format=None, save_to_dir=None,
                 save_prefix="", save_format="png", follow_links=False, subset=None, interpolation="nearest",
                 keep_aspect_ratio=False, dtype=None):  # fmt: skip
        self.set_processing_attrs(image_data_generator, target_size, color_mode, data_format, save_to_dir, save_prefix, save_format,
                                  subset, interpolation, keep_aspect_ratio)  # fmt: skip
        modes = ("categorical", "binary", "sparse", "input", None)
        if class_mode not in modes:
            raise ValueError(f"DirectoryIterator: class_mode must be one of {modes}, not {class_mode!r}")
        self.directory, self.class_mode, self.dtype = directory, class_mode, dtype or dtypes.floatx()
        folders = classes or sorted(name for name in os.listdir(directory) if os.path.isdir(os.path.join(directory, name)))
        self.num_classes, self.class_indices = len(folders), {name: i for i, name in enumerate(folders)}
        self.filenames, labels = [], []
        for name, number in self.class_indices.items():
            found = []
            for root, _, files in sorted(os.walk(os.path.join(directory, name), followlinks=follow_links)):
                found += [os.path.join(root, f) for f in sorted(files) if f.lower().endswith(EXTENSIONS)]
            found = found[_part(image_data_generator, subset, len(found))]
            self.filenames += [os.path.relpath(f, directory) for f in found]
            labels += [number] * len(found)
        self.classes = np.array(labels, dtype="int32")
        self.filepaths = [os.path.join(directory, f) for f in self.filenames]
        self.samples = len(self.filenames)
        print(f"Found {self.samples} images belonging to {self.num_classes} classes.")
        super().__init__(self.samples, batch_size, shuffle, seed)

    @property
    def labels(self) -> Any:
        """The number of each sample's class."""
        return self.classes


@old(PAST, "keras.utils.PyDataset")
class DataFrameIterator(FileIterator):
    """Batches of images whose files a table of pandas names.

    Args:
        dataframe: The table.
        directory: Where the files are; None if they are named by whole paths.
        image_data_generator, target_size, color_mode, classes, batch_size, shuffle, seed, data_format, save_to_dir, save_prefix,
            save_format, subset, interpolation, keep_aspect_ratio, dtype: As for `DirectoryIterator`.
        x_col: Column with the files.
        y_col: Column with the targets, or several for "raw" and "multi_output".
        weight_col: Column with weights.
        class_mode: Targets: "categorical", "binary", "sparse", "input", "raw", "multi_output", or None.
        validate_filenames: Whether rows whose files are no images are left out.

    Raises:
        ValueError: If an argument is unknown.
    """

    def __init__(self, dataframe, directory=None, image_data_generator=None, x_col="filename", y_col="class", weight_col=None,
                 target_size=(256, 256), color_mode="rgb", classes=None, class_mode="categorical", batch_size=32, shuffle=True,
                 seed=None, data_format="channels_last", save_to_dir=None, save_prefix="", save_format="png", subset=None,
                 interpolation="nearest", keep_aspect_ratio=False, dtype="float32", validate_filenames=True):  # fmt: skip
        self.set_processing_attrs(image_data_generator, target_size, color_mode, data_format, save_to_dir, save_prefix, save_format,
                                  subset, interpolation, keep_aspect_ratio)  # fmt: skip
        modes = ("categorical", "binary", "sparse", "input", "raw", "multi_output", None)
        if class_mode not in modes:
            raise ValueError(f"DataFrameIterator: class_mode must be one of {modes}, not {class_mode!r}")
        self.class_mode, self.dtype = class_mode, dtype or dtypes.floatx()
        paths = dataframe[x_col].map(lambda f: os.path.join(directory or "", f))
        if validate_filenames:
            good = paths.map(lambda f: f.lower().endswith(EXTENSIONS) and os.path.isfile(f))
            dataframe, paths = dataframe[good], paths[good]
        by_class = class_mode in ("categorical", "binary", "sparse")
        if by_class:
            names = classes or sorted(dataframe[y_col].unique())
            known = dataframe[y_col].isin(names)
            dataframe, paths = dataframe[known], paths[known]
            self.num_classes, self.class_indices = len(names), {name: i for i, name in enumerate(names)}
        part = _part(image_data_generator, subset, len(dataframe))
        dataframe = dataframe[part]
        self.filenames, self.filepaths, self.samples = dataframe[x_col].tolist(), paths[part].tolist(), len(dataframe)
        if by_class:
            self.classes = dataframe[y_col].map(self.class_indices).to_numpy("int64")
        elif class_mode in ("raw", "multi_output"):
            self._raw = [dataframe[c].to_numpy() for c in y_col] if class_mode == "multi_output" else dataframe[y_col].to_numpy()
        self.sample_weight = None if weight_col is None else dataframe[weight_col].to_numpy()
        end = f" belonging to {self.num_classes} classes" if by_class else ""
        print(f"Found {self.samples} {'' if not validate_filenames else 'validated '}image filenames{end}.")
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _other_targets(self, index_array: Any) -> Any:
        if self.class_mode == "multi_output":
            return [column[index_array] for column in self._raw]
        return self._raw[index_array] if self.class_mode == "raw" else None

    @property
    def labels(self) -> Any:
        """The targets of all samples."""
        return self.classes if self.class_mode in ("categorical", "binary", "sparse") else self._raw
