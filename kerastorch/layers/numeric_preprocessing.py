"""Layers that prepare numbers: normalization, discretization, encoding of categories."""

import itertools
import math
from typing import Any

import numpy as np

from kerastorch import dtypes, fields, ops
from kerastorch.fields import declare
from kerastorch.graph import KerasTensor
from kerastorch.layers.data_layer import (
    DataLayer,
    as_array,
    batches,
    check_sparse,
    encode,
    encoded_shape,
    is_whole,
    mode,
)
from kerastorch.op import shape_of


def _listed(value):
    """Numbers of any kind as Python has them."""
    return value if value is None else as_array(value).tolist()


def _axes(value):
    return () if value is None else (value,) if isinstance(value, int) else tuple(value)


class Measured(DataLayer):
    """A layer with a mean and a variance for each entry of the axes that it keeps."""

    shape: Any = None  # that of the input the layer was built for
    kept: list[int]

    mean = property(lambda self: self._along("mean"))
    variance = property(lambda self: self._along("variance"))

    def _along(self, which):
        """The mean or the variance in a shape that broadcasts with the inputs; None before there is any."""
        if self.shape is None:
            return None
        rank, given = len(self.shape), getattr(self, f"input_{which}")
        sizes = [self.shape[a] if a in self.kept else 1 for a in range(rank)]
        if given is None:
            return ops.cast(ops.reshape(self.convert_weight(getattr(self, f"adapt_{which}")), sizes), self.compute_dtype)
        given = as_array(given)
        along = dict(zip(self.kept[len(self.kept) - given.ndim :], given.shape, strict=True))
        given = given.reshape([along.get(a, 1) for a in range(rank)])
        return ops.broadcast_to(ops.convert_to_tensor(given, dtype=self.compute_dtype), sizes)


@declare(order=("axis", "mean", "variance", "invert"))
class Normalization(Measured):
    """Shifts and scales each feature to mean 0 and variance 1, by what `adapt` measured or the constructor was given.

    Args:
        axis: The axis of the features, or several, each entry of which has a mean and a variance of its own; None has one of each.
        mean, variance: Numbers or arrays, both or neither; they are measured by `adapt` where they are None.
        invert: Whether to undo the normalization instead.
    """

    axis: fields.Field(_axes) = -1
    invert: bool = False
    mean: fields.Field(serialize=_listed, attribute="input_mean") = None
    variance: fields.Field(serialize=_listed, attribute="input_variance") = None

    supports_masking = True

    def __post_init__(self):
        given = [None if v is None else shape_of(as_array(v)) for v in (self.input_mean, self.input_variance)]
        if given.count(None) == 1:
            raise ValueError(f"Normalization: both `mean` and `variance` must be set, or neither; their shapes are {given}")
        if given[0] != given[1]:
            raise ValueError(f"Normalization: `mean` and `variance` must have the same shape, not {given[0]} and {given[1]}")
        if given[0] is not None and len(given[0]) > len(self.axis):
            raise ValueError(f"Normalization: a `mean` of shape {given[0]} has more axes than are kept, which are {self.axis}")

    is_adaptable = property(lambda self: self.input_mean is None)

    def build(self, input_shape):
        if input_shape is None:
            return
        rank = len(input_shape)
        if any(not -rank <= a < rank for a in self.axis):
            raise ValueError(f"All `axis` values must be in the range [-ndim, ndim), where ndim is {rank}, but axis={self.axis}")
        self.kept = sorted(a % rank for a in self.axis)
        if any(input_shape[a] is None for a in self.kept):
            raise ValueError(f"All `axis` values to be kept must have a known size, which {self.axis} have not in {input_shape}")
        self.shape = tuple(input_shape)
        sizes = tuple(input_shape[a] for a in self.kept)
        if self.input_mean is None:
            self.adapt_mean = self.add_weight(sizes, "zeros", trainable=False, name="mean")
            self.adapt_variance = self.add_weight(sizes, "ones", trainable=False, name="variance")
            self.count = self.add_weight((), "zeros", dtype="int", trainable=False, name="count")
            for v in self._own_variables:
                v.home.pinned = True  # a pipeline of another framework than the model's may be what reads them

    def get_build_config(self):
        return {"input_shape": self.shape} if self.shape else None

    def build_from_config(self, config):
        if config:
            self.build(tuple(config["input_shape"]))

    def adapt(self, data):
        """Measures mean and variance.

        Args:
            data: An array or tensor; or what gives batches of them, alone or first in a tuple: a list, a generator, a
                `tf.data.Dataset`, a `DataLoader`, a `PyDataset`.

        Raises:
            ValueError: If there is no data, or its shape is not the one that the layer was built for.
            TypeError: If what is given has no shape.
        """
        total, mean, variance = 0, 0.0, 0.0
        for batch in (data,) if is_whole(data) else _inputs_of(data):
            self._accept(batch)
            values = as_array(batch)
            values = values.astype(np.result_type(values.dtype, "float32"), copy=False)
            others = tuple(a for a in range(values.ndim) if a not in self.kept)
            count = math.prod(values.shape[a] for a in others)
            new_mean, new_variance = values.mean(others), values.var(others)
            # Chan et al., 1979: the moments of two sets together from those of each.
            part = count / (total + count)
            change = new_mean - mean
            mean = mean + change * part
            variance = variance * (1 - part) + new_variance * part + change * change * (part * (1 - part))
            total += count
        if not total:
            raise ValueError(f"Normalization {self.name!r}: adapt was given an empty iterable, from which nothing can be measured")
        if self.input_mean is None:
            self.adapt_mean.assign(np.asarray(mean, "float32"))
            self.adapt_variance.assign(np.asarray(variance, "float32"))

    def finalize_state(self):
        """Does nothing, since `mean` and `variance` follow the weights; there for scripts that call it after setting those."""

    def _accept(self, batch):
        """Builds the layer for a batch, or makes sure that the batch fits."""
        if not hasattr(batch, "shape"):
            raise TypeError(f"Normalization {self.name!r}: adapt needs arrays or tensors with a `.shape`, which {batch!r} has not")
        shape = tuple(batch.shape)
        if not self.built:
            self.build(shape)
        if len(shape) != len(self.shape) or any(shape[a] != self.shape[a] for a in self.kept):
            raise ValueError(
                f"Normalization {self.name!r} was built for inputs of shape {self.shape}, but adapt was given an incompatible "
                f"shape: {shape}"
            )

    def call(self, inputs):
        if self.shape is None:
            raise ValueError(f"Normalization {self.name!r} is not built: call adapt(data), or build(input_shape), before using it")
        inputs = ops.cast(inputs, self.compute_dtype)
        scale = ops.maximum(ops.sqrt(self.variance), dtypes.epsilon())
        return inputs * scale + self.mean if self.invert else (inputs - self.mean) / scale

    def compute_output_shape(self, input_shape):
        return input_shape


def _inputs_of(data):
    """The inputs in what gives batches; single numbers of a dataset, which has been told of no batch size, a batch each."""
    found = (b[0] if isinstance(b, tuple) else b for b in batches(data))
    first = next(found, None)
    if first is None:
        return
    alone = getattr(first, "shape", None) is not None and len(first.shape) == 0
    for batch in itertools.chain((first,), found):
        yield as_array(batch)[None] if alone else batch


@declare(closed=True)
class Discretization(DataLayer):
    """Numbers as the numbers of the bins that they fall into.

    Args:
        bin_boundaries: Ascending bounds between bins; the outermost bins are open.
        num_bins: Number of bins, whose bounds `adapt` finds so that all get equally many numbers.
        epsilon: Error allowed in the ranks of the bounds that `adapt` finds: smaller is slower.
        output_mode: "int", "one_hot", "multi_hot" or "count", see `CategoryEncoding`.
        sparse: Whether the output is sparse, where the backend has sparse tensors.
    """

    bin_boundaries: fields.Field(serialize=_listed) = None
    num_bins: fields.number(0, optional=True) = None
    epsilon: float = 0.01
    output_mode: mode("int", "one_hot", "multi_hot", "count") = "int"
    sparse: bool = False
    dtype: fields.Base = None
    name: fields.Base = None

    def __post_init__(self):
        check_sparse(self)
        if self.num_bins is not None and self.bin_boundaries is not None:
            raise ValueError("Discretization: Both `num_bins` and `bin_boundaries` are set, but bins are either given or found")
        if self.num_bins is None and self.bin_boundaries is None:
            raise ValueError("Discretization: either `num_bins` or `bin_boundaries` must be set, to say what the bins are")
        self.summary = None

    is_adaptable = property(lambda self: self.num_bins is not None)
    input_dtype = property(lambda self: dtypes.floatx())
    output_dtype = property(lambda self: "int32" if self.output_mode == "int" else self.compute_dtype)

    def adapt(self, data, steps=None):
        """Finds the bounds of the bins.

        Args:
            data: An array or tensor, or what gives batches of them (a list, a generator, a `tf.data.Dataset`, a `DataLoader`).
            steps: How many batches are read; None reads all.

        Raises:
            ValueError: If the bounds were given.
        """
        if self.num_bins is None:
            raise ValueError(f"Discretization {self.name!r} was given `bin_boundaries`: use `num_bins` to have adapt find them")
        self.reset_state()
        for batch in (data,) if is_whole(data) else batches(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data):
        """Takes a batch into account."""
        new = _summary(as_array(data), self.epsilon)
        self.summary = new if self.summary is None else _merged(self.summary, new, self.epsilon)

    def finalize_state(self):
        """Sets the bounds by the batches seen so far."""
        if self.num_bins is not None and self.summary is not None:
            self.bin_boundaries = _compressed(self.summary, 1.0 / self.num_bins)[0, :-1].tolist()

    def reset_state(self):
        """Forgets the batches seen so far."""
        self.summary = None

    def call(self, inputs):
        if self.bin_boundaries is None:
            raise ValueError(f"Discretization {self.name!r} has no bins yet. You need to call `adapt(data)` first, or give "
                             "`bin_boundaries`")  # fmt: skip
        bounds = ops.convert_to_tensor(self.bin_boundaries, dtype=dtypes.floatx())
        bins = ops.digitize(inputs, bounds)
        return encode(bins, self.output_mode, self._depth, self.output_dtype, self.sparse, joined=1)

    @property
    def number_of_classes(self):
        """How many bins were asked for; data with few different numbers may have given fewer."""
        return self.num_bins or self._depth

    @property
    def _depth(self):
        return self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1

    def compute_output_shape(self, input_shape):
        return encoded_shape(input_shape, self.output_mode, self._depth, joined=1)

    def compute_output_spec(self, inputs):
        return KerasTensor(self.compute_output_shape(inputs.shape), self.output_dtype, sparse=self.sparse)

    def load_own_variables(self, store):
        """Nothing is stored, but by an old version of Keras, which stored what `adapt` had seen."""
        if len(store.keys()) == 1:
            self.summary = as_array(store["0"])

    def get_config(self):
        config = self.declared_config()
        del config["trainable"]
        return {**config, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config):
        """A new layer; bounds that `adapt` found go with the number of bins that it was to find."""
        found = config.get("bin_boundaries") if config.get("num_bins") is not None else None
        layer = cls(**{k: v for k, v in config.items() if found is None or k != "bin_boundaries"})
        layer.bin_boundaries = layer.bin_boundaries if found is None else found
        return layer


# ---------------------------------------------------------------------------- quantiles of a stream of numbers
# A summary is an array of two rows: some of the numbers, ascending, and how many each stands for.


def _summary(values, epsilon):
    values = np.sort(np.ravel(values).astype("float32"))
    step = max(len(values) * epsilon, 1.0)
    kept = values[int(step - 1) :: int(step)]
    return np.stack([kept, np.full_like(kept, step)])


def _merged(first, second, epsilon):
    both = np.concatenate([second, first], 1)
    return _compressed(both[:, np.argsort(both[0])], epsilon)


def _compressed(summary, epsilon):
    """At most about 1/epsilon numbers, found between those of a summary by the counts up to them."""
    if summary.shape[1] * epsilon < 1:
        return summary
    counts = summary[1].cumsum()
    ranks, wanted = counts / counts[-1], epsilon + np.arange(0.0, 1.0, epsilon)
    up_to = np.interp(wanted, ranks, counts)
    return np.stack([np.interp(wanted, ranks, summary[0]), np.diff(up_to, prepend=0.0)]).astype("float32")


def _tokens(value):
    if value is None:
        raise ValueError("num_tokens must be set to use this layer; where it is not known, IntegerLookup finds it")
    if value < 1:
        raise ValueError(f"`num_tokens` must be >= 1, not {value!r}")
    return value


@declare
class CategoryEncoding(DataLayer):
    """Class numbers as vectors.

    Args:
        num_tokens: Number of classes: the numbers are from 0 up to it.
        output_mode: "one_hot" gives each number a vector with a 1 at its place, "multi_hot" each sample one vector with a 1 for
            each class that occurs, "count" one with how often it occurs.
        sparse: Whether the output is sparse, where the backend has sparse tensors.
    """

    num_tokens: fields.Field(_tokens) = None
    output_mode: mode("multi_hot", "one_hot", "count") = "multi_hot"
    sparse: bool = False

    def __post_init__(self):
        check_sparse(self)

    def call(self, inputs, count_weights=None):
        if count_weights is not None:
            if self.output_mode != "count":
                raise ValueError(f"`count_weights` is not used when `output_mode` is {self.output_mode!r}, only when it is 'count'")
            count_weights = ops.cast(ops.convert_to_tensor(count_weights), self.compute_dtype)
        inputs = ops.convert_to_tensor(inputs)
        return encode(inputs, self.output_mode, self.num_tokens, self.compute_dtype, self.sparse, count_weights)

    def compute_output_shape(self, input_shape):
        return encoded_shape(input_shape, self.output_mode, self.num_tokens)

    def compute_output_spec(self, inputs, count_weights=None):
        return KerasTensor(self.compute_output_shape(inputs.shape), self.compute_dtype, sparse=self.sparse)

    def get_config(self):
        config = self.declared_config()
        del config["sparse"]
        return config
