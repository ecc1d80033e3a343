"""Public names that are imported when they are first used."""

import importlib
import os
import re
from collections.abc import Callable
from typing import Any

LINE = re.compile(r"^from (\.+)([\w.]*) import (\w+) as (\w+)$", re.MULTILINE)
STAR = re.compile(r"^from \.(\w+) import \*$", re.MULTILINE)


def listed(stub: str) -> dict[str, tuple[str, str]]:
    """The public names in a stub, with the module each lives in and its name there."""
    with open(stub, encoding="utf-8") as file:
        text = file.read()
    found = {public: (dots + module, name) for dots, module, name, public in LINE.findall(text)}
    for module in STAR.findall(text):
        found |= listed(os.path.join(os.path.dirname(stub), f"{module}.pyi"))
    return found


def attach(module: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Gives a package or a module the names that the stub beside it (`.pyi`) lists, and a package the old names of what it has.

    Each line of the stub has one of the forms `from .module import name as public_name`, `from . import module as module`, and
    `from .module import *` for all that is in the stub of that module.

    Args:
        module: The `__name__` of the package or module.
        file: Its `__file__`.

    Returns:
        `__getattr__`, `__dir__` and `__all__` of the package or module.
    """
    places = listed(f"{file.removesuffix('.py')}.pyi")
    folder, last = os.path.split(file)
    whole = last == "__init__.py"
    package = module if whole else module.rpartition(".")[0]

    def __getattr__(name: str) -> Any:
        place = places.get(name)
        if place is None:
            if name.startswith("__") or not whole:
                raise AttributeError(f"module {module!r} has no {name!r}")
            if os.path.exists(f"{folder}/{name}.py") or os.path.exists(f"{folder}/{name}/__init__.py"):
                return importlib.import_module(f"{package}.{name}")  # a submodule that the stub does not list
            from kerastorch.legacy.modules import lookup

            return lookup(package, name)
        home, inner = place
        if home == ".":
            return importlib.import_module(f".{inner}", package)
        found = getattr(importlib.import_module(home, package), inner)
        importlib.import_module(module).__dict__[name] = found  # a module of the same name must not hide it
        return found

    return __getattr__, lambda: sorted(places), sorted(places)


def attach_past(module: str) -> Callable[[str], Any]:
    """A module's `__getattr__` that knows the names it had in the past.

    Args:
        module: Its `__name__`.
    """

    def __getattr__(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {module!r} has no {name!r}")
        from kerastorch.legacy.modules import lookup

        return lookup(module, name)

    return __getattr__
