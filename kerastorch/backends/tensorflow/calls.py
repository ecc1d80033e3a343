"""TensorFlow's functions and modules called on KerasTensors: the calls are recorded.

A function that has an equal among the ops becomes a call of that op, which runs on every backend; tf.keras scripts are full of
them. A module becomes a layer around it.
"""

import functools
import inspect
import weakref
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow import __internal__ as internal

from kerastorch.errors import at, user_line
from kerastorch.graph import KerasTensor
from kerastorch.legacy import tensorflow_ops

LIBRARIES = ("tensorflow", "keras", "tf_keras", "kerastorch")  # whose modules are not wrapped: they are no modules of the user's
around: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()  # by the module's id, which its layer keeps alive


def symbolic(nest: Any) -> bool:
    """Whether there is a KerasTensor in a nest."""
    return any(isinstance(x, KerasTensor) for x in tf.nest.flatten(nest))


# ------------------------------------------------------------------------------------------------ functions


@functools.cache
def names() -> dict[Callable, str]:
    """From the functions that have an equal among the ops to their names below `tf`."""
    found = {}
    for name in (*tensorflow_ops.WRITTEN, *tensorflow_ops.FUNCTIONS):
        function = tf
        for part in name.split("."):
            function = getattr(function, part, None)
        if function is not None:
            found.setdefault(inspect.unwrap(function), name)
    return found


def name_of(function: Any) -> str:
    """The name below `tf` by which people know a function."""
    inner = inspect.unwrap(function)
    public = (n for n in getattr(inner, "_tf_api_names", None) or () if tensorflow_ops.is_known(n))
    return names().get(inner) or next(public, getattr(inner, "__name__", str(inner)))


class Recorder(internal.dispatch.GlobalOpDispatcher):
    """Told of each call that TensorFlow could not carry out, as it cannot on KerasTensors."""

    def handle(self, function: Any, args: tuple, kwargs: dict) -> Any:
        if not symbolic([args, kwargs]):
            return self.NOT_SUPPORTED
        name = name_of(function)
        if not tensorflow_ops.is_known(name):
            raise TypeError(f"tf.{name} was called on a KerasTensor, which is symbolic, and has no equal among kerastorch's ops: "
                            f"use an op in its place, or call it in the call of a Layer{at(user_line(), 'called')}")  # fmt: skip
        return tensorflow_ops.call(name, inspect.signature(inspect.unwrap(function)).bind(*args, **kwargs).arguments)


# ------------------------------------------------------------------------------------------------ modules


def layer_around(module: tf.Module) -> Any:
    """The layer around a module, the same one as long as it is in use: its weights are the module's."""
    from kerastorch.layers.tensorflow_module import TensorFlowModuleWrapper

    layer = around.get(id(module))
    if layer is None:
        layer = around[id(module)] = TensorFlowModuleWrapper(module)
    return layer


def watch(cls: type) -> None:
    """Has the calls of a class's modules looked at; there is no one method of TensorFlow's that they all go through."""
    run = cls.__dict__.get("__call__")
    if run is None or hasattr(run, "watched") or cls.__module__.partition(".")[0] in LIBRARIES:
        return

    @functools.wraps(run)
    def __call__(self, *args, **kwargs):
        return layer_around(self)(*args, **kwargs) if symbolic([args, kwargs]) else run(self, *args, **kwargs)

    __call__.watched = run  # type: ignore[attr-defined]
    cls.__call__ = __call__  # type: ignore[method-assign]


def watch_all() -> None:
    """Watches the classes that there are, and those that will be."""
    waiting = [tf.Module]
    while waiting:
        cls = waiting.pop()
        watch(cls)
        waiting += cls.__subclasses__()
    before = tf.Module.__dict__.get("__init_subclass__")

    def __init_subclass__(cls, **kwargs):
        super(tf.Module, cls).__init_subclass__(**kwargs) if before is None else before.__func__(cls, **kwargs)
        watch(cls)

    tf.Module.__init_subclass__ = classmethod(__init_subclass__)


def start() -> None:
    """From now on, calls on KerasTensors are recorded; called once, when the backend is loaded."""
    Recorder().register()
    watch_all()
