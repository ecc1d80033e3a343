"""Sums and means over batches, and the mean of any function of targets and predictions."""

from collections.abc import Callable, Sequence
from typing import Any

from kerastorch import ops
from kerastorch.fields import declare
from kerastorch.losses.base import mask_of, same_rank, together, weigh
from kerastorch.metrics.base import Metric
from kerastorch.metrics.kernels import tally


def samplewise(values: Any, weight: Any, reduce: Callable, dtype: str) -> tuple[Any, Any]:
    """Values and weights with one entry per sample: further axes are reduced, values are multiplied by their weights.

    Args:
        values: A tensor; the first axis is the batch.
        weight: Weights that broadcast to the values, or None.
        reduce: `ops.mean` or `ops.sum`.
        dtype: Dtype of the results.
    """
    if weight is not None:
        mask, values = mask_of(values), ops.cast(values, dtype)
        values, weight = same_rank(values, weigh(weight, mask, values, "sum"))
        rank = len(weight.shape)
        if len(values.shape) > rank:
            values = reduce(values, axis=tuple(range(rank, len(values.shape))))
        weight = ops.broadcast_to(weight, ops.shape(values))
        values = ops.multiply(values, weight)
        if rank > 1:
            weight = reduce(weight, axis=tuple(range(1, rank)))
    if len(values.shape) > 1:
        values = reduce(ops.cast(values, dtype), axis=tuple(range(1, len(values.shape))))
    return values, weight


@declare(order=("name", "dtype"))
class Sum(Metric):
    """The (weighted) sum of all values."""

    name: Any = "sum"

    def __post_init__(self):
        super().__post_init__()
        self.total = self.add_variable((), "zeros", dtype=self.dtype, name="total")

    def update_state(self, values, sample_weight=None):
        """Adds a batch of values, each multiplied by its weight."""
        values, _ = samplewise(ops.convert_to_tensor(values), sample_weight, ops.sum, self.dtype)
        self.total.accumulate(tally(values, self.dtype))

    def result(self):
        """The sum so far."""
        return ops.copy(self.total)


@declare(order=("name", "dtype"))
class Mean(Metric):
    """The (weighted) mean of all values."""

    name: Any = "mean"

    def __post_init__(self):
        super().__post_init__()
        self.total = self.add_variable((), "zeros", dtype=self.dtype, name="total")
        self.count = self.add_variable((), "zeros", dtype=self.dtype, name="count")

    def update_state(self, values, sample_weight=None):
        """Takes a batch of values into account; axes after the first are averaged, so that each sample counts once.

        Args:
            values: Tensor of shape (batch, ...), or a scalar, which counts as one sample.
            sample_weight: Weight of each sample, or of each value; a number weighs the mean of the batch.
        """
        values = ops.convert_to_tensor(values)
        if isinstance(sample_weight, int | float):  # known on the host: no tensor is made of it
            values = ops.mean(values) if len(values.shape) else values
            self.total.accumulate(ops.cast(values, self.dtype), sample_weight)
            self.count.accumulate(sample_weight)
            return
        values, weight = samplewise(values, sample_weight, ops.mean, self.dtype)
        self.total.accumulate(tally(values, self.dtype))
        if weight is not None:
            self.count.accumulate(ops.sum(weight))
        else:
            self.count.accumulate(ops.shape(values)[0] if len(values.shape) else 1)

    def result(self):
        """The mean so far; 0 before anything was counted."""
        return ops.divide_no_nan(self.total, self.count)


class MeanMetricWrapper(Mean):
    """The mean of a function `(y_true, y_pred, **kwargs) -> values`.

    Args:
        fn: The function (or a Loss).
        name, dtype: As of `Metric`.
        kwargs: Further arguments of the function.
    """

    __fields__ = Mean.__fields__

    def __init__(self, fn, name=None, dtype=None, **kwargs):
        Mean.__init__(self, name=name, dtype=dtype)
        self.fn, self.arguments = fn, kwargs

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Takes a batch of targets and predictions into account, masked predictions only where their mask is true."""
        mask = mask_of(y_pred)
        values = ops.convert_to_tensor(self.fn(y_true, y_pred, **self.arguments))
        if mask is not None:
            values = ops.cast(values, self.dtype)
            sample_weight = weigh(sample_weight, mask, values, "sum")
        Mean.update_state(self, values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON-like values."""
        from kerastorch.saving.objects import serialize_keras_object

        return {**super().get_config(), "fn": serialize_keras_object(self.fn), **serialize_keras_object(self.arguments)}

    @classmethod
    def from_config(cls, config):
        """A metric from what `get_config` gave."""
        from kerastorch.saving.objects import deserialize_keras_object

        return cls(**(deserialize_keras_object(config) if "fn" in config else config))


class FunctionMean(MeanMetricWrapper):
    """Base of the metrics that `mean_of` declares: the function belongs to the class, its arguments are fields."""

    __fields__ = Mean.__fields__
    passes: tuple[str, ...] = ()
    get_config = Metric.get_config

    def __post_init__(self):
        super().__post_init__()
        self.arguments = {name: getattr(self, name) for name in self.passes}


def mean_of(
    function: Callable,
    better: str | None = None,
    name: str | None = None,
    first: Sequence[str] = (),
    quiet: Sequence[str] = (),
) -> Callable:
    """Declares a class as the metric that a function's mean makes; the class's fields are the function's further
    arguments.

    Args:
        function: `(y_true, y_pred, ...) -> values`.
        better: "up" or "down".
        name: Default name of the metric; the function's own by default.
        first: Fields that the constructor takes before name and dtype; the others come after them.
        quiet: Fields that stand in a configuration only where they are not the default.
    """

    def decorate(cls: type) -> type:
        own = tuple(cls.__dict__.get("__annotations__", {}))
        cls.passes, cls.quiet, cls.fn, cls._direction = own, frozenset(quiet), staticmethod(function), better
        cls.__annotations__ = {**cls.__dict__.get("__annotations__", {}), "name": Any}
        cls.name = name or function.__name__
        return declare(cls, order=(*first, "name", "dtype", *(n for n in own if n not in first)))

    return decorate


def paired(y_true: Any, y_pred: Any, dtype: str | None = None) -> tuple[Any, Any]:
    """Target and prediction as tensors of one dtype and, where one of them ends in a single column, of one rank."""
    return same_rank(*together(y_true, y_pred, dtype))
