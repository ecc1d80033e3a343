"""Improvements that lowering may make to a graph where the result is the same, each of which can be switched off by name."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from kerastorch import scope
from kerastorch.errors import is_own, near
from kerastorch.graph import Graph, KerasTensor, Node
from kerastorch.layers.calls import specs_of

PASSES = {
    "native_layers": "layers become the framework's own modules, where it has them, rather than ops",
    "logits_to_loss": "softmax or sigmoid followed by a cross-entropy becomes the cross-entropy of the logits",
}
_off: set[str] = set()


def enabled(name: str) -> bool:
    """Whether a pass is on; all are unless switched off."""
    return name not in _off


@contextlib.contextmanager
def without(*names: str) -> Iterator[None]:
    """Models compiled inside are lowered without the named passes.

    Raises:
        ValueError: For a name that no pass has.
    """
    for name in names:
        if name not in PASSES:
            raise ValueError(f"there is no pass named {name!r}; known are {', '.join(PASSES)}.{near(name, PASSES)}")
    added = set(names) - _off
    _off.update(added)
    try:
        yield
    finally:
        _off.difference_update(added)


def loss_of_logits(loss: Any) -> tuple[Callable, Any] | None:
    """The activation that a cross-entropy undoes, and the same loss taking what came before it; None for other losses."""
    from kerastorch import losses, ops

    undone = {losses.sparse_categorical_crossentropy: ops.softmax, losses.categorical_crossentropy: ops.softmax,
              losses.binary_crossentropy: ops.sigmoid}  # fmt: skip
    activation = undone.get(getattr(loss, "fn", None))
    arguments = getattr(loss, "arguments", {})
    if activation is None or not enabled("logits_to_loss") or arguments.get("from_logits") or arguments.get("axis", -1) != -1:
        return None
    config = loss.get_config()
    if "from_logits" not in config:
        return None
    same = type(loss).from_config({**config, "from_logits": True})
    return activation, same


def before_activation(output: KerasTensor, activation: Callable) -> tuple[KerasTensor, KerasTensor] | None:
    """An output of a graph and what an activation was applied to (over the last axis) to give it; None where it was not.

    Where a layer applies the activation within its `call`, both tensors belong to a record of that call, made here, which begins
    at the layer's inputs.
    """
    node = output.node
    layer = node.layer if node is not None else None
    if layer is not None:
        own = is_own(type(layer)) and not layer.calls_user_code
        if not own or layer.is_input or layer.activity_regularizer is not None or layer.compute_dtype != layer.variable_dtype:
            return None
        inner = opened(node)
        if inner is None or not isinstance(inner.outputs, KerasTensor):
            return None
        output = inner.outputs
    node = output.node
    if node is None or node.operation is not activation or node.args[1:] not in ((), (-1,), (len(output.shape) - 1,)):
        return None
    return output, node.args[0]


def opened(node: Node) -> Graph | None:
    """What the `call` of a recorded layer does, from the very inputs of the recorded call; None where that depends on training."""
    graphs = []
    for training in (True, False):
        kwargs = {"training": training} if specs_of(type(node.layer)).training else {}
        with scope.tracing() as effects:
            out = node.layer.call(*node.layer._record_casts(node.args), **{**node.kwargs, **kwargs})
        graphs.append(Graph(list({id(t): t for t in node.inputs}.values()), out, effects))
    return graphs[0] if graphs[0].canonical() == graphs[1].canonical() and not graphs[0].effects else None
