"""Running on TensorFlow: variables in TensorFlow's own code, steps that are traced, custom steps and loops."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

import kerastorch as keras  # noqa: E402
from kerastorch import backend_registry, layers, ops  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4)).astype("float32")
Y = (X @ RNG.normal(size=(4, 3))).argmax(1).astype("int32")


@pytest.fixture(autouse=True)
def backend():
    with backend_registry.using("tensorflow") as chosen:
        yield chosen


@pytest.fixture
def model():
    keras.utils.set_random_seed(1)
    return keras.Sequential([layers.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(3, activation="softmax")])


def compiled(model, optimizer="sgd", **more):
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], backend="tensorflow", **more)
    return model


def traces(model):
    return model._training.steps.train.experimental_get_tracing_count()


# ------------------------------------------------------------------------------------------------ variables


@pytest.fixture
def variable(backend):
    v = keras.Variable(np.array([1.0, 2.0, 3.0], "float32"), name="v")
    backend.adopt(v)
    return v


def test_value_is_the_variable_itself(variable):
    assert isinstance(variable.value, tf.Variable)
    variable.value.assign_add([1.0, 1.0, 1.0])
    assert variable.numpy().tolist() == [2.0, 3.0, 4.0]


def test_tensorflow_s_functions_take_variables(variable):
    assert tf.reduce_sum(tf.square(variable)) == 14.0
    assert (tf.constant(1.0) + variable).numpy().tolist() == [2.0, 3.0, 4.0]
    assert (variable * tf.constant(2.0)).numpy().tolist() == [2.0, 4.0, 6.0]
    assert tf.stack([variable, variable]).shape == (2, 3)
    assert tf.convert_to_tensor(variable).dtype == tf.float32
    assert tf.function(lambda: tf.reduce_sum(variable))() == 6.0


def test_variables_elsewhere_are_taken_too():
    assert tf.reduce_sum(keras.Variable(np.ones(3))) == 3.0
    there = keras.Variable(np.ones(3, "float32"))
    backend_registry.get("torch").adopt(there)
    assert tf.reduce_sum(there) == 3.0 and there.backend.name == "torch"


def test_variables_are_sources_of_a_tape(variable):
    other = keras.Variable(2.0)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(variable)) * other
    gradients = tape.gradient(loss, [variable, other])
    assert gradients[0].numpy().tolist() == [4.0, 8.0, 12.0] and gradients[1] == 14.0


def test_watching_the_value(variable):
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(variable.value)
        loss = ops.sum(ops.square(variable))
    assert tape.gradient(loss, variable).numpy().tolist() == [2.0, 4.0, 6.0]


def test_attributes_that_are_borrowed(variable):
    assert variable.handle.dtype == tf.resource and "CPU" in variable.device
    assert not hasattr(keras.Variable(1.0), "handle")


def test_assigning_inside_a_function(variable):
    @tf.function
    def double():
        variable.assign(variable * 2.0)
        variable.assign_sub(1.0)
        return variable + 0.0

    assert double().numpy().tolist() == [1.0, 3.0, 5.0]
    assert double().numpy().tolist() == variable.numpy().tolist() == [1.0, 5.0, 9.0]


def test_variables_made_while_tracing():
    made = []

    @tf.function
    def first(x):
        if not made:
            made.append(layers.Dense(2))
        return made[0](x)

    assert first(tf.constant(X)).shape == (50, 2)
    assert made[0].kernel.shape == (4, 2) and made[0].kernel.numpy().any()


# ------------------------------------------------------------------------------------------------ steps


def test_steps_are_traced_once_for_each_kind_of_batch(model):
    compiled(model).fit(X[:48], Y[:48], batch_size=16, epochs=3, verbose=0)
    assert traces(model) == 1
    model.fit(X, Y, batch_size=16, epochs=2, verbose=0)  # ends in a batch of 2
    assert traces(model) == 2
    model.fit(X[:47], Y[:47], batch_size=15, verbose=0)
    assert traces(model) == 2


def test_running_eagerly_traces_nothing(model):
    seen = []

    class Spy(layers.Layer):
        def call(self, x):
            seen.append(tf.executing_eagerly())
            return x

    spied = keras.Sequential([layers.Input((4,)), Spy(), layers.Dense(3, activation="softmax")])
    seen.clear()
    compiled(spied, run_eagerly=True).fit(X, Y, batch_size=25, verbose=0)
    assert seen == [True, True]


def test_xla_gives_the_same(model):
    start = model.get_weights()
    losses = []
    for jit in (False, True):
        model.set_weights(start)
        losses.append(compiled(model, jit_compile=jit).fit(X, Y, shuffle=False, verbose=0).history["loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


def test_the_learning_rate_can_be_changed_without_a_new_trace(model):
    compiled(model, "adam").fit(X, Y, batch_size=25, verbose=0)
    weights = model.get_weights()
    model.optimizer.learning_rate = 0.0
    model.fit(X, Y, batch_size=25, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights(), strict=True))
    assert traces(model) == 1 and int(model.optimizer.iterations) == 4


@pytest.mark.parametrize(
    "settings",
    [{"use_ema": True, "ema_overwrite_frequency": 2}, {"gradient_accumulation_steps": 2}, {"clipnorm": 0.1}, {"weight_decay": 0.1}],
    ids=lambda s: next(iter(s)),
)
def test_a_traced_update_is_the_eager_one(model, settings):
    start, found = model.get_weights(), []
    for eager in (False, True):
        model.set_weights(start)
        compiled(model, keras.optimizers.Adam(0.05, **settings), run_eagerly=eager)
        model.fit(X, Y, batch_size=10, epochs=2, shuffle=False, verbose=0)
        found.append(model.get_weights())
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_scaled_losses_in_half_precision():
    half = keras.Sequential([layers.Input((4,)), layers.Dense(3, activation="softmax", dtype="mixed_float16")])
    compiled(half, keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)))
    losses = half.fit(X, Y, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_a_dataset_of_tensorflow(model):
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(25)
    history = compiled(model).fit(data, epochs=2, verbose=0).history
    assert history["loss"][1] < history["loss"][0] and model.predict(data, verbose=0).shape == (50, 3)


def test_the_better_loss_is_used(model):
    steps = compiled(model)._training
    model.fit(X, Y, verbose=0)
    assert steps.steps.loss_of_logits is not None
    from kerastorch import passes

    with passes.without("logits_to_loss"):
        compiled(model).fit(X, Y, verbose=0)
    assert model._training.steps.loss_of_logits is None


def test_weights_go_from_torch_to_tensorflow_and_back(model):
    outputs = []
    for name in ("torch", "tensorflow", "torch"):
        model.compile("sgd", "sparse_categorical_crossentropy", backend=name)
        outputs.append(model.predict(X, verbose=0))
        model.fit(X, Y, verbose=0)
        outputs.append(model.predict(X, verbose=0))
        assert {v.backend.name for v in model.weights} == {name}
    for before, after in zip(outputs[1::2], outputs[2::2], strict=False):
        np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-6)
    assert all(np.abs(a - b).max() > 1e-4 for a, b in zip(outputs[::2], outputs[1::2], strict=True))


# ------------------------------------------------------------------------------------------------ custom steps and loops


class Tagger(keras.Model):
    """A model of a user who knows TensorFlow: its call and its steps are written with it."""

    def __init__(self):
        super().__init__()
        self.table, self.head = layers.Embedding(5, 3), layers.Dense(3)
        self.eager = []

    def call(self, x, training=None):
        rows = self.table(tf.cast(x[:, 0] > 0, tf.int32))
        return tf.nn.softmax(self.head(tf.concat([x, rows], axis=1)))

    def train_step(self, data):
        x, y = data
        self.eager.append(tf.executing_eagerly())
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}


@pytest.mark.parametrize("eager", [False, True])
def test_a_train_step_with_a_tape(eager):
    model = compiled(Tagger(), "adam", run_eagerly=eager)
    history = model.fit(X, Y, batch_size=25, epochs=20, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] and set(history) == {"loss", "accuracy"}
    assert set(model.eager) == {eager} and (eager or len(model.eager) == 1)
    assert model.evaluate(X, Y, verbose=0)[0] < history["loss"][0]


def test_an_inherited_train_step_and_logs_of_one_s_own():
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = layers.Dense(3, activation="softmax")

        def call(self, x):
            return self.head(x)

        def train_step(self, data):
            return {**super().train_step(data), "more": tf.constant(7.0)}

        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            return {**super().compute_metrics(x, y, y_pred, sample_weight), "mean": ops.mean(y_pred)}

    logs = compiled(Net()).fit(X, Y, verbose=0).history
    assert logs["more"] == [7.0] and logs["mean"][0] == pytest.approx(1 / 3) and "accuracy" in logs


@pytest.mark.parametrize("graph", [False, True])
def test_a_loop_of_one_s_own(model, graph):
    optimizer, loss_of = keras.optimizers.Adam(0.05), keras.losses.SparseCategoricalCrossentropy()
    metric = keras.metrics.SparseCategoricalAccuracy()

    def step(x, y):
        with tf.GradientTape() as tape:
            y_pred = model(x, training=True)
            loss = loss_of(y, y_pred)
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_weights), model.trainable_weights, strict=True))
        metric.update_state(y, y_pred)
        return loss

    run = tf.function(step) if graph else step
    losses = [float(run(tf.constant(X), tf.constant(Y))) for _ in range(30)]
    assert losses[-1] < 0.5 * losses[0] and float(metric.result()) > 0.5 and int(optimizer.iterations) == 30


def test_gradients_by_the_backend_s_verb(model, backend):
    def function():
        out = model(tf.constant(X))
        return ops.mean(out[:, 0]), out

    (loss, out), gradients = backend.value_and_gradients(function, model.trainable_weights)
    assert loss.shape == () and out.shape == (50, 3)
    assert [tuple(g.shape) for g in gradients] == [v.shape for v in model.trainable_weights]
    assert all(np.abs(g).max() > 0 for g in gradients)
    unused = keras.Variable(np.ones(2, "float32"))
    assert backend.value_and_gradients(function, [unused])[1][0].numpy().tolist() == [0.0, 0.0]
