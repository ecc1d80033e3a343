"""Changing the learning rate while training."""

import inspect
import numbers

from kerastorch import backend_registry
from kerastorch.callbacks.base import Callback
from kerastorch.callbacks.monitor import MonitorCallback
from kerastorch.utils.io import print_msg


def rated(model):
    """The optimizers whose rate can be changed: pairs of a name, empty where there is one only, and the optimizer."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    several = getattr(optimizer, "optimizers", None)
    return [("", optimizer)] if several is None else [(o.name, o) for o in several]


def _log_rates(model, logs):
    for name, optimizer in rated(model):
        logs[f"learning_rate_{name}" if name else "learning_rate"] = float(optimizer.learning_rate)


class LearningRateScheduler(Callback):
    """Sets the learning rate at the beginning of each epoch.

    Args:
        schedule: A function of the epoch, counted from 0, and, where it takes a second argument, of the rate so far; it
            returns the new rate.
        verbose: 1 says what is set.
    """

    def __init__(self, schedule, verbose=0):
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch, logs=None):
        for name, optimizer in rated(self.model):
            if not hasattr(optimizer, "learning_rate"):
                raise ValueError(f"LearningRateScheduler: the optimizer {optimizer!r} has no learning_rate")
            arguments = (epoch, float(optimizer.learning_rate))
            rate = self.schedule(*arguments[: _arity(self.schedule)])
            if isinstance(rate, bool) or not (isinstance(rate, numbers.Real) or backend_registry.of(rate)):
                raise ValueError(
                    f"LearningRateScheduler: schedule must return a float, but {self.schedule!r} returned {rate!r} for "
                    f"epoch {epoch}"
                )
            optimizer.learning_rate = rate = float(rate)
            if self.verbose > 0:
                whose = f"{name} " if name else ""
                print_msg(f"\nEpoch {epoch + 1}: LearningRateScheduler setting {whose}learning rate to {rate}.")

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            _log_rates(self.model, logs)


def _arity(function):
    """Whether a schedule takes the epoch alone (1) or the rate too (2)."""
    try:
        inspect.signature(function).bind(0, 0.0)
    except TypeError:
        return 1
    except ValueError:  # some functions written in C do not tell
        return 2
    return 2


class ReduceLROnPlateau(MonitorCallback):
    """Lowers the learning rate when a value has not become better for some epochs.

    Args:
        monitor: Name of the value that is watched.
        factor: What the rate is multiplied by, less than 1.
        patience: How many epochs without improvement are borne.
        verbose: 1 says so when the rate is lowered.
        mode: "min", "max" or "auto", see `MonitorCallback`.
        min_delta: By how much the value must be better to count.
        cooldown: For how many epochs after that nothing is done.
        min_lr: The least rate.

    Raises:
        ValueError: If `factor` is 1 or more.
    """

    def __init__(
        self,
        monitor="val_loss",
        factor=0.1,
        patience=10,
        verbose=0,
        mode="auto",
        min_delta=1e-4,
        cooldown=0,
        min_lr=0.0,
        **kwargs,
    ):
        super().__init__(monitor, mode, min_delta=min_delta)
        if kwargs:
            raise TypeError(f"ReduceLROnPlateau: unexpected arguments {sorted(kwargs)}")
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau: factor must be less than 1, not {factor}; it lowers the rate")
        self.factor, self.min_lr, self.patience = factor, min_lr, patience
        self.verbose, self.cooldown = verbose, cooldown
        self.cooldown_counter = self.wait = 0

    def on_train_begin(self, logs=None):
        self.best = None
        self.cooldown_counter = self.wait = 0

    def on_epoch_end(self, epoch, logs=None):
        if self.monitor_op is None:
            self._set_monitor_op()
        if logs is not None:
            _log_rates(self.model, logs)
        value = self._monitored(logs)
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(value, self.best):
            self.best, self.wait = value, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._lower(epoch):
                self.cooldown_counter, self.wait = self.cooldown, 0

    def _lower(self, epoch):
        """Lowers the rates that are not at their least yet; whether there was one."""
        lowered = False
        for name, optimizer in rated(self.model):
            rate = float(optimizer.learning_rate)
            if rate <= self.min_lr * (1 + 1e-6):  # the optimizer keeps its rate in float32
                continue
            optimizer.learning_rate = new = max(rate * self.factor, self.min_lr)
            lowered = True
            if self.verbose > 0:
                whose = f" {name}" if name else ""
                print_msg(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing{whose} learning rate to {new}.")
        return lowered

    def in_cooldown(self):
        """Whether the rate was lowered only lately."""
        return self.cooldown_counter > 0
