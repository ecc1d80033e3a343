"""One batch on torch: forward, loss, backward, update, metrics; nothing waits for the device."""

import warnings
from typing import Any

import torch

from kerastorch import tree
from kerastorch import variable as variable_
from kerastorch.backends.torch import optimizers, running
from kerastorch.backends.torch.lowering import Lowering, Writer
from kerastorch.backends.torch.traced import Traced
from kerastorch.graph import Graph, tensors_in
from kerastorch.metrics import Mean
from kerastorch.training.compiled import ours
from kerastorch.training.steps import Steps
from kerastorch.training.trainer import _unpack


class TorchSteps(Steps):
    """The steps of one compiled model on torch."""

    extended = False  # whether `forward` gives masks and logits beside the outputs

    def __init__(self, backend: Any, model: Any):
        running.prepare(backend, model)
        self.fitting: set[Any] = set()
        self.sums: list[torch.Tensor] = []
        self.tracked = -1  # `variable.moves` when the loss tracker's tensors were last looked up
        super().__init__(backend, model)
        runner = model._state.runners.get(backend.name) if self.recorded is not None else None
        self.module = runner.module if runner is not None else None
        self.parameters = [p for v in self.variables for p in v.home.parameters if p.requires_grad]
        self.update = optimizers.updater(backend, self.optimizer, self.variables) if self.optimizer is not None else None
        self.forward = self.training_forward()
        finish = torch.compile if model.jit_compile else None
        if finish is not None and self.module is not None:
            self.forward = finish(self.forward)
        if model.run_eagerly:
            return
        if self.loss is not None and all(ours(row.loss) for row in self.loss.rows):
            known = [v for row in self.loss.rows if row.tracker is not None for v in row.tracker.variables]
            self.compared = Traced(backend, super().compared, known, finish)  # type: ignore[method-assign]
        if self.metrics is not None and self.metrics.metrics and all(isinstance(m, Mean) and ours(m) for m in self.metrics.metrics):
            known = [v for m in self.metrics.metrics for v in m.variables]
            self.update_metrics = Traced(backend, self.metrics.update, known, finish)

    # ---------------------------------------------------------------- forward

    def training_forward(self) -> Any:
        """The module whose forward gives (outputs, (logits, masks)) where the loss needs one of those, else the module itself."""
        if self.module is None:
            return None
        graph, better, found = self.model.graph, self.better_loss(), []

        def more(writer: Writer) -> Any:
            op, before = writer.before.get(writer.recorded(tensors_in(graph.outputs)[0]), (None, None))
            if better is not None and op is better[0]:
                found.append(before)
            else:
                before = None
            writer.emit_all(Graph(graph.inputs, [m for m in self.masks if m is not None]))
            return before, [None if m is None else writer.recorded(m) for m in self.masks]

        extended = Lowering(self.backend, adopt=True, export=False).graph_module(graph, self.model.name, more)
        if found:
            self.loss_of_logits = better[1]
        self.extended = bool(found) or any(m is not None for m in self.masks)
        return extended if self.extended else self.module

    def standardized(self, x: Any) -> Any:
        """The inputs as the graph takes them; a tensor of a kind that was found to fit is not looked at again."""
        kind = (x.shape[1:], x.dtype) if isinstance(x, torch.Tensor) else None
        if kind in self.fitting:
            return (x,)
        flat = self.model.standardize_inputs(x)
        if kind is not None and len(flat) == 1 and flat[0] is x:
            self.fitting.add(kind)
        return flat

    def call(self, x: Any, training: bool) -> tuple[Any, Any]:
        """Outputs, and logits where the loss takes them."""
        if self.module is None:
            return self.model(x, training=training) if self.model._takes_training() else self.model(x), None
        flat = self.standardized(x)
        running.set_mode(self.module, training)
        if not self.extended:
            return self.forward(*flat), None
        out, (logits, masks) = self.forward(*flat)
        self.carry(masks, out, logits)
        return out, logits

    def track(self, loss: Any, x: Any) -> None:
        # What the tracker's `update_state` does with a number of rows, less its dispatch, which every step would pay for.
        first = x if isinstance(x, torch.Tensor) else next(leaf for leaf in tree.leaves(x) if leaf is not None)
        rows = first.shape[0]
        self.model._training.tracked = True
        if self.tracked != variable_.moves:
            for v in (self.tracker.total, self.tracker.count):
                if v.backend is not self.backend:
                    running.adopt(self.backend, v)
            self.sums, self.tracked = [v.tensor() for v in (self.tracker.total, self.tracker.count)], variable_.moves
        total, count = self.sums
        total.add_(loss.detach(), alpha=rows)
        count.add_(rows)

    # ---------------------------------------------------------------- steps

    def train(self, batch: Any) -> Any:
        """One update; returns the logs of a step that the user wrote, None otherwise."""
        if self.own_train:
            with torch.enable_grad():
                return self.model.train_step(self.packed(batch))
        return self.train_batch(batch)

    def train_batch(self, batch: Any) -> Any:
        x, y, weight = _unpack(batch)
        for p in self.parameters:
            p.grad = None
        if self.adding:
            self.model._clear_losses()
        out, logits = self.call(x, True)
        loss = self.total(x, y, out, logits, weight, True)
        self.track(loss, x)
        if self.parameters:
            scaled = self.optimizer.scale_loss(loss) if hasattr(self.optimizer, "scale_loss") else loss
            scaled.backward()
        else:
            warnings.warn(f"model {self.model.name!r} has no trainable weights, so training changes nothing", stacklevel=2)
        with torch.no_grad():
            if self.parameters:
                self.update()
            return self.measure(x, y, out, weight)

    def test(self, batch: Any) -> Any:
        """Loss and metrics of one batch."""
        with torch.no_grad():
            if self.own_test:
                return self.model.test_step(self.packed(batch))
            return self.test_batch(batch)

    def predict(self, batch: Any) -> Any:
        """The outputs for one batch."""
        with torch.no_grad():
            if self.own_predict:
                return self.model.predict_step(self.packed(batch))
            x, _, _ = _unpack(batch)
            if self.module is None:
                return self.call(x, False)[0]
            running.set_mode(self.module, False)
            return self.module(*self.standardized(x))
