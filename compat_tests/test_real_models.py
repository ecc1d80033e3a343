"""Models of real size with the reference's weights, layer by layer: against the reference, and the backends against each other."""

import functools

import keras
import numpy as np
import pytest

import kerastorch
from compat_tests.real_models import MODELS
from kerastorch import backend_registry, tree

RTOL, ATOL = 1e-4, 1e-5  # of the largest element of a layer's output
DRAWN = {"beta": (-0.2, 0.2), "moving_mean": (-0.2, 0.2), "mean": (-0.2, 0.2), "gamma": (0.5, 1.5), "moving_variance": (0.5, 1.5),
         "variance": (0.5, 1.5), "scale": (0.5, 1.5)}  # fmt: skip
NAMES = pytest.mark.parametrize("name", MODELS)


@functools.cache
def inputs(name):
    """Arrays, with padding (zeros) behind the words of all but the first sample."""
    rng = np.random.default_rng(7)
    found = []
    for d in MODELS[name][1]:
        x = rng.integers(1, d.below, d.shape) if d.below else rng.uniform(size=d.shape)
        if d.below:
            for i in range(1, len(x)):
                x[i, -3 * i :] = 0
        found.append(x.astype(d.dtype))
    return found if len(found) > 1 else found[0]


def outputs_of_layers(k, model):
    """By number and name of the layer, the outputs of its first call."""
    layers = [layer for layer in model.layers if not isinstance(layer, k.layers.InputLayer)]
    return {f"{i:03} {layer.name.rstrip('_0123456789')}": layer.output for i, layer in enumerate(layers)}


@functools.cache
def reference(name):
    """The reference's weights, drawn with statistics that do something, and what its layers give."""
    keras.utils.set_random_seed(3)
    model = MODELS[name][0](keras)
    rng = np.random.default_rng(5)
    for v in model.weights:
        if v.name in DRAWN:
            v.assign(rng.uniform(*DRAWN[v.name], v.shape))
    wanted = outputs_of_layers(keras, model)
    found = keras.Model(model.input, wanted)(inputs(name), training=False)
    values = {layer: [keras.ops.convert_to_numpy(t) for t in keras.tree.flatten(out)] for layer, out in found.items()}
    return [(v.name, tuple(v.shape)) for v in model.weights], model.get_weights(), values


def ours(name):
    """The same model with the same weights."""
    model = MODELS[name][0](kerastorch)
    described, weights, _ = reference(name)
    assert [(v.name, v.shape) for v in model.weights] == described
    model.set_weights(weights)
    return model


@NAMES
@pytest.mark.filterwarnings("ignore:.*mask")
def test_layer_by_layer(name, backend):
    model, expected = ours(name), reference(name)[2]
    twin = kerastorch.Model(model.input, outputs_of_layers(kerastorch, model))
    found = twin(tree.map_structure(backend.convert, inputs(name)), training=False)
    assert list(found) == list(expected)
    for layer, theirs in expected.items():
        mine = [backend.numpy(t) for t in tree.leaves(found[layer])]
        assert len(mine) == len(theirs), layer
        for a, b in zip(mine, theirs, strict=True):
            assert a.shape == b.shape and a.dtype == b.dtype, layer
            np.testing.assert_allclose(a, b, rtol=0, atol=ATOL + RTOL * np.abs(b).max(), err_msg=layer)


@NAMES
@pytest.mark.filterwarnings("ignore:.*mask")
def test_backends_against_each_other(name, record_property):
    backends = [b for b in backend_registry.BUILT_IN if backend_registry.installed(b)]
    if len(backends) < 2:
        pytest.skip("two frameworks are needed")
    report = kerastorch.compare(ours(name), inputs(name), backends=backends)
    record_property("largest", max(d.relative for row in report.rows for d in row.differences.values()))
    assert report.ok, report
