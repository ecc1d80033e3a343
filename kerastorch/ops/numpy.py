"""The ops that numpy has too, under its names."""

from kerastorch.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
