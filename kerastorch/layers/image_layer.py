"""What layers share that prepare images: what they are given, and what follows when images change."""

import functools
from typing import Any

from kerastorch import backend_registry, dtypes, fields, ops, random, scope, shapes, tree
from kerastorch.fields import declare
from kerastorch.layers.data_layer import DataLayer, filled
from kerastorch.op import shape_of
from kerastorch.utils import bounding_boxes as boxes_of

KINDS = {  # what a dict of data may hold: the hooks that transform a batch of it, and one of a batch
    "images": ("transform_images", "transform_single_image"),
    "bounding_boxes": ("transform_bounding_boxes", "transform_single_bounding_box"),
    "labels": ("transform_labels", "transform_single_label"),
    "segmentation_masks": ("transform_segmentation_masks", "transform_single_segmentation_mask"),
}


NO_BOX = -1  # in place of the numbers and the label of a box where an image has fewer of them than others
DRAWN = ("seed", "bounding_box_format")  # the last fields of most layers that draw random numbers, in their order
COLORS = ("factor", "value_range", "data_format", *DRAWN)


def images_in(data: Any) -> Any:
    """The images of what a layer is given: these themselves, or a dict that holds them.

    Raises:
        ValueError: If they are neither of shape (height, width, channels) nor a batch of such.
    """
    images = data["images"] if isinstance(data, dict) else data
    if len(shape_of(images)) not in (3, 4):
        raise ValueError(
            "Expected the input image to be rank 3 or 4. Expected image tensor to have rank 3 (single image) or 4 (batch of "
            f"images), not to be one of shape {tuple(shape_of(images))}"
        )
    return images


# ------------------------------------------------------------------------------------------------ fields

SHOULD = "{cls}: The `{name}` argument should be {error}"


def span(least, most, optional=False, complaint=SHOULD):
    """A field of the range that a number is drawn from: two numbers, or one for the range from its opposite, within bounds.

    Args:
        least, most: The bounds.
        optional: Whether None is accepted, and kept as it is.
        complaint: For `Field`.
    """

    def parse(value):
        if value is None and optional:
            return None
        error = ValueError(f"a number (or a list of two numbers) in the range [{least}, {most}], not {value!r}")
        value = value or 0.0
        pair = value if isinstance(value, list | tuple) else (value,)
        if len(pair) != 2 - (pair is not value) or not all(isinstance(v, int | float) for v in pair):
            raise error
        if pair is value:
            if min(pair) > most or max(pair) < least:
                raise error
            return tuple(sorted(pair))
        if not least <= value <= most:
            raise error
        return max(-abs(value), least), abs(value)

    return fields.Field(parse, complaint=complaint)


def _pair(value):
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(f"a list of two numbers. They are the least and the greatest value of a pixel; this is {value!r}")
    return value


VALUE_RANGE = fields.Field(_pair, complaint=SHOULD)
SORTED_RANGE = fields.Field(lambda v: sorted(_pair(v)), complaint=SHOULD)


def known(*allowed):
    """A field of one of some words, the others of which are refused as not implemented."""

    def parse(value):
        if value not in allowed:
            raise NotImplementedError(f"{value!r} is none of {', '.join(map(repr, allowed))}")
        return value

    return fields.Field(parse)


INTERPOLATION = known("nearest", "bilinear")

# ------------------------------------------------------------------------------------------------ layers


def _in_floatx(backend: Any, x: Any) -> Any:
    """A tensor of doubles, which numpy makes where nothing else is said, in the usual precision."""
    return backend.cast(x, dtypes.floatx()) if backend.is_tensor(x) and backend.dtype(x) == "float64" else x


def _hook(function: Any) -> Any:
    """A hook that may also be called by hand: on the framework of what it is given, with arrays made tensors of that framework."""

    @functools.wraps(function)
    def hook(self, data, *args, **kwargs):
        if scope.is_symbolic() or (scope.state.calls and scope.state.calls[-1].layer is self):
            return function(self, data, *args, **kwargs)
        backend = self._backend_for((data, *args), kwargs)
        data, *drawn = self._as_tensors(backend, [data, list(args), kwargs])
        args, kwargs = tree.map_structure(lambda x: _in_floatx(backend, x), drawn)
        with backend_registry.using(backend):
            return function(self, data, *args, **kwargs)

    return hook


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

    moves = True  # whether pixels leave their places, so that masks and boxes have to follow
    rests = True  # whether nothing is changed outside of training

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for name in ("get_random_transformation", *(hook for hooks in KINDS.values() for hook in hooks)):
            if name in cls.__dict__:
                setattr(cls, name, _hook(cls.__dict__[name]))

    def call(self, data, training=True):
        single = len(shape_of(images_in(data))) == 3
        given = dict(data) if isinstance(data, dict) else {"images": data}
        if "bounding_boxes" in given:
            given["bounding_boxes"] = self._boxes_in(given["bounding_boxes"])
        transformation = self.get_random_transformation(data, training=training)
        out = dict(given)
        for kind, hooks in KINDS.items():
            if kind in given:
                out[kind] = getattr(self, hooks[single])(given[kind], transformation=transformation, training=training)
        return out if isinstance(data, dict) else out["images"]

    def _boxes_in(self, boxes):
        """Boxes as they are given, with places that are missing in some images filled up."""
        if not self.bounding_box_format:
            raise ValueError(
                f"{type(self).__name__}: the data has 'bounding_boxes', but it is not said how they are written; give the layer a "
                "`bounding_box_format`, such as 'xyxy'"
            )
        if not isinstance(boxes, dict) or not {"boxes", "labels"} <= boxes.keys():
            raise ValueError(
                f"{type(self).__name__}: 'bounding_boxes' must be a dict with 'boxes' and 'labels', not "
                f"{sorted(boxes) if isinstance(boxes, dict) else type(boxes).__name__}"
            )
        return {k: filled(v, NO_BOX) for k, v in boxes.items()}

    # -------------------------------------------------------------------------------------------- hooks

    @_hook
    def get_random_transformation(self, data, training=True, seed=None):
        """What is done to each image of a batch; None where nothing is random."""
        return None

    def changed(self, images, transformation):
        """A batch of images, in the compute dtype, transformed."""
        raise NotImplementedError(f"{type(self).__name__} does not say how images are transformed (`transform_images`)")

    def boxes_moved(self, boxes, transformation, height, width):
        """Boxes, written as "xyxy", of a batch of images of a size; and the size that the images come to."""
        raise NotImplementedError(f"{type(self).__name__} cannot move bounding boxes along with images; leave them out")

    @_hook
    def transform_images(self, images, transformation=None, training=True):
        """A batch of images transformed."""
        images = self._floats(images)
        return self.changed(images, transformation) if self._active(training) else images

    @_hook
    def transform_labels(self, labels, transformation=None, training=True):
        """What is said of whole images, which stays true."""
        return labels

    @_hook
    def transform_segmentation_masks(self, segmentation_masks, transformation=None, training=True):
        """What is said of each pixel, transformed as images are."""
        if not self.moves:
            return segmentation_masks
        return self.transform_images(segmentation_masks, transformation, training=training)

    @_hook
    def transform_bounding_boxes(self, bounding_boxes, transformation=None, training=True):
        """A batch of dicts with "boxes" and "labels" transformed as images are; boxes that are lost get the label -1."""
        if not self.moves or not self._active(training):
            return bounding_boxes
        if len(shape_of(bounding_boxes["boxes"])) == 2:
            return self.transform_single_bounding_box(bounding_boxes, transformation, training)
        size = self._size_in(transformation)
        boxes = boxes_of.convert_format(bounding_boxes["boxes"], self.bounding_box_format, "xyxy", *size)
        boxes, size = self.boxes_moved(boxes, transformation, *size)
        out = boxes_of.clip_to_image_size({**bounding_boxes, "boxes": boxes}, *size)
        return boxes_of.convert_format(out, "xyxy", self.bounding_box_format, *size)

    @_hook
    def transform_single_image(self, image, transformation, training=True):
        """As `transform_images`, for one image."""
        return self._alone(self.transform_images, image, transformation, training)

    @_hook
    def transform_single_label(self, label, transformation, training=True):
        """As `transform_labels`, for one image."""
        return self._alone(self.transform_labels, label, transformation, training)

    @_hook
    def transform_single_bounding_box(self, bounding_box, transformation, training=True):
        """As `transform_bounding_boxes`, for one image."""
        return self._alone(self.transform_bounding_boxes, bounding_box, transformation, training)

    @_hook
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

    def _size_in(self, transformation):
        """Height and width of the images that a transformation was drawn for."""
        rows, columns, _ = self._axes
        return transformation["input_shape"][rows], transformation["input_shape"][columns]

    def _active(self, training):
        return bool(training) or not self.rests

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

    def _drawn(self, data, bounds, seed, *ones):
        """A number within bounds for each image, of shape (batch, *ones)."""
        return random.uniform((self._sizes(data)[0], *ones), *map(float, bounds), seed=self._seed(seed))

    def _chosen(self, data, factor, seed):
        """Which images are changed, of shape (batch,): each with a probability that is drawn from a range."""
        low, high = map(float, factor)
        drawn = random.uniform((2, self._sizes(data)[0]), seed=self._seed(seed))
        return drawn[0] < low + (high - low) * drawn[1]


def each(numbers, images=None):
    """Numbers of which each belongs to an image of a batch, in a shape and a dtype that go with the images."""
    numbers = ops.reshape(numbers, (-1, 1, 1, 1))
    return numbers if images is None else ops.cast(numbers, images.dtype)
