"""What a file may bring about while it is read: nothing but data, unless the caller says otherwise in that very call."""

import contextlib
import threading
from collections.abc import Iterator


class _Mode(threading.local):
    safe: bool | None = None  # of the outermost call that is going on; None outside of any


_mode = _Mode()
_unsafe_by_default = False


@contextlib.contextmanager
def safe_mode(safe: bool) -> Iterator[None]:
    """Inside, files are trusted or not; the outermost call decides, so that nothing nested in a file can."""
    before = _mode.safe
    _mode.safe = (safe and not _unsafe_by_default) if before is None else before
    try:
        yield
    finally:
        _mode.safe = before


def in_safe_mode() -> bool:
    """Whether what is being read is not trusted; outside of any reading too, unless the program said otherwise."""
    return not _unsafe_by_default if _mode.safe is None else _mode.safe


def reading() -> bool:
    """Whether an object is being made from a description, rather than by the program."""
    return _mode.safe is not None


def enable_unsafe_deserialization() -> None:
    """Trusts all files that are read from now on in this process, as `safe_mode=False` does for one call.

    Use it only where every file comes from yourself: reading one may then run code that the file holds.
    """
    global _unsafe_by_default
    _unsafe_by_default = True


def refuse(what: str, why: str) -> ValueError:
    """The error for something that an untrusted file asks for."""
    return ValueError(
        f"the file or configuration {what}, which {why} and could lead to arbitrary code execution or leak data, so it is "
        "refused. If you made it yourself or trust whoever did, pass `safe_mode=False` to the loading function"
    )
