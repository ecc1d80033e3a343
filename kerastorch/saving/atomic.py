"""Writing a file so that a killed process leaves the old one whole."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[str]:
    """Gives a temporary path beside `path`; what was written there takes the place of `path` when the block ends well.

    Args:
        path: The file to write. Its folder must exist.

    Raises:
        FileNotFoundError: If the folder does not exist.
    """
    path = os.path.abspath(os.fspath(path))
    folder, name = os.path.split(path)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{path} cannot be written: there is no folder {folder}")
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}.", suffix=".part")
    os.close(descriptor)
    try:
        yield temporary
        sync(temporary)
        os.chmod(temporary, _mode(path))
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    if os.name == "posix":  # the new name itself must reach the disk; other systems cannot open folders
        sync(folder)


@contextlib.contextmanager
def replacing_folder(path: str | os.PathLike) -> Iterator[str]:
    """As `replacing`, for a folder: gives a temporary one, which takes the place of `path` when the block ends well.

    A process that is killed between taking the old folder away and putting the new one in its place leaves both beside it,
    under names that begin with a dot.
    """
    path = os.path.abspath(os.fspath(path))
    above, name = os.path.split(path)
    if not os.path.isdir(above):
        raise FileNotFoundError(f"{path} cannot be written: there is no folder {above}")
    temporary = tempfile.mkdtemp(dir=above, prefix=f".{name}.", suffix=".part")
    try:
        yield temporary
        for folder, _, names in os.walk(temporary):
            for file in names:
                sync(os.path.join(folder, file))
        os.chmod(temporary, _mode(path) if os.path.isdir(path) else 0o777 & ~_mask())
        _put(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _put(temporary: str, path: str) -> None:
    """Gives a folder its name; another folder of that name, which no system replaces in one step, is moved away first."""
    above, name = os.path.split(path)
    while True:
        with tempfile.TemporaryDirectory(dir=above, prefix=f".{name}.", suffix=".old") as old:
            with contextlib.suppress(FileNotFoundError):
                os.replace(path, os.path.join(old, name))
            try:
                os.replace(temporary, path)
                return
            except OSError:  # another process has put its own there meanwhile
                if not os.path.isdir(path):
                    raise


def sync(path: str) -> None:
    """Waits until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY if os.path.isdir(path) else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _mode(path: str) -> int:
    """The permissions of the file that is replaced, or those that a new file would have got."""
    if os.path.exists(path):
        return os.stat(path).st_mode & 0o7777
    return 0o666 & ~_mask()


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
