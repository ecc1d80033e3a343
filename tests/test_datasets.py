"""The data sets, read from small files of the original formats, and files that must not be believed."""

import gzip
import importlib
import io
import json
import pickle
import struct
import subprocess
import sys
import tarfile
import zipfile

import numpy as np
import pytest

from kerastorch import scope
from kerastorch.datasets import arrays, sources
from kerastorch.utils.files import DownloadError

RNG = np.random.default_rng(0)
LOADERS = "mnist fashion_mnist cifar10 cifar100 imdb reuters boston_housing california_housing".split()


def module(name):
    return importlib.import_module(f"kerastorch.datasets.{name}")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache folder, sources that cannot be reached, and no hashes, for the files made here have others."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    for name, source in sources.SOURCES.items():
        monkeypatch.setitem(sources.SOURCES, name, source._replace(hash=None, site=tmp_path.as_uri() + "/nowhere/"))
    (tmp_path / "datasets" / "fashion-mnist").mkdir(parents=True)
    return tmp_path / "datasets"


def ragged(*lengths):
    """Word numbers of texts of some lengths, as imdb.npz holds them."""
    out = np.empty(len(lengths), dtype=object)
    out[:] = [RNG.integers(1, 50, n).tolist() for n in lengths]
    return out


def save_batches(path, folder, batches):
    """An archive like CIFAR's: pickles in the way of Python 2, whose strings are bytes to Python 3."""
    with tarfile.open(path, "w:gz") as archive:
        for name, batch in batches.items():
            data = python2_pickle(batch)
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def python2_pickle(batch):
    """What Python 2 writes for a dictionary from strings to a uint8 matrix or a list of small integers."""

    def string(value):
        return b"T" + struct.pack("<i", len(value)) + value

    def array(value):
        build = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00t" + string(b"b") + b"tR"
        dtype = b"cnumpy\ndtype\n(" + string(b"u1") + b"K\x00K\x01tR"
        dtype += b"(K\x03" + string(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        shape = b"(" + b"".join(b"J" + struct.pack("<i", n) for n in value.shape) + b"t"
        return build + b"(K\x01" + shape + dtype + b"I00\n" + string(value.tobytes()) + b"tb"

    def item(value):
        return array(value) if isinstance(value, np.ndarray) else b"](" + b"".join(b"K%c" % n for n in value) + b"e"

    return b"\x80\x02}(" + b"".join(string(k.encode()) + item(v) for k, v in batch.items()) + b"u."


def idx(values):
    return gzip.compress(struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes())


@pytest.mark.parametrize("name", LOADERS)
def test_without_network_and_cache_the_error_says_what_to_do(name, cache):
    with pytest.raises(DownloadError) as error:
        module(name).load_data()
    text = str(error.value)
    assert "nowhere" in text and str(cache) in text
    assert any(file in text for file in sources.SOURCES)


def test_importing_the_package_reads_no_module():
    code = """if True:
        import sys, kerastorch.datasets as package
        assert sorted(package.__all__) == sorted(dir(package)), dir(package)
        assert not {m for m in sys.modules if m == "numpy" or m.startswith("kerastorch.datasets.")}
        assert package.mnist.load_data.__name__ == "load_data"
        print(*package.__all__)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert sorted(done.stdout.split()) == sorted(LOADERS), done.stderr


def test_mnist(cache):
    shapes = {"x_train": (6, 28, 28), "y_train": (6,), "x_test": (2, 28, 28), "y_test": (2,)}
    saved = {name: RNG.integers(0, 9, shape).astype("u1") for name, shape in shapes.items()}
    np.savez_compressed(cache / "mine.npz", **saved)
    (x, y), (x_test, y_test) = module("mnist").load_data("mine.npz")
    for got, want in zip((x, y, x_test, y_test), saved.values()):
        np.testing.assert_array_equal(got, want)
        assert got.dtype == np.uint8 and got.flags.writeable


def test_fashion_mnist(cache):
    images, labels = RNG.integers(0, 255, (5, 28, 28)).astype("u1"), np.arange(5, dtype="u1")
    for part, n in (("train", 5), ("t10k", 3)):
        (cache / "fashion-mnist" / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(images[:n]))
        (cache / "fashion-mnist" / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(labels[:n]))
    (x, y), (x_test, y_test) = module("fashion_mnist").load_data()
    np.testing.assert_array_equal(x, images)
    np.testing.assert_array_equal(y, labels)
    assert x_test.shape == (3, 28, 28) and y_test.tolist() == [0, 1, 2]


@pytest.fixture
def data_format():
    yield scope.set_image_data_format
    scope.set_image_data_format("channels_last")


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_cifar10(cache, data_format, layout):
    pixels = RNG.integers(0, 255, (6, 2, 3072)).astype("u1")
    batches = {f"data_batch_{i}": {"labels": [i, i + 1], "data": pixels[i]} for i in range(1, 6)}
    batches["test_batch"] = {"batch_label": [], "labels": [7, 8], "data": pixels[0]}
    save_batches(cache / "cifar-10-batches-py-target_archive", "cifar-10-batches-py", batches)
    data_format(layout)
    (x, y), (x_test, y_test) = module("cifar10").load_data()
    assert y.dtype == y_test.dtype == x.dtype == x_test.dtype == np.uint8
    assert y.ravel().tolist() == [1, 2, 2, 3, 3, 4, 4, 5, 5, 6] and y_test.tolist() == [[7], [8]]
    want = pixels[1:].reshape(10, 3, 32, 32)
    np.testing.assert_array_equal(x, want if layout == "channels_first" else np.moveaxis(want, 1, -1))


@pytest.mark.parametrize("mode, labels", [("fine", [[10], [99]]), ("coarse", [[1], [19]])])
def test_cifar100(cache, mode, labels):
    pixels = RNG.integers(0, 255, (2, 3072)).astype("u1")
    batch = {"fine_labels": [10, 99], "coarse_labels": [1, 19], "data": pixels}
    save_batches(cache / "cifar-100-python-target_archive", "cifar-100-python", {"train": batch, "test": batch})
    (x, y), (_, y_test) = module("cifar100").load_data(label_mode=mode)
    assert x.shape == (2, 32, 32, 3) and y.tolist() == y_test.tolist() == labels and y.dtype == np.int64


def test_cifar100_label_mode():
    with pytest.raises(ValueError, match="Did you mean 'coarse'"):
        module("cifar100").load_data("course")


@pytest.fixture
def reviews(cache):
    """All reviews from the file, train and test, as a set of (words, label)."""
    train, test = ragged(3, 9, 4, 7), ragged(5, 2)
    np.savez(cache / "imdb.npz", x_train=train, y_train=[0, 1, 1, 0], x_test=test, y_test=[1, 0])
    return {(tuple(x), y) for xs, ys in ((train, [0, 1, 1, 0]), (test, [1, 0])) for x, y in zip(xs, ys)}


def test_imdb(reviews):
    (x, y), (x_test, y_test) = module("imdb").load_data(num_words=1000)
    assert (len(x), len(x_test)) == (4, 2) and x.dtype == object and y.dtype == np.int64
    assert all(type(text) is list and text[0] == 1 for text in x)
    found = {(tuple(w - 3 for w in text[1:]), int(label)) for text, label in zip([*x, *x_test], [*y, *y_test])}
    assert found == reviews  # each review still beside its label


def test_imdb_leaves_words_and_reviews_out(reviews):
    imdb = module("imdb")
    (x, _), _ = imdb.load_data(num_words=20, skip_top=5)
    assert {w for text in x for w in text} <= {2, *range(5, 20)}
    (x, _), _ = imdb.load_data(num_words=20, skip_top=5, oov_char=None, start_char=None, index_from=0)
    assert {w for text in x for w in text} <= set(range(5, 20))
    (x, y), (x_test, _) = imdb.load_data(maxlen=7)
    assert sorted(map(len, x)) == [4, 5] and len(y) == 2 and sorted(map(len, x_test)) == [3, 6]
    with pytest.raises(ValueError, match="maxlen=3"):
        imdb.load_data(maxlen=3)
    with pytest.raises(TypeError, match="nb_words.*num_words"):
        imdb.load_data(nb_words=20)


def test_reuters(cache):
    np.savez(cache / "reuters.npz", x=ragged(*range(2, 12)), y=np.arange(10))
    reuters = module("reuters")
    (x, y), (x_test, y_test) = reuters.load_data(test_split=0.3)
    assert (len(x), len(x_test)) == (7, 3) and sorted([*y, *y_test]) == list(range(10))
    assert all(len(text) == label + 3 for text, label in zip([*x, *x_test], [*y, *y_test]))
    assert len(reuters.get_label_names()) == 46 and reuters.get_label_names()[3:5] == ("earn", "acq")


@pytest.mark.parametrize("name", ["imdb", "reuters"])
def test_word_index(cache, name):
    (cache / f"{name}_word_index.json").write_text(json.dumps({"the": 1, "naïve": 2}, ensure_ascii=False), "utf-8")
    assert module(name).get_word_index() == {"the": 1, "naïve": 2}


@pytest.mark.parametrize("name", ["boston_housing", "california_housing"])
def test_housing(cache, name):
    x = RNG.normal(size=(700, 8))
    np.savez(cache / f"{name}.npz", x=x, y=x.sum(1))
    load = module(name).load_data
    (a, t), (b, u) = load(test_split=0.25)
    assert (len(a), len(b)) == (525, 175) and a.dtype == np.float64
    np.testing.assert_array_equal(np.concatenate([a, b]).sum(1), np.concatenate([t, u]))
    np.testing.assert_array_equal(load(test_split=0.25)[0][0], a)
    assert not np.array_equal(load(test_split=0.25, seed=1)[0][0], a)
    with pytest.raises(ValueError, match="test_split=1"):
        load(test_split=1)


def test_california_versions(cache):
    np.savez(cache / "california_housing.npz", x=np.zeros((700, 8)), y=np.arange(700))
    (_, y), (_, y_test) = module("california_housing").load_data(version="small")
    assert sorted([*y, *y_test]) == list(range(600))
    with pytest.raises(ValueError, match="'small' or 'large'"):
        module("california_housing").load_data(version="medium")


# ------------------------------------------------------------------------------------ files of strangers


def npz(path, name, data):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name + ".npy", data)
    return str(path)


def npy(shape, dtype, data, version=1):
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(header)) + header + data


class Attack:
    """Pickles as a call of anything."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


CALLS = [(print, "gotcha"), (eval, "1"), (np.load, "x"), (np.ndarray, (10**12,)), (bytearray, 9)]


@pytest.mark.parametrize("call", CALLS)
def test_calls_in_object_arrays_are_refused(tmp_path, call, capsys):
    path = npz(tmp_path / "bad.npz", "x", npy((1,), "|O", pickle.dumps(Attack(*call))))
    with pytest.raises(pickle.UnpicklingError, match="bad.npz"):
        arrays.read_npz(path)
    assert capsys.readouterr().out == ""


def test_calls_inside_lists_are_refused(tmp_path):
    values = np.empty(1, object)
    values[0] = [1, Attack(print, "gotcha")]
    np.savez(tmp_path / "bad.npz", x=values)
    with pytest.raises(pickle.UnpicklingError, match="builtins.print"):
        arrays.read_npz(str(tmp_path / "bad.npz"))


ARRAY = b"cnumpy._core.multiarray\n_reconstruct\n"
EMPTY = ARRAY + b"(cnumpy\nndarray\n(K\x00tU\x01btR"


def dtype(code):
    return b"cnumpy\ndtype\n(U" + bytes([len(code)]) + code + b"I00\nI01\ntR"


@pytest.mark.parametrize(
    "body",
    [
        EMPTY,  # no state
        ARRAY,  # the bare name
        b"cnumpy\nndarray\n((J\xff\xff\xff\x7ftR",  # the class, called
        EMPTY + b"(K\x01(J\xff\xff\xff\x7ft" + dtype(b"u1") + b"I00\nU\x02abtb",  # more values than data
        EMPTY + b"(K\x01(J\xff\xff\xff\x7ft" + dtype(b"O8") + b"I00\n](K\x01etb",  # the same with objects
        EMPTY + b"(K\x01(U\x03abct" + dtype(b"u1") + b"I00\nU\x02abtb",  # a shape that is none
        EMPTY + b"(K\x01(K\x02t" + dtype(b"V2") + b"I00\nU\x02abtb",  # structured elements
        b"cposix\nsystem\n(U\x04truetR",
        b"}(K\x01" + EMPTY[:20],  # cut off
        b"(dp0\nK\x01g0\ns",  # a dictionary that contains itself
    ],
)
def test_odd_pickles_are_refused(body):
    with pytest.raises(pickle.UnpicklingError, match="odd.pkl cannot be read"):
        arrays.read_pickle(io.BytesIO(b"\x80\x02" + body + b"."), "odd.pkl")


@pytest.mark.parametrize("version", [1, 2, 3])
def test_declared_sizes_are_checked_before_memory_is_taken(tmp_path, version):
    path = npz(tmp_path / "bad.npz", "x", npy((10**12,), "<f8", b"", version))
    with pytest.raises(ValueError, match=r"declares an array float64 of shape \(1000000000000,\)"):
        arrays.read_npz(path)


def test_an_idx_file_must_have_the_declared_length(tmp_path):
    for data in (b"\x00\x00\x08\x01\x00\x00\x00\x05abc", b"\x00\x00\x08\x03\x00", b"\x1f\x8b\x00\x00", b""):
        (tmp_path / "bad.gz").write_bytes(gzip.compress(data))
        with pytest.raises(ValueError, match="bad.gz"):
            arrays.read_idx(str(tmp_path / "bad.gz"))


@pytest.mark.parametrize("order", "CF")
def test_arrays_of_objects_come_back(tmp_path, order):
    values = np.empty((2, 2), object, order=order)
    values[:] = [[[1, 2], "a"], [(3.5, None), {"k": b"v"}]]
    np.savez(tmp_path / "x.npz", x=values, n=np.arange(6).reshape(2, 3, order=order))
    found = arrays.read_npz(str(tmp_path / "x.npz"))
    assert found["x"].tolist() == values.tolist()
    np.testing.assert_array_equal(found["n"], np.arange(6).reshape(2, 3, order=order))


def test_arrays_of_objects_by_python_2_come_back(tmp_path):
    order = b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb"
    state = b"(K\x01(K\x02t" + dtype(b"O8") + order + b"I00\n](](K\x05K\x07e](K\x09eet"
    data = b"\x80\x02" + EMPTY.replace(b"_core", b"core") + state + b"b."
    path = npz(tmp_path / "old.npz", "x", npy((2,), "|O", data))
    assert arrays.read_npz(path)["x"].tolist() == [[5, 7], [9]]


@pytest.mark.parametrize("kind", [">i4", "<f8", "?", "<c16", "<u2"])
def test_arrays_of_numbers_come_back(kind):
    values = np.asfortranarray(RNG.integers(0, 9, (3, 4)).astype(kind))
    found = arrays.read_pickle(io.BytesIO(pickle.dumps(values, 4)), "x")
    np.testing.assert_array_equal(found, values)
    assert found.dtype == values.dtype
