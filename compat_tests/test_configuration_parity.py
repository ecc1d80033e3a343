"""Configurations of models: read by reference Keras and from it, and models cloned by them."""

import json

import numpy as np
import pytest

import kerastorch
from kerastorch.saving import operations

reference = pytest.importorskip("keras")
SHAPES = {
    "float32": lambda rng, shape: rng.normal(size=shape).astype("float32"),
    "int32": lambda rng, shape: rng.integers(0, 8, shape),
}


def stack(k):
    return k.Sequential(
        [
            k.layers.Input((6, 6, 2)),
            k.layers.Conv2D(3, 2, activation="relu"),
            k.layers.BatchNormalization(),
            k.layers.Flatten(),
            k.layers.Dropout(0.5),
            k.layers.Dense(2, activation="softmax"),
        ],
        name="stack",
    )


def deferred(k):
    model = k.Sequential([k.layers.Dense(3, kernel_regularizer="l2"), k.layers.Dense(2)])
    model.build((None, 4))
    return model


def operators(k):
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    x = k.layers.Dense(4)(a) * b + 1.0
    y = k.ops.sum(x[:, 1:3], axis=1, keepdims=True) - k.ops.relu(b)
    z = k.ops.expand_dims(k.ops.transpose(k.ops.clip(y, -1.0, 1.0)), axis=0)
    z = k.ops.transpose(k.ops.squeeze(z, axis=0), axes=(1, 0))
    return k.Model([a, b], k.ops.concatenate([x, y, k.ops.divide(2.0, z * z + 3.0), k.ops.softmax(z)], axis=-1))


def masks(k):
    words = k.Input((5,), dtype="int32", name="words")
    x = k.layers.Embedding(10, 4, mask_zero=True)(words)
    h = k.layers.LSTM(3)(x)
    return k.Model(words, k.layers.Concatenate()([h, k.layers.Bidirectional(k.layers.GRU(2))(x)]))


def shared_and_nested(k):
    start = k.Input((3,))
    inner = k.Model(start, [k.layers.Dense(2)(start), k.layers.Dense(2)(start)], name="inner")
    tail = k.Sequential([k.layers.Input((2,)), k.layers.Dense(2), k.layers.ReLU()], name="tail")
    a, b = k.Input((3,), name="a"), k.Input((3,), name="b")
    x, y = inner(a)
    z, _ = inner(b)
    return k.Model(
        {"a": a, "b": b}, {"one": tail(k.layers.Add()([x, y])), "two": tail(tail(z)), "three": inner(a + b)[1]}
    )


def several_outputs(k):
    inputs = k.Input((5, 2), name="x")
    x, h, c = k.layers.LSTM(3, return_state=True, return_sequences=True)(inputs)
    y = k.layers.LSTM(3)(x, initial_state=[h, c])
    return k.Model(inputs, [y, h], name="several")


def frozen(k):
    model = stack(k)
    model.layers[1].trainable = False
    return model


MODELS = [stack, deferred, operators, masks, shared_and_nested, several_outputs, frozen]


def made(k, build):
    k.utils.clear_session()
    return build(k)


def random_inputs(model):
    rng = np.random.default_rng(0)
    drawn = [SHAPES[t.dtype](rng, (3, *t.shape[1:])) for t in model.inputs]
    names = [t._keras_history[0].name for t in model.inputs]
    return (
        dict(zip(names, drawn, strict=True))
        if isinstance(getattr(model, "input", None), dict)
        else drawn
        if len(drawn) > 1
        else drawn[0]
    )


def results(k, model, x):
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.1, 1, w.shape) for w in model.get_weights()])
    out = model(x)
    parts = [out[n] for n in sorted(out)] if isinstance(out, dict) else out if isinstance(out, list | tuple) else [out]
    return [k.ops.convert_to_numpy(p) for p in parts]


def same_results(k, model, other_k, other):
    x = random_inputs(model)
    for mine, theirs in zip(results(k, model, x), results(other_k, other, x), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("build", MODELS, ids=lambda b: b.__name__)
@pytest.mark.parametrize(
    "there, back",
    [(kerastorch, reference), (reference, kerastorch), (kerastorch, kerastorch)],
    ids=["ours to theirs", "theirs to ours", "ours to ours"],
)
def test_written_and_read(there, back, build):
    model = made(there, build)
    again = back.models.model_from_json(model.to_json())
    assert again.name == model.name
    assert [x.name for x in again.layers] == [x.name for x in model.layers]
    assert [x.trainable for x in again.layers] == [x.trainable for x in model.layers]
    same_results(there, model, back, again)


@pytest.mark.parametrize("build", [stack, deferred, masks, shared_and_nested, operators], ids=lambda b: b.__name__)
def test_same_configuration(build):
    ours, theirs = (json.loads(json.dumps(made(k, build).get_config())) for k in (kerastorch, reference))
    assert without_defaults(ours) == without_defaults(theirs)


def without_defaults(config):
    """A configuration without what Keras writes although it says nothing, and without state for retraining."""
    if isinstance(config, dict):
        idle = {"compile_config", "registered_name", "build_config"} | {
            k for k in ("mask", "training") if not isinstance(config.get(k), dict)
        }
        config = {k: v for k, v in config.items() if k not in idle}
        return {k: without_defaults(v) for k, v in config.items()}
    return [without_defaults(v) for v in config] if isinstance(config, list) else config


@pytest.mark.parametrize("build", MODELS, ids=lambda b: b.__name__)
def test_from_config(build):
    model = made(kerastorch, build)
    again = type(model).from_config(model.get_config())
    assert type(again) is type(model)
    same_results(kerastorch, model, kerastorch, again)


def test_every_op_is_named_as_in_the_reference():
    import inspect

    from keras.src.ops import image, linalg, math, nn, numpy
    from keras.src.ops.operation import Operation

    import kerastorch.op

    classes = {
        name: (module.__name__, cls)
        for module in (image, linalg, math, nn, numpy)
        for name, cls in vars(module).items()
        if inspect.isclass(cls) and issubclass(cls, Operation)
    }
    for name in kerastorch.ops.__all__:
        getattr(kerastorch.ops, name)
    checked = 0
    for op in kerastorch.op.OPS.values():
        name = op.name.strip("_")
        kind = operations.CLASSES.get(name, "".join(w.capitalize() for w in name.split("_")))
        if kind in classes and (op.primitive or op.shape_rule):
            module, cls = classes[kind]
            assert operations.MODULE_OF.get(name, "keras.src.ops.numpy") == module, op.name
            called = list(operations._called_with(op))
            assert (
                called == [p for p in inspect.signature(cls.call).parameters if p != "self"][: len(called)]
                or not op.operands
            ), op.name
            attributes = set(op.parameters) - set(called)
            assert attributes <= set(inspect.signature(cls.__init__).parameters), op.name
            checked += 1
    assert checked > 100


# ------------------------------------------------------------------------------------------------ users' classes


class Scaled(kerastorch.Model):
    def __init__(self, units, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.dense, self.factor = kerastorch.layers.Dense(units), factor

    def call(self, x):
        return self.dense(x) * self.factor


def test_subclassed_model_without_get_config():
    model = Scaled(3, factor=0.5, name="mine")
    assert model.get_config()["units"] == 3 and model.get_config()["factor"] == 0.5
    again = Scaled.from_config(model.get_config())
    assert (again.name, again.factor, again.dense.units) == ("mine", 0.5, 3)
    assert isinstance(kerastorch.models.model_from_json(model.to_json(), {"Scaled": Scaled}), Scaled)
    assert isinstance(kerastorch.models.model_from_json(model.to_json()), Scaled)  # which this process has written
    with pytest.raises(ValueError, match="Another"):
        kerastorch.models.model_from_json(model.to_json().replace("Scaled", "Another"))


def test_functional_subclass_with_its_own_constructor():
    class Two(kerastorch.Model):
        def __init__(self, units):
            inputs = kerastorch.Input((3,))
            super().__init__(inputs, kerastorch.layers.Dense(units)(inputs))
            self.units = units

        def get_config(self):
            return {"units": self.units}

    assert Two.from_config(Two(4).get_config()).output_shape == (None, 4)


def test_malformed():
    config = made(kerastorch, operators).get_config()
    broken = json.loads(json.dumps(config))
    broken["layers"][-1]["inbound_nodes"][0]["args"][0][0]["config"]["keras_history"][0] = "add_9"
    with pytest.raises(ValueError, match="Missing node: add_9"):
        kerastorch.Model.from_config(broken)
    broken = json.loads(json.dumps(config))
    broken["layers"][-1]["class_name"] = "Concatenated"
    with pytest.raises(ValueError, match="'Concatenated'.*Did you mean 'concatenate'"):
        kerastorch.Model.from_config(broken)
    broken = json.loads(json.dumps(config))
    history = broken["layers"][3]["inbound_nodes"][0]["args"][0]["config"]["keras_history"]
    history[0] = broken["layers"][-1]["name"]
    with pytest.raises(ValueError, match="loop"):
        kerastorch.Model.from_config(broken)
    with pytest.raises(ValueError, match="containing the 'name' and 'layers' keys"):
        kerastorch.Sequential.from_config({"name": "x"})


# ------------------------------------------------------------------------------------------------ cloning


@pytest.mark.parametrize("recursive", [False, True])
@pytest.mark.parametrize("build", MODELS, ids=lambda b: b.__name__)
def test_clone(build, recursive):
    model = made(kerastorch, build)
    clone = kerastorch.models.clone_model(model, recursive=recursive)
    assert clone.name == model.name and not {id(w) for w in clone.weights} & {id(w) for w in model.weights}
    same_results(kerastorch, model, kerastorch, clone)


def test_clone_with_functions():
    model = made(kerastorch, masks)
    seen = []

    def clone(layer):
        return (
            kerastorch.layers.LSTM(7)
            if isinstance(layer, kerastorch.layers.LSTM)
            else type(layer).from_config(layer.get_config())
        )

    def call(layer, *args, **kwargs):
        seen.append(layer.name)
        return layer(*args, **kwargs)

    assert kerastorch.models.clone_model(model, clone_function=clone, call_function=call).output_shape == (None, 11)
    assert len(seen) == 4
    with pytest.raises(ValueError, match="call_function"):
        kerastorch.models.clone_model(made(kerastorch, stack), call_function=call)
    with pytest.raises(ValueError, match="unknown arguments"):
        kerastorch.models.clone_model(model, functions=1)


def test_clone_on_given_inputs():
    tensor = kerastorch.Input((5,), dtype="int32")
    assert kerastorch.models.clone_model(made(kerastorch, masks), input_tensors=tensor).inputs[0] is tensor
    with pytest.raises(ValueError, match="structure"):
        kerastorch.models.clone_model(made(kerastorch, masks), input_tensors=[tensor])
    image = kerastorch.Input((6, 6, 2))
    assert kerastorch.models.clone_model(made(kerastorch, stack), input_tensors=[image]).inputs[0].shape == (
        None,
        6,
        6,
        2,
    )


def test_clone_of_a_subclassed_model():
    clone = kerastorch.models.clone_model(Scaled(3, factor=0.5))
    assert isinstance(clone, Scaled) and clone.factor == 0.5
    with pytest.raises(ValueError, match="Scaled"):
        kerastorch.models.clone_model(Scaled(3), clone_function=lambda layer: layer)


def test_clone_of_a_compiled_model():
    model = made(kerastorch, deferred)
    model.compile(kerastorch.optimizers.SGD(0.125), "mse", metrics=["mae"])
    clone = kerastorch.models.clone_model(model)
    assert clone.compiled and clone.optimizer is not model.optimizer and float(clone.optimizer.learning_rate) == 0.125
