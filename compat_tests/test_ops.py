"""Every op against reference Keras, on every backend: all from the records in `cases/ops_*.py`."""

import importlib
import inspect
import operator
import pathlib
import pkgutil
import re

import keras
import ml_dtypes
import numpy as np
import pytest

from compat_tests import cases
from kerastorch import dtypes, ops, scope, tree
from kerastorch.errors import OpError
from kerastorch.graph import Graph, KerasTensor
from kerastorch.variable import Variable

FILES = [name for _, name, _ in pkgutil.iter_modules(cases.__path__) if name.startswith("ops_")]
CASES = [case for name in FILES for case in importlib.import_module(f"compat_tests.cases.{name}").CASES]
NAMES = sorted(name for name in ops.__all__ if hasattr(keras.ops, name) and not inspect.ismodule(getattr(ops, name)))
# Ops of Keras's that no record of a call can describe, and the tests that they have instead.
ELSEWHERE = {
    **dict.fromkeys(("associative_scan", "cond", "custom_gradient", "fori_loop", "jvp", "map", "scan", "switch", "vectorize"),
                    "tests/test_control_flow.py"),
    **dict.fromkeys(("vectorized_map", "while_loop"), "tests/test_control_flow.py"),  # these run functions
    **dict.fromkeys(("eig", "eigh", "lu_factor", "qr"), "tests/test_decompositions.py"),  # of several right answers
    **dict.fromkeys(("convert_to_numpy", "convert_to_tensor", "shape"), "tests/test_ops_dispatch.py"),  # what all others rest on
    **dict.fromkeys(("dtype", "empty", "empty_like", "is_tensor", "ndim"), "compat_tests/test_ops.py"),  # no values
    "image.elastic_transform": "compat_tests/test_image_models.py",  # draws random numbers
}  # fmt: skip
IMAGES = [f"image.{name}" for name in dir(keras.ops.image) if not name.startswith("_")]


@pytest.fixture(autouse=True, scope="module")
def wide_reference():
    """Lets the reference keep 64 bits, as it does on TensorFlow and does not on torch."""
    table = keras.src.backend.common.dtypes.BIT64_TO_BIT32_DTYPE
    kept = dict(table)
    table.clear()
    yield
    table.update(kept)


def each_case(condition=lambda case: True):
    """Parametrizes a test by the records that meet a condition."""
    chosen = [c for c in CASES if condition(c)]
    return pytest.mark.parametrize("case", chosen, ids=[c.id for c in chosen])


def with_operands(case, make):
    """The inputs of a case with each array replaced by `make(array)`."""

    def swap(value):
        if isinstance(value, np.ndarray):
            return make(value)
        return [swap(v) for v in value] if isinstance(value, list) else value

    return [swap(value) for value in case.inputs]


def call(case, inputs, namespace=ops):
    """The op of a case on these inputs, its result as a flat list."""
    out = operator.attrgetter(case.op)(namespace)(*inputs, **case.kwargs)
    return tree.flatten(list(out) if isinstance(out, tuple) else out)


def expected(case):
    """What the op should give, as numpy arrays."""
    if case.expected is not None:
        out = case.expected(*case.inputs, **case.kwargs)
        return [np.asarray(x) for x in (out if isinstance(out, list | tuple) else [out])]
    return [
        keras.ops.convert_to_numpy(x) for x in call(case, with_operands(case, keras.ops.convert_to_tensor), keras.ops)
    ]


def fits(recorded, real):
    """Whether a recorded shape says nothing wrong about a real one."""
    return len(recorded) == len(real) and all(a in (None, b) for a, b in zip(recorded, real, strict=True))


@each_case()
def test_values(case, backend):
    found = [ops.convert_to_numpy(x) for x in call(case, with_operands(case, backend.convert))]
    wanted = expected(case)
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a.astype(b.dtype), b, *case.tolerance)


@each_case(lambda case: case.recorded)
def test_record(case, backend):
    real = call(case, with_operands(case, backend.convert))
    arrays, symbols = [], []

    def symbol(array):
        arrays.append(array)
        symbols.append(KerasTensor(array.shape, array.dtype))
        return symbols[-1]

    with scope.symbolic():
        recorded = call(case, with_operands(case, symbol))
    assert [t.shape for t in recorded] == [backend.shape(x) for x in real]
    assert [t.dtype for t in recorded] == [backend.dtype(x) for x in real]
    replayed = Graph(symbols, recorded).run(map(backend.convert, arrays), lambda node, a, k: node.operation(*a, **k))
    for a, b in zip(replayed, real, strict=True):
        np.testing.assert_array_equal(backend.numpy(a), backend.numpy(b))
    if case.unknown:
        first = iter([True])

        def batch(array):
            return KerasTensor(
                (None, *array.shape[1:]) if array.ndim and next(first, False) else array.shape, array.dtype
            )

        for t, x in zip(call(case, with_operands(case, batch)), real, strict=True):
            assert fits(t.shape, backend.shape(x))


def of_dtype(array, dtype):
    """Numbers that every dtype holds, in a shape."""
    return np.ceil(np.abs(np.nan_to_num(array.astype("float32"), posinf=1, neginf=1))).astype(
        getattr(ml_dtypes, dtype, dtype)
    )


@each_case(lambda case: case.dtypes)
def test_dtypes(case, backend):
    wrong = []
    for dtype in case.dtypes:
        recorded = [t.dtype for t in call(case, with_operands(case, lambda a, d=dtype: KerasTensor(a.shape, d)))]
        try:
            real = call(case, with_operands(case, lambda a, d=dtype: backend.convert(of_dtype(a, d))))
        except OpError as error:
            wrong.append(f"{dtype}: {str(error)[:200]}")
            continue
        if recorded != [backend.dtype(x) for x in real]:
            wrong.append(f"{dtype}: recorded {recorded}, real {[backend.dtype(x) for x in real]}")
        if dtype in case.deviates:
            continue
        told = [
            t.dtype
            for t in call(case, with_operands(case, lambda a, d=dtype: keras.KerasTensor(a.shape, d)), keras.ops)
        ]
        if recorded != told:
            wrong.append(f"{dtype}: recorded {recorded}, the reference {told}")
    assert not wrong, "\n".join(wrong)


@each_case(lambda case: case.gradient)
def test_gradient(case, backend):
    def wide(array):
        return array.astype("float64") if dtypes.is_float(array.dtype.name) else array

    variables = []

    def variable(array):
        if not dtypes.is_float(array.dtype.name):
            return backend.convert(array)
        variables.append(Variable(wide(array)))
        return variables[-1]

    inputs = with_operands(case, variable)
    rng = np.random.default_rng(0)
    directions = [
        rng.normal(size=backend.shape(x)) for x in call(case, with_operands(case, lambda a: backend.convert(wide(a))))
    ]

    def loss():
        parts = [
            ops.sum(ops.multiply(x, d))
            for x, d in zip(call(case, inputs), directions, strict=True)
            if dtypes.is_float(ops.dtype(x))
        ]
        return sum(parts[1:], parts[0])

    _, gradients = backend.value_and_gradients(loss, variables)
    for v, gradient in zip(variables, gradients, strict=True):
        start, step = v.numpy(), 1e-5
        differences = np.zeros_like(start)
        for at in np.ndindex(start.shape):
            ends = []
            for sign in (1, -1):
                moved = start.copy()
                moved[at] += sign * step
                v.assign(moved)
                ends.append(float(backend.numpy(loss())))
            differences[at] = (ends[0] - ends[1]) / (2 * step)
        v.assign(start)
        np.testing.assert_allclose(backend.numpy(gradient), differences, 1e-4, 1e-5)


@pytest.mark.parametrize("name", [*NAMES, *IMAGES])
def test_signature(name):
    def told(function):
        return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]

    ours, theirs = (operator.attrgetter(name)(o) for o in (ops, keras.ops))
    assert told(ours) == told(theirs)
    assert ours.__doc__


def test_every_op_has_a_record():
    known = {case.op for case in CASES}
    functions = [operator.attrgetter(name)(ops) for name in known]
    missing = [n for n in (*NAMES, *IMAGES) if n not in known and operator.attrgetter(n)(ops) not in functions]  # no aliases
    assert sorted(missing) == sorted(ELSEWHERE)
    for name, file in ELSEWHERE.items():
        text = (pathlib.Path(__file__).parents[1] / file).read_text()
        assert re.search(rf"\bops\.{name}\b|\"{name}\"", text), f"{file} has no test of {name}"


def test_what_has_no_values(backend):
    x = backend.convert(np.ones((2, 3), "int32"))
    assert (ops.dtype(x), ops.ndim(x), ops.is_tensor(x), ops.is_tensor(3)) == ("int32", 2, True, False)
    assert backend.shape(ops.empty_like(x)) == (2, 3) and backend.dtype(ops.empty_like(x)) == "int32"
    assert backend.shape(ops.empty((4, 0), dtype="int8")) == (4, 0)


@pytest.mark.parametrize("name", ["image", "linalg", "nn", "numpy"])
def test_namespace(name):
    ours, theirs = ({n for n in dir(getattr(o, name)) if not n.startswith("_")} for o in (ops, keras.ops))
    assert ours <= theirs
    assert not (theirs - ours) & set(ops.__all__)
    assert all(getattr(getattr(ops, name), n) is getattr(ops, n) for n in ours & set(ops.__all__))


MIXED = [
    ("bool", "int32"), ("int8", "uint8"), ("int32", "uint32"), ("int64", "float16"), ("float16", "bfloat16"),
    ("int8", "float32"), ("float32", "float64"), ("int32", 2), ("int8", 2), ("int32", 2.5), ("float16", 2.5),
    ("bfloat16", 2), ("bool", 2), ("uint8", 2.5),
]  # fmt: skip
BINARY = [
    "add", "subtract", "multiply", "divide", "floor_divide", "mod", "power", "maximum", "minimum", "equal", "less",
    "logical_and", "where", "divide_no_nan", "fmax", "logaddexp",
]  # fmt: skip


@pytest.mark.parametrize("name", BINARY)
def test_mixed_dtypes(name, backend):
    wrong = []
    for pair in [*MIXED, *((b, a) for a, b in MIXED)]:

        def result(namespace, make, pair=pair):
            operands = [make(k) if isinstance(k, str) else k for k in pair]
            if name == "where":
                operands = [make("bool"), *operands]
            return getattr(namespace, name)(*operands)

        recorded = result(ops, lambda k: KerasTensor((2, 3), k)).dtype
        told = result(keras.ops, lambda k: keras.KerasTensor((2, 3), k)).dtype
        real = backend.dtype(result(ops, lambda k: backend.convert(of_dtype(np.ones((2, 3)), k))))
        if not recorded == told == real:
            wrong.append(f"{pair}: recorded {recorded}, real {real}, the reference {told}")
    assert not wrong, "\n".join(wrong)
