"""Reading arrays from files of strangers: .npz archives, pickles of plain data, and IDX files.

`numpy.load(allow_pickle=True)` and `pickle.load` run whatever code a file asks for. But imdb.npz and reuters.npz hold
arrays of lists, which NumPy can only store pickled, and the batches of CIFAR are pickles. So they are read by an
unpickler that knows three names, those of NumPy's own pickles, and takes each to mean a small record of this module:
nothing is imported and no function of NumPy is called by the file. What can come out are arrays of numbers or of
objects, and lists, tuples, dictionaries, strings, bytes and numbers.
"""

import gzip
import math
import operator
import pickle
import re
import zipfile
from collections.abc import Iterable
from typing import IO, Any

import numpy as np

# What pickle.Unpickler and the records below raise on bytes that are no sound pickle.
_DAMAGED = (pickle.UnpicklingError, AttributeError, EOFError, LookupError, RecursionError, TypeError, ValueError)
_PACKED_AT_MOST = 1100  # deflate, by its format, shrinks data to no less than about 1/1030


def read_npz(path: str) -> dict[str, np.ndarray]:
    """All arrays of an .npz file, by name.

    Args:
        path: The file.

    Returns:
        Name and array. Arrays of objects hold plain data only.

    Raises:
        UnpicklingError: An array of objects holds something else, or is damaged.
        ValueError: A member is no .npy file, or declares more values than it can hold.
    """
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            with archive.open(info) as file:
                room = min(info.file_size, _PACKED_AT_MOST * info.compress_size)
                arrays[info.filename.removesuffix(".npy")] = _read_npy(file, room, f"{path}, member {info.filename}")
    return arrays


def _read_npy(file: IO[bytes], room: int, what: str) -> np.ndarray:
    """One array in .npy format, from a file of at most `room` bytes."""
    version = np.lib.format.read_magic(file)
    # Version 3 differs from 2 only in the encoding of field names, and arrays with fields are not read here.
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, dtype = read_header(file)
    if dtype.hasobject:
        value = read_pickle(file, what)
        if not isinstance(value, np.ndarray):
            raise pickle.UnpicklingError(f"{what}: expected a pickled array, found {type(value).__name__}.")
        return value
    return _array(shape, dtype, by_columns, file.read(_size(shape, dtype, room, what)), what)


def read_pickle(file: IO[bytes], what: str, encoding: str = "ASCII") -> Any:
    """Plain data and arrays from a pickle, without running anything.

    Args:
        file: An open binary file, at the start of the pickle.
        what: Name of the file, for messages.
        encoding: How to read the strings of Python 2: an encoding, or `"bytes"` to leave them as they are.

    Returns:
        The pickled value.

    Raises:
        UnpicklingError: The pickle asks for anything but arrays and plain data, or is damaged.
    """
    try:
        return _plain(_Unpickler(file, encoding=encoding).load())
    except _DAMAGED as error:
        raise pickle.UnpicklingError(f"{what} cannot be read: {error}") from error


def read_idx(path: str) -> np.ndarray:
    """The bytes of a gzipped IDX file, in the shape that its header declares.

    The format is that of the MNIST files: two zeros, the code 8 for unsigned bytes, the number of axes, their lengths
    as big-endian 32-bit integers, the data.

    Args:
        path: The file.

    Returns:
        A uint8 array.

    Raises:
        ValueError: The file is of another type, or its length is not the declared one.
    """
    with gzip.open(path, "rb") as file:
        data = file.read()
    if data[:3] != b"\x00\x00\x08" or len(data) < 4 + 4 * data[3]:
        raise ValueError(f"{path} is no IDX file of unsigned bytes: it starts with {data[:4]!r}.")
    start = 4 + 4 * data[3]
    shape = tuple(int(n) for n in np.frombuffer(data[4:start], ">u4"))
    return _array(shape, np.dtype("uint8"), False, data[start:], path)


def _count(shape: Iterable[Any]) -> int:
    """Number of values in an array of a shape that a file declares, which may be anything."""
    return math.prod(map(operator.index, shape))


def _size(shape: tuple[int, ...], dtype: np.dtype, room: int, what: str) -> int:
    """Bytes that an array takes, once it is sure that the file can hold as many."""
    size = _count(shape) * dtype.itemsize
    if size > room:
        raise ValueError(f"{what} declares an array {dtype} of shape {shape}, {size} bytes, but has {room} at most.")
    return size


def _array(shape: tuple[int, ...], dtype: np.dtype, by_columns: bool, data: bytes, what: str) -> np.ndarray:
    if len(data) != _count(shape) * dtype.itemsize:
        raise ValueError(f"{what} declares an array {dtype} of shape {shape}, but has {len(data)} bytes of data.")
    # From a bytearray, because an array on top of bytes could not be written to.
    return np.frombuffer(bytearray(data), dtype).reshape(shape, order="F" if by_columns else "C")


class _Marker:
    """What the name of the array class means: nothing that can be called or built."""

    __slots__ = ()


class _Dtype:
    """A pickled data type: first its code, then a state of which only the byte order counts."""

    def __init__(self, code, *_):
        self.code = _text(code)
        self.order = "="
        if not re.fullmatch(r"[biufc?]\d+|O\d*", self.code):
            raise pickle.UnpicklingError(f"arrays of type {self.code!r} are not admitted, only of numbers and objects")

    def __setstate__(self, state):
        _, order, subarray, *_ = state
        if subarray is not None:
            raise pickle.UnpicklingError("arrays with structured elements are not admitted")
        self.order = _text(order)
        if self.order not in ("<", ">", "=", "|"):
            raise pickle.UnpicklingError(f"{self.order!r} is no byte order")

    def dtype(self) -> np.dtype:
        return np.dtype("O") if self.code[0] == "O" else np.dtype(self.order + self.code)


class _Array:
    """A pickled array: first an empty one, then a state with shape, type and data."""

    value: np.ndarray | None = None

    def __init__(self, *_):
        pass

    def __setstate__(self, state):
        _, shape, dtype, by_columns, data = state
        dtype = dtype.dtype()
        if dtype.hasobject:
            if not isinstance(data, list) or len(data) != _count(shape):
                raise ValueError(f"an array of objects of shape {shape} needs a list of {_count(shape)} values")
            # NumPy lists objects row by row, whichever way the array lay in memory.
            self.value = objects(map(_plain, data), len(data)).reshape(shape)
        else:
            self.value = _array(shape, dtype, by_columns, data, "a pickled array")


_NAMES = {
    ("numpy", "ndarray"): _Marker(),
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "_reconstruct"): _Array,  # as NumPy 1 writes it
    ("numpy._core.multiarray", "_reconstruct"): _Array,  # as NumPy 2 does
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) not in _NAMES:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, and only arrays and plain data are admitted")
        return _NAMES[module, name]


def _plain(value: Any) -> Any:
    """The array in place of the record that stands for it: alone, or as a value of a dictionary."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, _Array) and value.value is not None:
        return value.value
    if isinstance(value, (_Array, _Dtype, _Marker, type)):
        raise pickle.UnpicklingError("it holds an unfinished array or a bare type")
    return value


def _text(value: str | bytes) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else value


def objects(values: Iterable[Any], count: int) -> np.ndarray:
    """A one-dimensional array of any values, which stay as they are even where they are lists of one length.

    Args:
        values: An iterable.
        count: How many values it gives.

    Returns:
        An array of dtype object and shape `(count,)`.

    Raises:
        ValueError: There are fewer values.
    """
    return np.fromiter(values, dtype=object, count=count)
