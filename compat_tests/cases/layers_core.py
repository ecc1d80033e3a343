"""Cases of the core layers, the activation layers, rescaling and regularization."""

import numpy as np

from compat_tests.cases.layer_case import Case, Data, ints

SEQUENCE = (3, 4, 5)

CASES = [
    Case("Dense", (3, 5), {"units": 4}),
    Case("Dense", (3, 5), {"units": 4, "use_bias": False, "activation": "relu", "kernel_constraint": "non_neg"}),
    Case("Dense", (2, 3, 5), {"units": 4, "activation": "softmax"}, unknown=(1,)),
    Case(
        "Dense",
        (2, 3, 4, 5),
        {"units": 2, "kernel_regularizer": "l2", "bias_regularizer": "l2", "activity_regularizer": "l2"},
    ),
    Case("Dense", SEQUENCE, {"units": 2}, mask=(3, 4)),
    Case("Dense", (3, 5), {"units": 2, "dtype": "float64"}, recorded=False),
    Case("EinsumDense", (3, 5), {"equation": "ab,bc->ac", "output_shape": 4, "bias_axes": "c"}),
    Case(
        "EinsumDense", (3, 4, 5), {"equation": "abc,cd->abd", "output_shape": (None, 6), "bias_axes": "d"}, unknown=(1,)
    ),
    Case(
        "EinsumDense",
        (3, 4, 5),
        {"equation": "...x,xy->...y", "output_shape": 6, "bias_axes": "y", "activation": "tanh"},
    ),
    Case("EinsumDense", (3, 4, 5), {"equation": "ab...,bc->ac...", "output_shape": 6, "bias_axes": "c"}),
    Case("EinsumDense", (3, 4, 6), {"equation": "abc,cde->abde", "output_shape": (None, 2, 3), "bias_axes": "de"}),
    Case("EinsumDense", (3, 4), {"equation": "ab,b->a", "output_shape": ()}),
    Case("EinsumDense", (3,), {"equation": "i,d->id", "output_shape": 2}),
    Case("EinsumDense", (3, 4, 2, 3), {"equation": "abcd,cde->abe", "output_shape": (None, 5)}),
    Case("Embedding", ints(3, 4), {"input_dim": 5, "output_dim": 2}),
    Case(
        "Embedding",
        ints(3, 4),
        {"input_dim": 5, "output_dim": 2, "mask_zero": True, "embeddings_regularizer": "l2"},
        unknown=(1,),
    ),
    Case(
        "Embedding", Data((3, 4), "float32", 5), {"input_dim": 5, "output_dim": 2}, gradient=False, note="float-indices"
    ),
    Case("Embedding", ints(3, 4, dtype="int64"), {"input_dim": 5, "output_dim": 2}, note="int64"),
    Case(
        "Embedding",
        ints(3, below=4),
        lambda keras: {"input_dim": 4, "output_dim": 2, "weights": [np.arange(8.0).reshape(4, 2)]},
        note="weights",
    ),  # fmt: skip
    Case("ReversibleEmbedding", ints(3, 4), {"input_dim": 5, "output_dim": 2, "mask_zero": True}, unknown=(1,)),
    Case("ReversibleEmbedding", (3, 4, 2), {"input_dim": 5, "output_dim": 2}, keywords={"reverse": True}),
    Case("ReversibleEmbedding", (3, 4, 2), {"input_dim": 5, "output_dim": 2, "tie_weights": False, "logit_soft_cap": 2.0},
         keywords={"reverse": True}),  # fmt: skip
    Case("Masking", Data(SEQUENCE, "float32", 2), {"mask_value": 1.0}, unknown=(1,)),
    Case("Masking", Data((2, 6, 1), "float32", 2)),
    Case("Activation", (3, 5), {"activation": "tanh"}),
    Case("Activation", SEQUENCE, {"activation": "softmax"}, mask=(3, 4)),
    Case("Activation", (3, 5), lambda keras: {"activation": keras.activations.gelu}, note="function"),
    Case("Identity", (3, 5)),
    Case("Identity", ints(3, 5), gradient=False, note="integers"),
    Case("Lambda", (3, 5), lambda keras: {"function": lambda x: keras.ops.square(x) + 1.0}, note="ops"),
    Case(
        "Lambda",
        (3, 5),
        lambda keras: {"function": lambda x, k: x[:, :2] * k, "output_shape": (2,), "arguments": {"k": 3.0}},
        note="arguments",
    ),  # fmt: skip
    Case(
        "Lambda",
        SEQUENCE,
        lambda keras: {"function": lambda x: keras.ops.exp(x), "mask": lambda x, mask: mask},
        mask=(3, 4),
        note="mask",
    ),  # fmt: skip
    Case("ReLU", (3, 5)),
    Case("ReLU", (3, 5), {"max_value": 0.5, "negative_slope": 0.1, "threshold": 0.2}),
    Case("LeakyReLU", (3, 5)),
    Case("LeakyReLU", SEQUENCE, {"negative_slope": 0.1}, mask=(3, 4)),
    Case("ELU", (3, 5), {"alpha": 0.5}),
    Case("PReLU", (3, 4, 5)),
    Case("PReLU", (3, 4, 5), {"shared_axes": [1], "alpha_regularizer": "l2"}, unknown=(1,)),
    Case("Softmax", (3, 5)),
    Case("Softmax", (3, 4, 5), {"axis": [1, 2]}),
    Case("Softmax", (3, 5), mask=(3, 5)),
    Case("Rescaling", ints(3, 5, below=256), {"scale": 1 / 255}, gradient=False),
    Case("Rescaling", (3, 4, 2), {"scale": [2.0, 3.0], "offset": -1.0}, mask=(3, 4)),
    # In training these draw at random: only inference is compared.
    Case("Dropout", (3, 5), {"rate": 0.5}, training=False),
    Case("Dropout", SEQUENCE, {"rate": 0.5, "noise_shape": (None, 1, None), "seed": 3}, training=False, mask=(3, 4)),
    Case("Dropout", (3, 5), {"rate": 0.0}),
    Case("SpatialDropout1D", SEQUENCE, {"rate": 0.5}, training=False),
    Case("SpatialDropout2D", (2, 3, 4, 5), {"rate": 0.5, "data_format": "channels_first"}, training=False),
    Case("SpatialDropout3D", (2, 2, 3, 2, 3), {"rate": 0.5}, training=False),
    Case("GaussianNoise", (3, 5), {"stddev": 0.5}, training=False),
    Case("GaussianDropout", (3, 5), {"rate": 0.5, "seed": 1}, training=False),
    Case("AlphaDropout", (3, 5), {"rate": 0.5}, training=False),
    # In training the kernel is divided by its norm first, so gradients are those at the kernel that this gives.
    Case("SpectralNormalization", (3, 5), lambda keras: {"layer": keras.layers.Dense(4)}, note="dense"),
    Case("SpectralNormalization", (2, 5, 5, 2), lambda keras: {"layer": keras.layers.Conv2D(3, 2), "power_iterations": 3},
         note="convolution"),  # fmt: skip
    Case("ActivityRegularization", (3, 5), {"l1": 0.1, "l2": 0.2}),
]
