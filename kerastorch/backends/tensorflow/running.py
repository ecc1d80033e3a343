"""Getting a model ready to run on TensorFlow, and gradients of what it runs."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from kerastorch import backend_registry, scope
from kerastorch.backends.tensorflow import homes
from kerastorch.optimizers.updates import Updates
from kerastorch.variable import Variable


class NativeRunner:
    """Runs one layer by a rule that takes the place of its `call`: `rule(layer, *inputs, training=..., **keywords)`."""

    def __init__(self, backend: Any, layer: Any, rule: Callable):
        self.backend, self.layer, self.rule = backend, layer, rule

    def __call__(self, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        layer = self.layer
        with backend_registry.using(self.backend), scope.autocast(layer._autocast_dtype):
            return self.rule(layer, *layer._cast_inputs(self.backend, args), training=training, **kwargs)


def runner(backend: Any, layer: Any) -> NativeRunner | None:
    """What runs a layer for which TensorFlow has something better than its `call` over ops; None for all others."""
    cls = type(layer)
    for base in cls.__mro__:
        rule = backend.layers.get(base)
        if rule is not None:
            changed = any(getattr(cls, m, None) is not getattr(base, m, None) for m in ("call", "build", "__call__"))
            return None if changed or layer.activity_regularizer is not None else NativeRunner(backend, layer, rule)
    return None


def prepare(backend: Any, model: Any) -> None:
    """Brings all that a step reads or writes to tf.Variables before one is traced: weights, seeds, metrics, optimizer state."""
    model._leave_for(backend)
    settle(backend, model.variables)
    settle(backend, [v for m in model.metrics for v in m.variables])
    if hasattr(getattr(model, "optimizer", None), "build") and model.trainable_variables:
        model.optimizer.build(model.trainable_variables)
        settle(backend, model.optimizer.variables)


def settle(backend: Any, variables: Sequence[Variable]) -> None:
    """Makes variables at home here, wherever they were."""
    for v in variables:
        if v.backend is not backend:
            homes.adopt(backend, v)


def value_and_gradients(backend: Any, function: Callable[[], Any], variables: Sequence[Variable]) -> tuple[Any, list[Any]]:
    """The result of a function and the gradients of its first part, zeros for variables that it does not depend on."""
    settle(backend, variables)
    sources = [v.home.variable for v in variables]  # type: ignore[attr-defined]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(sources)
        result = function()
    loss = result[0] if isinstance(result, tuple) else result
    return result, [dense(g) for g in tape.gradient(loss, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO)]


def dense(gradient: Any) -> Any:
    """A gradient as one tensor of the weight's shape; that of a looked-up table comes as the rows that were used."""
    return tf.convert_to_tensor(gradient) if isinstance(gradient, tf.IndexedSlices) else gradient


def distinct(gradient: tf.IndexedSlices) -> tf.IndexedSlices:
    """Rows of a gradient with each row at most once."""
    places, inverse = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, inverse, tf.size(places))
    return tf.IndexedSlices(values, places, gradient.dense_shape)


class DenseUpdates(Updates):
    """Updates over ops, of gradients that may come as rows: these stay so where the optimizer leaves all other rows alone."""

    def parts(self, grads: list[Any]) -> list[Any]:
        by = self.optimizer
        by_rows = by.by_rows and not (by.clipnorm or by.clipvalue or by.global_clipnorm or by.gradient_accumulation_steps)
        return super().parts([distinct(g) if by_rows and isinstance(g, tf.IndexedSlices) else dense(g) for g in grads])
