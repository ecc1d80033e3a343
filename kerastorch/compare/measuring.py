"""One model run on one backend, with what each of its layers and ops took and gave."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from kerastorch import backend_registry, dtypes, ops, tree
from kerastorch.graph import Node
from kerastorch.layers.base import Layer
from kerastorch.layers.structures import found_in
from kerastorch.variable import HostHome, Variable


@dataclass
class Call:
    """One call of a layer, or of an op that stands between layers.

    Attributes:
        title: Name of the layer, with those of the models around it.
        kind: Its class.
        target: The layer, the node of the op, or what else is called as `(run, *args)`.
        args, kwargs: What it was called with, tensors as arrays.
        output: What it gave, tensors as arrays.
        weights: The trainable weights that it is responsible for.
    """

    title: str
    kind: str
    target: Any
    args: tuple
    kwargs: dict[str, Any]
    output: Any
    weights: list[Variable] = field(default_factory=list)


@contextlib.contextmanager
def lodged(model: Layer, backend: Any) -> Iterator[None]:
    """Inside, the weights may move to `backend` and be changed there; afterwards all is as it was before."""
    layers = model._flatten_layers()
    variables = {
        id(v): v for layer in layers for v in [*layer.variables, *found_in(list(layer._state.extra.values()), Variable)]
    }
    homes = [(v, v.home) for v in variables.values()]
    states = [(x._state, x._state.runners, x._state.lowered, x._state.anchor, list(x._state.losses)) for x in layers]
    for v, home in homes:
        v.move(_copy_of(home))
    for state, *_ in states:
        state.runners, state.lowered, state.anchor = {}, {}, None
    try:
        with backend_registry.using(backend):
            yield
    finally:
        for v, home in homes:
            v.move(home)
        for state, runners, lowered, anchor, losses in states:
            state.runners, state.lowered, state.anchor = runners, lowered, anchor
            state.losses[:] = losses


def _copy_of(home: Any) -> HostHome:
    new = HostHome(home.numpy)
    new.pinned = getattr(home, "pinned", False)
    return new


class Run:
    """A model on a backend, its calls written down while `recording`; used while the model is lodged there.

    Args:
        model: The model or layer.
        backend: The backend.
        training: The training flag of all calls.
    """

    def __init__(self, model: Layer, backend: Any, training: bool):
        self.model, self.backend, self.training = model, backend, training
        self.calls: list[Call] = []
        self.around: list[str] = []  # names of the models being called, the whole model not counted
        self.recording = False
        for layer in model._flatten_layers():
            layer._state.runners[backend.name] = _Probe(self, layer)

    def whole(self, x: Any) -> Any:
        """The model's outputs, tensors, for inputs given as arrays."""
        return self.model._invoke(self.backend, (self.tensors(x),), {}, self.training)

    def record(self, x: Any) -> Any:
        """As `whole`, with all calls written down."""
        self.recording = True
        try:
            with self.backend.no_gradient():
                return self.whole(x)
        finally:
            self.recording = False

    def again(self, call: Call) -> Any:
        """The output, tensors, of one call on the inputs written down."""
        args, kwargs = self.tensors(call.args), self.tensors(call.kwargs)
        if isinstance(call.target, Layer):
            return call.target._invoke(self.backend, args, kwargs, self.training)
        return call.target.operation(*args, **kwargs) if isinstance(call.target, Node) else call.target(self, *args)

    def gradients(self, loss: Callable[[], Any], weights: Sequence[Variable]) -> list[Any]:
        """The gradients of a loss for weights, arrays."""
        _, found = self.backend.value_and_gradients(loss, list(weights))
        return [self.backend.numpy(g) for g in found]

    def floats(self, nest: Any) -> list[Any]:
        """The floating tensors of a nest, in float32."""
        found = [x for x in tree.leaves(nest) if self.backend.is_tensor(x) and dtypes.is_float(self.backend.dtype(x))]
        return [ops.cast(x, "float32") for x in found]

    def sum_of_squares(self, nest: Any) -> Any:
        """A scalar that depends on all floats of a nest; None where there are none."""
        return _total([ops.sum(ops.square(x)) for x in self.floats(nest)])

    def projection(self, nest: Any, seed: int) -> Any:
        """As `sum_of_squares`, with the floats times random numbers, so that no gradient vanishes by nature."""
        import numpy as np

        rng = np.random.default_rng(seed)
        tensors = self.floats(nest)
        factors = [self.backend.convert(rng.normal(size=self.backend.shape(x)), "float32") for x in tensors]
        return _total([ops.sum(ops.multiply(x, f)) for x, f in zip(tensors, factors, strict=True)])

    def note(
        self,
        title: str,
        kind: str,
        target: Any,
        args: tuple,
        kwargs: dict,
        output: Any,
        weights: Sequence[Variable] = (),
    ) -> None:
        """Writes a call down."""
        title = "/".join([*self.around, title])
        trained = [v for v in weights if v.trainable and dtypes.is_float(v.dtype)]
        self.calls.append(
            Call(title, kind, target, self.arrays(args), self.arrays(kwargs), self.arrays(output), trained)
        )

    def arrays(self, nest: Any) -> Any:
        """A nest with its tensors as arrays."""
        return _mapped(lambda x: self.backend.numpy(x) if self.backend.is_tensor(x) else x, nest)

    def tensors(self, nest: Any) -> Any:
        """A nest with its arrays as tensors."""
        return _mapped(
            lambda x: self.backend.convert(x) if hasattr(x, "__array__") and not isinstance(x, Variable) else x, nest
        )


class _Probe:
    """Runs a layer as the backend would, and writes the call down.

    Models are followed into their graphs, users' layers into their sublayers; the package's own layers are not.
    """

    def __init__(self, run: Run, layer: Layer):
        self.run, self.layer = run, layer
        self.own: Any = self  # the backend's runner, found out at the first call
        self.composed = type(layer).__module__.partition(".")[0] != __name__.partition(".")[0] and bool(layer._layers())

    def __call__(self, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        run, layer = self.run, self.layer
        if not run.recording:
            return self.plain(args, kwargs, training)
        if layer.graph is None and not self.composed:
            with self.unseen():
                out = self.plain(args, kwargs, training)
            run.note(layer.name, type(layer).__name__, layer, args, kwargs, out, layer.weights)
            return out
        with self.inside():
            out = (
                self.walk(args, training)
                if layer.graph is not None
                else layer._run_python(run.backend, args, kwargs, training)
            )
        if layer.graph is None:
            run.note(layer.name, type(layer).__name__, layer, args, kwargs, out, layer._own_variables)
        return out

    def plain(self, args: tuple, kwargs: dict, training: bool | None) -> Any:
        if self.own is self:
            self.own = self.run.backend.runner(self.layer)
        if self.own is None:
            return self.layer._run_python(self.run.backend, args, kwargs, training)
        return self.own(*args, training=training, **kwargs)

    def walk(self, args: tuple, training: bool | None) -> Any:
        run, model = self.run, self.layer

        def one(node: Node, args: tuple, kwargs: dict) -> Any:
            if node.layer is not None:
                flag = kwargs.pop("training", training)
                return node.layer._invoke(run.backend, args, kwargs, flag)
            out = node.operation(*args, **kwargs)
            run.note(node.title, node.kind, node, args, kwargs, out)
            return out

        return model.graph.run(model.standardize_inputs(*args), one)

    @contextlib.contextmanager
    def unseen(self) -> Iterator[None]:
        self.run.recording = False
        try:
            yield
        finally:
            self.run.recording = True

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        outermost = self.layer is self.run.model
        if not outermost:
            self.run.around.append(self.layer.name)
        try:
            yield
        finally:
            if not outermost:
                self.run.around.pop()


def _mapped(f: Callable, nest: Any) -> Any:
    if isinstance(nest, slice):
        return slice(f(nest.start), f(nest.stop), f(nest.step))
    return tree.map_structure(f, nest) if isinstance(nest, list | tuple | dict) else f(nest)


def _total(scalars: Sequence[Any]) -> Any:
    return functools.reduce(ops.add, scalars) if scalars else None
