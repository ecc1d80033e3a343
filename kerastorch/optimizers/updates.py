"""How an optimizer changes many weights at once, written over ops: one weight after another, on any backend.

A backend that has something faster gives a subclass, whose gradients may be in a form of its own (`Backend.updates`).
"""

from typing import Any

from kerastorch import ops
from kerastorch.op import operand
from kerastorch.variable import Variable


class Updates:
    """Updates of some weights of an optimizer.

    Args:
        optimizer: The optimizer, built.
        variables: The weights.
    """

    def __init__(self, optimizer: Any, variables: list[Variable]):
        self.optimizer, self.variables = optimizer, list(variables)
        self.constrained = [v for v in variables if v.constraint is not None]

    def parts(self, grads: list[Any]) -> list[Any]:
        """Gradients in Keras's layout, in the form that the other methods take."""
        return [operand(v.backend, g, None) if v.stand_in() is None else g for g, v in zip(grads, self.variables, strict=True)]

    def scaled(self, grads: list[Any], scale: float) -> list[Any]:
        """Gradients divided by a number."""
        return [ops.divide(g, scale) for g in grads]

    def collect(self, grads: list[Any]) -> None:
        """Adds gradients to those that wait for an update."""
        for g, v in zip(grads, self.variables, strict=True):
            self.optimizer.assign_add(self.optimizer.slot("gradient_accumulator", v), g)

    def collected(self, grads: list[Any], every: int) -> list[Any]:
        """The mean of gradients and those that waited, of which none wait any more."""
        means = []
        for g, v in zip(grads, self.variables, strict=True):
            waiting = self.optimizer.slot("gradient_accumulator", v)
            means.append(ops.divide(ops.add(g, waiting), every))
            waiting.assign(ops.zeros(waiting.shape, dtype=waiting.dtype))
        return means

    def clipped(self, grads: list[Any]) -> list[Any]:
        """Gradients that are no larger than the optimizer allows."""
        by = self.optimizer
        if by.clipnorm:
            return [_shortened(g, ops.sqrt(_square(g)), by.clipnorm) for g in grads]
        if by.global_clipnorm:
            norm = ops.sqrt(ops.sum(ops.stack([_square(g) for g in grads])))
            norm = ops.add(norm, ops.subtract(norm, norm))  # NaN where it is infinite, so that no weight survives that unnoticed
            return [_shortened(g, norm, by.global_clipnorm) for g in grads]
        if by.clipvalue:
            return [ops.clip(g, -by.clipvalue, by.clipvalue) for g in grads]
        return grads

    def update(self, grads: list[Any], rate: Any) -> None:
        """Weight decay, then the optimizer's own formula."""
        by = self.optimizer
        for v in self.variables:
            decay = by.decay_of(v)
            if decay is not None:
                by.assign_sub(v, ops.multiply(v, plain(by.number(rate, v.dtype) * decay)))
        for g, v in zip(grads, self.variables, strict=True):
            by.update_step(g, v, rate)

    def average(self, begun: Any) -> None:
        """Takes the weights into their moving averages; before the first update, the average is the weight."""
        by = self.optimizer
        for v in self.variables:
            average = by.slot("average", v)
            if average is not None:
                momentum = plain(by.number(begun, v.dtype) * by.ema_momentum)
                by.assign(average, ops.add(ops.multiply(average, momentum), ops.multiply(v, 1.0 - momentum)))


def _square(g: Any) -> Any:
    return ops.sum(ops.square(g))


def _shortened(g: Any, norm: Any, limit: float) -> Any:
    """A gradient scaled so that `norm` becomes `limit` where it is larger."""
    return ops.multiply(g, ops.divide(limit, ops.maximum(norm, limit)))


def plain(number: Any) -> Any:
    """A scalar of numpy as a Python number, which ops take without making a tensor of it."""
    return number.item() if type(number).__module__ == "numpy" else number


def mix(average: Any, new: Any, kept: float) -> Any:
    """kept * average + (1 - kept) * new."""
    return ops.add(ops.multiply(average, kept), ops.multiply(new, 1.0 - kept))
