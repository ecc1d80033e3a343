"""What there is to know of a class's `call`, and what a layer keeps for itself."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from kerastorch.graph import Node
from kerastorch.variable import Variable


class CallSpec:
    """What there is to know of a class's `call`, found out once."""

    def __init__(self, call: Callable):
        parameters = [p for p in inspect.signature(call).parameters.values() if p.name != "self"]
        self.names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        self.every = every = {p.name for p in parameters}
        self.open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
        self.starred = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        self.training = "training" in every
        # the flag where nobody gives one: True for layers that say so, as those do that prepare data
        self.unsaid = next((True for p in parameters if p.name == "training" and p.default is True), None)
        self.mask = "mask" in every
        self.masks = [n for n in every if n.endswith("_mask") and n[:-5] in every]
        self.needed = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty]
        self.first = self.names[0] if self.names else None


class State:
    """What a layer keeps for itself, apart from the attributes that its author sets."""

    def __getstate__(self) -> dict[str, Any]:
        """All but what backends have made of the layer: a copy is at home on the host, as its variables are."""
        return {**self.__dict__, "runners": {}, "lowered": {}, "anchor": None}

    def __init__(self) -> None:
        self.weights: list[Variable] = []
        self.losses: list[Any] = []
        self.nodes: list[Node] = []
        self.runners: dict[str, Any] = {}  # by backend: what runs the lowered layer
        self.called_with: tuple | None = None  # KerasTensors like the inputs of the first call
        self.lowered: dict[str, Any] = {}  # what backends keep of lowering the layer while its weights are at home there
        self.arguments: tuple[tuple, dict] | None = None  # what an undeclared class was constructed with
        self.build_shapes: Any = None
        self.input_shape: tuple | None = None  # given to the constructor, for the first layer of a Sequential
        self.initial_weights: Any = None
        self.anchor: Variable | None = None  # a weight whose home tells where the layer is at home
        self.path = ""  # once the layer is built
        self.altered = 0  # which of all alterations was the last one of this layer, counted from 1
        self.caught_up = 0  # how many of them there were when this layer last looked for some below it
        self.extra: dict[str, Any] = {}


def specs_of(cls: type) -> CallSpec:
    """The CallSpec of a layer class."""
    found = cls.__dict__.get("__call_spec__")
    if found is None:
        found = CallSpec(cls.call)  # type: ignore[attr-defined]
        cls.__call_spec__ = found  # type: ignore[attr-defined]
    return found


@functools.cache
def parameters_of(method: Callable) -> list[str]:
    """The names of a method's parameters, `self` left out."""
    return [n for n in inspect.signature(method).parameters if n != "self"]
