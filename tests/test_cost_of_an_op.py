"""What an op costs in lines of source: declaration, tables with the functions that are written for them, records of its tests."""

import inspect
import pathlib
import re
import statistics
import types

from kerastorch import backend_registry, ops

RECORDS = pathlib.Path(__file__).parents[1] / "compat_tests" / "cases"


def lines(function):
    """How many lines a function takes, with its decorators and docstring."""
    return len(inspect.getsource(function).rstrip().splitlines())


def test_the_median_op_costs_ten_lines_at_most():
    records = "\n".join(file.read_text() for file in RECORDS.glob("ops_*.py")).splitlines()
    tables = [backend_registry.get(name).ops for name in backend_registry.BUILT_IN if backend_registry.installed(name)]
    cost = {}
    for name in ops.__all__:
        function = getattr(ops, name)
        if not hasattr(function, "op"):
            continue
        natives = [table[function] for table in tables if function in table]
        own = [n for n in natives if isinstance(n, types.FunctionType) and (n.__module__ or "").startswith("kerastorch")]
        tested = sum(bool(re.search(rf'"{name}"', line)) for line in records)
        cost[function] = 1 + lines(function.op.body) + len(natives) + sum(map(lines, own)) + tested
    assert len(cost) > 250
    assert statistics.median(cost.values()) <= 10
