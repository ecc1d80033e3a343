"""SimpleRNN, LSTM, GRU and Bidirectional over them as modules that run torch's fused kernels.

Keras's kernels have a column for each unit of each gate, torch's weights a row. Both order an LSTM's gates i, f, g, o;
a GRU's are z, r, candidate there and r, z, candidate here. Where Keras has one bias and torch two, the second stays
zero.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from kerastorch import activations, layers, ops
from kerastorch.backends.torch.layers import recurrent_modules as modules
from kerastorch.backends.torch.native import Native, Weight, permuted
from kerastorch.backends.torch.tensors import native_dtype

NONLINEARITIES = {activations.tanh: "tanh", ops.tanh: "tanh", activations.relu: "relu", ops.relu: "relu"}
SIGMOIDS = (activations.sigmoid, ops.sigmoid)


def swapped(x: Any) -> Any:
    """The last axis, which holds three gates one after the other, with the first two of them swapped."""
    gates = x.reshape(*x.shape[:-1], 3, x.shape[-1] // 3)
    return gates[..., [1, 0, 2], :].reshape(x.shape)


def stacked(parts: Sequence[Any]) -> Any:
    """Arrays or tensors as the rows of one."""
    return torch.stack(tuple(parts)) if isinstance(parts[0], torch.Tensor) else np.stack(parts)


def simple_weights(cell: Any, suffix: str) -> list[Weight]:
    """Where the variables of a SimpleRNN's or LSTM's cell live: kernels transposed, the bias as it is."""
    bias = [Weight(cell.bias, [f"bias_ih{suffix}"])] if cell.use_bias else []
    return [
        Weight(cell.kernel, [f"weight_ih{suffix}"], *permuted(1, 0)),
        Weight(cell.recurrent_kernel, [f"weight_hh{suffix}"], *permuted(1, 0)),
        *bias,
    ]


def gru_weights(cell: Any, suffix: str) -> list[Weight]:
    """Where the variables of a GRU's cell live: kernels transposed, the two rows of the bias apart, gates swapped."""
    kernel = (lambda x: [swapped(x).T], lambda parts: swapped(parts[0].T))
    rows = (lambda x: list(swapped(x)), lambda parts: swapped(stacked(parts)))
    bias = [Weight(cell.bias, [f"bias_ih{suffix}", f"bias_hh{suffix}"], *rows)] if cell.use_bias else []
    return [
        Weight(cell.kernel, [f"weight_ih{suffix}"], *kernel),
        Weight(cell.recurrent_kernel, [f"weight_hh{suffix}"], *kernel),
        *bias,
    ]


def state_weights(layer: Any, first: int = 0) -> list[Weight]:
    """Where the states live that a stateful layer keeps."""
    return [Weight(v, [f"state_{first + i}"]) for i, v in enumerate(layer.states or ())]


def kind(layer: Any) -> tuple[Callable, Callable, dict[str, Any]] | None:
    """Module class, weight map and further arguments for a layer's cell; None where no fused kernel does its work."""
    cell = layer.cell
    if any(getattr(type(layer), m) is not getattr(layers.RNN, m) for m in ("inner_loop", "get_initial_state")):
        return None  # a user's class has its own
    drops = cell.dropout and (cell.implementation == 1 or cell.seed is not None)  # by gate, or from a seed of its own
    if cell.recurrent_dropout or drops or layer.activity_regularizer is not None:
        return None
    if type(cell) is layers.SimpleRNNCell and cell.activation in NONLINEARITIES:
        return modules.RNN, simple_weights, {"nonlinearity": NONLINEARITIES[cell.activation], "one_bias": True}
    if NONLINEARITIES.get(getattr(cell, "activation", None)) != "tanh" or cell.recurrent_activation not in SIGMOIDS:
        return None
    if type(cell) is layers.LSTMCell:
        return modules.LSTM, simple_weights, {"one_bias": True}
    if type(cell) is layers.GRUCell and cell.reset_after:
        return modules.GRU, gru_weights, {}
    return None


def options(layer: Any) -> dict[str, Any]:
    """The module's arguments that both directions of a Bidirectional have in common."""
    cell = layer.cell
    return {
        "input_size": cell.kernel.shape[0],
        "hidden_size": cell.units,
        "bias": cell.use_bias,
        "return_sequences": layer.return_sequences,
        "return_state": layer.return_state,
        "zero_output_for_mask": layer.zero_output_for_mask,
        "dropout": cell.dropout,
        "stateful": layer.states[0].shape[0] if layer.stateful else None,
        "dtype": native_dtype(layer.variable_dtype),
    }


def native(module: Any, weights: list[Weight]) -> Native:
    """The lowering around a module."""
    return Native(module, weights, keywords=("initial_state", "mask"))


def recurrent(layer: Any) -> Native | None:
    """A layer of one direction."""
    found = kind(layer)
    if found is None:
        return None
    make, weights, more = found
    module = make(**options(layer), **more, go_backwards=layer.go_backwards)
    return native(module, [*weights(layer.cell, "_l0"), *state_weights(layer)])


def bidirectional(layer: Any) -> Native | None:
    """Two layers of one class and size, the first of which reads forwards."""
    there, back = layer.forward_layer, layer.backward_layer
    if type(there) is not type(back) or type(there) not in LAYERS or there.go_backwards:
        return None
    found = kind(there)
    if found is None or found != kind(back) or options(there) != options(back):
        return None
    make, weights, more = found
    module = make(**options(there), **more, bidirectional=True, merge_mode=layer.merge_mode)
    both = [*weights(there.cell, "_l0"), *weights(back.cell, "_l0_reverse")]
    states = [*state_weights(there), *state_weights(back, module.states)]
    return native(module, [*both, *states])


LAYERS = {
    layers.SimpleRNN: recurrent,
    layers.LSTM: recurrent,
    layers.GRU: recurrent,
    layers.Bidirectional: bidirectional,
}
