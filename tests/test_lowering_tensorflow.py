"""Lowering to TensorFlow: the module against the model on torch, inside a tf.function, and as a thing in itself."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from lowering_cases import ALL, PROGRAMS  # noqa: E402

import kerastorch as keras  # noqa: E402
from kerastorch import backend_registry, layers, ops, random, tree  # noqa: E402

BY_ID = {p.id: p for p in ALL}


def each(programs):
    """Parametrizes a test by programs."""
    chosen = list(programs)
    return pytest.mark.parametrize("program", chosen, ids=[p.id for p in chosen])


def lowered(model):
    return backend_registry.lower(model, "tensorflow")


def on_torch(model, arrays, training=False):
    """What the model itself gives, at home on torch."""
    with backend_registry.using("torch") as torch:
        out = model([torch.convert(a) for a in arrays] if len(arrays) > 1 else torch.convert(arrays[0]), training=training)
        return [torch.numpy(x) for x in tree.leaves(out)]


def agree(found, expected, tolerance, what=""):
    found, expected = [np.asarray(x) for x in tree.leaves(found)], list(expected)
    assert len(found) == len(expected), what
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(f, e, rtol=tolerance[0] * 10, atol=tolerance[1] * 10, err_msg=what)


def inputs(program):
    """The program's data as tensors, in the order of the model's inputs."""
    return [tf.constant(a) for a in program.arrays()]


@each(ALL)
def test_function_against_torch(program):
    model = program.model()
    module = lowered(model)
    step = tf.function(lambda *x: module(*x), autograph=False)
    agree(step(*inputs(program)), on_torch(model, program.arrays()), program.tolerance)


MODAL = ("BatchNormalization", "Dropout", "SpatialDropout", "GaussianDropout", "GaussianNoise", "AlphaDropout", "LSTM")


@each(p for p in ALL if p.training and (p in PROGRAMS or p.id.startswith(MODAL)))
def test_training_against_torch(program):
    model = program.model()
    module = lowered(model)
    step = tf.function(lambda *x: module(*x, training=True), autograph=False)
    with random.portable(3):
        out = step(*inputs(program))
    with random.portable(3):
        expected = on_torch(model, program.arrays(), training=True)
    agree(out, expected, program.tolerance)
    for v in model.non_trainable_weights:
        agree(module._run.bindings.variables[id(v)], [v.numpy()], program.tolerance, v.path)


COMPILED = ("convnet", "masked_text", "encoder_decoder", "nested", "dicts", "operators", "layer_of_a_user")


@each(BY_ID[name] for name in COMPILED)
def test_xla(program):
    model = program.model()
    step = tf.function(lowered(model), jit_compile=True)
    agree(step(*inputs(program)), on_torch(model, program.arrays()), program.tolerance)


@each(BY_ID[name] for name in COMPILED)
def test_gradients_against_torch(program):
    torch = pytest.importorskip("torch")
    model = program.model()
    module = lowered(model)

    @tf.function
    def gradients(*x):
        with tf.GradientTape() as tape:
            loss = tf.add_n([tf.reduce_sum(tf.square(y)) for y in tree.leaves(module(*x))])
        variables = [module._run.bindings.variables[id(v)] for v in model.trainable_weights]
        return [tf.convert_to_tensor(g) for g in tape.gradient(loss, variables)]

    def loss():
        arrays = [torch.from_numpy(a) for a in program.arrays()]
        return sum((y**2).sum() for y in tree.leaves(model(arrays if len(arrays) > 1 else arrays[0])))

    with backend_registry.using("torch") as backend:
        _, expected = backend.value_and_gradients(loss, model.trainable_weights)
    agree(gradients(*inputs(program)), [g.numpy() for g in expected], (1e-4, 1e-4))


# ------------------------------------------------------------------------------------------------ the module itself


@pytest.fixture
def model():
    inner = keras.Sequential([layers.Input((4,)), layers.Dense(3, name="first"), layers.BatchNormalization()], name="inner")
    x = layers.Input((4,))
    return keras.Model(x, layers.Dense(2, name="last one")(inner(x)), name="whole")


X = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


def test_modules_are_named_as_the_layers(model):
    module = lowered(model)
    assert isinstance(module, tf.Module) and module.name == "whole"
    assert isinstance(module.inner.first, tf.Module) and module.last_one.kernel.shape == (3, 2)
    assert len(module.variables) == len({id(v) for v in module.variables}) == len(model.weights)
    assert len(module.trainable_variables) == len(model.trainable_weights)


def test_layers_of_a_subclassed_model_are_named_as_its_attributes():
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.head, self.tail = layers.Dense(3), [layers.Dense(2, name="a"), layers.Dense(2, name="b")]

        def call(self, x, training=None):
            return sum(t(self.head(x)) for t in self.tail)

    net = Net()
    before = net(X)
    module = lowered(net)
    assert module.head.kernel.shape == (4, 3) and module.a.bias.shape == module.b.bias.shape == (2,)
    agree(tf.function(module)(tf.constant(X)), [before.detach().numpy()], (1e-6, 1e-6))


def test_the_copy_is_independent(model):
    module = lowered(model)
    first = module(X).numpy()
    model.set_weights([w + 1 for w in model.get_weights()])
    np.testing.assert_array_equal(module(X), first)
    module.last_one.bias.assign_add([1.0, 2.0])
    np.testing.assert_allclose(module(X), first + [1.0, 2.0], rtol=1e-5)
    assert model.layers[-1].bias.numpy().tolist() == [1.0, 1.0]


def test_adopted_variables_are_the_module_s(model):
    module = backend_registry.get("tensorflow").lower(model, adopt=True)
    model.layers[-1].bias.assign([5.0, 6.0])
    assert module.last_one.bias.numpy().tolist() == [5.0, 6.0]
    np.testing.assert_allclose(module(X), model(X), rtol=1e-6)


def test_saved_and_loaded_without_us(model, tmp_path):
    module = lowered(model)
    signature = tf.function(module.__call__, input_signature=[tf.TensorSpec((None, 4))])
    tf.saved_model.save(module, str(tmp_path), signatures=signature)
    served = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    agree(list(served(tf.constant(X)).values()), [module(X).numpy()], (1e-6, 1e-6))


@pytest.mark.parametrize("layer", ["SimpleRNN", "LSTM", "GRU"])
def test_recurrent_layers_are_loops_in_a_function(layer):
    model = keras.Sequential([layers.Input((None, 4)), getattr(layers, layer)(3)])
    graph = tf.function(lowered(model)).get_concrete_function(tf.TensorSpec((None, None, 4))).graph
    assert any("While" in op.type for op in graph.get_operations())


def test_one_layer(model):
    layer = layers.Conv2D(3, 2)
    layer.build((None, 5, 5, 2))
    image = np.random.default_rng(1).normal(size=(2, 5, 5, 2)).astype("float32")
    agree(lowered(layer)(tf.constant(image)), on_torch(layer, [image]), (1e-5, 1e-5))


def test_a_model_that_is_not_built():
    with pytest.raises(ValueError, match="not built"):
        lowered(keras.Sequential([layers.Dense(2)], name="open"))


def test_constants_of_another_framework():
    """A tensor of the default backend in a recorded expression is a constant, which every framework takes."""
    x = inputs = keras.Input((3,))
    x = ops.concatenate([x + ops.ones((3,)), ops.multiply(backend_registry.get("torch").convert([1.0, 2.0, 3.0]), x)], axis=-1)
    model = keras.Model(inputs, x)
    data = np.ones((2, 3), "float32")
    for made in (model, keras.Model.from_config(model.get_config())):
        found = keras.lower(made, "tensorflow")(tf.constant(data))
        np.testing.assert_array_equal(found, [[2.0, 2.0, 2.0, 1.0, 2.0, 3.0]] * 2)
