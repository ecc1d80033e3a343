"""Files that old versions of Keras wrote, with what those versions computed from them (`data/old_files`, whose README says how)."""

import pathlib
import zipfile

import numpy as np
import pytest

import kerastorch

FOLDER = pathlib.Path(__file__).parent / "data" / "old_files"
FILES = [(path.stem, name) for path in sorted(FOLDER.glob("*.zip")) for name in sorted(zipfile.ZipFile(path).namelist())]
REFUSED = ("functions.h5", "gone.h5")
MODELS = [(v, n) for v, n in FILES if n.endswith((".h5", ".keras")) and not n.endswith(".weights.h5") and n not in REFUSED]
WEIGHTS = [
    *((v, "network", ".weights.h5") for v, n in FILES if n == "network.weights.h5"),
    *((v, "network", "_saved") for v, n in FILES if n == "network_saved/variables/variables.index"),
    *((v, "convolutions", "") for v, n in FILES if n == "convolutions.index"),
]
# Losses after the first differ a little. Likely causes, not proved: up to TensorFlow 1, gradients may be taken at weights that the same
# step has changed already, and optimizers of Keras 1 and 2 add their epsilon to the root, not below it.
LATER = {"keras": 5e-3, "tensorflow": 1e-3}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    root = tmp_path_factory.mktemp("old")
    for path in FOLDER.glob("*.zip"):
        zipfile.ZipFile(path).extractall(root / path.stem)
    return root


class Expected:
    """What the writer of a file computed: inputs, outputs, and targets with the losses of three updates."""

    def __init__(self, folder, name):
        stored = np.load(folder / f"{name}.npz")
        values = {k: [stored[n] for n in stored.files if n[0] == k and n[1:].isdigit()] for k in "xyt"}
        self.x, self.y, self.t = (v[0] if len(v) == 1 else v for v in values.values())
        self.losses = stored["losses"] if "losses" in stored else []

    def compare_outputs(self, model):
        for found, wanted in zip(*(v if isinstance(v, list) else [v] for v in (model.predict(self.x, verbose=0), self.y)), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max())


def ids(rows):
    return [pytest.param(*row, id="-".join(row)) for row in rows]


@pytest.mark.filterwarnings("error:.*starts afresh")
@pytest.mark.parametrize("version, name", ids(MODELS))
def test_models(files, version, name, backend):
    expected = Expected(files / version, name.partition(".")[0])
    model = kerastorch.saving.load_model(files / version / name)
    expected.compare_outputs(model)
    losses = [np.ravel(model.train_on_batch(expected.x, expected.t))[0] for _ in expected.losses]
    if losses:
        np.testing.assert_allclose(losses[0], expected.losses[0], rtol=1e-5)
        np.testing.assert_allclose(losses, expected.losses, rtol=LATER[version.partition("-")[0]])


@pytest.mark.parametrize("version, name, ending", ids(WEIGHTS))
def test_weights(files, version, name, ending, backend):
    folder = files / version
    if (folder / f"{name}.json").exists():
        model = kerastorch.models.model_from_json((folder / f"{name}.json").read_text())
    else:
        whole = next(p for p in (folder / f"{name}.h5", folder / f"{name}.keras") if p.exists())
        model = kerastorch.models.clone_model(kerastorch.saving.load_model(whole))
    model.load_weights(folder / f"{name}{ending}")
    Expected(folder, name).compare_outputs(model)


@pytest.mark.parametrize("version, name", ids((v, n) for v, n in FILES if n == "functions.h5"))
def test_lambdas_are_refused(files, version, name):
    with pytest.raises(ValueError, match="safe_mode=False"):
        kerastorch.saving.load_model(files / version / name)


def test_layers_that_are_gone(files):
    with pytest.raises(ValueError, match="Highway.*custom_objects"):
        kerastorch.saving.load_model(files / "keras-1.2.2-tensorflow" / "gone.h5")


def test_an_old_activation_is_written_as_what_it_is(files, tmp_path):
    model = kerastorch.saving.load_model(files / "keras-2.3.1" / "recurrent.h5")
    for name in ("again.keras", "again.h5"):
        model.save(tmp_path / name)
        Expected(files / "keras-2.3.1", "recurrent").compare_outputs(kerastorch.saving.load_model(tmp_path / name))
