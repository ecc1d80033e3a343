"""Where a backend has something better than a composite's body, both must agree."""

import operator

import numpy as np
import pytest

from compat_tests.test_ops import CASES, call, with_operands
from kerastorch import ops


def rules(case):
    """The declaration of a case's op, None where it is a plain function."""
    return getattr(operator.attrgetter(case.op)(ops), "op", None)


COMPOSITE = [c for c in CASES if rules(c) is not None and not rules(c).primitive]


@pytest.mark.parametrize("case", COMPOSITE, ids=[c.id for c in COMPOSITE])
def test_override_agrees_with_the_body(case, backend, monkeypatch):
    declared = rules(case)
    if backend.ops.get(declared.function) is None:
        return  # the body is what runs, and test_ops.py has compared it with the reference
    found = [backend.numpy(x) for x in call(case, with_operands(case, backend.convert))]
    monkeypatch.setattr(declared, "prefer_body", True)
    declared.plans.clear()
    try:
        wanted = [backend.numpy(x) for x in call(case, with_operands(case, backend.convert))]
    finally:
        declared.plans.clear()
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, *case.tolerance)
