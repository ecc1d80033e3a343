"""Where the data sets come from: every URL and hash, declared once."""

from typing import NamedTuple

from kerastorch.utils.files import get_file

_GOOGLE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_TORONTO = "https://www.cs.toronto.edu/~kriz/"


class Source(NamedTuple):
    """A file on the web, and how the cache keeps it."""

    site: str
    hash: str | None = None  # sha256, or md5 where it has 32 digits
    folder: str = "datasets"  # below the cache folder
    unpacked: str | None = None  # for an archive: the folder it is unpacked to


SOURCES = {
    "mnist.npz": Source(_GOOGLE, "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"),
    "imdb.npz": Source(_GOOGLE, "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"),
    "imdb_word_index.json": Source(_GOOGLE, "bfafd718b763782e994055a2d397834f"),
    "reuters.npz": Source(_GOOGLE, "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"),
    "reuters_word_index.json": Source(_GOOGLE, "4d44cc38712099c9e383dc6e5f11a921"),
    "boston_housing.npz": Source(_GOOGLE, "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"),
    "california_housing.npz": Source(_GOOGLE, "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"),
    "train-images-idx3-ubyte.gz": Source(_GOOGLE, folder="datasets/fashion-mnist"),
    "train-labels-idx1-ubyte.gz": Source(_GOOGLE, folder="datasets/fashion-mnist"),
    "t10k-images-idx3-ubyte.gz": Source(_GOOGLE, folder="datasets/fashion-mnist"),
    "t10k-labels-idx1-ubyte.gz": Source(_GOOGLE, folder="datasets/fashion-mnist"),
    "cifar-10-python.tar.gz": Source(
        _TORONTO,
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        unpacked="cifar-10-batches-py-target",
    ),
    "cifar-100-python.tar.gz": Source(
        _TORONTO,
        "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
        unpacked="cifar-100-python-target",
    ),
}


def fetch(name: str, save_as: str | None = None) -> str:
    """Path to the local copy of a declared file, downloaded unless the cache has it.

    Args:
        name: Its key in `SOURCES`, which is also the last part of its URL.
        save_as: Another name for the local copy.

    Returns:
        The path of the file, or of the folder that an archive was unpacked to.

    Raises:
        DownloadError: The file is not cached and cannot be downloaded. The message says where to put it.
        ValueError: What arrived does not have the declared hash.
    """
    source = SOURCES[name]
    return get_file(
        save_as or source.unpacked or name,
        origin=source.site + name,
        file_hash=source.hash,
        cache_subdir=source.folder,
        extract=source.unpacked is not None,
    )
