"""What callbacks share that watch one value for improvement."""

import warnings
from typing import Any

from kerastorch import ops
from kerastorch.callbacks.base import Callback
from kerastorch.errors import near

MODES = ("auto", "min", "max")
BETTER = {"min": ops.less, "max": ops.greater, "down": ops.less, "up": ops.greater}


class MonitorCallback(Callback):
    """Base of callbacks that watch a value: knows which direction is better and what counts as better.

    Args:
        monitor: Name of the value, as in `logs`.
        mode: "min" where less is better, "max" where more is, "auto" to ask the metric of that name.
        baseline: The value to beat at first; None lets the first one win.
        min_delta: By how much a value must be better to count.
    """

    def __init__(self, monitor="val_loss", mode="auto", baseline=None, min_delta=0):
        super().__init__()
        if mode not in MODES:
            warnings.warn(
                f"{type(self).__name__} mode {mode!r} is unknown, it is none of {', '.join(MODES)}; using 'auto'", stacklevel=3
            )
            mode = "auto"
        self.monitor, self.mode, self.best = monitor, mode, baseline
        self.min_delta = abs(min_delta)
        self.monitor_op: Any = None

    def _set_monitor_op(self) -> None:
        """Finds the direction. Metrics are known only once the model has run, so this waits for the end of an epoch.

        Raises:
            ValueError: If the metric does not tell its direction.
        """
        name = self.monitor.removeprefix("val_")
        direction: Any = self.mode
        if self.mode == "auto":
            direction = "min" if name == "loss" else _directions(self.model).get(name)
        if direction not in BETTER:
            known = _directions(self.model)
            raise ValueError(
                f"{type(self).__name__}: whether more or less is better is not known of monitor={self.monitor!r}; "
                f"say mode='max' or mode='min'.{near(name, known)}"
            )
        self.monitor_op = BETTER[direction]
        if self.monitor_op is ops.less:
            self.min_delta = -self.min_delta

    def _is_improvement(self, value: Any, reference: Any) -> bool:
        return reference is None or bool(self.monitor_op(value - self.min_delta, reference))

    def _monitored(self, logs: Any) -> Any:
        """The watched value, or None with a warning where the epoch did not produce it."""
        logs = {} if logs is None else logs
        value = logs.get(self.monitor)
        if value is None:
            warnings.warn(
                f"{type(self).__name__} watches {self.monitor!r}, which is not available; there are: {', '.join(logs)}",
                stacklevel=4,
            )
        return value


def _directions(model: Any) -> dict[str, Any]:
    """From the name of each of a model's metrics to "up", "down" or None."""
    metrics = getattr(model, "metrics", ())
    flat = [m for outer in metrics for m in (outer, *getattr(outer, "metrics", ()))]
    return {m.name: getattr(m, "_direction", None) for m in flat}
