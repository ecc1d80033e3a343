"""What all losses share: a target brought to its prediction, masks and weights, and the reduction to one number."""

from collections.abc import Callable, Sequence
from typing import Any

from kerastorch import backend_registry, dtype_policies, dtypes, ops, scope, tree
from kerastorch.fields import Declared, Field, choice, declare, fields_of
from kerastorch.graph import KerasTensor
from kerastorch.op import operand

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)

Reduction = choice(*REDUCTIONS, complaint="{cls}: Invalid value for argument `{name}`: {error}")
ComputeDtype = Field(lambda value: dtype_policies.get(value or dtypes.floatx()).compute_dtype, attribute="_dtype")


@declare
class Loss(Declared):
    """A number per batch that says how far predictions are from targets; subclasses write `call`.

    Args:
        name: Name; the class's name in snake case by default.
        reduction: "sum_over_batch_size" and "mean" average over all values, "sum" adds them up,
            "mean_with_sample_weight" divides their sum by the sum of the sample weights, "none" and None leave them
            alone.
        dtype: Dtype (or dtype policy) in which `call` gets target and prediction; None is floatx.

    Raises:
        ValueError: For another reduction or an unknown dtype.
    """

    name: Any = None
    reduction: Reduction = "sum_over_batch_size"
    dtype: ComputeDtype = None

    casts_targets = True  # False where targets are class numbers, which stay integers

    def __post_init__(self):
        self.name = self.name or scope.unique_name(scope.snake(type(self).__name__))

    def call(self, y_true, y_pred):
        """The values that are reduced to the loss, one per sample or finer."""
        raise NotImplementedError(f"{type(self).__name__} has no `call(self, y_true, y_pred)`, which says what the loss is")

    def __call__(self, y_true, y_pred, sample_weight=None):
        """The loss of a batch.

        Args:
            y_true, y_pred: Targets and predictions, or nests of them.
            sample_weight: Weight of each sample, or of each value that `call` gives.

        Returns:
            A scalar, or the values themselves with reduction "none". Predictions that carry a mask count only where it
            is true.
        """
        mask = mask_of(y_pred)
        if tree.is_nested(y_pred):
            y_pred = tree.map_structure(lambda x: ops.convert_to_tensor(x, self.dtype), y_pred)
            y_true = tree.map_structure(lambda x: ops.convert_to_tensor(x, self.dtype), y_true)
        else:
            y_true, y_pred = together(y_true, y_pred, self.dtype, self.casts_targets)
        values = self.call(y_true, y_pred)
        own = mask_of(values)
        if own is not None:
            mask = own if mask is None else ops.logical_and(mask, own)
        return reduce(values, sample_weight, mask, self.reduction, self.dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON-like values."""
        return {"name": self.name, "reduction": self.reduction}


Loss.dtype = property(lambda self: self._dtype, doc="The dtype in which the loss is computed.")


class LossFunctionWrapper(Loss):
    """The loss that a function `(y_true, y_pred, **kwargs) -> values` makes.

    Args:
        fn: The function.
        reduction, name, dtype: As of `Loss`.
        kwargs: Further arguments of the function.
    """

    __fields__ = Loss.__fields__

    def __init__(self, fn, reduction="sum_over_batch_size", name=None, dtype=None, **kwargs):
        Loss.__init__(self, name=name, reduction=reduction, dtype=dtype)
        self.fn, self.arguments = fn, kwargs

    def call(self, y_true, y_pred):
        """The function's values, ranks of its arguments made equal where one of them ends in a single column."""
        if tree.is_nested(y_pred):
            pairs = [same_rank(t, p) for t, p in zip(tree.flatten(y_true), tree.flatten(y_pred), strict=True)]
            y_true = tree.pack_sequence_as(y_true, [t for t, _ in pairs])
            y_pred = tree.pack_sequence_as(y_pred, [p for _, p in pairs])
        else:
            y_true, y_pred = same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self.arguments)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON-like values."""
        from kerastorch.saving.objects import serialize_keras_object

        return {**super().get_config(), "fn": serialize_keras_object(self.fn), **serialize_keras_object(self.arguments)}

    @classmethod
    def from_config(cls, config):
        """A loss from what `get_config` gave."""
        from kerastorch.saving.objects import deserialize_keras_object

        return cls(**(deserialize_keras_object(config) if "fn" in config else config))


class FunctionLoss(LossFunctionWrapper):
    """Base of the losses that `made_of` declares: the function belongs to the class, its arguments are fields."""

    __fields__ = Loss.__fields__
    passes: tuple[str, ...] = ()
    quiet: frozenset[str] = frozenset()

    def __post_init__(self):
        super().__post_init__()
        self.arguments = {name: getattr(self, name) for name in self.passes}

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON-like values."""
        config = Loss.get_config(self)
        for name in self.passes:
            if name not in self.quiet or getattr(self, name) != fields_of(type(self))[name][1]:
                config[name] = getattr(self, name)
        return config


def made_of(
    function: Callable,
    name: str | None = None,
    order: Sequence[str] = (),
    quiet: Sequence[str] = (),
) -> Callable:
    """Declares a class as the loss that a function makes; the class's fields are the function's further arguments.

    Args:
        function: `(y_true, y_pred, ...) -> values`.
        name: Default name of the loss; the function's own by default.
        order: The constructor's order, where it is not the class's fields, then reduction, name and dtype.
        quiet: Fields that Keras never writes to a configuration; here they are written where they are not the default.
    """

    def decorate(cls: type) -> type:
        own = tuple(cls.__dict__.get("__annotations__", {}))
        cls.passes, cls.quiet, cls.fn = own, frozenset(quiet), staticmethod(function)
        cls.__annotations__ = {**cls.__dict__.get("__annotations__", {}), "name": Any}
        cls.name = name or function.__name__
        return declare(cls, order=order or (*own, "reduction", "name", "dtype"))

    return decorate


# ------------------------------------------------------------------------------------------------ targets and
# predictions


def mask_of(x: Any) -> Any:
    """The mask that a tensor carries, None where it carries none."""
    return getattr(x, "_keras_mask", None)


def together(y_true: Any, y_pred: Any, dtype: str | None = None, cast: bool = True) -> tuple[Any, Any]:
    """Target and prediction as tensors of one framework.

    Args:
        y_true, y_pred: What has been given: tensors, arrays, nests of numbers.
        dtype: Dtype of the prediction; None leaves it.
        cast: Whether the target is brought to the prediction's dtype.
    """
    y_pred = ops.convert_to_tensor(y_pred, dtype)
    if isinstance(y_pred, KerasTensor):
        return ops.convert_to_tensor(y_true, y_pred.dtype if cast else None), y_pred
    owner = backend_registry.of(y_pred)
    return operand(owner, y_true, owner.dtype(y_pred) if cast else None), y_pred  # type: ignore[union-attr]


def same_rank(x1: Any, x2: Any, expand_vectors: bool = True) -> tuple[Any, Any]:
    """Two tensors, one of which has a last dimension of 1 that the other lacks, with as many dimensions.

    The vector among them gets the column, unless `expand_vectors` is false; otherwise the column is dropped. Tensors
    whose ranks differ in any other way stay as they are.
    """
    rank1, rank2 = len(x1.shape), len(x2.shape)
    if rank1 == rank2 + 1 and x1.shape[-1] == 1:
        if rank2 == 1 and expand_vectors:
            return x1, ops.expand_dims(x2, -1)
        return ops.squeeze(x1, -1), x2
    if rank2 == rank1 + 1 and x2.shape[-1] == 1:
        x2, x1 = same_rank(x2, x1, expand_vectors)
    return x1, x2


# ------------------------------------------------------------------------------------------------ reduction


def reduce(
    values: Any, sample_weight: Any = None, mask: Any = None, reduction: Any = "sum_over_batch_size", dtype: Any = None
) -> Any:
    """Weighs values and reduces them, see `Loss`."""
    values = ops.convert_to_tensor(values, dtype)
    weight = weigh(sample_weight, mask, values, reduction)
    if weight is not None:
        values, weight = same_rank(values, weight)
        values = ops.multiply(values, weight)
    shape = tuple(values.shape)
    if reduction in (None, "none") or shape in ((), (0,)):
        return values
    if reduction == "sum" or 0 in shape:
        return ops.sum(values)
    if reduction == "mean_with_sample_weight" and weight is not None:
        return ops.divide_no_nan(ops.sum(values), ops.sum(weight))
    return ops.mean(values)


def weigh(sample_weight: Any, mask: Any, values: Any, reduction: Any) -> Any:
    """Sample weights and mask as one weight in the dtype of the values; None where there is neither.

    Where the result is averaged over all values, masked ones included, the weights make up for those that do not count.
    """
    weight = None if sample_weight is None else together(sample_weight, values)[0]
    if mask is None:
        return weight
    mask = together(mask, values)[0]
    if reduction in ("mean", "sum_over_batch_size"):
        mask = ops.divide_no_nan(mask, ops.mean(mask))
    if weight is None:
        return mask
    mask, weight = same_rank(mask, weight)
    return ops.multiply(weight, mask)
