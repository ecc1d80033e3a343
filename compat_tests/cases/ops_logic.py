"""Records of comparisons, tests of elements, logic and bits."""

import numpy as np

from compat_tests.cases.op_case import ALL, INTEGERS, Case, integers, normal, spoilt, truths

A, B = normal(2, 3), normal(2, 3, seed=1)
U, W = integers(-4, 4, 2, 3), integers(-4, 4, 2, 3, seed=1)
P, Q = truths(2, 3), truths(2, 3, seed=1)
BITS = ("bool", *INTEGERS)
COMPARISONS = ["equal", "not_equal", "greater", "greater_equal", "less", "less_equal"]

CASES = [
    *(Case(name, (U, W), dtypes=ALL) for name in COMPARISONS),
    *(Case(name, (U, 0), note="number") for name in COMPARISONS),
    *(Case(name, (0.5, A), note="number first") for name in COMPARISONS),
    *(Case(name, (U, A), note="mixed") for name in COMPARISONS),
    Case("isclose", (A, A + np.array([0, 1e-7, 1e-2], "float32")), dtypes=ALL),
    Case("isclose", (spoilt(2, 3), spoilt(2, 3)), {"equal_nan": True}),
    Case("isclose", (A, B), {"rtol": 0.5, "atol": 0.1}),
    *(
        Case(name, (spoilt(3, 4),), dtypes=ALL)
        for name in ("isnan", "isinf", "isfinite", "isposinf", "isneginf", "isreal")
    ),
    Case("isreal", (np.array([1, 1j, 2 + 0j], "complex64"),), note="complex"),
    Case("signbit", (np.array([-1, 0, -0.0, 2], "float32"),), dtypes=ALL),
    Case("signbit", (U,), note="integers"),
    *(Case(name, (P, Q), dtypes=ALL) for name in ("logical_and", "logical_or", "logical_xor")),
    Case("logical_not", (P,), dtypes=ALL),
    Case("logical_and", (U, W), note="integers"),
    *(Case(name, (U, W), dtypes=BITS) for name in ("bitwise_and", "bitwise_or", "bitwise_xor")),
    *(Case(name, (U,), dtypes=BITS) for name in ("bitwise_not", "bitwise_invert")),
    *(
        Case(name, (abs(U), abs(W)), dtypes=INTEGERS)
        for name in ("bitwise_left_shift", "left_shift", "bitwise_right_shift", "right_shift")
    ),
]
