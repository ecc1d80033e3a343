"""Optimizers inside a tf.function: traced once, with the step and the learning rate alive in it."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from kerastorch import backend_registry, optimizers  # noqa: E402
from kerastorch.variable import Variable  # noqa: E402

START = np.array([1.0, -2.0, 3.0], "float32")
SCHEDULE = {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5}
MAKE = [
    lambda: optimizers.SGD(0.1, momentum=0.9),
    lambda: optimizers.Adam(optimizers.schedules.ExponentialDecay(**SCHEDULE)),
    lambda: optimizers.Nadam(0.1, gradient_accumulation_steps=2),
    lambda: optimizers.RMSprop(0.1, use_ema=True, ema_overwrite_frequency=3),
    lambda: optimizers.ScheduleFreeAdamW(0.1, warmup_steps=4),
    lambda: optimizers.Muon(0.1),
    lambda: optimizers.Lamb(0.1),
    lambda: optimizers.MultiOptimizer(optimizers.OptimizerMap(optimizers.Adam(0.1), {"w": optimizers.Adamax(0.1)})),
]


def trained(make, traced):
    """The weight after some steps, and how often the step was traced."""
    backend = backend_registry.get("tensorflow")
    with backend_registry.using(backend):
        optimizer, weight, traces = make(), Variable(START, name="w"), []
        backend.adopt(weight)
        optimizer.build([weight])

        def step(gradient):
            traces.append(1)
            optimizer.apply([gradient], [weight])

        run = tf.function(step, autograph=False) if traced else step
        optimizer.work([weight])
        for i in range(10):
            if i == 5 and not callable(optimizer._learning_rate):
                for each in getattr(optimizer, "optimizers", [optimizer]):
                    each.learning_rate = 0.01
            run(tf.constant(START * 0.1 * (i + 1)))
        return weight.numpy(), int(optimizer._iterations.numpy()), len(traces)


@pytest.mark.parametrize("make", MAKE, ids=["SGD", "Adam", "Nadam", "RMSprop", "ScheduleFreeAdamW", "Muon", "Lamb", "MultiOptimizer"])
def test_a_traced_step_is_the_eager_one(make):
    expected, steps, _ = trained(make, traced=False)
    got, traced_steps, traces = trained(make, traced=True)
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    assert steps == traced_steps == 10 and traces == 1


@pytest.mark.parametrize("name", ["Adam", "Adafactor", "ScheduleFreeAdamW", "Muon"])
def test_tensorflow_s_own_variables_are_weights_too(name):
    backend = backend_registry.get("tensorflow")
    with backend_registry.using(backend):
        ours, theirs = Variable(START, name="w"), tf.Variable(START, name="module/w")
        made = getattr(optimizers, name)(0.1, weight_decay=0.1)
        made.exclude_from_weight_decay(var_list=[theirs])
        for _ in range(3):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(theirs**2)
            gradient = tape.gradient(loss, theirs)
            made.apply_gradients([(gradient, ours), (gradient, theirs)])
        alone, plain = Variable(START, name="w"), getattr(optimizers, name)(0.1)
        plain.exclude_from_weight_decay(var_names=["w"])
        for _ in range(3):
            plain.apply([2 * alone.value], [alone])
        np.testing.assert_allclose(theirs.numpy(), alone.numpy(), rtol=1e-6)
        assert not np.allclose(ours.numpy(), theirs.numpy()) and len(made._trainable_variables) == 2
        assert "module_w" in made.variables[-1].path


def test_what_is_no_variable_is_refused():
    with backend_registry.using("tensorflow"), pytest.raises(TypeError, match="float is no Variable"):
        optimizers.SGD().apply([tf.zeros(())], [1.0])
