"""Public names that are imported when they are first used."""

import importlib
import os
import re
from collections.abc import Callable
from typing import Any

LINE = re.compile(r"^from (\.+)([\w.]*) import (\w+) as (\w+)$", re.MULTILINE)


def attach(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Gives a package the names that the stub beside it (`__init__.pyi`) lists, and the old names of what it has.

    Each line of the stub has the form `from .module import name as public_name`, or `from . import module as module`.

    Args:
        package: The package's `__name__`.
        file: Its `__file__`.

    Returns:
        `__getattr__`, `__dir__` and `__all__` of the package.
    """
    with open(f"{file.removesuffix('.py')}.pyi", encoding="utf-8") as stub:
        folder = os.path.dirname(file)
        places = {public: (dots + module, name) for dots, module, name, public in LINE.findall(stub.read())}

    def __getattr__(name: str) -> Any:
        place = places.get(name)
        if place is None:
            if name.startswith("__"):
                raise AttributeError(f"module {package!r} has no {name!r}")
            if os.path.exists(f"{folder}/{name}.py") or os.path.exists(f"{folder}/{name}/__init__.py"):
                return importlib.import_module(f"{package}.{name}")  # a submodule that the stub does not list
            from kerastorch.legacy.modules import lookup

            return lookup(package, name)
        module, inner = place
        if module == ".":
            return importlib.import_module(f".{inner}", package)
        found = getattr(importlib.import_module(module, package), inner)
        importlib.import_module(package).__dict__[name] = found  # a module of the same name must not hide it
        return found

    return __getattr__, lambda: sorted(places), sorted(places)
