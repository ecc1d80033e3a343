"""One batch of training, testing or predicting: what it consists of on every backend."""

import inspect
from typing import Any

from kerastorch import ops, tree
from kerastorch.errors import is_own
from kerastorch.graph import Graph, tensors_in
from kerastorch.layers.base import Layer
from kerastorch.passes import before_activation, loss_of_logits
from kerastorch.training import memory
from kerastorch.training.data import pack_x_y_sample_weight
from kerastorch.training.trainer import Trainer, _unpack


class Steps:
    """The steps of one compiled model, which the training loop runs.

    A backend's subclass says how a batch is trained on (`train`, `train_batch`), tested (`test`) and predicted (`predict`).

    Args:
        backend: The backend.
        model: The model, built, with its losses and metrics resolved.

    Attributes:
        own_train, own_test, own_predict, own_loss, own_metrics: Whether the model's class has a method of its own for that.
        recorded: The model's graph, where running the model means nothing but running that.
        masks: The recorded outputs' masks, None for those without.
        loss_of_logits: The loss that takes what comes before the last activation, where that is the better way; else None.
        regularized: The trainable weights with a regularizer.
        adding: The layers that may add to the loss when they are called.
    """

    loss_of_logits: Any = None

    def __init__(self, backend: Any, model: Any):
        memory.keep_freed()
        self.backend, self.model, self.optimizer = backend, model, getattr(model, "optimizer", None)
        state, cls = model._training, type(model)
        self.own_train = cls.train_step is not Trainer.train_step
        self.own_test = cls.test_step is not Trainer.test_step
        self.own_predict = cls.predict_step is not Trainer.predict_step
        self.own_loss = cls.compute_loss is not Trainer.compute_loss
        self.loss_takes_training = "training" in inspect.signature(cls.compute_loss).parameters
        self.own_metrics = cls.compute_metrics is not Trainer.compute_metrics
        self.recorded: Graph | None = model.graph if cls.__call__ is Layer.__call__ else None
        self.loss, self.metrics, self.tracker = state.loss, state.metrics, state.loss_tracker
        self.update_metrics: Any = self.metrics.update if self.metrics is not None else None
        self.masks = [t.mask for t in tensors_in(self.recorded.outputs)] if self.recorded is not None else []
        self.variables = model.trainable_variables
        self.regularized = [v for v in self.variables if v.regularizer is not None]
        self.adding = [x for x in model._flatten_layers()
                       if x.activity_regularizer is not None or x.adds_losses or not is_own(type(x))]  # fmt: skip

    # ---------------------------------------------------------------- what backends write

    def call(self, x: Any, training: bool) -> tuple[Any, Any]:
        """The outputs for a batch, and the logits where the loss takes those, else None."""
        raise NotImplementedError("a backend says how a model is called")

    def train(self, batch: Any) -> dict[str, Any] | None:
        """One update. Returns logs where the user's own methods gave some; None where they are the metrics' results."""
        raise NotImplementedError("a backend says how a batch is trained on")

    def train_batch(self, batch: Any) -> dict[str, Any] | None:
        """What `train` does where the user has written no `train_step`."""
        raise NotImplementedError("a backend says how gradients are taken")

    def test(self, batch: Any) -> dict[str, Any] | None:
        """Loss and metrics of one batch; returns as `train`."""
        raise NotImplementedError("a backend says how a batch is tested")

    def predict(self, batch: Any) -> Any:
        """The outputs for one batch."""
        raise NotImplementedError("a backend says how a batch is predicted")

    def finish(self) -> None:
        """Called at the end of an epoch."""

    # ---------------------------------------------------------------- what they share

    @staticmethod
    def packed(batch: Any) -> Any:
        """A batch as the methods that users write take it: `x`, `(x, y)` or `(x, y, sample_weight)`."""
        return pack_x_y_sample_weight(*_unpack(batch))

    def better_loss(self) -> tuple[Any, Any] | None:
        """The activation that the only loss would undo, and the loss that takes what comes before it; None where there is none."""
        if self.recorded is None or self.loss is None or self.own_loss or len(self.loss.terms) != 1 or len(self.loss.rows) != 1:
            return None
        return loss_of_logits(self.loss.terms[0])

    def training_graph(self) -> Graph | None:
        """The recorded graph made to give (outputs, logits, masks of the outputs); None where nothing is recorded.

        The logits are None unless the loss has a better form that takes them: then `loss_of_logits` is set to that.
        """
        if self.recorded is None:
            return None
        better, outputs, logits = self.better_loss(), self.recorded.outputs, None
        found = before_activation(tensors_in(outputs)[0], better[0]) if better is not None else None
        if found is not None:
            self.loss_of_logits = better[1]
            output, logits = found
            outputs = tree.map_structure(lambda _: output, outputs)
        return Graph(self.recorded.inputs, (outputs, logits, self.masks), self.recorded.effects)

    @staticmethod
    def carry(masks: Any, out: Any, logits: Any) -> None:
        """Marks outputs (and logits) with their masks: there losses and metrics look for them."""
        for mask, x in zip(masks, tree.leaves(out), strict=True):
            if mask is not None:
                x._keras_mask = mask
                if logits is not None:
                    logits._keras_mask = mask

    def total(self, x: Any, y: Any, out: Any, logits: Any, weight: Any, training: bool) -> Any:
        """The scalar loss."""
        if self.own_loss:
            mode = {"training": training} if self.loss_takes_training else {}
            return self.model.compute_loss(x=x, y=y, y_pred=out, sample_weight=weight, **mode)
        terms = []
        if self.loss is not None:
            terms.append(self.compared(y, out, logits, weight))
        if self.adding:
            terms += [t for layer in self.model._flatten_layers() for t in layer._state.losses]
        terms += [v.regularizer(v) for v in self.regularized]
        if not terms:
            return self.model.compute_loss(x=x, y=y, y_pred=out, sample_weight=weight, training=training)
        total = terms[0]
        for t in terms[1:]:
            total = ops.add(total, t)
        return total

    def compared(self, y: Any, out: Any, logits: Any, weight: Any) -> Any:
        """The loss by targets and outputs."""
        return self.loss(y, out, weight) if logits is None else self.loss(y, logits, weight, self.loss_of_logits)

    def track(self, loss: Any, x: Any) -> None:
        """Takes the loss of a batch into the mean that is reported."""
        self.model._training.tracked = True
        self.tracker.update_state(ops.stop_gradient(loss), sample_weight=rows(x))

    def measure(self, x: Any, y: Any, out: Any, weight: Any) -> dict[str, Any] | None:
        """Updates the metrics by a batch; returns the logs of a `compute_metrics` that the user wrote."""
        if self.own_metrics:
            return self.model.compute_metrics(x, y, out, weight)
        if self.metrics is not None:
            self.update_metrics(y, out, weight)
        return None

    def test_batch(self, batch: Any) -> dict[str, Any] | None:
        """What `test` does where the user has written no `test_step`."""
        x, y, weight = _unpack(batch)
        if self.adding:
            self.model._clear_losses()
        out, logits = self.call(x, False)
        if self.loss is not None or self.own_loss or self.adding:
            self.track(self.total(x, y, out, logits, weight, False), x)
        return self.measure(x, y, out, weight)

    def default_train(self, data: Any) -> dict[str, Any]:
        """What `super().train_step(data)` does."""
        logs = self.train_batch(data)
        return self.model.get_metrics_result() if logs is None else logs

    def default_test(self, data: Any) -> dict[str, Any]:
        """What `super().test_step(data)` does."""
        logs = self.test_batch(data)
        return self.model.get_metrics_result() if logs is None else logs


def rows(x: Any) -> Any:
    """The number of samples in a batch: an integer, or a tensor where a backend does not know it yet."""
    return ops.shape(next(leaf for leaf in tree.leaves(x) if leaf is not None))[0]
