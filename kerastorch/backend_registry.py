"""What a backend is, how one is registered, and which one is active.

A backend is tables keyed by objects (op -> native function, layer class -> native lowering) and the few verbs that run them.
Built-in backends and those that other packages bring (entry points in the group `kerastorch.backends`, each naming a Backend
instance) are imported only when they are first needed.
"""

import contextlib
import functools
import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kerastorch.errors import BackendNotInstalled, near

ENTRY_POINTS = "kerastorch.backends"
BUILT_IN = {
    "torch": "kerastorch.backends.torch:backend",
    "tensorflow": "kerastorch.backends.tensorflow:backend",
}


class Backend:
    """One framework: its tables and verbs. Subclasses fill in the attributes and override the verbs.

    Attributes:
        name: The name by which users choose it.
        packages: Top-level packages whose classes may be its tensors; the type of a tensor leads to its backend by them.
        ops: From an op's public function to the framework's; called with the op's arguments in the op's order.
        trailing_scalars: Those that take them in place of every tensor but the first.
        wider: From a dtype that the framework can store but not compute in to the one in which it computes instead.
        wider_for: The same for single ops, for dtypes that the framework's function for them lacks or is too coarse in.
        scalars: Those ops whose framework function takes Python numbers in place of tensors.
        readers: From a class of its tensors to a function that reads what tells their dtypes apart, where the dtypes themselves
            are slow to read or to hash.
        layers: From a layer class to its native lowering.
        fused: From an optimizer class to its update of many weights at once.
        also_holds: What its tensors can be beyond dense numbers: "text", "sparse", "ragged".
        host: From a host function (see layers/data_layer.py) to the framework's own, for tensors of its own.
        sparse_kinds: The classes of its sparse tensors.
        traces: Whether training steps are traced once, so that a number read on the host meanwhile would be frozen in them.
        variable_attributes: What variables at home here borrow from the framework's own tensors.
        layer_attributes: What layers at home here borrow from the framework's own modules.
    """

    name: str = ""
    packages: tuple[str, ...] = ()
    ops: Mapping[Callable, Callable] = {}
    scalars: frozenset[Callable] = frozenset()
    trailing_scalars: frozenset[Callable] = frozenset()
    wider: Mapping[str, str] = {}
    wider_for: Mapping[Callable, Mapping[str, str]] = {}
    readers: Mapping[type, Callable] = {}
    layers: Mapping[type, Callable] = {}
    fused: Mapping[type, Callable] = {}
    also_holds: frozenset[str] = frozenset()
    host: Mapping[Callable, Callable] = {}
    sparse_kinds: tuple[type, ...] = ()
    traces: bool = False
    variable_attributes: frozenset[str] = frozenset()
    layer_attributes: frozenset[str] = frozenset()

    def takes_number(self, op: Callable, place: int) -> bool:
        """Whether the framework's function for an op takes a Python number as its operand number `place`."""
        return op in self.scalars or place > 0 and op in self.trailing_scalars

    def computes_in(self, op: Callable, dtype: Any) -> Any:
        """The dtype in which the framework's function for an op works where the op's rule asks for `dtype`."""
        return self.wider_for.get(op, {}).get(dtype) or self.wider.get(dtype, dtype)

    # ---- tensors
    def is_tensor(self, x: Any) -> bool:
        """Whether `x` is a tensor of this framework."""
        raise NotImplementedError("is_tensor")

    def is_constant(self, x: Any) -> bool:
        """Whether a tensor of this framework is nothing but its values: dense, known now, with nothing to be learnt about it."""
        return True

    def convert(self, x: Any, dtype: str | None = None, alias: bool = False) -> Any:
        """A number, nest, array or own tensor as a tensor on the current device; Python numbers in Keras's widths.

        `alias` allows the result to share memory with an array, for data that is only read.
        """
        raise NotImplementedError("convert")

    def cast(self, x: Any, dtype: str) -> Any:
        """A tensor in another dtype."""
        raise NotImplementedError("cast")

    def numpy(self, x: Any) -> Any:
        """A tensor as a numpy array."""
        raise NotImplementedError("numpy")

    def dtype(self, x: Any) -> str:
        """A tensor's dtype by Keras's name."""
        raise NotImplementedError("dtype")

    def shape(self, x: Any) -> tuple[int | None, ...]:
        """A tensor's shape, None where the framework does not know it yet."""
        raise NotImplementedError("shape")

    def gather(self, x: Any, index: Any) -> Any:
        """The rows of a tensor that an integer array, or tensor of this framework, names."""
        raise NotImplementedError("gather")

    def sparse(self, x: Any, dtype: str) -> Any:
        """A scipy CSR array as a tensor: a sparse one, where the framework has such tensors."""
        return self.convert(x.toarray(), dtype, alias=True)

    def joined(self, parts: list[Any]) -> Any:
        """Tensors or arrays put one after the other, as a numpy array."""
        import numpy as np

        return np.concatenate([self.numpy(x) if self.is_tensor(x) else x for x in parts])

    def tracing(self) -> bool:
        """Whether a function is being traced now, so that a Python loop would be written out in it."""
        return False

    def on_sparse(self, op: Any, function: Callable) -> Callable:
        """What carries out an op (an `Op`) where operands are sparse tensors; `function` does on dense ones."""
        raise NotImplementedError("on_sparse")

    # ---- variables
    def adopt(self, variable: Any) -> None:
        """Moves a variable that is on the host to a parameter or buffer of its own."""
        raise NotImplementedError("adopt")

    def variable(self, own: Any) -> Any:
        """The Variable at home in a variable that the framework's user made, the same one each time."""
        raise TypeError(f"{type(own).__name__} is no Variable, and the {self.name} backend does not make one of it")

    def with_gradient(self, variable: Any, value: Any) -> Any:
        """What `variable.value` gives for a value just read: it, with its gradient on it, or the framework's own variable."""
        return value

    # ---- running
    def devices(self) -> list[str]:
        """The devices at hand, as "cpu:0", "gpu:0", ..."""
        raise NotImplementedError("devices")

    def seed(self, seed: int) -> None:
        """Seeds the framework's own generators, where it has any."""

    def random_state(self) -> Any:
        """The state of the framework's own generators as JSON-like values; None where it does not tell."""
        return None

    def restore_random_state(self, state: Any) -> None:
        """Puts the framework's own generators into a state that `random_state` gave."""

    def no_gradient(self) -> contextlib.AbstractContextManager[Any]:
        """A context in which nothing is recorded for differentiation."""
        raise NotImplementedError("no_gradient")

    def value_and_gradients(self, function: Callable[[], Any], variables: list[Any]) -> tuple[Any, list[Any]]:
        """The result of `function()`, whose first part is a scalar loss, and the loss's gradients in Keras's layout."""
        raise NotImplementedError("value_and_gradients")

    def updates(self, optimizer: Any, variables: list[Any]) -> Any:
        """What carries out an optimizer's updates of weights at home here: over ops, where there is nothing faster."""
        from kerastorch.optimizers.updates import Updates

        return Updates(optimizer, variables)

    def profile(self, folder: str) -> contextlib.AbstractContextManager[Any]:
        """A context in which the framework's own profiler runs; it leaves a profile for TensorBoard in the folder."""
        raise NotImplementedError("profile")

    def on_device(self, name: str) -> contextlib.AbstractContextManager[Any]:
        """A context in which new tensors are put on a device, named as in `devices`."""
        raise NotImplementedError("on_device")

    def remat(self, function: Callable) -> Callable:
        """A function like the one given that computes its intermediate results again for the gradient, rather than keep them."""
        raise NotImplementedError("remat")

    # ---- modules of the framework's own
    foreign: Any = None  # what layers around them need
    exports: Mapping[str, Callable] = {}  # from a format to what writes it: `(backend, model, path, arguments, verbose, **options)`
    archive: Any = None  # the class of archives to which functions of models are added
    datasets: Any = None  # functions that make and split data sets of the framework's own

    def module_layer(self, x: Any) -> Any:
        """A layer around a module of the framework; None where `x` is none."""
        return None

    # ---- lowering
    def runner(self, layer: Any) -> Callable | None:
        """What runs a layer called on tensors, as `(*inputs, training=..., **keywords)`; None where its `call` does."""
        return None

    def module(self, layer: Any) -> Any:
        """The framework's own module behind a built layer, whose parameters are the layer's weights."""
        raise NotImplementedError("module")

    def optimizer(self, given: Any) -> Any:
        """An optimizer of the framework's own that may be given to `compile` as it is; None where it is none."""
        return None

    def lower(self, model: Any, adopt: bool = False) -> Any:
        """The model (or layer) as a module of the framework; `adopt` makes its parameters the variables' home."""
        raise NotImplementedError("lower")

    def steps(self, model: Any) -> Any:
        """What the training loop runs: an object with `train`, `test` and `predict` on one batch, see training/steps.py."""
        raise NotImplementedError("steps")

    def __repr__(self) -> str:
        return f"<Backend {self.name}>"

    def __reduce__(self) -> Any:
        return get, (self.name,)  # a copy of it is itself


_specs: dict[str, Any] = dict(BUILT_IN)
_loaded: dict[str, Backend] = {}
_by_type: dict[type, Any] = {}  # the backend whose tensors are of that type, None for no backend's
_unknown = object()
readers: dict[type, Callable] = {}  # those of all backends loaded
_entry_points_read = False
_seed: int | None = None
_lock = threading.RLock()


class _Active(threading.local):
    def __init__(self) -> None:
        self.stack: list[Backend] = []


_active = _Active()
_default: str | None = None


def register(backend: Backend | str, name: str | None = None) -> None:
    """Makes a backend known: an instance, or "module:attribute" with a name, imported when first used.

    Raises:
        ValueError: If the name is missing or taken by another backend.
    """
    name = name or getattr(backend, "name", None)
    if not name:
        raise ValueError(f"register: backend {backend!r} has no name")
    if _specs.get(name, backend) != backend:
        raise ValueError(f"register: there is a backend named {name!r} already")
    _specs[name] = backend
    if isinstance(backend, Backend):
        _keep(name, backend)
    _by_type.clear()


def unregister(name: str) -> None:
    """Forgets a registered backend."""
    _specs.pop(name, None)
    _loaded.pop(name, None)
    _by_type.clear()


def _read_entry_points() -> None:
    global _entry_points_read
    if _entry_points_read:
        return
    from importlib import metadata

    _entry_points_read = True
    for point in metadata.entry_points(group=ENTRY_POINTS):
        _specs.setdefault(point.name, point.value)


def names() -> list[str]:
    """All backends known, installed or not."""
    _read_entry_points()
    return list(_specs)


def get(name: Any) -> Backend:
    """The backend of a name (an instance is returned as it is).

    Raises:
        ValueError: If no backend has that name.
        BackendNotInstalled: If its framework cannot be imported.
    """
    if isinstance(name, Backend):
        return name
    found = _loaded.get(name)
    if found is not None:
        return found
    if name not in _specs:
        _read_entry_points()
    if name not in _specs:
        raise ValueError(f"there is no backend named {name!r}; known are {', '.join(_specs)}.{near(str(name), _specs)}")
    with _lock:
        spec = _specs[name]
        if isinstance(spec, str):
            module, _, attribute = spec.partition(":")
            try:
                spec = getattr(importlib.import_module(module), attribute or "backend")
            except ImportError as error:
                missing = (error.name or "").split(".")[0]
                if missing == "kerastorch":
                    raise
                raise BackendNotInstalled(
                    f"the {name} backend needs the package {missing or name!r}, which cannot be imported ({error}). Install it "
                    f"with: pip install {missing or name}"
                ) from error
        _keep(name, spec)
        _by_type.clear()
    return spec


def _keep(name: str, backend: Backend) -> None:
    _loaded[name] = backend
    readers.update(backend.readers)
    if _seed is not None:
        backend.seed(_seed)


def seed(value: int) -> None:
    """Seeds every backend whose framework has been imported, and each other one when it is loaded."""
    global _seed
    for name in BUILT_IN:
        if name in sys.modules:
            get(name)
    _seed = value
    for backend in list(_loaded.values()):
        backend.seed(value)


def module_layer(x: Any) -> Any:
    """A layer around a module of the active backend's framework; None where `x` is none."""
    for name in _owners(x.__class__):
        if name == (_active.stack[-1].name if _active.stack else default_name()):
            return get(name).module_layer(x)
    return None


@functools.lru_cache(256)
def _owners(kind: type) -> tuple[str, ...]:
    """The built-in backends, which are named as their packages, that a class has a base of."""
    return tuple({c.__module__.partition(".")[0] for c in kind.__mro__} & BUILT_IN.keys())


def installed(name: str) -> bool:
    """Whether the framework of a backend can be imported; nothing is imported to find out."""
    if name in _loaded:
        return True
    spec = importlib.util.find_spec(name) if name in BUILT_IN else None
    # A stand-in of legacy.aliasing for a framework that is missing has no origin.
    return name not in BUILT_IN or (spec is not None and spec.origin is not None)


def of(x: Any) -> Backend | None:
    """The backend whose tensor `x` is, None where it is none's."""
    kind = x.__class__
    found = _by_type.get(kind, _unknown)
    if found is not _unknown:
        return found
    found = None
    roots = {c.__module__.partition(".")[0] for c in kind.__mro__}
    if roots != {"builtins"}:
        # Built-in backends are named as their packages, so that they need not be loaded to know them.
        candidates = (roots & BUILT_IN.keys()) | {n for n, b in _loaded.items() if roots & set(b.packages)}
        for name in sorted(candidates):
            backend = get(name)
            if backend.is_tensor(x):
                found = backend
    _by_type[kind] = found
    return found


def default_name() -> str:
    """The name of the default backend: the one set, else KERASTORCH_BACKEND's, else KERAS_BACKEND's, else torch.

    Keras's own configuration file is not asked: it names whatever backend Keras was first imported with.
    """
    global _default
    if _default is None:
        _default = os.environ.get("KERASTORCH_BACKEND") or os.environ.get("KERAS_BACKEND") or "torch"
        if _default not in names():
            wrong, _default = _default, None
            raise ValueError(f"the environment asks for the backend {wrong!r}; known are {', '.join(_specs)}."
                             f"{near(wrong, _specs)}")  # fmt: skip
    return _default


def set_default(name: str) -> None:
    """Makes a backend the default for what is lowered from now on."""
    global _default
    if name not in names():
        raise ValueError(f"there is no backend named {name!r}; known are {', '.join(_specs)}.{near(str(name), _specs)}")
    _default = name


def active() -> Backend:
    """The backend of ops none of whose arguments is a tensor: that of the running model, else the default one."""
    return _active.stack[-1] if _active.stack else get(default_name())


def at_hand() -> Backend | None:
    """The active backend where it, or its framework, is imported already; None otherwise."""
    if _active.stack or default_name() in _loaded or default_name() in sys.modules:
        return active()
    return None


@contextlib.contextmanager
def using(backend: Backend | str) -> Iterator[Backend]:
    """Makes a backend the active one inside."""
    chosen = get(backend)
    _active.stack.append(chosen)
    try:
        yield chosen
    finally:
        _active.stack.pop()


def lower(model: Any, backend: str | None = None) -> Any:
    """A model as a module of a framework, with a copy of its weights.

    Args:
        model: A built model or layer.
        backend: Name of the backend; None takes the default one.

    Returns:
        For "torch" an `nn.Module` in evaluation mode, for "tensorflow" a `tf.Module`.
    """
    return get(backend or default_name()).lower(model)
