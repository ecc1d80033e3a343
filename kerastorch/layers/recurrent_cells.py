"""The cells of recurrent layers: one step of a recurrence."""

import contextlib
from collections.abc import Iterator

from kerastorch import ops, random, scope, tree
from kerastorch.errors import LayerError
from kerastorch.fields import Activation, Constraint, Count, Field, Initializer, Regularizer, declare
from kerastorch.layers.base import Layer
from kerastorch.layers.calls import specs_of
from kerastorch.op import dtype_of
from kerastorch.saving.objects import deserialize_keras_object, serialize_keras_object
from kerastorch.variable import host_array

WEIGHTS = tuple(
    f"{w}_{kind}" for kind in ("initializer", "regularizer", "constraint") for w in ("kernel", "recurrent", "bias")
)
GATED = ("units", "activation", "recurrent_activation", "use_bias", *WEIGHTS[:3])
DROPPED = ("dropout", "recurrent_dropout")
Fraction = Field(lambda v: min(1.0, max(0.0, v)))


@declare(unlisted=("implementation",))
class DropoutCell(Layer):
    """What the built-in cells share: their fields, their weights, and masks that drop the same units in all steps.

    Args:
        units: Number of units: size of the output and of each state.
        activation: Function of the new output.
        use_bias: Whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: How the weights start; the kernel acts on the
            inputs, the recurrent kernel on the state.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: What is added to the loss for each weight.
        kernel_constraint, recurrent_constraint, bias_constraint: Applied to each weight after an update.
        dropout, recurrent_dropout: Part of the inputs and of the state that is dropped in training.
        seed: Seed of the dropout.
        implementation: 1 drops other inputs for each gate, 2 the same for all; 1 is taken wherever states are dropped.
    """

    units: Count
    activation: Activation = "tanh"
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    recurrent_initializer: Initializer = "orthogonal"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer = None
    recurrent_regularizer: Regularizer = None
    bias_regularizer: Regularizer = None
    kernel_constraint: Constraint = None
    recurrent_constraint: Constraint = None
    bias_constraint: Constraint = None
    dropout: Fraction = 0.0
    recurrent_dropout: Fraction = 0.0
    seed: int | None = None
    implementation: int = 2

    gates = 1

    def __post_init__(self):
        if self.recurrent_dropout:
            self.implementation = 1
        self.seed_generator = random.SeedGenerator(self.seed)
        self.state_size = self.output_size = self.units
        self._masks = {}

    def get_config(self):
        return {k: v for k, v in self.declared_config().items() if k != "implementation"}

    def build(self, input_shape):
        columns = self.gates * self.units
        self.kernel = self._declared_weight("kernel", (input_shape[-1], columns))
        self.recurrent_kernel = self._declared_weight("recurrent_kernel", (self.units, columns), "recurrent")
        self.bias = self._bias((columns,)) if self.use_bias else None

    def _bias(self, shape):
        return self._declared_weight("bias", shape)

    def get_initial_state(self, batch_size=None):
        """The states before the first step: zeros of shape (batch_size, units)."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [ops.zeros((batch_size, size), dtype=self.compute_dtype) for size in sizes]

    # ---------------------------------------------------------------- dropout

    def dropped_shapes(self):
        """The shapes, without the batch axis, of the inputs and of the state that some of is dropped of."""
        return (self.kernel.shape[0],), (self.units,)

    def get_dropout_mask(self, step_input):
        """The factors of the inputs: a tensor like `step_input`, or a list of one for each gate; None where none drop.

        Once drawn they stay the same until `reset_dropout_mask`.
        """
        return self._mask("dropout", step_input)

    def get_recurrent_dropout_mask(self, step_input):
        """The factors of the state, as `get_dropout_mask` gives those of the inputs."""
        return self._mask("recurrent_dropout", step_input)

    def reset_dropout_mask(self):
        """Has the factors of the inputs drawn anew when they are next needed."""
        self._masks.pop("dropout", None)

    def reset_recurrent_dropout_mask(self):
        """Has the factors of the state drawn anew when they are next needed."""
        self._masks.pop("recurrent_dropout", None)

    def _mask(self, kind, like):
        rate = getattr(self, kind)
        if not rate:
            return None
        if kind not in self._masks:
            ones = ops.ones_like(like)
            count = self.gates if self.implementation == 1 else 1
            drawn = [random.dropout(ones, rate, seed=self.seed_generator) for _ in range(count)]
            self._masks[kind] = drawn if count > 1 else drawn[0]
        return self._masks[kind]

    def _dropped(self, x, kind, training):
        """The inputs or the state, less what is dropped: a tensor, or a list of one for each gate."""
        mask = self._mask(kind, x) if training else None
        if isinstance(mask, list):
            return [ops.multiply(x, m) for m in mask]
        return x if mask is None else ops.multiply(x, mask)


@contextlib.contextmanager
def steady_masks(cell, batch_size, training) -> Iterator[None]:
    """Inside, all dropout cells within a cell have their masks drawn, once for all steps.

    Args:
        cell: Any cell.
        batch_size: Size of the batch of the steps to come.
        training: Whether anything is dropped.
    """
    layers = cell._flatten_layers() if training and isinstance(cell, Layer) else []
    cells = [c for c in layers if isinstance(c, DropoutCell)]
    for c in cells:
        inputs, state = ((batch_size, *shape) for shape in c.dropped_shapes())
        if c.dropout:
            c.get_dropout_mask(ops.ones(inputs, dtype=c.compute_dtype))
        if c.recurrent_dropout:
            c.get_recurrent_dropout_mask(ops.ones(state, dtype=c.compute_dtype))
    try:
        yield
    finally:
        for c in cells:
            c.reset_dropout_mask()
            c.reset_recurrent_dropout_mask()


def _product(x, kernel):
    """`x @ kernel`; where `x` is a list, each of its tensors meets its own part of the kernel's columns."""
    if not isinstance(x, list):
        return ops.matmul(x, kernel)
    parts = ops.split(kernel, len(x), axis=1)
    return ops.concatenate([ops.matmul(one, part) for one, part in zip(x, parts, strict=True)], axis=-1)


def _plus(x, bias):
    return x if bias is None else ops.add(x, bias)


def _forgetful(initializer):
    """An initializer of an LSTM's bias that has the forget gate start at 1."""

    def draw(shape, dtype=None):
        import numpy as np

        units = shape[0] // 4
        parts = [initializer((units,), dtype=dtype), np.ones(units), initializer((2 * units,), dtype=dtype)]
        return np.concatenate([host_array(part, dtype) for part in parts])

    return draw


@declare
class SimpleRNNCell(DropoutCell):
    """One step of a simple recurrence: `h' = activation(x @ kernel + h @ recurrent_kernel + bias)`.

    Args:
        units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer,
            recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
            recurrent_dropout, seed: As for all cells.
    """

    def call(self, sequence, states, training=False):
        nested = isinstance(states, list | tuple)
        inputs = self._dropped(sequence, "dropout", training)
        state = self._dropped(states[0] if nested else states, "recurrent_dropout", training)
        h = _plus(ops.matmul(inputs, self.kernel), self.bias)
        output = self.activation(ops.add(h, ops.matmul(state, self.recurrent_kernel)))
        return output, [output] if nested else output


@declare(order=(*GATED, "unit_forget_bias", *WEIGHTS[3:], *DROPPED, "seed", "implementation"))
class LSTMCell(DropoutCell):
    """One step of long short-term memory: gates let the carry c forget, take in and put out.

    With i, f, o = recurrent_activation(...) and g = activation(...) of `x @ kernel + h @ recurrent_kernel + bias`,
    whose columns are those of i, f, g, o in this order: `c' = f * c + i * g` and `h' = o * activation(c')`. The states
        are (h, c).
    Source: Hochreiter and Schmidhuber, Long Short-Term Memory, 1997.

    Args:
        recurrent_activation: Function of the gates.
        unit_forget_bias: Whether the forget gate's bias starts at 1.
        units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer,
            recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
            recurrent_dropout, seed: As for all cells.
    """

    recurrent_activation: Activation = "sigmoid"
    unit_forget_bias: bool = True

    gates = 4

    def __post_init__(self):
        super().__post_init__()
        self.state_size = [self.units, self.units]

    def _bias(self, shape):
        start = _forgetful(self.bias_initializer) if self.unit_forget_bias else self.bias_initializer
        return self.add_weight(
            shape, start, regularizer=self.bias_regularizer, constraint=self.bias_constraint, name="bias"
        )

    def call(self, inputs, states, training=False):
        h, c = states
        x = _product(self._dropped(inputs, "dropout", training), self.kernel)
        h = _product(self._dropped(h, "recurrent_dropout", training), self.recurrent_kernel)
        i, f, g, o = ops.split(_plus(ops.add(x, h), self.bias), 4, axis=-1)
        kept = ops.multiply(self.recurrent_activation(f), c)
        c = ops.add(kept, ops.multiply(self.recurrent_activation(i), self.activation(g)))
        h = ops.multiply(self.recurrent_activation(o), self.activation(c))
        return h, [h, c]


@declare(order=(*GATED, *WEIGHTS[3:], *DROPPED, "reset_after", "seed", "implementation"))
class GRUCell(DropoutCell):
    """One step of a gated recurrent unit: an update gate z and a reset gate r.

    `h' = z * h + (1 - z) * activation(candidate)`; the reset gate multiplies h, or with `reset_after` the product of h
    and the recurrent kernel. Columns of the kernels are those of z, r and the candidate.
    Sources: Cho et al., arXiv:1406.1078, version 3 (`reset_after`) and version 1.

    Args:
        recurrent_activation: Function of the gates.
        reset_after: Whether the reset gate acts after the recurrent product; the bias then has two rows, for inputs and
            state.
        units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer,
            recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
            recurrent_dropout, seed: As for all cells.
    """

    recurrent_activation: Activation = "sigmoid"
    reset_after: bool = True

    gates = 3

    def _bias(self, shape):
        return super()._bias((2, *shape) if self.reset_after else shape)

    def call(self, inputs, states, training=False):
        nested = isinstance(states, list | tuple)
        h = states[0] if nested else states
        for_inputs, for_state = self.bias, None
        if self.use_bias and self.reset_after:
            for_inputs, for_state = ops.unstack(self.bias, 2, axis=0)
        x = _plus(_product(self._dropped(inputs, "dropout", training), self.kernel), for_inputs)
        xz, xr, xc = ops.split(x, 3, axis=-1)
        kept = self._dropped(h, "recurrent_dropout", training)
        if self.reset_after:
            hz, hr, hc = ops.split(_plus(_product(kept, self.recurrent_kernel), for_state), 3, axis=-1)
        else:
            kz, kr, kc = ops.split(self.recurrent_kernel, 3, axis=1)
            to_z, to_r, to_c = kept if isinstance(kept, list) else [kept] * 3
            hz, hr = ops.matmul(to_z, kz), ops.matmul(to_r, kr)
        z, r = self.recurrent_activation(ops.add(xz, hz)), self.recurrent_activation(ops.add(xr, hr))
        candidate = ops.multiply(r, hc) if self.reset_after else ops.matmul(ops.multiply(r, to_c), kc)
        new = self.activation(ops.add(xc, candidate))
        h = ops.add(ops.multiply(z, h), ops.multiply(ops.subtract(1, z), new))
        return h, [h] if nested else h


# ------------------------------------------------------------------------------------------------ any cell


def _checked_cell(cell):
    """Something with a `call` and a `state_size`."""
    for name in ("call", "state_size"):
        if not hasattr(cell, name):
            raise ValueError(f"a cell needs a {name!r}, which {cell!r} does not have")
    return cell


def _parse_cell(value):
    """One cell, from a cell, its configuration, or a list of either."""
    if isinstance(value, list | tuple):
        return StackedRNNCells(value)
    return _checked_cell(deserialize_keras_object(value) if isinstance(value, dict) else value)


def _parse_cells(values):
    return [_parse_cell(v) for v in values]


Cell = Field(_parse_cell, serialize_keras_object)
Cells = Field(_parse_cells, lambda cells: [serialize_keras_object(c) for c in cells])


def run_cell(cell, inputs, states, training):
    """One step of any cell, which may be no layer: the output and the new states, a list."""
    given = {"training": training} if isinstance(cell, Layer) and specs_of(type(cell)).training else {}
    if isinstance(cell, DropoutCell | StackedRNNCells):
        # Not as a layer of its own: it uses masks that were drawn outside of the step, and a step should cost little.
        with scope.autocast(cell._autocast_dtype):
            inputs = inputs if dtype_of(inputs) == cell.compute_dtype else ops.cast(inputs, cell.compute_dtype)
            output, states = cell.call(inputs, states, **given)
    else:
        output, states = cell(inputs, states, **given) if callable(cell) else cell.call(inputs, states, **given)
    return output, list(states) if isinstance(states, list | tuple) else [states]


def output_size_of(cell):
    """The size of a cell's output: what it says, else that of its first state."""
    size = getattr(cell, "output_size", None)
    if size is None:
        size = cell.state_size[0] if isinstance(cell.state_size, list | tuple) else cell.state_size
    if not isinstance(size, int):
        raise LayerError(f"the output_size of the cell {cell!r} must be an integer, not {size!r}")
    return size


def zero_states(cell, batch_size, dtype):
    """The states before the first step, in the structure of the cell's state_size."""
    own = getattr(cell, "get_initial_state", None)
    if own is not None:
        return own(batch_size=batch_size)
    sizes = cell.state_size
    zeros = [ops.zeros((batch_size, size), dtype=dtype) for size in tree.leaves(sizes)]
    return zeros if isinstance(sizes, list | tuple) else zeros[0]


@declare
class StackedRNNCells(Layer):
    """Several cells as one, each taking the output of the one before it.

    Args:
        cells: The cells.
    """

    cells: Cells

    @property
    def state_size(self):
        """The state sizes of the cells."""
        return [c.state_size for c in self.cells]

    @property
    def output_size(self):
        """The output size of the last cell."""
        return output_size_of(self.cells[-1])

    def get_initial_state(self, batch_size=None):
        """The cells' states before the first step."""
        return [zero_states(c, batch_size, self.compute_dtype) for c in self.cells]

    def build(self, input_shape):
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
            input_shape = (input_shape[0], output_size_of(cell))

    def call(self, inputs, states, training=False, **kwargs):
        new_states = []
        for cell, state in zip(self.cells, states, strict=True):
            nested = isinstance(state, list | tuple)
            inputs, new = run_cell(cell, inputs, list(state) if nested else [state], training)
            new_states.append(new if nested else new[0])
        return inputs, new_states

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """New cells from what `get_config` gave."""
        return cls(**{**config, "cells": [deserialize_keras_object(c, custom_objects) for c in config["cells"]]})
