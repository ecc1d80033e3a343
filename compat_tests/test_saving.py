"""Whole models in files: each library reads what each has written, predicts the same and trains on with the same losses."""

import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

import kerastorch
from compat_tests import saving_models
from kerastorch import backend_registry

reference = pytest.importorskip("keras")
BACKENDS = [b for b in backend_registry.BUILT_IN if backend_registry.installed(b)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The files of each writer, by its name."""
    root = tmp_path_factory.mktemp("models")
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for backend in BACKENDS:
            with backend_registry.using(backend):
                saving_models.write(kerastorch, str(root / f"kerastorch-{backend}"))
            found[f"kerastorch-{backend}"] = root / f"kerastorch-{backend}"
        saving_models.write(reference, str(root / "keras-torch"))
    found["keras-torch"] = root / "keras-torch"
    if "tensorflow" in BACKENDS:
        other = root / "keras-tensorflow"
        environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, saving_models.__file__, "keras", str(root / "kerastorch-torch"), str(other)]
        subprocess.run(command, check=True, env=environment, capture_output=True)
        found["keras-tensorflow"] = other
    return found


def same(found, wanted, trains=True):
    assert not isinstance(found, str), found
    for x, y in zip(found["out"], wanted["out"], strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5)
    if trains:
        np.testing.assert_allclose(found["losses"], wanted["losses"], rtol=1e-3, atol=1e-5)


def expected(folder, build):
    return json.loads((folder / "results.json").read_text())[build.__name__]


PAIRS = [pytest.param(form, build, id=f"{form}-{build.__name__}") for form, build in saving_models.pairs()]
WRITERS = [*(f"kerastorch-{b}" for b in BACKENDS), "keras-torch", *(["keras-tensorflow"] if "tensorflow" in BACKENDS else [])]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form, build", PAIRS)
@pytest.mark.parametrize("writer", WRITERS)
def test_read_here(folders, writer, form, build, backend):
    path = saving_models.path_of(folders[writer], form, build)
    model = kerastorch.saving.load_model(path, saving_models.classes(kerastorch))
    same(saving_models.results(model), expected(folders[writer], build))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form, build", PAIRS)
@pytest.mark.parametrize("writer", [w for w in WRITERS if w.startswith("kerastorch")])
def test_read_by_the_reference(folders, writer, form, build):
    path = saving_models.path_of(folders[writer], form, build)
    # The reference makes the optimizer of an .h5 file for no weights, so what it read cannot be trained on.
    more = {"compile": False} if form == "h5" else {}
    model = reference.saving.load_model(path, saving_models.classes(reference), **more)
    same(saving_models.results(model), expected(folders[writer], build), trains=form != "h5")


@pytest.mark.skipif("tensorflow" not in BACKENDS, reason="the reference on TensorFlow needs TensorFlow")
@pytest.mark.parametrize("form, build", PAIRS)
def test_read_by_the_reference_on_tensorflow(folders, form, build):
    found = json.loads((folders["keras-tensorflow"] / "read.json").read_text())[f"{form}/{build.__name__}"]
    same(found, expected(folders["kerastorch-torch"], build), trains=form != "h5")
