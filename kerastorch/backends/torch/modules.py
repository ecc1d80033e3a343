"""Modules that a lowered model has beside torch's own and those of `layers/`."""

import copy
import linecache
import weakref
from collections.abc import Sequence
from typing import Any

from torch import fx, nn
from torch.fx.node import map_aggregate

from kerastorch import backend_registry
from kerastorch.backends.torch import tensors
from kerastorch.layers.base import Layer
from kerastorch.operation import Operation


def share(module: nn.Module, root: nn.Module) -> None:
    """Gives a module the very parameters, buffers and submodules of another, so that moving one moves both."""
    for kind in ("_parameters", "_buffers", "_non_persistent_buffers_set", "_modules"):
        setattr(module, kind, getattr(root, kind))


class Reference(int):
    """The number of a node, where a node stands in the arguments of another."""


def rows_of(graph: fx.Graph) -> list[tuple]:
    """A graph as one row per node; as it is, its nodes are a chain too deep to be pickled."""
    numbers = {node: Reference(i) for i, node in enumerate(graph.nodes)}
    return [(n.op, n.target, *(fx.map_arg(a, numbers.__getitem__) for a in (n.args, n.kwargs)), n.name) for n in graph.nodes]


def graph_of(rows: list[tuple]) -> fx.Graph:
    """The graph of such rows."""
    graph, nodes = fx.Graph(), []

    def node_of(a: Any) -> Any:
        return nodes[a] if isinstance(a, Reference) else a

    for op, target, args, kwargs, name in rows:
        args, kwargs = (map_aggregate(a, node_of) for a in (args, kwargs))
        nodes.append(graph.create_node(op, target, args, kwargs, name))
    return graph


def revive(state: dict[str, Any], graphs: list[list[tuple]], name: str) -> "Lowered":
    """A module from what `Lowered.__reduce__` gave."""
    root = nn.Module()
    root.__dict__.update(state)
    new = Lowered(root, [graph_of(rows) for rows in graphs], name)
    new.training, new.frozen = root.training, getattr(root, "frozen", False)
    return new


def forget_source(name: str) -> None:
    """Drops what is kept of a generated function for tracebacks."""
    fx.graph_module._loader.eval_cache.pop(name, None)
    linecache.cache.pop(name, None)


class Lowered(fx.GraphModule):
    """A module whose forward is generated: one graph for both modes, or one for training and another for inference.

    Args:
        root: What holds the parameters, buffers and submodules, which the module shares.
        graphs: One graph, or those for training and for inference.
        name: Name of the class.
    """

    frozen = False  # whether the graph for inference serves in training too

    def __init__(self, root: nn.Module, graphs: Sequence[fx.Graph], name: str):
        self.__dict__["graphs"] = list(graphs)
        super().__init__(root, graphs[0], name)
        share(self, root)

    def recompile(self) -> Any:
        """Writes the code of all graphs; torch asks for it again whenever a module around this one is compiled."""
        cls, forwards = type(self), []
        for graph in reversed(self.graphs):
            self._graph = graph
            code = super().recompile()
            forwards.append(cls.forward)
            # torch.fx keeps the source of each generated function for good; a process that makes many models would grow.
            weakref.finalize(self, forget_source, cls.forward.__code__.co_filename).atexit = False
        if len(forwards) == 1:
            return code
        infer, train = forwards

        def forward(self, *args):
            return train(self, *args) if self.training and not self.frozen else infer(self, *args)

        cls.forward = forward
        return code

    def __reduce__(self) -> Any:
        state = {k: v for k, v in self.__dict__.items() if k not in ("graphs", "_graph", "_code", "_lineno_map")}
        return revive, (state, [rows_of(g) for g in self.graphs], self._get_name())

    def __deepcopy__(self, memo: Any) -> "Lowered":
        function, (state, *rest) = self.__reduce__()
        return function(copy.deepcopy(state, memo), *rest)


class Again(nn.Module):
    """A further use of a layer whose module is registered beside this one: it owns no parameters.

    Args:
        owner: The module of the layer's first use.
        module: What runs; the same, or one that was traced for inputs of another shape and shares the parameters.
        training: The mode that the caller fixed, whatever surrounds it; None is that of the owner.
    """

    def __init__(self, owner: nn.Module, module: nn.Module, training: bool | None = None):
        super().__init__()
        self.held = (owner, module)  # in a tuple, so that torch lists their parameters once only
        self.fixed = training

    def forward(self, *args, **kwargs):
        owner, module = self.held
        if module is owner and self.fixed is None:
            return module(*args, **kwargs)
        mode = owner.training if self.fixed is None else self.fixed
        before = [(m, m.training) for m in module.modules()]
        for m, _ in before:
            m.training = mode
        try:
            return module(*args, **kwargs)
        finally:
            for m, training in before:
                m.training = training

    def __deepcopy__(self, memo: Any) -> "Again":
        owner, module = (copy.deepcopy(m, memo) for m in self.held)
        if module is not owner:
            share(module, owner)
        return Again(owner, module, self.fixed).train(self.training)

    def extra_repr(self) -> str:
        return type(self.held[1]).__name__ + ("" if self.fixed is None else f", training={self.fixed}")


class Rematerialized(nn.Module):
    """A use of a layer, whose module is registered beside this one, that keeps no intermediate results for the gradient."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.held = (module,)  # in a tuple, so that torch lists its parameters once only

    def forward(self, *args, **kwargs):
        return tensors.remat(self.held[0])(*args, **kwargs)


class OperationCall(nn.Module):
    """A user's operation that runs its own Python `call`."""

    def __init__(self, operation: Operation, backend: Any):
        super().__init__()
        self._call = (operation, backend)

    def forward(self, *args, **kwargs):
        operation, backend = self._call
        with backend_registry.using(backend):
            return operation(*args, **kwargs)


class PythonCall(nn.Module):
    """A user's layer that runs its own Python `call` over lowered sublayers."""

    def __init__(self, layer: Layer, backend: Any, held: nn.Module):
        super().__init__()
        for name, p in held._parameters.items():
            self.register_parameter(name, p)
        for name, b in held._buffers.items():
            self.register_buffer(name, b)
        self._call = (layer, backend)  # in a tuple, so that torch does not look for modules in it

    def forward(self, *args, **kwargs):
        layer, backend = self._call
        return layer._run_python(backend, args, kwargs, self.training)
