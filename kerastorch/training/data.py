"""Any data that people have, as batches for the loop."""

import operator
import warnings
from typing import Any

from kerastorch.training.data_arrays import ArrayData, all_arrays, lone, train_validation_split
from kerastorch.training.data_common import (
    ACCEPTED,
    PARTS,
    Data,
    DataError,
    arrays,
    brief,
    pack_x_y_sample_weight,
    to_tensor,
    type_name,
    unpack_x_y_sample_weight,
)
from kerastorch.training.data_streams import ENDLESS, PyDatasetStream, StreamData, foreign_kind
from kerastorch.utils.pydataset import PyDataset

__all__ = ["Data", "DataError", "adapt", "lone", "pack_x_y_sample_weight", "to_tensor", "train_validation_split",
           "unpack_x_y_sample_weight"]  # fmt: skip

NO_STREAM = (str, bytes, list, tuple, dict, set, frozenset, range)
INSIDE = {"y": "targets, as (x, y)", "sample_weight": "sample weights, as (x, y, sample_weight)"}


def adapt(
    x: Any = None,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: bool | str = False,
    class_weight: dict[int, float] | None = None,
    role: str = "fit",
) -> Data:
    """Data of any kind as batches.

    Args:
        x: Arrays, tensors, data frames, sparse matrices, lists of numbers, and nests of these; or what gives batches: a
            generator, an iterable, a PyDataset, a torch DataLoader, a tf.data.Dataset.
        y, sample_weight: Nests of arrays, only beside arrays.
        batch_size: Samples in a batch, for arrays.
        steps: Batches in an epoch; None is all there are, -1 goes on until a callback stops.
        shuffle: Whether arrays, or the batches of a PyDataset, come in a new order in each epoch; "batch" shuffles
            within the batches of arrays.
        class_weight: From class to the weight that its samples have.
        role: "fit", "evaluate" or "predict".

    Raises:
        DataError: If the data is of no known kind, or its parts do not fit together.
    """
    unbounded = steps == -1
    steps, batch_size = _count("steps", None if steps in (0, -1) else steps), _count("batch_size", batch_size)
    if isinstance(x, Data):
        return x
    if x is None:
        raise DataError(f"{role} was given no x")
    foreign = foreign_kind(x)
    if isinstance(x, PyDataset):
        kind, length = "PyDataset", ENDLESS if x.num_batches is None else x.num_batches
    elif foreign is not None:
        kind, length = foreign[0], foreign[1](x)
    elif hasattr(x, "__next__"):
        kind, length = type_name(x), None
    elif all_arrays(x, y, sample_weight):
        return ArrayData(x, y, sample_weight, batch_size=batch_size, steps=steps, shuffle=shuffle,
                         class_weight=class_weight, role=role)  # fmt: skip
    elif hasattr(x, "__iter__") and not isinstance(x, NO_STREAM) and not all_arrays(x):
        kind, length = type_name(x), None
    else:
        raise _unsuitable(x, y, sample_weight)
    for name, given in (("y", y), ("sample_weight", sample_weight)):
        if given is not None:
            raise DataError(f"{name} should not be passed where x is a {kind}: that must give the {INSIDE[name]}")
    if length == ENDLESS and steps is None and not unbounded:
        argument = "steps_per_epoch" if role == "fit" else "steps"
        raise DataError(f"x is a {kind} without end: say {argument}, or {argument}=-1 to go on until a callback stops")
    if batch_size is not None and role == "fit":
        warnings.warn(
            f"batch_size={batch_size} is not used: x is a {kind}, which makes the batches itself", stacklevel=3
        )
    settings = {"length": length, "steps": steps, "class_weight": class_weight, "role": role}
    if isinstance(x, PyDataset):
        return PyDatasetStream(x, shuffle=bool(shuffle), **settings)
    return StreamData(x, kind=kind, **settings)


def _count(name: str, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not hasattr(value, "__index__") or operator.index(value) < 1:
        raise DataError(f"{name} must be a positive integer, not {value!r}")
    return operator.index(value)


def _unsuitable(*parts: Any) -> DataError:
    """The error for what is neither arrays nor a stream."""
    x = parts[0]
    if callable(x) and not hasattr(x, "__array__"):
        return DataError(f"Unrecognized data type: x is the function {brief(x)}; call it for the generator it makes")
    for name, part in zip(PARTS, parts, strict=True):
        arrays(part, name)  # raises for the first that is no array
    return DataError(f"Unrecognized data type: x is a {type_name(x)} without arrays, but {ACCEPTED} was expected")
