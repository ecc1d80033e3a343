"""Models whose lowering is tested: one for each record about a layer in compat_tests, and those below."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import kerastorch as keras
from compat_tests.cases import layers_attention, layers_core, layers_merging, layers_recurrent, layers_spatial
from compat_tests.cases.layer_case import Case, Data, ints
from kerastorch import layers, ops, scope, tree

IMAGE, SEQUENCE, MASK = (2, 7, 6, 4), (3, 5, 4), (3, 5)
FIRST = {"data_format": "channels_first"}
CELLS = ("SimpleRNN", "LSTM", "GRU")
STATES = {"return_sequences": True, "return_state": True}

# What the records of compat_tests leave out: several results, and options that only lowering sees.
MORE = [
    Case("Dense", (3, 5), {"units": 4, "activation": "gelu"}),
    Case("Dense", (3, 5), {"units": 1, "activation": "sigmoid"}),
    Case("Conv1D", (2, 7, 4), {"filters": 3, "kernel_size": 3, "padding": "same"}),
    Case("Conv2D", IMAGE, {"filters": 3, "kernel_size": 3, "activation": "softmax"}),
    Case("Conv2D", (2, 4, 7, 6), {"filters": 3, "kernel_size": 3, **FIRST}),
    Case("MaxPooling1D", (2, 4, 7), FIRST),
    Case("BatchNormalization", (6, 5), {"center": False, "scale": False}),
    Case("BatchNormalization", (1, 5), note="one-sample"),
    Case("BatchNormalization", (4, 3, 2, 6), {"axis": 2}),
    Case("BatchNormalization", (4, 3, 2, 6), {"trainable": False}),
    *(Case(name, SEQUENCE, {"units": 3, **STATES}) for name in CELLS),
    *(Case(name, SEQUENCE, {"units": 3, **STATES}, mask=MASK) for name in CELLS),
    *(Case(name, SEQUENCE, {"units": 3, "go_backwards": True, "return_state": True}) for name in CELLS),
    *(Case(name, SEQUENCE, {"units": 3, "activation": "relu", "return_sequences": True}) for name in CELLS),
    Case("Bidirectional", SEQUENCE, lambda k: {"layer": k.layers.LSTM(3, **STATES)}, mask=MASK, note="states"),
    Case("Bidirectional", SEQUENCE, lambda k: {"layer": k.layers.GRU(3), "merge_mode": None}, note="apart"),
]  # fmt: skip
FAMILIES = (layers_attention, layers_core, layers_spatial, layers_merging, layers_recurrent)
LAYERS = list({c.id: c for c in [*(c for family in FAMILIES for c in family.CASES), *MORE]}.values())


@dataclass(frozen=True)
class Program:
    """A model, and data for it.

    Attributes:
        id: Its name in the tests' output.
        build: Makes the model; called several times, it gives equal ones.
        data: What its inputs are like, in order.
        training: Whether a call in training gives one certain result.
        tolerance: Relative and absolute, for native lowering against generic; gradients are allowed ten times as much.
        ours: Whether the model has only layers of the package, so that nothing else runs in the lowered module.
    """

    id: str
    build: Callable[[], Any]
    data: list[Data]
    training: bool = True
    tolerance: tuple[float, float] = (1e-5, 1e-5)
    ours: bool = True

    def model(self) -> Any:
        """The model with random weights."""
        scope.reset_names()  # without the garbage collection of clear_session, which takes longer than all the rest
        model = self.build()
        rng = self.random()
        for v in model.weights:
            v.assign(rng.uniform(0.5 if "variance" in v.path or "stddev" in v.path else -1.0, 1.0, v.shape).astype(v.dtype))
        return model

    def arrays(self) -> list[Any]:
        """Values of the inputs."""
        rng = self.random()
        return [drawn(rng, d) for d in self.data]

    def random(self) -> Any:
        return np.random.default_rng(zlib.crc32(self.id.encode()))


def drawn(rng: Any, d: Data) -> Any:
    if d.dtype == "bool":
        return rng.uniform(size=d.shape) < 0.6
    return (rng.integers(0, d.below, d.shape) if d.below else rng.normal(size=d.shape)).astype(d.dtype)


def of_layer(case: Case) -> Program:
    """A model of one layer; masks are inputs of it."""

    def build():
        inputs = []
        for i, d in enumerate(case.data):
            shape = [None if a in case.unknown else n for a, n in enumerate(d.shape)][1:]
            inputs.append(layers.Input(shape, dtype=d.dtype, name=f"x{i}"))
        masks = [None if s is None else layers.Input(s[1:], dtype="bool", name=f"mask{i}") for i, s in enumerate(case.masks)]
        for x, mask in zip(inputs, masks, strict=True):
            x.mask = mask
        layer = getattr(layers, case.layer)(**case.arguments(keras))
        out = layer(*case.packed(inputs), **case.keywords)
        return keras.Model([*inputs, *(m for m in masks if m is not None)], out)

    data = [*case.data, *(Data(s, "bool") for s in case.masks if s is not None)]
    return Program(case.id, build, data, case.training, case.tolerance, ours=case.layer != "Lambda")


# ------------------------------------------------------------------------------------------------ models

PROGRAMS: list[Program] = []


def program(*data: Any, **more: Any) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Enters a function that makes a model into the list."""

    def enter(build):
        shapes = [d if isinstance(d, Data) else Data(d) for d in data]
        PROGRAMS.append(Program(build.__name__, build, shapes, **more))
        return build

    return enter


@program((2, 8, 8, 3), training=False)
def convnet():
    return keras.Sequential([
        layers.Input((8, 8, 3)), layers.Rescaling(0.5), layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization(),
        layers.MaxPooling2D(), layers.Flatten(), layers.Dropout(0.5), layers.Dense(10, activation="softmax")])  # fmt: skip


@program(ints(3, 5, below=4))
def masked_text():
    words = layers.Input((5,), dtype="int32")
    x = layers.Embedding(4, 3, mask_zero=True)(words)
    x = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(x)
    x = layers.GRU(3, activation="relu", return_sequences=True)(x)
    return keras.Model(words, layers.Dense(1, activation="sigmoid")(layers.GlobalAveragePooling1D()(x)))


@program(Data((3, 5, 2), below=2))
def masking_layer():
    return keras.Sequential([layers.Input((5, 2)), layers.Masking(), layers.LSTM(3)])


@program((3, 5, 4))
def encoder_decoder():
    steps = layers.Input((5, 4))
    _, h, c = layers.LSTM(3, return_state=True)(steps)
    return keras.Model(steps, layers.LSTM(3, return_sequences=True)(steps, initial_state=[h, c]))


@program((3, 4))
def nested():
    inner = keras.Sequential([layers.Input((4,)), layers.Dense(3, activation="tanh"), layers.BatchNormalization()], name="inner")
    start = layers.Input((4,))
    outer = keras.Model(start, [inner(start), layers.Dense(2)(start)], name="outer")
    x = layers.Input((4,))
    a, b = outer(x)
    return keras.Model(x, layers.Concatenate()([a, b, inner(x)]))


@program((3, 4), (3, 4))
def shared_layer():
    a, b = layers.Input((4,), name="a"), layers.Input((4,), name="b")
    twice = layers.Dense(4, activation="relu")
    return keras.Model([a, b], layers.Add()([twice(a), twice(twice(b))]))


@program((3, 4), (3, 2))
def dicts():
    inputs = {"left": layers.Input((4,), name="left"), "right": layers.Input((2,), name="right")}
    x = layers.Concatenate()(list(inputs.values()))
    return keras.Model(inputs, {"score": layers.Dense(1, name="score")(x), "parts": [layers.Dense(2)(x), layers.ReLU()(x)]})


@program((3, 4), (3, 4))
def operators():
    a, b = layers.Input((4,)), layers.Input((4,))
    x = layers.Dense(4)(a) * b + 1.0
    y = ops.sum(x[:, 1:3], axis=1, keepdims=True) - ops.relu(b)
    return keras.Model([a, b], ops.concatenate([x, y, ops.ones_like(a)], axis=-1))


@program((2, 5, 5, 3))
def residual_block():
    x = layers.Input((5, 5, 3))
    h = layers.Activation("relu")(layers.BatchNormalization()(layers.Conv2D(3, 3, padding="same")(x)))
    return keras.Model(x, layers.GlobalMaxPooling2D()(layers.Multiply()([layers.Add()([x, h]), h * 2.0])))


@program((3, 4), training=False)
def modes_fixed_by_the_caller():
    x = layers.Input((4,))
    norm = layers.BatchNormalization()
    return keras.Model(x, [norm(x, training=False), norm(x), layers.Dropout(0.5)(x, training=False), layers.Dropout(0.5)(x)])


@program((2, 5, 5, 2))
def frozen_part():
    base = keras.Sequential([layers.Input((5, 5, 2)), layers.Conv2D(3, 3), layers.BatchNormalization()])
    base.trainable = False
    return keras.Sequential([layers.Input((5, 5, 2)), base, layers.Flatten(), layers.Dense(2)])


@program((4, 3, 2, 6), (4, 5, 2, 6))
def shared_for_two_shapes():
    a, b = layers.Input((3, 2, 6)), layers.Input((5, 2, 6))
    norm, steps = layers.BatchNormalization(axis=2), layers.GRU(3, reset_after=False)
    ends = [steps(layers.Reshape((-1, 12))(norm(x))) for x in (a, b)]
    return keras.Model([a, b], [*ends, norm(b, training=False)])


class Scaled(layers.Layer):
    """A layer as users write them, over ops."""

    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
        self.heads = [layers.Dense(3), layers.Dense(3, activation="relu")]

    def build(self, input_shape):
        self.shift = self.add_weight((input_shape[-1],), "ones", name="shift")
        self.seen = self.add_weight((), "zeros", trainable=False, name="seen")
        for head in self.heads:
            head.build(input_shape)

    def call(self, inputs, training=None):
        if training:
            self.seen.assign_add(1.0)
            inputs = inputs * self.factor
        x = inputs + self.shift
        return sum(head(x) for head in self.heads)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 3)


@program((3, 4), ours=False)
def layer_of_a_user():
    return keras.Sequential([layers.Input((4,)), Scaled(), layers.Dense(2)])


@program((3, 4), ours=False)
def lambdas():
    x = layers.Input((4,))
    return keras.Model(x, layers.Lambda(lambda t: ops.square(t) + 1.0)(layers.Lambda(lambda t, k: t * k, arguments={"k": 3.0})(x)))


ALL = [*map(of_layer, LAYERS), *PROGRAMS]


def flat(outputs: Any) -> list[Any]:
    """The leaves of a nest of outputs."""
    return tree.leaves(outputs)
