"""The tables of old arguments.

A key is the public place of a callable, as "optimizers.Adam" or "models.Model.fit"; "optimizers.*" is for all that is
in "optimizers". An entry leads from an old argument, or from several that belong together, to the modern name or to a
`Rule`. It is applied only if the callable has the modern argument, so "layers.*" can be broad.
"""

from typing import Any

from kerastorch.legacy.rules import Call, Rule, gone, in_batches, joined, only, to

Table = dict[str | tuple[str, ...], str | Rule]


def _decay(decay: float, call: Call) -> dict[str, Any]:
    """The old `decay`: the rate at step t is rate / (1 + decay * t)."""
    if not decay:
        return {}
    from kerastorch.optimizers.schedules import InverseTimeDecay

    rate = call.argument("learning_rate")
    return {"learning_rate": InverseTimeDecay(rate, decay_steps=1, decay_rate=decay)}


def _input_shape(length: int | None, features: int | None, call: Call) -> dict[str, Any]:
    return {"input_shape": (length, features)}


def _period(period: int, call: Call) -> dict[str, Any]:
    if period != 1:
        why = f"period={period} (epochs) is gone"
        raise call.refuse(f"{why}. Give save_freq='epoch', or a number of batches as save_freq")
    return {"save_freq": "epoch"}


def _forget_bias(init: Any, call: Call) -> dict[str, Any]:
    return {"unit_forget_bias": init in ("one", "ones")}


DATA_FORMATS = {"tf": "channels_last", "th": "channels_first", "default": None}
_QUEUE = gone("loading in parallel is an option of PyDataset")
_ACCURACY = gone("compile(metrics=['accuracy']) asks for it")
_TRAINING: Table = {
    "nb_epoch": "epochs",
    "show_accuracy": _ACCURACY,
    "generator": "x",
    "samples_per_epoch": in_batches("steps_per_epoch", "samples_per_epoch"),
    "nb_val_samples": in_batches("validation_steps", "nb_val_samples"),
    "val_samples": in_batches("steps", "val_samples"),
    **dict.fromkeys(("max_q_size", "nb_worker", "pickle_safe"), _QUEUE),
    **dict.fromkeys(("max_queue_size", "workers", "use_multiprocessing"), _QUEUE),
}
_RECURRENT: Table = {("input_length", "input_dim"): Rule(_input_shape)}

ARGUMENTS: dict[str, Table] = {
    "optimizers.*": {
        "lr": "learning_rate",
        "decay": Rule(_decay, replaces=("learning_rate",)),
        "schedule_decay": gone("the schedule of Nadam's momentum is fixed"),
    },
    "layers.*": {
        "output_dim": "units",
        "nb_filter": "filters",
        ("nb_row", "nb_col"): joined("kernel_size"),
        ("kernel_dim1", "kernel_dim2", "kernel_dim3"): joined("kernel_size"),
        "filter_length": "kernel_size",
        "subsample": "strides",
        "subsample_length": "strides",
        "atrous_rate": "dilation_rate",
        "border_mode": "padding",
        "dim_ordering": to("data_format", DATA_FORMATS),
        "pool_length": "pool_size",
        "stride": "strides",
        "bias": "use_bias",
        "init": "kernel_initializer",
        "inner_init": "recurrent_initializer",
        "forget_bias_init": Rule(_forget_bias),
        "inner_activation": "recurrent_activation",
        "W_regularizer": "kernel_regularizer",
        "U_regularizer": "recurrent_regularizer",
        "b_regularizer": "bias_regularizer",
        "W_constraint": "kernel_constraint",
        "U_constraint": "recurrent_constraint",
        "b_constraint": "bias_constraint",
        "dropout_W": "dropout",
        "dropout_U": "recurrent_dropout",
        "consume_less": gone("the fastest way to compute it is chosen for you"),
        "implementation": gone("the fastest way to compute it is chosen for you"),
        "time_major": only(False, "sequences have the batch first"),
        "p": "rate",
        "sigma": "stddev",
        "gamma_init": "gamma_initializer",
        "beta_init": "beta_initializer",
        "concat_axis": "axis",
        "dot_axes": "axes",
        "dynamic": gone("every layer may have Python control flow in its call"),
    },
    "layers.Embedding": {
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
        "input_length": Rule(lambda length, call: {"input_shape": (length,)}),
        "dropout": only(0.0, "a Dropout layer behind it does that"),
    },
    "layers.LSTM": _RECURRENT,
    "layers.GRU": _RECURRENT,
    "layers.SimpleRNN": _RECURRENT,
    "layers.PReLU": {"init": "alpha_initializer"},
    "layers.LeakyReLU": {"alpha": "negative_slope"},
    "layers.UpSampling1D": {"length": "size"},
    "layers.BatchNormalization": {
        "mode": only(0, "normalisation is by feature, mode=0"),
        "running_mean_init": "moving_mean_initializer",
        "running_std_init": "moving_variance_initializer",
        "fused": gone("the fused kernel is used where there is one"),
    },
    "models.Model": {"input": "inputs", "output": "outputs"},
    "models.Model.compile": {
        "class_mode": gone("the loss says it"),
        "theano_mode": gone("there is no Theano here"),
        "sample_weight_mode": gone("the shape of the weights says it"),
    },
    **{f"models.Model.{method}": _TRAINING for method in ("fit", "evaluate", "predict")},
    "callbacks.ModelCheckpoint": {"period": Rule(_period)},
    "callbacks.ReduceLROnPlateau": {"epsilon": "min_delta"},
    "callbacks.TensorBoard": {
        "batch_size": gone("histograms are made of whole weights"),
        "write_grads": gone("gradients are not written any more"),
    },
    "regularizers.*": {"l": Rule(lambda factor, call: {call.name.lower(): factor})},
    "datasets.imdb.load_data": {"nb_words": "num_words", "test_split": gone("the data set has its own test part")},
    "datasets.reuters.load_data": {"nb_words": "num_words"},
    "preprocessing.text.Tokenizer": {"nb_words": "num_words"},
    "utils.to_categorical": {"nb_classes": "num_classes"},
    "applications.*": dict.fromkeys(("backend", "layers", "models", "utils"), gone("there is one Keras")),
    "applications.imagenet_utils.preprocess_input": {"dim_ordering": to("data_format", DATA_FORMATS)},
}

# What arguments by position meant where it was not what they mean today; asked only if a keyword of the call is old.
_CONVOLUTION = ("init", "activation", "weights", "border_mode")
POSITIONS: dict[str, tuple[str, ...]] = {
    "layers.Conv1D": ("nb_filter", "filter_length", *_CONVOLUTION),
    "layers.Conv2D": ("nb_filter", "nb_row", "nb_col", *_CONVOLUTION),
    "layers.Conv3D": ("nb_filter", "kernel_dim1", "kernel_dim2", "kernel_dim3", *_CONVOLUTION),
}
