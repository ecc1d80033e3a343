"""The names that users give to their own classes and functions, so that files may speak of them."""

import contextlib
import inspect
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_registered: dict[str, Any] = {}
_names: dict[Any, str] = {}


class _Scopes(threading.local):
    def __init__(self) -> None:
        self.stack: list[Mapping[str, Any]] = []


_scopes = _Scopes()


def get_custom_objects() -> dict[str, Any]:
    """The process-wide table of registered names; changing it registers."""
    return _registered


@contextlib.contextmanager
def custom_object_scope(custom_objects: Mapping[str, Any]) -> Iterator[None]:
    """Names in `custom_objects` are known to deserialization inside."""
    _scopes.stack.append(custom_objects or {})
    try:
        yield
    finally:
        _scopes.stack.pop()


CustomObjectScope = custom_object_scope


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Any], Any]:
    """A decorator that makes a class or function known to deserialization as "package>name".

    Args:
        package: What distinguishes the name from others'.
        name: The name; that of the class or function by default.

    Raises:
        ValueError: For a class without `get_config`.
    """

    def register(obj: Any) -> Any:
        if inspect.isclass(obj) and not hasattr(obj, "get_config"):
            raise ValueError(
                f"register_keras_serializable: {obj.__name__} is refused. Cannot register a class that does not have a "
                "get_config method, since files could not say how to make it again"
            )
        full = f"{package}>{name or obj.__name__}"
        _registered[full], _names[obj] = obj, full
        return obj

    return register


def get_registered_name(obj: Any) -> str:
    """The name under which a class or function was registered, its own where it was not."""
    return _names.get(obj) or getattr(obj, "__name__", str(obj))


def get_registered_object(name: str, custom_objects: Any = None, module_objects: Any = None) -> Any:
    """What is registered under a name: in scopes, then by the user, then in the tables given; None where nothing is."""
    for table in (*reversed(_scopes.stack), _registered, custom_objects or {}, module_objects or {}):
        if name in table:
            return table[name]
    return None
