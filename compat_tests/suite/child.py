"""What happens in the process of one test file: pytest collects and runs it, and each outcome is written at once."""

import importlib
import json
import os
import re
import signal
import sys
import tempfile
import types
from pathlib import Path

import pytest

from .modules import ROOT, Suite


class File(pytest.Module):
    """A test file, loaded by the suite."""

    def _getobj(self):
        return importlib.import_module(self.config.suite_module)


class Plugin:
    """Collects the one file, limits the time of each test and notes what becomes of it.

    Args:
        suite: The loader.
        module: The virtual name of the test's module.
        events: Open file that gets a JSON line `[id, outcome, reason]` where a test ends, `[id]` where it begins.
        done: Tests that are not run again.
        seconds: Limit for one test.
    """

    def __init__(self, suite, module, events, done, seconds):
        self.suite, self.module, self.events, self.done, self.seconds = suite, module, events, done, seconds

    def pytest_configure(self, config):
        config.suite_module = self.module

    def pytest_pycollect_makemodule(self, module_path, parent):
        return File.from_parent(parent, path=module_path)

    def pytest_collection_modifyitems(self, items):
        items[:] = [item for item in items if self.id(item.nodeid) not in self.done]

    def pytest_collectreport(self, report):
        if report.failed:
            self.note("", "error", report.longrepr)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        self.note(self.id(item.nodeid))
        self.suite.private.clear()
        signal.signal(signal.SIGALRM, self.late)
        signal.alarm(self.seconds)
        try:
            return (yield)
        finally:
            signal.alarm(0)

    def pytest_runtest_logreport(self, report):
        test = self.id(report.nodeid)
        if self.suite.private and report.when == "call":
            self.note(test, "private", self.suite.private[0])
        elif report.failed:
            self.note(test, "fail" if report.when == "call" else "error", report.longrepr)
        elif report.skipped:
            self.note(test, "skip", report.longrepr[-1] if isinstance(report.longrepr, tuple) else "")
        elif report.when == "call":
            self.note(test, "pass")

    def note(self, *event):
        crash = getattr(getattr(event[-1], "reprcrash", None), "message", None)
        self.events.write(json.dumps([*event[:2], *(str(crash or text)[-300:] for text in event[2:])]) + "\n")
        self.events.flush()

    def late(self, *_):
        raise TimeoutError(f"a test took longer than {self.seconds} s")

    @staticmethod
    def id(nodeid):
        return re.sub("0x[0-9a-f]+", "0x", nodeid.partition("::")[2])  # objects in ids lie elsewhere each time


def repository_conftest(backend):
    """The module `conftest` of Keras's repository, of which tests import one function."""
    module = types.ModuleType("conftest")
    module.skip_if_backend = lambda name, reason: pytest.mark.skipif(backend == name, reason=reason)
    return module


def run(target: str, backend: str, folder: Path, names: dict, file: str, events: Path, done: set, seconds: int, log: Path):
    """Runs one test file. Called in a process of its own.

    Args:
        target: Package under test.
        backend: Its backend.
        folder: `keras/src` with the tests.
        names: What `names.py` found out.
        file: The test file, below `folder`.
        events: File to which outcomes are added; the tests' temporary files go beside it.
        done: Ids of tests to leave out.
        seconds: Limit for one test.
        log: File for all that is printed.
    """
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ["KERAS_HOME"] = tempfile.tempdir = str(events.parent)
    sys.modules["conftest"] = repository_conftest(backend)
    suite = Suite(target, folder, names)
    module = ".".join([ROOT, *Path(file).with_suffix("").parts])
    options = ["-q", "--noconftest", "--tb=short", "-p", "no:cacheprovider", "-p", "no:xdist", "-c", os.devnull]
    options += ["--rootdir", str(folder), "-o", "python_files=*_test.py", "-W", "ignore"]
    with open(events, "a") as stream:
        pytest.main([*options, str(folder / file)], plugins=[Plugin(suite, module, stream, done, seconds)])
