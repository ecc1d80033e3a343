"""Layers for text, categories and numbers against reference Keras: all from the records in `cases/preprocessing.py`."""

import json
import random

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerastorch
from compat_tests.cases.preprocessing import CASES, NUMBERS, TEXTS, WORDS
from kerastorch import backend_registry, layers
from kerastorch.graph import KerasTensor
from kerastorch.utils import fingerprints


def each_case(condition=lambda case: True):
    """Parametrizes a test by the records that meet a condition."""
    chosen = [c for c in CASES if condition(c)]
    return pytest.mark.parametrize("case", chosen, ids=[c.id for c in chosen])


def made(k, case):
    """The layer of the Keras in question, adapted."""
    layer = getattr(k.layers, case.layer)(**case.kwargs)
    if case.adapt is not None:
        layer.adapt(case.adapt)
    return layer


def expected(case):
    """What the reference gives."""
    return keras.ops.convert_to_numpy(made(keras, case)(case.data))


def config_of(layer):
    return {k: v for k, v in layer.get_config().items() if k != "name"}


@each_case()
def test_values(case, backend):
    with backend_registry.using(backend):
        out = made(kerastorch, case)(case.data)
    assert backend.is_tensor(out)
    np.testing.assert_allclose(backend.numpy(out), expected(case), rtol=1e-6)


@each_case()
def test_inside_a_pipeline(case):
    """The default backend is another one than the pipeline's."""
    layer, several = made(kerastorch, case), isinstance(case.data, tuple)
    batched = tf.data.Dataset.from_tensors(case.data)
    (out,) = batched.map((lambda *xs: layer(xs)) if several else layer)
    np.testing.assert_allclose(out.numpy(), expected(case), rtol=1e-6)


@each_case(lambda case: case.recorded)
def test_recorded_like_the_reference(case):
    mine, theirs = made(kerastorch, case), made(keras, case)
    kind = case.data.dtype.name if case.data.dtype.kind == "i" else "string"
    for batch in (None, len(case.data)):
        shape = (batch, *case.data.shape[1:])
        out, reference = mine(KerasTensor(shape, kind)), theirs(keras.KerasTensor(shape, kind))
        assert out.dtype == reference.dtype
        real = mine(case.data)
        assert all(a in (None, b) for a, b in zip(out.shape, real.shape, strict=True))
        assert out.dtype == kerastorch.backend.standardize_dtype(real.dtype)


@each_case()
def test_configuration(case):
    mine, theirs = made(kerastorch, case), made(keras, case)
    assert config_of(mine) == config_of(theirs)
    assert config_of(type(mine).from_config(theirs.get_config())) == config_of(type(theirs).from_config(mine.get_config()))
    again = type(mine).from_config(json.loads(json.dumps(mine.get_config())))
    assert again.name == mine.name
    kept = [{k: v for k, v in config_of(layer).items() if k != "vocabulary_size"} for layer in (again, mine)]
    assert json.dumps(kept[0]) == json.dumps(kept[1])


@each_case(lambda case: case.adapt is not None)
def test_vocabularies_are_exchanged_as_files(case, tmp_path):
    mine, theirs = made(kerastorch, case), made(keras, case)
    assert mine.get_vocabulary() == [t if isinstance(t, str) else int(t) for t in theirs.get_vocabulary()]
    for source, k in ((mine, keras), (theirs, kerastorch), (mine, kerastorch)):
        target, store = getattr(k.layers, case.layer).from_config(source.get_config()), {}
        source.save_own_variables(store)
        source.save_assets(str(tmp_path))
        target.load_own_variables({key: np.asarray(v) for key, v in store.items()})
        target.load_assets(str(tmp_path))
        np.testing.assert_allclose(keras.ops.convert_to_numpy(target(case.data)), expected(case), rtol=1e-6)


def test_fingerprints_are_those_of_tensorflow():
    rng = random.Random(0)
    strings = [rng.randbytes(n) for n in [*range(200), 1000]] + [w.encode() for w in (*WORDS, *TEXTS)]
    most = 2**63 - 1
    found = fingerprints.farmhash(strings) % np.uint64(most)
    np.testing.assert_array_equal(found.astype("int64"), tf.strings.to_hash_bucket_fast(strings, most))
    for key in ([0, 1], [2**62, 2**33 + 5]):
        found = fingerprints.siphash(strings, key) % np.uint64(most)
        np.testing.assert_array_equal(found.astype("int64"), tf.strings.to_hash_bucket_strong(strings, most, key))


@pytest.mark.parametrize("name", backend_registry.BUILT_IN)
@pytest.mark.parametrize("mode", ["multi_hot", "count"])
def test_sparse_results_where_there_are_sparse_tensors(mode, name):
    kwargs = {"output_mode": mode, "sparse": True}
    with backend_registry.using(name) as backend:
        if "sparse" not in backend.also_holds:
            with pytest.raises(ValueError, match="sparse=True. can only be used with"):
                layers.Hashing(5, **kwargs)
            return
        for layer, data in (
            (layers.StringLookup(vocabulary=["red"], **kwargs), np.array([WORDS])),
            (layers.Hashing(5, **kwargs), NUMBERS),
            (layers.CategoryEncoding(5, **kwargs), NUMBERS % 5),
        ):
            out = layer(data)
            layer.sparse = False
            dense = layer(data)
            assert type(out) is not type(dense)
            np.testing.assert_array_equal(backend.numpy(out), backend.numpy(dense))


TABLE = {
    "a": [0.0, 0.1, 0.4, 0.9, 3.0, 0.5],
    "b": [5.0, 7.0, 1.0, 4.0, 4.5, -2.0],
    "c": [3, 3, 1, 0, 7, 1],
    "d": ["red", "blue", "red", "green", "grey", "red"],
    "e": [1, 2, 3, 4, 5, 6],
}
KINDS = {
    "a": "float_discretized",
    "b": "float_normalized",
    "c": "integer_categorical",
    "d": "string_categorical",
    "e": "integer_hashed",
}


def space(k, **kwargs):
    return k.utils.FeatureSpace(KINDS, crosses=[("c", "d"), ("a", "e")], num_discretization_bins=3, **kwargs)


@pytest.mark.parametrize("mode", ["concat", "dict"])
def test_feature_spaces(mode, backend):
    theirs, mine = space(keras, output_mode=mode), space(kerastorch, output_mode=mode)
    theirs.adapt(TABLE)
    mine.adapt(tf.data.Dataset.from_tensor_slices(TABLE))
    again = space(kerastorch, output_mode=mode)
    again.adapt(TABLE)
    for data in (TABLE, {n: v[1] for n, v in TABLE.items()}):
        expected = keras.tree.map_structure(keras.ops.convert_to_numpy, theirs(data))
        for layer in (mine, again):
            found = kerastorch.tree.map_structure(backend.numpy, layer(data))
            keras.tree.map_structure(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), found, expected)
    (out,) = tf.data.Dataset.from_tensors(TABLE).map(again)
    expected = keras.tree.map_structure(keras.ops.convert_to_numpy, theirs(TABLE))
    keras.tree.map_structure(lambda a, b: np.testing.assert_allclose(a.numpy(), b, rtol=1e-5, atol=1e-6), out, expected)


def test_feature_spaces_are_exchanged_as_files(backend, tmp_path):
    theirs, mine = space(keras), space(kerastorch)
    for source, k in ((theirs, kerastorch), (mine, keras)):
        source.adapt(TABLE)
        source.save(tmp_path / "space.keras")
        found = k.saving.load_model(tmp_path / "space.keras")(TABLE)
        np.testing.assert_allclose(keras.ops.convert_to_numpy(found), keras.ops.convert_to_numpy(theirs(TABLE)), rtol=1e-5)
