"""Configuration <-> object: classes come from the package's own tables, from what users register, and from `custom_objects`."""

import contextlib
import functools
import importlib
import inspect
import threading
import types
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kerastorch.errors import KerastorchError, is_own, near
from kerastorch.saving import lambdas, safety
from kerastorch.saving.registry import CustomObjectScope as CustomObjectScope
from kerastorch.saving.registry import custom_object_scope as custom_object_scope
from kerastorch.saving.registry import get_custom_objects as get_custom_objects
from kerastorch.saving.registry import get_registered_name as get_registered_name
from kerastorch.saving.registry import get_registered_object as get_registered_object
from kerastorch.saving.registry import register_keras_serializable as register_keras_serializable

# Modules of whose public names a configuration may speak: classes in these ...
CLASSES = ("layers", "models", "losses", "metrics", "optimizers", "optimizers.schedules", "initializers", "regularizers",
           "constraints", "quantizers", "distillation", "dtype_policies", "random", "utils", "applications.convnext",
           "applications.inception_resnet_v2", "")  # fmt: skip
# ... that can be made from a configuration, and functions in these, all of which compute and do nothing else.
FUNCTIONS = ("activations", "losses", "metrics", "regularizers", "constraints", "ops", "layers")
FINDERS = ("get", "serialize", "deserialize", "Input")
ONLY = {"": ("Variable", "KerasTensor", "DTypePolicy", "SeedGenerator", "InputSpec"), "utils": ("FeatureSpace",),
        "applications.convnext": ("LayerScale", "StochasticDepth"),
        "applications.inception_resnet_v2": ("CustomScaleLayer",)}  # fmt: skip
# The modules that Keras says its classes are in, where that is not the public module of the same name here.
MODULES = {"models": "keras", "variable": "keras", "graph": "keras", "dtype_policies": "keras"}


class NotKnown(KerastorchError, TypeError, ValueError):
    """A configuration names a class or function that is neither the package's nor registered."""


class NotReconstructed(KerastorchError, TypeError):
    """A class does not take its own configuration."""


# ------------------------------------------------------------------------------------------------ to configurations


def module_of(obj: Any) -> str | None:
    """The module that a configuration names for a class: "keras.layers" for the package's own."""
    path = obj.__module__.split(".")
    if not is_own(obj):
        return obj.__module__
    if obj.__name__ == "Functional":  # which Keras does not export
        return "keras.src.models.functional"
    if path[1] == "applications":  # nor the layers of its models
        return ".".join(["keras", "src", *path[1:]])
    if path[1] == "optimizers" and "schedules" in path:
        return "keras.optimizers.schedules"
    if path[1] == "dtype_policies" and not obj.__name__.removeprefix("Float") == "DTypePolicy":
        return "keras.dtype_policies"
    return MODULES.get(path[1], f"keras.{path[1]}")


class _Sharing(threading.local):
    def __init__(self) -> None:
        self.seen: dict[int, tuple[Any, dict]] | None = None  # by id: an object and its description
        self.made: dict[Any, Any] | None = None  # by the number in the file: the object


_sharing = _Sharing()


@contextlib.contextmanager
def sharing_objects() -> Iterator[None]:
    """Inside, an object that occurs several times is marked as one, and read back as one."""
    before = _sharing.seen, _sharing.made
    _sharing.seen, _sharing.made = {}, {}
    try:
        yield
    finally:
        _sharing.seen, _sharing.made = before


def serialize_keras_object(obj: Any) -> Any:
    """A JSON-like description of an object, from which `deserialize_keras_object` makes it again.

    Raises:
        TypeError: For an object without `get_config`.
    """
    import numpy as np

    from kerastorch import backend_registry
    from kerastorch.graph import Graph, KerasTensor

    if obj is None or isinstance(obj, bool | int | float | str):
        return obj
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode()}}
    if isinstance(obj, list | tuple):
        return type(obj)(map(serialize_keras_object, obj)) if type(obj) in (list, tuple) else [*map(serialize_keras_object, obj)]
    if isinstance(obj, Mapping) and not hasattr(obj, "get_config"):
        return {k: serialize_keras_object(v) for k, v in obj.items()}
    if isinstance(obj, slice):
        ends = {n: serialize_keras_object(getattr(obj, n)) for n in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": ends}
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
    if type(obj).__name__ == "TensorShape":
        return tuple(obj.as_list())
    if isinstance(obj, Graph):
        return {"class_name": "__body__", "config": obj.get_config()}  # type: ignore[attr-defined]
    if isinstance(obj, types.FunctionType | types.BuiltinFunctionType):
        if obj.__name__ == "<lambda>":
            return lambdas.describe(obj)
        return {"module": "builtins", "class_name": "function", "config": get_registered_name(obj), "registered_name": "function"}
    if inspect.isclass(obj):
        return {"module": module_of(obj), "class_name": obj.__name__, "config": None,
                "registered_name": None if _own(obj) else get_registered_name(obj)}  # fmt: skip
    if not hasattr(obj, "get_config"):
        raise TypeError(f"{obj!r} of type {type(obj).__name__} cannot be written to a configuration: it has no get_config")
    return _shared(obj, _described)


_written: weakref.WeakValueDictionary[tuple[str, str], type] = weakref.WeakValueDictionary()
"""By module and name, the user's classes of which this process has written an object: what it wrote, it can read."""


def _described(obj: Any) -> dict[str, Any]:
    cls = type(obj)
    if not _own(cls):
        _written[module_of(cls), cls.__name__] = cls
    found = {"module": module_of(cls), "class_name": cls.__name__, "config": config_of(obj),
             "registered_name": None if _own(cls) else get_registered_name(cls)}  # fmt: skip
    build = obj.get_build_config() if hasattr(obj, "get_build_config") else None
    if build:
        found["build_config"] = serialize_keras_object(build)
    if getattr(obj, "compiled", False) is True and hasattr(obj, "get_compile_config"):
        arguments = obj.get_compile_config()
        if arguments:
            found["compile_config"] = arguments
    return found


def _shared(obj: Any, describe: Callable[[Any], dict]) -> dict:
    """A description, marked where the same object has been described before in the scope."""
    seen = _sharing.seen
    if seen is None:
        return describe(obj)
    if id(obj) not in seen:
        found = describe(obj)
        seen[id(obj)] = obj, found
        return found
    number = list(seen).index(id(obj))
    first = seen[id(obj)][1]
    first["shared_object_id"] = number
    return {**describe(obj), "shared_object_id": number}


def _own(cls: type) -> bool:
    return is_own(cls) and get_registered_name(cls) == cls.__name__


def config_of(obj: Any) -> Any:
    """An object's `get_config()` with everything in it described in turn."""
    config = obj.get_config()
    return {k: serialize_keras_object(v) for k, v in config.items()}


# ------------------------------------------------------------------------------------------------ from configurations


def deserialize_keras_object(config: Any, custom_objects: Any = None, safe_mode: bool = True, **kwargs: Any) -> Any:
    """The object that a description stands for.

    Args:
        config: What `serialize_keras_object` gave.
        custom_objects: Names of the user's own classes and functions.
        safe_mode: Whether anything that would run code from the description is refused; an outer call that loads a
            file has said so already.

    Raises:
        TypeError: Where the description names something unknown (a ValueError too), or a class does not take it.
        ValueError: Where the description is malformed, or asks for what safe mode refuses.
    """
    with safety.safe_mode(safe_mode), custom_object_scope(custom_objects or {}):
        return _made(config, custom_objects or {}, kwargs.pop("module_objects", None) or {})


def _made(config: Any, custom: Mapping[str, Any], names: Mapping[str, Any]) -> Any:
    if config is None or isinstance(config, bool | int | float):
        return config
    if isinstance(config, str):
        if config in custom:
            return custom[config]
        found = names.get(config)
        return config if found is None else found() if inspect.isclass(found) else found
    if isinstance(config, list | tuple):
        return type(config)(_made(x, custom, names) for x in config) if type(config) in (list, tuple) else config
    if not isinstance(config, dict):
        raise TypeError(f"Could not parse config: {config!r} of type {type(config).__name__} is no configuration")
    if "class_name" not in config or "config" not in config:
        return {k: _made(v, custom, names) for k, v in config.items()}
    name, inner = config["class_name"], config["config"]
    if not isinstance(name, str):
        raise TypeError(f"a configuration's 'class_name' must be a string, not {name!r}")
    if name in _SPECIAL:
        return _SPECIAL[name](inner)
    if name == "function":
        if not isinstance(inner, str):
            raise TypeError(f"Expected 'config' to be a non-null str, the name of a function, but it is {inner!r}")
        return find_object(config.get("module"), inner, config.get("registered_name"), names, function=True)
    if inner is not None and not isinstance(inner, dict):
        raise TypeError(f"Expected 'config' to be a dict, the configuration of a {name}, but it is {inner!r}")
    number = config.get("shared_object_id")
    if number is not None and _sharing.made is not None and number in _sharing.made:
        return _sharing.made[number]
    cls = find_object(config.get("module"), name, config.get("registered_name"), names)
    if inner is None:
        return cls
    made = _instance(cls, name, inner)
    build = config.get("build_config")
    if build and hasattr(made, "build_from_config") and not getattr(made, "built", True):
        made.build_from_config(build)
    if config.get("compile_config") and hasattr(made, "compile_from_config"):
        made.compile_from_config(config["compile_config"])
    if number is not None and _sharing.made is not None:
        _sharing.made[number] = made
    return made


def _instance(cls: Any, name: str, config: dict) -> Any:
    if not hasattr(cls, "from_config"):
        raise NotReconstructed(
            f"Unable to reconstruct an instance of {name}: the class has no from_config, a class method that makes an object "
            f"from what get_config gave. The configuration is {config}"
        )
    try:
        return cls.from_config(config)
    except NotReconstructed:
        raise
    except TypeError as error:
        if isinstance(error, ValueError):  # which says more than this would
            raise
        raise NotReconstructed(
            f"{name} could not be made from its configuration {_short(config)}: {error}. Objects in a configuration (layers, "
            "functions, ...) are given to the constructor as they were written, so make sure that they are explicitly "
            "deserialized in from_config, by keras.saving.deserialize_keras_object"
        ) from error


def _short(config: Any) -> str:
    text = repr(config)
    return text if len(text) < 500 else f"{text[:500]}..."


def _body(c: dict) -> Any:
    from kerastorch.ops.control import Body

    return Body.from_config(c)


def _slice(c: dict) -> slice:
    return slice(*(deserialize_keras_object(c[n]) for n in ("start", "stop", "step")))


def _array(c: dict) -> Any:
    import numpy as np

    from kerastorch import dtypes
    from kerastorch.variable import numpy_dtype

    value, dtype = c["value"], str(c["dtype"])
    if dtype[:1] in "<>|SU" or dtype == "object":  # text: numpy finds the width, which a file could claim to be anything
        return np.array(value) if dtype != "object" else np.array(value, dtype=object)
    return np.array(value, dtype=numpy_dtype(dtypes.standardize(dtype)))


def _tensor(c: dict) -> Any:
    from kerastorch import backend_registry

    return backend_registry.active().convert(_array(c), c["dtype"])


def _keras_tensor(c: dict) -> Any:
    from kerastorch.graph import KerasTensor

    return KerasTensor(c["shape"], c["dtype"])


def _type_spec(c: Any) -> Any:
    if not isinstance(c, list | tuple):
        raise TypeError(f"Expected 'config' to be a list or a tuple in a __typespec__, but it is {c!r}")
    raise ValueError("the configuration holds a TensorFlow type specification, which stands for no object here")


_SPECIAL: dict[str, Callable[[Any], Any]] = {
    "__bytes__": lambda c: c["value"].encode(),
    "__tuple__": lambda c: tuple(deserialize_keras_object(c["value"])),
    "__slice__": _slice,
    "__ellipsis__": lambda c: Ellipsis,
    "__numpy__": _array,
    "__tensor__": _tensor,
    "__keras_tensor__": _keras_tensor,
    "__typespec__": _type_spec,
    "__lambda__": lambdas.revive,
    "__body__": _body,
}


# ------------------------------------------------------------------------------------------------ names


def find_object(
    module: str | None,
    name: str,
    registered_name: str | None,
    module_objects: Mapping[str, Any] | None = None,
    function: bool = False,
) -> Any:
    """The class or function that a configuration names. No module is imported because a file names it.

    Args:
        module: The module that the configuration gives, of which only the kind is heeded ("keras.layers").
        name: The name of the class or function.
        registered_name: The name by which a user may have registered it.
        module_objects: The names that one without a module may mean.
        function: Whether a function is asked for.

    Raises:
        NotKnown: Where neither the package, nor the registry, nor an open scope has it, nor was it written in this process.
        ValueError: Where it is the package's own, but claims to be registered under another name.
    """
    for key in (registered_name, name):
        found = get_registered_object(key, None, module_objects) if key and key != "function" else None
        if found is None and function and key == name:
            found = _registered_function(name)
        if found is not None:
            return found
    found = None if function else _written.get((module or "", name))
    if found is not None:
        return found
    path = (module or "builtins").split(".")
    if path[0] in ("keras", "kerastorch", "tf_keras", "tensorflow", "builtins"):
        found = _public(path, name, function)
        if found is not None:
            if registered_name not in (None, "", name, "function"):
                raise ValueError(
                    f"the configuration's registered_name {registered_name!r} is not registered, and {name!r} of module "
                    f"{module!r} resolved to a Keras built-in instead, which is not registered under any name"
                )
            return found
    kind = "function" if function else "class"
    known = {n for package in (FUNCTIONS if function else CLASSES) for n in names_in(package, function)}
    raise NotKnown(
        f"Could not locate {kind} {name!r} of module {module!r}, which a configuration names: pass it in custom_objects, or "
        f"register it with register_keras_serializable before loading.{near(name, known)}"
    )


def _registered_function(name: str) -> Any:
    """A function that is registered in some package under a name without it, as Keras 3.6 wrote."""
    found = [f for key, f in get_custom_objects().items() if key.rpartition(">")[2] == name and inspect.isfunction(f)]
    return found[0] if len(found) == 1 else None


def _public(path: list[str], name: str, function: bool) -> Any:
    packages = FUNCTIONS if function else CLASSES
    hints = [p for p in packages if p and (p in path or "schedules" in p and "schedules" in path)]
    for package in (*reversed(hints), *packages):  # a kind of its own first: schedules before other optimizers
        if name in names_in(package, function):
            return getattr(importlib.import_module(f"kerastorch.{package}".rstrip(".")), name)
    return None


@functools.cache
def names_in(package: str, function: bool) -> frozenset[str]:
    """The public names of a module that a configuration may use."""
    if package in ONLY:
        return frozenset(() if function else ONLY[package])
    try:
        module = importlib.import_module(f"kerastorch.{package}")
    except ModuleNotFoundError as error:
        if error.name != f"kerastorch.{package}":
            raise
        return frozenset()  # a part of Keras that is not there
    return frozenset(n for n in getattr(module, "__all__", ()) if n not in FINDERS and n[:1].isupper() != function)


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
