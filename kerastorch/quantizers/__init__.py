"""Quantization: numbers of few bits in place of floats, and what it is asked to do."""

from kerastorch.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
