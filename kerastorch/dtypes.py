"""Dtypes as strings: Keras's promotion lattice and the dtype rules of ops.

A rule takes the dtypes of an op's operands (strings; a list of strings for a sequence of tensors; "int" and "float" for
Python scalars, whose width is open; None for an absent operand) and, by name, whatever attributes of the op it asks for.
It returns `(compute, result)`: the dtype that operands are cast to before the op runs (one string, or one per operand,
None meaning "leave it"), and the dtype of the result (one string, or one per result).
"""

import functools
from collections.abc import Iterable
from typing import Any

# Each dtype and the ones directly above it, as in the type promotion lattice of the JAX documentation, which Keras uses.
LATTICE: dict[str, tuple[str, ...]] = {
    "bool": ("int",),
    "int": ("uint8", "int8"),
    "uint8": ("uint16", "int16"),
    "uint16": ("uint32", "int32"),
    "uint32": ("uint64", "int64"),
    "uint64": ("float",),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": ("float",),
    "float": ("bfloat16", "float16"),
    "float8_e4m3fn": (),  # stands alone: what it holds is scaled, by a factor of its own
    "float8_e5m2": (),
    "bfloat16": ("float32",),
    "float16": ("float32",),
    "float32": ("float64",),
    "float64": ("complex128",),
    "complex64": ("complex128",),
    "complex128": (),
    "string": (),
}
FLOATS = ("float16", "bfloat16", "float32", "float64")
SMALL_FLOATS = ("float8_e4m3fn", "float8_e5m2")
INTEGERS = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
ALLOWED = ("bool", *INTEGERS, *FLOATS, *SMALL_FLOATS, "complex64", "complex128", "string")
LARGEST = {"float16": 65504.0, "bfloat16": 3.3895313892515355e38, "float32": 3.4028234663852886e38,
           "float64": 1.7976931348623157e308}  # fmt: skip
BYTES = {"bool": 1, "bfloat16": 2, "complex64": 8, "complex128": 16, "string": 8, **dict.fromkeys(SMALL_FLOATS, 1)}

AS_STORED = "as stored"  # in place of a compute dtype: even one that the framework cannot compute in

_floatx = "float32"


def floatx() -> str:
    """The default floating dtype, "float32" unless set otherwise."""
    return _floatx


def set_floatx(value: str) -> None:
    """Sets the default floating dtype to "float16", "bfloat16", "float32" or "float64"."""
    global _floatx
    if value not in FLOATS:
        raise ValueError(f"set_floatx: the default float dtype must be one of {', '.join(FLOATS)}, not {value!r}")
    _floatx = value
    for forget in on_floatx_change:
        forget()


on_floatx_change: list[Any] = []  # caches elsewhere that hold dtypes derived from floatx

_epsilon = 1e-7


def epsilon() -> float:
    """The small number that keeps divisions and logarithms finite, 1e-7 unless set otherwise."""
    return _epsilon


def set_epsilon(value: float) -> None:
    """Sets the small number that keeps divisions and logarithms finite."""
    global _epsilon
    _epsilon = float(value)


@functools.cache
def _standard(text: str) -> str:
    name = text.rsplit(".", 1)[-1].strip("<>'\" ").split("'")[0]
    name = {"half": "float16", "double": "float64", "long": "int64", "bool_": "bool", "str": "string",
            "str_": "string", "object": "string", "object_": "string"}.get(name, name)  # fmt: skip
    if name == "float":
        return ""
    if name.rstrip("0123456789") in ("str", "bytes"):  # numpy's, with the number of bits
        return "string"
    if name == "int":
        return "int32"
    return name


# numpy's `dtype.str` of the usual dtypes: its `dtype.name` is put together anew each time, which takes microseconds.
NUMPY_CODES = {"|b1": "bool"} | {
    f"{'|' if size == 1 else '<'}{kind}{size}": f"{name}{8 * size}"
    for kind, name, sizes in (("i", "int", (1, 2, 4, 8)), ("u", "uint", (1, 2, 4, 8)), ("f", "float", (2, 4, 8)))
    for size in sizes
}


def standardize(dtype: Any) -> str:
    """The name of a dtype given as a string, a Python type, or a numpy, torch or TensorFlow dtype; None is floatx."""
    if dtype is None:
        return _floatx
    if isinstance(dtype, str):
        if dtype in ALLOWED:  # looked up first, since torch.compile warns of functions with a cache
            return dtype
        text = dtype
    elif isinstance(dtype, type):
        text = dtype.__name__
    else:
        text = NUMPY_CODES.get(getattr(dtype, "str", "")) or getattr(dtype, "name", None) or str(dtype)
        if text.startswith("<dtype: '"):  # a TensorFlow dtype printed
            text = text[9:]
    name = _standard(text) or _floatx
    if name not in ALLOWED:
        raise ValueError(f"Invalid dtype: {dtype!r} is none of {', '.join(ALLOWED)}")
    return name


@functools.cache
def _above(dtype: str) -> frozenset[str]:
    return frozenset((dtype,)).union(*(_above(d) for d in LATTICE[dtype]))


@functools.cache
def _join(a: str, b: str) -> str:
    if a == b:
        return a
    if {a, b} & {"complex64"}:  # complex joins beside the real line rather than above it
        other = b if a == "complex64" else a
        return "complex128" if other in ("float64", "complex128") else "complex64"
    common = _above(a) & _above(b)
    least = [d for d in common if common <= _above(d)]
    if {a, b} & set(SMALL_FLOATS):
        raise ValueError(f"There is no implicit conversions from float8 dtypes to others, and {a} meets {b}: cast one of them")
    if not least:
        raise ValueError(f"no common dtype for {a} and {b}")
    return least[0]


def join(*dtypes: str) -> str:
    """The least dtype that all can be promoted to; may be "int" or "float" where only Python scalars took part."""
    return functools.reduce(_join, dtypes)


def promote(*dtypes: str | None) -> str:
    """The dtype that Keras computes with when operands of these dtypes meet."""
    return concrete(join(*(d for d in _flat(dtypes) if d is not None)))


def concrete(dtype: str) -> str:
    """A dtype with an open width ("int", "float") made definite."""
    return "int32" if dtype == "int" else _floatx if dtype == "float" else dtype


def is_float(dtype: str) -> bool:
    """Whether the dtype is a real floating one."""
    return dtype == "float" or dtype in FLOATS or dtype in SMALL_FLOATS


def is_integer(dtype: str) -> bool:
    """Whether the dtype is an integer one; bool is not."""
    return dtype == "int" or dtype in INTEGERS


def itemsize(dtype: str) -> int:
    """Bytes per element."""
    return BYTES.get(dtype) or int("".join(c for c in dtype if c.isdigit())) // 8


def limits(dtype: str) -> tuple[float, float]:
    """The least and the largest finite number of a real dtype."""
    if dtype == "bool":
        return 0, 1
    if dtype in LARGEST:
        return -LARGEST[dtype], LARGEST[dtype]
    bits = 8 * itemsize(dtype)
    return (0, 2**bits - 1) if dtype.startswith("uint") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def of_python(value: Any) -> str | None:
    """The lattice's dtype of a Python scalar or a nest of them; None for anything else."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -(2**31) <= value < 2**31 else "int64"
    if isinstance(value, float):
        return "float"
    if isinstance(value, complex):
        return "complex64"
    if isinstance(value, str | bytes):
        return "string"
    return None


def _flat(dtypes: Iterable[Any]) -> Iterable[str | None]:
    for d in dtypes:
        if isinstance(d, list | tuple):
            yield from _flat(d)
        else:
            yield d


# ------------------------------------------------------------------------------------------------ rules of ops


def promoted(*dtypes):
    """Computes and answers in the promoted dtype of all operands."""
    d = promote(*dtypes)
    return d, d


def arithmetic(*dtypes):
    """As `promoted`; truth values are computed with as 0 and 1."""
    d = promote(*dtypes)
    return ("int32" if d == "bool" else d), d


def counted(*dtypes):
    """As `promoted`, with bool becoming int32."""
    d = promote(*dtypes)
    d = "int32" if d == "bool" else d
    return d, d


def floating(*dtypes):
    """As `promoted`, with integers and bool becoming floatx."""
    d = promote(*dtypes)
    d = d if is_float(d) or d.startswith("complex") else promote(*(x for x in _flat(dtypes) if is_float(x or "")), "float")
    return d, d


def wide_floating(*dtypes):
    """As `floating`, with 64-bit integers becoming float64."""
    d = promote(*dtypes)
    return ("float64", "float64") if d in ("int64", "uint64") else floating(*dtypes)


def magnitude(*dtypes):
    """As `arithmetic`, with complex numbers answering in their real part's dtype."""
    compute, d = arithmetic(*dtypes)
    return compute, real_part(d)


def real_part(dtype: str) -> str:
    """The dtype of the parts of a complex one; any other dtype itself."""
    return {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)


def with_imaginary(dtype: str) -> str:
    """The complex dtype whose parts a floating one holds; a complex one itself."""
    return dtype if dtype.startswith("complex") else "complex128" if dtype == "float64" else "complex64"


def resolution(dtype: str) -> float:
    """The distance from 1 to the next number of a floating dtype, or of a complex one's parts."""
    return 2.0 ** -{"float16": 10, "bfloat16": 7, "float64": 52}.get(real_part(dtype), 23)


def boolean(*dtypes):
    """Compares in the promoted dtype, answers in bool."""
    return promote(*dtypes), "bool"


def ordered(*dtypes):
    """As `boolean`; truth values are compared as 0 and 1."""
    return arithmetic(*dtypes)[0], "bool"


def logical(*dtypes):
    """Works on truth values."""
    return "bool", "bool"


def same(first, *rest):
    """Answers in the first operand's dtype and leaves the other operands as they are."""
    d = concrete(join(*first) if isinstance(first, list | tuple) else first)
    return (d, *[None] * len(rest)), d


def as_given(x, *, dtype):
    """Answers in the dtype that the op was given, floatx where it was given none."""
    return None, standardize(dtype)


def as_given_or_same(x, *, dtype=None):
    """Answers in the dtype that the op was given, the operand's where it was given none."""
    return None, concrete(x) if dtype is None else standardize(dtype)


def index(*dtypes):
    """Answers in int32, whatever is searched; truth values are searched as 0 and 1."""
    return (*["uint8" if d == "bool" else None for d in dtypes],), "int32"


def truth(*dtypes):
    """Answers in bool, whatever is examined."""
    return None, "bool"


def counting(x, *, dtype=None):
    """Sums: bool and narrow integers are widened to 32 bits."""
    d = standardize(dtype) if dtype is not None else widened(concrete(x))
    return d, d


def widened(dtype: str) -> str:
    """The dtype in which sums of `dtype` are kept."""
    return {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}.get(dtype, dtype)


def averaging(x, **_):
    """Means: integers and bool answer in floatx."""
    d = concrete(x)
    d = d if is_float(d) or d.startswith("complex") else _floatx
    return d, d


def deep(*dtypes):
    """As `averaging` of the promoted dtype, computed in 32 bits or more: what no framework has narrow kernels of."""
    d = averaging(promote(*dtypes))[1]
    return promote(d, "float32"), d


def selecting(condition, *dtypes):
    """`where`: a truth value, then operands that are promoted."""
    if None in dtypes:
        raise ValueError("`x1` and `x2` either both should be `None`, or both tensors")
    d = promote(*dtypes)
    return ("bool", *[d] * len(dtypes)), d


OF_TEXT = frozenset((same, promoted, boolean, selecting, as_given, as_given_or_same))  # the rules of ops that text may meet
