"""Comparing what backends make of one model.

The package shares its name with its one function, `kerastorch.compare(...)`; whichever of the two an import statement
binds can be called.
"""

import sys
import types

from kerastorch.compare.comparison import compare
from kerastorch.compare.report import Difference, Report, Row

__all__ = ["Difference", "Report", "Row", "compare"]


class _Package(types.ModuleType):
    def __call__(self, *args, **kwargs):
        return compare(*args, **kwargs)


sys.modules[__name__].__class__ = _Package
