"""Callbacks that need a model that trains: averages, backups, and what TensorBoard and Orbax are given."""

import contextlib
import json
import os
import struct
import sys
import types
import zlib

import numpy as np
import pytest

import kerastorch
from kerastorch import backend_registry, callbacks, layers, optimizers
from kerastorch.callbacks import events
from tests.processes import ROOT, python

X = np.linspace(-1, 1, 24, dtype="float32").reshape(12, 2)
Y = X.sum(1, keepdims=True)


@pytest.fixture(params=list(backend_registry.BUILT_IN))
def backend(request):
    if not backend_registry.installed(request.param):
        pytest.skip(f"the framework of the {request.param} backend is not installed")
    with backend_registry.using(request.param) as chosen:
        yield chosen


def made(optimizer=None):
    model = kerastorch.Sequential([layers.Input((2,)), layers.Dense(1, kernel_initializer="ones", name="last")])
    model.compile(optimizer or optimizers.SGD(0.1, momentum=0.9), "mse")
    return model


def fit(model, *known, epochs=4, **more):
    return model.fit(X, Y, batch_size=4, epochs=epochs, verbose=0, shuffle=False, callbacks=list(known), **more)


# ------------------------------------------------------------------------------------------------ averages


class Looking(callbacks.Callback):
    """Notes the first weight at each hook."""

    def __init__(self):
        super().__init__()
        self.seen = {}

    def note(self, when):
        self.seen.setdefault(when, []).append(self.model.get_weights()[0].copy())

    def on_epoch_begin(self, epoch, logs=None):
        self.note("begin")

    def on_train_batch_end(self, batch, logs=None):
        self.note("batch")

    def on_test_batch_end(self, batch, logs=None):
        self.note("test")

    def on_epoch_end(self, epoch, logs=None):
        self.note("end")


def averaged(weights, momentum=0.5):
    """The averages after each of some weights."""
    average = weights[0]
    for w in weights:
        average = momentum * average + (1 - momentum) * w
        yield average


@pytest.mark.parametrize("by_epoch", [False, True])
@pytest.mark.parametrize("scaled", [False, True])
def test_averages_are_in_the_model_while_it_is_tested(backend, by_epoch, scaled):
    inner = optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
    looking = Looking()
    model = made(optimizers.LossScaleOptimizer(inner) if scaled else inner)
    fit(model, callbacks.SwapEMAWeights(by_epoch), looking, validation_data=(X, Y))
    means = list(averaged(looking.seen["batch"]))
    for epoch in range(4):
        after = looking.seen["batch"][epoch * 3 + 2]
        np.testing.assert_allclose(looking.seen["test"][epoch], means[epoch * 3 + 2], rtol=1e-5)
        np.testing.assert_allclose(looking.seen["end"][epoch], means[epoch * 3 + 2] if by_epoch else after, rtol=1e-5)
        if epoch < 3:
            np.testing.assert_allclose(looking.seen["begin"][epoch + 1], after, rtol=1e-5)
    np.testing.assert_allclose(model.get_weights()[0], means[-1], rtol=1e-5)
    before = model.get_weights()
    model.predict(X, verbose=0, callbacks=[callbacks.SwapEMAWeights()])
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_averages_must_be_kept():
    with pytest.raises(ValueError, match="use_ema=True"):
        fit(made(), callbacks.SwapEMAWeights(), validation_data=(X, Y))


# ------------------------------------------------------------------------------------------------ backups


class Interrupting(callbacks.Callback):
    def __init__(self, epoch, batch=None):
        super().__init__()
        self.epoch, self.batch, self.now = epoch, batch, None

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch
        if epoch == self.epoch and self.batch is None:
            raise KeyboardInterrupt

    def on_train_batch_end(self, batch, logs=None):
        if self.now == self.epoch and batch == self.batch:
            raise KeyboardInterrupt


@pytest.mark.parametrize("double", [False, True])
def test_an_interrupted_run_ends_as_one_that_was_not(backend, tmp_path, double):
    whole = made()
    fit(whole)
    folder = tmp_path / "backup"
    for moment in (Interrupting(1, 2), Interrupting(3)):
        with pytest.raises(KeyboardInterrupt):
            fit(made(), callbacks.BackupAndRestore(folder, double_checkpoint=double), moment)
        assert len(list(folder.glob("*.weights.h5"))) == 1 + (double and moment.epoch > 1)
    last = made()
    history = fit(last, callbacks.BackupAndRestore(folder, double_checkpoint=double))
    assert history.epoch == [3] and not folder.exists()
    for a, b in zip(last.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize("seed", [None, 5])
def test_random_numbers_go_on_where_they_were(backend, tmp_path, seed):
    if seed is None and backend.random_state() is None:
        pytest.skip("the framework does not tell the state of its generators")
    weights = []
    for moments in ((), (2,)):
        for moment in (*moments, None):
            kerastorch.utils.set_random_seed(1)
            dropout = layers.Dropout(0.5, seed=seed)
            model = kerastorch.Sequential([layers.Input((2,)), layers.Dense(8), dropout, layers.Dense(1)])
            model.compile(optimizers.SGD(0.1, momentum=0.9), "mse")
            known = [callbacks.BackupAndRestore(tmp_path)] if moments else []
            with contextlib.suppress(KeyboardInterrupt):
                model.fit(X, Y, batch_size=4, epochs=4, verbose=0, callbacks=[*known, Interrupting(moment)])
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_backups_every_few_batches(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(made(), callbacks.BackupAndRestore(tmp_path, save_freq=2), Interrupting(1, 1))
    state = json.loads((tmp_path / "training_metadata.json").read_text())
    assert (state["epoch"], state["batch"]) == (1, 0)
    looking = Looking()
    fit(made(), callbacks.BackupAndRestore(tmp_path, save_freq=2, delete_checkpoint=False), looking)
    assert len(looking.seen["batch"]) == 9 and tmp_path.exists()


def test_a_damaged_backup_is_replaced_by_the_one_before(tmp_path):
    for double, epoch in ((True, 1), (False, None)):
        folder = tmp_path / str(double)
        with pytest.raises(KeyboardInterrupt):
            fit(made(), callbacks.BackupAndRestore(folder, double_checkpoint=double), Interrupting(2))
        state = json.loads((folder / "training_metadata.json").read_text())
        (folder / state["weights"]).write_bytes(b"damaged")
        if epoch is None:
            with pytest.raises((OSError, ValueError), match=state["weights"]):
                fit(made(), callbacks.BackupAndRestore(folder))
        else:
            assert fit(made(), callbacks.BackupAndRestore(folder)).epoch[0] == epoch


def test_a_backup_names_no_other_file(tmp_path):
    (tmp_path / "training_metadata.json").write_text(json.dumps({"epoch": 1, "weights": "../secret"}))
    with pytest.raises(ValueError, match="secret"):
        fit(made(), callbacks.BackupAndRestore(tmp_path))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the test forks")
@pytest.mark.parametrize("kind, kills", [("backed_up", 13), ("doubly_backed_up", 12), ("checkpointed", 25)])
def test_killed_runs_end_as_one_that_was_not(tmp_path, kind, kills):
    done = python(ROOT / "tests" / "killed_runs.py", kind, kills, tmp_path)
    assert done.returncode == 0 and done.stdout.startswith(f"{kills} kills"), done.stdout + done.stderr


# ------------------------------------------------------------------------------------------------ TensorBoard


class Message:
    """A protocol buffer, as far as it is needed: its fields."""

    def __init__(self, **fields):
        self.__dict__.update(fields)


class Writer:
    """A library's writer of files, which keeps what it is given."""

    def __init__(self, folder):
        self.folder, self.events, self.closed = folder, [], False
        written.append(self)

    def add_event(self, event):
        assert not self.closed
        self.events += [(value, event.step) for value in event.summary.value]

    def flush(self):
        pass

    def close(self):
        self.closed = True


written: list[Writer] = []


@pytest.fixture
def library(monkeypatch):
    """A library of the format, in whose place this stands: {(folder, tag): [(message, step), ...]} of what was written."""
    written.clear()
    summary = type("Summary", (Message,), {"Value": Message, "Image": Message})
    metadata = type("SummaryMetadata", (Message,), {"PluginData": Message})
    modules = {
        "": {},
        ".event_file_writer": {"EventFileWriter": Writer},
        ".proto": {},
        ".proto.event_pb2": {"Event": Message},
        ".proto.summary_pb2": {"Summary": summary, "SummaryMetadata": metadata, "HistogramProto": Message},
        ".proto.tensor_pb2": {"TensorProto": Message},
    }
    for name, found in modules.items():
        module = types.ModuleType(f"tensorboardX{name}")
        module.__dict__.update(found, __path__=[], __spec__=types.SimpleNamespace(name=name))
        monkeypatch.setitem(sys.modules, f"tensorboardX{name}", module)

    def read():
        found = {}
        for writer in written:
            assert writer.closed
            for value, step in writer.events:
                found.setdefault((os.path.basename(writer.folder), value.tag), []).append((value, step))
        return found

    return read


def numbers(found, *key):
    return [(round(value.simple_value, 5), step) for value, step in found[key]]


def test_tensorboard_shows_values_by_epoch(library, backend, tmp_path):
    history = fit(made(), callbacks.TensorBoard(tmp_path), epochs=2, validation_data=(X, Y)).history
    found = library()
    for folder, tag, name in (("train", "loss", "loss"), ("validation", "loss", "val_loss")):
        expected = [(round(v, 5), i) for i, v in enumerate(history[name])]
        assert numbers(found, folder, f"epoch_{tag}") == expected
    assert numbers(found, "train", "epoch_learning_rate") == [(0.1, 0), (0.1, 1)]
    assert numbers(found, "validation", "evaluation_loss_vs_iterations") == [(round(v, 5), 3 * i + 3) for i, v in enumerate(history["val_loss"])]
    ((graph, _),) = found["train", "keras"]
    assert json.loads(graph.tensor.string_val[0])["class_name"] == "Sequential"
    assert graph.metadata.plugin_data.plugin_name == "graph_keras_model"
    assert len(found) == 5


def test_tensorboard_shows_values_by_batch(library, tmp_path):
    known = callbacks.TensorBoard(tmp_path, update_freq=2, write_graph=False, write_steps_per_second=True)
    fit(made(), known, epochs=2)
    found = library()
    assert [step for _, step in found["train", "batch_loss"]] == [2, 4, 6]
    speeds = [value.simple_value for tag in ("batch", "epoch") for value, _ in found["train", f"{tag}_steps_per_second"]]
    assert len(speeds) == 5 and min(speeds) > 0
    slow = callbacks.CallbackList([callbacks.TensorBoard(tmp_path)])
    assert not slow.has_batch_hooks("train")


def test_tensorboard_shows_weights(library, tmp_path):
    model = made()
    fit(model, callbacks.TensorBoard(tmp_path, histogram_freq=2, write_images=True, write_graph=False), epochs=3)
    found = library()
    histograms = found["train", f"{model.weights[0].path}/histogram"]
    assert [step for _, step in histograms] == [0, 2]
    histo, kernel = histograms[1][0].histo, model.get_weights()[0]
    assert histo.num == sum(histo.bucket) == 2 and len(histo.bucket) == len(histo.bucket_limit)
    np.testing.assert_allclose((histo.min, histo.max, histo.sum), (kernel.min(), kernel.max(), kernel.sum()), rtol=1e-6)
    (picture, _), _ = found["train", f"{model.weights[0].path}/image"]
    assert (picture.image.height, picture.image.width, picture.image.colorspace) == (2, 1, 1)


def test_pictures_are_pngs():
    pixels = np.array([[[0.0, 0.5, 2.0]], [[1.0, 0.25, -1.0]]])
    data = events.png(pixels)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    at, parts = 8, {}
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        parts[name] = data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(name + parts[name])
        at += 12 + size
    assert struct.unpack(">IIBBBBB", parts[b"IHDR"]) == (1, 2, 8, 2, 0, 0, 0)
    assert zlib.decompress(parts[b"IDAT"]) == b"\0\0\x7f\xff\0\xff\x3f\0"


def test_tensorboard_profiles_batches(library, backend, tmp_path):
    fit(made(), callbacks.TensorBoard(tmp_path, profile_batch=(2, 3), write_graph=False), epochs=1)
    assert any(path.suffix in (".json", ".pb") for path in tmp_path.rglob("*") if path.is_file())
    with pytest.raises(ValueError, match="profile_batch"):
        callbacks.TensorBoard(tmp_path, profile_batch=(3, 2))


def test_the_projector_is_told_of_embeddings(library, tmp_path):
    model = kerastorch.Sequential([layers.Input((3,)), layers.Embedding(5, 2, name="words"), layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    known = callbacks.TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"words": "names.tsv"}, write_graph=False)
    model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0, callbacks=[known])
    assert (tmp_path / "projector_config.pbtxt").read_text().splitlines()[2] == '  metadata_path: "names.tsv"'
    assert (tmp_path / "train" / "keras_embedding.ckpt-0.weights.h5").exists()
    with pytest.raises(ValueError, match="wrods.*words"):
        callbacks.TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"wrods": "x"}).set_model(model)


@pytest.mark.parametrize(
    "make,says",
    [
        (lambda: events.EventWriter("x"), "pip install tensorboardX"),
        (lambda: callbacks.OrbaxCheckpoint("x"), "pip install orbax-checkpoint"),
        (lambda: callbacks.RemoteMonitor().on_epoch_end(0, {}), "pip install requests"),
    ],
)
def test_missing_libraries(make, says, monkeypatch):
    monkeypatch.setattr(events, "LIBRARIES", {"no_such_library_of_this_format": ("", "")})
    for name in ("orbax", "orbax.checkpoint", "requests"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=says):
        make()


# ------------------------------------------------------------------------------------------------ Orbax


@pytest.fixture
def orbax(monkeypatch):
    """What the library orbax-checkpoint is told; this stands in its place."""
    told = []

    class Checkpointer:
        def __init__(self, **settings):
            told.append(settings)

        def save_checkpointables(self, step, payload):
            told.append((step, payload))

        def save_checkpointables_async(self, step, payload):
            told.append((step, payload))
            return types.SimpleNamespace(result=lambda: told.append("written"))

        def close(self):
            told.append("closed")

    policies = types.SimpleNamespace(LatestN=lambda n: n, FixedIntervalPolicy=lambda n: n)
    training = types.SimpleNamespace(
        Checkpointer=Checkpointer, preservation_policies=policies, save_decision_policies=policies
    )
    modules = {"orbax": {}, "orbax.checkpoint": {"v1": types.SimpleNamespace(training=training)}}
    for name, found in modules.items():
        module = types.ModuleType(name)
        module.__dict__.update(found, __path__=[])
        monkeypatch.setitem(sys.modules, name, module)
    return told


def test_orbax_is_given_weights_and_state(orbax, tmp_path):
    model = made()
    fit(model, callbacks.OrbaxCheckpoint(tmp_path, max_to_keep=2), epochs=2)
    assert orbax[0]["preservation_policy"] == 2 and orbax[-1] == "closed" and orbax.count("written") == 2
    saved = [x for x in orbax if isinstance(x, tuple)]
    assert [step for step, _ in saved] == [0, 1]
    state = saved[-1][1]["pytree"]
    assert state.keys() == {"trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables"}
    np.testing.assert_array_equal(state["trainable_variables"][model.name]["last"]["kernel"], model.get_weights()[0])
    assert json.loads(saved[-1][1]["model_config"]["config"])["class_name"] == "Sequential"


def test_orbax_saves_the_best_every_few_batches(orbax, tmp_path):
    known = callbacks.OrbaxCheckpoint(
        tmp_path, "loss", save_freq=2, save_best_only=True, save_weights_only=True, save_on_background=False, mode="min"
    )
    fit(made(), known, epochs=2)
    saved = [x for x in orbax if isinstance(x, tuple)]
    assert saved[0][0] == 2 and saved[0][1].keys() == {"pytree"}
    assert saved[0][1]["pytree"].keys() == {"trainable_variables", "non_trainable_variables"}
    with pytest.raises(ValueError, match="save_freq"):
        callbacks.OrbaxCheckpoint(tmp_path, save_freq="day")
