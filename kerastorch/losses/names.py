"""Losses by name: `get`, configurations, and what a name means for given shapes; labels checked on the host."""

import inspect
from typing import Any

from kerastorch.losses import classes, functions
from kerastorch.losses.base import FunctionLoss, Loss, LossFunctionWrapper, same_rank
from kerastorch.saving.objects import deserialize_keras_object, lookup, serialize_keras_object

FUNCTIONS = {
    n: f for n, f in vars(functions).items() if inspect.isfunction(f) and f.__module__ == functions.__name__ and n[0] != "_"
}
CLASSES = {n: c for n, c in vars(classes).items() if inspect.isclass(c) and issubclass(c, FunctionLoss) and c is not FunctionLoss}
SHORT = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
}
# Names of older Keras that name strings in old scripts.
OLD = {
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
    "cosine_proximity": "cosine_similarity",
    "huber_loss": "huber",
}
NAMES: dict[str, Any] = {
    **FUNCTIONS,
    **CLASSES,
    "Loss": Loss,
    "LossFunctionWrapper": LossFunctionWrapper,
    **{short: FUNCTIONS[name] for short, name in SHORT.items()},
    **{short.upper(): FUNCTIONS[name] for short, name in SHORT.items()},
    **{old: FUNCTIONS[name] for old, name in OLD.items()},
}
CROSSENTROPY = ("crossentropy", "ce")


def get(identifier):
    """A loss by name, class, configuration, or as it is given; None for None.

    Raises:
        ValueError: If there is no such loss; near names are suggested.
    """
    return lookup("loss", NAMES, identifier)


def serialize(loss):
    """The configuration of a loss."""
    return serialize_keras_object(loss)


def deserialize(name, custom_objects=None):
    """The loss of a name or configuration."""
    return deserialize_keras_object(name, custom_objects, module_objects=NAMES)


def as_loss(identifier: Any) -> Loss | None:
    """The Loss that `compile(loss=...)` means; None for None.

    Args:
        identifier: A name, Loss, class, configuration or function; "crossentropy" and "ce" go by the shapes of each
            batch.

    Raises:
        ValueError: If there is no such loss.
    """
    if isinstance(identifier, str) and identifier.lower() in CROSSENTROPY:
        return CrossentropyByShape(name=identifier)
    found = get(identifier)
    if found is None or isinstance(found, Loss):
        return found
    name = identifier if isinstance(identifier, str) else object_name(found)
    if found in BUILT_IN:  # the class knows more than the function, for one that class numbers stay integers
        return BUILT_IN[found](name=name)
    return LossFunctionWrapper(found, name=name)


class CrossentropyByShape(Loss):
    """Binary, sparse or categorical crossentropy, whichever the shapes of target and prediction call for."""

    casts_targets = False

    def call(self, y_true, y_pred):
        """The values of that crossentropy."""
        kind = kind_of_target(y_true.shape, y_pred.shape)
        return FUNCTIONS[f"{kind}_crossentropy"](*same_rank(y_true, y_pred))


BUILT_IN = {c.fn: c for c in CLASSES.values()}


def object_name(thing: Any) -> str:
    """The name of a function or object as it stands in logs."""
    from kerastorch.scope import snake

    return getattr(thing, "name", None) or getattr(thing, "__name__", None) or snake(type(thing).__name__)


def kind_of_target(y_true_shape: Any, y_pred_shape: Any) -> str:
    """What a target is for a prediction: "binary", "sparse_categorical" (class numbers) or "categorical" (one-hot)."""
    if y_pred_shape[-1] == 1:
        return "binary"
    column = bool(y_true_shape) and y_true_shape[-1] == 1
    return "sparse_categorical" if len(y_true_shape) < len(y_pred_shape) or column else "categorical"


def is_sparse(loss: Any) -> bool:
    """Whether a loss (object, function or name) takes class numbers as targets."""
    if isinstance(loss, str):
        loss = NAMES.get(loss, loss)
    loss = getattr(loss, "fn", loss)
    return loss is functions.sparse_categorical_crossentropy


def check_labels(loss: Any, y: Any, n_classes: int | None, ignore_class: int | None = None) -> None:
    """Checks integer labels that are on the host, for a loss that takes class numbers; does nothing for other losses.

    Args:
        loss: Loss, function or name.
        y: Labels as a numpy array.
        n_classes: Size of the prediction's class axis; None where it is not known.
        ignore_class: A label that is allowed although it is no class; the loss's own by default.

    Raises:
        ValueError: If a label is not from 0 to `n_classes - 1`; it names the label and where it stands.
    """
    if n_classes is None or not is_sparse(loss) or not y.size:
        return
    import numpy as np

    ignore_class = getattr(loss, "ignore_class", None) if ignore_class is None else ignore_class
    if 0 <= y.min() and y.max() < n_classes:
        return
    wrong = (y < 0) | (y >= n_classes)
    if ignore_class is not None:
        wrong &= y != ignore_class
    where = np.argwhere(wrong)
    if not len(where):
        return
    place = tuple(int(i) for i in where[0])
    label = y[place].item()
    hint = " Labels that count from 1 need 1 subtracted." if y.min() >= 1 and y.max() == n_classes else ""
    raise ValueError(
        f"sparse_categorical_crossentropy: the label y_true{list(place)} is {label}, but the prediction has "
        f"{n_classes} classes, so labels must be from 0 to {n_classes - 1}. {len(where)} of {y.size} labels are out of "
        f"range.{hint}"
    )
