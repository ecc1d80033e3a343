"""The scopes that users open: stateless and symbolic ones, devices, and rematerialization."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

from kerastorch import backend_registry, scope
from kerastorch.graph import tensors_in
from kerastorch.variable import Variable

__all__ = ["RematScope", "StatelessScope", "SymbolicScope", "device", "remat"]


class StatelessScope:
    """Inside, variables are read from this scope where it has a value for them, and all that is assigned stays in it.

    Args:
        state_mapping: Pairs of a Variable and the tensor that stands for it.
        collect_losses: Whether losses that layers add are kept here rather than with the layers.
        initialize_variables: Accepted as in Keras; variables are initialized when they are first read in any case.

    Raises:
        ValueError: If a key is no Variable or a value's shape is not that of its variable.
    """

    collects = True  # what is assigned to any variable inside goes here (see `scope.values`)

    def __init__(self, state_mapping=None, collect_losses=False, initialize_variables=True):
        from kerastorch import ops

        self.collect_losses, self.initialize_variables = collect_losses, initialize_variables
        self.losses: list[Any] = []
        self.state_mapping: dict[int, Any] = {}
        self._variables: list[Variable] = []  # held, since their identities are the keys
        for variable, value in state_mapping or ():
            if not isinstance(variable, Variable):
                raise ValueError(f"StatelessScope: all keys in argument `mapping` must be Variable objects, not {variable!r}")
            value = ops.convert_to_tensor(value, dtype=variable.dtype)
            if tuple(value.shape) != variable.shape:
                raise ValueError("StatelessScope: all values in argument `mapping` must be tensors with the shape of their "
                                 f"variable: {variable.path!r} has {variable.shape}, its value {tuple(value.shape)}")  # fmt: skip
            self._variables.append(variable)
            self.state_mapping[id(variable)] = value

    def __enter__(self) -> "StatelessScope":
        scope.state.values.append(self)
        return self

    def __exit__(self, *_: Any) -> None:
        scope.state.values.pop()

    def __contains__(self, key: int) -> bool:
        return key in self.state_mapping

    def get(self, key: int, default: Any = None) -> Any:
        """The tensor that stands for the variable of this identity."""
        return self.state_mapping.get(key, default)

    def __setitem__(self, key: int, value: Any) -> None:
        self.state_mapping[key] = value

    def get_current_value(self, variable):
        """The tensor that stands for a variable; None where neither the mapping nor an assignment gave one."""
        return self.state_mapping.get(id(variable))

    def add_update(self, update):
        """Sets the value of a variable in this scope.

        Args:
            update: Pair of the variable and the tensor.
        """
        variable, value = update
        self._variables.append(variable)
        self.state_mapping[id(variable)] = value

    def add_loss(self, loss):
        """Keeps a loss here."""
        self.losses.append(loss)


class SymbolicScope:
    """Marks a stage in which code is looked at rather than run; what is done inside is not changed by it."""

    def __enter__(self) -> "SymbolicScope":
        return self

    def __exit__(self, *_: Any) -> None:
        return None


class device:  # noqa: N801
    """Inside, new tensors are put on a device.

    Args:
        device_name: Such as "cpu:0", "gpu:0" or "cuda".

    Raises:
        ValueError: On entering, if the name is no string.
    """

    def __init__(self, device_name):
        self.device_name = device_name

    def __enter__(self) -> Any:
        if not isinstance(self.device_name, str):
            raise ValueError("device: the name of a device is a string such as 'cpu:0' or 'gpu:0'. "
                             f"Received: device_name='{self.device_name}'")  # fmt: skip
        self.inner = backend_registry.active().on_device(self.device_name)
        return self.inner.__enter__()

    def __exit__(self, *error: Any) -> Any:
        return self.inner.__exit__(*error)


# ------------------------------------------------------------------------------------------------ rematerialization

MODES = (None, "full", "activations", "larger_than", "list_of_layers")


class RematScope:
    """Layers and operations made inside keep no intermediate results for the gradient, but compute them again for it.

    Args:
        mode: "full" for all; "activations" for those with an `activation`; "larger_than" for those whose output has more elements
            than `output_size_threshold`; "list_of_layers" for those named in `layer_names`; None for none.
        output_size_threshold: Number of elements, one sample counted where the batch size is not known.
        layer_names: Names.

    Raises:
        ValueError: For any other mode.
    """

    def __init__(self, mode="full", output_size_threshold=1024, layer_names=None):
        if mode not in MODES:
            raise ValueError(f"RematScope: mode must be one of {', '.join(map(repr, MODES))}, not {mode!r}")
        self.mode, self.output_size_threshold, self.layer_names = mode, output_size_threshold, list(layer_names or ())

    def __enter__(self) -> "RematScope":
        scope.state.remat.append(self)
        return self

    def __exit__(self, *_: Any) -> None:
        scope.state.remat.pop()

    def covers(self, operation: Any, output: Callable[[], Iterable[Any]]) -> bool:
        """Whether a layer or operation made in this scope is to compute its results again.

        Args:
            operation: The layer or operation.
            output: Gives the KerasTensors of its output; called only if their sizes matter.
        """
        if self.mode == "activations":
            return getattr(operation, "activation", None) is not None
        if self.mode == "list_of_layers":
            return operation.name in self.layer_names
        if self.mode == "larger_than":
            return sum(_size(t.shape) for t in output()) > self.output_size_threshold
        return self.mode == "full"


def _size(shape: tuple) -> int:
    size = 1
    for d in shape:
        size *= 1 if d is None else d
    return size


def remat(f):
    """A function like `f` that keeps no intermediate results for the gradient, but computes them again for it.

    Args:
        f: Function of tensors.
    """

    @functools.wraps(f, updated=())
    def rematerialized(*args, **kwargs):
        if tensors_in([args, kwargs]):  # recorded: lowering sees what f does
            return f(*args, **kwargs)
        return backend_registry.active().remat(f)(*args, **kwargs)

    return rematerialized
