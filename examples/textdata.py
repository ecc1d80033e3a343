"""Small real text that needs no download: the documentation inside installed Python packages.

The texts are paragraphs of docstrings, read from source files that are parsed but not run. They come in the form of
`keras.datasets.imdb`: `(x_train, y_train), (x_test, y_test)`, where each x is an array of lists of word numbers and
each y one of labels. Words are numbered by their frequency in the training texts; 1 marks the start of a text and 2 a
word that is not among the `num_words` most frequent.

Training and test texts are held apart: all paragraphs of a docstring are on the same side, and a paragraph that occurs
more than once, in whatever class, is used once.
"""

import ast
import collections
import pathlib
import re
import sysconfig

import numpy as np

STDLIB = [
    "asyncio",
    "concurrent",
    "email",
    "http",
    "importlib",
    "json",
    "logging",
    "multiprocessing",
    "unittest",
    "urllib",
    "xml",
]
NUMPY = ["fft", "lib", "linalg", "ma", "polynomial"]
CHAPTERS = [
    "cluster",
    "covariance",
    "decomposition",
    "ensemble",
    "feature_selection",
    "gaussian_process",
    "linear_model",
    "manifold",
    "metrics",
    "model_selection",
    "neighbors",
    "preprocessing",
]
START, UNKNOWN, FIRST_WORD = 1, 2, 4


def load_numpy_or_stdlib(num_words=2000, per_class=1500):
    """Is a paragraph from the documentation of NumPy (1) or of Python's standard library (0)?"""
    import numpy

    stdlib = pathlib.Path(sysconfig.get_path("stdlib"))
    library = pathlib.Path(numpy.__file__).parent
    classes = [[stdlib / name for name in STDLIB], [library / name for name in NUMPY]]
    return _load(classes, num_words, per_class, hidden={"numpy", "np", "python"})  # too easy with the names in it


def load_sklearn_chapters(num_words=3000, per_class=400):
    """Which part of scikit-learn, by its number in CHAPTERS, does a paragraph of the documentation describe?"""
    import sklearn

    library = pathlib.Path(sklearn.__file__).parent
    return _load([[library / name] for name in CHAPTERS], num_words, per_class, hidden={"sklearn", *CHAPTERS})


def multi_hot(sequences, size):
    """One row per text with a 1 for each word that occurs in it: a float32 array of shape (texts, size)."""
    rows = np.zeros((len(sequences), size), dtype="float32")
    for row, words in zip(rows, sequences):
        row[list(words)] = 1.0
    return rows


def _load(classes, num_words, per_class, hidden, test_share=0.25, seed=0):
    rng = np.random.default_rng(seed)
    sides = {"train": [], "test": []}
    seen = set()
    for label, folders in enumerate(classes):
        docstrings = [text for folder in folders for text in _docstrings(folder)]
        count = 0
        for i in rng.permutation(len(docstrings)):
            side = sides["test" if rng.random() < test_share else "train"]
            for words in _paragraphs(docstrings[i], hidden):
                if words not in seen and count < per_class:
                    seen.add(words)
                    side.append((words, label))
                    count += 1
    frequency = collections.Counter(word for words, _ in sides["train"] for word in words)
    known = [word for word, _ in sorted(frequency.items(), key=lambda item: (-item[1], item[0]))]
    number = {word: n for n, word in enumerate(known[: num_words - FIRST_WORD], FIRST_WORD)}
    return tuple(_encode(side, number, rng) for side in sides.values())


def _encode(side, number, rng):
    x = np.empty(len(side), dtype=object)
    x[:] = [[START, *(number.get(word, UNKNOWN) for word in words)] for words, _ in side]
    y = np.array([label for _, label in side])
    order = rng.permutation(len(side))
    return x[order], y[order]


def _docstrings(folder):
    """The docstrings of all modules, classes and functions below a folder, tests left out."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for path in sorted(folder.rglob("*.py")):
        if "tests" not in path.relative_to(folder).parts:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            yield from filter(
                None, (ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, documented))
            )


def _paragraphs(docstring, hidden):
    """The paragraphs of prose in a docstring, as tuples of words: no code, no headings, nothing very short."""
    for block in re.split(r"\n\s*\n", docstring):
        words = tuple(word for word in re.findall(r"[a-z]+", block.lower()) if len(word) > 1 and word not in hidden)
        if len(words) >= 8 and ">>>" not in block and "---" not in block:
            yield words
