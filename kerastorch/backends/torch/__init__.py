"""The torch backend: its tables, and the verbs that run them."""

import contextlib
import functools
from typing import Any

import torch

from kerastorch.backend_registry import Backend
from kerastorch.backends.torch import calls, tensors
from kerastorch.backends.torch.ops import SCALARS, TABLE, TRAILING_SCALARS, WIDER


class TorchBackend(Backend):
    """Runs kerastorch on PyTorch."""

    name = "torch"
    packages = ("torch",)
    ops = TABLE
    scalars = frozenset(SCALARS)
    trailing_scalars = frozenset(TRAILING_SCALARS)
    wider = tensors.WIDER
    wider_for = WIDER
    readers = tensors.READERS
    layer_attributes = frozenset((
        "parameters", "named_parameters", "buffers", "named_buffers", "modules", "named_modules", "children", "named_children",
        "state_dict", "load_state_dict", "zero_grad", "requires_grad_", "to", "cuda", "cpu", "train", "eval",
        "register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook",
    ))  # fmt: skip
    variable_attributes = frozenset(("grad", "requires_grad", "device", "detach", "data"))

    is_tensor = staticmethod(tensors.is_tensor)
    is_constant = staticmethod(tensors.is_constant)
    convert = staticmethod(tensors.convert)
    cast = staticmethod(tensors.cast)
    numpy = staticmethod(tensors.numpy)
    dtype = staticmethod(tensors.dtype)
    shape = staticmethod(tensors.shape)
    devices = staticmethod(tensors.devices)
    current_device = staticmethod(tensors.current_device)
    on_device = staticmethod(tensors.on_device)
    seed = staticmethod(tensors.seed)
    no_gradient = staticmethod(tensors.no_gradient)
    gather = staticmethod(tensors.gather)
    remat = staticmethod(tensors.remat)

    # What lowers layers is imported when the first one is lowered: ops alone do not need it.

    @functools.cached_property
    def layers(self) -> Any:  # type: ignore[override]
        from kerastorch.backends.torch.layers import LAYERS

        return LAYERS

    @functools.cached_property
    def fused(self) -> Any:  # type: ignore[override]
        from kerastorch.backends.torch.optimizers import FUSED

        return FUSED

    @functools.cached_property
    def foreign(self) -> Any:  # type: ignore[override]
        from kerastorch.backends.torch import foreign

        return foreign

    @functools.cached_property
    def exports(self) -> Any:  # type: ignore[override]
        from kerastorch.backends.torch import export

        return export.EXPORTS

    @functools.cached_property
    def datasets(self) -> Any:  # type: ignore[override]
        from kerastorch.backends.torch import datasets

        return datasets

    def module_layer(self, x: Any) -> Any:
        return calls.layer_around(x) if isinstance(x, torch.nn.Module) else None

    def adopt(self, variable: Any) -> None:
        from kerastorch.backends.torch import running

        running.adopt(self, variable)

    def with_gradient(self, variable: Any, value: torch.Tensor) -> torch.Tensor:
        parameters = variable.home.parameters
        if len(parameters) != 1 or parameters[0] is not value:
            # A view of the parameter in Keras's layout: its gradient is the parameter's, seen the same way.
            gradient = variable.home.gradient()
            if gradient is not None:
                value.grad = gradient.to(value.dtype)
        return value

    def runner(self, layer: Any) -> Any:
        from kerastorch.backends.torch import running

        return running.runner(self, layer)

    def lower(self, model: Any, adopt: bool = False) -> Any:
        from kerastorch.backends.torch import running

        return running.lower(self, model, adopt)

    def module(self, layer: Any) -> Any:
        from kerastorch.backends.torch import running

        return running.module(self, layer)

    def state(self, model: Any) -> dict[str, Any]:
        """A model's weights as arrays under the names of its module's parameters and buffers."""
        from kerastorch.backends.torch import state

        return state.state(self, model)

    def set_state(self, model: Any, arrays: Any) -> None:
        """Sets a model's weights from such arrays; nothing is changed where any does not fit."""
        from kerastorch.backends.torch import state

        state.set_state(self, model, arrays)

    def steps(self, model: Any) -> Any:
        from kerastorch.backends.torch.steps import TorchSteps

        return TorchSteps(self, model)

    def updates(self, optimizer: Any, variables: list[Any]) -> Any:
        from kerastorch.backends.torch import optimizers

        return optimizers.updates(optimizer, variables)

    def optimizer(self, given: Any) -> Any:
        """An optimizer of torch's own, where that was given; None otherwise."""
        return given if type(given).__module__.startswith("torch.optim") else None

    def value_and_gradients(self, function: Any, variables: Any) -> tuple[Any, list[Any]]:
        values = [v.tensor(self) for v in variables]
        with torch.enable_grad():
            result = function()
        loss = result[0] if isinstance(result, tuple) else result
        parameters = [p for v in variables for p in v.home.parameters]
        found = iter(torch.autograd.grad(loss, parameters, allow_unused=True))
        gradients = []
        for v, value in zip(variables, values, strict=True):
            parts = [next(found) for _ in v.home.parameters]
            gradients.append(torch.zeros_like(value) if any(p is None for p in parts) else v.home.from_native(parts))
        return result, gradients

    def random_state(self) -> list[str]:
        found = [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else ())]
        return [state.numpy().tobytes().hex() for state in found]

    def restore_random_state(self, state: list[str]) -> None:
        host, *cards = (torch.frombuffer(bytearray.fromhex(s), dtype=torch.uint8) for s in state)
        torch.set_rng_state(host)
        if cards:
            torch.cuda.set_rng_state_all(cards)

    def profile(self, folder: str) -> Any:
        return torch.profiler.profile(on_trace_ready=torch.profiler.tensorboard_trace_handler(folder))

    @contextlib.contextmanager
    def inference(self) -> Any:
        """As `no_gradient`."""
        with torch.no_grad():
            yield


backend = TorchBackend()
"""The one instance."""
calls.watch()
