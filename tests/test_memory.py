"""Freed memory is kept for the next step, unless the user has set the allocator up."""

import os
import platform
import subprocess
import sys

import pytest

from kerastorch import backend_registry
from tests.processes import python

FAULTS = """
import resource
import numpy as np
import kerastorch as keras
model = keras.Sequential([keras.Input((256, 64)), keras.layers.LSTM(64), keras.layers.Dense(1)])
model.compile("sgd", "mse")
x, y = np.zeros((256, 256, 64), "float32"), np.zeros((256, 1), "float32")
model.fit(x, y, batch_size=64, verbose=0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
model.fit(x, y, batch_size=64, verbose=0)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is told only where it is the GNU C library's")
def test_steps_reuse_memory():
    """The second epoch maps hardly a page anew; with an allocator that the user has set up, nothing is changed."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD"))}
    kept, mapped = (
        int(subprocess.run([sys.executable, "-c", FAULTS], env=env, capture_output=True, text=True, check=True).stdout)
        for env in (plain, plain | {"MALLOC_TRIM_THRESHOLD_": "131072"})
    )
    assert kept < mapped / 10


FLAT = """
import gc, os, sys, weakref
import numpy as np
import kerastorch as keras
from kerastorch import callbacks, layers

backend, warm, steps, models = sys.argv[1], *map(int, sys.argv[2:])

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

def objects():
    gc.collect()
    return len(gc.get_objects())

model = keras.Sequential([layers.Input((2,)), layers.Dense(4), layers.Dense(1)])
model.compile("adam", "mse", metrics=["mae"], backend=backend)
seen = []
look = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["loss"]) if batch % 100 == 0 else None)

def train(steps):
    x = np.zeros((steps, 2), "float32")
    model.fit(x, x[:, :1], batch_size=1, verbose=0, callbacks=[look])
    seen.clear()

def another():
    inputs = layers.Input((6, 6, 2))
    x = layers.Flatten()(layers.Conv2D(3, 3, activation="relu")(inputs))
    made = keras.Model(inputs, layers.Dense(2, activation="softmax")(layers.Dropout(0.1)(x)))
    made.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], backend=backend)
    made.fit(np.zeros((4, 6, 6, 2)), np.zeros(4, "int32"), verbose=0)
    made.predict(np.zeros((4, 6, 6, 2)), verbose=0)
    return [weakref.ref(x) for x in (made, made.layers[1], made.weights[0])]

for name, work, first, rest in (("steps", train, warm, steps), ("models", lambda n: [another() for _ in range(n)][-1], 3, models)):
    work(first)
    before = objects(), resident()
    found = work(rest)
    after = objects(), resident()
    print(name, after[0] - before[0], round(after[1] - before[1], 1))
alive = [r() for r in found]
assert alive == [None] * 3, alive
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="how much memory is in use is read from Linux's /proc")
@pytest.mark.parametrize("backend, steps, models", [("torch", 3000, 30), ("tensorflow", 1000, 4)])
def test_memory_stays_flat(backend, steps, models):
    """Over many steps, and over many models made and dropped, there are no more objects, and hardly more memory (in MiB)."""
    if not backend_registry.installed(backend):
        pytest.skip(f"the framework of the {backend} backend is not installed")
    done = python("-c", FLAT, backend, 200, steps, models)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        name, objects, memory = line.split()
        assert int(objects) <= 20 and float(memory) < 20, line
