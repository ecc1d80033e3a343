"""What surrounds a call: names in use, the layers being called, what is being traced, values that stand in for variables.

State is kept per thread. Nothing here touches a framework.
"""

import contextlib
import re
import threading
from collections.abc import Iterator
from typing import Any

_names: dict[str, int] = {}
_generation = 0


class _State(threading.local):
    def __init__(self) -> None:
        self.calls: list[Any] = []  # Call records of the layers being called, outermost first
        self.effects: list[Any] | None = None  # assignments recorded while tracing
        self.symbolic = 0  # depth of symbolic calls: inside one, ops record even where no operand is a KerasTensor
        self.values: list[Any] = []  # stack of StatelessScope-like mappings
        self.autocast: list[str | None] = []
        self.scopes: list[name_scope] = []
        self.remat: list[Any] = []  # RematScopes, outermost first


state = _State()

# ------------------------------------------------------------------------------------------------ names


def snake(name: str) -> str:
    """A class name in snake case, as layers are named: "Conv2DTranspose" becomes "conv2d_transpose"."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def unique_name(prefix: str) -> str:
    """The prefix at its first use, then with a running number: dense, dense_1, ..."""
    n = _names.get(prefix, 0)
    _names[prefix] = n + 1
    return f"{prefix}_{n}" if n else prefix


def get_uid(prefix: str = "") -> int:
    """How often a prefix has been asked for, this time included."""
    _names[prefix] = _names.get(prefix, 0) + 1
    return _names[prefix]


def reset_names() -> None:
    """Starts naming afresh."""
    _names.clear()


@contextlib.contextmanager
def own_names() -> Iterator[None]:
    """Names given inside begin afresh, and those given afterwards go on as if there had been none."""
    before = dict(_names)
    _names.clear()
    try:
        yield
    finally:
        _names.clear()
        _names.update(before)


class name_scope:  # noqa: N801
    """Prefixes the paths of variables created inside.

    Args:
        name: What is put before the paths; no slash in it.
        caller: Whoever opens the scope.
        deduplicate: Whether a scope that its caller has just opened is not opened again inside itself.
        override_parent: Path that takes the place of the scopes around.

    Raises:
        ValueError: If the name is no string or has a slash in it.
    """

    __slots__ = ("caller", "deduplicate", "name", "opened", "parent", "path")

    def __init__(self, name, caller=None, deduplicate=True, override_parent=None):
        self.name, self.caller, self.deduplicate = check_name(name, "name_scope"), caller, deduplicate
        self.parent, self.opened = override_parent, False

    def __enter__(self) -> "name_scope":
        scopes = state.scopes
        if self.deduplicate and self.caller is not None and scopes:
            last = scopes[-1]
            if last.caller is self.caller and last.name == self.name:
                return last
        parent = path_prefix() if self.parent is None else self.parent.strip("/") + "/" if self.parent else ""
        self.path = f"{parent}{self.name}/"
        scopes.append(self)
        self.opened = True
        return self

    def __exit__(self, *_: Any) -> None:
        if self.opened and state.scopes:
            state.scopes.pop()
            self.opened = False


def path_prefix() -> str:
    """The open name scopes as a path ending in a slash, empty outside of any."""
    return state.scopes[-1].path if state.scopes else ""


def check_name(name: Any, what: str) -> str:
    """The name given.

    Raises:
        ValueError: If it is no string, is empty, or has a slash, which separates names in paths.
    """
    if not isinstance(name, str) or not name or "/" in name:
        raise ValueError(f"{what}: Argument `name` must be a string and cannot contain character `/`. It was {name!r}")
    return name


# ------------------------------------------------------------------------------------------------ image data format

_image_data_format = "channels_last"


def image_data_format() -> str:
    """The default layout of images, "channels_last" unless set otherwise."""
    return _image_data_format


def set_image_data_format(data_format: str) -> None:
    """Sets the default layout of images to "channels_last" or "channels_first"."""
    global _image_data_format
    _image_data_format = standardize_data_format(data_format)


def standardize_data_format(data_format: str | None) -> str:
    """The layout given, or the default for None."""
    if data_format is None:
        return _image_data_format
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"data_format must be 'channels_last' or 'channels_first', not {data_format!r}")
    return data_format


# ------------------------------------------------------------------------------------------------ flash attention

_flash_attention: bool | None = None


def enable_flash_attention() -> None:
    """Leaves the choice of a fused attention kernel to the backend, as it is at first."""
    global _flash_attention
    _flash_attention = None


def disable_flash_attention() -> None:
    """Has attention layers made from now on not ask for a fused kernel."""
    global _flash_attention
    _flash_attention = False


def is_flash_attention_enabled() -> bool | None:
    """False where fused attention kernels are disabled, None where the choice is the backend's."""
    return _flash_attention


# ------------------------------------------------------------------------------------------------ calls


class Call:
    """One layer being called: the layer, the training flag in force, and losses added meanwhile."""

    __slots__ = ("layer", "training")

    def __init__(self, layer: Any, training: bool | None):
        self.layer, self.training = layer, training


def training() -> bool | None:
    """The training flag of the innermost call that has one."""
    return state.calls[-1].training if state.calls else None


@contextlib.contextmanager
def in_training(flag: bool | None) -> Iterator[None]:
    """Layers called inside without a training flag of their own take this one."""
    state.calls.append(Call(None, flag))
    try:
        yield
    finally:
        state.calls.pop()


# ------------------------------------------------------------------------------------------------ symbolic calls


@contextlib.contextmanager
def symbolic() -> Iterator[None]:
    """Inside, ops record rather than run; assignments are dropped."""
    state.symbolic += 1
    effects, state.effects = state.effects, None
    try:
        yield
    finally:
        state.symbolic -= 1
        state.effects = effects


@contextlib.contextmanager
def tracing() -> Iterator[list[Any]]:
    """As `symbolic`, with assignments recorded into the list that it gives."""
    state.symbolic += 1
    effects, state.effects = state.effects, []
    try:
        yield state.effects
    finally:
        state.symbolic -= 1
        state.effects = effects


def is_symbolic() -> bool:
    """Whether a layer's call is being recorded rather than run."""
    return state.symbolic > 0


@contextlib.contextmanager
def concrete() -> Iterator[None]:
    """Inside, ops run even where a surrounding call is being recorded."""
    depth, state.symbolic = state.symbolic, 0
    try:
        yield
    finally:
        state.symbolic = depth


# ------------------------------------------------------------------------------------------------ variables


@contextlib.contextmanager
def values(mapping: Any) -> Iterator[Any]:
    """Variables found in `mapping` (by identity) take the tensor there as their value; assignments go there too."""
    state.values.append(mapping)
    try:
        yield mapping
    finally:
        state.values.pop()


@contextlib.contextmanager
def autocast(dtype: str | None) -> Iterator[None]:
    """Floating variables are read in this dtype inside."""
    state.autocast.append(dtype)
    try:
        yield
    finally:
        state.autocast.pop()
