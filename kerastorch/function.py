"""Functions: graphs of KerasTensors that can be called."""

from typing import Any

from kerastorch import ops, tree
from kerastorch.errors import GraphError
from kerastorch.graph import Graph, KerasTensor
from kerastorch.layers.structures import tensors_of_shapes, tree_of_shapes
from kerastorch.models.model import check_ends, operations, run
from kerastorch.op import dtype_of, shape_of
from kerastorch.operation import Operation


class Function(Operation):
    """The graph between some KerasTensors, as a callable.

    Args:
        inputs: Nest of KerasTensors at which the graph begins.
        outputs: Nest of KerasTensors computed from them.
        name: Name; made from the class where it is None.

    Raises:
        GraphError: If a nest is empty, holds something else, or an output depends on a tensor that is not among the inputs.
    """

    over_ops = True

    def __init__(self, inputs, outputs, name=None):
        super().__init__(name)
        self._inputs, self._outputs = inputs, outputs
        self.graph = Graph(*check_ends(f"function {self.name!r}", inputs, outputs))
        self._operations = operations(self.graph)

    inputs = property(lambda self: list(self.graph.inputs), doc="The input KerasTensors, as a list.")
    outputs = property(lambda self: tree.leaves(self._outputs), doc="The output KerasTensors, as a list.")

    @property
    def operations(self) -> list[Any]:
        """Layers, and nodes of ops, in the order in which they can run."""
        return list(self._operations)

    def call(self, inputs):
        """Runs the graph on tensors, or records it on KerasTensors.

        Args:
            inputs: Nest like the function's inputs.

        Raises:
            GraphError: If it is another nest, or a shape does not fit.
        """
        try:
            tree.assert_same_structure(self._inputs, inputs)
        except ValueError as error:
            raise GraphError(f"function {self.name!r} was called with an invalid input structure: {error}") from None
        given = tree.leaves(inputs)
        for t, x in zip(self.graph.inputs, given, strict=True):
            shape = shape_of(x)
            if len(shape) != len(t.shape) or any(None not in (a, b) and a != b for a, b in zip(shape, t.shape, strict=True)):
                raise GraphError(f"function {self.name!r} was passed incompatible inputs: {t.name!r} has shape {t.shape}"
                                 f"{t._where()}, but was given {shape}")  # fmt: skip
        return run(self.graph, [x if isinstance(x, KerasTensor) else ops.convert_to_tensor(x) for x in given], None)

    def compute_output_spec(self, inputs):
        """KerasTensors of the output's shapes and dtypes for inputs of the given ones."""
        fresh = tree.map_structure(lambda x: KerasTensor(shape_of(x), dtype_of(x)), inputs)
        return self.call(fresh)

    def compute_output_shape(self, input_shape):
        """The output's shapes for inputs of the given ones."""
        shapes = tree.leaves(tensors_of_shapes(tree_of_shapes(input_shape), "float32"))
        inputs = [KerasTensor(s.shape, t.dtype) for s, t in zip(shapes, self.graph.inputs, strict=True)]
        return tree.map_structure(lambda t: t.shape, self.compute_output_spec(tree.pack_sequence_as(self._inputs, inputs)))

    def get_config(self):
        """The name; graphs are written as models are."""
        return {"name": self.name}
