"""What an old argument becomes: a new name, and a new value where that changes too."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """The call that is being translated: where it goes, and its arguments so far under modern names."""

    kind: str
    name: str
    arguments: Mapping[str, Any]

    def argument(self, name: str) -> Any:
        """The value of a modern argument in this call, else its default."""
        if name in self.arguments:
            return self.arguments[name]
        target: Any = importlib.import_module(f"kerastorch.{self.kind}")
        for part in self.name.split("."):
            target = getattr(target, part)
        return inspect.signature(target).parameters[name].default

    def refuse(self, why: str) -> TypeError:
        """The error for an old argument that has no equal today."""
        return TypeError(f"{self.name}(): {why}")


@dataclass(frozen=True)
class Rule:
    """How old arguments become modern ones.

    Attributes:
        make: From the old values (in the key's order, None for those not given) and the call to the modern arguments.
        note: Said in the warning; why an argument is gone.
        replaces: Modern arguments that the result may overwrite.
    """

    make: Callable[..., dict[str, Any]]
    note: str = ""
    replaces: tuple[str, ...] = ()


def to(name: str, values: Mapping[Any, Any]) -> Rule:
    """An argument that has a new name, and new names for some of its values."""
    return Rule(lambda value, call: {name: values.get(value, value) if value.__hash__ else value})


def joined(name: str) -> Rule:
    """Arguments that are one tuple today."""
    return Rule(lambda *values_and_call: {name: tuple(v for v in values_and_call[:-1] if v is not None)})


def gone(note: str) -> Rule:
    """An argument that is ignored."""
    return Rule(lambda *_: {}, note)


def only(value: Any, why: str) -> Rule:
    """An argument that is left with a single value, and is ignored if it has that."""

    def make(given: Any, call: Call) -> dict[str, Any]:
        if given != value:
            raise call.refuse(f"{why}; {given!r} was given")
        return {}

    return Rule(make, why)


def in_batches(new: str, old: str) -> Rule:
    """A number of samples that is a number of batches today, known where the generator tells its batch size."""

    def make(samples: int, call: Call) -> dict[str, Any]:
        size = getattr(call.arguments.get("x"), "batch_size", None)
        if not size:
            why = "counts samples, and the generator does not tell its batch size"
            raise call.refuse(f"{old}={samples} {why}. Give {new}, in batches")
        return {new: -(-samples // size)}

    return Rule(make)
