"""Methods that have another name today."""

import functools
from collections.abc import Callable
from typing import Any

from kerastorch.legacy.spelling import warn_once

_RUN = ("max_queue_size", "workers", "use_multiprocessing")
# Class -> old method -> today's, and what its positional arguments are there.
METHODS: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "Model": {
        "fit_generator": ("fit", ("x", "steps_per_epoch", "epochs", "verbose", "callbacks", "validation_data", "validation_steps",
                                  "validation_freq", "class_weight", *_RUN, "shuffle", "initial_epoch")),
        "evaluate_generator": ("evaluate", ("x", "steps", "callbacks", *_RUN, "verbose")),
        "predict_generator": ("predict", ("x", "steps", "callbacks", *_RUN, "verbose")),
    },
}  # fmt: skip


def old_method(owner: Any, name: str) -> Callable[..., Any] | None:
    """The method of today for one that an object had in the past, taking the arguments of old; None if it never had it.

    Args:
        owner: The object.
        name: Of the method.
    """
    found = next((METHODS[c.__name__][name] for c in type(owner).__mro__ if name in METHODS.get(c.__name__, ())), None)
    if found is None:
        return None
    today, order = found
    warn_once(("method", name), f"{name}() is an old name: write {today}().")
    method = getattr(owner, today)

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        if len(args) > len(order):
            raise TypeError(f"{name}() takes at most {len(order)} arguments by position, and {len(args)} were given")
        twice = [key for key in order[: len(args)] if key in kwargs]
        if twice:
            raise TypeError(f"{name}() got the argument {twice[0]!r} twice")
        return method(**dict(zip(order, args, strict=False)), **kwargs)

    return call
