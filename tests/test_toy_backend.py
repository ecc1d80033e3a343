"""A backend that another package brings, found by its entry point: `toy_backend`, beside this file, which computes with numpy."""

import pathlib

import pytest
from processes import run

FOLDER = pathlib.Path(__file__).parent / "toy_backend"
START = """
import numpy as np
import sys
sys.path.insert(0, "{folder}")
import kerastorch as keras
from kerastorch import backend_registry, layers, ops

rng = np.random.default_rng(0)
"""
MODELS = {
    "dense": ("(5,)", "[layers.Dense(4, activation='relu'), layers.BatchNormalization(), layers.Dense(3, activation='softmax')]"),
    "conv": ("(9, 8, 2)", "[layers.Conv2D(3, 3, strides=2, padding='same', activation='tanh'), layers.MaxPooling2D(padding='same'),"
             "layers.Conv2D(2, (2, 1)), layers.GlobalAveragePooling2D(), layers.Dense(2)]"),
    "lstm": ("(6, 3)", "[layers.Masking(), layers.LSTM(4, return_sequences=True), layers.Bidirectional(layers.GRU(3)),"
             "layers.Dense(1)]"),
}  # fmt: skip


def toy(code):
    """Runs code with the toy backend's package on the path, and returns what it printed."""
    return run(START.format(folder=FOLDER) + code)


def test_it_is_found_by_its_entry_point_and_imported_when_needed():
    out = toy("""
print("toy" in backend_registry.names(), "toy_backend" in sys.modules)
print(backend_registry.get("toy"), type(backend_registry.get("toy").convert([1.0])).__name__)
print({"torch", "tensorflow"} & set(sys.modules))
""")
    assert out.splitlines() == ["True False", "<Backend toy> Tensor", "set()"]


@pytest.mark.parametrize("name", MODELS)
def test_a_lowered_model_gives_what_torch_gives(name):
    shape, stack = MODELS[name]
    toy(f"""
model = keras.Sequential([layers.Input({shape}), *{stack}])
x = rng.normal(size=(4, *{shape})).astype("float32")
if {name == "lstm"}:
    x[1, 3:] = 0.0
    x[2, :] = 0.0
expected = model.predict(x, verbose=0)
assert model.weights[0].backend.name == "torch"
module = backend_registry.lower(model, "toy")
np.testing.assert_allclose(module(x), expected, rtol=1e-4, atol=1e-5)
assert type(module(x)).__module__ == "toy_backend.tensors" and model.weights[0].backend.name == "torch"
""")


@pytest.mark.parametrize("name", MODELS)
def test_it_takes_part_in_comparisons(name):
    shape, stack = MODELS[name]
    out = toy(f"""
model = keras.Sequential([layers.Input({shape}), *{stack}])
report = keras.compare(model, rng.normal(size=(4, *{shape})), backends=["torch", "toy"])
assert report.ok and report.count >= 2 * len(model.layers), report
print(report)
""")
    assert "numpy does not differentiate" in out


def test_it_evaluates_and_predicts_and_says_that_it_cannot_train():
    toy("""
model = keras.Sequential([layers.Input((5,)), layers.Dense(3, activation="softmax")])
x, y = rng.normal(size=(40, 5)).astype("float32"), rng.integers(0, 3, 40)
results = []
for name in ("torch", "toy"):
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], backend=name)
    results.append((model.evaluate(x, y, verbose=0), model.predict(x, verbose=0)))
    assert model.weights[0].backend.name == name
np.testing.assert_allclose(results[1][0], results[0][0], rtol=1e-5)
np.testing.assert_allclose(results[1][1], results[0][1], rtol=1e-5)
try:
    model.fit(x, y, verbose=0)
except NotImplementedError as error:
    print(error)
else:
    raise AssertionError("a backend without gradients has trained")
""")


def test_its_tensors_choose_it():
    toy("""
backend = backend_registry.get("toy")
a = backend.convert(np.ones((2, 3), "float32"))
assert isinstance(ops.softmax(a), type(a)) and isinstance(ops.add(1, ops.sum(a)), type(a))
layer = layers.Dense(2)
assert isinstance(layer(a), type(a)) and layer.kernel.backend is backend
""")


def test_what_it_lacks_is_said():
    out = toy("""
from kerastorch.errors import NotLowerable
try:
    ops.svd(backend_registry.get("toy").convert(np.eye(2)))
except NotLowerable as error:
    print(error)
""")
    assert "toy" in out and "svd" in out


def test_two_backends_of_one_name():
    toy("""
backend_registry.get("toy")
class Other(backend_registry.Backend):
    name = "toy"
try:
    backend_registry.register(Other())
except ValueError as error:
    print(error)
else:
    raise AssertionError("the name was taken")
backend_registry.unregister("toy")
backend_registry.register(Other())
""")
