"""Arguments that no layer can have: the constructors raise what the reference raises, or an error derived from it."""

import keras
import pytest

import kerastorch

WINDOW = {"kernel_size": 2}
FILTERS = {"filters": 2, **WINDOW}
UNITS = {"units": 3}
HEADS = {"num_heads": 2, "key_dim": 2}
RANKS = (1, 2, 3)
FIRST = {"data_format": "first"}
STEPS = {"strides": 2, "dilation_rate": 2}
WINDOWS = ({"kernel_size": 0}, {"kernel_size": "a"}, {"strides": 0}, {"padding": "edge"}, FIRST)

# Layer, arguments that are right, and wrong ones, each of which is tried together with those.
TABLE = [
    ("Dense", UNITS, [{"units": u} for u in (0, -1, 2.5, "a")]),
    ("Dense", UNITS, [{"activation": "rellu"}, {"kernel_initializer": "nil"}, {"bias_regularizer": "l3"}, {"wrong": 1}]),
    ("Dense", UNITS, [{"name": "a/b"}, {"trainable": 3}, {"kernel_constraint": "nil"}]),
    ("Dense", {}, [{}]),
    ("EinsumDense", {"equation": "ab,bc->ac"}, [{}]),
    ("Embedding", {"input_dim": 3, "output_dim": 2}, [{"input_dim": 0}, {"input_dim": 2.5}, {"output_dim": -1}]),
    ("Activation", {}, [{}, {"activation": "rellu"}]),
    ("ReLU", {}, [{"max_value": -1.0}, {"negative_slope": -1.0}, {"threshold": -1.0}]),
    ("PReLU", {}, [{"alpha_initializer": "nil"}]),
    *((name, {}, [{"rate": 1.5}, {"rate": -0.1}]) for name in ("Dropout", "AlphaDropout", "GaussianDropout", "SpatialDropout1D")),
    ("SpatialDropout2D", {"rate": 0.5}, [FIRST]),
    ("GaussianNoise", {}, [{"stddev": -1.0}]),
    *((f"Conv{r}D{t}", FILTERS, [*WINDOWS, {"filters": 0}, {"kernel_size": (1,) * (r + 1)}, {"dilation_rate": 0}, STEPS])
      for r in RANKS for t in ("", "Transpose")),
    ("Conv2D", FILTERS, [{"groups": 0}, {"groups": 3}, {"padding": "causal"}]),
    ("Conv2DTranspose", FILTERS, [{"output_padding": 2}]),
    *((f"DepthwiseConv{r}D", WINDOW, [*WINDOWS, {"depth_multiplier": 0}]) for r in (1, 2)),
    *((f"SeparableConv{r}D", FILTERS, [*WINDOWS, {"depth_multiplier": 0}]) for r in (1, 2)),
    *((f"ConvLSTM{r}D", FILTERS, [{"kernel_size": (1,) * (r + 1)}, STEPS, {"padding": "edge"}])
      for r in RANKS),
    *((f"{kind}Pooling{r}D", {"pool_size": 2}, [{"pool_size": 0}, {"pool_size": (1,) * (r + 1)}, FIRST])
      for kind in ("Max", "Average") for r in RANKS),
    *((f"Adaptive{kind}Pooling{r}D", {"output_size": 2}, [{"output_size": "a"}, FIRST])
      for kind in ("Max", "Average") for r in RANKS),
    *((f"Global{kind}Pooling{r}D", {}, [FIRST]) for kind in ("Max", "Average") for r in RANKS),
    *((f"ZeroPadding{r}D", {}, [{"padding": "a"}, {"padding": (1,) * 5}]) for r in RANKS),
    *((f"Cropping{r}D", {}, [{"cropping": "a"}, {"cropping": -1}, {"cropping": (1,) * 5}]) for r in RANKS),
    ("UpSampling2D", {}, [{"size": "a"}, {"size": (1,) * 5}, FIRST]),
    ("Reshape", {}, [{}, {"target_shape": (-1, -1)}, {"target_shape": (-2,)}]),
    ("Permute", {}, [{}, {"dims": (1, 3)}, {"dims": (0, 1)}]),
    ("RepeatVector", {}, [{"n": "a"}, {"n": 2.5}]),
    ("Flatten", {}, [FIRST]),
    ("LayerNormalization", {}, [{"axis": "a"}, {"axis": 1.5}]),
    ("UnitNormalization", {}, [{"axis": "a"}]),
    ("SpectralNormalization", {}, [{}, {"layer": 3}]),
    *((f"{kind}{cell}", UNITS, [{"units": 0}, {"units": -1}, {"activation": "rellu"}, {"recurrent_initializer": "nil"}])
      for kind in ("SimpleRNN", "LSTM", "GRU") for cell in ("", "Cell")),
    ("RNN", {}, [{}, {"cell": 3}]),
    ("StackedRNNCells", {}, [{}, {"cells": [3]}]),
    ("Bidirectional", {}, [{}, {"layer": 3}]),
    ("TimeDistributed", {}, [{}, {"layer": 3}]),
    ("Attention", {}, [{"score_mode": "sum"}]),
    ("MultiHeadAttention", HEADS, [{"num_heads": 0}, {"key_dim": -2}, {"value_dim": 0}, {"attention_axes": "a"}]),
    ("MultiHeadAttention", HEADS, [{"sliding_window": 0}, {"flash_attention": True, "dropout": 0.1}]),
    ("GroupQueryAttention", {"head_dim": 2, "num_query_heads": 4, "num_key_value_heads": 2}, [{"num_query_heads": 3}]),
    ("Dot", {}, [{}, {"axes": "a"}, {"axes": (1, 2, 3)}, {"axes": (1, "a")}]),
    ("Normalization", {}, [{"mean": 1.0}, {"variance": 1.0}]),
    ("Discretization", {}, [{}, {"bin_boundaries": [1.0], "num_bins": 3}, {"num_bins": -1}, {"num_bins": 2, "output_mode": "all"}]),
    ("CategoryEncoding", {}, [{}, {"num_tokens": 0}, {"num_tokens": 2, "output_mode": "all"}]),
    ("Hashing", {}, [{}, {"num_bins": 0}, {"num_bins": 2, "output_mode": "all"}, {"num_bins": 2, "salt": "a"}]),
    ("HashedCrossing", {}, [{"num_bins": 2, "output_mode": "all"}]),
    ("IntegerLookup", {}, [{"max_tokens": 1}, {"num_oov_indices": -1}]),
    ("StringLookup", {}, [{"max_tokens": 0}, {"output_mode": "all"}, {"vocabulary": ["a", "a"]}]),
    ("TextVectorization", {}, [{"standardize": "all"}, {"split": "all"}, {"output_mode": "all"}]),
    ("TextVectorization", {}, [{"output_mode": "tf_idf", "output_sequence_length": 3}]),
    ("STFTSpectrogram", {}, [{"mode": "all"}, {"frame_length": -1}, {"frame_step": 0}, {"window": "all"}]),
    ("Input", {}, [{}, {"shape": (2,), "batch_shape": (1, 2)}, {"shape": "a"}, {"shape": (-1,)}, {"shape": 2.5}]),
]  # fmt: skip
ROWS = [(name, {**right, **wrong}) for name, right, each in TABLE for wrong in each]


@pytest.mark.parametrize(("name", "arguments"), ROWS, ids=[f"{n}-{a}" for n, a in ROWS])
def test_constructors_raise_what_the_reference_raises(name, arguments):
    with pytest.raises((ValueError, TypeError, AttributeError)) as expected:
        getattr(keras.layers, name)(**arguments)
    with pytest.raises(expected.type, match=name):
        getattr(kerastorch.layers, name)(**arguments)
