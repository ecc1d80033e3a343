"""Random ops: seeds, distributions, and the generator that is the same on every backend."""

import random as python_random

import numpy as np
import pytest
from scipy import stats

from kerastorch import backend_registry, ops, random
from kerastorch.graph import KerasTensor
from kerastorch.ops.random import threefry
from kerastorch.random import SeedGenerator
from kerastorch.utils import set_random_seed

BACKENDS = ["torch", "tensorflow"]
N = 4000
DRAWS = {
    "uniform": lambda seed: random.uniform((N,), 2.0, 5.0, seed=seed),
    "normal": lambda seed: random.normal((N,), 1.0, 2.0, seed=seed),
    "truncated_normal": lambda seed: random.truncated_normal((N,), 1.0, 2.0, seed=seed),
    "randint": lambda seed: random.randint((N,), -2, 7, seed=seed),
    "gamma": lambda seed: random.gamma((N,), 2.5, seed=seed),
    "beta": lambda seed: random.beta((N,), 2.0, 3.0, seed=seed),
    "binomial": lambda seed: random.binomial((N,), 10.0, 0.3, seed=seed),
    "categorical": lambda seed: random.categorical(np.log(np.array([[0.1, 0.2, 0.7]], "float32")), N, seed=seed),
    "dropout": lambda seed: random.dropout(np.ones(N, "float32"), 0.3, seed=seed),
    "shuffle": lambda seed: random.shuffle(np.arange(N), seed=seed),
}
CONTINUOUS = {
    "uniform": stats.uniform(2, 3).cdf,
    "normal": stats.norm(1, 2).cdf,
    "truncated_normal": stats.truncnorm(-2, 2, 1, 2).cdf,
    "gamma": stats.gamma(2.5).cdf,
    "beta": stats.beta(2, 3).cdf,
}
MEANS = {"randint": 2.0, "binomial": 3.0, "categorical": 1.6, "dropout": 1.0, "shuffle": (N - 1) / 2}


@pytest.fixture(params=BACKENDS)
def backend(request):
    """Each backend in turn, made the active one."""
    with backend_registry.using(request.param) as chosen:
        chosen.seed(1)
        yield chosen


@pytest.fixture(params=["native", "portable"])
def mode(request):
    """Each generator in turn."""
    before = random.set_mode(request.param)
    yield request.param
    random.set_mode(before)


def draw(name, seed):
    return ops.convert_to_numpy(DRAWS[name](seed))


@pytest.mark.parametrize("name", DRAWS)
def test_distribution(name, backend, mode):
    for seed in (None, 3, SeedGenerator(5)):
        values = draw(name, seed).astype("float64").ravel()
        if name in CONTINUOUS:
            assert stats.kstest(values, CONTINUOUS[name]).pvalue > 1e-4
        else:
            assert abs(values.mean() - MEANS[name]) < 5 * values.std() / N**0.5


@pytest.mark.parametrize("name", DRAWS)
def test_seeds(name, backend, mode):
    np.testing.assert_array_equal(draw(name, 3), draw(name, 3))
    assert not np.array_equal(draw(name, 3), draw(name, 4))
    one, two = SeedGenerator(5), SeedGenerator(5)
    first, second = draw(name, one), draw(name, one)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, draw(name, two))
    np.testing.assert_array_equal(second, draw(name, two))
    assert not np.array_equal(draw(name, None), draw(name, None))


def test_every_op_is_drawn_from():
    assert set(DRAWS) == {function.op.name for function in random.OPS} & set(random.__all__)


@pytest.mark.parametrize("name", sorted(DRAWS))
def test_portable_numbers_are_the_same_everywhere(name):
    found = []
    for backend in BACKENDS:
        with backend_registry.using(backend), random.portable(seed=11):
            found.append((draw(name, None), draw(name, 4), draw(name, SeedGenerator(6))))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
        if name in ("binomial", "dropout", "randint", "shuffle", "uniform", "categorical"):
            np.testing.assert_array_equal(a, b)


def test_threefry_gives_the_published_words(backend):
    # The known answers that come with Random123, for counter 0 and key 0.
    words = [int(ops.convert_to_numpy(w)[0]) for w in threefry(0, 0, 1)]
    assert words == [0x6B200159, 0x99BA4EFE]


def test_portable_ends(backend):
    with random.portable():
        assert random.uniform.op.prefer_body
    assert not random.uniform.op.prefer_body
    with pytest.raises(ValueError, match="portable"):
        random.set_mode("fast")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_dtypes(dtype, backend, mode):
    for name in ("uniform", "normal", "truncated_normal"):
        values = getattr(random, name)((50, 2), dtype=dtype)
        assert backend.dtype(values) == dtype and backend.shape(values) == (50, 2)
        assert getattr(random, name)((), dtype=dtype).shape == ()
    assert backend.dtype(random.gamma((3,), 2.0, dtype=dtype)) == dtype
    assert backend.dtype(random.dropout(ops.ones((3,), dtype=dtype), 0.5)) == dtype
    assert backend.dtype(random.randint((3,), 0, 9, dtype="int64")) == "int64"


def test_dropout_details(backend, mode):
    ones = np.ones((6, 50), "float32")
    rows = ops.convert_to_numpy(random.dropout(ones, 0.5, noise_shape=(None, 1)))
    assert all(len(np.unique(row)) == 1 for row in rows)
    assert set(np.unique(ops.convert_to_numpy(random.dropout(ones, 0.5)))) == {0.0, 2.0}
    np.testing.assert_array_equal(ops.convert_to_numpy(random.dropout(ones, 0.0)), ones)
    np.testing.assert_array_equal(ops.convert_to_numpy(random.dropout(ones, 1.0)), 0 * ones)


def test_shuffle_along_an_axis(backend, mode):
    x = np.arange(12).reshape(3, 4)
    y = ops.convert_to_numpy(random.shuffle(x, axis=1, seed=2))
    assert sorted(y[0]) == list(range(4)) and np.array_equal(y[1], y[0] + 4)


def test_recorded():
    from kerastorch import scope

    with scope.symbolic():
        x = random.normal((3, 4), dtype="float16", seed=SeedGenerator(1))
        assert isinstance(x, KerasTensor) and (x.shape, x.dtype) == ((3, 4), "float16")
        assert random.categorical(KerasTensor((None, 5)), 7).shape == (None, 7)
        assert random.randint((2,), 0, 5).dtype == "int32"
    y = random.dropout(KerasTensor((None, 4)), 0.5, seed=SeedGenerator(1))
    assert (y.shape, y.node.operation) == ((None, 4), random.dropout)


def test_seed_generator(backend):
    generator = SeedGenerator(7, name="source")
    assert generator.get_config() == {"seed": 7, "name": "source"}
    assert generator.state.path == "source/seed_generator_state"
    np.testing.assert_array_equal(generator.state.numpy(), [7, 0])
    assert generator.draw() == (7, 0) and generator.draw() == (7, 1)
    assert SeedGenerator.from_config(generator.get_config()).draw() == (7, 0)
    python_random.seed(3)
    first = SeedGenerator().draw()
    python_random.seed(3)
    assert SeedGenerator().draw() == first and not SeedGenerator().given


@pytest.mark.parametrize("name", DRAWS)
def test_one_seed_for_all(name, backend, mode):
    found = []
    for _ in range(2):
        set_random_seed(5)
        found.append((draw(name, None), draw(name, SeedGenerator())))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_state_at_home_on_a_backend(backend, mode):
    host, moved = SeedGenerator(3), SeedGenerator(3)
    backend.adopt(moved.state)
    for _ in range(2):
        np.testing.assert_array_equal(draw("dropout", host), draw("dropout", moved))
    assert moved.state.backend is backend and list(moved.state.numpy()) == [3, 2]
    np.testing.assert_array_equal(ops.convert_to_numpy(moved.next()), [3, 2])


@pytest.mark.parametrize(
    "make,words",
    [
        (lambda: random.uniform((2,), dtype="int32"), "uniform|real"),
        (lambda: random.randint((2,), 0, 3, dtype="float32"), "integer"),
        (lambda: random.normal((2,), seed="x"), "SeedGenerator"),
        (lambda: SeedGenerator("x"), "integer"),
        (lambda: SeedGenerator(1, speed=2), "speed"),
        (lambda: random.categorical(np.zeros(3, "float32"), 2), "batch"),
        (lambda: random.dropout(np.ones((2, 2), "float32"), 0.5, noise_shape=(1,)), "noise_shape"),
    ],
)
def test_errors(make, words, backend, mode):
    with pytest.raises(ValueError, match=words):
        make()
