"""What layers around SavedModels and modules need."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from kerastorch.backends.tensorflow import tensors
from kerastorch.backends.tensorflow.homes import VariableHome
from kerastorch.variable import Variable


def load(path: str) -> Any:
    """What a folder with a SavedModel holds."""
    return tf.saved_model.load(path)


def is_module(x: Any) -> bool:
    """Whether something is a module of TensorFlow's."""
    return isinstance(x, tf.Module)


def variables_of(backend: Any, loaded: Any, functions: Sequence[Any], trainable: bool) -> list[Variable]:
    """A variable at home in each tf.Variable of a SavedModel or module, or of its functions where it lists none; learned first."""
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
