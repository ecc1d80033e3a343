"""Layers that prepare data, where there is no TensorFlow, in models, and given what they cannot take."""

import numpy as np
import pytest
from processes import run

import kerastorch
from kerastorch import backend_registry, layers, ops
from kerastorch.errors import NotLowerable


@pytest.fixture(params=list(backend_registry.BUILT_IN))
def backend(request):
    with backend_registry.using(request.param) as chosen:
        yield chosen


def test_text_without_tensorflow():
    out = run(
        """
        import sys

        sys.modules["tensorflow"] = None
        import numpy as np, torch
        import kerastorch as keras

        layers = keras.layers
        batches = torch.utils.data.DataLoader(["the cat", "The mat", "a cat"], batch_size=2)
        text = layers.TextVectorization(output_sequence_length=3)
        text.adapt(batches)
        print(text.get_vocabulary(), text(["a mat, the dog"]).tolist())
        words = layers.StringLookup(num_oov_indices=2)
        words.adapt(np.array(["a", "b", "a"]))
        print(words(["a", "c", "d"]).tolist(), layers.StringLookup(vocabulary=["x"], invert=True)([[1], [0]]))
        print(layers.Hashing(10)(["a", "b"]).tolist(), layers.HashedCrossing(9)((np.array(["a", "b"]), torch.arange(2))).tolist())
        norm, bins = layers.Normalization(), layers.Discretization(num_bins=2)
        norm.adapt(torch.utils.data.DataLoader(torch.arange(8.0)[:, None], batch_size=3))
        bins.adapt(torch.utils.data.DataLoader(torch.arange(8.0), batch_size=4))
        print(norm.mean.tolist(), norm.variance.tolist(), bins([0.0, 9.0]).tolist())
        """,
        KERASTORCH_BACKEND="torch",
    ).splitlines()
    assert out == [
        "['', '[UNK]', 'the', 'cat', 'mat', 'a'] [[5, 4, 2]]",
        "[2, 0, 1] [['x'], ['[UNK]']]",
        "[9, 2] [2, 6]",
        "[[3.5]] [[5.25]] [0, 1]",
    ]


def test_recorded_models_take_part_in_them(backend):
    lookup = layers.IntegerLookup(vocabulary=[30, 10], num_oov_indices=2, output_mode="multi_hot")
    norm, bins = layers.Normalization(), layers.Discretization(num_bins=3, output_mode="count")
    x = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
    norm.adapt(x)
    bins.adapt(x)
    ids, values = kerastorch.Input((2,), dtype="int64"), kerastorch.Input((3,))
    model = kerastorch.Model([ids, values], [lookup(ids), layers.Dense(2)(norm(values)), bins(values)])
    given = [np.array([[10, 7], [30, 30]]), x[:2]]
    found = model(given)
    expected = [lookup(given[0]), model.layers[-2](norm(x[:2])), bins(x[:2])]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(backend.numpy(ops.convert_to_tensor(a)), backend.numpy(ops.convert_to_tensor(b)), rtol=1e-6)
    assert backend.numpy(found[0]).tolist() == [[0, 1, 0, 1], [0, 0, 1, 0]]


def test_an_adapted_mean_reaches_a_model_that_has_run(backend):
    norm = layers.Normalization()
    model = kerastorch.Sequential([kerastorch.Input((1,)), norm])
    before = backend.numpy(model(np.array([[4.0]], "float32")))
    norm.adapt(np.array([[2.0], [6.0]]))
    after = backend.numpy(model(np.array([[4.0]], "float32")))
    assert before.tolist() == [[4.0]] and after.tolist() == [[0.0]]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.Hashing(3)([["a", None]]), "strings, but there is NoneType"),
        (lambda: layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["a", "b"]), "num_oov_indices=0.*'b'"),
        (lambda: layers.StringLookup(vocabulary=["a", "b", "a"]), "repeated term: .'a'"),
        (lambda: layers.StringLookup(vocabulary=["a", "b"], max_tokens=2), "maximum vocab size: 3"),
        (lambda: layers.StringLookup(output_mode="count")(["a"]), "vocabulary must be set"),
        (lambda: layers.StringLookup.from_config({"vocabulary": "/etc/passwd"}), "not read for safety"),
        (lambda: layers.TextVectorization.from_config({"vocabulary": "/etc/passwd"}), "not read for safety"),
        (lambda: layers.TextVectorization(vocabulary=["a"])([["a", "b"]]), r"last axis has size 1, not of shape \(1, 2\)"),
        (lambda: layers.TextVectorization(standardize="upper"), "'upper'"),
        (lambda: layers.Normalization()(kerastorch.Input((None,))), "must have a known size"),
        (lambda: layers.CategoryEncoding(2)(np.array([[0.5]]), count_weights=[[1.0]]), "is not used when"),
    ],
)
def test_errors_say_what_is_wrong(make, words):
    with backend_registry.using("torch"), pytest.raises((ValueError, TypeError, RuntimeError), match=words):
        make()


def test_hashed_layers_cannot_be_exported():
    inputs = kerastorch.Input((1,), dtype="int32")
    model = kerastorch.Model(inputs, layers.Hashing(3)(inputs))
    np.testing.assert_array_equal(ops.convert_to_numpy(model(np.array([[1], [2]]))), [[0], [1]])
    with pytest.raises(NotLowerable, match="arrays on the host"):
        kerastorch.lower(model, "torch")


def test_models_take_text(backend):
    text = layers.TextVectorization(vocabulary=["foo", "bar"], output_sequence_length=3)
    stack = [kerastorch.Input((), dtype="string"), text, layers.Embedding(5, 2), layers.Flatten(), layers.Dense(1)]
    model = kerastorch.Sequential(stack)
    x = np.array(["foo bar", "what foo", "bar"] * 3)
    expected = backend.numpy(model(x))
    np.testing.assert_allclose(model.predict(x, batch_size=2, verbose=0), expected, rtol=1e-5)
    model.compile("sgd", "mse")
    history = model.fit(x, np.ones((9, 1)), batch_size=4, epochs=2, verbose=0).history
    assert history["loss"][1] < history["loss"][0]
