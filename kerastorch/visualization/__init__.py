"""Pictures of what models are given and what they say of it: boxes, masks and galleries."""

from kerastorch.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
