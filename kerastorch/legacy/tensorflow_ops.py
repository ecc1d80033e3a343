"""TensorFlow's functions as ops.

tf.keras scripts call them on the tensors of a functional model, as in `tf.nn.relu(x)`, and tf.keras (2.4 to 2.15) wrote such calls,
and operators as in `x + 1`, to files as layers (TFOpLambda, SlicingOpLambda) that have the function's name and its arguments.
"""

import inspect
from collections.abc import Mapping
from typing import Any

from kerastorch.errors import at, user_line
from kerastorch.legacy.tensorflow_functions import FUNCTIONS as WRITTEN

Entry = dict[str, Any]

KINDS = ("TFOpLambda", "SlicingOpLambda")
CONSTANT = "_CONSTANT_VALUE"  # in the place of a tensor's layer, where the first argument is a number

_SAME = (
    "abs acos acosh asin asinh atan atanh ceil conj cos cosh erf exp expm1 floor imag log log1p logical_not real round rsqrt "
    "sigmoid sign sin sinh sqrt square tan tanh"
)
_PAIRS = {
    "add": "add", "multiply": "multiply", "subtract": "subtract", "divide": "true_divide", "truediv": "true_divide",
    "floordiv": "floor_divide", "floormod": "mod", "mod": "mod", "pow": "power", "maximum": "maximum", "minimum": "minimum",
    "greater": "greater", "greater_equal": "greater_equal", "less": "less", "less_equal": "less_equal", "equal": "equal",
    "not_equal": "not_equal", "logical_and": "logical_and", "logical_or": "logical_or",
}  # fmt: skip
_NUMPY = {"acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan", "atanh": "arctanh"}
_REDUCTIONS = {"mean": "mean", "sum": "sum", "max": "max", "min": "min", "prod": "prod", "all": "all", "any": "any", "std": "std",
               "variance": "var", "logsumexp": "logsumexp"}  # fmt: skip
_ACTIVATIONS = "elu relu relu6 selu softplus softsign"
_PAIR = {"x": "x1", "y": "x2"}
_REDUCED = {"input_tensor": "x", "axis": "axis", "keepdims": "keepdims"}

# The function's name below `tf` -> the op that does the same, defaults included, and the function's arguments -> the op's.
FUNCTIONS: dict[str, tuple[str, dict[str, str]]] = {
    **{f"math.{n}": (_NUMPY.get(n, n), {"x": "x"}) for n in _SAME.split()},
    "math.negative": ("negative", {"x": "x"}),
    **{f"math.{n}": (op, _PAIR) for n, op in _PAIRS.items()},
    **{f"__operators__.{n}": (op, _PAIR) for n, op in (("add", "add"), ("eq", "equal"), ("ne", "not_equal"))},
    **{f"math.reduce_{n}": (op, _REDUCED) for n, op in _REDUCTIONS.items()},
    **{f"nn.{n}": (n, {"features": "x"}) for n in _ACTIVATIONS.split()},
    **{f"math.{n}": (n, {"input": "x"}) for n in ("real", "imag")},
    **{n: (n.partition(".")[2], {"x": "x"}) for n in ("nn.sigmoid", "nn.tanh")},
    "math.softplus": ("softplus", {"features": "x"}),
    "math.atan2": ("arctan2", {"y": "x1", "x": "x2"}),
    "nn.leaky_relu": ("leaky_relu", {"features": "x", "alpha": "negative_slope"}),
    "nn.softmax": ("softmax", {"logits": "x", "axis": "axis"}),
    "nn.log_softmax": ("log_softmax", {"logits": "x", "axis": "axis"}),
    "broadcast_to": ("broadcast_to", {"input": "x", "shape": "shape"}),
    "cast": ("cast", {"x": "x", "dtype": "dtype"}),
    "clip_by_value": ("clip", {"t": "x", "clip_value_min": "x_min", "clip_value_max": "x_max"}),
    "concat": ("concatenate", {"values": "xs", "axis": "axis"}),
    "expand_dims": ("expand_dims", {"input": "x", "axis": "axis"}),
    "one_hot": ("one_hot", {"indices": "x", "depth": "num_classes", "axis": "axis", "dtype": "dtype"}),
    "repeat": ("repeat", {"input": "x", "repeats": "repeats", "axis": "axis"}),
    "reshape": ("reshape", {"tensor": "x", "shape": "newshape"}),
    "reverse": ("flip", {"tensor": "x", "axis": "axis"}),
    "slice": ("slice", {"input_": "inputs", "begin": "start_indices", "size": "shape"}),
    "stack": ("stack", {"values": "x", "axis": "axis"}),
    "stop_gradient": ("stop_gradient", {"input": "variable"}),
    "tile": ("tile", {"input": "x", "multiples": "repeats"}),
    "where": ("where", {"condition": "condition", "x": "x1", "y": "x2"}),
    **{f"{n}_like": (f"{n}_like", {"input": "x", "dtype": "dtype"}) for n in ("zeros", "ones")},
    **dict.fromkeys(("squeeze", "compat.v1.squeeze"), ("squeeze", {"input": "x", "axis": "axis"})),
    **dict.fromkeys(("transpose", "compat.v1.transpose"), ("transpose", {"a": "x", "perm": "axes"})),
}
IGNORED = ("name",)  # what has no effect on the result
LISTS = ("values", "inputs")  # arguments that are several tensors, even where it is one


def is_known(name: str) -> bool:
    """Whether there is an equal for a function, by its name below `tf`."""
    return name in FUNCTIONS or name in WRITTEN


def parameters(name: str) -> list[str]:
    """The arguments of a function that its equal takes, in their order."""
    return list(inspect.signature(WRITTEN[name]).parameters) if name in WRITTEN else list(FUNCTIONS[name][1])


def call(name: str, given: Mapping[str, Any]) -> Any:
    """What a function gives, by ops.

    Args:
        name: Its name below `tf`.
        given: Its arguments, by TensorFlow's names.

    Raises:
        TypeError: Where an argument has no equal.
    """
    from kerastorch import ops

    takes = parameters(name)
    odd = next((k for k, v in given.items() if k not in takes and k not in IGNORED and v not in (None, False)), None)
    if odd is not None:
        raise TypeError(f"tf.{name} was called with {odd}={given[odd]!r}, which its equal among the ops does not take"
                        f"{at(user_line(), 'called')}")  # fmt: skip
    known = {k: v for k, v in given.items() if k in takes}
    if name in WRITTEN:
        return WRITTEN[name](**known)
    op, names = FUNCTIONS[name]
    return getattr(ops, op)(**{names[k]: v for k, v in known.items()})


def modern(entry: Any) -> Any:
    """A layer's entry in a graph's configuration; that of a call of TensorFlow's as one of an operation, with named arguments.

    Raises:
        ValueError: For a function that has no equal here.
    """
    if not isinstance(entry, dict) or entry.get("class_name") not in KINDS:
        return entry
    name, function = entry["name"], entry["config"].get("function")
    if not is_known(function):
        raise ValueError(f"the layer {name!r} of the configuration calls tf.{function}, which has no equal among the ops")
    calls = [{"args": [], "kwargs": _arguments(call, parameters(function)[0])} for call in entry["inbound_nodes"]]
    config = {"name": name, "function": function}
    return {"module": "keras.src.ops", "class_name": KINDS[0], "config": config, "name": name, "inbound_nodes": calls}


def _arguments(call: list[Any], parameter: str) -> dict[str, Any]:
    several = isinstance(call[0], list)
    first, *_ = places = call if several else [call]
    if several or parameter in LISTS:
        start: Any = [_place(p) for p in places]
    else:
        start = first[2] if first[0] == CONSTANT else _place(first)
    keywords = (first[3] if len(first) > 3 else {}).items()
    return {parameter: start, **{k: _key(v) if k == "slice_spec" else _value(v) for k, v in keywords}}


def _value(value: Any) -> Any:
    is_place = isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str) and isinstance(value[1], int)
    return _place(value) if is_place else [*map(_value, value)] if isinstance(value, list) else value


def _place(place: list[Any]) -> Entry:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": place[:3]}}


def _key(spec: Any) -> Any:
    """What stood in the brackets: slices were written as dictionaries."""
    if isinstance(spec, list):
        return [*map(_key, spec)]
    if isinstance(spec, dict) and spec.keys() == {"start", "stop", "step"}:
        return {"class_name": "__slice__", "config": spec}
    return {"class_name": "__ellipsis__", "config": {}} if spec in ("...", {"class_name": "__ellipsis__"}) else _value(spec)
