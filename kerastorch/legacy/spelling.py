"""The warning for an old spelling: once for each, at the user's own line, with today's form in it."""

import contextlib
import threading
import warnings
from collections.abc import Hashable, Iterator

from kerastorch.errors import user_line


class OldSpellingWarning(FutureWarning):
    """A name, path or argument of an older Keras was used; it works, and the message has today's form."""


class _Silent(threading.local):
    on = False


_warned: set[Hashable] = set()
_silent = _Silent()


def warn_once(key: Hashable, message: str) -> None:
    """Warns at the user's line, unless the same `key` has been warned of in this process."""
    if _silent.on or key in _warned:
        return
    _warned.add(key)
    file, line = user_line() or ("<unknown>", 0)
    warnings.warn_explicit(message, OldSpellingWarning, file, line)


def forget() -> None:
    """Lets every old spelling warn again."""
    _warned.clear()


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Inside, old spellings are not warned of: an old file is no program that could be brought up to date."""
    before, _silent.on = _silent.on, True
    try:
        yield
    finally:
        _silent.on = before
