"""Layers that draw random numbers: what they do in training, by the statistics of what they give, on every backend."""

import math

import numpy as np
import pytest

from kerastorch import layers, random

SHAPE = (200, 50, 10)


def outcome(layer, backend, shape=SHAPE, value=1.0):
    """What a layer makes of a constant in training."""
    x = backend.convert(np.full(shape, value, "float32"), "float32")
    return backend.numpy(layer(x, training=True))


def test_dropout_zeroes_and_scales(backend):
    out = outcome(layers.Dropout(0.3, seed=1), backend)
    assert set(np.unique(out)) == {np.float32(0), np.float32(1 / 0.7)}
    assert abs((out == 0).mean() - 0.3) < 0.01


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_dropout_of_nothing_and_of_all(backend, rate):
    assert (outcome(layers.Dropout(rate), backend) == 1 - rate).all()


def test_noise_shape_shares_draws(backend):
    out = outcome(layers.Dropout(0.5, noise_shape=(None, 1, None)), backend)
    assert (out == out[:, :1]).all()
    assert 0.3 < (out[:, 0] == 0).mean() < 0.7


@pytest.mark.parametrize(
    ("layer", "shape", "spatial"),
    [
        (lambda: layers.SpatialDropout1D(0.5), (50, 6, 20), 1),
        (lambda: layers.SpatialDropout2D(0.5), (50, 3, 4, 20), (1, 2)),
        (lambda: layers.SpatialDropout2D(0.5, data_format="channels_first"), (50, 20, 3, 4), (2, 3)),
        (lambda: layers.SpatialDropout3D(0.5), (50, 3, 2, 2, 20), (1, 2, 3)),
    ],
)
def test_spatial_dropout_drops_channels(backend, layer, shape, spatial):
    out = outcome(layer(), backend, shape)
    assert (out.min(axis=spatial) == out.max(axis=spatial)).all()
    assert 0.4 < (out == 0).mean() < 0.6


@pytest.mark.parametrize(
    ("layer", "mean", "deviation"),
    [
        (lambda: layers.GaussianNoise(0.4), 1.0, 0.4),
        (lambda: layers.GaussianDropout(0.2), 1.0, math.sqrt(0.2 / 0.8)),
    ],
)
def test_gaussian_layers(backend, layer, mean, deviation):
    out = outcome(layer(), backend)
    assert abs(out.mean() - mean) < 0.01 and abs(out.std() - deviation) < 0.01


def test_alpha_dropout_keeps_mean_and_variance(backend):
    x = np.random.default_rng(0).normal(size=(400, 500)).astype("float32")
    out = backend.numpy(layers.AlphaDropout(0.25)(backend.convert(x, "float32"), training=True))
    assert abs(out.mean()) < 0.02 and abs(out.std() - 1) < 0.02
    least = -1.6732632423543772 * 1.0507009873554805
    dropped = least * 0.75 / math.sqrt(0.75 * (1 + 0.25 * least**2))
    assert abs((np.abs(out - dropped) < 1e-4).mean() - 0.25) < 0.01


@pytest.mark.parametrize("make", [lambda s: layers.Dropout(0.5, seed=s), lambda s: layers.GaussianNoise(0.5, seed=s)])
def test_a_seed_gives_a_series_that_can_be_had_again(backend, make):
    first, again, other = make(3), make(3), make(4)
    series = [outcome(first, backend), outcome(first, backend)]
    assert not (series[0] == series[1]).all()
    for expected in series:
        np.testing.assert_array_equal(outcome(again, backend), expected)
    assert not (outcome(other, backend) == series[0]).all()


def test_the_state_of_the_seed_is_a_variable_but_no_weight():
    layer = layers.Dropout(0.5, seed=3)
    assert not layer.weights and [v.dtype for v in layer.variables] == [layer.seed_generator.state.dtype]
    assert isinstance(layer.seed_generator, random.SeedGenerator)
    assert not hasattr(layers.Dropout(0.0), "seed_generator")
