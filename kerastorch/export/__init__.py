"""Models as files that other programs run, without this package."""

from kerastorch.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
