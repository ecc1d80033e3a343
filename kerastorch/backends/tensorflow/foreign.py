"""What layers around SavedModels and JAX functions need; JAX functions run on TensorFlow by jax2tf."""

import inspect
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from kerastorch.backends.tensorflow import tensors
from kerastorch.backends.tensorflow.homes import VariableHome
from kerastorch.variable import Variable


def load(path: str) -> Any:
    """What a folder with a SavedModel holds."""
    return tf.saved_model.load(path)


def variables_of(backend: Any, loaded: Any, functions: Sequence[Any], trainable: bool) -> list[Variable]:
    """A variable at home in each tf.Variable of a SavedModel (or, where it lists none, of functions of it), learned ones first."""
    concrete = [c for f in functions for c in getattr(f, "concrete_functions", [f])]
    holders = [loaded] if hasattr(loaded, "variables") else concrete
    learned = {id(v): v for h in holders for v in h.trainable_variables}
    every = learned | {id(v): v for h in holders for v in h.variables}
    found = []
    for key, value in every.items():
        name = value.name.partition(":")[0].rpartition("/")[2]
        v = Variable(lambda shape, dtype, value=value: value.numpy(), tuple(value.shape), tensors.dtype(value),
                     trainable=trainable and key in learned, autocast=False, name=name)  # fmt: skip
        v.move(VariableHome(backend, value))
        found.append(v)
    return found


# ------------------------------------------------------------------------------------------------ JAX


def flatten(nest: Any) -> tuple[list[Any], Any]:
    """The leaves of a JAX pytree, and its structure."""
    import jax

    return jax.tree_util.tree_flatten(nest)


def initial(function: Callable, inputs: Any, seed: int, **given: Any) -> Any:
    """What a JAX function makes of ones of the inputs' shapes (1 for what is not known), as numpy arrays."""
    import jax

    ones = jax.tree_util.tree_map(lambda t: jax.numpy.ones([1 if d is None else d for d in t.shape], t.dtype), inputs)
    known = {"rng": jax.random.key(seed), "inputs": ones, **given}
    made = function(**{name: known[name] for name in inspect.signature(function).parameters})
    return jax.tree_util.tree_map(lambda x: x.__array__() if hasattr(x, "__array__") else x, made)


def convert(function: Callable, arguments: Sequence[Any], platforms: Any = None) -> Callable:
    """A JAX function on nests of arrays as one on nests of tensors, which may have unknown sizes where `arguments` do."""
    from jax.experimental import jax2tf

    numbers = itertools.count()

    def shape(x: Any) -> str | None:
        known = tensors.shape(x)
        if None not in known:
            return None
        names = ("batch" if i == 0 else f"d{next(numbers)}" for i in range(len(known)))
        return f"({', '.join(name if size is None else str(size) for name, size in zip(names, known, strict=True))})"

    shapes = [tf.nest.map_structure(shape, a) for a in arguments]
    return jax2tf.convert(function, polymorphic_shapes=shapes, native_serialization_platforms=platforms)


def key(words: Any) -> Any:
    """Inside a converted function: a JAX random key from the two words of a seed."""
    import jax

    return jax.random.fold_in(jax.random.key(words[0]), words[1])
