"""Configurations of models that Keras 1, Keras 2 and tf.keras wrote, in today's form.

The tables of old names and arguments (`modules`, `arguments`) are applied by constructors; what stands here is what only
files have: other shapes of the configuration itself, and arguments that old classes wrote without anyone giving them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from kerastorch.legacy import branches, tensorflow_ops
from kerastorch.legacy.modules import NAMES

Config = dict[str, Any]

# What old classes wrote and no class takes today. All had the one value that is left, or no effect on results.
UNUSED = {
    "*": ("dynamic", "input_dtype", "ragged_input", "quantization_config"),
    "BatchNormalization": ("mode", "fused", "virtual_batch_size", "adjustment", "trainable_weights"),
    "DepthwiseConv1D": ("filters", "groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"),
    "DepthwiseConv2D": ("filters", "groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"),
    "SeparableConv1D": ("groups", "init", "kernel_initializer", "kernel_regularizer", "kernel_constraint"),
    "SeparableConv2D": ("groups", "init", "kernel_initializer", "kernel_regularizer", "kernel_constraint"),
    "Conv1DTranspose": ("groups",),
    "Conv2DTranspose": ("groups",),
    "Conv3DTranspose": ("groups",),
    **dict.fromkeys(("SimpleRNN", "GRU", "LSTM", "SimpleRNNCell", "GRUCell", "LSTMCell"),
                    ("implementation", "consume_less", "time_major", "input_dim", "input_length")),  # fmt: skip
    "Lambda": ("function_type", "module", "output_shape_type", "output_shape_module", "mask_type", "mask_module"),
    "InputLayer": ("input_dtype", "type_spec"),
    "MultiHeadAttention": ("query_shape", "key_shape", "value_shape", "softmax_robust_masking"),
}
OPTIMIZER_UNUSED = ("jit_compile", "is_legacy_optimizer", "initial_accumulator_value_type", "schedule_decay", "centered_type")
MERGES = {"sum": "Add", "mul": "Multiply", "concat": "Concatenate", "ave": "Average", "max": "Maximum", "dot": "Dot", "cos": "Dot"}


def modern(config: Any, version: str = "") -> Any:
    """A configuration, and all within it, as today's classes take it.

    Args:
        config: The configuration.
        version: The version of Keras that wrote it, where that is known.
    """
    if version.startswith(("1.", "2.")):
        from kerastorch.legacy import old_meanings

        config = old_meanings.spelled_out(config)
    if isinstance(config, list):
        return [modern(x) for x in config]
    if not isinstance(config, dict):
        return config
    if not isinstance(config.get("class_name"), str) or "config" not in config:
        return {k: modern(v) for k, v in config.items()}
    name, inner = config["class_name"], config["config"]
    rest = {k: v for k, v in config.items() if k not in ("class_name", "config")}
    if name in ("Policy", "PolicyV1", "DTypePolicy") and isinstance(inner, Mapping):  # of mixed precision
        return inner["name"]
    if name.startswith("__") or config.get("module"):  # of Keras 3
        return {**config, "config": modern(inner)}
    if name in ("Sequential", "Model", "Functional"):
        if isinstance(inner, list):  # Keras 1 and 2 before 2.2.3 wrote no more of a Sequential than its layers
            inner = {"name": rest.get("name", "sequential"), "layers": inner}
        if inner["layers"] and inner["layers"][0].get("class_name") == "Merge":
            name, inner = "Functional", branches.joined(inner)
        inner = _layers_of(inner)
        return {**rest, "class_name": "Sequential" if name == "Sequential" else "Functional", "config": inner}
    if not isinstance(inner, dict):
        return config
    if "inbound_nodes" in config and _is_op(name):
        return {**config, "module": "keras.src.ops"}
    made = dict(inner)
    for change in (*CHANGES.get("*", ()), *CHANGES.get(name, ())):
        name, made = change(name, made)
    name = NAMES["layers"].get(str(name), name)
    unused = (*UNUSED["*"], *UNUSED.get(str(name), ()))
    return {**modern(rest), "class_name": name, "config": {k: modern(v) for k, v in made.items() if k not in unused}}


def _is_op(name: str) -> bool:
    """Whether an entry among a model's layers, whose module old files do not tell, is the call of an op."""
    from kerastorch.saving import operations
    from kerastorch.saving.objects import names_in

    return name not in names_in("layers", False) and operations.is_known(name)


def _layers_of(inner: Config) -> Config:
    made = {**{k: modern(v) for k, v in inner.items() if k != "layers"}, "layers": [modern(x) for x in inner["layers"]]}
    today = any("batch_shape" in x["config"] for x in inner["layers"] if isinstance(x, dict) and isinstance(x.get("config"), dict))
    for end in ("input_layers", "output_layers"):  # of which there was a list then, even where there is one
        if not today and len(made.get(end) or ()) == 1 and isinstance(made[end][0], list):
            made[end] = made[end][0]
    _renumber(made)
    made["layers"] = [tensorflow_ops.modern(x) for x in made["layers"]]
    return made


def _renumber(config: Config) -> None:
    """Counts the calls of models within a model from 0: of those that knew their inputs, tf.keras counted from 1."""
    old = [e for e in config["layers"] if isinstance(e, dict) and isinstance(e.get("inbound_nodes"), list)]
    places = [p for e in old for call in e["inbound_nodes"] if isinstance(call, list) for p in call if isinstance(p, list)]
    ends = config.get("output_layers") or []
    ends = [ends] if ends and isinstance(ends[0], str) else list(ends.values()) if isinstance(ends, dict) else ends
    for entry in old:
        mine = [p for p in (*places, *ends) if p[0] == entry.get("name")]
        if entry["class_name"] in ("Functional", "Sequential") and mine and min(p[1] for p in mine) > 0:
            for p in mine:
                p[1] -= 1
            if entry["class_name"] == "Functional":  # whose calls are counted from 1 where a model ends, to this day
                for p in (p for p in ends if p[0] == entry.get("name")):
                    p[1] += 1


def modern_archive(config: Config) -> Config:
    """The configuration in a `.keras` file that tf.keras wrote: Keras 2's in the form of Keras 3."""
    arguments = config.get("compile_config")
    made = modern(_without_modules({k: v for k, v in config.items() if k != "compile_config"}), "2.")
    if arguments and arguments.get("optimizer"):
        made["compile_config"] = modern_training({**arguments, "optimizer_config": arguments["optimizer"]})
    return made


def _without_modules(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_modules(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {k: _without_modules(v) for k, v in value.items() if k != "module" or not str(v).startswith(("keras", "tf_keras"))}


# ------------------------------------------------------------------------------------------------ what single classes need


def _input(name: str, config: Config) -> tuple[str, Config]:
    if "batch_input_shape" in config:
        config = {**config, "batch_shape": config["batch_input_shape"]}
        del config["batch_input_shape"]
    return name, config


def _first_axis(name: str, config: Config) -> tuple[str, Config]:
    axis = config.get("axis")
    return name, {**config, "axis": axis[0]} if isinstance(axis, list) and len(axis) == 1 else config


def _cudnn(name: str, config: Config) -> tuple[str, Config]:
    more = {"recurrent_activation": "sigmoid"} if name == "CuDNNLSTM" else {"recurrent_activation": "sigmoid", "reset_after": True}
    return name.removeprefix("CuDNN"), {**config, **more}


def _gru(name: str, config: Config) -> tuple[str, Config]:
    return name, {"reset_after": False, **config}  # which those that do not say it did


def _hard(name: str, config: Config) -> tuple[str, Config]:
    """Activations that an old class had by default and wrote under an old name."""
    if "inner_activation" in config:
        config = {**config, "recurrent_activation": config["inner_activation"]}
        del config["inner_activation"]
    return name, config


def _of_keras_1(name: str, config: Config) -> tuple[str, Config]:
    """Regularizers and constraints, of which only the name and the arguments were written, in one dictionary."""
    return name, {k: _named(v) if k.endswith(("_regularizer", "_constraint")) else v for k, v in config.items()}


def _named(value: Any) -> Any:
    if not isinstance(value, dict) or "class_name" in value or "name" not in value:
        return value
    arguments = {("max_value" if k == "m" else k): v for k, v in value.items() if k != "name"}
    return {"class_name": {"L1L2Regularizer": "L1L2"}.get(value["name"], value["name"]), "config": arguments}


def _dilated(name: str, config: Config) -> tuple[str, Config]:
    return name.replace("Atrous", ""), config


def _threshold(name: str, config: Config) -> tuple[str, Config]:
    return "ReLU", {"threshold" if k == "theta" else k: v for k, v in config.items()}


def _deconvolution(name: str, config: Config) -> tuple[str, Config]:
    return name, {k: v for k, v in config.items() if k != "output_shape"}  # which follows from the strides


def _merge(name: str, config: Config) -> tuple[str, Config]:
    mode = config.get("mode", "sum")
    if mode not in MERGES:
        raise ValueError(f"the configuration has a Merge of mode {mode!r}; known are {', '.join(MERGES)}")
    made: Config = {"name": config.get("name")}
    if mode == "concat":
        made["axis"] = config.get("concat_axis", -1)
    elif mode in ("dot", "cos"):
        made |= {"axes": config.get("dot_axes", -1), "normalize": mode == "cos"}
    return MERGES[mode], made


def _lambda(name: str, config: Config) -> tuple[str, Config]:
    made = dict(config)
    for key in ("function", "output_shape", "mask"):
        kind, value = config.get(f"{key}_type"), config.get(key)
        if kind == "lambda":
            made[key] = {"class_name": "__lambda__", "config": {"value": value}}
        elif kind == "function" and isinstance(value, str):
            made[key] = {"class_name": "function", "module": "builtins", "config": value}
        elif kind == "raw" and value is None:
            made.pop(key, None)
    return name, made


def _arrays(name: str, config: Config) -> tuple[str, Config]:
    """Arrays among a Lambda's arguments, which were written as {"type": "ndarray", "value": ...}."""
    arguments = config.get("arguments")
    if not isinstance(arguments, dict):
        return name, config
    found = {
        k: {"class_name": "__numpy__", "config": {"value": v["value"], "dtype": "float64"}}
        if isinstance(v, dict) and v.get("type") == "ndarray"
        else v
        for k, v in arguments.items()
    }
    return name, {**config, "arguments": found}


CHANGES: dict[str, tuple[Callable[[str, Config], tuple[str, Config]], ...]] = {
    "*": (_of_keras_1,),
    "AtrousConvolution1D": (_dilated,),
    "AtrousConvolution2D": (_dilated,),
    "Deconvolution2D": (_deconvolution,),
    "Deconvolution3D": (_deconvolution,),
    "ThresholdedReLU": (_threshold,),
    "InputLayer": (_input,),
    "BatchNormalization": (_first_axis,),
    "LayerNormalization": (_first_axis,),
    "CuDNNLSTM": (_cudnn,),
    "CuDNNGRU": (_cudnn,),
    "GRU": (_gru, _hard),
    "GRUCell": (_gru,),
    "LSTM": (_hard,),
    "Merge": (_merge,),
    "Lambda": (_lambda, _arrays),
}


# ------------------------------------------------------------------------------------------------ compile arguments


def modern_training(arguments: Mapping[str, Any]) -> Config:
    """What a model was compiled with, as `compile_from_config` takes it."""
    found = {k: v for k, v in arguments.items() if k not in ("optimizer_config", "sample_weight_mode", "jit_compile")}
    optimizer = arguments["optimizer_config"]
    if isinstance(optimizer, dict):
        config = {k: v for k, v in optimizer["config"].items() if k not in OPTIMIZER_UNUSED}
        name = optimizer["class_name"].rpartition(">")[2]
        optimizer = {"class_name": name, "module": "keras.optimizers", "config": config}
    found["optimizer"] = optimizer
    found["loss"] = _of(found.get("loss"), "losses")
    for key in ("metrics", "weighted_metrics"):
        found[key] = _of(found.get(key), "metrics")
    return {k: v for k, v in found.items() if v is not None}


def _of(value: Any, kind: str) -> Any:
    """Losses or metrics by name or configuration, in any nest."""
    if isinstance(value, list):
        return [_of(v, kind) for v in value]
    if not isinstance(value, dict):
        return value
    if "class_name" not in value:
        return {k: _of(v, kind) for k, v in value.items()}
    config = value.get("config")
    if value["class_name"] in ("MeanMetricWrapper", "LossFunctionWrapper") and isinstance(config, dict):
        return _of(config.get("fn"), kind)
    if isinstance(config, dict):  # tf.keras wrote a loss's function beside its other arguments, and "auto" for the usual reduction
        value = {**value, "config": {k: v for k, v in config.items() if k != "fn" and (k, v) != ("reduction", "auto")}}
    return value if value.get("module") else {**value, "module": f"keras.{kind}"}
