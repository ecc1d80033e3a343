"""Helpers around models and data, found when they are first asked for."""

from kerastorch.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
