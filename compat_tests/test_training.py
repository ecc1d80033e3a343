"""Training against reference Keras, on every backend: the same start, the same data in the same order, the same numbers."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import pytest

import kerastorch

RNG = np.random.default_rng(7)
TABLE = RNG.normal(size=(70, 6)).astype("float32")
CLASSES = (TABLE @ RNG.normal(size=(6, 3))).argmax(1).astype("int32")
BINARY = (TABLE.sum(1) > 0).astype("float32")[:, None]
NUMBERS = (TABLE @ RNG.normal(size=(6, 2))).astype("float32")
ONE_HOT = np.eye(3, dtype="float32")[CLASSES]
WEIGHTS = RNG.uniform(0.2, 2.0, size=70).astype("float32")
IMAGES = RNG.normal(size=(40, 8, 8, 2)).astype("float32")
TOKENS = RNG.integers(1, 12, size=(40, 7)) * (np.arange(7) < RNG.integers(2, 8, size=(40, 1)))
STEPS = (TOKENS > 6).astype("float32")[..., None]

# ---------------------------------------------------------------- models; `k` is the package


def dense(k, classes=3, activation="softmax", **more):
    return k.Sequential(
        [k.layers.Input((6,)), k.layers.Dense(8, activation="tanh", **more), k.layers.Dense(classes, activation=activation)]
    )


def softmax_layer(k):
    inputs = k.layers.Input((6,))
    return k.Model(inputs, k.layers.Softmax()(k.layers.Dense(3)(inputs)))


def softmax_op(k):
    inputs = k.layers.Input((6,))
    return k.Model(inputs, k.ops.softmax(k.layers.Dense(3)(inputs)))


def images(k):
    return k.Sequential([
        k.layers.Input((8, 8, 2)), k.layers.Conv2D(4, 3), k.layers.BatchNormalization(), k.layers.Activation("relu"),
        k.layers.MaxPooling2D(), k.layers.Flatten(), k.layers.Dense(3, activation="softmax"),
    ])  # fmt: skip


def sequences(k, layer="LSTM"):
    return k.Sequential([
        k.layers.Input((7,), dtype="int32"), k.layers.Embedding(12, 5, mask_zero=True), getattr(k.layers, layer)(6),
        k.layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip


def tags(k):
    return k.Sequential([
        k.layers.Input((7,), dtype="int32"), k.layers.Embedding(12, 5, mask_zero=True),
        k.layers.GRU(6, return_sequences=True), k.layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip


def two_by_two(k):
    a, b = k.layers.Input((6,), name="a"), k.layers.Input((6,), name="b")
    both = k.layers.Concatenate()([k.layers.Dense(4, activation="relu")(a), k.layers.Dense(4)(b)])
    return k.Model([a, b], [k.layers.Dense(3, activation="softmax", name="kind")(both), k.layers.Dense(2, name="size")(both)])


def subclassed(k, **methods):
    class Net(k.Model):
        def __init__(self):
            super().__init__()
            self.first, self.last = k.layers.Dense(8, activation="relu"), k.layers.Dense(3)
            self.norm = k.layers.BatchNormalization()

        def call(self, inputs, training=False):
            return self.last(self.norm(self.first(inputs), training=training))

    for name, method in methods.items():
        setattr(Net, name, method)
    model = Net()
    model(np.zeros((2, 6), "float32"))
    return model


def own_steps(k):
    def train_step(self, data):
        x, y = data
        return type(self).__mro__[1].train_step(self, (x, y))

    return subclassed(k, train_step=train_step, test_step=lambda self, data: type(self).__mro__[1].test_step(self, data))


def own_loss(k):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return k.ops.mean(k.ops.square(k.ops.one_hot(y, 3) - y_pred))

    return subclassed(k, compute_loss=compute_loss)


def added_loss(k):
    class Penalty(k.layers.Layer):
        def call(self, inputs):
            self.add_loss(0.01 * k.ops.sum(k.ops.square(inputs)))
            return inputs

    return k.Sequential([k.layers.Input((6,)), k.layers.Dense(4), Penalty(), k.layers.Dense(2)])


def regularized(k):
    l2 = k.regularizers.L2(0.01)
    hidden = k.layers.Dense(5, kernel_regularizer=l2, activity_regularizer=k.regularizers.L1(0.001), activation="relu")
    return k.Sequential([k.layers.Input((6,)), hidden, k.layers.Dense(2, bias_regularizer=l2)])


# ---------------------------------------------------------------- records


@dataclasses.dataclass(frozen=True)
class Case:
    """A model, how it is compiled, and what it is fitted to.

    Attributes:
        id: Name of the test.
        make: Makes the model with a package.
        x, y: Data.
        loss: Loss.
        optimizer: Makes the optimizer with a package, or its name.
        compile, fit: Further arguments of these methods.
        tolerance: Relative.
    """

    id: str
    make: Callable
    x: Any = dataclasses.field(default_factory=lambda: TABLE)
    y: Any = dataclasses.field(default_factory=lambda: CLASSES)
    loss: Any = "sparse_categorical_crossentropy"
    optimizer: Any = "adam"
    compile: dict = dataclasses.field(default_factory=dict)
    fit: dict = dataclasses.field(default_factory=dict)
    tolerance: float = 1e-4


def logits(k):
    return k.losses.SparseCategoricalCrossentropy(from_logits=True)


ACCURACY = {"metrics": ["accuracy"]}
CASES = [
    Case("sgd", dense, optimizer=lambda k: k.optimizers.SGD(0.1), compile=ACCURACY),
    Case("momentum", dense, optimizer=lambda k: k.optimizers.SGD(0.1, momentum=0.9, nesterov=True), compile=ACCURACY),
    Case("adam", dense, optimizer=lambda k: k.optimizers.Adam(0.01), compile=ACCURACY),
    Case("rmsprop", dense, optimizer=lambda k: k.optimizers.RMSprop(0.01), compile=ACCURACY),
    Case("schedule", dense, optimizer=lambda k: k.optimizers.SGD(k.optimizers.schedules.ExponentialDecay(0.2, 5, 0.5))),
    Case("clipping", dense, optimizer=lambda k: k.optimizers.Adam(0.01, global_clipnorm=0.1)),
    Case("eagerly", dense, compile={"run_eagerly": True, **ACCURACY}),
    Case("validation_split", dense, compile=ACCURACY, fit={"validation_split": 0.3}),
    Case("validation_data", dense, fit={"validation_data": (TABLE[:9], CLASSES[:9], WEIGHTS[:9]), "validation_freq": 2}),
    Case("class_weight", dense, compile=ACCURACY, fit={"class_weight": {0: 1.0, 1: 3.0, 2: 0.2}}),
    Case("sample_weight", dense, compile={"weighted_metrics": ["accuracy"], **ACCURACY}, fit={"sample_weight": WEIGHTS}),
    Case("one_hot", dense, y=ONE_HOT, loss="categorical_crossentropy", compile=ACCURACY),
    Case("softmax_layer", softmax_layer, compile=ACCURACY),
    Case("softmax_op", softmax_op, compile=ACCURACY),
    Case("binary", lambda k: dense(k, 1, "sigmoid"), y=BINARY, loss="binary_crossentropy",
         compile={"metrics": ["accuracy", "mae"]}),
    Case("regression", lambda k: dense(k, 2, None), y=NUMBERS, loss="mse", compile={"metrics": ["mae"]}),
    Case("regularized", regularized, y=NUMBERS, loss="mae", fit={"validation_split": 0.3}),
    Case("added_loss", added_loss, y=NUMBERS, loss="mse", fit={"validation_split": 0.3}),
    Case("images", images, x=IMAGES, y=CLASSES[:40], optimizer=lambda k: k.optimizers.SGD(0.05), compile=ACCURACY,
         fit={"validation_split": 0.3}),
    Case("lstm", sequences, x=TOKENS, y=BINARY[:40], loss="binary_crossentropy", compile=ACCURACY),
    Case("gru", lambda k: sequences(k, "GRU"), x=TOKENS, y=BINARY[:40], loss="binary_crossentropy"),
    Case("masked_loss", tags, x=TOKENS, y=STEPS, loss="binary_crossentropy", compile={"metrics": ["mae"]}),
    Case("two_by_two", two_by_two, x=[TABLE, TABLE[::-1]], y=[CLASSES, NUMBERS],
         loss=["sparse_categorical_crossentropy", "mse"], compile={"loss_weights": [1.0, 0.3], "metrics": [["accuracy"], ["mae"]]},
         fit={"validation_split": 0.3}),
    Case("by_name", two_by_two, x={"a": TABLE, "b": TABLE[::-1]}, y={"kind": CLASSES, "size": NUMBERS},
         loss={"kind": "sparse_categorical_crossentropy", "size": "mse"}, compile={"metrics": {"kind": "accuracy"}}),
    Case("subclassed", subclassed, loss=logits, compile=ACCURACY, fit={"validation_split": 0.3}),
    Case("own_steps", own_steps, loss=logits, compile=ACCURACY, fit={"validation_split": 0.3}),
    Case("own_loss", own_loss, loss=None, fit={"validation_split": 0.3}),
]  # fmt: skip
IDS = [c.id for c in CASES]


def compiled(k, case, start: Sequence[np.ndarray] | None = None, **more):
    """The model of a case, made with a package, with the weights given."""
    model = case.make(k)
    if start is not None:
        model.set_weights(start)
    optimizer = case.optimizer(k) if callable(case.optimizer) else case.optimizer
    loss = case.loss(k) if callable(case.loss) else case.loss
    model.compile(optimizer, loss, **{"jit_compile": False, **case.compile}, **more)
    return model


def both(case, backend):
    """The reference's model and ours, with the same weights."""
    reference = compiled(keras, case)
    start = reference.get_weights()
    return reference, compiled(kerastorch, case, start, backend=backend.name)


def agree(ours, theirs, case):
    """Whether logs have the same names, and about the same values."""
    assert set(ours) == set(theirs)
    for name in theirs:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=case.tolerance, atol=case.tolerance, err_msg=name)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_fit(case, backend):
    models = both(case, backend)
    histories = [m.fit(case.x, case.y, batch_size=16, epochs=3, shuffle=False, verbose=0, **case.fit).history for m in models]
    agree(histories[1], histories[0], case)
    results = [m.evaluate(case.x, case.y, batch_size=32, verbose=0, return_dict=True) for m in models]
    agree(results[1], results[0], case)
    outputs = [m.predict(case.x, batch_size=32, verbose=0) for m in models]
    for ours, theirs in zip(kerastorch.tree.flatten(outputs[1]), kerastorch.tree.flatten(outputs[0]), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=10 * case.tolerance, atol=10 * case.tolerance)


SINGLE = [c for c in CASES if c.id in ("sgd", "sample_weight", "regression", "two_by_two", "subclassed")]


@pytest.mark.parametrize("case", SINGLE, ids=[c.id for c in SINGLE])
def test_single_batches(case, backend):
    reference, ours = both(case, backend)
    for part in (slice(0, 20), slice(20, 50)):
        x, y = (kerastorch.tree.map_structure(lambda a: a[part], d) for d in (case.x, case.y))  # noqa: B023
        for method in ("train_on_batch", "test_on_batch"):
            wanted = getattr(reference, method)(x, y, return_dict=True)
            agree(getattr(ours, method)(x, y, return_dict=True), {k: float(v) for k, v in wanted.items()}, case)
        outputs = [kerastorch.tree.flatten(m.predict_on_batch(x)) for m in (reference, ours)]
        for theirs, mine in zip(*outputs, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-4)


def test_evaluate_gives_a_list_in_the_order_of_the_metrics(backend):
    case = next(c for c in CASES if c.id == "two_by_two")
    reference, ours = both(case, backend)
    wanted = reference.evaluate(case.x, case.y, verbose=0)
    np.testing.assert_allclose(ours.evaluate(case.x, case.y, verbose=0), wanted, rtol=1e-4)


def test_predicting_before_fitting_changes_nothing(backend):
    case = CASES[0]
    reference, ours = both(case, backend)
    ours.predict(case.x, verbose=0)
    histories = [m.fit(case.x, case.y, epochs=1, shuffle=False, verbose=0).history for m in (reference, ours)]
    agree(histories[1], histories[0], case)


def test_freezing_a_layer_between_fits(backend):
    case = CASES[0]
    models = both(case, backend)
    for m in models:
        m.fit(case.x, case.y, shuffle=False, verbose=0)
        m.layers[0].trainable = False
        m.compile("sgd", case.loss, jit_compile=False, **({"backend": backend.name} if m is models[1] else {}))
        m.fit(case.x, case.y, shuffle=False, verbose=0)
    for ours, theirs in zip(models[1].get_weights(), models[0].get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def tree_of_shapes(branch):
    return {k: tree_of_shapes(v) if isinstance(v, dict) else (tuple(v.shape), str(v.dtype)) for k, v in branch.items()}


def test_state_trees(backend):
    trees = {}
    for k in (keras, kerastorch):
        k.utils.clear_session()
        model = k.Sequential([k.layers.Input((6,)), k.layers.Dense(3), k.layers.BatchNormalization()], name="model")
        model.compile("adam", "mse", metrics=["mae"], **({"backend": backend.name} if k is kerastorch else {}))
        model.fit(TABLE, ONE_HOT, verbose=0)
        trees[k] = model.get_state_tree("numpy_array")
    assert tree_of_shapes(trees[kerastorch]) == tree_of_shapes(trees[keras])
    model.set_state_tree(trees[keras])
    model.set_state_tree({"optimizer_variables": {"adam": {"iteration": 7}}})
    assert int(model.optimizer.iterations) == 7
    again = model.get_state_tree()
    np.testing.assert_array_equal(
        backend.numpy(again["optimizer_variables"]["adam"]["model_dense_kernel_momentum"]),
        trees[keras]["optimizer_variables"]["adam"]["model_dense_kernel_momentum"],
    )
    for wrong, says in (
        ({"weights": {}}, "Unknown variable name: weights"),
        ({"trainable_variables": {"model": {"dense": {"kernel": np.ones(3)}}}}, r"model/dense/kernel.*\(6, 3\)"),
        ({"trainable_variables": {"kernel": np.ones(3)}}, "no 'kernel'"),
    ):
        with pytest.raises(ValueError, match=says):
            model.set_state_tree(wrong)
    with pytest.raises(ValueError, match="value_format"):
        model.get_state_tree("list")
