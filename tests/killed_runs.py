"""Runs of training that are killed again and again, and taken up each time: `python killed_runs.py KIND KILLS FOLDER`.

This process imports everything once and forks each run, so that a run costs hardly more than its training.
"""

import os
import pathlib
import random
import signal
import sys
import time
import traceback

import numpy as np
import torch  # noqa: F401  # before any run is forked

import kerastorch
from kerastorch import callbacks, layers, optimizers
from kerastorch.saving import load_model

EPOCHS, STEPS = 10, 3
X = np.linspace(-1, 1, 24, dtype="float32").reshape(12, 2)
Y = X.sum(1, keepdims=True)


class Begun(callbacks.Callback):
    """Writes a byte into a pipe when training begins."""

    def __init__(self, pipe):
        super().__init__()
        self.pipe = pipe

    def on_train_begin(self, logs=None):
        os.write(self.pipe, b".")


def made(rate=0.3):
    kerastorch.utils.set_random_seed(1)
    dropout = layers.Dropout(rate, seed=5)
    model = kerastorch.Sequential([layers.Input((2,)), layers.Dense(8, "tanh"), dropout, layers.Dense(1)])
    model.compile(optimizers.Adam(0.01), "mse")
    return model


def fit(model, *known, **more):
    kerastorch.utils.set_random_seed(3)  # the same order of the data, whether the model was made or loaded
    model.fit(X, Y, batch_size=len(X) // STEPS, epochs=EPOCHS, verbose=0, callbacks=list(known), **more)
    return model.get_weights()


def backed_up(folder, pipe, double=False):
    return fit(made(), Begun(pipe), callbacks.BackupAndRestore(folder / "backup", double_checkpoint=double))


def doubly_backed_up(folder, pipe):
    return backed_up(folder, pipe, double=True)


def checkpointed(folder, pipe):
    path = folder / "model.keras"
    model = load_model(path) if path.exists() else made(0.0)  # the file of a model holds no states of random generators
    done = int(model.optimizer.iterations) // STEPS
    return fit(model, Begun(pipe), callbacks.ModelCheckpoint(path), initial_epoch=done)


KINDS = {"backed_up": backed_up, "doubly_backed_up": doubly_backed_up, "checkpointed": checkpointed}


def attempt(run, folder, seconds=None):
    """Runs something, and kills it some seconds after training has begun.

    Returns:
        How many seconds the training took if it came to its end, so that its weights lie in the folder; else None.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            np.savez(folder / "weights.npz", *run(folder, writing))
        except BaseException:  # noqa: BLE001  # reported, and told to the parent by the exit code
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    begun = time.monotonic()
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return None
    if status:
        sys.exit(f"a run in {folder} failed")
    return time.monotonic() - begun


def weights(folder):
    with np.load(folder / "weights.npz") as found:
        return list(found.values())


def main(kind, kills, folder):
    run, folder = KINDS[kind], pathlib.Path(folder)
    model = made()
    model.predict(X, verbose=0)  # imports all that runs need; nothing is differentiated, so that torch starts no threads yet
    model.save(folder / "any.keras")
    load_model(folder / "any.keras")
    (folder / "whole").mkdir()
    length, wanted = attempt(run, folder / "whole"), weights(folder / "whole")
    random.seed(0)
    killed = trial = 0
    while killed < kills:
        trial += 1
        there = folder / str(trial)
        there.mkdir()
        while killed < kills and attempt(run, there, random.uniform(0, length / 2)) is None:
            killed += 1
        if not (there / "weights.npz").exists():
            attempt(run, there)
        for a, b in zip(weights(there), wanted, strict=True):
            np.testing.assert_array_equal(a, b)
    print(f"{killed} kills, {trial} runs of {length:.2f} s")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
