"""Initializers against the reference: names, signatures, configurations, statistics, and the host's generator."""

import inspect
import json
import random

import keras
import numpy as np
import pytest

from kerastorch import initializers

CONFIGURED = {
    "Constant": [{}, {"value": 3.5}],
    "GlorotNormal": [{}, {"seed": 7}, {"seed": 7, "input_axes": [0], "output_axes": [1]}],
    "GlorotUniform": [{}, {"seed": 7}],
    "HeNormal": [{}, {"seed": 7}],
    "HeUniform": [{}, {"seed": 7}],
    "Identity": [{}],
    "LecunNormal": [{}, {"seed": 7}],
    "LecunUniform": [{}, {"seed": 7}],
    "Ones": [{}],
    "Orthogonal": [{}, {"gain": 0.5, "seed": 7}],
    "RandomNormal": [{}, {"mean": 1.0, "stddev": 0.5, "seed": 7}],
    "RandomUniform": [{}, {"minval": 1.0, "maxval": 2.5, "seed": 7}],
    "STFT": [{}, {"side": "imag", "window": "hamming", "scaling": "spectrum", "periodic": True}, {"window": None}],
    "TruncatedNormal": [{}, {"mean": 1.0, "stddev": 0.5, "seed": 7}],
    "VarianceScaling": [{}, {"scale": 2.0, "mode": "fan_out", "distribution": "normal", "seed": 7}],
    "Zeros": [{}],
}
CASES = [(name, kwargs) for name, several in CONFIGURED.items() for kwargs in several]
EXACT = {"Constant": (3, 4), "Identity": (3, 4), "Ones": (2, 3), "Zeros": (2, 3), "STFT": (8, 1, 5)}


def as_json(config):
    return json.dumps(config, sort_keys=True)


def public(module):
    return {n for n in dir(module) if not n.startswith("_") and callable(getattr(module, n))}


def test_public_names():
    assert public(keras.initializers) <= set(initializers.__all__)
    assert all(hasattr(initializers, n) for n in initializers.__all__)


def test_every_class_has_a_record():
    classes = {c for c in map(initializers.__dict__.get, initializers.__all__) if inspect.isclass(c)} - {initializers.Initializer}
    assert classes == {getattr(initializers, name) for name in CONFIGURED}


@pytest.mark.parametrize("name", CONFIGURED)
def test_signature(name):
    assert str(inspect.signature(getattr(initializers, name))) == str(
        inspect.signature(getattr(keras.initializers, name))
    )


@pytest.mark.parametrize("name,kwargs", CASES)
def test_configuration(name, kwargs):
    ours, theirs = getattr(initializers, name)(**kwargs), getattr(keras.initializers, name)(**kwargs)
    assert ours.get_config() == theirs.get_config()
    assert as_json(initializers.serialize(ours)) == as_json(keras.initializers.serialize(theirs))
    again = initializers.deserialize(initializers.serialize(ours))
    assert type(again) is type(ours) and again.get_config() == ours.get_config()
    assert type(initializers.get({"class_name": name, "config": kwargs})) is type(ours)


@pytest.mark.parametrize("name,kwargs", [c for c in CASES if c[0] in EXACT])
def test_values_that_are_not_random(name, kwargs):
    ours = getattr(initializers, name)(**kwargs)(EXACT[name])
    theirs = keras.ops.convert_to_numpy(getattr(keras.initializers, name)(**kwargs)(EXACT[name]))
    assert isinstance(ours, np.ndarray) and ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("name,kwargs", [c for c in CASES if c[0] not in EXACT])
def test_random_values_have_the_reference_distribution(name, kwargs):
    kwargs, shape = kwargs | {"seed": 3}, (5, 40, 60)
    if "input_axes" in kwargs:
        shape = (80, 150)
    ours = getattr(initializers, name)(**kwargs)(shape)
    theirs = keras.ops.convert_to_numpy(getattr(keras.initializers, name)(**kwargs)(shape))
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype == np.float32
    scale = theirs.std()
    assert abs(ours.mean() - theirs.mean()) < 0.05 * scale
    assert abs(ours.std() - scale) < 0.03 * scale
    for quantile in (0.02, 0.1, 0.5, 0.9, 0.98):
        assert abs(np.quantile(ours, quantile) - np.quantile(theirs, quantile)) < 0.12 * scale


@pytest.mark.parametrize("name", [n for n in CONFIGURED if n not in EXACT])
def test_seeds(name):
    cls = getattr(initializers, name)
    shape = (6, 5)
    fixed = cls(seed=5)
    np.testing.assert_array_equal(fixed(shape), fixed(shape))
    np.testing.assert_array_equal(fixed(shape), cls(seed=5)(shape))
    assert not np.array_equal(fixed(shape), cls(seed=6)(shape))
    random.seed(11)
    first = cls()(shape)
    random.seed(11)
    np.testing.assert_array_equal(first, cls()(shape))
    assert not np.array_equal(first, cls()(shape))
    assert cls(seed=5).clone().get_config() == fixed.get_config()


def test_a_seed_generator_gives_new_values_each_time():
    from kerastorch.random import SeedGenerator

    one, two = (initializers.RandomNormal(seed=SeedGenerator(4)) for _ in range(2))
    first, second = one((3,)), one((3,))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, two((3,)))
    np.testing.assert_array_equal(second, two((3,)))
    again = initializers.deserialize(initializers.serialize(initializers.RandomNormal(seed=SeedGenerator(4, name="s"))))
    assert again.seed.get_config() == {"seed": 4, "name": "s"}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_dtype(dtype):
    for name in CONFIGURED:
        if name != "STFT":
            assert str(getattr(initializers, name)()((4, 3), dtype=dtype).dtype) == dtype


def test_constant_array():
    value = np.arange(3, dtype="float32")
    made = initializers.deserialize(initializers.serialize(initializers.Constant(value)))
    np.testing.assert_array_equal(made((2, 3)), np.tile(value, (2, 1)))


def test_identity_keeps_its_gain():
    # The reference's configuration forgets it.
    made = initializers.Identity(gain=2.0)
    np.testing.assert_array_equal(made((2, 3)), [[2, 0, 0], [0, 2, 0]])
    assert made.clone().gain == 2.0


def test_orthogonal_columns():
    q = initializers.Orthogonal(seed=1)((3, 4, 5))
    np.testing.assert_allclose(q.reshape(12, 5).T @ q.reshape(12, 5), np.eye(5), atol=1e-5)


def test_truncated_values_lie_within_two_deviations():
    values = initializers.TruncatedNormal(stddev=0.5, seed=1)((20000,))
    assert np.abs(values).max() <= 1.0


@pytest.mark.parametrize(
    "name", ["glorot_uniform", "he_normal", "normal", "one", "zeros", "IdentityInitializer", "uniform"]
)
def test_get_by_name(name):
    assert type(initializers.get(name)).__name__ == type(keras.initializers.get(name)).__name__


def test_get_other_things():
    assert initializers.get(None) is None
    assert isinstance(initializers.get(initializers.Ones), initializers.Ones)
    draw = lambda shape, dtype=None: np.ones(shape)  # noqa: E731
    assert initializers.get(draw) is draw
    values = np.arange(4.0)
    np.testing.assert_array_equal(initializers.get(values)((4,), "float32"), values)
    with pytest.raises(ValueError, match="shape"):
        initializers.get(values)((5,))


@pytest.mark.parametrize(
    "make,words",
    [
        (lambda: initializers.get("glorot_unifrom"), "glorot_uniform"),
        (lambda: initializers.get(3), "initializer"),
        (lambda: initializers.VarianceScaling(scale=-1), "positive"),
        (lambda: initializers.VarianceScaling(mode="fan"), "fan_avg"),
        (lambda: initializers.VarianceScaling(distribution="even"), "uniform"),
        (lambda: initializers.RandomNormal(seed="x"), "SeedGenerator"),
        (lambda: initializers.Identity()((2, 3, 4)), "rank 2"),
        (lambda: initializers.Orthogonal()((2,)), "rank 2"),
        (lambda: initializers.STFT(side="both"), "imag"),
    ],
)
def test_errors(make, words):
    with pytest.raises(ValueError, match=words):
        make()
