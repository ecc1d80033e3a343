"""Stretches of files as files of their own, so that what lies within an archive is written and read where it lies."""

import io
import os
from collections.abc import Callable
from typing import Any

BLOCK = 1 << 18  # bytes that are handled at a time: few enough to stay in a processor's cache


class Stretch(io.RawIOBase):
    """A stretch of a file as a file.

    Args:
        file: The file; it can seek.
        begin: Where the stretch begins.
        size: How long it is; it grows where it is written to.
    """

    def __init__(self, file: Any, begin: int, size: int = 0):
        self.file, self.begin, self.size, self.place = file, begin, size, 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.place, os.SEEK_END: self.size}[whence]
        self.place = max(0, start + offset)
        return self.place

    def tell(self) -> int:
        return self.place

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")[: max(0, self.size - self.place)]
        self.file.seek(self.begin + self.place)
        count = self.file.readinto(view)
        self.place += count
        return count

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self.file.seek(self.begin + self.place)
        count = self.file.write(view)
        self.place += count
        self.size = max(self.size, self.place)
        return count

    def truncate(self, size: int | None = None) -> int:
        self.size = self.place if size is None else size
        self.file.truncate(self.begin + self.size)
        return self.size

    def flush(self) -> None:
        if not self.file.closed:
            self.file.flush()

    def pass_on(self, take: Callable[[memoryview], Any]) -> None:
        """Gives the content to a function, block by block."""
        block = memoryview(bytearray(BLOCK))
        self.seek(0)
        while count := self.readinto(block):
            take(block[:count])


class InPlace:
    """A file to which writing does nothing while `written` is set: what is given has just been read from it, and stands there."""

    def __init__(self, file: Any):
        self.file, self.written = file, False

    def write(self, data: Any) -> int:
        return len(data) if self.written else self.file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)
