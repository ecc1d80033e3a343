"""Data that lies in memory: shuffled by index, gathered batch by batch, with no work per sample."""

import functools
import math
import operator
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import optree

from kerastorch import dtypes
from kerastorch.training.data_common import (
    PARTS,
    ClassWeights,
    Data,
    DataError,
    arrays,
    flatten,
    is_array,
    map_arrays,
    places,
    shape_of,
    spec_of,
    to_host,
    to_tensor,
    type_name,
)
from kerastorch.tree import NAMESPACE

BATCH_SIZE = 32  # samples, where nothing else is said


def all_arrays(*nests: Any) -> bool:
    """Whether there are leaves in these nests, and all are arrays."""
    leaves = [leaf for nest in nests for leaf in flatten(nest)[0]]
    return bool(leaves) and all(is_array(leaf) for leaf in leaves)


def signature_of(spec: Any, leaves: list[Any]) -> tuple[Any, ...]:
    """What arrays must have in common for a model that is ready for some to be ready for the others."""
    return spec, dtypes.floatx(), *((*leaf.shape[1:], leaf.dtype) for leaf in leaves)


LONE = flatten((np.zeros(1), None, None))[1]


def lone(x: Any, batch_size: Any) -> tuple[Any, ...] | None:
    """The signature of inputs that are one array of numbers which makes one batch; None for all other data."""
    most = BATCH_SIZE if batch_size is None else batch_size
    if type(x) is np.ndarray and type(most) is int and x.ndim and 0 < len(x) <= most and x.dtype.kind in "fiub":
        return signature_of(LONE, [x])
    return None


class ArrayData(Data):
    """Arrays, tensors, data frames, sparse matrices, numbers in lists, and nests of them.

    Args:
        x, y, sample_weight: Nests of arrays that agree in their number of samples; y and sample_weight may be None.
        batch_size: Samples in a batch; None lets `steps` say, else it is 32.
        steps: Batches in an epoch. Epochs then go on where the one before stopped, until all samples had their turn.
        shuffle: False; True to draw an order anew for each pass; "batch" to shuffle within batches only.
        class_weight: From class to weight, None for no such weights.
        role: "fit", "evaluate" or "predict". Only fit goes on from epoch to epoch.

    Raises:
        DataError: If the arrays do not fit together.
    """

    def __init__(self, x, y, sample_weight, *, batch_size, steps, shuffle, class_weight, role):
        parts = [arrays(part, name) for name, part in zip(PARTS, (x, y, sample_weight), strict=True)]
        self.num_samples = self._samples = _cardinality(parts)
        if class_weight is not None:
            if sample_weight is not None:
                raise DataError("class_weight and sample_weight cannot be given at the same time")
            parts[2] = ClassWeights(class_weight).of(parts[1])
        parts[2] = _weights_like(parts[1], parts[2])
        self.parts = dict(zip(PARTS, parts, strict=True))
        self._size = batch_size or (math.ceil(self._samples / steps) if steps else BATCH_SIZE)
        self.batch_size = self._size
        self._per_pass = math.ceil(self._samples / self._size)
        self._steps = steps or self._per_pass
        self.num_batches = self._steps
        self._shuffle, self._role = shuffle, role
        # One number from numpy's global generator decides all orders, so set_random_seed does. Each pass has its own,
        # which depends on nothing before it: training that is taken up again at some epoch sees the same.
        self._seed = int(np.random.randint(2**31)) if shuffle else 0
        self._leaves, self._spec = flatten(tuple(parts))
        self._ready: tuple[Any, list[Callable[[Any], Any]]] | None = None

    def sample(self):
        return self._spec.unflatten([spec_of(leaf) for leaf in self._leaves])

    def signature(self):
        return signature_of(self._spec, self._leaves)

    def host_labels(self):
        return map_arrays(to_host, self.parts["y"])

    def _batches(self, backend: Any, epoch: int) -> Iterator[tuple[Any, Any, Any]]:
        pick = self._pickers(backend)
        rebuild, size, n = self._spec.unflatten, self._size, self._samples
        epochs_per_pass = max(1, math.ceil(self._per_pass / self._steps)) if self._role == "fit" else 1
        turn, place = divmod(epoch, epochs_per_pass)
        begin = place * self._steps
        end = min(begin + self._steps, self._per_pass)
        order = None
        if self._shuffle:
            order = backend.convert(self.order(turn), "int64", alias=True)
        for start in range(begin * size, end * size, size):
            rows = slice(start, min(start + size, n))
            if order is not None:
                rows = order[rows]
            yield rebuild([p(rows) for p in pick])
        if end - begin < self._steps:
            ran_out("arrays", self._role, epoch, end - begin, self._steps)

    def order(self, turn: int) -> Any:
        """The order of the samples in one pass over them, as an integer array."""
        draw = np.random.default_rng((self._seed, turn))
        if self._shuffle != "batch":
            return draw.permutation(self._samples)
        order = np.arange(self._samples)
        whole = self._samples // self._size * self._size
        order[:whole] = draw.permuted(order[:whole].reshape(-1, self._size), axis=1).ravel()
        draw.shuffle(order[whole:])
        return order

    def _pickers(self, backend: Any) -> list[Callable[[Any], Any]]:
        """For each array, what gives its rows as a tensor; whole arrays are converted once."""
        if self._ready is None or self._ready[0] is not backend:
            self._ready = backend, [_picker(leaf, backend) for leaf in self._leaves]
        return self._ready[1]


def _picker(x: Any, backend: Any) -> Callable[[Any], Any]:
    if hasattr(x, "tocsr"):  # too large when filled up, most likely: that is done batch by batch
        return lambda rows: to_tensor(x[rows if isinstance(rows, slice) else backend.numpy(rows)], backend)
    tensor = to_tensor(x, backend)
    gather = backend.gather if backend.is_tensor(tensor) else lambda array, rows: array[backend.numpy(rows)]
    return functools.partial(_pick, gather, tensor)


def _pick(gather: Callable[[Any, Any], Any], tensor: Any, rows: Any) -> Any:
    return tensor[rows] if isinstance(rows, slice) else gather(tensor, rows)


def _cardinality(parts: list[Any]) -> int:
    """The number of samples that all arrays have.

    Raises:
        DataError: If they differ, or there are none.
    """
    sizes = {shape_of(leaf)[0] for part in parts for leaf in flatten(part)[0]}
    if len(sizes) == 1 and 0 not in sizes:
        return sizes.pop()
    found = {place: shape_of(leaf) for name, part in zip(PARTS, parts, strict=True)
             for place, leaf in zip(places(name, part), flatten(part)[0], strict=True)}  # fmt: skip
    if not found:
        raise DataError("there is no data: x has no arrays")
    if len(sizes) > 1:
        said = ", ".join(f"{place} has {shape[0]} (shape {shape})" for place, shape in found.items())
        hint = "; a list is several inputs, use np.array(...) to make it one" if isinstance(parts[0], list) else ""
        raise DataError(
            f"Data cardinality is ambiguous: all arrays must have the same number of samples, but {said}{hint}"
        )
    shapes = ", ".join(f"{place} has shape {shape}" for place, shape in found.items())
    raise DataError(f"there is no data: {shapes}")


def _weights_like(y: Any, weights: Any) -> Any:
    """Sample weights in the structure of y; one weight per sample serves all outputs.

    Raises:
        DataError: If they do not fit.
    """
    if weights is None or y is None:
        return weights
    structure, given = (optree.tree_structure(nest, none_is_leaf=True, namespace=NAMESPACE) for nest in (y, weights))
    if structure == given:
        return weights
    if optree.treespec_is_leaf(given) and not optree.treespec_is_leaf(structure):
        shape = shape_of(weights)
        if len(shape) > 1 and shape[1:] != (1,):
            raise DataError(
                f"sample_weight of shape {shape} cannot serve {structure.num_leaves} outputs: give one weight "
                "per sample, of shape (n,), or an array for each output"
            )
        return map_arrays(lambda _: weights, y)
    raise DataError(f"sample_weight must be one array, or be structured as y, which has {_described('y', y)}; "
                    f"it has {_described('sample_weight', weights)}")  # fmt: skip


def _described(part: str, nest: Any) -> str:
    return ", ".join(places(part, nest)) or "no arrays"


def ran_out(kind: str, role: str, epoch: int, done: int, wanted: int | None) -> None:
    """Warns that there was less data than asked for; `wanted` is None where the number of steps was left open."""
    epoch_, times = (f" in epoch {epoch + 1}", " for each epoch") if role == "fit" else ("", "")
    counted = f"{done} of {wanted} steps" if wanted else "no step"
    warnings.warn(
        f"Your input ran out of data: {role} could do {counted}{epoch_}. The {kind} must be able to give "
        f"{f'{wanted} batches' if wanted else 'batches'}{times}; ask for fewer, or give data that repeats.",
        stacklevel=3,
    )


def train_validation_split(arrays_, validation_split):
    """Cuts data in two, its last part being for validation.

    Args:
        arrays_: Nest of arrays, such as `(x, y, sample_weight)`.
        validation_split: Which fraction of the samples is for validation, between 0 and 1.

    Returns:
        Two nests like the one given, for training and for validation.

    Raises:
        DataError: If something in it is no array, or either part would be empty.
    """
    leaves, _ = flatten(arrays_)
    odd = next((leaf for leaf in leaves if not is_array(leaf)), None)
    if odd is not None:
        raise DataError(
            f"validation_split works with arrays only, not with a {type_name(odd)}; give validation_data instead"
        )
    parts = [arrays(part, name) for name, part in zip(PARTS, arrays_, strict=False)]
    n = _cardinality(parts)
    cut = math.floor(n * (1.0 - validation_split))
    if not 0 < cut < n:
        raise DataError(
            f"validation_split={validation_split} leaves {cut} of {n} samples for training and {n - cut} for "
            "validation; neither may be empty, and it must lie between 0 and 1"
        )
    return tuple(map_arrays(operator.itemgetter(rows), tuple(parts)) for rows in (slice(0, cut), slice(cut, n)))
