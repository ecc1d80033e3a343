"""Records of crossentropies, one-hot codes, normalization and attention."""

import numpy as np

from compat_tests.cases.op_case import FLOATS, Case, between, integers, normal, truths

ROWS = (2e-5, 1e-5)
LOGITS = normal(4, 3, scale=2.0)
PROBABILITIES = between(0.05, 0.95, 4, 3)
SUM_TO_1 = PROBABILITIES / PROBABILITIES.sum(-1, keepdims=True)
TARGETS = np.eye(3, dtype="float32")[[0, 2, 1, 2]]
COLUMNS = TARGETS.T.copy()
LABELS = integers(0, 3, 4)
IMAGES = normal(2, 4, 3, 5)

CASES = [
    Case("binary_crossentropy", (between(0, 1, 4, 3), PROBABILITIES), tolerance=ROWS, gradient=True, dtypes=FLOATS),
    Case("binary_crossentropy", (between(0, 1, 4, 3), LOGITS), {"from_logits": True}, ROWS, gradient=True),
    Case("binary_crossentropy", (np.array([0.0, 1.0], "float32"), np.array([0.0, 1.0], "float32")), note="bounds"),
    Case("categorical_crossentropy", (TARGETS, PROBABILITIES), tolerance=ROWS, gradient=True, dtypes=FLOATS),
    Case("categorical_crossentropy", (TARGETS, LOGITS), {"from_logits": True}, ROWS, gradient=True),
    Case(
        "categorical_crossentropy",
        (TARGETS.T.copy(), LOGITS.T.copy()),
        {"from_logits": True, "axis": 0},
        ROWS,
        unknown=False,
    ),
    Case("categorical_crossentropy", (TARGETS.T.copy(), PROBABILITIES.T.copy()), {"axis": 0}, ROWS, unknown=False),
    Case("sparse_categorical_crossentropy", (LABELS, SUM_TO_1), tolerance=ROWS, gradient=True),
    Case("sparse_categorical_crossentropy", (LABELS, PROBABILITIES), tolerance=ROWS, note="unnormalized"),
    Case("sparse_categorical_crossentropy", (LABELS, LOGITS), {"from_logits": True}, ROWS, gradient=True),
    Case("sparse_categorical_crossentropy", (LABELS[:, None], LOGITS), {"from_logits": True}, ROWS, note="column"),
    Case(
        "sparse_categorical_crossentropy", (integers(0, 5, 2, 4, 3), IMAGES), {"from_logits": True}, ROWS, note="images"
    ),
    Case("sparse_categorical_crossentropy", (integers(0, 4, 2, 3, 5), IMAGES), {"from_logits": True, "axis": 1}, ROWS),
    Case("one_hot", (np.array([[0, 2, -1], [3, 1, 1]]), 4)),
    Case("one_hot", (np.array([0, 2, 1]), 3), {"axis": 0}, unknown=False),
    Case("one_hot", (np.array([[0, 2], [1, 1]]), 3), {"axis": 1, "dtype": "int32"}),
    Case("one_hot", (np.array([0, 1]), 2), {"dtype": "bool"}),
    Case("multi_hot", (np.array([[0, 2, 2], [3, 1, 0]]), 5)),
    Case("multi_hot", (np.array([0, 2, 2]), 5), unknown=False, note="one"),
    Case("multi_hot", (np.array([[[0, 2], [1, 1]], [[3, 1], [1, 1]]]), 5), note="deep"),
    *(
        Case("moments", (IMAGES,), {"axes": axes, "keepdims": keepdims}, ROWS, gradient=axes == -1, dtypes=FLOATS)
        for axes in (-1, (0, 1, 2), [1, 2])
        for keepdims in (False, True)
    ),
]


def layer_normalization(x, gamma=None, beta=None, axis=-1, epsilon=1e-7):
    """By its definition, for axes that the reference's torch backend fails on."""
    shape = [n if i == axis else 1 for i, n in enumerate(x.shape)]
    y = (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + epsilon)
    y = y if gamma is None else y * gamma.reshape(shape)
    return y if beta is None else y + beta.reshape(shape)


def rms_normalization(x, scale=None, axis=-1, epsilon=1e-7):
    """By its definition, as above."""
    y = x / np.sqrt(np.square(x).mean(axis, keepdims=True) + epsilon)
    return y if scale is None else y * scale.reshape([n if i == axis else 1 for i, n in enumerate(x.shape)])


SMALL = normal(2, 3, 4)
FOUR = [between(0.5, 2, 4, seed=i) for i in range(4)]
THREE = [normal(3, seed=i) for i in range(2)]
PAIR = [normal(3, 4, seed=i) for i in range(2)]
FIRST = np.moveaxis(SMALL, -1, 1).copy()
CASES += [
    Case("batch_normalization", (SMALL, *FOUR[:2]), {"axis": -1}, ROWS, gradient=True, unknown=False),
    Case("batch_normalization", (SMALL, *FOUR[:2], -1, *FOUR[2:]), {"epsilon": 1e-5}, ROWS, True, unknown=False),
    Case("batch_normalization", (FIRST, *FOUR[:2], 1, *FOUR[2:]), {}, ROWS, unknown=False, note="first"),
    Case("layer_normalization", (SMALL,), {}, ROWS, gradient=True, dtypes=FLOATS),
    Case("layer_normalization", (SMALL, *FOUR[:2]), {"epsilon": 1e-3}, ROWS, gradient=True, unknown=False),
    Case("layer_normalization", (SMALL, *PAIR), {"axis": (1, 2)}, ROWS, gradient=True, unknown=False),
    Case("layer_normalization", (SMALL, *THREE), {"axis": 1}, ROWS, True, expected=layer_normalization, unknown=False),
    Case("layer_normalization", (SMALL, *FOUR[:2]), {"rms_scaling": True}, ROWS, unknown=False),
    Case("rms_normalization", (SMALL,), {}, ROWS, gradient=True, dtypes=FLOATS),
    Case("rms_normalization", (SMALL, FOUR[0]), {"epsilon": 1e-3}, ROWS, gradient=True, unknown=False),
    Case("rms_normalization", (SMALL, PAIR[0]), {"axis": (1, 2)}, ROWS, gradient=True, unknown=False),
    Case("rms_normalization", (SMALL, THREE[0]), {"axis": 1}, ROWS, expected=rms_normalization, unknown=False),
    *(Case("normalize", (SMALL,), {"order": order, "axis": 1}, ROWS, gradient=True) for order in (1, 2, 3)),
    Case("normalize", (SMALL,), {"axis": (1, 2)}, ROWS),
    Case("normalize", (np.zeros((2, 3), "float32"),), note="zero"),
    Case("psnr", (SMALL, SMALL + 0.1, 1.0), {}, (1e-4, 1e-4)),
]  # fmt: skip

LOGITS_OF_STEPS = normal(3, 6, 4)
STEPS = np.array([6, 4, 2], "int32")
CASES += [
    Case("ctc_loss", (np.array([[1, 2, 1], [3, 3, 0], [2, 0, 0]]), LOGITS_OF_STEPS, np.array([3, 2, 1]), STEPS), {}, ROWS, True),
    Case("ctc_loss", (np.array([[0, 2, 1], [3, 3, 0], [2, 0, 0]]), LOGITS_OF_STEPS, np.array([2, 2, 1]), STEPS),
         {"mask_index": 1}, ROWS, unknown=False),
    Case("ctc_decode", (LOGITS_OF_STEPS, STEPS), {}, ROWS),
    Case("ctc_decode", (LOGITS_OF_STEPS, STEPS), {"merge_repeated": False, "mask_index": 2}, ROWS),
    *(Case("ctc_decode", (LOGITS_OF_STEPS, STEPS), {"strategy": "beam_search", "beam_width": width, "top_paths": 2, "mask_index": i},
           ROWS) for width, i in ((5, 0), (40, 2), (3, 3))),
    Case("polar", (between(0, 2, 3, 4), between(-4, 4, 3, 4)), {}, ROWS),
]  # fmt: skip

QUERY, KEY, VALUE = normal(2, 3, 4, 2), normal(2, 5, 4, 2, seed=1), normal(2, 5, 4, 2, seed=2)
SHARED = KEY[:, :, :2].copy(), VALUE[:, :, :2].copy()
BIAS, MASK = normal(2, 4, 3, 5), truths(2, 1, 3, 5)
MASK[:, :, 0] = False  # a query that may look at nothing


def grouped_attention(query, key, value):
    """Attention in which two heads share a key, by repeating the keys."""
    key, value = np.repeat(key, 2, 2), np.repeat(value, 2, 2)
    logits = np.einsum("btnh,bsnh->bnts", query, key) / np.sqrt(query.shape[-1])
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return np.einsum("bnts,bsnh->btnh", weights / weights.sum(-1, keepdims=True), value)


CASES += [
    Case("dot_product_attention", (QUERY, KEY, VALUE), {}, ROWS, gradient=True, dtypes=("float32", "float64")),
    Case("dot_product_attention", (QUERY, KEY, VALUE), {"scale": 0.5}, ROWS),
    Case("dot_product_attention", (QUERY, KEY, VALUE, BIAS), {}, ROWS, gradient=True, note="bias"),
    Case("dot_product_attention", (QUERY, KEY, VALUE, None, MASK), {}, ROWS, note="mask"),
    Case("dot_product_attention", (QUERY, KEY, VALUE), {"is_causal": True}, ROWS, gradient=True),
    Case("dot_product_attention", (QUERY, KEY, VALUE, None, MASK), {"is_causal": True}, ROWS, note="mask"),
    Case("dot_product_attention", (QUERY, *SHARED), {}, ROWS, expected=grouped_attention, note="grouped"),
]  # fmt: skip
