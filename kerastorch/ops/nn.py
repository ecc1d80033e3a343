"""The ops of neural networks: activations, normalization, losses, windows."""

from kerastorch.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
