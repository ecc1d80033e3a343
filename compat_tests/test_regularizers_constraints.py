"""Regularizers, constraints and activations against the reference, on every backend."""

import inspect

import keras
import numpy as np
import pytest

from kerastorch import activations, backend_registry, constraints, ops, regularizers

BACKENDS = ["torch", "tensorflow"]
REGULARIZERS = [
    ("L1", {}), ("L1", {"l1": 0.3}), ("L2", {}), ("L2", {"l2": 0.3}), ("L1L2", {}), ("L1L2", {"l1": 0.1}),
    ("L1L2", {"l1": 0.1, "l2": 0.2}), ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
]  # fmt: skip
CONSTRAINTS = [
    ("MaxNorm", {}), ("MaxNorm", {"max_value": 0.5, "axis": 1}), ("NonNeg", {}), ("UnitNorm", {}),
    ("UnitNorm", {"axis": [0, 1]}), ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 1.5, "max_value": 2.0, "rate": 0.5, "axis": 1}),
]  # fmt: skip
W = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


def parameters(function):
    """Names and defaults; annotations are ours."""
    return [(p.name, p.default) for p in inspect.signature(function).parameters.values()]


RECORDS = [(regularizers, REGULARIZERS, regularizers.Regularizer), (constraints, CONSTRAINTS, constraints.Constraint)]


@pytest.mark.parametrize("module,records,base", RECORDS)
def test_every_class_has_a_record(module, records, base):
    classes = {c for c in map(module.__dict__.get, module.__all__) if inspect.isclass(c)} - {base}
    assert classes == {getattr(module, name) for name, _ in records}


MODULES = [(regularizers, keras.regularizers), (constraints, keras.constraints), (activations, keras.activations)]


@pytest.mark.parametrize("ours,theirs", MODULES)
def test_public_names(ours, theirs):
    names = {n for n in dir(theirs) if not n.startswith("_") and callable(getattr(theirs, n))}
    assert names <= set(ours.__all__)
    for name in names:
        assert parameters(getattr(ours, name)) == parameters(getattr(theirs, name)), name


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name,kwargs", REGULARIZERS)
def test_regularizer(name, kwargs, backend):
    ours, theirs = getattr(regularizers, name)(**kwargs), getattr(keras.regularizers, name)(**kwargs)
    with backend_registry.using(backend):
        got = ops.convert_to_numpy(ours(ops.convert_to_tensor(W)))
    np.testing.assert_allclose(got, keras.ops.convert_to_numpy(theirs(keras.ops.convert_to_tensor(W))), rtol=1e-5)
    assert got.dtype == np.float32 and got.shape == ()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name,kwargs", CONSTRAINTS)
def test_constraint(name, kwargs, backend):
    ours, theirs = getattr(constraints, name)(**kwargs), getattr(keras.constraints, name)(**kwargs)
    with backend_registry.using(backend):
        got = ops.convert_to_numpy(ours(ops.convert_to_tensor(W)))
    np.testing.assert_allclose(got, keras.ops.convert_to_numpy(theirs(W)), rtol=1e-5)


@pytest.mark.parametrize(
    "ours,theirs,name,kwargs",
    [(regularizers, keras.regularizers, *c) for c in REGULARIZERS]
    + [(constraints, keras.constraints, *c) for c in CONSTRAINTS],
)
def test_configuration(ours, theirs, name, kwargs):
    made, reference = getattr(ours, name)(**kwargs), getattr(theirs, name)(**kwargs)
    assert {k: pytest.approx(v) for k, v in reference.get_config().items()} == made.get_config()
    config = ours.serialize(made)
    assert config.keys() == theirs.serialize(reference).keys()
    again = ours.deserialize(config)
    assert type(again) is type(made) and again.get_config() == made.get_config()
    assert ours.get(made) is made and ours.get(None) is None


@pytest.mark.parametrize("name", ["l1", "L1L2", "l1l2", "orthogonal_regularizer"])
def test_regularizer_by_name(name):
    assert type(regularizers.get(name)).__name__ == type(keras.regularizers.get(name)).__name__


@pytest.mark.parametrize("name", ["max_norm", "non_neg", "UnitNorm", "min_max_norm"])
def test_constraint_by_name(name):
    assert type(constraints.get(name)).__name__ == type(keras.constraints.get(name)).__name__


@pytest.mark.parametrize("make", [
    lambda: regularizers.L1(-1.0), lambda: regularizers.L2("x"), lambda: regularizers.L1L2(float("inf")),
    lambda: regularizers.OrthogonalRegularizer(mode="diagonal"), lambda: regularizers.get("l3"),
    lambda: constraints.get("norm"), lambda: activations.get("rellu"),
    lambda: regularizers.OrthogonalRegularizer()(np.ones((2, 2, 2))),
])  # fmt: skip
def test_errors(make):
    with pytest.raises(ValueError, match=r"\w"):
        make()


# ------------------------------------------------------------------------------------------------ activations

ARGUMENTS = {
    "relu": [{"negative_slope": 0.2}, {"max_value": 1.0}, {"threshold": 0.4}, {"max_value": 6.0, "negative_slope": 0.1},
             {"negative_slope": 0.3, "max_value": 1.5, "threshold": -0.2}],
    "threshold": [{"threshold": 0.2, "default_value": -1.0}],
    "gelu": [{"approximate": True}],
    "glu": [{"axis": 0}],
}  # fmt: skip
# The reference's sparsemax does not sum to 1, since it adds up cumulative sums; ours is tested with the ops.
NAMES = sorted(set(activations.NAMES) - {"sparsemax"})
CASES = [(n, k) for n in NAMES for k in ([{}] if n != "threshold" else []) + ARGUMENTS.get(n, [])]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name,kwargs", CASES)
def test_activation(name, kwargs, backend):
    x = np.random.default_rng(1).normal(size=(4, 6)).astype("float32") * 2
    with backend_registry.using(backend):
        got = ops.convert_to_numpy(getattr(activations, name)(ops.convert_to_tensor(x), **kwargs))
    want = keras.ops.convert_to_numpy(getattr(keras.activations, name)(keras.ops.convert_to_tensor(x), **kwargs))
    np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", sorted(activations.NAMES))
def test_activation_names(name):
    function = activations.get(name)
    assert function is getattr(activations, name)
    assert activations.serialize(function) == keras.activations.serialize(keras.activations.get(name))
    assert activations.deserialize(name) is function


def test_own_activation():
    def doubled(x):
        return 2 * x

    assert activations.get(doubled) is doubled and activations.get(None) is activations.linear
    config = activations.serialize(doubled)
    assert config["class_name"] == "function" and config["config"] == "doubled"
    assert activations.deserialize(config, custom_objects={"doubled": doubled}) is doubled
