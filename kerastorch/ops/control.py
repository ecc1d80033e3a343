"""Control flow: loops and branches, and what is done to gradients.

On tensors these run. On KerasTensors, and while a layer's call is recorded, the functions that they are given are
recorded too: each becomes a `Body`, a graph held by the loop's node, and what it takes from outside becomes further
operands of that node.
"""

import functools
import re
from collections.abc import Callable, Sequence
from typing import Any

from kerastorch import backend_registry, ops, scope, shapes, tree
from kerastorch.dtypes import concrete, of_python
from kerastorch.graph import Graph, KerasTensor, Node
from kerastorch.op import Tensor, Tensors, constant, dtype_of, op, operand, shape_of
from kerastorch.variable import Variable


class Body(Graph):
    """What a loop or branch runs: a graph that can be called on tensors for its inputs and gives a list of tensors."""

    def __call__(self, *values):
        return self.run(values, lambda node, args, kwargs: node.operation(*args, **kwargs))

    def get_config(self):
        """The body as the configuration of a functional model.

        Raises:
            TypeError: Where it calls layers or changes variables, which the model around it would have to share.
        """
        from kerastorch.layers.input import Input
        from kerastorch.models.model import Functional

        odd = [n.title for n in self.nodes if n.layer is not None or n.operation.op is None] or self.effects
        if odd:
            raise TypeError(f"a loop or branch that calls layers or changes variables ({odd[0]}) cannot be written to a "
                            "configuration; put it into the call of a Layer")  # fmt: skip
        with scope.own_names():
            inputs = [Input(batch_shape=t.shape, dtype=t.dtype) for t in self.inputs]
            return Functional(inputs, self(*inputs), name="body").get_config()

    @classmethod
    def from_config(cls, config):
        """The body that `get_config` described."""
        from kerastorch.models.model import Functional

        with scope.own_names():
            graph = Functional.from_config(config).graph
        return cls(graph.inputs, tree.leaves(graph.outputs))


# What a call gives follows from its bodies; those of the last two ops below are no graphs, and say it when they are recorded.


def _scan_shapes(operands, *, body, n_carry, length):
    return [t.shape if i < n_carry else (length, *t.shape) for i, t in enumerate(body.outputs)]


def _scan_dtypes(operands, *, body):
    return None, [t.dtype for t in body.outputs]


def _cond_shapes(pred, operands, *, true_body, false_body):
    return [joined(a, b)[0] for a, b in zip(true_body.outputs, false_body.outputs, strict=True)]


def _cond_dtypes(pred, operands, *, true_body):
    return None, [t.dtype for t in true_body.outputs]


def _while_shapes(operands, *, body):
    return [joined(a, b)[0] for a, b in zip(body.inputs, body.outputs)]  # noqa: B905 (then come inputs that stay as they are)


def _while_dtypes(operands, *, body):
    return None, [t.dtype for t in body.outputs]


def _from_function(*operands):
    raise ValueError("the shapes follow from the function, which was recorded already")


def _open(*operands):
    return None, None


# What a backend lowers. Bodies take and give flat lists of tensors: a Body where recorded, else any function.


@op(shape=_scan_shapes, dtype=_scan_dtypes, transparent=True)
def scan_(operands: Tensors, body, n_carry, n_xs, length, reverse, unroll):
    """Runs `body(*carry, *slices, *rest) -> [*carry, *ys]` along the first axis of some operands.

    Args:
        operands: `n_carry` first values of what is carried on, `n_xs` tensors that are sliced, and what all steps get.
        body: What is run.
        n_carry, n_xs: How many operands are carried on, and how many are sliced.
        length: Number of steps; None is the size of the first axis of what is sliced.
        reverse: Whether the last slice comes first; results are in the order of the slices all the same.
        unroll: Whether the steps may be written out.

    Returns:
        The last values of what is carried on, then each result of the steps, stacked.
    """


@op(shape=_cond_shapes, dtype=_cond_dtypes, transparent=True)
def cond_(pred: Tensor, operands: Tensors, true_body, false_body):
    """What `true_body(*operands)` gives where `pred` is true, else what `false_body(*operands)` gives."""


@op(shape=_while_shapes, dtype=_while_dtypes, transparent=True)
def while_(operands: Tensors, going, body, n_carry, maximum_iterations):
    """Runs `body(*carry, *rest) -> carry` while `going(*carry, *rest)` is true; `n_carry` operands are carried on."""


@op(shape=_from_function, dtype=_open, transparent=True)
def custom_gradient_(operands: Tensors, function):
    """Runs `function(*operands) -> (outputs, gradient)`, where `gradient` replaces what differentiation would find."""


@op(shape=_from_function, dtype=_open, transparent=True)
def vectorized_(operands: Tensors, function):
    """Runs `function` on the slices of the operands along their first axes, all at once."""


# ------------------------------------------------------------------------------------------------ recording


def recording(values: Sequence[Any]) -> bool:
    """Whether a call with these operands is recorded."""
    return scope.is_symbolic() or any(isinstance(v, KerasTensor) for v in values)


def symbolic(value: Any) -> Any:
    """An operand as it stands in a node: numbers and arrays become constants of the record where one is being made."""
    return constant(value) if isinstance(value, KerasTensor) or not scope.is_symbolic() else ops.convert_to_tensor(value)


def alike(value: Any) -> KerasTensor:
    """A fresh KerasTensor of an operand's shape and dtype."""
    return KerasTensor(shape_of(value), concrete(dtype_of(value)))


def record(function: Callable, inputs: Sequence[KerasTensor]) -> tuple[Body, Any]:
    """What `function` does to KerasTensors as a Body, and its result as given.

    The Body's inputs are those given, then the KerasTensors from outside that the function uses.
    """
    start = Node(record, (), {}).serial
    with scope.tracing() as effects:
        result = function(*inputs)
        outputs = [x if isinstance(x, KerasTensor) else ops.convert_to_tensor(x) for x in leaves(result)]
    captured: dict[int, KerasTensor] = {}
    known = {id(t) for t in inputs}
    stack = [*outputs, *(t for node in effects for t in node.inputs)]
    while stack:
        t = stack.pop()
        if id(t) in known:
            continue
        known.add(id(t))
        if t.node is None or t.node.serial < start:
            captured[id(t)] = t
        else:
            stack.extend(t.node.inputs)
    outside = sorted(captured.values(), key=lambda t: (-1 if t.node is None else t.node.serial, t.index, id(t)))
    return Body([*inputs, *outside], outputs, effects=effects), result


def specs(function: Any, args: tuple[Any, ...]) -> list[tuple[Any, str]]:
    """The shapes and dtypes of what a control-flow op gives."""
    return list(zip(function.op.shape(args), function.op.dtype(args)[1], strict=True))


def emit(function: Callable, args: tuple[Any, ...], bodies: Sequence[Body]) -> list:
    """Makes a node of a control-flow op; where a body assigns to variables, the node is an effect itself."""
    node = Node(function, args, {})
    if any(b.effects for b in bodies) and scope.state.effects is not None:
        scope.state.effects.append(node)
    return node.emit([KerasTensor(s, d) for s, d in specs(function, args)])


def packed(structure: Any, flat: Sequence[Any]) -> Any:
    """A flat list in the form of a nest, whose None stay None."""
    rest = iter(flat)
    return tree.map_structure(lambda x: None if x is None else next(rest), structure)


def leaves(structure: Any) -> list[Any]:
    """The leaves of a nest without None."""
    return [x for x in tree.leaves(structure) if x is not None]


def home(values: Sequence[Any]) -> Any:
    """The backend on which a call with these operands runs."""
    owners = [b for b in [backend_registry.of(v) for v in values] if b is not None]
    owners += [v.backend for v in values if isinstance(v, Variable) and v.backend is not None]
    return owners[0] if owners else backend_registry.active()


# ------------------------------------------------------------------------------------------------ scan and map


def scan(f, init, xs=None, length=None, reverse=False, unroll=1):
    """Runs a function along the first axis of tensors, carrying a state from step to step.

    Args:
        f: `f(carry, x) -> (carry, y)`; the carry keeps its structure, shapes and dtypes.
        init: First carry: a tensor or a nest of them.
        xs: Tensor, or nest of tensors, whose slices along axis 0 are the `x`; None gives None.
        length: Number of steps; needed where `xs` is None.
        reverse: Whether the steps run from the last slice to the first.
        unroll: How many steps may be written out in a compiled loop, or whether all are; changes no result.

    Returns:
        (last carry, the `y` stacked along a new axis 0).

    Raises:
        TypeError, ValueError: If `f` is not callable, `unroll` is not positive, or the number of steps is open.
    """
    if not callable(f):
        raise TypeError(f"scan: f should be a callable. Received: {f!r}")
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise ValueError(f"scan: unroll must be an positive integer or boolean. Received: {unroll!r}")
    if xs is None and length is None:
        raise ValueError("scan: xs to scan over and length are both None, so the number of steps is open")
    carry, slices = leaves(init), leaves(xs)
    n, structure = len(carry), {}

    def body(*flat):
        state, y = f(packed(init, flat[:n]), packed(xs, flat[n : n + len(slices)]))
        if len(leaves(state)) != n:
            raise ValueError(f"scan: f gave a carry of {len(leaves(state))} tensors where init has {n}")
        structure["y"] = y if y is not None else [ops.zeros_like(x) for x in flat[:n]]
        return [*leaves(state), *leaves(structure["y"])]

    steps = int(length) if length is not None else shape_of(slices[0])[0]
    values = [*carry, *slices]
    if recording(values) or steps == 0:
        values = [symbolic(v) for v in values]
        firsts = [alike(v) for v in values]
        for i in range(n, len(values)):
            firsts[i] = KerasTensor(firsts[i].shape[1:], firsts[i].dtype)
        graph, _ = record(body, firsts)
        args = ([*values, *graph.inputs[len(values) :]], graph, n, len(slices), steps, reverse, unroll)
        if recording(values):
            out = emit(scan_, args, [graph])
        else:
            out = [*carry, *(ops.zeros(s, dtype=d) for s, d in specs(scan_, args)[n:])]
    else:
        owner = home(values)
        values = [operand(owner, v) for v in values]
        out = scan_.op.implementation(owner)(values, body, n, len(slices), steps, reverse, unroll)
    return packed(init, out[:n]), packed(structure["y"], out[n:])


def run_steps(operands, body, n_carry, n_xs, length, reverse, unstack, stack):
    """`scan_` as a Python loop, for backends that run eagerly.

    Args:
        operands, body, n_carry, n_xs, length, reverse: As for `scan_`.
        unstack: Splits a tensor along its first axis.
        stack: Joins tensors along a new first axis.
    """
    carry, rest = operands[:n_carry], operands[n_carry + n_xs :]
    rows = [unstack(x) for x in operands[n_carry : n_carry + n_xs]]
    length = len(rows[0]) if length is None else length
    kept = []
    for i in reversed(range(length)) if reverse else range(length):
        out = body(*carry, *(row[i] for row in rows), *rest)
        carry = out[:n_carry]
        kept.append(out[n_carry:])
    if reverse:
        kept.reverse()
    return [*carry, *(stack(ys) for ys in zip(*kept, strict=True))]


def map(f, xs):
    """The results of a function on each slice of tensors along axis 0, stacked.

    Args:
        f: `f(x) -> y`.
        xs: Tensor, or nest of tensors.
    """
    return scan(lambda _, x: ((), f(x)), (), xs)[1]


def vectorized_map(function, elements):
    """The results of a function on each slice of tensors along axis 0, worked out all at once where the backend can.

    Args:
        function: `function(x) -> y`, without side effects.
        elements: Tensor, or nest of tensors.
    """
    values = leaves(elements)
    if recording(values):
        return map(function, elements)
    owner = home(values)
    structure = {}

    def flat(*slices):
        structure["y"] = function(packed(elements, slices))
        return leaves(structure["y"])

    out = vectorized_.op.implementation(owner)([operand(owner, v) for v in values], flat)
    return packed(structure["y"], out)


def vectorize(pyfunc, *, excluded=None, signature=None):
    """A function of single elements (or of small arrays) as one of whole tensors, which broadcast against each other.

    Args:
        pyfunc: Function of one element of each tensor, written over ops, with a tensor or a nest of tensors as result.
        excluded: Positions and names of arguments that are passed on whole.
        signature: How many dimensions of each tensor the function takes at once, such as "(m,n),(n)->(m)"; None is none.

    Returns:
        A function that works out all elements at once where the backend can.

    Raises:
        ValueError: If `pyfunc` is not callable, or called with another number of tensors than `signature` has.
    """
    if not callable(pyfunc):
        raise ValueError(f"vectorize: Expected argument `pyfunc` to be a callable, not {pyfunc!r}")
    whole = frozenset(excluded or ())
    cores = None
    if signature is not None:
        cores = [len(re.findall(r"\w+", dims)) for dims in re.findall(r"\(([^()]*)\)", signature.partition("->")[0])]

    @functools.wraps(pyfunc)
    def vectorized(*args, **kwargs):
        given = dict(enumerate(args)) | kwargs
        places = [place for place in given if place not in whole and of_python(given[place]) is None]
        tensors = [ops.convert_to_tensor(given[place]) for place in places]
        ranks = [0] * len(tensors) if cores is None else cores  # numbers are the same for every element
        if len(ranks) != len(tensors):
            raise ValueError(f"vectorize: the signature {signature!r} has {len(ranks)} tensors, but {len(tensors)} were given")

        def element(*slices):
            now = given | dict(zip(places, slices, strict=True))
            return pyfunc(*(now[i] for i in range(len(args))), **{name: now[name] for name in kwargs})

        inner = [tuple(t.shape[len(t.shape) - rank :]) for t, rank in zip(tensors, ranks, strict=True)]
        outer = shapes.broadcast(*(tuple(t.shape[: len(t.shape) - rank]) for t, rank in zip(tensors, ranks, strict=True)))
        if not outer:
            return element(*tensors)
        flat = [
            ops.reshape(ops.broadcast_to(t, (*outer, *dims)), (-1, *dims)) for t, dims in zip(tensors, inner, strict=True)
        ]
        out = vectorized_map(lambda slices: element(*slices), flat)
        return tree.map_structure(lambda y: ops.reshape(y, (*outer, *y.shape[1:])), out)

    return vectorized


def associative_scan(f, elems, reverse=False, axis=0):
    """All partial results of an associative function along an axis, in a logarithmic number of calls.

    Args:
        f: `f(a, b) -> c` on nests of tensors, element-wise along `axis`, with `f(f(a, b), c) == f(a, f(b, c))`.
        elems: Tensor, or nest of tensors of one size along `axis`.
        reverse: Whether the partial results begin at the end.
        axis: The axis.

    Raises:
        TypeError, ValueError: If `f` is not callable, or the sizes along `axis` differ.
    """
    if not callable(f):
        raise TypeError(f"associative_scan: f should be a callable. Received: {f!r}")
    parts = [ops.convert_to_tensor(x) for x in leaves(elems)]
    axes = [shapes.normalize_axis(axis, len(x.shape)) for x in parts]
    sizes = {x.shape[a] for x, a in zip(parts, axes, strict=True)} - {None}
    if len(sizes) > 1:
        raise ValueError(f"associative_scan: the tensors must agree in what is scanned as their first dimension, axis {axis}; "
                         f"got shapes {[tuple(x.shape) for x in parts]}")  # fmt: skip

    def combine(before, behind):
        return leaves(f(packed(elems, before), packed(elems, behind)))

    parts = [ops.flip(x, axis=a) for x, a in zip(parts, axes, strict=True)] if reverse else parts
    parts = doubled(combine, parts, axes, sizes.pop()) if sizes else doubled_open(combine, parts, axes)
    parts = [ops.flip(x, axis=a) for x, a in zip(parts, axes, strict=True)] if reverse else parts
    return packed(elems, parts)


def doubled(combine, parts, axes, size):
    """`associative_scan` of lists of tensors: after each round an element joins twice as many elements before it."""

    def cut(x, a, start, stop):
        return x[(slice(None),) * a + (slice(start, stop),)]

    step = 1
    while step < size:
        before = [cut(x, a, None, size - step) for x, a in zip(parts, axes, strict=True)]
        behind = [cut(x, a, step, None) for x, a in zip(parts, axes, strict=True)]
        made = combine(before, behind)
        parts = [ops.concatenate([cut(x, a, None, step), y], axis=a) for x, a, y in zip(parts, axes, made, strict=True)]
        step *= 2
    return parts


def doubled_open(combine, parts, axes):
    """As `doubled`, where the size is not known yet: what an element without one so far before it gets is dropped."""
    x, a = parts[0], axes[0]
    size = ops.size_of(x, a)
    counts = ops.cumsum(ops.ones_like(x, dtype="int32"), axis=a)
    index = ops.subtract(counts[tuple(slice(None) if i == a else 0 for i in range(len(x.shape)))], 1)

    def round_(step, size, index, *parts):
        before = [
            ops.take(x, ops.maximum(ops.subtract(index, step), 0), axis=a) for x, a in zip(parts, axes, strict=True)
        ]
        joins = ops.greater_equal(index, step)
        made = combine(before, parts)
        out = [
            ops.where(ops.reshape(joins, (-1,) + (1,) * (len(x.shape) - 1 - a)), y, x)
            for x, a, y in zip(parts, axes, made, strict=True)
        ]
        return ops.multiply(step, 2), size, index, *out

    return while_loop(lambda step, size, *_: ops.less(step, size), round_, (1, size, index, *parts))[3:]


# ------------------------------------------------------------------------------------------------ branches


def cond(pred, true_fn, false_fn):
    """What one of two functions gives.

    Args:
        pred: Scalar truth value.
        true_fn, false_fn: Functions without arguments; where recorded or compiled, their results must be alike.

    Raises:
        ValueError: Where both are recorded and their results differ in structure, shape or dtype.
    """
    if isinstance(pred, Variable):
        pred = ops.convert_to_tensor(pred)
    if not isinstance(pred, KerasTensor):
        owner = backend_registry.of(pred)
        if owner is None:
            return true_fn() if pred else false_fn()
        return cond_.op.implementation(owner)(pred, [], true_fn, false_fn)
    bodies, results = zip(*(record(fn, []) for fn in (true_fn, false_fn)), strict=True)
    if not same_structure(*results):
        raise ValueError(f"cond: the branches give different structures, {results[0]!r} and {results[1]!r}")
    outside = list({id(t): t for b in bodies for t in b.inputs}.values())
    bodies = [Body(outside, b.outputs, effects=b.effects) for b in bodies]
    return packed(results[0], emit(cond_, (pred, outside, *bodies), bodies))


def same_structure(a: Any, b: Any) -> bool:
    """Whether two nests differ in nothing but their leaves, None apart."""
    mark = [tree.map_structure(lambda x: None if x is None else 0, nest) for nest in (a, b)]
    return mark[0] == mark[1]


def joined(a: KerasTensor, b: KerasTensor) -> tuple[Any, str]:
    """The shape and dtype of what is one of two tensors.

    Raises:
        ValueError: Where they differ in dtype, rank or a size that both know.
    """
    sizes = list(zip(a.shape, b.shape))
    if (
        len(a.shape) != len(b.shape)
        or a.dtype != b.dtype
        or any(None not in pair and len({*pair}) > 1 for pair in sizes)
    ):
        raise ValueError(
            f"one tensor must stand for {a.dtype}{list(a.shape)} and {b.dtype}{list(b.shape)}, which differ"
        )
    return tuple(x if x == y else None for x, y in sizes), a.dtype


def switch(index, branches, *operands):
    """What the function at a position gives.

    Args:
        index: Integer scalar; below 0 it means the first function, beyond the end the last one.
        branches: Functions of the operands.
        operands: What the functions are called with.
    """
    last = len(branches) - 1
    if isinstance(index, int):
        return branches[min(max(index, 0), last)](*operands)

    def choose(i):
        if i == last:
            return branches[i](*operands)
        return cond(ops.less_equal(index, i), lambda: branches[i](*operands), lambda: choose(i + 1))

    return choose(0)


# ------------------------------------------------------------------------------------------------ loops


def while_loop(cond, body, loop_vars, maximum_iterations=None):
    """Runs a function on its own results while a condition holds.

    Args:
        cond: `cond(*loop_vars) -> bool scalar`.
        body: `body(*loop_vars) -> loop_vars`, with structure, shapes and dtypes kept.
        loop_vars: Tensor, or tuple or list of tensors and nests of them.
        maximum_iterations: Limit to the number of runs; None is none.

    Returns:
        The last `loop_vars`: a tuple where several were given.
    """
    several = isinstance(loop_vars, tuple | list)
    start = tuple(loop_vars) if several else (loop_vars,)
    values = leaves(start)
    n = len(values)

    def going(*flat):
        return cond(*packed(start, flat[:n]))

    def step(*flat):
        out = body(*packed(start, flat[:n]))
        out = leaves(tuple(out) if isinstance(out, tuple | list) else (out,))
        if len(out) != n:
            raise ValueError(f"while_loop: the body gave {len(out)} tensors where loop_vars has {n}")
        return out

    if recording(values):
        values = [symbolic(v) for v in values]
        bodies = [record(function, [alike(v) for v in values])[0] for function in (going, step)]
        outside = list({id(t): t for b in bodies for t in b.inputs[n:]}.values())
        bodies = [Body([*b.inputs[:n], *outside], b.outputs, effects=b.effects) for b in bodies]
        out = emit(while_, ([*values, *outside], *bodies, n, maximum_iterations), bodies)
    else:
        owner = home(values)
        values = [operand(owner, v) for v in values]
        out = while_.op.implementation(owner)(values, going, step, n, maximum_iterations)
    out = packed(start, out)
    return out if several else out[0]


def fori_loop(lower, upper, body_fun, init_val):
    """Runs `value = body_fun(i, value)` for each integer from `lower` to below `upper`.

    Args:
        lower, upper: Integers, or integer scalars.
        body_fun: `body_fun(i, value) -> value`.
        init_val: First value: a tensor or a nest of them.
    """
    values = leaves(init_val)
    if isinstance(lower, int) and isinstance(upper, int) and not recording(values) and not home(values).tracing():
        value = tree.map_structure(lambda v: None if v is None else operand(home(values), v), init_val)
        for i in range(lower, upper):
            value = body_fun(i, value)
        return value

    def step(i, end, value):
        return ops.add(i, 1), end, body_fun(i, value)

    return while_loop(lambda i, end, _: ops.less(i, end), step, (lower, upper, init_val))[2]


# ------------------------------------------------------------------------------------------------ gradients


class custom_gradient:
    """A function whose gradient is stated rather than found.

    Args:
        f: `f(*args) -> (output, gradient)`, where `gradient(*args, upstream=...)` gives the gradients of the arguments.
            Some frameworks call it with the gradient of the output as its only argument.
    """

    def __init__(self, f):
        self.f = f

    def __call__(self, *args, **kwargs):
        def function(*values):
            return self.f(*values, **kwargs)

        if not recording(args):
            owner = home(args)
            return custom_gradient_.op.implementation(owner)([operand(owner, a) for a in args], function)
        args = [symbolic(a) for a in args]
        with scope.symbolic():
            output, _ = function(*(alike(a) for a in args))
        node = Node(custom_gradient_, (args, function), {})
        return node.emit(tree.map_structure(alike, output))
