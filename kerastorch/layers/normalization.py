"""Normalization: by the batch, by the sample, by groups of channels, or to unit length."""

import warnings

from kerastorch import dtypes, fields, ops
from kerastorch.fields import declare
from kerastorch.layers.base import Layer
from kerastorch.layers.elementwise import Elementwise
from kerastorch.layers.spec import InputSpec
from kerastorch.op import dtype_of
from kerastorch.shapes import normalize_axis
from kerastorch.variable import host_array


def _sizes(input_shape, axes):
    """The sizes of some axes, which must exist and be known."""
    sizes = tuple(input_shape[normalize_axis(a, len(input_shape))] for a in axes)
    if None in sizes:
        raise ValueError(f"the size of axis {', '.join(map(str, axes))} of {tuple(input_shape)} must be known")
    return sizes


AXES = fields.Field(
    fields.axes, complaint="{cls}: Expected an int or a list/tuple of ints for the argument {name!r}, not {value!r}"
)
CLIPPED = ("rmax", "rmin", "dmax")  # what batch renormalization is kept within


def _clipping(value):
    given = dict(value or {})
    wrong = given.keys() - set(CLIPPED)
    if wrong:
        raise ValueError(f"Received invalid keys {', '.join(map(repr, sorted(wrong)))}; {', '.join(CLIPPED)} are known")
    rmax, rmin, dmax = (given.get(k) for k in CLIPPED)
    if rmax is not None and rmin is not None and rmax < rmin:
        raise ValueError(f"rmax should be at least rmin, but they are {rmax} and {rmin}")
    if dmax is not None and dmax < 0:
        raise ValueError(f"dmax should be non-negative, but it is {dmax}")
    return value


def _root(initializer):
    """An initializer that gives the square roots of what another gives."""

    def draw(shape, dtype=None):
        import numpy as np

        return np.sqrt(host_array(initializer(shape, dtype=dtype), dtype))

    return draw


class Scaled(Layer):
    """What normalizations share: a learned scale `gamma` and centre `beta`, in the full precision of the variables."""

    supports_masking = True

    def _add_scale_and_center(self, shape, scale, center):
        self.gamma = self._declared_weight("gamma", shape, autocast=False) if scale else None
        self.beta = self._declared_weight("beta", shape, autocast=False) if center else None

    def compute_output_shape(self, input_shape):
        for axis in self.axis if isinstance(self.axis, list) else [self.axis]:
            normalize_axis(axis, len(input_shape))
        return tuple(input_shape)


@declare
class BatchNormalization(Scaled):
    """Gives each channel mean 0 and variance 1 over the batch, then a learned centre and scale (Ioffe, Szegedy, 2015).

    In training the moments are the batch's, and moving averages of them are kept; otherwise, and in a layer that is not
    trainable, the moments are those averages. Masked steps do not count in the moments.

    Args:
        axis: Axis of the channels.
        momentum: Weight of the old value in the moving averages.
        epsilon: Added to the variance.
        center, scale: Whether there is a learned centre `beta` and scale `gamma`.
        beta_initializer, gamma_initializer: How centre and scale start.
        moving_mean_initializer, moving_variance_initializer: How the averages start.
        beta_regularizer, gamma_regularizer: What is added to the loss for the weights.
        beta_constraint, gamma_constraint: Applied to the weights after each update.
        renorm: Whether training normalizes as inference will, up to a factor r and a summand d that are taken as
            constants (batch renormalization; Ioffe, 2017).
        renorm_clipping: Mapping with the bounds "rmin" and "rmax" of r and "dmax" of |d|; what is left out is no bound.
        renorm_momentum: Weight of the old value in the averages that r and d come from.
        synchronized: Whether replicas share their moments.
    """

    axis: fields.Field(lambda v: int(v[0]) if isinstance(v, list | tuple) and len(v) == 1 else int(v)) = -1
    momentum: fields.Field(float) = 0.99
    epsilon: fields.Field(float) = 0.001
    center: bool = True
    scale: bool = True
    beta_initializer: fields.Initializer = "zeros"
    gamma_initializer: fields.Initializer = "ones"
    moving_mean_initializer: fields.Initializer = "zeros"
    moving_variance_initializer: fields.Initializer = "ones"
    beta_regularizer: fields.Regularizer = None
    gamma_regularizer: fields.Regularizer = None
    beta_constraint: fields.Constraint = None
    gamma_constraint: fields.Constraint = None
    renorm: bool = False
    renorm_clipping: fields.Field(_clipping) = None
    renorm_momentum: fields.PLAIN = 0.99
    synchronized: bool = False

    rests_when_frozen = True

    def __post_init__(self):
        if self.renorm and self.renorm_clipping is None:
            self.renorm_clipping = {}

    def build(self, input_shape):
        shape = _sizes(input_shape, [self.axis])
        self._add_scale_and_center(shape, self.scale, self.center)
        averages = {"moving_mean": self.moving_mean_initializer, "moving_variance": self.moving_variance_initializer}
        if self.renorm:
            averages["moving_stddev"] = averages["renorm_stddev"] = _root(self.moving_variance_initializer)
            averages["renorm_mean"] = self.moving_mean_initializer
        for name in ("moving_mean", "moving_variance", "moving_stddev", "renorm_mean", "renorm_stddev"):
            if name in averages:
                setattr(self, name, self.add_weight(shape, averages[name], trainable=False, autocast=False, name=name))
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})

    def call(self, inputs, training=None, mask=None):
        if mask is not None and len(mask.shape) != len(inputs.shape) - 1:
            raise ValueError(
                f"a mask with one axis less than the inputs is needed, not one of shape {tuple(mask.shape)}"
            )
        dtype = dtypes.promote(dtype_of(inputs), "float32")  # the squares of 16-bit inputs would overflow
        inputs = ops.cast(inputs, dtype)
        mean, variance = ops.cast(self.moving_mean, dtype), ops.cast(self.moving_variance, dtype)
        offset, scale = self.beta, self.gamma
        if training and self.trainable:
            mean, variance = self._moments(inputs, mask)
            self._average("moving_mean", mean, self.momentum)
            if self.renorm:
                offset, scale = self._renormalized(mean, ops.sqrt(variance + self.epsilon))
            else:
                self._average("moving_variance", variance, self.momentum)
        outputs = ops.batch_normalization(inputs, mean, variance, self.axis, offset=offset, scale=scale,
                                          epsilon=self.epsilon)  # fmt: skip
        return ops.cast(outputs, self.compute_dtype)

    def _average(self, name, new, momentum):
        """Moves the average of a name towards a new value; gives the average as it is then."""
        variable = getattr(self, name)
        moved = ops.cast(variable, dtype_of(new)) * momentum + new * (1.0 - momentum)
        variable.assign(moved)
        return moved

    def _renormalized(self, mean, deviation):
        """Centre and scale with r and d of batch renormalization worked in; moves the averages that are of its own."""
        rmax, rmin, dmax = ((self.renorm_clipping or {}).get(k) for k in CLIPPED)
        old_mean, old_deviation = (ops.cast(v, dtype_of(mean)) for v in (self.renorm_mean, self.renorm_stddev))
        r, d = deviation / old_deviation, (mean - old_mean) / old_deviation
        r = r if rmax is None else ops.minimum(r, rmax)
        r = r if rmin is None else ops.maximum(r, rmin)
        d = d if dmax is None else ops.clip(d, -dmax, dmax)
        r, d = ops.stop_gradient(r), ops.stop_gradient(d)
        self._average("renorm_mean", mean, self.renorm_momentum)
        self._average("renorm_stddev", deviation, self.renorm_momentum)
        moved = self._average("moving_stddev", deviation, self.momentum)
        self.moving_variance.assign(ops.square(moved) - self.epsilon)
        if self.gamma is not None:
            r, d = r * self.gamma, d * self.gamma
        return d if self.beta is None else d + self.beta, r

    def _moments(self, inputs, mask):
        """Mean and (biased) variance of each channel over all that is not masked."""
        rank = len(inputs.shape)
        axes = [a for a in range(rank) if a != self.axis % rank]
        if mask is None:
            return ops.moments(inputs, axes=axes, synchronized=self.synchronized)
        kept = ops.broadcast_to(ops.cast(ops.expand_dims(mask, -1), "bool"), ops.shape(inputs))
        count = ops.sum(ops.cast(kept, dtype_of(inputs)), axis=axes, keepdims=True) + dtypes.epsilon()
        mean = ops.sum(ops.where(kept, inputs, 0), axis=axes, keepdims=True) / count
        variance = ops.sum(ops.square(ops.where(kept, inputs - mean, 0)), axis=axes, keepdims=True) / count
        return ops.squeeze(mean, axes), ops.squeeze(variance, axes)


@declare(unlisted=("rms_scaling",))
class LayerNormalization(Scaled):
    """Gives each sample mean 0 and variance 1 over some axes, then a learned scale and centre (Ba et al., 2016).

    Args:
        axis: The axis, or several.
        epsilon: Added to the variance.
        center, scale: Whether there is a learned centre `beta` and scale `gamma`.
        beta_initializer, gamma_initializer: How the weights start.
        beta_regularizer, gamma_regularizer: What is added to the loss for the weights.
        beta_constraint, gamma_constraint: Applied to the weights after each update.
    """

    axis: AXES = -1
    epsilon: fields.PLAIN = 0.001
    center: bool = True
    scale: bool = True
    beta_initializer: fields.Initializer = "zeros"
    gamma_initializer: fields.Initializer = "ones"
    beta_regularizer: fields.Regularizer = None
    gamma_regularizer: fields.Regularizer = None
    beta_constraint: fields.Constraint = None
    gamma_constraint: fields.Constraint = None
    rms_scaling: bool = False

    def __post_init__(self):
        self.autocast = False
        if self.axis is None:
            raise TypeError("LayerNormalization: argument 'axis': an integer or a list of integers is needed, not None")
        if self.rms_scaling:
            warnings.warn(
                "LayerNormalization(rms_scaling=True) divides by the standard deviation, not the root mean square, "
                "and is kept for old models: write RMSNormalization()",
                stacklevel=3,
            )

    def build(self, input_shape):
        self.axis = sorted(self.axis) if isinstance(self.axis, list) else [self.axis]
        shape = _sizes(input_shape, self.axis)
        self._add_scale_and_center(shape, self.scale or self.rms_scaling, self.center and not self.rms_scaling)

    def call(self, inputs):
        if self.rms_scaling:
            dtype = dtypes.promote(dtype_of(inputs), "float32")
            x = ops.cast(inputs, dtype)
            _, variance = ops.moments(x, axes=self.axis, keepdims=True)
            outputs = x * ops.rsqrt(variance + self.epsilon) * ops.reshape(self.gamma, self._along(inputs))
        else:
            outputs = ops.layer_normalization(inputs, self.gamma, self.beta, self.axis, self.epsilon)
        return ops.cast(outputs, self.compute_dtype)

    def _along(self, inputs):
        """The shape in which gamma lies along the normalized axes."""
        rank = len(inputs.shape)
        sizes = dict(zip((a % rank for a in self.axis), self.gamma.shape, strict=True))
        return tuple(sizes.get(i, 1) for i in range(rank))


GROUPS = fields.Field(
    lambda v: v if v == -1 else fields.positive(v), complaint="{cls}: argument `{name}`: {error}"
)


@declare
class GroupNormalization(Scaled):
    """Gives each group of a sample's channels mean 0 and variance 1, then a learned centre and scale (Wu, He, 2018).

    Args:
        groups: Number of groups; -1 puts each channel in a group of its own.
        axis: Axis of the channels.
        epsilon: Added to the variance.
        center, scale: Whether there is a learned centre `beta` and scale `gamma`.
        beta_initializer, gamma_initializer: How the weights start.
        beta_regularizer, gamma_regularizer: What is added to the loss for the weights.
        beta_constraint, gamma_constraint: Applied to the weights after each update.
    """

    groups: GROUPS = 32
    axis: int = -1
    epsilon: fields.PLAIN = 0.001
    center: bool = True
    scale: bool = True
    beta_initializer: fields.Initializer = "zeros"
    gamma_initializer: fields.Initializer = "ones"
    beta_regularizer: fields.Regularizer = None
    gamma_regularizer: fields.Regularizer = None
    beta_constraint: fields.Constraint = None
    gamma_constraint: fields.Constraint = None

    def __post_init__(self):
        self.autocast = False

    def build(self, input_shape):
        channels = input_shape[normalize_axis(self.axis, len(input_shape))]
        if channels is None:
            raise ValueError(f"axis {self.axis} of the input tensor should have a defined dimension but the layer received an "
                             f"input with shape {tuple(input_shape)}")  # fmt: skip
        self.groups = channels if self.groups == -1 else self.groups
        if channels < self.groups:
            raise ValueError(f"groups={self.groups} cannot be more than the number of channels, {channels}")
        if channels % self.groups:
            raise ValueError(f"the {channels} channels cannot be split into {self.groups} groups: the sizes of all groups together "
                             "must be a multiple of the number of channels")  # fmt: skip
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})
        self._add_scale_and_center((channels,), self.scale, self.center)

    def call(self, inputs):
        rank = len(inputs.shape)
        axis = self.axis % rank
        grouped = (self.groups, inputs.shape[axis] // self.groups)
        shape = ops.shape(inputs)
        x = ops.cast(inputs, dtypes.promote(dtype_of(inputs), "float32"))
        x = ops.reshape(x, (*shape[:axis], *grouped, *shape[axis + 1 :]))
        mean, variance = ops.moments(x, axes=[a for a in range(1, rank + 1) if a != axis], keepdims=True)
        along = tuple(grouped[i - axis] if i in (axis, axis + 1) else 1 for i in range(rank + 1))
        inverse = ops.rsqrt(variance + self.epsilon)
        if self.gamma is not None:
            inverse = inverse * ops.reshape(self.gamma, along)
        offset = -mean * inverse
        if self.beta is not None:
            offset = offset + ops.reshape(self.beta, along)
        return ops.cast(ops.reshape(x * inverse + offset, shape), self.compute_dtype)


@declare
class RMSNormalization(Layer):
    """Divides each sample by its root mean square over some axes, then scales as learned (Zhang and Sennrich, 2019).

    Args:
        axis: The axis, or several.
        epsilon: Added to the mean square.
    """

    axis: AXES = -1
    epsilon: fields.PLAIN = 1e-6

    def build(self, input_shape):
        self.axis = sorted(self.axis) if isinstance(self.axis, list) else [self.axis]
        self.scale = self.add_weight(_sizes(input_shape, self.axis), "ones", name="scale")

    def call(self, x):
        return ops.rms_normalization(x, scale=self.scale, axis=self.axis, epsilon=self.epsilon)

    compute_output_shape = Scaled.compute_output_shape


UNIT_AXES = fields.Field(
    fields.axes, complaint="{cls}: Invalid value for `{name}` argument: expected an int or a list/tuple of ints. It is {value!r}"
)


@declare
class UnitNormalization(Elementwise):
    """Scales each sample to length 1 along some axes.

    Args:
        axis: The axis, or several.
    """

    axis: UNIT_AXES = -1

    def call(self, inputs):
        return ops.normalize(inputs, axis=self.axis, order=2, epsilon=1e-12)

    compute_output_shape = Scaled.compute_output_shape
