"""Testing with averaged weights."""

from kerastorch import ops
from kerastorch.callbacks.base import Callback


class SwapEMAWeights(Callback):
    """Gives the model the moving averages of its weights for tests and predictions, and its own weights back afterwards.

    It needs an optimizer with `use_ema=True`, which keeps the averages.

    Args:
        swap_on_epoch: Whether the averages are in the model from each epoch's end to the next one's beginning as well, so that
            callbacks that come later in the list, such as `ModelCheckpoint`, see them.
    """

    def __init__(self, swap_on_epoch=False):
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._swapped = False

    def _averages(self):
        """Pairs of a weight and the variable with its average.

        Raises:
            ValueError: If no averages are kept.
        """
        outer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        several = getattr(outer, "optimizers", [outer])
        keeping = [o for o in several if getattr(o, "use_ema", False) and o.built]
        if not keeping:
            raise ValueError(
                "SwapEMAWeights must be used when `use_ema=True` is set on the optimizer (or on at least one inner optimizer), "
                f"and after training has begun; the optimizer is {self.model.optimizer!r}"
            )
        return [(v, o.slot("average", v)) for o in keeping for v in o._trainable_variables if not v.overwrite_with_gradient]

    def _swap(self, wanted):
        """Brings the averages into the model, or the model's own weights back; nothing where they are there already."""
        if self._swapped == wanted:
            return
        for weight, average in self._averages():
            own = ops.copy(weight)
            weight.assign(average)
            average.assign(own)
        self._swapped = wanted

    def on_epoch_begin(self, epoch, logs=None):
        if self.swap_on_epoch:
            self._swap(False)

    def on_epoch_end(self, epoch, logs=None):
        if not self.swap_on_epoch:
            return
        self._swap(True)
        # At the end of training the weights become what stands in the averages' place: so the averages must.
        if epoch == self.params["epochs"] - 1 or self.model.stop_training:
            for weight, average in self._averages():
                average.assign(weight)

    def on_test_begin(self, logs=None):
        self._swap(True)

    def on_test_end(self, logs=None):
        self._swap(False)

    def on_predict_begin(self, logs=None):
        self._swap(True)

    def on_predict_end(self, logs=None):
        self._swap(False)
