"""Running lowered layers: modules in the mode that a call asks for, and getting a model ready to train."""

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from kerastorch import dtypes, scope, tree
from kerastorch.backends.torch import native as native_
from kerastorch.backends.torch import tensors
from kerastorch.backends.torch.lowering import Lowering, Piece
from kerastorch.backends.torch.native import ParameterHome, Weight
from kerastorch.errors import NotBuilt, NotLowerable
from kerastorch.graph import Graph, KerasTensor, attach_masks, with_masks
from kerastorch.variable import Variable

_last_mode: tuple[Any, bool] = (lambda: None, False)  # which module was last put into which mode: most calls need not do it


def set_mode(module: nn.Module, training: bool) -> None:
    """Puts a module and all below it into training or evaluation mode, unless that is what was done last."""
    global _last_mode
    last, mode = _last_mode
    if last() is not module or mode != training or module.training != training:
        module.train(training)
        _last_mode = weakref.ref(module), training


def runner(backend: Any, layer: Any) -> Callable | None:
    """What runs a layer called on tensors: its module where it has a native lowering or a graph, None for its own `call`."""
    lowering = Lowering(backend, adopt=True, export=False)
    if layer.graph is not None:
        masked = with_masks(layer.graph)
        return GraphRunner(layer, lowering.piece(layer).module, masked and lowering.graph_module(masked, layer.name))
    if lowering.native_rule(layer) is None or layer.activity_regularizer is not None:
        return None
    piece = lowering.piece(layer)
    return NativeRunner(backend, piece) if piece.native is not None and not piece.native.given else None


class GraphRunner:
    """Runs a recorded model on tensors."""

    def __init__(self, model: Any, module: nn.Module | None, masked: nn.Module | None):
        assert module is not None
        self.model, self.module = model, module
        self.masked = masked  # the same with the masks of the outputs beside them, where there are any

    def __call__(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        flat = self.model.standardize_inputs(inputs)
        set_mode(self.module, bool(training))
        return self.module(*flat) if self.masked is None else attach_masks(*self.masked(*flat))


class NativeRunner:
    """Runs one layer on tensors by its native lowering."""

    def __init__(self, backend: Any, piece: Piece):
        assert piece.native is not None and piece.module is not None
        self.backend, self.native, self.module, self.layer = backend, piece.native, piece.module, piece.layer

    def __call__(self, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        native, layer = self.native, self.layer
        if any(v is not None and k not in native.keywords for k, v in kwargs.items()):
            return layer._run_python(self.backend, args, kwargs, training)  # a mask that the module does not know of
        set_mode(self.module, bool(training))
        args = tuple(self.give(a) for a in args)
        kwargs = {k: self.give(v) for k, v in kwargs.items() if k in native.keywords}
        out = self.module(*args, **kwargs)
        if native.channels_first:
            out = out.permute(0, *range(2, out.ndim), 1)
        if native.then is not None:
            with scope.autocast(layer._autocast_dtype):
                out = native.then(out)
        return out

    def give(self, x: Any) -> Any:
        if isinstance(x, list | tuple):
            return type(x)(self.give(v) for v in x)
        if not isinstance(x, torch.Tensor):
            return x
        native = self.native
        if native.takes == "float" and x.dtype != torch.bool:
            wanted = tensors.native_dtype(self.layer.compute_dtype)
            x = x if x.dtype == wanted else x.to(wanted)
        elif native.takes == "int" and not dtypes.is_integer(tensors.dtype(x)):
            x = x.to(torch.int32)
        return x.permute(0, x.ndim - 1, *range(1, x.ndim - 1)) if native.channels_first else x


def adopt(backend: Any, variable: Variable) -> None:
    """Moves a variable that belongs to no module from the host to a parameter or buffer of its own."""
    holder = nn.Module()
    value = backend.convert(variable.numpy(), variable.dtype)
    native_.register(holder, "value", variable, value)
    variable.move(ParameterHome(backend, holder, Weight(variable, ["value"])))


def prepare(backend: Any, model: Any) -> None:
    """Lowers a model and all layers in it, so that all weights are at home here."""
    model._leave_for(backend)
    for layer in model._flatten_layers():
        if layer.built and backend.name not in layer._state.runners:
            layer._state.runners[backend.name] = runner(backend, layer)
    for layer in model._flatten_layers():
        for v in layer._own_variables:
            if v.backend is not backend:
                adopt(backend, v)


def module(backend: Any, layer: Any) -> nn.Module:
    """The module whose parameters are the layer's weights."""
    if not layer.built:
        raise NotBuilt(f"layer {layer.name!r} is not built, so it has no torch module yet: call it on data, or build it first")
    prepare(backend, layer)
    return Lowering(backend, adopt=True, export=False).holder(layer)


def lower(backend: Any, model: Any, adopt: bool = False, spec: Any = None) -> nn.Module:
    """The model as an `nn.Module`: a copy of the weights, in evaluation mode, or with `adopt` the model's own module.

    `spec` is what one without a graph takes, a nest of KerasTensors for each argument; else it is what it was called with.
    """
    if adopt:
        return module(backend, model)
    if not model.built:
        raise NotBuilt(f"model {model.name!r} is not built, so it cannot be lowered: call it on data, or build(input_shape)")
    lowering = Lowering(backend, adopt=False, export=True)
    if model.graph is not None:
        return lowering.graph_module(model.graph, model.name, names=model.input_names).eval()
    return lower_call(lowering, model, spec or model._state.called_with).eval()


def lower_call(lowering: Lowering, layer: Any, spec: Any) -> nn.Module:
    """A layer or subclassed model that stands alone, as a module."""
    if spec is None:
        raise NotLowerable(f"{layer.name!r} was never called, so the shapes of its inputs are not known: call it on data first")
    inputs = [KerasTensor(t.shape, t.dtype, name=f"x{i}") for i, t in enumerate(tree.leaves(spec)) if isinstance(t, KerasTensor)]
    it = iter(inputs)
    args = tree.map_structure(lambda t: next(it) if isinstance(t, KerasTensor) else t, spec)
    if layer.graph is None and lowering.native_rule(layer) is None and layer._layers():
        return lowering.traced_module(lowering.piece(layer), args, {})
    with scope.tracing():
        out = layer(*args)
    return lowering.graph_module(Graph(inputs, out), layer.name)

