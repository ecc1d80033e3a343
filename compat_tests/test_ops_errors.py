"""Bad input to ops: an error of ours that says which op, which arguments and why, alike on every backend and in a record."""

import contextlib
import inspect
import operator

import numpy as np
import pytest

from compat_tests.test_ops import CASES, with_operands
from kerastorch import backend_registry, ops, random, scope
from kerastorch.errors import OpError
from kerastorch.graph import KerasTensor

FIRST = {}  # the first record of each op
for _case in CASES:
    FIRST.setdefault(_case.op, _case)

# Aliases, and functions written over ops, whose errors name the op that they stand for.
SPEAKS_AS = {
    "absolute": "abs", "bitwise_invert": "bitwise_not", "conjugate": "conj", "geomspace": "linspace", "left_shift": "bitwise_left_shift",
    "logspace": "linspace", "meshgrid": "concatenate", "right_shift": "bitwise_right_shift", "true_divide": "divide", "view": "bits_as",
}  # fmt: skip


@contextlib.contextmanager
def refused(name, arguments=True):
    """An OpError is raised that names the op and its arguments, and says nothing of a framework's inside."""
    with pytest.raises(OpError) as caught:
        yield
    text = str(caught.value)
    name = name.rpartition(".")[-1]
    assert text.startswith(f"ops.{SPEAKS_AS.get(name, name)}"), text
    assert not arguments or "Arguments: " in text, text
    assert not any(word in text for word in ("{{", "[Op:", "\n", "Traceback")), text


def each(condition):
    """Parametrizes a test by the ops for which a condition holds on the first record."""
    return pytest.mark.parametrize("name", [name for name, case in FIRST.items() if condition(case)])


def call(case, make, **changed):
    """The op of a case on its operands made by `make`, with some arguments changed."""
    function = operator.attrgetter(case.op)(ops)
    inputs, kwargs = with_operands(case, make), dict(case.kwargs)
    names = list(inspect.signature(function).parameters)
    for name, value in changed.items():
        if names.index(name) < len(inputs):
            inputs[names.index(name)] = value
        else:
            kwargs[name] = value
    return function(*inputs, **kwargs)


def symbol(array):
    """What stands for an array in a record."""
    return KerasTensor(array.shape, array.dtype.name)


def arrays(case):
    """The arrays among the operands of a case."""
    found = []
    with_operands(case, found.append)
    return found


@each(lambda case: "axis" in inspect.signature(operator.attrgetter(case.op)(ops)).parameters)
def test_an_axis_that_there_is_not(name, backend):
    with refused(name):
        call(FIRST[name], backend.convert, axis=99)
    with scope.symbolic(), refused(name):
        call(FIRST[name], symbol, axis=99)


@each(lambda case: len(arrays(case)) > 1)
def test_tensors_of_two_frameworks(name, backend):
    for other in backend_registry.BUILT_IN:
        if other != backend.name and backend_registry.installed(other):
            turn = iter(range(99))
            with refused(name, arguments=False):
                call(FIRST[name], lambda a: (backend_registry.get(other) if next(turn) % 2 else backend).convert(a))  # noqa: B023


# What is done with text as with anything else where a framework has it: moved, compared, or seen to be no number.
MOVES_TEXT = frozenset(
    "append array array_split broadcast_to concatenate conj conjugate copy depth_to_space diagonal dsplit dstack equal expand_dims "
    "extract_sequences flip fliplr flipud get_item hsplit hstack image.crop_images image.extract_patches_3d meshgrid moveaxis "
    "nan_to_num not_equal ravel rearrange repeat reshape roll rot90 size space_to_depth split squeeze stack stop_gradient swapaxes "
    "tile transpose unstack vsplit vstack zeros_like".split()
)


@each(lambda case: arrays(case) and case.op not in MOVES_TEXT)
def test_text_in_place_of_numbers(name, backend):
    with refused(name):
        call(FIRST[name], lambda a: np.full(a.shape, "a", object))


# Where any two shapes of operands go together.
OF_ANY_SHAPES = frozenset("append correlate digitize isin kron meshgrid outer searchsorted take".split())


@each(lambda case: len(arrays(case)) > 1 and case.op not in OF_ANY_SHAPES)
def test_shapes_that_do_not_go_together(name, backend):
    turn = iter(range(99))

    def odd(array):
        return np.resize(array, [n + 4 for n in array.shape] or 7) if next(turn) == 1 else array

    case = FIRST[name]
    with refused(name):
        call(case, lambda a: backend.convert(odd(a)))


X, WHOLE, ROW = np.ones((4, 6), "float32"), np.ones((4, 6), "int32"), np.ones(6, "float32")
IMAGE, STEPS, KERNEL = (np.ones(shape, "float32") for shape in ((1, 6, 6, 2), (1, 8, 2), (3, 2, 4)))
SIZES = [
    ("zeros", lambda t: ops.zeros((-1, 2))),
    ("zeros", lambda t: ops.zeros((2.5,))),
    ("ones", lambda t: ops.ones((2, -1))),
    ("empty", lambda t: ops.empty((-1,))),
    ("full", lambda t: ops.full((-2,), 1.0)),
    ("eye", lambda t: ops.eye(-1)),
    ("eye", lambda t: ops.eye(2.5)),
    ("identity", lambda t: ops.identity(-3)),
    ("tri", lambda t: ops.tri(2.5)),
    ("linspace", lambda t: ops.linspace(0.0, 1.0, -3)),
    ("linspace", lambda t: ops.linspace(0.0, 1.0, 2.5)),
    ("logspace", lambda t: ops.logspace(0.0, 1.0, -3)),
    ("one_hot", lambda t: ops.one_hot(t(WHOLE), -2)),
    ("one_hot", lambda t: ops.one_hot(t(WHOLE), 2.5)),
    ("multi_hot", lambda t: ops.multi_hot(t(WHOLE), -2)),
    ("reshape", lambda t: ops.reshape(t(X), (-2, 3))),
    ("reshape", lambda t: ops.reshape(t(X), (2.5,))),
    ("reshape", lambda t: ops.reshape(t(X), (-1, -1))),
    ("broadcast_to", lambda t: ops.broadcast_to(t(X), (-1, 6))),
    ("tile", lambda t: ops.tile(t(X), -1)),
    ("tile", lambda t: ops.tile(t(X), 2.5)),
    ("repeat", lambda t: ops.repeat(t(X), -1)),
    ("repeat", lambda t: ops.repeat(t(X), 2.5)),
    ("split", lambda t: ops.split(t(X), 0)),
    ("split", lambda t: ops.split(t(X), -2)),
    ("split", lambda t: ops.split(t(X), 2.5)),
    ("split", lambda t: ops.split(t(X), 5)),
    ("array_split", lambda t: ops.array_split(t(X), 0)),
    ("pad", lambda t: ops.pad(t(X), -1)),
    ("pad", lambda t: ops.pad(t(X), 1.5)),
    ("top_k", lambda t: ops.top_k(t(X), -1)),
    ("top_k", lambda t: ops.top_k(t(X), 99)),
    ("top_k", lambda t: ops.top_k(t(X), 1.5)),
    ("unstack", lambda t: ops.unstack(t(X), num=-1)),
    ("slice", lambda t: ops.slice(t(X), (0, 0), (9, 9))),
    ("slice", lambda t: ops.slice(t(X), (0, 0), (-3, 2))),
    ("scatter", lambda t: ops.scatter(t(WHOLE[:, :1]), t(X[:, 0]), (-1,))),
    ("squeeze", lambda t: ops.squeeze(t(X), 0)),
    ("sum", lambda t: ops.sum(t(X), 1.5)),
    ("cumsum", lambda t: ops.cumsum(t(X), 1.5)),
    ("diff", lambda t: ops.diff(t(X), -1)),
    ("vander", lambda t: ops.vander(t(ROW), -1)),
    ("histogram", lambda t: ops.histogram(t(ROW), -1)),
    ("bincount", lambda t: ops.bincount(t(WHOLE[0]), minlength=-1)),
    ("segment_sum", lambda t: ops.segment_sum(t(X), t(WHOLE[:, 0]), -1)),
    ("max_pool", lambda t: ops.max_pool(t(IMAGE), 0)),
    ("max_pool", lambda t: ops.max_pool(t(IMAGE), 2, 0)),
    ("average_pool", lambda t: ops.average_pool(t(IMAGE), -1)),
    ("average_pool", lambda t: ops.average_pool(t(IMAGE), 1.5)),
    ("adaptive_average_pool", lambda t: ops.adaptive_average_pool(t(IMAGE), -1)),
    ("adaptive_max_pool", lambda t: ops.adaptive_max_pool(t(IMAGE), 0)),
    ("conv", lambda t: ops.conv(t(STEPS), t(KERNEL), 0)),
    ("conv", lambda t: ops.conv(t(STEPS), t(KERNEL), 1, "valid", None, -1)),
    ("conv", lambda t: ops.conv(t(STEPS), t(KERNEL), 1.5)),
    ("conv_transpose", lambda t: ops.conv_transpose(t(STEPS), t(np.ones((3, 4, 2), "float32")), -1)),
    ("unfold", lambda t: ops.unfold(t(IMAGE), -1)),
    ("extract_sequences", lambda t: ops.extract_sequences(t(X), -1, 1)),
    ("extract_sequences", lambda t: ops.extract_sequences(t(X), 2, 0)),
    ("depth_to_space", lambda t: ops.depth_to_space(t(IMAGE), -1)),
    ("image.resize", lambda t: ops.image.resize(t(IMAGE), (-1, 2))),
    ("image.resize", lambda t: ops.image.resize(t(IMAGE), (2.5, 2))),
    ("image.crop_images", lambda t: ops.image.crop_images(t(IMAGE), 0, 0, target_height=-3, target_width=2)),
    ("uniform", lambda t: random.uniform((-1,))),
    ("uniform", lambda t: random.uniform((2.5,))),
    ("normal", lambda t: random.normal((-1, 2))),
    ("truncated_normal", lambda t: random.truncated_normal((-1,))),
    ("randint", lambda t: random.randint((-1,), 0, 3)),
    ("gamma", lambda t: random.gamma((-1,), 1.0)),
    ("beta", lambda t: random.beta((-1,), 1.0, 1.0)),
    ("binomial", lambda t: random.binomial((-1,), 1.0, 0.5)),
    ("categorical", lambda t: random.categorical(t(X), -1)),
]


@pytest.mark.parametrize(("name", "function"), SIZES, ids=[f"{name}-{i}" for i, (name, _) in enumerate(SIZES)])
def test_sizes_that_there_are_not(name, function, backend):
    with refused(name):
        function(backend.convert)
    with scope.symbolic(), refused(name):
        function(symbol)
