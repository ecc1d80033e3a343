"""Weights in safetensors files: torch's names and layout, and headers that do not tell the truth."""

import json

import numpy as np
import pytest

import kerastorch
from compat_tests import saving_models
from kerastorch.saving import safetensors

torch = pytest.importorskip("torch")
BUILDERS = [saving_models.convolutions, saving_models.nested, saving_models.recurrent, saving_models.own_layer, saving_models.own_model]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("build", BUILDERS, ids=lambda b: b.__name__)
def test_there_and_back(build, tmp_path):
    kerastorch.utils.clear_session()
    source = build(kerastorch)
    source.save_weights(tmp_path / "m.safetensors")
    kerastorch.utils.clear_session()
    target = build(kerastorch)
    target.set_weights([w + 1 for w in target.get_weights()])
    target.load_weights(tmp_path / "m.safetensors")
    for a, b in zip(source.get_weights(), target.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    found = safetensors.read(str(tmp_path / "m.safetensors"))
    state = source.state_dict()
    assert list(found) == list(state) and all(np.array_equal(found[n], state[n].numpy()) for n in state)


def test_the_bytes_are_those_of_the_format(tmp_path):
    path = tmp_path / "m.safetensors"
    safetensors.write(str(path), {"a": np.arange(3, dtype="<i2"), "b": np.ones((2, 2), "<f4").T})
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    assert length % 8 == 0 and len(content) == 8 + length + 6 + 16
    assert header["a"] == {"dtype": "I16", "shape": [3], "data_offsets": [0, 6]} and header["b"]["data_offsets"] == [6, 22]
    assert header["__metadata__"] == {"format": "pt"}


def test_bfloat16(tmp_path):
    path = str(tmp_path / "m.safetensors")
    model = kerastorch.Sequential([kerastorch.layers.Input((3,)), kerastorch.layers.Dense(2, dtype="bfloat16")])
    model.save_weights(path)
    before = [np.asarray(w, "float32") for w in model.get_weights()]
    model.load_weights(path)
    assert all(np.array_equal(a, np.asarray(b, "float32")) for a, b in zip(before, model.get_weights(), strict=True))


def raw(path, header, data=b""):
    text = json.dumps(header).encode() if not isinstance(header, bytes) else header
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return str(path)


def entry(shape=(2,), offsets=(0, 8), dtype="F32"):
    return {"w": {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}}


@pytest.mark.parametrize(
    "header, data",
    [
        (b"{", b""),
        (b"[" * 100_000, b""),
        ([1], b""),
        (entry(dtype="PICKLE"), bytes(8)),
        (entry((1 << 60,)), bytes(8)),
        (entry((1 << 60,), (0, 1 << 62)), bytes(8)),
        (entry((-2,), (0, 8)), bytes(8)),
        (entry((-1, -2), (0, 8)), bytes(8)),
        (entry(offsets=(4, 12)), bytes(12)),
        (entry(offsets=(-8, 0)), bytes(8)),
        (entry() | {"v": entry()["w"]}, bytes(8)),
        (entry(), bytes(4)),
        (entry(), bytes(12)),
    ],
)
def test_headers_that_do_not_tell_the_truth(tmp_path, header, data):
    with pytest.raises(ValueError, match=r"m\.safetensors"):
        safetensors.read(raw(tmp_path / "m.safetensors", header, data))


def test_a_length_beyond_the_file(tmp_path):
    path = tmp_path / "m.safetensors"
    for content in (b"", b"1234", (1 << 40).to_bytes(8, "little") + b"{}"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="no safetensors file"):
            safetensors.read(str(path))


def test_what_does_not_fit_changes_nothing(tmp_path):
    path = str(tmp_path / "m.safetensors")
    model = kerastorch.Sequential([kerastorch.layers.Input((3,)), kerastorch.layers.Dense(2, name="d")])
    before = model.get_weights()
    for arrays, match in (
        ({"d.weight": np.ones((2, 3), "f4")}, "d.bias is missing"),
        ({"d.weight": np.ones((3, 2), "f4"), "d.bias": np.ones(2, "f4")}, "d.weight has shape"),
        ({"d.weight": np.ones((2, 3), "f4"), "d.bias": np.ones(2, "f4"), "e": np.ones(1, "f4")}, "e has no place"),
    ):
        safetensors.write(path, arrays)
        with pytest.raises(ValueError, match=match):
            model.load_weights(path)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
