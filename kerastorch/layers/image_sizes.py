"""Layers that give images another size, or each of them the same number of bounding boxes."""

from kerastorch import fields, ops, random
from kerastorch.fields import declare
from kerastorch.layers.image_layer import ImageLayer, RandomImageLayer, images_in
from kerastorch.op import shape_of
from kerastorch.ops.core import of_sizes


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

    rests = False

    def get_random_transformation(self, data, training=True, seed=None):
        """The height and the width of the images, which say where their boxes come to."""
        return self._sizes(data)[1:]

    def transform_images(self, images, transformation=None, training=True):
        return self._resized(images, self.interpolation)

    def transform_segmentation_masks(self, segmentation_masks, transformation=None, training=True):
        return self._resized(segmentation_masks, "nearest")

    def _size_in(self, transformation):
        return transformation

    def boxes_moved(self, boxes, transformation, height, width):
        size, have = (self.height, self.width), [ops.cast(s, boxes.dtype) for s in (height, width)]
        scales = [s / h for s, h in zip(size, have, strict=True)]
        if self.crop_to_aspect_ratio or self.pad_to_aspect_ratio:  # as in Keras: one scale, and whole pixels cut off or added
            scales = [(ops.maximum if self.crop_to_aspect_ratio else ops.minimum)(*scales)] * 2
        added = [ops.trunc((s - h * scale) / 2) for s, h, scale in zip(size, have, scales, strict=True)]
        return boxes * ops.stack(scales[::-1] * 2) + ops.stack(added[::-1] * 2), size

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

    rests = False

    def get_random_transformation(self, data, training=True, seed=None):
        """The shape of the images, which says where their boxes come to."""
        return {"input_shape": ops.shape(images_in(data))}

    def boxes_moved(self, boxes, transformation, height, width):
        size, (down, across) = (self.height, self.width), (ops.cast(s, boxes.dtype) for s in (height, width))
        ratio = self.height / self.width
        largest = ops.minimum(down, ops.floor(across * ratio)), ops.minimum(across, ops.floor(down / ratio))
        large = ops.logical_and(down >= self.height, across >= self.width)
        part = [ops.where(large, s, fit) for s, fit in zip(size, largest, strict=True)]
        starts = [ops.floor((h - p) / 2) for h, p in zip((down, across), part, strict=True)]
        scales = [s / p for s, p in zip(size, part, strict=True)]
        return (boxes - ops.stack(starts[::-1] * 2)) * ops.stack(scales[::-1] * 2), size

    def changed(self, images, transformation):
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
        """The first row and the first column that are kept ("starts"), and how many are ("part")."""
        shape = ops.shape(images_in(data))
        _, *have = self._sizes(data)
        if not all(isinstance(h, int) for h in have):
            raise ValueError(
                "RandomCrop requires the input to have a fully defined height and width, not images of shape "
                f"{tuple(shape_of(images_in(data)))}"
            )
        size = (self.height, self.width)
        if training and all(h > s for h, s in zip(have, size, strict=True)):
            seed = self._seed(seed)
            draws = [random.uniform((), 0.0, float(h - s + 1), seed=seed) for h, s in zip(have, size, strict=True)]
            return {"starts": tuple(ops.cast(d, "int32") for d in draws), "part": size, "input_shape": shape}
        rows, columns = have
        kept = int(columns * self.height / self.width), int(rows * self.width / self.height)
        starts = tuple((h - max(min(h, k), 1)) // 2 for h, k in zip(have, kept, strict=True))
        part = tuple(min(h - start, s) for h, start, s in zip(have, starts, size, strict=True))
        return {"starts": starts, "part": part, "input_shape": shape}

    def changed(self, images, transformation):
        size = (self.height, self.width)
        images = window(images, self._axes, transformation["starts"], transformation["part"])
        if tuple(images.shape[a] for a in self._axes[:2]) != size:
            images = ops.image.resize(images, size, data_format=self.data_format)
        return images

    def transform_images(self, images, transformation=None, training=True):
        return super().transform_images(images, transformation) if training else images

    def boxes_moved(self, boxes, transformation, height, width):
        down, right = (ops.cast(s, boxes.dtype) for s in transformation["starts"])
        part = transformation["part"]
        scale = ops.convert_to_tensor([self.width / part[1], self.height / part[0]] * 2, boxes.dtype)
        return (boxes - ops.stack([right, down, right, down])) * scale, (self.height, self.width)


@declare(unlisted=("data_format",), order=("max_number", "fill_value", "data_format", "bounding_box_format"))
class MaxNumBoundingBoxes(ImageLayer):
    """Gives each image the same number of bounding boxes: more are left out, and places that remain are filled.

    Args:
        max_number: How many boxes each image has afterwards.
        fill_value: The numbers and the label of a box that is missing.
    """

    max_number: fields.Count
    fill_value: fields.PLAIN = -1

    def transform_images(self, images, transformation=None, training=True):
        return images

    def transform_segmentation_masks(self, segmentation_masks, transformation=None, training=True):
        return segmentation_masks

    def transform_bounding_boxes(self, bounding_boxes, transformation=None, training=True):
        def limited(x):
            more = [(0, 0)] * len(x.shape)
            more[1] = (0, self.max_number)
            full = ops.pad(x, more, constant_values=self.fill_value)[:, : self.max_number]
            return ops.reshape(full, (-1, self.max_number, *x.shape[2:]))

        return {name: limited(x) for name, x in bounding_boxes.items()}
