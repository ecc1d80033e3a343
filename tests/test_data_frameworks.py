"""Data adapters with the installed backends: their tensors, and the data sets that their frameworks bring."""

import numpy as np
import pytest

import kerastorch
from kerastorch import backend_registry, layers, ops, optimizers
from kerastorch.training.data import DataError, adapt

NAMES = [name for name in backend_registry.BUILT_IN if backend_registry.installed(name)]


@pytest.fixture(params=NAMES)
def backend(request):
    return backend_registry.get(request.param)


@pytest.fixture(params=NAMES)
def source(request):
    """The backend whose tensors the data consists of."""
    return backend_registry.get(request.param)


def column(n):
    return np.arange(n, dtype="float32")[:, None]


def epoch_of(data, backend, epoch=0):
    batches = list(data.batches(backend, epoch))
    for batch in batches:
        assert all(t is None or backend.is_tensor(t) for t in batch)
    return [tuple(None if t is None else np.array(backend.numpy(t)) for t in batch) for batch in batches]


@pytest.mark.parametrize("shuffle", [False, True, "batch"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "int32", "uint8", "bool"])
def test_arrays(backend, shuffle, dtype):
    x, y = (np.arange(21).reshape(7, 3) % 5).astype(dtype), np.arange(7)
    x.flags.writeable = False
    data = adapt(x, y, batch_size=3, shuffle=shuffle)
    for epoch in range(2):
        got = epoch_of(data, backend, epoch)
        assert [len(b) for _, b, _ in got] == [3, 3, 1]
        assert sorted(np.concatenate([b for _, b, _ in got])) == list(range(7))
        for a, b, _ in got:
            np.testing.assert_array_equal(a, x[b])
            assert a.dtype == data.sample()[0].dtype == ("float32" if "float" in dtype else dtype)


def test_strides_of_all_kinds(backend):
    for x in (
        column(8)[::-1],
        column(8)[::2],
        np.asfortranarray(np.random.rand(4, 3, 2)),
        np.broadcast_to(1.0, (4, 2)),
    ):
        for shuffle in (False, True):
            x_, y_, _ = epoch_of(adapt(x, np.arange(len(x)), shuffle=shuffle), backend)[0]
            np.testing.assert_array_equal(x_, x[y_].astype("float32"))


@pytest.mark.parametrize("shuffle", [False, True])
def test_tensors_of_any_framework(backend, source, shuffle):
    x, y = source.convert(np.random.rand(6, 2)), source.convert(np.arange(6))
    data = adapt([x], {"a": y}, batch_size=4, shuffle=shuffle)
    assert data.sample()[0][0].shape == (None, 2) and data.sample()[0][0].dtype == "float32"
    assert data.host_labels()["a"].tolist() == list(range(6))
    seen = [(backend.numpy(a), backend.numpy(b["a"])) for (a,), b, _ in data.batches(backend)]
    for a, b in seen:
        np.testing.assert_array_equal(a, source.numpy(x)[b].astype("float32"))


def test_sparse_matrices(backend):
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.random(9, 4, density=0.5, random_state=0)
    for shuffle in (False, True):
        data = adapt(matrix, np.arange(9), batch_size=4, shuffle=shuffle)
        for x, y, _ in epoch_of(data, backend):
            np.testing.assert_array_equal(x, matrix.toarray()[y].astype("float32"))
        x, _, _ = next(data.batches(backend))
        assert isinstance(x, backend.sparse_kinds) == ("sparse" in backend.also_holds)


def test_generators_of_tensors(backend, source):
    made = (source.convert(np.full((2, 1), i, "float64")) for i in range(3))
    data = adapt((x, x) for x in made)
    assert data.sample()[0].dtype == "float32"
    assert [x[0, 0] for x, _, _ in epoch_of(data, backend)] == [0, 1, 2]


def test_a_torch_data_loader(backend):
    torch = pytest.importorskip("torch")
    x, y = torch.arange(10.0, dtype=torch.float64)[:, None], torch.arange(10)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=4, shuffle=True)
    data = adapt(loader)
    assert (data.num_batches, data.batch_size) == (3, 4)
    assert data.sample()[0].shape == (None, 1)
    for epoch in range(2):
        got = epoch_of(data, backend, epoch)
        assert sorted(np.concatenate([b for _, b, _ in got])) == list(range(10))
        assert all((a[:, 0] == b).all() and a.dtype == "float32" for a, b, _ in got)
    with pytest.raises(DataError, match="torch DataLoader"):
        adapt(loader, y)

    class Endless(torch.utils.data.IterableDataset):
        def __iter__(self):
            while True:
                yield torch.ones(3), torch.zeros(1)

    data = adapt(torch.utils.data.DataLoader(Endless(), batch_size=2), steps=2)
    assert [len(epoch_of(data, backend, e)) for e in range(2)] == [2, 2]


def test_a_tensorflow_data_set(backend):
    tf = pytest.importorskip("tensorflow")
    made = tf.data.Dataset.from_tensor_slices((column(10), np.arange(10))).batch(4)
    data = adapt(made, class_weight={3: 2.0})
    assert data.num_batches == 3
    for epoch in range(2):
        got = epoch_of(data, backend, epoch)
        assert np.concatenate([y for _, y, _ in got]).tolist() == list(range(10))
        assert np.concatenate([w for _, _, w in got]).tolist() == [1, 1, 1, 2, 1, 1, 1, 1, 1, 1]
    with pytest.raises(DataError, match=r"tf\.data\.Dataset without end"):
        adapt(made.repeat())
    data = adapt(made.repeat(), steps=5)
    assert [len(epoch_of(data, backend, e)) for e in range(2)] == [5, 5]
    unknown = adapt(made.filter(lambda x, y: True))
    assert unknown.num_batches is None and len(epoch_of(unknown, backend)) == 3 and unknown.num_batches == 3
    one = tf.data.Dataset.from_tensors({"a": column(2)})
    ((x, y, _),) = adapt(one).batches(backend)
    assert backend.is_tensor(x["a"]) and y is None


def test_sparse_tensors_of_tensorflow(backend):
    tf = pytest.importorskip("tensorflow")
    x = tf.sparse.from_dense(np.eye(4, dtype="float32"))
    for shuffle in (False, True):
        for a, b, _ in epoch_of(adapt(x, np.arange(4), batch_size=3, shuffle=shuffle), backend):
            np.testing.assert_array_equal(a, np.eye(4)[b])


@pytest.mark.parametrize("settings", [{}, {"clipnorm": 0.1}, {"gradient_accumulation_steps": 2}], ids=str)
@pytest.mark.parametrize("optimizer", [optimizers.SGD, optimizers.Adagrad, optimizers.Adam], ids=lambda o: o.__name__)
def test_training_on_sparse_data(backend, optimizer, settings):
    """Where a framework has sparse tensors, gradients come as rows of the weight; the weights learned are the same."""
    sparse = pytest.importorskip("scipy.sparse")
    matrix, y = sparse.random(12, 5, density=0.4, random_state=0, dtype="float32"), np.arange(24.0).reshape(12, 2)
    found = []
    for x in (matrix, matrix.toarray()):
        inputs = layers.Input((5,), sparse=x is matrix)
        model = kerastorch.Model(inputs, layers.Dense(2, kernel_initializer="ones")(inputs))
        model.compile(optimizer(0.1, **settings), "mse", backend=backend)
        model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0)
        found.append([*model.get_weights(), model.predict(x, verbose=0)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4)


def test_rows_of_a_table_that_come_twice(backend):
    """A table's gradient may come as rows, one for each look-up: Adagrad squares their sum, not each of them."""
    table = layers.Embedding(4, 2, embeddings_initializer="ones")
    model = kerastorch.Sequential([layers.Input((3,), dtype="int32"), table])
    model.compile(optimizers.Adagrad(0.1, initial_accumulator_value=0.0), "mean_absolute_error", backend=backend)
    model.fit(np.array([[1, 1, 2]]), np.zeros((1, 3, 2)), verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], [[1, 1], [0.9, 0.9], [0.9, 0.9], [1, 1]], rtol=1e-5)
    np.testing.assert_allclose(model.optimizer.variables[-1].numpy()[:, 0], [0, 1 / 9, 1 / 36, 0], rtol=1e-5)


def test_ragged_tensors_of_tensorflow():
    tf = pytest.importorskip("tensorflow")
    x = tf.ragged.constant([[1.0], [2.0, 3.0], [], [4.0, 5.0, 6.0]])
    inputs = layers.Input((None,))
    model = kerastorch.Model(inputs, ops.multiply(inputs, 2))
    model.compile(loss="mse", backend="tensorflow")
    out = model.predict(x, batch_size=3, verbose=0)
    assert isinstance(out, tf.RaggedTensor) and out.to_list() == [[2.0], [4.0, 6.0], [], [8.0, 10.0, 12.0]]
    out = model.predict((np.ones((1, n)) for n in (1, 2)), verbose=0)  # batches of different lengths
    assert out.to_list() == [[2.0], [2.0, 2.0]]
    for x_, _, _ in adapt(x, batch_size=3).batches(backend_registry.get("torch")):
        assert x_.ndim == 2
