"""Models: how they are made, named, frozen and trained, on every backend."""

import itertools

import numpy as np
import pytest

import kerastorch as keras
from kerastorch import backend_registry, callbacks, layers, losses, ops, optimizers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 4)).astype("float32")
Y = (X @ RNG.normal(size=(4, 1))).astype("float32")
LABELS = (X[:, 0] > 0).astype("int32")


@pytest.fixture(params=list(backend_registry.BUILT_IN))
def backend(request):
    """The name of each backend in turn, made the active one."""
    if not backend_registry.installed(request.param):
        pytest.skip(f"the framework of the {request.param} backend is not installed")
    with backend_registry.using(request.param):
        yield request.param


@pytest.fixture(autouse=True)
def fresh_start():
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)


def regression(*more):
    return keras.Sequential([layers.Input((4,)), layers.Dense(8, activation="tanh"), *more, layers.Dense(1)])


def compiled(model, backend, loss="mse", optimizer="sgd", **arguments):
    model.compile(optimizer, loss, backend=backend, **arguments)
    return model


def same(found, expected):
    assert len(found) == len(expected)
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_array_equal(f, e)


def changed(found, before):
    return [not np.array_equal(f, b) for f, b in zip(found, before, strict=True)]


def plain(x):
    """An output as a numpy array."""
    return ops.convert_to_numpy(x)


# ------------------------------------------------------------------------------------------------ Sequential


def test_a_stack_whose_input_is_known():
    model = keras.Sequential([layers.Input((4,)), layers.Dense(3), layers.Dense(2)])
    assert model.built and len(model.weights) == 4
    assert (model.input_shape, model.output_shape) == ((None, 4), (None, 2))
    assert [x.name for x in model.layers] == ["dense", "dense_1"]
    assert model.count_params() == 4 * 3 + 3 + 3 * 2 + 2


@pytest.mark.parametrize("first", [{"input_shape": (4,)}, {"batch_input_shape": (None, 4)}, {"input_dim": 4}], ids=lambda a: next(iter(a)))
def test_a_stack_whose_first_layer_says_its_input(first):
    model = keras.Sequential([layers.Dense(3, **first), layers.Dense(2)])
    assert model.built and model.input_shape == (None, 4)


def test_a_stack_that_waits_for_its_input(backend):
    model = keras.Sequential([layers.Dense(3), layers.Dense(2)])
    assert not model.built and model.weights == []
    with pytest.raises(AttributeError, match="no inputs"):
        _ = model.inputs
    out = model(X)
    assert model.built and tuple(out.shape) == (32, 2) and model.input_shape == (None, 4)


@pytest.mark.parametrize("how", ["build", "fit", "predict", "record"])
def test_what_builds_a_stack(how, backend):
    model = compiled(keras.Sequential([layers.Dense(3), layers.Dense(1)]), backend)
    {
        "build": lambda: model.build((None, 4)),
        "fit": lambda: model.fit(X, Y, verbose=0),
        "predict": lambda: model.predict(X, verbose=0),
        "record": lambda: model(layers.Input((4,))),
    }[how]()
    assert model.built and [v.shape for v in model.weights] == [(4, 3), (3,), (3, 1), (1,)]


def test_layers_put_on_and_taken_off(backend):
    model = keras.Sequential([layers.Input((4,))])
    model.add(layers.Dense(3))
    model.add(layers.Dense(2))
    kept = model.layers[0].get_weights()
    assert model.pop().name == "dense_1" and model.output_shape == (None, 3)
    model.add(layers.Dense(1, name="new"))
    assert model.output_shape == (None, 1) and [x.name for x in model.layers] == ["dense", "new"]
    compiled(model, backend).fit(X, Y, verbose=0)
    assert all(changed(model.layers[0].get_weights(), kept))
    model.pop()
    assert model.predict(X, verbose=0).shape == (32, 3)


def test_a_stack_within_a_stack(backend):
    inner = keras.Sequential([layers.Dense(3), layers.BatchNormalization()])
    model = compiled(keras.Sequential([layers.Input((4,)), inner, layers.Dense(1)]), backend)
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    assert all(changed(model.get_weights(), before))
    same(inner.get_weights(), model.get_weights()[:6])


# ------------------------------------------------------------------------------------------------ functional models


def test_several_inputs_and_outputs_by_name(backend):
    a, b = layers.Input((4,), name="a"), layers.Input((4,), name="b")
    dense = layers.Dense(4, name="shared")
    total = layers.Add()([dense(a), dense(b)])
    outputs = {"value": layers.Dense(1, name="value")(total), "kind": layers.Dense(2, activation="softmax", name="kind")(total)}
    model = keras.Model({"a": a, "b": b}, outputs)
    model.compile("adam", {"value": "mse", "kind": "sparse_categorical_crossentropy"}, loss_weights={"value": 1.0, "kind": 0.5},
                  metrics={"kind": ["accuracy"]}, backend=backend)  # fmt: skip
    data, targets = {"a": X, "b": X[::-1]}, {"value": Y, "kind": LABELS}
    history = model.fit(data, targets, epochs=2, verbose=0).history
    assert set(history) == {"loss", "value_loss", "kind_loss", "kind_accuracy"}
    np.testing.assert_allclose(history["loss"], np.add(history["value_loss"], np.multiply(0.5, history["kind_loss"])), rtol=1e-5)
    found = model.predict(data, verbose=0)
    assert found["value"].shape == (32, 1) and found["kind"].shape == (32, 2)
    assert len(model.get_layer("shared").inbound_nodes) == 2


def test_a_model_called_like_a_layer(backend):
    inner = regression()
    x = layers.Input((4,))
    model = keras.Model(x, layers.Concatenate()([inner(x), inner(x * 2.0)]))
    assert len(model.weights) == len(inner.weights)
    np.testing.assert_allclose(plain(model(X))[:, :1], inner.predict(X, verbose=0), rtol=1e-5, atol=1e-6)


def test_parts_of_a_model_are_models(backend):
    model = keras.Sequential([layers.Input((4,)), layers.Dense(3, name="middle"), layers.Dense(1)])
    part = keras.Model(model.inputs, model.get_layer("middle").output)
    kernel, bias = model.get_layer("middle").get_weights()
    np.testing.assert_allclose(part.predict(X, verbose=0), X @ kernel + bias, rtol=1e-5, atol=1e-6)
    compiled(model, backend).fit(X, Y, verbose=0)
    kernel, bias = model.get_layer("middle").get_weights()
    np.testing.assert_allclose(part.predict(X, verbose=0), X @ kernel + bias, rtol=1e-5, atol=1e-6)


def test_get_layer():
    model = regression()
    assert model.get_layer("dense") is model.get_layer(index=0) is model.layers[0]
    with pytest.raises(ValueError, match="no layer named 'dence'.*'dense'"):
        model.get_layer("dence")
    with pytest.raises(ValueError, match="none at index 5"):
        model.get_layer(index=5)
    with pytest.raises(ValueError, match="either a name or an index"):
        model.get_layer()


# ------------------------------------------------------------------------------------------------ users' classes


class Block(layers.Layer):
    """A layer in the style of Keras, with sublayers in a list and a dict."""

    def __init__(self, units, depth=2, **kwargs):
        super().__init__(**kwargs)
        self.units, self.depth = units, depth
        self.stack = [layers.Dense(units, activation="tanh") for _ in range(depth)]
        self.ends = {"main": layers.Dense(units), "gate": layers.Dense(units, activation="sigmoid")}

    def build(self, input_shape):
        self.scale = self.add_weight((self.units,), "ones", name="scale", regularizer="l2")
        super().build(input_shape)

    def call(self, inputs, training=None):
        for layer in self.stack:
            inputs = layer(inputs)
        out = self.ends["main"](inputs) * self.ends["gate"](inputs) * self.scale
        self.add_loss(0.1 * ops.mean(ops.square(out)))
        return out if training is not True else out + 0.0

    def get_config(self):
        return {**super().get_config(), "units": self.units, "depth": self.depth}

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)


def test_a_layer_in_the_style_of_keras(backend):
    model = compiled(keras.Sequential([layers.Input((4,)), Block(3, name="block"), layers.Dense(1)]), backend)
    block = model.get_layer("block")
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    assert len(block.weights) == 9 and block.weights[0].path == "sequential/block/scale"
    assert all(changed(model.get_weights(), before))
    again = Block.from_config(block.get_config())
    assert (again.units, again.depth, again.name) == (3, 2, "block")
    assert block.compute_output_shape((None, 4)) == (None, 3)


def test_losses_that_layers_add(backend):
    model = compiled(keras.Sequential([layers.Input((4,)), Block(3), layers.Dense(1)]), backend, optimizer=optimizers.SGD(0.0))
    out = model.predict(X, verbose=0)
    block = model.layers[0]
    inner = plain(block(X))
    assert [float(plain(v)) for v in block.losses] == pytest.approx([0.1 * np.mean(inner**2), 0.01 * 3], rel=1e-4)
    expected = np.mean((out - Y) ** 2) + 0.1 * np.mean(inner**2) + 0.01 * 3
    assert model.train_on_batch(X, Y) == pytest.approx(expected, rel=1e-4)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(expected, rel=1e-4)


def test_a_model_that_only_layers_give_losses(backend):
    model = keras.Sequential([layers.Input((4,)), Block(3)])
    model.compile("sgd", backend=backend)
    history = model.fit(X, epochs=3, verbose=0).history["loss"]
    assert history[-1] < history[0]


class Network(keras.Model):
    """A model with a `call` of its own."""

    def __init__(self, units=8, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.hidden, self.norm, self.drop = layers.Dense(units, activation="relu"), layers.BatchNormalization(), layers.Dropout(0.5)
        self.out = layers.Dense(1)

    def call(self, inputs, training=False):
        return self.out(self.drop(self.norm(self.hidden(inputs), training=training), training=training))


def test_a_model_with_a_call_of_its_own(backend):
    model = compiled(Network(), backend, optimizer=optimizers.Adam(0.05))
    history = model.fit(X, Y, epochs=30, verbose=0).history["loss"]
    assert np.mean(history[-5:]) < np.mean(history[:5])
    assert [x.name for x in model.layers] == ["dense", "batch_normalization", "dropout", "dense_1"]
    assert len(model.trainable_weights) == 6 and len(model.weights) == 8
    same([model.predict(X, verbose=0)], [model.predict(X, verbose=0)])  # no dropout
    np.testing.assert_allclose(plain(model(X)), model.predict(X, verbose=0), rtol=1e-5, atol=1e-6)


def test_a_model_of_ones_own_class_is_lowered(backend):
    model = Network()
    out = plain(model(X))
    module = keras.lower(model, backend)
    converted = backend_registry.get(backend).convert(X)
    np.testing.assert_allclose(plain(module(converted)), out, rtol=1e-5, atol=1e-6)


class Timed(keras.Model):
    """Made from a graph, with a training step of its own that calls the usual one."""

    def train_step(self, data):
        logs = super().train_step(data)
        return {**logs, "seven": 7.0}


def test_a_training_step_around_the_usual_one(backend):
    x = layers.Input((4,))
    model = compiled(Timed(x, layers.Dense(1)(x)), backend)
    history = model.fit(X, Y, epochs=3, verbose=0).history
    assert history["seven"] == [7.0] * 3 and history["loss"][-1] < history["loss"][0]


class OwnLoss(keras.Model):
    """With a loss and metrics of its own."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)
        self.seen = keras.metrics.Mean(name="seen")

    def call(self, x):
        return self.dense(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = ops.mean(ops.abs(y - y_pred))
        self.seen.update_state(loss)
        return loss


def test_a_loss_of_ones_own(backend):
    model = OwnLoss()
    model.compile("sgd", backend=backend)
    history = model.fit(X, Y, epochs=3, verbose=0).history
    np.testing.assert_allclose(history["seen"], history["loss"], rtol=1e-5)
    assert history["loss"][-1] < history["loss"][0]


def test_the_config_of_a_class_without_get_config():
    model = Network(units=5, name="net")
    assert model.get_config()["units"] == 5
    assert Network.from_config(model.get_config()).units == 5


# ------------------------------------------------------------------------------------------------ training in the framework's own style


@pytest.fixture
def torch():
    with backend_registry.using("torch"):
        yield pytest.importorskip("torch")


class TorchStyle(keras.Model):
    """The training step as the guides write it for torch."""

    def train_step(self, data):
        x, y = data
        self.zero_grad()
        loss = self.compute_loss(y=y, y_pred=self(x, training=True))
        loss.backward()
        weights = list(self.trainable_weights)
        gradients = [v.value.grad for v in weights]
        for v, g in zip(weights, gradients, strict=True):
            assert tuple(g.shape) == v.shape
        import torch

        with torch.no_grad():
            self.optimizer.apply(gradients, weights)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, self(x))
        return {m.name: m.result() for m in self.metrics}


def functional(cls):
    x = layers.Input((4,))
    h = layers.Reshape((2, 2))(layers.Dense(4, activation="relu")(x))
    return cls(x, layers.Dense(1)(layers.LSTM(3)(h)))


def test_a_training_step_in_the_style_of_torch(torch):
    usual, own = functional(keras.Model), functional(TorchStyle)
    own.set_weights(usual.get_weights())
    results = [compiled(m, "torch", optimizer="adam", metrics=["mae"]).fit(X, Y, epochs=3, shuffle=False, verbose=0).history
               for m in (usual, own)]  # fmt: skip
    np.testing.assert_allclose(results[0]["loss"], results[1]["loss"], rtol=1e-5)
    for a, b in zip(usual.get_weights(), own.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_a_loop_of_ones_own_in_the_style_of_torch(torch):
    model, twin = functional(keras.Model), functional(keras.Model)
    twin.set_weights(model.get_weights())
    optimizer, loss_of = optimizers.SGD(0.05, momentum=0.9), losses.MeanSquaredError()
    by_torch = torch.optim.SGD(twin.parameters(), lr=0.05, momentum=0.9)
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    history = []
    for _ in range(5):
        model.zero_grad()
        loss = loss_of(y, model(x, training=True))
        loss.backward()
        with torch.no_grad():
            optimizer.apply([v.value.grad for v in model.trainable_weights], model.trainable_weights)
        history.append(float(loss))
        by_torch.zero_grad()
        torch.nn.functional.mse_loss(twin(x, training=True), y).backward()
        by_torch.step()
    assert history[-1] < history[0]
    for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


# ------------------------------------------------------------------------------------------------ weights


def test_weights_out_and_in(backend):
    model = keras.Sequential([layers.Input((4,)), layers.Dense(3), layers.BatchNormalization(), layers.Dense(1)])
    values = [RNG.normal(size=v.shape).astype("float32") for v in model.weights]
    model.set_weights(values)
    same(model.get_weights(), values)
    model.predict(X, verbose=0)
    same(model.get_weights(), values)
    model.get_weights()[0][:] = 0.0  # copies
    same(model.get_weights(), values)
    model.layers[0].set_weights([values[0] + 1, values[1]])
    np.testing.assert_array_equal(model.weights[0].numpy(), values[0] + 1)


def test_weights_go_from_one_backend_to_another():
    if not all(map(backend_registry.installed, backend_registry.BUILT_IN)):
        pytest.skip("one framework only is installed")
    model, results = regression(), []
    start = model.get_weights()
    for name in (*backend_registry.BUILT_IN, *backend_registry.BUILT_IN):
        model.set_weights(start)
        results.append(compiled(model, name, optimizer=optimizers.SGD(0.1)).fit(X, Y, epochs=2, shuffle=False, verbose=0).history["loss"])
        assert {v.backend.name for v in model.weights} == {name}
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], rtol=1e-5)


def test_the_same_seed_starts_alike_on_every_backend():
    found = []
    for name in filter(backend_registry.installed, backend_registry.BUILT_IN):
        keras.utils.set_random_seed(3)
        with backend_registry.using(name):
            model = regression()
            model(X)
            found.append(model.get_weights())
    for other in found[1:]:
        same(other, found[0])


# ------------------------------------------------------------------------------------------------ freezing


@pytest.mark.parametrize("frozen", ["first", "all but last"])
def test_frozen_weights_stay_to_the_bit(frozen, backend):
    model = keras.Sequential([layers.Input((4,)), layers.Dense(8, kernel_regularizer="l2"), layers.BatchNormalization(),
                              layers.Dense(4), layers.Dense(1)])  # fmt: skip
    resting = model.layers[:1] if frozen == "first" else model.layers[:-1]
    for layer in resting:
        layer.trainable = False
    for _ in range(2):  # thawed and frozen again in between
        before = [layer.get_weights() for layer in model.layers]
        compiled(model, backend, optimizer="adam").fit(X, Y, epochs=2, verbose=0)
        for layer, values in zip(model.layers, before, strict=True):
            if layer in resting:
                same(layer.get_weights(), values)
            else:
                assert all(changed(layer.get_weights(), values))
        for layer in resting:
            layer.trainable = True
        compiled(model, backend, optimizer="adam").fit(X, Y, verbose=0)
        assert all(changed(resting[0].get_weights(), before[0]))
        for layer in resting:
            layer.trainable = False


@pytest.mark.parametrize("options", [{}, {"center": False, "scale": False}, {"axis": 1}], ids=str)
def test_frozen_batch_normalization_rests(options, backend):
    shape = (3, 4) if "axis" in options else (4,)
    data = RNG.normal(2.0, 3.0, size=(32, *shape)).astype("float32")
    norm = layers.BatchNormalization(**options)
    model = compiled(keras.Sequential([layers.Input(shape), norm, layers.Flatten(), layers.Dense(1)]), backend)
    model.fit(data, Y, verbose=0)
    norm.trainable = False
    before = norm.get_weights()
    np.testing.assert_allclose(plain(model(data, training=True)), plain(model(data, training=False)), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(plain(norm(data, training=True)), plain(norm(data, training=False)), rtol=1e-5, atol=1e-5)
    model.fit(data, Y, verbose=0)
    same(norm.get_weights(), before)
    norm.trainable = True
    model.fit(data, Y, verbose=0)
    assert all(changed(norm.get_weights(), before))


def test_a_frozen_model_within_a_model(backend):
    base = keras.Sequential([layers.Input((4,)), layers.Dense(5), layers.BatchNormalization()], name="base")
    x = layers.Input((4,))
    model = compiled(keras.Model(x, layers.Dense(1)(base(x, training=False))), backend)
    base.trainable = False
    assert len(model.trainable_weights) == 2 and len(model.non_trainable_weights) == 6
    before = base.get_weights()
    model.fit(X, Y, verbose=0)
    same(base.get_weights(), before)
    base.trainable = True
    compiled(model, backend).fit(X, Y, verbose=0)
    assert changed(base.get_weights(), before) == [True] * 4 + [False] * 2  # in inference mode all the same


def test_nothing_left_to_train(backend):
    model = regression()
    model.trainable = False
    compiled(model, backend)
    before = model.get_weights()
    with pytest.warns(UserWarning, match="no trainable weights"):
        model.fit(X, Y, verbose=0)
    same(model.get_weights(), before)


# ------------------------------------------------------------------------------------------------ training


def test_two_models_that_train_each_other(backend):
    """As in generative adversarial networks: the discriminator learns alone and rests while the generator learns through it."""
    generator = keras.Sequential([layers.Input((2,)), layers.Dense(8, activation="relu"), layers.Dense(4)], name="generator")
    discriminator = keras.Sequential([layers.Input((4,)), layers.Dense(8, activation="relu"), layers.BatchNormalization(),
                                      layers.Dense(1, activation="sigmoid")], name="discriminator")  # fmt: skip
    compiled(discriminator, backend, "binary_crossentropy", "adam")
    discriminator.trainable = False
    noise = layers.Input((2,))
    both = compiled(keras.Model(noise, discriminator(generator(noise))), backend, "binary_crossentropy", "adam")
    z = RNG.normal(size=(32, 2)).astype("float32")
    for _ in range(2):
        g, d = generator.get_weights(), discriminator.get_weights()
        discriminator.trainable = True
        fakes = generator.predict(z, verbose=0)
        discriminator.train_on_batch(np.concatenate([X, fakes]), np.repeat([[1.0], [0.0]], 32, axis=0))
        assert all(changed(discriminator.get_weights(), d))
        same(generator.get_weights(), g)
        d = discriminator.get_weights()
        discriminator.trainable = False
        both.train_on_batch(z, np.ones((32, 1)))
        assert any(changed(generator.get_weights(), g))
        same(discriminator.get_weights(), d)


def test_history_and_initial_epoch(backend):
    model = compiled(regression(), backend, metrics=["mae"])
    seen = []
    watch = callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append(epoch))
    history = model.fit(X, Y, epochs=5, initial_epoch=2, verbose=0, callbacks=[watch])
    assert seen == history.epoch == [2, 3, 4]
    assert {k: len(v) for k, v in history.history.items()} == {"loss": 3, "mae": 3}
    assert history is model.history and all(isinstance(v, float) for v in history.history["loss"])
    assert history.params["epochs"] == 5 and history.model is model


def test_steps_per_execution(backend):
    results, batches = [], []
    for n in (1, 4):
        keras.utils.set_random_seed(1)
        model = compiled(regression(), backend, steps_per_execution=n)
        watch = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs, n=n: batches.append((n, batch)))
        results.append(model.fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=[watch]).history["loss"])
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5)
    assert [b for n, b in batches if n == 4] == [3, 7] * 2 and len([b for n, b in batches if n == 1]) == 16


@pytest.mark.parametrize("options", [{"run_eagerly": True}, {"jit_compile": True}], ids=lambda o: next(iter(o)))
def test_other_ways_to_run(options, backend):
    results = []
    for more in ({}, options):
        keras.utils.set_random_seed(1)
        model = compiled(regression(layers.BatchNormalization()), backend, optimizer="adam", metrics=["mae"], **more)
        results.append(model.fit(X, Y, batch_size=16, epochs=2, verbose=0).history)
        results[-1]["out"] = model.predict(X, verbose=0)
        results[-1]["val"] = model.evaluate(X, Y, verbose=0)
    for key in results[0]:
        np.testing.assert_allclose(results[0][key], results[1][key], rtol=1e-4, atol=1e-5, err_msg=key)


def test_python_runs_at_each_step_when_eager(backend):
    class Counting(layers.Layer):
        def call(self, x):
            counts.append(1)
            return x * 1.0

    counts = []
    model = compiled(keras.Sequential([layers.Input((4,)), Counting(), layers.Dense(1)]), backend, run_eagerly=True)
    counts.clear()
    model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    assert len(counts) == 8


def test_validation(backend):
    model = compiled(regression(), backend, metrics=["mae"])
    history = model.fit(X, Y, epochs=2, validation_split=0.25, verbose=0).history
    assert set(history) == {"loss", "mae", "val_loss", "val_mae"}
    loss, mae = model.evaluate(X[24:], Y[24:], verbose=0)
    assert (history["val_loss"][-1], history["val_mae"][-1]) == pytest.approx((loss, mae), rel=1e-5)
    history = model.fit(X, Y, epochs=4, validation_data=(X[:8], Y[:8]), validation_freq=2, verbose=0).history
    assert len(history["val_loss"]) == 2 and len(history["loss"]) == 4
    assert history["val_loss"][-1] == pytest.approx(model.evaluate(X[:8], Y[:8], verbose=0)[0], rel=1e-5)


def test_early_stopping(backend):
    model = compiled(regression(), backend)
    model.fit(X, Y, verbose=0)
    stop = callbacks.EarlyStopping("loss", min_delta=1e9, patience=2, restore_best_weights=True)
    history = model.fit(X, Y, epochs=20, callbacks=[stop], verbose=0)
    assert len(history.epoch) == 3 and stop.stopped_epoch == 2
    assert model.evaluate(X, Y, verbose=0) < history.history["loss"][0]  # those after the first epoch


def test_checkpoints_of_weights(backend, tmp_path):
    path = str(tmp_path / "best.weights.h5")
    model = compiled(regression(layers.BatchNormalization()), backend, optimizer="adam")
    save = callbacks.ModelCheckpoint(path, monitor="loss", save_weights_only=True, save_best_only=True)
    model.fit(X, Y, epochs=3, callbacks=[save], verbose=0)
    best = model.get_weights()
    model.set_weights([w * 0 for w in best])
    model.load_weights(path)
    same(model.get_weights(), best)


def test_sample_weights_and_class_weights(backend):
    weights = np.where(LABELS == 1, 3.0, 0.5).astype("float32")
    results = []
    for how in ({"class_weight": {0: 0.5, 1: 3.0}}, {"sample_weight": weights}, {}):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([layers.Input((4,)), layers.Dense(2, activation="softmax")])
        compiled(model, backend, "sparse_categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["accuracy"])
        results.append(model.fit(X, LABELS, epochs=2, verbose=0, shuffle=False, **how).history)
    assert set(results[0]) == {"loss", "accuracy", "weighted_accuracy"}
    for key in results[0]:
        np.testing.assert_allclose(results[0][key], results[1][key], rtol=1e-5, err_msg=key)
    assert results[2]["loss"] != results[0]["loss"]
    assert results[2]["accuracy"] == results[2]["weighted_accuracy"]


def test_a_weight_of_zero_leaves_a_sample_out(backend):
    some = np.arange(32) < 20
    results = []
    for data in ((X, Y, {"sample_weight": some.astype("float32")}), (X[some], Y[some], {})):
        keras.utils.set_random_seed(1)
        model = compiled(regression(), backend, losses.MeanSquaredError(reduction="sum"), optimizers.SGD(0.001))
        model.fit(*data[:2], batch_size=32, epochs=3, shuffle=False, verbose=0, **data[2])
        results.append(model.get_weights())
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_single_batches(backend):
    model = compiled(regression(), backend, metrics=["mae"])
    loss, mae = model.test_on_batch(X, Y)
    assert model.train_on_batch(X, Y, return_dict=True) == pytest.approx({"loss": loss, "mae": mae}, rel=1e-5)
    assert model.test_on_batch(X, Y)[0] < loss
    np.testing.assert_allclose(model.predict_on_batch(X), model.predict(X, verbose=0), rtol=1e-5, atol=1e-6)


def test_all_ways_to_call_give_the_same(backend):
    model = regression(layers.BatchNormalization(), layers.Dropout(0.5))
    expected = model.predict(X, batch_size=5, verbose=0)
    tensor = backend_registry.get(backend).convert(X)
    for out in (model(X), model(tensor), model(tensor, training=False), model.call(tensor)):
        np.testing.assert_allclose(plain(out), expected, rtol=1e-5, atol=1e-6)


def test_one_batch_that_nobody_watches(backend):
    """A small `predict` takes a shorter way than the loop, and gives the same; whatever it may not take goes through the loop."""
    model = compiled(regression(), backend)
    watched = model.predict(X, verbose=0, callbacks=[keras.callbacks.Callback()])  # gets the model ready, in the loop
    kinds = ((X, watched), (X.astype("float64"), watched), (X[::-1], watched[::-1]), (X[:1], watched[:1]), (np.asfortranarray(X), watched))
    for x, expected in kinds:
        for _ in range(2):
            np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)
    model.set_weights([w * 2 for w in model.get_weights()])
    np.testing.assert_allclose(model.predict(X, verbose=0), model.predict(X, batch_size=3, verbose=0), rtol=1e-5, atol=1e-6)
    for batch_size in (0, 2.5):
        with pytest.raises(ValueError, match="batch_size"):
            model.predict(X, batch_size=batch_size, verbose=0)
    with pytest.raises(ValueError, match="there is no data"):
        model.predict(X[:0], verbose=0)


def test_outputs_are_no_views_of_inputs(backend):
    same = keras.Sequential([layers.Input((4,)), layers.Identity()])
    same.compile(backend=backend)
    for _ in range(2):
        x = X.copy()
        out = same.predict(x, verbose=0)
        x[:] = -1
        np.testing.assert_array_equal(out, X)


# ------------------------------------------------------------------------------------------------ names


def test_names_of_layers_and_weights():
    model = keras.Sequential([layers.Input((4,)), layers.Dense(3), layers.Dense(2), layers.ReLU()])
    assert (model.name, [x.name for x in model.layers]) == ("sequential", ["dense", "dense_1", "re_lu"])
    assert [v.path for v in model.weights] == ["sequential/dense/kernel", "sequential/dense/bias", "sequential/dense_1/kernel",
                                               "sequential/dense_1/bias"]  # fmt: skip
    assert layers.Dense(1).name == "dense_2"
    keras.utils.clear_session()
    assert layers.Dense(1).name == "dense"
    assert keras.Sequential(name="mine").name == "mine" and keras.Sequential().name == "sequential"


def test_targets_for_those_outputs_only_that_have_a_loss(backend):
    x = keras.Input((2,))
    h = layers.Dense(3)(x)
    model = keras.Model(x, [h, layers.Dense(1)(h)])
    model.compile(loss=["mse", None], backend=backend)
    assert model.evaluate(np.ones((8, 2)), np.ones((8, 3)), verbose=0) > 0


def test_a_pydataset_without_length_can_be_iterated_over():
    class Endless(keras.utils.PyDataset):
        def __getitem__(self, index):
            return index

    assert list(itertools.islice(Endless(), 3)) == [0, 1, 2]


def test_another_batch_size_than_the_recorded_one():
    x = keras.Input((2,), batch_size=3)
    assert keras.Model(x, layers.Dense(4)(x)).predict(np.ones((5, 2)), verbose=0).shape == (5, 4)


def test_a_variable_keeps_nothing_of_the_users_array():
    given, assigned = np.ones(3, "float32"), np.full(3, 2, "float32")
    variable = keras.Variable(given)
    given[0] = 7
    np.testing.assert_array_equal(variable.numpy(), [1, 1, 1])
    variable.assign(assigned)
    assigned[0] = 7
    np.testing.assert_array_equal(variable.numpy(), [2, 2, 2])


@pytest.mark.parametrize("wrap", [list, tuple])
def test_a_model_of_one_output_in_a_list_gives_the_output(wrap):
    x = layers.Input((3,))
    model = keras.Model(x, wrap([layers.Dense(2)(x)]))
    assert type(model.output) is wrap and model.output_shape == (None, 2)
    assert keras.Model(x, layers.Dense(1)(model(x))).output_shape == (None, 1)
    assert model.predict(np.ones((4, 3)), verbose=0).shape == (4, 2)
    assert keras.models.clone_model(model)(np.ones((4, 3))).shape == (4, 2)
