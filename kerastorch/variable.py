"""Variables: handles whose value lives in exactly one home.

A variable starts at home on the host, where its initial value is drawn from the seed when someone first asks for it. Lowering
moves it into the backend's own parameter or buffer, possibly in another layout; the home then translates both ways. Reading
gives the live value, assigning writes it.
"""

import math
from collections.abc import Callable
from typing import Any

from kerastorch import backend_registry, dtypes, scope
from kerastorch.operators import Fixed, Operators


class Home:
    """Where a variable's value lives."""

    backend: Any = None
    pinned = False  # whether the value stays on the host although others move

    def tensor(self) -> Any:
        """The value as a tensor of the backend, connected for differentiation."""
        raise NotImplementedError("a home says how its tensor is reached")

    def numpy(self) -> Any:
        """A copy of the value as a numpy array in Keras's layout."""
        raise NotImplementedError("a home says how it is read")

    def view(self) -> Any:
        """As `numpy`, for whoever reads it at once: it may share memory with the home, and change with it."""
        return self.numpy()

    def write(self, value: Any) -> None:
        """Sets the value from a numpy array, or from a tensor of the same backend, in Keras's layout."""
        raise NotImplementedError("a home says how it is written")

    def add(self, value: Any, times: float = 1) -> None:
        """Adds `times` a number, or a tensor of the same backend that broadcasts, in place if cheaper."""
        self.write(self.tensor() + value * times)

    def snapshot(self) -> Any:
        """The value as a tensor that later writing does not change, not connected for differentiation."""
        return self.tensor()

    def train(self, flag: bool) -> None:
        """Told when the variable becomes trainable or ceases to be."""

    def like(self, fill: float) -> "Home | None":
        """A home of the same layout filled with a number; None where the layout is Keras's, so that any home will do."""
        return None


class HostHome(Home):
    """A numpy array, drawn when it is first needed."""

    def __init__(self, draw: Callable[[], Any]):
        self.draw: Callable[[], Any] | None = draw
        self.array: Any = None
        self.pinned = False  # whether it stays here when a backend reads it: for numbers that the host computes with

    def numpy(self) -> Any:
        return self.view().copy()

    def view(self) -> Any:
        if self.draw is not None:
            self.array, self.draw = self.draw(), None
        return self.array

    def snapshot(self) -> Any:
        return self.numpy()

    def write(self, value: Any) -> None:
        self.draw, self.array = None, value.copy()

    def add(self, value: Any, times: float = 1) -> None:
        old = self.view()
        self.array = (old + value * times).astype(old.dtype)


moves = 0  # how often any variable has moved: whoever has gathered the tensors of many compares it
changes = 0  # how often that, or what is trained, or what a layer holds has changed: whoever has looked at all compares it


def changed() -> None:
    """Lets those know that have looked at what a model consists of, and which of it is trained."""
    global changes
    changes += 1


class Variable(Operators):
    """A value that layers, metrics and optimizers keep between calls.

    Args:
        initializer: Initial value (array, tensor, number), or an initializer: its name, or a callable `(shape, dtype) -> value`.
        shape: Shape as a tuple; needed where `initializer` is no value.
        dtype: Name of the dtype; None takes the initial value's, or floatx.
        trainable: Whether optimizers update it.
        autocast: Whether a floating value is read in the compute dtype of the layer being called.
        aggregation: "none", "mean", "sum" or "only_first_replica"; how replicas combine it.
        synchronization: Accepted as in Keras; "auto", "none", "on_write" or "on_read".
        name: Name, made unique where none is given; no slash in it.
        layout: Accepted as in Keras, where a distribution says how the value is laid out.

    Raises:
        ValueError: For an initializer without a shape, a name with a slash, or an unknown aggregation or synchronization.
    """

    name: Any = Fixed()
    path: Any = Fixed()
    shape: Any = Fixed()
    dtype: Any = Fixed()
    aggregation: Any = Fixed()
    synchronization: Any = Fixed()
    _overwrite_with_gradient = False
    _regularizer: Any = None
    _constraint: Any = None
    initializer: Any = None

    def __init__(self, initializer, shape=None, dtype=None, trainable=True, autocast=True, aggregation="none",
                 synchronization="auto", name=None, layout=None, **kwargs):  # fmt: skip
        if kwargs:
            raise TypeError(f"Variable: unexpected arguments {sorted(kwargs)}")
        own = self.__dict__
        own["name"] = name = scope.check_name(name, "Variable") if name else scope.unique_name("variable")
        own["path"] = scope.path_prefix() + name
        own["aggregation"] = _one_of("aggregation", aggregation, ("none", "mean", "sum", "only_first_replica"), name)
        own["synchronization"] = _one_of("synchronization", synchronization, ("none", "on_read", "on_write", "auto"), name)
        self.autocast = bool(autocast)
        self._trainable = bool(trainable)
        self.learnable = bool(trainable)  # stays when a layer is frozen: the value is a parameter, not a buffer
        if isinstance(initializer, str):
            from kerastorch import initializers

            initializer = initializers.get(initializer)
        if callable(initializer):
            if shape is None:
                raise ValueError(f"Variable {name!r}: When creating a Variable from an initializer, the `shape` argument is needed "
                                 f"too: {initializer} says none")  # fmt: skip
            self.initializer = initializer
            own["shape"], own["dtype"] = standardize_shape(shape, name), dtypes.standardize(dtype)
            self._home: Home = HostHome(lambda: self._host(initializer(self.shape, dtype=self.dtype)))
        else:
            value = host_array(initializer, dtype)
            value = value.copy() if value.base is not None or value is initializer else value  # the user's may change
            own["shape"], own["dtype"] = tuple(value.shape), dtypes.standardize(value.dtype)
            if shape is not None and standardize_shape(shape, name) != self.shape:
                raise ValueError(f"Variable {name!r}: shape {tuple(shape)} was asked for, but the value has {self.shape}")
            self._home = HostHome(lambda: value)

    # ---------------------------------------------------------------- where the value is

    @property
    def backend(self) -> Any:
        """The backend on which the value lives (or that of the tensor standing in for it); None while it is on the host."""
        value = self.stand_in() if scope.state.values else None
        return self._home.backend if value is None else backend_registry.of(value)

    @property
    def home(self) -> Home:
        """The one place where the value lives."""
        return self._home

    def move(self, home: Home) -> None:
        """Makes `home`, which holds the value already, the variable's home."""
        global moves
        moves += 1
        changed()
        self._home = home

    def leave(self) -> None:
        """Brings the value back to the host, from where any backend can take it."""
        if self._home.backend is not None:
            value = self._home.numpy()
            self.move(HostHome(lambda: value))

    def tensor(self, backend: Any = None) -> Any:
        """The value as a tensor of `backend` (its own, or the active one), connected for differentiation."""
        value = self.stand_in()
        if value is None:
            backend = backend or self._home.backend or backend_registry.active()
            if self._home.backend is None and not self._home.pinned:
                backend.adopt(self)
            if self._home.backend is not backend:
                value = backend.convert(self._home.numpy(), self.dtype)
            else:
                value = self._home.tensor()
        cast = self.compute_dtype
        if cast != self.dtype and backend is not None:
            return backend.cast(value, cast)
        return value

    def stand_in(self) -> Any:
        """The tensor that takes this variable's place in the open scopes, None where there is none."""
        for mapping in reversed(scope.state.values):
            found = mapping.get(id(self))
            if found is not None:
                return found
        return None

    @property
    def compute_dtype(self) -> str:
        """The dtype in which the value is read here and now."""
        if self.autocast and scope.state.autocast and scope.state.autocast[-1] and dtypes.is_float(self.dtype):
            return scope.state.autocast[-1]
        return self.dtype

    @property
    def value(self) -> Any:
        """The live value as a tensor of the backend it lives on; it moves to the active one from the host."""
        value = self.tensor()
        backend = self._home.backend
        return backend.with_gradient(self, value) if backend is not None and self.stand_in() is None else value

    @staticmethod
    def _owner(value: Any) -> Any:
        return backend_registry.of(value)

    def numpy(self) -> Any:
        """A copy of the value as a numpy array."""
        value = self.stand_in()
        return self._home.numpy() if value is None else self._owner(value).numpy(value)

    def view(self) -> Any:
        """As `numpy`, for whoever reads it at once: it may share memory with the variable, and change with it."""
        value = self.stand_in()
        return self._home.view() if value is None else self._owner(value).numpy(value)

    # ---------------------------------------------------------------- writing

    def assign(self, value: Any) -> Any:
        """Sets the value; shapes must agree.

        Raises:
            ValueError: If the shape of `value` differs.
        """
        from kerastorch import op
        from kerastorch.graph import KerasTensor, Node

        shape = op.shape_of(value)
        if shape is not None and len(shape) == len(self.shape):
            wrong = any(None not in (a, b) and a != b for a, b in zip(shape, self.shape, strict=True))
        else:
            wrong = True
        if wrong:
            raise ValueError(f"Variable {self.path!r} of shape {self.shape} cannot be assigned a value of shape {shape}")
        if scope.is_symbolic():
            if scope.state.effects is not None:
                scope.state.effects.append(Node(assign, (self, value), {}))
            return value
        if isinstance(value, KerasTensor):
            raise ValueError(f"Variable {self.path!r} cannot be assigned a KerasTensor outside of a layer's call")
        for mapping in reversed(scope.state.values):
            if id(self) in mapping or getattr(mapping, "collects", False):
                mapping[id(self)] = self._converted(value, mapping.get(id(self)))
                return value
        backend = backend_registry.of(value)
        if backend is not None and backend is self._home.backend:
            self._home.write(value)
        else:
            self._home.write(self._host(value))
        return value

    def _converted(self, value: Any, like: Any) -> Any:
        backend = backend_registry.of(like) or backend_registry.of(value) or backend_registry.active()
        return backend.cast(backend.convert(value, self.dtype), self.dtype)

    def assign_add(self, value: Any) -> Any:
        """Adds to the value.

        Returns:
            The new value.
        """
        from kerastorch import ops

        return self._home.snapshot() if self._added(value, 1) else self.assign(ops.add(self, value))

    def assign_sub(self, value: Any) -> Any:
        """Subtracts from the value.

        Returns:
            The new value.
        """
        from kerastorch import ops

        return self._home.snapshot() if self._added(value, -1) else self.assign(ops.subtract(self, value))

    def accumulate(self, value: Any, times: float = 1) -> None:
        """Adds `value * times`, for whoever has no use for the new value: none is copied."""
        from kerastorch import ops
        from kerastorch.graph import Node

        if scope.state.symbolic and not scope.state.values:
            if scope.state.effects is not None:
                scope.state.effects.append(Node(accumulate, (self, value, times), {}))
        elif not self._added(value, times):
            self.assign(ops.add(self, value if times == 1 else ops.multiply(value, times)))

    def _added(self, value: Any, times: float) -> bool:
        """Adds in place, where that is possible: nothing stands in for the value, and nothing is being recorded.

        Returns:
            Whether it was; else nothing has changed.
        """
        from kerastorch import op
        from kerastorch.graph import KerasTensor

        if scope.state.symbolic or scope.state.values or isinstance(value, KerasTensor):
            return False
        number = isinstance(value, int | float)
        if not number and op.shape_of(value) != self.shape:
            return False
        home = self._home
        if home.backend is None:
            if home.pinned:
                home.add(value if number else self._host(value), times)
                return True
            (backend_registry.of(value) or backend_registry.active()).adopt(self)
            home = self._home
        home.add(value if number else op.operand(home.backend, value), times)
        return True

    def _host(self, value: Any) -> Any:
        return host_array(value, self.dtype)

    # ---------------------------------------------------------------- attributes

    @property
    def trainable(self) -> bool:
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        changed()
        self._home.train(self._trainable)

    @property
    def overwrite_with_gradient(self) -> bool:
        """Whether an optimizer sets the value to its gradient."""
        return self._overwrite_with_gradient

    @overwrite_with_gradient.setter
    def overwrite_with_gradient(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError(f"Variable {self.path!r}: `overwrite_with_gradient` must be a boolean. It was {value!r}")
        self._overwrite_with_gradient = value

    @property
    def regularizer(self) -> Any:
        """What adds to the loss for the value; None where nothing does."""
        return self._regularizer

    @regularizer.setter
    def regularizer(self, value: Any) -> None:
        self._regularizer = self._callable("regularizer", value)

    @property
    def constraint(self) -> Any:
        """What the value goes through after each update; None where nothing is asked of it."""
        return self._constraint

    @constraint.setter
    def constraint(self, value: Any) -> None:
        self._constraint = self._callable("constraint", value)

    def _callable(self, attribute: str, value: Any) -> Any:
        if value is not None and not callable(value):
            raise ValueError(f"Variable {self.path!r}: Invalid value for attribute `{attribute}`. It must be a {attribute}, a "
                             f"callable or None, not {value!r}")  # fmt: skip
        return value

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def __getattr__(self, name: str) -> Any:
        """What the framework's own tensor offers (torch's `grad`, TensorFlow's `handle`) is found there."""
        if name.startswith("__") or name in ("_home",):
            raise AttributeError(name)
        backend = self._home.backend
        if backend is None or name not in backend.variable_attributes:
            raise AttributeError(f"Variable {self.name!r} has no attribute {name!r}")
        return getattr(self.value, name)

    def __array__(self, dtype=None, copy=None):
        value = self.numpy()
        return value if dtype is None else value.astype(dtype)

    def __float__(self) -> float:
        return float(self._scalar())

    def __int__(self) -> int:
        return int(self._scalar())

    def _scalar(self) -> Any:
        if self.shape:
            raise TypeError("Only scalar arrays can be converted to Python scalars. Variable "
                            f"{self.path!r} has shape {self.shape}")  # fmt: skip
        return self.numpy()

    def __bool__(self) -> bool:
        raise TypeError(f"A Keras Variable cannot be used as a boolean. Take the number out of {self.path!r}, or use ops.cond")

    def __index__(self) -> int:
        if not dtypes.is_integer(self.dtype) or self.shape:
            raise TypeError(f"Variable {self.path!r} is no integer scalar")
        return int(self.numpy())

    def __len__(self) -> int:
        return self.shape[0]

    def __eq__(self, other):
        from kerastorch import ops

        return ops.equal(self, other)

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        known = self.stand_in() is not None or not isinstance(self._home, HostHome) or not scope.state.values
        value = f", value={self.numpy()}" if known else ""  # nothing is drawn only to be shown where all is to be given
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}{value}>"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_home": (self.numpy(), getattr(self._home, "pinned", False))}

    def __setstate__(self, state: dict[str, Any]) -> None:
        value, pinned = state["_home"]
        self.__dict__.update(state, _home=HostHome(lambda: value))
        self._home.pinned = pinned

    def __deepcopy__(self, memo):
        new = Variable(self.numpy(), dtype=self.dtype, trainable=self._trainable, autocast=self.autocast,
                       aggregation=self.aggregation, name=self.name)  # fmt: skip
        new.__dict__["path"], new.initializer = self.path, self.initializer
        new.regularizer, new.constraint = self.regularizer, self.constraint
        new._home.pinned = getattr(self._home, "pinned", False)
        memo[id(self)] = new
        return new


def _one_of(argument: str, value: Any, allowed: tuple[str, ...], name: str) -> str:
    """The value given, "none" for None, if it is allowed."""
    value = "none" if value is None else value
    if value not in allowed:
        raise ValueError(f"Variable {name!r}: Invalid value for argument `{argument}`. One of {', '.join(allowed)} is needed, not "
                         f"{value!r}")  # fmt: skip
    return value


def assign(variable: Variable, value: Any) -> Any:
    """The recorded form of `variable.assign(value)`."""
    return variable.assign(value)


def accumulate(variable: Variable, value: Any, times: float) -> None:
    """The recorded form of `variable.accumulate(value, times)`."""
    variable.accumulate(value, times)


assign.op = accumulate.op = None  # type: ignore[attr-defined]  # recorded like ops, but no ops of the vocabulary


def standardize_shape(shape: Any, name: str = "") -> tuple[int, ...]:
    """A shape as a tuple of non-negative int.

    Raises:
        ValueError: Where it is no sequence of non-negative integers.
    """
    dims = (shape,) if isinstance(shape, int) else tuple(shape)
    for d in dims:
        if d is None or not hasattr(d, "__index__") or d.__index__() < 0:
            raise ValueError(f"Variable {name!r}: shape {dims} must consist of non-negative integers; {d!r} is none")
    return tuple(int(d) for d in dims)


def host_array(value: Any, dtype: str | None = None) -> Any:
    """A value of any kind (number, nest, array, tensor, Variable) as a numpy array, which may share its memory."""
    import numpy as np

    backend = backend_registry.of(value)
    if backend is not None:
        value = backend.numpy(value)
    elif isinstance(value, Variable):
        value = value.view()
    array = np.asarray(value)
    if dtype is None:
        dtype = dtypes.standardize(array.dtype)
        if not hasattr(value, "dtype"):  # numbers and nests of them: Keras's widths, not numpy's
            dtype = {"int64": "int32", "float64": dtypes.floatx()}.get(dtype, dtype)
    return array.astype(numpy_dtype(dtype), copy=False)


def numpy_dtype(name: str) -> Any:
    """The numpy dtype of a name, with bfloat16 and float8 from ml_dtypes."""
    import numpy as np

    if name == "bfloat16" or name.startswith("float8"):
        import ml_dtypes

        return np.dtype(getattr(ml_dtypes, name))
    return np.dtype("object" if name == "string" else name)
