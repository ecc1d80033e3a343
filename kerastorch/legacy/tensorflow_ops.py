"""Calls of TensorFlow's functions in the graphs that tf.keras (2.4 to 2.15) wrote, as calls of ops.

Where tensors of a functional model were given to such a function, as in `x + 1` or `tf.nn.relu(x)`, tf.keras made a layer of it
(TFOpLambda, SlicingOpLambda) that has the function's name and, in its calls, the arguments.
"""

from typing import Any

Entry = dict[str, Any]

KINDS = ("TFOpLambda", "SlicingOpLambda")
CONSTANT = "_CONSTANT_VALUE"  # in the place of a tensor's layer, where the first argument is a number

_SAME = (
    "abs acos acosh asin asinh atan atanh ceil conj cos cosh erf exp expm1 floor imag log log1p logical_not real round rsqrt "
    "sigmoid sign sin sinh softplus sqrt square tan tanh"
)
_PAIRS = {
    "add": "add", "multiply": "multiply", "subtract": "subtract", "divide": "true_divide", "truediv": "true_divide",
    "floordiv": "floor_divide", "floormod": "mod", "mod": "mod", "pow": "power", "maximum": "maximum", "minimum": "minimum",
    "greater": "greater", "greater_equal": "greater_equal", "less": "less", "less_equal": "less_equal", "equal": "equal",
    "not_equal": "not_equal", "logical_and": "logical_and", "logical_or": "logical_or", "atan2": "arctan2",
}  # fmt: skip
_NUMPY = {"acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan", "atanh": "arctanh"}
_REDUCTIONS = {"mean": "mean", "sum": "sum", "max": "max", "min": "min", "prod": "prod", "all": "all", "any": "any", "std": "std",
               "variance": "var", "logsumexp": "logsumexp"}  # fmt: skip
_ACTIVATIONS = "elu gelu relu relu6 selu sigmoid silu softplus softsign tanh"
_PAIR = {"x": "x1", "y": "x2"}
_REDUCED = {"input_tensor": "x", "axis": "axis", "keepdims": "keepdims"}

# The function's name below `tf` -> the op, and the function's arguments in their order -> the op's.
FUNCTIONS: dict[str, tuple[str, dict[str, str]]] = {
    **{f"math.{n}": (_NUMPY.get(n, n), {"x": "x"}) for n in _SAME.split()},
    "math.negative": ("negative", {"x": "x"}),
    **{f"math.{n}": (op, _PAIR) for n, op in _PAIRS.items()},
    **{f"__operators__.{n}": (op, _PAIR) for n, op in (("add", "add"), ("eq", "equal"), ("ne", "not_equal"))},
    **{f"math.reduce_{n}": (op, _REDUCED) for n, op in _REDUCTIONS.items()},
    **{f"nn.{n}": (n, {"features": "x"}) for n in _ACTIVATIONS.split()},
    "nn.leaky_relu": ("leaky_relu", {"features": "x", "alpha": "negative_slope"}),
    "nn.softmax": ("softmax", {"logits": "x", "axis": "axis"}),
    "nn.log_softmax": ("log_softmax", {"logits": "x", "axis": "axis"}),
    "math.l2_normalize": ("normalize", {"x": "x", "axis": "axis", "epsilon": "epsilon"}),
    "math.argmax": ("argmax", {"input": "x", "axis": "axis"}),
    "math.cumsum": ("cumsum", {"x": "x", "axis": "axis"}),
    "cast": ("cast", {"x": "x", "dtype": "dtype"}),
    "clip_by_value": ("clip", {"t": "x", "clip_value_min": "x_min", "clip_value_max": "x_max"}),
    "concat": ("concatenate", {"values": "xs", "axis": "axis"}),
    "expand_dims": ("expand_dims", {"input": "x", "axis": "axis"}),
    "linalg.matmul": ("matmul", {"a": "x1", "b": "x2"}),
    "one_hot": ("one_hot", {"indices": "x", "depth": "num_classes"}),
    "reshape": ("reshape", {"tensor": "x", "shape": "newshape"}),
    "reverse": ("flip", {"tensor": "x", "axis": "axis"}),
    "stack": ("stack", {"values": "x", "axis": "axis"}),
    "stop_gradient": ("stop_gradient", {"input": "variable"}),
    "tile": ("tile", {"input": "x", "multiples": "repeats"}),
    "where": ("where", {"condition": "condition", "x": "x1", "y": "x2"}),
    **dict.fromkeys(("squeeze", "compat.v1.squeeze"), ("squeeze", {"input": "x", "axis": "axis"})),
    **dict.fromkeys(("transpose", "compat.v1.transpose"), ("transpose", {"a": "x", "perm": "axes"})),
    "__operators__.getitem": ("get_item", {"tensor": "x", "slice_spec": "key"}),
}
IGNORED = ("name",)  # what has no effect on the result
LISTS = ("values",)  # arguments that are several tensors, even where it is one


def modern(entry: Any) -> Any:
    """A layer's entry in a graph's configuration; that of a call of TensorFlow's as one of an op.

    Raises:
        ValueError: For a function, or an argument of one, that has no equal here.
    """
    if not isinstance(entry, dict) or entry.get("class_name") not in KINDS:
        return entry
    function = entry["config"].get("function")
    if function not in FUNCTIONS:
        raise ValueError(f"layer {entry.get('name')!r} of the configuration calls tf.{function}, which has no equal among the ops")
    op, names = FUNCTIONS[function]
    name = entry["name"]
    calls = [{"args": [], "kwargs": _arguments(call, function, names)} for call in entry["inbound_nodes"]]
    return {"module": "keras.src.ops", "class_name": op, "config": {"name": name}, "name": name, "inbound_nodes": calls}


def _arguments(call: list[Any], function: str, names: dict[str, str]) -> dict[str, Any]:
    several = isinstance(call[0], list)
    places = call if several else [call]
    parameter, first = next(iter(names)), places[0]
    start = [first[2] if p[0] == CONSTANT else _place(p) for p in places]
    found = {names[parameter]: start if several or parameter in LISTS else start[0]}
    for key, value in (first[3] if len(first) > 3 else {}).items():
        if key in names:
            found[names[key]] = _key(value) if key == "slice_spec" else _value(value)
        elif value not in (None, False) and key not in IGNORED:
            raise ValueError(f"the configuration calls tf.{function} with {key}={value!r}, which the op in its place does not take")
    return found


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
