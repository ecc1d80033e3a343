"""Stopping when training no longer helps."""

from kerastorch.callbacks.monitor import MonitorCallback
from kerastorch.utils.io import print_msg


class EarlyStopping(MonitorCallback):
    """Stops training when a value has not become better for some epochs.

    Args:
        monitor: Name of the value that is watched.
        min_delta: By how much it must be better to count.
        patience: How many epochs without improvement are borne.
        verbose: 1 says so when it stops.
        mode: "min", "max" or "auto", see `MonitorCallback`.
        baseline: A value that must be beaten as well for an improvement to count.
        restore_best_weights: Whether the model gets back the weights of its best epoch in the end.
        start_from_epoch: Epochs before this one are not looked at.
    """

    def __init__(
        self,
        monitor="val_loss",
        min_delta=0,
        patience=0,
        verbose=0,
        mode="auto",
        baseline=None,
        restore_best_weights=False,
        start_from_epoch=0,
    ):
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self._begin()

    def _begin(self):
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_train_begin(self, logs=None):
        self._begin()

    def on_epoch_end(self, epoch, logs=None):
        if self.monitor_op is None:
            self._set_monitor_op()
        value = self.get_monitor_value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        better = self._is_improvement(value, self.best)
        if better:
            self.best = value
        if better or (self.restore_best_weights and self.best_weights is None):
            self.best_epoch = epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
        self.wait += 1
        if better and (self.baseline is None or self._is_improvement(value, self.baseline)):
            self.wait = 0
        if not better and self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        if self.verbose > 0 and self.stopped_epoch > 0:
            print_msg(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose > 0:
                print_msg(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)

    def get_monitor_value(self, logs):
        """The watched value of an epoch, None where there is none."""
        return self._monitored(logs)
