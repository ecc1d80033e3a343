"""Every optimizer against reference Keras, on every backend: all from the records in `cases/optimizers.py`."""

import copy
import inspect
import pickle

import keras
import numpy as np
import pytest

from compat_tests.cases.optimizers import CASES
from kerastorch import optimizers
from kerastorch.variable import Variable

SHAPES = {"kernel": (5, 3), "bias": (3,), "filters": (2, 2, 3, 4)}
STEPS = 100
SCHEDULES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5, "staircase": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5, "staircase": True}),
    ("PiecewiseConstantDecay", {"boundaries": [3, 20], "values": [0.1, 0.01, 0.001]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "power": 2.0}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "end_learning_rate": 0.01, "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 30, "alpha": 0.1}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 30, "warmup_target": 0.5, "warmup_steps": 6}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 5, "m_mul": 0.7, "alpha": 0.01}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 5, "t_mul": 1.0}),
]


def each_case():
    return pytest.mark.parametrize("case", CASES, ids=[c.id for c in CASES])


def starts():
    rng = np.random.default_rng(1)
    return {n: rng.normal(size=s).astype("float32") for n, s in SHAPES.items()}


def gradients(case, step):
    """Gradients that point somewhere on average, so that the steps add up."""
    rng = np.random.default_rng([2, step])
    return [(case.scale * (rng.normal(size=s) + 0.3)).astype("float32") for s in SHAPES.values()]


def trained(case, module, variable, convert):
    """Weights, and the optimizer's variables, after some steps."""
    made = case.make(module)
    weights = [variable(value, name=name) for name, value in starts().items()]
    made.build(weights)
    for step in range(STEPS):
        made.apply([convert(g) for g in gradients(case, step)], weights)
    made.finalize_variable_values(weights)
    return [np.asarray(w.numpy()) for w in weights], [np.asarray(v.numpy()) for v in made.variables]


_reference = {}


def reference(case):
    """What reference Keras comes to; computed once for all backends."""
    if case.id not in _reference:
        keras.utils.clear_session()
        _reference[case.id] = trained(
            case, keras.optimizers, lambda v, name: keras.Variable(v, name=name), keras.ops.convert_to_tensor
        )
    return _reference[case.id]


@each_case()
def test_training(case, backend):
    weights, state = trained(case, optimizers, lambda v, name: Variable(v, name=name), backend.convert)
    expected, expected_state = reference(case)
    for got, wanted, name in zip(weights, expected, SHAPES, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=case.tolerance, atol=case.tolerance, err_msg=name)
    for got, wanted in zip(state, expected_state, strict=True):
        assert got.shape == wanted.shape
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=case.scale * 1e-5)


@each_case()
def test_configuration(case):
    keras.utils.clear_session()
    ours, theirs = case.make(optimizers), case.make(keras.optimizers)
    config, wanted = ours.get_config(), theirs.get_config()
    assert {**config, "name": ""} == {**wanted, "name": ""}
    again = optimizers.deserialize(optimizers.serialize(ours))
    assert type(again) is type(ours) and again.get_config() == config
    assert type(optimizers.get(case.optimizer.lower())) is type(ours)


@each_case()
def test_variables(case):
    ours, theirs = case.make(optimizers), case.make(keras.optimizers)
    ours.build([Variable(v, name=n) for n, v in starts().items()])
    theirs.build([keras.Variable(v, name=n) for n, v in starts().items()])
    names = [[(v.name, tuple(v.shape), v.dtype) for v in made.variables if v.name[:8] != "variable"] for made in (ours, theirs)]
    assert names[0] == names[1]


@pytest.mark.parametrize("name", sorted({c.optimizer for c in CASES}))
def test_signature(name):
    ours, theirs = (
        [(p.name, p.kind, p.default) for p in inspect.signature(getattr(m, name)).parameters.values()]
        for m in (optimizers, keras.optimizers)
    )
    assert ours == theirs


@pytest.mark.parametrize("name,arguments", SCHEDULES)
def test_schedule(name, arguments, backend):
    ours, theirs = (
        getattr(optimizers.schedules, name)(**arguments),
        getattr(keras.optimizers.schedules, name)(**arguments),
    )
    steps = np.arange(40)
    wanted = [float(theirs(int(s))) for s in steps]
    np.testing.assert_allclose([float(ours(int(s))) for s in steps], wanted, rtol=2e-5, atol=1e-7)
    np.testing.assert_allclose([ours.on_host(int(s)) for s in steps], wanted, rtol=2e-5, atol=1e-7)
    assert ours.get_config() == theirs.get_config()
    again = optimizers.schedules.deserialize(optimizers.schedules.serialize(ours))
    assert type(again) is type(ours) and again.get_config() == ours.get_config()
    signatures = [list(inspect.signature(type(s)).parameters.values()) for s in (ours, theirs)]
    assert [(p.name, p.default) for p in signatures[0]] == [(p.name, p.default) for p in signatures[1]]


def test_loss_scaling(backend):
    ours = optimizers.LossScaleOptimizer(optimizers.SGD(0.1), initial_scale=8.0, dynamic_growth_steps=2)
    theirs = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=8.0, dynamic_growth_steps=2)
    weights = [Variable(v, name=n) for n, v in starts().items()]
    wanted = [keras.Variable(v, name=n) for n, v in starts().items()]
    for step in range(6):
        grads = gradients(CASES[0], step)
        if step == 3:
            grads[1][0] = np.inf
        ours.apply([backend.convert(g) for g in grads], weights)
        theirs.apply([keras.ops.convert_to_tensor(g) for g in grads], wanted)
        for a, b in zip([*weights, *ours.variables], [*wanted, *theirs.variables], strict=True):
            np.testing.assert_allclose(a.numpy(), keras.ops.convert_to_numpy(b), rtol=1e-6, atol=1e-6, err_msg=a.path)
        assert float(ours.scale_loss(2.0)) == float(theirs.scale_loss(2.0))
    assert [v.name for v in ours.variables] == [v.name for v in theirs.variables]
    config = ours.get_config()
    assert config.keys() == theirs.get_config().keys()
    assert optimizers.LossScaleOptimizer.from_config(config).get_config() == config
    with pytest.raises(ValueError, match="clipnorm"):
        optimizers.LossScaleOptimizer(optimizers.SGD(), clipnorm=1.0)


def several(module):
    """An optimizer of three, one of which has nothing to do; made of the module `optimizers` of whichever package."""
    chosen = module.OptimizerMap(module.SGD(0.1, momentum=0.9))
    chosen["k.*"] = module.Adam(0.01, use_ema=True, ema_momentum=0.5)
    chosen["nothing"] = module.Lion()
    return module.MultiOptimizer(chosen, loss_scale_factor=4.0)


def test_several_optimizers(backend):
    keras.utils.clear_session()
    ours, theirs = several(optimizers), several(keras.optimizers)
    weights = [Variable(v, name=n) for n, v in starts().items()]
    wanted = [keras.Variable(v, name=n) for n, v in starts().items()]
    for step in range(4):
        grads = gradients(CASES[0], step)
        ours.apply([backend.convert(g) for g in grads], weights)
        theirs.apply([keras.ops.convert_to_tensor(g) for g in grads], wanted)
    for made, those in ((ours, weights), (theirs, wanted)):
        made.finalize_variable_values(those)
    for a, b in zip([*weights, *ours.variables], [*wanted, *theirs.variables], strict=True):
        np.testing.assert_allclose(a.numpy(), keras.ops.convert_to_numpy(b), rtol=1e-5, atol=1e-6, err_msg=a.path)
    assert [[type(o).__name__ for o in m.optimizers] for m in (ours, theirs)] == [["Adam", "Lion", "SGD"]] * 2
    assert float(ours.scale_loss(2.0)) == float(theirs.scale_loss(2.0)) == 8.0
    assert ours.get_config().keys() == theirs.get_config().keys()
    again, same = optimizers.deserialize(optimizers.serialize(ours)), [Variable(w.numpy(), name=w.name) for w in weights]
    assert again.get_config() == ours.get_config()
    again.build(same)
    again.set_weights(ours.get_weights())
    copied, others = pickle.loads(pickle.dumps((ours, weights)))
    for made, those in ((ours, weights), (again, same), (copied, others)):
        made.apply([backend.convert(g) for g in gradients(CASES[0], 4)], those)
        for a, b in zip(those, weights, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6, err_msg=a.path)


@pytest.mark.parametrize(
    "make,says",
    [
        (lambda m: m.OptimizerMap("sgd"), "Optimizer"),
        (lambda m: m.OptimizerMap(m.SGD()).__setitem__(3, m.SGD()), "string|expressions"),
        (lambda m: m.OptimizerMap(m.SGD()).__setitem__("a", m.LossScaleOptimizer(m.SGD())), "cannot be LossScaleOptimizer"),
        (lambda m: m.OptimizerMap(m.SGD(), {"a": m.SGD()}).__setitem__("a", m.SGD()), "already"),
        (lambda m: m.OptimizerMap(m.SGD(), {"a.*": m.SGD(), ".*b": m.SGD()})["ab"], "several|Multiple"),
        (lambda m: m.MultiOptimizer(m.OptimizerMap(m.SGD())).learning_rate, "learning.rate"),
    ],
)
def test_wrong_maps(make, says):
    for module in (optimizers, keras.optimizers):
        with pytest.raises((ValueError, TypeError, AttributeError), match=f"(?i){says}"):
            make(module)


def test_copies(backend):
    weights = [Variable(v, name=n) for n, v in starts().items()]
    made = optimizers.AdamW(0.1)
    made.exclude_from_weight_decay(var_list=weights[:1])
    made.apply([backend.convert(g) for g in gradients(CASES[0], 0)], weights)
    others = [pickle.loads(pickle.dumps((made, weights))), copy.deepcopy((made, weights))]
    for optimizer, variables in ((made, weights), *others):
        optimizer.apply([backend.convert(g) for g in gradients(CASES[0], 1)], variables)
    for other, variables in others:
        for a, b in zip([*weights, *made.variables], [*variables, *other.variables], strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)


def test_stateless_apply(backend):
    made, reference_ = optimizers.Adam(0.1), keras.optimizers.Adam(0.1)
    weights = [Variable(v, name=n) for n, v in starts().items()]
    theirs = [keras.Variable(v, name=n) for n, v in starts().items()]
    made.build(weights)
    grads = gradients(CASES[0], 0)
    new, state = made.stateless_apply(
        [backend.convert(v.numpy()) for v in made.variables],
        [backend.convert(g) for g in grads],
        [backend.convert(w.numpy()) for w in weights],
    )
    reference_.apply([keras.ops.convert_to_tensor(g) for g in grads], theirs)
    for got, wanted in zip(new, theirs, strict=True):
        np.testing.assert_allclose(backend.numpy(got), keras.ops.convert_to_numpy(wanted), atol=1e-6)
    for w, before in zip(weights, starts().values(), strict=True):
        np.testing.assert_array_equal(w.numpy(), before)
    assert int(backend.numpy(state[0])) == 1 and int(made.iterations.numpy()) == 0
