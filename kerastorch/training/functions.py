"""How a single batch is run, for users who run it in another way, or who wrote their steps for older Keras."""

from collections.abc import Callable
from typing import Any

from kerastorch import backend_registry, ops
from kerastorch import tree as tree_
from kerastorch.errors import NotCompiled
from kerastorch.training import data as data_
from kerastorch.training.data import unpack_x_y_sample_weight


class Functions:
    """What a trainer offers beside its loop. Mixed into trainers.

    Attributes:
        train_function, test_function, predict_function: What the methods below make; None until then.
    """

    train_function: Any = None
    test_function: Any = None
    predict_function: Any = None

    def make_train_function(self, force=False):
        """Makes `train_function`: it takes an iterator or a sequence of batches, trains on its first, and returns logs.

        `fit` runs its batches by it where a class overrides this method.

        Args:
            force: Whether one that was made before is made anew.
        """
        self.train_function = self._batch_function("train", force)

    def make_test_function(self, force=False):
        """Makes `test_function`, which `evaluate` uses where a class overrides this method; see `make_train_function`."""
        self.test_function = self._batch_function("test", force)

    def make_predict_function(self, force=False):
        """Makes `predict_function`, which `predict` uses where a class overrides this method: it returns outputs."""
        self.predict_function = self._batch_function("predict", force)

    def _batch_function(self: Any, mode: str, force: bool) -> Callable[[Any], Any]:
        made = getattr(self, f"{mode}_function")
        if made is not None and not force:
            return made

        def run(batches: Any) -> Any:
            x, y, weight = unpack_x_y_sample_weight(next(iter(batches)))
            data = data_.adapt(x, y, weight, batch_size=len(tree_.leaves(x)[0]), role="fit" if mode == "train" else "evaluate")
            steps, backend = self._prepare(data), self.backend
            with backend_registry.using(backend):
                result = self._step(getattr(steps, mode), next(data.batches(backend)))
            return self.get_metrics_result() if result is None else result

        return run

    def _runner(self: Any, mode: str, steps: Any) -> Callable[[Any], Any]:
        """What the loop runs on each batch: a step, unless the class makes something else of it."""
        name = f"make_{mode}_function"
        if getattr(type(self), name) is getattr(Functions, name):
            return getattr(steps, mode)
        getattr(self, name)()
        function = getattr(self, f"{mode}_function")
        return lambda batch: function(iter([steps.packed(batch)]))

    # ---------------------------------------------------------------- older Keras's names in a user's train_step

    @property
    def compiled_loss(self) -> Callable[..., Any]:
        """Computes the compiled loss of `(y_true, y_pred, sample_weight, regularization_losses)` and keeps its mean in the logs."""
        state = self._known("loss")

        def total(y_true, y_pred, sample_weight=None, regularization_losses=None):
            loss = state.loss(y_true, y_pred, sample_weight)
            for penalty in regularization_losses or ():
                loss = ops.add(loss, penalty)
            state.steps.track(loss, y_pred)
            return loss

        return total

    @property
    def compiled_metrics(self) -> Any:
        """The compiled metrics: `update_state(y_true, y_pred, sample_weight)` takes a batch into account."""
        return self._known("metrics").metrics

    def _known(self: Any, what: str) -> Any:
        state = self._training
        if getattr(state, what) is None:
            raise NotCompiled(f"model {self.name!r} has no compiled {what} yet: compiled without, or not trained or tested")
        return state
