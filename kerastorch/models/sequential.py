"""A linear stack of layers."""

from collections.abc import Callable
from typing import Any

from kerastorch import dtypes, scope
from kerastorch.errors import LayerError
from kerastorch.graph import KerasTensor
from kerastorch.layers.base import Layer
from kerastorch.layers.calls import specs_of
from kerastorch.layers.input import Input
from kerastorch.layers.structures import is_shape, mapped
from kerastorch.models.model import Functional, Model


class Sequential(Model):
    """A stack of layers, each of which takes the output of the one before.

    The graph is recorded as soon as the input's shape is known: from an `Input`, from `input_shape` on the first layer, from
    `build`, or from the first data.

    Args:
        layers: Layers to start with.
        trainable: Whether the weights are updated in training.
        name: Name of the model.

    Raises:
        LayerError: If something added is no layer or a layer has several outputs.
    """

    def __init__(self, layers=None, trainable=True, name=None):
        Model.__init__(self, trainable=trainable, name=name)
        self._state.extra["stack"] = []
        for layer in layers or []:
            self.add(layer, rebuild=False)
        self._maybe_rebuild()

    def add(self, layer, rebuild=True) -> None:
        """Puts a layer (or an Input) on top of the stack.

        Raises:
            LayerError: If it is no layer, or its name is taken.
        """
        stack = self._state.extra["stack"]
        if isinstance(layer, KerasTensor) and layer.node is not None and layer.node.layer.is_input:
            layer = layer.node.layer
        if not isinstance(layer, Layer):
            if callable(layer):
                from kerastorch.backend_registry import module_layer

                layer = module_layer(layer) or layer
            if not isinstance(layer, Layer):
                raise LayerError(f"Sequential {self.name!r}: Only instances of Layer can be added, and {layer!r} of type "
                                 f"{type(layer).__name__} is none")  # fmt: skip
        if any(x is layer or x.name == layer.name for x in stack):
            raise LayerError(
                f"Sequential {self.name!r} has a layer named {layer.name!r} already, but all should have unique names"
            )
        if layer.is_input:
            if stack:
                raise LayerError(f"Sequential {self.name!r}: an Input comes first, and that has already been configured")
        elif not stack and layer._state.input_shape is not None:
            dtype = "int32" if type(layer).__name__ == "Embedding" else dtypes.floatx()
            stack.append(Input(batch_shape=layer._state.input_shape, dtype=dtype).node.layer)
        stack.append(layer)
        if rebuild:
            self._maybe_rebuild()

    def pop(self, rebuild=True) -> Layer:
        """Takes the layer on top off the stack and returns it."""
        layer = self._state.extra["stack"].pop()
        self._forget()
        if rebuild:
            self._maybe_rebuild()
        return layer

    def _forget(self) -> None:
        for key in ("graph", "inputs", "operations"):
            self._state.extra.pop(key, None)
        self._state.runners.clear()
        self._state.lowered.clear()
        self.built = False

    def _maybe_rebuild(self) -> None:
        stack = self._state.extra["stack"]
        self._forget()
        if stack and stack[0].is_input and len(stack) > 1:
            self._record_stack(stack[0].output)
        elif stack and isinstance(stack[0], Model) and stack[0].graph is not None:
            self._build_for(stack[0].input_shape, None)

    def _record_stack(self, x: Any) -> None:
        inputs = x
        with scope.name_scope(self.name, self):
            for layer in self._state.extra["stack"]:
                needed = specs_of(type(layer)).needed
                if len(needed) > 1:
                    raise LayerError(f"Sequential {self.name!r}: layers can only have a single positional argument, but call() of "
                                     f"{layer.name!r} ({type(layer).__name__}) needs {', '.join(needed)}")  # fmt: skip
                if not layer.is_input:
                    x = layer(x)
        self._record_graph(inputs, x)
        scope.unique_name("functional")  # Keras makes a functional model here, which counts in later names

    def _build_for(self, shape: Any, dtype: str | None) -> None:
        """Records the graph for inputs of a shape."""
        self._build_on(lambda: Input(batch_shape=shape, dtype=dtype or dtypes.floatx()))

    def _build_on(self, start: Callable[[], Any]) -> None:
        stack = self._state.extra["stack"]
        if not stack:
            raise LayerError(f"Sequential {self.name!r} has no layers to build")
        with _outside():
            self._record_stack(start())

    def build(self, input_shape=None):
        """Records the graph for inputs of the given shape, batch dimension included."""
        graph = self._state.extra.get("graph")
        if graph is not None:
            have = graph.inputs[0].shape
            if is_shape(input_shape) and len(graph.inputs) == 1 and not _agree(have, tuple(input_shape)):
                raise LayerError(f"Sequential {self.name!r} has already been configured for inputs of shape {have}")
            return
        if input_shape is None or not is_shape(input_shape):
            raise LayerError(f"Sequential {self.name!r} needs one input shape to be built, not {input_shape!r}")
        self._build_for((None, *tuple(input_shape)[1:]), self._state.extra.get("input_dtype"))

    def _maybe_build(self, known: dict[str, Any]) -> None:
        if self._state.extra.get("graph") is not None:
            self.built = True
            return
        from kerastorch.op import dtype_of, shape_of

        x = next(iter(known.values()))
        if isinstance(x, list | tuple | dict):
            self._build_on(lambda: mapped(lambda t: Input(batch_shape=(None, *shape_of(t)[1:]), dtype=dtype_of(t)), x))
            self.built = True
            return
        dtype = dtype_of(x)
        try:
            self._build_for((None, *shape_of(x)[1:]), dtype if dtype and not dtypes.is_float(dtype) else None)
        except NotImplementedError:  # a layer cannot say what its output will be: there is no graph, but it can be run
            if scope.is_symbolic():
                raise
        self.built = True

    @property
    def layers(self) -> list[Layer]:
        """The layers of the stack, the Input not counted."""
        return [x for x in self._state.extra.get("stack", ()) if not x.is_input]

    @layers.setter
    def layers(self, _: Any) -> None:
        raise AttributeError("`Sequential.layers` attribute is reserved. Use `add()` and `pop()` to change the stack")

    def _layers(self) -> list[Layer]:
        return self.layers

    @property
    def input_layer(self) -> Layer | None:
        """The layer at which the stack begins, whether it was added or made when the input's shape became known."""
        stack, graph = self._state.extra["stack"], self._state.extra.get("graph")
        return stack[0] if stack and stack[0].is_input else graph.inputs[0].node.layer if graph is not None else None

    @property
    def operations(self) -> list[Any]:
        return self.layers

    def call(self, inputs, training=None, mask=None):
        """Runs the layers one after the other."""
        if self._state.extra.get("graph") is None:
            for layer in self.layers:
                inputs = layer(inputs)
            return inputs
        return Functional.call(self, inputs, training=training, mask=mask)

    @property
    def graph(self):
        return self._state.extra.get("graph") if type(self).call is Sequential.call else None


def _agree(a: tuple, b: tuple) -> bool:
    return len(a) == len(b) and all(None in pair or pair[0] == pair[1] for pair in zip(a, b, strict=True))


class _outside:
    """Records as if no layer were being called around."""

    def __enter__(self):
        self.depth, scope.state.symbolic = scope.state.symbolic, 0
        self.calls, scope.state.calls = scope.state.calls, []

    def __exit__(self, *_):
        scope.state.symbolic, scope.state.calls = self.depth, self.calls
