"""What torch does with single tensors: recognise, make, cast, read, place."""

import contextlib
import functools
import operator
import threading
from collections.abc import Callable, Iterator
from typing import Any

import ml_dtypes as ml_dtypes  # from which numpy knows bfloat16 and float8 by name
import numpy as np
import torch
import torch.utils.checkpoint

from kerastorch import backend_registry, dtypes, tree
from kerastorch import op as declarations
from kerastorch.graph import KerasTensor
from kerastorch.variable import Variable, numpy_dtype

DTYPES: dict[str, torch.dtype] = {name: getattr(torch, name) for name in dtypes.ALLOWED if name != "string"}
NAMES: dict[torch.dtype, str] = {framework: name for name, framework in DTYPES.items()}

# numpy cannot name these, so their bits travel as an integer type of the same width.
BITS = {"bfloat16": "int16", "float8_e4m3fn": "uint8", "float8_e5m2": "uint8"}

# torch stores these but has hardly a kernel for them.
WIDER = {"uint16": "int32", "uint32": "int64", "uint64": "int64"}

# What stands for numbers while torch records a program: sizes are as wide as torch's own.
SYMBOLS = {torch.SymInt: "int64", torch.SymFloat: None, torch.SymBool: "bool"}

READERS = dict.fromkeys((torch.Tensor, torch.nn.Parameter), operator.attrgetter("dtype"))

_placement = threading.local()


def is_tensor(x: Any) -> bool:
    """Whether `x` is a torch tensor."""
    return isinstance(x, torch.Tensor)


def is_constant(x: torch.Tensor) -> bool:
    """Whether a tensor is nothing but its values."""
    return type(x) is torch.Tensor and x.layout is torch.strided and not x.requires_grad


def dtype(x: torch.Tensor) -> str:
    """A tensor's dtype by Keras's name."""
    return NAMES[x.dtype]


def shape(x: torch.Tensor) -> tuple[int, ...]:
    """A tensor's shape."""
    return tuple(x.shape)


def native_dtype(name: str | None) -> torch.dtype:
    """The torch dtype of a name in any spelling; None is floatx.

    Raises:
        ValueError: For dtypes that torch has no tensors of.
    """
    name = dtypes.standardize(name)
    if name not in DTYPES:
        raise ValueError(f"torch has no tensors of dtype {name!r}")
    return DTYPES[name]


def convert(x: Any, dtype: str | None = None, alias: bool = False) -> torch.Tensor:
    """A number, nest, array or tensor as a tensor on the current device.

    Args:
        x: What is converted. Arrays keep their dtype; Python numbers take int32, floatx, bool or complex64.
        dtype: Dtype of the result; None keeps or infers it.
        alias: Whether an array on the host may share its memory with the result, instead of being copied.
    """
    place = current_device()
    if isinstance(x, torch.Tensor):
        x = x if x.device == place else x.to(place)
        return x if dtype is None else cast(x, dtype)
    if isinstance(x, Variable):
        return convert(x.tensor(backend_registry.get("torch")), dtype)
    if isinstance(x, KerasTensor):
        raise ValueError(f"{x} is symbolic and has no values to convert to a torch tensor")
    wanted = None if dtype is None else native_dtype(dtype)
    if type(x) is np.ndarray:  # as most are, so it is asked first
        result = _from_array(x, place, alias)
        return result if wanted is None or result.dtype == wanted else result.to(wanted)
    scalar = dtypes.of_python(x)
    if scalar is not None:
        return torch.tensor(x, dtype=wanted or native_dtype(dtypes.concrete(scalar)), device=place)
    if type(x) in SYMBOLS:
        return torch.as_tensor(x, dtype=wanted or native_dtype(SYMBOLS[type(x)]), device=place)
    if isinstance(x, list | tuple):
        if declarations.holds_tensors(x) or any(type(item) in SYMBOLS for item in tree.leaves(x)):
            return torch.stack([convert(item, dtype) for item in x])
        wanted = wanted or native_dtype(declarations.dtype_of(x))
    foreign = backend_registry.of(x)
    array = np.asarray(x) if foreign is None else foreign.numpy(x)
    result = _from_array(array, place, alias)
    return result if wanted is None or result.dtype == wanted else result.to(wanted)


def _from_array(array: np.ndarray, place: torch.device, alias: bool) -> torch.Tensor:
    name = dtypes.standardize(array.dtype)
    bits = BITS.get(name)
    if bits is not None:
        array = array.view(bits)
    shared = alias and array.flags.writeable and array.flags.aligned and all(step >= 0 for step in array.strides)
    if shared:
        result = torch.from_numpy(array).to(place)
    elif name in DTYPES:
        result = torch.from_numpy(array.copy()).to(place)  # a copy has no negative strides, which torch cannot take
    else:
        raise ValueError(f"torch has no tensors of dtype {name!r} (an array of shape {array.shape} was given)")
    return result if bits is None else result.view(DTYPES[name])


def cast(x: torch.Tensor, dtype: str) -> torch.Tensor:
    """A tensor in another dtype; complex numbers lose their imaginary part where the dtype is real."""
    wanted = DTYPES.get(dtype) or native_dtype(dtype)
    if x.is_complex() and not wanted.is_complex:
        x = x.real
    return x.to(wanted)


def numpy(x: torch.Tensor) -> np.ndarray:
    """A tensor as a numpy array, which shares memory where the tensor lies on the host."""
    x = x.detach().cpu().resolve_conj().resolve_neg()
    name = NAMES[x.dtype]
    if name in BITS:
        return x.contiguous().view(DTYPES[BITS[name]]).numpy().view(numpy_dtype(name))
    return x.numpy()


# ------------------------------------------------------------------------------------------------ devices


def native_device(name: str) -> torch.device:
    """The torch device of a name such as "gpu:0", "cuda", "cpu" or "mps"."""
    return torch.device(name.lower().replace("gpu", "cuda"))


def devices() -> list[str]:
    """The devices at hand by Keras's names."""
    found = [f"gpu:{i}" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps:0")
    return [*found, "cpu:0"]


_default: torch.device | None = None


def current_device() -> torch.device:
    """Where new tensors are put: the innermost `on_device`, else the first CUDA device, else the host."""
    global _default
    stack = getattr(_placement, "stack", None)
    if stack:
        return stack[-1]
    if _default is None:
        _default = (
            torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")
        )
    return _default


@contextlib.contextmanager
def on_device(name: str) -> Iterator[torch.device]:
    """New tensors are put on this device inside."""
    stack = _placement.__dict__.setdefault("stack", [])
    stack.append(native_device(name))
    try:
        yield stack[-1]
    finally:
        stack.pop()


# ------------------------------------------------------------------------------------------------ running


def seed(value: int) -> None:
    """Seeds torch's generators on all devices."""
    torch.manual_seed(value)


def no_gradient() -> contextlib.AbstractContextManager[Any]:
    """A context in which autograd records nothing."""
    return torch.no_grad()


def remat(function: Callable) -> Callable:
    """A function that computes its intermediate results again in the backward pass."""
    return functools.partial(torch.utils.checkpoint.checkpoint, function, use_reentrant=False)


def gather(tensor: torch.Tensor, index_array: Any) -> torch.Tensor:
    """The rows of a tensor that an integer array names."""
    return tensor.index_select(0, torch.as_tensor(index_array, device=tensor.device))
