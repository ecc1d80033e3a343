"""Learning curves against reference Keras, on every backend: the same start and data, and then the same numbers at each step."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

import kerastorch

SAMPLES, BATCH, EPOCHS = 160, 16, 5  # 50 steps
RNG = np.random.default_rng(11)
TABLE = RNG.normal(size=(SAMPLES, 8)).astype("float32")
CLASSES = (TABLE @ RNG.normal(size=(8, 3))).argmax(1).astype("int32")
NUMBERS = (TABLE @ RNG.normal(size=(8, 2))).astype("float32")
IMAGES = RNG.normal(size=(SAMPLES, 8, 8, 2)).astype("float32")
WORDS = RNG.integers(1, 20, size=(SAMPLES, 4)) * (np.arange(4) < RNG.integers(2, 5, size=(SAMPLES, 1)))
MOOD = (WORDS.sum(1) % 2).astype("float32")[:, None]
NOISE = RNG.normal(size=(SAMPLES, 4)).astype("float32")

# ---------------------------------------------------------------- models; `k` is the package


def mlp(k, dtype=None):
    return k.Sequential([
        k.layers.Input((8,)), k.layers.Dense(16, "relu", dtype=dtype), k.layers.Dense(16, "tanh", dtype=dtype),
        k.layers.Dense(3, "softmax", dtype=dtype and "float32"),
    ])  # fmt: skip


def convnet(k):
    return k.Sequential([
        k.layers.Input((8, 8, 2)), k.layers.Conv2D(4, 3, use_bias=False), k.layers.BatchNormalization(),
        k.layers.Activation("relu"), k.layers.MaxPooling2D(), k.layers.Conv2D(6, 2, strides=2, padding="same", use_bias=False),
        k.layers.BatchNormalization(momentum=0.8), k.layers.Flatten(), k.layers.Dense(3, "softmax"),
    ])  # fmt: skip


def lstm(k):
    return k.Sequential([
        k.layers.Input((4,), dtype="int32"), k.layers.Embedding(20, 6, mask_zero=True),
        k.layers.LSTM(8), k.layers.Dense(1, "sigmoid"),
    ])  # fmt: skip


def transformer(k):  # without biases of keys, to which attention is indifferent: they would learn from roundings alone
    class Places(k.layers.Layer):
        def build(self, input_shape):
            self.table = self.add_weight(shape=input_shape[1:], initializer="glorot_uniform", name="table")

        def call(self, inputs):
            return inputs + self.table

    words = k.layers.Input((4,), dtype="int32")
    x = k.layers.LayerNormalization()(Places()(k.layers.Embedding(20, 12)(words)))
    x = k.layers.LayerNormalization()(x + k.layers.MultiHeadAttention(3, 4, use_bias=False)(x, x))
    x = k.layers.LayerNormalization()(x + k.layers.Dense(12)(k.layers.Dense(24, "gelu")(x)))
    return k.Model(words, k.layers.Dense(3)(k.layers.GlobalAveragePooling1D()(x)))


def several(k):
    inputs = k.layers.Input((8,))
    x = k.layers.Dense(12, "elu")(inputs)
    return k.Model(inputs, {"kind": k.layers.Dense(3, "softmax", name="kind")(x), "size": k.layers.Dense(2, name="size")(x)})


# A user's own steps are written in the framework's own way, which on torch is the reference's too.


def torch_step(loss_of, part, optimizer):
    part.zero_grad()
    loss = loss_of()
    loss.backward()
    variables = part.trainable_variables
    with torch.no_grad():
        optimizer.apply([v.value.grad for v in variables], variables)
    return loss


def tensorflow_step(loss_of, part, optimizer):
    with tf.GradientTape() as tape:
        loss = loss_of()
    optimizer.apply(tape.gradient(loss, part.trainable_variables), part.trainable_variables)
    return loss


STEPS = {"torch": torch_step, "tensorflow": tensorflow_step}


def autoencoder(k, step=torch_step):
    class Autoencoder(k.Model):
        def __init__(self):
            super().__init__()
            self.encoder = k.Sequential([k.layers.Input((8,)), k.layers.Dense(6, "relu"), k.layers.Dense(3)])
            self.decoder = k.Sequential([k.layers.Input((3,)), k.layers.Dense(6, "relu"), k.layers.Dense(8)])
            self.mean_loss = k.metrics.Mean(name="reconstruction")

        def call(self, inputs, training=False):
            return self.decoder(self.encoder(inputs, training=training), training=training)

        def train_step(self, data):
            x, y = data
            rebuilt = lambda: self.loss_fn(y, self(x, training=True))
            self.mean_loss.update_state(step(rebuilt, self, self.optimizer))
            return {"reconstruction": self.mean_loss.result()}

        def compile(self, optimizer, loss, **more):
            super().compile(optimizer, **more)
            self.loss_fn = loss

        @property
        def metrics(self):
            return [self.mean_loss]

    model = Autoencoder()
    model(np.zeros((1, 8), "float32"))
    return model


def gan(k, step=torch_step):
    class GAN(k.Model):
        def __init__(self):
            super().__init__()
            self.maker = k.Sequential([k.layers.Input((4,)), k.layers.Dense(12, "leaky_relu"), k.layers.Dense(8)])
            self.judge = k.Sequential([k.layers.Input((8,)), k.layers.Dense(12, "leaky_relu"), k.layers.Dense(1)])
            self.means = [k.metrics.Mean(name="judge_loss"), k.metrics.Mean(name="maker_loss")]
            self.built = True  # there is nothing that a `call` could be

        def compile(self, optimizer, loss, **more):
            super().compile(**more)
            self.optimizers, self.loss_fn = optimizer, loss

        @property
        def metrics(self):
            return self.means

        def train_step(self, data):
            real, noise = data
            made = self.maker(noise)
            n = k.ops.shape(real)[0]
            true, false = k.ops.ones((n, 1)), k.ops.zeros((n, 1))
            judged = lambda: self.loss_fn(true, self.judge(real)) + self.loss_fn(false, self.judge(k.ops.stop_gradient(made)))
            fooled = lambda: self.loss_fn(true, self.judge(self.maker(noise)))
            parts = (judged, self.judge), (fooled, self.maker)
            for mean, optimizer, (loss_of, part) in zip(self.means, self.optimizers, parts, strict=True):
                mean.update_state(step(loss_of, part, optimizer))
            return {m.name: m.result() for m in self.means}

    return GAN()


# ---------------------------------------------------------------- records


@dataclasses.dataclass(frozen=True)
class Curve:
    """A model, how it is compiled, and what it learns.

    Attributes:
        id: Name of the test.
        make: Makes the model with a package, and with `step` where it has steps of its own.
        x, y: Data.
        loss: Makes the loss with a package, or its name.
        optimizer: Makes the optimizer, or several, with a package.
        compile: Further arguments.
        own: Whether the model has steps of its own.
        tolerance: Of losses and metrics, relative.
    """

    id: str
    make: Callable
    x: Any
    y: Any
    loss: Any
    optimizer: Callable
    compile: dict = dataclasses.field(default_factory=dict)
    own: bool = False
    tolerance: float = 1e-4


def crossentropy(k):
    return k.losses.SparseCategoricalCrossentropy(from_logits=True)


ACCURACY = {"metrics": ["accuracy"]}
CURVES = [
    Curve("mlp", mlp, TABLE, CLASSES, "sparse_categorical_crossentropy", lambda k: k.optimizers.Adam(0.01), ACCURACY),
    Curve("convnet", convnet, IMAGES, CLASSES, "sparse_categorical_crossentropy",
          lambda k: k.optimizers.SGD(0.02, momentum=0.9, nesterov=True), ACCURACY),
    Curve("lstm", lstm, WORDS, MOOD, "binary_crossentropy", lambda k: k.optimizers.RMSprop(0.005), ACCURACY),
    Curve("transformer", transformer, WORDS, CLASSES, crossentropy, lambda k: k.optimizers.AdamW(0.005, epsilon=1e-5), ACCURACY),
    Curve("several", several, TABLE, {"kind": CLASSES, "size": NUMBERS},
          {"kind": "sparse_categorical_crossentropy", "size": "mse"}, lambda k: k.optimizers.Nadam(0.005),
          {"loss_weights": {"kind": 1.0, "size": 0.2}, "metrics": {"kind": "accuracy", "size": ["mae"]}}),
    Curve("autoencoder", autoencoder, TABLE, TABLE, lambda k: k.losses.MeanSquaredError(),
          lambda k: k.optimizers.Adam(k.optimizers.schedules.CosineDecay(0.01, 50)), own=True),
    Curve("gan", gan, TABLE, NOISE, lambda k: k.losses.BinaryCrossentropy(from_logits=True),
          lambda k: [k.optimizers.Adam(0.002, beta_1=0.5), k.optimizers.RMSprop(0.002)], own=True),
    # float16 has ten bits of fraction, and where products are rounded to it is the frameworks' choice.
    Curve("mixed_precision", lambda k: mlp(k, "mixed_float16"), TABLE, CLASSES, "sparse_categorical_crossentropy",
          lambda k: k.optimizers.LossScaleOptimizer(k.optimizers.SGD(0.05, momentum=0.9), initial_scale=256.0),
          {"metrics": ["sparse_categorical_crossentropy"]}, tolerance=5e-3),
]  # fmt: skip


def trained(k, curve, start=None, step=None, **more):
    """The logs of each step, and weights and optimizers' variables at the end; and the weights at the start."""
    k.utils.clear_session()
    model = curve.make(k, step) if step is not None and curve.own else curve.make(k)
    if start is not None:
        model.set_weights(start)
    start = model.get_weights()
    optimizer, loss, seen = curve.optimizer(k), curve.loss, []
    model.compile(optimizer, loss(k) if callable(loss) else loss, jit_compile=False, **curve.compile, **more)
    noting = k.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(dict(logs)))
    model.fit(curve.x, curve.y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0, callbacks=[noting])
    kept = [v for o in (optimizer if isinstance(optimizer, list) else [optimizer]) for v in o.variables]
    return start, seen, [*model.get_weights(), *(np.asarray(k.ops.convert_to_numpy(v)) for v in kept)]


@functools.cache
def reference(name):
    """What reference Keras comes to; computed once for all backends."""
    return trained(keras, next(c for c in CURVES if c.id == name))


@pytest.mark.parametrize("case", CURVES, ids=[c.id for c in CURVES])
def test_fifty_steps(case, backend):
    start, expected, state = reference(case.id)
    _, logs, found = trained(kerastorch, case, start, STEPS[backend.name], backend=backend.name)
    assert len(logs) == len(expected) == SAMPLES // BATCH * EPOCHS
    for step, (ours, theirs) in enumerate(zip(logs, expected, strict=True)):
        assert list(ours) == list(theirs)
        for name, value in theirs.items():
            np.testing.assert_allclose(ours[name], value, rtol=case.tolerance, err_msg=f"{name} of step {step}")
    for i, (ours, theirs) in enumerate(zip(found, state, strict=True)):
        size = np.abs(theirs).max()
        np.testing.assert_allclose(ours, theirs, rtol=case.tolerance, atol=case.tolerance * size, err_msg=str(i))
