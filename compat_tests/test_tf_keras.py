"""Files of tf.keras (Keras 2): whole models, weights in TensorFlow's formats, vocabularies, and the state of its optimizers; and
weights of kerastorch, as tf.keras reads them.

Run as a script, it has tf_keras write the files, and read those of kerastorch: python compat_tests/test_tf_keras.py FOLDER
"""

import json
import os
import pathlib
import subprocess
import sys
import warnings

import numpy as np
import pytest

from compat_tests import saving_models
from compat_tests.test_saving import same

MODELS = [m for m in saving_models.MODELS if m.__name__ != "operators"]  # tf.keras has no ops
SAVED = ("convolutions", "nested", "own_model")  # as SavedModels too, which take their time
OPTIMIZERS = {
    "Adam": {"amsgrad": True}, "AdamW": {}, "SGD": {"momentum": 0.9}, "RMSprop": {"momentum": 0.9, "centered": True}, "Adagrad": {},
    "Adadelta": {}, "Adamax": {}, "Ftrl": {}, "Lion": {}, "legacy.Adam": {"amsgrad": True}, "legacy.SGD": {"momentum": 0.9},
    "legacy.RMSprop": {"momentum": 0.9, "centered": True}, "legacy.Adagrad": {}, "legacy.Ftrl": {},
}  # fmt: skip


def trained(k, name):
    """A model that was updated by an optimizer, and what it is updated on."""
    optimizer = k.optimizers
    for part in name.split("."):
        optimizer = getattr(optimizer, part)
    model = k.Sequential([k.layers.Input((3,)), k.layers.Dense(4), k.layers.Dense(2)])
    model.compile(optimizer(0.1, **OPTIMIZERS[name]), "mse")
    losses(model)
    return model


def losses(model):
    x, y = np.linspace(0, 1, 12, dtype="float32").reshape(4, 3), np.ones((4, 2), "float32")
    return [float(np.ravel(model.train_on_batch(x, y))[0]) for _ in range(3)]


def texts(k):
    layers = k.layers
    stack = [layers.Input((1,), dtype="string"), layers.TextVectorization(output_sequence_length=3, name="words")]
    model = k.Sequential([*stack, layers.Embedding(6, 2), layers.Flatten(), layers.Dense(2)])
    model.layers[0].adapt(WORDS)
    return model


WORDS = np.array([["one two"], ["two Three!"], ["two four"]])


def write(folder):
    """Writes all files, and what their models give."""
    import tf_keras as k

    found = {}
    for build in [*MODELS, texts]:
        k.backend.clear_session()
        k.utils.set_random_seed(1)
        model = build(k)
        path = os.path.join(folder, build.__name__)
        for form in ("zip", "h5"):
            if (form, build.__name__) not in saving_models.UNFIT and (form, build) != ("h5", texts):
                model.save(path + saving_models.FORMATS[form])
        if build is texts:
            found["texts"] = {"out": [model.predict(WORDS, verbose=0).tolist()]}
            continue
        model.save_weights(path)
        if build.__name__ in SAVED:
            model.save(path + "_saved", save_format="tf")
        found[build.__name__] = saving_models.results(model)
    for name in OPTIMIZERS:
        k.backend.clear_session()
        model = trained(k, name)
        model.save(os.path.join(folder, f"{name}.h5"))
        if not name.startswith("legacy"):
            model.save(os.path.join(folder, f"{name}.keras"))
        found[name] = losses(model)
    with open(os.path.join(folder, "results.json"), "w") as file:
        json.dump(found, file)


def read(folder):
    """What models of tf.keras give with the weights that kerastorch wrote."""
    import tf_keras as k

    found = {}
    for path in sorted(pathlib.Path(folder).glob("*/*.h5")):
        k.backend.clear_session()
        model = getattr(saving_models, path.name.partition(".")[0])(k)
        model.load_weights(path)
        found[f"{path.parent.name}/{path.name}"] = [x.tolist() for x in saving_models.predicted(model)]
    with open(os.path.join(folder, "read.json"), "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    write(sys.argv[1])
    read(sys.argv[2])
    sys.exit()

import kerastorch  # noqa: E402  tf_keras is alone in its process
from kerastorch import backend_registry  # noqa: E402

pytest.importorskip("tf_keras")

# In `.weights.h5` files tf.keras wants the state of the metrics of compiled models too, and names lists of a model's own otherwise.
FOR_TF_KERAS = [(end, m) for end in (".h5", ".weights.h5") for m in MODELS
                if m.__name__ in ("shared", "words", "distributed", "own_layer", "vocabulary")
                or end == ".h5" and m is not saving_models.own_model]  # fmt: skip


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """Weights by kerastorch, one folder for each backend, with what the models give."""
    found = tmp_path_factory.mktemp("kerastorch")
    for backend in filter(backend_registry.installed, backend_registry.BUILT_IN):
        (found / backend).mkdir()
        wanted = {}
        with backend_registry.using(backend):
            for end, build in FOR_TF_KERAS:
                kerastorch.utils.clear_session()
                kerastorch.utils.set_random_seed(1)
                model = build(kerastorch)
                path = found / backend / (build.__name__ + end)
                model.save_weights(path) if end == ".weights.h5" else model.save(path)
                wanted[path.name] = [x.tolist() for x in saving_models.predicted(model)]
        (found / backend / "results.json").write_text(json.dumps(wanted))
    return found


@pytest.fixture(scope="module")
def folder(ours, tmp_path_factory):
    found = tmp_path_factory.mktemp("tf_keras")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, __file__, str(found), str(ours)], check=True, env=environment, capture_output=True)
    return found


@pytest.mark.parametrize("end, build", [pytest.param(e, m, id=m.__name__ + e) for e, m in FOR_TF_KERAS])
@pytest.mark.parametrize("writer", backend_registry.BUILT_IN)
def test_read_by_tf_keras(folder, ours, writer, end, build):
    if not (ours / writer).exists():
        pytest.skip(f"the framework of the {writer} backend is not installed")
    name = build.__name__ + end
    found, wanted = json.loads((ours / "read.json").read_text()), json.loads((ours / writer / "results.json").read_text())
    same({"out": found[f"{writer}/{name}"]}, {"out": wanted[name]}, trains=False)


@pytest.fixture(scope="module")
def expected(folder):
    return json.loads((folder / "results.json").read_text())


PAIRS = [(form, m) for form in ("zip", "h5") for m in MODELS if (form, m.__name__) not in saving_models.UNFIT]


@pytest.mark.parametrize("form, build", [pytest.param(f, m, id=f"{f}-{m.__name__}") for f, m in PAIRS])
def test_models(folder, expected, form, build, backend):
    path = saving_models.path_of(folder, form, build)
    model = kerastorch.saving.load_model(path, saving_models.classes(kerastorch))
    # Of Nadam, tf.keras does not store the product of its momenta, so that it starts afresh.
    same(saving_models.results(model), expected[build.__name__], trains=build is not saving_models.several_outputs)


WEIGHTS = [(m, "") for m in MODELS] + [(m, "_saved") for m in MODELS if m.__name__ in SAVED]


@pytest.mark.parametrize("build, end", [pytest.param(m, e, id=m.__name__ + e) for m, e in WEIGHTS])
def test_weights(folder, expected, build, end, backend):
    kerastorch.utils.clear_session()
    model = build(kerastorch)
    model.load_weights(folder / (build.__name__ + end))
    same({"out": saving_models.predicted(model)}, expected[build.__name__], trains=False)


def test_a_vocabulary(folder, expected, backend):
    model = kerastorch.saving.load_model(folder / "texts.keras")
    np.testing.assert_allclose(model.predict(WORDS, verbose=0), expected["texts"]["out"][0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("ending", [".h5", ".keras"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(folder, expected, name, ending, backend):
    path = folder / f"{name}{ending}"
    if not path.exists():
        pytest.skip("tf.keras keeps no state of its older optimizers in .keras files")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = kerastorch.saving.load_model(path)
    np.testing.assert_allclose(losses(model), expected[name], rtol=1e-4, atol=1e-5)


def test_nadam_starts_afresh(folder):
    with pytest.warns(UserWarning, match="starts afresh"):
        kerastorch.saving.load_model(saving_models.path_of(folder, "h5", saving_models.several_outputs))
