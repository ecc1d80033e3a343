"""Whole models and weights in the HDF5 format of Keras 1 and 2, which Keras 3 still reads and writes.

The configuration and what the model was compiled with are JSON in attributes. Weights lie in one group per layer
(`model_weights/<layer>`), whose attribute `weight_names` has their order; a file of weights alone has these groups at its
root.
"""

import json
import os
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import h5py
import numpy as np

from kerastorch.layers.base import Layer
from kerastorch.legacy import configs, old_weights, optimizer_state, spelling
from kerastorch.models.model import Model
from kerastorch.models.sequential import Sequential
from kerastorch.saving import hdf5, safety
from kerastorch.saving.archive import parsed
from kerastorch.saving.atomic import replacing
from kerastorch.saving.objects import deserialize_keras_object, serialize_keras_object
from kerastorch.saving.weights import assign_all, report
from kerastorch.variable import Variable

WEIGHTS, OPTIMIZER, TOP = "model_weights", "optimizer_weights", "top_level_model_weights"
NAMES_AT_ONCE = 2000  # an attribute holds at most 64 KB, in which each name takes 16 bytes


# ------------------------------------------------------------------------------------------------ writing


def save(model: Any, path: str, include_optimizer: bool = True) -> None:
    """Writes a Sequential or functional model to an `.h5` file; complete or not at all. Folders are made where absent.

    Args:
        model: The model.
        path: Where to.
        include_optimizer: Whether what it was compiled with and the optimizer's state are written.

    Raises:
        NotImplementedError: For a model with a `call` of its own, whose layers the format cannot name.
    """
    from kerastorch import __version__

    if not isinstance(model, Sequential) and model.graph is None:
        raise NotImplementedError(
            f"model {model.name!r} is neither Sequential nor functional, so it cannot be written to an .h5 file; save it to a "
            ".keras file, or its weights alone with save_weights"
        )
    whole = serialize_keras_object(model)
    arguments = whole.pop("compile_config", None)
    versions = {"backend": model.backend.name, "keras_version": __version__}
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with replacing(path) as temporary, hdf5.create(temporary) as file:
        file.attrs.update(versions)
        file.attrs["model_config"] = json.dumps(_plain(whole))
        group = file.create_group(WEIGHTS)
        group.attrs.update(versions)
        _write_names(group, "layer_names", [x.name for x in model.layers])
        for layer in model.layers:
            _write_group(group, layer.name, ordered(layer))
        _write_group(group, TOP, model._own_ordered())
        if include_optimizer and arguments:
            arguments |= {k: _full(arguments.get(k)) for k in ("loss", "metrics", "weighted_metrics")}
            optimizer = arguments.pop("optimizer")
            arguments["optimizer_config"] = {"class_name": optimizer["class_name"], "config": optimizer["config"]}
            file.attrs["training_config"] = json.dumps(arguments)
            if model.optimizer.built:
                _write_group(file, OPTIMIZER, model.optimizer.variables)


def _plain(entry: dict[str, Any]) -> dict[str, Any]:
    """A layer's description as Keras 2 wrote it: without the module, and registered classes by their registered name."""
    config = entry["config"]
    if isinstance(config, dict) and isinstance(config.get("layers"), list):
        config = {**config, "layers": [_plain(x) if "config" in x else x for x in config["layers"]]}
    kept = {k: v for k, v in entry.items() if k in ("name", "inbound_nodes")}
    if str(entry.get("module")).startswith("keras.src.ops"):
        return entry
    return {"class_name": entry.get("registered_name") or entry["class_name"], "config": config, **kept}


def _full(value: Any) -> Any:
    """Names of losses and metrics in full, in any nest: Keras reads no short ones ("mse") back from these files."""
    from kerastorch.losses.names import NAMES

    if isinstance(value, list | tuple):
        return [_full(v) for v in value]
    if isinstance(value, dict) and "class_name" not in value:
        return {k: _full(v) for k, v in value.items()}
    found = NAMES.get(value) if isinstance(value, str) else None
    return value if found is None or isinstance(found, type) else found.__name__


def ordered(layer: Any) -> list[Variable]:
    """A layer's weights in the order of such files: the trainable ones first."""
    return layer.trainable_weights + layer.non_trainable_weights


def _write_group(parent: h5py.Group, name: str, variables: Sequence[Variable]) -> None:
    group = parent.create_group(name)
    names: list[str] = []
    for v in variables:
        names.append(v.path if v.path not in names else f"{v.path}_{len(names)}")
    _write_names(group, "weight_names", names)
    hdf5.write(group, ".", dict(zip(names, variables, strict=True)), {})


def _write_names(group: h5py.Group, key: str, names: Sequence[str]) -> None:
    if len(names) <= NAMES_AT_ONCE:
        group.attrs.create(key, list(names), dtype=h5py.string_dtype(), shape=(len(names),))
        return
    for i, start in enumerate(range(0, len(names), NAMES_AT_ONCE)):
        group.attrs[f"{key}{i}"] = list(names[start : start + NAMES_AT_ONCE])


# ------------------------------------------------------------------------------------------------ reading


def load(path: str, custom_objects: Any, compile: bool, safe_mode: bool) -> Any:
    """The model of an `.h5` file of any Keras.

    Raises:
        ValueError: If it has no configuration, is malformed, damaged or hostile, or names what is not known.
    """
    with hdf5.opened(path) as file, safety.safe_mode(safe_mode), spelling.silence():
        if "model_config" not in file.attrs:
            raise ValueError(
                f"No model config found in {path}: it holds weights alone. Make the model in code and call its load_weights"
            )
        config = parsed(_text(file.attrs["model_config"]), f"{path}: model_config")
        version = _written_by(file)[0]
        model = deserialize_keras_object(configs.modern(config, version), custom_objects, safe_mode)
        if not isinstance(model, Model):
            raise ValueError(f"{path} holds {type(model).__name__}, which is no model")
        layers = _read_all(model, file, path, skip_mismatch=False, by_name=_same_names(model, file))
        if compile and "training_config" in file.attrs:
            arguments = parsed(_text(file.attrs["training_config"]), f"{path}: training_config")
            with _known(custom_objects):
                model.compile_from_config(configs.modern_training(arguments))
            if OPTIMIZER in file and model.compiled:
                _restore_optimizer(model, file, path, layers)
        return model


def _same_names(model: Any, file: h5py.File) -> bool:
    """Whether the file's groups of weights are named as the model's layers; their order may then be another one."""
    root = file[WEIGHTS] if WEIGHTS in file else file
    names = [n for n in _names(root, "layer_names") if isinstance(root.get(n), h5py.Group) and _names(root[n], "weight_names")]
    return sorted(names) == sorted(x.name for x in model.layers if x.weights)


def _written_by(file: h5py.File) -> tuple[str, str]:
    """The version of Keras that wrote a file, and its backend."""
    root = file[WEIGHTS] if WEIGHTS in file else file
    attributes = {**file.attrs, **root.attrs}
    backend = _text(attributes.get("backend", ""))
    if not backend:  # which Keras 1 did not write; weights of TensorFlow have names with ":0"
        names = [n for group in root.values() if isinstance(group, h5py.Group) for n in _names(group, "weight_names")]
        backend = "tensorflow" if any(":" in n for n in names) else "theano"
    return _text(attributes.get("keras_version", "1")) or "1", backend


def _known(custom_objects: Any) -> Any:
    from kerastorch.saving.registry import custom_object_scope

    return custom_object_scope(custom_objects or {})


def load_weights(model: Any, path: str, skip_mismatch: bool, by_name: bool) -> None:
    """Sets a model's weights from an `.h5` file; nothing is changed where it does not fit.

    Args:
        model: The model.
        path: The file, of weights alone or of a whole model.
        skip_mismatch: Whether layers that do not fit keep their weights, with a warning.
        by_name: Whether layers are found by their names rather than by their order.
    """
    with hdf5.opened(path) as file:
        _read_all(model, file, path, skip_mismatch, by_name)


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _names(group: h5py.Group, key: str) -> list[str]:
    if key in group.attrs:
        return [_text(n) for n in np.ravel(group.attrs[key])]
    found: list[str] = []
    i = 0
    while f"{key}{i}" in group.attrs:
        found += [_text(n) for n in np.ravel(group.attrs[f"{key}{i}"])]
        i += 1
    return found


def _datasets(group: h5py.Group, path: str) -> list[hdf5.Stored]:
    found: list[hdf5.Stored] = []
    for name in _names(group, "weight_names"):
        if not isinstance(group.get(name), h5py.Dataset):
            raise ValueError(f"{path}: {group.name} names the weight {name!r}, which it does not have")
        found.append(hdf5.Stored(group[name]))
        for problem in found[-1].suspicious(f"{group.name}/{name}"):
            raise ValueError(f"{path}: {problem}")
    return found


Plan = tuple[Layer, list[Variable], list[Any]]


def _read_all(
    model: Any, file: h5py.File, path: str, skip_mismatch: bool, by_name: bool
) -> list[optimizer_state.Stored]:
    """Sets the weights; gives what the file has of each layer."""
    root = file[WEIGHTS] if WEIGHTS in file and not _names(file, "layer_names") else file
    names = _names(root, "layer_names")
    missing = [n for n in names if not isinstance(root.get(n), h5py.Group)]
    if missing:
        raise ValueError(f"{path}: it lists the layer {missing[0]!r}, of which it has no group")
    written_by = _written_by(file)
    stored = {n: _datasets(root[n], path) for n in names}
    pairs = _by_name(model, stored) if by_name else _by_order(model, stored, path)
    plans: list[Plan] = []
    problems: list[str] = []
    layers = [optimizer_state.Stored(x, _names(root[name], "weight_names"), [d.read() for d in stored[name]]) for name, x in pairs]
    for (name, layer), found in zip(pairs, layers, strict=True):
        variables, arrays = ordered(layer), old_weights.modern(layer, found.arrays, *written_by)
        wrong = list(_misfits(layer, name, variables, arrays))
        problems += wrong
        if not wrong:
            plans.append((layer, variables, arrays))
    own = model._own_ordered()
    if TOP in root and own:
        arrays = [d.read() for d in _datasets(root[TOP], path)]
        problems += _misfits(model, TOP, own, arrays)
        plans.append((model, own, arrays))
    report(problems, path, model, skip_mismatch)
    for layer, variables, arrays in plans:
        if layer is model and problems and list(_misfits(model, TOP, variables, arrays)):
            continue
        assign_all(zip(variables, arrays, strict=True))
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()
    return layers


def _by_order(model: Any, stored: dict[str, list], path: str) -> list[tuple[str, Layer]]:
    layers = [x for x in model.layers if x.weights]
    names = [n for n, found in stored.items() if found]
    if len(layers) != len(names):
        built = "" if model.built else " The model is not built yet: call it on data or build(input_shape) first."
        raise ValueError(
            f"{path} has the weights of {len(names)} layers ({', '.join(names[:8])}), but model {model.name!r} has {len(layers)} "
            f"layers with weights ({', '.join(x.name for x in layers[:8])}).{built}"
        )
    return list(zip(names, layers, strict=True))


def _by_name(model: Any, stored: dict[str, list]) -> list[tuple[str, Layer]]:
    return [(name, layer) for name in stored for layer in model.layers if layer.name == name]


def _misfits(layer: Any, name: str, variables: Sequence[Variable], arrays: Sequence[Any]) -> Iterator[str]:
    if len(variables) != len(arrays):
        yield f"layer {layer.name!r} expects {len(variables)} weights, but {name!r} has {len(arrays)}"
        return
    for v, array in zip(variables, arrays, strict=True):
        if tuple(array.shape) != v.shape:
            yield f"{name!r} has a weight of shape {tuple(array.shape)} for {v.path!r}, which has {v.shape}; the two must match"


def _restore_optimizer(model: Any, file: h5py.File, path: str, layers: Sequence[optimizer_state.Stored]) -> None:
    names, arrays = _names(file[OPTIMIZER], "weight_names"), [d.read() for d in _datasets(file[OPTIMIZER], path)]
    found = optimizer_state.pairs(model.optimizer, names, arrays, layers, *_written_by(file))
    if found is None:
        warnings.warn(
            f"{path}: the optimizer's state is that of another optimizer, so {model.optimizer.name!r} starts afresh", stacklevel=4
        )
    else:
        assign_all(found)
