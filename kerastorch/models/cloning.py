"""Copies of models with fresh weights."""

from collections.abc import Callable
from typing import Any

from kerastorch import tree
from kerastorch.graph import KerasTensor, Node
from kerastorch.layers.base import Layer
from kerastorch.layers.input import Input
from kerastorch.models import configuration
from kerastorch.models.model import Functional, Model
from kerastorch.models.sequential import Sequential
from kerastorch.saving.objects import deserialize_keras_object, serialize_keras_object
from kerastorch.saving.safety import safe_mode


def clone_model(model, input_tensors=None, clone_function=None, call_function=None, recursive=False, **kwargs) -> Model:
    """A model like another, with layers of its own and fresh weights; compiled as the other one is.

    Args:
        model: Sequential or functional model, or a subclassed one whose class has a `get_config`.
        input_tensors: KerasTensors on which to build the copy, in the structure of the model's inputs; None makes them.
        clone_function: Makes the new layer from the old one, Inputs excepted; None makes it from its configuration.
        call_function: Called as `(layer, *args, **kwargs)` in place of `layer(*args, **kwargs)`; for functional models.
        recursive: Whether models inside are copied this way too, rather than by `clone_function`.

    Raises:
        ValueError: If an argument does not suit this kind of model.
    """
    copies = kwargs.pop("cache", None)
    if kwargs:
        raise ValueError(f"clone_model: unknown arguments {', '.join(sorted(kwargs))}")
    graph = isinstance(model, Model) and not isinstance(model, Sequential) and model.graph is not None
    default = type(model).get_config is Model.get_config and configuration._takes_a_graph(type(model))
    if call_function is not None and not graph:
        raise ValueError(
            f"clone_model: call_function is for functional models, not for the {type(model).__name__} {model.name!r}"
        )
    cloner = _Cloner(clone_function, call_function, recursive, {} if copies is None else copies)
    if isinstance(model, Sequential):
        new = cloner.stack(model, input_tensors)
    elif graph and (default or clone_function is not None or input_tensors is not None):
        new = cloner.network(model, input_tensors)
    elif clone_function is not None or input_tensors is not None:
        raise ValueError(
            "clone_model: clone_function and input_tensors are for Sequential and functional models, not for the "
            f"{type(model).__name__} {model.name!r}"
        )
    else:
        new = deserialize_keras_object(
            serialize_keras_object(model), custom_objects={type(model).__name__: type(model)}, safe_mode=False
        )
    if model.compiled and not new.compiled:
        with safe_mode(False):
            new.compile_from_config(model.get_compile_config())
    return new


def from_own_config(layer: Layer) -> Layer:
    """A new layer from a layer's configuration."""
    with safe_mode(False):  # no file has any part in it
        return type(layer).from_config(layer.get_config())


class _Cloner:
    """One cloning: each layer is copied once, however often it occurs."""

    def __init__(self, clone: Callable | None, call: Callable | None, recursive: bool, copies: dict[int, Layer]):
        self.clone, self.call, self.recursive, self.copies = clone or from_own_config, call, recursive, copies

    def copy(self, layer: Layer) -> Layer:
        found = self.copies.get(id(layer))
        if found is None:
            nested = (
                self.recursive
                and isinstance(layer, Model)
                and (isinstance(layer, Sequential) or layer.graph is not None)
            )
            if nested:
                call = None if isinstance(layer, Sequential) else self.call
                found = clone_model(layer, None, self.clone, call, True, cache=self.copies)
            else:
                found = self.clone(layer)
            self.copies[id(layer)] = found
        return found

    def stack(self, model: Sequential, tensors: Any) -> Sequential:
        layers: list[Any] = [self.copy(x) for x in model.layers]
        start: Any = model.input_layer
        if tensors is not None:
            given = list(tensors) if isinstance(tensors, list | tuple) else [tensors]
            if len(given) != 1 or not isinstance(given[0], KerasTensor):
                raise ValueError(
                    f"clone_model: input_tensors for a Sequential must be one KerasTensor, not {tensors!r}"
                )
            layers.insert(0, Input(tensor=given[0], name=start.name if start is not None else None))
        elif start is not None:
            layers.insert(
                0, Input(batch_shape=start.batch_shape, dtype=start.dtype, name=start.name, optional=start.optional)
            )
        return Sequential(layers, trainable=model.trainable, name=model.name)

    def network(self, model: Model, tensors: Any) -> Model:
        graph = model.graph
        assert graph is not None
        if tensors is None:
            tensors = _map(
                lambda t: Input(batch_shape=t.shape, dtype=t.dtype, name=t.node.title if t.node else t.name),
                model.input,
            )
        elif any(not isinstance(t, KerasTensor) for t in tree.leaves(tensors)):
            raise ValueError(f"clone_model: input_tensors must be KerasTensors, not {tensors!r}")
        elif (tree.is_nested(tensors) != tree.is_nested(model.input) or len(tree.leaves(tensors)) != len(graph.inputs)
              or isinstance(tensors, dict) != isinstance(model.input, dict)):  # fmt: skip
            raise ValueError(
                f"clone_model: `input_tensors` must have the same structure as model.input, {model.input!r}, not {tensors!r}"
            )

        def one(node: Node, args: tuple, kwargs: dict) -> Any:
            if node.layer is None:
                return node.operation(*args, **kwargs)
            layer = self.copy(node.layer)
            return layer(*args, **kwargs) if self.call is None else self.call(layer, *args, **kwargs)

        outputs = graph.run(tree.leaves(tensors), one)
        cls = type(model) if configuration._takes_a_graph(type(model)) else Functional
        return (Functional if cls is Model else cls)(tensors, outputs, name=model.name)


def _map(f: Callable, structure: Any) -> Any:
    return f(structure) if isinstance(structure, KerasTensor) else tree.map_structure(f, structure)
