"""`.keras` files: a zip archive, or a folder, of metadata.json, config.json, model.weights.h5 and assets/."""

import contextlib
import datetime
import json
import os
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from kerastorch.legacy import configs, spelling
from kerastorch.saving import hdf5, safety, stretches, weights
from kerastorch.saving.atomic import replacing, replacing_folder
from kerastorch.saving.objects import deserialize_keras_object, serialize_keras_object, sharing_objects
from kerastorch.saving.tracking import parts_of
from kerastorch.utils import archives

METADATA, CONFIG, WEIGHTS, ASSETS = "metadata.json", "config.json", "model.weights.h5", "assets"
FREE = 64 << 20  # bytes that a member may claim whatever it takes in the archive
EXPANSION = 200  # beyond them, how many times what it takes there
MEMBERS = 100_000
ALIGNMENT, PADDING, EXTRA = 64, 0xD935, struct.Struct("<HH")  # an extra field of a header that is there for its length alone


# ------------------------------------------------------------------------------------------------ writing


def save(model: Any, target: Any, zipped: bool) -> None:
    """Writes a model to an archive, a folder, or a binary file object.

    Args:
        model: The model.
        target: Path or file object.
        zipped: Whether an archive is wanted.
    """
    config, metadata = _described(model)
    if not zipped:
        with replacing_folder(target) as folder:
            _write_folder(model, folder, config, metadata)
    elif hasattr(target, "write"):
        _write_archive(model, target, config, metadata)
    else:
        with replacing(target) as temporary, open(temporary, "w+b", buffering=0) as file:
            _write_archive(model, file, config, metadata)


def _described(model: Any) -> tuple[str, str]:
    from kerastorch import __version__

    with sharing_objects():
        config = json.dumps(serialize_keras_object(model))
    date = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    return config, json.dumps({"keras_version": __version__, "date_saved": date})


def _write_folder(model: Any, folder: str, config: str, metadata: str) -> None:
    for name, text in ((METADATA, metadata), (CONFIG, config)):
        Path(folder, name).write_text(text, encoding="utf-8")
    with hdf5.create(os.path.join(folder, WEIGHTS)) as file:
        weights.write_all(model, lambda *entry: hdf5.write(file, *entry))
    os.mkdir(os.path.join(folder, ASSETS))
    _write_assets(model, os.path.join(folder, ASSETS))


def _write_archive(model: Any, target: Any, config: str, metadata: str) -> None:
    if not (target.seekable() and target.readable()):
        with tempfile.TemporaryFile() as file:
            _write_archive(model, file, config, metadata)
            file.seek(0)
            shutil.copyfileobj(file, target)
        return
    file = stretches.InPlace(target)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo(METADATA), metadata)
        archive.writestr(zipfile.ZipInfo(CONFIG), config)
        with archive.open(_aligned(WEIGHTS, target.tell()), "w", force_zip64=True) as member:
            content = stretches.Stretch(target, target.tell())
            with hdf5.create(content) as store:
                weights.write_all(model, lambda *entry: hdf5.write(store, *entry, target=content))
            file.written = True
            content.pass_on(member.write)  # for the checksum
            file.written = False
        with tempfile.TemporaryDirectory() as folder:
            _write_assets(model, folder)
            for path in sorted(Path(folder).rglob("*")):
                archive.write(path, f"{ASSETS}/{path.relative_to(folder).as_posix()}")


def _aligned(name: str, place: int) -> zipfile.ZipInfo:
    """A member whose header, if it is written at a place, makes its content begin where arrays can be used as they lie."""
    info = zipfile.ZipInfo(name)
    info.CRC = info.compress_size = 0  # not known yet, but in the header
    begin = place + len(info.FileHeader(zip64=True)) + EXTRA.size
    info.extra = EXTRA.pack(PADDING, -begin % ALIGNMENT).ljust(EXTRA.size + -begin % ALIGNMENT, b"\0")
    return info


def _write_assets(model: Any, folder: str) -> None:
    for part, (where, *_) in parts_of(model).values():
        if hasattr(part, "save_assets"):
            place = os.path.join(folder, where)
            os.makedirs(place, exist_ok=True)
            part.save_assets(place)


# ------------------------------------------------------------------------------------------------ reading


class Source:
    """A `.keras` file that is being read: what it says of the model, its weights and its assets.

    Attributes:
        path: What it is called in errors.
    """

    path: str

    def text(self, name: str) -> str:
        """A member that is text."""
        raise NotImplementedError("a source says how text is read")

    def weights(self) -> contextlib.AbstractContextManager[hdf5.Groups]:
        """The datasets of the weights."""
        raise NotImplementedError("a source says how weights are read")

    def assets(self, where: str) -> contextlib.AbstractContextManager[str | None]:
        """A folder with the assets of a layer, None where there are none."""
        raise NotImplementedError("a source says how assets are read")


class Folder(Source):
    """The form of a folder."""

    def __init__(self, path: str):
        self.path = path

    def _place(self, name: str) -> str:
        place = os.path.join(self.path, name)
        if os.path.realpath(place) != os.path.join(os.path.realpath(self.path), *name.split("/")):
            raise ValueError(f"{self.path}: {name} is, or lies below, a link; links are not followed")
        if not os.path.exists(place):
            raise ValueError(f"{self.path} has no {name}")
        return place

    def text(self, name: str) -> str:
        return Path(self._place(name)).read_text(encoding="utf-8")

    def weights(self) -> contextlib.AbstractContextManager[hdf5.Groups]:
        return hdf5.reading(self._place(WEIGHTS))

    @contextlib.contextmanager
    def assets(self, where: str) -> Iterator[str | None]:
        name = "/".join(filter(None, (ASSETS, where)))
        if not os.path.isdir(os.path.join(self.path, name)):
            yield None
            return
        place = self._place(name)
        for folder, folders, names in os.walk(place):
            for entry in (*folders, *names):
                if not stat.S_ISREG(kind := os.lstat(os.path.join(folder, entry)).st_mode) and not stat.S_ISDIR(kind):
                    raise ValueError(f"{self.path}: the asset {entry} of {folder} is neither a file nor a folder")
        yield place


class Archive(Source):
    """The form of a zip archive."""

    def __init__(self, path: str, file: IO[bytes]):
        self.path, self.file = path, file
        try:
            self.zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise ValueError(f"{path} cannot be read as a zip archive: {error}") from error
        self.members = {info.filename: info for info in self.zip.infolist()}
        if len(self.members) != len(self.zip.infolist()) or len(self.members) > MEMBERS:
            raise ValueError(f"{path} has {len(self.zip.infolist())} members, some of one name or more than {MEMBERS}")
        self._check()

    def _check(self) -> None:
        """Refuses members that claim to be much larger than what they take, before any is read."""
        for info in self.members.values():
            if info.file_size > max(FREE, EXPANSION * info.compress_size):
                raise ValueError(
                    f"{self.path}: the member {info.filename!r} is a decompression bomb: it claims {info.file_size} bytes but "
                    f"takes {info.compress_size}"
                )

    def _member(self, name: str) -> zipfile.ZipInfo:
        if name not in self.members:
            raise ValueError(f"{self.path} has no member {name!r}; it has {', '.join(list(self.members)[:10])}")
        return self.members[name]

    def chunks(self, name: str) -> Iterator[bytes]:
        """The content of a member, whose checksum is compared at its end."""
        try:
            with self.zip.open(self._member(name)) as member:
                while chunk := member.read(stretches.BLOCK):
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
            raise ValueError(f"{self.path}: the member {name!r} is damaged: {error}") from error

    def text(self, name: str) -> str:
        return b"".join(self.chunks(name)).decode("utf-8")

    @contextlib.contextmanager
    def weights(self) -> Iterator[hdf5.Groups]:
        info = self._member(WEIGHTS)
        with contextlib.ExitStack() as stack:
            if info.compress_type == zipfile.ZIP_STORED:
                for _ in self.chunks(WEIGHTS):
                    pass
                source: Any = stretches.Stretch(self.file, self._begin(info), info.file_size)
            else:
                source = stack.enter_context(tempfile.TemporaryFile())
                for chunk in self.chunks(WEIGHTS):
                    source.write(chunk)
                source.seek(0)
            yield stack.enter_context(hdf5.reading(f"{self.path}: {WEIGHTS}", source))

    def _begin(self, info: zipfile.ZipInfo) -> int:
        """Where the content of a stored member begins."""
        self.file.seek(info.header_offset + 26)
        lengths = self.file.read(4)
        return info.header_offset + 30 + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")

    @contextlib.contextmanager
    def assets(self, where: str) -> Iterator[str | None]:
        begin = "/".join(filter(None, (ASSETS, where))) + "/"
        found = [m for m in archives.zip_members(self.zip) if m.name.startswith(begin)]
        if not found:
            yield None
            return
        with tempfile.TemporaryDirectory() as folder:
            for member in found:
                archives.write_member(member, Path(folder), self.path)
            yield os.path.join(folder, *begin.strip("/").split("/"))


@contextlib.contextmanager
def opened(source: Any) -> Iterator[Source]:
    """A `.keras` archive or folder by path, or an archive in a file object."""
    if hasattr(source, "read"):
        yield Archive(str(getattr(source, "name", "the file object")), source)
    elif os.path.isdir(source):
        yield Folder(os.fspath(source))
    else:
        with open(source, "rb", buffering=0) as file:
            yield Archive(os.fspath(source), file)


def load(source: Any, custom_objects: Any, compile: bool, safe_mode: bool) -> Any:
    """The model that an archive, folder or file object holds.

    Raises:
        ValueError: If it is malformed, damaged, hostile, or names what is not known.
    """
    with opened(source) as found, safety.safe_mode(safe_mode), spelling.silence():
        config = parsed(found.text(CONFIG), f"{found.path}: {CONFIG}")
        version = parsed(found.text(METADATA), f"{found.path}: {METADATA}").get("keras_version")
        if str(version).startswith("2"):
            config = configs.modern_archive(config)
        if not compile:
            config.pop("compile_config", None)
        with sharing_objects():
            model = deserialize_keras_object(config, custom_objects, safe_mode)
        if not hasattr(model, "save"):
            raise ValueError(f"{found.path} holds {type(model).__name__}, which is no model")
        _restore(model, found)
        return model


def load_weights(model: Any, source: Any, skip_mismatch: bool) -> None:
    """Sets a model's weights from those of a `.keras` file."""
    with opened(source) as found, found.weights() as groups:
        weights.read_all(model, groups, f"{found.path}: {WEIGHTS}", skip_mismatch)


def _restore(model: Any, source: Source) -> None:
    # Assets first: what a layer holds in them may decide which variables it has.
    for part, (where, *_) in parts_of(model).values():
        if hasattr(part, "load_assets"):
            with source.assets(where) as folder:
                if folder is not None:
                    part.load_assets(folder)
    if model.built or model.weights:
        with source.weights() as groups:
            weights.read_all(model, groups, f"{source.path}: {WEIGHTS}")


def parsed(text: str, where: str, check: Callable[[Any], bool] = lambda c: isinstance(c, dict)) -> Any:
    """JSON from a file.

    Raises:
        ValueError: If it is none, or nested beyond measure; the message has `where`.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} is no JSON: {error!r}") from error
    if not check(found):
        raise ValueError(f"{where} holds {type(found).__name__}, not a configuration")
    return found
