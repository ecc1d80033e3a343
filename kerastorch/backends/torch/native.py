"""What a native lowering says: the module, which parameters hold which weights in which layout, and what stands around it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from kerastorch.variable import Home, Variable


def same(x: Any) -> list[Any]:
    """One parameter, as it is."""
    return [x]


def first(parts: Sequence[Any]) -> Any:
    """The only part."""
    return parts[0]


def permute(x: Any, order: Sequence[int]) -> Any:
    """A numpy array, or a tensor (or what stands for one in a forward), with its dimensions in another order."""
    return x.permute(*order) if hasattr(x, "permute") else x.transpose(order)


def permuted(*order: int) -> tuple[Callable, Callable]:
    """Translations for a weight whose parameter has its dimensions in the given order."""
    back = sorted(range(len(order)), key=order.__getitem__)
    return (lambda x: [permute(x, order)]), (lambda parts: permute(parts[0], back))


@dataclass
class Weight:
    """A Keras variable and the parameters (or buffers) of a module that hold its value.

    Attributes:
        variable: The variable.
        names: Dotted names below the module.
        to_native, from_native: Translate numpy arrays and tensors alike from Keras's layout to a list of parts, and back.
    """

    variable: Variable
    names: Sequence[str]
    to_native: Callable[[Any], list[Any]] = same
    from_native: Callable[[Sequence[Any]], Any] = first


@dataclass
class Native:
    """A layer as a module of torch's.

    Attributes:
        module: The module. Its forward takes the layer's inputs, and by keyword what `keywords` names.
        weights: Where the layer's variables live in it.
        channels_first: The module takes and gives (batch, channels, ...) where the layer has (batch, ..., channels).
        elementwise: The module works on any layout.
        takes: "float" casts other inputs to the layer's compute dtype first, "int" casts floats to int32, None casts nothing.
        then: A function over ops (the activation), applied to the output.
        keywords: Keyword arguments of the call that the module takes too.
        given: Whether the module is the user's own: it is copied where its parameters are not to be the variables' home, and
            outside of a model the layer's `call` runs it.
    """

    module: nn.Module
    weights: list[Weight] = field(default_factory=list)
    channels_first: bool = False
    elementwise: bool = False
    takes: str | None = "float"
    then: Callable | None = None
    keywords: tuple[str, ...] = ()
    given: bool = False


class ParameterHome(Home):
    """A variable at home in parameters or buffers of a module."""

    def __init__(self, backend: Any, module: nn.Module, weight: Weight):
        self.backend, self.module, self.weight = backend, module, weight
        self.slots = [_owner(module, n) for n in weight.names]
        self.plain = weight.from_native is first

    @property
    def parameters(self) -> list[torch.Tensor]:
        """The parameters or buffers, as they are now."""
        return [getattr(owner, name) for owner, name in self.slots]

    def to_native(self, value: Any) -> list[Any]:
        """A value in Keras's layout as parts in the parameters' layout."""
        return self.weight.to_native(value)

    def from_native(self, parts: Sequence[Any]) -> Any:
        """Parts in the parameters' layout as one value in Keras's."""
        return self.weight.from_native(parts)

    def tensor(self) -> torch.Tensor:
        if self.plain:
            owner, name = self.slots[0]
            return getattr(owner, name)
        return self.weight.from_native(self.parameters)

    def snapshot(self) -> torch.Tensor:
        return self.tensor().detach().clone()

    def gradient(self) -> torch.Tensor | None:
        """The gradient in Keras's layout; None where there is none."""
        grads = [p.grad for p in self.parameters]
        if any(g is None for g in grads):
            return None
        return self.weight.from_native(grads)

    def numpy(self) -> Any:
        with torch.no_grad():
            return self.backend.numpy(self.tensor().clone())

    def view(self) -> Any:
        with torch.no_grad():
            return self.backend.numpy(self.tensor())

    def write(self, value: Any) -> None:
        with torch.no_grad():
            if not isinstance(value, torch.Tensor):
                value = self.backend.convert(value, alias=True)
            for p, part in zip(self.parameters, self.weight.to_native(value.detach()), strict=True):
                p.copy_(part)

    def add(self, value: Any, times: float = 1) -> None:
        with torch.no_grad():
            if not isinstance(value, torch.Tensor):
                torch._foreach_add_(self.parameters, value * times)
                return
            for p, part in zip(self.parameters, self.weight.to_native(value), strict=True):
                p.add_(part, alpha=times)

    def train(self, flag: bool) -> None:
        for p in self.parameters:
            if isinstance(p, nn.Parameter):
                p.requires_grad_(flag)

    def like(self, fill: float = 0.0) -> "ParameterHome":
        """A home of the same layout with tensors of its own, filled with a number."""
        holder = nn.Module()
        names = []
        for i, p in enumerate(self.parameters):
            holder.register_buffer(f"slot{i}", torch.full_like(p, fill, requires_grad=False))
            names.append(f"slot{i}")
        return ParameterHome(
            self.backend, holder, Weight(self.weight.variable, names, self.weight.to_native, self.weight.from_native)
        )


def _owner(module: nn.Module, dotted: str) -> tuple[nn.Module, str]:
    *path, name = dotted.split(".")
    for part in path:
        module = getattr(module, part)
    return module, name


def place(backend: Any, module: nn.Module, weights: Sequence[Weight], adopt: bool) -> None:
    """Fills the parameters with the variables' values; `adopt` makes them the variables' home."""
    for w in weights:
        value = backend.convert(w.variable.view(), alias=True)
        with torch.no_grad():
            for (owner, name), part in zip([_owner(module, n) for n in w.names], w.to_native(value), strict=True):
                target = getattr(owner, name)
                target.copy_(part)
        if adopt:
            w.variable.move(ParameterHome(backend, module, w))


def hold(variables: Sequence[Variable], device: Any, dtype_of: Callable[[str], torch.dtype]) -> tuple[nn.Module, list[Weight]]:
    """A bare module with one parameter (or buffer) per variable, for layers without a module of torch's own."""
    module, weights, used = nn.Module(), [], set()
    for v in variables:
        name = base = v.name.replace(".", "_")
        n = 1
        while name in used:
            name, n = f"{base}_{n}", n + 1
        used.add(name)
        register(module, name, v, torch.empty(v.shape, dtype=dtype_of(v.dtype), device=device))
        weights.append(Weight(v, [name]))
    return module, weights


def expose(module: nn.Module, name: str, tensor: torch.Tensor) -> None:
    """Registers a tensor that exists already under a name of a module."""
    if isinstance(tensor, nn.Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def register(module: nn.Module, name: str, variable: Variable, value: torch.Tensor) -> None:
    """Registers a tensor as a parameter where optimizers may ever update the variable, else as a buffer."""
    if value.is_floating_point() and getattr(variable, "learnable", variable.trainable):
        module.register_parameter(name, nn.Parameter(value, requires_grad=variable.trainable))
    else:
        module.register_buffer(name, value)
