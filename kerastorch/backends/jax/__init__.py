"""JAX as a guest of TensorFlow: no backend, but what layers around JAX functions need, which run there by jax2tf."""

import inspect
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.experimental import jax2tf

from kerastorch import tree
from kerastorch.op import shape_of


def flatten(nest: Any) -> tuple[list[Any], Any]:
    """The leaves of a pytree, and its structure."""
    return jax.tree_util.tree_flatten(nest)


def initial(function: Callable, inputs: Any, seed: int, **given: Any) -> Any:
    """What a function makes of ones of the inputs' shapes (1 for what is not known), as numpy arrays."""
    ones = jax.tree_util.tree_map(lambda t: jax.numpy.ones([1 if d is None else d for d in t.shape], t.dtype), inputs)
    known = {"rng": jax.random.key(seed), "inputs": ones, **given}
    made = function(**{name: known[name] for name in inspect.signature(function).parameters})
    return jax.tree_util.tree_map(lambda x: x.__array__() if hasattr(x, "__array__") else x, made)


def convert(function: Callable, arguments: Sequence[Any], platforms: Any = None) -> Callable:
    """A function on nests of arrays as one on nests of TensorFlow's tensors, of unknown sizes where `arguments` have such."""
    numbers = itertools.count()

    def shape(x: Any) -> str | None:
        known = shape_of(x)
        if None not in known:
            return None
        names = ("batch" if i == 0 else f"d{next(numbers)}" for i in range(len(known)))
        return f"({', '.join(name if size is None else str(size) for name, size in zip(names, known, strict=True))})"

    shapes = [tree.map_structure(shape, a) for a in arguments]
    return jax2tf.convert(function, polymorphic_shapes=shapes, native_serialization_platforms=platforms)


def key(words: Any) -> Any:
    """Inside a converted function: a random key from the two words of a seed."""
    return jax.random.fold_in(jax.random.key(words[0]), words[1])
