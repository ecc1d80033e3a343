"""The progress bar prints what Keras's prints, byte for byte, at the same times."""

import inspect
import io
import itertools
import sys

import keras
import numpy as np
import pytest
from keras.src.callbacks.progbar_logger import ProgbarLogger as ReferenceLogger
from keras.src.utils.progbar import Progbar as ReferenceBar

from kerastorch import callbacks
from kerastorch.training.logs import Logs
from kerastorch.utils.io import disable_interactive_logging, enable_interactive_logging
from kerastorch.utils.progbar import Progbar


@pytest.fixture
def clock(monkeypatch):
    """A clock that both bars read; each call of the result says when it is."""
    now = [1000.0]
    monkeypatch.setattr("time.time", lambda: now[0])

    def at(seconds):
        now[0] = 1000.0 + seconds

    return at


def printed(bar, clock, settings, calls, monkeypatch):
    """What a bar prints for calls of (time in seconds, arguments of update)."""
    out = io.StringIO()
    clock(0)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", out)
        shown = bar(**settings)
        for seconds, args in calls:
            clock(seconds)
            shown.update(*args)
    return out.getvalue()


STEPS = [0.3, 0.31, 0.42, 0.5, 0.51, 0.58, 0.9, 61.0, 200.5, 8000.25]


def run_of(target, pace=1.0, finalize=False, values=None):
    """A run of calls, one per step, whose values change in length."""
    values = values or (lambda i: [("accuracy", 1 - 1 / i), ("loss", 3.0 / i**4), ("neg", -0.5 * i)])
    calls = [(STEPS[i % len(STEPS)] * pace + i * 1e-3, (i + 1, values(i + 1), False)) for i in range(target)]
    calls.sort(key=lambda call: call[1][0])
    times = sorted(seconds for seconds, _ in calls)
    calls = [(t, args) for t, (_, args) in zip(times, calls, strict=True)]
    return [*calls, (times[-1] + 0.07, (target, values(target), True))] if finalize else calls


CASES = {
    "stateful": ({"target": 10, "stateless_metrics": []}, run_of(10, finalize=True)),
    "averaged": ({"target": 10}, run_of(10, finalize=True)),
    "one averaged": ({"target": 10, "stateless_metrics": ["loss"]}, run_of(10, finalize=True)),
    "one stateful": ({"target": 10, "stateful_metrics": ["loss"]}, run_of(10, finalize=True)),
    "unknown target": ({"target": None}, run_of(7)),
    "zero target": ({"target": 0}, run_of(3)),
    "one step": ({"target": 1}, run_of(1, finalize=True)),
    "no values": ({"target": 4}, [(0.1 * i, (i,)) for i in range(5)]),
    "fast": ({"target": 3000, "interval": 0.001}, run_of(40, pace=1e-4)),
    "slow": ({"target": 1234, "width": 30, "unit_name": "sample"}, run_of(12, pace=300)),
    "finalized by the count": ({"target": 3}, [(0.2 * i, (i, [("loss", 0.1 * i)])) for i in (1, 2, 3)]),
    "steps of several": ({"target": 30}, [(0.2 * i, (3 * i, [("loss", 0.1 * i)])) for i in range(1, 11)]),
    "first step never said": ({"target": 30}, [(0.2 * i, (i, [("loss", 0.1 * i)])) for i in range(5, 9)]),
    "arrays": (
        {"target": 5},
        run_of(5, values=lambda i: [("a", np.float32(i) / 3), ("b", np.arange(3) * i), ("c", i)]),
    ),
    "no number": ({"target": 5}, run_of(5, values=lambda i: [("loss", float("nan")), ("inf", float("inf"))])),
    "edges": ({"target": 5}, run_of(5, values=lambda i: [("a", 1e-3), ("b", -1e-3), ("c", 0.00100001), ("d", 0.0)])),
    "hours": ({"target": 100}, [(50.0 * i**2, (i, [("loss", 0.1)])) for i in range(1, 12)]),
    "values that go": ({"target": 5}, [(0.1 * i, (i, [("loss", 0.1)] * (i % 2))) for i in range(1, 6)]),
}


@pytest.mark.parametrize("verbose", [0, 1, 2])
@pytest.mark.parametrize("case", CASES)
def test_the_same_bytes(case, verbose, clock, monkeypatch):
    settings, calls = CASES[case]
    theirs, ours = (
        printed(bar, clock, {**settings, "verbose": verbose}, calls, monkeypatch) for bar in (ReferenceBar, Progbar)
    )
    assert ours == theirs
    assert bool(theirs) == (verbose == 1 or (verbose == 2 and bool(settings["target"]) and _ends(settings, calls)))


def _ends(settings, calls):
    return any(args[2] if len(args) > 2 else args[0] >= settings["target"] for _, args in calls)


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_add(verbose, clock, monkeypatch):
    def run(kind):
        out = io.StringIO()
        clock(0)
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", out)
            bar = kind(6, verbose=verbose)
            for i in range(3):
                clock(0.3 * (i + 1))
                bar.add(2, [("loss", 0.5 * i)])
        return out.getvalue()

    assert run(Progbar) == run(ReferenceBar)


def test_a_terminal_without_unicode(clock, monkeypatch):
    def run(kind):
        raw = io.BytesIO()
        terminal = io.TextIOWrapper(raw, encoding="ascii")
        clock(0)
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", terminal)
            bar = kind(3)
            for i in (1, 2, 3):
                clock(i)
                bar.update(i, [("loss", 0.5)])
            return raw.getvalue()

    assert run(Progbar) == run(ReferenceBar)
    assert b"=" in run(Progbar)


@pytest.mark.parametrize("kind, reference", [(Progbar, ReferenceBar), (callbacks.ProgbarLogger, ReferenceLogger)])
def test_the_constructor_is_the_same(kind, reference):
    ours, theirs = (inspect.signature(k.__init__) for k in (kind, reference))
    assert [(p.name, p.default, p.kind) for p in ours.parameters.values()] == [
        (p.name, p.default, p.kind) for p in theirs.parameters.values()
    ]


class Model:
    """As much of a model as callbacks ask for."""

    stop_training = False
    metrics = ()


def watcher(module):
    """A callback with batch hooks, which keeps Keras from calling the logger in another thread, at any time."""

    def nothing(batch, logs):
        pass

    hooks = {f"on_{mode}_batch_end": nothing for mode in ("train", "test", "predict")}
    return module.LambdaCallback(**hooks)


def fit(module, params, epochs, steps, validate, clock, monkeypatch):
    """What the logger of `module` prints over a run with the events of fit."""
    out = io.StringIO()
    tick = itertools.count(1)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", out)
        clock(0)
        told = module.CallbackList([watcher(module)], add_history=True, add_progbar=True, model=Model(), **params)
        told.on_train_begin()
        for epoch in range(epochs):
            told.on_epoch_begin(epoch)
            logs = {}
            for step in range(steps):
                told.on_train_batch_begin(step)
                clock(0.02 * next(tick))
                logs = {"loss": 1.0 / (step + 1), "accuracy": 0.1 * step}
                told.on_train_batch_end(step, dict(logs))
            if validate:
                told.on_test_begin()
                for step in range(2):
                    clock(0.02 * next(tick))
                    told.on_test_batch_end(step, {"loss": 0.3})
                told.on_test_end({"loss": 0.3})
                logs.update(val_loss=0.3, val_accuracy=0.7)
            told.on_epoch_end(epoch, logs)
        told.on_train_end(logs)
        told.on_predict_begin()
        told.on_predict_batch_end(0, {"outputs": np.zeros(3)})
        told.on_predict_end()
    return out.getvalue()


@pytest.mark.parametrize("validate", [False, True])
@pytest.mark.parametrize("steps", [7, None])
@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_the_logger_prints_the_same(verbose, steps, validate, clock, monkeypatch):
    params = {"verbose": verbose, "epochs": 2, "steps": steps}
    theirs = fit(keras.callbacks, params, 2, 7, validate, clock, monkeypatch)
    assert fit(callbacks, params, 2, 7, validate, clock, monkeypatch) == theirs
    assert ("Epoch 2/2" in theirs) == (verbose > 0)


def test_logs_are_read_only_when_the_bar_is_drawn(clock, monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    clock(0)
    told = callbacks.CallbackList([], add_progbar=True, model=Model(), verbose=1, epochs=1, steps=1000)
    told.on_train_begin()
    told.on_epoch_begin(0)
    all_logs = []
    for step in range(1000):
        clock(0.001 * (step + 1))
        logs = Logs(lambda step=step: {"loss": float(step)})
        told.on_train_batch_end(step, logs)
        all_logs.append(logs)
    read = sum(logs.evaluated for logs in all_logs)
    assert 18 <= read <= 21  # every 50 ms of one second


def test_where_messages_go(caplog, capsys):
    disable_interactive_logging()
    try:
        with caplog.at_level("INFO", logger="kerastorch"):
            Progbar(1).update(1, [("loss", 0.5)])
    finally:
        enable_interactive_logging()
    assert capsys.readouterr().out == ""
    assert "loss: 0.5000" in caplog.text
