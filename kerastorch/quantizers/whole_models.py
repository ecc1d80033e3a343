"""Quantizing all layers of a model."""

import re
import warnings
from collections.abc import Callable
from typing import Any

from kerastorch.quantizers import configs


def quantize(model: Any, mode: Any, config: Any, filters: Any, type_check: bool = True, **kwargs: Any) -> None:
    """Quantizes the layers of a model that know how; see `Model.quantize`."""
    if kwargs:
        raise ValueError(f"Unrecognized keyword arguments passed to {type(model).__name__}.quantize: {kwargs}")
    wanted = chooser(filters)
    if not model.built:
        raise ValueError(f"Cannot quantize a layer that isn't yet built. Layer {model.name!r} (of type {type(model).__name__!r}) "
                         "gets its weights when it is called on data, or by build()")  # fmt: skip
    config = configs.resolve(mode, config)
    if isinstance(config, configs.CalibratedConfig):
        from kerastorch.quantizers import calibration

        calibration.calibrate(model, config, wanted)
    for layer in () if isinstance(config, configs.CalibratedConfig) else model._flatten_layers(include_self=False):
        if layer._layers() or not wanted(layer):  # layers made of others are quantized by way of these
            continue
        try:
            layer.quantize(config.mode, type_check=type_check, config=config)
        except NotImplementedError as error:
            warnings.warn(str(error), stacklevel=3)
    model.train_function = model.test_function = model.predict_function = None


def chooser(filters: Any) -> Callable[[Any], bool]:
    """The function that says of a layer whether it is chosen.

    Raises:
        ValueError: If `filters` is neither an expression, nor a list of them, nor a function.
    """
    if filters is None:
        return lambda layer: True
    if isinstance(filters, str):
        filters = [filters]
    if isinstance(filters, list | tuple) and all(isinstance(f, str) for f in filters):
        return lambda layer: any(re.search(f, layer.name) for f in filters)
    if callable(filters):
        return filters
    raise ValueError("The `filters` argument must be a regex string, a list of regex strings, or a callable, not of type "
                     f"{type(filters).__name__}")  # fmt: skip
