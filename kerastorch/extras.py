"""Libraries that only parts of the package need, each of which belongs to an extra of the distribution."""

import importlib
from typing import Any

EXTRAS = {
    "PIL": "image",
    "matplotlib": "visualization",
    "onnx": "onnx",
    "onnxscript": "onnx",
    "openvino": "openvino",
    "sklearn": "sklearn",
}


def load(module: str, what: str) -> Any:
    """A module of such a library.

    Args:
        module: Its name.
        what: What needs it, as the error calls it.

    Raises:
        ImportError: If the library is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise missing(module.partition(".")[0], what) from error


def missing(library: str, what: str) -> ImportError:
    """The error that says what needs a library which is not there, and how to install it."""
    return ImportError(f"{what} needs {library}, which cannot be imported: pip install 'kerastorch-framework[{EXTRAS[library]}]'")
