"""Recorded shapes and dtypes against real ones, on sizes that are drawn and known or unknown: for every op with a record in `cases/`."""

import contextlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compat_tests.test_ops import CASES, call, fits, of_dtype, with_operands
from kerastorch import scope
from kerastorch.errors import KerastorchError, OpError
from kerastorch.graph import Graph, KerasTensor

BY_OP: dict = {}
for case in CASES:
    if case.recorded:
        BY_OP.setdefault(case.op, []).append(case)


@st.composite
def calls(draw, cases):
    """A case with other sizes (the same for equal ones) and dtype, and which of its dimensions are known."""
    case = draw(st.sampled_from(cases))
    sizes: dict = {}
    dtype = draw(st.sampled_from([None, *case.dtypes]))

    def resized(array):
        shape = [
            sizes.setdefault(n, draw(st.sampled_from([n, 1, 2, 3, 5, 7]))) if n not in sizes else sizes[n] for n in array.shape
        ]
        array = np.resize(array, shape)
        return array if dtype is None else of_dtype(array, dtype)

    arrays = []

    def keep(array):
        arrays.append(resized(array))
        return arrays[-1]

    inputs = with_operands(case, keep)
    known = [[draw(st.booleans()) for _ in array.shape] for array in arrays]
    return case, inputs, arrays, known


@pytest.mark.parametrize("name", sorted(BY_OP))
def test_records_say_nothing_wrong(name, backend):
    @settings(max_examples=12, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(drawn=calls(BY_OP[name]), inside=st.booleans())
    def check(drawn, inside):
        case, inputs, arrays, known = drawn
        tensors = {id(a): backend.convert(a) for a in arrays}

        def swap(table):
            return lambda value: [swap(table)(v) for v in value] if isinstance(value, list) else table.get(id(value), value)

        def recorded(known):
            symbols = {
                id(a): KerasTensor([n if k else None for n, k in zip(a.shape, ks)], a.dtype) for a, ks in zip(arrays, known)
            }
            with scope.symbolic() if inside else contextlib.nullcontext():
                return list(symbols.values()), call(case, [swap(symbols)(v) for v in inputs])

        try:
            recorded([[True] * len(ks) for ks in known])
        except (KerastorchError, ValueError):
            return  # sizes that do not go together
        try:
            real = call(case, [swap(tensors)(v) for v in inputs])
        except OpError:
            return
        try:
            symbols, found = recorded(known)
        except (KerastorchError, ValueError):
            return  # what needs its sizes known says so
        assert len(found) == len(real)
        for t, x in zip(found, real):
            assert fits(t.shape, backend.shape(x)), f"recorded {t.shape}, real {backend.shape(x)}"
            assert t.dtype == backend.dtype(x)
        replayed = Graph(symbols, found).run(
            list(tensors.values()), lambda node, args, kwargs: node.operation(*args, **kwargs)
        )
        for a, b in zip(replayed, real):
            np.testing.assert_array_equal(backend.numpy(a), backend.numpy(b))

    check()
