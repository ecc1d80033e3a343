"""Architectures of the literature for images, each with weights trained on ImageNet."""

from kerastorch.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
