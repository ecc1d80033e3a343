"""Runs many of Keras's test files, each in a process of its own."""

import fnmatch
import importlib
import importlib.util
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import connection
from pathlib import Path

from . import VERSION, child

# They test no public name: other backends, the tests' own helpers, the lint of the public names.
LEFT_OUT = ("backend/jax/*", "backend/numpy/*", "backend/openvino/*", "testing/*", "backend/common/backend_utils_test.py")


def keras_tests() -> Path:
    """Folder of Keras's modules, among which its tests are."""
    spec = importlib.util.find_spec("keras")
    if spec is None:
        raise SystemExit(f"Keras's tests come with Keras; install keras=={VERSION}")
    return Path(spec.submodule_search_locations[0]) / "src"


def test_files(only: list[str]) -> list[str]:
    """The test files below `keras/src`, the largest first, that one of the patterns `only` matches (without any: all)."""
    folder = keras_tests()
    files = {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*_test.py")}
    matches = lambda file, patterns: any(fnmatch.fnmatch(file, pattern) for pattern in patterns)
    wanted = [file for file in files if not matches(file, LEFT_OUT) and (not only or matches(file, only))]
    return sorted(wanted, key=lambda file: -files[file])


def prepare(target: str, backend: str) -> dict:
    """Asks Keras for its names, sets the environment, and imports what most files import, once for all of them.

    Args:
        target: Package under test.
        backend: Its backend.

    Returns:
        The records of `names.py`.
    """
    os.environ.update({"KERAS_BACKEND": backend, f"{target.upper()}_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "names.json")
        command = [sys.executable, "-m", f"{__package__}.names", str(path)]
        subprocess.run(command, check=True)
        names = json.loads(path.read_text())
    for module in ("torch", "tensorflow", "jax", "scipy", target):
        if importlib.util.find_spec(module):
            importlib.import_module(module)
    return names


@dataclass
class Job:
    """A test file, its processes one after another (a new one goes on after a crash), and what is known of its tests."""

    file: str
    folder: Path
    start: Callable
    limit: float
    tests: dict[str, list] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self):
        self.events = self.folder / (self.file.replace("/", "-") + ".events")
        self.events.touch()
        self.process = self.start(self.file, self.events, set(self.tests))

    def over(self) -> bool:
        """Whether the file is done; reads what its process wrote, and starts the next after a crash."""
        late = time.monotonic() - self.began > self.limit
        if self.process.is_alive() and not late:
            return False
        if late:
            self.process.kill()
        self.process.join()
        running = None
        for line in self.events.read_text().splitlines():
            test, *outcome = json.loads(line)
            running = None if outcome else test
            if outcome and (test not in self.tests or outcome[0] != "pass"):
                self.tests[test] = outcome
        if running is not None:
            self.tests[running] = ["error", f"longer than {self.limit:.0f} s" if late else f"died: {self.process.exitcode}"]
        if late or self.process.exitcode == 0 or running is None:
            return True
        self.process = self.start(self.file, self.events, set(self.tests))
        return False


def run(target: str, backend: str, files: list[str], jobs: int, test_seconds: int, file_seconds: int, logs: Path, done):
    """Runs Keras's tests against a package.

    Args:
        target: The package.
        backend: Its backend.
        files: Test files below `keras/src`.
        jobs: How many files at a time.
        test_seconds: Limit for a test.
        file_seconds: Limit for a file; what has not been run by then is not among its outcomes.
        logs: Folder for pytest's output.
        done: Called for each file with its name, `{test: [outcome, reason]}` and seconds. The outcomes are pass, skip, private,
            fail and error.
    """
    names, folder = prepare(target, backend), keras_tests()
    context = multiprocessing.get_context("fork")
    logs.mkdir(parents=True, exist_ok=True)

    def start(file, events, done):
        log = logs / (file.replace("/", "-") + ".log")
        process = context.Process(target=child.run, args=(target, backend, folder, names, file, events, done, test_seconds, log))
        process.start()
        return process

    running, todo = [], list(files)
    with tempfile.TemporaryDirectory() as scratch:
        while todo or running:
            while todo and len(running) < jobs:
                running.append(Job(todo.pop(0), Path(scratch), start, file_seconds))
            connection.wait([job.process.sentinel for job in running], timeout=5)
            for job in [job for job in running if job.over()]:
                running.remove(job)
                done(job.file, job.tests, time.monotonic() - job.began)
