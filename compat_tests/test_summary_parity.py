"""`model.summary()` against reference Keras, to the byte."""

import numpy as np
import pytest

import kerastorch
from kerastorch.models.summary import readable_size

reference = pytest.importorskip("keras")


@pytest.fixture(autouse=True)
def fresh_names(monkeypatch):
    """Both sides start naming afresh, on a terminal of the same width."""
    monkeypatch.setenv("COLUMNS", "124")
    reference.utils.clear_session()
    kerastorch.utils.clear_session()


def stack(k):
    return k.Sequential(
        [
            k.layers.Input((8, 8, 3)),
            k.layers.Conv2D(4, 3),
            k.layers.MaxPooling2D(),
            k.layers.Flatten(),
            k.layers.Dropout(0.5),
            k.layers.Dense(10, activation="softmax"),
        ]
    )


def unbuilt(k):
    return k.Sequential(
        [k.layers.Dense(3, activation="relu"), k.layers.Dropout(0.2), k.layers.Flatten(), k.layers.LSTM(2)]
    )


def deferred(k):
    model = k.Sequential([k.layers.Dense(3, activation="relu"), k.layers.Dropout(0.2)])
    model.build((None, 4))
    return model


def chain(k):
    x = inputs = k.Input((4,), name="features")
    for units in (8, 2000):
        x = k.layers.Dense(units, activation="tanh")(x)
    return k.Model(inputs, x, name="a_model_[with]_brackets")


def shared_in_a_chain(k):
    dense = k.layers.Dense(4)
    inputs = k.Input((4,))
    return k.Model(inputs, dense(dense(inputs)))


def branches(k):
    a, b = k.Input((4,), name="left"), k.Input((4,), name="right")
    dense = k.layers.Dense(4)
    x = k.layers.Add()([dense(a), dense(b)])
    return k.Model([a, b], [k.layers.Dense(1, name="score")(x), k.layers.Dense(2)(x)])


def operators(k):
    a, b = k.Input((4,)), k.Input((4,))
    x = k.layers.Dense(4)(a) * b + 1.0
    y = k.ops.sum(x[:, 1:3], axis=1, keepdims=True) - k.ops.relu(b)
    return k.Model([a, b], k.ops.concatenate([x, y], axis=-1))


def masks(k):
    words = k.Input((5,), dtype="int32", name="words")
    x = k.layers.Embedding(10, 4, mask_zero=True)(words)
    h = k.layers.LSTM(3)(x)
    return k.Model(words, k.layers.Concatenate()([h, k.layers.GRU(2)(x)]))


def bidirectional(k):
    words = k.Input((5,), dtype="int32", name="words")
    x = k.layers.Embedding(10, 4, mask_zero=True)(words)
    return k.Model(words, k.layers.Bidirectional(k.layers.LSTM(3, return_sequences=True))(x))


def several_outputs(k):
    inputs = k.Input((5, 2))
    x, h, c = k.layers.LSTM(3, return_state=True, return_sequences=True)(inputs)
    return k.Model(inputs, [x, h, c])


def nested(k):
    inner = k.Sequential([k.layers.Input((3,)), k.layers.Dense(2), k.layers.BatchNormalization()], name="inner")
    start = k.Input((2,))
    head = k.Model(start, k.layers.Dense(2)(start), name="head")
    inputs = k.Input((3,), name="x")
    x = inner(inputs)
    return k.Model(inputs, [head(x), head(k.layers.ReLU()(x))])


def nested_stack(k):
    inner = k.Sequential([k.layers.Input((3,)), k.layers.Dense(2), k.layers.Dense(3)], name="inner")
    return k.Sequential([k.layers.Input((3,)), inner, k.layers.Dense(1)])


def frozen(k):
    model = stack(k)
    model.layers[0].trainable = False
    return model


def subclass_of(k):
    class Two(k.Model):
        def __init__(self):
            super().__init__()
            self.first, self.rest = k.layers.Dense(3), [k.layers.Dense(2), k.layers.Dropout(0.5)]

        def call(self, x):
            return self.rest[0](self.first(x))

    return Two()


def subclassed(k):
    return subclass_of(k)


def subclassed_and_called(k):
    model = subclass_of(k)
    model(np.zeros((2, 4), "float32"))
    return model


def names_to_escape(k):
    return k.Sequential(
        [k.layers.Input((3,)), k.layers.Dense(2, name="dense_[bold]x"), k.layers.Dense(2, name="d" * 60)]
    )


MODELS = [
    stack,
    unbuilt,
    deferred,
    chain,
    shared_in_a_chain,
    branches,
    operators,
    masks,
    bidirectional,
    several_outputs,
    nested,
    nested_stack,
    frozen,
    subclassed,
    subclassed_and_called,
    names_to_escape,
]
ARGUMENTS = [
    {},
    {"expand_nested": True, "show_trainable": True},
    {"line_length": 60},
    {"line_length": 150, "show_trainable": True},
]


def printed(k, build, **kwargs):
    lines = []
    build(k).summary(print_fn=lines.append, **kwargs)
    return "\n".join(lines)


@pytest.mark.parametrize("kwargs", ARGUMENTS, ids=str)
@pytest.mark.parametrize("build", MODELS, ids=lambda b: b.__name__)
def test_same_bytes(build, kwargs):
    assert printed(kerastorch, build, **kwargs) == printed(reference, build, **kwargs)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_compiled_and_trained(optimizer):
    def build(k):
        model = k.Sequential([k.layers.Input((4,)), k.layers.Dense(3), k.layers.Dense(1)])
        model.compile(optimizer, "mse")
        model.fit(np.ones((4, 4)), np.ones((4, 1)), verbose=0)
        return model

    assert printed(kerastorch, build) == printed(reference, build)


def test_standard_output(capsys):
    texts = []
    for k in (kerastorch, reference):
        stack(k).summary()
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] and "conv2d (Conv2D)" in texts[0]


def test_log(capsys):
    texts = []
    for k in (reference, kerastorch):
        k.utils.disable_interactive_logging()
        try:
            stack(k).summary()
        finally:
            k.utils.enable_interactive_logging()
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    "names", [("conv2d", "flatten"), ("max.*", "d.*"), ("dense", "conv2d"), ["dropout", "dropout"]], ids=str
)
def test_layer_range(names):
    assert printed(kerastorch, stack, layer_range=names) == printed(reference, stack, layer_range=names)


@pytest.mark.parametrize(
    "kwargs",
    [{"layer_range": ("conv2d",)}, {"layer_range": (1, 2)}, {"layer_range": ("conv2d", "absent")}, {"line_length": 10}],
    ids=str,
)
def test_refused(kwargs):
    for k in (reference, kerastorch):
        with pytest.raises(ValueError, match="layer_|width"):
            stack(k).summary(**kwargs)


def test_positions():
    kwargs = {"positions": [0.5, 0.7, 1.0], "line_length": 70}
    assert printed(kerastorch, stack, **kwargs) == printed(reference, stack, **kwargs)


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1536, 2**20 - 1, 2**20, 5 * 2**40, 2**60, 0.125])
def test_sizes(size):
    from keras.src.utils.summary_utils import readable_memory_size

    assert readable_size(size) == readable_memory_size(size)
