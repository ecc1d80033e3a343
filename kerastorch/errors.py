"""Errors that say what, where and why, and the user's own line in them."""

import difflib
import functools
import os
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any

PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class KerastorchError(Exception):
    """Base of the errors that are specific to kerastorch."""


class OpError(KerastorchError, ValueError):
    """An op was given arguments that it cannot work on.

    Attributes:
        op, reason: The op's name and what is wrong, where the message is made of these and the arguments.
    """

    op: str | None = None
    reason: str = ""


class OpTypeError(OpError, TypeError):
    """An op was given an argument of a type that it cannot work on."""


class LayerError(KerastorchError, ValueError):
    """A layer was given inputs or a configuration that it cannot work on."""


class UnknownOutput(LayerError, KeyError):
    """Something was said of an output of a model that has none of that name."""

    __str__ = Exception.__str__  # a KeyError shows its message in quotes


class GraphError(KerastorchError, ValueError):
    """A recorded graph is not what it claims to be: disconnected, cyclic or ill-formed."""


class NotLowerable(KerastorchError, NotImplementedError):
    """A backend has no rule for something recorded, so it cannot be lowered there."""


class BackendNotInstalled(KerastorchError, ImportError):
    """The framework behind a backend is not installed."""


class NotBuilt(KerastorchError, ValueError):
    """Something was asked of a layer or model whose input shape is not known yet."""


class NotCompiled(KerastorchError, ValueError):
    """`fit`, `evaluate` or a batch method was called before `compile`."""


# Frames that are not the user's either: this package's, Python's import system, code that was generated, and libraries that
# call us back.
OWN = (PACKAGE, "<kerastorch", "<frozen ", "<eval_with_key")
LIBRARIES = tuple(f"{os.sep}site-packages{os.sep}{name}{os.sep}" for name in ("torch", "tensorflow", "numpy", "optree"))


@functools.cache
def _own_module(name: str) -> bool:
    return str(getattr(sys.modules.get(name), "__file__", "")).startswith(PACKAGE)


def is_own(x: Any) -> bool:
    """Whether a class, a function or an object's class is one of this package's, and not a user's."""
    return _own_module(getattr(x, "__module__", ""))


def user_line() -> tuple[str, int] | None:
    """File and line of the innermost frame that is the user's, or None where there is none."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(OWN) and not any(part in name for part in LIBRARIES):
            return name, frame.f_lineno
        frame = frame.f_back
    return None


def at(source: tuple[str, int] | None, what: str = "recorded") -> str:
    """A source line as a phrase that ends an error message: what was done there."""
    return f" ({what} at {source[0]}:{source[1]})" if source else ""


def located(function: Callable) -> Callable:
    """A decorator: errors raised in a public function get a note with the user's line, unless their text has it already."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            line = user_line()
            if line and not any(f"{line[0]}:{line[1]}" in text for text in (str(error), *getattr(error, "__notes__", ()))):
                error.add_note(f"{function.__name__}{at(line, 'called')}")
            raise

    return call


def because(cause: Exception, kind: type[Exception], message: str) -> Exception:
    """An error of a kind, with a cause, whose built-in kind it has too: code that catches a framework's own errors goes on to."""
    builtin = next((b for b in (IndexError, RuntimeError, TypeError) if isinstance(cause, b)), None)
    if builtin is not None and not issubclass(kind, builtin):
        kind = type(kind.__name__, (kind, builtin), {"__module__": kind.__module__, "__doc__": kind.__doc__})
    error = kind(message)
    error.__cause__ = cause
    return error


def near(name: str, known: Iterable[str]) -> str:
    """A phrase that suggests the known names nearest to `name`, empty where none is near."""
    folded = {k.lower(): k for k in known}
    found = difflib.get_close_matches(str(name).lower(), folded, n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(repr(folded[f]) for f in found)}?" if found else ""
