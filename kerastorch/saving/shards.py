"""Weights in several files (`name_00000.weights.h5`, ...) with an index (`name.weights.json`)."""

import contextlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from kerastorch.saving import hdf5
from kerastorch.saving.atomic import replacing, sync
from kerastorch.variable import host_array

INDEX = ".weights.json"
GIGABYTE = 1 << 30
LARGEST_INDEX = 64 << 20  # bytes


class Shards:
    """Writes groups of arrays into files of limited size.

    Args:
        path: The index.
        limit: Bytes per file.

    Raises:
        ValueError: If one array is larger than that.
    """

    def __init__(self, path: str, limit: float):
        self.folder, name = os.path.split(os.path.abspath(path))
        self.stem = name.removesuffix(INDEX).removesuffix(".json")
        if os.path.exists(os.path.join(self.folder, self._name(0))):  # the files of the index that is replaced stay until then
            self.stem += f"_{secrets.token_hex(4)}"
        self.limit, self.left, self.total = limit, 0.0, 0
        self.files: list[str] = []
        self.map: dict[str, list[str]] = {}
        self.open: Any = None

    def _name(self, i: int) -> str:
        return f"{self.stem}_{i:05d}.weights.h5"

    def _next(self) -> None:
        self.close()
        self.files.append(self._name(len(self.files)))
        self.open, self.left = hdf5.create(os.path.join(self.folder, self.files[-1])), self.limit

    def write(self, group: str, arrays: Mapping[str, Any], attributes: Mapping[str, Any]) -> None:
        """Writes arrays as the datasets of a group, over several files where they are too many for one."""
        if self.open is None:
            self._next()
        hdf5.write(self.open, group, {}, attributes)
        for key, value in arrays.items():
            array = host_array(value)
            if array.nbytes > self.limit:
                raise ValueError(
                    f"{group}/{key} of shape {array.shape} has {array.nbytes} bytes, which exceeds the maximum shard size of "
                    f"{self.limit / GIGABYTE} GB: give a larger max_shard_size"
                )
            if array.nbytes > self.left:
                self._next()
                hdf5.write(self.open, group, {}, attributes)
            hdf5.write(self.open, group, {key: array}, {})
            self.left -= array.nbytes
            self.total += array.nbytes
            files = self.map.setdefault(f"/{group}", [])
            if self.files[-1] not in files:
                files.append(self.files[-1])

    def close(self) -> None:
        """Finishes the file at hand."""
        if self.open is not None:
            self.open.close()
            self.open = None
            sync(os.path.join(self.folder, self.files[-1]))

    def remove(self, names: Any) -> None:
        """Deletes files."""
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.folder, name))


@contextlib.contextmanager
def writing(path: str, max_shard_size: float | None) -> Iterator[Shards]:
    """Writes files and, at the end, their index: until then the index and the files before stay as they are.

    Args:
        path: The index; ends in `.weights.json`.
        max_shard_size: Gigabytes per file; None puts all into one.
    """
    before = _files(path) if os.path.exists(path) else []
    shards = Shards(path, float("inf") if max_shard_size is None else max_shard_size * GIGABYTE)
    try:
        yield shards
        shards.close()
        with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
            json.dump({"metadata": {"total_size": float(shards.total)}, "weight_map": shards.map}, file, indent=4)
    except BaseException:
        if shards.open is not None:
            shards.open.close()
        shards.remove(shards.files)
        raise
    shards.remove(set(before) - set(shards.files))


@contextlib.contextmanager
def reading(path: str) -> Iterator[hdf5.Groups]:
    """All datasets of the files of an index; see `hdf5.reading`.

    Raises:
        ValueError: If the index is malformed or names files outside its folder.
    """
    groups: hdf5.Groups = {}
    folder = os.path.dirname(os.path.abspath(path))
    with contextlib.ExitStack() as stack:
        for name in _files(path):
            for group, found in stack.enter_context(hdf5.reading(os.path.join(folder, name))).items():
                twice = groups.setdefault(group, {}).keys() & found.keys()
                if twice:
                    raise ValueError(f"{path}: {group}/{min(twice)} stands in several of its files")
                groups[group].update(found)
        yield groups


def _files(path: str) -> list[str]:
    if os.path.getsize(path) > LARGEST_INDEX:
        raise ValueError(f"{path} is too large for an index: {os.path.getsize(path)} bytes")
    with open(path, encoding="utf-8") as file:
        try:
            found = json.load(file)["weight_map"]
            names = {n: None for listed in found.values() for n in ([listed] if isinstance(listed, str) else listed)}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{path} is no index of weights: {error!r}") from error
    for name in names:
        if not isinstance(name, str) or os.path.basename(name) != name or "\\" in name or not name.endswith(".h5"):
            raise ValueError(f"{path} names the file {name!r}, which is not one beside it that ends in .h5")
        if os.path.islink(os.path.join(folder := os.path.dirname(os.path.abspath(path)), name)):
            raise ValueError(f"{path} names {name!r} in {folder}, which is a link; links are not followed")
    return list(names)
