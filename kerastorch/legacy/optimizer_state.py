"""The state of optimizers as old versions of Keras wrote it, for the variables that hold it today.

tf.keras from 2.11 on keeps what Keras 3 keeps, in the same order, but for the learning rate. Before, all slots of one kind came
before those of the next, named `<weight>/<kind>`, in Keras 2.3 `<kind>_<number>`, before that `Variable_<number>`, with Theano
`variable_<number>` or `param_<number>`. Within a kind they follow the weights that are trained, up to Keras 2.0.5 in the order of
the names of these.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from kerastorch.legacy import old_weights
from kerastorch.variable import Variable

KINDS = (
    "m", "v", "vhat", "u", "moment", "momentum", "rms", "mg", "linear", "accumulator", "delta_accumulator", "accum_grad",
    "accum_var",
)  # fmt: skip
SORTED = re.compile(r"1\.|2\.0\.[0-5]$")  # versions that went by the names of weights


class Stored(NamedTuple):
    """What a file has of one layer."""

    layer: Any
    names: Sequence[str]
    arrays: Sequence[Any]  # in the layout of the file


def pairs(
    optimizer: Any, names: Sequence[str], arrays: Sequence[Any], layers: Sequence[Stored], version: str, backend: str
) -> list[tuple[Variable, Any]] | None:
    """The variables of a built optimizer with their values; None where the state is that of another optimizer.

    Args:
        optimizer: The optimizer.
        names: What the file calls the values.
        arrays: The values, in the file's order.
        layers: The layers of the file, in its order.
        version: The version of Keras that wrote it.
        backend: The backend with which it did.
    """
    kinds = [re.sub(r"(_\d+)+$", "", n.rpartition("/")[2].partition(":")[0]) for n in names]
    # Keras 3 names what is no slot `variable_<number>` too.
    if version[:1] == "3" or not any(kind in KINDS or kind in ("Variable", "variable", "param") for kind in kinds):
        return _fitting(optimizer.stored_variables(len(arrays)), arrays)
    steps = [a for a in arrays if not a.ndim][:1]
    found = [(k if k in KINDS else "", a) for k, a in zip(kinds, arrays, strict=True) if a.ndim]
    order = list(dict.fromkeys(k for k, _ in found))
    grouped = [a for _, a in sorted(found, key=lambda entry: order.index(entry[0]))]
    count = sum(_trained(stored) for stored in layers)
    rows = [grouped[i : i + count] for i in range(0, len(grouped), count)] if count else []
    slots = [(s, v) for group in optimizer._slots.values() for s, v in zip(group, optimizer._trainable_variables) if s is not None]
    kept = sum(v is slots[0][1] for _, v in slots)
    # Keras 2 wrote slots of an option that was off too, without a value.
    if any(len(row) != count for row in rows) or any(a.shape != (1,) for row in rows[kept:] for a in row):
        return None
    by_variable = [_by_variable(row, layers, version, backend) for row in rows[:kept]]
    values = [row.get(id(v)) for row in by_variable for v in optimizer._trainable_variables]
    if any(v is None for v in values):
        return None
    return _fitting([optimizer.iterations, *(s for s, _ in slots)][1 - len(steps) :], [*steps, *values])


def _trained(stored: Stored) -> int:
    """How many of a layer's arrays are of weights that are trained; they come first."""
    return len(stored.arrays) - len(stored.layer.non_trainable_weights)


def _by_variable(row: Sequence[Any], layers: Sequence[Stored], version: str, backend: str) -> dict[int, Any]:
    """The slots of one kind by the ids of the variables that they belong to, in today's layout."""
    names = [n for stored in layers for n in stored.names[: _trained(stored)]]
    order = sorted(range(len(names)), key=names.__getitem__) if SORTED.match(version) else range(len(names))
    left = iter([slot for _, slot in sorted(zip(order, row, strict=True), key=lambda entry: entry[0])])
    found: dict[int, Any] = {}
    for stored in layers:
        count = _trained(stored)
        own = [next(left) for _ in range(count)]
        made = old_weights.modern(stored.layer, [*own, *stored.arrays[count:]], version, backend)
        found.update((id(v), a) for v, a in zip(stored.layer.trainable_weights, made, strict=False))
    return found


def _fitting(variables: Sequence[Variable], arrays: Sequence[Any]) -> list[tuple[Variable, Any]] | None:
    if [v.shape for v in variables] != [tuple(a.shape) for a in arrays]:
        return None
    return list(zip(variables, arrays, strict=True))
