"""The values that callbacks are handed, read from the device only when somebody looks."""

import math
import numbers
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any


class Logs(dict):
    """Named values of a batch or an epoch, as Python floats in the order of their names.

    A function gives them, which is called at the first access of any kind; until then nothing is computed and no device
    is waited for. From then on it is an ordinary dictionary.

    Args:
        source: A function without arguments that returns a mapping of numbers or scalar tensors, or such a mapping.
            Mappings in it are merged into it.
    """

    __slots__ = ("_source",)

    def __init__(self, source: Callable[[], Mapping[str, Any]] | Mapping[str, Any]):
        # C code goes past our methods to ask for a dict's size; finding this entry, it asks for the items after all.
        super().__init__({"": None})
        self._source: Any = source

    def evaluate(self) -> None:
        """Computes the values now, unless that has been done."""
        source = self._source
        if source is None:
            return
        values = plain(source() if callable(source) else dict(source))
        self._source = None
        dict.clear(self)
        dict.update(self, values)

    @property
    def evaluated(self) -> bool:
        """Whether the values have been computed."""
        return self._source is None

    def copy(self) -> dict[str, Any]:
        """The values in a dictionary of their own."""
        return dict(self)

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as Python floats, sorted by name, those in inner mappings among them."""
    out: dict[str, Any] = {}
    for name, value in sorted(values.items()):
        if isinstance(value, Mapping):
            out.update(plain(value))
        else:
            out[name] = _number(value)
    return out


def _number(value: Any) -> Any:
    if type(value) is float or isinstance(value, str):
        return value
    shape = getattr(value, "shape", None)
    if shape is None:
        return float(value) if isinstance(value, numbers.Real) else value
    if math.prod(shape) != 1:  # say, a confusion matrix: callbacks get it as it is
        return value
    return float(value[(0,) * len(shape)] if len(shape) else value)


def as_logs(logs: Any) -> Any:
    """Any mapping as Logs; None stays None."""
    return logs if logs is None or isinstance(logs, Logs) else Logs(logs)


def _reading(name: str) -> Callable[..., Any]:
    method = getattr(dict, name)

    @wraps(method)
    def reading(self: Logs, *args: Any, **kwargs: Any) -> Any:
        self.evaluate()
        return method(self, *args, **kwargs)

    return reading


for _name in (
    "__contains__ __delitem__ __eq__ __getitem__ __ior__ __iter__ __len__ __ne__ __or__ __repr__ __reversed__ __ror__ "
    "__setitem__ clear get items keys pop popitem setdefault update values"
).split():
    setattr(Logs, _name, _reading(_name))
