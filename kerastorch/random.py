"""Random numbers: ops that draw them, generators of seeds, and the choice between fast and portable generators.

By default a backend draws with its own generator. Inside `portable()`, one counter-based generator gives the same
numbers on every backend, which is what a comparison of frameworks needs.
"""

import contextlib
import random as python_random
from collections.abc import Iterator
from typing import Any

from kerastorch import ops, scope
from kerastorch.ops.neural import dropped_attention_
from kerastorch.ops.random import (
    beta,
    binomial,
    categorical,
    dropout,
    gamma,
    normal,
    randint,
    shuffle,
    truncated_normal,
    uniform,
)
from kerastorch.variable import Variable

__all__ = [
    "SeedGenerator", "beta", "binomial", "categorical", "dropout", "gamma", "normal", "portable", "randint", "set_mode",
    "shuffle", "truncated_normal", "uniform",
]  # fmt: skip
OPS = (beta, binomial, categorical, dropout, dropped_attention_, gamma, normal, randint, shuffle, truncated_normal, uniform)


class SeedGenerator:
    """A source of seeds: an op that is given one draws other numbers at each call, the same series for the same seed.

    Args:
        seed: Integer; None draws one.
        name: Name, made unique where none is given.

    Raises:
        ValueError: If the seed is no integer.
    """

    def __init__(self, seed=None, name=None, **kwargs):
        kwargs.pop("backend", None)  # a seed is not bound to a backend
        if kwargs:
            raise ValueError(f"SeedGenerator: Unrecognized keyword arguments {sorted(kwargs)}")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
            raise ValueError(f"SeedGenerator: Argument `seed` must be an integer or None, not {seed!r}")
        self.name = name or scope.unique_name("seed_generator")
        self._initial_seed = seed
        start = python_random.randint(1, 10**9) if seed is None else seed
        with scope.name_scope(self.name):
            self.state = Variable(
                lambda shape, dtype: [start, 0],
                shape=(2,), dtype="int64", trainable=False, aggregation="none", name="seed_generator_state",
            )  # fmt: skip

    @classmethod
    def of(cls, seed: Any) -> "SeedGenerator":
        """The generator itself.

        Raises:
            ValueError: If it is none.
        """
        if not isinstance(seed, cls):
            raise ValueError(f"seed must be an integer, a SeedGenerator or None, not {seed!r}")
        return seed

    @property
    def given(self) -> bool:
        """Whether the seed was given, so that the series must be the same each time."""
        return self._initial_seed is not None

    def next(self, ordered=True):
        """The state as a tensor of shape (2,), which is then changed for the next call.

        Args:
            ordered: Whether the state counts up; else it is mixed.
        """
        state = ops.add(self.state, 0)
        self.state.assign(ops.add(state, [0, 1]) if ordered else ops.mod(ops.multiply(ops.add(state, 1), 5387), 933199))
        return state

    def draw(self) -> tuple[int, int]:
        """As `next`, on the host: the state as two integers."""
        with scope.concrete():
            first, count = (int(v) for v in self.state.numpy())
            self.state.assign([first, count + 1])
        return first, count

    def words(self) -> tuple[Any, Any]:
        """As `next`, where the state lives: two integers on the host, two tensors on a backend or in a record."""
        if self.state.backend is None and not scope.is_symbolic():
            return self.draw()
        state = self.next()
        return state[0], state[1]

    def get_config(self):
        """The constructor's arguments as JSON-like values."""
        return {"seed": self._initial_seed, "name": self.name}

    @classmethod
    def from_config(cls, config):
        """A new generator from what `get_config` gave."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<SeedGenerator {self.name}, seed={self._initial_seed}>"


_global: SeedGenerator | None = None


def global_generator() -> SeedGenerator:
    """What draws without a seed take theirs from, where the backend's own generator is not used."""
    global _global
    if _global is None:
        _global = SeedGenerator(name="global_seed_generator")
    return _global


def forget_global() -> None:
    """Makes the global generator start afresh from Python's `random`."""
    global _global
    _global = None


# ------------------------------------------------------------------------------------------------ modes


def set_mode(mode: str) -> str:
    """Chooses the generator of all random ops; returns the choice before.

    Args:
        mode: "native" for the backends' own generators, "portable" for the one that is the same on all of them.

    Raises:
        ValueError: For any other mode.
    """
    if mode not in ("native", "portable"):
        raise ValueError(f"set_mode: the mode must be 'native' or 'portable', not {mode!r}")
    before = "portable" if uniform.op.prefer_body else "native"
    for function in OPS:
        function.op.prefer_body = mode == "portable"
        function.op.plans.clear()
    return before


@contextlib.contextmanager
def portable(seed: int | None = None) -> Iterator[None]:
    """Inside, random ops draw the same numbers on every backend.

    A graph that is compiled inside draws anew at each run only from generators that are attributes of its layers, since
    their state moves to the backend with the weights; what else it draws is drawn once.

    Args:
        seed: Where draws without a seed of their own begin; None goes on where they were.
    """
    global _global
    before, outer = set_mode("portable"), _global
    if seed is not None:
        _global = SeedGenerator(seed, name="portable")
    try:
        yield
    finally:
        set_mode(before)
        if seed is not None:
            _global = outer
