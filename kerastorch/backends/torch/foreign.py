"""What layers around a user's torch modules need."""

import base64
import io
from typing import Any

import torch
from torch import nn

from kerastorch.backends.torch import tensors
from kerastorch.backends.torch.native import ParameterHome, Weight
from kerastorch.variable import Variable


def is_module(x: Any) -> bool:
    """Whether `x` is a module of torch's."""
    return isinstance(x, nn.Module)


def settle(backend: Any, module: nn.Module) -> dict[str, Variable]:
    """Moves a module to the current device; by name, a variable at home in each of its parameters."""
    module.to(tensors.current_device())
    found = {}
    for name, p in module.named_parameters():
        v = found[name] = Variable(
            lambda shape, dtype, p=p: p.detach().cpu().numpy(), tuple(p.shape), tensors.dtype(p), trainable=p.requires_grad,
            autocast=False, name=name.replace(".", "_"),
        )  # fmt: skip
        v.move(ParameterHome(backend, module, Weight(v, [name])))
    return found


def dump(module: nn.Module) -> str:
    """A module as text: what torch.save gives, in base 64."""
    file = io.BytesIO()
    torch.save(module, file)
    return base64.b64encode(file.getvalue()).decode()


def load(text: str) -> nn.Module:
    """The module of such a text. Reading it may run any code, so it must come from somebody trusted."""
    return torch.load(io.BytesIO(base64.b64decode(text)), weights_only=False, map_location=tensors.current_device())
