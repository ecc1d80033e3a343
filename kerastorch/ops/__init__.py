"""Everything that is computed goes through the ops of this namespace, declared here once for all backends."""

from kerastorch.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
