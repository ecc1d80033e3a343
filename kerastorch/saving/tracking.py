"""The way from a model to each of its parts that has variables, which is the part's name in files."""

from collections.abc import Iterator
from typing import Any

from kerastorch import optimizers, scope
from kerastorch.layers.base import Layer
from kerastorch.models.model import Model
from kerastorch.models.sequential import Sequential
from kerastorch.training.trainer import Trainer

ABSENT = (AttributeError, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError)
_OWN_CLASSES = {c for top in (Layer, Model, Sequential, Trainer) for c in top.__mro__}  # whose properties hold no layers


def parts_of(model: Any) -> dict[int, tuple[Any, list[str]]]:
    """The model itself, its layers and optimizers, in the order of files: by id, the part and all ways to it."""
    found: dict[int, tuple[Any, list[str]]] = {}
    for where, part in _walk(model, "", {}):
        found.setdefault(id(part), (part, []))[1].append(where)
    return found


def _walk(owner: Any, path: str, seen: dict[int, Any]) -> Iterator[tuple[str, Any]]:
    has_variables = isinstance(owner, Layer | optimizers.Optimizer)
    if has_variables:
        yield path, owner
    if id(owner) in seen:
        return
    seen[id(owner)] = owner  # kept, since another object could get the id of one that is gone
    if has_variables:
        for name, child in children_of(owner):
            yield from _walk(child, f"{path}/{name}" if path else name, seen)
    elif isinstance(owner, list | tuple | dict):
        used: dict[str, int] = {}
        for item in owner.values() if isinstance(owner, dict) else owner:
            base = scope.snake(type(item).__name__) if not isinstance(item, list | tuple | dict) else "container"
            n = used[base] = used.get(base, -1) + 1
            yield from _walk(item, f"{path}/{base}_{n}" if n else f"{path}/{base}", seen)


def children_of(owner: Any) -> Iterator[tuple[str, Any]]:
    """What an object's attributes and properties hold: the layers of a recorded model first, private names last."""
    if isinstance(owner, optimizers.Optimizer):
        yield from ((n, v) for n, v in vars(owner).items() if isinstance(v, optimizers.Optimizer))
        return
    names = {n for n in getattr(owner, "__dict__", ()) if n != "_state"}
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
