"""Saving with Orbax, in the background."""

import importlib
import warnings
from typing import Any

from kerastorch import tree
from kerastorch.callbacks.monitor import MonitorCallback


def _library() -> Any:
    try:
        return importlib.import_module("orbax.checkpoint").v1
    except ImportError as error:
        raise ImportError("OrbaxCheckpoint needs the library orbax-checkpoint: pip install orbax-checkpoint") from error


class OrbaxCheckpoint(MonitorCallback):
    """Saves the weights, the optimizer's state and the model's configuration as Orbax checkpoints, while training goes on.

    Args:
        directory: Folder of the checkpoints.
        monitor: Name of the value that says which model is best.
        verbose: Accepted as in Keras.
        save_best_only: Whether to save only a model that is better than all before.
        mode: "min", "max" or "auto", see `MonitorCallback`.
        save_freq: "epoch", or after how many batches to save.
        initial_value_threshold: The value to beat at first.
        max_to_keep: How many checkpoints are kept; None keeps all.
        save_on_background: Whether training goes on while files are written.
        save_weights_only: Whether weights alone are saved.

    Raises:
        ImportError: If the library orbax-checkpoint is not installed.
        ValueError: If `save_freq` is something else.
    """

    def __init__(
        self,
        directory,
        monitor="val_loss",
        verbose=0,
        save_best_only=False,
        mode="auto",
        save_freq="epoch",
        initial_value_threshold=None,
        max_to_keep=1,
        save_on_background=True,
        save_weights_only=False,
    ):
        library = _library()
        super().__init__(monitor, mode, initial_value_threshold)
        if save_freq != "epoch" and not isinstance(save_freq, int):
            raise ValueError(
                f"Unrecognized save_freq: {save_freq!r}. OrbaxCheckpoint saves each 'epoch' or every so many batches."
            )
        self.directory, self.verbose, self.save_best_only, self.save_freq = directory, verbose, save_best_only, save_freq
        self.max_to_keep, self.save_on_background = max_to_keep, save_on_background
        self.save_weights_only = save_weights_only
        policies = library.training
        self.checkpointer = policies.Checkpointer(
            directory=directory,
            preservation_policy=None if max_to_keep is None else policies.preservation_policies.LatestN(max_to_keep),
            save_decision_policy=policies.save_decision_policies.FixedIntervalPolicy(1),
        )
        self._pending: list[Any] = []
        self._seen = 0  # batches, in all runs of the model
        self._batches = 0  # since something was saved
        self._last_batch = -1

    def set_model(self, model):
        super().set_model(model)
        if hasattr(model.optimizer, "iterations"):
            self._seen = int(model.optimizer.iterations)

    def on_epoch_begin(self, epoch, logs=None):
        self._last_batch = -1

    def on_train_batch_end(self, batch, logs=None):
        if self.save_freq == "epoch":
            return
        new, self._last_batch = batch - self._last_batch, batch
        self._seen += new
        self._batches += new
        if self._batches >= self.save_freq:
            self._batches = 0
            self._save(self._seen, logs)

    def on_epoch_end(self, epoch, logs=None):
        if self.save_freq == "epoch":
            self._save(epoch, logs)

    def _save(self, step, logs):
        if self.save_best_only and not self._is_best(logs):
            return
        names = ("trainable_variables", "non_trainable_variables")
        state = self.model.get_state_tree(value_format="numpy_array")
        state = {n: state[n] for n in names} if self.save_weights_only else state
        # Orbax takes single numbers as Python's.
        payload = {"pytree": tree.map_structure(lambda x: x.item() if getattr(x, "shape", None) == () else x, state)}
        if not self.save_weights_only:
            payload["model_config"] = {"config": self.model.to_json()}
        if self.save_on_background:
            self._pending.append(self.checkpointer.save_checkpointables_async(step, payload))
        else:
            self.checkpointer.save_checkpointables(step, payload)

    def _is_best(self, logs):
        """Whether the watched value is better than all before; remembers it."""
        if self.monitor_op is None:
            self._set_monitor_op()
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(f"Can save best model only with {self.monitor} available, so OrbaxCheckpoint skips it", stacklevel=4)
            return False
        better = self._is_improvement(value, self.best)
        if better:
            self.best = value
        return better

    def on_train_end(self, logs=None):
        self.wait_until_finished()
        self.checkpointer.close()

    def wait_until_finished(self):
        """Waits until all checkpoints are written; raises what went wrong with one."""
        for future in self._pending:
            future.result()
        self._pending = []

    def is_multihost_enabled(self):
        """Whether several hosts train together, which no backend here does."""
        return False

    def is_primary_host(self):
        """Whether this process is the first of the hosts; always."""
        return True
