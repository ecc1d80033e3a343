"""Optimizers that go down the gradient, as it is or scaled by its own past.

Each declares its arguments, its slots, and its formula for one weight over ops. Formulas take scalars from `number`:
where the step and the learning rate are on the host, all arithmetic on scalars is done there.
`kerastorch/backends/torch/optimizers.py` has the same formulas for all weights at once.
"""

from typing import Any

from kerastorch import ops
from kerastorch.fields import Field, fields_of, number
from kerastorch.optimizers.base import Optimizer, optimizer
from kerastorch.optimizers.state import Rate
from kerastorch.optimizers.updates import mix, plain

Share = number(0, 1, complaint="{cls}: `{name}` must be a float between [0, 1]. It is {value!r}")


def _part(value):
    if not 0 < value <= 1:
        raise ValueError("with 0, only the sign of the mean counts")
    return value


Part = Field(
    _part,
    complaint="{cls}: Argument `{name}` must be in the [0, 1] range. Otherwise, the optimizer degenerates to SignSGD. "
    "Received: {name}={value}.",
)


@optimizer
class SGD(Optimizer):
    """Gradient descent: w -= rate * g, or with momentum m = momentum * m - rate * g, w += m.

    Args:
        learning_rate: As of `Optimizer`.
        momentum: From 0 to 1.
        nesterov: Whether the momentum is applied ahead: w += momentum * m - rate * g.
        kwargs: Further arguments of `Optimizer`.
    """

    learning_rate: Rate = 0.01
    momentum: Share = 0.0
    nesterov: Any = False

    @property
    def by_rows(self):
        return not self.momentum

    def slots(self):
        """The momentum, where there is one."""
        return [{"momentum": 0.0}] if self.momentum else []

    def update_step(self, gradient, variable, learning_rate):
        """Changes one weight by its gradient."""
        step = ops.multiply(gradient, plain(-self.number(learning_rate, variable.dtype)))
        if self.momentum:
            m = self.slot("momentum", variable)
            moved = ops.add(ops.multiply(m, self.momentum), step)
            self.assign(m, moved)
            step = ops.add(ops.multiply(moved, self.momentum), step) if self.nesterov else moved
        self.assign_add(variable, step)


@optimizer
class RMSprop(Optimizer):
    """Gradients divided by the root of their moving mean square: v = mix(v, g^2), w -= rate * g / sqrt(v + epsilon).

    Args:
        learning_rate: As of `Optimizer`.
        rho: How much of the moving averages stays at each step.
        momentum: Momentum of the divided gradients; 0 is none.
        epsilon: Added to the mean square.
        centered: Whether the square of the moving mean gradient is subtracted from the mean square.
        kwargs: Further arguments of `Optimizer`.

    Source: Hinton, Neural networks for machine learning, lecture 6e (2012).
    """

    learning_rate: Rate = 0.001
    rho: Any = 0.9
    momentum: Any = 0.0
    epsilon: Any = 1e-7
    centered: Any = False

    def slots(self):
        """The mean square, and the momentum and mean gradient where they are asked for."""
        return [
            {"velocity": 0.0},
            *[{"momentum": 0.0}] * (self.momentum > 0),
            *[{"average_gradient": 0.0}] * bool(self.centered),
        ]

    def update_step(self, gradient, variable, learning_rate):
        """Changes one weight by its gradient."""
        v = mix(self.slot("velocity", variable), ops.square(gradient), self.rho)
        self.assign(self.slot("velocity", variable), v)
        if self.centered:
            mean = mix(self.slot("average_gradient", variable), gradient, self.rho)
            self.assign(self.slot("average_gradient", variable), mean)
            v = ops.subtract(v, ops.square(mean))
        rate = plain(self.number(learning_rate, variable.dtype))
        step = ops.divide(ops.multiply(gradient, rate), ops.sqrt(ops.add(v, self.epsilon)))
        if self.momentum > 0:
            m = self.slot("momentum", variable)
            step = ops.add(ops.multiply(m, self.momentum), step)
            self.assign(m, step)
        self.assign_sub(variable, step)


@optimizer
class Adagrad(Optimizer):
    """Gradients divided by the root of the sum of all their squares: a += g^2, w -= rate * g / sqrt(a + epsilon).

    Args:
        learning_rate: As of `Optimizer`.
        initial_accumulator_value: Where the sums begin.
        epsilon: Added to the sums.
        kwargs: Further arguments of `Optimizer`.

    Source: Duchi et al., Adaptive subgradient methods (2011).
    """

    learning_rate: Rate = 0.001
    initial_accumulator_value: Any = 0.1
    epsilon: Any = 1e-7

    by_rows = True

    def slots(self):
        """The sum of squares."""
        return [{"accumulator": self.initial_accumulator_value}]

    def update_step(self, gradient, variable, learning_rate):
        """Changes one weight by its gradient."""
        total = self.slot("accumulator", variable)
        self.assign_add(total, ops.square(gradient))
        rate = plain(self.number(learning_rate, variable.dtype))
        self.assign_sub(variable, ops.divide(ops.multiply(gradient, rate), ops.sqrt(ops.add(total, self.epsilon))))


@optimizer
class Adadelta(Optimizer):
    """Gradients scaled by the ratio of the moving mean squares of past steps and of gradients.

    Args:
        learning_rate: As of `Optimizer`; 1.0 is that of the paper.
        rho: How much of the moving averages stays at each step.
        epsilon: Added to the mean squares.
        kwargs: Further arguments of `Optimizer`.

    Source: Zeiler, ADADELTA (2012), arXiv:1212.5701.
    """

    learning_rate: Rate = 0.001
    rho: Any = 0.95
    epsilon: Any = 1e-7

    def slots(self):
        """The mean squares of gradients and of steps."""
        return [{"accumulated_grad": 0.0, "accumulated_delta_var": 0.0}]

    def update_step(self, gradient, variable, learning_rate):
        """Changes one weight by its gradient."""
        squares, steps = self.slot("accumulated_grad", variable), self.slot("accumulated_delta_var", variable)
        mean = mix(squares, ops.square(gradient), self.rho)
        ratio = ops.divide(ops.sqrt(ops.add(steps, self.epsilon)), ops.sqrt(ops.add(mean, self.epsilon)))
        step = ops.multiply(gradient, ratio)
        self.assign(squares, mean)
        self.assign(steps, mix(steps, ops.square(step), self.rho))
        self.assign_sub(variable, ops.multiply(step, plain(self.number(learning_rate, variable.dtype))))


@optimizer
class Lion(Optimizer):
    """Steps of equal size in the direction of a moving mean's sign: w -= rate * sign(mix(m, g)).

    Args:
        learning_rate: As of `Optimizer`; a third to a tenth of that for Adam.
        beta_1: How much of the mean counts in the direction.
        beta_2: How much of the mean stays at each step.
        kwargs: Further arguments of `Optimizer`.

    Source: Chen et al., Symbolic discovery of optimization algorithms (2023), arXiv:2302.06675.
    """

    learning_rate: Rate = 0.001
    beta_1: Part = 0.9
    beta_2: Any = 0.99

    def slots(self):
        """The mean."""
        return [{"momentum": 0.0}]

    def update_step(self, gradient, variable, learning_rate):
        """Changes one weight by its gradient."""
        m = self.slot("momentum", variable)
        direction = ops.sign(mix(m, gradient, self.beta_1))
        self.assign(m, mix(m, gradient, self.beta_2))
        self.assign_sub(variable, ops.multiply(direction, plain(self.number(learning_rate, variable.dtype))))


def _check_sign(name: str, value: Any, word: str, sign: int) -> None:
    if value * sign < 0:
        error = ValueError(f"`{name}` needs to be {word} or zero. Received: {name}={value}.")
        error.add_note("It is an argument of the optimizer Ftrl.")
        raise error


@optimizer
class Ftrl(Optimizer):
    """Follow the regularized leader: the weight that past gradients and regularization make best, for sparse linear
    models.

    Args:
        learning_rate: As of `Optimizer`.
        learning_rate_power: How the rate falls with the sum of squared gradients; 0 or less.
        initial_accumulator_value: Where that sum begins; 0 or more.
        l1_regularization_strength, l2_regularization_strength: Regularization; 0 or more.
        l2_shrinkage_regularization_strength: L2 regularization of the gradient rather than of the solution; 0 or more.
        beta: As in the paper.
        kwargs: Further arguments of `Optimizer`.

    Source: McMahan et al., Ad click prediction: a view from the trenches (2013).
    """

    learning_rate: Rate = 0.001
    learning_rate_power: Any = -0.5
    initial_accumulator_value: Any = 0.1
    l1_regularization_strength: Any = 0.0
    l2_regularization_strength: Any = 0.0
    l2_shrinkage_regularization_strength: Any = 0.0
    beta: Any = 0.0

    def __post_init__(self):
        super().__post_init__()
        for name in ("initial_accumulator_value", *(n for n in fields_of(Ftrl) if n.endswith("_strength"))):
            _check_sign(name, getattr(self, name), "positive", 1)
        _check_sign("learning_rate_power", self.learning_rate_power, "negative", -1)

    def slots(self):
        """The sum of squares and the linear part of the solution."""
        return [{"accumulator": self.initial_accumulator_value, "linear": 0.0}]

    def update_step(self, gradient, variable, learning_rate):
        """Sets one weight by its gradient."""
        total, linear = self.slot("accumulator", variable), self.slot("linear", variable)
        rate = self.number(learning_rate, variable.dtype)
        new = ops.add(total, ops.square(gradient))
        before, after = (ops.divide(ops.power(x, -self.learning_rate_power), plain(rate)) for x in (total, new))
        shrunk = ops.add(gradient, ops.multiply(variable, 2.0 * self.l2_shrinkage_regularization_strength))
        z = ops.add(linear, ops.subtract(shrunk, ops.multiply(ops.subtract(after, before), variable)))
        quadratic = ops.add(after, plain(2.0 * (self.l2_regularization_strength + self.beta / (2.0 * rate))))
        l1 = self.l1_regularization_strength
        self.assign(variable, ops.divide(ops.subtract(ops.clip(z, -l1, l1), z), quadratic))
        self.assign(linear, z)
        self.assign(total, new)
