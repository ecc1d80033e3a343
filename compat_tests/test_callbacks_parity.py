"""Callbacks do, say and save what Keras's do when told of the same run."""

import inspect
import types

import keras
import numpy as np
import pytest

from kerastorch import callbacks

EPOCHS = 14


class Model:
    """As much of a model as callbacks ask for; its weights are the number of epochs done."""

    def __init__(self):
        self.weights, self.saved, self.stop_training, self.metrics = [0], [], False, []
        self.optimizer = types.SimpleNamespace(learning_rate=np.float32(1.0), name="sgd")

    def get_weights(self):
        return list(self.weights)

    def set_weights(self, weights):
        self.weights = list(weights)

    def save(self, path, overwrite):
        self.saved.append((path, *self.weights))

    save_weights = save


def told(module, make, curve, capsys):
    """All that can be seen of a run in which `val_loss` follows a curve."""
    model = Model()
    chosen = make(module)
    events = module.CallbackList([chosen], add_history=True, model=model, epochs=EPOCHS, steps=3, verbose=0)
    events.on_train_begin()
    for epoch, value in enumerate(curve):
        model.weights = [epoch + 1]
        events.on_epoch_begin(epoch)
        for batch in range(3):
            events.on_train_batch_begin(batch)
            events.on_train_batch_end(batch, {"loss": value})
        events.on_epoch_end(epoch, {"loss": value, "val_loss": value / 3, "val_acc": 1 - value})
        if model.stop_training:
            break
    events.on_train_end({"loss": value})
    return {
        "history": model.history.history,
        "epochs": model.history.epoch,
        "weights": model.weights,
        "saved": model.saved,
        "rate": float(model.optimizer.learning_rate),
        "text": capsys.readouterr().out,
        "best": float(getattr(chosen, "best", None) or 0),
    }


MAKERS = {
    "stop": lambda m: m.EarlyStopping(patience=2, mode="min", verbose=1),
    "stop at once": lambda m: m.EarlyStopping(mode="min", verbose=1),
    "stop, loss": lambda m: m.EarlyStopping("val_loss", patience=1),
    "stop, max": lambda m: m.EarlyStopping("val_acc", patience=2, mode="max"),
    "stop, delta": lambda m: m.EarlyStopping(patience=2, mode="min", min_delta=0.05),
    "stop, baseline": lambda m: m.EarlyStopping(patience=3, mode="min", baseline=0.15, restore_best_weights=True),
    "stop, late": lambda m: m.EarlyStopping(patience=1, mode="min", start_from_epoch=4, restore_best_weights=True),
    "stop, best": lambda m: m.EarlyStopping(patience=2, mode="min", restore_best_weights=True, verbose=1),
    "save": lambda m: m.ModelCheckpoint("{epoch:03d}-{val_loss:.3f}.keras", mode="min", verbose=1),
    "save best": lambda m: m.ModelCheckpoint(
        "b.weights.h5", mode="min", verbose=1, save_best_only=True, save_weights_only=True
    ),
    "save best, max": lambda m: m.ModelCheckpoint("b.h5", "val_acc", save_best_only=True, mode="max"),
    "save from": lambda m: m.ModelCheckpoint("b.keras", save_best_only=True, mode="min", initial_value_threshold=0.1),
    "save by batch": lambda m: m.ModelCheckpoint("{epoch}-{batch}-{loss:.2f}.keras", mode="min", save_freq=4),
    "lower": lambda m: m.ReduceLROnPlateau(patience=1, mode="min", verbose=1),
    "lower, patient": lambda m: m.ReduceLROnPlateau(
        patience=2, factor=0.5, cooldown=2, mode="min", min_lr=0.1, verbose=1
    ),
    "lower, max": lambda m: m.ReduceLROnPlateau("val_acc", patience=1, mode="max", min_delta=0.02),
    "schedule": lambda m: m.LearningRateScheduler(lambda epoch, rate: rate * 0.5 + epoch, verbose=1),
    "schedule by epoch": lambda m: m.LearningRateScheduler(lambda epoch: 1.0 / (1 + epoch)),
    "nan": lambda m: m.TerminateOnNaN(),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("case", MAKERS)
def test_the_same_run_has_the_same_outcome(case, seed, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw = np.random.default_rng(seed)
    curve = (
        np.abs(np.linspace(0.6, 0.2, EPOCHS) + draw.normal(size=EPOCHS) * (0, 0.02, 0.1, 0.3)[seed]).round(2).tolist()
    )
    if case == "nan":
        curve[5] = float("nan")
    theirs = told(keras.callbacks, MAKERS[case], curve, capsys)
    ours = told(callbacks, MAKERS[case], curve, capsys)
    np.testing.assert_equal(ours, theirs)


@pytest.mark.parametrize("append", [False, True])
def test_the_same_table(append, capsys, tmp_path):
    for module, name in ((keras.callbacks, "theirs"), (callbacks, "ours")):
        path = tmp_path / name
        path.write_text("before\n")
        told(module, lambda m: m.CSVLogger(path, append=append), [0.3, 0.25], capsys)  # noqa: B023
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


@pytest.mark.parametrize("name", callbacks.__all__)
def test_signatures_are_the_same(name):
    ours, theirs = getattr(callbacks, name), getattr(keras.callbacks, name)
    for member, method in [("__init__", theirs.__init__), *vars(theirs).items()]:
        if inspect.isfunction(method) and (member == "__init__" or not member.startswith("_")):
            assert _parameters(getattr(ours, member)) == _parameters(method), member


def _parameters(function):
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]
