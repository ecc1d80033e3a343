"""The safetensors format: a length, a JSON header of names, dtypes, shapes and places, and the bytes of the arrays.

Reading needs no library: the header is checked against the size of the file, and the arrays are mapped, not copied.
"""

import json
import math
import os
from collections.abc import Mapping
from typing import Any

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


def read(path: str) -> dict[str, Any]:
    """The arrays of a file by name, mapped from the disk.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is malformed, or an array does not lie where and as large as the header says.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
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
    begin = 8 + length
    data = np.memmap(path, np.uint8, "c", begin) if size > begin else np.empty(0, np.uint8)
    found, last = {}, 0
    for name, (dtype, shape, start, end) in sorted(entries.items(), key=lambda item: item[1][2:]):
        kind = numpy_dtype(dtype)
        if start != last or min(shape, default=0) < 0 or end - start != math.prod(shape) * kind.itemsize or end > size - begin:
            raise ValueError(
                f"{path}: {name} of shape {shape} and dtype {dtype} cannot be the bytes {start} to {end} of {size - begin}"
            )
        found[name], last = data[start:end].view(kind).reshape(shape), end
    if last != size - begin:
        raise ValueError(f"{path}: {size - begin - last} bytes at its end belong to no array")
    return {name: found[name] for name in entries}
