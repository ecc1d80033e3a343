"""The safetensors format: a length, a JSON header of names, dtypes, shapes and places, and the bytes of the arrays.

Reading needs no library: the header is checked against the size of the file, and the bytes go straight to where they are wanted.
"""

import contextlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from typing import IO, Any

import numpy as np

from kerastorch import dtypes
from kerastorch.saving.atomic import replacing
from kerastorch.variable import numpy_dtype

DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32", "I16": "int16",
    "I8": "int8", "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
NAMES = {name: code for code, name in DTYPES.items()}
LARGEST_HEADER = 100_000_000  # bytes, as the format says
ALIGNMENT = 8


def write(path: str, arrays: Mapping[str, Any]) -> None:
    """Writes arrays by name; the file is complete or not there.

    Raises:
        ValueError: For a dtype that the format does not have.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    place = 0
    for name, array in arrays.items():
        dtype = dtypes.standardize(array.dtype)
        if dtype not in NAMES:
            raise ValueError(f"{path}: {name} has dtype {dtype}, which safetensors files do not have")
        header[name] = {"dtype": NAMES[dtype], "shape": list(array.shape), "data_offsets": [place, place + array.nbytes]}
        place += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


class Stored:
    """An array of an open file, whose place has been checked.

    Args:
        file: The file, without a buffer of its own.
        place: Where in it the array begins.
        shape: The array's shape.
        dtype: Its dtype by name.
    """

    def __init__(self, file: IO[bytes], place: int, shape: tuple[int, ...], dtype: str):
        self.file, self.place, self.shape, self.dtype = file, place, shape, dtype

    def read(self) -> np.ndarray:
        """The array, in memory of its own."""
        value = np.empty(self.shape, numpy_dtype(self.dtype))
        self.read_into(value.reshape(-1).view(np.uint8))
        return value

    def read_into(self, target: np.ndarray) -> None:
        """Copies the array's bytes into as many others.

        Raises:
            ValueError: If the file has become shorter.
        """
        self.file.seek(self.place)
        left = memoryview(target)
        while left:
            count = self.file.readinto(left)  # type: ignore[attr-defined]
            if not count:
                raise ValueError(f"{self.file.name} ends before its header says")
            left = left[count:]


def read(path: str) -> dict[str, np.ndarray]:
    """The arrays of a file by name; see `opened`."""
    with opened(path) as found:
        return {name: stored.read() for name, stored in found.items()}


@contextlib.contextmanager
def opened(path: str) -> Iterator[dict[str, Stored]]:
    """The arrays of a file by name, none of them read yet.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is malformed, or an array does not lie where and as large as the header says.
    """
    with open(path, "rb", buffering=0) as file:
        yield _checked(file, path)


def _checked(file: IO[bytes], path: str) -> dict[str, Stored]:
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or not 2 <= length <= min(LARGEST_HEADER, size - 8):
        raise ValueError(f"{path} is no safetensors file: its header would have {length} of {size} bytes")
    try:
        header = json.loads(file.read(length))
        entries = {
            name: (DTYPES[e["dtype"]], tuple(map(int, e["shape"])), *map(int, e["data_offsets"]))
            for name, e in header.items()
            if name != "__metadata__"
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path}: the header of the safetensors file is malformed: {error!r}") from error
    begin, last = 8 + length, 0
    for name, (dtype, shape, start, end) in sorted(entries.items(), key=lambda item: item[1][2:]):
        needed = math.prod(shape) * numpy_dtype(dtype).itemsize
        if start != last or min(shape, default=0) < 0 or end - start != needed or end > size - begin:
            raise ValueError(
                f"{path}: {name} of shape {shape} and dtype {dtype} cannot be the bytes {start} to {end} of {size - begin}"
            )
        last = end
    if last != size - begin:
        raise ValueError(f"{path}: {size - begin - last} bytes at its end belong to no array")
    return {name: Stored(file, begin + start, shape, dtype) for name, (dtype, shape, start, _) in entries.items()}
