"""Freed memory is kept for the next step, unless the user has set the allocator up."""

import os
import platform
import subprocess
import sys

import pytest

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
