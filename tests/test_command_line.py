"""`python -m kerastorch`: programs run as Python would run them, with Keras aliased."""

import pytest
from processes import python

PROGRAM = """
import os, sys
import helper
import keras
from tensorflow import keras as tfk

assert keras.__name__ == tfk.__name__ == "kerastorch" and __name__ == "__main__"
print(sys.argv[1:], os.path.basename(sys.path[0]), os.environ.get("KERASTORCH_BACKEND"), helper.__name__)

def fail():
    raise ValueError("on purpose")

if "fail" in sys.argv:
    fail()
if "exit" in sys.argv:
    sys.exit(3)
"""


@pytest.fixture
def program(tmp_path):
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "helper.py").write_text("")
    path = folder / "program.py"
    path.write_text(PROGRAM)
    return path


def kerastorch(*args, **options):
    return python("-m", "kerastorch", *args, **options)


def test_a_script_with_its_arguments(program, tmp_path):
    done = kerastorch("--backend", "torch", program, "one", "--backend", "-m", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['one', '--backend', '-m'] programs torch helper\n"


def test_a_module(program):
    done = kerastorch("-m", "program", "one", "-m", cwd=program.parent)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("['one', '-m'] ")


def test_the_exit_code_is_the_program_s(program):
    assert kerastorch(program, "exit").returncode == 3


def test_tracebacks_begin_in_the_program(program):
    done = kerastorch(program, "fail")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    start = lines.index("Traceback (most recent call last):")
    assert f'File "{program}"' in lines[start + 1]
    assert "runpy" not in done.stderr and "__main__.py" not in done.stderr
    assert lines[-1] == "ValueError: on purpose"


def test_a_missing_script_and_an_unknown_backend_exit_with_2(program, tmp_path):
    done = kerastorch("nowhere.py", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == f"python -m kerastorch: there is no file {str(tmp_path / 'nowhere.py')!r}\n"
    done = kerastorch("--backend", "torhc", program)
    assert done.returncode == 2 and "'torch'" in done.stderr
    done = kerastorch()
    assert done.returncode == 2 and "usage: python -m kerastorch" in done.stderr


def test_info(tmp_path):
    done = kerastorch("info", KERAS_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("kerastorch ")
    assert "backend torch (default): torch " in done.stdout and "devices cpu:0" in done.stdout
