"""What layers share that prepare data: they work where the data is, in a model, in a `tf.data` pipeline or on the host.

Text is no tensor on most frameworks. There it stays a numpy array of strings, and the functions that turn it into numbers, the
*host functions*, work on arrays. A framework whose tensors hold text has versions of its own of them, so that a pipeline or a
function that it traces runs them too.
"""

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from kerastorch import backend_registry, fields, ops, scope, tree
from kerastorch.errors import NotLowerable
from kerastorch.graph import KerasTensor
from kerastorch.layers.base import Layer
from kerastorch.layers.structures import as_tensors
from kerastorch.ops import categorical
from kerastorch.variable import Variable

DROPPED = -1  # in place of a class number that adds nothing to what is encoded
MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
OLD_MODES = {"binary": "multi_hot", "tf-idf": "tf_idf"}


def host(function: Callable) -> Callable:
    """Declares a function of an array, which a backend may have a version of for tensors of its own (`Backend.host`)."""

    @functools.wraps(function)
    def run(x: Any, *args: Any) -> Any:
        owner = backend_registry.of(x[0] if isinstance(x, list | tuple) and x else x)
        own = owner.host.get(run) if owner is not None else None
        return function(x, *args) if own is None else own(x, *args)

    return run


class DataLayer(Layer):
    """A layer that prepares data, on whatever framework the data is on, whatever the rest of the model runs on."""

    backend = ops  # where the layers of users find functions, as `self.backend.numpy.mean`

    def _backend_for(self, args, kwargs):
        for x in tree.leaves([*args, *kwargs.values()]):
            found = backend_registry.of(x)
            if found is not None:
                return found
        return super()._backend_for(args, kwargs)

    def _as_tensors(self, backend, value):
        if isinstance(value, str | bytes) or isinstance(value, list | tuple) and isinstance(_first(value), str | bytes):
            value = as_array(value)
        return as_tensors(backend, value)

    @staticmethod
    def _result(x):
        """What a host function gave, as a tensor."""
        return backend_registry.active().convert(x) if backend_registry.of(x) is None else x

    def convert_weight(self, weight):
        """A weight as it is used by the framework that the data is on; what is no Variable comes back as it is."""
        is_own = isinstance(weight, Variable) and not scope.is_symbolic()
        return weight.tensor(backend_registry.active()) if is_own else weight

    def _require(self, kind: str, argument: str) -> None:
        """Refuses an option for which the tensors of the backend have no form."""
        backend = backend_registry.active()
        if kind not in backend.also_holds:
            raise ValueError(
                f"{type(self).__name__}: `{argument}=True` can only be used with the TensorFlow backend or another one that has "
                f"{kind} tensors, which {backend.name} has not"
            )


def _first(value: Any) -> Any:
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return value


def as_array(x: Any) -> Any:
    """Numbers or text of any kind as a numpy array; text as str or bytes."""
    import numpy as np

    owner = backend_registry.of(x)
    if owner is not None:
        return owner.numpy(x)
    if isinstance(x, KerasTensor):
        raise NotLowerable("text and what is hashed are worked on as arrays on the host, which no graph of the framework can hold")
    return x.numpy() if isinstance(x, Variable) else np.asarray(x)


def is_whole(data: Any) -> bool:
    """Whether data for `adapt` is one array or tensor, rather than something that gives batches."""
    return hasattr(data, "__array__") and not hasattr(data, "__next__") or backend_registry.of(data) is not None


def batches(data: Any, steps: int | None = None) -> Iterator[Any]:
    """The batches of what `adapt` is given: a `tf.data.Dataset`, a `DataLoader`, a `PyDataset`, a generator or a list."""
    found = (data[i] for i in range(len(data))) if not hasattr(data, "__iter__") else iter(data)
    return itertools.islice(found, steps)


def mode(*allowed: str) -> fields.Field:
    """A field for how categories are written, old names included.

    Args:
        allowed: The modes.
    """

    def parse(value: Any) -> str:
        modern = OLD_MODES.get(value, value)
        if modern not in allowed:
            raise ValueError(
                f"Invalid value for argument `output_mode`. Expected one of {', '.join(map(repr, allowed))}. Unknown arg for "
                f"output_mode: {value}"
            )
        return modern

    return fields.Field(parse)


def two_words(value: Any) -> list[int] | None:
    """The key of a hash, as two integers or None."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return [value, value]
    if isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(v, int) for v in value):
        return list(value)
    raise ValueError(f"a salt can only be a tuple of size 2 integers, or a single integer, or None, not {value!r}")


SALT = fields.Field(two_words)


def check_sparse(layer: Any) -> None:
    """Refuses `sparse=True` where the output is class numbers, or the backend has no sparse tensors."""
    if layer.sparse:
        if layer.output_mode == "int":
            raise ValueError(
                f"{type(layer).__name__}: `sparse` may only be true if `output_mode` is 'one_hot', 'multi_hot', 'count' or "
                "'tf_idf', since class numbers are all stored; it is 'int'"
            )
        layer._require("sparse", "sparse")


@host
def filled(x, fill):
    """A sparse or ragged tensor as a dense one, with a number where it has nothing."""
    return x


@host
def without_zeros(x):
    """A dense tensor as a sparse one."""
    raise ValueError("sparse=True: a sparse result was asked for, but the backend that runs this layer has no sparse tensors")


def encode(indices: Any, mode: str, depth: int, dtype: str, sparse: bool = False, weights: Any = None, joined: int = -1) -> Any:
    """Class numbers as a layer writes them.

    Args:
        indices: Integer tensor. A class number out of range adds nothing.
        mode: "int" as they are; "one_hot" a row of `depth` for each; "multi_hot" one row with a 1, "count" one with how many
            times, for each class that occurs along the axis `joined`.
        depth: Number of classes.
        dtype: Dtype of the result.
        sparse: Whether zeros are left out.
        weights: What each index counts, in mode "count"; 1 where it is None.
        joined: The axis that counting takes away, in tensors of two dimensions or more.
    """
    if mode == "int":
        return ops.cast(indices, dtype)
    indices = filled(indices, DROPPED)
    rank = len(indices.shape)
    if rank == 0:
        indices, rank = ops.expand_dims(indices, -1), 1
    if mode == "one_hot":
        indices = ops.squeeze(indices, -1) if rank > 1 and indices.shape[-1] == 1 else indices
        out = ops.one_hot(indices, depth, dtype=dtype)
    else:
        if rank > 2 and joined != -1:
            indices = ops.moveaxis(indices, joined, -1)
            weights = weights if weights is None else ops.moveaxis(weights, joined, -1)
        out = categorical.tally(indices, weights, depth, dtype)
        out = ops.minimum(out, 1) if mode == "multi_hot" else out
    return without_zeros(out) if sparse else out


def encoded_shape(shape: Any, mode: str, depth: int | None, joined: int = -1) -> tuple[int | None, ...]:
    """The shape that class numbers of a shape have once `encode` has written them."""
    shape = tuple(shape)
    if mode == "int":
        return shape
    if mode == "one_hot":
        return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), depth)
    if len(shape) < 2:
        return (depth,)
    axis = joined % len(shape)
    return (*shape[:axis], *shape[axis + 1 :], depth)
