"""Operations: what can be called on tensors, and recorded by a call on KerasTensors. Layers are operations with weights."""

import inspect
from collections.abc import Callable
from typing import Any

from kerastorch import backend_registry, scope, tree
from kerastorch.graph import KerasTensor, Node, tensors_in


class Operation:
    """A callable that is recorded where it is given KerasTensors, and run where it is given tensors.

    Subclasses give `call`, over ops or the framework's own functions, and `compute_output_spec` unless `call` is over ops.

    Args:
        name: Name; made from the class where it is None.

    Raises:
        ValueError: If the name has a slash in it.
    """

    quantization_mode: Any = None
    _remat: Any = None  # the RematScope in which it was made
    over_ops = False  # whether `call` is known to be written over ops, so that lowering writes these

    def __new__(cls, *args, **kwargs):
        self = super().__new__(cls)
        self.__dict__["_arguments"] = (args, kwargs)
        return self

    def __init__(self, name=None):
        kind = type(self).__name__
        self.name = scope.unique_name(scope.snake(kind)) if name is None else scope.check_name(name, kind)
        self.inbound_nodes: list[Node] = []
        self._remat = scope.state.remat[-1] if scope.state.remat else None
        self._recorded = recorded(self)

    def __call__(self, *args, **kwargs):
        if scope.state.symbolic > 0 or any(tensors_in(a) for a in (*args, *kwargs.values())):
            return self.symbolic_call(*args, **kwargs)
        run = self.call if self.quantization_mode is None else self.quantized_call
        return self.rematerialized_call(run, *args, **kwargs)(*args, **kwargs)

    def call(self, *args, **kwargs):
        """The work on tensors."""
        raise NotImplementedError(f"the operation class {type(self).__name__} does not have a `call` method implemented.")

    def symbolic_call(self, *args, **kwargs):
        """Records a call: KerasTensors of the output's shapes and dtypes, which know where they come from."""
        node = Node(self._recorded, args, kwargs, name=self.name)
        out = node.emit(_fresh(self.compute_output_spec(*args, **kwargs)))
        if not scope.state.symbolic:
            self.inbound_nodes.append(node)
        return out

    def compute_output_spec(self, *args, **kwargs):
        """KerasTensors of the output's shapes and dtypes; found by recording `call` unless overridden."""
        with scope.symbolic():
            return self.call(*args, **kwargs)

    def quantized_call(self, *args, **kwargs):
        """The work on tensors where `quantization_mode` is set."""
        raise NotImplementedError(f"the operation class {type(self).__name__} does not have a `quantized_call` method implemented.")

    def rematerialized_call(self, layer_call, *args, **kwargs):
        """A function in place of `layer_call` that computes its intermediate results again for the gradient.

        Args:
            layer_call: Function that is to be called.
            *args, **kwargs: What it is to be called with.

        Returns:
            `layer_call` itself where this was made in no `RematScope`, or in one that does not cover it.
        """
        if self._remat is None or not self._remat.covers(self, lambda: self._output_tensors(args, kwargs)):
            return layer_call
        return backend_registry.active().remat(layer_call)

    def _output_tensors(self, args: tuple, kwargs: dict) -> list[KerasTensor]:
        """KerasTensors like what a call on such tensors gives."""
        with scope.symbolic():
            return tensors_in(self.compute_output_spec(*args, **kwargs))

    # ---------------------------------------------------------------- configuration

    def get_config(self):
        """The constructor's arguments as JSON-like values; of a class that overrides this, the name.

        Raises:
            NotImplementedError: If the constructor took something that a configuration cannot hold, or positional arguments without
                a name.
        """
        cls = type(self)
        if cls.get_config is not Operation.get_config or cls.__init__ is Operation.__init__:
            return {"name": self.name}
        return constructor_arguments(self, self._arguments, {"name": self.name})

    @classmethod
    def from_config(cls, config):
        """A new one from what `get_config` gave."""
        from kerastorch.saving.objects import deserialize_keras_object

        return cls(**{k: deserialize_keras_object(v) if isinstance(v, dict) and "class_name" in v else v
                      for k, v in config.items()})  # fmt: skip

    # ---------------------------------------------------------------- recorded calls

    def _first(self, what: str) -> Node:
        if not self.inbound_nodes:
            raise AttributeError(f"the operation {self.name!r} has never been called on KerasTensors and thus has no {what}")
        return self.inbound_nodes[0]

    @property
    def input(self):
        """The KerasTensors that went into the first recorded call: one, or a list."""
        inputs = self._first("input").inputs
        return inputs[0] if len(inputs) == 1 else list(inputs)

    @property
    def output(self):
        """The KerasTensors that came out of the first recorded call: one, or a list."""
        outputs = self._first("output").outputs
        return outputs[0] if len(outputs) == 1 else list(outputs)

    def __repr__(self) -> str:
        return f"<Operation name={self.name}>"


class Recorded:
    """What lowering asks of a user's operation, as it does of an op: it is a composite whose body is the operation's `call`."""

    primitive = prefer_body = False
    dtype_rule = shape_rule = None
    operands = parameters = ()
    variadic = frozenset()

    def __init__(self, function: Callable, operation: Operation):
        self.function, self.operation, self.name, self.body = function, operation, operation.name, operation.call
        self.expanded = operation.call


def recorded(operation: Operation) -> Callable:
    """The function that stands for an operation in a graph: calling it calls the operation."""

    def call(*args, **kwargs):
        return operation(*args, **kwargs)

    call.__name__ = type(operation).__name__
    call.op = Recorded(call, operation)  # type: ignore[attr-defined]
    return call


def constructor_arguments(obj: Any, given: tuple[tuple, dict], more: dict[str, Any]) -> dict[str, Any]:
    """What an object was constructed with, as JSON-like values.

    Args:
        obj: The object.
        given: Positional and named arguments that its constructor was given.
        more: What else its constructor takes, by name; the arguments given go before it.

    Raises:
        NotImplementedError: If a configuration cannot hold it.
    """
    from kerastorch.saving.objects import serialize_keras_object

    args, kwargs = given
    signature = inspect.signature(type(obj).__init__)
    call = signature.bind(obj, *args, **kwargs)
    call.apply_defaults()
    found, problem = {}, ""
    for name, parameter in list(signature.parameters.items())[1:]:
        value = call.arguments[name]
        if parameter.kind is parameter.VAR_KEYWORD:
            found |= value | more
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            found[name] = more.get(name, value)
        elif value:
            problem = f"it was given {len(value)} positional arguments without names"
    try:
        described = {k: v if isinstance(v, dict) else serialize_keras_object(v) for k, v in found.items()}
    except (TypeError, ValueError) as error:
        problem = str(error)
    if problem:
        raise NotImplementedError(f"the class {type(obj).__name__} cannot be written to a configuration ({problem}); give it "
                                  "a get_config method")  # fmt: skip
    return described


def _fresh(out: Any) -> Any:
    """KerasTensors of their own in place of those that an inner record made."""

    def one(t: Any) -> Any:
        return KerasTensor(t.shape, t.dtype, sparse=t.sparse) if isinstance(t, KerasTensor) else t

    return one(out) if isinstance(out, KerasTensor) else tree.map_structure(one, out)
