"""Control flow on torch: Python's own, which autograd follows."""

import torch

from kerastorch.ops import control, derivative
from kerastorch.ops.control import run_steps


def scan(operands, body, n_carry, n_xs, length, reverse, unroll):
    return run_steps(operands, body, n_carry, n_xs, length, reverse, torch.unbind, torch.stack)


def cond(pred, operands, true_body, false_body):
    return (true_body if pred else false_body)(*operands)


def truth(result):
    """A condition's result, which a recorded body gives as a list of one."""
    return bool(result[0] if isinstance(result, list) else result)


def while_loop(operands, going, body, n_carry, maximum_iterations):
    carry, rest = list(operands[:n_carry]), operands[n_carry:]
    runs = 0
    while (maximum_iterations is None or runs < maximum_iterations) and truth(going(*carry, *rest)):
        carry = body(*carry, *rest)
        runs += 1
    return carry


class StatedGradient(torch.autograd.Function):
    """A function that brings its own gradient."""

    @staticmethod
    def forward(ctx, function, *operands):
        output, ctx.gradient = function(*operands)
        ctx.save_for_backward(*operands)
        return output

    @staticmethod
    def backward(ctx, *upstream):
        upstream = upstream[0] if len(upstream) == 1 else upstream
        found = ctx.gradient(*ctx.saved_tensors, upstream=upstream)
        return None, *(found if isinstance(found, tuple | list) else (found,))


def custom_gradient(operands, function):
    return StatedGradient.apply(function, *operands)


def vectorized(operands, function):
    return torch.vmap(function)(*operands)


def jvp(operands, function, n):
    rest = operands[2 * n :]
    out = torch.func.jvp(lambda *values: list(function(*values, *rest)), tuple(operands[:n]), tuple(operands[n : 2 * n]))
    return [*out[0], *out[1]]


def gradient(operands, function):
    with torch.enable_grad():
        value = operands[0].detach().requires_grad_()
        total = sum(x.sum() for x in function(value, *operands[1:]))
        if not total.requires_grad:  # nothing depends on the value, and there are no weights
            return [torch.zeros_like(value)]
        return list(torch.autograd.grad(total, value, allow_unused=True, materialize_grads=True))


TABLE = {
    control.scan_: scan,
    control.cond_: cond,
    control.while_: while_loop,
    control.custom_gradient_: custom_gradient,
    control.vectorized_: vectorized,
    derivative.jvp_: jvp,
    derivative.gradient_: gradient,
}
SCALARS: set = set()
