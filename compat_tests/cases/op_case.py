"""What one record about an op says; `test_ops.py` makes all its tests from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

INTEGERS = ("uint8", "int8", "int16", "int32", "uint32", "int64")
FLOATS = ("float16", "bfloat16", "float32", "float64")
NUMBERS = (*INTEGERS, *FLOATS)
ALL = ("bool", *NUMBERS)
TWO = ("float32", "float64")  # what linear algebra routines know


def normal(*shape: int, seed: int = 0, scale: float = 1.0, shift: float = 0.0) -> np.ndarray:
    """Normal numbers, the same at each call."""
    return (np.random.default_rng([seed, *shape]).normal(size=shape) * scale + shift).astype("float32")


def between(low: float, high: float, *shape: int, seed: int = 0) -> np.ndarray:
    """Uniform numbers from `low` up to `high`."""
    return np.random.default_rng([seed, *shape]).uniform(low, high, shape).astype("float32")


def integers(low: int, high: int, *shape: int, seed: int = 0) -> np.ndarray:
    """Integers from `low` up to, and without, `high`."""
    return np.random.default_rng([seed, *shape]).integers(low, high, shape).astype("int32")


def truths(*shape: int, seed: int = 0) -> np.ndarray:
    """Truth values."""
    return np.random.default_rng([seed, *shape]).uniform(size=shape) < 0.5


def spoilt(*shape: int, seed: int = 0) -> np.ndarray:
    """Normal numbers with NaN and both infinities among them."""
    array = normal(*shape, seed=seed)
    array.flat[:: max(array.size // 3, 1)] = [np.nan, np.inf, -np.inf][: len(array.flat[:: max(array.size // 3, 1)])]
    return array


@dataclass(frozen=True)
class Case:
    """One way to call an op.

    Attributes:
        op: Its name in `ops`.
        inputs: Positional arguments; arrays, and lists of arrays, are operands.
        kwargs: Keyword arguments.
        tolerance: Relative and absolute, for float32 results.
        gradient: Whether it is differentiable in its float operands at these inputs.
        dtypes: Dtypes given to all operands in turn, to compare the result's dtype with the reference's recorded one.
        expected: A function of the inputs and keywords that takes the reference's place where that cannot do it.
        unknown: Whether it can be recorded where the first dimension of the first operand is not known.
        recorded: Whether shape and dtype can be known without values.
        deviates: Dtypes among `dtypes` for which ours differs from the reference's on purpose, with the reason.
        note: What tells the case from others of the op.
    """

    op: str
    inputs: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    tolerance: tuple[float, float] = (1e-5, 1e-6)
    gradient: bool = False
    dtypes: tuple[str, ...] = ()
    expected: Callable[..., Any] | None = None
    unknown: bool = True
    recorded: bool = True
    deviates: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def id(self) -> str:
        given = ",".join(f"{k}={v}" for k, v in self.kwargs.items() if not isinstance(v, np.ndarray))
        return "-".join(p for p in (self.op, given, self.note) if p).replace(" ", "")
