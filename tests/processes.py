"""Running Python code in a process of its own, for what depends on what has been imported."""

import os
import pathlib
import subprocess
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent


def environment(**changes):
    """This process's environment without settings that choose a backend, the package on its path, plus changes."""
    inherited = {k: v for k, v in os.environ.items() if k not in ("KERASTORCH_BACKEND", "KERAS_BACKEND")}
    path = os.pathsep.join(p for p in (str(ROOT), inherited.get("PYTHONPATH")) if p)
    return {**inherited, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1", **changes}


def python(*args, cwd=None, **changes):
    """Runs the interpreter with these arguments and returns the finished process, its output as text."""
    command = [sys.executable, *map(str, args)]
    return subprocess.run(
        command, cwd=cwd, env=environment(**changes), capture_output=True, text=True, timeout=300, check=False
    )


def run(code, cwd=None, **changes):
    """Runs code, which must succeed, and returns what it printed."""
    done = python("-c", textwrap.dedent(code), cwd=cwd, **changes)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
