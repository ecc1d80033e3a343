"""The data sets against reference Keras: where files come from, and what is made of the same files."""

import gzip
import importlib
import inspect
import pickle
import struct
import sys

import numpy as np
import pytest

from kerastorch.datasets import sources

datasets = pytest.importorskip("keras").datasets
RNG = np.random.default_rng(0)
FUNCTIONS = [
    (module, function)
    for module in "boston_housing california_housing cifar10 cifar100 fashion_mnist imdb mnist reuters".split()
    for function in ("load_data", "get_word_index", "get_label_names")
    if hasattr(getattr(datasets, module), function)
]


def pair(module, function):
    """Our function and the reference's."""
    ours = importlib.import_module(f"kerastorch.datasets.{module}")
    return getattr(ours, function), getattr(getattr(datasets, module), function)


@pytest.fixture
def fetched(monkeypatch):
    """Makes both packages take files from a folder, and returns what each asked `get_file` for."""
    get_file = inspect.signature(sources.get_file)
    asked = {"ours": [], "theirs": []}
    answer = {"folder": None}

    def spy(log):
        def stand_in(*args, **kwargs):
            call = get_file.bind(*args, **kwargs)
            call.apply_defaults()
            log.append(call.arguments)
            if answer["folder"] is None:
                raise FileNotFoundError(call.arguments["origin"])
            return str(answer["folder"] / call.arguments["origin"].rpartition("/")[2])

        return stand_in

    monkeypatch.setattr(sources, "get_file", spy(asked["ours"]))
    for module, function in FUNCTIONS:
        home = sys.modules[getattr(getattr(datasets, module), function).__module__]
        monkeypatch.setattr(home, "get_file", spy(asked["theirs"]))
    return asked, answer


@pytest.mark.parametrize("module, function", FUNCTIONS)
def test_signatures(module, function):
    ours, theirs = pair(module, function)
    assert inspect.signature(ours) == inspect.signature(theirs)


@pytest.mark.parametrize("module, function", [case for case in FUNCTIONS if case[1] != "get_label_names"])
def test_files_have_the_same_url_hash_and_place(module, function, fetched):
    asked, _ = fetched
    for call in pair(module, function):
        with pytest.raises(FileNotFoundError):
            call()
    [ours], [theirs] = asked["ours"], asked["theirs"]
    if module == "fashion_mnist":  # four files, of which the two packages ask for another one first
        assert (ours["cache_subdir"], ours["file_hash"]) == (theirs["cache_subdir"].replace("\\", "/"), None)
        ours = theirs | {"fname": theirs["fname"]}
    assert ours == theirs


def test_label_names():
    ours, theirs = pair("reuters", "get_label_names")
    assert ours() == theirs()


def ragged(n):
    out = np.empty(n, dtype=object)
    out[:] = [RNG.integers(1, 60, length).tolist() for length in RNG.integers(2, 30, n)]
    return out


@pytest.fixture
def folder(tmp_path):
    """One small file for each source."""
    digits = {f"{name}_{part}": RNG.integers(0, 9, 4).astype("u1") for name in "xy" for part in ("train", "test")}
    np.savez(tmp_path / "mnist.npz", **digits)
    np.savez(tmp_path / "boston_housing.npz", x=RNG.normal(size=(50, 13)), y=RNG.normal(size=50))
    np.savez(tmp_path / "california_housing.npz", x=RNG.normal(size=(700, 8)).astype("f4"), y=RNG.normal(size=700))
    texts = {"x_train": ragged(40), "y_train": np.arange(40), "x_test": ragged(30), "y_test": np.arange(30)}
    np.savez(tmp_path / "imdb.npz", **texts)
    np.savez(tmp_path / "reuters.npz", x=ragged(50), y=np.arange(50))
    for part, n in (("train", 5), ("t10k", 3)):
        for kind, shape in (("images-idx3", (n, 28, 28)), ("labels-idx1", (n,))):
            header = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
            (tmp_path / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(header + RNG.bytes(int(np.prod(shape)))))
    batches = tmp_path / "cifar-100-python.tar.gz" / "cifar-100-python"
    batches.mkdir(parents=True)
    for name, n in (("train", 6), ("test", 4)):
        labels = {f"{mode}_labels".encode(): RNG.integers(0, 20, n).tolist() for mode in ("fine", "coarse")}
        batch = {b"data": RNG.integers(0, 255, (n, 3072), "u1"), **labels}
        (batches / name).write_bytes(pickle.dumps(batch, 4))
    return tmp_path


# Without cifar10: the reference reads it in full size only, 180 MB. Its batches are like those of cifar100.
LOADED = [
    ("mnist", {}),
    ("fashion_mnist", {}),
    ("cifar100", {}),
    ("cifar100", {"label_mode": "coarse"}),
    ("boston_housing", {}),
    ("boston_housing", {"test_split": 0.37, "seed": 5}),
    ("california_housing", {}),
    ("california_housing", {"version": "small", "test_split": 0.0}),
    ("imdb", {}),
    ("imdb", {"num_words": 30}),
    ("imdb", {"num_words": 30, "skip_top": 10, "oov_char": None}),
    ("imdb", {"maxlen": 15, "seed": 3}),
    ("imdb", {"start_char": None}),
    ("imdb", {"start_char": None, "index_from": 0, "oov_char": 99}),
    ("reuters", {}),
    ("reuters", {"num_words": 30, "test_split": 0.5}),
    ("reuters", {"maxlen": 12, "skip_top": 4, "seed": 3}),
    ("reuters", {"start_char": None, "index_from": 0, "oov_char": None}),
]


@pytest.mark.parametrize("module, arguments", LOADED, ids=[f"{m} {a}" for m, a in LOADED])
def test_the_same_file_gives_the_same_arrays(module, arguments, fetched, folder):
    fetched[1]["folder"] = folder
    ours, theirs = (load(**arguments) for load in pair(module, "load_data"))
    for ours_part, theirs_part in zip(ours, theirs, strict=True):
        for a, b in zip(ours_part, theirs_part, strict=True):
            assert (type(a), a.shape, a.dtype) == (type(b), b.shape, b.dtype)
            assert a.tolist() == b.tolist()
