"""HDF5 files that strangers made: read without following links, and with sizes checked before memory is taken."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import numpy as np

from kerastorch import dtypes
from kerastorch.variable import host_array, numpy_dtype

KINDS = "fiubc"  # numpy's kinds of dtypes that are numbers
FREE = 64 << 20  # bytes that a dataset may claim whatever it stores
EXPANSION = 1000  # beyond them, how many times the bytes stored it may claim


def create(target: Any) -> h5py.File:
    """A new file, at a path or in a file object that can be read too."""
    return h5py.File(target, "w")


def write(file: h5py.File, group: str, arrays: Mapping[str, Any], attributes: Mapping[str, Any]) -> None:
    """Writes arrays as the datasets of a group, which gets the attributes."""
    target = file.require_group(group)
    target.attrs.update(attributes)
    for key, value in arrays.items():
        value = host_array(value)
        dataset = target.create_dataset(key, data=value)
        if dtypes.standardize(value.dtype) == "bfloat16":  # HDF5 knows it only as two bytes
            dataset.attrs["dtype"] = "bfloat16"


Groups = dict[str, dict[str, h5py.Dataset]]


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


@contextlib.contextmanager
def reading(path: str, source: Any = None) -> Iterator[Groups]:
    """All datasets of a file, by the name of their group and their own; see `opened`."""
    with opened(path, source) as file:
        groups: Groups = {}
        for name, dataset in datasets(file, path):
            group, _, key = name.rpartition("/")
            groups.setdefault(group, {})[key] = dataset
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


def suspicious(dataset: h5py.Dataset, name: str) -> Iterator[str]:
    """What is wrong with the size of a dataset that no variable vouches for, in words."""
    claimed, stored = dataset.size * dataset.dtype.itemsize, dataset.id.get_storage_size()
    if claimed > max(FREE, EXPANSION * stored):
        yield f"{name} is a shape bomb: it claims {claimed} bytes but stores {stored}"


def read(dataset: h5py.Dataset) -> np.ndarray:
    """A dataset as an array.

    Raises:
        ValueError: If the file is damaged there.
    """
    try:
        value = np.asarray(dataset[()])
    except OSError as error:
        raise ValueError(f"{dataset.file.filename} is damaged: {dataset.name} cannot be read: {error}") from error
    if _is_bfloat16(dataset):
        return value.view(numpy_dtype("bfloat16")) if value.dtype.kind == "V" else value.astype(numpy_dtype("bfloat16"))
    return value


def _is_bfloat16(dataset: h5py.Dataset) -> bool:
    return dataset.attrs.get("dtype") == "bfloat16" and dataset.dtype.itemsize in (2, 4)
