"""`.weights.h5` files in Keras 3's layout.

Each layer has a group named by the way to it from the model: attributes (`encoder/cell`), and in containers the
item's class in snake case with a running number (`layers/dense_1`). Below it, the datasets `vars/0`, `vars/1`, ... are
its own variables.
"""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kerastorch import optimizers, scope
from kerastorch.layers.base import Layer
from kerastorch.models.model import Model
from kerastorch.models.sequential import Sequential
from kerastorch.saving import hdf5
from kerastorch.saving.atomic import replacing
from kerastorch.training.trainer import Trainer

SUFFIX = ".weights.h5"
OLD_LAYERS = "_layer_checkpoint_dependencies"  # what files of tf.keras 2.13 have in place of "layers"
ABSENT = (AttributeError, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError)


def save(model, path, overwrite=True, max_shard_size=None) -> None:
    """Writes a model's weights; the file is complete or not there.

    Args:
        model: A built model.
        path: Where to; ends in `.weights.h5`.
        overwrite: Whether a file that is there already is replaced without asking on the terminal.
        max_shard_size: Accepted only as None: weights are kept in one file.

    Raises:
        ValueError: If the model is not built, or the path has another ending.
        FileExistsError: If the file exists, `overwrite` is False and nobody can be asked.
    """
    path = _checked(path, "save_weights")
    if max_shard_size is not None:
        raise ValueError(
            f"save_weights: weights are kept in one file; leave max_shard_size out instead of giving {max_shard_size!r}"
        )
    _need_built(model, "save_weights")
    if not overwrite and os.path.exists(path) and not _may_replace(path):
        return
    with replacing(path) as temporary, hdf5.create(temporary) as file:
        for where, layer in layers_of(model):
            store: dict[str, Any] = {}
            layer.save_own_variables(store)
            hdf5.write(file, f"{where}/vars", store, {"name": layer.name})


def load(model, path, skip_mismatch=False, **kwargs) -> None:
    """Sets a model's weights from a file. Everything is checked first: where anything does not fit, nothing is changed.

    Args:
        model: A built model.
        path: The file; ends in `.weights.h5`.
        skip_mismatch: Whether layers that do not fit keep their weights, with a warning, while the others are loaded.
        objects_to_skip: Layers that are left as they are.

    Raises:
        ValueError: If the file does not fit the model or is no such file; the message names the entries.
        FileNotFoundError: If there is no such file.
    """
    skipped = kwargs.pop("objects_to_skip", None) or ()
    if kwargs:
        raise ValueError(f"load_weights: {', '.join(sorted(kwargs))} cannot be used with {SUFFIX} files")
    path = _checked(path, "load_weights")
    _need_built(model, "load_weights")
    with hdf5.reading(path) as groups:
        plans, problems = _plan(model, groups, {id(x) for x in skipped})
        if problems:
            shown = "; ".join(problems[:5]) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else "")
            message = f"{path} does not fit model {model.name!r}: {shown}"
            if not skip_mismatch:
                raise ValueError(message)
            warnings.warn(message, stacklevel=3)
        read = [(assign, {key: hdf5.read(dataset) for key, dataset in store.items()}) for assign, store in plans]
    _assign_all(model, read, path)


def layers_of(model: Layer) -> Iterator[tuple[str, Layer]]:
    """The layers of a model, itself first, with the paths of their groups; each once, in the order of the file."""
    return ((where, found) for where, found in _walk(model, "", set()) if isinstance(found, Layer))


# ------------------------------------------------------------------------------------------------ the way to a layer


def _walk(owner: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    if id(owner) in seen:
        return
    seen.add(id(owner))
    if isinstance(owner, Layer):
        yield path, owner
        for name, child in _children(owner):
            yield from _walk(child, f"{path}/{name}" if path else name, seen)
    elif isinstance(owner, optimizers.Optimizer):
        yield path, owner
    elif isinstance(owner, list | tuple | dict):
        used: dict[str, int] = {}
        for item in owner.values() if isinstance(owner, dict) else owner:
            base = scope.snake(type(item).__name__) if not isinstance(item, list | tuple | dict) else "container"
            n = used[base] = used.get(base, -1) + 1
            yield from _walk(item, f"{path}/{base}_{n}" if n else f"{path}/{base}", seen)


_OWN_CLASSES = (Layer, Model, Sequential, Trainer, object)


def _children(owner: Layer) -> Iterator[tuple[str, Any]]:
    """What a layer's attributes and properties hold: the layers of a recorded model first, private names last."""
    names = {n for n in vars(owner) if n != "_state"}
    for cls in type(owner).__mro__:
        if cls not in _OWN_CLASSES:
            names |= {n for n, v in vars(cls).items() if isinstance(v, property) and not n.startswith("__")}
    if isinstance(owner, Model):
        names.add("layers")
        if isinstance(owner, Sequential):
            yield "layers", owner.layers
        elif owner.graph is not None:
            yield "layers", [x for x in owner.operations if isinstance(x, Layer)]
    for name in sorted(names, key=lambda n: ("~" if n.startswith("_") else "") + n):
        yield name, _value(owner, name)


def _value(owner: Layer, name: str) -> Any:
    try:
        return getattr(owner, name)
    except ABSENT:  # a user's property that has no value yet holds no layer
        return None


# ------------------------------------------------------------------------------------------------ from a file


def _plan(model: Any, groups: dict[str, Any], skipped: set[int]) -> tuple[list[tuple[Callable, Mapping]], list[str]]:
    """What to assign from which datasets, and what does not fit, in words."""
    plans: list[tuple[Callable, Mapping]] = []
    problems: list[str] = []
    left = dict(groups)
    for where, found in _walk(model, "", set()):
        group = f"{where}/vars".lstrip("/")
        old = group.replace("layers", OLD_LAYERS)
        group = old if group not in left and old in left else group
        store = left.pop(group, {})
        if not isinstance(found, Layer) or id(found) in skipped:
            continue
        wrong = list(_misfits(found, group, store))
        problems += wrong
        if not wrong:
            plans.append((found.load_own_variables, store))
    # The state of an optimizer may stand in the file and is not a weight.
    problems += [
        f"the model has no place for {group}/{key} of shape {tuple(dataset.shape)}"
        for group, store in left.items()
        if not group.startswith("optimizer/")
        for key, dataset in store.items()
    ]
    return plans, problems


def _misfits(layer: Layer, group: str, store: Mapping[str, Any]) -> Iterator[str]:
    if type(layer).load_own_variables is not Layer.load_own_variables:  # the layer alone knows what it stores
        for key, dataset in store.items():
            yield from hdf5.suspicious(dataset, f"{group}/{key}")
        return
    wanted = {str(i): v for i, v in enumerate(layer._own_ordered())}
    for key, variable in wanted.items():
        if key not in store:
            yield f"{group}/{key} is missing, which {variable.path!r} of shape {variable.shape} needs"
        elif tuple(store[key].shape) != variable.shape:
            yield f"{group}/{key} has shape {tuple(store[key].shape)}, but {variable.path!r} has {variable.shape}"
    for key in store.keys() - wanted.keys():
        yield f"{group}/{key} is superfluous: layer {layer.name!r} has {len(wanted)} variables of its own"


def _assign_all(model: Any, read: list[tuple[Callable, Mapping]], path: str) -> None:
    """Assigns what was read; where a layer's own loader fails, all weights are put back."""
    before = [(v, v.numpy()) for v in model.weights]
    try:
        for assign, store in read:
            assign(store)
    except ABSENT as error:
        for variable, value in before:
            variable.assign(value)
        raise ValueError(
            f"{path} does not fit model {model.name!r}, whose weights were left as they were: {error}"
        ) from error


# ------------------------------------------------------------------------------------------------ arguments


def _checked(path: Any, method: str) -> str:
    path = os.fspath(path)
    if not path.endswith(SUFFIX):
        raise ValueError(f"{method}: the name of the file must end in {SUFFIX!r}, not {path!r}")
    return path


def _need_built(model: Any, method: str) -> None:
    if not model.built:
        raise ValueError(
            f"{method}: model {model.name!r} is not built, so its weights do not exist yet; call it on data or call "
            "build(input_shape) first"
        )


def _may_replace(path: str) -> bool:
    try:
        answer = input(f"{path} exists. Replace it? [y/n] ")
    except EOFError:
        raise FileExistsError(f"{path} exists; give overwrite=True to replace it") from None
    return answer.strip().lower() in ("y", "yes")
