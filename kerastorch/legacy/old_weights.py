"""Weights as old versions of Keras and other backends laid them out, in today's layout."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerastorch.layers.base import Layer

Arrays = list[Any]
CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "Conv3DTranspose", "SeparableConv2D", "DepthwiseConv2D")
# Keras 1 kept a kernel, a recurrent kernel and a bias for each gate; their order then, for the order of gates today.
GATES = {"LSTM": (0, 2, 1, 3), "GRU": (0, 1, 2)}


def modern(layer: Any, arrays: Sequence[Any], version: str, backend: str) -> Arrays:
    """The weights of a layer, as its variables have them.

    Args:
        layer: The layer of today.
        arrays: What the file has, in the file's order.
        version: The version of Keras that wrote it.
        backend: The backend with which it did.
    """
    found = list(arrays)
    inner = getattr(layer, "forward_layer", None), getattr(layer, "backward_layer", None)
    if inner[0] is not None and inner[1] is not None and len(found) % 2 == 0:
        half = len(found) // 2
        return [w for part, ws in zip(inner, (found[:half], found[half:]), strict=True) for w in modern(part, ws, version, backend)]
    if getattr(layer, "layer", None) is not None and not getattr(layer, "layers", None):
        return modern(layer.layer, found, version, backend)
    if getattr(layer, "layers", None) and hasattr(layer, "get_layer"):
        return _nested(layer, found, version, backend)
    kind = type(layer).__name__
    if version.startswith("1"):
        found = _of_keras_1(layer, kind, found)
    if backend == "theano" and kind in CONVOLUTIONS:
        found = [_turned(w) if w.ndim > 2 else w for w in found]
    return _of_cudnn(kind, found)


def _nested(model: Any, arrays: Arrays, version: str, backend: str) -> Arrays:
    """A model's weights, which files keep as one list: all trainable ones before all others."""
    places = [(layer, v) for layer in model.layers for v in layer.weights]
    order = model.trainable_weights + model.non_trainable_weights
    if len(order) != len(arrays):
        return arrays
    by_variable = {id(v): w for v, w in zip(order, arrays, strict=True)}
    made: dict[int, Any] = {}
    for layer in dict.fromkeys(layer for layer, _ in places):
        own = layer.trainable_weights + layer.non_trainable_weights
        for v, w in zip(own, modern(layer, [by_variable[id(v)] for v in own], version, backend), strict=False):
            made[id(v)] = w
    return [made.get(id(v), by_variable[id(v)]) for v in order]


def _of_keras_1(layer: Layer, kind: str, arrays: Arrays) -> Arrays:
    if kind in GATES and len(arrays) == 3 * len(GATES[kind]):
        return [np.concatenate([arrays[3 * gate + i] for gate in GATES[kind]], axis=-1) for i in range(3)]
    if kind == "Conv1D" and arrays[0].ndim == 4:  # a picture of width 1 then
        shape = layer.weights[0].shape
        kernel = arrays[0][:, 0] if arrays[0].shape[0] == shape[0] else np.transpose(arrays[0], (2, 3, 1, 0))[:, 0]
        return [kernel, *arrays[1:]]
    if kind not in CONVOLUTIONS or arrays[0].ndim < 4:
        return arrays
    # Filters came first where images had their channels first.
    first = getattr(layer, "data_format", None) == "channels_first" or tuple(arrays[0].shape[:2]) != layer.weights[0].shape[:2]
    found = [np.transpose(w, (*range(2, w.ndim), 1, 0)) if first and w.ndim > 2 else w for w in arrays]
    if kind.endswith("Transpose") and not first:  # the input's channels came before the filters, as in other convolutions
        found[0] = np.swapaxes(found[0], -1, -2)
    return found


def _turned(kernel: Any) -> Any:
    """A kernel for convolution as one for correlation: its spatial axes reversed."""
    return kernel[tuple(slice(None, None, -1) for _ in range(kernel.ndim - 2))]


def _of_cudnn(kind: str, arrays: Arrays) -> Arrays:
    gates = {"LSTM": 4, "GRU": 3}.get(kind)
    if gates is None or len(arrays) != 3:
        return arrays
    kernel, recurrent, bias = arrays
    if bias.ndim != 1 or bias.shape[0] != 2 * gates * recurrent.shape[0]:
        return arrays
    kernel = _by_gate(kernel, gates, lambda k: k.T.reshape(k.shape, order="F"))
    recurrent = _by_gate(recurrent, gates, lambda k: k.T)
    halves = bias.reshape(2, -1)
    return [kernel, recurrent, halves.sum(axis=0) if kind == "LSTM" else halves]


def _by_gate(kernel: Any, gates: int, change: Callable[[Any], Any]) -> Any:
    return np.concatenate([change(k) for k in np.split(kernel, gates, axis=1)], axis=1)
