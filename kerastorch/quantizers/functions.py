"""Rounding of numbers to integers of few bits and to float8, and packing of two 4-bit integers into a byte: written over ops."""

from kerastorch import dtypes, ops
from kerastorch.op import Tensor, composite, dtype_of


def _wide(x):
    """A tensor in a dtype that can hold a scale: halves and integers as float32."""
    return x if dtype_of(x) in ("float32", "float64") else ops.cast(x, "float32")


@composite
def abs_max_quantize(inputs: Tensor, axis, value_range=(-127, 127), dtype="int8", epsilon=1e-07, to_numpy=False):
    """Rounds to integers, scaled so that the largest absolute value becomes the end of their range.

    Args:
        inputs: Floats of any shape.
        axis: Axis, or several, whose elements share a scale; None is all.
        value_range: Smallest and largest integer.
        dtype: Dtype of the integers.
        epsilon: Added to the largest value, so that zeros can be divided by it.
        to_numpy: Accepted as in Keras, where it says where this is computed.

    Returns:
        The integers, and the scales by which `inputs` were multiplied, with the axes kept as ones.
    """
    x = _wide(ops.convert_to_tensor(inputs))
    axis = tuple(axis) if isinstance(axis, list | tuple) else axis
    largest = ops.max(ops.abs(x), axis=axis, keepdims=True)
    scale = ops.divide(value_range[1], ops.add(largest, epsilon))
    rounded = ops.clip(ops.round(ops.multiply(x, scale)), *value_range)
    given = dtype_of(inputs) if dtypes.is_float(dtype_of(inputs)) else dtype_of(x)
    return ops.cast(rounded, dtype), ops.cast(scale, given)


@composite
def abs_max_quantize_grouped_with_zero_point(
    inputs: Tensor, block_size, value_range=(-8, 7), dtype="int8", epsilon=1e-07, to_numpy=False
):
    """Rounds a matrix to integers, each block of rows in each column from its smallest to its largest value.

    Args:
        inputs: Floats of shape (rows, columns).
        block_size: Rows that share a scale and a zero point; where there are several blocks, the last one is filled with zeros.
        value_range: Smallest and largest integer.
        dtype: Dtype of the integers and of the zero points.
        epsilon: Range of values below which they count as all the same.
        to_numpy: Whether one block that is not full is filled with zeros too, as it is in Keras where numpy computes this.

    Returns:
        The integers, and for each block (first axis) and column the scale and the zero point: a value is
        (integer - zero point) * scale.

    Raises:
        ValueError: If `inputs` is no matrix or `block_size` is not positive.
    """
    if len(inputs.shape) != 2 or block_size < 1:
        raise ValueError(f"a matrix and a positive block_size are needed, not the shape {tuple(inputs.shape)} and {block_size}")
    rows, columns = inputs.shape
    block_size = block_size if to_numpy else min(block_size, rows)
    blocks = -(-rows // block_size)
    low, high = value_range
    x = _wide(ops.convert_to_tensor(inputs))
    x = ops.reshape(ops.pad(x, [[0, blocks * block_size - rows], [0, 0]]), (blocks, block_size, columns))
    least, most = ops.min(x, axis=1, keepdims=True), ops.max(x, axis=1, keepdims=True)
    same = ops.less(ops.subtract(most, least), epsilon)
    least, most = ops.where(same, least - 1.0, least), ops.where(same, most + 1.0, most)
    scale = ops.divide(ops.subtract(most, least), float(high - low))
    zero = ops.clip(ops.round(ops.divide(ops.negative(least), scale)) + float(low), low, high)
    rounded = ops.clip(ops.add(ops.round(ops.divide(x, scale)), zero), low, high)
    rounded = ops.reshape(rounded, (blocks * block_size, columns))[:rows]
    return ops.cast(rounded, dtype), ops.squeeze(scale, 1), ops.cast(ops.squeeze(zero, 1), dtype)


def _byte(what, dtype):
    if dtype not in ("int8", "uint8"):
        raise ValueError(f"Expected dtype to be 'int8' or 'uint8', but got {dtype!r}: {what} is of bytes")


@composite
def pack_int4(arr: Tensor, axis=0, dtype="int8"):
    """Puts two integers of 4 bits into each byte: of each pair along an axis, the first into the lower half.

    Args:
        arr: Integers of dtype `dtype`: from -8 to 7 for int8, from 0 to 15 for uint8.
        axis: The axis; a zero is added at its end where its size is odd.
        dtype: "int8" or "uint8".

    Returns:
        The bytes, their shape, and the size of the axis before.

    Raises:
        ValueError: For any other dtype.
        TypeError: If `arr` is not of it.
    """
    _byte("packing", dtype)
    if dtype_of(arr) != dtype:
        raise TypeError(f"Expected {dtype} tensor for packing, got {dtype_of(arr)}.")
    arr = ops.convert_to_tensor(arr)
    rank = len(arr.shape)
    length = arr.shape[axis]
    axis = axis % rank
    if length % 2:
        arr = ops.pad(arr, [[0, int(i == axis)] for i in range(rank)])
    low, high = (arr[(slice(None),) * axis + (slice(i, None, 2),)] for i in (0, 1))
    # Halves are put together as uint8, since shifts of negative numbers differ between frameworks.
    low, high = (ops.bitwise_and(ops.cast(half, "int32"), 15) for half in (low, high))
    both = ops.bitwise_or(low, ops.bitwise_left_shift(high, 4))
    packed = ops.cast(_signed(both, 256) if dtype == "int8" else both, dtype)
    return packed, tuple(packed.shape), length


def _signed(x, count):
    """Integers from 0 below `count` as those from -count/2 below count/2 that have the same bits."""
    return ops.subtract(ops.bitwise_xor(x, count // 2), count // 2)


@composite
def unpack_int4(packed: Tensor, orig_len, axis=0, dtype="int8"):
    """Takes the integers of 4 bits out of bytes that `pack_int4` made.

    Args:
        packed: The bytes.
        orig_len: Size of the axis before packing.
        axis: The axis.
        dtype: "int8" for integers from -8 to 7, "uint8" for integers from 0 to 15.

    Raises:
        ValueError: For any other dtype.
        TypeError: If `packed` does not hold bytes.
    """
    _byte("unpacking", dtype)
    if dtype_of(packed) not in ("int8", "uint8"):
        raise TypeError(f"Expected int8 or uint8 tensor for unpacking, got {dtype_of(packed)}")
    packed = ops.convert_to_tensor(packed)
    axis = axis % len(packed.shape)
    both = ops.cast(packed, "int32")
    halves = ops.bitwise_and(both, 15), ops.bitwise_and(ops.bitwise_right_shift(both, 4), 15)
    halves = [ops.cast(_signed(half, 16) if dtype == "int8" else half, dtype) for half in halves]
    shape = [-1 if n is None else n for n in packed.shape]
    shape[axis] = 2 * shape[axis]
    together = ops.reshape(ops.stack(halves, axis=axis + 1), shape)
    return together[(slice(None),) * axis + (slice(0, orig_len),)]


# ------------------------------------------------------------------------------------------------ float8

LARGEST = {"float8_e4m3fn": 448.0, "float8_e5m2": 57344.0}


def compute_float8_scale(amax, scale, dtype_max, margin=0):
    """The factor by which values are divided before they become float8.

    Args:
        amax: Largest absolute value of late.
        scale: The factor so far, which stays where `amax` is 0 or not finite.
        dtype_max: Largest value of the float8 dtype.
        margin: Powers of two by which values stay below that.
    """
    inverse = ops.divide(1.0, scale)
    found = ops.divide(ops.divide(dtype_max, amax), 2.0**margin)
    found = ops.where(ops.greater(amax, 0.0), found, inverse)
    return ops.divide(1.0, ops.where(ops.isfinite(amax), found, inverse))


def compute_float8_amax_history(x, amax_history):
    """The largest absolute values of late: those of `amax_history` rotated by one place, and that of `x` at the first one."""
    latest = ops.cast(ops.max(ops.abs(x)), dtype_of(amax_history))
    return ops.concatenate([ops.reshape(latest, (1,)), amax_history[2:], amax_history[:1]], axis=0)


def quantize_and_dequantize(inputs, scale, quantized_dtype, compute_dtype):
    """Values as they come back from float8.

    Args:
        inputs: Floats.
        scale: Factor by which they are divided meanwhile.
        quantized_dtype: "float8_e4m3fn" or "float8_e5m2"; what is beyond its range becomes its largest value.
        compute_dtype: Dtype of the result.
    """
    most = ops.cast(LARGEST[quantized_dtype], compute_dtype)
    scale = ops.cast(scale, compute_dtype)
    x = ops.clip(ops.divide(ops.cast(inputs, compute_dtype), scale), ops.negative(most), most)
    return ops.multiply(ops.cast(ops.cast(x, quantized_dtype), compute_dtype), scale)


# ------------------------------------------------------------------------------------------------ training with integers in mind


@composite
def fake_quant_with_min_max_vars(inputs: Tensor, min_vals: Tensor, max_vals: Tensor, num_bits=8, narrow_range=False, axis=None):
    """Values as they come back from integers of few bits, which stand for numbers from `min_vals` to `max_vals`.

    The range is moved a little, so that zero is one of these numbers. The gradient passes where a value is in the range; that of
    values beyond it goes to the end of the range.

    Args:
        inputs: Floats.
        min_vals, max_vals: The range: numbers, or vectors with one for each place along `axis`.
        num_bits: Number of bits.
        narrow_range: Whether the smallest integer is left out.
        axis: The axis along which ranges differ; None is none.
    """
    dtype = dtype_of(inputs)
    x = _wide(ops.convert_to_tensor(inputs))
    low, high = (ops.cast(ops.convert_to_tensor(v), dtype_of(x)) for v in (min_vals, max_vals))
    if axis is not None:
        shape = [1] * len(x.shape)
        shape[axis] = -1
        low, high = ops.reshape(low, shape), ops.reshape(high, shape)
    least, most = int(narrow_range), 2**num_bits - 1
    scale = ops.divide(ops.subtract(high, low), float(most - least))
    zero = ops.subtract(float(least), ops.divide(low, scale))
    zero = ops.clip(ops.round(zero), least, most)
    start = ops.multiply(ops.subtract(float(least), zero), scale)
    end = ops.multiply(ops.subtract(float(most), zero), scale)
    inside = ops.clip(x, start, end)
    rounded = ops.floor(ops.add(ops.divide(ops.subtract(inside, start), scale), 0.5))
    values = ops.stop_gradient(ops.add(ops.multiply(rounded, scale), start))
    passing = ops.where(ops.less(x, start), low, ops.where(ops.greater(x, end), high, x))
    return ops.cast(ops.add(ops.subtract(passing, ops.stop_gradient(passing)), values), dtype)
