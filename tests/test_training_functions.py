"""How users run single batches in another way: `make_train_function` and its like, and steps written for older Keras."""

import numpy as np
import pytest

import kerastorch as keras
from kerastorch import backend_registry, layers
from kerastorch.errors import NotCompiled

X = np.linspace(-1, 1, 24, dtype="float32").reshape(12, 2)
Y = X.sum(1, keepdims=True)


@pytest.fixture(params=[n for n in backend_registry.BUILT_IN if backend_registry.installed(n)])
def backend(request):
    return request.param


def made(backend, kind=keras.Model):
    inputs = layers.Input((2,))
    model = kind(inputs, layers.Dense(1, kernel_initializer="ones")(inputs))
    model.compile("sgd", "mse", metrics=["mae"], backend=backend)
    return model


class Counting(keras.Model):
    """Counts its batches."""

    def make_train_function(self, force=False):
        super().make_train_function(force)
        inner, self.seen = self.train_function, 0

        def counted(batches):
            self.seen += 1
            return {**inner(batches), "seen": self.seen}

        self.train_function = counted

    def make_predict_function(self, force=False):
        self.predict_function = lambda batches: self(next(batches)) * 0


def test_functions_of_ones_own(backend):
    model, plain = made(backend, Counting), made(backend)
    histories = [m.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0).history for m in (model, plain)]
    assert histories[0].pop("seen") == [3, 6]
    for name, values in histories[1].items():
        np.testing.assert_allclose(histories[0][name], values, rtol=1e-6)
    assert not model.predict(X, verbose=0).any() and plain.predict(X, verbose=0).any()


def test_functions_called_by_hand(backend):
    model, plain = made(backend), made(backend)
    model.make_train_function()
    logs = [model.train_function(iter([(X, Y)])) for _ in range(2)][-1]
    plain.train_on_batch(X, Y)
    plain.train_on_batch(X, Y)
    for a, b in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    assert list(logs) == ["loss", "mae"]
    model.make_test_function()
    assert list(model.test_function([(X, Y)])) == ["loss", "mae"]
    model.make_predict_function()
    out = model.predict_function([X])
    np.testing.assert_allclose(backend_registry.of(out).numpy(out), model.predict(X, verbose=0), rtol=1e-6)
    model.compile("sgd", "mse")
    assert model.train_function is None


class Older(keras.Model):
    """A step as people wrote it for tf.keras."""

    def test_step(self, data):
        x, y = data
        predicted = self(x, training=False)
        self.compiled_loss(y, predicted, regularization_losses=self.losses)
        self.compiled_metrics.update_state(y, predicted)
        return {m.name: m.result() for m in self.metrics}


def test_steps_of_older_keras(backend):
    older, plain = made(backend, Older), made(backend)
    wanted = plain.evaluate(X, Y, verbose=0, return_dict=True)
    found = older.evaluate(X, Y, verbose=0, return_dict=True)
    assert found.keys() == wanted.keys()
    np.testing.assert_allclose(list(found.values()), list(wanted.values()), rtol=1e-6)
    with pytest.raises(NotCompiled, match="no compiled loss"):
        made(backend).compiled_loss  # noqa: B018
