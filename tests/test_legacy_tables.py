"""Old spellings: what the tables make of old arguments, names and paths, and that they warn once."""

import warnings

import pytest

from kerastorch.legacy import constructor_arguments, modules, old_spellings, spelling
from kerastorch.legacy.arguments import ARGUMENTS, POSITIONS
from kerastorch.legacy.rules import Rule
from kerastorch.legacy.spelling import OldSpellingWarning
from kerastorch.legacy.translate import translate

CONV = ["filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", "groups", "activation"]
CONV += ["use_bias", "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer"]
DENSE = ["units", "activation", "use_bias", "kernel_initializer", "bias_initializer", "kernel_regularizer"]
RNN = ["units", "activation", "recurrent_activation", "use_bias", "kernel_initializer", "recurrent_initializer"]
RNN += ["unit_forget_bias", "kernel_regularizer", "recurrent_regularizer", "dropout", "recurrent_dropout"]
LAYER = ["name", "dtype", "trainable", "input_shape", "input_dim"]
FIT = ["x", "y", "batch_size", "epochs", "steps_per_epoch", "validation_steps"]


@pytest.fixture(autouse=True)
def fresh():
    spelling.forget()
    yield
    spelling.forget()


@pytest.mark.parametrize(
    "kind, name, names, old, modern",
    [
        ("optimizers", "Adam", ["learning_rate"], {"lr": 0.1}, {"learning_rate": 0.1}),
        ("layers", "Dense", DENSE, {"output_dim": 3, "init": "uniform"}, {"units": 3, "kernel_initializer": "uniform"}),
        ("layers", "Dense", DENSE, {"units": 3, "bias": False}, {"units": 3, "use_bias": False}),
        ("layers", "Dense", DENSE, {"units": 3, "W_regularizer": "l2"}, {"units": 3, "kernel_regularizer": "l2"}),
        ("layers", "Dropout", ["rate", "seed"], {"p": 0.5}, {"rate": 0.5}),
        ("layers", "LeakyReLU", ["negative_slope"], {"alpha": 0.2}, {"negative_slope": 0.2}),
        (
            "layers",
            "Conv2D",
            CONV,
            {"nb_filter": 8, "nb_row": 3, "nb_col": 5, "border_mode": "same", "subsample": 2, "dim_ordering": "th"},
            {"filters": 8, "kernel_size": (3, 5), "padding": "same", "strides": 2, "data_format": "channels_first"},
        ),
        ("layers", "Conv1D", CONV, {"nb_filter": 8, "filter_length": 3}, {"filters": 8, "kernel_size": 3}),
        ("layers", "MaxPooling1D", ["pool_size", "strides"], {"pool_length": 2}, {"pool_size": 2}),
        (
            "layers",
            "LSTM",
            RNN,
            {"output_dim": 4, "input_length": 7, "input_dim": 2, "inner_activation": "sigmoid", "dropout_W": 0.1},
            {"units": 4, "input_shape": (7, 2), "recurrent_activation": "sigmoid", "dropout": 0.1},
        ),
        ("layers", "LSTM", RNN, {"units": 4, "consume_less": "gpu"}, {"units": 4}),
        ("layers", "LSTM", RNN, {"units": 4, "forget_bias_init": "one"}, {"units": 4, "unit_forget_bias": True}),
        (
            "layers",
            "Embedding",
            ["input_dim", "output_dim", "embeddings_initializer"],
            {"input_dim": 9, "output_dim": 2, "input_length": 5, "init": "uniform"},
            {"input_dim": 9, "output_dim": 2, "input_shape": (5,), "embeddings_initializer": "uniform"},
        ),
        ("models", "Model", ["inputs", "outputs"], {"input": 1, "output": 2}, {"inputs": 1, "outputs": 2}),
        ("models", "Model.fit", FIT, {"x": 1, "nb_epoch": 2}, {"x": 1, "epochs": 2}),
        ("models", "Model.fit", FIT, {"x": 1, "show_accuracy": True}, {"x": 1}),
        ("callbacks", "ModelCheckpoint", ["filepath", "save_freq"], {"period": 1}, {"save_freq": "epoch"}),
        ("datasets.imdb", "load_data", ["num_words"], {"nb_words": 100}, {"num_words": 100}),
        ("regularizers", "L2", ["l2"], {"l": 0.1}, {"l2": 0.1}),
    ],
)
def test_old_arguments_become_modern_ones(kind, name, names, old, modern):
    with pytest.warns(OldSpellingWarning, match="is an old spelling"):
        assert translate(kind, name, old, names, LAYER if kind == "layers" else ()) == modern


def test_modern_arguments_stay_and_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert translate("layers", "Dense", {"units": 3, "unknown": 1}, DENSE, LAYER) == {"units": 3, "unknown": 1}
        assert translate("layers", "Embedding", {"output_dim": 3}, ["input_dim", "output_dim"]) == {"output_dim": 3}


def test_the_modern_form_is_shown_once_at_the_line_of_the_user():
    with pytest.warns(OldSpellingWarning) as caught:
        translate("optimizers", "RMSprop", {"lr": 0.001}, ["learning_rate"])
        translate("optimizers", "RMSprop", {"lr": 0.002}, ["learning_rate"])
        translate("optimizers", "SGD", {"lr": 0.001}, ["learning_rate"])
    assert [str(w.message) for w in caught] == [
        "RMSprop(lr=0.001) is an old spelling: write RMSprop(learning_rate=0.001).",
        "SGD(lr=0.001) is an old spelling: write SGD(learning_rate=0.001).",
    ]
    assert caught[0].filename == __file__


def test_arguments_by_position_keep_their_old_meaning_beside_old_keywords():
    with pytest.warns(OldSpellingWarning):
        call = translate("layers", "Conv2D", {"border_mode": "same"}, CONV, LAYER, args=(32, 3, 5))
    assert call == {"filters": 32, "kernel_size": (3, 5), "padding": "same"}
    assert translate("layers", "Conv2D", {}, CONV, args=(32, 3, 5)) == {"filters": 32, "kernel_size": 3, "strides": 5}


@pytest.mark.parametrize(
    "kwargs, args, message",
    [
        ({"lr": 0.1, "learning_rate": 0.2}, (), r"lr=0\.1 and learning_rate=0\.2"),
        ({"lr": 0.1}, (0.2,), r"lr=0\.1 and learning_rate=0\.2"),
        ({"learning_rate": 0.1}, (0.2,), "'learning_rate' twice"),
        ({"lr": 0.1}, (0.2, 0.3), "at most 1 arguments by position"),
    ],
)
def test_an_argument_given_twice_is_an_error(kwargs, args, message):
    with pytest.raises(TypeError, match=message):
        translate("optimizers", "Adam", kwargs, ["learning_rate"], args=args)


@pytest.mark.parametrize(
    "kind, name, kwargs, names, message",
    [
        ("callbacks", "ModelCheckpoint", {"period": 5}, ["save_freq"], "save_freq"),
        ("layers", "LSTM", {"time_major": True}, RNN, "batch first"),
        ("models", "Model.fit", {"x": iter(()), "samples_per_epoch": 9}, FIT, "Give steps_per_epoch, in batches"),
    ],
)
def test_what_has_no_equal_today_says_what_to_give(kind, name, kwargs, names, message):
    with pytest.raises(TypeError, match=message):
        translate(kind, name, kwargs, names)


def test_samples_become_batches_where_the_generator_tells_their_size():
    class Batches:
        batch_size = 32

    generator = Batches()
    with pytest.warns(OldSpellingWarning):
        call = translate("models", "Model.fit", {"generator": generator, "samples_per_epoch": 100, "nb_epoch": 2}, FIT)
    assert call == {"x": generator, "steps_per_epoch": 4, "epochs": 2}


def test_constructors_name_unknown_arguments_and_near_ones():
    from kerastorch import layers

    with pytest.raises(ValueError, match=r"Dense\(\) does not know the argument 'unist'.* 'units'"):
        layers.Dense(unist=3)
    with pytest.warns(OldSpellingWarning, match=r"write Dense\(units=3\)"):
        assert layers.Dense(output_dim=3).units == 3
    with pytest.raises(TypeError, match="'units' twice"):
        constructor_arguments(layers.Dense, (3,), {"units": 4, "x": 1}, DENSE, {*DENSE, *LAYER})


def test_decay_is_the_schedule_that_it_was():
    from kerastorch import optimizers

    with pytest.warns(OldSpellingWarning):
        optimizer = optimizers.SGD(lr=0.5, decay=0.25)
    schedule = translate("optimizers", "SGD", {"lr": 0.5, "decay": 0.25}, ["learning_rate"])["learning_rate"]
    assert [float(schedule(step)) for step in (0, 1, 4)] == pytest.approx([0.5, 0.4, 0.25])
    assert float(optimizer.learning_rate) == pytest.approx(0.5)


def test_functions_take_old_spellings_by_a_decorator():
    @old_spellings("utils", "to_categorical")
    def to_categorical(x, num_classes=None):
        """Classes as columns."""
        return x, num_classes

    assert to_categorical(1, 2) == (1, 2)
    with pytest.warns(OldSpellingWarning, match="write to_categorical"):
        assert to_categorical(1, nb_classes=3) == (1, 3)
    with pytest.raises(TypeError, match="colour"):
        to_categorical(1, colour=3)
    assert to_categorical.__doc__ == "Classes as columns."


def test_the_tables_are_well_formed():
    for place, table in ARGUMENTS.items():
        for old, rule in table.items():
            assert isinstance(old, str | tuple), place
            assert isinstance(rule, str | Rule), (place, old)
            assert rule != old, f"{place}: {old} leads to itself"
    assert all(len(set(order)) == len(order) for order in POSITIONS.values())
    for path, homes in modules.MODULES.items():
        assert homes and path not in homes, path
        assert not any(home in modules.MODULES for home in homes), f"{path} leads to another old path"
    for path, names in modules.NAMES.items():
        assert not names.keys() & set(names.values()), f"{path}: an old name leads to another old name"


def test_old_names_are_found_on_the_modules_of_today():
    import kerastorch as keras

    with pytest.warns(OldSpellingWarning, match="write keras.optimizers.Adam"):
        assert keras.optimizers.adam is keras.optimizers.Adam
    with pytest.warns(OldSpellingWarning, match="write from keras.utils import to_categorical"):
        assert keras.utils.np_utils.to_categorical is keras.utils.to_categorical


def test_unknown_names_have_near_matches():
    import kerastorch as keras

    with pytest.raises(AttributeError, match=r"module 'kerastorch.layers' has no 'Desne'.*'Dense'"):
        _ = keras.layers.Desne
    with pytest.raises(ImportError, match=r"cannot import 'Desne': module 'kerastorch.layers'.*'Dense'"):
        from kerastorch.layers import Desne  # noqa: F401
    assert not hasattr(keras.layers, "_private")
