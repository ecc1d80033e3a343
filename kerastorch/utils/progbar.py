"""The progress bar, in the form that Keras 3 prints."""

import os
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

from kerastorch.utils.io import print_msg

BOLD, GREEN, GREY, PLAIN = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"


class Progbar:
    """A progress bar with remaining time, time per step and the values of metrics.

    Args:
        target: How many steps there will be; None where that is not known.
        width: Width of the bar itself, in characters.
        verbose: 0 shows nothing, 1 a bar that is redrawn, 2 one line at the end.
        interval: The least time between two redraws, in seconds.
        stateful_metrics: Names of the values shown as they are; all others are averaged over the steps.
        stateless_metrics: Instead, the names of those that are averaged; all others are shown as they are.
        unit_name: What a step is called.

    Raises:
        ValueError: If both `stateful_metrics` and `stateless_metrics` are given.
    """

    def __init__(
        self,
        target,
        width=20,
        verbose=1,
        interval=0.05,
        stateful_metrics=None,
        stateless_metrics=None,
        unit_name="step",
    ):
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Only one of stateful_metrics and stateless_metrics can be given to Progbar")
        self.target, self.width, self.verbose = target, width, verbose
        self.interval, self.unit_name = interval, unit_name
        self.stateful_metrics: Any = set(stateful_metrics or ()) if stateless_metrics is None else None
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._redraws = os.name == "posix" or "ipykernel" in sys.modules or "PYCHARM_HOSTED" in os.environ
        self._redraws = self._redraws or (hasattr(sys.stdout, "isatty") and sys.stdout.isatty())
        self._sums: dict[str, tuple[Any, int]] = {}  # name -> sum, count
        self._start = time.time()
        self._drawn_at = 0.0
        self._drawn_width = 0
        self._after_first: float | None = None
        self._seen = 0

    def update(self, current, values=None, finalize=None):
        """Shows how far things are.

        Args:
            current: Number of steps done.
            values: Pairs of name and value at the last step, or a mapping. A mapping whose values are all shown as
                they are is not read unless the bar is redrawn.
            finalize: Whether this is the last update; None finds out from `target`.
        """
        now = time.time()
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        per_step = self._step_time(current, now)
        shown = finalize or (self.verbose == 1 and now - self._drawn_at >= self.interval)
        if shown or self.stateless_metrics != set() or not isinstance(values, Mapping):
            self._take(current, values, finalize)
        self._seen = current
        if not shown and self.verbose == 1:
            return
        if self.verbose == 1:
            self._draw(current, now, per_step, finalize)
        elif self.verbose == 2 and finalize and self._bounded:
            values = "".join(self._values(signed=True))
            done = f"{self._count(current)} - {now - self._start:.0f}s -{self._rate(per_step)}"
            print_msg(done + values + "\n", line_break=False)
        self._drawn_at = now

    def add(self, n, values=None):
        """Shows that `n` more steps are done."""
        self.update(self._seen + n, values)

    # ---------------------------------------------------------------- values

    def _take(self, current: int, values: Any, finalize: bool) -> None:
        pairs: Iterable[tuple[str, Any]] = values.items() if isinstance(values, Mapping) else values or ()
        for name, value in pairs:
            if self.stateless_metrics is not None:
                averaged = name in self.stateless_metrics
            else:
                averaged = name not in self.stateful_metrics
            if not averaged or finalize:  # the last value is the result itself, to be shown as it is
                self._sums[name] = value, 1
            else:
                total, count = self._sums.get(name, (0, 0))
                steps = max(current - self._seen, 1)
                self._sums[name] = total + value * steps, count + steps

    def _values(self, signed: bool = False) -> Iterable[str]:
        for name, (total, count) in self._sums.items():
            mean = (total if isinstance(total, float) else _mean(total)) / max(1, count)
            small = (mean if signed else abs(mean)) <= 1e-3 or mean != mean  # the line of verbose=2 looks at the sign
            yield f" - {name}: {mean:.4e}" if small else f" - {name}: {mean:.4f}"

    # ---------------------------------------------------------------- text

    @property
    def _bounded(self) -> bool:
        return self.target is not None and self.target > 0

    def _draw(self, current: int, now: float, per_step: float, finalize: bool) -> None:
        if self._bounded:
            share = int(self.width * float(current) / self.target)
            done = f"{GREEN}{'━' * share}{PLAIN}" if share > 0 else ""
            bar = f"{BOLD}{self._count(current)}{PLAIN} {done}{GREY}{'━' * (self.width - share)}{PLAIN}"
        else:
            bar = f"{current:7d}/Unknown"
        elapsed = finalize or not self._bounded
        clock = f"{now - self._start:.0f}s" if elapsed else _duration(per_step * (self.target - current))
        text = f"{bar} {BOLD}{clock}{PLAIN}{self._rate(per_step)}{''.join(self._values())}"
        width = len(text) - sum(text.count(code) * len(code) for code in (BOLD, GREEN, GREY, PLAIN))
        before = "\b" * self._drawn_width + "\r" if self._redraws else "\n"
        rest = " " * max(0, self._drawn_width - width)  # wipes what a longer line left behind
        print_msg(before + text + rest + ("\n" if finalize else ""), line_break=False)
        self._drawn_width = width

    def _count(self, current: int) -> str:
        target = str(int(self.target))
        return f"{int(current):{len(target)}d}/{target}"

    def _rate(self, seconds: float) -> str:
        scale, unit = (1, "s") if seconds >= 1 or seconds == 0 else (1e3, "ms") if seconds >= 1e-3 else (1e6, "us")
        return f" {seconds * scale:.0f}{unit}/{self.unit_name}"

    def _step_time(self, current: int, now: float) -> float:
        """Seconds per step. The first one is left out as soon as there are others, since it is slower than they are."""
        if not current:
            return 0
        first = self._after_first
        if current == 1:
            self._after_first = now
        return (now - self._start) / current if first is None or current <= 1 else (now - first) / (current - 1)


def _mean(value: Any) -> Any:
    import numpy as np

    return np.mean(value)


def _duration(seconds: float) -> str:
    """Time left: 59s, 1:05 or 1:02:03."""
    whole = int(seconds)
    if seconds > 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}" if seconds > 60 else f"{whole}s"
