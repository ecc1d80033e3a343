"""One batch on TensorFlow: forward, loss, gradients, update and metrics in one tf.function, traced anew for other structures."""

import warnings
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kerastorch import scope
from kerastorch.backends.tensorflow import running
from kerastorch.models import model as model_
from kerastorch.training.steps import Steps
from kerastorch.training.trainer import _unpack


class TensorflowSteps(Steps):
    """The steps of one compiled model on TensorFlow."""

    def __init__(self, backend: Any, model: Any):
        running.prepare(backend, model)
        super().__init__(backend, model)
        self.graph = self.training_graph()
        self.sources = [v.home.variable for v in self.variables]
        self.train = self.compiled(self.one_train)
        self.test = self.compiled(self.one_test)
        self.predict = self.compiled(self.one_predict)

    def compiled(self, step: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """A step as a tf.function, with XLA where the user asks for it; as it is where steps are to run eagerly."""
        if self.model.run_eagerly:
            return step
        jit = self.model.jit_compile
        return tf.function(step, jit_compile=jit, reduce_retracing=True, autograph=False)

    def call(self, x: Any, training: bool) -> tuple[Any, Any]:
        if self.graph is None:
            return self.model(x, training=training) if self.model._takes_training() else self.model(x), None
        with scope.in_training(training):
            out, logits, masks = model_.run(self.graph, self.model.standardize_inputs(x), training)
        self.carry(masks, out, logits)
        return out, logits

    # ---------------------------------------------------------------- steps

    def one_train(self, batch: Any) -> Any:
        """One update."""
        return self.model.train_step(self.packed(batch)) if self.own_train else self.train_batch(batch)

    def train_batch(self, batch: Any) -> Any:
        x, y, weight = _unpack(batch)
        if self.adding:
            self.model._clear_losses()
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self.sources)
            out, logits = self.call(x, True)
            loss = self.total(x, y, out, logits, weight, True)
            scaled = self.optimizer.scale_loss(loss)
        self.track(loss, x)
        if self.sources:
            gradients = tape.gradient(scaled, self.sources)
            with tf.control_dependencies([g for g in gradients if g is not None]):  # a batch that fails updates nothing
                self.optimizer.apply(gradients, self.variables)
        else:
            warnings.warn(f"model {self.model.name!r} has no trainable weights, so training changes nothing", stacklevel=2)
        return self.measured(x, y, out, weight)

    def measured(self, x: Any, y: Any, out: Any, weight: Any) -> Any:
        """As `measure`; nothing of a traced batch is left on the layers."""
        if self.adding:
            self.model._clear_losses()
        return self.measure(x, y, out, weight)

    def one_test(self, batch: Any) -> Any:
        """Loss and metrics of one batch."""
        return self.model.test_step(self.packed(batch)) if self.own_test else self.test_batch(batch)

    def one_predict(self, batch: Any) -> Any:
        """The outputs for one batch."""
        if self.own_predict:
            return self.model.predict_step(self.packed(batch))
        x, _, _ = _unpack(batch)
        if self.recorded is None:
            return self.call(x, False)[0]
        with scope.in_training(False):
            return model_.run(self.recorded, self.model.standardize_inputs(x), False)
