"""What a layer holds: its own weights, the layers below it, metrics and losses, and which of the weights are trained."""

from collections.abc import Iterator
from typing import Any

from kerastorch import constraints, dtypes, initializers, regularizers, scope
from kerastorch.errors import NotBuilt
from kerastorch.layers.structures import NESTS, found_in
from kerastorch.operation import Operation
from kerastorch.variable import Variable, changed

alterations = 0  # how often any layer has come to compute in another way than its class does


class Weighted(Operation):
    """An operation with weights, and with others like it as attributes, whose weights count as its own too."""

    _state: Any
    _trainable: bool
    _stores_variables = True  # whether what is stored of it are the values of its variables

    # ---------------------------------------------------------------- weights

    def add_weight(self, shape=None, initializer=None, dtype=None, trainable=True, autocast=True, regularizer=None,
                   constraint=None, aggregation="none", overwrite_with_gradient=False, name=None):  # fmt: skip
        """Creates a weight of this layer.

        Args:
            shape: Tuple of int; () where it is None.
            initializer: Initializer, its name, or None: glorot_uniform for floats, zeros for others.
            dtype: Dtype, the policy's variable dtype where it is None.
            trainable, autocast, aggregation: As for `Variable`.
            regularizer: Regularizer, whose value is added to the loss.
            constraint: Constraint, applied after each update.
            overwrite_with_gradient: Whether an optimizer sets the weight to its gradient.
            name: Name.

        Returns:
            The Variable.
        """
        if isinstance(shape, str):  # Keras 1 and 2 gave the name first
            shape, name = (initializer if isinstance(initializer, list | tuple) else None), shape
            initializer = initializer if shape is None else dtype if not isinstance(dtype, str) else None
        shape = () if shape is None else shape
        dtype = self.variable_dtype if dtype is None else dtypes.standardize(dtype)
        if initializer is None:
            initializer = "glorot_uniform" if dtypes.is_float(dtype) else "zeros"
        initializer = initializers.get(initializer)
        path = self._state.path  # of a layer that is built: weights that come later belong there too
        with scope.name_scope(self.name, self, override_parent=path.rpartition("/")[0] if path else None):
            variable = Variable(initializer, shape, dtype, trainable=trainable, autocast=autocast, aggregation=aggregation,
                                name=name)  # fmt: skip
        if self.built and scope.state.calls and scope.state.calls[-1].layer is self:
            raise ValueError(f"layer {self.name!r} cannot add new elements of state while it is called: weight "
                             f"{variable.path!r} belongs in __init__ or build")  # fmt: skip
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        variable.overwrite_with_gradient = overwrite_with_gradient
        self._state.weights.append(variable)
        if trainable and not self._trainable:
            variable.trainable = False
            _frozen(self).add(variable)
        return variable

    def add_variable(self, shape, initializer, dtype=None, trainable=True, autocast=True, regularizer=None, constraint=None,
                     name=None):  # fmt: skip
        """Older name of `add_weight`."""
        return self.add_weight(shape, initializer, dtype, trainable, autocast, regularizer, constraint, name=name)

    def _declared_weight(self, name: str, shape: Any, fields: str | None = None, **more: Any) -> Variable:
        """A weight with the initializer, regularizer and constraint that the fields `<fields>_initializer`, ... hold."""
        kind = fields or name
        more = {n: getattr(self, f"{kind}_{n}") for n in ("initializer", "regularizer", "constraint")} | more
        return self.add_weight(shape, name=name, **more)

    def _members(self, kind: type) -> Iterator[Any]:
        """Attributes, and members of attributes that are lists, tuples, sets or dicts, of a kind; each once, in order."""
        seen, kinds = set(), (kind, *NESTS)
        for name, value in self.__dict__.items():
            if isinstance(value, kinds) and name != "_state":  # most attributes are numbers and names
                for found in found_in(value, kind):
                    if id(found) not in seen and found is not self:
                        seen.add(id(found))
                        yield found

    def _layers(self) -> list["Weighted"]:
        """The layers directly below this one."""
        return list(self._members(Weighted))

    def _flatten_layers(self, include_self=True, recursive=True) -> list["Weighted"]:
        """This layer and those below it, each once."""
        found: dict[int, Weighted] = {id(self): self} if include_self else {}
        for layer in self._layers():
            for sub in layer._flatten_layers() if recursive else [layer]:
                found.setdefault(id(sub), sub)
        return list(found.values())

    @property
    def _own_variables(self) -> list[Variable]:
        mine = {id(v): v for v in self._state.weights}
        for v in self._members(Variable):
            mine.setdefault(id(v), v)
        return list(mine.values())

    @property
    def weights(self) -> list[Variable]:
        """All weights, the layer's own first (trainable before the others), then those of the layers below it."""
        own = self._own_variables
        found = {id(v): v for v in [v for v in own if v.trainable or v.learnable] + own}
        for layer in self._layers():
            for v in layer.weights:
                found.setdefault(id(v), v)
        return list(found.values())

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training updates."""
        return [v for v in self.weights if v.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves alone."""
        return [v for v in self.weights if not v.trainable] if self.trainable else self.weights

    @property
    def variables(self) -> list[Variable]:
        """All weights, with the states of random generators and metrics."""
        from kerastorch.random import SeedGenerator

        found = {id(v): v for v in self.weights}
        for layer in self._flatten_layers():
            for generator in layer._members(SeedGenerator):
                found.setdefault(id(generator.state), generator.state)
        return list(found.values())

    trainable_variables = property(lambda self: [v for v in self.variables if v.trainable] if self.trainable else [])
    non_trainable_variables = property(
        lambda self: [v for v in self.variables if not v.trainable] if self.trainable else self.variables
    )

    @property
    def metrics(self) -> list[Any]:
        """The metrics that are attributes of this layer or of those below it."""
        from kerastorch.metrics import Metric

        return list({id(m): m for layer in self._flatten_layers() for m in layer._members(Metric)}.values())

    @property
    def metrics_variables(self) -> list[Variable]:
        """The variables of the metrics."""
        return [v for m in self.metrics for v in m.variables]

    @property
    def trainable(self) -> bool:
        """Whether the weights are updated in training."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        changed()
        frozen = _frozen(self)
        for v in self._own_variables:
            if v.trainable and not value:
                v.trainable = False
                frozen.add(v)
            elif value and v in frozen:
                v.trainable = True
        if value:
            frozen.clear()
        for piece in self._state.lowered.values():
            piece.train(self._trainable)
        for layer in self._layers():
            layer.trainable = value

    def get_weights(self) -> list[Any]:
        """The weights' values as numpy arrays."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights) -> None:
        """Sets all weights from arrays in the order of `get_weights`; nothing is changed where any does not fit.

        Raises:
            ValueError: If their number or a shape differs.
        """
        import numpy as np

        mine, weights = self.weights, list(weights)
        if len(mine) != len(weights):
            raise ValueError(f"layer {self.name!r} has {len(mine)} weights, but set_weights was given {len(weights)} arrays")
        for v, w in zip(mine, weights, strict=True):
            if tuple(np.shape(w)) != v.shape:
                raise ValueError(f"layer {self.name!r}: weight {v.path!r} has shape {v.shape}, but was given {tuple(np.shape(w))}")
        for v, w in zip(mine, weights, strict=True):
            v.assign(w)

    def count_params(self) -> int:
        """Number of elements of all weights.

        Raises:
            NotBuilt: If the weights do not exist yet.
        """
        if not self.built:
            raise NotBuilt(f"layer {self.name!r} is not built, so its weights are not known; call it or its build() first")
        return sum(v.size for v in self.weights)

    def save_own_variables(self, store) -> None:
        """Writes the values of the layer's own weights into a mapping, by their number."""
        for i, v in enumerate(self._own_ordered()):
            store[str(i)] = v.numpy()

    def load_own_variables(self, store) -> None:
        """Sets the layer's own weights from such a mapping.

        Raises:
            ValueError: If their number differs.
        """
        own = self._own_ordered()
        if len(store.keys()) != len(own):
            raise ValueError(f"layer {self.name!r} has {len(own)} weights of its own, but {len(store.keys())} were stored")
        for i, v in enumerate(own):
            v.assign(store[str(i)])

    def _own_ordered(self) -> list[Variable]:
        own = self._own_variables
        return list({id(v): v for v in [v for v in own if v.trainable or v.learnable] + own}.values())

    def _alter(self) -> None:
        """Notes that the layer now computes in another way than its class does: with other weights, or more of them."""
        global alterations
        alterations += 1
        self._state.altered, self._state.anchor = alterations, None
        for v in self._own_variables:
            v.leave()
        changed()

    def _catch_up(self) -> None:
        """Forgets how backends ran this layer, and those in it, where these or any below them have been altered since."""
        for layer in self._flatten_layers():
            if max(x._state.altered for x in layer._flatten_layers()) > layer._state.caught_up:
                layer._state.runners.clear()
                layer._state.lowered.clear()
            layer._state.caught_up = alterations

    def _leave_for(self, backend: Any) -> None:
        """Brings all weights back to the host, and forgets how other backends ran the layers, if any weight is at home on one."""
        if self._state.caught_up != alterations:
            self._catch_up()
        if any(v.backend not in (None, backend) for v in self.variables):
            for layer in self._flatten_layers():
                layer._state.runners.clear()
                layer._state.lowered.clear()
            for v in self.variables:
                v.leave()

    # ---------------------------------------------------------------- losses

    def add_loss(self, loss) -> None:
        """Adds scalar tensors to the loss of the model; called within `call`."""
        losses = loss if isinstance(loss, list | tuple) else [loss]
        if scope.is_symbolic():
            return
        self._state.losses.extend(losses)

    @property
    def losses(self) -> list[Any]:
        """What was added by `add_loss` in the last call, and the regularizers of weights."""
        found = [x for layer in self._flatten_layers() for x in layer._state.losses]
        for v in self.trainable_weights:
            if v.regularizer is not None:
                found.append(v.regularizer(v))
        return found

    def _clear_losses(self) -> None:
        for layer in self._flatten_layers():
            layer._state.losses.clear()


def _frozen(layer: Weighted) -> set[Variable]:
    """The layer's own variables that are not trainable only because the layer is not."""
    return layer._state.extra.setdefault("frozen", set())
