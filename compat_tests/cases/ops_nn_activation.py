"""Records of activations, softmax among them."""

import numpy as np

from compat_tests.cases.op_case import FLOATS, NUMBERS, Case, normal

X = normal(3, 4, scale=2.0)


def sparsemax(x, axis=-1):
    """The projection on the simplex by its definition: the threshold that makes the positive parts sum to 1."""

    def project(row):
        descending = np.sort(row)[::-1]
        thresholds = (np.cumsum(descending) - 1) / np.arange(1, len(row) + 1)
        last = np.nonzero(descending > thresholds)[0][-1]
        return np.maximum(row - thresholds[last], 0)

    return np.apply_along_axis(project, axis, x)


def activation(op, dtypes=FLOATS, gradient=True, **kwargs):
    return Case(op, (X,), kwargs, gradient=gradient, dtypes=() if kwargs else dtypes, tolerance=(1e-5, 2e-6))


CASES = [
    activation("relu", NUMBERS),
    activation("relu6", NUMBERS),
    activation("sigmoid"),
    activation("softplus"),
    activation("softsign"),
    activation("silu"),
    activation("log_sigmoid"),
    activation("leaky_relu"),
    activation("leaky_relu", negative_slope=0.05),
    activation("hard_sigmoid"),
    activation("hard_silu"),
    activation("elu"),
    activation("elu", alpha=0.5),
    activation("selu"),
    activation("gelu"),
    activation("gelu", approximate=False),
    activation("celu"),
    activation("celu", alpha=0.5),
    activation("glu"),
    Case("glu", (normal(4, 3),), {"axis": 0}, gradient=True, unknown=False),
    activation("tanh_shrink"),
    activation("hard_tanh", NUMBERS),
    activation("hard_shrink"),
    activation("hard_shrink", threshold=1.0),
    activation("soft_shrink"),
    activation("soft_shrink", threshold=1.0),
    activation("threshold", threshold=0.3, default_value=-1.0),
    activation("squareplus"),
    activation("squareplus", b=2),
    activation("sparse_plus"),
    activation("sparse_sigmoid"),
    # The reference adds up cumulative sums, so that its result does not sum to 1.
    Case("sparsemax", (normal(3, 5),), gradient=True, expected=sparsemax, dtypes=FLOATS),
    Case("sparsemax", (normal(3, 5),), {"axis": 0}, expected=sparsemax),
    *(
        Case(op, (normal(2, 3, 4),), {"axis": axis}, gradient=True)
        for op in ("softmax", "log_softmax")
        for axis in (-1, 1, (1, 2), None)
    ),
    Case("softmax", (X * 100,), note="large", dtypes=FLOATS),
    Case("log_softmax", (X * 100,), note="large", dtypes=FLOATS),
]
