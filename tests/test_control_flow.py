"""Loops and branches: run, recorded and replayed, compiled, and differentiated."""

import numpy as np
import pytest

import kerastorch as keras
from kerastorch import backend_registry, ops, scope
from kerastorch.graph import Graph, KerasTensor
from kerastorch.op import trace
from kerastorch.ops import derivative
from kerastorch.variable import Variable

BACKENDS = ["torch", "tensorflow"]
RNG = np.random.default_rng(0)
XS, H0 = RNG.normal(size=(5, 2, 3)).astype("float32"), np.zeros((2, 4), "float32")
W, U = RNG.normal(size=(3, 4)).astype("float32"), RNG.normal(size=(4, 4)).astype("float32") * 0.3


@pytest.fixture(params=BACKENDS)
def backend(request):
    """Each backend in turn, made the active one."""
    with backend_registry.using(request.param) as chosen:
        yield chosen


def recurrent(xs, h, w, u, reverse=False):
    """A simple RNN by scan; the weights are taken from outside of the step."""

    def step(h, x):
        h = ops.tanh(ops.add(ops.matmul(x, w), ops.matmul(h, u)))
        return h, {"h": h, "sum": ops.sum(x, axis=-1)}

    return ops.scan(step, h, xs, reverse=reverse)


def by_hand(reverse):
    h, hs = H0, []
    for x in XS[::-1] if reverse else XS:
        h = np.tanh(x @ W + h @ U)
        hs.append(h)
    return h, np.stack(hs[::-1] if reverse else hs)


def replay(graph, *arrays):
    """A graph run on arrays, as generic lowering does."""
    owner = backend_registry.active()
    return graph.run(map(owner.convert, arrays), lambda node, args, kwargs: node.operation(*args, **kwargs))


def numbers(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [5, None])
def test_scan(backend, reverse, length):
    last, all_ = by_hand(reverse)
    carry, ys = recurrent(XS, H0, W, U, reverse)
    np.testing.assert_allclose(numbers(carry), last, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(numbers(ys["h"]), all_, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(numbers(ys["sum"]), XS.sum(-1), rtol=1e-5, atol=1e-6)
    inputs = [KerasTensor((length, 2, 3)), *(KerasTensor(a.shape) for a in (H0, W, U))]
    graph = trace(lambda *a: recurrent(*a, reverse), inputs)
    graph.lint()
    (node,) = graph.nodes
    assert [t.shape for t in node.outputs] == [(2, 4), (length, 2, 4), (length, 2)] and len(node.args[0]) == 4
    carry, ys = replay(graph, XS, H0, W, U)
    np.testing.assert_allclose(numbers(carry), last, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(numbers(ys["h"]), all_, rtol=1e-5, atol=1e-6)


def test_gradients_agree(backend):
    weights = [Variable(a) for a in (W, U)]
    inputs = [KerasTensor(a.shape) for a in (XS, H0)]
    graph = trace(lambda xs, h: recurrent(xs, h, *weights)[0], inputs)
    losses = (lambda: ops.sum(recurrent(XS, H0, *weights)[0]), lambda: ops.sum(replay(graph, XS, H0)))
    run, recorded = (backend.value_and_gradients(loss, weights)[1] for loss in losses)
    for a, b in zip(run, recorded, strict=True):
        np.testing.assert_allclose(numbers(a), numbers(b), rtol=1e-5, atol=1e-6)
        assert np.abs(numbers(a)).max() > 0


def test_scan_without_xs_or_results(backend):
    carry, ys = ops.scan(lambda c, _: (ops.add(c, 1), c), 0, length=4)
    assert int(carry) == 4 and list(numbers(ys)) == [0, 1, 2, 3]
    assert [y.shape for y in ops.scan(lambda c, x: (c, None), H0, XS)[1]] == [(5, 2, 4)]
    carry, ys = ops.scan(lambda c, x: (ops.add(c, x), x), 0.0, np.zeros((0,), "float32"))
    assert float(carry) == 0 and ys.shape == (0,)


@pytest.mark.parametrize("make,error", [
    (lambda: ops.scan(3, 0, length=2), TypeError), (lambda: ops.scan(lambda c, x: (c, x), 0), ValueError),
    (lambda: ops.scan(lambda c, x: (c, x), 0, length=2, unroll=0), ValueError),
    (lambda: ops.scan(lambda c, x: ((c, c), x), 0, XS), ValueError), (lambda: ops.associative_scan(3, XS), TypeError),
    (lambda: ops.associative_scan(ops.add, [XS, H0]), ValueError),
    (lambda: ops.while_loop(lambda i: i < 3, lambda i: (i, i), 0), ValueError),
])  # fmt: skip
def test_errors(make, error):
    with pytest.raises(error, match=r"\w"):
        make()


def test_effects_in_a_body_stay(backend):
    seen = Variable(np.float32(0))

    def call(xs):
        def step(c, x):
            seen.assign(ops.add(c, x))
            return ops.add(c, x), x

        return ops.scan(step, 0.0, xs)[1]

    graph = trace(call, [KerasTensor((3,))])
    assert len(graph.effects) == 1
    replay(graph, np.arange(3, dtype="float32"))
    assert float(seen) == 3


def test_cond(backend):
    x = backend.convert(np.float32(3))
    assert float(ops.cond(ops.greater(x, 2.0), lambda: x * 2, lambda: x - 1)) == 6
    assert ops.cond(False, lambda: 1, lambda: 2) == 2
    symbol = KerasTensor(())
    out = ops.cond(ops.greater(symbol, 2.0), lambda: {"a": symbol * 2, "b": None}, lambda: {"a": symbol - 1, "b": None})
    graph = Graph([symbol], out)
    assert [float(replay(graph, np.float32(v))["a"]) for v in (3, 1)] == [6, 0]
    pred = ops.greater(symbol, 2.0)
    assert ops.cond(pred, lambda: KerasTensor((2, 3)), lambda: KerasTensor((None, 3))).shape == (None, 3)
    for other in (lambda: [symbol], lambda: KerasTensor((1,)), lambda: KerasTensor((), "int32")):
        with pytest.raises(ValueError, match="differ"):
            ops.cond(pred, lambda: symbol, other)


def test_switch(backend):
    branches = [lambda v: v, lambda v: v * 2, lambda v: v * 3]
    five = backend.convert(np.float32(5))
    for index, factor in ((-1, 1), (0, 1), (1, 2), (2, 3), (9, 3)):
        assert float(ops.switch(index, branches, five)) == 5 * factor
        assert float(ops.switch(backend.convert(np.int32(index)), branches, five)) == 5 * factor


def test_loops(backend):
    def total(n):
        return ops.while_loop(lambda i, s: ops.less(i, n), lambda i, s: (ops.add(i, 1), ops.add(s, i)), (0, 0))[1]

    assert int(total(5)) == 10
    assert int(ops.while_loop(lambda i: ops.less(i, 9), lambda i: ops.add(i, 2), 0, maximum_iterations=2)) == 4
    assert int(ops.fori_loop(2, 6, lambda i, v: ops.add(v, i), 0)) == 14
    symbol = KerasTensor((), "int32")
    with scope.symbolic():
        recorded = total(symbol)
    assert int(replay(Graph([symbol], recorded), np.int32(6))) == 15
    assert int(replay(Graph([symbol], ops.fori_loop(0, symbol, lambda i, v: ops.add(v, i), 0)), np.int32(6))) == 15


def test_maps(backend):
    xs = backend.convert(XS)
    for function in (ops.map, ops.vectorized_map):
        np.testing.assert_allclose(numbers(function(lambda x: ops.sum(x, axis=0), xs)), XS.sum(1), rtol=1e-5, atol=1e-6)
        pair = function(lambda x: (ops.sum(x["a"]), x["b"]), {"a": xs, "b": xs})
        np.testing.assert_allclose(numbers(pair[0]), XS.sum((1, 2)), rtol=1e-5, atol=1e-6)
        symbol = KerasTensor((5, 2, 3))
        graph = Graph([symbol], function(lambda x: ops.sum(x, axis=0), symbol))
        np.testing.assert_allclose(numbers(replay(graph, XS)), XS.sum(1), rtol=1e-5, atol=1e-6)


def test_vectorize(backend):
    xs = backend.convert(XS)
    halves = ops.vectorize(lambda a, b: (ops.subtract(a, b), ops.maximum(a, b)))(xs, xs[:1, :, :1])
    np.testing.assert_allclose(numbers(halves[0]), XS - XS[:1, :, :1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(numbers(halves[1]), np.maximum(XS, XS[:1, :, :1]), rtol=1e-5, atol=1e-6)
    assert numbers(ops.vectorize(lambda a, b: ops.add(a, b))(xs, 2)).shape == XS.shape
    product = ops.vectorize(ops.matmul, signature="(m,n),(n)->(m)")(xs, xs[0, 0])
    np.testing.assert_allclose(numbers(product), XS @ XS[0, 0], rtol=1e-5, atol=1e-6)
    sums = ops.vectorize(lambda row, axis: ops.sum(row, axis), signature="(n)->()", excluded={1, "axis"})
    for total in (sums(xs, 0), sums(xs, axis=0)):
        np.testing.assert_allclose(numbers(total), XS.sum(-1), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="has 1 tensors, but 2 were given"):
        ops.vectorize(ops.add, signature="(n)->()")(xs, xs)
    with pytest.raises(ValueError, match="callable"):
        ops.vectorize(3)


def test_associative_scan(backend):
    x = np.arange(14).reshape(2, 7)
    np.testing.assert_array_equal(numbers(ops.associative_scan(ops.add, x, axis=1)), np.cumsum(x, 1))
    backwards = np.cumsum(x[:, ::-1], 1)[:, ::-1]
    np.testing.assert_array_equal(numbers(ops.associative_scan(ops.add, x, axis=-1, reverse=True)), backwards)

    def affine(a, b):  # composition is associative but not commutative
        return ops.multiply(a[0], b[0]), ops.add(ops.multiply(a[1], b[0]), b[1])

    factors, shifts = RNG.normal(size=(2, 6)).astype("float32")
    value, wanted = 0.0, []
    for f, s in zip(factors, shifts, strict=True):
        value = value * f + s
        wanted.append(value)
    found = ops.associative_scan(affine, (factors, shifts))[1]
    np.testing.assert_allclose(numbers(found), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("reverse", [False, True])
def test_associative_scan_of_unknown_length(backend, reverse):
    x = np.arange(14, dtype="float32").reshape(2, 7)
    symbol = KerasTensor((2, None))
    ys = ops.associative_scan(lambda a, b: (ops.add(a[0], b[0]),), (symbol,), axis=1, reverse=reverse)
    assert ys[0].shape == (2, None)
    wanted = np.cumsum(x[:, ::-1], 1)[:, ::-1] if reverse else np.cumsum(x, 1)
    np.testing.assert_array_equal(numbers(replay(Graph([symbol], ys), x)[0]), wanted)


def test_custom_gradient(backend):
    @ops.custom_gradient
    def squared(x):
        def gradient(*args, upstream=None):
            return (args[0] if upstream is None else upstream) * 100.0

        return ops.square(x), gradient

    v = Variable(np.float32(3))
    symbol = KerasTensor(())
    graph = Graph([symbol], squared(symbol))

    def recorded():
        value = ops.convert_to_tensor(v)
        return graph.run([value], lambda node, args, kwargs: node.operation(*args, **kwargs))

    for loss in (lambda: squared(v), recorded):
        value, (gradient,) = backend.value_and_gradients(loss, [v])
        assert numbers(value) == 9 and numbers(gradient) == 100


# ---------------------------------------------------------------------------------------------------- directions


def test_jvp_eager_and_recorded(backend):
    def function(a, b, w):
        return {"product": ops.multiply(a, b), "sine": ops.sin(a)}, ops.add(ops.sum(b), w)

    a, b, da, db = (RNG.normal(size=(2, 3)).astype("float32") for _ in range(4))

    def run(a, b, da, db, w):
        results, moved, aux = ops.jvp(lambda a, b: function(a, b, w), (a, b), (da, db), has_aux=True)
        return [results["product"], results["sine"], moved["product"], moved["sine"], aux]

    expected = [a * b, np.sin(a), da * b + a * db, np.cos(a) * da, b.sum() + 2]
    inputs = [backend.convert(x) for x in (a, b, da, db, np.float32(2))]
    symbols = [KerasTensor(x.shape, "float32") for x in (a, b, da, db, np.float32(2))]
    outputs = run(*symbols)
    replayed = Graph(symbols, outputs).run(inputs, lambda node, args, kwargs: node.operation(*args, **kwargs))
    assert [t.shape for t in outputs] == [x.shape for x in expected]
    for found in (run(*inputs), replayed):
        for x, wanted in zip(found, expected, strict=True):
            np.testing.assert_allclose(backend.numpy(x), wanted, 1e-5, 1e-6)


def test_jvp_wants_a_direction_for_each_argument(backend):
    with pytest.raises(ValueError, match="tangents have 0 tensors where primals have 1"):
        ops.jvp(ops.sin, (1.0,), ())


def test_recorded_gradients(backend):
    """Of a model's output with respect to its input, and to what was computed from it on the way."""
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(3, activation="tanh")(inputs)
    outputs = keras.layers.Dense(2)(hidden)
    aside = keras.Input((2,))
    model = keras.Model([inputs, aside], derivative.gradients(outputs[:, 0], [inputs, hidden, aside]))
    x = RNG.normal(size=(5, 4)).astype("float32")
    w1, b1, w2, _ = (numbers(w) for w in model.layers[1].weights + keras.Model(inputs, outputs).layers[-1].weights)
    slopes = (1 - np.tanh(x @ w1 + b1) ** 2) * w2[:, 0]
    expected = [slopes @ w1.T, np.tile(w2[:, 0], (5, 1)), np.zeros((5, 2))]
    given = [backend.convert(a) for a in (x, np.ones((5, 2), "float32"))]
    lowered = keras.lower(model, backend.name)(*given)
    for found in (model(given), lowered):
        for mine, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(numbers(mine), theirs, rtol=1e-4, atol=1e-6)
    with pytest.raises(TypeError, match="recorded tensors of floats"):
        derivative.gradients(outputs, [x])


def test_fori_loop_counts_in_python_where_it_can(backend):
    kinds = []
    found = ops.fori_loop(0, 4, lambda i, x: kinds.append(type(i)) or x + i, np.array(0))
    assert kinds == [int] * 4 and int(found) == 6
    assert ops.dtype(found) == "int64"


# ------------------------------------------------------------------------------------------------ configurations

SAVED = {
    "scan": lambda x: ops.scan(lambda c, row: (c + row, c * row), ops.zeros((3,)), x)[1],
    "map over two": lambda x: ops.map(lambda rows: rows[0] * rows[1], (x, x + 1)),
    "vectorized_map": lambda x: ops.vectorized_map(lambda row: row - ops.mean(row), x),
    "cond": lambda x: ops.cond(ops.sum(x) > 0, lambda: x * 2, lambda: x),
    "while with what is outside": lambda x: ops.while_loop(lambda v: ops.sum(v) < 50, lambda v: v + ops.abs(x) + 1, (x * 3,))[0],
    "for in a for": lambda x: ops.fori_loop(0, 2, lambda i, v: ops.fori_loop(0, 3, lambda j, w: w + 1, v) * 2, x),
    "open associative scan": lambda x: ops.associative_scan(ops.add, x),
    "jvp": lambda x: ops.jvp(lambda a: ops.sin(a) * a, (x,), (x * 2,))[1],
}


@pytest.mark.parametrize("case", SAVED)
def test_loops_and_branches_are_saved_as_data(case, tmp_path):
    """What a loop or branch runs was recorded, so a file holds it as a graph: no code, and nothing that has to be registered."""
    inputs = keras.Input((3,), batch_size=None if "open" in case or "for" in case else 4)
    model = keras.Model(inputs, SAVED[case](inputs))
    x = np.random.default_rng(0).standard_normal((4, 3)).astype("float32")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.to_json() == keras.Model.from_config(loaded.get_config()).to_json()
    for backend in ("torch", "tensorflow"):
        expected = keras.lower(model, backend)(backend_registry.get(backend).convert(x))
        found = keras.lower(loaded, backend)(backend_registry.get(backend).convert(x))
        np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-6)


def test_a_loop_that_calls_a_layer_is_not_saved():
    inputs, dense = keras.Input((3,), batch_size=4), keras.layers.Dense(3)
    dense.build((None, 3))
    model = keras.Model(inputs, ops.map(lambda row: dense(row[None])[0], inputs))
    with pytest.raises(TypeError, match="calls layers or changes variables"):
        model.get_config()
