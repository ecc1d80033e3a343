"""Files that strangers made to do harm: each is refused by name, with nothing run, nothing outside touched, little memory."""

import base64
import io
import json
import marshal
import os
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest

import kerastorch
from kerastorch import layers
from kerastorch.saving import load_model, safety
from tests import processes

CODE = base64.encodebytes(marshal.dumps((lambda x: __import__("os").mkdir("ran")).__code__)).decode()
LAMBDA = {"class_name": "__lambda__", "config": {"value": [CODE, None, None]}}
OLD_LAMBDA = {"name": "f", "function": [CODE, None, None], "function_type": "lambda", "arguments": {}}


def dense():
    return kerastorch.Sequential([layers.Input((3,)), layers.Dense(4)], name="model")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Each test runs in an empty folder of its own, in which nothing but its own files may be found at the end."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not os.path.exists("ran")


@pytest.fixture
def model(tmp_path):
    path = str(tmp_path / "model.keras")
    dense().save(path)
    return path


def rewritten(path, change=lambda members: None, compression=zipfile.ZIP_STORED):
    """The archive with its members (a dictionary) changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def with_config(path, change):
    def edit(members):
        config = json.loads(members["config.json"])
        members["config.json"] = json.dumps(change(config) or config)

    return rewritten(path, edit)


def with_layer(path, entry):
    return with_config(path, lambda c: c["config"]["layers"].append(entry))


def layer(name, config, module="keras.layers"):
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def refused(path, match, error=(ValueError, TypeError), **options):
    with pytest.raises(error, match=match):
        load_model(path, **options)


# ------------------------------------------------------------------------------------------------ code

GADGETS = {
    "a module by name": layer("system", {"command": "mkdir ran"}, "os"),
    "a function by name": layer("Activation", {"activation": {"module": "os", "class_name": "function", "config": "system"}}),
    "a download": layer("get_file", {"fname": "x", "origin": "file:///etc/hostname"}, "keras.utils"),
    "a switch": layer("enable_unsafe_deserialization", {}, "keras.config"),
    "a switch as a function": layer(
        "Activation", {"activation": {"module": "keras.config", "class_name": "function", "config": "enable_unsafe_deserialization"}}
    ),
    "loading within loading": layer(
        "Activation", {"activation": {"module": "keras.models", "class_name": "function", "config": "load_model"}}
    ),
    "this package's own internals": layer("unpack", {"path": "x", "folder": "y"}, "kerastorch.utils.archives"),
    "a callback": layer("LambdaCallback", {"on_train_begin": LAMBDA}, "keras.callbacks"),
    "a module of torch": layer("TorchModuleWrapper", {"module": "gASVIAAAAAAAAACMBW9zLm1rZGlylIwDcmFulIWUUpQu"}),
    "a saved model of TensorFlow": layer("TFSMLayer", {"filepath": "/tmp/anything"}),
}


@pytest.mark.parametrize("entry", GADGETS.values(), ids=GADGETS)
def test_only_what_computes_can_be_named(model, entry):
    refused(with_layer(model, entry), "Could not locate|is no layer|lambda|TorchModuleWrapper|TFSMLayer|pickle|safe")
    assert safety.in_safe_mode()


LAMBDAS = {
    "a layer": layer("Lambda", {"name": "f", "function": LAMBDA}),
    "an activation": layer("Dense", {"units": 1, "activation": LAMBDA}),
    "an initializer": layer("Dense", {"units": 1, "kernel_initializer": LAMBDA}),
    "inside a wrapper": layer("TimeDistributed", {"layer": layer("Lambda", {"function": LAMBDA})}),
    "an output shape": layer("Lambda", {"function": "relu", "output_shape": LAMBDA}),
}


@pytest.mark.parametrize("entry", LAMBDAS.values(), ids=LAMBDAS)
def test_bytecode_is_not_run(model, entry):
    refused(with_layer(model, entry), "arbitrary code execution")


def test_a_file_cannot_switch_safe_mode_off(model):
    nested = {**layer("Lambda", {"function": LAMBDA}), "safe_mode": False}
    wrapped = layer("Sequential", {"name": "inner", "layers": [nested], "safe_mode": False}, "keras")
    refused(with_layer(model, wrapped), "arbitrary code execution")


def test_code_of_the_user_cannot_switch_it_off_within(model):
    class Trusting(layers.Layer):
        @classmethod
        def from_config(cls, config):
            kerastorch.saving.deserialize_keras_object(config["function"], safe_mode=False)

    path = with_layer(model, layer("Trusting", {"function": LAMBDA}, "own"))
    refused(path, "arbitrary code execution", custom_objects={"Trusting": Trusting})


def test_compile_arguments_are_held_to_the_same(model):
    def change(config):
        config["compile_config"] = {"optimizer": "sgd", "loss": LAMBDA}

    refused(with_config(model, change), "arbitrary code execution")


def test_old_files_are_held_to_the_same(tmp_path):
    path = str(tmp_path / "model.h5")
    dense().save(path)
    with h5py.File(path, "a") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"].append({"class_name": "Lambda", "config": OLD_LAMBDA})
        file.attrs["model_config"] = json.dumps(config)
    refused(path, "arbitrary code execution")


def test_json_is_held_to_the_same():
    entry = layer("Sequential", {"name": "m", "layers": [layer("Lambda", {"function": LAMBDA})]}, "keras")
    with pytest.raises(ValueError, match="arbitrary code execution"):
        kerastorch.models.model_from_json(json.dumps(entry))


def test_the_caller_may_trust_a_file(model):
    source = kerastorch.Sequential([layers.Input((3,)), layers.Lambda(lambda x: x * 2)])
    with pytest.warns(UserWarning, match="lambda"):
        source.save(model)
    refused(model, "arbitrary code execution")
    x = np.ones((2, 3), "float32")
    np.testing.assert_allclose(load_model(model, safe_mode=False).predict(x, verbose=0), 2 * x)
    refused(model, "arbitrary code execution")


# ------------------------------------------------------------------------------------------------ other files


@pytest.mark.parametrize("name", ["StringLookup", "IntegerLookup", "TextVectorization"])
@pytest.mark.parametrize("place", ["/etc/hostname", "http://localhost:1/words"])
def test_a_vocabulary_elsewhere_is_not_read(model, name, place):
    refused(with_layer(model, layer(name, {"vocabulary": place})), "vocabulary")


def links(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.zeros((3, 4), "float32")

    def virtual(file, name):
        layout = h5py.VirtualLayout((3, 4), "f4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (3, 4))
        file.create_virtual_dataset(name, layout)

    return {
        "ExternalLink": lambda f, n: f.__setitem__(n, h5py.ExternalLink("other.h5", "x")),
        "SoftLink": lambda f, n: f.__setitem__(n, h5py.SoftLink("/layers")),
        "virtual": virtual,
        "external": lambda f, n: f.create_dataset(n, (3, 4), "f4", external=[("/etc/hostname", 0, 48)]),
    }


@pytest.mark.parametrize("kind", ["ExternalLink", "SoftLink", "virtual", "external"])
@pytest.mark.parametrize("form", ["keras", "h5", "weights.h5", "editor"])
def test_weights_elsewhere_are_not_read(tmp_path, kind, form):
    target, group = dense(), "layers/dense/vars/0" if form != "h5" else "model_weights/dense/model/dense/kernel"
    path = str(tmp_path / ("model.h5" if form == "h5" else "model.weights.h5"))
    target.save(path) if form == "h5" else target.save_weights(path)
    with h5py.File(path, "a") as file:
        name = group if group in file else next(n for n in _names(file) if n.endswith("kernel"))
        del file[name]
        links(tmp_path)[kind](file, name)
    if form == "keras":
        target.save(tmp_path / "model.keras")
        weights = open(path, "rb").read()
        path = rewritten(str(tmp_path / "model.keras"), lambda members: members.update({"model.weights.h5": weights}))
    before = target.get_weights()
    read = {"weights.h5": target.load_weights, "editor": kerastorch.saving.KerasFileEditor}.get(form, load_model)
    with pytest.raises(ValueError, match=kind):
        read(path)
    for a, b in zip(before, target.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def _names(file):
    found = []
    file.visit(found.append)
    return found


def test_shards_lie_beside_their_index(tmp_path):
    path = tmp_path / "m.weights.json"
    for name in ("../m.weights.h5", "/etc/hostname", "..\\m.h5", "sub/m.h5", "hostname"):
        path.write_text(json.dumps({"weight_map": {"/layers/dense/vars": [name]}}))
        with pytest.raises(ValueError, match="not one beside it"):
            dense().load_weights(path)
    path.write_text("[" * 100_000)
    with pytest.raises(ValueError, match="is no index"):
        dense().load_weights(path)


class Reading(layers.Layer):
    """A layer with an asset."""

    def call(self, x):
        return x

    def save_assets(self, folder):
        open(os.path.join(folder, "text"), "w").close()

    def load_assets(self, folder):
        self.found = sorted(os.listdir(folder))


def reading():
    return kerastorch.Sequential([layers.Input((3,)), Reading(name="r"), layers.Dense(4)])


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5", "assets/layers/reading/text", "assets/layers"])
def test_links_in_folders_are_not_followed(tmp_path, name):
    folder = tmp_path / "model"
    reading().save(folder, zipped=False)
    assert load_model(folder, {"Reading": Reading}).layers[0].found == ["text"]
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    refused(str(folder), "link|neither a file nor a folder", custom_objects={"Reading": Reading})


# ------------------------------------------------------------------------------------------------ memory and disk


@pytest.fixture(scope="module")
def bombs(tmp_path_factory):
    """What reading each of some files gave: the error's text, and by how much the process grew, in megabytes."""
    folder = tmp_path_factory.mktemp("bombs")

    def made(name):
        dense().save(folder / name)
        return str(folder / name)

    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        file.create_dataset("layers/dense/vars/0", (1 << 50, 4), "f8", chunks=(1024, 4), compression="gzip")
        file["layers/dense/vars/1"] = np.zeros(4)
    rewritten(made("shape.keras"), lambda members: members.update({"model.weights.h5": data.getvalue()}))
    both = rewritten(made("both.keras"), lambda members: members.update({"model.weights.h5": data.getvalue()}))

    def huge(config):
        config["config"]["layers"][0]["config"]["batch_shape"] = [None, 1 << 50]
        config["config"]["layers"][1]["build_config"]["input_shape"] = [None, 1 << 50]

    with_config(both, huge)
    for i, member in enumerate(("config.json", "model.weights.h5", "assets/words/vocabulary.txt")):
        content = b"0" * (200 << 20)
        rewritten(made(f"{i}.keras"), lambda m, n=member, c=content: m.update({n: c}), zipfile.ZIP_DEFLATED)
    script = """
import json, os, resource, sys
import kerastorch.saving.api, kerastorch.saving.editor, kerastorch.layers
found = {}
for name in sorted(os.listdir(sys.argv[1])):
    for read in (kerastorch.saving.load_model, kerastorch.saving.KerasFileEditor):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            read(os.path.join(sys.argv[1], name))
            text = "it was read"
        except (ValueError, TypeError) as error:
            text = str(error)
        found[f"{name} {read.__name__}"] = text, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
print(json.dumps(found))
"""
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, timeout=120, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("read", ["load_model", "KerasFileEditor"])
@pytest.mark.parametrize(
    "name, why",
    [("shape", "shape bomb"), ("both", "shape bomb"), *((str(i), "decompression bomb") for i in range(3))],
)
def test_sizes_that_only_the_file_vouches_for(bombs, name, why, read):
    text, grew = bombs[f"{name}.keras {read}"]
    assert why in text and grew < 100, (text, grew)


@pytest.mark.parametrize("name", ["../out", "/out", "a/../../out", "..\\out"])
def test_assets_stay_in_their_folder(tmp_path, name):
    path = str(tmp_path / "model.keras")
    reading().save(path)
    rewritten(path, lambda members: members.update({f"assets/layers/reading/{name}": b"x"}))
    try:
        found = load_model(path, {"Reading": Reading}).layers[0].found
        assert found == ["out", "text"]  # a name that begins with a slash, below the folder
    except ValueError as error:
        assert "leads outside" in str(error)
    assert sorted(os.listdir(tmp_path)) == ["model.keras"] and not os.path.exists("/out")


def test_two_members_of_one_name(model):
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(model, "a") as archive:
        archive.writestr("config.json", "{}")
    refused(model, "of one name")


def test_json_nested_without_end(model):
    rewritten(model, lambda members: members.update({"config.json": "[" * 200_000}))
    refused(model, "config.json is no JSON")


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_damage_is_named(model, name):
    content = bytearray(open(model, "rb").read())
    with zipfile.ZipFile(model) as archive:
        begin = archive.getinfo(name).header_offset + 200
    content[begin] ^= 0xFF
    open(model, "wb").write(content)
    refused(model, f"{os.path.basename(model)}.*{name}")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_what_is_cut_short(tmp_path, name, part):
    path = str(tmp_path / name)
    dense().save(path)
    os.truncate(path, int(os.path.getsize(path) * part))
    refused(path, name)


def test_names_without_a_file(tmp_path):
    for name, match in (("a.keras", "File not found"), ("a.pkl", "not supported"), ("a", "not supported")):
        refused(str(tmp_path / name), match)


def test_classes_of_this_process(tmp_path):
    """What a program has written itself it can read without registering its classes; another program cannot."""

    class Doubled(layers.Layer):
        def call(self, x):
            return 2 * x

    inputs = layers.Input((2,))
    path = tmp_path / "model.keras"
    kerastorch.Model(inputs, Doubled()(inputs)).save(path)
    np.testing.assert_array_equal(load_model(path).predict(np.ones((1, 2)), verbose=0), [[2, 2]])
    code = f"import kerastorch\ntry:\n    kerastorch.models.load_model({str(path)!r})\nexcept TypeError as error:\n    print(error)"
    assert "Could not locate class 'Doubled'" in processes.run(code)
