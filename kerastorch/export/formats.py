"""Exporting a model: which framework writes which format, whatever framework the model itself runs on."""

from typing import Any

from kerastorch import backend_registry
from kerastorch.errors import near
from kerastorch.export import signatures

# The backend whose table `exports` has what writes the format. A model that runs elsewhere is lowered there for it.
WRITERS = {"tf_saved_model": "tensorflow", "litert": "tensorflow", "torch": "torch", "onnx": "torch", "openvino": "torch"}


def export(model: Any, filepath: Any, format: str, verbose: bool | None, input_signature: Any, options: dict[str, Any]) -> None:
    """See `Model.export`."""
    if format not in WRITERS:
        raise ValueError(f"{type(model).__name__}.export: Unrecognized format={format!r}; it must be one of {', '.join(WRITERS)}."
                         f"{near(str(format), WRITERS)}")  # fmt: skip
    backend = backend_registry.get(WRITERS[format])
    args = signatures.of_model(model, input_signature)
    backend.exports[format](backend, model, str(filepath), args, verbose, **options)
    if verbose is not False:
        print(f"Saved artifact at '{filepath}', in the format {format}, for inputs {signatures.shown(args)}.")
