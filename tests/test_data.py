"""Data adapters: what kinds of data become which batches, and what is refused before anything is trained."""

import collections
import itertools
import threading
import warnings

import numpy as np
import pytest

from kerastorch import backend_registry
from kerastorch.training.data import (
    DataError,
    adapt,
    pack_x_y_sample_weight,
    train_validation_split,
    unpack_x_y_sample_weight,
)
from kerastorch.utils.pydataset import PyDataset, Sequence


class Tensor:
    """A tensor of a framework that there is not: an array that only its backend may look into."""

    def __init__(self, array):
        self.array = np.asarray(array)

    shape = property(lambda self: self.array.shape)
    dtype = property(lambda self: str(self.array.dtype))

    def __getitem__(self, rows):
        return type(self)(self.array[rows])


class OtherTensor(Tensor):
    pass


Tensor.__module__ = "first_framework"
OtherTensor.__module__ = "other_framework"


class Fake(backend_registry.Backend):
    """A backend over numpy that counts what it is asked for."""

    def __init__(self, kind):
        self.name = self.root = kind.__module__
        self.packages, self.kind = (self.root,), kind
        self.asked = collections.Counter()

    def is_tensor(self, x):
        return type(x) is self.kind

    def convert(self, x, dtype=None, alias=False):
        self.asked["convert"] += 1
        array = x.array if self.is_tensor(x) else x
        assert isinstance(array, np.ndarray), "only arrays are handed over"
        return self.kind(array if dtype in (None, str(array.dtype)) else array.astype(dtype))

    def gather(self, x, index):
        self.asked["gather"] += 1
        return self.kind(x.array[index.array])

    def numpy(self, x):
        return x.array

    def dtype(self, x):
        return x.dtype

    def shape(self, x):
        return x.shape

    def seed(self, seed):
        self.asked[f"seed {seed}"] += 1


@pytest.fixture
def fake():
    made = Fake(Tensor)
    backend_registry.register(made)
    made.asked.clear()  # it was seeded, if anything has been
    yield made
    backend_registry.unregister(made.name)


@pytest.fixture
def other():
    made = Fake(OtherTensor)
    backend_registry.register(made)
    yield made
    backend_registry.unregister(made.name)


@pytest.fixture(autouse=True)
def seeded():
    np.random.seed(7)


def epoch_of(data, backend, epoch=0):
    """The batches of an epoch, tensors as arrays."""

    def opened(x):
        if isinstance(x, Tensor):
            return x.array
        if isinstance(x, dict):
            return {k: opened(v) for k, v in x.items()}
        return type(x)(map(opened, x)) if isinstance(x, list | tuple) else x

    return [opened(batch) for batch in data.batches(backend, epoch)]


def samples(data, backend, epoch=0):
    return [x[:, 0].tolist() for x, _, _ in epoch_of(data, backend, epoch)]


def column(n):
    return np.arange(n, dtype="float32")[:, None]


# ------------------------------------------------------------------------------------------------ arrays


def test_batches_are_slices_in_order_without_shuffling(fake):
    data = adapt(column(5), np.arange(5), batch_size=2)
    assert (data.num_batches, data.batch_size, data.num_samples) == (3, 2, 5)
    got = epoch_of(data, fake)
    assert [x[:, 0].tolist() for x, _, _ in got] == [[0, 1], [2, 3], [4]]
    assert [y.tolist() for _, y, _ in got] == [[0, 1], [2, 3], [4]]
    assert all(w is None for _, _, w in got)
    assert fake.asked == {"convert": 2}  # the whole arrays, once; slices are the tensors' own


def test_shuffling_takes_one_gather_for_each_array_and_batch(fake):
    data = adapt(column(10), np.arange(10), batch_size=4, shuffle=True)
    first, second = epoch_of(data, fake, 0), epoch_of(data, fake, 1)
    assert fake.asked == {"convert": 2 + 2, "gather": 2 * 3 * 2}  # two arrays, an order for each epoch
    for got in (first, second):
        assert sorted(v for x, _, _ in got for v in x[:, 0]) == list(range(10))
        assert all((x[:, 0] == y).all() for x, y, _ in got)
    assert [x.tolist() for x, _, _ in first] != [x.tolist() for x, _, _ in second]


def test_numpys_global_seed_fixes_the_order(fake):
    def orders(seed):
        np.random.seed(seed)
        data = adapt(column(50), shuffle=True, batch_size=50)
        return samples(data, fake, 0), samples(data, fake, 1)

    assert orders(1) == orders(1) != orders(2)


def test_an_epoch_has_the_same_order_wherever_training_was_taken_up_again(fake):
    np.random.seed(3)
    whole = adapt(column(20), shuffle=True, batch_size=20)
    expected = samples(whole, fake, 1)
    assert samples(whole, fake, 0) != expected
    assert samples(whole, fake, 1) == expected


def test_shuffle_batch_stays_within_batches(fake):
    (*whole, last) = samples(adapt(column(103), shuffle="batch", batch_size=10), fake)
    assert [sorted(b) for b in whole] == [list(range(i, i + 10)) for i in range(0, 100, 10)]
    assert sorted(last) == [100, 101, 102]
    assert whole != [sorted(b) for b in whole]


@pytest.mark.parametrize(
    "given, dtype",
    [("float64", "float32"), ("float16", "float32"), ("int64", "int64"), ("uint8", "uint8"), ("bool", "bool")],
)
def test_floats_become_floatx_and_all_else_stays(fake, given, dtype):
    data = adapt(np.ones((3, 2), given))
    ((x, _, _),) = epoch_of(data, fake)
    assert x.dtype == dtype
    assert data.sample()[0].dtype == dtype


def test_nests_are_kept(fake):
    x = {"b": column(4), "a": [column(4), (column(4) + 1,)]}
    data = adapt(x, [np.arange(4), np.arange(4)], batch_size=3)
    (first, _) = epoch_of(data, fake)
    assert list(first[0]) == ["b", "a"]
    assert isinstance(first[0]["a"], list) and isinstance(first[0]["a"][1], tuple)
    assert first[0]["a"][1][0][:, 0].tolist() == [1, 2, 3]
    assert isinstance(first[1], list) and len(first[1]) == 2
    like = data.sample()
    assert like[0]["a"][1][0].shape == (None, 1)
    assert like[1][0].dtype == "int64" and like[2] is None


def test_numbers_in_lists_are_arrays(fake):
    data = adapt([[1.0, 2.0], [3.0, 4.0]], [0, 1])
    ((x, y, _),) = epoch_of(data, fake)
    assert x.tolist() == [[1, 2], [3, 4]] and x.dtype == "float32"
    assert y.tolist() == [0, 1] and y.dtype == "int32"


def test_tensors_of_another_framework(fake, other):
    data = adapt(OtherTensor(column(4)), Tensor(np.arange(4)), batch_size=2, shuffle=True)
    got = list(data.batches(fake))
    assert all(type(x) is Tensor and type(y) is Tensor for x, y, _ in got)
    assert sorted(v for x, _, _ in got for v in x.array[:, 0]) == [0, 1, 2, 3]
    assert data.host_labels().tolist() == [0, 1, 2, 3]


def test_scipy_sparse_is_filled_up_batch_by_batch(fake):
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.random(9, 4, density=0.5, format="coo", random_state=0, dtype="float64")
    for shuffle in (False, True):
        data = adapt(matrix, np.arange(9), batch_size=4, shuffle=shuffle)
        for x, y, _ in epoch_of(data, fake):
            assert x.dtype == "float32"
            np.testing.assert_allclose(x, matrix.toarray()[y].astype("float32"))
    assert data.sample()[0].shape == (None, 4)


def test_pandas_frames_and_series(fake):
    """With pandas where it is installed, else with classes that offer what of pandas is used."""
    try:
        import pandas
    except ImportError:
        frame = _Pandas(np.array([[1, 2.5], [3, 4.5]], object))
        series = _Pandas(np.array([0, 1]))
    else:
        frame, series = pandas.DataFrame({"a": [1, 3], "b": [2.5, 4.5]}), pandas.Series([0, 1])
    ((x, y, _),) = epoch_of(adapt(frame, series), fake)
    assert x.tolist() == [[1, 2.5], [3, 4.5]] and x.dtype == "float32"
    assert y.tolist() == [[0], [1]] and y.dtype == "int64"


class _Pandas:
    iloc = None

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return self.values


def test_labels_can_be_looked_at_before_training(fake):
    assert adapt(column(3), np.array([0, 1, 9])).host_labels().max() == 9
    assert adapt(column(3)).host_labels() is None
    assert adapt(column(1) for _ in range(2)).host_labels() is None


# ------------------------------------------------------------------------------------------------ steps


def test_batch_size_follows_from_steps():
    assert adapt(column(10), steps=4).batch_size == 3
    assert adapt(column(10)).batch_size == 32
    assert adapt(column(10), steps=4, batch_size=2).batch_size == 2


def test_fewer_steps_than_batches_go_on_in_the_next_epoch(fake):
    """As Keras 3.15.1 does: an epoch that reaches the end of the data is cut short with a warning."""
    data = adapt(column(10), batch_size=2, steps=3)
    assert data.num_batches == 3
    assert samples(data, fake, 0) == [[0, 1], [2, 3], [4, 5]]
    with pytest.warns(UserWarning, match=r"fit could do 2 of 3 steps in epoch 2"):
        assert samples(data, fake, 1) == [[6, 7], [8, 9]]
    assert samples(data, fake, 2) == [[0, 1], [2, 3], [4, 5]]


def test_each_evaluation_begins_at_the_beginning(fake):
    data = adapt(column(10), batch_size=2, steps=3, role="evaluate")
    assert samples(data, fake) == samples(data, fake) == [[0, 1], [2, 3], [4, 5]]


def test_more_steps_than_batches(fake):
    data = adapt(column(4), batch_size=2, steps=3)
    for epoch in range(2):
        with pytest.warns(UserWarning, match="2 of 3 steps"):
            assert len(samples(data, fake, epoch)) == 2


# ------------------------------------------------------------------------------------------------ weights


@pytest.mark.parametrize(
    "labels", [[0, 2, 1, 7], [[0], [2], [1], [7]], [0.0, 2.0, 1.0, 7.0], np.eye(8)[[0, 2, 1, 7]]], ids=str
)
def test_class_weights(fake, labels):
    data = adapt(column(4), np.array(labels), class_weight={0: 0.5, 2: 3, 1: 2.0})
    ((_, _, w),) = epoch_of(data, fake)
    assert w.tolist() == [0.5, 3, 2, 1]  # as in Keras, a class that is not named weighs 1
    assert w.dtype == "float32"
    assert data.sample()[2].shape == (None,)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"class_weight": [1, 2]}, "class_weight must be a dictionary"),
        ({"class_weight": {"a": 1}}, "integers as keys"),
        ({"class_weight": {0: 1}, "sample_weight": np.ones(4)}, "cannot be given at the same time"),
        ({"class_weight": {0: 1}, "y": [np.ones(4), np.ones(4)]}, "one array of labels; y has 2"),
        ({"class_weight": {0: 1}, "y": None}, "y has 0 arrays"),
    ],
)
def test_class_weights_that_cannot_be(settings, message):
    with pytest.raises(DataError, match=message):
        adapt(column(4), **{"y": np.zeros(4), **settings})


def test_sample_weights_for_several_outputs(fake):
    y = {"a": np.zeros(3), "b": np.zeros((3, 2))}
    ((_, _, w),) = epoch_of(adapt(column(3), y, np.arange(3.0)), fake)
    assert w["a"].tolist() == w["b"].tolist() == [0, 1, 2]
    ((_, _, w),) = epoch_of(adapt(column(3), y, {"a": np.ones(3), "b": None}), fake)
    assert w["a"].tolist() == [1, 1, 1] and w["b"] is None
    with pytest.raises(DataError, match=r"shape \(3, 2\) cannot serve 2 outputs"):
        adapt(column(3), y, np.ones((3, 2)))
    with pytest.raises(DataError, match=r"y, which has y\['a'\], y\['b'\]; it has sample_weight\['c'\]"):
        adapt(column(3), y, {"c": np.ones(3)})


# ------------------------------------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    "given, message",
    [
        ({"x": column(5), "y": np.zeros(4)}, r"x has 5 \(shape \(5, 1\)\), y has 4 \(shape \(4,\)\)"),
        ({"x": {"a": column(5), "b": column(4)}}, r"x\['a'\] has 5 .*, x\['b'\] has 4"),
        ({"x": [column(1), column(2)], "y": np.zeros(2)}, r"a list is several inputs"),
        ({"x": column(0), "y": np.zeros(0)}, r"there is no data: x has shape \(0, 1\), y has shape \(0,\)"),
        ({"x": []}, "there is no data|without arrays"),
        ({"x": None}, "given no x"),
        ({"x": "text"}, "Unrecognized data type: x is a str"),
        ({"x": column(2), "y": object()}, "Unrecognized data type: y is a object"),
        ({"x": {"a": column(2), "b": 3}}, r"Unrecognized data type: x\['b'\] is a int"),
        ({"x": lambda: None}, "x is the function .*call it"),
        ({"x": np.float32(3)}, "single value"),
        ({"x": [[1, 2], [3]]}, "x is no array with rows of equal length"),
        ({"x": np.array([[1, 2], [3]], object)}, "among them a list.*pad_sequences"),
        ({"x": np.zeros(2, "datetime64[s]")}, "dtype datetime64"),
        ({"x": column(2), "batch_size": 0}, "batch_size must be a positive integer, not 0"),
        ({"x": column(2), "batch_size": 2.5}, "batch_size must be a positive integer, not 2.5"),
        ({"x": column(2), "steps": -3}, "steps must be a positive integer"),
        ({"x": iter([]), "y": column(2)}, "y should not be passed where x is a list_iterator"),
        ({"x": iter([]), "sample_weight": column(2)}, "sample_weight should not be passed"),
    ],
)
def test_refused(given, message):
    with pytest.raises(DataError, match=message) as raised:
        adapt(**given)
    assert "test_data.py:" in str(raised.value)  # the user's own line
    assert isinstance(raised.value, ValueError)


def test_the_original_arrays_are_never_written_to(fake):
    x = column(6)
    x.flags.writeable = False
    samples(adapt(x, shuffle=True), fake)


# ------------------------------------------------------------------------------------------------ generators


def numbered(n, size=2, with_y=True):
    for i in range(n):
        x = np.full((size, 1), i, "float64")
        yield (x, np.full(size, i)) if with_y else x


def test_a_generator(fake):
    data = adapt(numbered(3))
    assert (data.num_batches, data.batch_size, data.num_samples) == (None, None, None)
    (x, y, w) = data.sample()
    assert (x.shape, x.dtype, y.shape, y.dtype, w) == ((None, 1), "float32", (None,), "int64", None)
    got = epoch_of(data, fake)
    assert [x[0, 0] for x, _, _ in got] == [0, 1, 2]  # the sample used nothing up
    assert got[0][0].dtype == "float32"
    assert data.exhausted


def test_a_generators_batches_may_be_of_any_form(fake):
    for batch, y, w in (
        (column(2), None, None),
        ((column(2),), None, None),
        ([column(2), [1, 2]], [1, 2], None),
        ((column(2), np.array([1, 2]), np.array([3, 4])), [1, 2], [3, 4]),
    ):
        ((x_, y_, w_),) = epoch_of(adapt(iter([batch])), fake)
        assert x_[:, 0].tolist() == [0, 1]
        assert (None if y_ is None else y_.tolist()) == y
        assert (None if w_ is None else w_.tolist()) == w
    ((x_, _, _),) = epoch_of(adapt(iter([{"a": column(2)}])), fake)
    assert x_["a"].shape == (2, 1)
    with pytest.raises(DataError, match="not 4 parts"):
        epoch_of(adapt(iter([(1, 2, 3, 4)])), fake)


def test_a_generator_goes_on_from_epoch_to_epoch(fake):
    data = adapt(numbered(7), steps=3)
    data.sample()
    assert [b[0] for b in samples(data, fake, 0)] == [0, 1, 2]
    assert [b[0] for b in samples(data, fake, 1)] == [3, 4, 5]
    with pytest.warns(UserWarning, match="ran out of data: fit could do 1 of 3 steps in epoch 3. The generator must"):
        assert [b[0] for b in samples(data, fake, 2)] == [6]
    assert data.exhausted
    with pytest.warns(UserWarning, match="0 of 3 steps in epoch 4"):
        assert samples(data, fake, 3) == []


def test_a_generator_without_steps_serves_one_epoch(fake):
    data = adapt(numbered(2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(samples(data, fake, 0)) == 2
    with pytest.warns(UserWarning, match="no step in epoch 2"):
        assert samples(data, fake, 1) == []


def test_a_generator_without_end(fake):
    data = adapt((column(2) for _ in itertools.count()), steps=3)
    assert [len(samples(data, fake, e)) for e in range(3)] == [3, 3, 3]


def test_an_empty_generator():
    with pytest.raises(DataError, match="gave no batch"):
        adapt(iter(())).sample()


def test_an_empty_generator_found_out_while_running(fake):
    with pytest.raises(DataError, match="gave no batch"):
        epoch_of(adapt(iter(())), fake)


def test_dimensions_that_vary_are_open():
    batches = iter([(np.zeros((2, 5, 3)), np.zeros(2)), (np.zeros((2, 7, 3)), np.zeros(2))])
    assert adapt(batches).sample()[0].shape == (None, None, 3)
    with pytest.raises(DataError, match="differ in rank"):
        adapt(iter([np.zeros((2, 5)), np.zeros((2, 7, 3))])).sample()


def test_class_weights_on_batches(fake):
    got = epoch_of(adapt(numbered(3), class_weight={1: 5.0}), fake)
    assert [w.tolist() for _, _, w in got] == [[1, 1], [5, 5], [1, 1]]


def test_a_batch_size_beside_a_generator_is_said_to_be_unused():
    with pytest.warns(UserWarning, match="batch_size=8 is not used: x is a generator"):
        adapt(numbered(3), batch_size=8)


def test_an_iterable_is_begun_anew_for_each_epoch(fake):
    class Batches:
        def __iter__(self):
            return numbered(3)

    data = adapt(Batches())
    data.sample()
    assert len(samples(data, fake, 0)) == len(samples(data, fake, 1)) == 3
    assert data.num_batches == 3  # known after the first epoch
    data = adapt(Batches(), steps=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # an epoch that ends where the data does is whole
        assert len(samples(data, fake, 0)) == len(samples(data, fake, 1)) == 3


# ------------------------------------------------------------------------------------------------ PyDataset


class Batches(PyDataset):
    def __init__(self, n=6, **kwargs):
        super().__init__(**kwargs)
        self.n, self.events, self.threads = n, [], set()

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        self.threads.add(threading.get_ident())
        return np.full((2, 1), index), np.full(2, index)

    def on_epoch_begin(self):
        self.events.append("begin")

    def on_epoch_end(self):
        self.events.append("end")


@pytest.mark.parametrize(
    "settings", [{}, {"workers": 3, "max_queue_size": 2}, {"workers": 2, "use_multiprocessing": True}]
)
def test_a_py_dataset(fake, settings):
    source = Batches(**settings)
    data = adapt(source)
    assert data.num_batches == 6
    assert data.sample()[0].shape == (None, 1)
    for epoch in range(2):
        assert [b[0] for b in samples(data, fake, epoch)] == list(range(6))
    assert source.events == ["begin", "end"] * 2
    shuffled = adapt(source, shuffle=True)
    first, second = samples(shuffled, fake, 0), samples(shuffled, fake, 1)
    assert first != second and sorted(first) == sorted(second) == [[float(i)] * 2 for i in range(6)]


def test_workers_are_threads(fake):
    source = Batches(workers=2)
    samples(adapt(source), fake)
    assert threading.get_ident() not in source.threads


def test_an_error_in_a_worker_reaches_the_user(fake):
    class Broken(Batches):
        def __getitem__(self, index):
            if index == 3:
                raise RuntimeError("no picture 3")
            return super().__getitem__(index)

    source = Broken(workers=2)
    with pytest.raises(RuntimeError, match="no picture 3"):
        samples(adapt(source), fake)
    assert source.events == ["begin", "end"]


def test_the_loop_may_tell_of_epochs_itself(fake):
    source = Batches()
    data = adapt(source)
    data.on_epoch_begin(0)
    samples(data, fake)
    data.on_epoch_end(0)
    assert source.events == ["begin", "end"]


def test_a_py_dataset_without_end(fake):
    class Endless(Batches):
        num_batches = None

    with pytest.raises(DataError, match="PyDataset without end: say steps_per_epoch"):
        adapt(Endless())
    with pytest.raises(DataError, match="say steps,"):
        adapt(Endless(), role="evaluate")
    for workers in (1, 2):
        data = adapt(Endless(workers=workers), steps=4)
        assert [b[0] for b in samples(data, fake, 0) + samples(data, fake, 1)] == list(range(8))
    assert len(list(itertools.islice(adapt(Endless(), steps=-1).batches(fake), 30))) == 30


def test_a_py_dataset_with_no_batches():
    with pytest.raises(DataError, match="PyDataset has no batches"):
        adapt(Batches(0))


def test_a_py_dataset_whose_constructor_was_forgotten(fake):
    class Forgetful(Sequence):
        def __init__(self):
            pass

        def __len__(self):
            return 1

        def __getitem__(self, index):
            return column(2)

    with pytest.warns(UserWarning, match="Forgetful should call super"):
        assert len(samples(adapt(Forgetful()), fake)) == 1


def test_iterating_over_a_py_dataset():
    assert [y[0] for _, y in Batches(3)] == [0, 1, 2]


# ------------------------------------------------------------------------------------------------ frameworks' own


def test_data_sets_of_frameworks_are_known_by_name(fake):
    loader = type("DataLoader", (), {"__module__": "torch.utils.data.dataloader", "__iter__": lambda self: numbered(4),
                                     "__len__": lambda self: 4, "dataset": [0], "batch_size": 2})()  # fmt: skip
    data = adapt(loader)
    assert (data.num_batches, data.batch_size) == (4, 2)
    assert data.sample()[0].shape == (None, 1)
    assert len(samples(data, fake, 0)) == len(samples(data, fake, 1)) == 4
    with pytest.raises(DataError, match="where x is a torch DataLoader: that must give the targets"):
        adapt(loader, column(2))

    def dataset(cardinality):
        members = {"__module__": "tensorflow.python.data.ops", "__iter__": lambda self: numbered(4),
                   "cardinality": lambda self: cardinality}  # fmt: skip
        return type("BatchDataset", (type("DatasetV2", (), members),), {})()

    assert adapt(dataset(4)).num_batches == 4
    assert adapt(dataset(-2)).num_batches is None
    with pytest.raises(DataError, match=r"tf\.data\.Dataset without end"):
        adapt(dataset(-1))
    assert adapt(dataset(-1), steps=2).num_batches == 2


# ------------------------------------------------------------------------------------------------ splitting


def test_validation_takes_the_last_part():
    (x, y, w), (vx, vy, vw) = train_validation_split(([column(10)], np.arange(10), None), 0.25)
    assert x[0][:, 0].tolist() == list(range(7)) and y.tolist() == list(range(7)) and w is None
    assert vx[0][:, 0].tolist() == [7, 8, 9] and vy.tolist() == [7, 8, 9] and vw is None


@pytest.mark.parametrize("split", [0.99, 1.0, 1.5, -0.5])
def test_a_split_that_leaves_nothing(split):
    with pytest.raises(DataError, match=f"validation_split={split} leaves"):
        train_validation_split((column(5), None, None), split)


def test_a_generator_cannot_be_split():
    with pytest.raises(DataError, match="arrays only, not with a generator"):
        train_validation_split((numbered(3), None, None), 0.5)


def test_parts_of_batches():
    assert unpack_x_y_sample_weight((1, 2)) == (1, 2, None)
    assert unpack_x_y_sample_weight([1]) == (1, None, None)
    assert unpack_x_y_sample_weight({"a": 1}) == ({"a": 1}, None, None)
    assert pack_x_y_sample_weight([1, 2]) == ([1, 2],)
    assert pack_x_y_sample_weight(1) == 1
    assert pack_x_y_sample_weight(1, 2) == (1, 2)
    assert pack_x_y_sample_weight(1, 2, 3) == (1, 2, 3)
    with pytest.raises(ValueError, match="0 parts"):
        unpack_x_y_sample_weight(())


# ------------------------------------------------------------------------------------------------ seeds


def test_a_seed_reaches_backends_now_and_later(monkeypatch):
    import random

    from kerastorch.utils.seeds import get_random_seed, set_random_seed

    monkeypatch.setattr(backend_registry, "BUILT_IN", {})
    monkeypatch.setattr(backend_registry, "_loaded", {})
    monkeypatch.setattr(backend_registry, "_seed", None)
    early, late = Fake(Tensor), Fake(OtherTensor)
    backend_registry.register(early)
    try:
        assert not early.asked
        set_random_seed(5)
        assert early.asked == {"seed 5": 1}
        first = random.random(), np.random.rand()
        backend_registry.register(late)
        assert late.asked == {"seed 5": 1}
        set_random_seed(5)
        assert (random.random(), np.random.rand()) == first
        assert get_random_seed() == 5
        with pytest.raises(ValueError, match="seed must be an integer"):
            set_random_seed("a")
    finally:
        backend_registry.unregister(early.name)
        backend_registry.unregister(late.name)
