"""`keras.backend` of Keras 1, 2 and tf.keras: convolutions, pooling, resizing, and recurrence."""

from typing import Any

from kerastorch import ops, scope, tree
from kerastorch.legacy.past import Past, old
from kerastorch.op import shape_of

PAST: dict[str, Past] = {}


def _last(data_format: str | None) -> bool:
    return scope.standardize_data_format(data_format) == "channels_last"


@old(PAST, "keras.ops.conv")
def conv1d(x, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolution of sequences; `padding` may be "causal" too."""
    if padding == "causal":
        before = dilation_rate * (shape_of(kernel)[0] - 1)
        around = ((0, 0), (before, 0), (0, 0)) if _last(data_format) else ((0, 0), (0, 0), (before, 0))
        x, padding = ops.pad(x, around), "valid"
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


@old(PAST, "keras.ops.conv")
def conv2d(x, kernel, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1)):
    """Convolution of images."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


@old(PAST, "keras.ops.conv")
def conv3d(x, kernel, strides=(1, 1, 1), padding="valid", data_format=None, dilation_rate=(1, 1, 1)):
    """Convolution of volumes."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def _transposed(x: Any, kernel: Any, output_shape: Any, strides: Any, padding: str, data_format: Any, dilation: Any) -> Any:
    """A transposed convolution whose result has a given shape."""
    spatial = slice(1, -1) if _last(data_format) else slice(2, None)
    more = []
    wanted = tuple(output_shape)[spatial]
    for size, n, k, s, d in zip(wanted, shape_of(x)[spatial], shape_of(kernel)[: len(wanted)], strides, dilation, strict=True):
        reach = (k - 1) * d + 1
        cut = 2 * (reach // 2) if padding == "same" else 0
        more.append(size - ((n - 1) * s + reach - cut) if n is not None and isinstance(size, int) else None)
    extra = None if None in more else tuple(more)
    return ops.conv_transpose(x, kernel, strides, padding, extra, data_format, dilation)


@old(PAST, "keras.ops.conv_transpose")
def conv2d_transpose(x, kernel, output_shape, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1)):
    """Transposed convolution of images, to a given shape."""
    return _transposed(x, kernel, output_shape, strides, padding, data_format, dilation_rate)


@old(PAST, "keras.ops.conv_transpose")
def conv3d_transpose(x, kernel, output_shape, strides=(1, 1, 1), padding="valid", data_format=None):
    """Transposed convolution of volumes, to a given shape."""
    return _transposed(x, kernel, output_shape, strides, padding, data_format, (1, 1, 1))


@old(PAST, "keras.ops.depthwise_conv")
def depthwise_conv2d(x, depthwise_kernel, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1)):
    """Convolution of images, each channel by itself."""
    return ops.depthwise_conv(x, depthwise_kernel, strides, padding, data_format, dilation_rate)


@old(PAST, "keras.ops.separable_conv")
def separable_conv1d(x, depthwise_kernel, pointwise_kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolution of sequences, each channel by itself, then across channels."""
    return ops.separable_conv(x, depthwise_kernel, pointwise_kernel, strides, padding, data_format, dilation_rate)


@old(PAST, "keras.ops.separable_conv")
def separable_conv2d(x, depthwise_kernel, pointwise_kernel, strides=(1, 1), padding="valid", data_format=None,
                     dilation_rate=(1, 1)):  # fmt: skip
    """Convolution of images, each channel by itself, then across channels."""
    return ops.separable_conv(x, depthwise_kernel, pointwise_kernel, strides, padding, data_format, dilation_rate)


def _pooled(x: Any, pool_size: Any, strides: Any, padding: str, data_format: Any, pool_mode: str) -> Any:
    modes = {"max": ops.max_pool, "avg": ops.average_pool}
    if pool_mode not in modes:
        raise ValueError(f"pooling: pool_mode must be 'max' or 'avg', not {pool_mode!r}")
    return modes[pool_mode](x, pool_size, strides, padding, data_format)


@old(PAST, "keras.ops.max_pool, or keras.ops.average_pool")
def pool2d(x, pool_size, strides=(1, 1), padding="valid", data_format=None, pool_mode="max"):
    """The greatest elements in windows of images, or their means."""
    return _pooled(x, pool_size, strides, padding, data_format, pool_mode)


@old(PAST, "keras.ops.max_pool, or keras.ops.average_pool")
def pool3d(x, pool_size, strides=(1, 1, 1), padding="valid", data_format=None, pool_mode="max"):
    """The greatest elements in windows of volumes, or their means."""
    return _pooled(x, pool_size, strides, padding, data_format, pool_mode)


def _local(inputs: Any, kernel: Any, size: Any, strides: Any, data_format: Any) -> Any:
    """A convolution whose kernel is another one at each place: (places, elements of a window, filters)."""
    last = _last(data_format)
    x = inputs if last else ops.moveaxis(inputs, 1, -1)
    places = [(n - k) // s + 1 for n, k, s in zip(shape_of(x)[1:-1], size, strides, strict=True)]
    windows = x
    for axis, (n, k, s) in enumerate(zip(places, size, strides, strict=True)):
        at = [[i * s + j for j in range(k)] for i in range(n)]
        windows = ops.take(windows, at, axis=1 + 2 * axis)  # (batch, place, within, ..., channels)
    dims = len(places)
    within = (*range(2, 2 * dims + 1, 2), 2 * dims + 1)
    order = (*range(1, 2 * dims, 2), 0, *(within if last else (within[-1], *within[:-1])))
    features, filters = shape_of(kernel)[1:]
    found = ops.matmul(ops.reshape(ops.transpose(windows, order), (shape_of(kernel)[0], -1, features)), kernel)
    found = ops.moveaxis(ops.reshape(found, (*places, -1, filters)), dims, 0)
    return found if last else ops.moveaxis(found, -1, 1)


@old(PAST, "keras.ops.matmul on windows")
def local_conv1d(inputs, kernel, kernel_size, strides, data_format=None):
    """Convolution of sequences with another kernel at each place, `(places, size * channels, filters)`."""
    return _local(inputs, kernel, kernel_size, strides, data_format)


@old(PAST, "keras.ops.matmul on windows")
def local_conv2d(inputs, kernel, kernel_size, strides, output_shape, data_format=None):
    """Convolution of images with another kernel at each place, `(places, height * width * channels, filters)`."""
    return _local(inputs, kernel, kernel_size, strides, data_format)


def _repeated(x: Any, factors: Any, data_format: Any) -> Any:
    first = 1 if _last(data_format) else 2
    for axis, factor in enumerate(factors, first):
        x = ops.repeat(x, factor, axis)
    return x


@old(PAST, "keras.layers.UpSampling2D, or keras.ops.image.resize")
def resize_images(x, height_factor, width_factor, data_format, interpolation="nearest"):
    """Images, enlarged by whole factors."""
    if interpolation == "nearest":
        return _repeated(x, (height_factor, width_factor), data_format)
    shape = ops.shape(x)
    height, width = shape[1:3] if _last(data_format) else shape[2:4]
    size = (height * height_factor, width * width_factor)
    return ops.image.resize(x, size, interpolation=interpolation, data_format=data_format)


@old(PAST, "keras.layers.UpSampling3D")
def resize_volumes(x, depth_factor, height_factor, width_factor, data_format):
    """Volumes, enlarged by repeating their elements."""
    return _repeated(x, (depth_factor, height_factor, width_factor), data_format)


def _where(counts: Any, new: Any, before: Any) -> Any:
    return ops.where(ops.expand_dims(counts, tuple(range(1, len(shape_of(new))))), new, before)


@old(PAST, "keras.layers.RNN, or keras.ops.scan")
def rnn(step_function, inputs, initial_states, go_backwards=False, mask=None, constants=None, unroll=False,
        input_length=None, time_major=False, zero_output_for_mask=False, return_all_outputs=True):  # fmt: skip
    """A function applied to one step of sequences after another.

    Args:
        step_function: `(input, states) -> (output, new states)`.
        inputs: Nest of sequences, `(batch, time, ...)`, or with the time first.
        initial_states: List of states before the first step.
        go_backwards: Whether the last step comes first.
        mask: `(batch, time)`, or `(batch, time, 1)`: true where a step counts.
        constants: List of tensors given to each step behind the states.
        unroll: Whether the steps are written out.
        input_length: Ignored.
        time_major: Whether the time is the first axis, of what is given and what is returned.
        zero_output_for_mask: Whether steps that do not count give zeros, and not the output before.
        return_all_outputs: Whether the outputs of all steps are returned, or the last one alone.

    Returns:
        The last output, all outputs, and the list of states after the last step.
    """

    def steps_first(x: Any) -> Any:
        x = x if time_major else ops.swapaxes(x, 0, 1)
        return ops.flip(x, axis=0) if go_backwards else x

    def run(x: Any, states: Any) -> Any:
        output, new = step_function(x, [*states, *(constants or ())])
        return output, list(new)

    steps, states = tree.map_structure(steps_first, inputs), list(initial_states)
    if mask is None:
        step: Any = lambda states, x: run(x, states)[::-1]  # noqa: E731
        states, outputs = ops.scan(step, states, steps, unroll=unroll or 1)
    else:
        mask = ops.cast(mask, "bool")
        counted = steps_first(mask[..., 0] if len(shape_of(mask)) == 3 else mask)
        first, _ = run(tree.map_structure(lambda x: x[0], steps), states)

        def masked(carry: Any, at: Any) -> Any:
            (before, states), (x, counts) = carry, at
            output, new = run(x, states)
            output = _where(counts, output, ops.zeros_like(output) if zero_output_for_mask else before)
            return (output, [_where(counts, n, s) for n, s in zip(new, states, strict=True)]), output

        start = (tree.map_structure(ops.zeros_like, first), states)
        (_, states), outputs = ops.scan(masked, start, (steps, counted), unroll=unroll or 1)
    last = outputs[-1]
    outputs = outputs if return_all_outputs else outputs[-1:]
    return last, outputs if time_major else ops.swapaxes(outputs, 0, 1), list(states)
