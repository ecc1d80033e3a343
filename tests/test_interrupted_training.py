"""Training that something ends: what was learned stays, files are whole, workers are gone, and the model trains on."""

import csv
import multiprocessing
import threading

import numpy as np
import pytest

import kerastorch as keras
from kerastorch import backend_registry, callbacks, layers, optimizers
from kerastorch.saving import load_model

X = np.linspace(-1, 1, 24, dtype="float32").reshape(12, 2)
Y = X.sum(1, keepdims=True)
STEPS = 3  # in an epoch


@pytest.fixture(params=[n for n in backend_registry.BUILT_IN if backend_registry.installed(n)])
def backend(request):
    return request.param


def made(backend):
    model = keras.Sequential([layers.Input((2,)), layers.Dense(1, kernel_initializer="zeros")])
    model.compile(optimizers.Adam(0.1), "mse", backend=backend)
    return model


def fit(model, *known, **more):
    return model.fit(X, Y, batch_size=4, shuffle=False, verbose=0, callbacks=list(known), **more)


class Raising(callbacks.Callback):
    """Raises something at one of its hooks, in the second epoch."""

    def __init__(self, hook, error):
        super().__init__()
        self.epoch = 0
        setattr(self, hook, self.fail)
        self.error = error

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def fail(self, number, logs=None):
        if self.epoch == 1 and number == 1:
            raise self.error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("the disk is full")], ids=["interrupt", "error"])
@pytest.mark.parametrize("hook, done", [("on_train_batch_begin", 4), ("on_train_batch_end", 5), ("on_epoch_end", 6)])
def test_callbacks_that_raise(hook, done, error, backend, tmp_path):
    model, paths = made(backend), [tmp_path / "model.keras", tmp_path / "log.csv"]
    files = callbacks.ModelCheckpoint(paths[0], save_freq=1), callbacks.CSVLogger(paths[1])
    with pytest.raises(type(error)) as caught:
        fit(model, *files, Raising(hook, error), epochs=4)
    assert caught.value is error and int(model.optimizer.iterations) == done
    again = made(backend)
    fit(again, epochs=1)
    again.fit(X[: 4 * (done - STEPS)], Y[: 4 * (done - STEPS)], batch_size=4, shuffle=False, verbose=0)
    for a, b, c in zip(model.get_weights(), again.get_weights(), load_model(paths[0]).get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
        np.testing.assert_array_equal(a, c)
    with open(paths[1], encoding="utf-8") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1"][: 1 + (hook == "on_epoch_end")]
    losses = fit(model, epochs=3).history["loss"]
    assert losses[-1] < losses[0]


class Batches(keras.utils.PyDataset):
    """Batches made by workers; one of them may fail."""

    def __init__(self, bad=None, **settings):
        super().__init__(**settings)
        self.bad = bad

    def __len__(self):
        return 20

    def __getitem__(self, index):
        if index == self.bad:
            raise OSError("no such picture")
        return X, Y


def workers(before=()):
    """Threads of pools, and processes, but for those that were there before, which are not ours."""
    threads = {t for t in threading.enumerate() if t.name.startswith("ThreadPoolExecutor")}
    return (threads | set(multiprocessing.active_children())) - set(before)


@pytest.mark.parametrize("settings", [{"workers": 3}, {"workers": 2, "use_multiprocessing": True}], ids=["threads", "processes"])
@pytest.mark.parametrize("what", ["batch", "interrupt", "whole", "stopped"])
def test_workers_end(what, settings):
    """Also while the error is being looked at, which keeps the frames of the loop alive."""
    model, before = made("torch"), workers()
    data = Batches(bad=7 if what == "batch" else None, max_queue_size=4, **settings)
    steps = 5 if what == "stopped" else None  # the workers would go on in the next epoch
    if what in ("batch", "interrupt"):
        known = [Interrupting()] if what == "interrupt" else []
        with pytest.raises(OSError if what == "batch" else KeyboardInterrupt) as caught:
            model.fit(data, verbose=0, callbacks=known)
        assert not workers(before) and caught.value is not None
    else:
        model.fit(data, steps_per_epoch=steps, verbose=0)
        assert not workers(before)
    model.evaluate(Batches(**settings), verbose=0)
    assert not workers(before) and np.isfinite(model.get_weights()[0]).all()


class Interrupting(callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 3:
            raise KeyboardInterrupt


def test_a_users_generator_stays_open(backend):
    """What the user has begun is the user's to go on with."""
    model, rest = made(backend), ((X, Y) for _ in range(6))
    with pytest.raises(KeyboardInterrupt):
        model.fit(rest, verbose=0, callbacks=[Interrupting()])
    assert len(list(rest)) == 2


def test_losses_that_are_no_numbers(backend):
    """Training goes on, says so in its logs, and can be ended at the first such batch."""
    wrong = Y.copy()
    wrong[5] = np.nan
    model = made(backend)
    history = model.fit(X, wrong, batch_size=4, shuffle=False, epochs=2, verbose=0).history
    assert np.isnan(history["loss"]).all() and np.isnan(model.get_weights()[0]).all()
    model = made(backend)
    history = model.fit(X, wrong, batch_size=4, shuffle=False, epochs=3, verbose=0, callbacks=[callbacks.TerminateOnNaN()])
    assert len(history.epoch) == 1 and int(model.optimizer.iterations) == 2


def test_targets_by_names(backend):
    """Dictionaries of targets and weights go by the names of the outputs, whatever their order."""
    inputs = layers.Input((2,))
    outputs = [layers.Dense(1, name="size")(inputs), layers.Dense(3, activation="softmax", name="kind")(inputs)]
    model = keras.Model(inputs, outputs)
    model.compile("sgd", ["mse", "sparse_categorical_crossentropy"], backend=backend)
    kinds, ones = np.arange(12) % 3, np.ones(12)
    by_name = [model.evaluate(X, y, verbose=0, sample_weight=w) for y, w in (
        ([Y, kinds], [ones, 2 * ones]), ({"kind": kinds, "size": Y}, {"size": ones, "kind": 2 * ones}))]  # fmt: skip
    np.testing.assert_allclose(*by_name, rtol=1e-6)
    with pytest.raises(keras.errors.LayerError, match=r"the key 'sort', but the outputs are \['size', 'kind'\]"):
        model.fit(X, {"sort": kinds, "size": Y}, verbose=0)
