"""What happened, epoch by epoch."""

from kerastorch.callbacks.base import Callback


class History(Callback):
    """Keeps the values of every epoch; `fit` returns it.

    Attributes:
        history: From the name of a value to the list of its values, one per epoch.
        epoch: The epochs, counted from 0.
    """

    def __init__(self):
        super().__init__()
        self.history = {}
        self.epoch = []

    def on_train_begin(self, logs=None):
        self.epoch = []

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for name, value in ({} if logs is None else logs).items():
            self.history.setdefault(name, []).append(value)
        if self.model is not None:
            self.model.history = self
