"""Recurrent layers against reference Keras: masks, states, directions and cells; lowered against generic."""

import itertools

import keras
import numpy as np
import pytest

import kerastorch
from kerastorch import backend_registry, layers
from kerastorch.errors import LayerError
from kerastorch.graph import KerasTensor
from kerastorch.variable import Variable

BATCH, TIME, FEATURES, UNITS = 3, 5, 4, 2
MASKS = {
    "none": None,
    "right": [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]],
    "left": [[0, 0, 1, 1, 1], [1, 1, 1, 1, 1], [0, 0, 0, 0, 1]],
    "holes": [[1, 0, 1, 0, 0], [0, 1, 1, 0, 1], [1, 1, 0, 1, 1]],
    "nothing": [[0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]],
}
KINDS = {
    "simple": ("SimpleRNN", {}),
    "lstm": ("LSTM", {}),
    "gru": ("GRU", {}),
    "gru, before": ("GRU", {"reset_after": False}),
    "lstm, relu": ("LSTM", {"activation": "relu", "use_bias": False}),
}
STATES = {"SimpleRNN": 1, "LSTM": 2, "GRU": 1}
NATIVE = ("simple", "lstm", "gru")  # what frameworks have fused kernels for


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def flat(outputs):
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def mask_of(name):
    return None if MASKS[name] is None else np.array(MASKS[name], "bool")


def pair(make, shape=(BATCH, TIME, FEATURES)):
    """The same layer of ours and of the reference, with the same random weights; `make` gets the Keras in question."""
    mine, theirs = make(kerastorch), make(keras)
    for layer in (mine, theirs):
        layer.build(shape)
    for i, v in enumerate(theirs.weights):
        v.assign(numbers(*v.shape, seed=i) / 2)
    mine.set_weights(theirs.get_weights())
    return mine, theirs


def of_kind(kind, **options):
    name, more = KINDS[kind]
    return lambda keras: getattr(keras.layers, name)(UNITS, **more, **options)


def reference(layer, *args, **kwargs):
    return [keras.ops.convert_to_numpy(x) for x in flat(layer(*args, **kwargs))]


def call(backend, layer, x, generic=False, **kwargs):
    """Outputs of a call on tensors, by the backend's lowering or by the layer's own `call`."""

    def convert(v):
        return backend.convert(v) if isinstance(v, np.ndarray) else v

    kwargs = {k: [convert(s) for s in v] if isinstance(v, list) else convert(v) for k, v in kwargs.items()}
    with backend_registry.using(backend):
        out = layer.call(convert(x), **kwargs) if generic else layer(convert(x), **kwargs)
    return [backend.numpy(t) for t in flat(out)]


def assert_same(found, expected, tolerance=1e-5):
    assert [f.shape for f in found] == [e.shape for e in expected]
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(f, e, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("generic", [True, False], ids=["generic", "lowered"])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("kind", KINDS)
def test_masks_and_options(kind, mask, generic, backend):
    x = numbers(BATCH, TIME, FEATURES)
    names = ("return_sequences", "go_backwards", "zero_output_for_mask")
    for values in itertools.product((False, True), repeat=len(names)):
        options = dict(zip(names, values, strict=True))
        mine, theirs = pair(of_kind(kind, return_state=True, **options))
        expected = reference(theirs, x, mask=mask_of(mask))
        assert_same(call(backend, mine, x, generic, mask=mask_of(mask)), expected)


@pytest.mark.parametrize("generic", [True, False], ids=["generic", "lowered"])
@pytest.mark.parametrize("kind", NATIVE)
def test_initial_state(kind, generic, backend):
    mine, theirs = pair(of_kind(kind, return_sequences=True, return_state=True))
    x, count = numbers(BATCH, TIME, FEATURES), STATES[KINDS[kind][0]]
    states = [numbers(BATCH, UNITS, seed=10 + i) for i in range(count)]
    for mask in ("none", "nothing"):
        expected = reference(theirs, x, initial_state=states, mask=mask_of(mask))
        assert_same(call(backend, mine, x, generic, initial_state=states, mask=mask_of(mask)), expected)
    if not generic:
        assert_same([backend.numpy(t) for t in mine([x, *states])], reference(theirs, x, initial_state=states))


@pytest.mark.parametrize("kind", NATIVE)
def test_stateful(kind, backend):
    mine, theirs = pair(of_kind(kind, stateful=True))
    for seed in (0, 1, 2):
        x = numbers(BATCH, TIME, FEATURES, seed=seed)
        assert_same(call(backend, mine, x), reference(theirs, x))
        for state, other in zip(mine.states, theirs.states, strict=True):
            assert_same([state.numpy()], [keras.ops.convert_to_numpy(other)])
    assert not {id(s) for s in mine.states} & {id(v) for v in mine.variables}
    mine.reset_state()
    theirs.reset_state()
    assert_same(call(backend, mine, x), reference(theirs, x))
    mine.reset_states([numbers(BATCH, UNITS)] * len(mine.states))
    assert_same([s.numpy() for s in mine.states], [numbers(BATCH, UNITS)] * len(mine.states))
    with pytest.raises(ValueError, match="3 sequences"):
        call(backend, mine, x[:2])


@pytest.mark.parametrize("kind", ["lstm", "cell"])
def test_a_stateful_model_refuses_other_batches(kind, backend):
    """Of one sample too, whose states would broadcast."""
    cell = layers.LSTM(UNITS, stateful=True) if kind == "lstm" else layers.RNN(layers.LSTMCell(UNITS), stateful=True)
    model = kerastorch.Sequential([layers.Input(batch_shape=(BATCH, TIME, FEATURES)), cell])
    model.compile("sgd", "mse", backend=backend.name)
    x = numbers(BATCH, TIME, FEATURES)
    model.predict(x, verbose=0)
    for run in (lambda: model.predict(x[:1], verbose=0), lambda: model(x[:1])):
        with pytest.raises(ValueError, match=f"states of {BATCH} sequences, but was given a batch size of 1"):
            run()


@pytest.mark.parametrize("generic", [True, False], ids=["generic", "lowered"])
@pytest.mark.parametrize("mask", ["none", "left", "nothing"])
@pytest.mark.parametrize("merge_mode", ["concat", "sum", "ave", "mul", None])
@pytest.mark.parametrize("kind", ["lstm", "gru, before"])
def test_both_directions(kind, merge_mode, mask, generic, backend):
    x = numbers(BATCH, TIME, FEATURES)
    for sequences, state in itertools.product((False, True), repeat=2):
        layer = of_kind(kind, return_sequences=sequences, return_state=state)
        mine, theirs = pair(lambda keras, layer=layer: keras.layers.Bidirectional(layer(keras), merge_mode=merge_mode))
        expected = reference(theirs, x, mask=mask_of(mask))
        assert_same(call(backend, mine, x, generic, mask=mask_of(mask)), expected)
        shapes = mine.compute_output_shape(x.shape)
        shapes = shapes if isinstance(shapes[0], tuple) else [shapes]
        assert [tuple(s) for s in shapes] == [e.shape for e in expected]


def test_both_directions_from_states_and_with_other_layers(backend):
    x, states = numbers(BATCH, TIME, FEATURES), [numbers(BATCH, UNITS, seed=i) for i in range(4)]
    mine, theirs = pair(lambda keras: keras.layers.Bidirectional(keras.layers.LSTM(UNITS, return_sequences=True)))
    assert_same(call(backend, mine, x, initial_state=states), reference(theirs, x, initial_state=states))

    def mixed(keras):
        back = keras.layers.GRU(UNITS, return_sequences=True, go_backwards=True)
        return keras.layers.Bidirectional(keras.layers.LSTM(UNITS, return_sequences=True), backward_layer=back)

    mine, theirs = pair(mixed)
    assert_same(call(backend, mine, x, mask=mask_of("holes")), reference(theirs, x, mask=mask_of("holes")))


def test_both_directions_start_from_given_weights():
    made = layers.Bidirectional(layers.GRU(UNITS))
    made.build((BATCH, TIME, FEATURES))
    again = layers.Bidirectional(layers.GRU(UNITS), weights=made.get_weights())
    again(KerasTensor((None, TIME, FEATURES)))
    assert_same(again.get_weights(), made.get_weights(), 0)


def test_a_loop_of_the_users_own_is_run(backend):
    class Doubled(layers.LSTM):
        def inner_loop(self, sequences, initial_state, mask, training=False):
            return super().inner_loop(2 * sequences, initial_state, mask, training)

    x = numbers(BATCH, TIME, FEATURES)
    doubled, plain = Doubled(UNITS), layers.LSTM(UNITS)
    plain.build(x.shape)
    doubled.build(x.shape)
    doubled.set_weights(plain.get_weights())
    assert_same(call(backend, doubled, x), call(backend, plain, 2 * x))


def test_configuration_of_bidirectional():
    mine, theirs = (k.layers.Bidirectional(k.layers.LSTM(3, name="a"), name="b") for k in (kerastorch, keras))
    assert mine.get_config() == theirs.get_config()
    again = layers.Bidirectional.from_config(mine.get_config())
    assert again.get_config() == mine.get_config()
    assert (again.forward_layer.name, again.backward_layer.name) == ("forward_a", "backward_a")


@pytest.mark.parametrize("kind", NATIVE)
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("both", [False, True], ids=["one", "both"])
def test_lowered_gradients_are_the_generic_ones(kind, mask, both, backend):
    options = {"return_sequences": True, "return_state": True}
    layer = of_kind(kind, **options)(kerastorch)
    if both:
        layer = layers.Bidirectional(layer)
    layer.build((BATCH, TIME, FEATURES))
    x = Variable(numbers(BATCH, TIME, FEATURES), name="x")
    keep = mask_of(mask)
    weights = [numbers(*s, seed=20 + i) for i, s in enumerate(map(tuple, layer.compute_output_shape(x.shape)))]

    def total(run):
        def loss():
            with backend_registry.using(backend):
                given = None if keep is None else backend.convert(keep)
                outputs = run(x.tensor(backend), mask=given)
                return sum(kerastorch.ops.sum(o * backend.convert(w)) for o, w in zip(outputs, weights, strict=True))

        return loss

    call(backend, layer, x.numpy())  # lowered first, so that both have the same parameters
    sources = [x, *layer.trainable_weights]
    expected_loss, expected = backend.value_and_gradients(total(layer.call), sources)
    found_loss, found = backend.value_and_gradients(total(layer), sources)
    assert_same([backend.numpy(found_loss)], [backend.numpy(expected_loss)], 1e-4)
    assert_same([backend.numpy(g) for g in found], [backend.numpy(g) for g in expected], 1e-4)


class Minimal:
    """A user's cell, written the Keras way, over whichever Keras it is given."""

    @staticmethod
    def of(keras):
        class MinimalCell(keras.layers.Layer):
            def __init__(self, units, **kwargs):
                super().__init__(**kwargs)
                self.units = self.state_size = units

            def build(self, input_shape):
                self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="uniform", name="kernel")
                shape = (self.units, self.units)
                self.recurrent = self.add_weight(shape=shape, initializer="uniform", name="recurrent")
                self.built = True

            def call(self, inputs, states):
                h = keras.ops.matmul(inputs, self.kernel)
                output = keras.ops.tanh(h + keras.ops.matmul(states[0], self.recurrent))
                return output, [output]

            def get_config(self):
                return {**super().get_config(), "units": self.units}

        return MinimalCell


def test_cells_of_users_and_stacked_ones(backend):
    x = numbers(BATCH, TIME, FEATURES)

    def made(keras):
        cells = [Minimal.of(keras)(3), keras.layers.LSTMCell(UNITS), keras.layers.GRUCell(4)]
        return keras.layers.RNN(cells, return_sequences=True)

    mine, theirs = pair(made)
    assert mine.compute_output_shape(x.shape) == (BATCH, TIME, 4)
    for mask in ("none", "holes"):
        assert_same(call(backend, mine, x, mask=mask_of(mask)), reference(theirs, x, mask=mask_of(mask)))


def test_cell_without_a_registered_name_in_bidirectional(backend):
    x = numbers(BATCH, TIME, FEATURES)
    layer = layers.Bidirectional(layers.RNN(Minimal.of(kerastorch)(3), return_sequences=True))
    assert call(backend, layer, x)[0].shape == (BATCH, TIME, 6)


@pytest.mark.parametrize(("name", "count"), [("SimpleRNNCell", 1), ("LSTMCell", 2), ("GRUCell", 1)])
def test_cells_by_themselves(name, count, backend):
    mine, theirs = (getattr(k.layers, name)(UNITS, name="cell") for k in (kerastorch, keras))
    assert mine.get_config() == theirs.get_config()
    x, states = numbers(BATCH, FEATURES), [numbers(BATCH, UNITS, seed=i) for i in range(count)]
    mine.build(x.shape), theirs.build(x.shape)
    mine.set_weights(theirs.get_weights())
    expected, after = theirs(x, states)
    with backend_registry.using(backend):
        found, new = mine(backend.convert(x), [backend.convert(s) for s in states])
        start = mine.get_initial_state(batch_size=4)
    expected = [keras.ops.convert_to_numpy(t) for t in (expected, *after)]
    assert_same([backend.numpy(t) for t in (found, *new)], expected)
    assert [backend.shape(s) for s in start] == [(4, UNITS)] * count


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_acts_in_training_only(kind, backend):
    x = numbers(BATCH, TIME, FEATURES)
    for rates in ({"dropout": 0.5}, {"recurrent_dropout": 0.5}, {"dropout": 0.4, "recurrent_dropout": 0.4}):
        layer = of_kind(kind, **rates)(kerastorch)
        quiet = call(backend, layer, x, training=False)[0]
        np.testing.assert_array_equal(call(backend, layer, x)[0], quiet)
        noisy = call(backend, layer, x, training=True)[0]
        assert np.isfinite(noisy).all() and np.abs(noisy - quiet).max() > 1e-4
        assert not layer.cell._masks  # drawn for that call only


@pytest.mark.parametrize("seed", [None, 7])
def test_the_same_inputs_and_states_are_dropped_in_all_steps(seed, backend):
    linear = {"activation": None, "use_bias": False, "return_sequences": True, "seed": seed}
    inputs = layers.SimpleRNN(FEATURES, dropout=0.5, recurrent_initializer="zeros", **linear)
    inputs.build((BATCH, TIME, FEATURES))
    inputs.set_weights([np.eye(FEATURES), np.zeros((FEATURES, FEATURES))])
    kept = call(backend, inputs, np.ones((50, TIME, FEATURES), "float32"), training=True)[0]
    np.testing.assert_array_equal(kept, np.repeat(kept[:, :1], TIME, 1))
    assert set(np.unique(kept)) == {0, 2}
    states = layers.SimpleRNN(FEATURES, recurrent_dropout=0.5, kernel_initializer="zeros", **linear)
    states.build((BATCH, TIME, FEATURES))
    states.set_weights([np.zeros((FEATURES, FEATURES)), np.eye(FEATURES)])
    x, start = np.ones((50, TIME, FEATURES), "float32"), np.ones((50, FEATURES), "float32")
    kept = call(backend, states, x, initial_state=[start], training=True)[0]
    np.testing.assert_array_equal(kept, kept[:, :1] * 2.0 ** np.arange(TIME)[:, None])
    assert set(np.unique(kept[:, 0])) == {0, 2}


def test_initial_bias_forgets_nothing():
    layer = layers.LSTM(UNITS)
    layer.build((None, TIME, FEATURES))
    np.testing.assert_array_equal(layer.cell.bias.numpy(), [0, 0, 1, 1, 0, 0, 0, 0])
    plain = layers.LSTM(UNITS, unit_forget_bias=False)
    plain.build((None, TIME, FEATURES))
    assert not plain.cell.bias.numpy().any()


def test_masks_that_are_recorded():
    x = KerasTensor((None, TIME, FEATURES))
    x.mask = KerasTensor((None, TIME), "bool")
    assert layers.LSTM(UNITS, return_sequences=True)(x).mask is x.mask
    assert layers.LSTM(UNITS)(x).mask is None
    assert [t.mask for t in layers.GRU(UNITS, return_sequences=True, return_state=True)(x)] == [x.mask, None]
    both = layers.Bidirectional(layers.GRU(UNITS, return_sequences=True, return_state=True), merge_mode=None)(x)
    assert [t.mask for t in both] == [x.mask, x.mask, None, None]


def test_errors_say_which_layer_and_what(backend):
    x = numbers(BATCH, TIME, FEATURES)
    with pytest.raises(ValueError, match="units.*positive"):
        layers.LSTM(0)
    with pytest.raises(ValueError, match="use_cudnn"):
        layers.GRU(2, use_cudnn="perhaps")
    with pytest.raises(LayerError, match="'narrow' .*rank 3"):
        call(backend, layers.LSTM(UNITS, name="narrow"), x[0])
    with pytest.raises(ValueError, match="state_size"):
        layers.RNN(layers.Dense(3))
    with pytest.raises(ValueError, match="initial_state .*has 1|holds 1"):
        call(backend, layers.LSTM(UNITS), x, initial_state=[numbers(BATCH, UNITS)])
    with pytest.raises(LayerError, match="stateful.*batch size"):
        layers.LSTM(UNITS, stateful=True)(KerasTensor((None, TIME, FEATURES)))
    with pytest.raises(ValueError, match="merge_mode.*'add'"):
        layers.Bidirectional(layers.LSTM(UNITS), merge_mode="add")
    with pytest.raises(ValueError, match="must be a layer"):
        layers.Bidirectional(3)
    with pytest.raises(ValueError, match="go_backwards"):
        layers.Bidirectional(layers.LSTM(UNITS), backward_layer=layers.LSTM(UNITS))
    with pytest.raises(ValueError, match="agree on return_sequences"):
        back = layers.LSTM(UNITS, go_backwards=True, return_sequences=True)
        layers.Bidirectional(layers.LSTM(UNITS), backward_layer=back)
