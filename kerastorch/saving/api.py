"""Saving and loading by the ending of the file's name."""

import os
import warnings
from typing import Any

from kerastorch import backend_registry
from kerastorch.errors import near
from kerastorch.saving import archive, hdf5, safetensors, shards, tf_checkpoint, weights
from kerastorch.saving.atomic import replacing

KERAS, WEIGHTS, H5, TENSORS = ".keras", ".weights.h5", (".h5", ".hdf5"), ".safetensors"


def save_model(model, filepath, overwrite=True, zipped=None, **kwargs) -> None:
    """Writes a model with its weights, what it was compiled with and its optimizer's state; complete or not at all.

    Args:
        model: The model.
        filepath: Path that ends in `.keras`, or in `.h5` or `.hdf5` for the format of Keras 2; or a binary file object. The
            path of a folder where not `zipped`.
        overwrite: Whether a file that is there already is replaced without asking on the terminal.
        zipped: Whether a `.keras` file is one archive (by default where the path ends so) or a folder.
        include_optimizer: For `.h5`: whether compile arguments and the optimizer's state are written.

    Raises:
        ValueError: For another ending or unknown arguments.
        FileExistsError: If the file exists, `overwrite` is False and nobody can be asked.
    """
    include_optimizer = kwargs.pop("include_optimizer", True)
    if kwargs.pop("save_format", None):
        said = "save: The `save_format` argument is deprecated: the ending of filepath says the format, '.keras' or '.h5'"
        if not str(filepath).endswith((KERAS, *H5)):
            raise ValueError(f"{said}, which {filepath!r} has not")
        warnings.warn(said, stacklevel=3)
    if kwargs:
        raise ValueError(f"save: The following argument(s) are not supported: {', '.join(sorted(kwargs))}")
    if hasattr(filepath, "write"):
        archive.save(model, filepath, True)
        return
    path = os.fspath(filepath)
    if zipped is False and path.endswith(KERAS):
        raise ValueError(f"save: with zipped=False, filepath {path!r} names a folder and should not end in {KERAS!r}")
    legacy = path.endswith(H5)
    folder = zipped is False and not legacy
    if not (folder or legacy or path.endswith(KERAS)):
        raise ValueError(
            f"save: Invalid filepath extension for saving: {path!r} must end in {KERAS!r} (or in '.h5', the format of "
            "Keras 2), or be a folder with zipped=False"
        )
    if not _may_write(path, overwrite):
        return
    if legacy:
        from kerastorch.saving import legacy_h5

        legacy_h5.save(model, path, include_optimizer)
    else:
        archive.save(model, path, not folder)


def load_model(filepath, custom_objects=None, compile=True, safe_mode=True) -> Any:
    """The model that was saved to a file.

    Args:
        filepath: Path of a `.keras` file or folder or of an `.h5` file, or a file object with a `.keras` archive.
        custom_objects: Names of the user's own classes and functions.
        compile: Whether the model is compiled as it was when it was saved, and its optimizer's state restored.
        safe_mode: Whether what could run code from the file, as lambdas do, is refused.

    Raises:
        ValueError: If the file is missing, malformed, damaged or hostile, or names what is not known.
    """
    if hasattr(filepath, "read"):
        return archive.load(filepath, custom_objects, compile, safe_mode)
    path = os.fspath(filepath)
    if os.path.isdir(path) and os.path.exists(os.path.join(path, archive.CONFIG)) or path.endswith(KERAS):
        _need_file(path)
        return archive.load(path, custom_objects, compile, safe_mode)
    if path.endswith(H5):
        from kerastorch.saving import legacy_h5

        _need_file(path)
        return legacy_h5.load(path, custom_objects, compile, safe_mode)
    hint = ""
    if os.path.isdir(path) and os.path.exists(os.path.join(path, "saved_model.pb")):
        hint = " It is a TensorFlow SavedModel: build the model, and take its weights with load_weights where they fit."
    raise ValueError(
        f"File format not supported: {path!r} ends neither in {KERAS!r} nor in '.h5', and is no folder of a Keras model.{hint}"
        f"{near(os.path.basename(path), _beside(path))}"
    )


def _beside(path: str) -> list[str]:
    folder = os.path.dirname(os.path.abspath(path))
    return [n for n in os.listdir(folder) if n.endswith((KERAS, *H5))] if os.path.isdir(folder) else []


def save_weights(model, filepath, overwrite=True, max_shard_size=None, **kwargs) -> None:
    """Writes a model's weights, and its optimizer's state; the file is complete or not there.

    Args:
        model: A built model.
        filepath: Where to; ends in `.weights.h5`, in `.weights.json` for an index with the weights in files beside it, or in
            `.safetensors` for the weights alone under the names of the model's torch module, as other programs read them.
        overwrite: Whether a file that is there already is replaced without asking on the terminal.
        max_shard_size: Largest size of each of the files beside an index, in gigabytes (2^30 bytes).
        objects_to_skip: Layers that are left out.

    Raises:
        ValueError: If the model is not built, or the path has another ending.
        FileExistsError: If the file exists, `overwrite` is False and nobody can be asked.
    """
    skipped = kwargs.pop("objects_to_skip", None) or ()
    if kwargs:
        raise ValueError(f"save_weights: Invalid keyword arguments: {', '.join(sorted(kwargs))}")
    path = os.fspath(filepath)
    sharded = path.endswith(shards.INDEX)
    tensors = path.endswith(TENSORS) and not skipped and max_shard_size is None
    if not sharded and not tensors and (not path.endswith(WEIGHTS) or max_shard_size is not None):
        needed = repr(shards.INDEX) + " with max_shard_size" if max_shard_size is not None else repr(WEIGHTS)
        raise ValueError(f"save_weights: the name of the file must end in {needed}, not {path!r}")
    _need_built(model, "save_weights", "You are saving a model that has not yet been built")
    if not _may_write(path, overwrite):
        return
    if tensors:
        safetensors.write(path, backend_registry.get("torch").state(model))
    elif sharded:
        with shards.writing(path, max_shard_size) as files:
            weights.write_all(model, files.write, skipped)
    else:
        with replacing(path) as temporary, hdf5.create(temporary) as file:
            weights.write_all(model, lambda *entry: hdf5.write(file, *entry), skipped)


def load_weights(model, filepath, skip_mismatch=False, **kwargs) -> None:
    """Sets a model's weights from a file. Everything is checked first: where anything does not fit, nothing is changed.

    Args:
        model: A built model.
        filepath: The file; ends in `.weights.h5`, `.weights.json`, `.keras`, `.safetensors`, or in `.h5` as Keras 2 wrote it. Or
            what tf.keras wrote: a checkpoint (the path without `.index`), or the folder of a SavedModel.
        skip_mismatch: Whether layers that do not fit keep their weights, with a warning, while the others are loaded.
        objects_to_skip: For `.weights.h5`: layers that are left as they are.
        by_name: For `.h5` of Keras 2: whether layers are found by their names rather than by their order.

    Raises:
        ValueError: If the file does not fit the model or is no such file; the message names the entries.
        FileNotFoundError: If there is no such file.
    """
    path = os.fspath(filepath)
    skipped, by_name = kwargs.pop("objects_to_skip", None), kwargs.pop("by_name", None)
    kind = next((k for k in (WEIGHTS, shards.INDEX, KERAS, *H5, TENSORS) if path.endswith(k)), None)
    if kind == WEIGHTS and os.path.isfile(path) and hdf5.lists_layers(path):
        kind = H5[0]  # Keras 2 wrote its own format whatever came before the dot
    if kwargs:
        raise ValueError(f"load_weights: Invalid keyword arguments: {', '.join(sorted(kwargs))}")
    if skipped is not None and kind not in (WEIGHTS, shards.INDEX):
        raise ValueError(f"load_weights: objects_to_skip only supports loading '.weights.h5' files. This is {path!r}")
    if by_name and kind not in H5:
        raise ValueError(f"load_weights: by_name only supports loading legacy '.h5' or '.hdf5' files. This is {path!r}")
    prefix = None if kind else tf_checkpoint.prefix_of(path)
    if kind is None and prefix is None:
        raise ValueError(
            f"load_weights: File format not supported: {path!r} must end in '.weights.h5', '.weights.json', '.keras', "
            "'.safetensors' or '.h5', or be a checkpoint of TensorFlow"
        )
    if kind not in H5:
        _need_built(model, "load_weights", "You are loading weights into a model that has not yet been built")
    if prefix is None and not os.path.exists(path):
        raise FileNotFoundError(f"load_weights: there is no file {path}")
    if prefix is not None:
        tf_checkpoint.load_weights(model, prefix, skip_mismatch)
    elif kind == TENSORS:
        if skip_mismatch:
            raise ValueError("load_weights: skip_mismatch cannot be used with .safetensors files")
        with safetensors.opened(path) as arrays:
            backend_registry.get("torch").set_state(model, arrays)
    elif kind == KERAS:
        archive.load_weights(model, path, skip_mismatch)
    elif kind in H5:
        from kerastorch.saving import legacy_h5

        legacy_h5.load_weights(model, path, skip_mismatch, bool(by_name))
    else:
        with (hdf5.reading if kind == WEIGHTS else shards.reading)(path) as groups:
            weights.read_all(model, groups, path, skip_mismatch, skipped or ())


# ------------------------------------------------------------------------------------------------ arguments


def _need_file(path: str) -> None:
    if not os.path.exists(path):
        raise ValueError(
            f"load_model: File not found: {path!r}. Please ensure the file is an accessible `.keras` zip file or `.h5` file."
            f"{near(os.path.basename(path), _beside(path))}"
        )


def _need_built(model: Any, method: str, what: str) -> None:
    if not model.built:
        raise ValueError(
            f"{method}: model {model.name!r} is not built, so its weights do not exist yet. {what}. Call it on data or call "
            "build(input_shape) first"
        )


def _may_write(path: str, overwrite: bool) -> bool:
    if overwrite or not os.path.exists(path):
        return True
    try:
        answer = input(f"{path} exists. Replace it? [y/n] ")
    except EOFError:
        raise FileExistsError(f"{path} exists; give overwrite=True to replace it") from None
    return answer.strip().lower() in ("y", "yes")
