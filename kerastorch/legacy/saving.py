"""Objects as configurations of the kind that Keras 2 wrote: a class's name, without the module, and its configuration."""

from typing import Any

from kerastorch.legacy.configs import modern
from kerastorch.saving.objects import deserialize_keras_object as _deserialize
from kerastorch.saving.objects import serialize_keras_object as _serialize

__all__ = ["deserialize_keras_object", "serialize_keras_object"]


def serialize_keras_object(instance: Any) -> Any:
    """An object as {"class_name": ..., "config": ...}, a function as its name; None stays None.

    Raises:
        TypeError: For an object without `get_config`.
    """
    found = _serialize(instance)
    if not isinstance(found, dict) or "class_name" not in found:
        return found
    if found["class_name"] == "function":
        return found["config"]
    return {"class_name": found.get("registered_name") or found["class_name"], "config": found["config"]}


def deserialize_keras_object(
    identifier: Any, module_objects: Any = None, custom_objects: Any = None, printable_module_name: str = "object"
) -> Any:
    """The object that a name or configuration stands for.

    Args:
        identifier: A name, or {"class_name": ..., "config": ...}; other things are given back.
        module_objects: Names that are known besides those of the package.
        custom_objects: The user's own.
        printable_module_name: What is looked for, for the error.

    Raises:
        ValueError: If the name is not known.
    """
    if isinstance(identifier, str):
        found = (custom_objects or {}).get(identifier, (module_objects or {}).get(identifier))
        if found is None:
            raise ValueError(f"Unknown {printable_module_name}: {identifier!r}. Register it, or pass it in custom_objects")
        return found() if isinstance(found, type) else found
    return _deserialize(modern(identifier), custom_objects, module_objects=module_objects)
