"""The variables of a model as datasets in Keras 3's layout.

Each layer has a group named by the way to it from the model: attributes (`encoder/cell`), and in containers the
item's class in snake case with a running number (`layers/dense_1`). Below it, the datasets `vars/0`, `vars/1`, ... are
its own variables. The optimizer's are in `optimizer/vars`.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from kerastorch import optimizers
from kerastorch.layers.adapted import Adapted
from kerastorch.layers.base import Layer
from kerastorch.optimizers.state import State
from kerastorch.saving import hdf5
from kerastorch.saving.tracking import ABSENT, parts_of
from kerastorch.variable import Variable

OLD_LAYERS = "_layer_checkpoint_dependencies"  # what files of tf.keras 2.13 have in place of "layers"
STATE = ("optimizer", "seed_generator", "metrics", "_metrics", "loss_tracker")  # in files, and no weights of layers
Write = Callable[[str, Mapping[str, Any], Mapping[str, Any]], None]


def write_all(model: Any, write: Write, skipped: Sequence[Any] = ()) -> None:
    """Writes the variables of a model, one part at a time.

    Args:
        model: The model.
        write: `(group, arrays by name, attributes)`.
        skipped: Layers whose variables are left out.
    """
    left_out = {id(x) for x in skipped}
    for part, (where, *_) in parts_of(model).values():
        if id(part) not in left_out:
            store: dict[str, Any] = {}
            if _plain(part, "save_own_variables"):  # which would copy all values before the first is written
                store.update((str(i), v) for i, v in enumerate(_variables(part)))
            else:
                part.save_own_variables(store)
            write(f"{where}/vars", store, {"name": part.name})


def read_all(model: Any, groups: hdf5.Groups, path: str, skip_mismatch: bool = False, skipped: Sequence[Any] = ()) -> None:
    """Sets the variables of a model. Everything is checked first: where anything does not fit, nothing is changed.

    Args:
        model: The model.
        groups: The datasets of a file.
        path: The file, for errors.
        skip_mismatch: Whether layers that do not fit keep their weights, with a warning, while the others are loaded.
        skipped: Layers that are left as they are.

    Raises:
        ValueError: If the file does not fit the model; the message names the entries.
    """
    plans, problems, notes = _plan(model, groups, {id(x) for x in skipped})
    report(problems, path, model, skip_mismatch)
    if notes:
        warnings.warn(f"{path}: {_listed(notes)}", stacklevel=4)
    read = [(part, {key: dataset.read() for key, dataset in store.items()}) for part, store in plans]
    _assign_all(model, read, path)


def report(problems: list[str], path: str, model: Any, skip_mismatch: bool) -> None:
    """Says what does not fit: as an error, or as a warning where that is skipped."""
    if problems:
        message = f"{path} does not fit model {model.name!r}: {_listed(problems)}"
        if not skip_mismatch:
            raise ValueError(message)
        warnings.warn(message, stacklevel=5)


def _listed(problems: list[str]) -> str:
    return "; ".join(problems[:5]) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else "")


Plans = list[tuple[Any, Mapping[str, Any]]]


def _plan(model: Any, groups: hdf5.Groups, skipped: set[int]) -> tuple[Plans, list[str], list[str]]:
    """What to assign from which datasets, what does not fit, and what is only worth a note, in words."""
    plans: Plans = []
    problems: list[str] = []
    notes: list[str] = []
    left = dict(groups)
    for part, ways in parts_of(model).values():
        names = [_name(way, groups) for way in ways]
        group = next((name for name in names if name in groups), names[0])
        store = groups.get(group, {})
        for name in names:
            left.pop(name, None)
        if id(part) in skipped:
            continue
        wrong = list(_misfits(part, group, store))
        if isinstance(part, optimizers.Optimizer):
            notes += [f"optimizer {part.name!r} keeps its state, since {w}" for w in wrong[:1] if store]
            wrong = wrong or [""] * (not store)
        else:
            problems += wrong
        if not wrong:
            plans.append((part, store))
    notes += [
        f"the model has no place for {group}/{key} of shape {tuple(dataset.shape)}"
        for group, store in left.items()
        if not any(name.startswith(STATE) for name in group.split("/"))
        for key, dataset in store.items()
    ]
    return plans, problems, notes


def _name(way: str, groups: hdf5.Groups) -> str:
    name = f"{way}/vars".lstrip("/")
    old = name.replace("layers", OLD_LAYERS)
    return old if name not in groups and old in groups else name


def _misfits(part: Any, group: str, store: Mapping[str, Any]) -> Iterator[str]:
    for key, dataset in store.items():
        yield from dataset.suspicious(f"{group}/{key}")
    if not _plain(part, "load_own_variables"):  # the layer alone knows what it stores
        return
    wanted = {str(i): v for i, v in enumerate(_variables(part, len(store)))}
    if len(wanted) != len(store):
        ends = [f"{group}/{key} is missing" for key in wanted.keys() - store.keys()]
        ends += [f"{group}/{key} is superfluous" for key in store.keys() - wanted.keys()]
        yield (
            f"{type(part).__name__} {part.name!r} expected {len(wanted)} variables, but received {len(store)} variables: "
            f"{', '.join(sorted(ends))}"
        )
        return
    for key, variable in wanted.items():
        if key not in store:
            yield f"{group}/{key} is missing, which {variable.path!r} of shape {variable.shape} needs"
        elif tuple(store[key].shape) != variable.shape:
            yield (
                f"{group}/{key} has shape {tuple(store[key].shape)}, but {variable.path!r} has {variable.shape}, and the two "
                "must match"
            )


def _plain(part: Any, method: str) -> bool:
    """Whether a part stores its variables by number, as all do whose class does not say otherwise."""
    base: Any = Layer if isinstance(part, Layer) else State
    known = (getattr(base, method), getattr(Adapted, method, None))
    return getattr(type(part), method) in known and getattr(part, "_stores_variables", True)


def _variables(part: Any, count: int | None = None) -> Sequence[Variable]:
    """The variables of a part that does, in their order; of an optimizer those that a file of so many has."""
    if isinstance(part, Layer):
        return part._own_ordered()
    return part.variables if count is None else part.stored_variables(count)


def _assign_all(model: Any, read: list[tuple[Any, Mapping]], path: str) -> None:
    """Assigns what was read; where a layer's own loader fails, all weights are put back."""
    risky = not all(_plain(part, "load_own_variables") for part, _ in read)
    before = [(v, v.numpy()) for v in model.weights] if risky else []
    plain = [(part, store) for part, store in read if _plain(part, "load_own_variables")]
    try:
        assign_all((v, store[str(i)]) for part, store in plain for i, v in enumerate(_variables(part, len(store))))
        for part, store in read:
            if not _plain(part, "load_own_variables"):
                part.load_own_variables(store)
    except ABSENT as error:
        for variable, value in before:
            variable.assign(value)
        raise ValueError(
            f"{path} does not fit model {model.name!r}, whose weights were left as they were: {error}"
        ) from error


def assign_all(pairs: Iterable[tuple[Variable, Any]]) -> None:
    """Assigns arrays to variables whose shapes they have; the large ones side by side, since this is all that loading takes."""
    large = []
    for variable, array in pairs:
        if array.nbytes < hdf5.LARGE:
            variable.assign(array)
        else:
            large.append((variable, array))
    hdf5.in_threads(lambda pair: pair[0].assign(pair[1]), large)
