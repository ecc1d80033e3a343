"""Records of the reductions, and of what runs along an axis."""

import numpy as np

from compat_tests.cases.op_case import ALL, FLOATS, NUMBERS, Case, between, integers, normal, spoilt, truths

A = normal(2, 3, 4)
M, N = normal(3, 4), normal(3, 4, seed=1)
U = integers(-5, 5, 3, 4)
HOLES = np.where(truths(3, 4), np.nan, M).astype("float32")
HOLES[0] = np.nan
# The reference has no uint32 on torch, where it records int32 for what it records uint32 for elsewhere.
UNSIGNED = dict.fromkeys(("uint8", "uint16", "uint32"), "the reference's answer depends on its backend")
AXES = [
    {},
    {"axis": 1},
    {"axis": -1, "keepdims": True},
    {"axis": (0, 2)},
    {"axis": (1, -1), "keepdims": True},
    {"keepdims": True},
]
ONE_AXIS = [{}, {"axis": 1}, {"axis": -1}]


def each(name, inputs, options, **rest):
    """A record for each set of keywords; dtypes and gradient are looked at in the first two."""
    # The reference on torch forgets keepdims where it is given no axis, though not when it records.
    told = {"expected": getattr(np, name, None)}
    return [
        Case(name, inputs, k, **(rest if i < 2 else {}), **(told if k == {"keepdims": True} else {}))
        for i, k in enumerate(options)
    ]


CASES = [
    *each("sum", (A,), AXES, gradient=True, dtypes=ALL, deviates=UNSIGNED),
    *each("prod", (A,), AXES, gradient=True, dtypes=ALL, deviates=UNSIGNED),
    Case("prod", (U,), {"axis": 0, "dtype": "float32"}),
    *each("mean", (A,), AXES, gradient=True, dtypes=ALL),
    *each("var", (A,), AXES, gradient=True, dtypes=ALL),
    *each("std", (A,), AXES, gradient=True, dtypes=ALL),
    *each("max", (A,), AXES, gradient=True, dtypes=ALL),
    *each("min", (A,), AXES, gradient=True, dtypes=ALL),
    *each("amax", (A,), AXES, dtypes=ALL),
    *each("amin", (A,), AXES, dtypes=ALL),
    Case("max", (A,), {"axis": 1, "initial": 0.5}),
    Case("min", (A,), {"axis": 1, "initial": -0.5}),
    Case("max", (normal(0, 3),), {"axis": 0, "initial": 0.5}, note="empty", expected=np.max),
    *each("ptp", (A,), AXES[:4], dtypes=ALL),
    *each("logsumexp", (A,), AXES, gradient=True, dtypes=("float32",)),
    Case("logsumexp", (np.array([[1000.0, 1000], [-np.inf, -np.inf]], "float32"),), {"axis": 1}, note="extremes"),
    *each("any", (truths(2, 3, 4),), AXES, dtypes=ALL),
    *each("all", (truths(2, 3, 4),), AXES, dtypes=ALL),
    *each("argmax", (A,), [*ONE_AXIS, {"axis": 1, "keepdims": True}, {"keepdims": True}], dtypes=ALL),
    *each("argmin", (A,), [*ONE_AXIS, {"axis": 1, "keepdims": True}, {"keepdims": True}], dtypes=ALL),
    Case("argmax", (np.array([[1, 3, 3], [2, 2, 0]]),), {"axis": 1}, note="ties"),
    *each("count_nonzero", (U,), [{}, {"axis": 0}, {"axis": (0, 1)}], dtypes=ALL),
    *each("cumsum", (M,), ONE_AXIS, gradient=True, dtypes=ALL),
    *each("cumprod", (M,), ONE_AXIS, gradient=True, dtypes=ALL),
    Case("cumsum", (U,), {"axis": 0, "dtype": "float32"}),
    *each("diff", (M,), [{}, {"axis": 0}, {"n": 2}], gradient=True, dtypes=ALL),
    Case("average", (M,), gradient=True, dtypes=ALL),
    Case("average", (M,), {"axis": 1}),
    Case("average", (M,), {"axis": 1, "weights": between(0.1, 1, 4)}, note="weights of the axis"),
    Case("average", (M,), {"weights": between(0.1, 1, 3, 4)}, note="weights of all", expected=np.average),
    Case("trapezoid", (M,), {"dx": 0.5}, gradient=True, dtypes=ALL),
    Case("trapezoid", (M,), {"axis": 0}),
    Case("trapezoid", (M,), {"x": np.array([0, 1, 3, 4], "float32")}),
    Case("allclose", (M, M)),
    Case("allclose", (M, N)),
    *each("nansum", (HOLES,), AXES[:3], dtypes=ALL, deviates=UNSIGNED),
    *each("nanprod", (HOLES,), AXES[:3], dtypes=ALL, deviates=UNSIGNED),
    *each("nanmean", (HOLES,), AXES[:3], dtypes=ALL),
    *each("nanvar", (HOLES,), AXES[:3], dtypes=ALL),
    *each("nanstd", (HOLES,), AXES[:3], dtypes=ALL),
    *each("nanmax", (HOLES,), AXES[:3], dtypes=NUMBERS, deviates=UNSIGNED),
    *each("nanmin", (HOLES,), AXES[:3], dtypes=NUMBERS, deviates=UNSIGNED),
    *each("nancumsum", (HOLES,), ONE_AXIS, dtypes=ALL),
    *each("nancumprod", (HOLES,), ONE_AXIS, dtypes=ALL),
    *each("nanargmax", (HOLES,), [{"axis": 1}], dtypes=FLOATS),
    *each("nanargmin", (HOLES,), [{"axis": 1}], dtypes=FLOATS),
    Case("mean", (spoilt(2, 3),), {"axis": 1}, note="nan"),
    Case("std", (M,), {"axis": ()}, expected=np.std),
    *(Case(n, (M,), {"axis": ()}) for n in ("sum", "mean", "var", "max", "min", "prod", "ptp", "average", "nansum")),
    Case("all", (truths(3, 4),), {"axis": ()}, expected=np.all),
    Case("logsumexp", (M,), {"axis": ()}, expected=lambda x, axis: x),
    Case("count_nonzero", (U,), {"axis": ()}, expected=lambda x, axis: x != 0),
    Case("max", (truths(3, 4),), {"axis": 0, "initial": True}, expected=np.max, note="bool"),
    Case("nancumsum", (HOLES,), {"axis": (1,)}, expected=lambda x, axis: np.nancumsum(x, 1)),
]
