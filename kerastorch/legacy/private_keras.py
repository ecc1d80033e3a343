"""`tensorflow.python.keras`, which is two things: TensorFlow's private copy of Keras, and a path in old scripts.

TensorFlow imports its copy as it starts, and again inside functions, so its own modules must keep it. A script that has
`from tensorflow.python.keras.layers import Dense` means Keras. So, once TensorFlow has started, each module there
answers by who asks.
"""

import sys
import types
from collections.abc import Callable, Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any

ROOT = "tensorflow.python.keras"


class Shared(types.ModuleType):
    """A module that is TensorFlow's own to TensorFlow's modules, and kerastorch's to all others."""

    def __init__(self, real: types.ModuleType, ours: Callable[[str], types.ModuleType]) -> None:
        super().__init__(real.__name__, "TensorFlow's private module to TensorFlow, kerastorch's to all others.")
        self.__spec__ = real.__spec__
        self.__path__ = getattr(real, "__path__", [])
        self._real, self._ours = real, ours

    def __getattr__(self, name: str) -> Any:
        module = self._real if _asked_by_tensorflow() else self._ours(self.__name__)
        return getattr(module, name)


class Then(Loader):
    """A loader that does something with the module once another loader has loaded it."""

    def __init__(self, loader: Any, after: Callable[[types.ModuleType], None]) -> None:
        self.loader = loader
        self.after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def create_module(self, spec: ModuleSpec) -> types.ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: types.ModuleType) -> None:
        module.__loader__ = module.__spec__.loader = self.loader  # type: ignore[union-attr]
        self.loader.exec_module(module)
        self.after(module)


def share(ours: Callable[[str], types.ModuleType]) -> None:
    """Makes what TensorFlow has imported of its copy `Shared`, `ours` giving kerastorch's module for a full name."""
    for name, module in list(sys.modules.items()):
        if name == ROOT or name.startswith(ROOT + "."):
            _replace(module, ours)
    _attach()


def unshare() -> None:
    """Undoes `share`."""
    for name, module in list(sys.modules.items()):
        if isinstance(module, Shared):
            sys.modules[name] = module._real
    _attach()


def find_spec(fullname: str, path: Sequence[str] | None, ours: Callable[[str], types.ModuleType]) -> ModuleSpec | None:
    """How to import another module of the copy: TensorFlow's own while it starts, a `Shared` one later."""
    spec = PathFinder.find_spec(fullname, path)
    if spec is not None and isinstance(sys.modules.get(ROOT), Shared):
        spec.loader = Then(spec.loader, lambda module: _replace(module, ours))
    return spec


def _replace(real: types.ModuleType, ours: Callable[[str], types.ModuleType]) -> None:
    if not isinstance(real, Shared):
        sys.modules[real.__name__] = Shared(real, ours)


def _attach() -> None:
    parent, _, child = ROOT.rpartition(".")
    if ROOT in sys.modules:
        setattr(sys.modules[parent], child, sys.modules[ROOT])


def _asked_by_tensorflow() -> bool:
    """Whether the code that is asking for a name, past the machinery of imports, is TensorFlow's."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if package not in ("importlib", "_frozen_importlib", "kerastorch"):
            return ROOT.startswith(package + ".")
        frame = frame.f_back
    return False
