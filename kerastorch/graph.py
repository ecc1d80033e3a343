"""What recording makes: KerasTensors, the nodes they come from, and graphs of them. No framework takes part.

An *operation* is an op's function or a layer. Calling one on KerasTensors makes a Node, which holds the arguments as they were
given (KerasTensors in them are the edges, masks included) and the output KerasTensors.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import FunctionType
from typing import Any

from kerastorch import dtypes, scope, tree
from kerastorch.errors import GraphError, at, user_line
from kerastorch.operators import Fixed, Operators

_serial = itertools.count()


class KerasTensor(Operators):
    """A symbolic tensor: a shape (None where a dimension is not known), a dtype, and where it comes from.

    Args:
        shape: Tuple of int or None, the batch dimension included.
        dtype: Name of the dtype; None is floatx.
        sparse, ragged: Whether the tensor stands for a sparse or ragged one.
        record_history: Accepted for compatibility; history is kept in `node`.
        name: Name, made unique where none is given.
    """

    shape: Any = Fixed()
    dtype: Any = Fixed()
    sparse: Any = Fixed()
    ragged: Any = Fixed()
    ragged_rank: Any = Fixed()
    row_splits_dtype: Any = Fixed()
    mask: "KerasTensor | None" = None  # recorded by layers that produce or pass on a mask
    node: "Node | None" = None
    index = 0

    def __init__(self, shape, dtype="float32", sparse=False, ragged=False, record_history=True, name=None, **kwargs):
        if sparse and ragged:
            raise ValueError("a KerasTensor cannot have `sparse=True` and `ragged=True` at once")
        ragged_rank, row_splits_dtype = kwargs.pop("ragged_rank", None), kwargs.pop("row_splits_dtype", None)
        if kwargs:
            raise TypeError(f"KerasTensor: unexpected arguments {sorted(kwargs)}")
        if not hasattr(shape, "__iter__"):
            raise ValueError(f"KerasTensor: shape must be a tuple of sizes, not {shape!r}")
        own = self.__dict__
        own["shape"] = tuple(None if d is None else int(d) for d in shape)
        own["dtype"] = dtypes.standardize(dtype)
        own["sparse"], own["ragged"] = bool(sparse), bool(ragged)
        own["ragged_rank"], own["row_splits_dtype"] = ragged_rank, row_splits_dtype
        self.record_history = record_history
        self._name = name

    @property
    def name(self) -> str:
        if self._name is None:
            self._name = scope.unique_name("keras_tensor")
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        self._name = value

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def _keras_history(self) -> tuple[Any, int, int]:
        node = self.node
        if node is None:
            raise GraphError("this KerasTensor is no recorded output")
        called = node.operation if node.called is None else node.called
        nodes = getattr(called, "inbound_nodes", [node])
        return called, nodes.index(node) if node in nodes else 0, self.index

    def __repr__(self) -> str:
        return (f"<KerasTensor shape={self.shape}, dtype={self.dtype}, sparse={self.sparse}, ragged={self.ragged}, "
                f"name={self.name}>")  # fmt: skip

    __hash__ = object.__hash__

    def reshape(self, newshape):
        """The same elements in another shape."""
        from kerastorch import ops

        return ops.reshape(self, newshape)

    def squeeze(self, axis=None):
        """Without the dimensions of size 1, or without the named ones."""
        from kerastorch import ops

        return ops.squeeze(self, axis)

    def __array__(self, *_args, **_kwargs):
        raise ValueError(f"a KerasTensor{list(self.shape)} is symbolic and doesn't have any actual numerical value{self._where()}: "
                         "use ops of kerastorch on it, or wrap the numpy code in a Layer")  # fmt: skip

    def __tf_tensor__(self, dtype=None, name=None):
        from kerastorch import backend_registry

        backend_registry.get("tensorflow")  # which is asked next, and records the call
        raise ValueError(f"a KerasTensor{list(self.shape)} cannot be used as input to a TensorFlow function{self._where()}: it is "
                         "symbolic. Use ops of kerastorch on it, or wrap the TensorFlow code in a Layer")  # fmt: skip

    def __jax_array__(self):
        raise ValueError(f"a KerasTensor{list(self.shape)} cannot be used as input to a JAX function: it is symbolic")

    def __bool__(self) -> bool:
        raise TypeError(f"a KerasTensor{list(self.shape)} is symbolic and cannot be used as a boolean.{self._where()} Use ops.cond "
                        "or ops.where instead of Python's if")  # fmt: skip

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"a KerasTensor{list(self.shape)} is symbolic and cannot be iterated over{self._where()}: use "
                                  "ops.unstack")  # fmt: skip

    def __len__(self) -> int:
        if not self.shape or self.shape[0] is None:
            raise TypeError(f"a KerasTensor of shape {self.shape} has no length")
        return self.shape[0]

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        raise TypeError(f"torch's {getattr(function, '__name__', function)} was given a KerasTensor, which is symbolic: use the "
                        "op of kerastorch.ops, or wrap the torch code in a Layer's call")  # fmt: skip

    def _where(self) -> str:
        return at(self.node.source) if self.node is not None else ""


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is a KerasTensor."""
    return isinstance(x, KerasTensor)


def tensors_in(structure: Any) -> list[KerasTensor]:
    """All KerasTensors in a nest, in order."""
    if isinstance(structure, KerasTensor):
        return [structure]
    if structure is None or isinstance(structure, bool | int | float | str):
        return []
    if isinstance(structure, slice):
        structure = [structure.start, structure.stop, structure.step]
    return [t for x in tree.leaves(structure) for t in ([x] if isinstance(x, KerasTensor) else _in_slice(x))]


def _in_slice(x: Any) -> list[KerasTensor]:
    return tensors_in(x) if isinstance(x, slice) else []


class Node:
    """One recorded call: the operation, its arguments as given, its outputs, and the user's line."""

    __slots__ = ("__weakref__", "args", "given_name", "inputs", "kwargs", "operation", "outputs", "serial", "source", "structure")

    def __init__(self, operation: Callable, args: Sequence[Any], kwargs: dict[str, Any], name: str | None = None):
        self.operation, self.args, self.kwargs = operation, tuple(args), kwargs
        self.inputs = [t for a in (*args, *kwargs.values()) for t in tensors_in(a)]
        self.outputs: list[KerasTensor] = []
        self.structure: Any = None
        self.source = user_line()
        self.serial = next(_serial)
        self.given_name = name

    def emit(self, outputs: Any) -> Any:
        """Makes the given KerasTensors this node's outputs, and returns them in the structure given."""
        self.structure = outputs
        self.outputs = [outputs] if isinstance(outputs, KerasTensor) else tensors_in(outputs)
        for i, t in enumerate(self.outputs):
            t.node, t.index = self, i
        return outputs

    @property
    def layer(self) -> Any:
        """The layer called, None where an op was."""
        return None if isinstance(self.operation, FunctionType) else self.operation

    @property
    def called(self) -> Any:
        """The layer, or the operation of the user's, that was called; None where an op was."""
        layer = self.layer
        return layer if layer is not None else getattr(self.operation.op, "operation", None)  # type: ignore[attr-defined]

    @property
    def title(self) -> str:
        """The name by which people know this node: the layer's, or one made from the op's."""
        layer = self.layer
        if layer is not None:
            return layer.name
        if self.given_name is None:
            self.given_name = scope.unique_name(self.operation.__name__.rstrip("_"))
        return self.given_name

    name = property(lambda self: self.title, doc="As `title`.")

    @property
    def kind(self) -> str:
        """The class name that summaries show."""
        layer = self.layer
        if layer is not None:
            return type(layer).__name__
        return "".join(w.capitalize() for w in self.operation.__name__.strip("_").split("_"))

    def map_arguments(self, f: Callable[[KerasTensor], Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with every KerasTensor replaced by `f` of it."""

        def swap(x: Any) -> Any:
            if isinstance(x, KerasTensor):
                return f(x)
            if isinstance(x, list | tuple | dict):
                return tree.map_structure(swap, x)
            if isinstance(x, slice):
                return slice(swap(x.start), swap(x.stop), swap(x.step))
            return x

        return tuple(swap(a) for a in self.args), {k: swap(v) for k, v in self.kwargs.items()}

    def __repr__(self) -> str:
        return f"<Node {self.title}: {[t.shape for t in self.inputs]} -> {[t.shape for t in self.outputs]}>"


class Graph:
    """The nodes between some inputs and some outputs, in an order in which they can run.

    Args:
        inputs: The KerasTensors at which the graph begins.
        outputs: Nest of KerasTensors (constants are allowed beside them) at which it ends.
        effects: Nodes that must run although no output needs them (assignments), in order.

    Raises:
        GraphError: Where an output depends on a tensor that is not among the inputs.
    """

    def __init__(self, inputs: Sequence[KerasTensor], outputs: Any, effects: Sequence[Node] = ()):
        self.inputs, self.outputs, self.effects = list(inputs), outputs, list(effects)
        self.nodes = self._sort()

    def _sort(self) -> list[Node]:
        known = {id(t) for t in self.inputs}
        found: dict[int, Node] = {}
        open_: set[int] = set()
        wanted = [*tensors_in(self.outputs), *(t for e in self.effects for t in e.inputs)]
        stack: list[tuple[KerasTensor, bool]] = [(t, False) for t in reversed(wanted)]
        order: list[Node] = []
        while stack:
            tensor, done = stack.pop()
            node = tensor.node
            if id(tensor) in known:
                continue
            if node is None or (not node.inputs and getattr(node.layer, "is_input", False)):
                raise GraphError(self._disconnected(tensor))
            if done:
                open_.discard(id(node))
                if id(node) not in found:
                    found[id(node)] = node
                    order.append(node)
                continue
            if id(node) in found:
                continue
            if id(node) in open_:
                raise GraphError(f"the graph has a cycle through {node.title!r}{at(node.source)}")
            open_.add(id(node))
            stack.append((tensor, True))
            stack.extend((t, False) for t in reversed(node.inputs) if id(t) not in known and not self._ready(t, found))
        order += [e for e in self.effects if id(e) not in found]
        return sorted(order, key=lambda n: n.serial)

    def _disconnected(self, tensor: KerasTensor) -> str:
        """What is wrong where the graph needs a tensor that is not given."""
        paths = ("/".join(map(str, path)) for path, t in tree.flatten_with_path(self.outputs) if _depends(t, tensor))
        return (f"Output with path `{next(paths, '')}` is not connected to `inputs`: it depends on {self._call(tensor)}, which "
                f"is not among the inputs {[t.name for t in self.inputs]}, and the graph is disconnected there"
                f"{tensor._where()}")  # fmt: skip

    @staticmethod
    def _ready(tensor: KerasTensor, found: dict[int, Node]) -> bool:
        return tensor.node is not None and id(tensor.node) in found

    @staticmethod
    def _call(tensor: KerasTensor) -> str:
        where = f" of layer {tensor.node.title!r}" if tensor.node is not None else ""
        return f"{tensor.name!r} of shape {tensor.shape}{where}"

    @property
    def layers(self) -> list[Any]:
        """The layers called, each once, in the order of their first call."""
        return list({id(n.layer): n.layer for n in self.nodes if n.layer is not None}.values())

    def lint(self) -> None:
        """Raises GraphError unless every node uses only inputs and what came before it."""
        have = {id(t) for t in self.inputs}
        for node in self.nodes:
            for t in node.inputs:
                if id(t) not in have:
                    raise GraphError(f"node {node.title!r} uses {self._call(t)} before it is made{at(node.source)}")
            have.update(id(t) for t in node.outputs)
        for t in tensors_in(self.outputs):
            if id(t) not in have:
                raise GraphError(f"output {self._call(t)} is never made")

    def run(self, values: Iterable[Any], call: Callable[[Node, tuple, dict], Any]) -> Any:
        """Walks the graph with values for its inputs; `call(node, args, kwargs)` carries out one node."""
        env = dict(zip((id(t) for t in self.inputs), values, strict=True))
        last = {id(t): node for node in self.nodes for t in node.inputs}
        keep = {id(t) for t in tensors_in(self.outputs)}
        for node in self.nodes:
            args, kwargs = node.map_arguments(lambda t: env[id(t)])
            result = call(node, args, kwargs)
            if len(node.outputs) == 1 and isinstance(node.structure, KerasTensor):
                env[id(node.outputs[0])] = result
            else:
                for t, value in zip(node.outputs, _outputs_like(node.structure, result), strict=True):
                    env[id(t)] = value
            for t in node.inputs:
                if last.get(id(t)) is node and id(t) not in keep:
                    env.pop(id(t), None)
        if isinstance(self.outputs, KerasTensor):
            return env[id(self.outputs)]
        return tree.map_structure(lambda t: env[id(t)] if isinstance(t, KerasTensor) else t, self.outputs)

    def canonical(self) -> str:
        """A text that is equal for graphs that compute the same: tensors are numbered, training flags of layers left out."""
        numbers = {id(t): f"%{i}" for i, t in enumerate(self.inputs)}

        def name(t: KerasTensor) -> _Shown:
            return _Shown(numbers.setdefault(id(t), f"%outer{id(t)}"))

        lines = []
        for node in self.nodes:
            args, kwargs = node.map_arguments(name)
            shown = [_Shown(a.canonical()) if isinstance(a, Graph) else a for a in args]
            kwargs.pop("training", None)
            lines.append(f"{id(node.operation)}{shown}{kwargs}")
            for t in node.outputs:
                numbers[id(t)] = f"%{len(numbers)}"
        return "\n".join([*lines, str([name(t) for t in tensors_in(self.outputs)])])

    def __str__(self) -> str:
        names: dict[int, str] = {id(t): f"%{t.name}" for t in self.inputs}
        lines = [f"graph({', '.join(f'%{t.name}: {t.dtype}{list(t.shape)}' for t in self.inputs)}):"]
        for node in self.nodes:
            for i, t in enumerate(node.outputs):
                names[id(t)] = f"%{node.title}" + (f".{i}" if len(node.outputs) > 1 else "")
            args, kwargs = node.map_arguments(lambda t: _Shown(names.get(id(t), "%?")))
            shown = ", ".join([*map(repr, args), *(f"{k}={v!r}" for k, v in kwargs.items())])
            out = ", ".join(f"{names[id(t)]}: {t.dtype}{list(t.shape)}" for t in node.outputs)
            lines.append(f"  {out} = {node.kind}({shown})")
        lines.append(f"  return {', '.join(names.get(id(t), '%?') for t in tensors_in(self.outputs))}")
        return "\n".join(lines)


def with_masks(graph: Graph) -> Graph | None:
    """The graph made to give (outputs, masks of the outputs); None where no output carries a mask."""
    masks = [t.mask for t in tensors_in(graph.outputs)]
    return None if all(m is None for m in masks) else Graph(graph.inputs, (graph.outputs, masks), graph.effects)


def attach_masks(outputs: Any, masks: Sequence[Any]) -> Any:
    """Real outputs, with the masks that belong to them put on them as Keras does."""
    for x, mask in zip(tree.leaves(outputs), masks, strict=True):
        if mask is not None:
            x._keras_mask = mask
    return outputs


def _depends(tensor: Any, on: KerasTensor) -> bool:
    """Whether a KerasTensor is computed from another."""
    stack, seen = [tensor], set()
    while stack:
        t = stack.pop()
        if t is on:
            return True
        if isinstance(t, KerasTensor) and t.node is not None and id(t.node) not in seen:
            seen.add(id(t.node))
            stack.extend(t.node.inputs)
    return False


class _Shown(str):
    __repr__ = str.__str__


def _outputs_like(structure: Any, result: Any) -> list[Any]:
    """The parts of a result that stand where `structure` has KerasTensors."""
    if isinstance(structure, dict):
        return [x for k in structure for x in _outputs_like(structure[k], result[k])]
    if isinstance(structure, list | tuple):
        return [x for s, r in zip(structure, result, strict=True) for x in _outputs_like(s, r)]
    return [result] if isinstance(structure, KerasTensor) else []
