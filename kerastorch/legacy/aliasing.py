"""`import keras`, `import tf_keras` and `import tensorflow.keras`, and everything below them, as kerastorch.

One finder in front of `sys.meta_path` answers for these paths with kerastorch's own modules: `keras.layers` is
`kerastorch.layers`, the same object. The real TensorFlow stays real where it is installed; only its `keras` is another.
Where it is not, a stand-in carries `keras` and says for all else that TensorFlow is missing.
"""

import importlib
import sys
import types
from collections.abc import Iterable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

from kerastorch.errors import KerastorchError, near
from kerastorch.legacy import private_keras
from kerastorch.legacy.modules import PACKAGE, resolve

HOST = "tensorflow"
EXTRA = "kerastorch-framework[tensorflow]"

# What can be aliased -> the import paths that this covers.
ROOTS: dict[str, tuple[str, ...]] = {
    "keras": ("keras",),
    "tf_keras": ("tf_keras",),
    f"{HOST}.keras": (
        f"{HOST}.keras",
        f"{HOST}.compat.v1.keras",
        f"{HOST}.compat.v2.keras",
        private_keras.ROOT,
    ),
}

# Below a root, paths at which Keras has its whole package again; what lies there is internal.
PREFIXES = ("_tf_keras.keras", "_tf_keras", "api._v2.keras", "api._v1.keras", "api._v2", "api._v1", "api", "src")

_ABSENT = object()


class AlreadyImported(KerastorchError, RuntimeError):
    """A module that is to be aliased was imported before."""


def install(names: Iterable[str] = tuple(ROOTS), force: bool = False) -> None:
    """Makes imports of Keras give kerastorch, from now on in this process. TensorFlow is not imported by this.

    Args:
        names: Which of "keras", "tf_keras" and "tensorflow.keras" to alias.
        force: Whether to go on if one of them has been imported already: then what is imported from now on is
            kerastorch's, and what was imported before stays as it is, which rarely works within one program.

    Raises:
        ValueError: If a name is none of these.
        AlreadyImported: If one of them is imported already, and not `force`.
    """
    names = (names,) if isinstance(names, str) else tuple(names)
    for name in names:
        if name not in ROOTS:
            raise ValueError(f"install: cannot alias {name!r}; names may have {', '.join(ROOTS)}.{near(name, ROOTS)}")
    strangers = _finder.strangers([root for name in names for root in ROOTS[name]])
    if strangers and not force:
        top = sys.modules[strangers[0]]
        what = f"{strangers[0]} {getattr(top, '__version__', '')}".strip()
        raise AlreadyImported(
            f"install: {what} is imported already, from {getattr(top, '__file__', 'an unknown place')}. Call "
            f"kerastorch.install() before anything that imports Keras (TensorFlow does so when it starts), or run the "
            f"program with python -m kerastorch, or pass force=True."
        )
    _finder.add([root for name in names for root in ROOTS[name]], strangers)
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    if HOST in sys.modules:
        _finder.settle(sys.modules[HOST])


def uninstall() -> None:
    """Undoes `install`: imports of Keras give what is installed under that name. Modules in hand stay as they are."""
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
    _finder.clear()


class _Finder(MetaPathFinder):
    """Serves kerastorch's modules under the names of Keras, and keeps what it needs to undo that."""

    def __init__(self) -> None:
        self.roots: list[str] = []
        self.served: dict[str, types.ModuleType] = {}  # what is in sys.modules by us
        self.displaced: dict[str, types.ModuleType] = {}  # what was there before
        self.attributes: list[tuple[types.ModuleType, str, Any]] = []  # (module, name, value before)

    def add(self, roots: list[str], strangers: list[str]) -> None:
        self.roots += [root for root in roots if root not in self.roots]
        for name in strangers:
            self.displaced[name] = sys.modules.pop(name)

    def clear(self) -> None:
        for name, module in self.served.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
        sys.modules.update(self.displaced)
        for owner, name, before in reversed(self.attributes):
            if before is not _ABSENT:
                setattr(owner, name, before)
            elif name in vars(owner):
                delattr(owner, name)
        private_keras.unshare()
        for kept in (self.roots, self.served, self.displaced, self.attributes):
            kept.clear()

    def strangers(self, roots: list[str]) -> list[str]:
        """Imported modules at or below these roots that are not ours, the topmost first."""
        roots = [root for root in roots if root != private_keras.ROOT]  # TensorFlow's own; it has it as it starts
        return sorted(
            name
            for name, module in sys.modules.items()
            if self.served.get(name) is not module and any(_below(name, root) for root in roots)
        )

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        root = next((root for root in self.roots if _below(fullname, root)), None)
        if root == private_keras.ROOT and HOST in sys.modules and not self.stand_in:
            own = private_keras.find_spec(fullname, path, self.private)
            if own is not None:
                return own
        if root is not None:
            return self.spec(fullname, _module(root, fullname))
        if not any(_below(root, fullname) for root in self.roots):
            if self.stand_in and _below(fullname, HOST):
                raise _missing(fullname)
            return None
        if fullname == HOST:
            real = _elsewhere(fullname, path)
            if real is not None:
                real.loader = private_keras.Then(real.loader, self.settle)
                return real
        elif not self.stand_in:
            return None
        return self.spec(fullname, _StandIn(fullname))

    @property
    def stand_in(self) -> bool:
        """Whether TensorFlow is imported and not the real one."""
        return isinstance(sys.modules.get(HOST), _StandIn)

    def spec(self, fullname: str, module: types.ModuleType) -> ModuleSpec:
        return ModuleSpec(fullname, _Alias(self, module), origin=getattr(module, "__file__", None), is_package=True)

    def settle(self, host: types.ModuleType) -> None:
        """Gives a TensorFlow that has been imported our `keras`."""
        if f"{HOST}.keras" in self.roots:
            self.keep(host, "keras")
            host.keras = sys.modules[PACKAGE]  # type: ignore[attr-defined]
        if private_keras.ROOT in self.roots and not self.stand_in:
            private_keras.share(self.private)

    def private(self, fullname: str) -> types.ModuleType:
        """kerastorch's module for a path in TensorFlow's private copy of Keras."""
        return _module(private_keras.ROOT, fullname)

    def keep(self, owner: types.ModuleType, name: str) -> None:
        self.attributes.append((owner, name, vars(owner).get(name, _ABSENT)))


class _Alias(Loader):
    """Puts a module that exists in the place of the one that is being imported."""

    def __init__(self, finder: _Finder, module: types.ModuleType) -> None:
        self.finder = finder
        self.module = module

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        name = module.__name__
        parent, _, child = name.rpartition(".")
        if parent:  # the import system is about to set it as an attribute there
            self.finder.keep(sys.modules[parent], child)
        sys.modules[name] = self.finder.served[name] = self.module


class _StandIn(types.ModuleType):
    """What `tensorflow` is where it is not installed: a package with nothing but `keras` in it."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "A stand-in: TensorFlow is not installed.")
        self.__path__: list[str] = []
        self.__spec__ = ModuleSpec(name, None)  # without an origin: nothing is installed

    def __getattr__(self, name: str) -> Any:
        full = f"{self.__name__}.{name}"
        if any(_below(root, full) for root in _finder.roots):
            return importlib.import_module(full)
        if name.startswith("__"):  # asked by tools that look at modules, which expect this error
            raise AttributeError(str(_missing(full)))
        raise _missing(full)


def _missing(fullname: str) -> ModuleNotFoundError:
    return ModuleNotFoundError(
        f"{fullname}: TensorFlow is not installed; only its keras is here, by kerastorch. Install TensorFlow with: "
        f"pip install '{EXTRA}'",
        name=HOST,
    )


def _below(name: str, root: str) -> bool:
    return name == root or name.startswith(root + ".")


def _module(root: str, fullname: str) -> types.ModuleType:
    """kerastorch's module for a path at or below an aliased root."""
    path = fullname[len(root) + 1 :]
    prefix = next((prefix for prefix in PREFIXES if _below(path, prefix)), None)
    if prefix is not None:
        path = path[len(prefix) + 1 :]
    return resolve(path, internal=prefix is not None or root == private_keras.ROOT)


def _elsewhere(fullname: str, path: Sequence[str] | None) -> ModuleSpec | None:
    """What the other finders say."""
    for finder in sys.meta_path:
        spec = None if finder is _finder else finder.find_spec(fullname, path)
        if spec is not None:
            return spec
    return None


_finder = _Finder()
