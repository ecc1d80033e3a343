"""What all kinds of data share: the interface to the loop, batches as (x, y, sample_weight), and arrays of any make."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import optree

from kerastorch import backend_registry, dtypes
from kerastorch.errors import KerastorchError, user_line
from kerastorch.graph import KerasTensor
from kerastorch.tree import NAMESPACE
from kerastorch.variable import host_array

PARTS = ("x", "y", "sample_weight")
ACCEPTED = "an array, a tensor, a pandas data frame, a scipy sparse matrix, a list of numbers, or a nest of these,"


class DataError(KerastorchError, ValueError):
    """Data that cannot be trained, tested or predicted on; the message ends in the user's own line."""

    def __init__(self, message: str):
        line = user_line()
        super().__init__(f"{message} (called at {line[0]}:{line[1]})" if line else message)


class Data:
    """Batches for the loop.

    Attributes:
        num_batches: Number of batches in an epoch; None where that is not known.
        batch_size: Number of samples in a batch, the last one excepted; None where that is not known.
        num_samples: Number of samples altogether; None where that is not known.
        exhausted: Whether the source can give no more batches, now or in a later epoch.
    """

    num_batches: int | None = None
    batch_size: int | None = None
    num_samples: int | None = None
    exhausted = False
    _open = False

    def batches(self, backend: Any, epoch: int = 0) -> Iterator[tuple[Any, Any, Any]]:
        """The batches of an epoch, as tensors of a backend.

        `on_epoch_begin` and `on_epoch_end` are called at its beginning and end, unless the loop has called them itself.

        Args:
            backend: The backend that the tensors belong to.
            epoch: Which epoch it is, counted from 0.

        Returns:
            An iterator of `(x, y, sample_weight)`, each a tensor, a nest of tensors as the data has it, or None.
        """
        self.on_epoch_begin()
        try:
            yield from self._batches(backend, epoch)
        finally:
            self.on_epoch_end()

    def _batches(self, backend: Any, epoch: int) -> Iterator[tuple[Any, Any, Any]]:
        raise NotImplementedError("a kind of data says what its batches are")

    def sample(self) -> tuple[Any, Any, Any]:
        """What batches look like: `(x, y, sample_weight)` of KerasTensors without a batch size. Nothing is used up."""
        raise NotImplementedError("a kind of data says what its batches look like")

    def signature(self) -> Any:
        """What decides `sample`, as something that can be compared and hashed; None where only `sample` can tell."""
        return None

    def host_labels(self) -> Any:
        """All of y as numpy arrays; None where there is none or it is not in memory."""
        return None

    def on_epoch_begin(self, epoch: int = 0) -> None:
        """Tells the source that an epoch begins; further calls within the epoch do nothing."""
        if not self._open:
            self._open = True
            self._begin()

    def on_epoch_end(self, epoch: int = 0) -> None:
        """Tells the source that the epoch has ended; further calls do nothing."""
        if self._open:
            self._open = False
            self._end()

    def close(self) -> None:
        """Ends whatever prepares batches beside the loop."""

    def _begin(self) -> None:
        pass

    def _end(self) -> None:
        pass


# ------------------------------------------------------------------------------------------------ batches


def unpack_x_y_sample_weight(data):
    """A batch, or validation data, as three parts.

    Args:
        data: `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`; a list serves as a tuple.

    Returns:
        `(x, y, sample_weight)`, None for those that are not there.

    Raises:
        ValueError: If a tuple has none or more than three parts.
    """
    if not isinstance(data, list | tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise DataError(
            f"Data is expected to be x, (x,), (x, y) or (x, y, sample_weight), not {len(data)} parts: {brief(data)}"
        )
    return (*data, None, None)[:3]


def pack_x_y_sample_weight(x, y=None, sample_weight=None):
    """The reverse of `unpack_x_y_sample_weight`: parts that are None are left out.

    Returns:
        `x` alone (in a tuple if it is a list or tuple itself), `(x, y)` or `(x, y, sample_weight)`.
    """
    if y is None:
        return (x,) if isinstance(x, list | tuple) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def brief(x: Any) -> str:
    """A value as it may stand in an error message."""
    text = repr(x)
    return text if len(text) <= 80 else text[:77] + "..."


# ------------------------------------------------------------------------------------------------ arrays


def is_numbers(x: Any) -> bool:
    """Whether a list is one array written in Python, rather than a list of arrays."""
    if not isinstance(x, list | tuple):
        return False
    while isinstance(x, list | tuple) and len(x):
        x = x[0]
    return isinstance(x, bool | int | float | complex | str | bytes | np.number | np.bool_)


NOTHING, ONE = (optree.tree_structure(nest, namespace=NAMESPACE) for nest in (None, 0))


def flatten(nest: Any) -> tuple[list[Any], Any]:
    """The arrays of a nest, None left out, and what rebuilds the nest from them."""
    if nest is None or type(nest) is np.ndarray:  # as nearly always
        return ([], NOTHING) if nest is None else ([nest], ONE)
    return optree.tree_flatten(nest, is_leaf=is_numbers, namespace=NAMESPACE)


def places(part: str, nest: Any) -> list[str]:
    """Where each array of a nest is found, as an expression: x, y[0], x['image']."""
    paths = optree.tree_paths(nest, is_leaf=is_numbers, namespace=NAMESPACE)
    return [part + "".join(f"[{step!r}]" for step in path) for path in paths]


def arrays(nest: Any, part: str) -> Any:
    """A nest with each array of any make turned into a numpy array, a framework's dense or ragged tensor, or a scipy CSR array.

    Raises:
        DataError: Where something is no array.
    """
    if nest is None:
        return None
    leaves, spec = flatten(nest)
    return spec.unflatten([_array(leaf, _Place(part, nest, i)) for i, leaf in enumerate(leaves)])


def map_arrays(function: Callable[..., Any], *nests: Any) -> Any:
    """A nest like the first, of what a function makes of the arrays at each place."""
    return optree.tree_map(function, *nests, is_leaf=is_numbers, namespace=NAMESPACE)


class _Place:
    """One of `places`, found out only where a message needs it."""

    __slots__ = ("index", "nest", "part")

    def __init__(self, part: str, nest: Any, index: int):
        self.part, self.nest, self.index = part, nest, index

    def __str__(self) -> str:
        return places(self.part, self.nest)[self.index]


def is_array(x: Any) -> bool:
    """Whether something is an array of any make."""
    return is_numbers(x) or hasattr(x, "__array__") or is_sparse(x) or backend_registry.of(x) is not None


# Frameworks' sparse matrices, known by the names of their classes: places of shape (n, 2), values, and the shape.
COORDINATES: dict[str, Callable[[Any], tuple[Any, Any, Any]]] = {
    "SparseTensor": lambda x: (x.indices, x.values, x.dense_shape),
    "BCOO": lambda x: (x.indices, x.data, x.shape),
}


def is_sparse(x: Any) -> bool:
    """Whether something is a sparse matrix of any make, or one of more dimensions that can be filled up."""
    return hasattr(x, "tocsr") or type(x).__name__ in COORDINATES


def _rows(x: Any) -> Any:
    """A sparse matrix as a scipy CSR array, whose rows can be picked; with other than two dimensions, filled up."""
    if hasattr(x, "tocsr"):
        return x.tocsr()
    if len(x.shape) != 2:
        owner = backend_registry.of(x)
        return np.asarray(x.todense()) if owner is None else owner.numpy(x)
    from scipy.sparse import coo_array

    places, values, shape = map(np.asarray, COORDINATES[type(x).__name__](x))
    inside = (places < shape).all(1)  # JAX fills its arrays up with places beyond the end
    return coo_array((values[inside], tuple(places[inside].T)), tuple(shape.tolist())).tocsr()


def _array(x: Any, place: _Place) -> Any:
    if not is_array(x):
        raise DataError(
            f"Unrecognized data type: {place} is a {type_name(x)} ({brief(x)}), but {ACCEPTED} was expected"
        )
    sparse = is_sparse(x)
    owner = None if sparse else backend_registry.of(x)
    if sparse:
        out = _rows(x)
    elif owner is not None:
        out = x
    else:
        try:
            out = host_array(x) if is_numbers(x) else np.asarray(x)
        except ValueError as error:
            raise DataError(f"{place} is no array with rows of equal length: {error}") from error
        if hasattr(x, "iloc") and out.ndim == 1:
            out = out[:, None]  # as in Keras, a pandas Series is one column
        if out.dtype == object:
            out = _objects(out, place)
    if owner is None and out.dtype.kind in "mMV" and out.dtype.name not in dtypes.ALLOWED:
        raise DataError(f"{place} is of dtype {out.dtype}, which no framework can compute with; turn it into numbers")
    if not len(out.shape):
        raise DataError(f"{place} is a single value ({brief(x)}); data needs at least one axis, that of the samples")
    return out


def _objects(x: Any, place: _Place) -> Any:
    """An array of Python objects as one of numbers, if they are numbers; arrays of strings stay."""
    odd = next((e for e in x.flat if not isinstance(e, str | bytes)), None)
    if odd is None:
        return x
    try:
        return x.astype(dtypes.floatx())
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{place} is an array of Python objects, among them a {type_name(odd)} ({brief(odd)}); sequences of "
            "different length can be made one array with pad_sequences"
        ) from error


def dtype_of(x: Any) -> str:
    """The dtype in which an array is handed to the model: floats in floatx, all else as it is."""
    owner = backend_registry.of(x)
    if owner is None and x.dtype.kind in "OUS":
        return "string"
    name = dtypes.standardize(x.dtype) if owner is None else owner.dtype(x)
    return dtypes.floatx() if dtypes.is_float(name) else name


def shape_of(x: Any) -> tuple[Any, ...]:
    """The shape of an array of any make."""
    owner = backend_registry.of(x)
    return tuple(x.shape) if owner is None else tuple(owner.shape(x))


def to_host(x: Any) -> Any:
    """An array of any make as a numpy array."""
    owner = backend_registry.of(x)
    if owner is not None:
        return owner.numpy(x)
    return x.toarray() if hasattr(x, "tocsr") else x


def to_tensor(x: Any, backend: Any) -> Any:
    """An array of any make as a tensor of a backend, sharing memory where that is possible; text stays an array where it has to.

    Sparse matrices stay sparse and ragged tensors ragged where the backend has such tensors.
    """
    owner, dtype = backend_registry.of(x), dtype_of(x)
    if dtype == "string" and "text" not in backend.also_holds:
        return to_host(x)
    if hasattr(x, "tocsr"):
        return backend.sparse(x, dtype)
    return backend.convert(x if owner is backend else to_host(x), dtype, alias=True)


def spec_of(*likes: Any) -> KerasTensor:
    """What arrays of equal rank have in common: dimensions that differ, and the first one, are None."""
    shapes = [shape_of(x)[1:] for x in likes]
    if len({len(s) for s in shapes}) > 1:
        raise DataError(f"batches differ in rank: their shapes are {' and '.join(str(shape_of(x)) for x in likes)}")
    common = (d[0] if len(set(d)) == 1 else None for d in zip(*shapes, strict=True))
    return KerasTensor((None, *common), dtype_of(likes[0]))


def type_name(x: Any) -> str:
    kind = type(x)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


# ------------------------------------------------------------------------------------------------ class weights


class ClassWeights:
    """Turns labels into weights of samples.

    Args:
        weights: From a class's integer to its weight; classes that are not in it weigh 1.

    Raises:
        DataError: If it is no such dictionary.
    """

    def __init__(self, weights: Any):
        if not isinstance(weights, dict) or not weights:
            raise DataError(f"class_weight must be a dictionary such as {{0: 1.0, 1: 2.5}}, not {brief(weights)}")
        try:
            table = sorted((int(k), float(v)) for k, v in weights.items())
        except (TypeError, ValueError) as error:
            raise DataError(
                f"class_weight must have integers as keys and numbers as values: {brief(weights)}: {error}"
            ) from error
        self.classes = np.array([k for k, _ in table])
        self.weights = np.array([v for _, v in table], dtypes.floatx())

    def of(self, y: Any) -> Any:
        """The weight of each sample.

        Args:
            y: Integer labels of shape (n,) or (n, 1), or one-hot ones of shape (n, classes).
        """
        leaves, spec = flatten(y)
        if not leaves or not optree.treespec_is_leaf(spec):
            raise DataError(f"class_weight works where y is one array of labels; y has {len(leaves)} arrays")
        labels = to_host(leaves[0])
        if labels.ndim > 1:
            labels = labels[..., 0] if labels.shape[-1] == 1 else labels.argmax(-1)
        labels = np.round(labels).astype("int64")
        at = np.searchsorted(self.classes, labels).clip(max=len(self.classes) - 1)
        return np.where(self.classes[at] == labels, self.weights[at], self.weights.dtype.type(1))
