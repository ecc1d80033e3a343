"""The state of optimizers as old versions of Keras wrote it, for the variables that hold it today.

tf.keras from 2.11 on keeps what Keras 3 keeps, in the same order, but for the learning rate. Before, all slots of one kind came
before those of the next, named `<weight>/<kind>`, or in Keras 2 `Variable_<number>`.
"""

from collections.abc import Sequence
from typing import Any

from kerastorch.variable import Variable

KINDS = ("m", "v", "vhat", "momentum", "rms", "mg", "accumulator", "linear", "accum_grad", "accum_var")


def pairs(optimizer: Any, names: Sequence[str], arrays: Sequence[Any]) -> list[tuple[Variable, Any]] | None:
    """The variables of a built optimizer with their values; None where the state is that of another optimizer.

    Args:
        optimizer: The optimizer.
        names: What the file calls the values.
        arrays: The values, in the file's order.
    """
    kinds = [n.rpartition("/")[2].partition(":")[0] for n in names]
    if not any(kind in KINDS or kind.startswith("Variable") for kind in kinds):
        return _fitting(optimizer.stored_variables(len(arrays)), arrays)
    slots = [s for group in optimizer._slots.values() for s in group if s is not None]
    steps = [a for a in arrays if not a.ndim][:1]
    found = [(k, a) for k, a in zip(kinds, arrays, strict=True) if a.ndim]
    if all(a.shape == (1,) for _, a in found[len(slots) :]):  # what Keras 2 wrote for slots of an option that was off
        found = found[: len(slots)]
    order = list(dict.fromkeys(k if k in KINDS else "" for k, _ in found))
    grouped = [a for _, a in sorted(found, key=lambda entry: order.index(entry[0] if entry[0] in KINDS else ""))]
    return _fitting([optimizer.iterations, *slots][1 - len(steps) :], [*steps, *grouped])


def _fitting(variables: Sequence[Variable], arrays: Sequence[Any]) -> list[tuple[Variable, Any]] | None:
    if [v.shape for v in variables] != [tuple(a.shape) for a in arrays]:
        return None
    return list(zip(variables, arrays, strict=True))
