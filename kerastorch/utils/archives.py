"""Unpacking zip and tar archives that strangers made."""

import lzma
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, NamedTuple

from kerastorch.errors import KerastorchError, near


class UnsafeArchive(KerastorchError, ValueError):
    """An archive holds a member that would be written outside its folder, or that is neither a file nor a folder."""


class Member(NamedTuple):
    """What the two archive formats have in common: one entry."""

    name: str
    kind: str  # "file", "folder" or what else it is, for the message that refuses it
    size: int  # bytes when unpacked, as the archive declares them
    open: Callable[[], IO[bytes] | None]  # None never comes of a file


def _tar_members(path: str) -> Iterator[Member]:
    with tarfile.open(path) as archive:
        for info in archive:
            kind = "file" if info.isfile() else "folder" if info.isdir() else "link or device"
            yield Member(info.name, kind, info.size, partial(archive.extractfile, info))


def zip_members(archive: zipfile.ZipFile) -> Iterator[Member]:
    """The entries of an open zip archive."""
    for info in archive.infolist():
        # The upper half holds the Unix mode where the archive was made on Unix, and 0 elsewhere.
        kind_bits = stat.S_IFMT(info.external_attr >> 16)
        plain = kind_bits in (0, stat.S_IFREG, stat.S_IFDIR)
        kind = "folder" if info.is_dir() else "file" if plain else "link or device"
        yield Member(info.filename, kind, info.file_size, partial(archive.open, info))


def _zip_members(path: str) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        yield from zip_members(archive)


FORMATS = {
    "tar": (tarfile.is_tarfile, _tar_members),  # plain, or packed by gzip, bzip2 or xz
    "zip": (zipfile.is_zipfile, _zip_members),
}
_CORRUPT = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError)


def unpack(path: str, folder: str, formats: str | Sequence[str] | None = "auto") -> bool:
    """Unpack an archive into a folder, all of it or nothing.

    The members are first written to a new folder beside the target and then moved, so that an archive that turns out
    to be corrupt or hostile half-way leaves the target as it was. Files that were in the target already stay, unless
    a member bears their name.

    Args:
        path: The archive.
        folder: Where its members go. It is made where absent.
        formats: `"tar"`, `"zip"`, a list of these, `"auto"` for both, or None for neither.

    Returns:
        Whether the file is an archive in one of the formats, and so was unpacked.

    Raises:
        UnsafeArchive: A member has an absolute path or one with `..`, or is a link, a device or a pipe.
        ValueError: The format's name is unknown, or the archive is damaged or encrypted.
        OSError: The disk has less space left than a member declares to need.
    """
    for name in _names(formats):
        recognises, members = FORMATS[name]
        if recognises(path):
            target = Path(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as fresh:
                try:
                    for member in members(path):
                        write_member(member, Path(fresh), path)
                except _CORRUPT as error:
                    raise ValueError(f"The {name} archive {path} cannot be unpacked: {error}") from error
                _move_files(Path(fresh), target)
            return True
    return False


def _names(formats: str | Sequence[str] | None) -> Sequence[str]:
    if formats == "auto":
        return tuple(FORMATS)
    names = [formats] if isinstance(formats, str) else formats or ()
    for name in names:
        if name not in FORMATS:
            known = list(FORMATS)
            raise ValueError(f"archive_format={name!r} is not 'auto', None, or some of {known}.{near(name, known)}")
    return names


def write_member(member: Member, root: Path, archive: str) -> None:
    """Write one member below `root`, having checked what it is, where it wants to go and how much it takes."""
    refused = f"{archive} was not unpacked: its member {member.name!r}"
    # Both flavours on every system: an archive is refused on all of them or on none.
    for path in (PurePosixPath(member.name), PureWindowsPath(member.name)):
        if path.anchor or ".." in path.parts:
            raise UnsafeArchive(f"{refused} leads outside the target folder.")
    place = root / member.name
    if member.kind == "folder":
        place.mkdir(parents=True, exist_ok=True)
    elif member.kind == "file":
        free = shutil.disk_usage(root).free
        if member.size > free:
            raise OSError(f"{refused} needs {member.size} bytes and the disk of {root.parent} has {free} left.")
        place.parent.mkdir(parents=True, exist_ok=True)
        source = member.open()
        assert source is not None
        with source, open(place, "wb") as copy:
            shutil.copyfileobj(source, copy)
    else:
        raise UnsafeArchive(f"{refused} is a {member.kind}, and only files and folders are accepted.")


def _move_files(source: Path, target: Path) -> None:
    """Move the tree below `source` into `target`, each file replacing an older one of its name in one step."""
    for folder, _, names in os.walk(source):
        into = target / Path(folder).relative_to(source)
        into.mkdir(parents=True, exist_ok=True)
        for name in names:
            os.replace(Path(folder, name), into / name)
