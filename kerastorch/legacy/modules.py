"""Old module paths and old names, and where they are today.

All paths are relative to the package: "layers.core" is `keras.layers.core`, "" the package itself. Nothing here hooks
into imports (see `aliasing`); packages ask `lookup` for names that they do not have.
"""

import functools
import importlib
import sys
import types
from collections.abc import Iterator
from opcode import opmap
from typing import Any

from kerastorch.errors import near
from kerastorch.legacy import past
from kerastorch.legacy.spelling import warn_once

PACKAGE = "kerastorch"
_ABSENT = object()

# Old module -> where its names are today, in the order in which they are searched.
MODULES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "layers.core",
            "layers.advanced_activations",
            "layers.convolutional",
            "layers.convolutional_recurrent",
            "layers.embeddings",
            "layers.experimental",
            "layers.experimental.preprocessing",
            "layers.local",
            "layers.merge",
            "layers.noise",
            "layers.normalization",
            "layers.pooling",
            "layers.preprocessing",
            "layers.recurrent",
            "layers.wrappers",
        ),
        ("layers",),
    ),
    **dict.fromkeys(
        ("engine", "engine.base_layer", "engine.input_layer", "engine.network", "engine.topology"),
        ("layers", "models", "utils"),
    ),
    **dict.fromkeys(("engine.functional", "engine.sequential", "engine.training"), ("models",)),
    "engine.saving": ("models", "saving"),
    **dict.fromkeys(("backend.common", "backend.load_backend", "backend.tensorflow_backend"), ("backend",)),
    **dict.fromkeys(
        (
            "utils.conv_utils",
            "utils.data_utils",
            "utils.generic_utils",
            "utils.image_utils",
            "utils.io_utils",
            "utils.layer_utils",
            "utils.np_utils",
            "utils.numerical_utils",
            "utils.vis_utils",
            "utils.visualize_util",
        ),
        ("utils",),
    ),
    "initializations": ("initializers",),
    "objectives": ("losses",),
    "optimizers.legacy": ("optimizers",),
    "optimizers.experimental": ("optimizers",),
    "preprocessing.sequence": ("utils",),
    "preprocessing.image": ("utils",),
    "preprocessing.text": ("preprocessing",),
    "wrappers.scikit_learn": ("wrappers",),
    "applications.mobilenetv2": ("applications.mobilenet_v2",),
}

_SHORT_LOSSES = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "kld": "kl_divergence",
    "bce": "binary_crossentropy",
}
_LOSSES = {
    **_SHORT_LOSSES,
    **{short.upper(): long for short, long in _SHORT_LOSSES.items()},
    "kullback_leibler_divergence": "kl_divergence",
}

# Module of today -> old name in it -> today's name there.
NAMES: dict[str, dict[str, str]] = {
    "layers": {
        **{f"Convolution{n}D": f"Conv{n}D" for n in (1, 2, 3)},
        **{f"Deconvolution{n}D": f"Conv{n}DTranspose" for n in (2, 3)},
        "SeparableConvolution2D": "SeparableConv2D",
        "CuDNNLSTM": "LSTM",
        "CuDNNGRU": "GRU",
    },
    "optimizers": {
        **{name.lower(): name for name in ("Adadelta", "Adagrad", "Adam", "Adamax", "Nadam", "RMSprop", "SGD")},
    },
    "losses": _LOSSES,
    "metrics": _LOSSES,
    "initializers": {"normal": "RandomNormal", "uniform": "RandomUniform", "zero": "Zeros", "one": "Ones"},
    "regularizers": {"activity_l1": "l1", "activity_l2": "l2", "activity_l1l2": "l1_l2", "l1l2": "l1_l2"},
    "constraints": {"maxnorm": "MaxNorm", "nonneg": "NonNeg", "unitnorm": "UnitNorm"},
    "utils": {"plot": "plot_model"},
}


class OldModule(types.ModuleType):
    """A module of the past: its names are those of today's modules, under their old names too."""

    def __init__(self, path: str) -> None:
        super().__init__(_keras(path), f"Old place of what is in {' and '.join(map(_keras, MODULES[path]))} today.")
        self.__path__: list[str] = []
        self._path = path

    def __getattr__(self, name: str) -> Any:
        value = _ABSENT if name.startswith("__") else self._search(name)
        if value is _ABSENT:
            raise _absent(self.__name__, name, dir(self), sys._getframe(1))
        return value

    def _search(self, name: str) -> Any:
        old = past.find(self._path, name)
        if old is not None:
            return _past(self._path, name, old)
        for home in self._homes():
            value = getattr(home, name, _ABSENT)
            if value is not _ABSENT:
                path = home.__name__.partition(".")[2]
                today = f"from {_keras(path)} import {NAMES.get(path, {}).get(name, name)}"
                warn_once(("module", self._path), f"{self.__name__} is an old path: write {today}.")
                return value
        return _ABSENT

    def __dir__(self) -> list[str]:
        return sorted({name for home in self._homes() for name in dir(home)})

    @property
    def __all__(self) -> list[str]:
        return [name for home in self._homes() for name in getattr(home, "__all__", ())]

    def _homes(self) -> Iterator[types.ModuleType]:
        """The modules that are searched; last a file of the package at that very path, so that none of it is hidden."""
        for path in (*MODULES[self._path], self._path):
            module = _existing(path)
            if module is not None:
                yield module


@functools.cache
def old_module(path: str) -> OldModule:
    """The stand-in for a module of `MODULES`; the same object each time."""
    return OldModule(path)


def resolve(path: str, internal: bool = False) -> types.ModuleType:
    """The module for a path below `keras`.

    Args:
        path: As "layers", or "layers.core"; "" for the package.
        internal: Whether the path was private in Keras (`keras.src`): then the nearest module above stands for it.

    Raises:
        ModuleNotFoundError: If there is no such module, now or in the past.
    """
    if path in MODULES and not _public(path):
        return old_module(path)
    module = _existing(path)
    if module is not None:
        return module
    parent, _, child = path.rpartition(".")
    if internal:
        return resolve(parent, internal)
    above = _existing(parent)
    known = [old.rpartition(".")[2] for old in MODULES if old.rpartition(".")[0] == parent]
    known += dir(above) if above else ()
    raise ModuleNotFoundError(
        f"{_keras(parent)} has no module {child!r} (kerastorch stands in for Keras here).{near(child, known)}",
        name=_keras(path),
    )


def lookup(module: str, name: str) -> Any:
    """What stands today for a name that a public module lacks. For the `__getattr__` of packages, as their last resort.

    Args:
        module: The module's full name, as "kerastorch.layers".
        name: The name that was asked for.

    Returns:
        The modern object, or a module of the past.

    Raises:
        AttributeError: If the name never was there; its near matches are suggested.
        ImportError: The same, where an import statement asked.
    """
    path = module.partition(".")[2]
    modern = NAMES.get(path, {}).get(name)
    if modern is not None:
        warn_once(("name", path, name), f"{_keras(path)}.{name} is an old name: write {_keras(path)}.{modern}.")
        return getattr(sys.modules[module], modern)
    old = past.find(path, name)
    if old is not None:
        return _past(path, name, old)
    child = f"{path}.{name}".lstrip(".")
    if child in MODULES:
        return resolve(child)
    raise _absent(module, name, dir(sys.modules[module]), sys._getframe(1))


def _past(path: str, name: str, old: past.Past) -> Any:
    """What an old name gives, once it was said how that is done today."""
    warn_once(("name", path, name), f"{_keras(path)}.{name} is an old name; today: {old.today}.")
    return old.value


def _absent(module: str, name: str, known: list[str], frame: types.FrameType | None) -> Exception:
    """The error for an unknown name, asked for in `frame` or, where that is a `__getattr__`, in its caller."""
    hint = "" if name.startswith("_") else near(name, (k for k in known if not k.startswith("_")))
    text = f"module {module!r} has no {name!r}.{hint}"
    while frame is not None and frame.f_code.co_name == "__getattr__":
        frame = frame.f_back
    # `from module import name` turns an AttributeError into one of its own, without our text; an ImportError stays.
    if frame is not None and frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]:
        return ImportError(f"cannot import {name!r}: {text}", name=module)
    return AttributeError(text)


def _keras(path: str) -> str:
    return f"keras.{path}" if path else "keras"


def _existing(path: str) -> types.ModuleType | None:
    """The module of the package at a path, None where there is none."""
    full = f"{PACKAGE}.{path}" if path else PACKAGE
    try:
        return importlib.import_module(full)
    except ModuleNotFoundError as error:
        if error.name is None or not (full == error.name or full.startswith(error.name + ".")):
            raise
        return None


def _public(path: str) -> bool:
    """Whether the package has a public module at a path: one that its parent lists."""
    parent, _, child = path.rpartition(".")
    above = _existing(parent)
    return above is not None and child in getattr(above, "__all__", ()) and _existing(path) is not None
