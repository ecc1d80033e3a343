"""Checkpoints and SavedModels of tf.keras, read without TensorFlow; and ones that do not tell the truth."""

import os
import subprocess
import sys

import numpy as np
import pytest

import kerastorch
from kerastorch.saving import tensor_bundle


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number, value):
    """A field of a message: an integer, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def block(entries):
    content = b"".join(varint(0) + varint(len(k)) + varint(len(v)) + k + v for k, v in entries)
    return content + (0).to_bytes(4, "little") + (1).to_bytes(4, "little") + bytes(5)


def table(entries, packed=0):
    """A table of one block, with the block of handles and the end that such files have."""
    data = block(entries)
    data = data[:-5] + bytes([packed]) + data[-4:]
    handles = block([(b"\xff", varint(0) + varint(len(data) - 5))])
    end = varint(0) + varint(0) + varint(len(data)) + varint(len(handles) - 5)
    return data + handles + end.ljust(40, b"\0") + tensor_bundle.MAGIC


def entry(dtype, shape, offset, size, shard=0):
    dims = b"".join(field(2, field(1, d)) for d in shape)
    return field(1, dtype) + field(2, dims) + field(3, shard) + field(4, offset) + field(5, size)


def node(children=(), key=None):
    found = b"".join(field(1, field(1, i) + field(2, name.encode())) for name, i in children)
    return field(1, found + (field(2, field(1, b"VARIABLE_VALUE") + field(3, key.encode())) if key else b""))


KERNEL, BIAS = np.arange(6, dtype="<f4").reshape(3, 2), np.array([7, 8], "<f4")


def written(folder, change=lambda entries: None, name="ckpt"):
    """The checkpoint of one Dense layer."""
    graph = node([("layer_with_weights-0", 1)]) + node([("kernel", 2), ("bias", 3)]) + node(key="k") + node(key="b")
    text = varint(len(graph)) + bytes(4) + graph
    data = KERNEL.tobytes() + BIAS.tobytes() + text
    entries = {
        b"": field(1, 1),
        b"_CHECKPOINTABLE_OBJECT_GRAPH": entry(7, (), 32, len(text)),
        b"b": entry(1, (2,), 24, 8),
        b"k": entry(1, (3, 2), 0, 24),
    }
    change(entries)
    prefix = os.path.join(folder, name)
    os.makedirs(os.path.dirname(prefix), exist_ok=True)
    with open(prefix + ".index", "wb") as file:
        file.write(table(entries.items()))
    with open(prefix + ".data-00000-of-00001", "wb") as file:
        file.write(data)
    return prefix


def dense():
    return kerastorch.Sequential([kerastorch.layers.Input((3,)), kerastorch.layers.Dense(2)])


@pytest.mark.parametrize("path", ["ckpt", "ckpt.index"])
def test_a_checkpoint(tmp_path, path):
    written(tmp_path)
    model = dense()
    model.load_weights(tmp_path / path)
    for found, wanted in zip(model.get_weights(), (KERNEL, BIAS), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_the_folder_of_a_saved_model(tmp_path):
    written(tmp_path, name="variables/variables")
    model = dense()
    model.load_weights(tmp_path)
    np.testing.assert_array_equal(model.get_weights()[1], BIAS)


def test_no_framework_of_tensorflows_is_needed(tmp_path):
    prefix = written(tmp_path)
    code = (
        "import sys, kerastorch as k\nm = k.Sequential([k.layers.Input((3,)), k.layers.Dense(2)])\n"
        "m.load_weights(sys.argv[1]); assert 'tensorflow' not in sys.modules and m.get_weights()[0][2, 1] == 5"
    )
    subprocess.run([sys.executable, "-c", code, prefix], check=True)


def refused(prefix, match):
    model = dense()
    before = model.get_weights()
    with pytest.raises(ValueError, match=match):
        model.load_weights(prefix)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize(
    "key, value, match",
    [
        (b"k", entry(1, (3, 2), 0, 1 << 40), "of a shorter file"),
        (b"k", entry(1, (3, 2), 1 << 62, 24), "of a shorter file"),
        (b"k", entry(1, (3, 2), 0, 24, shard=7), "of a shorter file"),
        (b"k", entry(1, (3, 2), 0, 20), "cannot be 20 bytes"),
        (b"k", entry(1, (1 << 40, 2), 0, 24), r"has shape \(1099511627776, 2\)"),
        (b"k", entry(7, (3, 2), 0, 24), "text, not numbers"),
        (b"k", entry(99, (3, 2), 0, 24), "dtype number 99"),
        (b"k", b"\x08\xff", "damaged"),
        (b"k", entry((1 << 64) - 1, (3, 2), 0, 24), "no number from 0 on"),
        (b"k", field(2, 1), "no bytes"),
        (b"_CHECKPOINTABLE_OBJECT_GRAPH", entry(7, (), 0, 24), "no single string"),
        (b"_CHECKPOINTABLE_OBJECT_GRAPH", entry(7, (), 32, 1 << 40), "of a shorter file"),
        (b"", field(1, 1 << 40), "data files"),
        (b"", field(1, 1) + field(2, 1), "most significant"),
    ],
)
def test_entries_that_do_not_tell_the_truth(tmp_path, key, value, match):
    refused(written(tmp_path, lambda entries: entries.update({key: value})), match)


def test_a_checkpoint_of_tensorflow_1(tmp_path):
    refused(written(tmp_path, lambda entries: entries.pop(b"_CHECKPOINTABLE_OBJECT_GRAPH")), "TensorFlow 1")


def test_an_index_at_any_place_of_which_a_byte_is_another(tmp_path):
    prefix = written(tmp_path)
    with open(prefix + ".index", "rb") as file:
        content = file.read()
    for i in range(len(content)):
        with open(prefix + ".index", "wb") as file:
            file.write(content[:i] + bytes([content[i] ^ 0x80]) + content[i + 1 :])
        model = dense()
        try:
            model.load_weights(prefix)  # a byte that says nothing, as of a name of a file's end, may be any
        except ValueError as error:
            assert prefix in str(error)


@pytest.mark.parametrize("length", [0, 10, 47, 48, 100])
def test_an_index_cut_short(tmp_path, length):
    prefix = written(tmp_path)
    os.truncate(prefix + ".index", length)
    refused(prefix, "damaged")


def test_blocks_that_come_again_and_again(tmp_path):
    prefix = written(tmp_path)
    data = block([(b"a", b"x" * 1000)])
    handles = block([(b"\xff", varint(0) + varint(len(data) - 5))] * 1000)
    end = varint(0) + varint(0) + varint(len(data)) + varint(len(handles) - 5)
    with open(prefix + ".index", "wb") as file:
        file.write(data + handles + end.ljust(40, b"\0") + tensor_bundle.MAGIC)
    refused(prefix, "not in order")


def test_data_that_are_a_link(tmp_path):
    prefix = written(tmp_path)
    data = prefix + ".data-00000-of-00001"
    os.rename(data, tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", data)
    refused(prefix, "links are not followed")


def test_a_missing_data_file(tmp_path):
    prefix = written(tmp_path)
    os.unlink(prefix + ".data-00000-of-00001")
    with pytest.raises(FileNotFoundError):
        dense().load_weights(prefix)


def test_another_shape(tmp_path):
    prefix = written(tmp_path)
    model = kerastorch.Sequential([kerastorch.layers.Input((3,)), kerastorch.layers.Dense(4)])
    with pytest.raises(ValueError, match="k has shape"):
        model.load_weights(prefix)
    with pytest.warns(UserWarning, match="k has shape"):
        model.load_weights(prefix, skip_mismatch=True)


@pytest.mark.parametrize("code, dtype", [(c, d) for c, d in tensor_bundle.DTYPES.items() if d != "string"])
def test_dtypes(tmp_path, code, dtype):
    from kerastorch.variable import numpy_dtype

    kind = numpy_dtype(dtype)
    bundle = tensor_bundle.Bundle(written(tmp_path, lambda entries: entries.update({b"x": entry(code, (2,), 0, 2 * kind.itemsize)})))
    found = bundle.read("x")
    assert found.dtype == kind and found.shape == (2,) and found.tobytes() == (KERNEL.tobytes() + BIAS.tobytes())[: found.nbytes]
