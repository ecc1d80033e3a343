"""get_file: caching, hashes, downloads that fail, and archives that must not be unpacked."""

import hashlib
import io
import os
import stat
import tarfile
import zipfile

import pytest

from kerastorch.utils import archives
from kerastorch.utils.archives import UnsafeArchive, unpack
from kerastorch.utils.files import DownloadError, get_file, hash_file

CONTENT = b"one two three\n"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def origin(tmp_path):
    """A URL that works without a network."""
    path = tmp_path / "served" / "words.txt"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return path.as_uri()


def make_archive(path, kind, members):
    """An archive of `members`, which are name and bytes."""
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(path, f"w:{kind.removeprefix('tar.')}") as archive:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return path


def below(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_file_is_downloaded_once(origin, home, capsys):
    path = get_file(origin=origin)
    assert path == str(home / "datasets" / "words.txt")
    assert open(path, "rb").read() == CONTENT
    assert origin in capsys.readouterr().out
    assert get_file(origin=origin) == path
    assert capsys.readouterr().out == ""


def test_force_download_replaces_the_copy(origin, home):
    path = get_file("a.txt", origin)
    with open(path, "wb") as file:
        file.write(b"old")
    assert open(get_file("a.txt", origin, force_download=True), "rb").read() == CONTENT


def test_where_the_file_goes(origin, home, tmp_path, monkeypatch):
    assert get_file("a", origin, cache_subdir="x/y") == str(home / "x" / "y" / "a")
    assert get_file("a", origin, cache_dir=tmp_path / "c") == str(tmp_path / "c" / "datasets" / "a")
    assert get_file("a", origin, cache_subdir=str(tmp_path / "abs")) == str(tmp_path / "abs" / "a")
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert get_file("a", origin) == str(tmp_path / ".keras" / "datasets" / "a")


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_the_hash_decides_what_is_kept(origin, home, algorithm, capsys):
    digest = hashlib.new(algorithm, CONTENT).hexdigest()
    path = get_file("a.txt", origin, file_hash=digest.upper())
    assert hash_file(path, algorithm) == digest
    with open(path, "wb") as file:
        file.write(b"damaged")
    assert open(get_file("a.txt", origin, file_hash=digest, hash_algorithm=algorithm), "rb").read() == CONTENT
    assert "downloaded again" in capsys.readouterr().out


def test_a_wrong_hash_leaves_the_cache_as_it_was(origin, home):
    wrong = "0" * 64
    with pytest.raises(ValueError, match="Incomplete or corrupted file.*" + wrong):
        get_file("a.txt", origin, file_hash=wrong)
    assert below(home) == {}
    (home / "datasets" / "a.txt").write_bytes(b"mine")
    with pytest.raises(ValueError, match="Incomplete or corrupted"):
        get_file("a.txt", origin, md5_hash="0" * 32)
    assert below(home) == {os.path.join("datasets", "a.txt"): b"mine"}


def test_an_absent_server_is_named_with_the_way_out(home, tmp_path):
    origin = (tmp_path / "nowhere" / "a.npz").as_uri()
    with pytest.raises(DownloadError) as error:
        get_file("a.npz", origin)
    assert isinstance(error.value, OSError)
    for part in ("a.npz", origin, str(home / "datasets")):
        assert part in str(error.value)
    assert below(home) == {}


def test_a_download_that_ends_early_is_no_file(home, monkeypatch):
    class Response(io.BytesIO):
        headers = {"Content-Length": "100"}

    monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: Response(b"x" * 40))
    with pytest.raises(DownloadError, match="40 of 100 bytes"):
        get_file("a.bin", "https://example.org/a.bin")
    assert below(home) == {}


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"fname": "a"}, "origin"),
        ({"fname": os.path.join("b", "a"), "origin": "file:///x"}, "without folders"),
        ({"fname": "..", "origin": "file:///x"}, "without folders"),
        ({"origin": "https://example.org/"}, "no file name"),
        ({"origin": "file:///x", "file_hash": "abc"}, "3 digits"),
        ({"origin": "file:///x", "file_hash": "0" * 64, "hash_algorithm": "sha-256"}, "Did you mean 'sha256'"),
    ],
)
def test_arguments_that_make_no_sense(arguments, message):
    with pytest.raises(ValueError, match=message):
        get_file(**arguments)


@pytest.mark.parametrize("kind", ["zip", "tar.", "tar.gz", "tar.bz2", "tar.xz"])
def test_archives_are_unpacked_beside_themselves(kind, tmp_path, home):
    members = {"top/a.txt": b"a", "top/sub/b.txt": b"bb", "./c.txt": b""}
    source = make_archive(tmp_path / f"data.{kind.rstrip('.')}", kind, members)
    cache = home / "datasets"
    wanted = {os.path.normpath(name): data for name, data in members.items()}

    folder = get_file("corpus", source.as_uri(), extract=True)
    assert folder == str(cache / "corpus") and below(cache / "corpus") == wanted
    assert (cache / "corpus_archive").read_bytes() == source.read_bytes()

    folder = get_file("corpus.v2.bin", source.as_uri(), extract=True)
    assert folder == str(cache / "corpus_extracted") and below(cache / "corpus_extracted") == wanted

    assert get_file(origin=source.as_uri(), extract=True) == str(cache / source.name)
    assert not [p for p in cache.iterdir() if p.name.startswith(".")]  # nothing temporary stays


def test_unpacking_again_keeps_what_the_user_added(tmp_path, home):
    source = make_archive(tmp_path / "data.zip", "zip", {"a.txt": b"a"})
    get_file("corpus", source.as_uri(), extract=True)
    (home / "datasets" / "corpus" / "notes.txt").write_bytes(b"mine")
    (home / "datasets" / "corpus" / "a.txt").write_bytes(b"changed")
    get_file("corpus", source.as_uri(), extract=True)
    assert below(home / "datasets" / "corpus") == {"a.txt": b"a", "notes.txt": b"mine"}


def test_untar_and_formats(tmp_path, home):
    source = make_archive(tmp_path / "data.zip", "zip", {"a.txt": b"a"})
    with pytest.warns(UserWarning, match="no archive"):
        get_file("corpus", source.as_uri(), untar=True)
    with pytest.warns(UserWarning, match="no archive"):
        get_file("corpus", source.as_uri(), extract=True, archive_format=None)
    assert not unpack(str(source), str(tmp_path / "out"), ["tar"])
    with pytest.raises(ValueError, match="rar"):
        unpack(str(source), str(tmp_path / "out"), "rar")


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/tmp/evil", "..\\evil", "C:\\evil", "C:evil"])
def test_members_that_lead_outside_are_refused(kind, name, tmp_path):
    source = make_archive(tmp_path / "bad", kind, {"fine.txt": b"x", name: b"gotcha"})
    with pytest.raises(UnsafeArchive, match="outside"):
        unpack(str(source), str(tmp_path / "out" / "in"))
    assert not any("evil" in p.name for p in tmp_path.rglob("*"))
    assert below(tmp_path / "out") == {}  # not even the harmless member


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_tars_are_refused(kind, tmp_path):
    with tarfile.open(tmp_path / "bad", "w") as archive:
        info = tarfile.TarInfo("thing")
        info.type, info.linkname = kind, "/etc"
        archive.addfile(info)
    with pytest.raises(UnsafeArchive, match="'thing' is a link or device"):
        unpack(str(tmp_path / "bad"), str(tmp_path / "out"))


def test_links_in_zips_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bad", "w") as archive:
        info = zipfile.ZipInfo("thing")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc")
    with pytest.raises(UnsafeArchive, match="'thing' is a link"):
        unpack(str(tmp_path / "bad"), str(tmp_path / "out"))


def test_a_member_too_large_for_the_disk_is_refused_before_it_is_written(tmp_path, monkeypatch):
    source = make_archive(tmp_path / "big", "tar.gz", {"zeros": bytes(100_000)})
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda path: shutil_usage(free=1000))
    with pytest.raises(OSError, match="'zeros' needs 100000 bytes .* 1000 left"):
        unpack(str(source), str(tmp_path / "out"))


def shutil_usage(free):
    return archives.shutil._ntuple_diskusage(10**9, 10**9 - free, free)


def test_a_damaged_archive_leaves_the_folder_as_it_was(tmp_path):
    source = make_archive(tmp_path / "data", "tar.gz", {f"{i}.bin": os.urandom(5000) for i in range(20)})
    source.write_bytes(source.read_bytes()[:-30_000])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_bytes(b"old")
    with pytest.raises(ValueError, match="cannot be unpacked"):
        unpack(str(source), str(tmp_path / "out"))
    assert below(tmp_path / "out") == {"old": b"old"}
