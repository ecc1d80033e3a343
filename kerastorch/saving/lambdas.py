"""Functions without a name, written as Python bytecode and read back only from files that the caller trusts."""

import base64
import marshal
import types
import warnings
from collections.abc import Callable
from typing import Any

from kerastorch.saving import safety


def describe(function: Callable) -> dict[str, Any]:
    """The bytecode, defaults and closure of a lambda as a configuration; warns, since reading it needs trust."""
    warnings.warn(
        f"{function!r} is a lambda, so the configuration holds its bytecode: reading it will need safe_mode=False and this "
        "version of Python. A named function that is registered with register_keras_serializable has neither drawback",
        stacklevel=3,
    )
    code = base64.encodebytes(marshal.dumps(function.__code__)).decode("ascii")
    cells = function.__closure__
    closure = None if cells is None else [cell.cell_contents for cell in cells]
    defaults = None if function.__defaults__ is None else list(function.__defaults__)
    return {"class_name": "__lambda__", "config": {"value": [code, defaults, closure]}}


def revive(config: Any) -> Callable:
    """The function of a description; all spellings that Keras has had for one are understood.

    Raises:
        ValueError: In safe mode, or where the code is none of this version of Python.
    """
    if safety.in_safe_mode():
        raise safety.refuse("holds a lambda as bytecode", "would be run")
    code, defaults, closure = parts(config)
    raw = base64.decodebytes(code.encode("ascii"))
    try:
        found = marshal.loads(raw)
    except (ValueError, EOFError, TypeError) as error:
        raise ValueError(f"a lambda in the configuration cannot be read; was it written by another Python? {error}") from error
    cells = None if closure is None else tuple(types.CellType(value) for value in closure)
    return types.FunctionType(found, _globals(), found.co_name, None if defaults is None else tuple(defaults), cells)


def parts(config: Any) -> tuple[str, Any, Any]:
    """Code, defaults and closure, from {"value": [...]}, {"code": ..., ...} or the plain list of Keras 1 and 2."""
    if isinstance(config, dict):
        found = config["value"] if "value" in config else [config["code"], config.get("defaults"), config.get("closure")]
    else:
        found = config
    found = [found] if isinstance(found, str) else found
    return (*found, None, None)[:3]  # type: ignore[return-value]


def _globals() -> dict[str, Any]:
    """What the names in a lambda mean, most of which was written where these were imported."""
    import numpy as np

    import kerastorch

    return {"__builtins__": __builtins__, "keras": kerastorch, "K": kerastorch.backend, "ops": kerastorch.ops, "np": np}
