"""What configurations of Keras 1 and 2 meant, where the same words mean something else today or nothing was said."""

from collections.abc import Iterator
from typing import Any

from kerastorch import ops
from kerastorch.saving.registry import register_keras_serializable

ACTIVATIONS = ("activation", "recurrent_activation", "inner_activation")
ORDER = "dim_ordering"
# What Keras 1 did not write the order of dimensions of, although it has one.
SILENT = ("ZeroPadding2D", "ZeroPadding3D", "Cropping2D", "Cropping3D", "UpSampling2D", "UpSampling3D")


@register_keras_serializable("keras2", "hard_sigmoid")
def hard_sigmoid(x: Any) -> Any:
    """The hard sigmoid of Keras 1 and 2: 0 up to -2.5, 1 from 2.5 on, and 0.2 x + 0.5 between them; today the ends are -3 and 3."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def spelled_out(config: Any) -> Any:
    """A configuration that Keras 1 or 2 wrote, so that it means today what it meant."""
    orders = set(_orders(config))
    return _changed(config, orders.pop() if len(orders) == 1 else None)


def _orders(config: Any) -> Iterator[str]:
    """The orders of dimensions that a configuration has."""
    for value in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        yield from _orders(value)
    if isinstance(config, dict) and isinstance(config.get(ORDER), str):
        yield config[ORDER]


def _changed(config: Any, order: str | None) -> Any:
    if isinstance(config, list):
        return [_changed(x, order) for x in config]
    if not isinstance(config, dict):
        return config
    if order and config.get("class_name") in SILENT and ORDER not in config["config"]:
        config = {**config, "config": {**config["config"], ORDER: order}}
    return {k: "keras2>hard_sigmoid" if k in ACTIVATIONS and v == "hard_sigmoid" else _changed(v, order) for k, v in config.items()}
