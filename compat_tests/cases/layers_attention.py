"""Cases of the attention layers with one output; what gives weights too is in `test_attention.py`."""

from compat_tests.cases.layer_case import Case

QUERY, VALUE, KEY = (2, 4, 6), (2, 5, 6), (2, 5, 6)
MASKS = [(2, 4), (2, 5)]
# Where a query is masked it may look at nothing, and reference Keras's backends do not agree on the gradient then.
MASKED = {"mask": MASKS, "gradient": False}
OF_VALUE = [None, (2, 5)]
HEADS = {"num_heads": 2, "key_dim": 3}
GROUPS = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}
CAUSAL = {"use_causal_mask": True}
DEFINITE = {"training": False}  # weights are dropped at random in training


def multi_head(inputs=(QUERY, VALUE), kwargs=None, **more):
    return Case("MultiHeadAttention", list(inputs), {**HEADS, **(kwargs or {})}, apart=True, **more)


def grouped(inputs=(QUERY, VALUE), kwargs=None, **more):
    return Case("GroupQueryAttention", list(inputs), {**GROUPS, **(kwargs or {})}, apart=True, **more)


CASES = [
    Case("Attention", [QUERY, VALUE]),
    Case("Attention", [QUERY, VALUE, KEY], {"use_scale": True}, mask=[*MASKS, None], unknown=(1,)),
    Case("Attention", [QUERY, VALUE], {"score_mode": "concat"}, mask=MASKS),
    Case("Attention", [QUERY, VALUE], {"score_mode": "concat", "use_scale": True}, keywords=CAUSAL),
    Case("Attention", [QUERY, VALUE], keywords=CAUSAL, mask=OF_VALUE),
    Case("Attention", [QUERY, VALUE], {"dropout": 0.5, "seed": 1}, mask=MASKS, **DEFINITE),
    Case("Attention", [(2, 3, 4, 6), (2, 3, 5, 6)], note="more-axes"),
    Case("AdditiveAttention", [QUERY, VALUE], mask=MASKS, unknown=(1,)),
    Case("AdditiveAttention", [QUERY, VALUE, KEY], {"use_scale": False, "dropout": 0.5}, keywords=CAUSAL, **DEFINITE),
    multi_head(),
    multi_head((QUERY, VALUE, KEY), {"value_dim": 4, "use_bias": False}, unknown=(1,)),
    multi_head(mask=OF_VALUE, note="values"),
    multi_head(**MASKED),
    multi_head(keywords=CAUSAL),
    multi_head(keywords=CAUSAL, mask=OF_VALUE, gradient=False),
    multi_head((QUERY, QUERY), {"sliding_window": 2}, keywords=CAUSAL),
    multi_head((QUERY, QUERY), {"sliding_window": 2}, mask=[None, (2, 4)], unknown=(1,)),
    multi_head(kwargs={"use_gate": True, "output_shape": (3, 2)}),
    multi_head(kwargs={"output_shape": 5, "kernel_regularizer": "l2", "bias_constraint": "non_neg"}),
    multi_head(kwargs={"dropout": 0.5, "seed": 3}, **MASKED, **DEFINITE),
    multi_head(kwargs={"dropout": 0.5}, keywords=CAUSAL, **DEFINITE),
    multi_head(((2, 3, 4, 6), (2, 3, 5, 6)), {"attention_axes": 2}),
    multi_head(((2, 3, 4, 6), (2, 2, 5, 6)), note="all-axes"),
    multi_head(((2, 3, 4, 6), (2, 3, 4, 6)), {"attention_axes": [1]}, keywords=CAUSAL, mask=[None, (2, 3)]),
    grouped(),
    grouped((QUERY, VALUE, KEY), {"use_bias": False}, mask=[*OF_VALUE, None], unknown=(1,)),
    grouped(**MASKED),
    grouped(keywords=CAUSAL),
    grouped((QUERY, QUERY), {"sliding_window": 2, "use_gate": True}, keywords=CAUSAL),
    grouped(kwargs={"num_key_value_heads": 1, "kernel_regularizer": "l2"}),
    grouped(kwargs={"dropout": 0.5}, keywords=CAUSAL, **DEFINITE),
]
