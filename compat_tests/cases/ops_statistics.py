"""Records of ops that describe samples: quantiles, counts, histograms, correlation."""

import numpy as np

from compat_tests.cases.op_case import FLOATS, INTEGERS, NUMBERS, Case, integers, normal, truths

A = normal(2, 3, 5)
M = normal(3, 4)
V, W = normal(7), normal(3, seed=1)
HOLES = np.where(truths(4, 5), np.nan, normal(4, 5)).astype("float32")
HOLES[0] = np.nan
ENDS = np.array([[-np.inf, 1, 2, np.inf], [np.inf, np.inf, 3, 4]], "float32")
Q = np.array([0.1, 0.5, 1.0], "float32")
AXES = [{}, {"axis": 1}, {"axis": (0, -1)}, {"axis": 1, "keepdims": True}, {"keepdims": True}]
METHODS = ["lower", "higher", "midpoint", "nearest"]
WEIGHTS = normal(4)
COUNTS = integers(0, 5, 3, 4)


def told(name):
    """numpy's function, in place of the reference's, whose results depend on its backend."""
    return lambda *inputs, **kwargs: getattr(np, name)(*inputs, **kwargs)


CASES = [
    *(Case("quantile", (A, 0.3), k, gradient=not k, dtypes=NUMBERS if not k else (), expected=told("quantile")) for k in AXES),
    *(Case("quantile", (A, Q), k, note="several", expected=told("quantile")) for k in AXES),
    *(Case("quantile", (A, Q), {"axis": 1, "method": m}, expected=told("quantile")) for m in METHODS),
    Case("quantile", (HOLES, 0.3), {"axis": 1}, note="nan", expected=told("quantile")),
    Case("quantile", (ENDS, Q), {"axis": 1, "method": "lower"}, note="infinite", expected=told("quantile")),
    Case("percentile", (A, 30.0), dtypes=FLOATS, gradient=True, expected=told("percentile")),
    Case("percentile", (A, 100 * Q), {"axis": (0, 2), "keepdims": True}, expected=told("percentile")),
    *(Case("nanquantile", (HOLES, q), {"axis": a}, expected=told("nanquantile")) for q in (0.3, Q) for a in (None, 0, 1)),
    *(Case("nanquantile", (HOLES, 0.4), {"axis": 1, "method": m}, expected=told("nanquantile")) for m in METHODS),
    Case("nanpercentile", (HOLES, 30.0), {"axis": 1, "keepdims": True}, dtypes=FLOATS, expected=told("nanpercentile")),
    *(Case("median", (A,), k, gradient=not k, dtypes=NUMBERS if not k else (), expected=told("median")) for k in AXES),
    *(Case("median", (M,), {"axis": a}, note="even", expected=told("median")) for a in (None, 0, 1)),
    *(Case("nanmedian", (HOLES,), {"axis": a}, dtypes=FLOATS, expected=told("nanmedian")) for a in (None, 0, 1, ())),
    Case("bincount", (COUNTS[0],), recorded=False, dtypes=INTEGERS),
    Case("bincount", (COUNTS,), {"minlength": 7}, recorded=False, note="rows"),
    Case("bincount", (COUNTS[0], WEIGHTS), recorded=False, note="weights"),
    Case("bincount", (COUNTS, WEIGHTS * np.ones((3, 1), "float32")), recorded=False, gradient=True, note="rows of weights",
         expected=lambda x, w: np.array([np.bincount(a, b, x.max() + 1) for a, b in zip(x, w, strict=True)])),
    Case("histogram", (V,), dtypes=NUMBERS),
    Case("histogram", (V,), {"bins": 4, "range": (-0.5, 0.5)}, expected=told("histogram")),
    Case("histogram", (np.array([0, 2, 4, 8, 10], "float32"),), {"bins": 5}, note="edges"),
    Case("histogram", (np.full(3, 2, "float32"),), {"bins": 3}, note="all equal", expected=told("histogram")),
    Case("corrcoef", (M,), gradient=True, tolerance=(1e-5, 1e-5), dtypes=NUMBERS, expected=told("corrcoef")),
    Case("corrcoef", (V,), note="vector", expected=told("corrcoef")),
    *(Case("correlate", x, {"mode": m}, gradient=True, unknown=False, expected=told("correlate"),
           note=f"{len(x[0])} and {len(x[1])}") for m in ("valid", "same", "full")
      for x in ((V, W), (W, V), (V, V[:4]), (W, W))),
    Case("correlate", (V, W), dtypes=NUMBERS, unknown=False, expected=told("correlate")),
]  # fmt: skip
