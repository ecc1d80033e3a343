"""`keras.backend` of Keras 1, 2 and tf.keras: variables, values, graphs as functions, and settings."""

import contextlib
from typing import Any

import numpy as np

from kerastorch import backend_registry, dtypes, initializers, ops, scope, tree
from kerastorch.graph import Graph, KerasTensor
from kerastorch.layers import Input
from kerastorch.legacy.past import Past, old
from kerastorch.models.model import run
from kerastorch.ops import derivative
from kerastorch.variable import Variable

PAST: dict[str, Past] = {}

# ------------------------------------------------------------------------------------------------ making tensors


@old(PAST, "keras.Variable")
def variable(value, dtype=None, name=None, constraint=None):
    """A variable with an initial value.

    Args:
        value: Array, number or tensor.
        dtype: Name of the dtype; None is that of an array, else floatx.
        name: Name; made unique where None.
        constraint: Function applied to the value after updates.
    """
    made = Variable(ops.convert_to_numpy(value), dtype=dtype or dtypes.floatx(), name=_plain(name))
    if constraint is not None:
        made.constraint = constraint
    return made


def _plain(name: str | None) -> str | None:
    """A name as a variable's, where slashes separate."""
    return None if name is None else name.replace("/", "_")


@old(PAST, "keras.ops.convert_to_tensor")
def constant(value, dtype=None, shape=None, name=None):
    """A tensor of given values, repeated to fill a shape."""
    value = np.asarray(value if backend_registry.of(value) is None else ops.convert_to_numpy(value), dtype or dtypes.floatx())
    if shape is not None:
        value = np.full(shape, value) if value.size == 1 else value.reshape(shape)
    return ops.convert_to_tensor(value)


def _filled(shape: Any, dtype: Any, name: str | None, fill: str) -> Any:
    if any(isinstance(n, KerasTensor) for n in shape):
        return getattr(ops, fill)(shape, dtype=dtype or dtypes.floatx())
    return Variable(fill, shape=tuple(int(n) for n in shape), dtype=dtype or dtypes.floatx(), name=_plain(name))


@old(PAST, "keras.ops.zeros, or keras.Variable('zeros', shape=...)")
def zeros(shape, dtype=None, name=None):
    """A variable of zeros; a tensor where the shape is symbolic."""
    return _filled(shape, dtype, name, "zeros")


@old(PAST, "keras.ops.ones, or keras.Variable('ones', shape=...)")
def ones(shape, dtype=None, name=None):
    """A variable of ones; a tensor where the shape is symbolic."""
    return _filled(shape, dtype, name, "ones")


@old(PAST, "keras.Variable(keras.initializers.RandomNormal(...), shape=...)")
def random_normal_variable(shape, mean, scale, dtype=None, name=None, seed=None):
    """A variable drawn from a normal distribution with a mean and a standard deviation."""
    start = initializers.RandomNormal(mean, scale, seed)
    return Variable(start, shape=tuple(shape), dtype=dtype or dtypes.floatx(), name=_plain(name))


@old(PAST, "keras.Variable(keras.initializers.RandomUniform(...), shape=...)")
def random_uniform_variable(shape, low, high, dtype=None, name=None, seed=None):
    """A variable drawn evenly from between two numbers."""
    start = initializers.RandomUniform(low, high, seed)
    return Variable(start, shape=tuple(shape), dtype=dtype or dtypes.floatx(), name=_plain(name))


@old(PAST, "keras.Input")
def placeholder(shape=None, ndim=None, dtype=None, sparse=False, name=None, ragged=False):
    """A symbolic tensor, from which a graph begins.

    Args:
        shape: With the batch's size, None where it is not known.
        ndim: Number of axes, where no shape is given.
        dtype, sparse, name: As for `keras.Input`.
        ragged: Only False.
    """
    if ragged:
        raise ValueError("placeholder: ragged=True cannot be recorded; pad the sequences and use a mask")
    shape = (None,) * (ndim or 0) if shape is None else tuple(shape)
    return Input(batch_shape=shape, dtype=dtype or dtypes.floatx(), sparse=sparse, name=name)


@old(PAST, "torch.autograd.grad, or tf.GradientTape")
def gradients(loss, variables):
    """How a recorded tensor changes with others, as further recorded tensors, for `function`.

    Args:
        loss: Recorded tensor, of which the elements are summed up.
        variables: The recorded tensors, or one, from which it was computed.

    Raises:
        TypeError: For variables and for tensors that have values: their gradients are the framework's own to tell.
    """
    several = isinstance(variables, list | tuple)
    if not all(isinstance(x, KerasTensor) for x in (loss, *(variables if several else [variables]))):
        raise TypeError("keras.backend.gradients: only gradients of recorded tensors, with respect to others, are recorded; for "
                        "others compute the loss in a tf.GradientTape, or call torch.autograd.grad")  # fmt: skip
    return derivative.gradients(loss, list(variables) if several else [variables])


# ------------------------------------------------------------------------------------------------ values


@old(PAST, "keras.ops.convert_to_numpy")
def get_value(x):
    """The values of a tensor or variable as an array.

    Raises:
        ValueError: For a symbolic tensor, which has none.
    """
    if isinstance(x, KerasTensor):
        raise ValueError(f"get_value: {x!r} is symbolic and has no values. Call a model on data, or use "
                         "keras.backend.function(inputs, outputs)")  # fmt: skip
    return ops.convert_to_numpy(x)[()]


PAST["eval"] = Past(get_value, "keras.ops.convert_to_numpy")


@old(PAST, "[keras.ops.convert_to_numpy(x) for x in tensors]")
def batch_get_value(tensors):
    """The values of several variables, as arrays."""
    return [get_value(x) for x in tensors]


@old(PAST, "x.assign(value)")
def set_value(x, value):
    """Sets a variable; numbers such as an optimizer's learning rate too."""
    x.assign(np.asarray(value, dtype=x.dtype))


@old(PAST, "x.assign(value) for each")
def batch_set_value(tuples):
    """Sets several variables, given as pairs of a variable and an array."""
    for x, value in tuples:
        set_value(x, value)


@old(PAST, "x.assign(new_x)")
def update(x, new_x):
    """Sets a variable to a tensor."""
    return x.assign(new_x)


@old(PAST, "x.assign_add(increment)")
def update_add(x, increment):
    """Adds to a variable."""
    return x.assign_add(increment)


@old(PAST, "x.assign_sub(decrement)")
def update_sub(x, decrement):
    """Subtracts from a variable."""
    return x.assign_sub(decrement)


@old(PAST, "x.assign(x * momentum + value * (1 - momentum))")
def moving_average_update(x, value, momentum):
    """Moves a variable towards a value; the greater the momentum the less."""
    return x.assign(x * momentum + value * (1 - momentum))


@old(PAST, "print(x)")
def print_tensor(x, message="", summarize=3):
    """The tensor itself, once it was printed; while a graph is recorded, its shape and dtype."""
    if isinstance(x, KerasTensor):
        print(message, x)
        return x
    with np.printoptions(threshold=2 * summarize, edgeitems=summarize):
        print(message, ops.convert_to_numpy(ops.stop_gradient(x)))
    return x


# ------------------------------------------------------------------------------------------------ training or not

_phase = 0


@old(PAST, "the argument `training` of a layer's call")
def learning_phase():
    """1 in training, else 0. Among the inputs of `function`, its place takes the value for each call."""
    training = scope.training()
    return _phase if training is None else int(training)


@old(PAST, "the argument `training` of a model's call")
def set_learning_phase(value):
    """Sets what `learning_phase` is outside of layers: 0 or 1."""
    global _phase
    if value not in (0, 1):
        raise ValueError(f"set_learning_phase: the phase is 0 (test) or 1 (training), not {value!r}")
    _phase = int(value)


@old(PAST, "the argument `training` of a model's call")
@contextlib.contextmanager
def learning_phase_scope(value):
    """Inside, `learning_phase` is this."""
    before = _phase
    set_learning_phase(value)
    try:
        yield
    finally:
        set_learning_phase(before)


@old(PAST, "a Python `if training`, in a layer's call")
def in_train_phase(x, alt, training=None):
    """The first of two tensors, or functions that give them, in training, else the second."""
    chosen = x if (learning_phase() if training is None else training) else alt
    return chosen() if callable(chosen) else chosen


@old(PAST, "a Python `if training`, in a layer's call")
def in_test_phase(x, alt, training=None):
    """The second of two tensors, or functions that give them, in training, else the first."""
    return in_train_phase(alt, x, training)


# ------------------------------------------------------------------------------------------------ graphs as functions


@old(PAST, "keras.Model(inputs, outputs)")
class function:  # noqa: N801
    """The graph between symbolic tensors, from arrays to arrays.

    Args:
        inputs: List of symbolic tensors; `learning_phase()` among them takes the phase of each call.
        outputs: Symbolic tensor, or a list or other nest of them.
        updates: Only empty; layers update their variables themselves.
        name: Ignored.

    Raises:
        ValueError: If there are updates.
        GraphError: If the outputs do not depend on the inputs alone.
    """

    def __init__(self, inputs, outputs, updates=None, name=None, **kwargs):
        if updates:
            raise ValueError("function: updates beside the outputs cannot be recorded; assign to the variables in a layer's "
                             "call, or use an optimizer")  # fmt: skip
        self.inputs, self.outputs = list(tree.leaves(inputs)), outputs
        self._graph = Graph([t for t in self.inputs if isinstance(t, KerasTensor)], outputs)

    def __call__(self, inputs):
        """Arrays for the outputs, from one for each of the inputs."""
        given = tree.leaves(inputs) if isinstance(inputs, list | tuple) else [inputs]
        if len(given) != len(self.inputs):
            raise ValueError(f"function: it takes {len(self.inputs)} inputs, but {len(given)} were given")
        values, phase = [], _phase
        for t, x in zip(self.inputs, given, strict=True):
            if isinstance(t, KerasTensor):
                values.append(ops.convert_to_tensor(x, dtype=t.dtype))
            else:
                phase = x
        return tree.map_structure(ops.convert_to_numpy, run(self._graph, values, bool(phase)))


# ------------------------------------------------------------------------------------------------ settings and remains

LAYOUTS = {"tf": "channels_last", "th": "channels_first"}


@old(PAST, "keras.config.image_data_format")
def image_dim_ordering():
    """ "tf" where channels come last, "th" where they come first."""
    return next(old for old, new in LAYOUTS.items() if new == scope.image_data_format())


@old(PAST, "keras.config.set_image_data_format")
def set_image_dim_ordering(dim_ordering):
    """Sets the layout of images: "tf", channels last, or "th", channels first."""
    if dim_ordering not in LAYOUTS:
        raise ValueError(f"set_image_dim_ordering: 'tf' or 'th' is needed, not {dim_ordering!r}")
    scope.set_image_data_format(LAYOUTS[dim_ordering])


@old(PAST, "keras.utils.clear_session")
def reset_uids():
    """Starts naming afresh."""
    scope.reset_names()


@old(PAST, "nothing: variables have their initial values when they are first read")
def manual_variable_initialization(value):
    """Does nothing."""


@old(PAST, "keras.ops.scan, or functools.reduce")
def foldl(fn, elems, initializer=None, name=None):
    """What `fn(accumulated, element)` makes of all elements along the first axis, beginning with the first."""
    return _fold(fn, elems, initializer, reverse=False)


@old(PAST, "keras.ops.scan with reverse=True, or functools.reduce")
def foldr(fn, elems, initializer=None, name=None):
    """As `foldl`, beginning with the last element."""
    return _fold(fn, elems, initializer, reverse=True)


def _fold(fn: Any, elems: Any, initializer: Any, reverse: bool) -> Any:
    if initializer is None:
        initializer, elems = (elems[-1], elems[:-1]) if reverse else (elems[0], elems[1:])
    return ops.scan(lambda carry, x: (fn(carry, x),) * 2, initializer, elems, reverse=reverse)[0]


def _gone(name: str, why: str) -> None:
    def refuse(*args, **kwargs):
        raise NotImplementedError(f"keras.backend.{name}: {why}")

    PAST[name] = Past(refuse, why)


_gone("get_session", "there are no sessions; call models and functions directly")
_gone("ctc_label_dense_to_sparse", "labels are dense; give them to keras.ops.ctc_loss")


@old(PAST, "nothing: there are no sessions; devices are chosen by the framework's own settings")
def set_session(session):
    """Does nothing."""
