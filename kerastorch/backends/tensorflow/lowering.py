"""Lowering to TensorFlow: a model becomes a tree of tf.Modules named as its layers, whose call runs the recorded graph."""

import re
from typing import Any

import tensorflow as tf

from kerastorch import backend_registry, scope
from kerastorch.backends.tensorflow import homes
from kerastorch.backends.tensorflow.homes import VariableHome
from kerastorch.layers.base import Layer
from kerastorch.layers.calls import specs_of
from kerastorch.layers.structures import as_tensors, found_in
from kerastorch.models import model as model_
from kerastorch.variable import Variable


class Bindings:
    """Which tf.Variable stands for which variable of the model; see `scope.values`. What is assigned goes to the tf.Variable."""

    def __init__(self) -> None:
        self.variables: dict[int, tf.Variable] = {}

    def __contains__(self, key: int) -> bool:
        return key in self.variables

    def get(self, key: int) -> tf.Tensor | None:
        """The value of what stands for a variable, None where nothing does."""
        found = self.variables.get(key)
        return None if found is None else found.value()

    def __setitem__(self, key: int, value: tf.Tensor) -> None:
        self.variables[key].assign(value)


class LoweredLayer(tf.Module):
    """The weights of a layer, as tf.Variables, and below it those of the layers in it."""


class LoweredModel(LoweredLayer):
    """A model, or a single layer, as a tf.Module.

    It is called as `module(*inputs, training=False)` with tensors in the order of the model's inputs (or with what the model's
    own `call` takes), by itself or inside a tf.function.
    """

    def __init__(self, layer: Any, bindings: Bindings, name: str):
        super().__init__(name=name)
        self._run = _Hidden(layer, bindings)

    def __call__(self, *inputs: Any, training: bool = False, **keywords: Any) -> Any:
        return self._run(inputs, training, keywords)


class _Hidden:
    """What a module runs, out of sight of tf.Module's search for variables."""

    def __init__(self, layer: Any, bindings: Bindings):
        self.layer, self.bindings, self.graph = layer, bindings, layer.graph
        self.backend = backend_registry.get("tensorflow")

    def __call__(self, inputs: tuple, training: bool, keywords: dict[str, Any]) -> Any:
        layer = self.layer
        with scope.values(self.bindings), backend_registry.using(self.backend):
            if self.graph is None:
                return (
                    layer(*inputs, training=training, **keywords) if specs_of(type(layer)).training else layer(*inputs, **keywords)
                )
            given = inputs[0] if len(inputs) == 1 else list(inputs)
            with scope.in_training(training):
                return model_.run(self.graph, layer.standardize_inputs(as_tensors(self.backend, given)), training)


def lower(backend: Any, model: Any, adopt: bool = False) -> LoweredModel:
    """The model (or layer) as a tf.Module with a copy of the weights, or with `adopt` with tf.Variables that are their home.

    Raises:
        ValueError: If the model is not built.
    """
    if not model.built:
        raise ValueError(f"model {model.name!r} is not built, so it cannot be lowered: call it on data, or build(input_shape)")
    bindings = Bindings()
    module = LoweredModel(model, bindings, identifier(model.name))
    _fill(backend, module, model, bindings, adopt, {id(model): module})
    rest = [v for v in model.variables if id(v) not in bindings]
    _hold(backend, module, rest, bindings, adopt)
    if adopt:
        bindings.variables.clear()
    return module


def _fill(backend: Any, module: tf.Module, layer: Any, bindings: Bindings, adopt: bool, made: dict[int, tf.Module]) -> None:
    """Gives a module the weights of a layer, and a module for each layer in it; layers met twice share one."""
    _hold(backend, module, layer._own_variables, bindings, adopt)
    for name, sub in _named(layer):
        inner = made.get(id(sub))
        if inner is None:
            inner = made[id(sub)] = LoweredLayer(name=identifier(sub.name))
            _fill(backend, inner, sub, bindings, adopt, made)
        setattr(module, _free(module, name), inner)


def _hold(backend: Any, module: tf.Module, variables: list[Variable], bindings: Bindings, adopt: bool) -> None:
    for v in variables:
        if id(v) in bindings:
            continue
        name = _free(module, v.name)
        if adopt and v.backend is not backend:
            homes.adopt(backend, v)
        home = v.home
        made = home.variable if adopt and isinstance(home, VariableHome) else homes.make(v, identifier(v.name))
        bindings.variables[id(v)] = made
        setattr(module, name, made)


def _named(layer: Any) -> list[tuple[str, Any]]:
    """The layers in a layer: by their names in a recorded model, else by the attributes that hold them."""
    if layer.graph is not None:
        return [(sub.name, sub) for sub in layer._layers() if not sub.is_input]
    found: dict[int, tuple[str, Any]] = {}
    for name, value in layer.__dict__.items():
        if name != "_state":
            for sub in found_in(value, Layer):
                found.setdefault(id(sub), (name if value is sub else sub.name, sub))
    return [(name, sub) for name, sub in found.values() if sub is not layer]


def _free(module: tf.Module, name: str) -> str:
    """An attribute name like the one given that the module has no use for yet."""
    base = found = identifier(name)
    n = 1
    while hasattr(module, found):
        found, n = f"{base}_{n}", n + 1
    return found


def identifier(name: str) -> str:
    """A name as TensorFlow takes it for a module: letters, digits and underscores, no digit first."""
    name = re.sub(r"\W", "_", name)
    return f"_{name}" if not name or name[0].isdigit() else name
