"""Metrics by name: `get`, configurations, and what "accuracy" means for given shapes."""

import inspect
from typing import Any

from kerastorch.losses.names import is_sparse, kind_of_target, object_name
from kerastorch.metrics import accuracy, auc, confusion, iou, of_losses, reduction, scores
from kerastorch.metrics.base import Metric
from kerastorch.saving.objects import deserialize_keras_object, lookup, serialize_keras_object
from kerastorch.scope import snake

BASES = {"FunctionMean", "Counting", "Count", "RateAtRate"}
CLASSES = {
    n: c
    for module in (reduction, of_losses, accuracy, scores, confusion, auc, iou)
    for n, c in vars(module).items()
    if inspect.isclass(c) and issubclass(c, Metric) and n not in BASES
}
SHORT = {
    "mse": "MeanSquaredError",
    "mae": "MeanAbsoluteError",
    "mape": "MeanAbsolutePercentageError",
    "msle": "MeanSquaredLogarithmicError",
    "rmse": "RootMeanSquaredError",
    "bce": "BinaryCrossentropy",
    "kld": "KLDivergence",
}
# Names of older Keras, and of the loss functions that metrics go by.
OLD = {
    "acc": "Accuracy",
    "cosine_proximity": "CosineSimilarity",
    "kullback_leibler_divergence": "KLDivergence",
    "log_cosh": "LogCoshError",
    "logcosh": "LogCoshError",
}
NAMES: dict[str, Any] = {
    **CLASSES,
    **{snake(name): c for name, c in CLASSES.items()},
    **{short: CLASSES[name] for short, name in {**SHORT, **OLD}.items()},
    **{short.upper(): CLASSES[name] for short, name in SHORT.items()},
}
BY_TARGET = {"accuracy": "Accuracy", "acc": "Accuracy", "crossentropy": "Crossentropy", "ce": "Crossentropy"}


def get(identifier):
    """A metric by name, class, configuration, or as it is given; None for None.

    Raises:
        ValueError: If there is no such metric; near names are suggested.
    """
    return lookup("metric", NAMES, identifier)


def serialize(metric):
    """The configuration of a metric."""
    return serialize_keras_object(metric)


def deserialize(config, custom_objects=None):
    """The metric of a name or configuration."""
    return deserialize_keras_object(config, custom_objects, module_objects=NAMES)


def resolve(identifier: Any, y_true_shape: Any, y_pred_shape: Any, loss: Any = None) -> Metric:
    """The Metric that an entry of `compile(metrics=...)` means for one output.

    Args:
        identifier: A name, Metric, class, configuration, Loss or function. "accuracy", "acc", "crossentropy" and "ce"
            go by
            the shapes: binary for a prediction of one column, sparse for a target without the prediction's class axis.
        y_true_shape, y_pred_shape: Shapes of target and prediction, batch included.
        loss: The output's loss, for a target whose shape is not known (None).

    Raises:
        ValueError: If there is no such metric, or it is None.
    """
    if identifier is None:
        raise ValueError("compile: None stands among the metrics; a name, a Metric or a function is needed")
    if isinstance(identifier, str):
        kind = BY_TARGET.get(identifier.lower())
        if kind is not None:
            return CLASSES[_target(y_true_shape, y_pred_shape, loss) + kind](name=identifier)
        found = get(identifier)
        if isinstance(found, Metric):
            found.name = identifier
            return found
    else:
        found = get(identifier)
    if isinstance(found, Metric):
        return found
    name = identifier if isinstance(identifier, str) else object_name(found)
    return reduction.MeanMetricWrapper(found, name=name)


def _target(y_true_shape: Any, y_pred_shape: Any, loss: Any) -> str:
    if y_true_shape is None:
        kind = "sparse_categorical" if is_sparse(loss) else "binary" if y_pred_shape[-1] == 1 else "categorical"
    else:
        kind = kind_of_target(y_true_shape, y_pred_shape)
    return kind.title().replace("_", "")
