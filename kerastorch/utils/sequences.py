"""Sequences of different lengths as one array."""

from typing import Any

import numpy as np

from kerastorch.errors import near

_SIDES = ("pre", "post")


def pad_sequences(sequences, maxlen=None, dtype="int32", padding="pre", truncating="pre", value=0.0):
    """Pad or cut sequences to one length and stack them.

    >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
    array([[0, 1],
           [2, 3],
           [5, 6]], dtype=int32)

    Args:
        sequences: A list of sequences, of numbers or of equally shaped arrays.
        maxlen: The length to reach, in steps. By default that of the longest sequence.
        dtype: Data type of the result. For strings of different lengths, `object`.
        padding: Where a short sequence is filled up: `"pre"` (before it) or `"post"` (after it).
        truncating: Where a long sequence is cut: `"pre"` (its beginning goes) or `"post"` (its end goes).
        value: What it is filled up with.

    Returns:
        An array of shape `(len(sequences), maxlen, ...)`.

    Raises:
        ValueError: `sequences` is not a list of sequences, their elements differ in shape, `value` does not fit
            `dtype`, or `padding` or `truncating` is neither `"pre"` nor `"post"`.
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in _SIDES:
            raise ValueError(f"pad_sequences: {name}={side!r} must be 'pre' or 'post'.{near(side, _SIDES)}")
    if isinstance(value, str) and np.dtype(dtype).kind not in "OUS":
        raise ValueError(
            f"pad_sequences: `dtype` {dtype} is not compatible with the string value={value!r}; "
            "for strings of different lengths say dtype=object."
        )
    full = _lengths(sequences)
    if maxlen is None:
        if not len(full):
            raise ValueError("pad_sequences: `sequences` is empty, so nothing tells the length; say `maxlen`.")
        maxlen = int(full.max())

    kept = np.minimum(full, maxlen)
    starts = full - kept if truncating == "pre" else np.zeros_like(full)
    rows = [np.asarray(s[start : start + n], dtype=dtype) for s, start, n in zip(sequences, starts, kept) if n]
    shape = rows[0].shape[1:] if rows else ()
    for place, row in zip(np.flatnonzero(kept), rows):
        if row.shape[1:] != shape:
            raise ValueError(
                f"pad_sequences: elements of sequences[{place}] have shape {row.shape[1:]}, those before it {shape}."
            )
    padded = np.full((len(full), maxlen, *shape), value, dtype=dtype)
    if rows:
        steps = np.arange(maxlen)
        first = (maxlen - kept if padding == "pre" else np.zeros_like(kept))[:, np.newaxis]
        padded[(steps >= first) & (steps < first + kept[:, np.newaxis])] = np.concatenate(rows)
    return padded


def _lengths(sequences: Any) -> np.ndarray:
    """Number of steps of each sequence."""
    if not hasattr(sequences, "__len__"):
        raise ValueError(f"pad_sequences: `sequences` must be a list of sequences, not a {type(sequences).__name__}.")
    for place, sequence in enumerate(sequences):
        if not hasattr(sequence, "__len__"):
            raise ValueError(f"pad_sequences: sequences[{place}] is not a sequence but {sequence!r}.")
    return np.array([len(sequence) for sequence in sequences], dtype="int64")
