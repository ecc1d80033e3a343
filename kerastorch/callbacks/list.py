"""Several callbacks as one."""

from collections.abc import Callable, Mapping
from typing import Any

from kerastorch import tree
from kerastorch.callbacks.base import HOOKS, Callback, overrides
from kerastorch.callbacks.history import History
from kerastorch.callbacks.progbar import ProgbarLogger
from kerastorch.training.logs import as_logs


class CallbackList(Callback):
    """Hands each event on to a list of callbacks, in their order.

    Args:
        callbacks: A callback or a nest of them.
        add_history: Whether a `History` is added where there is none.
        add_progbar: Whether a `ProgbarLogger` is added where there is none.
        model: The model that runs.
        **params: What the loop was asked for; the callbacks find it in their `params`.
    """

    def __init__(self, callbacks=None, add_history=False, add_progbar=False, model=None, **params):
        self.callbacks = tree.flatten(callbacks) if callbacks else []
        for wanted, kind in ((add_history, History), (add_progbar, ProgbarLogger)):
            if wanted and self._find(kind) is None:
                self.callbacks.append(kind())
        for callback in self.callbacks:
            if isinstance(callback, type) or not hasattr(callback, "set_params"):
                raise TypeError(f"callbacks must be instances of Callback, but {callback!r} is none")
        self._hooks: dict[str, list[Callable[..., Any]]] = {}
        self.set_model(model)
        self.set_params(params)

    def append(self, callback):
        """Adds a callback at the end."""
        self.callbacks.append(callback)
        self._look()

    def set_params(self, params):
        self.params = params
        if params:
            for callback in self.callbacks:
                callback.set_params(params)
        self._look()

    def set_model(self, model):
        if model is not None:
            super().set_model(model)
            history = self._find(History)
            if history is not None:
                model.history = history
            for callback in self.callbacks:
                callback.set_model(model)
        self._look()

    def has_batch_hooks(self, mode):
        """Whether any callback is to be told of single batches.

        Args:
            mode: "train", "test" or "predict".
        """
        return any(overrides(c, f"on_{mode}_batch_{when}") for c in self.callbacks for when in ("begin", "end"))

    def _find(self, kind: type) -> Any:
        return next((c for c in reversed(self.callbacks) if isinstance(c, kind)), None)

    def _tell(self, hook: str, logs: Mapping[str, Any] | None, *index: int) -> None:
        told = self._hooks[hook]
        if told:
            logs = {} if logs is None else as_logs(logs)
            for method in told:
                method(*index, logs)

    def _look(self) -> None:
        """Finds out which callbacks have which hooks."""
        self._hooks = {hook: [getattr(c, hook) for c in self.callbacks if overrides(c, hook)] for hook in HOOKS} \
            if self.callbacks else NO_HOOKS  # fmt: skip


NO_HOOKS: dict[str, list[Any]] = {hook: [] for hook in HOOKS}


def _epoch_hook(hook: str) -> Callable[..., None]:
    def tell(self, epoch, logs=None):
        self._tell(hook, logs, epoch)

    return tell


def _batch_hook(hook: str) -> Callable[..., None]:
    def tell(self, batch, logs=None):
        self._tell(hook, logs, batch)

    return tell


def _loop_hook(hook: str) -> Callable[..., None]:
    def tell(self, logs=None):
        self._look()  # a callback may have been given a hook since,
        self._tell(hook, logs)
        self._look()  # or give itself one now

    return tell


for _hook in HOOKS:
    _make = _epoch_hook if "epoch" in _hook else _batch_hook if "batch" in _hook else _loop_hook
    _method = _make(_hook)
    _method.__name__, _method.__doc__ = _hook, getattr(Callback, _hook).__doc__
    setattr(CallbackList, _hook, _method)
