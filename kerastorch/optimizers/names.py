"""Optimizers by name: `get` and configurations."""

import inspect
from typing import Any

from kerastorch.optimizers import adaptive, descent, loss_scale, multi, muon
from kerastorch.optimizers.base import Optimizer
from kerastorch.saving.objects import deserialize_keras_object, lookup, serialize_keras_object

CLASSES: dict[str, Any] = {
    n: c
    for module in (descent, adaptive, muon, loss_scale, multi)
    for n, c in vars(module).items()
    if inspect.isclass(c) and issubclass(c, Optimizer) and c is not Optimizer
}
NAMES = {**CLASSES, **{n.lower(): c for n, c in CLASSES.items()}}


def get(identifier):
    """An optimizer by name (in any case), class, configuration, or as it is given; None for None.

    Raises:
        ValueError: If there is no such optimizer; near names are suggested.
    """
    if isinstance(identifier, str) and identifier not in NAMES:
        identifier = identifier.lower() if identifier.lower() in NAMES else identifier
    found = deserialize(identifier) if isinstance(identifier, dict) else lookup("optimizer", NAMES, identifier)
    if found is not None and not isinstance(found, Optimizer):
        raise ValueError(f"{identifier!r} of type {type(identifier).__name__} cannot be understood as an optimizer")
    return found


def serialize(optimizer):
    """The configuration of an optimizer."""
    return serialize_keras_object(optimizer)


def deserialize(config, custom_objects=None):
    """The optimizer of a configuration, whose class may be named in any case."""
    known = NAMES.get(str(config.get("class_name")).lower()) if isinstance(config, dict) else None
    if known is not None:
        config = {**config, "class_name": known.__name__, "module": "keras.optimizers"}
    return deserialize_keras_object(config, custom_objects, module_objects=NAMES)
