"""Records of ops that pick, place, order and search."""

import numpy as np

from compat_tests.cases.op_case import ALL, INTEGERS, NUMBERS, Case, integers, normal, truths

A = normal(2, 3, 4)
M, N = normal(3, 4), normal(3, 4, seed=1)
V = normal(6)
REPEATED = np.array([[3, 1, 3], [0, 1, 0], [3, 1, 3]])
AT = np.array([[0, 2], [1, -1]])
ROWS = np.array([[0, 1], [2, 3], [0, 1]])
KEYS = {
    "integer": 1,
    "slice": slice(0, 2),
    "backwards": slice(None, None, -1),
    "steps": (slice(None), slice(2, 0, -1), slice(0, 4, 2)),
    "mixed": (1, slice(None), -1),
    "new": (slice(None), None, 0),
    "dots": (..., 1),
    "dots and new": (0, ..., None),
    "list": (slice(None), [2, 0]),
    "array": (np.array([1, 0]),),
    "pairs": (np.array([0, 1]), np.array([2, 0])),
    "pairs inside": (slice(None), np.array([0, 1]), np.array([2, 0])),
}

CASES = [
    Case("take", (A, AT[:, 0]), {"axis": 0}, gradient=True),
    Case("take", (A, AT), {"axis": 1}, gradient=True),
    Case("take", (A, AT), {"axis": -1}),
    Case("take", (A, AT), note="flat", expected=np.take),
    Case("take", (A, 1), {"axis": 1}, note="one"),
    Case("take", (A, 5), note="one of all", dtypes=ALL),
    Case("take_along_axis", (M, np.argsort(M, 1)), {"axis": 1}, gradient=True),
    Case("take_along_axis", (M, np.array([[0, -1, 2, 1]])), {"axis": 0}, gradient=True),
    Case("take_along_axis", (M, np.array([3, 1, 0])), note="flat", unknown=False),
    *(
        Case("get_item", (A, key), gradient=name != "integer", note=name, expected=lambda x, k: x[k], unknown=False)
        for name, key in KEYS.items()
    ),
    Case("slice", (A, np.array([0, 1, 1]), (2, 2, 3)), gradient=True, unknown=False),
    Case("slice", (A, (0, 1, 1), (2, 2, 3)), note="tuple", unknown=False),
    Case("slice_update", (A, np.array([0, 1, 1]), normal(2, 2, 3)), gradient=True, unknown=False),
    Case("slice_update", (A, (1, 0, 2), normal(1, 2, 2)), note="tuple", unknown=False),
    Case("select", ([M > 0, N > 0], [M, N]), {"default": 5.0}),
    Case("scatter", (ROWS, np.array([1.0, 2, 3], "float32")), {"shape": (3, 4)}, gradient=True, unknown=False),
    Case("scatter", (ROWS[:, :1], M), {"shape": (3, 4)}, gradient=True, note="rows", unknown=False),
    Case("scatter_update", (M, ROWS[:2], np.array([1.0, 2], "float32")), gradient=True, unknown=False),
    *(
        Case("scatter_update", (M, ROWS, np.array([1.0, 2, 3], "float32")), {"reduction": r}, unknown=False)
        for r in ("add", "max", "min", "mul")
    ),
    Case("scatter_update", (M, ROWS[:, :1], N), {"reduction": "max"}, note="rows", unknown=False),
    Case("sort", (M,), gradient=True, dtypes=ALL),
    Case("sort", (M,), {"axis": 0}),
    Case("sort", (M,), {"axis": None}),
    Case("argsort", (M,), dtypes=ALL),
    Case("argsort", (M,), {"axis": 0}),
    Case("argsort", (M,), {"axis": None}),
    Case("argsort", (integers(0, 2, 20),), note="ties"),
    Case("argsort", (np.array(1),), note="number", expected=lambda x: np.array([0])),
    Case("top_k", (M, 2), gradient=True, dtypes=ALL),
    Case("in_top_k", (np.array([1, 0, 3]), M, 2)),
    Case("argpartition", (M, 1), dtypes=NUMBERS, expected=lambda x, k: np.argsort(x)),
    Case("argpartition", (M, 1), {"axis": None}, expected=lambda x, k, axis: np.argsort(x, axis)),
    Case("nonzero", (truths(3, 4),), recorded=False, dtypes=ALL, expected=np.nonzero),
    Case("unravel_index", (np.array([[0, 5], [3, 2]]), (2, 3)), dtypes=INTEGERS),
    *(
        Case("unique", (REPEATED,), {**k, **dict.fromkeys(("return_index", "return_inverse", "return_counts"), True)},
             recorded="size" in k, note="all")
        for k in ({"axis": 0}, {"axis": -1}, {"axis": 1, "size": 1}, {"axis": 0, "size": 4, "fill_value": -1})
    ),
    Case("unique", (REPEATED,), {"return_inverse": True, "return_index": True}, recorded=False, expected=np.unique),
    Case("unique", (REPEATED,), {"size": 6}, dtypes=ALL),
    Case("unique", (np.array([1, np.nan, 0, np.nan], "float32"),), note="nan", recorded=False, expected=lambda x: np.sort(x)),
    Case("searchsorted", (np.sort(V), M), unknown=False),
    Case("searchsorted", (np.array([1, 2, 2, 3]), np.array([0, 2, 4])), {"side": "right"}),
    Case("digitize", (M, np.array([-1, 0, 1], "float32")), dtypes=NUMBERS),
    Case("isin", (integers(0, 5, 3, 4), np.array([1, 3])), dtypes=ALL),
    Case("isin", (integers(0, 5, 3, 4), np.array([1, 3])), {"invert": True}),
    Case("diagonal", (M,), gradient=True, dtypes=ALL),
    Case("diagonal", (A,), {"offset": 1, "axis1": 1, "axis2": 2}),
    Case("diagonal", (A,), {"offset": -1, "axis1": 0, "axis2": -1}),
    Case("diag", (V,), gradient=True, dtypes=ALL),
    Case("diag", (V,), {"k": -2}),
    Case("diag", (M,), {"k": 1}),
    Case("diagflat", (M,), dtypes=ALL),
    Case("diagflat", (V,), {"k": 1}),
    Case("tril", (A,), gradient=True, dtypes=ALL),
    Case("tril", (M,), {"k": 1}),
    Case("triu", (A,), gradient=True, dtypes=ALL),
    Case("triu", (M,), {"k": -1}),
    Case("stop_gradient", (truths(2, 3),), dtypes=ALL),
]
