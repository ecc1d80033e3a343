"""Names of the past that are no other name for one thing of today: what each gives, and what to write instead."""

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

Defined = TypeVar("Defined", bound=Callable[..., Any])

# Public module of the past or of today -> the files in this folder that define what it had.
FILES: dict[str, tuple[str, ...]] = {
    "preprocessing.image": ("image_data_generator", "image_iterators", "image_transforms"),
    "preprocessing.text": ("texts",),
    "preprocessing.sequence": ("old_sequences",),
    "backend": ("backend_functions", "backend_windows", "backend_state"),
    "wrappers": ("scikit_learn",),
}


class Past(NamedTuple):
    """What an old name gives, and how it is said today."""

    value: Any
    today: str


def old(table: dict[str, Past], today: str) -> Callable[[Defined], Defined]:
    """A decorator that puts a function or class into a table of the past.

    Args:
        table: From old names.
        today: What to write instead.
    """

    def put(defined: Defined) -> Defined:
        table[defined.__name__.rstrip("_")] = Past(defined, today)
        return defined

    return put


def find(path: str, name: str) -> Past | None:
    """What a module had under a name in the past; None if it never had it.

    Args:
        path: Of the module, as "backend".
        name: The name.
    """
    for file in FILES.get(path, ()):
        found = importlib.import_module(f"kerastorch.legacy.{file}").PAST.get(name)
        if found is not None:
            return found
    return None
