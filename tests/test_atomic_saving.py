"""Saving that is killed, fails, or runs beside another: what lies on the disk is one whole model all the time."""

import errno
import os
import subprocess
import sys
import threading
import time

import h5py
import numpy as np
import pytest

import kerastorch
from kerastorch import layers
from kerastorch.saving import atomic, load_model

# Children save models of one number each, over and over, until they are killed; after each kill the file is read.
KILLS = """
import os, random, signal, sys, time
import numpy as np
import kerastorch
path, kills = sys.argv[1], int(sys.argv[2])
layers = kerastorch.layers

def made():
    return kerastorch.Sequential([layers.Input((64,)), layers.Dense(256, name="a"), layers.Dense(64, name="b")], name="model")

def save(number):
    model.set_weights([np.full(w.shape, number) for w in shapes])
    model.save_weights(path, **options) if of_weights else model.save(path)

of_weights = path.endswith((".weights.h5", ".weights.json", ".safetensors"))
options = {"max_shard_size": 70_000 / (1 << 30)} if path.endswith(".json") else {}  # a file for each of the two layers
model = made()
shapes = model.get_weights()
save(0)
random.seed(0)
for i in range(kills):
    child = os.fork()
    if child == 0:
        while True:
            i += 1
            save(i % 100)
    time.sleep(random.uniform(0.0, 0.02))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    read = made()
    if of_weights:
        read.load_weights(path)
    else:
        read = kerastorch.saving.load_model(path)
    numbers = {float(x) for w in read.get_weights() for x in np.unique(w)}
    assert len(numbers) == 1, numbers
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the test forks")
@pytest.mark.parametrize(
    "name, kills", [("m.keras", 100), ("m.weights.h5", 40), ("m.weights.json", 30), ("m.h5", 20), ("m.safetensors", 10)]
)
def test_killed_at_any_moment(tmp_path, name, kills):
    done = subprocess.run([sys.executable, "-c", KILLS, str(tmp_path / name), str(kills)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def dense(number=None):
    model = kerastorch.Sequential([layers.Input((3,)), layers.Dense(4)], name="model")
    if number is not None:
        model.set_weights([np.full(w.shape, number) for w in model.get_weights()])
    return model


def save(model, path):
    model.save_weights(path) if "weights" in path.name else model.save(path, **({} if path.suffix else {"zipped": False}))


def numbers(path):
    model = dense()
    if "weights" in path.name:
        model.load_weights(path)
    else:
        model = load_model(path)
    return {float(x) for w in model.get_weights() for x in np.unique(w)}


NAMES = ["m.keras", "m.weights.h5", "m.weights.json", "m.h5", "folder"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("no more")], ids=["full", "other"])
@pytest.mark.parametrize("after", [0, 1])
def test_what_fails_leaves_the_file_before(tmp_path, monkeypatch, name, error, after):
    path = tmp_path / name
    save(dense(1), path)
    before, write, left = sorted(os.listdir(tmp_path)), h5py.Group.create_dataset, [after]

    def failing(*args, **kwargs):
        if not left[0]:
            raise error
        left[0] -= 1
        return write(*args, **kwargs)

    monkeypatch.setattr(h5py.Group, "create_dataset", failing)
    with pytest.raises(type(error)):
        save(dense(2), path)
    monkeypatch.undo()
    assert numbers(path) == {1.0} and sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("name", NAMES)
def test_writers_beside_each_other(tmp_path, name):
    path = tmp_path / name
    save(dense(0), path)
    models = [dense(i) for i in range(4)]
    threads = [threading.Thread(target=save, args=(m, path)) for m in models]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(numbers(path)) == 1


FOLDER = """
import os, sys
import numpy as np
import kerastorch
layers = kerastorch.layers
model = kerastorch.Sequential([layers.Input((3,)), layers.Dense(4)], name="model")
for i in range(int(sys.argv[2]), 1 << 30, 2):
    model.set_weights([np.full(w.shape, i % 100) for w in model.get_weights()])
    model.save(sys.argv[1], zipped=False) if sys.argv[1].endswith("folder") else model.save(sys.argv[1])
    print(flush=True)
"""


@pytest.mark.parametrize("name", ["folder", "m.keras"])
def test_processes_that_write_beside_each_other_and_are_killed(tmp_path, name):
    path = tmp_path / name
    save(dense(0), path)
    for _ in range(3):
        writers = [subprocess.Popen([sys.executable, "-c", FOLDER, path, str(i)], stdout=subprocess.PIPE) for i in range(2)]
        for writer in writers:
            writer.stdout.readline()  # it has begun
        time.sleep(0.05)
        for writer in writers:
            writer.kill()
            writer.communicate()
        # Between taking the old folder away and giving the new one its name there is a moment in which it has another one.
        beside = [path, *(p for p in tmp_path.glob(".folder.*.part")), *(p / name for p in tmp_path.glob(".folder.*.old"))]
        assert any(len(numbers(p)) == 1 for p in beside if (p / "metadata.json").exists() or p.is_file())


def test_a_folder_takes_the_place_of_another(tmp_path):
    path = tmp_path / "folder"
    save(dense(1), path)
    (path / "note.txt").write_text("mine")
    save(dense(2), path)
    assert numbers(path) == {2.0} and os.listdir(tmp_path) == ["folder"]


def test_files_are_on_the_disk_before_they_get_their_name(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(os, "fsync", lambda _: done.append("sync"))
    rename = os.replace
    monkeypatch.setattr(os, "replace", lambda *paths: (done.append("name"), rename(*paths)))
    with atomic.replacing(tmp_path / "file") as temporary:
        open(temporary, "w").close()
    assert done[:2] == ["sync", "name"]
