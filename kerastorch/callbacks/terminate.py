"""Stopping when the loss is no longer a number."""

import math

from kerastorch.callbacks.base import Callback
from kerastorch.utils.io import print_msg


class TerminateOnNaN(Callback):
    """Stops training at a batch after which the loss is infinite or no number. It reads the loss after every batch.

    Args:
        raise_error: Whether to raise an error rather than to end training in order.
    """

    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch, logs=None):
        loss = None if logs is None else logs.get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"NaN or Inf loss encountered: after batch {batch} the loss is {loss}")
        print_msg(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
