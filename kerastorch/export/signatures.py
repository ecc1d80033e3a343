"""What an exported function takes: nests of KerasTensors, one for each argument."""

from typing import Any

from kerastorch import dtypes, tree
from kerastorch.errors import NotBuilt
from kerastorch.graph import KerasTensor
from kerastorch.layers.structures import mapped
from kerastorch.op import dtype_of


def standardize(signature: Any) -> tuple[Any, ...]:
    """The arguments that a signature stands for.

    Args:
        signature: A list or tuple with a nest for each argument, of `InputSpec`, KerasTensor, `tf.TensorSpec` or tensors.

    Raises:
        TypeError: If it holds anything else.
    """
    given = signature if isinstance(signature, list | tuple) else (signature,)
    return tuple(tree.map_structure(_symbol, a) for a in given)


def of_model(model: Any, given: Any) -> tuple[Any, ...]:
    """The arguments of a model's `call`: those given, else those it was recorded or first called with, for any batch size.

    Raises:
        ValueError: If no signature is given and the model is not built.
    """
    if given is not None:
        return standardize(given)
    if not model.built:
        raise NotBuilt(f"model {model.name!r}: The layer provided has not yet been built. It must be built before export: call it "
                       "on data or build(input_shape), or give an input_signature")  # fmt: skip
    if model.graph is not None:
        return standardize([model.input])
    called = model._state.called_with
    if called is None:
        raise NotBuilt(f"model {model.name!r}: The model provided has never called, so what it takes is not known. It must be "
                       "called at least once before export, or an input_signature given")  # fmt: skip
    return standardize([mapped(lambda t: KerasTensor((None, *t.shape[1:]), t.dtype, name=t.name), a) for a in called])


def shown(args: tuple[Any, ...]) -> str:
    """Shapes and dtypes as text."""
    return ", ".join(str(tree.map_structure(lambda t: f"{t.dtype}{list(t.shape)}", a)) for a in args)


def _symbol(x: Any) -> KerasTensor | None:
    if x is None or isinstance(x, KerasTensor):
        return x
    shape = getattr(x, "shape", None)
    if shape is None:
        raise TypeError(f"input_signature: Unsupported x={x!r} of the type {type(x).__name__}; a shape and a dtype are needed, as "
                        "of an InputSpec, a KerasTensor, a tf.TensorSpec or a tensor")  # fmt: skip
    name = getattr(x, "name", None)
    dtype = dtype_of(x) or dtypes.standardize(x.dtype or dtypes.floatx())
    return KerasTensor(tuple(shape), dtype, **({"name": name.partition(":")[0]} if isinstance(name, str) else {}))
