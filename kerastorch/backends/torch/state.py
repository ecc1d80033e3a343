"""A model's weights under the names that its torch module gives them, as arrays."""

from collections.abc import Mapping
from typing import Any

import torch

from kerastorch.backends.torch import tensors
from kerastorch.errors import near


def state(backend: Any, model: Any) -> dict[str, Any]:
    """The module's `state_dict` as numpy arrays."""
    return {name: tensors.numpy(value) for name, value in backend.module(model).state_dict().items()}


def set_state(backend: Any, model: Any, arrays: Mapping[str, Any]) -> None:
    """Sets a model's weights from such arrays; nothing is changed where any does not fit.

    Args:
        backend: The backend.
        model: The model.
        arrays: Arrays of a file by name, each with `shape`, `dtype`, `read()` and `read_into(bytes)`.

    Raises:
        ValueError: If names or shapes differ from the module's.
    """
    module = backend.module(model)
    wanted = module.state_dict()
    problems = [f"{n} is missing" for n in wanted.keys() - arrays.keys()]
    problems += [f"{n} has no place.{near(n, wanted)}" for n in arrays.keys() - wanted.keys()]
    problems += [
        f"{n} has shape {tuple(a.shape)}, but the model needs {tuple(wanted[n].shape)}"
        for n, a in arrays.items()
        if n in wanted and tuple(a.shape) != tuple(wanted[n].shape)
    ]
    if problems:
        raise ValueError(f"the weights do not fit model {model.name!r}: {'; '.join(sorted(problems)[:5])}")
    with torch.no_grad():
        for name, value in wanted.items():
            stored = arrays[name]
            if value.is_contiguous() and value.device.type == "cpu" and stored.dtype == tensors.dtype(value):
                stored.read_into(value.reshape(-1).view(torch.uint8).numpy())
            else:
                value.copy_(tensors.convert(stored.read(), alias=True))
