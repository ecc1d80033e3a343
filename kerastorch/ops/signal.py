"""Fourier transforms, and signals cut into overlapping sequences. Complex tensors are pairs of real ones here."""

import math
from typing import Any

from kerastorch import dtypes, shapes
from kerastorch.dtypes import deep
from kerastorch.op import Tensor, Tensors, composite, op
from kerastorch.ops import core, creation, elementwise, reduce, shaping

# ------------------------------------------------------------------------------------------------ transforms


def _pair(x, rank=1):
    """The shape of both parts of a complex tensor."""
    if len(x) != 2:
        raise ValueError(
            f"Input `x` should be a tuple of two tensors, the real and the imaginary part. Received: shapes {x}"
        )
    if len(x[0]) != len(x[1]) or any(None not in pair and len({*pair}) > 1 for pair in zip(*x, strict=True)):
        raise ValueError(f"Both the real and imaginary parts should have the same shape. Received: {x[0]} and {x[1]}")
    return _ranked(x[0], rank)


def _ranked(x, rank=1):
    if len(x) < rank:
        raise ValueError(f"Input should have rank >= {rank}. Received: a tensor of shape {x}")
    return x


def _transformed(x):
    if _pair(x)[-1] is None:
        raise ValueError(f"Input should have its last dimension fully-defined. Received: a tensor of shape {x[0]}")
    return [x[0], x[0]]


def _transformed_twice(x):
    if None in _pair(x, 2)[-2:]:
        raise ValueError(f"Input should have its last 2 axes fully-defined. Received: a tensor of shape {x[0]}")
    return [x[0], x[0]]


@op(shape=_transformed, dtype=deep, checked=True)
def fft(x: Tensors):
    """The discrete Fourier transform along the last axis.

    Args:
        x: The real and the imaginary part, of one shape.

    Returns:
        The real and the imaginary part of the transform, of the same shape.
    """


@op(shape=_transformed_twice, dtype=deep, checked=True)
def fft2(x: Tensors):
    """The discrete Fourier transform along the last two axes, arguments and results as for `fft`."""


@op(shape=_transformed_twice, dtype=deep, checked=True)
def ifft2(x: Tensors):
    """The inverse of `fft2`."""


def _points(size):
    """How many points a transform has, where that is known; TensorFlow ends the process where there are none."""
    if size is not None and size < 1:
        raise ValueError(f"a transform needs one point or more, not {size}")
    return size


def _half(x, *, fft_length=None):
    size = _points(_ranked(x)[-1] if fft_length is None else fft_length)
    return [(*x[:-1], None if size is None else size // 2 + 1)] * 2


@op(shape=_half, dtype=deep)
def rfft(x: Tensor, fft_length=None):
    """The discrete Fourier transform of real signals along the last axis: the half that determines the other.

    Args:
        x: Tensor.
        fft_length: To what length the axis is cut or filled up with zeros first; None leaves it.

    Returns:
        The real and the imaginary part, with `fft_length // 2 + 1` elements along the axis.
    """


def _whole(x, *, fft_length=None):
    size = _pair(x)[-1]
    return (*x[0][:-1], _points(fft_length if fft_length is not None or size is None else 2 * (size - 1)))


@op(shape=_whole, dtype=deep, checked=True)
def irfft(x: Tensors, fft_length=None):
    """The inverse of `rfft`.

    Args:
        x: The real and the imaginary part, of one shape.
        fft_length: Length of the result; None is twice the elements along the axis but one.
    """


# ------------------------------------------------------------------------------------------------ sequences


def _sequences(x, *, sequence_length, sequence_stride):
    size = _ranked(x)[-1]
    length, stride = (shapes.count(n, name, 1) for n, name in ((sequence_length, "`sequence_length`"),
                                                               (sequence_stride, "`sequence_stride`")))  # fmt: skip
    return (*x[:-1], None if size is None else shapes.window_length(size, length, stride, "valid"), length)


@op(shape=_sequences, dtype=dtypes.same, checked=True)
def extract_sequences(x: Tensor, sequence_length, sequence_stride):
    """Sequences cut out of the last axis at equal distances.

    Args:
        x: Tensor of shape (..., n).
        sequence_length: How long each sequence is.
        sequence_stride: From the beginning of one to that of the next.

    Returns:
        Tensor of shape (..., count, sequence_length).
    """


@op(shape=lambda x, *, stride: (*x[:-2], _joined(x, stride)), dtype=dtypes.same)
def overlap_and_add(x: Tensor, stride):
    """The sum of sequences laid out at equal distances, which is how `extract_sequences` is turned back.

    Args:
        x: Tensor of shape (..., count, length).
        stride: From the beginning of one sequence to that of the next.
    """


def _joined(x, stride):
    count, length = x[-2:]
    return None if None in (count, length) else length + (count - 1) * stride


WINDOWS = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46)}  # a - b cos(2 pi i / n)


def window_values(window: Any, length: int, padded: int, dtype: str) -> Any:
    """A window as a tensor of `padded` values, those beside it zero; None where there is none.

    Args:
        window: "hann", "hamming", `length` values, or None for as many ones.
        length, padded: How long the window is, and the sequence in whose middle it lies.
        dtype: Dtype of the values.
    """
    if window is None:
        return None
    if isinstance(window, str):
        a, b = WINDOWS[window]
        turns = elementwise.multiply(creation.arange(length, dtype=dtype), 2 * math.pi / length)
        values = elementwise.subtract(a, elementwise.multiply(elementwise.cos(turns), b))
    else:
        values = core.convert_to_tensor(window, dtype)
    before = (padded - length) // 2
    return shaping.pad(values, [(before, padded - length - before)])


def _checked(sequence_length, sequence_stride, fft_length, window):
    """What `stft` and `istft` ask of their arguments."""
    if isinstance(sequence_stride, bool) or not isinstance(sequence_stride, int) or sequence_stride <= 0:
        raise ValueError(f"`sequence_stride` must be a positive integer. Received: {sequence_stride!r}")
    if fft_length < sequence_length:
        raise ValueError(f"`fft_length` must equal or exceed `sequence_length`. Received: {fft_length} < {sequence_length}")
    if isinstance(window, str):
        if window not in WINDOWS:
            raise ValueError(f"If a string is passed to `window`, it must be one of {list(WINDOWS)}. Received: {window!r}")
    elif window is not None and core.convert_to_tensor(window).shape != (sequence_length,):
        raise ValueError(
            f"The shape of `window` must be equal to [sequence_length], which is [{sequence_length}]. "
            f"Received: {list(core.convert_to_tensor(window).shape)}"
        )


def _spectrogram(x, *, sequence_length, sequence_stride, fft_length, window="hann", center=True):
    _checked(sequence_length, sequence_stride, fft_length, window)
    size = _ranked(x)[-1]
    size = size + fft_length // 2 * 2 if center and size is not None else size
    shape = _sequences((*x[:-1], size), sequence_length=fft_length, sequence_stride=sequence_stride)
    return [(*shape[:-1], fft_length // 2 + 1)] * 2


def _exact(x):
    if dtypes.concrete(x) not in ("float32", "float64"):
        raise TypeError(f"Invalid input type. Expected `float32` or `float64`. Received: {dtypes.concrete(x)}")
    return x, x


@composite(shape=_spectrogram, dtype=_exact)
def stft(x: Tensor, sequence_length, sequence_stride, fft_length, window="hann", center=True):
    """The short-time Fourier transform: windows slid over signals along the last axis, and transformed.

    Args:
        x: Tensor of shape (..., samples), float32 or float64.
        sequence_length: Length of the window.
        sequence_stride: From one window to the next.
        fft_length: Length of the transform, not below the window's.
        window: "hann", "hamming", a vector, or None for equal weights.
        center: Whether sequences are centred on their places, with the signal mirrored at its ends.

    Returns:
        The real and the imaginary part, of shape (..., windows, fft_length // 2 + 1).

    Raises:
        TypeError, ValueError: For other dtypes, and for arguments that do not fit each other.
    """
    _checked(sequence_length, sequence_stride, fft_length, window)
    if center:
        x = shaping.pad(x, [(0, 0)] * (core.ndim(x) - 1) + [(fft_length // 2, fft_length // 2)], mode="reflect")
    x = extract_sequences(x, fft_length, sequence_stride)
    weights = window_values(window, sequence_length, fft_length, core.dtype(x))
    return rfft(x if weights is None else elementwise.multiply(x, weights))


def _signal(x, *, sequence_length, sequence_stride, fft_length, length=None, window="hann", center=True):
    _checked(sequence_length, sequence_stride, fft_length, window)
    shape = _pair(x, 2)
    total = None if shape[-2] is None else fft_length + (shape[-2] - 1) * sequence_stride
    if length is None and total is not None:
        length = total - fft_length // 2 * 2 if center else total
    return (*shape[:-2], length)


def _both_exact(x):
    return _exact(dtypes.promote(*x))


@composite(shape=_signal, dtype=_both_exact)
def istft(x: Tensors, sequence_length, sequence_stride, fft_length, length=None, window="hann", center=True):
    """The inverse of `stft`, by overlapping the sequences (Griffin and Lim, 1984).

    The window is scaled as for sequences without an end, so the first and last ones, which fewer others overlap, fade out.

    Args:
        x: The real and the imaginary part, of shape (..., windows, fft_length // 2 + 1), float32 or float64.
        sequence_length, sequence_stride, fft_length, window, center: As for `stft`.
        length: To how many samples the result is cut or filled up with zeros; None leaves it.

    Returns:
        Tensor of shape (..., samples).

    Raises:
        TypeError, ValueError: As for `stft`.
    """
    _checked(sequence_length, sequence_stride, fft_length, window)
    sequences = irfft(x, fft_length)
    weights = window_values(window, sequence_length, fft_length, core.dtype(sequences))
    if weights is not None:
        # What overlaps at a sample: the window's squares, this many strides apart.
        overlaps = -(-fft_length // sequence_stride)
        squares = shaping.pad(elementwise.square(weights), [(0, overlaps * sequence_stride - fft_length)])
        energy = shaping.tile(reduce.sum(shaping.reshape(squares, (overlaps, sequence_stride)), 0), overlaps)
        sequences = elementwise.multiply(sequences, elementwise.divide(weights, energy[:fft_length]))
    out = overlap_and_add(sequences, sequence_stride)
    start = fft_length // 2 if center else 0
    if length is None:
        return out[..., start : -start or None]
    return shaping.pad(out, [(0, 0)] * (core.ndim(out) - 1) + [(0, length)])[..., start : start + length]


# ------------------------------------------------------------------------------------------------ complex tensors


def _paired(x):
    if not x or x[-1] not in (2, None):
        raise ValueError(f"Last dimension of input must be size 2: real and imaginary part. Received: shape {x}")
    return x[:-1]


@op(shape=_paired, dtype=lambda x: ("float32", "complex64"), checked=True)
def view_as_complex(x: Tensor):
    """Pairs of real and imaginary parts, along the last axis, as complex numbers."""


def _parts_dtype(x):
    kind = dtypes.with_imaginary(dtypes.concrete(x))
    return kind, dtypes.real_part(kind)


@composite(shape=lambda x: (*x, 2), dtype=_parts_dtype)
def view_as_real(x: Tensor):
    """Complex numbers as pairs of real and imaginary parts, along a new last axis."""
    return shaping.stack([elementwise.real(x), elementwise.imag(x)], -1)
