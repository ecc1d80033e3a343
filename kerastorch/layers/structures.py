"""Nests of tensors and shapes, as layers are given and give them."""

from collections.abc import Callable, Iterator
from typing import Any

from kerastorch import backend_registry, dtypes, tree
from kerastorch.graph import KerasTensor
from kerastorch.op import shape_of
from kerastorch.variable import Variable

NESTS = (list, tuple, set, dict)
TEXT = ("S", "U", "O", "T")  # kinds of numpy dtypes that hold text


def found_in(value: Any, kind: Any, around: tuple = ()) -> Iterator[Any]:
    """The objects of a kind in a value: itself, or members of lists, tuples, sets and dicts (`around` are those entered)."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, NESTS) and not any(value is x for x in around):
        for x in value.values() if isinstance(value, dict) else value:
            yield from found_in(x, kind, (*around, value))


def mapped(f: Callable, structure: Any) -> Any:
    """A nest with each leaf the result of `f` on it."""
    return tree.map_structure(f, structure) if isinstance(structure, list | tuple | dict) else f(structure)


def has_tensor(x: Any) -> bool:
    """Whether there is anything of a tensor's kind in a nest."""
    leaves = tree.leaves(x) if isinstance(x, list | tuple | dict) else (x,)
    return any(
        isinstance(v, KerasTensor | Variable) or backend_registry.of(v) is not None or hasattr(v, "__array__") for v in leaves
    )


def shown_shapes(args: tuple) -> str:
    """The shapes of a call's arguments, for messages."""
    return ", ".join(str(mapped(shape_of, a)) for a in args)


def as_tensors(backend: Any, value: Any) -> Any:
    """Arrays, lists of numbers and other frameworks' tensors as tensors of `backend`; text stays an array where it has to."""
    if backend_registry.of(value) is backend or value is None or isinstance(value, Variable):
        return value
    if isinstance(value, dict):
        return {k: as_tensors(backend, v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        if value and all(isinstance(v, bool | int | float) or isinstance(v, list) and not has_tensor(v) for v in value):
            return backend.convert(value)
        made = [as_tensors(backend, v) for v in value]
        return type(value)(*made) if hasattr(value, "_fields") else type(value)(made)
    if backend_registry.of(value) is not None:
        return backend.convert(backend_registry.of(value).numpy(value))  # type: ignore[union-attr]
    if hasattr(value, "__array__"):
        kind = getattr(getattr(value, "dtype", None), "kind", "")
        if kind in TEXT and "text" not in backend.also_holds:
            return value
        return backend.convert(value, dtypes.floatx() if kind == "f" else None)
    return value


def spec_like(backend: Any, x: Any) -> Any:
    """A KerasTensor like a real tensor, its first dimension open."""
    return KerasTensor((None, *backend.shape(x)[1:]), backend.dtype(x)) if backend.is_tensor(x) and backend.shape(x) else x


def fresh(out: Any) -> Any:
    """KerasTensors of their own in place of those that an inner record made, and of tensors and Variables that a layer gives."""

    def like(t: Any) -> Any:
        if isinstance(t, KerasTensor | Variable):
            return KerasTensor(t.shape, t.dtype, sparse=getattr(t, "sparse", False))
        owner = backend_registry.of(t)
        return t if owner is None else KerasTensor(owner.shape(t), owner.dtype(t))

    return mapped(like, out)


def is_shape(x: Any) -> bool:
    """Whether `x` is one shape rather than a nest of them."""
    return isinstance(x, list | tuple) and all(d is None or hasattr(d, "__index__") for d in x)


def tree_of_shapes(x: Any) -> Any:
    """A nest of shapes (lists as they come from JSON included) with each shape a tuple."""
    if is_shape(x):
        return tuple(x)
    if isinstance(x, dict):
        return {k: tree_of_shapes(v) for k, v in x.items()}
    return type(x)(tree_of_shapes(v) for v in x) if isinstance(x, list | tuple) else x


def tensors_of_shapes(x: Any, dtype: str) -> Any:
    """KerasTensors of a nest of shapes."""
    if is_shape(x):
        return KerasTensor(x, dtype)
    if isinstance(x, dict):
        return {k: tensors_of_shapes(v, dtype) for k, v in x.items()}
    return type(x)(tensors_of_shapes(v, dtype) for v in x) if isinstance(x, list | tuple) else x


def given_input_shape(kwargs: dict[str, Any]) -> tuple | None:
    """The batch shape that old-style constructor arguments of a first layer name."""
    for key in ("batch_input_shape", "batch_shape"):
        if kwargs.get(key) is not None:
            return tuple(kwargs[key])
    if kwargs.get("input_shape") is not None:
        shape = kwargs["input_shape"]
        return (kwargs.get("batch_size"), *((shape,) if isinstance(shape, int) else shape))
    if kwargs.get("input_dim") is not None:
        length = (kwargs["input_length"],) if "input_length" in kwargs else ()
        return (kwargs.get("batch_size"), *length, kwargs["input_dim"])
    if kwargs.get("input_length") is not None:
        return (kwargs.get("batch_size"), kwargs["input_length"])
    return None
