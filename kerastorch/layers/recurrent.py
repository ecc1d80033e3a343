"""Recurrent layers: a cell applied to the steps of a sequence, one after the other."""

from kerastorch import ops, scope, tree
from kerastorch.errors import LayerError
from kerastorch.fields import Regularizer, choice, declare, fields_of
from kerastorch.layers.base import Layer
from kerastorch.layers.recurrent_cells import (
    Cell,
    GRUCell,
    LSTMCell,
    SimpleRNNCell,
    output_size_of,
    run_cell,
    steady_masks,
    zero_states,
)
from kerastorch.layers.spec import InputSpec
from kerastorch.op import shape_of
from kerastorch.saving.objects import deserialize_keras_object
from kerastorch.variable import Variable, host_array


@declare
class RNN(Layer):
    """A cell applied to the steps of a sequence, one after the other, with its states handed on.

    A masked step leaves the states as they are, and its output is that of the step before.

    Args:
        cell: A cell, or a list of cells to be stacked. A cell has `call(inputs, states)`, which returns the output and
            the new states, and `state_size`, an integer or a list of them; and it may have `output_size` and
            `get_initial_state(batch_size)`.
        return_sequences: Whether the outputs of all steps are returned, (batch, time, size), or that of the last one.
        return_state: Whether the states after the last step are returned after the output.
        go_backwards: Whether steps are taken from the sequence's end; outputs come in the order of the steps taken.
        stateful: Whether the states after one batch are those before the next; the batch size must then be fixed.
        unroll: Whether the steps are written out one by one rather than as a loop.
        zero_output_for_mask: Whether the outputs of masked steps are zeros.
    """

    cell: Cell
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    zero_output_for_mask: bool = False

    supports_masking = True
    unsaved = ()

    def __post_init__(self):
        size = self.cell.state_size
        self.state_size = list(size) if isinstance(size, list | tuple) else [size]
        self.single_state = not isinstance(size, list | tuple)
        if not all(isinstance(s, int) for s in tree.leaves(self.state_size)):
            raise ValueError(
                f"{type(self).__name__}: the cell's state_size must be an integer or a list of them, not {size!r}"
            )

    # ---------------------------------------------------------------- shapes and configuration

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        batch, length = sequences_shape[:2]
        size = output_size_of(self.cell)
        output = (batch, length, size) if self.return_sequences else (batch, size)
        if not self.return_state:
            return output
        states = [(batch, s) if isinstance(s, int) else [(batch, inner) for inner in s] for s in self.state_size]
        return (output, *states)

    def compute_mask(self, inputs, mask):
        mask = tree.leaves(mask)[0] if self.return_sequences else None
        return [mask, *(None for _ in self.state_size)] if self.return_state else mask

    def get_config(self):
        return {k: v for k, v in self.declared_config().items() if k not in self.unsaved}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A new layer from what `get_config` gave."""
        if "cell" in config:
            config = {**config, "cell": deserialize_keras_object(config["cell"], custom_objects)}
        return cls(**config)

    # ---------------------------------------------------------------- states

    def build(self, sequences_shape, initial_state_shape=None):
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))
        if self.stateful:
            self._keep_states(sequences_shape)

    def _keep_states(self, sequences_shape):
        batch = sequences_shape[0]
        if batch is None:
            raise LayerError(f"{self._title} is stateful, so the batch size must be known, but its input has the shape "
                             f"{tuple(sequences_shape)}: give batch_size or batch_shape to Input")  # fmt: skip

        def start(i):  # asked for when the value is first needed, since it runs a framework
            def draw(shape, dtype=None):
                with scope.concrete():
                    return host_array(tree.leaves(self.get_initial_state(batch))[i], dtype)

            return draw

        made = [
            Variable(start(i), (batch, *shape), self.variable_dtype, trainable=False, name="rnn_state")
            for i, shape in enumerate(self._state_shapes(sequences_shape))
        ]
        self._state.extra["states"] = tree.pack_sequence_as(self.state_size, made)

    def _state_shapes(self, sequences_shape):
        """The shape of each state, without the batch axis."""
        return [(size,) for size in tree.leaves(self.state_size)]

    @property
    def states(self):
        """The Variables that keep the states between batches; None where the layer is not stateful or not built."""
        return self._state.extra.get("states")

    def get_initial_state(self, batch_size):
        """The states before the first step, a list."""
        states = zero_states(self.cell, batch_size, self._cell_dtype)
        return list(states) if isinstance(states, list | tuple) else [states]

    def reset_state(self):
        """Sets the kept states to zeros."""
        self.reset_states()

    def reset_states(self, states=None):
        """Sets the kept states.

        Args:
            states: Arrays in the order and of the shapes of `states`; zeros where it is None.

        Raises:
            ValueError: If their number or a shape differs.
        """
        import numpy as np

        mine = tree.leaves(self.states) if self.states is not None else []
        given = [np.zeros(v.shape) for v in mine] if states is None else tree.leaves(states)
        if len(given) != len(mine):
            raise ValueError(f"layer {self.name!r} keeps {len(mine)} states, but was given {len(given)}")
        for variable, value in zip(mine, given, strict=True):
            variable.assign(value)

    @property
    def _title(self):
        return f"layer {self.name!r} ({type(self).__name__})"

    @property
    def _other_batch(self):
        kept = tree.leaves(self.states)[0].shape[0]
        return f"it is stateful and keeps the states of {kept} sequences, but was given a batch size of {{}}"

    @property
    def _cell_dtype(self):
        return getattr(self.cell, "compute_dtype", self.compute_dtype)

    # ---------------------------------------------------------------- running

    def __call__(self, *args, **kwargs):
        # Keras 1 and 2 took the initial states in a list with the sequence.
        first = args[0] if args else None
        if isinstance(first, list | tuple) and len(first) > 1 and all(hasattr(x, "shape") for x in first):
            kwargs["initial_state"] = list(first[1:])
            args = (first[0], *args[1:])
        return super().__call__(*args, **kwargs)

    def call(self, sequences, initial_state=None, mask=None, training=False):
        batch = ops.shape(sequences)[0]
        if self.unroll and shape_of(sequences)[1] is None:
            raise LayerError(f"{self._title} cannot be unrolled, since the number of steps is not known: its input has "
                             f"the shape {shape_of(sequences)}")  # fmt: skip
        if self.stateful and initial_state is None:
            sequences = ops.of_size(sequences, 0, tree.leaves(self.states)[0].shape[0], self._other_batch)
        states = self._start(sequences, initial_state, batch)
        with steady_masks(self.cell, batch, training):
            last_output, outputs, states = self.inner_loop(sequences, states, mask=mask, training=training)
        output = ops.cast(outputs if self.return_sequences else last_output, self.compute_dtype)
        states = tree.map_structure(lambda s: ops.cast(s, self.compute_dtype), states)
        if self.stateful:
            for variable, state in zip(tree.leaves(self.states), tree.leaves(states), strict=True):
                variable.assign(state)
        return (output, *states) if self.return_state else output

    def _start(self, sequences, initial_state, batch):
        """The states before the first step, in the structure of `state_size`."""
        dtype = self._cell_dtype
        if initial_state is not None:
            given = list(initial_state) if isinstance(initial_state, list | tuple) else [initial_state]
            wanted, have = len(tree.leaves(self.state_size)), len(tree.leaves(given))
            if wanted != have:
                raise LayerError(f"{self._title} has {wanted} states, but initial_state holds {have}")
            return tree.pack_sequence_as(
                self.state_size, [ops.convert_to_tensor(s, dtype=dtype) for s in tree.leaves(given)]
            )
        if not self.stateful:
            return self.get_initial_state(batch)
        # Copies, since the variables change in place while these are still needed for gradients.
        return tree.map_structure(lambda v: ops.cast(ops.copy(v), dtype), self.states)

    def inner_loop(self, sequences, initial_state, mask, training=False):
        """Applies the cell to all steps.

        Args:
            sequences: Inputs, (batch, time, ...).
            initial_state: List of states before the first step.
            mask: (batch, time), true where a step counts; None where all do.
            training: Whether the cell works as in training.

        Returns:
            The last output, all outputs (batch, time, ...), and the states after the last step.
        """
        steps = self._time_major(sequences)
        if mask is None:

            def step(states, x):
                output, new = run_cell(self.cell, x, states, training)
                return tree.pack_sequence_as(states, tree.leaves(new)), output

            states, outputs = ops.scan(step, initial_state, steps, unroll=self.unroll or 1)
        else:
            mask = ops.cast(tree.leaves(mask)[0], "bool")

            def masked_step(carry, at):
                before, states = carry
                x, counts = at
                output, new = run_cell(self.cell, x, states, training)
                output = _where(counts, output, ops.zeros_like(output) if self.zero_output_for_mask else before)
                new = [_where(counts, n, s) for n, s in zip(tree.leaves(new), tree.leaves(states), strict=True)]
                return (output, tree.pack_sequence_as(states, new)), output

            shape = shape_of(sequences)
            tail = self.compute_output_shape(shape)
            tail = (tail[0] if self.return_state else tail)[2 if self.return_sequences else 1 :]
            before = ops.zeros((ops.shape(sequences)[0], *tail), dtype=self._cell_dtype)
            carry = (before, initial_state)
            (_, states), outputs = ops.scan(
                masked_step, carry, (steps, self._time_major(mask)), unroll=self.unroll or 1
            )
        return outputs[-1], ops.swapaxes(outputs, 0, 1), states

    def _time_major(self, x):
        """Steps first, in the order in which they are taken."""
        x = ops.swapaxes(x, 0, 1)
        return ops.flip(x, axis=0) if self.go_backwards else x


def _where(counts, new, old):
    """`new` for the sequences whose step counts, `old` for the others."""
    for _ in range(len(new.shape) - len(counts.shape)):
        counts = ops.expand_dims(counts, -1)
    return ops.where(counts, new, old)


# ------------------------------------------------------------------------------------------------ with a cell of ours

UseCudnn = choice("auto", True, False)
SEQUENCE = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll")


def _order(cell, *last):
    """The arguments of the layer over a cell: the cell's, the activity regularizer after the others, then `last`."""
    names = [n for n in fields_of(cell) if n not in last]
    names.insert(names.index("bias_regularizer") + 1, "activity_regularizer")
    return (*names, *last, "zero_output_for_mask")


@declare(order=(*SEQUENCE, "zero_output_for_mask"), unlisted=("zero_output_for_mask",))
class CellLayer(RNN):
    """What the layers share that make their cell from arguments of their own."""

    cell_class = None
    input_spec = InputSpec(ndim=3)
    unsaved = ("implementation", "use_cudnn")

    def __post_init__(self):
        fields = {name: getattr(self, name) for name in fields_of(self.cell_class)}
        name = scope.snake(self.cell_class.__name__)
        self.cell = self.cell_class(**fields, dtype=self.dtype_policy, trainable=self.trainable, name=name)
        super().__post_init__()


@declare(also=(SimpleRNNCell,), order=_order(SimpleRNNCell, *SEQUENCE, "seed"))
class SimpleRNN(CellLayer):
    """A recurrence whose output is its state: `h' = activation(x @ kernel + h @ recurrent_kernel + bias)`.

    Args:
        units: Number of units: size of the output and of the state.
        activation: Function of the new output.
        use_bias: Whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: How the weights start; the kernel acts on the
            inputs, the recurrent kernel on the state.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer: What is added to the loss for
            the weights and the output.
        kernel_constraint, recurrent_constraint, bias_constraint: Applied to each weight after an update.
        dropout, recurrent_dropout: Part of the inputs and of the state that is dropped in training, the same in all
            steps.
        return_sequences, return_state, go_backwards, stateful, unroll: As for `RNN`.
        seed: Seed of the dropout.
    """

    activity_regularizer: Regularizer = None

    cell_class = SimpleRNNCell
    unsaved = ("implementation", "seed")


@declare(also=(LSTMCell,), order=_order(LSTMCell, *SEQUENCE, "use_cudnn"))
class LSTM(CellLayer):
    """Long short-term memory, a recurrence with gates and a carry; see `LSTMCell` for the formulas.

    Args:
        recurrent_activation: Function of the gates.
        unit_forget_bias: Whether the forget gate's bias starts at 1.
        use_cudnn: Accepted as in Keras; the backend takes its fused kernel wherever that gives the same result.
        units, activation, use_bias, dropout, ...: As for `SimpleRNN`.
    """

    activity_regularizer: Regularizer = None
    use_cudnn: UseCudnn = "auto"

    cell_class = LSTMCell


@declare(also=(GRUCell,), order=_order(GRUCell, *SEQUENCE, "reset_after", "use_cudnn"))
class GRU(CellLayer):
    """A gated recurrent unit; see `GRUCell` for the formulas.

    Args:
        recurrent_activation: Function of the gates.
        reset_after: Whether the reset gate acts after the recurrent product rather than before it.
        use_cudnn: Accepted as in Keras; the backend takes its fused kernel wherever that gives the same result.
        units, activation, use_bias, dropout, ...: As for `SimpleRNN`.
    """

    activity_regularizer: Regularizer = None
    use_cudnn: UseCudnn = "auto"

    cell_class = GRUCell
