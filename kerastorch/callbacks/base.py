"""The base class of callbacks: every hook there is, each doing nothing."""

from typing import Any


class Callback:
    """Something that is told of each stage of `fit`, `evaluate` and `predict`, and may look, note, save or stop there.

    Subclasses override the hooks that they need. A hook that nobody overrides costs nothing. `logs` is a dictionary of
    the values so far, by name, as Python floats; those of a batch are read from the device only when looked at.

    Attributes:
        params: What the loop was asked for: "verbose", "epochs" and "steps".
        model: The model that is running.
    """

    params: dict[str, Any] | None = None
    _model: Any = None

    def __init__(self):
        self.params = None
        self._model = None

    def set_params(self, params):
        """Takes note of what the loop was asked for."""
        self.params = params

    def set_model(self, model):
        """Takes note of the model that is running."""
        self._model = model

    @property
    def model(self):
        return self._model

    # ---- training

    def on_train_begin(self, logs=None):
        """Called once, before the first epoch."""

    def on_train_end(self, logs=None):
        """Called once, after the last epoch, with the last epoch's values."""

    def on_epoch_begin(self, epoch, logs=None):
        """Called before each epoch of training; the first is 0."""

    def on_epoch_end(self, epoch, logs=None):
        """Called after each epoch, with its values and those of validation, whose names begin with "val_"."""

    def on_train_batch_begin(self, batch, logs=None):
        """Called before each batch of training, or each group of batches that runs as one (`steps_per_execution`)."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch, logs=None):
        """Called after each batch of training, with the epoch's values so far."""
        self.on_batch_end(batch, logs=logs)

    def on_batch_begin(self, batch, logs=None):
        """Older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch, logs=None):
        """Older name of `on_train_batch_end`."""

    # ---- testing, in `evaluate` and in the validation within `fit`

    def on_test_begin(self, logs=None):
        """Called before the first batch of a test."""

    def on_test_end(self, logs=None):
        """Called after the last batch of a test, with its values."""

    def on_test_batch_begin(self, batch, logs=None):
        """Called before each batch of a test."""

    def on_test_batch_end(self, batch, logs=None):
        """Called after each batch of a test, with the values so far."""

    # ---- predicting

    def on_predict_begin(self, logs=None):
        """Called before the first batch of a prediction."""

    def on_predict_end(self, logs=None):
        """Called after the last batch of a prediction."""

    def on_predict_batch_begin(self, batch, logs=None):
        """Called before each batch of a prediction."""

    def on_predict_batch_end(self, batch, logs=None):
        """Called after each batch of a prediction, with its outputs under "outputs"."""


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))
# The older hooks are reached through these.
OLDER = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


def overrides(callback: Any, hook: str) -> bool:
    """Whether calling a hook of a callback does anything."""
    method = getattr(callback, hook)
    if getattr(method, "__func__", method) is not getattr(Callback, hook):
        return True
    return hook in OLDER and overrides(callback, OLDER[hook])
