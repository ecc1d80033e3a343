"""Control flow on TensorFlow: Python's own in eager mode, the graph's loops and branches inside a tf.function."""

import tensorflow as tf

from kerastorch.ops import control, derivative
from kerastorch.ops.control import run_steps


def scan(operands, body, n_carry, n_xs, length, reverse, unroll):
    first = operands[n_carry] if n_xs else None
    length = first.shape[0] if length is None and first is not None else length
    if tf.executing_eagerly() or (unroll is True and length is not None) or length == 1:
        return run_steps(operands, body, n_carry, n_xs, length, reverse, tf.unstack, tf.stack)
    carry, xs, rest = operands[:n_carry], operands[n_carry : n_carry + n_xs], operands[n_carry + n_xs :]
    steps = tf.shape(first)[0] if length is None else length
    slices = [tf.TensorSpec(x.shape[1:], x.dtype) for x in xs]
    example = tf.function(lambda *values: list(body(*values, *rest)), autograph=False)
    made = example.get_concrete_function(*(tf.TensorSpec(c.shape, c.dtype) for c in carry), *slices).structured_outputs
    arrays = [tf.TensorArray(y.dtype, size=steps, element_shape=y.shape) for y in made[n_carry:]]
    inputs = [tf.TensorArray(x.dtype, size=steps).unstack(x if length is None else x[:length]) for x in xs]

    def step(i, carry, arrays):
        at = steps - 1 - i if reverse else i
        out = body(*carry, *(x.read(at) for x in inputs), *rest)
        ys = [array.write(at, y) for array, y in zip(arrays, out[n_carry:], strict=True)]
        return i + 1, list(out[:n_carry]), ys

    _, carry, arrays = tf.while_loop(
        lambda i, *_: i < steps, step, (tf.constant(0), list(carry), arrays), maximum_iterations=steps
    )
    return [*carry, *(array.stack() for array in arrays)]


def cond(pred, operands, true_body, false_body):
    if tf.executing_eagerly():
        return (true_body if pred else false_body)(*operands)
    return tf.cond(tf.cast(pred, tf.bool), lambda: true_body(*operands), lambda: false_body(*operands))


def while_loop(operands, going, body, n_carry, maximum_iterations):
    rest = operands[n_carry:]

    def condition(*carry):
        result = going(*carry, *rest)
        return result[0] if isinstance(result, list) else result

    carry = [tf.convert_to_tensor(x) for x in operands[:n_carry]]
    return tf.while_loop(condition, lambda *c: list(body(*c, *rest)), carry, maximum_iterations=maximum_iterations)


def custom_gradient(operands, function):
    return tf.custom_gradient(function)(*operands)


def vectorized(operands, function):
    return tf.vectorized_map(lambda slices: function(*slices), list(operands))


def jvp(operands, function, n):
    values, directions = list(operands[:n]), list(operands[n : 2 * n])
    with tf.autodiff.ForwardAccumulator(values, directions) as accumulator:
        out = list(function(*values, *operands[2 * n :]))
    return [*out, *(accumulator.jvp(x, unconnected_gradients="zero") for x in out)]


def gradient(operands, function):
    value = tf.convert_to_tensor(operands[0])
    with tf.GradientTape() as tape:
        tape.watch(value)
        total = tf.add_n([tf.reduce_sum(x) for x in function(value, *operands[1:])])
    return [tape.gradient(total, value, unconnected_gradients="zero")]


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
