"""How weights follow from gradients: optimizers, and schedules of their learning rates."""

from kerastorch.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
