"""Derivatives of functions in a direction."""

from kerastorch.op import Tensors, op, operand
from kerastorch.ops.control import alike, emit, home, leaves, packed, record, recording, symbolic


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
