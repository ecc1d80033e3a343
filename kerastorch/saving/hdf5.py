"""HDF5 files that strangers made: read without following links, and with sizes checked before memory is taken."""

import concurrent.futures
import contextlib
import errno
import io
import mmap
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import h5py
import numpy as np

from kerastorch import dtypes
from kerastorch.saving import stretches
from kerastorch.variable import host_array, numpy_dtype

KINDS = "fiubc"  # numpy's kinds of dtypes that are numbers
FREE = 64 << 20  # bytes that a dataset may claim whatever it stores
EXPANSION = 1000  # beyond them, how many times the bytes stored it may claim
BLOCK = 1 << 20  # bytes that are written at a time
LARGE = 1 << 20  # bytes from which arrays go between the file and their home without HDF5 and without another copy
POPULATE_READ = 22  # Linux's MADV_POPULATE_READ


def create(target: Any) -> h5py.File:
    """A new file, at a path or in a file object that can be read too."""
    return h5py.File(target, "w")


def write(file: h5py.Group, group: str, arrays: Mapping[str, Any], attributes: Mapping[str, Any], target: Any = None) -> None:
    """Writes arrays as the datasets of a group, which gets the attributes.

    Args:
        file: An open file, or a group in one.
        group: The name of the group in it.
        arrays: The values by name: arrays, or what can become one, variables included.
        attributes: The group's attributes.
        target: The file object that the file is in, where it is not at a path.
    """
    place = file.require_group(group)
    place.attrs.update(attributes)
    for key, given in arrays.items():
        value = host_array(given)
        dataset = _written(place, key, value, target)
        if dtypes.standardize(value.dtype) == "bfloat16":  # HDF5 knows it only as two bytes
            dataset.attrs["dtype"] = "bfloat16"


def _written(group: h5py.Group, key: str, value: np.ndarray, target: Any) -> h5py.Dataset:
    if value.nbytes < LARGE or value.dtype.isbuiltin != 1:
        return group.create_dataset(key, data=value)
    above, _, name = key.rpartition("/")
    group = group.require_group(above) if above else group
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    kind, space = h5py.h5t.py_create(value.dtype, logical=True), h5py.h5s.create_simple(value.shape)
    dataset = h5py.Dataset(h5py.h5d.create(group.id, name.encode(), kind, space, properties))
    place = _place(dataset, target)
    step = max(1, BLOCK * value.shape[0] // value.nbytes)

    def write_rows(i: int) -> None:
        # In the order in which they lie first, then turned: both copies stay in the processor's cache, where turning costs little.
        rows = value[i : i + step]
        block = rows if rows.flags.c_contiguous else np.ascontiguousarray(rows.copy(order="K"))
        if place is None:
            dataset.write_direct(block, dest_sel=np.s_[i : i + step])
        else:
            _write_at(place[0], block, place[1] + dataset.id.get_offset() + i * (value.nbytes // value.shape[0]))

    if place is None:
        for i in range(0, value.shape[0], step):
            write_rows(i)
    else:
        in_threads(write_rows, range(0, value.shape[0], step))
    return dataset


def _write_at(descriptor: int, block: np.ndarray, place: int) -> None:
    left = block.reshape(-1).view(np.uint8).data
    while left:
        count = os.pwrite(descriptor, left, place)
        left, place = left[count:], place + count


def in_threads(function: Callable[[Any], Any], items: Iterable[Any]) -> None:
    """Calls a function, which copies much memory, with each item: as many at a time as there are processors."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(function, items):
            pass


def _place(dataset: h5py.Dataset, source: Any) -> tuple[int, int, int] | None:
    """The descriptor of the system's file, and where in it the HDF5 file begins and ends; None where it is none of the system's.

    Args:
        dataset: One of the file's.
        source: The file object that the file was opened from; None where it was by its path.
    """
    if source is None:
        descriptor = dataset.file.id.get_vfd_handle()
        return descriptor, dataset.file.userblock_size, os.fstat(descriptor).st_size
    if isinstance(source, stretches.Stretch) and isinstance(source.file, io.FileIO):  # which keeps nothing back
        return source.file.fileno(), source.begin, source.begin + source.size
    return None


class Stored:
    """A dataset of an open file that has been looked at, but not read.

    Args:
        dataset: The dataset.
        source: The file object that its file was opened from, where it was not opened by its path.
    """

    def __init__(self, dataset: h5py.Dataset, source: Any = None):
        self.dataset, self.source = dataset, source

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.dataset.shape)

    def suspicious(self, name: str) -> Iterator[str]:
        """What is wrong with its size, where no variable vouches for it, in words."""
        claimed, stored = self.dataset.size * self.dataset.dtype.itemsize, self.dataset.id.get_storage_size()
        if claimed > max(FREE, EXPANSION * stored):
            yield f"{name} is a shape bomb: it claims {claimed} bytes but stores {stored}"

    def read(self) -> np.ndarray:
        """The content as an array. A large one is not copied, but lies in the page cache until someone takes it from there.

        Raises:
            ValueError: If the file is damaged there.
        """
        try:
            value = self._mapped()
            value = np.asarray(self.dataset[()]) if value is None else value
        except OSError as error:
            raise ValueError(f"{self.dataset.file.filename} is damaged: {self.dataset.name} cannot be read: {error}") from error
        if _is_bfloat16(self.dataset):
            return value.view(numpy_dtype("bfloat16")) if value.dtype.kind == "V" else value.astype(numpy_dtype("bfloat16"))
        return value

    def _mapped(self) -> np.ndarray | None:
        """The bytes where they lie in the file; None where they are few, packed, or not in a file of the system's."""
        size, offset = self.dataset.size * self.dataset.dtype.itemsize, self.dataset.id.get_offset()
        place = _place(self.dataset, self.source)
        if size < LARGE or offset is None or place is None:
            return None
        descriptor, begin, end = place
        if offset + size > end - begin:
            raise OSError(f"it would be the bytes {offset} to {offset + size} of {end - begin}")
        first = (begin + offset) // mmap.ALLOCATIONGRANULARITY * mmap.ALLOCATIONGRANULARITY
        area = mmap.mmap(descriptor, begin + offset + size - first, access=mmap.ACCESS_COPY, offset=first)
        _fetch(area)
        return np.frombuffer(area, self.dataset.dtype, self.dataset.size, begin + offset - first).reshape(self.shape)


def _fetch(area: mmap.mmap) -> None:
    """Reads all pages of a mapping now: where a disk fails, that is an error here, and not the end of the process later."""
    try:
        if sys.platform == "linux":
            area.madvise(POPULATE_READ)
    except OSError as error:
        if error.errno != errno.EINVAL:  # which kernels before 5.14 say to what they do not know
            raise


Groups = dict[str, dict[str, Stored]]


@contextlib.contextmanager
def opened(path: str, source: Any = None) -> Iterator[h5py.File]:
    """A file whose every entry has been looked at: no links, no data elsewhere, nothing but numbers.

    Args:
        path: The file, or what it is called in errors where `source` is given.
        source: A file object with the bytes.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no HDF5 file, or has links, virtual or external datasets, or data that are no numbers.
    """
    if source is None and not os.path.isfile(path):
        raise FileNotFoundError(f"there is no file {path}")
    try:
        file = h5py.File(path if source is None else source, "r")
    except OSError as error:
        raise ValueError(f"{path} cannot be read as an HDF5 file: {error}") from error
    with file:
        try:
            for _ in datasets(file, path):
                pass
        except (OSError, RuntimeError) as error:
            raise ValueError(f"{path} is damaged: {error}") from error
        yield file


def lists_layers(path: str) -> bool:
    """Whether a file has the layers' names in an attribute, as those of Keras 1 and 2 do; not where it cannot be opened."""
    try:
        file = h5py.File(path, "r")
    except OSError:  # of which whoever reads the file tells
        return False
    with file:
        return "layer_names" in file.attrs or "layer_names0" in file.attrs


@contextlib.contextmanager
def reading(path: str, source: Any = None) -> Iterator[Groups]:
    """All datasets of a file, by the name of their group and their own; see `opened`."""
    with opened(path, source) as file:
        groups: Groups = {}
        for name, dataset in datasets(file, path):
            group, _, key = name.rpartition("/")
            groups.setdefault(group, {})[key] = Stored(dataset, source)
        yield groups


def datasets(file: h5py.Group, path: str) -> Iterator[tuple[str, h5py.Dataset]]:
    """The datasets at and below a group, checked, by their names."""
    seen: set[Any] = set()
    stack: list[tuple[str, h5py.Group]] = [("", file)]
    while stack:
        prefix, group = stack.pop()
        for key in group:
            name = prefix + key
            link = group.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                target = getattr(link, "filename", "") + link.path
                kind = type(link).__name__
                raise ValueError(f"{path}: the entry {name} is a link ({kind}) to {target}; links are not followed")
            entry = group[key]
            address = h5py.h5o.get_info(entry.id).addr
            if address in seen:
                raise ValueError(
                    f"{path}: the entry {name} is another name of an entry met before; links are not followed"
                )
            seen.add(address)
            if isinstance(entry, h5py.Group):
                stack.append((f"{name}/", entry))
            elif isinstance(entry, h5py.Dataset):
                _check(entry, name, path)
                yield name, entry
            else:
                raise ValueError(f"{path}: the entry {name} is neither a group nor a dataset")


def _check(dataset: h5py.Dataset, name: str, path: str) -> None:
    if dataset.is_virtual or dataset.external:
        kind = "virtual" if dataset.is_virtual else "external"
        raise ValueError(f"{path}: the data of the {kind} dataset {name} lie in other files, which are not read")
    if dataset.shape is None or (dataset.dtype.kind not in KINDS and not _is_bfloat16(dataset)):
        raise ValueError(f"{path}: {name} holds {dataset.dtype}, not numbers")


def _is_bfloat16(dataset: h5py.Dataset) -> bool:
    return dataset.attrs.get("dtype") == "bfloat16" and dataset.dtype.itemsize in (2, 4)
