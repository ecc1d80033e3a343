"""Cases of the recurrent layers with one output; what returns states is in `test_recurrent.py`."""

from compat_tests.cases.layer_case import Case

SEQUENCE, MASK = (3, 5, 4), (3, 5)
CELLS = ("SimpleRNN", "LSTM", "GRU")
ALL = {"return_sequences": True}


def cell(name, **arguments):
    """Arguments of an RNN over a cell of the Keras in question."""
    return lambda keras: {"cell": getattr(keras.layers, name)(3, **arguments)}


def around(merge_mode="concat", name="LSTM", **arguments):
    """Arguments of a Bidirectional over a layer of the Keras in question."""
    return lambda keras: {"layer": getattr(keras.layers, name)(3, **arguments), "merge_mode": merge_mode}


IMAGES = {1: (2, 3, 5, 2), 2: (2, 3, 5, 4, 2), 3: (1, 2, 3, 4, 3, 2)}


def images(rank=2, **arguments):
    """A case of the convolutional LSTM over `rank` axes."""
    more = {k: arguments.pop(k) for k in ("mask", "training") if k in arguments}
    shape = IMAGES[rank]
    if arguments.get("data_format") == "channels_first":
        shape = (*shape[:2], shape[-1], *shape[2:-1])
    return Case(f"ConvLSTM{rank}D", shape, {"filters": 3, "kernel_size": 2, **arguments}, **more)


CASES = [
    *(Case(name, SEQUENCE, {"units": 3, **more}, unknown=(1,)) for name in CELLS for more in ({}, ALL)),
    *(Case(name, SEQUENCE, {"units": 3, **more}, mask=MASK, unknown=(1,)) for name in CELLS for more in ({}, ALL)),
    *(Case(name, SEQUENCE, {"units": 3, "go_backwards": True, **ALL}, mask=MASK) for name in CELLS),
    *(Case(name, SEQUENCE, {"units": 3, "zero_output_for_mask": True, **ALL}, mask=MASK) for name in CELLS),
    *(Case(name, SEQUENCE, {"units": 3, "unroll": True, **ALL}) for name in CELLS),
    *(Case(name, SEQUENCE, {"units": 3, "use_bias": False}, mask=MASK) for name in CELLS),
    *(Case(name, SEQUENCE, {"units": 3, "dropout": 0.5, "recurrent_dropout": 0.25}, training=False) for name in CELLS),
    *(Case(name, SEQUENCE, {"units": 3, "activation": "softsign"}, mask=MASK) for name in CELLS),
    Case("SimpleRNN", SEQUENCE, {"units": 3, "activation": "relu", "kernel_regularizer": "l2"}),
    Case("LSTM", SEQUENCE, {"units": 3, "recurrent_activation": "hard_sigmoid", "unit_forget_bias": False}),
    Case("LSTM", SEQUENCE, {"units": 3, "activity_regularizer": "l2", "recurrent_regularizer": "l2", **ALL}),
    Case("LSTM", SEQUENCE, {"units": 3, "kernel_constraint": "max_norm", "bias_constraint": "non_neg"}),
    Case("GRU", SEQUENCE, {"units": 3, "reset_after": False, **ALL}, mask=MASK),
    Case("GRU", SEQUENCE, {"units": 3, "reset_after": False, "use_bias": False, "bias_regularizer": "l2"}),
    *(Case("RNN", SEQUENCE, cell(name), mask=MASK, note=name) for name in ("SimpleRNNCell", "LSTMCell", "GRUCell")),
    Case("RNN", SEQUENCE, lambda keras: {"cell": [keras.layers.LSTMCell(3), keras.layers.GRUCell(2)], **ALL}, mask=MASK,
         note="stacked"),  # fmt: skip
    *(Case("Bidirectional", SEQUENCE, around(m, **ALL), mask=MASK, note=m) for m in ("concat", "sum", "ave", "mul")),
    *(Case("Bidirectional", SEQUENCE, around(name=name), unknown=(1,), note=name) for name in CELLS),
    *(Case("Bidirectional", SEQUENCE, around(name=name), mask=MASK, note=name) for name in CELLS),
    Case("Bidirectional", SEQUENCE, around("sum", **ALL), note="sum"),
    Case("Bidirectional", SEQUENCE, around(activation="relu", **ALL), mask=MASK, note="relu"),
    Case("TimeDistributed", (2, 3, 4), lambda keras: {"layer": keras.layers.Dense(2)}, note="dense"),
    Case("TimeDistributed", (2, 3, 5, 5, 1), lambda keras: {"layer": keras.layers.Conv2D(2, 3)}, note="convolution"),
    Case("TimeDistributed", (4, 3, 5), lambda keras: {"layer": keras.layers.BatchNormalization()}, note="statistics"),
    Case("TimeDistributed", (2, 3, 4), lambda keras: {"layer": keras.layers.Dense(2)}, mask=(2, 3), note="masked"),
    Case("TimeDistributed", (2, 3, 5, 4), lambda keras: {"layer": keras.layers.LSTM(2)}, mask=(2, 3, 5), note="lstm"),
    images(1, padding="same", strides=2, **ALL),
    images(),
    images(padding="same", mask=(2, 3), **ALL),
    images(dilation_rate=2, use_bias=False, go_backwards=True, mask=(2, 3)),
    images(data_format="channels_first", activation="relu", unit_forget_bias=False, kernel_regularizer="l2"),
    images(dropout=0.5, recurrent_dropout=0.25, training=False),
    images(3, recurrent_activation="hard_sigmoid"),
]
