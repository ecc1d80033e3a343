"""Callbacks: which hooks are called when, what each built-in one does, and logs that are read only when looked at."""

import copy
import json
import math
import pickle
import types

import numpy as np
import pytest

from kerastorch import callbacks
from kerastorch.callbacks.base import HOOKS
from kerastorch.training.logs import Logs
from kerastorch.utils.io import set_logging_verbosity

# ------------------------------------------------------------------------------------------------ logs


def counted(values):
    """Logs over values, and the list of times that they were computed."""
    calls = []
    return Logs(lambda: calls.append(1) or values), calls


LOOKS = {
    "item": lambda logs: logs["loss"] == 0.5,
    "get": lambda logs: logs.get("loss") == 0.5 and logs.get("no", 3) == 3,
    "items": lambda logs: list(logs.items()) == [("acc", 1.0), ("loss", 0.5)],
    "keys": lambda logs: list(logs.keys()) == ["acc", "loss"],
    "values": lambda logs: list(logs.values()) == [1.0, 0.5],
    "iter": lambda logs: list(logs) == ["acc", "loss"],
    "reversed": lambda logs: list(reversed(logs)) == ["loss", "acc"],
    "len": lambda logs: len(logs) == 2,
    "bool": lambda logs: bool(logs),
    "in": lambda logs: "loss" in logs and "" not in logs,
    "copy": lambda logs: logs.copy() == {"acc": 1.0, "loss": 0.5},
    "copy.copy": lambda logs: copy.copy(logs) == {"acc": 1.0, "loss": 0.5},
    "deepcopy": lambda logs: copy.deepcopy(logs) == {"acc": 1.0, "loss": 0.5},
    "pickle": lambda logs: pickle.loads(pickle.dumps(logs)) == {"acc": 1.0, "loss": 0.5},
    "repr": lambda logs: repr(logs) == "{'acc': 1.0, 'loss': 0.5}",
    "==": lambda logs: logs == {"acc": 1.0, "loss": 0.5},
    "== from the right": lambda logs: {"acc": 1.0, "loss": 0.5} == logs,
    "!=": lambda logs: logs != {},
    "dict": lambda logs: dict(logs) == {"acc": 1.0, "loss": 0.5},
    "**": lambda logs: (lambda **given: given)(**logs) == {"acc": 1.0, "loss": 0.5},
    "unpacking": lambda logs: {**logs, "x": 1} == {"acc": 1.0, "loss": 0.5, "x": 1},
    "update": lambda logs: _updated(logs) == {"acc": 1.0, "loss": 0.5},
    "|": lambda logs: (logs | {"x": 1}) == {"acc": 1.0, "loss": 0.5, "x": 1},
    "| from the right": lambda logs: ({"x": 1} | logs) == {"x": 1, "acc": 1.0, "loss": 0.5},
    "json": lambda logs: json.dumps(logs) == '{"acc": 1.0, "loss": 0.5}',
    "json, indented": lambda logs: json.loads(json.dumps(logs, indent=1)) == {"acc": 1.0, "loss": 0.5},
    "format": lambda logs: "{loss:.2f}".format(**logs) == "0.50",
    "setting": lambda logs: logs.__setitem__("x", 1) or dict(logs) == {"acc": 1.0, "loss": 0.5, "x": 1},
    "setdefault": lambda logs: logs.setdefault("loss", 3) == 0.5,
    "pop": lambda logs: logs.pop("acc") == 1.0 and dict(logs) == {"loss": 0.5},
    "deleting": lambda logs: logs.__delitem__("acc") or dict(logs) == {"loss": 0.5},
    "sorted": lambda logs: sorted(logs) == ["acc", "loss"],
}


def _updated(logs):
    other = {}
    other.update(logs)
    return other


@pytest.mark.parametrize("look", LOOKS)
def test_logs_are_computed_once_at_the_first_look(look):
    logs, calls = counted({"loss": np.float32(0.5), "acc": 1})
    assert isinstance(logs, dict) and not logs.evaluated and not calls
    assert LOOKS[look](logs)
    assert logs.evaluated and len(calls) == 1
    assert "loss" in logs and len(calls) == 1


def test_what_cannot_be_computed_yet_is_tried_again():
    ready = []

    def read():
        if not ready:
            raise RuntimeError("the device is gone")
        return {"loss": 1.0}

    logs = Logs(read)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="device is gone"):
            logs["loss"]
    ready.append(True)
    assert logs == {"loss": 1.0}


def test_values_become_python_floats():
    matrix = np.zeros((2, 2))
    logs = Logs({"b": np.float64(2), "a": {"z": 1, "c": np.array([3])}, "m": matrix, "text": "1", "none": None})
    assert list(logs) == ["c", "z", "b", "m", "none", "text"]
    assert [type(logs[k]) for k in "bcz"] == [float] * 3 and logs["c"] == 3
    assert logs["m"] is matrix and logs["text"] == "1" and logs["none"] is None


# ------------------------------------------------------------------------------------------------ hooks


class Recorder(callbacks.Callback):
    """Notes every event."""

    def __init__(self):
        super().__init__()
        self.events = []


def _noting(hook):
    def note(self, *args, **kwargs):
        self.events.append((hook, *args))

    return note


for _hook in HOOKS:
    setattr(Recorder, _hook, _noting(_hook))


def test_each_event_reaches_each_callback_in_order():
    first, second = Recorder(), Recorder()
    told = callbacks.CallbackList([first, second], model=types.SimpleNamespace(), verbose=0, epochs=3, steps=2)
    assert first.params == {"verbose": 0, "epochs": 3, "steps": 2}
    assert first.model is second.model is told.model
    for hook in HOOKS:
        args = (4,) if "batch" in hook or "epoch" in hook else ()
        getattr(told, hook)(*args, {"loss": 1})
        assert first.events[-1] == second.events[-1] == (hook, *args, {"loss": 1.0})


def test_logs_may_be_left_out_or_named():
    note = Recorder()
    told = callbacks.CallbackList(note)
    told.on_train_begin()
    told.on_epoch_end(epoch=2, logs={"loss": 1})
    told.on_train_batch_end(batch=3)
    assert note.events == [
        ("on_train_begin", {}),
        ("on_epoch_end", 2, {"loss": 1.0}),
        ("on_train_batch_end", 3, {}),
    ]


def test_hooks_that_nobody_has_cost_nothing():
    told = callbacks.CallbackList([callbacks.EarlyStopping(), callbacks.History()])
    assert not any(told.has_batch_hooks(mode) for mode in ("train", "test", "predict"))
    logs, calls = counted({})
    told.on_train_batch_end(0, logs)
    assert not calls
    assert callbacks.CallbackList([], add_progbar=True).has_batch_hooks("predict")


def test_the_older_names_of_batch_hooks():
    class Old(callbacks.Callback):
        seen = ()

        def on_batch_begin(self, batch, logs=None):
            self.seen += (("begin", batch),)

        def on_batch_end(self, batch, logs=None):
            self.seen += (("end", batch, logs["loss"]),)

    old = Old()
    told = callbacks.CallbackList([old])
    assert told.has_batch_hooks("train") and not told.has_batch_hooks("test")
    told.on_train_batch_begin(3)
    told.on_train_batch_end(3, {"loss": 2})
    assert old.seen == (("begin", 3), ("end", 3, 2.0))


def test_hooks_may_be_set_on_an_instance_even_late():
    class Late(callbacks.Callback):
        def __init__(self):  # as many do, without calling the base's
            self.seen = []

        def on_train_begin(self, logs=None):
            self.on_train_batch_end = lambda batch, logs: self.seen.append(batch)

    late = Late()
    told = callbacks.CallbackList([late])
    assert not told.has_batch_hooks("train")
    told.on_train_begin()
    assert told.has_batch_hooks("train")
    told.on_train_batch_end(5)
    assert late.seen == [5]


def test_what_is_added_where_there_is_none():
    model = types.SimpleNamespace()
    mine = callbacks.History()
    told = callbacks.CallbackList([mine], add_history=True, add_progbar=True, model=model)
    assert [type(c).__name__ for c in told.callbacks] == ["History", "ProgbarLogger"]
    assert model.history is mine
    assert len(callbacks.CallbackList([[mine], (callbacks.Callback(),)]).callbacks) == 2
    told.append(Recorder())
    told.on_test_begin()
    assert told.callbacks[-1].events == [("on_test_begin", {})]


@pytest.mark.parametrize("wrong", [callbacks.EarlyStopping, print, 3])
def test_what_is_no_callback(wrong):
    with pytest.raises(TypeError, match="callbacks must be instances of Callback"):
        callbacks.CallbackList([wrong])


# ------------------------------------------------------------------------------------------------ a model to work on


class Model:
    """As much of a model as callbacks ask for: weights that count epochs, metrics, saving, an optimizer."""

    def __init__(self):
        self.weights, self.saved, self.stop_training = [0], [], False
        self.optimizer = types.SimpleNamespace(learning_rate=np.float32(1.0), name="sgd")
        accuracy, error = (types.SimpleNamespace(name=n, _direction=d) for n, d in (("acc", "up"), ("mse", "down")))
        unknown = types.SimpleNamespace(name="mine")
        self.metrics = [types.SimpleNamespace(name="loss"),
                        types.SimpleNamespace(name="compiled", metrics=[accuracy, error, unknown])]  # fmt: skip

    def get_weights(self):
        return list(self.weights)

    def set_weights(self, weights):
        self.weights = list(weights)

    def save(self, path, overwrite):
        self.saved.append(path)

    def save_weights(self, path, overwrite):
        self.saved.append(f"weights {path}")


def run(callback, epochs, batches=0):
    """Tells of a fit whose epochs end with the given logs; returns the model afterwards, with its history."""
    model = Model()
    told = callbacks.CallbackList(callback, add_history=True, model=model, epochs=len(epochs), verbose=0, steps=batches)
    told.on_train_begin()
    for epoch, logs in enumerate(epochs):
        model.weights = [epoch + 1]
        told.on_epoch_begin(epoch)
        for batch in range(batches):
            told.on_train_batch_begin(batch)
            told.on_train_batch_end(batch, logs)
            if model.stop_training:
                break
        told.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    told.on_train_end(logs)
    return model


def losses(*values, name="val_loss"):
    return [{name: v} for v in values]


# ------------------------------------------------------------------------------------------------ history, lambda


def test_history():
    model = run([], [{"loss": 1, "acc": 0.5}, {"loss": 0.5, "acc": 0.7, "val_loss": 2}])
    assert model.history.history == {"acc": [0.5, 0.7], "loss": [1.0, 0.5], "val_loss": [2.0]}
    assert model.history.epoch == [0, 1]


def test_a_callback_of_functions():
    seen = []
    callback = callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: seen.append(("begin", epoch)),
        on_train_batch_end=lambda batch, logs: seen.append(("batch", batch)),
        on_batch_begin=lambda batch, logs: seen.append(("old", batch)),
        on_test_begin=lambda logs: seen.append("test"),
        note=3,
    )
    assert callback.note == 3
    run(callback, losses(1.0), batches=1)
    assert seen == [("begin", 0), ("old", 0), ("batch", 0)]
    with pytest.raises(TypeError, match=r"no hook 'on_epoch_finish'. Did you mean 'on_epoch_begin'|'on_epoch_"):
        callbacks.LambdaCallback(on_epoch_finish=print)


# ------------------------------------------------------------------------------------------------ early stopping


def test_early_stopping():
    model = run(callbacks.EarlyStopping(patience=2), losses(3, 2, 2, 2, 1))
    assert len(model.history.epoch) == 4
    model = run(callbacks.EarlyStopping(patience=2), losses(3, 2, 2, 1, 1, 1))
    assert len(model.history.epoch) == 6


def test_early_stopping_takes_the_direction_from_the_metric():
    assert len(run(callbacks.EarlyStopping("val_acc"), losses(0.1, 0.2, 0.1, name="val_acc")).history.epoch) == 3
    assert len(run(callbacks.EarlyStopping("mse"), losses(0.2, 0.1, 0.1, 0.1, name="mse")).history.epoch) == 3
    assert len(run(callbacks.EarlyStopping("x", mode="max"), losses(1, 2, 1, 5, name="x")).history.epoch) == 3
    with pytest.raises(ValueError, match="monitor='val_mine'; say mode='max'"):
        run(callbacks.EarlyStopping("val_mine"), losses(1, name="val_mine"))
    with pytest.raises(ValueError, match=r"monitor='acx'.*Did you mean 'acc'"):
        run(callbacks.EarlyStopping("acx"), losses(1))


def test_the_best_weights_come_back(capsys):
    best = callbacks.EarlyStopping(patience=1, restore_best_weights=True, verbose=1)
    assert run(best, losses(3, 1, 2, 0)).weights == [2]
    out = capsys.readouterr().out
    assert out == "Epoch 3: early stopping\nRestoring model weights from the end of the best epoch: 2.\n"
    assert run(best, losses(1, 2)).weights == [1]  # used again, it begins anew


def test_early_stopping_with_a_baseline_a_delta_and_a_late_start():
    stop = callbacks.EarlyStopping
    # The baseline is not beaten: waiting goes on although the value improves, and ends at the first that does not.
    assert len(run(stop(baseline=0.5, patience=2), losses(3, 2, 1, 1, 0)).history.epoch) == 4
    assert len(run(stop(min_delta=0.5), losses(3, 2, 1.9, 1)).history.epoch) == 3
    assert len(run(stop(start_from_epoch=2), losses(1, 2, 3, 4, 0)).history.epoch) == 4


def test_a_value_that_is_not_there():
    with pytest.warns(UserWarning, match="EarlyStopping watches 'val_loss', which is not available; there are: loss"):
        assert len(run(callbacks.EarlyStopping(), losses(1, 2, name="loss")).history.epoch) == 2
    with pytest.warns(UserWarning, match="mode 'least' is unknown"):
        assert callbacks.EarlyStopping(mode="least").mode == "auto"


# ------------------------------------------------------------------------------------------------ checkpoints


def test_checkpoints_each_epoch(tmp_path):
    where = tmp_path / "new"
    model = run(callbacks.ModelCheckpoint(where / "{epoch:02d}-{val_loss:.1f}.keras"), losses(3, 2))
    assert model.saved == [f"{where}/01-3.0.keras", f"{where}/02-2.0.keras"]
    assert where.is_dir()


def test_checkpoints_of_weights_of_the_best_epochs(tmp_path, capsys):
    path = str(tmp_path / "best-{epoch}.weights.h5")
    keep = callbacks.ModelCheckpoint(path, save_weights_only=True, save_best_only=True, verbose=1)
    model = run(keep, losses(3, 4, 2))
    assert model.saved == [f"weights {tmp_path}/best-{e}.weights.h5" for e in (1, 3)]
    out = capsys.readouterr().out
    assert f"\nEpoch 1: val_loss improved from None to 3.00000, saving model to {tmp_path}/best-1.weights.h5\n" in out
    assert f"\nEpoch 1: finished saving model to {tmp_path}/best-1.weights.h5\n" in out
    assert "\nEpoch 2: val_loss did not improve from 3.00000\n" in out
    keep = callbacks.ModelCheckpoint(path, save_weights_only=True, save_best_only=True, initial_value_threshold=2.5)
    assert len(run(keep, losses(3, 4, 2)).saved) == 1
    with pytest.warns(UserWarning, match="not available"):
        assert len(run(callbacks.ModelCheckpoint("x.h5", save_best_only=True), losses(1, name="loss")).saved) == 1


def test_checkpoints_every_few_batches():
    keep = callbacks.ModelCheckpoint("{epoch}-{batch}.keras", save_freq=3)
    assert run(keep, losses(1, 1), batches=4).saved == ["1-3.keras", "2-2.keras"]
    keep = callbacks.ModelCheckpoint("{epoch}-{batch}.keras", save_freq=4)
    keep.set_model(model := Model())
    keep.on_epoch_begin(0)
    for batch in (2, 5, 8):  # three batches at a time
        keep.on_train_batch_end(batch, {})
    assert model.saved == ["1-6.keras"]


@pytest.mark.parametrize(
    "given, message",
    [
        ({"filepath": "a.txt"}, r"must end in .keras or .h5, but it is 'a.txt'"),
        ({"filepath": "a.keras", "save_weights_only": True}, r"must end in .weights.h5"),
        ({"filepath": "a.keras", "save_freq": "batch"}, "Unrecognized save_freq: 'batch'"),
        ({"filepath": "a.keras", "save_freq": 0}, "Unrecognized save_freq"),
    ],
)
def test_checkpoints_that_cannot_be(given, message):
    with pytest.raises(ValueError, match=message):
        callbacks.ModelCheckpoint(**given)


def test_checkpoint_paths_that_cannot_be(tmp_path):
    with pytest.raises(KeyError, match="has the field 'acc', but there are epoch, val_loss"):
        run(callbacks.ModelCheckpoint("{acc}.keras"), losses(1))
    (tmp_path / "a.keras").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        run(callbacks.ModelCheckpoint(tmp_path / "a.keras"), losses(1))


# ------------------------------------------------------------------------------------------------ the small ones


def test_terminate_on_nan(capsys):
    model = run(callbacks.TerminateOnNaN(), [{"loss": 1.0}, {"loss": math.nan}, {"loss": 1.0}], batches=2)
    assert len(model.history.epoch) == 2
    assert capsys.readouterr().out == "Batch 0: Invalid loss, terminating training\n"
    with pytest.raises(RuntimeError, match=r"NaN or Inf loss encountered.*inf"):
        run(callbacks.TerminateOnNaN(raise_error=True), [{"loss": math.inf}], batches=1)


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    run(callbacks.CSVLogger(path), [{"loss": 1, "acc": 0.5}, {"loss": 0.5}])
    assert path.read_bytes() == b"epoch,acc,loss,val_acc,val_loss\r\n0,0.5,1.0,NA,NA\r\n1,NA,0.5,NA,NA\r\n"
    run(callbacks.CSVLogger(str(path), append=True, separator=";"), [{"val_a": np.arange(2)}])
    assert path.read_text().splitlines()[-1] == '0;"""[0, 1]"""'
    run(callbacks.CSVLogger(path), losses(1, name="val_a"))
    assert path.read_text().splitlines() == ["epoch,val_a", "0,1.0"]


def test_learning_rate_schedule(capsys):
    model = run(callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2, verbose=1), losses(1, 1))
    assert model.optimizer.learning_rate == 0.25
    assert model.history.history["learning_rate"] == [0.5, 0.25]
    assert "\nEpoch 2: LearningRateScheduler setting learning rate to 0.25.\n" in capsys.readouterr().out
    model = run(callbacks.LearningRateScheduler(lambda epoch: 3 + epoch), losses(1, 1))
    assert model.history.history["learning_rate"] == [3, 4]
    with pytest.raises(ValueError, match=r"schedule must return a float, but .* returned 'x' for epoch 0"):
        run(callbacks.LearningRateScheduler(lambda epoch: "x"), losses(1))

    def broken(epoch, rate):
        return None + rate

    with pytest.raises(TypeError, match="unsupported operand"):  # the user's own mistake, not taken for another form
        run(callbacks.LearningRateScheduler(broken), losses(1))


def test_reduce_the_learning_rate(capsys):
    lower = callbacks.ReduceLROnPlateau(patience=2, factor=0.5, min_lr=0.2, verbose=1)
    model = run(lower, losses(*[1] * 9))
    assert model.history.history["learning_rate"] == [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2]
    assert capsys.readouterr().out.startswith("\nEpoch 3: ReduceLROnPlateau reducing learning rate to 0.5.\n")
    model = run(callbacks.ReduceLROnPlateau(patience=1, factor=0.5, cooldown=2), losses(*[1] * 6))
    assert model.history.history["learning_rate"] == [1, 1, 0.5, 0.5, 0.25, 0.25]
    with pytest.raises(ValueError, match="factor must be less than 1, not 2"):
        callbacks.ReduceLROnPlateau(factor=2)
    with pytest.raises(TypeError, match="epsilom"):
        callbacks.ReduceLROnPlateau(epsilom=2)


def test_several_optimizers():
    model = Model()
    model.optimizer = types.SimpleNamespace(
        optimizers=[types.SimpleNamespace(name=n, learning_rate=r) for n, r in (("a", 1.0), ("b", 4.0))]
    )
    told = callbacks.CallbackList(callbacks.LearningRateScheduler(lambda e, r: r / 2), add_history=True, model=model)
    told.on_epoch_begin(0)
    told.on_epoch_end(0, {"loss": 1})
    assert model.history.history == {"loss": [1], "learning_rate_a": [0.5], "learning_rate_b": [2]}


def test_verbosity_of_the_log():
    with pytest.raises(ValueError, match=r"level must be one of FATAL, .*, not 'WARN'. Did you mean 'WARNING'"):
        set_logging_verbosity("WARN")
