"""How far predictions are from targets: losses as functions, as classes, and by name."""

from kerastorch.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
