"""Small data sets to learn and test with, downloaded once and then read from the cache folder."""

from kerastorch.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
