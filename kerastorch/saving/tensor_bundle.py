"""TensorFlow's tensor bundles (`name.index` and `name.data-00000-of-00001`, ...), read without TensorFlow.

The index is a table of LevelDB's format: sorted keys with values, in blocks whose places a last block tells. The values are
messages of protocol buffers that say where in the data files a tensor's bytes lie. A message is a row of fields, each a number
and a value; what is nested in it is a value of bytes.
"""

import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from kerastorch.variable import numpy_dtype

INDEX = ".index"
MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
FOOTER, TRAILER = 48, 5  # bytes: of the file, and of each block (how it is packed, and a checksum)
LARGEST_INDEX = 256 << 20  # bytes
DTYPES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 7: "string", 8: "complex64", 9: "int64", 10: "bool",
    14: "bfloat16", 17: "uint16", 18: "complex128", 19: "float16", 22: "uint32", 23: "uint64",
}  # fmt: skip

Message = dict[int, list[Any]]


class Malformed(ValueError):
    """Bytes that are no table or message; whoever knows the file says which."""


class Bundle:
    """A bundle whose index has been read and compared with the sizes of its data files.

    Args:
        prefix: The path without `.index`.

    Raises:
        FileNotFoundError: If the index or a data file is missing.
        ValueError: If the index is damaged or hostile, or names bytes that the data files do not have.
    """

    def __init__(self, prefix: str):
        self.prefix = prefix
        path = prefix + INDEX
        if os.path.getsize(path) > LARGEST_INDEX:
            raise ValueError(f"{path} is too large for an index: {os.path.getsize(path)} bytes")
        with open(path, "rb") as file:
            content = file.read(LARGEST_INDEX)
        try:
            entries = dict(_table(content))
            header = message(entries.pop(b"", b""))
            self.entries = {key.decode(): message(value) for key, value in entries.items()}
            count = number(header, 1)
            if number(header, 2):
                raise Malformed("numbers with the most significant byte first")
            if not 1 <= count <= 99_999:
                raise Malformed(f"{count} data files")
        except (Malformed, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is no index of a TensorFlow checkpoint, or damaged: {error}") from error
        self.data = [self._mapped(f"{prefix}.data-{i:05d}-of-{count:05d}") for i in range(count)]

    @staticmethod
    def _mapped(path: str) -> Any:
        if os.path.islink(path):
            raise ValueError(f"{path} is a link; links are not followed")
        return np.memmap(path, np.uint8, "c") if os.path.getsize(path) else np.empty(0, np.uint8)

    def __contains__(self, key: str) -> bool:
        return key in self.entries

    def shape(self, key: str) -> tuple[int, ...]:
        """The shape of a tensor."""
        dims = message(bytes_of(self.entries[key], 2)).get(2, [])
        return tuple(number(message(dim), 1) for dim in dims)

    def read(self, key: str) -> np.ndarray:
        """A tensor as an array, mapped from the disk.

        Raises:
            ValueError: If it has no dtype of numbers, or its bytes do not lie in the data files.
        """
        dtype = self._dtype(key)
        if dtype == "string":
            raise ValueError(f"{self.prefix}: {key} holds text, not numbers")
        shape, kind = self.shape(key), numpy_dtype(dtype)
        found = self._bytes(key)
        if len(found) != math.prod(shape) * kind.itemsize:
            raise ValueError(f"{self.prefix}: {key} of shape {shape} and dtype {dtype} cannot be {len(found)} bytes")
        return found.view(kind).reshape(shape)

    def text(self, key: str) -> bytes:
        """A single string: its length, a checksum of that, and its bytes."""
        found = bytes(self._bytes(key))
        length, place = _varint(found, 0)
        if self._dtype(key) != "string" or self.shape(key) or length != len(found) - place - 4:
            raise ValueError(f"{self.prefix}: {key} is no single string")
        return found[place + 4 :]

    def _dtype(self, key: str) -> str:
        code = number(self.entries[key], 1)
        if code not in DTYPES or 7 in self.entries[key]:  # the latter are parts of a tensor that is kept in several
            raise ValueError(f"{self.prefix}: {key} has the dtype number {code}, or is kept in parts, which is not read")
        return DTYPES[code]

    def _bytes(self, key: str) -> Any:
        entry = self.entries[key]
        shard, begin, size = (number(entry, i) for i in (3, 4, 5))
        if shard >= len(self.data) or begin + size > len(self.data[shard]):
            raise ValueError(f"{self.prefix}: {key} would be the bytes {begin} to {begin + size} of a shorter file")
        return self.data[shard][begin : begin + size]


# ------------------------------------------------------------------------------------------------ tables


def _table(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of a table."""
    if len(content) < FOOTER or not content.endswith(MAGIC):
        raise Malformed("it does not end as such tables do")
    place = len(content) - FOOTER
    for _ in range(2):  # of a block that is empty here
        _, place = _varint(content, place)
    last = 0
    for _, handle in _block(content, place):
        begin, _ = _varint(handle, 0)
        if begin < last:  # a block that comes again and again would make much out of little
            raise Malformed("its blocks are not in order")
        last = begin + 1
        yield from _block(handle, 0, content)


def _block(handle: bytes, place: int, content: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of the block whose place and size stand at `place` of `handle`."""
    content = handle if content is None else content
    begin, place = _varint(handle, place)
    size, _ = _varint(handle, place)
    if begin + size + TRAILER > len(content) - FOOTER or size < 4:
        raise Malformed("a block leads beyond its end")
    if content[begin + size]:
        raise Malformed("a block is packed, which TensorFlow does not do")
    block = content[begin : begin + size]
    end = size - 4 * (1 + int.from_bytes(block[-4:], "little"))  # where the list of restarts begins
    place, key = 0, b""
    while place < end:
        shared, place = _varint(block, place)
        own, place = _varint(block, place)
        length, place = _varint(block, place)
        if shared > len(key) or place + own + length > end:
            raise Malformed("an entry leads beyond its block")
        key = key[:shared] + block[place : place + own]
        place += own + length
        yield key, block[place - length : place]


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """A number of seven bits a byte, the last first, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            break
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise Malformed("a number has no end")


# ------------------------------------------------------------------------------------------------ protocol buffers


def message(data: bytes) -> Message:
    """The values of a message by the numbers of its fields: integers, or bytes."""
    found: Message = {}
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        kind = tag & 7
        value: Any
        if kind == 0:
            value, place = _varint(data, place)
        elif kind in (1, 2, 5):
            size, place = _varint(data, place) if kind == 2 else (8 if kind == 1 else 4, place)
            if place + size > len(data):
                raise Malformed("a field leads beyond its message")
            value, place = data[place : place + size], place + size
        else:
            raise Malformed(f"a field of the unknown kind {kind}")
        found.setdefault(tag >> 3, []).append(value)
    return found


def number(found: Message, field: int) -> int:
    """An integer field, 0 where it is not there."""
    value = found.get(field, [0])[-1]
    if not isinstance(value, int) or value >> 63:
        raise Malformed(f"field {field} is no number from 0 on")
    return value


def bytes_of(found: Message, field: int) -> bytes:
    """A field of bytes, empty where it is not there."""
    value = found.get(field, [b""])[-1]
    if not isinstance(value, bytes):
        raise Malformed(f"field {field} holds no bytes")
    return value
