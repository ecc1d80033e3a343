"""The progress bar of the loops."""

from typing import Any

from kerastorch.callbacks.base import Callback
from kerastorch.utils.io import print_msg
from kerastorch.utils.progbar import Progbar


class ProgbarLogger(Callback):
    """Shows a progress bar for each epoch, test or prediction. The validation within `fit` has none of its own."""

    def __init__(self):
        super().__init__()
        self.seen = 0
        self.progbar: Any = None
        self.target = None
        self.verbose = 1
        self.epochs = 1
        self._in_fit = False

    def set_params(self, params):
        super().set_params(params)
        verbose = params.get("verbose", 1)
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.epochs, self.target = params.get("epochs", 1), params.get("steps")

    # ---- training

    def on_train_begin(self, logs=None):
        self._in_fit = True

    def on_train_end(self, logs=None):
        self._in_fit = False

    def on_epoch_begin(self, epoch, logs=None):
        self._start()
        if self.verbose and self.epochs > 1:
            print_msg(f"Epoch {epoch + 1}/{self.epochs}")

    def on_train_batch_end(self, batch, logs=None):
        self._step(batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        self._finish(logs)

    # ---- testing

    def on_test_begin(self, logs=None):
        if not self._in_fit:
            self._start()

    def on_test_batch_end(self, batch, logs=None):
        if not self._in_fit:
            self._step(batch, logs)

    def on_test_end(self, logs=None):
        if not self._in_fit:
            self._finish(logs)

    # ---- predicting

    def on_predict_begin(self, logs=None):
        self._start()

    def on_predict_batch_end(self, batch, logs=None):
        self._step(batch, None)  # the logs of a prediction are its outputs

    def on_predict_end(self, logs=None):
        self._finish(logs)

    # ---- the bar

    def _start(self):
        self.seen = 0
        self.progbar = Progbar(target=self.target, verbose=self.verbose, stateless_metrics=())

    def _step(self, batch, logs):
        if self.progbar is None:  # in a loop of the user's own that tells of batches alone
            self._start()
        self.seen = batch + 1
        if self.verbose == 1:
            self.progbar.update(self.seen, logs, finalize=False)

    def _finish(self, logs):
        if self.progbar is None:
            self._start()
        if self.target is None:
            self.target = self.progbar.target = self.seen
        self.progbar.update(self.target, logs, finalize=True)
