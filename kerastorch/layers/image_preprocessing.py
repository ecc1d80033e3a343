"""Layers that prepare images: what they share, and those that give images another size."""

from typing import Any

from kerastorch import backend_registry, fields, ops, random, scope, shapes, tree
from kerastorch.fields import declare
from kerastorch.layers.data_layer import DataLayer
from kerastorch.op import shape_of
from kerastorch.ops.core import of_sizes

KINDS = {  # what a dict of data may hold: the hooks that transform a batch of it, and one of a batch
    "images": ("transform_images", "transform_single_image"),
    "bounding_boxes": ("transform_bounding_boxes", "transform_single_bounding_box"),
    "labels": ("transform_labels", "transform_single_label"),
    "segmentation_masks": ("transform_segmentation_masks", "transform_single_segmentation_mask"),
}


def images_in(data: Any) -> Any:
    """The images of what a layer is given: these themselves, or a dict that holds them.

    Raises:
        ValueError: If they are neither of shape (height, width, channels) nor a batch of such.
    """
    images = data["images"] if isinstance(data, dict) else data
    if len(shape_of(images)) not in (3, 4):
        raise ValueError(
            "Expected image tensor to have rank 3 (single image) or 4 (batch of images), not one of shape "
            f"{tuple(shape_of(images))}"
        )
    return images


@declare(unlisted=("bounding_box_format",), hidden=("bounding_box_format",))
class ImageLayer(DataLayer):
    """A layer that changes images, and what is said about places in them along with them.

    It takes images of shape (height, width, channels), a batch of them, or a dict with "images" and any of "labels",
    "segmentation_masks" and "bounding_boxes". What is random is drawn by `get_random_transformation` once for all of these.

    Args:
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
        bounding_box_format: How bounding boxes are written, where some are given.
    """

    data_format: fields.DataFormat = None
    bounding_box_format: fields.PLAIN = None

    def call(self, data, training=True):
        single = len(shape_of(images_in(data))) == 3
        given = data if isinstance(data, dict) else {"images": data}
        if "bounding_boxes" in given and not self.bounding_box_format:
            raise ValueError(
                f"{type(self).__name__}: the data has 'bounding_boxes', but it is not said how they are written; give the layer a "
                "`bounding_box_format`, such as 'xyxy'"
            )
        transformation = self.get_random_transformation(data, training=training)
        out = dict(given)
        for kind, hooks in KINDS.items():
            if kind in given:
                out[kind] = getattr(self, hooks[single])(given[kind], transformation=transformation, training=training)
        return out if isinstance(data, dict) else out["images"]

    # -------------------------------------------------------------------------------------------- hooks

    def get_random_transformation(self, data, training=True, seed=None):
        """What is done to each image of a batch; None where nothing is random."""
        return None

    def transform_images(self, images, transformation, training=True):
        """A batch of images transformed."""
        raise NotImplementedError(f"{type(self).__name__} does not say how images are transformed (`transform_images`)")

    def transform_labels(self, labels, transformation, training=True):
        """What is said of whole images, which stays true."""
        return labels

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        """What is said of each pixel, transformed as images are."""
        return self.transform_images(segmentation_masks, transformation, training=training)

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        """A batch of dicts with "boxes" and "labels" transformed as images are."""
        raise NotImplementedError(f"{type(self).__name__} cannot move bounding boxes along with images; leave them out")

    def transform_single_image(self, image, transformation, training=True):
        """As `transform_images`, for one image."""
        return self._alone(self.transform_images, image, transformation, training)

    def transform_single_label(self, label, transformation, training=True):
        """As `transform_labels`, for one image."""
        return self._alone(self.transform_labels, label, transformation, training)

    def transform_single_bounding_box(self, bounding_box, transformation, training=True):
        """As `transform_bounding_boxes`, for one image."""
        return self._alone(self.transform_bounding_boxes, bounding_box, transformation, training)

    def transform_single_segmentation_mask(self, segmentation_mask, transformation, training=True):
        """As `transform_segmentation_masks`, for one image."""
        return self._alone(self.transform_segmentation_masks, segmentation_mask, transformation, training)

    @staticmethod
    def _alone(hook, value, transformation, training):
        batch = tree.map_structure(lambda x: ops.expand_dims(x, 0), value)
        out = hook(batch, transformation=transformation, training=training)
        return tree.map_structure(lambda x: ops.squeeze(x, 0), out)

    # -------------------------------------------------------------------------------------------- for subclasses

    @property
    def _axes(self):
        """The axes of rows, columns and channels, counted from the end."""
        return shapes.image_axes(self.data_format)

    def _sizes(self, data):
        """The number of images, their height and their width."""
        shape = ops.shape(images_in(data))
        rows, columns, _ = self._axes
        return (shape[0] if len(shape) == 4 else 1), shape[rows], shape[columns]

    def _floats(self, images):
        return ops.cast(images, self.compute_dtype)


@declare
class RandomImageLayer(ImageLayer):
    """An `ImageLayer` that draws random numbers.

    Args:
        seed: Seed of the draws; an integer, or None for a random one.
    """

    seed: fields.PLAIN = None

    def __post_init__(self):
        self.generator = random.SeedGenerator(self.seed)

    def _seed(self, seed):
        """What draws take their seed from: what is given, or a generator whose state is where the data is.

        A function that TensorFlow traces, as pipelines do, draws new numbers at each call only from a state of TensorFlow's own.
        """
        if seed is not None or scope.is_symbolic() or not self.generator.given:
            return self.generator if seed is None else seed
        found, backend = self.generator, backend_registry.active()
        if found.state.backend not in (None, backend):
            others = self._state.extra.setdefault("generators", {})
            found = others.get(backend.name) or others.setdefault(backend.name, random.SeedGenerator(self.seed))
        found.state.tensor(backend)
        return found


# ------------------------------------------------------------------------------------------------ other sizes


@declare(order=("height", "width", "interpolation", "crop_to_aspect_ratio", "pad_to_aspect_ratio", "fill_mode", "fill_value",
                "antialias", "data_format", "bounding_box_format"))  # fmt: skip
class Resizing(ImageLayer):
    """Gives images another size, in their own dtype.

    Args:
        height, width: Size of the result, in pixels.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5". Segmentation masks take the nearest pixel.
        crop_to_aspect_ratio: Whether the middle is cut out of images of another ratio of height and width first.
        pad_to_aspect_ratio: Whether such images are padded first.
        fill_mode: How they are padded: only "constant" is known.
        fill_value: What they are padded with.
        antialias: Whether all pixels count where the result is smaller, not only those next to the new ones.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
    """

    height: fields.Count
    width: fields.Count
    interpolation: fields.PLAIN = "bilinear"
    crop_to_aspect_ratio: bool = False
    pad_to_aspect_ratio: bool = False
    fill_mode: fields.PLAIN = "constant"
    fill_value: fields.PLAIN = 0.0
    antialias: bool = False

    def transform_images(self, images, transformation=None, training=True):
        return self._resized(images, self.interpolation)

    def transform_segmentation_masks(self, segmentation_masks, transformation=None, training=True):
        return self._resized(segmentation_masks, "nearest")

    def _resized(self, images, interpolation):
        return ops.image.resize(
            images, (self.height, self.width), interpolation, self.antialias, self.crop_to_aspect_ratio, self.pad_to_aspect_ratio,
            self.fill_mode, self.fill_value, self.data_format,
        )  # fmt: skip


@declare(order=("height", "width", "data_format", "bounding_box_format"))
class CenterCrop(ImageLayer):
    """Cuts out the middle of images; of smaller ones, the largest part of the same ratio, which is resized.

    Args:
        height, width: Size of the result, in pixels.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
    """

    height: fields.Count
    width: fields.Count

    def transform_images(self, images, transformation=None, training=True):
        images = self._floats(images)
        size = (self.height, self.width)
        _, *have = self._sizes(images)

        def cut():
            starts = [of_sizes(lambda a, b: (a - b) // 2, h, s) for h, s in zip(have, size, strict=True)]
            return window(images, self._axes, starts, size)

        def resized():
            return ops.image.resize(images, size, crop_to_aspect_ratio=True, data_format=self.data_format)

        if all(isinstance(h, int) for h in have):
            return cut() if have[0] >= self.height and have[1] >= self.width else resized()
        large = [ops.zeros((), "int32") + h >= s for h, s in zip(have, size, strict=True)]
        return ops.cond(ops.logical_and(*large), cut, resized)


def window(images, axes, starts, size):
    """The part of images that begins at a row and a column, ints or tensors without dimensions."""
    for axis, start, length in zip(axes, starts, size, strict=False):
        if isinstance(start, int):
            index = [slice(None)] * len(images.shape)
            index[axis] = slice(start, start + length)
            images = images[tuple(index)]
        else:
            images = ops.take(images, ops.arange(length, dtype="int32") + ops.cast(start, "int32"), axis=axis)
    return images


@declare(order=("height", "width", "seed", "data_format", "name", "bounding_box_format"))
class RandomCrop(RandomImageLayer):
    """Cuts the same part at random out of all images of a batch, in training; otherwise they stay as they are.

    Images that are not larger in both directions are cut in the middle and resized to the size asked for.

    Args:
        height, width: Size of the result, in pixels.
        seed: Seed of the draws; an integer, or None for a random one.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
        name: Name.
    """

    height: fields.Count
    width: fields.Count
    name: fields.Base = None

    def get_random_transformation(self, data, training=True, seed=None):
        """The first row and the first column that are kept."""
        _, *have = self._sizes(data)
        if not all(isinstance(h, int) for h in have):
            raise ValueError(
                "RandomCrop requires the input to have a fully defined height and width, not images of shape "
                f"{tuple(shape_of(images_in(data)))}"
            )
        size = (self.height, self.width)
        if training and all(h > s for h, s in zip(have, size, strict=True)):
            seed = self._seed(seed)
            return tuple(
                ops.cast(random.uniform((), 0.0, float(h - s + 1), seed=seed), "int32") for h, s in zip(have, size, strict=True)
            )
        rows, columns = have
        kept = int(columns * self.height / self.width), int(rows * self.width / self.height)
        return tuple((h - max(min(h, k), 1)) // 2 for h, k in zip(have, kept, strict=True))

    def transform_images(self, images, transformation, training=True):
        if not training:
            return images
        size = (self.height, self.width)
        images = window(self._floats(images), self._axes, transformation, size)
        if tuple(images.shape[a] for a in self._axes[:2]) != size:
            images = ops.image.resize(images, size, data_format=self.data_format)
        return images
