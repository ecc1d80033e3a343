"""Files of torch's own kind, and those that are made from what torch exports: ONNX and OpenVINO."""

from typing import Any

import torch

from kerastorch import extras, tree
from kerastorch.backends.torch import running, tensors
from kerastorch.graph import KerasTensor

SIZE = 2  # of dimensions that may have any size, in the tensors that are traced; torch takes a size of 1 for a constant
OPTIONS = ("strict", "dynamic_shapes", "prefer_deferred_runtime_asserts_over_guards", "preserve_module_call_signature")


class Structured(torch.nn.Module):
    """A lowered module that takes its tensors in the nests in which the model does."""

    def __init__(self, module: torch.nn.Module):
        super().__init__()
        self.module = module

    def forward(self, *args: Any) -> Any:
        return self.module(*(x for a in args for x in tree.leaves(a)))


def exported(backend: Any, model: Any, args: tuple, options: dict[str, Any]) -> Any:
    """A model as a `torch.export.ExportedProgram`, with unknown dimensions of any size.

    Raises:
        RuntimeError: If it cannot be exported.
        ValueError: For an option that `torch.export.export` does not have.
    """
    wrong = options.keys() - OPTIONS
    if wrong:
        raise ValueError(
            f'export: Unsupported arguments for `format="torch"`: {", ".join(sorted(wrong))}; it takes {", ".join(OPTIONS)}'
        )
    shapes = options.pop("dynamic_shapes", None) or tree.map_structure(_free, args)
    shapes = (shapes,) if isinstance(shapes, dict) else tuple(shapes)  # a dictionary is of the sizes of an only input
    options = {"strict": False, "dynamic_shapes": (shapes,), **options}
    try:
        module = Structured(running.lower(backend, model, spec=args)).eval()
        return torch.export.export(module, tree.map_structure(_zeros, args), **options)
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise RuntimeError(f"export: Failed to export model {model.name!r} by torch.export: {error}") from error


def program(backend: Any, model: Any, path: str, args: tuple, verbose: bool | None, **options: Any) -> None:
    """Writes what `torch.export.load` reads; the options are those of `torch.export.export`."""
    if not path.endswith(".pt2"):
        raise ValueError(f"export: The torch export requires the filepath to end with '.pt2', not {path!r}")
    torch.export.save(exported(backend, model, args, options), path)


def onnx(backend: Any, model: Any, path: str, args: tuple, verbose: bool | None, opset_version=None, **options: Any) -> None:
    """Writes a model for ONNX runtimes."""
    for library in ("onnx", "onnxscript"):
        extras.load(library, "export to 'onnx'")
    names = [t.name for t in tree.leaves(args)]
    converted = torch.onnx.export(
        exported(backend, model, args, options), dynamo=True, opset_version=opset_version, input_names=names, verbose=bool(verbose)
    )
    converted.save(path)


def openvino(backend: Any, model: Any, path: str, args: tuple, verbose: bool | None, **options: Any) -> None:
    """Writes a model for OpenVINO: a file ending in ".xml", with the weights beside it."""
    if not path.endswith(".xml"):
        raise ValueError(f"export: The OpenVINO export requires the filepath to end with '.xml', not {path!r}")
    library = extras.load("openvino", "export to 'openvino'")
    library.save_model(library.convert_model(exported(backend, model, args, options)), path)


EXPORTS = {"torch": program, "onnx": onnx, "openvino": openvino}


def _zeros(t: KerasTensor | None) -> Any:
    if t is None:
        return None
    sizes = [SIZE if d is None else d for d in t.shape]
    return torch.zeros(sizes, dtype=tensors.native_dtype(t.dtype), device=tensors.current_device())


def _free(t: KerasTensor | None) -> Any:
    return None if t is None else {i: torch.export.Dim.AUTO for i, d in enumerate(t.shape) if d is None}
