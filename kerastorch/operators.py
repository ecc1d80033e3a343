"""What KerasTensors and Variables share: attributes that stay, and Python's operators, each carried out by an op.

The ops are looked up when an operator is first used, so recording a graph without operators loads none of them.
"""

import operator
from collections.abc import Callable
from typing import Any

# Python's name -> the op's. Those with two operands exist mirrored too: `1 - x` is `x.__rsub__(1)`.
BINARY = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "floordiv": "floor_divide",
    "mod": "mod",
    "pow": "power",
    "matmul": "matmul",
    "and": "logical_and",
    "or": "logical_or",
    "xor": "logical_xor",
}
COMPARISONS = {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "ne": "not_equal"}
UNARY = {"neg": "negative", "abs": "abs", "invert": "logical_not"}
# What sizes of dimensions are worked out with: ints stay ints (see ops.core.size_arithmetic).
ON_SIZES = {name: getattr(operator, name) for name in ("add", "sub", "mul", "floordiv", "mod")}


def _binary(name: str, op: str, mirrored: bool = False) -> Callable[[Any, Any], Any]:
    on_sizes = ON_SIZES.get(name)

    def method(self: Any, other: Any) -> Any:
        from kerastorch import ops
        from kerastorch.ops.core import is_size, size_arithmetic

        pair = (other, self) if mirrored else (self, other)
        if on_sizes is not None and is_size(self) and is_size(other):
            return size_arithmetic(on_sizes, *pair)
        return getattr(ops, op)(*pair)

    return method


def _unary(op: str) -> Callable[[Any], Any]:
    def method(self: Any) -> Any:
        from kerastorch import ops

        return getattr(ops, op)(self)

    return method


class Fixed:
    """An attribute that is set when its object is made; reading it costs nothing, since it has no `__get__`."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name, self.owner = name, owner.__name__

    def __delete__(self, instance: Any) -> None:
        raise AttributeError(f"The `{self.name}` attribute of {self.owner} is immutable.")

    def __set__(self, instance: Any, value: Any) -> None:
        raise AttributeError(f"The `{self.name}` attribute of {self.owner} is immutable. It was to become {value!r}")


class Operators:
    """Mixin that gives a class Python's operators, indexing and rounding, by way of the ops."""

    __array_priority__ = 100.0  # numpy's own operators leave arrays beside one of these to the methods here

    def __getitem__(self, key: Any) -> Any:
        from kerastorch import ops

        return ops.get_item(self, key)

    def __round__(self, ndigits: int | None = None) -> Any:
        from kerastorch import ops

        return ops.round(self, decimals=ndigits or 0)

    def __pos__(self) -> Any:
        return self


for _name, _op in BINARY.items():
    setattr(Operators, f"__{_name}__", _binary(_name, _op))
    setattr(Operators, f"__r{_name}__", _binary(_name, _op, mirrored=True))
for _name, _op in COMPARISONS.items():
    setattr(Operators, f"__{_name}__", _binary(_name, _op))
for _name, _op in UNARY.items():
    setattr(Operators, f"__{_name}__", _unary(_op))
