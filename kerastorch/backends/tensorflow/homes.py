"""Where variables live on TensorFlow: each in a tf.Variable, in Keras's layout."""

from typing import Any

import numpy as np
import tensorflow as tf

from kerastorch import backend_registry
from kerastorch.variable import Home, Variable


class VariableHome(Home):
    """A variable at home in a tf.Variable.

    Args:
        backend: The TensorFlow backend.
        variable: The tf.Variable.
    """

    def __init__(self, backend: Any, variable: tf.Variable):
        self.backend, self.variable = backend, variable
        # TensorFlow's own mark for what stands for a variable. Ours borrows it by `variable_attributes`, and with it tapes
        # take a kerastorch Variable among their sources.
        variable._should_act_as_resource_variable = True

    def tensor(self) -> tf.Tensor:
        return self.variable.value()

    def numpy(self) -> np.ndarray:
        with tf.init_scope():  # the value of now, even where a function is being traced
            return np.array(self.variable)

    def view(self) -> np.ndarray:
        with tf.init_scope():
            return self.backend.numpy(self.variable.value())

    def write(self, value: Any) -> None:
        self.variable.assign(self._like_ours(value))

    def add(self, value: Any, times: float = 1) -> None:
        if isinstance(value, tf.IndexedSlices):
            rows = value if times == 1 else tf.IndexedSlices(value.values * times, value.indices, value.dense_shape)
            self.variable.scatter_add(self._like_ours(rows))
            return
        change = self._like_ours(value)
        self.variable.assign_add(tf.broadcast_to(change if times == 1 else change * self._like_ours(times), self.variable.shape))

    def _like_ours(self, value: Any) -> tf.Tensor:
        """A value in the variable's dtype."""
        return tf.cast(value, self.variable.dtype)


def make(variable: Variable, name: str | None = None) -> tf.Variable:
    """A tf.Variable with a copy of a variable's value."""
    with tf.init_scope():  # outside of any function that is being traced, which may not make variables
        return tf.Variable(variable.home.numpy(), dtype=variable.dtype, trainable=variable.learnable, name=name or variable.name)


def adopt(backend: Any, variable: Variable) -> None:
    """Moves a variable to a tf.Variable, from the host or from wherever it is at home."""
    variable.move(VariableHome(backend, make(variable)))


def around(backend: Any, own: tf.Variable) -> Variable:
    """The Variable at home in a tf.Variable that somebody else made, the same one each time."""
    if not isinstance(own, tf.Variable):
        raise TypeError(f"{type(own).__name__} is no Variable, and no tf.Variable either: an optimizer cannot update it")
    found = getattr(own, "_kerastorch_variable", None)
    if found is None:
        name = own.name.partition(":")[0].replace("/", "_")
        found = Variable("zeros", tuple(own.shape), backend.dtype(own), trainable=own.trainable, name=name)
        found.move(VariableHome(backend, own))
        own._kerastorch_variable = found
    return found


def to_tensor(variable: Variable, dtype: Any = None, name: str | None = None, as_ref: bool = False) -> tf.Tensor:
    """A variable as TensorFlow's own functions take it."""
    return tf.convert_to_tensor(variable.tensor(backend_registry.get("tensorflow")), dtype=dtype, name=name)


tf.register_tensor_conversion_function(Variable, to_tensor)
