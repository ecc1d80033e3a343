"""Layers that use the whole range of values, by what values there are: they stretch it, or even out how often values occur."""

from kerastorch import dtypes, fields, ops
from kerastorch.fields import declare
from kerastorch.layers.image_layer import SORTED_RANGE, VALUE_RANGE, ImageLayer
from kerastorch.op import dtype_of


@declare(unlisted=("data_format",), order=("value_range", "data_format", "bounding_box_format"))
class AutoContrast(ImageLayer):
    """Stretches the values of each channel of an image over the range of values, in training and otherwise.

    Args:
        value_range: The least and the greatest value of a pixel.
    """

    value_range: SORTED_RANGE = (0, 255)

    moves = rests = False

    def changed(self, images, transformation):
        low, high = (f(images, axis=self._axes[:2], keepdims=True) for f in (ops.min, ops.max))
        least, most = self.value_range
        stretched = (images - low) / ops.where(high > low, high - low, 1.0) * (most - least) + least
        return ops.where(high > low, ops.clip(stretched, least, most), images)


def _leveled(images, value_range, levels):
    """Which of some levels each value lies on, as integers."""
    least, most = value_range
    return ops.cast(ops.floor(ops.clip((images - least) / (most - least), 0, 1) * (levels - 1)), "int32")


def _counted(places, groups, levels, dtype):
    """How often each level occurs in each group, of shape (groups, levels); places are the group times `levels`, plus the level."""
    flat = ops.reshape(places, (-1,))
    return ops.reshape(ops.segment_sum(ops.ones_like(flat, dtype=dtype), flat, groups * levels), (groups, levels))


def _evened(layer, images):
    """What the layer makes of images with the channels last, as floats of a precision in which pixels can be counted."""
    first = layer.data_format == "channels_first"
    floats = ops.cast(images, dtypes.promote(layer.compute_dtype, "float32"))
    out = layer.evened(ops.transpose(floats, (0, 2, 3, 1)) if first else floats)
    return ops.transpose(out, (0, 3, 1, 2)) if first else out


@declare(order=("value_range", "bins", "data_format", "bounding_box_format"))
class Equalization(ImageLayer):
    """Evens out how often values occur in each channel, in training; all images of a batch are changed alike.

    Args:
        value_range: The least and the greatest value of a pixel.
        bins: How many values are told apart.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
    """

    value_range: SORTED_RANGE = (0, 255)
    bins: fields.Count = 256

    moves = False

    def changed(self, images, transformation):
        return ops.cast(_evened(self, images), images.dtype)

    def evened(self, images):
        """Float images with the channels last, in which values occur equally often."""
        least, most = self.value_range
        channels = images.shape[-1]
        places = _leveled(images, self.value_range, self.bins) + ops.arange(channels, dtype="int32") * self.bins
        counts = _counted(places, channels, self.bins, images.dtype)
        reached = ops.cumsum(counts, axis=1)
        total = reached[:, -1:]
        first = ops.min(ops.where(counts > 0, reached, total), axis=1, keepdims=True)
        table = ops.round((reached - first) / ops.maximum(total - first, 1) * 255) / 255 * (most - least) + least
        varied = ops.squeeze(total > first, 1)
        return ops.where(varied, ops.take(ops.reshape(table, (-1,)), places), images)


@declare(order=("value_range", "clip_limit", "tile_grid_size", "data_format", "bounding_box_format"))
class ContrastLimitedAdaptiveHistogramEqualization(ImageLayer):
    """Evens out how often values occur around each pixel, but not where few values occur often (Zuiderveld, 1994).

    Each channel of each image is divided into tiles; between the middles of tiles, results are interpolated.

    Args:
        value_range: The least and the greatest value of a pixel.
        clip_limit: How often a value counts at most in a tile, as a multiple of the average; 0 for no limit.
        tile_grid_size: Number of rows and of columns of tiles.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
    """

    value_range: VALUE_RANGE = (0, 255)
    clip_limit: fields.number(0) = 4.0
    tile_grid_size: fields.sizes(2) = (8, 8)

    moves = rests = False
    levels = 256

    def transform_images(self, images, transformation=None, training=True):
        return ops.cast(_evened(self, images), dtype_of(images))

    def evened(self, images):
        """Float images with the channels last, in which values around each pixel occur equally often."""
        dtype, (rows, columns) = images.dtype, self.tile_grid_size
        batch, height, width, channels = ops.shape(images)
        tall, wide = (height + rows - 1) // rows, (width + columns - 1) // columns
        levels = _leveled(images, self.value_range, self.levels)

        def places(levels, row, column):
            """Where the levels of pixels stand in the counts, with the rows and the columns of tiles that they are looked up in."""
            image = ops.reshape(ops.arange(batch, dtype="int32"), (-1, 1, 1, 1))
            row, column = ops.reshape(row, (-1, 1, 1)), ops.reshape(column, (-1, 1))
            tile = (image * rows + row) * columns + column
            return (tile * channels + ops.arange(channels, dtype="int32")) * self.levels + levels

        down, along = (ops.arange(n * size, dtype="int32") for n, size in ((rows, tall), (columns, wide)))
        full = ops.take(ops.take(levels, ops.minimum(down, height - 1), axis=1), ops.minimum(along, width - 1), axis=2)
        counts = _counted(places(full, down // tall, along // wide), batch * rows * columns * channels, self.levels, dtype)
        area = ops.cast(tall * wide, dtype)
        if self.clip_limit > 0:
            limit = ops.floor(area * (self.clip_limit / self.levels))
            excess = ops.sum(ops.maximum(counts - limit, 0), axis=1, keepdims=True)
            counts = ops.minimum(counts, limit) + excess / self.levels
        reached = ops.cumsum(counts, axis=1)
        least, most = self.value_range
        first = reached[:, :1]
        table = ops.reshape((reached - first) / ops.maximum(area - first, 1e-3) * (most - least) + least, (-1,))

        def between(size, tile, number):
            """The tiles on both sides of each row or column of pixels, and their weights."""
            at = ops.clip(ops.arange(size, dtype=dtype) / ops.cast(tile, dtype) - 0.5, 0, number - 1)
            low = ops.floor(at)
            start = ops.cast(low, "int32")
            return (start, 1 - (at - low)), (ops.minimum(start + 1, number - 1), at - low)

        total = 0.0
        for row, above in between(height, tall, rows):
            for column, beside in between(width, wide, columns):
                weight = ops.reshape(above, (-1, 1, 1)) * ops.reshape(beside, (-1, 1))
                total = ops.take(table, places(levels, row, column)) * weight + total
        return total
