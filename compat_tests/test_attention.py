"""Attention layers that give their weights too, against reference Keras; and what they have in common with each other."""

import keras
import numpy as np
import pytest

import kerastorch
from kerastorch import layers

QUERY, VALUE = (2, 4, 6), (2, 5, 6)
LAYERS = {
    "Attention": ({}, False),
    "AdditiveAttention": ({}, False),
    "MultiHeadAttention": ({"num_heads": 2, "key_dim": 3}, True),
    "MultiHeadAttention-gated": ({"num_heads": 2, "key_dim": 3, "use_gate": True, "sliding_window": 3}, True),
    "GroupQueryAttention": ({"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}, True),
}


def inputs():
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype("float32") for shape in (QUERY, VALUE)]


def called(layer, values, apart, **keywords):
    return layer(*values, **keywords) if apart else layer(list(values), **keywords)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_weights_beside_the_output(name, causal, backend):
    arguments, apart = LAYERS[name]
    mine, theirs = (getattr(k.layers, name.partition("-")[0])(**arguments) for k in (kerastorch, keras))
    given = {"return_attention_scores": True, "use_causal_mask": causal}
    recorded = called(mine, [layers.Input(v.shape[1:]) for v in inputs()], apart, **given)
    expected = called(theirs, inputs(), apart, **given)
    mine.set_weights(theirs.get_weights())
    found = called(mine, [backend.convert(v) for v in inputs()], apart, **given)
    for r, f, e in zip(recorded, found, expected, strict=True):
        np.testing.assert_allclose(backend.numpy(f), keras.ops.convert_to_numpy(e), rtol=1e-5, atol=1e-5)
        assert r.shape == (None, *e.shape[1:])
    plain = called(mine, [backend.convert(v) for v in inputs()], apart, use_causal_mask=causal)
    np.testing.assert_allclose(backend.numpy(plain), backend.numpy(found[0]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("where", ["_query_dense", "_key_dense", "_value_dense", "_output_dense"])
def test_each_projection_starts_by_itself(where):
    layer = layers.MultiHeadAttention(2, 3, kernel_initializer=kerastorch.initializers.RandomNormal())
    layer.build(QUERY, VALUE)
    kernels = [v.numpy().ravel()[:6] for v in layer.weights if v.name == "kernel"]
    mine = getattr(layer, where).kernel.numpy().ravel()[:6]
    assert sum(np.array_equal(mine, k) for k in kernels) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.MultiHeadAttention(0, 3), "argument `num_heads`: a positive integer is needed, not 0"),
        (lambda: layers.MultiHeadAttention(2, 3, sliding_window=0), "argument `sliding_window`"),
        (lambda: layers.MultiHeadAttention(2, 3, output_shape=8.0), "Invalid `output_shape`.*not 8.0"),
        (lambda: layers.MultiHeadAttention(2, 3, flash_attention=True, dropout=0.1), "Dropout is not supported"),
        (lambda: layers.GroupQueryAttention(3, 4, 3), "num_query_heads=4 must be divisible by num_key_value_heads=3"),
        (lambda: layers.Attention(score_mode="sum"), "score_mode.*{'dot', 'concat'}, not 'sum'"),
        (lambda: layers.Attention()(np.ones(QUERY)), "must be called on a list of inputs"),
        (lambda: layers.Attention()([np.ones(QUERY)] * 4), "length 2 or 3.*given 4"),
        (lambda: layers.Attention()(inputs(), mask=np.ones((2, 4), bool)), "layer mask must be a list"),
        (lambda: layers.MultiHeadAttention(2, 3)(*inputs(), np.ones((2, 7, 6))), r"must be equal but for the last.*\(2, 7, 6\)"),
    ],
)
def test_messages(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("causal", [False, True], ids=["", "causal"])
@pytest.mark.parametrize("seed", [None, 3])
def test_dropped_weights(seed, causal, backend):
    """On average over a batch of equal samples, training gives what inference does, and each sample something else."""
    layer = layers.GroupQueryAttention(4, 4, 2, dropout=0.3, seed=seed)
    x = np.repeat(np.random.default_rng(0).normal(size=(1, 5, 8)).astype("float32"), 4000, axis=0)
    mask = np.repeat([[True, True, True, False, False]], 4000, axis=0)
    x, mask = backend.convert(x), backend.convert(mask, "bool")
    for masks in ({}, {"query_mask": mask, "value_mask": mask}):
        trained, expected = (
            backend.numpy(layer(x, x, training=training, use_causal_mask=causal, **masks)) for training in (True, False)
        )
        assert np.abs(trained[0] - trained[1]).max() > 0.01
        np.testing.assert_allclose(trained.mean(0), expected[0], rtol=0, atol=0.05)
