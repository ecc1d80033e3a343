"""Lowering to torch: a recorded graph becomes an fx GraphModule whose submodules are named as the layers.

A layer becomes, in this order of preference,
  * the module that its native lowering gives (`kerastorch.backends.torch.layers`),
  * a GraphModule of its own, from its `call` traced over ops (the package's layers, models, and users' layers on export),
  * a module that runs the user's own Python `call` (users' layers in a training model).
Layers without weights, sublayers or a training mode are written into the forward of the model around them.
"""

import copy
import keyword
import operator
import re
import types
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import fx, nn

from kerastorch import dtypes, ops, passes, scope, shapes, tree
from kerastorch.backends.torch import native as native_
from kerastorch.backends.torch import tensors
from kerastorch.backends.torch.modules import Again, Lowered, OperationCall, PythonCall, Rematerialized
from kerastorch.backends.torch.native import Native, Weight
from kerastorch.errors import NotLowerable, at, is_own
from kerastorch.graph import Graph, KerasTensor, Node, tensors_in
from kerastorch.layers.base import Layer
from kerastorch.op import AS_NUMBER, operand, trace
from kerastorch.operation import Recorded
from kerastorch.ops.core import is_size
from kerastorch.random import SeedGenerator
from kerastorch.variable import Variable


class Value:
    """A tensor of the forward being written: as recorded, and with channels first where somebody asked for that."""

    __slots__ = ("part", "recorded", "swapped")

    def __init__(self, recorded: fx.Node | None = None, swapped: fx.Node | None = None, part: tuple[fx.Node, Any] | None = None):
        self.recorded, self.swapped, self.part = recorded, swapped, part

    def get(self, graph: fx.Graph, rank: int, channels_first: bool = False) -> fx.Node:
        """The node in the layout asked for; made as a view of the other where it does not exist."""
        if self.recorded is None and self.swapped is None:
            self.recorded = graph.call_function(operator.getitem, self.part)
        if channels_first:
            if self.swapped is None:
                self.swapped = graph.call_method("permute", (self.recorded, 0, rank - 1, *range(1, rank - 1)))
            return self.swapped
        if self.recorded is None:
            self.recorded = graph.call_method("permute", (self.swapped, 0, *range(2, rank), 1))
        return self.recorded


class Piece:
    """One layer, lowered: its module, and how a call of it is written."""

    def __init__(self, layer: Layer, module: nn.Module | None, native: Native | None = None, kind: str = "graph"):
        self.layer, self.module, self.native, self.kind = layer, module, native, kind
        self.traced: dict[Any, nn.Module] = {}  # by the inputs' shapes, for layers whose call is traced
        self.held: tuple[nn.Module, list[Weight]] | None = None  # the parameters that these share

    def train(self, flag: bool) -> None:
        """Told when the layer becomes trainable or ceases to be: some layers then do in training what they do otherwise."""
        if self.layer.rests_when_frozen:
            for module in (self.module, *self.traced.values()):
                if module is not None:
                    module.frozen = not flag


class Lowering:
    """One pass over a model; layers met twice are lowered once.

    Args:
        backend: The torch backend.
        adopt: Whether the new parameters become the home of the variables; else they are copies.
        export: Whether users' layers are traced too, so that nothing of kerastorch is left in the module.
    """

    def __init__(self, backend: Any, adopt: bool, export: bool):
        self.backend, self.adopt, self.export = backend, adopt, export
        self.pieces: dict[int, Piece] = {}
        self.placed: set[int] = set()  # modules that stand somewhere in the tree
        self.homes: dict[int, tuple[Layer, nn.Module, Weight]] = {}  # by variable: the layer whose module holds it

    # ---------------------------------------------------------------- layers

    def piece(self, layer: Layer) -> Piece:
        """The layer, lowered; at most once per pass, and once for good where its parameters are the variables' home."""
        found = self.pieces.get(id(layer))
        if found is None:
            kept = layer._state.lowered.get("torch") if self.adopt else None
            found = kept or self._make(layer)
            self.pieces[id(layer)] = found
            if kept is not None and (kept.native is not None or kept.held is not None):
                module, weights = kept.held or (kept.module, kept.native.weights)
                self.homes.update((id(w.variable), (layer, module, w)) for w in weights)
            if self.adopt:
                layer._state.lowered["torch"] = found
        return found

    def _make(self, layer: Layer) -> Piece:
        rule = self.native_rule(layer)
        if rule is not None and (layer.activity_regularizer is None or self.export):
            native = rule(layer)
            if native is not None:
                if native.given and not self.adopt:
                    native.module = copy.deepcopy(native.module)
                native.module.to(tensors.current_device())
                self.place(layer, native.module, native.weights)
                for w in native.weights:
                    for owner, name in (native_._owner(native.module, n) for n in w.names):
                        p = getattr(owner, name)
                        if isinstance(p, nn.Parameter) and p.requires_grad != w.variable.trainable:
                            p.requires_grad_(w.variable.trainable)
                for sub in layer._flatten_layers(include_self=False) if self.adopt else ():
                    sub._state.runners[self.backend.name] = None  # their weights live here now: by themselves they run over ops
                return Piece(layer, native.module, native, "native")
        if layer.graph is not None:
            return Piece(layer, self.graph_module(layer.graph, layer.name))
        own = is_own(type(layer)) and not layer.adds_losses
        if (own and layer.activity_regularizer is None and not layer.runs_on_host) or self.export:
            if self.inlinable(layer):
                return Piece(layer, None, kind="inline")
            return Piece(layer, None, kind="traced")
        held, weights = native_.hold(self.unshared(layer), tensors.current_device(), tensors.native_dtype)
        module = PythonCall(layer, self.backend, held)
        self.place(layer, module, weights)
        for name, sub in _children(layer):
            inner = self.piece(sub)
            if inner.module is not None:
                module.add_module(_free(module, name), inner.module)
        return Piece(layer, module, kind="python")

    def place(self, layer: Layer, module: nn.Module, weights: list[Weight]) -> None:
        """Fills a module's parameters with a layer's variables."""
        native_.place(self.backend, module, weights, self.adopt)
        self.homes.update((id(w.variable), (layer, module, w)) for w in weights)

    def unshared(self, layer: Layer) -> list[Variable]:
        """The layer's own variables, less those that belong to a layer below it, which is lowered first and keeps them."""
        below = {id(v): sub for sub in layer._flatten_layers(include_self=False) for v in sub._own_variables}
        own = layer._own_variables
        for v in own:
            if id(v) in below and id(v) not in self.homes:
                self.hold(self.piece(below[id(v)]))
        return [v for v in own if id(v) not in below]

    def hold(self, piece: Piece) -> tuple[nn.Module, list[Weight]] | None:
        """What holds the parameters of a layer whose call is traced; None where its module does."""
        if piece.held is None and piece.kind == "traced":
            root, weights = native_.hold(self.unshared(piece.layer), tensors.current_device(), tensors.native_dtype)
            self.place(piece.layer, root, weights)
            piece.held = root, weights
        return piece.held

    def holder(self, layer: Layer) -> nn.Module:
        """A module that holds the layer's parameters and those of the layers below it, under the names of attributes."""
        piece = self.piece(layer)
        if piece.module is None:
            held = piece.held
            module = held[0] if held else nn.Module()
            for v in layer._own_variables:
                if held is None and isinstance(v.home, native_.ParameterHome):
                    native_.expose(module, _identifier(v.name), v.home.parameters[0])
            for name, sub in _children(layer):
                if name not in module._modules:
                    module.add_module(_free(module, name), self.holder(sub))
            piece.module = module
        return piece.module

    def native_rule(self, layer: Layer) -> Callable | None:
        """The native lowering of the layer's class, unless the user has overridden what it does or how it computes."""
        if not passes.enabled("native_layers") or layer._state.altered:
            return None
        cls = type(layer)
        for base in cls.__mro__:
            rule = self.backend.layers.get(base)
            if rule is not None:
                if any(getattr(cls, m, None) is not getattr(base, m, None) for m in ("call", "build", "__call__")):
                    return None
                return rule if layer.compute_dtype == layer.variable_dtype else None
        return None

    @staticmethod
    def inlinable(layer: Layer) -> bool:
        """Whether the layer's ops can stand in the forward of the model around it."""
        from kerastorch.layers.calls import specs_of

        return not (layer._own_variables or layer._layers() or specs_of(type(layer)).training or layer._remat)

    # ---------------------------------------------------------------- modules

    def graph_module(self, graph: Graph, name: str, extra: Callable | None = None, names: Sequence[str] = ()) -> fx.GraphModule:
        """A graph of layers and ops as a module."""
        writer = Writer(self, nn.Module())
        writer.write(graph, extra, names)
        return Lowered(writer.root, [writer.graph], _class_name(name))

    def traced_module(self, piece: Piece, args: tuple, kwargs: dict) -> nn.Module:
        """A layer's `call`, traced over ops, as a module with the layer's weights; in two modes where training differs."""
        layer = piece.layer
        root, weights = self.hold(piece) or (nn.Module(), [])
        names = {id(w.variable): w.names[0] for w in weights}
        graphs, modules = [], {}
        for traced, training in self.traces(layer, args, kwargs):
            writer = Writer(self, root, names, training)
            writer.modules = modules
            writer.write(traced)
            graphs.append(writer.graph)
        module = Lowered(root, graphs, _class_name(layer.name))
        module.frozen = layer.rests_when_frozen and not layer.trainable
        return module

    @staticmethod
    def traces(layer: Layer, args: tuple, kwargs: dict) -> list[tuple[Graph, bool | None]]:
        """A layer's `call` as a graph, or as two with the training flag that each is for where they differ."""
        from kerastorch.layers.calls import specs_of

        node = Node(layer, args, kwargs)
        found: list[tuple[Graph, bool | None]] = []

        def run(*fresh: KerasTensor) -> Any:
            swap = dict(zip(map(id, node.inputs), fresh, strict=True))
            a, k = node.map_arguments(lambda t: swap[id(t)])
            if training is not None:
                k["training"] = training
            with scope.autocast(layer._autocast_dtype):
                return layer.call(*layer._record_casts(a), **k)

        trainable = layer._trainable
        layer._trainable = trainable or layer.rests_when_frozen  # which of the two serves while frozen, the module knows
        try:
            for training in (True, False) if specs_of(type(layer)).training else (None,):
                with scope.in_training(training):
                    found.append((trace(run, node.inputs), training))
        finally:
            layer._trainable = trainable
        if len(found) == 2 and found[0][0].canonical() == found[1][0].canonical():
            found.pop()
        return found


class Writer:
    """Writes the forward of one module."""

    def __init__(self, lowering: Lowering, root: nn.Module, variables: dict[int, str] | None = None, mode: bool | None = None):
        self.lowering, self.root, self.graph, self.mode = lowering, root, fx.Graph(), mode
        self.variables = {} if variables is None else variables  # both modes of a layer share one
        self.env: dict[int, Value] = {}
        self.before: dict[fx.Node, tuple[Callable, fx.Node]] = {}  # softmax/sigmoid nodes: the op and what it was applied to
        self.modules: dict[Any, str] = {}
        self.written: list[Graph] = []  # kept, since what is known of their tensors is found by identity
        self.lifted: dict[int, fx.Node] = {}  # variables that are arguments of this forward

    def write(
        self, graph: Graph, extra: Callable | None = None, names: Sequence[str] = (), lifted: Sequence[Variable] = ()
    ) -> None:
        """The whole forward: placeholders, nodes, output (`extra(writer)` may add to what is returned)."""
        for i, t in enumerate(graph.inputs):
            name = names[i] if i < len(names) else t.node.title if t.node is not None and t.node.layer is not None else f"x{i}"
            self.env[id(t)] = Value(self.argument(name))
        for v in lifted:
            self.lifted[id(v)] = self.argument(v.name)
        if variables_in(graph):  # some may belong to layers called further down
            for layer in graph.layers:
                self.lowering.hold(self.lowering.piece(layer))
        self.emit_all(graph)
        out = tree.map_structure(lambda t: self.recorded(t) if isinstance(t, KerasTensor) else t, graph.outputs)
        self.graph.output(out if extra is None else (out, extra(self)))
        self.graph.lint()

    def argument(self, name: str) -> fx.Node:
        """One more argument of the forward, under a name of its own."""
        taken = {n.target for n in self.graph.nodes if n.op == "placeholder"}
        name = base = _identifier(name)
        n = 1
        while name in taken:
            name, n = f"{base}_{n}", n + 1
        return self.graph.placeholder(name)

    def emit_all(self, graph: Graph) -> None:
        self.written.append(graph)
        for node in graph.nodes:
            if node.outputs and all(id(t) in self.env for t in node.outputs):
                continue
            try:
                self.emit(node)
            except NotLowerable as error:
                raise NotLowerable(f"{error}, in {node.title!r}{at(node.source)}") from error

    def recorded(self, t: KerasTensor) -> fx.Node:
        """The node of a KerasTensor in the layout as recorded."""
        return self.env[id(t)].get(self.graph, len(t.shape))

    def known(self) -> dict[fx.Node, KerasTensor]:
        """What was recorded of the tensors that nodes of the forward stand for."""
        tensors_ = [t for g in self.written for t in (*g.inputs, *(t for n in g.nodes for t in n.outputs))]
        values = [(self.env.get(id(t)), t) for t in tensors_]
        return {v.recorded: t for v, t in values if v is not None and v.recorded is not None}

    def emit(self, node: Node) -> None:
        """One recorded call."""
        if node.layer is None:
            self.emit_op(node)
        else:
            self.emit_layer(node)

    def bind(self, structure: Any, result: Any, swapped: bool = False) -> None:
        """Names the result of a call by the KerasTensors that stand for it."""
        if isinstance(structure, KerasTensor):
            self.env[id(structure)] = Value(None, result) if swapped else Value(result)
        elif isinstance(structure, dict):
            for k, s in structure.items():
                self.bind_part(s, result, k)
        elif isinstance(structure, list | tuple):
            for i, s in enumerate(structure):
                self.bind_part(s, result, i)

    def bind_part(self, structure: Any, result: Any, key: Any) -> None:
        """Names a part of a result; a tensor is taken out of it only when somebody uses it."""
        if isinstance(structure, KerasTensor):
            self.env[id(structure)] = Value(part=(result, key))
        elif structure is not None:
            self.bind(structure, self.graph.call_function(operator.getitem, (result, key)))

    # ---------------------------------------------------------------- ops

    def emit_op(self, node: Node) -> None:
        """An op by the backend's table, with the casts of its dtype rule; a composite by what its body records."""
        op = node.operation.op
        if op is None:  # a variable is changed
            variable, value, *times = node.args
            source = self.recorded(value) if isinstance(value, KerasTensor) else value
            targets, weight = self.parts(variable)
            number = is_size(value) or isinstance(value, float)
            if number and times:
                for target in targets:
                    target = self.graph.call_method("detach", (target,)) if variable.trainable else target
                    self.graph.call_method("add_", (target, source), {"alpha": times[0]})
                return
            if not isinstance(source, fx.Node):
                source = self.constant(self.lowering.backend.convert(source, variable.dtype))
            source = self.graph.call_method("detach", (source,))
            sources = [source] if weight is None else [p.node for p in weight.to_native(self.proxy(source))]
            for target, part in zip(targets, sources, strict=True):
                if variable.trainable:
                    target = self.graph.call_method("detach", (target,))
                self.graph.call_method(*(("add_", (target, part), {"alpha": times[0]}) if times else ("copy_", (target, part))))
            return
        if op.function is ops.size_arithmetic:
            function, *sizes = node.args
            self.bind(node.structure, self.graph.call_function(function, tuple(map(self.attribute, sizes))))
            return
        if op.function is ops.cast and isinstance(node.args[0], KerasTensor) and not node.args[0].dtype.startswith("complex"):
            source = self.env[id(node.args[0])]
            if node.structure.dtype != node.args[0].dtype:
                swapped = source.swapped is not None
                x = source.get(self.graph, len(node.structure.shape), swapped)
                cast = self.cast(node.args[0], x, node.structure.dtype)
                source = Value(None, cast) if swapped else Value(cast)
            self.env[id(node.structure)] = source
            return
        backend = self.lowering.backend
        function = None if op.prefer_body else backend.ops.get(op.function)
        if hasattr(function, "declined"):
            function = None if function.declined(*node.args) else function.function
        if function is None:
            if op.primitive:
                raise NotLowerable(f"the torch backend has no rule for ops.{op.name}")
            if isinstance(op, Recorded) and not (op.operation.over_ops or self.lowering.export):
                args, kwargs = node.map_arguments(self.recorded)
                name = self.module_name(node.title, op.operation, lambda: OperationCall(op.operation, backend))  # type: ignore[arg-type]
                self.bind(node.structure, self.graph.call_module(name, args, kwargs))
            else:
                self.expand(node, lambda: op.expanded(*node.args, **node.kwargs))
            return
        wants, result = op.casts(backend, node.args) if op.dtype_rule is not None else (dict.fromkeys(op.operands), None)
        swapped = self.elementwise(op, node)
        args = list(node.args)
        for i, want in wants.items():
            if i in op.variadic:
                args[i] = [self.operand(x, want, swapped) for x in args[i]]
            elif want is not AS_NUMBER:
                args[i] = self.operand(args[i], want, swapped)
        bodies = [a for a in args if isinstance(a, Graph)]
        if bodies:  # loops and branches: what they run becomes submodules, and variables used inside become operands
            lifted = list({id(v): v for b in bodies for v in variables_in(b)}.values())
            at_ = next(iter(op.variadic))
            args[at_] = [*args[at_], *(self.variable(v) for v in lifted)]
            args = [self.body(a, lifted) if isinstance(a, Graph) else a for a in args]
        args = [self.attribute(a) if i not in op.operands else a for i, a in enumerate(args)]
        python = {i: a for i, a in enumerate(args) if isinstance(a, types.FunctionType)}
        if python:  # a generated forward holds no functions as arguments, but calls any
            function, args = partial(function, python), [a for i, a in enumerate(args) if i not in python]
        if isinstance(function, types.MethodDescriptorType):
            out = self.graph.call_method(function.__name__, tuple(args))
        else:
            out = self.graph.call_function(function, tuple(args))
        if isinstance(node.structure, KerasTensor):
            if result is not None and self.natural(function, node, wants) != result:
                out = self.graph.call_method("to", (out, tensors.native_dtype(result)))
            if op.function in (ops.softmax, ops.sigmoid):
                self.before[out] = (node.operation, args[op.operands[0]])
        self.bind(node.structure, out, swapped)

    def elementwise(self, op: Any, node: Node) -> bool:
        """Whether the op may work on its operands with channels first: all have them so, and no axis is meant."""
        if op.shape_rule not in (shapes.unary, shapes.broadcast) or {"axis", "axes"} & set(op.parameters):
            return False
        found = [x for i in op.operands for x in tensors_in(node.args[i])]
        values = [self.env.get(id(t)) for t in found]
        if not found or any(v is None or v.swapped is None for v in values) or len({len(t.shape) for t in found}) != 1:
            return False
        return all(not isinstance(x, Variable) and not hasattr(x, "__array__") for i in op.operands
                   for x in (node.args[i] if i in op.variadic else [node.args[i]]) if not isinstance(x, KerasTensor))  # fmt: skip

    def operand(self, x: Any, want: str | None, swapped: bool = False) -> Any:
        """An operand as a node (or None), in the dtype wanted."""
        if x is None:
            return None
        if isinstance(x, KerasTensor):
            out, have = self.env[id(x)].get(self.graph, len(x.shape), swapped), x.dtype
        elif isinstance(x, Variable):
            out, have = self.variable(x), x.dtype
        else:
            value = operand(self.lowering.backend, x, want)
            return self.constant(value)
        return out if want in (None, have) else self.cast(x, out, want)

    def cast(self, x: KerasTensor | Variable, found: fx.Node, dtype: str) -> fx.Node:
        """A tensor in another dtype; the size of a dimension, which is an int when running, becomes a tensor."""
        if is_size(x):
            return self.graph.call_function(torch.scalar_tensor, (found,), {"dtype": tensors.native_dtype(dtype)})
        return self.graph.call_method("to", (found, tensors.native_dtype(dtype)))

    def attribute(self, a: Any) -> Any:
        """An attribute, with KerasTensors in it (sizes) as nodes."""
        if isinstance(a, KerasTensor):
            return self.recorded(a)
        if isinstance(a, slice):
            return slice(*(self.attribute(p) for p in (a.start, a.stop, a.step)))
        if isinstance(a, list | tuple):
            return type(a)(self.attribute(v) for v in a) if not hasattr(a, "_fields") else type(a)(*map(self.attribute, a))
        if isinstance(a, Variable):
            return self.variable(a)
        if isinstance(a, SeedGenerator):
            return self.generator(a) if a.given else None
        if not isinstance(a, bool | int | float | str | None | type(Ellipsis)) and (
            tensors.is_tensor(a) or hasattr(a, "__array__")
        ):
            return self.constant(self.lowering.backend.convert(a))
        return a

    def natural(self, function: Callable, node: Node, wants: dict[int, Any]) -> str | None:
        """The dtype that torch's function answers in by itself, found on tensors without data.

        Floats are answered by floats of their dtype, whatever the function. Other element-wise ops and reductions are tried
        on single numbers: without data, some of them make torch import its compiler, which takes seconds.
        """
        op = node.operation.op
        result = node.structure.dtype
        given = {wants.get(i) or x.dtype for i, a in enumerate(node.args) if i in wants
                 for x in (a if i in op.variadic else [a]) if isinstance(x, KerasTensor | Variable)}  # fmt: skip
        if given == {result} and dtypes.is_float(result):
            return result
        single = op.shape_rule in (shapes.unary, shapes.broadcast, shapes.reduce) and "seed" not in op.parameters
        device = "cpu" if single else "meta"

        def stand_in(x: Any, want: Any) -> Any:
            if want is AS_NUMBER or x is None:
                return x
            if not isinstance(x, KerasTensor | Variable):
                x = self.lowering.backend.convert(x, want)
                want = tensors.dtype(x)
            sizes = [1 if single else 2 if d is None else d for d in x.shape]
            return torch.empty(sizes, dtype=tensors.native_dtype(want or x.dtype), device=device)

        args = []
        for i, a in enumerate(node.args):
            if i in op.variadic:
                args.append([stand_in(x, wants[i]) for x in a])
            elif i in wants:
                args.append(stand_in(a, wants[i]))
            elif isinstance(a, SeedGenerator):
                args.append(None)  # nothing may be drawn from it here
            else:
                args.append(
                    tree.map_structure(lambda v: 2 if isinstance(v, KerasTensor) else v, a) if isinstance(a, list | tuple) else a
                )
        try:
            with torch.no_grad():
                out = function(*args)
        except (RuntimeError, TypeError, NotImplementedError, ValueError, IndexError):
            return None  # no answer without data: the cast is written to be safe
        return tensors.dtype(out) if tensors.is_tensor(out) else node.structure.dtype

    def body(self, graph: Graph, lifted: Sequence[Variable]) -> fx.Node:
        """What a loop or branch runs, as a submodule that takes the graph's inputs and the variables used in it."""
        writer = Writer(self.lowering, nn.Module(), mode=self.mode)
        writer.write(graph, lifted=lifted)
        name = self.free_name("body")
        self.root.add_module(name, Lowered(writer.root, [writer.graph], "Body"))
        return self.graph.get_attr(name)

    def variable(self, v: Variable) -> fx.Node:
        """A variable's value, in Keras's layout."""
        parts, weight = self.parts(v)
        if weight is None or weight.from_native is native_.first:
            return parts[0]
        return weight.from_native([self.proxy(p) for p in parts]).node

    def parts(self, v: Variable) -> tuple[list[fx.Node], Weight | None]:
        """The parameters or buffers that hold a variable, and how, where they are in the module of another layer."""
        if id(v) in self.lifted:
            return [self.lifted[id(v)]], None
        name, home = self.variables.get(id(v)), self.lowering.homes.get(id(v))
        if name is None and home is not None:
            return [self.graph.get_attr(n) for n in self.names_in(*home)], home[2]
        return [self.graph.get_attr(self.own(v) if name is None else name)], None

    def names_in(self, layer: Layer, module: nn.Module, weight: Weight) -> list[str]:
        """The names of a weight's parameters that are in a layer's module; where that is out of reach, they get names here."""
        if module is self.lowering.piece(layer).module and id(module) not in self.lowering.placed:
            return [f"{self.module_name(layer.name, module)}.{n}" for n in weight.names]
        for path, found in self.root.named_modules():
            if found._parameters is module._parameters:
                return [f"{path}.{n}" if path else n for n in weight.names]
        names = []
        for owner, name in (native_._owner(module, n) for n in weight.names):
            known = [k for k, p in self.root.named_parameters(recurse=False) if p is getattr(owner, name)]
            if not known:
                known = [self.free_name(f"{layer.name}_{name}")]
                native_.expose(self.root, known[0], getattr(owner, name))
            names.append(known[0])
        return names

    def proxy(self, node: fx.Node) -> fx.Proxy:
        """A node as something whose methods write further nodes."""
        return fx.Proxy(node, fx.proxy.GraphAppendingTracer(self.graph))

    def own(self, v: Variable) -> str:
        """Gives this module a parameter for a variable that belongs to no layer met so far."""
        name = self.free_name(v.name)
        native_.register(
            self.root, name, v, torch.empty(v.shape, dtype=tensors.native_dtype(v.dtype), device=tensors.current_device())
        )
        native_.place(self.lowering.backend, self.root, [Weight(v, [name])], self.lowering.adopt)
        self.variables[id(v)] = name
        return name

    def free_name(self, name: str) -> str:
        """An attribute of the module like the name given, which it does not have yet."""
        return _free(self.root, _identifier(name))

    def generator(self, seeds: SeedGenerator) -> fx.Node:
        """The state of a generator whose seed was given, as a buffer that state_dict leaves out."""
        node = self.variable(seeds.state)
        self.root._non_persistent_buffers_set.add(node.target)
        return node

    def constant(self, value: torch.Tensor) -> fx.Node:
        """A tensor that the forward needs, as a buffer that state_dict leaves out."""
        n = sum(k.startswith("constant") for k in self.root._buffers)
        name = f"constant{n}"
        self.root.register_buffer(name, value, persistent=False)
        return self.graph.get_attr(name)

    def expand(self, node: Node, body: Callable[[], Any]) -> None:
        """Writes what `body`, a function over ops on the node's own KerasTensors, records."""
        with scope.tracing() as effects:
            out = body()
        inner = Graph(list({id(t): t for t in (*node.inputs, *_reached(node))}.values()), out, effects)
        self.emit_all(inner)
        self.alias(node.structure, out)

    def alias(self, structure: Any, out: Any) -> None:
        """Makes the KerasTensors of `structure` other names of those of `out`."""
        if isinstance(structure, KerasTensor):
            if isinstance(out, KerasTensor):
                self.env[id(structure)] = self.env[id(out)]
            else:
                self.env[id(structure)] = Value(self.constant(self.lowering.backend.convert(out, structure.dtype)))
            return
        pairs = zip(structure.values(), out.values()) if isinstance(structure, dict) else zip(structure, out, strict=True)
        for s, o in pairs:
            if s is not None:
                self.alias(s, o)

    # ---------------------------------------------------------------- layers

    def emit_layer(self, node: Node) -> None:
        layer = node.layer
        piece = self.lowering.piece(layer)
        if piece.kind == "inline":
            kwargs = {k: v for k, v in node.kwargs.items() if k != "training"}
            self.expand(node, lambda: layer.call(*layer._record_casts(node.args), **kwargs))
            return
        owner = module = piece.module
        if piece.kind == "traced":
            plain = {k: v for k, v in node.kwargs.items() if k != "training"}
            key = str(node.map_arguments(lambda t: (t.shape, t.dtype)))
            if key not in piece.traced:
                piece.traced[key] = self.lowering.traced_module(piece, node.args, plain)
            owner, module = next(iter(piece.traced.values())), piece.traced[key]
        name = self.module_name(layer.name, owner)
        training = node.kwargs.get("training")
        fixed = training if isinstance(training, bool) and training is not self.mode else None
        if fixed is not None or module is not owner:
            use = {None: "again", True: "training", False: "inference"}[fixed]
            name = self.module_name(f"{name}_{use}", module, lambda: Again(owner, module, fixed), fixed)
        if layer._remat is not None and layer._remat.covers(layer, lambda: node.outputs):
            run = module if fixed is None else Again(owner, module, fixed)
            name = self.module_name(f"{name}_rematerialized", module, lambda: Rematerialized(run), "remat", fixed)
        if piece.native is not None:
            self.emit_native(node, piece, name)
        elif piece.kind == "python":
            args, kwargs = node.map_arguments(self.recorded)
            kwargs.pop("training", None)
            self.bind(node.structure, self.graph.call_module(name, args, kwargs))
        else:
            self.bind(node.structure, self.graph.call_module(name, tuple(self.recorded(t) for t in node.inputs)))

    def emit_native(self, node: Node, piece: Piece, name: str) -> None:
        native, layer = piece.native, piece.layer
        assert native is not None

        def give(t: KerasTensor) -> fx.Node:
            value = self.env[id(t)]
            first = native.channels_first or native.elementwise and value.swapped is not None
            out = value.get(self.graph, len(t.shape), first)
            want = {"float": layer.compute_dtype if t.dtype != layer.compute_dtype and t.dtype != "bool" else None,
                    "int": "int32" if t.dtype not in ("int32", "int64") else None}.get(native.takes or "")  # fmt: skip
            return self.graph.call_method("to", (out, tensors.native_dtype(want))) if want else out

        args, kwargs = node.map_arguments(give)
        kwargs = {k: v for k, v in kwargs.items() if k in native.keywords}
        out = self.graph.call_module(name, args, kwargs)
        source = node.inputs[0] if node.inputs else None
        swapped = native.channels_first or (native.elementwise and source is not None and self.env[id(source)].swapped is not None)
        if native.then is None:
            self.bind(node.structure, out, swapped)
            return
        middle = KerasTensor(node.structure.shape, node.structure.dtype)
        self.bind(middle, out, swapped)
        then = native.then
        with scope.tracing():
            after = then(middle)
        self.emit_all(Graph([middle], after))
        self.alias(node.structure, after)

    def module_name(self, name: str, module: nn.Module, make: Callable[[], nn.Module] | None = None, *use: Any) -> str:
        """The name of a module (or of what is made for a further use of it) here, registered at its first call."""
        key = (id(module), *use)
        found = self.modules.get(key)
        if found is None:
            found = self.free_name(name)
            placed = self.lowering.placed
            if make is not None:
                made = make()
            elif id(module) in placed:  # elsewhere in the tree, where its parameters are listed
                made = Again(module, module)
            else:
                made = module
                placed.update(map(id, module.modules()))
            self.root.add_module(found, made)
            self.modules[key] = found
        return found


def variables_in(graph: Graph) -> list[Variable]:
    """The variables that the ops of a graph use directly."""
    found: list[Variable] = []
    for node in graph.nodes:
        if node.layer is None:
            for a in (*node.args, *node.kwargs.values()):
                if isinstance(a, Graph):
                    found += variables_in(a)
                else:
                    found += [
                        v for v in (tree.leaves(a) if isinstance(a, list | tuple | dict) else (a,)) if isinstance(v, Variable)
                    ]
    return found


def _reached(node: Node) -> list[KerasTensor]:
    return [t for a in node.args if isinstance(a, Graph) for t in a.inputs]


def _children(layer: Layer) -> list[tuple[str, Layer]]:
    """The sublayers of a layer by the attribute that holds them, as torch would name them."""
    found: list[tuple[str, Layer]] = []
    seen: set[int] = set()

    def add(name: str, value: Any) -> None:
        if isinstance(value, Layer):
            if id(value) not in seen and value is not layer:
                seen.add(id(value))
                found.append((name, value))
        elif isinstance(value, list | tuple):
            for i, v in enumerate(value):
                add(f"{name}_{i}", v)
        elif isinstance(value, dict):
            for k, v in value.items():
                add(f"{name}_{_identifier(str(k))}", v)

    for name, value in layer.__dict__.items():
        if name != "_state":
            add(name, value)
    return found


def _identifier(name: str) -> str:
    name = re.sub(r"\W", "_", name)
    if keyword.iskeyword(name):
        return f"{name}_"
    return f"_{name}" if not name or name[0].isdigit() else name


def _free(module: nn.Module, name: str) -> str:
    """A name like the one given that no parameter or submodule has yet."""
    found, n = name, 1
    while hasattr(module, found):
        found, n = f"{name}_{n}", n + 1
    return found


def _class_name(name: str) -> str:
    return "".join(w[:1].upper() + w[1:] for w in _identifier(name).split("_")) or "Model"


def partial(function: Callable, given: dict[int, Any]) -> Callable:
    """A function with the arguments in some places given."""

    def called(*args):
        rest = iter(args)
        return function(*(given[i] if i in given else next(rest) for i in range(len(args) + len(given))))

    return called
