"""Recurrent modules over torch's fused kernels, whose state dicts load into nn.LSTM, nn.GRU and nn.RNN.

A masked step of Keras leaves the state as it is. So the steps that count are moved to the front of each sequence, the
kernel runs over that, and what it gave is read back at "the last step that counted". That is exact for every mask
(padding on either side, holes, rows in which nothing counts), never waits for the device, and is as fast as without a
mask; packed sequences are none of that.

torch.compile cannot differentiate the fused kernels, so while compiling they run inside an op of our own.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.backends.cudnn import rnn as cudnn
from torch.nn import functional

KERNELS: dict[str, Callable] = {
    "LSTM": torch.lstm,
    "GRU": torch.gru,
    "RNN_TANH": torch.rnn_tanh,
    "RNN_RELU": torch.rnn_relu,
}
MERGES: dict[str | None, Callable] = {
    "concat": lambda forward, backward: torch.cat((forward, backward), -1),
    "sum": torch.add,
    "ave": lambda forward, backward: (forward + backward) / 2,
    "mul": torch.mul,
}
SATURATED = 1e4  # a gate's input at which the sigmoid is 0 or 1 exactly, and which float16 can hold

# ------------------------------------------------------------------------------------------------ kernels


def fused(
    mode: str, x: Tensor, state: list[Tensor], weights: list[Tensor], biases: bool, bidirectional: bool
) -> list[Tensor]:
    """Runs a fused kernel over a time-major sequence.

    Args:
        mode: Key of `KERNELS`.
        x: Sequence of shape (time, batch, features).
        state: States before the first step, each of shape (directions, batch, units).
        weights: For each direction weight_ih, weight_hh and, with `biases`, bias_ih, bias_hh.
        biases: Whether there are biases.
        bidirectional: Whether there are two directions.

    Returns:
        The outputs, of shape (time, batch, directions * units), and the states after the last step.
    """
    if torch.compiler.is_compiling() and not torch.compiler.is_exporting():
        return _opaque(mode, x, state, weights, biases, bidirectional)
    return _run(mode, x, state, weights, biases, bidirectional)


def _run(
    mode: str, x: Tensor, state: list[Tensor], weights: list[Tensor], biases: bool, bidirectional: bool
) -> list[Tensor]:
    start = tuple(state) if len(state) > 1 else state[0]
    # The flag before `bidirectional` says that there will be a backward pass, which there may be at inference as well.
    return list(KERNELS[mode](x, start, weights, biases, 1, 0.0, torch.is_grad_enabled(), bidirectional, False))


@torch.library.custom_op("kerastorch::recurrent", mutates_args=())
def _opaque(
    mode: str, x: Tensor, state: list[Tensor], weights: list[Tensor], biases: bool, bidirectional: bool
) -> list[Tensor]:
    return [t.contiguous() for t in _run(mode, x, state, weights, biases, bidirectional)]


@_opaque.register_fake
def _(mode, x, state, weights, biases, bidirectional):
    return [x.new_empty(*x.shape[:2], sum(s.shape[-1] for s in state[0])), *(s.new_empty(s.shape) for s in state)]


# Defined by hand, since inside a custom_op nothing can be differentiated.
torch.library.define(
    "kerastorch::recurrent_backward",
    "(Tensor[] gradients, str mode, Tensor x, Tensor[] state, Tensor[] weights, bool biases, bool bidirectional)"
    " -> Tensor[]",
)


@torch.library.impl("kerastorch::recurrent_backward", "default")
def _(gradients, mode, x, state, weights, biases, bidirectional):
    with torch.enable_grad():  # what the kernel keeps for its backward pass cannot leave the op, so it runs once more
        leaves = [t.detach().requires_grad_() for t in (x, *state, *weights)]
        outputs = _run(mode, leaves[0], leaves[1 : 1 + len(state)], leaves[1 + len(state) :], biases, bidirectional)
        return [g.contiguous() for g in torch.autograd.grad(outputs, leaves, gradients)]


@torch.library.register_fake("kerastorch::recurrent_backward")
def _(gradients, mode, x, state, weights, biases, bidirectional):
    return [t.new_empty(t.shape) for t in (x, *state, *weights)]


def _keep(ctx, inputs, output):
    ctx.mode, x, state, weights, ctx.biases, ctx.bidirectional = inputs
    ctx.states = len(state)
    ctx.save_for_backward(x, *state, *weights)


def _differentiate(ctx, gradients):
    x, *rest = ctx.saved_tensors
    state, weights = rest[: ctx.states], rest[ctx.states :]
    dx, *rest = torch.ops.kerastorch.recurrent_backward(
        gradients, ctx.mode, x, state, weights, ctx.biases, ctx.bidirectional
    )
    return None, dx, rest[: ctx.states], rest[ctx.states :], None, None


_opaque.register_autograd(_differentiate, setup_context=_keep)

# ------------------------------------------------------------------------------------------------ masks


def read(outputs: Tensor, counted: Tensor) -> Tensor:
    """The outputs at given numbers of steps (from 1), zeros where that number is 0.

    Args:
        outputs: Outputs of the steps that count, in order: (batch, time, units).
        counted: How many steps had counted at each place: (batch, places).
    """
    found = torch.take_along_dim(outputs, (counted - 1).clamp(min=0).unsqueeze(-1), 1)
    return torch.where(counted.unsqueeze(-1) > 0, found, 0)


# ------------------------------------------------------------------------------------------------ modules


class Recurrent(nn.Module):
    """A recurrent layer of one or two directions; the subclasses say of which kind.

    Args:
        input_size, hidden_size: Number of features and of units.
        bias: Whether there are biases.
        bidirectional: Whether a second set of parameters reads the sequence from its end.
        one_bias: Whether `bias_hh` stays zero, since Keras's layer has one bias only.
        return_sequences: Whether the outputs of all steps are returned, rather than the last one.
        return_state: Whether the states after the last step are returned as well.
        go_backwards: Whether steps are taken from the end; outputs are in the order of the steps taken.
        zero_output_for_mask: Whether the outputs of masked steps are zeros, rather than those of the step before.
        dropout: Probability with which a feature is dropped in training, from all steps of a sequence alike.
        merge_mode: How the outputs of two directions become one: a key of `MERGES`, or None for both in a tuple.
        stateful: The batch size where the states after one batch are those before the next, else None.
        device, dtype: Of the parameters.
    """

    mode: str
    gates: int
    states = 1

    def __init__(self, input_size, hidden_size, bias=True, bidirectional=False, *, one_bias=False,
                 return_sequences=False, return_state=False, go_backwards=False, zero_output_for_mask=False,
                 dropout=0.0, merge_mode="concat", stateful=None, device=None, dtype=None):  # fmt: skip
        super().__init__()
        self.input_size, self.hidden_size, self.bias, self.bidirectional = input_size, hidden_size, bias, bidirectional
        self.return_sequences, self.return_state, self.stateful = return_sequences, return_state, stateful
        self.go_backwards, self.zero_output_for_mask, self.dropout = go_backwards, zero_output_for_mask, dropout
        self.merge_mode = merge_mode
        rows = self.gates * hidden_size
        for suffix in self.suffixes:
            shapes = {"weight_ih": (rows, input_size), "weight_hh": (rows, hidden_size)}
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {}
            for name, shape in shapes.items():
                parameter = nn.Parameter(torch.zeros(shape, device=device, dtype=dtype))
                self.register_parameter(name + suffix, parameter.requires_grad_(name != "bias_hh" or not one_bias))
        for i in range(self.states * len(self.suffixes) if stateful else 0):
            state = torch.zeros(stateful, hidden_size, device=device, dtype=dtype)
            self.register_buffer(f"state_{i}", state, persistent=False)

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The endings of the parameters' names, one for each direction."""
        return ("_l0", "_l0_reverse") if self.bidirectional else ("_l0",)

    def weights(self, suffix: str, dtype: torch.dtype) -> list[Tensor]:
        """The parameters of a direction, in the kernel's order."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")[: 4 if self.bias else 2]
        return [getattr(self, name + suffix).to(dtype) for name in names]

    def forward(self, sequence: Tensor, initial_state: Any = None, mask: Tensor | None = None) -> Any:
        """Runs over a batch of sequences.

        Args:
            sequence: (batch, time, features).
            initial_state: The states before the first step, (batch, units) each, a direction after the other; None for
                zeros, or for the states kept from the batch before.
            mask: (batch, time), true where a step counts; None where all do.

        Returns:
            (batch, time, units), or (batch, units) of the last step; with `return_state` a tuple of that and the
            states.
        """
        state = self.start(sequence, initial_state)
        if mask is not None:
            mask = mask.to(torch.bool)
        if not self.bidirectional:
            output, state = self.sweep(sequence, mask, state, "_l0", self.go_backwards)
            outputs = (output,)
        elif mask is None and not (self.dropout and self.training):
            outputs, state = self.sweep_both(sequence, state)
        else:
            half = self.states
            forward, first = self.sweep(sequence, mask, state[:half], "_l0", False)
            backward, second = self.sweep(sequence, mask, state[half:], "_l0_reverse", True)
            outputs, state = (forward, backward.flip(1) if self.return_sequences else backward), first + second
        if self.stateful:
            for i, s in enumerate(state):
                getattr(self, f"state_{i}").copy_(s.detach())
        if self.bidirectional and self.merge_mode is not None:
            outputs = (MERGES[self.merge_mode](*outputs),)
        if self.return_state:
            return (*outputs, *state)
        return outputs if len(outputs) > 1 else outputs[0]

    def start(self, sequence: Tensor, initial_state: Any) -> list[Tensor]:
        """The states before the first step."""
        count = self.states * len(self.suffixes)
        if initial_state is not None:
            given = [initial_state] if isinstance(initial_state, Tensor) else list(initial_state)
            if len(given) != count:
                raise ValueError(
                    f"{type(self).__name__}: initial_state must hold {count} tensors, but has {len(given)}"
                )
            return [s.to(sequence.dtype) for s in given]
        if self.stateful:
            if sequence.shape[0] != self.stateful:
                raise ValueError(f"{type(self).__name__} keeps the states of {self.stateful} sequences, but was given "
                                 f"a batch size of {sequence.shape[0]}")  # fmt: skip
            return [getattr(self, f"state_{i}").to(sequence.dtype, copy=True) for i in range(count)]
        return [sequence.new_zeros(sequence.shape[0], self.hidden_size)] * count

    def dropped(self, sequence: Tensor) -> Tensor:
        """The sequence without the features that this call drops."""
        if not (self.dropout and self.training):
            return sequence
        kept = functional.dropout(torch.ones_like(sequence[:, :1]), self.dropout)
        return sequence * kept

    def kernel(self, x: Tensor, state: list[Tensor], weights: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """One direction of the fused kernel: batch-first outputs, and the states after the last step."""
        y, *state = fused(self.mode, x.transpose(0, 1), [s.unsqueeze(0) for s in state], weights, self.bias, False)
        return y.transpose(0, 1), [s.squeeze(0) for s in state]

    def sweep_both(self, x: Tensor, state: list[Tensor]) -> tuple[tuple[Tensor, ...], list[Tensor]]:
        """Both directions without a mask, in one call of the kernel: outputs in the order of time, and states."""
        half = self.states
        pairs = [torch.stack(pair) for pair in zip(state[:half], state[half:], strict=True)]
        weights = [w for suffix in self.suffixes for w in self.weights(suffix, x.dtype)]
        y, *pairs = fused(self.mode, x.transpose(0, 1), pairs, weights, self.bias, True)
        forward, backward = y.transpose(0, 1).chunk(2, -1)
        outputs = (forward, backward) if self.return_sequences else (forward[:, -1], backward[:, 0])
        return outputs, [pair[i] for i in (0, 1) for pair in pairs]

    def sweep(
        self, x: Tensor, mask: Tensor | None, state: list[Tensor], suffix: str, backwards: bool
    ) -> tuple[Tensor, list[Tensor]]:
        """One direction: outputs in the order of the steps taken (or the last one), and the states after them."""
        x = self.dropped(x)
        if backwards:
            x, mask = x.flip(1), None if mask is None else mask.flip(1)
        weights = self.weights(suffix, x.dtype)
        if mask is None:
            y, state = self.kernel(x, state, weights)
            return y if self.return_sequences else y[:, -1], state
        counted = mask.cumsum(1)
        order = mask.to(torch.uint8).argsort(dim=1, descending=True, stable=True)
        x = torch.take_along_dim(x, order.unsqueeze(-1), 1)
        total = counted[:, -1:]
        y, after = self.kernel_until(total, x, state, weights)
        last = read(y, total).squeeze(1)
        after[0] = torch.where(total > 0, last, state[0])
        output, here = (read(y, counted), mask.unsqueeze(-1)) if self.return_sequences else (last, mask[:, -1:])
        return torch.where(here, output, 0) if self.zero_output_for_mask else output, after

    def kernel_until(
        self, total: Tensor, x: Tensor, state: list[Tensor], weights: list[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """`kernel` where only the first `total` steps count; states beyond the first are those after them."""
        return self.kernel(x, state, weights)

    def flatten_parameters(self) -> None:
        """Lays the parameters out in one piece of memory, as cuDNN wants them; does nothing elsewhere."""
        parameters = [p for suffix in self.suffixes for p in self.weights(suffix, self.weight_ih_l0.dtype)]
        if self.weight_ih_l0.is_cuda and torch.backends.cudnn.is_acceptable(self.weight_ih_l0):
            with torch.no_grad():
                torch._cudnn_rnn_flatten_weight(
                    parameters, 4 if self.bias else 2, self.input_size, cudnn.get_cudnn_mode(self.mode),
                    self.hidden_size, 0, 1, False, self.bidirectional,
                )  # fmt: skip

    def _apply(self, fn, recurse=True):
        super()._apply(fn, recurse)
        self.flatten_parameters()
        return self

    def extra_repr(self) -> str:
        options = ("bidirectional", "return_sequences", "return_state", "go_backwards", "stateful", "dropout")
        shown = [f"{n}={getattr(self, n)}" for n in options if getattr(self, n)]
        return ", ".join([str(self.input_size), str(self.hidden_size), *([] if self.bias else ["bias=False"]), *shown])


class LSTM(Recurrent):
    """Long short-term memory; states are (h, c)."""

    mode, gates, states = "LSTM", 4, 2

    def kernel_until(
        self, total: Tensor, x: Tensor, state: list[Tensor], weights: list[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """As above; one more feature holds c from step `total` on: it shuts the input and opens the forget gate."""
        if not (self.return_state or self.stateful):
            return self.kernel(x, state, weights)
        over = (torch.arange(x.shape[1], device=x.device) >= total).unsqueeze(-1)
        x = torch.cat((torch.where(over, 0, x), over.to(x.dtype)), -1)
        w, units = weights[0], self.hidden_size
        column = torch.cat(
            (w.new_full((units, 1), -SATURATED), w.new_full((units, 1), SATURATED), w.new_zeros(2 * units, 1))
        )
        return self.kernel(x, state, [torch.cat((w, column), 1), *weights[1:]])


class GRU(Recurrent):
    """Gated recurrent unit whose reset gate acts after the recurrent product."""

    mode, gates = "GRU", 3


class RNN(Recurrent):
    """Simple recurrence with tanh or relu."""

    gates = 1

    def __init__(self, *args, nonlinearity="tanh", **kwargs):
        self.mode = f"RNN_{nonlinearity.upper()}"
        super().__init__(*args, **kwargs)
