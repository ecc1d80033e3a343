"""Adam and its kin: a moving mean of gradients, divided by a measure of their size.

Each declares its arguments, its slots, and its formula for one weight over ops; see `descent` for what they share.
"""

from typing import Any

from kerastorch import ops
from kerastorch.fields import Field
from kerastorch.optimizers.base import Optimizer, optimizer
from kerastorch.optimizers.state import Rate
from kerastorch.optimizers.updates import mix, plain
from kerastorch.variable import Variable


def _given(value):
    if value is None:
        raise ValueError("without decay, it would be Adam")
    return value


Decay = Field(_given, complaint="{cls}: Argument `{name}` must be a float. Received: {name}={value}; {error}")


def moments(by: Optimizer, gradient: Any, variable: Variable, beta_1: float, beta_2: float) -> tuple[Any, Any]:
    """The moving mean and mean square of a weight's gradients, with this gradient taken into them."""
    m = mix(by.slot("momentum", variable), gradient, beta_1)
    v = mix(by.slot("velocity", variable), ops.square(gradient), beta_2)
    by.assign(by.slot("momentum", variable), m)
    by.assign(by.slot("velocity", variable), v)
    return m, v


def unbiased(by: Optimizer, learning_rate: Any, beta_1: float, beta_2: float, dtype: str) -> Any:
    """The size of Adam's step: rate * sqrt(1 - beta_2^t) / (1 - beta_1^t)."""
    t = by.number(by.done(), dtype) + 1
    return plain(by.number(learning_rate, dtype) * (1 - beta_2**t) ** 0.5 / (1 - beta_1**t))


@optimizer
class Adam(Optimizer):
    """Moving mean over root of moving mean square: m = mix(m, g), v = mix(v, g^2), w -= alpha * m / (sqrt(v) +
    epsilon).

    alpha = rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) at step t makes up for the averages' beginning at 0.

    Args:
        learning_rate: As of `Optimizer`.
        beta_1, beta_2: How much of the mean and the mean square stays at each step.
        epsilon: Added to the root; this is the paper's "epsilon hat".
        amsgrad: Whether the largest mean square so far is used.
        kwargs: Further arguments of `Optimizer`.

    Sources: Kingma and Ba, Adam (2014), arXiv:1412.6980; Reddi et al., On the convergence of Adam and beyond (2018).
    """

    learning_rate: Rate = 0.001
    beta_1: Any = 0.9
    beta_2: Any = 0.999
    epsilon: Any = 1e-7
    amsgrad: Any = False

    def slots(self):
        """Mean and mean square, and the largest mean square where it is asked for."""
        return [{"momentum": 0.0, "velocity": 0.0}, *[{"velocity_hat": 0.0}] * bool(self.amsgrad)]

    def alpha(self, learning_rate, dtype="float32"):
        """The step's size, see above."""
        return unbiased(self, learning_rate, self.beta_1, self.beta_2, dtype)

    def update_step(self, gradient, variable, learning_rate):
        """Changes one weight by its gradient."""
        m, v = moments(self, gradient, variable, self.beta_1, self.beta_2)
        if self.amsgrad:
            v = ops.maximum(self.slot("velocity_hat", variable), v)
            self.assign(self.slot("velocity_hat", variable), v)
        step = ops.divide(ops.multiply(m, self.alpha(learning_rate, variable.dtype)), ops.add(ops.sqrt(v), self.epsilon))
        self.assign_sub(variable, step)


@optimizer
class AdamW(Adam):
    """Adam with weight decay apart from the gradient: w -= rate * weight_decay * w, then as `Adam`.

    Args:
        learning_rate: As of `Optimizer`.
        weight_decay: The fraction, a number.
        beta_1, beta_2, epsilon, amsgrad: As of `Adam`.
        kwargs: Further arguments of `Optimizer`.

    Source: Loshchilov and Hutter, Decoupled weight decay regularization (2017), arXiv:1711.05101.
    """

    learning_rate: Rate = 0.001
    weight_decay: Decay = 0.004


@optimizer
class Adamax(Optimizer):
    """Adam with the largest, slowly forgotten absolute gradient in place of the root mean square.

    Args:
        learning_rate: As of `Optimizer`.
        beta_1, beta_2: How much of the mean and of the largest gradient stays at each step.
        epsilon: Added to the divisor.
        kwargs: Further arguments of `Optimizer`.

    Source: Kingma and Ba, Adam (2014), section 7, arXiv:1412.6980.
    """

    learning_rate: Rate = 0.001
    beta_1: Any = 0.9
    beta_2: Any = 0.999
    epsilon: Any = 1e-7

    def slots(self):
        """Mean and largest gradient."""
        return [{"momentum": 0.0, "norm": 0.0}]

    def size(self, learning_rate, dtype="float32"):
        """The learning rate, made up for the mean's beginning at 0."""
        return plain(self.number(learning_rate, dtype) / (1 - self.beta_1 ** (self.number(self.done(), dtype) + 1)))

    def update_step(self, gradient, variable, learning_rate):
        """Changes one weight by its gradient."""
        m = mix(self.slot("momentum", variable), gradient, self.beta_1)
        u = ops.maximum(ops.multiply(self.slot("norm", variable), self.beta_2), ops.abs(gradient))
        self.assign(self.slot("momentum", variable), m)
        self.assign(self.slot("norm", variable), u)
        step = ops.divide(ops.multiply(m, self.size(learning_rate, variable.dtype)), ops.add(u, self.epsilon))
        self.assign_sub(variable, step)


@optimizer
class Nadam(Optimizer):
    """Adam whose mean looks one step ahead, as Nesterov's momentum does.

    Args:
        learning_rate: As of `Optimizer`.
        beta_1, beta_2, epsilon: As of `Adam`.
        kwargs: Further arguments of `Optimizer`.

    Source: Dozat, Incorporating Nesterov momentum into Adam (2016).
    """

    learning_rate: Rate = 0.001
    beta_1: Any = 0.9
    beta_2: Any = 0.999
    epsilon: Any = 1e-7

    def slots(self):
        """Mean and mean square."""
        return [{"momentum": 0.0, "velocity": 0.0}]

    def build(self, variables):
        """Makes the slots, and the product of all momenta so far."""
        if not self.built:
            super().build(variables)
            self.momenta = self.add_number(1.0, None, "float32")

    def momentum_at(self, t):
        """The momentum of a step, which grows to beta_1."""
        return self.beta_1 * (1.0 - 0.5 * 0.96**t)

    def before_update(self):
        """Takes the step's momentum into the product."""
        self.momenta.assign(self.number(self.momenta) * self.momentum_at(self.number(self.done()) + 1))

    def sizes(self, learning_rate, dtype="float32"):
        """(factor of the mean, factor of the gradient, factor of the mean square)."""
        t, rate, product = (
            self.number(self.done(), dtype) + 1,
            self.number(learning_rate, dtype),
            self.number(self.momenta, dtype),
        )
        now, ahead = self.momentum_at(t), self.momentum_at(t + 1)
        sizes = rate * ahead / (1 - product * ahead), rate * (1 - now) / (1 - product), 1 / (1 - self.beta_2**t)
        return tuple(plain(x) for x in sizes)

    def update_step(self, gradient, variable, learning_rate):
        """Changes one weight by its gradient."""
        m, v = moments(self, gradient, variable, self.beta_1, self.beta_2)
        of_mean, of_gradient, of_square = self.sizes(learning_rate, variable.dtype)
        ahead = ops.add(ops.multiply(m, of_mean), ops.multiply(gradient, of_gradient))
        self.assign_sub(variable, ops.divide(ahead, ops.add(ops.sqrt(ops.multiply(v, of_square)), self.epsilon)))


@optimizer
class Lamb(Optimizer):
    """Adam's step, scaled to the length of the weight: for very large batches.

    Args:
        learning_rate: As of `Optimizer`.
        beta_1, beta_2, epsilon: As of `Adam`; epsilon is added to the unbiased root.
        kwargs: Further arguments of `Optimizer`.

    Source: You et al., Large batch optimization for deep learning (2019), arXiv:1904.00962.
    """

    learning_rate: Rate = 0.001
    beta_1: Any = 0.9
    beta_2: Any = 0.999
    epsilon: Any = 1e-7

    def slots(self):
        """Mean and mean square."""
        return [{"momentum": 0.0, "velocity": 0.0}]

    def sizes(self, dtype="float32"):
        """(factor of the mean, factor of the mean square), which make up for their beginning at 0."""
        t = self.number(self.done(), dtype) + 1
        return plain(1 / (1 - self.beta_1**t)), plain(1 / (1 - self.beta_2**t))

    def update_step(self, gradient, variable, learning_rate):
        """Changes one weight by its gradient."""
        m, v = moments(self, gradient, variable, self.beta_1, self.beta_2)
        of_mean, of_square = self.sizes(variable.dtype)
        step = ops.divide(ops.multiply(m, of_mean), ops.add(ops.sqrt(ops.multiply(v, of_square)), self.epsilon))
        length, size = (ops.sqrt(ops.sum(ops.square(x))) for x in (variable, step))
        both = ops.logical_and(ops.greater(length, 0.0), ops.greater(size, 0.0))
        ratio = ops.where(both, ops.divide(length, ops.where(both, size, 1.0)), 1.0)
        self.assign_sub(variable, ops.multiply(step, ops.multiply(ratio, plain(self.number(learning_rate, variable.dtype)))))


@optimizer
class ScheduleFreeAdamW(Optimizer):
    """Adam without mean or schedule, whose weights are the average of all points z that its steps led to.

    z -= rate * g / (sqrt(v / (1 - beta_2^t)) + epsilon), w = mix(w, z) with the share 1/t for z, rate rising to its full size over
    the warmup. This is what Keras computes on torch and TensorFlow. There, z has moved already when the average is told from the
    weight, so that `beta_1`, which the paper mixes them with, cancels out.

    Args:
        learning_rate: As of `Optimizer`.
        beta_1: Kept for the paper's sake, see above.
        beta_2: How much of the mean square stays at each step.
        epsilon: Added to the root.
        warmup_steps: Number of steps in which the rate rises; 0 is none.
        kwargs: Further arguments of `Optimizer`.

    Source: Defazio et al., The road less scheduled (2024), arXiv:2405.15682.
    """

    learning_rate: Rate = 0.0025
    beta_1: Any = 0.9
    beta_2: Any = 0.999
    epsilon: Any = 1e-8
    warmup_steps: Any = 0

    def slots(self):
        """The point that steps lead to, and the mean square."""
        return [{"momentum": 0.0, "velocity": 0.0}]

    def build(self, variables):
        """Makes the slots; the point begins at the weight."""
        if self.built:
            return
        super().build(variables)
        for v, point in zip(self._trainable_variables, self._slots["momentum"], strict=True):
            if point is not None:
                point.assign(v.numpy())

    def sizes(self, learning_rate, dtype="float32"):
        """(rate, factor of the mean square, share of the point in the average)."""
        t, rate = self.number(self.done(), dtype) + 1, self.number(learning_rate, dtype)
        if self.warmup_steps > 0:
            rate = rate * _least(plain(t / self.warmup_steps), 1.0)
        return plain(rate), plain(1 / (1 - self.beta_2**t)), plain(1 / t)

    def update_step(self, gradient, variable, learning_rate):
        """Changes one weight by its gradient."""
        rate, of_square, share = self.sizes(learning_rate, variable.dtype)
        point, velocity = self.slot("momentum", variable), self.slot("velocity", variable)
        v = mix(velocity, ops.square(gradient), self.beta_2)
        root = ops.add(ops.sqrt(ops.multiply(v, of_square)), self.epsilon)
        z = ops.subtract(point, ops.divide(ops.multiply(gradient, rate), root))
        self.assign(velocity, v)
        self.assign(point, z)
        self.assign(variable, ops.add(ops.multiply(variable, 1.0 - share), ops.multiply(z, share)))


@optimizer
class Adafactor(Optimizer):
    """Gradients divided by a root mean square that is kept by rows and columns only, which takes little memory.

    Args:
        learning_rate: As of `Optimizer`.
        beta_2_decay: Exponent of the step in how much of the mean square stays: 1 - t^beta_2_decay.
        epsilon_1: Added to squared gradients.
        epsilon_2: Least size that a weight is taken to have.
        clip_threshold: Largest root mean square of a step.
        relative_step: Whether the rate is at most 1 / sqrt(t).
        kwargs: Further arguments of `Optimizer`.

    Source: Shazeer and Stern, Adafactor (2018), arXiv:1804.04235.
    """

    learning_rate: Rate = 0.001
    beta_2_decay: Any = -0.8
    epsilon_1: Any = 1e-30
    epsilon_2: Any = 1e-3
    clip_threshold: Any = 1.0
    relative_step: Any = True

    def build(self, variables):
        """Makes the mean squares: by rows, by columns and whole."""
        if self.built:
            return
        super().build(variables)
        self.rows, self.columns, whole = [], [], []
        for v in self._trainable_variables:
            if v.overwrite_with_gradient:
                found = (None, None, None)
            elif len(v.shape) < 2:  # kept whole; Keras's files have two numbers in the place of rows and columns
                for _ in range(2):
                    self._track(Variable(0, name=v.name, trainable=False))
                found = (None, None, self.add_variable_from_reference(v, "velocity"))
            else:
                shapes = (v.shape[:-1], (*v.shape[:-2], v.shape[-1]))
                found = (
                    *(self.add_variable(s, dtype=v.dtype, name=v.name) for s in shapes),
                    self.add_variable_from_reference(v, "velocity"),
                )
            for slots, slot in zip((self.rows, self.columns, whole), found, strict=True):
                slots.append(slot)
        self._slots["velocity"] = whole

    def update_step(self, gradient, variable, learning_rate):
        """Changes one weight by its gradient."""
        dtype, i = variable.dtype, self._get_variable_index(variable)
        t, rate = self.number(self.done(), dtype) + 1, self.number(learning_rate, dtype)
        slowest = plain(t**-0.5)
        limit = _least(plain(rate), slowest)
        kept = 1 - plain(t**self.beta_2_decay)
        square, v = ops.add(ops.square(gradient), self.epsilon_1), self.slot("velocity", variable)
        if self.rows[i] is None:
            mean = mix(v, square, kept)
        else:
            row = mix(self.rows[i], ops.mean(square, axis=-1), kept)
            column = mix(self.columns[i], ops.mean(square, axis=-2), kept)
            self.assign(self.rows[i], row)
            self.assign(self.columns[i], column)
            share = ops.divide(row, ops.mean(row, axis=-1, keepdims=True))
            mean = ops.multiply(ops.expand_dims(share, -1), ops.expand_dims(column, -2))
        self.assign(v, mean)
        step = ops.divide(gradient, ops.sqrt(mean))
        step = ops.divide(step, ops.maximum(ops.divide(_root_mean_square(step), self.clip_threshold), 1.0))
        size = ops.multiply(ops.maximum(_root_mean_square(variable), self.epsilon_2), limit)
        self.assign_sub(variable, ops.multiply(step, size))


def _root_mean_square(x: Any) -> Any:
    return ops.sqrt(ops.mean(ops.square(x)))


def _least(a: Any, b: Any) -> Any:
    return min(a, b) if isinstance(a, float) and isinstance(b, float) else ops.minimum(a, b)
