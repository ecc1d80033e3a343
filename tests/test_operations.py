"""Operations and functions of users' own, the scopes they open, and rematerialization, on every backend."""

import pickle

import numpy as np
import pytest

import kerastorch as keras
from kerastorch import backend_registry, layers, ops

BACKENDS = [name for name in backend_registry.BUILT_IN if backend_registry.installed(name)]
X = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")


@pytest.fixture(params=BACKENDS)
def backend(request):
    with backend_registry.using(request.param) as chosen:
        yield chosen


def values(x):
    return ops.convert_to_numpy(x)


class Scaled(keras.Operation):
    """Over ops."""

    def __init__(self, by=2.0, *, name=None):
        super().__init__(name=name)
        self.by = by

    def call(self, x, plus=None):
        return x * self.by if plus is None else x * self.by + plus

    def compute_output_spec(self, x, plus=None):
        return keras.KerasTensor(x.shape, x.dtype)


class Opaque(Scaled):
    """Whose call cannot be recorded."""

    def call(self, x, plus=None):
        assert not isinstance(x, keras.KerasTensor)
        return super().call(x, plus)


@pytest.mark.parametrize("kind", [Scaled, Opaque])
def test_an_operation_runs_in_models_and_is_trained_through(kind, backend):
    a, b = layers.Input((3,)), layers.Input((3,))
    scaled = kind(3.0, name="scaled")
    model = keras.Model([a, b], layers.Dense(1, name="out", kernel_initializer="ones")(scaled(a, plus=b)))
    np.testing.assert_allclose(values(model([X, X])), (4 * X).sum(1, keepdims=True), rtol=1e-5)
    model.compile("sgd", "mse", backend=backend.name)
    first, last = model.fit([X, X], X[:, :1], epochs=2, batch_size=6, verbose=0).history["loss"]
    assert last != first and scaled in model.operations and scaled not in model.layers
    again = keras.Model.from_config(model.get_config(), custom_objects={kind.__name__: kind})
    assert next(o for o in again.operations if isinstance(o, kind)).by == 3.0


def test_an_operation_tells_its_arguments():
    assert Scaled(0.5, name="s").get_config() == {"by": 0.5, "name": "s"}
    x = keras.KerasTensor((2, 3))
    one = Scaled()
    out = one(x)
    assert one.input is x and one.output is out and out.shape == (2, 3)
    with pytest.raises(NotImplementedError, match="get_config"):
        Scaled(object()).get_config()


def test_a_function_is_the_graph_between_tensors(backend):
    x = layers.Input((3,))
    middle = layers.Dense(2, name="outside")(x)
    f = keras.Function({"a": middle}, [middle * 2, ops.sum(middle, axis=-1)])
    assert [o.name.rpartition("_")[0] or o.name for o in f.operations if o.name != "outside"] and all(
        o.name != "outside" for o in f.operations
    )
    doubled, summed = f({"a": X[:, :2]})
    np.testing.assert_allclose(values(doubled), X[:, :2] * 2, rtol=1e-6)
    np.testing.assert_allclose(values(summed), X[:, :2].sum(1), rtol=1e-5)
    assert f.compute_output_shape({"a": (5, 2)}) == [(5, 2), (5,)]
    model = keras.Model(x, f({"a": middle})[0])
    assert values(model(X)).shape == (6, 2)
    with pytest.raises(ValueError, match="incompatible inputs"):
        f({"a": X})
    with pytest.raises(ValueError, match="invalid input structure"):
        f([X[:, :2]])


def test_a_stateless_scope_keeps_what_is_assigned(backend):
    v, w = keras.Variable(np.zeros(2, "float32")), keras.Variable(np.ones(2, "float32"))
    with keras.StatelessScope([(v, ops.ones((2,)) * 5)]) as scope:
        w.assign(v + w)
        w.assign_add([1.0, 1.0])
        assert values(w + 0).tolist() == [7, 7]
    assert values(scope.get_current_value(w)).tolist() == [7, 7]
    assert w.numpy().tolist() == [1, 1] and v.numpy().tolist() == [0, 0]


def test_assigning_gives_the_new_value_of_that_time(backend):
    v = keras.Variable(1.0)
    first, second = v.assign_add(1.0), v.assign_sub(5.0)
    assert (float(values(first)), float(values(second))) == (2.0, -3.0)


@pytest.mark.parametrize("mode", ["full", "larger_than", "list_of_layers", "activations"])
def test_rematerialized_layers_train_alike(mode, backend):
    losses = []
    for chosen in (mode, None):
        keras.utils.set_random_seed(1)
        with keras.RematScope(chosen, output_size_threshold=2, layer_names=["hidden"]):
            hidden = layers.Dense(4, activation="tanh", name="hidden")
        model = keras.Sequential([layers.Input((3,)), hidden, layers.Dense(1)])
        model.compile("sgd", "mse", backend=backend.name)
        losses.append(model.fit(X, X[:, :1], epochs=2, shuffle=False, verbose=0).history["loss"])
        assert values(hidden(X)).shape == (6, 4)
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


def test_a_function_is_rematerialized(backend):
    f = keras.remat(lambda x, scale=1.0: ops.tanh(x) * scale)
    np.testing.assert_allclose(values(f(ops.convert_to_tensor(X), scale=2.0)), np.tanh(X) * 2, rtol=1e-5)
    assert f(layers.Input((3,))).shape == (None, 3)


def test_a_device_is_named_by_a_string(backend):
    with keras.device("cpu:0"):
        assert "cpu" in str(ops.ones((2,)).device).lower()
    with pytest.raises(ValueError, match="device_name='123'"):
        keras.device(123).__enter__()


def test_losses_of_whole_parts_of_the_output(backend):
    x = layers.Input((3,))
    model = keras.Model(x, {"a": [layers.Dense(1, name="p")(x), layers.Dense(1, name="q")(x)], "b": layers.Dense(1)(x)})

    def both(y_true, y_pred):
        return ops.abs(y_true[0] - y_pred[0]) + ops.abs(y_true[1] - y_pred[1])

    model.compile("sgd", {"a": (both, [None, "mse"]), "b": ["mse", "mae"]}, {"a": (0.5, 2.0)}, backend=backend.name)
    y = X[:, :1]
    logs = model.fit(X, {"a": [y, y], "b": y}, batch_size=6, verbose=0).history
    assert sorted(logs) == ["a/q_loss", "a_loss", "b_loss", "loss"]
    with pytest.raises(KeyError, match="Expected keys"):
        model.compile("sgd", {"c": "mse"})
        model.fit(X, {"a": [y, y], "b": y}, verbose=0)


def test_models_are_copied_with_pickle_wherever_they_are(backend):
    model = keras.Sequential([layers.Input((3,)), layers.Dense(2), layers.Dense(1)])
    model.compile("sgd", "mse", backend=backend.name)
    model.fit(X, X[:, :1], verbose=0)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(again.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-5)


class Either(layers.Layer):
    def call(self, x, y=None):
        return x if y is None else x + y

    def compute_output_shape(self, x_shape):
        return x_shape


def test_optional_inputs_may_be_none(backend):
    a, b = layers.Input((3,), name="a"), layers.Input((3,), name="b", optional=True)
    model = keras.Model({"a": a, "b": b}, Either()(a, b))
    np.testing.assert_allclose(values(model({"a": X, "b": None})), X)
    with pytest.raises(ValueError, match="'a' is not optional"):
        model({"a": None, "b": X})


def test_a_layer_knows_the_path_at_which_it_was_built():
    class Outer(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = layers.Dense(1, name="outer")

        def call(self, x):
            return self.inner(x)

    outer = Outer(name="outer")
    outer(keras.KerasTensor((None, 3)))
    assert (outer.path, outer.inner.path, outer.inner.kernel.path) == ("outer", "outer/outer", "outer/outer/kernel")


def test_a_policy_of_a_map_is_found_by_the_layers_path():
    policies = keras.dtype_policies.DTypePolicyMap("float32", {"half": keras.DTypePolicy("mixed_float16")})
    half, full = layers.Dense(1, dtype=policies, name="half"), layers.Dense(1, dtype=policies, name="full")
    assert [d(keras.KerasTensor((1, 2))).dtype for d in (half, full)] == ["float16", "float32"]


def test_limits_of_epochs_and_steps(monkeypatch, backend):
    from kerastorch import settings

    monkeypatch.setattr(settings, "max_epochs", 2)
    monkeypatch.setattr(settings, "max_steps_per_epoch", 3)
    model = keras.Sequential([layers.Dense(1)])
    model.compile("sgd", "mse", backend=backend.name)
    history = model.fit(X, X[:, :1], batch_size=1, epochs=9, verbose=0)
    assert len(history.epoch) == 2 and int(model.optimizer.iterations.numpy()) == 6


def test_lists_and_dictionaries_of_tensorflows_modules_are_nests():
    tf = pytest.importorskip("tensorflow")
    backend_registry.get("tensorflow")
    module = tf.Module()
    module.parts = [1, {"b": 2, "a": 3}]
    assert keras.tree.flatten(module.parts) == [1, 3, 2]
    assert type(keras.tree.map_structure(str, module.parts)) is type(module.parts)


def test_shapes_as_the_framework_gives_them(backend):
    assert tuple(keras.random.normal(ops.ones((2, 3)).shape).shape) == (2, 3)


def test_the_output_of_a_layer_is_that_of_its_first_call():
    dense = layers.Dense(1)
    first = dense(layers.Input((2,)))
    dense(layers.Input((2,)))
    assert dense.output is first
