"""A callback from functions."""

from kerastorch.callbacks.base import HOOKS, Callback
from kerastorch.errors import near


class LambdaCallback(Callback):
    """A callback whose hooks are the functions given.

    Args:
        on_epoch_begin, on_epoch_end: Functions `(epoch, logs)`.
        on_train_begin, on_train_end: Functions `(logs)`.
        on_train_batch_begin, on_train_batch_end: Functions `(batch, logs)`.
        **kwargs: Any other hooks by name; what is not named like a hook becomes an attribute.

    Raises:
        TypeError: If an argument is named "on_..." but there is no such hook.
    """

    def __init__(
        self,
        on_epoch_begin=None,
        on_epoch_end=None,
        on_train_begin=None,
        on_train_end=None,
        on_train_batch_begin=None,
        on_train_batch_end=None,
        **kwargs,
    ):
        super().__init__()
        named = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        for name in kwargs:
            if name.startswith("on_") and name not in HOOKS:
                raise TypeError(f"LambdaCallback: there is no hook {name!r}.{near(name, HOOKS)}")
        self.__dict__.update({name: f for name, f in {**named, **kwargs}.items() if f is not None})
