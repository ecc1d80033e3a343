"""Keras code, recorded as a graph, lowered to plain PyTorch or TensorFlow modules, and run.

    import kerastorch as keras

The public names are Keras's; `__init__.pyi` beside this file lists them and says where each lives. Nothing is imported until it
is asked for: neither numpy nor any framework comes with this import.
"""

from kerastorch.lazy import attach

__version__ = "3.15.1"  # the version of Keras whose behaviour this is; scripts compare against it
version = __version__

__getattr__, __dir__, __all__ = attach(__name__, __file__)
__all__ += ["__version__", "version"]
