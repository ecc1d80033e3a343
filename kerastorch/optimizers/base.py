"""The base of optimizers: what happens between gradients and weights, whichever formula updates them."""

import re
import warnings
from collections.abc import Callable
from typing import Any

from kerastorch import backend_registry, ops, scope
from kerastorch import variable as variable_
from kerastorch.fields import declare, fields_of
from kerastorch.legacy import old_attribute
from kerastorch.optimizers.state import Rate, State
from kerastorch.optimizers.updates import Updates
from kerastorch.variable import Variable


@declare
class Optimizer(State):
    """Changes weights by their gradients; subclasses write `update_step` for one weight, and name the slots that it
    needs.

    Args:
        learning_rate: Number, LearningRateSchedule, or function without arguments.
        weight_decay: Fraction of the weight, times the learning rate, that each update removes.
        clipnorm: Largest norm of a single gradient; longer ones are shortened.
        clipvalue: Largest absolute value in a gradient.
        global_clipnorm: Largest norm of all gradients together.
        use_ema: Whether an exponential moving average of the weights is kept, which replaces them at the end of
            training.
        ema_momentum: How much of that average stays at each step, from 0 to 1.
        ema_overwrite_frequency: After how many updates the average replaces the weights; None is only at the end.
        loss_scale_factor: Factor of the loss, by which gradients are divided.
        gradient_accumulation_steps: Number of steps, at least 2, whose mean gradient makes one update; None is 1.
        name: Name; the class's name in snake case by default.

    Raises:
        ValueError: For values out of range, or more than one kind of clipping.
    """

    lr = old_attribute("lr", "learning_rate")
    by_rows = False  # whether rows of a weight whose gradient is 0 stay as they are, and their slots too

    learning_rate: Rate
    weight_decay: Any = None
    clipnorm: Any = None
    clipvalue: Any = None
    global_clipnorm: Any = None
    use_ema: Any = False
    ema_momentum: Any = 0.99
    ema_overwrite_frequency: Any = None
    loss_scale_factor: Any = None
    gradient_accumulation_steps: Any = None
    name: Any = None

    def __post_init__(self):
        self.name = self.name or scope.unique_name(scope.snake(type(self).__name__))
        every, frequency = self.gradient_accumulation_steps, self.ema_overwrite_frequency
        if every and every < 2:
            raise ValueError(f"{self.name}: gradient_accumulation_steps must be at least 2 (or None), not {every!r}")
        if self.use_ema and not 0 <= self.ema_momentum <= 1:
            raise ValueError(f"{self.name}: ema_momentum must be from 0 to 1, not {self.ema_momentum!r}")
        if self.use_ema and frequency and (not isinstance(frequency, int) or frequency < 1):
            raise ValueError(f"{self.name}: ema_overwrite_frequency must be an integer of at least 1 (or None), not {frequency!r}")
        clips = {n: getattr(self, n) for n in ("clipnorm", "clipvalue", "global_clipnorm") if getattr(self, n) is not None}
        if len(clips) > 1:
            raise ValueError(f"{self.name}: Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be given, not {clips}")
        self._undecayed: tuple[list[Variable], Any] = ([], None)
        self._works: dict[tuple[int, ...], Updates] = {}
        self._moves = -1
        self._start()

    # ---------------------------------------------------------------- what subclasses write

    def slots(self) -> list[dict[str, float]]:
        """The slots beside each weight: name and first value. Those in one dict alternate in `variables`."""
        return []

    def update_step(self, gradient, variable, learning_rate):
        """Changes one weight (and its slots) by its gradient.

        Args:
            gradient: Tensor of the weight's shape.
            variable: The weight.
            learning_rate: Number, variable or tensor, see `number`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no `update_step(self, gradient, variable, learning_rate)`")

    def before_update(self) -> None:
        """Called once for each update, before the first `update_step`."""

    def build(self, variables):
        """Makes the slots beside the weights. Called once; `apply` does it where nobody did.

        Args:
            variables: All weights that will be updated.
        """
        if self.built:
            return
        variables = own(variables)
        self._trainable_variables = variables
        self._index = {id(v): i for i, v in enumerate(variables)}
        groups = [{"average": 0.0}] * bool(self.use_ema) + [{"gradient_accumulator": 0.0}] * bool(self.gradient_accumulation_steps)
        for group in (*groups, *self.slots()):
            from kerastorch.initializers import Constant

            found = self.add_optimizer_variables(variables, list(group), [Constant(x) for x in group.values()])
            self._slots.update(zip(group, found, strict=True))
        self.built = True

    def assign(self, variable, value):
        """Sets a weight or slot."""
        variable.assign(ops.cast(value, variable.dtype))

    def assign_add(self, variable, value):
        """Adds to a weight or slot."""
        variable.accumulate(ops.cast(value, variable.dtype))

    def assign_sub(self, variable, value):
        """Subtracts from a weight or slot."""
        variable.accumulate(ops.cast(value, variable.dtype), -1)

    # ---------------------------------------------------------------- applying gradients

    def apply_gradients(self, grads_and_vars):
        """As `apply`, from pairs of gradient and weight; returns the step."""
        grads, variables = zip(*grads_and_vars, strict=True)
        self.apply(grads, variables)
        return self._iterations

    def apply(self, grads, trainable_variables=None):
        """Updates weights by their gradients.

        Args:
            grads: One gradient for each weight, in Keras's layout; None where there is none.
            trainable_variables: The weights; by default those that the optimizer was built with.

        Raises:
            ValueError: If there is no gradient at all, their number differs, or a weight is not one of those that the
                optimizer was built with.
        """
        grads = list(grads)
        if not grads:
            return
        variables = self._weights_for(grads, trainable_variables)
        owner = next((v.backend for v in variables if v.backend is not None), None) or _owner(grads)
        with owner.no_gradient():
            for v in variables:
                if v.backend is None and v.stand_in() is None:
                    owner.adopt(v)
            grads, variables = self._overwritten(*present(grads, variables))
            if variables:
                work = self.work(variables)
                self.advance(work, work.parts(grads))
            else:
                self._iterations.accumulate(1)

    def _weights_for(self, grads: list[Any], variables: Any) -> list[Variable]:
        if variables is None:
            if not self.built:
                raise ValueError(f"{self.name}: apply(grads) without weights needs a built optimizer; call build(weights) first")
            if len(grads) != len(self._trainable_variables):
                raise ValueError(
                    f"{self.name}: {len(grads)} gradients were given, but the optimizer was built with "
                    f"{len(self._trainable_variables)} weights"
                )
            return self._trainable_variables
        variables = own(variables)
        if len(grads) != len(variables):
            raise ValueError(f"{self.name}: {len(grads)} gradients were given for {len(variables)} weights")
        if not self.built:
            self.build(variables)
            self.built = True
        unknown = [v for v in variables if id(v) not in self._index]
        if unknown:
            raise ValueError(
                f"{self.name}: {unknown[0]} is not one of the {len(self._index)} weights that the optimizer was built "
                "with. Make a new optimizer for another set of weights."
            )
        return variables

    def _overwritten(self, grads: list[Any], variables: list[Variable]) -> tuple[list[Any], list[Variable]]:
        """What is left once weights that take their gradient as their value have done so."""
        if any(v.overwrite_with_gradient for v in variables):
            for g, v in zip(grads, variables, strict=True):
                if v.overwrite_with_gradient:
                    v.assign(g)
            kept = [(g, v) for g, v in zip(grads, variables, strict=True) if not v.overwrite_with_gradient]
            grads, variables = [g for g, _ in kept], [v for _, v in kept]
        return grads, variables

    def work(self, variables: list[Variable]) -> Updates:
        """What carries out updates of these weights; made once, and anew when variables have moved."""
        if scope.state.values:
            return Updates(self, variables)
        if self._moves != variable_.moves:
            self._works.clear()
            for slot in self._beside:
                slot.place()
            self._take_numbers(variables[0].backend)
            self._moves = variable_.moves
        key = tuple([id(v) for v in variables])
        found = self._works.get(key)
        if found is None:
            found = self._works[key] = variables[0].backend.updates(self, variables)
        return found

    def replace_slots(self) -> None:
        """Lays the slots out anew, for weights that have been put elsewhere within their homes."""
        for slot in self._beside:
            slot.beside = None
        self._moves = -1

    def _take_numbers(self, backend: Any) -> None:
        if backend is not None and backend.traces:
            for v in self.variables:
                if v.backend is None:
                    backend.adopt(v)

    def advance(self, work: Updates, grads: list[Any]) -> None:
        """One step: from gradients as `work` takes them to updated weights."""
        if self.loss_scale_factor is not None:
            grads = work.scaled(grads, self.loss_scale_factor)
        every, frequency = self.gradient_accumulation_steps, self.ema_overwrite_frequency
        if every:
            due = (self._steps() + 1) % every == 0
            choose(due, lambda: self._update(work, work.collected(grads, every)), lambda: work.collect(grads))
        else:
            self._update(work, grads)
        if self.use_ema:
            everything = work if len(work.variables) == len(self._trainable_variables) else self.work(self._trainable_variables)
            everything.average(self.number(self.done()) != 0)
            if frequency:
                choose(
                    (self.done() + 1) % frequency == 0,
                    lambda: self.finalize_variable_values(self._trainable_variables),
                    _nothing,
                )
        for v in work.constrained:
            v.assign(v.constraint(v))
        self._iterations.accumulate(1)

    def _update(self, work: Updates, grads: list[Any]) -> None:
        self.before_update()
        work.update(work.clipped(grads), self.rate())

    def stateless_apply(self, optimizer_variables, grads, trainable_variables):
        """The weights and the optimizer's variables after an update, given both as tensors; nothing is changed.

        Raises:
            ValueError: If the optimizer is not built, or the numbers of tensors differ from those of the variables.
        """
        if not self.built:
            raise ValueError(f"{self.name}: stateless_apply needs a built optimizer; call build(trainable_variables) first")
        mapping: dict[int, Any] = {}
        for what, variables, given in (
            ("optimizer_variables", self.variables, optimizer_variables),
            ("trainable_variables", self._trainable_variables, trainable_variables),
        ):
            if len(variables) != len(given):
                raise ValueError(f"{self.name}: {what} must have {len(variables)} tensors, one for each variable, not {len(given)}")
            mapping.update((id(v), ops.convert_to_tensor(x)) for v, x in zip(variables, given, strict=True))
        with scope.values(mapping):
            self.apply(grads)
        return [mapping[id(v)] for v in self._trainable_variables], [mapping[id(v)] for v in self.variables]

    def scale_loss(self, loss):
        """The loss times `loss_scale_factor`, from which gradients are to be taken."""
        return loss if self.loss_scale_factor is None else ops.multiply(loss, self.loss_scale_factor)

    def finalize_variable_values(self, var_list):
        """Sets weights to their moving averages, where those are kept; `fit` does it at the end."""
        if not self.use_ema:
            return
        if len(var_list) != len(self._trainable_variables):
            raise ValueError(
                f"{self.name}: {len(var_list)} weights were given, but averages of {len(self._trainable_variables)} are kept"
            )
        for v in own(var_list):
            average = self.slot("average", v)
            if average is not None:
                v.assign(average.tensor())

    # ---------------------------------------------------------------- weight decay

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        """Leaves weights out of weight decay; to be called before the optimizer is built.

        Args:
            var_list: The weights.
            var_names: Regular expressions; a weight in whose name one is found is left out.

        Raises:
            ValueError: If the optimizer is built already.
        """
        if self.built:
            raise ValueError(f"{self.name}: exclude_from_weight_decay comes too late, the optimizer is built already")
        pattern = re.compile("|".join(sorted(set(var_names)))) if var_names else None
        self._undecayed = (own(var_list or ()), pattern)

    def excluded(self, variable: Variable) -> bool:
        """Whether a weight was left out of weight decay."""
        excluded, pattern = self._undecayed
        return any(v is variable for v in excluded) or bool(pattern and pattern.search(variable.name))

    def decay_of(self, variable: Variable) -> float | None:
        """The weight decay that applies to a weight; None where none does."""
        return None if self.excluded(variable) else self.weight_decay

    # ---------------------------------------------------------------- configuration

    def get_config(self):
        """The constructor's arguments as JSON-like values."""
        from kerastorch.saving.objects import serialize_keras_object

        config = {n: field.serialize(getattr(self, n)) for n, (field, _) in fields_of(type(self)).items() if n != "learning_rate"}
        rate = self._learning_rate
        config["learning_rate"] = float(rate.numpy()) if isinstance(rate, Variable) else serialize_keras_object(rate)
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """An optimizer from what `get_config` gave; `custom_objects` may name the class of its schedule."""
        from kerastorch.saving.objects import custom_object_scope

        with custom_object_scope(custom_objects or {}):
            return cls(**config)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_works": {}, "_moves": -1, "_index": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _index={id(v): i for i, v in enumerate(state["_trainable_variables"])})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def optimizer(cls: Any) -> Any:
    """Declares a class as an optimizer: its own fields come after the learning rate, those that all have at the end."""
    own = [n for n in cls.__dict__.get("__annotations__", {}) if n != "learning_rate"]
    inherited = [n for n in fields_of(cls.__mro__[1]) if n not in own]
    common = [n for n in inherited if n in fields_of(Optimizer)]
    return declare(cls, order=("learning_rate", *own, *(n for n in inherited if n not in common), *common[1:]))


def own(variables: Any) -> list[Variable]:
    """Weights as Variables: those that are a framework's own, as the Variables around them."""
    return [v if isinstance(v, Variable) else (backend_registry.of(v) or backend_registry.active()).variable(v) for v in variables]


def present(grads: Any, variables: list[Variable]) -> tuple[list[Any], list[Variable]]:
    """The weights that have a gradient, and the gradients; warns of the others.

    Raises:
        ValueError: If no weight has one.
    """
    grads = list(grads)
    if not any(g is None for g in grads):
        return grads, variables
    kept = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
    missing = [v.path for g, v in zip(grads, variables, strict=True) if g is None]
    if not kept:
        raise ValueError(f"No gradients provided for any variable. The loss depends on none of {missing}")
    warnings.warn(
        f"Gradients do not exist for variables {missing}, so they stay as they are. Does the loss depend on them?",
        stacklevel=4,
    )
    return [g for g, _ in kept], [v for _, v in kept]


def choose(condition: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> None:
    """Calls one of two functions, by a truth value on the host or a tensor."""
    if backend_registry.of(condition) is not None:
        ops.cond(condition, _silent(yes), _silent(no))
    elif condition:
        yes()
    else:
        no()


def _silent(function: Callable[[], Any]) -> Callable[[], None]:
    """A function that does the same and gives nothing, since both branches must give alike."""

    def call() -> None:
        function()

    return call


def _nothing() -> None:
    """Does nothing."""


def _owner(grads: Any) -> Any:
    found = [b for b in map(backend_registry.of, grads) if b is not None]
    return found[0] if found else backend_registry.active()
