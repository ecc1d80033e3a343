"""What recording says about shapes and dtypes, on sizes that are drawn and known or not: for every op with a record in `cases/`.

Those without one, and why, stand in `ELSEWHERE` of `test_ops.py`.
"""

import contextlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compat_tests.test_ops import CASES, call, fits, of_dtype, with_operands
from kerastorch import scope
from kerastorch.errors import KerastorchError, OpError
from kerastorch.graph import Graph, KerasTensor

# Where a rule must take something for granted about a size that it does not know, and a real size may be otherwise.
GRANTED = {
    "cross": "vectors have 2 components where no size is known",
    "split": "positions lie within the axis",
    "squeeze": "only what is known to have size 1 goes",
}
BY_OP = {name: [c for c in CASES if c.op == name] for name in sorted({c.op for c in CASES})}
quick = settings(max_examples=8, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def calls(draw, cases):
    """A case with other sizes (the same for equal ones) and dtype: (case, inputs, the arrays in them, which sizes are known)."""
    case = draw(st.sampled_from(cases))
    dtype = draw(st.sampled_from([None, *case.dtypes]))
    sizes, arrays = {}, []

    def drawn(array):
        for n in array.shape:
            if n not in sizes:
                sizes[n] = draw(st.sampled_from([n, 1, 2, 3, 5, 7]))
        array = np.resize(array, [sizes[n] for n in array.shape])
        arrays.append(array if dtype is None else of_dtype(array, dtype))
        return arrays[-1]

    inputs = with_operands(case, drawn)
    return case, inputs, arrays, [[draw(st.booleans()) for _ in array.shape] for array in arrays]


def comparable(x):
    """An array in a dtype whose NaN numpy knows."""
    return x.astype("float32") if x.dtype.name == "bfloat16" else x


@pytest.mark.parametrize("name", BY_OP)
def test_records_say_nothing_wrong(name, backend):
    @quick
    @given(drawn=calls(BY_OP[name]), inside=st.booleans())
    def check(drawn, inside):
        case, inputs, arrays, known = drawn

        def run(operands):
            """The op on what stands for the arrays."""
            table = {id(array): operand for array, operand in zip(arrays, operands)}

            def swap(value):
                return [swap(v) for v in value] if isinstance(value, list) else table.get(id(value), value)

            return call(case, [swap(v) for v in inputs])

        def record(known):
            symbols = [
                KerasTensor([n if k else None for n, k in zip(a.shape, ks)], a.dtype) for a, ks in zip(arrays, known)
            ]
            with scope.symbolic() if inside or not arrays else contextlib.nullcontext():
                return symbols, run(symbols)

        tensors = [backend.convert(a) for a in arrays]
        try:
            record([[True] * a.ndim for a in arrays])
            real = run(tensors)
        except (OpError, ValueError):
            return  # the sizes do not go together
        try:
            symbols, recorded = record(known)
        except (KerastorchError, ValueError):
            return  # what must know its sizes says so
        if name in GRANTED and not all(fits(t.shape, backend.shape(x)) for t, x in zip(recorded, real)):
            return
        assert [t.dtype for t in recorded] == [backend.dtype(x) for x in real]
        for t, x in zip(recorded, real):
            assert fits(t.shape, backend.shape(x)), f"recorded {t.shape}, real {backend.shape(x)}"
        replayed = Graph(symbols, recorded).run(tensors, lambda node, args, kwargs: node.operation(*args, **kwargs))
        for a, b in zip(replayed, real):
            np.testing.assert_array_equal(comparable(backend.numpy(a)), comparable(backend.numpy(b)))

    check()
