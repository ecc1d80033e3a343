"""Derivatives of functions in a direction."""

from kerastorch import dtypes, tree
from kerastorch.graph import KerasTensor
from kerastorch.op import Tensors, op, operand
from kerastorch.ops.control import Body, alike, emit, home, leaves, packed, record, recording, symbolic


def _shapes(operands, *, function):
    return [t.shape for t in function.outputs] * 2


def _dtypes(operands, *, function):
    return None, [t.dtype for t in function.outputs] * 2


@op(shape=_shapes, dtype=_dtypes, transparent=True)
def jvp_(operands: Tensors, function, n):
    """What `function(*values, *rest)` gives, then the derivatives of all that in a direction.

    Args:
        operands: `n` values, a direction for each, and what else the function takes.
        function: Functions of tensors to a list of tensors.
        n: How many values there are.
    """


def jvp(fun, primals, tangents, has_aux=False):
    """The results of a function, and how they change as its arguments move in a direction (forward-mode differentiation).

    Args:
        fun: `fun(*primals) -> results`, or `(results, others)` with `has_aux`; results are a tensor or a nest of them.
        primals: Tuple or list of the arguments.
        tangents: The direction, alike.
        has_aux: Whether the function gives others too, which are not differentiated.

    Returns:
        (results, derivatives), or (results, derivatives, others) with `has_aux`.
    """
    values, directions, structure = leaves(primals), leaves(tangents), {}
    if len(values) != len(directions):
        raise ValueError(f"jvp: tangents have {len(directions)} tensors where primals have {len(values)}")
    n = len(values)

    def flat(*operands):
        out = fun(*packed(primals, operands[:n]))
        structure["out"], structure["aux"] = out if has_aux else (out, ())
        return [*leaves(structure["out"]), *leaves(structure["aux"])]

    if recording([*values, *directions]):
        operands = [symbolic(v) for v in (*values, *directions)]
        graph, _ = record(flat, [alike(v) for v in operands[:n]])
        out = emit(jvp_, ([*operands, *graph.inputs[n:]], graph, n), [graph])
    else:
        owner = home([*values, *directions])
        out = jvp_.op.implementation(owner)([operand(owner, v) for v in (*values, *directions)], flat, n)
    found, moved = out[: len(out) // 2], out[len(out) // 2 :]
    main = len(leaves(structure["out"]))
    results = packed(structure["out"], found[:main]), packed(structure["out"], moved[:main])
    return (*results, packed(structure["aux"], found[main:])) if has_aux else results


def _gradient_shapes(operands):
    return operands[:1]


def _gradient_dtypes(operands):
    return None, operands[:1]


@op(shape=_gradient_shapes, dtype=_gradient_dtypes, transparent=True)
def gradient_(operands: Tensors, function):
    """How the sum of all that `function(*operands)` gives changes with the first operand."""


def gradients(outputs, inputs):
    """How the sum of recorded tensors changes with others, from which they were computed, as tensors of the same graph.

    Args:
        outputs: KerasTensor, or a nest of them.
        inputs: List of KerasTensors of floats.

    Returns:
        A list of KerasTensors like the inputs; zeros where nothing depends on one.

    Raises:
        TypeError: If an input is something else.
    """
    odd = next((x for x in inputs if not isinstance(x, KerasTensor) or not dtypes.is_float(x.dtype)), None)
    if odd is not None:
        raise TypeError(f"gradients: inputs must be recorded tensors of floats, not {odd!r}")
    return [_gradient(tree.leaves(outputs), x) for x in inputs]  # apart, since one may have been computed from another


def _gradient(outputs, x):
    known, outside, stack = {id(x)}, {}, list(outputs)
    while stack:
        t = stack.pop()
        if id(t) in known:
            continue
        known.add(id(t))
        if t.node is None or not t.node.inputs:
            outside[id(t)] = t
        stack += [] if t.node is None else t.node.inputs
    operands = [x, *outside.values()]
    body = Body(operands, outputs)
    return emit(gradient_, (operands, body), [body])[0]
