"""How a call of an op finds its way: dtypes of open width, variables, nests, several backends, sizes, operators, errors."""

import operator

import ml_dtypes
import numpy as np
import pytest

from kerastorch import backend_registry, op, ops, scope
from kerastorch.errors import OpError
from kerastorch.graph import Graph, KerasTensor
from kerastorch.variable import Variable


@pytest.fixture(params=[name for name in backend_registry.BUILT_IN if backend_registry.installed(name)])
def backend(request):
    with backend_registry.using(request.param) as chosen:
        yield chosen


def array(*shape, dtype="float32"):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def test_nests_are_looked_at_in_each_call(backend):
    x = backend.convert(array(3, dtype="int32"))
    assert backend.dtype(ops.add(x, [1, 2, 3])) == "int32"
    np.testing.assert_allclose(backend.numpy(ops.add(x, [1.5, 2.0, 3.0])), [1.5, 3.0, 5.0])


def test_numbers_have_an_open_width(backend):
    assert backend.dtype(ops.add(array(2, dtype="float16"), 2.5)) == "float16"
    assert backend.dtype(ops.multiply(2, array(2, dtype="int8"))) == "int8"
    assert backend.dtype(ops.add(1, 2.5)) == "float32"
    assert backend.dtype(ops.add(1, 2)) == "int32"


def test_variables_are_read_in_the_dtype_in_force(backend):
    variable, x = Variable(array(2)), backend.convert(array(2, dtype="float16"))
    assert backend.dtype(ops.add(x, variable)) == "float32"
    with scope.autocast("float16"):
        assert backend.dtype(ops.add(x, variable)) == "float16"
    assert backend.dtype(ops.add(variable, x)) == "float32"


def test_variables_begin_as_an_initializer_says(backend):
    for initializer in ("ones", lambda shape, dtype: np.ones(shape, dtype), np.ones((2, 3), "float32")):
        np.testing.assert_array_equal(Variable(initializer, shape=(2, 3)).numpy(), np.ones((2, 3)))


def test_results_are_counted_in_each_call(backend):
    x = backend.convert(array(6, dtype="uint16"))
    for parts in (2, 3, 6):
        assert [backend.dtype(p) for p in ops.split(x, parts)] == ["uint16"] * parts


def test_a_composite_runs_where_its_tensors_are(backend):
    for name in backend_registry.BUILT_IN:
        if backend_registry.installed(name):
            x = backend_registry.get(name).convert(array(3))
            assert backend_registry.of(ops.diag(x, 1)).name == name


def test_two_frameworks_in_one_call_are_refused(backend):
    others = [n for n in backend_registry.BUILT_IN if backend_registry.installed(n) and n != backend.name]
    for name in others:
        with pytest.raises(OpError, match="two frameworks"):
            ops.add(backend.convert(array(2)), backend_registry.get(name).convert(array(2)))


def test_sizes_of_open_dimensions(backend):
    def halves(x):
        batch, height, width = ops.shape(x)
        assert (height, width) == (4, 3)
        flat = ops.reshape(x, (batch, height * width))
        return flat[: batch // 2], ops.zeros((2 * batch, 3)), ops.arange(batch - 1)

    x = KerasTensor((None, 4, 3))
    assert ops.shape(x) == (None, 4, 3)
    graph = op.trace(halves, [x])
    assert [t.shape for t in graph.outputs] == [(None, 12), (None, 3), (None,)]
    results = graph.run([backend.convert(array(6, 4, 3))], lambda node, args, kwargs: node.operation(*args, **kwargs))
    assert [backend.shape(r) for r in results] == [(3, 12), (12, 3), (5,)]
    assert ops.size_arithmetic(operator.mul, ops.size_of(array(6, 4), 0), 2) == 12


def test_index_tensors_and_slices_are_edges():
    x, index, size = KerasTensor((5, 4)), KerasTensor((3,), "int32"), KerasTensor((), "int32")
    assert x[index].shape == (3, 4)
    assert x[:, index].node.inputs == [x, index]
    assert x[1:size].node.inputs == [x, size]
    graph = Graph([x, size], x[1:size])
    assert graph.run([array(5, 4), 3], lambda node, args, _: args[0][args[1]]).shape == (2, 4)


def test_operators_on_symbols():
    x = KerasTensor((None, 3))
    for y in (-x, abs(x), x + 1, 1 - x, x * x, 2 / x, x // 2, x % 2, x**2, round(x, 1), array(3) * x, x.reshape((-1, 3))):
        assert (y.shape, y.dtype) == ((None, 3), "float32")
    for y in (x < 1, x >= x, x != 0, ~(x > 0), (x > 0) & (x < 1)):
        assert (y.shape, y.dtype) == ((None, 3), "bool")
    assert (x @ KerasTensor((3, 5))).shape == (None, 5)
    assert x[..., 0].shape == (None,)


def test_operators_on_variables(backend):
    v = Variable(array(2, 3))
    for found, wanted in (
        (v + 1, array(2, 3) + 1),
        (1 - v, 1 - array(2, 3)),
        (array(2, 3) * v, array(2, 3) ** 2),
        (v @ array(3, 2), array(2, 3) @ array(3, 2)),
        (v[1], array(2, 3)[1]),
        (v == 1, array(2, 3) == 1),
        (-v, -array(2, 3)),
    ):
        np.testing.assert_allclose(ops.convert_to_numpy(found), wanted)
    assert v in {v}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: ops.add(x, array(4)), r"ops.add: shapes \(2, 3\) and \(4,\) do not broadcast.*x1=float32\[2, 3\]"),
        (lambda x: ops.matmul(x, x), r"ops.matmul: the inner dimensions .* differ: 3 and 2"),
        (lambda x: ops.reshape(x, (4, 5)), r"ops.reshape: .* 6 elements cannot take the shape \(4, 5\)"),
        (lambda x: ops.sum(x, axis=2), "ops.sum: axis 2 is out of bounds for a tensor of rank 2"),
        (lambda x: ops.cast(x, "flot32"), "Invalid dtype: 'flot32' is none of"),
        (lambda x: ops.concatenate(x), "ops.concatenate: xs must be a list of tensors, not one tensor"),
        (lambda x: ops.einsum("ij,jk->ik", x, x), "gives 'j' the sizes 3 and 2"),
        (lambda x: ops.pad(x, 1, mode="mirror"), "mode 'mirror' is none of"),
        (lambda x: ops.unstack(x, num=3), "ops.unstack: num 3 is not the size of axis 0"),
        (lambda x: ops.slice(x, (1, 1), (1, 3)), r"ops.slice: .*inputs=float32\[2, 3\]"),
        (lambda x: ops.max_pool(ops.reshape(x, (1, 2, 3)), 4), "ops.max_pool: .*window that reaches over 4 positions does not fit"),
        (lambda x: ops.irfft((x, x), 0), "ops.irfft: a transform needs one point or more, not 0"),
    ],
)
def test_errors_name_the_op_and_the_shapes(call, message, backend):
    with pytest.raises(OpError, match=message):
        call(backend.convert(array(2, 3)))


# ---------------------------------------------------------------------------------------------------- tensor verbs


def test_conversion_infers_keras_widths(backend):
    for value, dtype in ((1, "int32"), (2**40, "int64"), (1.5, "float32"), (True, "bool"), (1j, "complex64")):
        assert backend.dtype(backend.convert(value)) == dtype
    for value, dtype in (([1, 2], "int32"), ([1, 2.5], "float32"), ([[True]], "bool"), ([], "float32")):
        assert backend.dtype(backend.convert(value)) == dtype
    assert backend.dtype(backend.convert(array(2, dtype="float64"))) == "float64"
    assert backend.dtype(backend.convert(2.7, "int32")) == "int32"


def test_conversion_copies_and_reads_back(backend):
    source = array(2, 3)
    converted = backend.convert(source)
    source[:] = -1
    np.testing.assert_array_equal(backend.numpy(converted), array(2, 3))
    for dtype in ("bfloat16", "float16", "bool", "uint8", "int64", "complex64"):
        one = array(2, 3).astype(getattr(ml_dtypes, dtype, dtype))
        back = backend.numpy(backend.convert(one))
        assert back.dtype == one.dtype
        np.testing.assert_array_equal(back, one)


def test_conversion_of_nests_with_tensors(backend):
    nest = [backend.convert(array(2)), Variable(array(2)), array(2)]
    assert backend.shape(backend.convert(nest)) == (3, 2)
    for name in backend_registry.BUILT_IN:
        if backend_registry.installed(name):
            foreign = backend_registry.get(name).convert(array(2, 3))
            np.testing.assert_array_equal(backend.numpy(backend.convert(foreign)), array(2, 3))


def test_devices_and_rows(backend):
    assert backend.devices()[-1].startswith("cpu")
    rows = backend.gather(backend.convert(array(4, 2)), np.array([3, 0]))
    np.testing.assert_array_equal(backend.numpy(rows), array(4, 2)[[3, 0]])
    assert backend.dtype(backend.cast(backend.convert([1 + 2j]), "float32")) == "float32"


def test_nothing_is_differentiated_within_no_gradient(backend):
    v = Variable(array(2) + 1)

    def loss():
        with backend.no_gradient():
            held = ops.sum(ops.square(v))
        return ops.add(held, ops.sum(v))

    _, (gradient,) = backend.value_and_gradients(loss, [v])
    np.testing.assert_allclose(backend.numpy(gradient), [1, 1])


def test_numpy_takes_every_dtype_without_dimensions(backend):
    for dtype in ("bool", "int8", "float16", "bfloat16", "float64"):
        assert backend.numpy(backend.convert(1, dtype)).shape == ()


def test_numpy_arrays_of_users_are_theirs_to_change(backend):
    values = ops.convert_to_numpy(backend.convert(array(2)))
    values[0] = 5
    assert values[0] == 5


# ---------------------------------------------------------------------------------------------------- unknown sizes


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (ops.squeeze, (None, 3)),
        (lambda x: ops.meshgrid(x[:, 0, 0], x[0, 0])[1], (3, None)),
        (lambda x: ops.rearrange(x, "b h c -> (b c) h"), (None, 1)),
    ],
)
def test_a_batch_of_one_is_a_batch(function, shape, backend):
    x = KerasTensor((None, 1, 3))
    out = function(x)
    assert out.shape == shape
    (found,) = Graph([x], [out]).run([backend.convert(array(1, 1, 3))], lambda node, args, kwargs: node.operation(*args, **kwargs))
    assert [n for n, known in zip(backend.shape(found), shape, strict=True) if known] == [n for n in shape if n]


def test_sparse_tensors_become_dense_when_asked(backend):
    assert not ops.convert_to_tensor(KerasTensor((2, 3), sparse=True), sparse=False).sparse
    assert ops.convert_to_tensor(KerasTensor((2, 3), sparse=True)).sparse
    dense = backend.convert(array(2, 3))
    np.testing.assert_array_equal(backend.numpy(ops.convert_to_tensor(dense, sparse=False)), array(2, 3))
