"""Different optimizers for different weights of one model."""

import re
from collections.abc import MutableMapping
from typing import Any

from kerastorch.optimizers.base import Optimizer, own
from kerastorch.optimizers.loss_scale import LossScaleOptimizer


def _check(optimizer: Any, what: str) -> None:
    """Refuses what cannot be one optimizer among several."""
    if not isinstance(optimizer, Optimizer):
        raise ValueError(f"{what} must be an Optimizer, not {optimizer!r}")
    for cls in (LossScaleOptimizer, MultiOptimizer):
        if isinstance(optimizer, cls):
            raise ValueError(
                f"{what}: this optimizer cannot be {cls.__name__}. {cls.__name__} cannot be used inside an MultiOptimizer."
            )


class OptimizerMap(MutableMapping):
    """Which optimizer updates a weight: a dictionary from paths of weights, or regular expressions for whole paths, to optimizers.

    Args:
        default_optimizer: The optimizer of all weights that nothing else is said of.
        optimizer_map: Dictionary to begin with.

    Raises:
        TypeError: If the arguments are of other types.
    """

    def __init__(self, default_optimizer, optimizer_map=None):
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(f"OptimizerMap: default_optimizer must be an Optimizer, not {default_optimizer!r}")
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(f"OptimizerMap: optimizer_map must be a dictionary, not {optimizer_map!r}")
        self._default_optimizer, self._optimizer_map = default_optimizer, optimizer_map or {}

    @property
    def default_optimizer(self):
        """The optimizer of all weights that nothing else is said of."""
        return self._default_optimizer

    def __getitem__(self, key):
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        found = [pattern for pattern in self._optimizer_map if re.fullmatch(pattern, key)]
        if len(found) > 1:
            raise ValueError(f"OptimizerMap: {key!r} fits several keys: {', '.join(map(repr, found))}")
        return self._optimizer_map[found[0]] if found else self._default_optimizer

    def __setitem__(self, key, optimizer):
        if not isinstance(key, str):
            raise ValueError(f"OptimizerMap: keys are paths or regular expressions, not {key!r}")
        if key in self._optimizer_map:
            raise ValueError(f"OptimizerMap: {key!r} has an optimizer already: {self._optimizer_map[key]}")
        _check(optimizer, f"OptimizerMap: the value of {key!r}")
        self._optimizer_map[key] = optimizer

    def __delitem__(self, key):
        del self._optimizer_map[key]

    def __len__(self):
        return len(self._optimizer_map)

    def __iter__(self):
        return iter(self._optimizer_map)

    def __call__(self, variable):
        return self[variable.path]

    def get_config(self):
        """The constructor's arguments as JSON-like values."""
        from kerastorch.saving.objects import serialize_keras_object

        return {
            "default_optimizer": serialize_keras_object(self._default_optimizer),
            "optimizer_map": serialize_keras_object(self._optimizer_map),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A map from what `get_config` gave."""
        from kerastorch.saving.objects import deserialize_keras_object

        return cls(**{n: deserialize_keras_object(value, custom_objects) for n, value in config.items()})


class MultiOptimizer(Optimizer):
    """Several optimizers as one, each for some of the weights. It has no learning rate: each of its `optimizers` has one.

    Args:
        optimizer_map: `OptimizerMap`, or a function from a weight to its optimizer.
        loss_scale_factor: Factor of the loss, by which all optimizers divide gradients, in place of their own.
        name: Name; the class's name in snake case by default.
    """

    def __init__(self, optimizer_map, loss_scale_factor=None, name=None):
        self._inner: list[Optimizer] = []
        self._factor = None
        super().__init__(learning_rate=0.0, loss_scale_factor=loss_scale_factor, name=name)
        self._map = optimizer_map
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*optimizer_map._optimizer_map.values(), optimizer_map.default_optimizer):
                self._add(optimizer)

    def _add(self, optimizer: Optimizer) -> None:
        if not any(o is optimizer for o in self._inner):
            optimizer.loss_scale_factor = self._factor
            self._inner.append(optimizer)

    def build(self, variables):
        """Builds each optimizer with the weights that it is to update."""
        if self.built:
            return
        variables = own(variables)
        chosen = [self._map(v) for v in variables]
        for v, optimizer in zip(variables, chosen, strict=True):
            _check(optimizer, f"MultiOptimizer: what updates {v.path}")
            self._add(optimizer)
        self._chosen = {id(v): optimizer for v, optimizer in zip(variables, chosen, strict=True)}
        for optimizer, those in self._shares(variables):
            optimizer.build(those)
        super().build(variables)

    def _shares(self, variables: Any, *beside: Any) -> list[Any]:
        """For each optimizer that has some of the weights: (the optimizer, its weights, what stands beside them in each list)."""
        shares = []
        for optimizer in self._inner:
            places = [i for i, v in enumerate(variables) if self._chosen[id(v)] is optimizer]
            if places:
                shares.append((optimizer, *([values[i] for i in places] for values in (variables, *beside))))
        return shares

    def apply(self, grads, trainable_variables=None):
        """Updates weights by their gradients, see `Optimizer.apply`."""
        grads = list(grads)
        if not grads:
            return
        variables = self._weights_for(grads, trainable_variables)
        for optimizer, those, their_grads in self._shares(variables, grads):
            optimizer.apply(their_grads, those)
        self._take_numbers(variables[0].backend)
        self._iterations.assign_add(1)

    def finalize_variable_values(self, var_list):
        """See `Optimizer.finalize_variable_values`."""
        for optimizer, those in self._shares(own(var_list)):
            optimizer.finalize_variable_values(those)

    @property
    def optimizers(self):
        """The optimizers: those of the map, the default, and any that a function chose."""
        return self._inner

    @property
    def variables(self):
        """The own number of steps, then all variables of all optimizers."""
        return [*self._variables, *(v for optimizer in self._inner for v in optimizer.variables)]

    @property
    def learning_rate(self):
        """There is none: `optimizers` have one each."""
        raise AttributeError(f"{self.name} has no learning_rate of its own; read that of one of its `optimizers`")

    @learning_rate.setter
    def learning_rate(self, value):
        raise AttributeError(f"{self.name} has no learning_rate of its own; set that of one of its `optimizers`")

    @property
    def loss_scale_factor(self):
        """Factor of the loss. Setting it sets that of all optimizers."""
        return self._factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, value):
        self._factor = value
        for optimizer in self._inner:
            optimizer.loss_scale_factor = value

    def get_config(self):
        """The constructor's arguments as JSON-like values."""
        from kerastorch.saving.objects import serialize_keras_object

        return {
            "optimizer_map": serialize_keras_object(self._map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """An optimizer from what `get_config` gave."""
        from kerastorch.saving.objects import deserialize_keras_object

        return cls(**{**config, "optimizer_map": deserialize_keras_object(config["optimizer_map"], custom_objects)})

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._chosen = {id(v): self._map(v) for v in self._trainable_variables}
