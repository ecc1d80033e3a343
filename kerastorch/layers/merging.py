"""Layers that join several inputs, and the functions that apply them."""

import functools

from kerastorch import fields, ops
from kerastorch.fields import declare
from kerastorch.layers.base import Layer
from kerastorch.layers.structures import is_shape
from kerastorch.shapes import normalize_axis


class Merge(Layer):
    """What merging layers share: a list of inputs of one batch size, and masks that are joined by OR."""

    supports_masking = True
    inputs_needed: int | None = None

    def build(self, input_shape):
        wrong = is_shape(input_shape) or not input_shape or self.inputs_needed not in (None, len(input_shape))
        if wrong:
            count = "a list of at least 1 input" if self.inputs_needed is None else f"exactly {self.inputs_needed} inputs"
            raise ValueError(f"this layer should be called on {count}")
        if len({s[0] for s in input_shape if s} - {None}) > 1:
            raise ValueError("the batch sizes of the inputs differ")

    def call(self, inputs):
        return functools.reduce(self.join, _same_rank(inputs))

    def compute_mask(self, inputs, mask=None):
        if mask is None:
            return None
        _check_lists(inputs, mask)
        return self.join_masks(inputs, mask)

    def join_masks(self, inputs, masks):
        """The mask of the output, from the inputs and one mask, or None, for each."""
        return None if any(m is None for m in masks) else functools.reduce(ops.logical_or, masks)


def _check_lists(inputs, masks):
    for name, value in (("mask", masks), ("inputs", inputs)):
        if not isinstance(value, list | tuple):
            raise ValueError(f"`{name}` should be a list. Received a {type(value).__name__}")
    if len(inputs) != len(masks):
        raise ValueError(f"`inputs` ({len(inputs)} of them) and `mask` ({len(masks)}) should have the same length.")


def _same_rank(inputs):
    """The inputs, with axes of size 1 put behind the batch's where one has fewer axes than another."""
    rank = max(len(x.shape) for x in inputs)
    return [ops.expand_dims(x, tuple(range(1, 1 + rank - len(x.shape)))) if len(x.shape) < rank else x for x in inputs]


def _over(mask, x):
    """A mask of steps over the features of `x`."""
    return ops.broadcast_to(ops.expand_dims(mask, -1), ops.shape(x))


@declare
class Add(Merge):
    """The sum of the inputs, element by element."""

    join = staticmethod(ops.add)


@declare
class Subtract(Merge):
    """The first input less the second, element by element."""

    inputs_needed = 2
    join = staticmethod(ops.subtract)


@declare
class Average(Merge):
    """The mean of the inputs, element by element."""

    join = staticmethod(ops.add)

    def call(self, inputs):
        return super().call(inputs) / len(inputs)


@declare
class Multiply(Merge):
    """The product of the inputs, element by element; a masked step counts as 1, or as 0 where all inputs are masked."""

    join = staticmethod(ops.multiply)

    def call(self, inputs, mask=None):
        inputs, masks = _same_rank(inputs), mask or [None] * len(inputs)
        over = [None if m is None else _over(m, x) for m, x in zip(masks, inputs, strict=True)]
        output = functools.reduce(
            ops.multiply, (x if m is None else ops.where(m, x, 1) for m, x in zip(over, inputs, strict=True))
        )
        if any(m is None for m in over):
            return output
        return ops.where(functools.reduce(ops.logical_or, over), output, 0)


class Extremum(Merge):
    """What Maximum and Minimum share: a masked step does not take part."""

    def call(self, inputs, mask=None):
        inputs, masks = _same_rank(inputs), mask or [None] * len(inputs)
        output, seen = inputs[0], None if masks[0] is None else _over(masks[0], inputs[0])
        for x, m in zip(inputs[1:], masks[1:], strict=True):
            kept = None if m is None else _over(m, x)
            x = x if kept is None else ops.where(kept, x, output)
            output = output if seen is None else ops.where(seen, output, x)
            seen = None if kept is None or seen is None else ops.logical_or(seen, kept)
            output = self.join(output, x)
        return output


@declare
class Maximum(Extremum):
    """The largest of the inputs, element by element, of those that are not masked there."""

    join = staticmethod(ops.maximum)


@declare
class Minimum(Extremum):
    """The smallest of the inputs, element by element, of those that are not masked there."""

    join = staticmethod(ops.minimum)


@declare
class Concatenate(Merge):
    """The inputs one after another along an axis.

    Args:
        axis: The axis; in all others the inputs' sizes are equal.
    """

    axis: fields.PLAIN = -1

    def call(self, inputs):
        return ops.concatenate(inputs, axis=self.axis)

    def join_masks(self, inputs, masks):
        if all(m is None for m in masks):
            return None
        full = []
        for x, m in zip(inputs, masks, strict=True):
            if m is None:
                m = ops.ones_like(x, dtype="bool")
            elif len(m.shape) < len(x.shape):
                m = ops.logical_or(ops.expand_dims(m, -1), ops.zeros_like(x, dtype="bool"))
            full.append(m)
        return ops.any(ops.concatenate(full, axis=self.axis), axis=-1)


def _axes(value):
    if hasattr(value, "__index__"):
        return value
    if not isinstance(value, list | tuple):
        raise TypeError(f"an integer or a pair of integers is needed, not {value!r}")
    if len(value) != 2 or not all(hasattr(v, "__index__") for v in value):
        raise ValueError(f"an integer or a pair of integers is needed, not {value!r}")
    return value


@declare
class Dot(Merge):
    """Products of two inputs summed along one axis of each, sample by sample.

    Args:
        axes: The axis to sum along, or a pair: one for each input.
        normalize: Whether samples are first scaled to length 1 along that axis, which makes the result their cosine.
    """

    axes: fields.Field(_axes)
    normalize: bool = False

    inputs_needed = 2

    def _resolved(self, first, second):
        pair = (self.axes, self.axes) if hasattr(self.axes, "__index__") else self.axes
        found = [normalize_axis(a, len(s), "axes") for a, s in zip(pair, (first, second), strict=True)]
        if 0 in found:
            raise ValueError(f"axes={self.axes} names axis 0, along which the samples lie")
        return found

    def build(self, input_shape):
        super().build(input_shape)
        first, second = input_shape
        a, b = self._resolved(first, second)
        if None not in (first[a], second[b]) and first[a] != second[b]:
            raise ValueError(f"the inputs differ in size along axes {a} and {b}")

    def call(self, inputs):
        x, y = inputs
        a, b = self._resolved(x.shape, y.shape)
        if self.normalize:
            x, y = ops.normalize(x, axis=a), ops.normalize(y, axis=b)
        letters = iter("abcdefghijklmnopqrstuvwxy")
        batch, summed = next(letters), "z"
        left = [batch, *(summed if i == a else next(letters) for i in range(1, len(x.shape)))]
        right = [batch, *(summed if i == b else next(letters) for i in range(1, len(y.shape)))]
        rest = [c for c in [*left[1:], *right[1:]] if c != summed]
        output = ops.einsum(f"{''.join(left)},{''.join(right)}->{''.join([batch, *rest])}", x, y)
        return output if rest else ops.expand_dims(output, -1)

    def join_masks(self, inputs, masks):
        return None


# ------------------------------------------------------------------------------------------------ functions


def add(inputs, **kwargs):
    """The sum of a list of tensors, by an `Add` layer with the given keywords."""
    return Add(**kwargs)(inputs)


def subtract(inputs, **kwargs):
    """The first of two tensors less the second, by a `Subtract` layer with the given keywords."""
    return Subtract(**kwargs)(inputs)


def average(inputs, **kwargs):
    """The mean of a list of tensors, by an `Average` layer with the given keywords."""
    return Average(**kwargs)(inputs)


def multiply(inputs, **kwargs):
    """The product of a list of tensors, by a `Multiply` layer with the given keywords."""
    return Multiply(**kwargs)(inputs)


def maximum(inputs, **kwargs):
    """The largest of a list of tensors, by a `Maximum` layer with the given keywords."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs, **kwargs):
    """The smallest of a list of tensors, by a `Minimum` layer with the given keywords."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs, axis=-1, **kwargs):
    """A list of tensors one after another along an axis, by a `Concatenate` layer with the given keywords."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs, axes=-1, **kwargs):
    """Products of two tensors summed along one axis of each, by a `Dot` layer with the given keywords."""
    return Dot(axes=axes, **kwargs)(inputs)
