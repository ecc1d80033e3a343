"""How good predictions are, measured over many batches: metrics as classes, as functions, and by name."""

from kerastorch.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
