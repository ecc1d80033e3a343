"""Learning rates that depend on the step.

Each formula stands once, in `at`, over a namespace of functions: numpy where the step is a number on the host, ops
where it is a tensor of a backend.
"""

import math
from typing import Any

from kerastorch.fields import Declared, Field, declare, fields_of

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]


class LearningRateSchedule(Declared):
    """Base of schedules, whose `__call__` takes a step and gives a learning rate; users' own derive from it."""

    def __call__(self, step):
        """The learning rate at a step, counted from 0."""
        raise NotImplementedError(f"{type(self).__name__} has no `__call__(self, step)`, which says what the learning rate is")

    def get_config(self):
        """The constructor's arguments as JSON-like values."""
        raise NotImplementedError(f"{type(self).__name__} has no `get_config`, so it cannot be written to a configuration")


class Formula(LearningRateSchedule):
    """Base of the schedules of this module."""

    __fields__: dict[str, Any] = {}

    def at(self, step: Any, xp: Any) -> Any:
        """The learning rate at a step, with the functions of `xp` (numpy, or `kerastorch.ops`)."""
        raise NotImplementedError("at")

    def __call__(self, step):
        """The learning rate at a step as a tensor.

        Args:
            step: Number, tensor or variable; steps are counted from 0.
        """
        from kerastorch import dtypes, ops

        return self.at(ops.cast(step, dtypes.floatx()), ops)

    def on_host(self, step: int) -> float:
        """The learning rate at a step as a number, without any backend."""
        import numpy as np

        return float(self.at(float(step), np))

    def get_config(self):
        """The constructor's arguments as JSON-like values."""
        return {name: getattr(self, name) for name in fields_of(type(self))}


def _steps(value):
    if value <= 0:
        raise ValueError(f"a number of steps above 0 is needed, not {value!r}")
    return value


Steps = Field(_steps)


@declare
class ExponentialDecay(Formula):
    """rate * decay_rate^(step / decay_steps).

    Args:
        initial_learning_rate: Rate at step 0.
        decay_steps: Steps in which the rate is multiplied by `decay_rate` once.
        decay_rate: That factor.
        staircase: Whether the exponent is rounded down, so that the rate stays between those steps.
        name: Name of the schedule.
    """

    initial_learning_rate: float
    decay_steps: Steps
    decay_rate: float
    staircase: bool = False
    name: str = "ExponentialDecay"

    def at(self, step, xp):
        """The formula."""
        part = step / self.decay_steps
        return xp.power(self.decay_rate, xp.floor(part) if self.staircase else part) * self.initial_learning_rate


@declare
class InverseTimeDecay(Formula):
    """rate / (1 + decay_rate * step / decay_steps); arguments as of `ExponentialDecay`."""

    initial_learning_rate: float
    decay_steps: Steps
    decay_rate: float
    staircase: bool = False
    name: str = "InverseTimeDecay"

    def at(self, step, xp):
        """The formula."""
        part = step / self.decay_steps
        return self.initial_learning_rate / ((xp.floor(part) if self.staircase else part) * self.decay_rate + 1.0)


@declare
class PiecewiseConstantDecay(Formula):
    """values[0] up to and at step boundaries[0], then values[1] up to boundaries[1], and so on.

    Args:
        boundaries: Steps, ascending.
        values: Rates, one more than there are boundaries.
        name: Name of the schedule.

    Raises:
        ValueError: If the numbers of boundaries and values do not fit.
    """

    boundaries: list
    values: list
    name: str = "PiecewiseConstant"

    def __post_init__(self):
        if len(self.boundaries) != len(self.values) - 1:
            raise ValueError(
                f"PiecewiseConstantDecay: there must be one value more than boundaries; there are {len(self.values)} "
                f"values and {len(self.boundaries)} boundaries"
            )

    def at(self, step, xp):
        """The formula."""
        rate = self.values[-1]
        for boundary, value in zip(reversed(self.boundaries), reversed(self.values[:-1]), strict=True):
            rate = xp.where(step <= float(boundary), value, rate)
        return rate


@declare
class PolynomialDecay(Formula):
    """end + (rate - end) * (1 - step / decay_steps)^power.

    Args:
        initial_learning_rate: Rate at step 0.
        decay_steps: Step at which the end is reached.
        end_learning_rate: Rate there.
        power: Exponent.
        cycle: Whether the decay begins anew over a multiple of `decay_steps` once the end is reached.
        name: Name of the schedule.
    """

    initial_learning_rate: float
    decay_steps: Steps
    end_learning_rate: float = 0.0001
    power: float = 1.0
    cycle: bool = False
    name: str = "PolynomialDecay"

    def at(self, step, xp):
        """The formula."""
        if self.cycle:
            total = xp.maximum(xp.ceil(step / self.decay_steps), 1.0) * self.decay_steps
        else:
            total, step = self.decay_steps, xp.minimum(step, float(self.decay_steps))
        left = xp.power(1.0 - step / total, self.power)
        return left * (self.initial_learning_rate - self.end_learning_rate) + self.end_learning_rate


@declare
class CosineDecay(Formula):
    """Half a cosine wave from the rate down to alpha times the rate, after a linear warmup if one is asked for.

    Args:
        initial_learning_rate: Rate at step 0.
        decay_steps: Steps of the decay.
        alpha: Fraction of the rate that is left at its end.
        name: Name of the schedule.
        warmup_target: Rate that the warmup leads to, and at which the decay begins; None is no warmup.
        warmup_steps: Steps of the warmup.

    Source: Loshchilov and Hutter, SGDR (2016), arXiv:1608.03983.
    """

    initial_learning_rate: float
    decay_steps: Steps
    alpha: float = 0.0
    name: str = "CosineDecay"
    warmup_target: float | None = None
    warmup_steps: int = 0

    def at(self, step, xp):
        """The formula."""
        warmup = 0 if self.warmup_target is None else self.warmup_steps
        top = self.initial_learning_rate if self.warmup_target is None else self.warmup_target
        part = xp.minimum(xp.maximum(step - float(warmup), 0.0) / self.decay_steps, 1.0)
        rate = ((xp.cos(part * math.pi) + 1.0) * (0.5 * (1.0 - self.alpha)) + self.alpha) * top
        if not warmup:
            return rate
        rising = step * ((top - self.initial_learning_rate) / warmup) + self.initial_learning_rate
        return xp.where(step < float(warmup), rising, rate)


@declare
class CosineDecayRestarts(Formula):
    """Cosine decay that begins anew, each time over `t_mul` times the steps and from `m_mul` times the rate.

    Args:
        initial_learning_rate: Rate at step 0.
        first_decay_steps: Steps of the first decay.
        t_mul: Growth of the steps.
        m_mul: Growth of the rate.
        alpha: Fraction of the first rate below which none falls.
        name: Name of the schedule.

    Source: Loshchilov and Hutter, SGDR (2016), arXiv:1608.03983.
    """

    initial_learning_rate: float
    first_decay_steps: Steps
    t_mul: float = 2.0
    m_mul: float = 1.0
    alpha: float = 0.0
    name: str = "SGDRDecay"

    def at(self, step, xp):
        """The formula."""
        part, growth = step / self.first_decay_steps, float(self.t_mul)
        if growth == 1.0:
            restarts = xp.floor(part)
            part = part - restarts
        else:  # the first n decays take (growth^n - 1) / (growth - 1) times the steps of the first
            restarts = xp.floor(xp.log(part * (growth - 1.0) + 1.0) / math.log(growth))
            length = xp.power(growth, restarts)
            part = (part - (length - 1.0) / (growth - 1.0)) / length
        wave = (xp.cos(part * math.pi) + 1.0) * xp.power(float(self.m_mul), restarts) * 0.5
        return (wave * (1.0 - self.alpha) + self.alpha) * self.initial_learning_rate


def serialize(learning_rate_schedule):
    """The configuration of a schedule."""
    from kerastorch.saving.objects import serialize_keras_object

    return serialize_keras_object(learning_rate_schedule)


def deserialize(config, custom_objects=None):
    """The schedule of a configuration."""
    from kerastorch.saving.objects import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects, module_objects=globals())
