"""Loss scaling that finds its own factor, for training in float16."""

from typing import Any

from kerastorch import ops
from kerastorch.fields import fields_of
from kerastorch.optimizers.base import Optimizer, choose
from kerastorch.optimizers.updates import plain


class LossScaleOptimizer(Optimizer):
    """Multiplies the loss by a factor, so that small gradients do not vanish in float16, and divides gradients by it.

    A step whose gradients are not all finite is skipped, and the factor halved; after many steps without one, it is
    doubled.

    Args:
        inner_optimizer: The optimizer that makes the updates.
        initial_scale: The factor at first.
        dynamic_growth_steps: Number of finite steps after which it is doubled.
        name: Name; the class's name in snake case by default.

    Raises:
        ValueError: For other arguments, which belong to the inner optimizer.
    """

    def __init__(self, inner_optimizer, initial_scale=2.0**15, dynamic_growth_steps=2000, name=None, **kwargs):
        defaults = {n: default for n, (_, default) in fields_of(Optimizer).items()}
        if not kwargs.pop("dynamic", True):
            raise ValueError("LossScaleOptimizer is always dynamic; for a fixed factor, set `loss_scale_factor` of the optimizer")
        unknown = [f"`{n}`" for n in kwargs if n not in defaults]
        if unknown:
            raise ValueError(f"LossScaleOptimizer does not know the arguments: {', '.join(unknown)}")
        wrong = [f"`{n}`" for n, value in kwargs.items() if value != defaults[n]]
        if wrong:
            raise ValueError(f"LossScaleOptimizer makes no updates itself: set {', '.join(wrong)} on the `inner_optimizer`")
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.initial_scale, self.dynamic_growth_steps = initial_scale, dynamic_growth_steps
        inner_optimizer.loss_scale_factor = None

    def build(self, variables):
        """Makes the factor and the count of finite steps, and builds the inner optimizer."""
        if self.built:
            return
        self.step_counter = self.add_number(0, "step_counter", "int32")
        self.dynamic_scale = self.add_number(self.initial_scale, "dynamic_scale", "float32")
        self.inner_optimizer.build(variables)
        super().build(variables)

    @property
    def variables(self):
        """The optimizer's own variables, then the inner one's."""
        return [*self._variables, *self.inner_optimizer.variables]

    @property
    def learning_rate(self):
        """The inner optimizer's learning rate."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        self.inner_optimizer.learning_rate = value

    @property
    def iterations(self):
        """The inner optimizer's number of updates; steps that were skipped do not count."""
        return self.inner_optimizer.iterations

    def scale_loss(self, loss):
        """The loss times the factor, from which gradients are to be taken."""
        return ops.multiply(loss, plain(self.number(self.dynamic_scale)) if self.built else self.initial_scale)

    def apply(self, grads, trainable_variables=None):
        """Updates weights by the gradients of a scaled loss, if all of them are finite; see `Optimizer.apply`."""
        grads = list(grads)
        variables = self._weights_for(grads, trainable_variables)
        self._take_numbers(next((v.backend for v in variables if v.backend is not None), None))
        choose(self.check_finite(grads), lambda: self._accept(grads, variables), self._skip)

    def check_finite(self, grads):
        """Whether all numbers in all gradients (None where there is none) are finite, as a scalar tensor."""
        finite = [ops.all(ops.isfinite(g)) for g in grads if g is not None]
        return ops.all(ops.stack(finite)) if finite else ops.convert_to_tensor(True)

    def _accept(self, grads: list[Any], variables: list[Any]) -> None:
        scale = plain(self.number(self.dynamic_scale))
        pairs = zip(grads, variables, strict=True)
        unscaled = [g if g is None or v.overwrite_with_gradient else ops.divide(g, scale) for g, v in pairs]
        self.inner_optimizer.apply(unscaled, variables)
        last = self.number(self.step_counter) == self.dynamic_growth_steps - 1
        choose(last, lambda: self._rescale(2.0), lambda: self.step_counter.assign_add(1))

    def _skip(self) -> None:
        self._rescale(0.5)

    def _rescale(self, factor: float) -> None:
        self.step_counter.assign(0)
        self.dynamic_scale.assign(self.number(self.dynamic_scale) * factor)

    def finalize_variable_values(self, var_list):
        """See `Optimizer.finalize_variable_values`."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self):
        """The constructor's arguments as JSON-like values."""
        from kerastorch.saving.objects import serialize_keras_object

        return {
            "name": self.name,
            "inner_optimizer": serialize_keras_object(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """An optimizer from what `get_config` gave."""
        from kerastorch.saving.objects import deserialize_keras_object

        inner = deserialize_keras_object(config["inner_optimizer"], custom_objects)
        return cls(inner, **{n: value for n, value in config.items() if n != "inner_optimizer"})
