"""Cases of the layers that prepare numbers; those for text are in preprocessing.py."""

import numpy as np

from compat_tests.cases.layer_case import Case, Data, ints

BOUNDS = [-1.0, 0.0, 0.5]


def normalized(axes):
    """What Normalization gives for its weights; the reference looks at them only when they are loaded."""

    def expected(x, mean, variance, count):
        shape = [d if i in axes else 1 for i, d in enumerate(x.shape)]
        return (x - mean.reshape(shape)) / np.maximum(np.sqrt(variance.reshape(shape)), 1e-7)

    return expected


CASES = [
    Case("Normalization", (3, 4), expected=normalized([1])),
    Case("Normalization", (3, 4, 2, 5), {"axis": (1, 2)}, expected=normalized([1, 2]), unknown=(3,)),
    Case("Normalization", (3, 4), {"axis": None}, expected=normalized([])),
    Case("Normalization", (3, 4), {"mean": 3.0, "variance": 2.0}, mask=(3, 4)),
    Case("Normalization", (3, 4, 5), {"axis": 1, "mean": [1.0, 2.0, 0.0, 0.5], "variance": [0.0, 2.0, 3.0, 1.0]}, unknown=(2,)),
    Case("Normalization", (3, 4), {"mean": [1, 2, 3, 4], "variance": [4, 4, 1, 1], "invert": True}),
    Case("Discretization", (3, 4), {"bin_boundaries": BOUNDS}, gradient=False),
    Case("Discretization", (3, 1), {"bin_boundaries": BOUNDS, "output_mode": "one_hot"}, gradient=False),
    Case("Discretization", (3, 4, 2), {"bin_boundaries": BOUNDS, "output_mode": "multi_hot"}, gradient=False),
    Case("Discretization", (3, 4, 2), {"bin_boundaries": BOUNDS, "output_mode": "count"}, gradient=False),
    Case("CategoryEncoding", ints(3, 4), {"num_tokens": 6}, gradient=False),
    Case("CategoryEncoding", ints(3, 1), {"num_tokens": 6, "output_mode": "one_hot"}, gradient=False),
    Case("CategoryEncoding", ints(3, 4, dtype="int64"), {"num_tokens": 6, "output_mode": "one_hot"}, gradient=False),
    Case("CategoryEncoding", Data((3, 4), "float32", 6), {"num_tokens": 6, "output_mode": "count"}, gradient=False),
]
