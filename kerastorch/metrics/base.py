"""What all metrics share: a state in variables, which batches update and a result is computed from."""

from typing import Any

from kerastorch import ops, scope
from kerastorch.fields import Declared, declare, fields_of
from kerastorch.losses.base import ComputeDtype
from kerastorch.variable import Variable


@declare
class Metric(Declared):
    """A quantity that is accumulated over batches; subclasses write `update_state` and `result`.

    The state is kept in variables, on the device of the tensors that update it; nothing is read to the host before
    somebody converts a result to a number.

    Args:
        dtype: Dtype (or dtype policy) in which it is computed; None is floatx.
        name: Name; the class's name in snake case by default.
    """

    dtype: ComputeDtype = None
    name: Any = None

    quiet = frozenset()  # fields that Keras never writes to a configuration; written where not the default
    _direction = None  # "up" or "down": which way is better

    def __post_init__(self):
        self.name = self.name or scope.unique_name(scope.snake(type(self).__name__))

    # ---------------------------------------------------------------- state

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Variable | Metric | list | tuple | dict):
            self._track(value)
        object.__setattr__(self, name, value)

    def _track(self, value: Any) -> None:
        if isinstance(value, Variable | Metric):
            known = self.__dict__.setdefault("_state", [])
            if not any(x is value for x in known):
                known.append(value)
        else:
            for item in value.values() if isinstance(value, dict) else value:
                if isinstance(item, Variable | Metric | list | tuple | dict):
                    self._track(item)

    @property
    def variables(self):
        """The variables of the state: the metric's own, then those of metrics that it keeps in attributes."""
        state = self.__dict__.get("_state", ())
        inner = [v for m in state if isinstance(m, Metric) for v in m.variables]
        return [v for v in state if isinstance(v, Variable)] + inner

    def add_variable(self, shape, initializer, dtype=None, aggregation="sum", name=None):
        """A new variable of the state.

        Args:
            shape: Its shape.
            initializer: Initializer or its name; None is zeros.
            dtype: Its dtype; None is floatx.
            aggregation: How replicas combine it, see `Variable`.
            name: Its name.

        Raises:
            RuntimeError: If the subclass has not called `super().__init__()` first.
        """
        if "name" not in self.__dict__:
            raise RuntimeError(f"{type(self).__name__}: call super().__init__() first in __init__(), before adding variables")
        with scope.name_scope(self.name.replace("/", ">")):
            variable = Variable(
                _initializer(initializer),
                shape=shape,
                dtype=dtype,
                trainable=False,
                aggregation=aggregation,
                synchronization="on_read",
                name=name,
            )
        self._track(variable)
        return variable

    def add_weight(self, shape=(), initializer=None, dtype=None, name=None):
        """As `add_variable`, a scalar by default."""
        return self.add_variable(shape=shape, initializer=initializer, dtype=dtype, name=name)

    def reset_state(self):
        """Sets the state back to zeros."""
        for v in self.variables:
            v.assign(zeros(v.shape, v.dtype))

    # ---------------------------------------------------------------- use

    def update_state(self, *args, **kwargs):
        """Takes a batch into account."""
        raise NotImplementedError(f"{type(self).__name__} has no `update_state`, which takes a batch into account")

    def result(self):
        """The value so far: a tensor, or a dict of tensors."""
        raise NotImplementedError(f"{type(self).__name__} has no `result`, which says what its value is")

    def __call__(self, *args, **kwargs):
        self.update_state(*args, **kwargs)
        return self.result()

    def stateless_update_state(self, metric_variables, *args, **kwargs):
        """The state after a batch, given the state before it as tensors; the metric itself stays as it is."""
        with scope.values(self._standing_for(metric_variables)) as state:
            self.update_state(*args, **kwargs)
        return [state[id(v)] for v in self.variables]

    def stateless_result(self, metric_variables):
        """The result for a state given as tensors."""
        with scope.values(self._standing_for(metric_variables)):
            return self.result()

    def stateless_reset_state(self):
        """The state that `reset_state` leaves, as tensors; the metric itself stays as it is."""
        with scope.values(Collected()) as state:
            self.reset_state()
        return [state.get(id(v), v) for v in self.variables]

    def _standing_for(self, values: Any) -> dict[int, Any]:
        variables = self.variables
        if len(values) != len(variables):
            raise ValueError(
                f"{type(self).__name__}: metric_variables must have one tensor for each of the {len(variables)} "
                f"variables {[v.path for v in variables]}, not {len(values)}"
            )
        return {id(v): ops.convert_to_tensor(x) for v, x in zip(variables, values, strict=True)}

    # ---------------------------------------------------------------- configuration

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON-like values."""
        config = {}
        for name, (field, default) in fields_of(type(self)).items():
            value = getattr(self, field.attribute or name)
            if value is None and name in self.__hidden__:
                continue
            if name not in self.quiet or value != default:
                config[name] = field.serialize(value)
        return config

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


Metric.dtype = property(lambda self: self._dtype, doc="The dtype in which the metric is computed.")


class Collected(dict):
    """Takes assignments to any variable, instead of the variables."""

    collects = True


def zeros(shape, dtype=None):
    """An array of zeros: how a state begins."""
    import numpy as np

    from kerastorch.variable import numpy_dtype

    return np.zeros(shape, numpy_dtype(dtype or "float32"))


def _initializer(initializer: Any) -> Any:
    """How a variable begins; zeros, which nearly all do, without the other initializers being loaded."""
    if initializer is None or isinstance(initializer, str) and initializer == "zeros":
        return zeros
    from kerastorch import initializers

    return initializers.get(initializer)
