"""Calls of torch's own modules on KerasTensors: they are recorded, as calls of layers around the modules.

torch has no hook that could stand in for a module's forward. So the method that calls modules is replaced, as torch's own tracer
does while it traces; here for good, since nobody says when recording begins.
"""

import weakref
from typing import Any

import torch
from torch import nn

from kerastorch.graph import KerasTensor

NESTS = (KerasTensor, list, tuple, dict)
around: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()  # by the module's id, which its layer keeps alive


def layer_around(module: nn.Module) -> Any:
    """The layer around a module, the same one as long as it is in use: its weights are the module's."""
    from kerastorch.layers.torch_module import TorchModuleWrapper

    layer = around.get(id(module))
    if layer is None:
        layer = around[id(module)] = TorchModuleWrapper(module)
    return layer


def symbolic(a: Any) -> bool:
    """Whether an argument is a KerasTensor, or a list, tuple or dictionary with one in it."""
    return isinstance(a, KerasTensor) or any(isinstance(x, KerasTensor) for x in (a.values() if isinstance(a, dict) else a))


def watch() -> None:
    """Has the calls of all modules looked at; a second time does nothing."""
    if getattr(nn.Module.__call__, "watched", False):
        return
    run = nn.Module.__call__

    def __call__(self, *args, **kwargs):
        for a in (*args, *kwargs.values()) if kwargs else args:  # in the order that costs a call on tensors least
            if isinstance(a, NESTS) and not torch.compiler.is_compiling() and symbolic(a):
                return layer_around(self)(*args, **kwargs)
        return run(self, *args, **kwargs)

    __call__.watched = True  # type: ignore[attr-defined]
    nn.Module.__call__ = __call__  # type: ignore[method-assign]
