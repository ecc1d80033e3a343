"""The ops of images: colors, cropping and padding, resampling, warping, filters, patches."""

from kerastorch.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
