"""Training a small model to do what a large one does (Hinton et al., 2015)."""

from kerastorch.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
