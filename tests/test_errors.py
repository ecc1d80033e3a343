"""Bad input: errors name the layer or argument, the shapes and the user's own line, and leave models as they were."""

import contextlib
import inspect
import warnings

import numpy as np
import pytest

import kerastorch as keras
from kerastorch import backend_registry, layers, ops
from kerastorch.errors import BackendNotInstalled, GraphError, LayerError, NotBuilt, NotCompiled, OpError
from kerastorch.graph import Graph, KerasTensor, Node
from kerastorch.training.data import DataError

X, Y = np.ones((8, 4), "float32"), np.ones((8, 3), "float32")
LABELS = np.array([0, 1, 2, 2, 1, 0, 0, 1])


@pytest.fixture(params=list(backend_registry.BUILT_IN))
def backend(request):
    """The name of each backend in turn."""
    if not backend_registry.installed(request.param):
        pytest.skip(f"the framework of the {request.param} backend is not installed")
    return request.param


@contextlib.contextmanager
def refused(error, *words, here=True):
    """Something is refused with an error of a kind, whose message and notes have some words in them and the caller's line."""
    frame = inspect.currentframe().f_back.f_back
    with pytest.raises(error) as caught:
        yield
    text = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
    for word in words:
        assert str(word) in text, f"{word!r} is not in: {text}"
    if here:
        lines, first = inspect.getsourcelines(frame)
        assert any(f"{__file__}:{first + i}" in text for i in range(len(lines))), f"no line of the caller in: {text}"


@contextlib.contextmanager
def unchanged(model):
    """Weights, and all that the optimizer keeps, stay the same to the bit."""

    def state():
        kept = model.optimizer.variables if model.compiled else []
        return {v.path: v.numpy() for v in [*model.variables, *kept]}

    before = state()
    yield
    after = state()
    assert {k for k in after if not k.startswith(tuple(before))} <= {k for k in after if k not in before}
    for path, value in before.items():
        np.testing.assert_array_equal(after[path], value, err_msg=path)


def trained(backend, loss="mse", y=Y, **arguments):
    """A model that has been trained for a step, so that its optimizer has something to lose."""
    model = keras.Sequential([layers.Input((4,), name="features"), layers.Dense(3, name="head"), layers.BatchNormalization()])
    model.compile("adam", loss, backend=backend, **arguments)
    model.fit(X, y, verbose=0)
    return model


# ------------------------------------------------------------------------------------------------ inputs of layers


@pytest.mark.parametrize(
    ("layer", "shape", "words"),
    [
        (layers.Conv2D(2, 3, name="first"), (8, 8), ["'first' (Conv2D)", "rank", "(None, 8, 8)"]),
        (layers.LSTM(2, name="steps"), (8,), ["'steps' (LSTM)", "rank 3", "(None, 8)"]),
        (layers.Conv2D(2, 9, name="wide"), (8, 8, 3), ["'wide' (Conv2D)", "(None, 8, 8, 3)", "9"]),
        (layers.Conv2D(4, 3, groups=2, name="grouped"), (8, 8, 3), ["'grouped'", "groups", "3"]),
        (layers.Dense(2, name="open"), (None,), ["'open' (Dense)", "last axis", "(None, None)"]),
        (layers.Reshape((5,), name="folded"), (4,), ["'folded' (Reshape)", "(None, 4)", "5"]),
        (layers.MaxPooling1D(9, name="pool"), (4, 2), ["'pool' (MaxPooling1D)", "(None, 4, 2)", "9"]),
    ],
    ids=lambda v: getattr(v, "name", ""),
)
def test_inputs_that_a_layer_cannot_take(layer, shape, words):
    x = layers.Input(shape)
    with refused(LayerError, *words):
        layer(x)


def test_channels_unlike_those_at_first(backend):
    layer = layers.Conv2D(2, 3, name="first")
    with backend_registry.using(backend):
        layer(np.ones((1, 8, 8, 3), "float32"))
        with refused(LayerError, "'first' (Conv2D)", "axis -1 has size 3", "(1, 8, 8, 4)"):
            layer(np.ones((1, 8, 8, 4), "float32"))
    with refused(LayerError, "'first' (Conv2D)", "axis -1 has size 3", "(None, 8, 8, 4)"):
        layer(layers.Input((8, 8, 4)))


def test_inputs_that_do_not_go_together():
    a, b = layers.Input((3, 2)), layers.Input((4, 2))
    for layer in (layers.Add(name="plus"), layers.Concatenate(name="plus")):
        with refused(LayerError, "'plus'", "(None, 3, 2)", "(None, 4, 2)"):
            layer([a, b])


def test_ops(backend):
    with backend_registry.using(backend):
        with refused(OpError, "ops.matmul", "(2, 3)", "(4, 3)", here=False):
            ops.matmul(np.ones((2, 3)), np.ones((4, 3)))
    with refused(OpError, "ops.add", "(None, 3)", "(None, 4)", here=False):
        ops.add(layers.Input((3,)), layers.Input((4,)))


class Picky(layers.Layer):
    """A user's layer that fails on some inputs when it runs."""

    def call(self, x):
        return ops.reshape(x, (7, 4))

    def compute_output_shape(self, input_shape):
        return input_shape


def test_a_users_layer_that_fails_when_running(backend):
    model = keras.Sequential([layers.Input((4,)), Picky(name="picky")])
    model.compile("sgd", "mse", backend=backend)
    with refused(LayerError, "'picky' (Picky)", "(8, 4)", "reshape"):
        model.predict(X, verbose=0)


# ------------------------------------------------------------------------------------------------ data for models


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch", "__call__"])
@pytest.mark.parametrize("shape", [(8, 5), (8, 2, 2, 4)], ids=str)
def test_inputs_that_a_model_cannot_take(method, shape, backend):
    model = trained(backend)
    data = [np.ones(shape, "float32")] + ([Y] if method in ("fit", "evaluate", "train_on_batch", "test_on_batch") else [])
    with unchanged(model), refused(LayerError, model.name, "'features'", "(None, 4)", str(shape)[2:]):
        getattr(model, method)(*data)


def test_inputs_of_other_names(backend):
    inputs = {"left": layers.Input((2,), name="left"), "right": layers.Input((2,), name="right")}
    model = keras.Model(inputs, layers.Add()(list(inputs.values())))
    model.compile("sgd", "mse", backend=backend)
    with refused(LayerError, model.name, "['left', 'right']", "['left', 'wrong']"):
        model.predict({"left": np.ones((2, 2)), "wrong": np.ones((2, 2))}, verbose=0)
    with refused(LayerError, model.name, "expects 2", "not 1"):
        model.predict(np.ones((2, 2)), verbose=0)


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_numbers_of_samples_that_differ(method, backend):
    model = trained(backend)
    with unchanged(model), refused(DataError, "x has 8 (shape (8, 4))", "y has 5 (shape (5, 3))"):
        getattr(model, method)(X, Y[:5])
    with unchanged(model), refused(DataError, "sample_weight has 3"):
        getattr(model, method)(X, Y, sample_weight=np.ones(3))


def test_validation_data_that_differs(backend):
    model = trained(backend)
    with unchanged(model), refused(DataError, "x has 8", "y has 5"):
        model.fit(X, Y, validation_data=(X, Y[:5]), verbose=0)


@pytest.mark.parametrize("shape", [(8, 7), (8, 3, 3)], ids=str)
def test_targets_that_a_loss_cannot_take(shape, backend):
    model = trained(backend)
    fresh = keras.models.clone_model(model)
    fresh.compile("adam", "mse", backend=backend)
    for m in (model, fresh):
        with unchanged(m), refused(LayerError, m.name, "'mse' of output", str((None, *shape[1:])), "(None, 3)"):
            m.fit(X, np.ones(shape, "float32"), verbose=0)


@pytest.mark.parametrize("label", [3, -1, 2**31])
@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_labels_out_of_range(method, label, backend):
    model = trained(backend, "sparse_categorical_crossentropy", LABELS)
    wrong = LABELS.copy()
    wrong[3] = label
    with unchanged(model), refused(LayerError, "y_true[3]", label, "3 classes", "from 0 to 2", "batch_normalization", model.name):
        getattr(model, method)(X, wrong)


def test_labels_out_of_range_in_a_stream(backend):
    model = trained(backend, "sparse_categorical_crossentropy", LABELS)

    def batches():
        yield X, np.full(8, 3)

    with unchanged_but_averages(model), refused(LayerError, "y_true[0] is 3", "from 0 to 2", model.name):
        model.fit(batches(), verbose=0)


@contextlib.contextmanager
def unchanged_but_averages(model):
    """What training updates by gradients stays the same to the bit; moving averages may have seen the batch."""
    before = [v.numpy() for v in [*model.trainable_variables, *model.optimizer.variables]]
    yield
    for v, value in zip([*model.trainable_variables, *model.optimizer.variables], before, strict=True):
        np.testing.assert_array_equal(v.numpy(), value, err_msg=v.path)


def test_indices_that_an_embedding_has_not(backend):
    model = keras.Sequential([layers.Input((3,), dtype="int32"), layers.Embedding(5, 2, name="words"), layers.LSTM(2)])
    model.compile("sgd", "mse", backend=backend)
    with refused(LayerError, "'words' (Embedding)", model.name, "(1, 3)"):
        model.predict(np.array([[0, 1, 7]]), verbose=0)


def test_no_targets(backend):
    model = trained(backend)
    with unchanged_but_averages(model), refused(LayerError, model.name, "no targets y"):
        model.fit(X, verbose=0)


def test_no_data(backend):
    model = trained(backend)
    with unchanged(model), refused(DataError, "no x"):
        model.fit(None, Y)
    with unchanged(model), refused(DataError, "the generator gave no batch"):
        model.fit((batch for batch in ()), verbose=0)


def test_generators_that_end_early(backend):
    """As in Keras there is a warning, and what was learned is kept; epochs for which nothing is left are not reported."""
    model = trained(backend)
    batches = ((X, Y) for _ in range(3))
    with pytest.warns(UserWarning, match="ran out of data: fit could do 3 of 5 steps in epoch 1") as caught:
        history = model.fit(batches, steps_per_epoch=5, epochs=4, verbose=0)
    assert len(history.history["loss"]) == 1 and len(caught) == 1
    with pytest.warns(UserWarning, match="evaluate could do 2 of 4 steps"):
        model.evaluate(((X, Y) for _ in range(2)), steps=4, verbose=0)


def test_generators_that_fail(backend):
    model = trained(backend)

    def batches():
        yield X, Y
        raise OSError("the file is gone")

    with pytest.raises(OSError, match="the file is gone"):
        model.fit(batches(), verbose=0)


# ------------------------------------------------------------------------------------------------ names


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"loss": "mean_squared_eror"}, ["no loss named 'mean_squared_eror'", "'mean_squared_error'"]),
        ({"optimizer": "adamm"}, ["no optimizer named 'adamm'", "'adam'"]),
        ({"metrics": ["acuracy"]}, ["no metric named 'acuracy'", "'accuracy'"]),
        ({"weighted_metrics": ["mea"]}, ["no metric named 'mea'", "'MAE'"]),
        ({"backend": "pytorch"}, ["no backend named 'pytorch'", "'torch'", "torch, tensorflow"]),
        ({"steps_per_execution": 0}, ["steps_per_execution", "0"]),
    ],
    ids=lambda v: next(iter(v)) if isinstance(v, dict) else "",
)
def test_unknown_names_in_compile(arguments, words):
    model = keras.Sequential([layers.Input((4,)), layers.Dense(3)])
    with refused(ValueError, *words):
        model.compile(**{"loss": "mse", **arguments})
    assert not model.compiled


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"activation": "reluu"}, ["Dense", "'activation'", "'reluu'", "'relu'"]),
        ({"kernel_initializer": "glorot_uniforme"}, ["'kernel_initializer'", "'glorot_uniform'"]),
        ({"bias_regularizer": "l22"}, ["'bias_regularizer'", "'l2'"]),
        ({"kernel_constraint": "maxnorm"}, ["'kernel_constraint'", "'max_norm'"]),
        ({"unit": 3}, ["Dense", "'unit'", "'units'"]),
    ],
    ids=lambda v: next(iter(v)) if isinstance(v, dict) else "",
)
def test_unknown_names_in_layers(arguments, words):
    with refused(ValueError, *words, here=False):
        layers.Dense(3, **arguments)


def test_an_unknown_default_backend():
    with refused(ValueError, "no backend named 'tensorflo'", "'tensorflow'", here=False):
        backend_registry.set_default("tensorflo")


def test_outputs_that_compile_names_wrongly(backend):
    x = layers.Input((4,))
    model = keras.Model(x, [layers.Dense(3, name="size")(x), layers.Dense(3, name="colour")(x)])
    for arguments, words in (
        ({"loss": {"sise": "mse"}}, ["loss", "'sise'", "'size'"]),
        ({"loss": ["mse"] * 3}, ["loss has 3 entries", "2 outputs (size, colour)"]),
        ({"loss": "mse", "loss_weights": ["much", 1]}, ["loss_weights", "'much'"]),
        ({"loss": "mse", "metrics": {"color": "mae"}}, ["metrics", "'color'", "'colour'"]),
    ):
        model.compile("sgd", backend=backend, **arguments)
        with refused(LayerError, *words):
            model.fit(X, [Y, Y], verbose=0)
    model.compile("sgd", "mse", backend=backend)
    with refused(LayerError, "2 outputs", "1 target"):
        model.fit(X, Y, verbose=0)


# ------------------------------------------------------------------------------------------------ graphs and models


def test_a_disconnected_input():
    a, b = layers.Input((3,), name="a"), layers.Input((3,), name="b")
    out = layers.Add()([layers.Dense(3)(a), layers.Dense(3)(b)])
    with refused(GraphError, "model 'both'", "'b' of shape (None, 3)", "['a']", "disconnected"):
        keras.Model(a, out, name="both")


def test_a_cycle():
    """Recording cannot make one, but a graph put together by hand can have one."""
    x = layers.Input((3,))
    back = KerasTensor((None, 3))
    out = layers.Dense(3, name="forth")(ops.add(x, back))
    node = Node(layers.Dense(3, name="back"), (out,), {})
    node.emit(back)
    with refused(GraphError, "cycle", "'forth'"):
        Graph([x], out)


@pytest.mark.parametrize("what", ["inputs", "outputs"])
def test_arrays_where_a_graph_is_needed(what):
    x = layers.Input((3,))
    tensors = {"inputs": x, "outputs": layers.Dense(1)(x), what: np.ones(3)}
    with refused(GraphError, what, "KerasTensors", here=False):
        keras.Model(**tensors)


def test_values_of_what_has_none():
    x = layers.Dense(2, name="early")(layers.Input((3,)))
    with refused(TypeError, "[None, 2]", "boolean"):
        bool(x)
    with refused(ValueError, "[None, 2]", "symbolic"):
        np.asarray(x)


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_before_compile(method):
    model = keras.Sequential([layers.Input((4,)), layers.Dense(3)], name="plain")
    with unchanged(model), refused(NotCompiled, "'plain'", "compile()", method):
        getattr(model, method)(X, Y)


def test_before_build():
    model = keras.Sequential([layers.Dense(3)], name="open")
    for question in (model.count_params, model.to_torch, lambda: keras.lower(model, "torch")):
        with refused(NotBuilt, "'open'", "not built", here=False):
            question()
    with refused(NotBuilt, "not built", here=False):
        model.layers[0].count_params()


def test_weights_that_do_not_fit(backend):
    model = trained(backend)
    good = [w + 1 for w in model.get_weights()]
    with unchanged(model), refused(ValueError, "6 weights", "1 arrays", here=False):
        model.set_weights(good[:1])
    with unchanged(model), refused(ValueError, "(3,)", "(4,)", here=False):
        model.set_weights([*good[:-1], np.ones(4)])


def test_layers_that_cannot_be_stacked():
    with refused(LayerError, "'a' already", here=False):
        keras.Sequential([layers.Dense(1, name="a"), layers.Dense(1, name="a")])
    with refused(LayerError, "int", "Only instances of Layer", here=False):
        keras.Sequential([3])


# ------------------------------------------------------------------------------------------------ backends


def test_a_backend_whose_framework_is_missing():
    backend_registry.register("a_framework_that_is_not_here.backend:backend", name="absent")
    try:
        model = keras.Sequential([layers.Input((4,)), layers.Dense(3)])
        with refused(BackendNotInstalled, "absent backend", "'a_framework_that_is_not_here'", "pip install"):
            model.compile("sgd", "mse", backend="absent")
        with refused(BackendNotInstalled, "pip install a_framework_that_is_not_here", here=False):
            keras.lower(model, "absent")
        assert not model.compiled
    finally:
        backend_registry.unregister("absent")


def test_tensors_of_two_frameworks():
    if not all(backend_registry.installed(n) for n in ("torch", "tensorflow")):
        pytest.skip("one framework only is installed")
    first, second = (backend_registry.get(n).convert(np.ones((2, 3), "float32")) for n in ("torch", "tensorflow"))
    with refused(OpError, "two frameworks", "torch", "tensorflow", "[2, 3]", here=False):
        ops.add(first, second)


# ------------------------------------------------------------------------------------------------ where it happened


def test_notes_on_errors_of_users_code(backend):
    """What a user's own method raises comes through as it is, with a note on the model and the batch."""

    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, x):
            return self.dense(x)

        def test_step(self, data):
            raise KeyError("mine")

    model = Mine()
    model.compile("sgd", "mse", backend=backend)
    with refused(KeyError, "mine", model.name, "(8, 4)", "(8, 3)"):
        model.evaluate(X, Y, verbose=0)


def test_good_input_warns_of_nothing(backend):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained(backend).predict(X, verbose=0)
