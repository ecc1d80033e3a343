"""Layers that replace a part of an image, or mix images with others of their batch, in training."""

from kerastorch import fields, ops, random
from kerastorch.fields import declare
from kerastorch.layers.image_colors import Tone
from kerastorch.layers.image_layer import DRAWN, VALUE_RANGE, RandomImageLayer, each, images_in, span
from kerastorch.op import shape_of


def patches(layer, data, parts, seed):
    """Which pixels lie in a rectangle somewhere in their image, of the shape of images with one channel.

    Args:
        layer: The layer that draws.
        data: The images.
        parts: Height and width of the rectangles as parts of an image, each of shape (batch,).
        seed: Where draws take their seed from.
    """
    inside = None
    for size, part, axis in zip(layer._sizes(data)[1:], parts, layer._axes, strict=False):
        length = ops.cast(size, "float32")
        extent = each(part) * length
        start = layer._drawn(data, (0, 1), seed, 1, 1, 1) * (length - extent)
        at = ops.reshape(ops.arange(size, dtype="float32"), [-1 if a == axis else 1 for a in range(-4, 0)])
        found = ops.logical_and(at >= start, at < start + extent)
        inside = found if inside is None else ops.logical_and(inside, found)
    return inside


def mixed(x, transformation, dtype, rank=None):
    """What belongs to each image of a batch, mixed with what belongs to the one that it is paired with."""
    x = ops.cast(x, dtype)
    weights = ops.cast(ops.reshape(transformation["mix_weight"], (-1, *(1,) * ((rank or len(x.shape)) - 1))), dtype)
    return x * weights + ops.take(x, transformation["permutation_order"], axis=0) * (1 - weights)


@declare(order=("factor", "scale", "fill_value", "value_range", "seed", "data_format", "bounding_box_format"))
class RandomErasing(Tone):
    """Replaces a random rectangle of some images by noise or by one value, in training (Zhong et al., 2017).

    Args:
        factor: Range of the probability with which an image is changed: a pair, or one number for the range from 0.
        scale: Range of the squares of the rectangle's height and width, as parts of the image's: a pair, or one number for the
            range from 0.
        fill_value: What is put in its place; None for noise.
        value_range: The least and the greatest value of a pixel, within which results are kept.
        seed: Seed of the draws; an integer, or None for a random one.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
    """

    factor: span(0, 1) = 1.0
    scale: span(0, 1) = (0.02, 0.33)
    fill_value: fields.number(optional=True) = None
    value_range: VALUE_RANGE = (0, 255)

    def get_random_transformation(self, data, training=True, seed=None):
        """Which images are changed ("apply_erasing"), where ("batch_masks"), and what is put there ("fill_value")."""
        if not training:
            return None
        seed = self._seed(seed)
        parts = [ops.sqrt(self._drawn(data, self.scale, seed)) for _ in range(2)]
        fill, (low, high) = self.fill_value, self.value_range
        if fill is None:
            shape = ops.shape(images_in(data))
            noise = random.normal(shape if len(shape) == 4 else (1, *shape), seed=seed)
            fill = ops.clip(noise, 0, 1) * (high - low) + low
        chosen = self._chosen(data, self.factor, seed)
        return {"apply_erasing": chosen, "batch_masks": patches(self, data, parts, seed), "fill_value": fill}

    def changed(self, images, transformation):
        erased = ops.logical_and(each(transformation["apply_erasing"]), transformation["batch_masks"])
        return self._kept(ops.where(erased, ops.cast(transformation["fill_value"], images.dtype), images))


@declare(order=("factor", *DRAWN[:1], "data_format", *DRAWN[1:]))
class CutMix(RandomImageLayer):
    """Replaces a random rectangle of each image by that of another one of the batch, in training (Yun et al., 2019).

    Labels, which must be numbers that can be mixed (such as one-hot ones), are mixed as the areas are.

    Args:
        factor: Range of the parameter of the beta distribution that areas come from: a pair, or one number for the range from 0.
        seed: Seed of the draws; an integer, or None for a random one.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
    """

    factor: span(0, 1) = 1.0

    def get_random_transformation(self, data, training=True, seed=None):
        """Which image each is paired with, which pixels come from there, and how much is left of each image."""
        if not training:
            return None
        seed, batch = self._seed(seed), self._sizes(data)[0]
        alpha = ops.maximum(self._drawn(data, self.factor, seed), 1e-3)
        weight = random.beta((batch,), alpha, alpha, seed=seed)
        part = ops.sqrt(1.0 - weight)
        return {
            "permutation_order": random.shuffle(ops.arange(batch, dtype="int32"), seed=seed),
            "batch_masks": patches(self, data, (part, part), seed),
            "mix_weight": each(weight),
        }

    def changed(self, images, transformation):
        return ops.where(transformation["batch_masks"], ops.take(images, transformation["permutation_order"], axis=0), images)

    def transform_labels(self, labels, transformation=None, training=True):
        return mixed(labels, transformation, self.compute_dtype) if training else labels

    def transform_segmentation_masks(self, segmentation_masks, transformation=None, training=True):
        return self.changed(segmentation_masks, transformation) if training else segmentation_masks


@declare(order=("alpha", "data_format", *DRAWN))
class MixUp(RandomImageLayer):
    """Mixes each image with another one of the batch, in training (Zhang et al., 2017).

    Labels, which must be numbers that can be mixed (such as one-hot ones), and masks are mixed alike; boxes of both are kept.

    Args:
        alpha: Parameter of the beta distribution that weights come from.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
        seed: Seed of the draws; an integer, or None for a random one.
    """

    alpha: fields.number(0) = 0.2

    def get_random_transformation(self, data, training=True, seed=None):
        """Which image each is paired with, and its own weight, both of shape (batch,)."""
        if not training:
            return None
        seed, batch = self._seed(seed), self._sizes(data)[0]
        weight = random.beta((batch,), float(self.alpha), float(self.alpha), seed=seed)
        return {"mix_weight": weight, "permutation_order": random.shuffle(ops.arange(batch, dtype="int32"), seed=seed)}

    def changed(self, images, transformation):
        return mixed(images, transformation, images.dtype, rank=4)

    def transform_labels(self, labels, transformation=None, training=True):
        return mixed(labels, transformation, self.compute_dtype) if training else labels

    def transform_segmentation_masks(self, segmentation_masks, transformation=None, training=True):
        return mixed(segmentation_masks, transformation, self.compute_dtype) if training else segmentation_masks

    def transform_bounding_boxes(self, bounding_boxes, transformation=None, training=True):
        if not training:
            return bounding_boxes
        if len(shape_of(bounding_boxes["boxes"])) == 2:
            return self.transform_single_bounding_box(bounding_boxes, transformation, training)
        order = transformation["permutation_order"]
        return {name: ops.concatenate([x, ops.take(x, order, axis=0)], axis=1) for name, x in bounding_boxes.items()}
