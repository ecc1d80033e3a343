"""Files from the web, kept in a cache folder."""

import hashlib
import os
import sys
import tempfile
import urllib.parse
import urllib.request
import uuid
import warnings
from pathlib import Path

from kerastorch.errors import KerastorchError, near
from kerastorch.utils.archives import unpack

HASHERS = {"sha256": hashlib.sha256, "md5": hashlib.md5}
_HEX_DIGITS = {hashlib.new(name).digest_size * 2: name for name in HASHERS}
_CHUNK = 1 << 20  # bytes read at a time
_PATIENCE = 60  # seconds without an answer from the server until we give up


class DownloadError(KerastorchError, OSError):
    """A file is not in the cache and could not be downloaded."""


def cache_home() -> str:
    """The folder for downloaded files: `$KERAS_HOME`, or else `~/.keras`, the same as Keras's own.

    Returns:
        Its path, which need not exist.
    """
    return os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")


def get_file(
    fname=None,
    origin=None,
    untar=False,
    md5_hash=None,
    file_hash=None,
    cache_subdir="datasets",
    hash_algorithm="auto",
    extract=False,
    archive_format="auto",
    cache_dir=None,
    force_download=False,
):
    """Path to a local copy of a file on the web, downloaded unless the cache has it.

    The copy is `cache_dir/cache_subdir/fname`. It appears there whole or not at all, and only once its hash is right.
    An archive that is to be unpacked is kept beside the folder that it is unpacked to: as `NAME_archive` beside `NAME`,
    or, where `fname` has a dot, as `NAME.EXT` beside `NAME_extracted`.

    Args:
        fname: Name of the local copy, without folders. By default the last part of `origin`.
        origin: URL of the file.
        untar: Old spelling of `extract=True, archive_format="tar"`.
        md5_hash: Old spelling of `file_hash=..., hash_algorithm="md5"`.
        file_hash: Hexadecimal digest that the file must have. Without one, whatever the server sends is believed.
        cache_subdir: Folder below `cache_dir`, or an absolute path that replaces it.
        hash_algorithm: `"sha256"`, `"md5"`, or `"auto"` to tell by the length of `file_hash`.
        extract: Whether to unpack the file, a zip or tar archive. Members that would leave the folder, and links,
            make the whole archive be refused.
        archive_format: `"tar"`, `"zip"`, a list of these, `"auto"` for both, or None to unpack nothing.
        cache_dir: By default `$KERAS_HOME`, or else `~/.keras`. If it cannot be written to, a folder `.keras` for
            temporary files serves.
        force_download: Download even where the cache has the file.

    Returns:
        The path as a string: of the file, or of the folder that it was unpacked to.

    Raises:
        ValueError: `origin` is missing, `fname` is not a plain file name, the hash is wrong or of unknown kind, or
            the archive is damaged or unsafe.
        DownloadError: The file is not cached and cannot be downloaded. The message says where to put it by hand.
    """
    if origin is None:
        raise ValueError("get_file needs `origin`, the URL of the file to download.")
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    if file_hash is not None:
        hash_algorithm = _algorithm(hash_algorithm, file_hash)
    folder = _make_folder(cache_dir or cache_home(), cache_subdir)
    name = _plain_name(os.fspath(fname) if fname else os.path.basename(urllib.parse.urlsplit(origin).path), origin)

    if not (extract or untar):
        return str(_cached(folder / name, origin, file_hash, hash_algorithm, force_download))

    if fname and "." in name:
        archive, unpacked = folder / name, folder / f"{name.partition('.')[0]}_extracted"
    else:
        archive, unpacked = folder / f"{name}_archive", folder / name
    _cached(archive, origin, file_hash, hash_algorithm, force_download)
    formats = "tar" if untar else archive_format
    if not unpack(str(archive), str(unpacked), formats):
        warnings.warn(f"{archive} was not unpacked: it is no archive of archive_format={formats!r}.", stacklevel=2)
    return str(unpacked)


def hash_file(path, algorithm="sha256"):
    """Hexadecimal digest of a file's content.

    Args:
        path: The file.
        algorithm: `"sha256"` or `"md5"`.

    Returns:
        The digest, in lower case.

    Raises:
        OSError: The file cannot be read.
    """
    hasher = HASHERS[algorithm]()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


def _algorithm(name: str, digest: str) -> str:
    """The hash algorithm that the caller named, or that the length of the digest tells."""
    if name == "auto":
        if len(digest) not in _HEX_DIGITS:
            raise ValueError(f"file_hash={digest!r} has {len(digest)} digits, but sha256 has 64 and md5 has 32.")
        return _HEX_DIGITS[len(digest)]
    if name not in HASHERS:
        accepted = ["auto", *HASHERS]
        raise ValueError(f"hash_algorithm={name!r} is unknown: use one of {accepted}.{near(name, accepted)}")
    return name


def _plain_name(name: str, origin: str) -> str:
    if not name:
        raise ValueError(f"The URL {origin!r} ends in no file name: say `fname`.")
    if name in (".", "..") or os.path.basename(name) != name:
        raise ValueError(f"fname={name!r} must be a name without folders: say those as `cache_dir` and `cache_subdir`.")
    return name


def _make_folder(base: str, below: str) -> Path:
    """The cache folder, made where absent; that for temporary files where the cache cannot be written to."""
    base = os.path.expanduser(base)
    try:
        os.makedirs(base, exist_ok=True)
        writable = os.access(base, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        base = os.path.join("/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir(), ".keras")
    folder = Path(base, below)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _cached(path: Path, origin: str, digest: str | None, algorithm: str, force: bool) -> Path:
    """The file at `path`, downloaded if it is absent or has the wrong hash, or if told to."""
    if path.exists() and not force:
        if digest is None or hash_file(path, algorithm) == digest.lower():
            return path
        print(f"{path} does not have the {algorithm} hash {digest}, so it is downloaded again.")
    # Beside the target, so that the last step is a rename; with a name of its own, so that two processes do not mix.
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        _download(origin, partial, path)
        if digest is not None and (found := hash_file(partial, algorithm)) != digest.lower():
            raise ValueError(
                f"Incomplete or corrupted file: {origin} was to have the {algorithm} hash {digest}, "
                f"but what arrived has {found}. Nothing was written to {path}."
            )
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def _download(origin: str, partial: Path, path: Path) -> None:
    """Write what `origin` serves to `partial`. `path` is where the caller wants it, for messages."""
    print(f"Downloading data from {origin}")
    try:
        with urllib.request.urlopen(origin, timeout=_PATIENCE) as response, open(partial, "xb") as file:
            total = int(response.headers.get("Content-Length") or 0)
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                _show_progress(file.tell(), total)
            if file.tell() < total:
                raise OSError(f"the connection ended after {file.tell()} of {total} bytes")
    except OSError as error:  # URLError, HTTPError and timeouts are OSErrors
        raise DownloadError(
            f"{path.name} is not in the cache and could not be downloaded from {origin}: {error}. "
            f"Without a network, fetch that URL elsewhere and save the file, unchanged, as {path} "
            f"(folder {path.parent}, file name {path.name})."
        ) from error


def _show_progress(done: int, total: int) -> None:
    """Rewrite one line of the terminal; print nothing to a file or pipe."""
    if sys.stdout.isatty():
        of = f" of {total / 1e6:.1f}" if total else ""
        end = "\n" if done == total else ""
        print(f"\r{done / 1e6:.1f}{of} MB", end=end, flush=True)
