"""`.weights.h5` files: written here and read by reference Keras, and the reverse; and files that must be refused."""

import os
import re
import signal
import subprocess
import sys

import h5py
import numpy as np
import pytest

import kerastorch
from kerastorch.saving import hdf5
from kerastorch.saving.atomic import replacing

reference = pytest.importorskip("keras")


def stack(k):
    return k.Sequential(
        [
            k.layers.Input((6, 6, 2)),
            k.layers.Conv2D(3, 2),
            k.layers.BatchNormalization(),
            k.layers.Flatten(),
            k.layers.Dropout(0.5),
            k.layers.Dense(4),
            k.layers.Dense(2),
        ]
    )


def network(k):
    words, features = k.Input((5,), dtype="int32", name="words"), k.Input((3,), name="features")
    shared = k.layers.Dense(3)
    x = k.layers.Embedding(10, 4, mask_zero=True)(words)
    x = k.layers.Concatenate()([k.layers.LSTM(3)(x), k.layers.GRU(2)(x), k.layers.SimpleRNN(2)(x)])
    x = k.layers.Dense(3)(x) * shared(features) + shared(k.layers.LayerNormalization()(features))
    return k.Model([words, features], [k.layers.Dense(1, name="score")(x), x])


def bidirectional(k):
    layers = k.layers
    return k.Sequential(
        [
            layers.Input((5, 2)),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
            layers.Bidirectional(layers.GRU(2), merge_mode="sum"),
            layers.Dense(1),
        ]
    )


def nested(k):
    inner = k.Sequential([k.layers.Input((3,)), k.layers.Dense(2), k.layers.BatchNormalization()], name="inner")
    start = k.Input((2,))
    head = k.Model(start, k.layers.Dense(2)(start), name="head")
    inputs = k.Input((3,))
    return k.Model(inputs, [head(inner(inputs)), head(k.layers.Dense(2)(inputs))])


def subclassed(k):
    class Block(k.layers.Layer):
        def __init__(self, units):
            super().__init__()
            self._dense = k.layers.Dense(units)
            self.bias = None

        @property
        def dense(self):
            return self._dense

        @property
        def not_there_yet(self):
            raise ValueError("nothing here")

        def build(self, shape):
            self._dense.build(shape)
            self.scale = self.add_weight(shape=(), initializer="ones", trainable=False, name="scale")
            self.bias = self.add_weight(shape=(self._dense.units,), name="bias")

        def call(self, x):
            return self._dense(x) * self.scale + self.bias

    class Subclassed(k.Model):
        def __init__(self):
            super().__init__()
            self.blocks = [Block(4), [Block(3), k.layers.Dense(3)], Block(3)]
            self.by_name = {"a": k.layers.Dense(2), "b": k.layers.Dense(1)}
            self._private = k.layers.Dense(3)
            self.first = k.layers.Dense(3)

        def call(self, x):
            x = self._private(self.first(x))
            x = self.blocks[0](x)
            for layer in self.blocks[1]:
                x = layer(x)
            return self.by_name["b"](self.by_name["a"](self.blocks[2](x)))

    model = Subclassed()
    model(np.zeros((1, 3), "float32"))
    return model


MODELS = [stack, network, bidirectional, nested, subclassed]


def made(k, build, seed=0):
    """A model whose weights are random numbers that do not depend on the library."""
    k.utils.clear_session()
    model = build(k)
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(0.1, 1, w.shape) for w in model.get_weights()])
    return model


def listing(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, x: found.update(
                {name: (getattr(x, "shape", None), str(getattr(x, "dtype", "")), dict(x.attrs))}
            )
        )
    return found


def same(a, b):
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("build", MODELS, ids=lambda b: b.__name__)
def test_same_file(build, tmp_path):
    paths = [str(tmp_path / f"{i}.weights.h5") for i in range(2)]
    for k, path in zip((kerastorch, reference), paths, strict=True):
        made(k, build).save_weights(path)
    assert listing(paths[0]) == listing(paths[1])


@pytest.mark.parametrize("build", MODELS, ids=lambda b: b.__name__)
@pytest.mark.parametrize(
    "there, back",
    [(kerastorch, reference), (reference, kerastorch), (kerastorch, kerastorch)],
    ids=["ours to theirs", "theirs to ours", "ours to ours"],
)
def test_written_and_read(there, back, build, tmp_path):
    path = tmp_path / "m.weights.h5"
    written, read = made(there, build), made(back, build, seed=1)
    written.save_weights(path)
    read.load_weights(path)
    same(written.get_weights(), read.get_weights())


@pytest.mark.parametrize("ending", [".weights.h5", ".weights.json", ".keras", ".h5", ".safetensors"])
def test_large_weights(ending, tmp_path, backend):
    path = str(tmp_path / f"m{ending}")

    def model(k=kerastorch):
        layers = [k.layers.Conv2D(600, 3), k.layers.Flatten(), k.layers.Dense(512)]  # 1.3 MB and 1.2 MB, both turned on torch
        return k.Sequential([k.Input((3, 3, 60), name="x"), *layers])

    kerastorch.utils.clear_session()
    written = model()
    written.predict(np.zeros((1, 3, 3, 60)), verbose=0)
    whole = ending in (".keras", ".h5")
    written.save(path) if whole else written.save_weights(path)
    if whole:
        same(kerastorch.saving.load_model(path).get_weights(), written.get_weights())
        same(reference.saving.load_model(path).get_weights(), written.get_weights())
    kerastorch.utils.clear_session()
    read = model()
    read.predict(np.zeros((1, 3, 3, 60)), verbose=0)
    read.load_weights(path)
    same(read.get_weights(), written.get_weights())


def trained(k):
    model = k.Sequential([k.layers.Input((3,)), k.layers.Dense(2)])
    model.compile("adam", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    return model


def test_the_state_of_an_optimizer_in_the_file_is_passed_over(tmp_path):
    path = tmp_path / "m.weights.h5"
    theirs = trained(reference)
    theirs.save_weights(path)
    ours = kerastorch.Sequential([kerastorch.layers.Input((3,)), kerastorch.layers.Dense(2)])
    ours.load_weights(path)
    same(ours.get_weights(), theirs.get_weights())


def test_half_precision(tmp_path):
    path = tmp_path / "m.weights.h5"
    for there, back in ((kerastorch, reference), (reference, kerastorch)):
        models = [k.Sequential([k.layers.Input((3,)), k.layers.Dense(2, dtype="bfloat16")]) for k in (there, back)]
        models[0].save_weights(path)
        models[1].load_weights(path)
        same(*([np.asarray(w, "float32") for w in m.get_weights()] for m in models))


# ------------------------------------------------------------------------------------------------ what does not fit


def dense(units=2, extra=False):
    layers = kerastorch.layers
    model = kerastorch.Sequential([layers.Input((3,)), layers.Dense(4), layers.Dense(units)])
    if extra:
        model.add(layers.Dense(1))
    return model


@pytest.fixture
def path(tmp_path):
    path = str(tmp_path / "m.weights.h5")
    dense().save_weights(path)
    return path


def refused(model, path, *words):
    before = model.get_weights()
    with pytest.raises(ValueError) as caught:
        model.load_weights(path)
    for word in (os.path.basename(path), *words):
        assert word in str(caught.value)
    same(before, model.get_weights())


def test_another_shape(path):
    refused(dense(3), path, "layers/dense_1/vars/0 has shape (4, 2)", "has (4, 3)")


def test_a_missing_layer(path):
    refused(dense(extra=True), path, "layers/dense_2/vars/0 is missing")


def test_a_superfluous_layer(path):
    source, model = dense(extra=True), dense()
    source.save_weights(path)
    with pytest.warns(UserWarning, match=re.escape("no place for layers/dense_2/vars/0 of shape (2, 1)")):
        model.load_weights(path)
    same(source.get_weights()[:4], model.get_weights())


def test_a_superfluous_variable(path):
    with h5py.File(path, "a") as file:
        file["layers/dense/vars/2"] = np.zeros(3)
    refused(dense(), path, "layers/dense/vars/2 is superfluous")


def test_skip_mismatch(path):
    model, source = dense(3), dense()
    source.load_weights(path)
    before = model.get_weights()
    with pytest.warns(UserWarning, match="layers/dense_1/vars/0 has shape"):
        model.load_weights(path, skip_mismatch=True)
    same(model.get_weights(), source.get_weights()[:2] + before[2:])


def test_objects_to_skip(path):
    model = dense(3)
    before = model.get_weights()
    model.load_weights(path, objects_to_skip=[model.layers[1]])
    same(model.get_weights()[2:], before[2:])
    assert not np.array_equal(model.get_weights()[0], before[0])


def test_a_loader_of_the_users_own_that_fails(tmp_path):
    class Own(kerastorch.layers.Dense):
        fails = False

        def load_own_variables(self, store):
            self.kernel.assign(np.zeros(self.kernel.shape))
            if self.fails:
                raise KeyError("nothing of the kind")
            super().load_own_variables(store)

    path = str(tmp_path / "m.weights.h5")
    model = kerastorch.Sequential([kerastorch.layers.Input((3,)), kerastorch.layers.Dense(3), Own(2)])
    model.save_weights(path)
    weights = model.get_weights()
    model.set_weights([w + 1 for w in weights])
    model.load_weights(path)
    same(weights, model.get_weights())
    Own.fails = True
    model.set_weights([w + 1 for w in weights])
    refused(model, path, "nothing of the kind")


# ------------------------------------------------------------------------------------------------ files from strangers


def replaced(path, name, value):
    with h5py.File(path, "a") as file:
        del file[name]
        if callable(value):
            value(file, name)
        else:
            file[name] = value


def test_links(path, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.zeros((3, 4))
    for link in (h5py.SoftLink("/layers/dense_1/vars/0"), h5py.ExternalLink("other.h5", "x")):
        replaced(path, "layers/dense/vars/0", link)
        refused(dense(), path, "layers/dense/vars/0", "links are not followed")


def test_a_circle(path):
    with h5py.File(path, "a") as file:
        file["layers/dense/again"] = file["layers"]
    refused(dense(), path, "links are not followed")


def test_data_in_other_files(path, tmp_path):
    def virtual(file, name):
        layout = h5py.VirtualLayout((3, 4), "f4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (3, 4))
        file.create_virtual_dataset(name, layout)

    def external(file, name):
        file.create_dataset(name, (3, 4), "f4", external=[("/etc/hostname", 0, 48)])

    for value in (virtual, external):
        replaced(path, "layers/dense/vars/0", value)
        refused(dense(), path, "layers/dense/vars/0", "other files")


def test_text_in_place_of_numbers(path):
    replaced(path, "layers/dense/vars/1", np.array([b"a", b"b", b"c", b"d"], dtype=object).astype("S1"))
    refused(dense(), path, "layers/dense/vars/1", "not numbers")


def test_a_size_that_only_the_file_vouches_for(tmp_path):
    path = str(tmp_path / "bomb.h5")
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (1 << 40,), "f4", chunks=(1 << 20,), compression="gzip")
        file["b"] = np.zeros(10)
    with hdf5.reading(path) as groups:
        found = {key: list(dataset.suspicious(key)) for key, dataset in groups[""].items()}
    assert found["b"] == [] and "claims 4398046511104 bytes" in found["a"][0]


def test_no_hdf5_file(tmp_path):
    path = tmp_path / "m.weights.h5"
    path.write_bytes(b"not HDF5" * 100)
    refused(dense(), str(path), "HDF5")
    os.unlink(path)
    with pytest.raises(FileNotFoundError):
        dense().load_weights(path)


def test_cut_short(path):
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) // 2)
    refused(dense(), path)


# ------------------------------------------------------------------------------------------------ arguments and writing


@pytest.mark.parametrize("method", ["save_weights", "load_weights"])
def test_endings(method, tmp_path):
    with pytest.raises(ValueError, match=re.escape(".weights.h5")):
        getattr(dense(), method)(tmp_path / "m")


def test_not_built(tmp_path):
    model = kerastorch.Sequential([kerastorch.layers.Dense(2)])
    for method in ("save_weights", "load_weights"):
        with pytest.raises(ValueError, match="not built"):
            getattr(model, method)(tmp_path / "m.weights.h5")


def test_arguments_that_have_no_meaning_here(path):
    with pytest.raises(ValueError, match="by_name"):
        dense().load_weights(path, by_name=True)
    with pytest.raises(ValueError, match=re.escape("'.weights.json' with max_shard_size")):
        dense().save_weights(path, max_shard_size=1)
    with pytest.raises(ValueError, match="shard_size"):
        dense().load_weights(path, shard_size=1)


def test_overwrite(path, monkeypatch):
    before = listing(path)
    monkeypatch.setattr("builtins.input", lambda _: "n")
    dense(7).save_weights(path, overwrite=False)
    assert listing(path) == before
    monkeypatch.setattr("builtins.input", lambda _: "y")
    dense(7).save_weights(path, overwrite=False)
    assert listing(path) != before


def test_nobody_to_ask(path, monkeypatch):
    def nobody(_):
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    with pytest.raises(FileExistsError):
        dense().save_weights(path, overwrite=False)


def test_an_error_while_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        open(temporary, "w").write("ne")
        raise RuntimeError
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["file"]


def test_a_killed_process_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    code = (
        "import sys, time\nfrom kerastorch.saving.atomic import replacing\n"
        "with replacing(sys.argv[1]) as t:\n    open(t, 'w').write('ne'); print('half', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert path.read_text() == "old"


def test_permissions(tmp_path):
    path = tmp_path / "file"
    with replacing(path) as temporary:
        open(temporary, "w").close()
    mask = os.umask(0)
    os.umask(mask)
    assert os.stat(path).st_mode & 0o777 == 0o666 & ~mask
    os.chmod(path, 0o640)
    with replacing(path) as temporary:
        open(temporary, "w").close()
    assert os.stat(path).st_mode & 0o777 == 0o640


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        dense().save_weights(tmp_path / "absent" / "m.weights.h5")
