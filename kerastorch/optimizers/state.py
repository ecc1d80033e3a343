"""What an optimizer keeps: the step, the learning rate, and slots, which are laid out like the weights they are for."""

import warnings
from collections.abc import Sequence
from typing import Any

from kerastorch import backend_registry, dtypes, initializers, ops, scope
from kerastorch.fields import Declared, Field
from kerastorch.optimizers.schedules import Formula, LearningRateSchedule
from kerastorch.variable import Variable


def _rate(value: Any) -> Any:
    if isinstance(value, dict):
        from kerastorch.saving.objects import deserialize_keras_object

        value = deserialize_keras_object(value)
    if callable(value):
        return value
    if isinstance(value, bool | str) or not hasattr(value, "__float__"):
        raise ValueError(f"a number, a LearningRateSchedule or a function without arguments is needed, not {value!r}")
    return float(value)


Rate = Field(_rate, attribute="_learning_rate")


class Slot:
    """A variable that lies beside a weight: in the same layout, wherever the weight is at home.

    Args:
        variable: The slot.
        reference: The weight.
        fill: The number it is filled with at first; None where it begins otherwise.
    """

    def __init__(self, variable: Variable, reference: Variable, fill: float | None):
        self.variable, self.reference, self.fill = variable, reference, fill
        self.beside: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "beside": None, "fill": None}  # a copy has a value that is more than its beginning

    def place(self) -> None:
        """Moves the slot to where the weight is now, with its value."""
        home = self.reference.home
        if home.backend is None or home is self.beside:
            return
        untouched = self.beside is None and getattr(self.variable.home, "draw", None) is not None and self.fill is not None
        value = None if untouched else self.variable.numpy()
        new = home.like(self.fill or 0.0)
        if new is None:
            home.backend.adopt(self.variable)
        else:
            self.variable.move(new)
            if value is not None:
                new.write(value)
        self.beside = home


class State(Declared):
    """Base of `Optimizer`: its variables."""

    base_arguments: frozenset[str] = frozenset()

    def _start(self) -> None:
        self.built = False
        self._variables: list[Variable] = []
        self._trainable_variables: list[Variable] = []
        self._index: dict[int, int] = {}
        self._beside: list[Slot] = []
        self._slots: dict[str, list[Variable | None]] = {}
        rate = self._learning_rate
        self._iterations = self.add_number(0, "iteration", "int32")
        self._learning_rate = self.add_number(rate, "learning_rate", dtypes.floatx()) if isinstance(rate, float) else rate

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Variable):
            self._track(value)
        object.__setattr__(self, name, value)

    def _track(self, variable: Variable) -> None:
        if "_variables" not in self.__dict__:
            raise RuntimeError(f"{type(self).__name__}: call super().__init__() first in __init__(), before anything else")
        if not any(v is variable for v in self._variables):
            self._variables.append(variable)

    @property
    def variables(self):
        """The optimizer's own variables: the step, the learning rate where it is a number, and the slots."""
        return list(self._variables)

    # ---------------------------------------------------------------- numbers

    def add_number(self, value: float, name: str | None, dtype: str) -> Variable:
        """A scalar that stays on the host, so that computing with it waits for no device.

        A backend that traces steps takes it over when the optimizer is built: a number on the host would be frozen
            there.
        """
        with scope.name_scope(self.name):
            variable = Variable(value, dtype=dtype, trainable=False, aggregation="only_first_replica", name=name)
        variable.home.pinned = True
        self._track(variable)
        return variable

    def number(self, value: Any, dtype: str = "float32") -> Any:
        """A scalar for a formula: of numpy where it is known on the host, else a tensor.

        Args:
            value: Number, variable or tensor.
            dtype: Dtype of the weight that the formula is about; scalars have at least 32 bits.
        """
        dtype = dtype if dtype == "float64" else "float32"
        if isinstance(value, Variable):
            value = value.tensor() if value.backend is not None or value.stand_in() is not None else value.numpy()
        if backend_registry.of(value) is not None:
            return ops.cast(value, dtype)
        import numpy as np

        return np.dtype(dtype).type(value)

    @property
    def iterations(self):
        """How many updates there were: a variable, or a tensor where gradients are accumulated over several steps."""
        every = self.gradient_accumulation_steps
        return ops.floor_divide(self._iterations, every) if every else self._iterations

    def done(self) -> Any:
        """How many updates there were, as a number on the host where it is known there, else as an integer tensor."""
        count, every = self._steps(), self.gradient_accumulation_steps
        return count // every if every else count

    def _steps(self) -> Any:
        variable = self._iterations
        if variable.backend is None and variable.stand_in() is None:
            return int(variable.numpy())
        return variable.tensor()

    @property
    def learning_rate(self):
        """The learning rate now: a variable, or what the schedule or function gives. It can be set."""
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            return rate(self._iterations)
        return rate if isinstance(rate, Variable) else rate()

    @learning_rate.setter
    def learning_rate(self, value):
        current = self._learning_rate
        if callable(value):
            self._variables = [v for v in self._variables if v is not current]
            self._learning_rate = value
        elif isinstance(current, Variable):
            current.assign(value)
        else:
            raise TypeError(
                f"{type(self).__name__}: the learning rate cannot be set to {value!r}. This optimizer was created with a "
                f"`LearningRateSchedule` or function ({type(current).__name__}), in whose place only another one can come"
            )

    def rate(self) -> Any:
        """The learning rate now, computed on the host where that is possible."""
        rate = self._learning_rate
        if isinstance(rate, Formula):
            steps = self._steps()
            return rate.on_host(steps) if isinstance(steps, int) else rate(steps)
        return self.learning_rate

    # ---------------------------------------------------------------- slots

    def add_variable(self, shape, initializer="zeros", dtype=None, aggregation="none", layout=None, name=None):
        """A new variable of the optimizer.

        Args:
            shape: Its shape.
            initializer: Initializer or its name.
            dtype: Its dtype; None is floatx.
            aggregation: How replicas combine it, see `Variable`.
            layout: Accepted as in Keras; must be None.
            name: Its name.
        """
        with scope.name_scope(self.name):
            variable = Variable(
                initializers.get(initializer),
                shape=shape,
                dtype=dtype,
                trainable=False,
                aggregation=aggregation,
                name=name,
            )
        self._track(variable)
        return variable

    def add_variable_from_reference(self, reference_variable, name=None, initializer="zeros"):
        """A new slot: a variable of the shape, dtype and layout of a weight.

        Args:
            reference_variable: The weight.
            name: What it is; the slot's name is the weight's path and this.
            initializer: Initializer or its name.
        """
        name = f"{reference_variable.path.replace('/', '_')}_{name or 'var'}"
        initializer = initializers.get(initializer)
        variable = self.add_variable(reference_variable.shape, initializer, reference_variable.dtype, name=name)
        self._beside.append(Slot(variable, reference_variable, _fill(initializer)))
        self._beside[-1].place()
        return variable

    def add_optimizer_variables(self, trainable_variables, name, initializer="zeros"):
        """New slots beside each of some weights.

        Args:
            trainable_variables: The weights. Those that are overwritten with their gradient get None.
            name: What the slot is, or several such names.
            initializer: Initializer or its name, for all, or one for each name.

        Returns:
            A list of slots in the order of the weights; one such list for each name where there are several.

        Raises:
            ValueError: If the numbers of names and initializers differ.
        """
        names = [name] if isinstance(name, str) else list(name)
        initial = list(initializer) if isinstance(initializer, list | tuple) else [initializer] * len(names)
        if len(initial) != len(names):
            raise ValueError(f"add_optimizer_variables: {len(names)} names ({', '.join(names)}), but {len(initial)} initializers")
        found: list[list[Variable | None]] = [[] for _ in names]
        for v in trainable_variables:
            for slots, n, init in zip(found, names, initial, strict=True):
                slots.append(None if v.overwrite_with_gradient else self.add_variable_from_reference(v, n, init))
        return found[0] if isinstance(name, str) else tuple(found)

    def slot(self, name: str, variable: Variable) -> Any:
        """The slot of that name beside a weight."""
        return self._slots[name][self._get_variable_index(variable)]

    def _get_variable_index(self, variable: Variable) -> int:
        return self._index[id(variable)]

    # ---------------------------------------------------------------- saving

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Sets all variables from arrays in the order of `variables`.

        Raises:
            ValueError: If the optimizer is not built, or a shape differs.
        """
        if not self.built:
            raise ValueError(
                f"You are calling set_weights of {type(self).__name__} before it is built; call build(trainable_variables) first"
            )
        for v, w in zip(self.variables, weights, strict=False):
            v.assign(w)

    def get_weights(self):
        """The values of all variables as numpy arrays, in the order of `variables`."""
        return [v.numpy() for v in self.variables]

    def save_own_variables(self, store):
        """Writes all variables to a store, a mapping from strings to arrays."""
        for i, v in enumerate(self.variables):
            store[str(i)] = v.numpy()

    def stored_variables(self, count):
        """The variables that a store of so many holds: all, or only the numbers where it was written before any update.

        tf.keras stored no learning rate.
        """
        numbers = 2 if isinstance(self._learning_rate, Variable) else 1
        if numbers == 2 and count == len(self.variables) - 1:
            return [v for v in self.variables if v is not self._learning_rate]
        return self.variables[:numbers] if count == numbers else self.variables

    def load_own_variables(self, store):
        """Reads all variables from a store; does nothing but warn where their number differs."""
        variables = self.stored_variables(len(store.keys()))
        if len(store.keys()) != len(variables):
            hint = "" if self._trainable_variables else " It is not built yet: train it, or call build(), before loading."
            warnings.warn(
                f"optimizer {self.name!r} keeps its state: it has {len(self.variables)} variables, the file "
                f"{len(store.keys())}.{hint}",
                stacklevel=2,
            )
            return
        for i, v in enumerate(variables):
            v.assign(store[str(i)])


def _fill(initializer: Any) -> float | None:
    """The one number that an initializer fills with, None where it does something else."""
    if isinstance(initializer, initializers.Zeros):
        return 0.0
    value = getattr(initializer, "value", None) if isinstance(initializer, initializers.Constant) else None
    return float(value) if isinstance(value, int | float) else None
