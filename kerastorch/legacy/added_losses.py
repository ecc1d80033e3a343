"""Losses of recorded models that were given as symbolic tensors, as Keras 2 took them."""

from kerastorch import ops
from kerastorch.graph import Graph, KerasTensor
from kerastorch.layers.base import Layer
from kerastorch.legacy.spelling import warn_once
from kerastorch.models.model import Functional, operations
from kerastorch.variable import changed


class AddLoss(Layer):
    """Adds its input, a tensor of any shape, to the losses, and gives it back."""

    adds_losses = True

    def call(self, inputs):
        self.add_loss(ops.sum(inputs))
        return inputs


def attach(model: Functional, loss: KerasTensor) -> None:
    """Makes a tensor that was computed from a model's inputs one of its losses.

    Args:
        model: The model.
        loss: The tensor.

    Raises:
        GraphError: If it depends on anything else.
    """
    warn_once(("symbolic loss",), "add_loss(tensor) on a recorded model is an old spelling: write a layer that calls "
              "self.add_loss, or a model with a train_step.")  # fmt: skip
    store = model._state.extra
    graph = store["graph"]
    node = AddLoss()(loss).node
    store["graph"] = Graph(graph.inputs, graph.outputs, [*graph.effects, node])
    store["operations"] = operations(store["graph"])
    changed()
