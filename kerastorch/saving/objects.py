"""Configuration <-> object: classes come from the package's own tables, from what users register, and from `custom_objects`."""

import contextlib
import importlib
import inspect
import threading
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kerastorch.errors import is_own, near

# Modules of configurations whose public names may be made from a file.
PUBLIC = ("activations", "callbacks", "constraints", "initializers", "layers", "losses", "metrics", "models", "optimizers",
          "optimizers.schedules", "random", "regularizers", "quantizers", "dtype_policies", "")  # fmt: skip
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
    """A decorator that makes a class or function known to deserialization as "package>name"."""

    def register(obj: Any) -> Any:
        if inspect.isclass(obj) and not hasattr(obj, "get_config"):
            raise ValueError(f"register_keras_serializable: the class {obj.__name__} has no get_config method")
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


def module_of(obj: Any) -> str | None:
    """The module that a configuration names for a class or function: "keras.layers" for the package's own."""
    path = obj.__module__.split(".")
    if path[0] != "kerastorch":
        return getattr(obj, "__module__", None)
    if obj.__name__ == "Functional":  # which Keras does not export
        return "keras.src.models.functional"
    if path[1] == "models" or obj.__name__ in ("Variable", "KerasTensor", "DTypePolicy"):
        return "keras"
    if path[1] == "optimizers" and "schedules" in path:
        return "keras.optimizers.schedules"
    return f"keras.{path[1]}"


def serialize_keras_object(obj: Any) -> Any:
    """A JSON-like description of an object, from which `deserialize_keras_object` makes it again."""
    import numpy as np

    from kerastorch import backend_registry
    from kerastorch.graph import KerasTensor

    if obj is None or isinstance(obj, bool | int | float | str):
        return obj
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode()}}
    if isinstance(obj, tuple):
        return {"class_name": "__tuple__", "config": {"value": [serialize_keras_object(x) for x in obj]}}
    if isinstance(obj, list):
        return [serialize_keras_object(x) for x in obj]
    if isinstance(obj, dict):
        return {k: serialize_keras_object(v) for k, v in obj.items()}
    if isinstance(obj, slice):
        return {"class_name": "__slice__", "config": {"start": obj.start, "stop": obj.stop, "step": obj.step}}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(obj, KerasTensor):
        history = list(obj._keras_history) if obj.node is not None else None
        if history:
            history[0] = history[0].name if hasattr(history[0], "name") else obj.node.title
        return {"class_name": "__keras_tensor__",
                "config": {"shape": obj.shape, "dtype": obj.dtype, "keras_history": history}}  # fmt: skip
    if isinstance(obj, np.generic):
        return obj.item()
    backend = backend_registry.of(obj)
    if backend is not None:
        return {"class_name": "__tensor__", "config": {"value": backend.numpy(obj).tolist(), "dtype": backend.dtype(obj)}}
    if isinstance(obj, np.ndarray):
        return {"class_name": "__numpy__", "config": {"value": obj.tolist(), "dtype": str(obj.dtype)}}
    if isinstance(obj, np.dtype) or type(obj).__name__ in ("DType", "dtype"):
        from kerastorch import dtypes

        return dtypes.standardize(obj)
    if isinstance(obj, types.FunctionType | types.BuiltinFunctionType):
        if obj.__name__ == "<lambda>":
            raise ValueError(f"the lambda {obj} cannot be written to a configuration: name it with def and register it")
        return {"module": module_of(obj), "class_name": "function", "config": obj.__name__,
                "registered_name": _names.get(obj, obj.__name__)}  # fmt: skip
    if inspect.isclass(obj):
        return {"module": module_of(obj), "class_name": obj.__name__, "config": None, "registered_name": _names.get(obj)}
    if not hasattr(obj, "get_config"):
        raise TypeError(f"{obj!r} of type {type(obj).__name__} cannot be written to a configuration: it has no get_config")
    cls = type(obj)
    own = is_own(cls)
    return {"module": module_of(cls), "class_name": cls.__name__, "config": config_of(obj),
            "registered_name": None if own else get_registered_name(cls),
            **({"build_config": obj.get_build_config()} if getattr(obj, "get_build_config", None) and obj.get_build_config()
               else {})}  # fmt: skip


def config_of(obj: Any) -> Any:
    """An object's `get_config()` with everything in it described in turn."""
    config = obj.get_config()
    return {k: _plain(v) for k, v in config.items()}


def _plain(value: Any) -> Any:
    # A configuration holds JSON-like values already, save for tuples and objects that a user's get_config put there.
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return serialize_keras_object(value)


def deserialize_keras_object(config: Any, custom_objects: Any = None, safe_mode: bool = True, **kwargs: Any) -> Any:
    """The object that a description stands for.

    Args:
        config: What `serialize_keras_object` gave.
        custom_objects: Names of the user's own classes and functions.
        safe_mode: Whether anything that would run code from the description is refused.

    Raises:
        ValueError: Where the description names something unknown or is malformed.
    """
    if config is None or isinstance(config, bool | int | float):
        return config
    if isinstance(config, str):
        found = get_registered_object(config, custom_objects, kwargs.get("module_objects"))
        return config if found is None else found() if inspect.isclass(found) else found
    if isinstance(config, list | tuple):
        return [deserialize_keras_object(x, custom_objects, safe_mode, **kwargs) for x in config]
    if not isinstance(config, dict):
        raise TypeError(f"{config!r} is no configuration")
    if "class_name" not in config or "config" not in config:
        return {k: deserialize_keras_object(v, custom_objects, safe_mode, **kwargs) for k, v in config.items()}
    name, inner = config["class_name"], config["config"]
    special = _SPECIAL.get(name)
    if special is not None:
        return special(inner)
    if name == "function":
        return find_object(config.get("module"), inner, config.get("registered_name"), custom_objects, **kwargs)
    cls = find_object(config.get("module"), name, config.get("registered_name"), custom_objects, **kwargs)
    if inner is None:
        return cls
    if not hasattr(cls, "from_config"):
        raise ValueError(f"{name} has no from_config and cannot be made from a configuration")
    with custom_object_scope(custom_objects or {}):
        made = cls.from_config(inner)
    build = config.get("build_config")
    if build and hasattr(made, "build_from_config") and not getattr(made, "built", True):
        made.build_from_config(build)
    return made


def _slice(c: dict) -> slice:
    return slice(c["start"], c["stop"], c["step"])


def _array(c: dict) -> Any:
    import numpy as np

    return np.array(c["value"], dtype=c["dtype"])


def _tensor(c: dict) -> Any:
    from kerastorch import backend_registry

    return backend_registry.active().convert(_array(c), c["dtype"])


_SPECIAL: dict[str, Callable[[Any], Any]] = {
    "__bytes__": lambda c: c["value"].encode(),
    "__tuple__": lambda c: tuple(deserialize_keras_object(c["value"])),
    "__slice__": _slice,
    "__ellipsis__": lambda c: Ellipsis,
    "__numpy__": _array,
    "__tensor__": _tensor,
}


def find_object(module: str | None, name: str, registered_name: str | None, custom_objects: Any = None,
                module_objects: Any = None) -> Any:  # fmt: skip
    """The class or function that a configuration names; `module_objects` are the names that one without a module may mean.

    Raises:
        ValueError: Where neither the package, nor the registry, nor `custom_objects` has it.
    """
    for key in (registered_name, name):
        found = get_registered_object(key, custom_objects, module_objects) if key else None
        if found is not None:
            return found
    path = (module or "").split(".")
    if path[0] in ("keras", "kerastorch", "tf_keras", "builtins") or module is None:
        package = ".".join(path[1:])
        candidates = (package,) if package in PUBLIC else ("layers", "models", "")
        if package.startswith("src.models"):
            candidates = ("models",)
        for candidate in candidates:
            namespace = importlib.import_module("kerastorch" + ("." + candidate if candidate else ""))
            if name in getattr(namespace, "__all__", ()):
                return getattr(namespace, name)
        known = {
            n for c in candidates for n in getattr(importlib.import_module("kerastorch" + (f".{c}" if c else "")), "__all__", ())
        }
    else:
        known = set(_registered)
    raise ValueError(f"the configuration names {name!r} of module {module!r}, which is not known: pass it in custom_objects or "
                     f"register it with register_keras_serializable.{near(name, known)}")  # fmt: skip


def lookup(kind: str, names: Mapping[str, Any], identifier: Any, custom_objects: Any = None) -> Any:
    """What all `get` functions do: an object from None, a name, a configuration, a class or an object.

    Args:
        kind: What is looked for ("loss"), for the error.
        names: The package's own names.
        identifier: None, a name, a configuration, a class, or something callable.

    Raises:
        ValueError: Where the name is unknown; near names are suggested.
    """
    if identifier is None:
        return None
    if isinstance(identifier, dict):
        return deserialize_keras_object(identifier, custom_objects, module_objects=names)
    if isinstance(identifier, str):
        found = get_registered_object(identifier, custom_objects, names)
        if found is None:
            raise ValueError(f"there is no {kind} named {identifier!r}.{near(identifier, names) or ' Known are ' + ', '.join(sorted(names)) + '.'}")  # fmt: skip # noqa: E501
        return found() if inspect.isclass(found) else found
    if inspect.isclass(identifier):
        return identifier()
    if callable(identifier) or hasattr(identifier, "get_config"):
        return identifier
    raise ValueError(f"{identifier!r} of type {type(identifier).__name__} cannot be understood as a {kind}")
