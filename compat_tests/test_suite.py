"""The runner of Keras's own tests, on files of Keras's that are quick, and the document that it writes."""

import importlib.util
import json
import re
import subprocess
import sys

import pytest

from compat_tests.gaps import SUITE
from compat_tests.suite import report, runner
from compat_tests.suite.modules import OutOfReach, Suite, Unusable

needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="Keras's own tests need jax: the extra `suite`")


@needs_jax
@pytest.mark.parametrize("backend", report.BACKENDS)
def test_a_file_of_keras_passes(backend, tmp_path):
    command = [sys.executable, "-m", "compat_tests.suite", "run", "--backend", backend, "--results", str(tmp_path)]
    ran = subprocess.run(
        [*command, "--only", "constraints/*"], capture_output=True, text=True, cwd=report.HERE.parents[1], check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    tests = json.loads((tmp_path / f"kerastorch-{backend}.json").read_text())["files"]["constraints/constraints_test.py"]
    known = report.reference(backend)["files"]["constraints/constraints_test.py"]
    assert report.compare(known, tests) == (known["passed"], {}) and known["passed"] > 5


@pytest.fixture
def suite(tmp_path):
    """A suite with one test file and the names of one module."""
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "some_test.py").write_text(
        "import keras\n"
        "import not_installed as absent\n"
        "from keras.src.core import relu, missing, secret\n"
        "class Test(secret.Base):\n"
        "    _own = 1\n"
        "@secret.decorator\n"
        "def decorated(): pass\n"
        "def hidden(): return keras.layers._private\n"
        "def own(): return Test._own\n"
    )
    names = {"keras.src.core": {"relu": ["public", "ops.relu"], "missing": ["public", "ops.not_there"]}}
    suite = Suite("kerastorch", tmp_path, names)
    yield suite
    sys.meta_path.remove(suite)
    for name in [name for name in sys.modules if name.startswith(("keras_own", "kerastorch.src"))]:
        del sys.modules[name]


def test_names_of_keras_become_the_packages(suite):
    import kerastorch

    module = importlib.import_module("keras_own.core.some_test")
    assert module.keras is kerastorch and module.relu is kerastorch.ops.relu
    assert module.__name__ == "kerastorch.src.core.some_test"
    assert module.own.__globals__["Test"]._own == 1
    for use, error in {
        module.missing: AttributeError,
        module.absent: ModuleNotFoundError,
        module.secret: OutOfReach,
        module.decorated: OutOfReach,
        module.hidden: OutOfReach,
        module.Test: OutOfReach,
    }.items():
        with pytest.raises(error):
            use()
    assert suite.private == ["keras.src.core.secret"] + ["keras.src.core.secret.decorator", "attribute _private"] + [
        "keras.src.core.secret.Base"
    ]
    assert isinstance(module.missing, Unusable)


def test_a_test_that_dies_or_hangs_does_not_stop_the_others(tmp_path, monkeypatch):
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "some_test.py").write_text(
        "import os, time\ndef test_dies(): os._exit(3)\ndef test_hangs(): time.sleep(60)\ndef test_passes(): pass\n"
    )
    monkeypatch.setattr(runner, "keras_tests", lambda: tmp_path)
    monkeypatch.setattr(runner, "prepare", lambda target, backend: {})
    outcomes = {}
    runner.run(
        "kerastorch", "torch", ["core/some_test.py"], 1, 2, 60, tmp_path / "logs", lambda file, tests, _: outcomes.update(tests)
    )
    assert outcomes["test_dies"] == ["error", "died: 3"]
    assert outcomes["test_hangs"][0] == "fail" and "longer than 2 s" in outcomes["test_hangs"][1]
    assert outcomes["test_passes"] == ["pass"]


def test_what_keras_passes_is_kept_without_loss():
    tests = {"A::test_x_1": ["pass"], "A::test_x_12": ["fail", "why"], "A::test_y": ["skip", ""], "B::test_z_1": ["private", "p"]}
    known = report.summary(tests)
    assert known == {"passed": 1, "fail": ["A::test_x_12"], "private": ["B*"], "skip": ["A::test_y"]}
    assert report.compare(known, tests) == (1, {})
    assert report.compare(known, tests | {"A::test_x_1": ["fail", "why"]}) == (0, {"A::test_x_1": "fail: why"})
    assert report.compare(known, {"": ["error", "it"]}) == (0, {f"{report.LOST} x 1": "error: it"})


def test_the_reference_knows_the_files_of_keras():
    for backend in report.BACKENDS:
        assert set(report.reference(backend)["files"]) <= set(runner.test_files([]))


@pytest.mark.skipif(not report.DOCUMENT.exists(), reason="not measured yet: `make parity` writes it")
def test_the_document_is_what_the_command_writes():
    text = report.DOCUMENT.read_text()
    expected = {backend: {} for backend in report.BACKENDS}
    for backend, counts in expected.items():
        for file, known in report.reference(backend)["files"].items():
            counts[report.group(file)] = counts.get(report.group(file), 0) + known["passed"]
    rows = dict(re.findall(r"^\| ([a-z_/]+) \| (.* of .*|.*none.*) \|$", text, re.MULTILINE))
    for name, row in rows.items():
        cells = [
            report.cell([int(found[1]), int(found[2])]) if (found := re.match(r"(\d+) of (\d+)", cell)) else cell
            for cell in row.split(" | ")
        ]
        assert row == " | ".join(cells)
        assert [re.sub(r".* of (\d+) .*|none", lambda found: found[1] or "0", cell) for cell in cells] == [
            str(expected[backend].get(name, 0)) for backend in report.BACKENDS
        ]
    assert set(rows) == set().union(*expected.values())
    reasons = re.findall(r"^\| ([^|]+) \| \d+ \| \d+ \|$", text, re.MULTILINE)
    assert set(reasons) <= {gap.why for gap in SUITE.values()}
