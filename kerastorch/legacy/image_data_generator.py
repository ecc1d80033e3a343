"""`ImageDataGenerator` of Keras 1 and 2: images normalised, and changed at random, batch by batch on the host."""

import warnings
from typing import Any

import numpy as np

from kerastorch import dtypes, scope
from kerastorch.legacy.image_iterators import DataFrameIterator, DirectoryIterator, NumpyArrayIterator
from kerastorch.legacy.image_transforms import apply_affine_transform, apply_brightness_shift, apply_channel_shift
from kerastorch.legacy.past import Past, old

PAST: dict[str, Past] = {}


@old(PAST, "layers such as keras.layers.RandomFlip, and keras.utils.image_dataset_from_directory")
class ImageDataGenerator:
    """Normalises images and changes them at random.

    Args:
        featurewise_center, featurewise_std_normalization: Whether the mean of the data given to `fit` becomes 0, and its
            standard deviation 1, for each channel.
        samplewise_center, samplewise_std_normalization: The same for each image by itself.
        zca_whitening: Whether pixels are decorrelated, by what `fit` finds.
        zca_epsilon: Added to singular values for that.
        rotation_range: Degrees by which images are turned at most, either way.
        width_shift_range, height_shift_range: How far they are moved at most: a part of the size if below 1, else pixels; an
            integer for whole pixels below it, a list for those in it.
        brightness_range: Two factors between which the brightness lies.
        shear_range: Degrees by which they are sheared at most, either way.
        zoom_range: Two factors between which the zoom lies, or one number for `1 - z` to `1 + z`.
        channel_shift_range: What is added to all values at most, either way.
        fill_mode, cval, interpolation_order: As for `apply_affine_transform`.
        horizontal_flip, vertical_flip: Whether half of the images are mirrored.
        rescale: Factor of all values, applied after the changes.
        preprocessing_function: Function from an image to one of the same shape, applied before that.
        data_format: Layout; None is the default one.
        validation_split: Part of the data kept for validation.
        dtype: Of the images; None is floatx.

    Raises:
        ValueError: If a range is none.
    """

    def __init__(self, featurewise_center=False, samplewise_center=False, featurewise_std_normalization=False,
                 samplewise_std_normalization=False, zca_whitening=False, zca_epsilon=1e-6, rotation_range=0,
                 width_shift_range=0.0, height_shift_range=0.0, brightness_range=None, shear_range=0.0, zoom_range=0.0,
                 channel_shift_range=0.0, fill_mode="nearest", cval=0.0, horizontal_flip=False, vertical_flip=False,
                 rescale=None, preprocessing_function=None, data_format=None, validation_split=0.0, interpolation_order=1,
                 dtype=None):  # fmt: skip
        self.featurewise_center = featurewise_center or zca_whitening or featurewise_std_normalization
        self.samplewise_center = samplewise_center or samplewise_std_normalization
        self.featurewise_std_normalization = featurewise_std_normalization and not zca_whitening
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening, self.zca_epsilon, self.rotation_range = zca_whitening, zca_epsilon, rotation_range
        self.width_shift_range, self.height_shift_range = width_shift_range, height_shift_range
        self.brightness_range, self.shear_range, self.channel_shift_range = brightness_range, shear_range, channel_shift_range
        self.fill_mode, self.cval, self.interpolation_order = fill_mode, cval, interpolation_order
        self.horizontal_flip, self.vertical_flip = horizontal_flip, vertical_flip
        self.rescale, self.preprocessing_function = rescale, preprocessing_function
        self.dtype, self.data_format = dtype or dtypes.floatx(), scope.standardize_data_format(data_format)
        first = self.data_format == "channels_first"
        self.channel_axis, self.row_axis, self.col_axis = (1, 2, 3) if first else (3, 1, 2)
        if validation_split and not 0 < validation_split < 1:
            raise ValueError(f"ImageDataGenerator: validation_split must lie between 0 and 1, not {validation_split}")
        self._validation_split = validation_split
        self.zoom_range = [1 - zoom_range, 1 + zoom_range] if isinstance(zoom_range, int | float) else list(zoom_range)
        for name, given in (("zoom_range", self.zoom_range), ("brightness_range", brightness_range)):
            if given is not None and len(given) != 2:
                raise ValueError(f"ImageDataGenerator: {name} must be two numbers, not {given!r}")
        self.mean: Any = None
        self.std: Any = None
        self.zca_whitening_matrix: Any = None

    # ---------------------------------------------------------------- batches

    def flow(self, x, y=None, batch_size=32, shuffle=True, sample_weight=None, seed=None, save_to_dir=None, save_prefix="",
             save_format="png", ignore_class_split=False, subset=None):  # fmt: skip
        """Batches of changed images from arrays; see `NumpyArrayIterator`."""
        return NumpyArrayIterator(x, y, self, batch_size, shuffle, sample_weight, seed, self.data_format, save_to_dir, save_prefix,
                                  save_format, subset, ignore_class_split, self.dtype)  # fmt: skip

    def flow_from_directory(self, directory, target_size=(256, 256), color_mode="rgb", classes=None, class_mode="categorical",
                            batch_size=32, shuffle=True, seed=None, save_to_dir=None, save_prefix="", save_format="png",
                            follow_links=False, subset=None, interpolation="nearest", keep_aspect_ratio=False):  # fmt: skip
        """Batches of changed images from a folder; see `DirectoryIterator`."""
        return DirectoryIterator(directory, self, target_size, color_mode, classes, class_mode, batch_size, shuffle, seed,
                                 self.data_format, save_to_dir, save_prefix, save_format, follow_links, subset, interpolation,
                                 keep_aspect_ratio, self.dtype)  # fmt: skip

    def flow_from_dataframe(self, dataframe, directory=None, x_col="filename", y_col="class", weight_col=None,
                            target_size=(256, 256), color_mode="rgb", classes=None, class_mode="categorical", batch_size=32,
                            shuffle=True, seed=None, save_to_dir=None, save_prefix="", save_format="png", subset=None,
                            interpolation="nearest", validate_filenames=True, **kwargs):  # fmt: skip
        """Batches of changed images that a table names; see `DataFrameIterator`."""
        return DataFrameIterator(dataframe, directory, self, x_col, y_col, weight_col, target_size, color_mode, classes, class_mode,
                                 batch_size, shuffle, seed, self.data_format, save_to_dir, save_prefix, save_format, subset,
                                 interpolation, False, self.dtype, validate_filenames, **kwargs)  # fmt: skip

    # ---------------------------------------------------------------- single images

    def standardize(self, x):
        """A batch or image of floats, normalised in place as far as that goes."""
        if self.preprocessing_function is not None:
            x = self.preprocessing_function(x)
        if self.rescale:
            x *= self.rescale
        if self.samplewise_center:
            x -= np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x /= np.std(x, keepdims=True) + 1e-6
        needs = (("mean", self.featurewise_center), ("std", self.featurewise_std_normalization),
                 ("zca_whitening_matrix", self.zca_whitening))  # fmt: skip
        missing = [name for name, needed in needs if needed and getattr(self, name) is None]
        if missing:
            warnings.warn(f"ImageDataGenerator: {', '.join(missing)} not known, so not applied; call fit(x) first", stacklevel=2)
        if self.featurewise_center and self.mean is not None:
            x -= self.mean
        if self.featurewise_std_normalization and self.std is not None:
            x /= self.std + 1e-6
        if self.zca_whitening and self.zca_whitening_matrix is not None:
            x = (x.reshape(-1, self.zca_whitening_matrix.shape[0]) @ self.zca_whitening_matrix).reshape(x.shape)
        return x

    def get_random_transform(self, img_shape, seed=None):
        """A change drawn at random, as a dictionary for `apply_transform`.

        Args:
            img_shape: Shape of the image.
            seed: Seed; None follows numpy's.
        """
        draw: Any = np.random if seed is None else np.random.RandomState(seed)

        def within(limit: Any) -> Any:
            return draw.uniform(-limit, limit) if limit else 0

        def shift(limit: Any, axis: int) -> Any:
            if not np.any(limit):
                return 0
            if isinstance(limit, float):
                return draw.uniform(-limit, limit) * (img_shape[axis - 1] if limit < 1 else 1)
            return draw.choice(limit) * draw.choice([-1, 1]) * (img_shape[axis - 1] if np.max(limit) < 1 else 1)

        found = {"theta": within(self.rotation_range), "tx": shift(self.height_shift_range, self.row_axis),
                 "ty": shift(self.width_shift_range, self.col_axis), "shear": within(self.shear_range)}  # fmt: skip
        found["zx"], found["zy"] = (1, 1) if self.zoom_range == [1, 1] else draw.uniform(*self.zoom_range, 2)
        found["flip_horizontal"] = (draw.random_sample() < 0.5) * self.horizontal_flip
        found["flip_vertical"] = (draw.random_sample() < 0.5) * self.vertical_flip
        found["channel_shift_intensity"] = within(self.channel_shift_range) if self.channel_shift_range else None
        found["brightness"] = None if self.brightness_range is None else draw.uniform(*self.brightness_range)
        return found

    def apply_transform(self, x, transform_parameters):
        """An image, changed.

        Args:
            x: The image.
            transform_parameters: Dictionary as of `get_random_transform`; what is missing changes nothing.
        """
        row, col, channel = (axis - 1 for axis in (self.row_axis, self.col_axis, self.channel_axis))
        told = transform_parameters.get
        moves = {name: told(name, 1 if name in ("zx", "zy") else 0) for name in ("theta", "tx", "ty", "shear", "zx", "zy")}
        x = apply_affine_transform(x, **moves, row_axis=row, col_axis=col, channel_axis=channel, fill_mode=self.fill_mode,
                                   cval=self.cval, order=self.interpolation_order)  # fmt: skip
        if told("channel_shift_intensity") is not None:
            x = apply_channel_shift(x, told("channel_shift_intensity"), channel)
        for axis in [col] * bool(told("flip_horizontal")) + [row] * bool(told("flip_vertical")):
            x = np.flip(x, axis)
        return x if told("brightness") is None else apply_brightness_shift(x, told("brightness"), False)

    def random_transform(self, x, seed=None):
        """An image, changed at random."""
        return self.apply_transform(x, self.get_random_transform(x.shape, seed)).astype(x.dtype)

    def fit(self, x, augment=False, rounds=1, seed=None):
        """Computes mean, deviation and whitening, where they are asked for.

        Args:
            x: Images, with a batch axis.
            augment: Whether images are changed at random first.
            rounds: How often each is, then.
            seed: Seed; None follows numpy's.

        Raises:
            ValueError: If these are no images.
        """
        x = np.array(x, dtype=self.dtype)
        if x.ndim != 4:
            raise ValueError(f"ImageDataGenerator.fit: x must have 4 axes, but has shape {x.shape}")
        if seed is not None:
            np.random.seed(seed)
        if self.rescale:
            x *= self.rescale
        if augment:
            x = np.stack([self.random_transform(image) for _ in range(rounds) for image in x])
        over = tuple(a for a in range(4) if a != self.channel_axis)
        if self.featurewise_center:
            self.mean = np.mean(x, axis=over, keepdims=True)[0]
            x -= self.mean
        if self.featurewise_std_normalization:
            self.std = np.std(x, axis=over, keepdims=True)[0]
            x /= self.std + 1e-6
        if self.zca_whitening:
            u, s, _ = np.linalg.svd(x.reshape(len(x), -1).T, full_matrices=False)
            self.zca_whitening_matrix = (u * (np.sqrt(len(x)) / (s + self.zca_epsilon))) @ u.T
