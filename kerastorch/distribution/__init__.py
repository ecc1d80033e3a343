"""How tensors and variables lie on several devices: meshes, layouts, and what one process can do with them."""

from kerastorch.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
