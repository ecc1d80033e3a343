"""Saving the model, or its weights, now and then."""

import os
import warnings

from kerastorch.callbacks.monitor import MonitorCallback
from kerastorch.errors import near
from kerastorch.utils.io import print_msg

WEIGHTS, MODELS = (".weights.h5",), (".keras", ".h5")


class ModelCheckpoint(MonitorCallback):
    """Saves the model after every epoch or every few batches.

    Args:
        filepath: Where to; may hold fields such as "{epoch:02d}" and "{val_loss:.2f}", filled with the number of the
            epoch, counted from 1, of the batch, and the values of `logs`. Ends in ".weights.h5" where only weights are
            saved, else in ".keras" or ".h5".
        monitor: Name of the value that says which model is best.
        verbose: 1 says what is done.
        save_best_only: Whether to save only a model that is better than all before.
        save_weights_only: Whether weights alone are saved.
        mode: "min", "max" or "auto", see `MonitorCallback`.
        save_freq: "epoch", or after how many batches to save.
        initial_value_threshold: The value to beat at first.

    Raises:
        ValueError: If `save_freq` is neither, or `filepath` ends otherwise.
    """

    def __init__(
        self,
        filepath,
        monitor="val_loss",
        verbose=0,
        save_best_only=False,
        save_weights_only=False,
        mode="auto",
        save_freq="epoch",
        initial_value_threshold=None,
    ):
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose, self.save_best_only, self.save_weights_only = verbose, save_best_only, save_weights_only
        self.save_freq = save_freq
        if save_freq != "epoch" and (isinstance(save_freq, bool) or not isinstance(save_freq, int) or save_freq < 1):
            raise ValueError(
                f"Unrecognized save_freq: {save_freq!r}. ModelCheckpoint saves each 'epoch' or every so many batches."
                f"{near(str(save_freq), ['epoch'])}"
            )
        endings = WEIGHTS if save_weights_only else MODELS
        if not self.filepath.endswith(endings):
            raise ValueError(
                f"ModelCheckpoint: with save_weights_only={save_weights_only}, filepath must end in "
                f"{' or '.join(endings)}, but it is {self.filepath!r}"
            )
        self._epoch = 0
        self._batches = 0  # since something was saved
        self._last_batch = -1

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._last_batch = epoch, -1

    def on_train_batch_end(self, batch, logs=None):
        if self.save_freq == "epoch":
            return
        self._batches += batch - self._last_batch  # more than one where several batches ran as one
        self._last_batch = batch
        if self._batches >= self.save_freq:
            self._batches = 0
            if self.save_best_only and self.monitor_op is None:
                self._set_monitor_op()
            self._save(self._epoch, batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        if self.monitor_op is None and self.save_best_only:
            self._set_monitor_op()
        if self.save_freq == "epoch":
            self._save(epoch, None, logs)

    def _save(self, epoch, batch, logs):
        logs = {} if logs is None else logs
        path = self._path(epoch, batch, logs)
        if not self._wanted(epoch, logs, path):
            return
        if os.path.isdir(path):
            raise IsADirectoryError(f"ModelCheckpoint: filepath {path!r} is a folder; it must name a file")
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        save = self.model.save_weights if self.save_weights_only else self.model.save
        save(path, overwrite=True)
        self._say(epoch, f"finished saving model to {path}")

    def _path(self, epoch, batch, logs):
        fields = {"epoch": epoch + 1, **logs}
        if batch is not None:
            fields.setdefault("batch", batch + 1)
        try:
            return self.filepath.format(**fields)
        except KeyError as error:
            raise KeyError(
                f"ModelCheckpoint: filepath {self.filepath!r} has the field {error}, but there are {', '.join(fields)}"
            ) from error

    def _wanted(self, epoch, logs, path):
        """Whether this is a model to save; remembers and says so."""
        if not self.save_best_only:
            self._say(epoch, f"saving model to {path}")
            return True
        value = self._monitored(logs)
        if value is None:
            return True
        if getattr(value, "shape", ()) != ():
            warnings.warn(
                f"ModelCheckpoint: {self.monitor!r} has shape {value.shape}, so no best can be told and all are saved",
                stacklevel=4,
            )
            return True
        before = "None" if self.best is None else f"{self.best:.5f}"
        if not self._is_improvement(value, self.best):
            self._say(epoch, f"{self.monitor} did not improve from {before}")
            return False
        self._say(epoch, f"{self.monitor} improved from {before} to {value:.5f}, saving model to {path}")
        self.best = value
        return True

    def _say(self, epoch, text):
        if self.verbose > 0:
            print_msg(f"\nEpoch {epoch + 1}: {text}")
