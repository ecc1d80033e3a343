"""Records of Fourier transforms, sequences and segments."""

import numpy as np

from compat_tests.cases.op_case import FLOATS, NUMBERS, TWO, Case, integers, normal

PAIR = [normal(2, 4, 6), normal(2, 4, 6, seed=1)]
HALF = [normal(2, 5), normal(2, 5, seed=1)]
SIGNAL = normal(2, 40)
IDS = np.array([2, 0, 2, 1, -1, 0], "int32")
ROWS = normal(6, 3)


def joined(function):
    """A transform of numpy's on a pair of real arrays."""

    def transform(x):
        out = function(x[0] + 1j * x[1])
        return [out.real, out.imag]

    return transform


def segments(function, empty):
    """A segment op, by numpy's reduction along axis 0."""

    def reduce(data, ids, num_segments=None, sorted=False):
        number = int(ids.max()) + 1 if num_segments is None else num_segments
        rows = [data[ids == i] for i in range(number)]
        return np.stack([function(r, 0) if len(r) else np.full(data.shape[1:], empty, data.dtype) for r in rows])

    return reduce


def inverse_stft(x, size, stride, _, length=None):
    """`istft` with a Hann window as long as the transform, centred."""
    frames = np.fft.irfft(x[0] + 1j * x[1], size)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    frames *= window / sum(np.roll(window**2, i) for i in range(0, size, stride))
    out = np.zeros((*frames.shape[:-2], size + (frames.shape[-2] - 1) * stride))
    for i in range(frames.shape[-2]):
        out[..., i * stride : i * stride + size] += frames[..., i, :]
    return out[..., size // 2 : -size // 2 if length is None else size // 2 + length]


SPECTRUM = [normal(2, 9, 9), normal(2, 9, 9, seed=1)]

CASES = [
    Case("fft", (PAIR,), gradient=True),
    Case("fft2", (PAIR,), gradient=True, expected=joined(np.fft.fft2)),
    Case("ifft2", (PAIR,), gradient=True, expected=joined(np.fft.ifft2)),
    Case("rfft", (SIGNAL,), gradient=True),
    *(Case("rfft", (SIGNAL,), {"fft_length": n}) for n in (32, 51)),
    Case("irfft", (HALF,)),
    *(Case("irfft", (HALF,), {"fft_length": n}, dtypes=TWO) for n in (6, 11)),
    Case("extract_sequences", (SIGNAL, 5, 3), gradient=True, dtypes=NUMBERS),
    Case("extract_sequences", (SIGNAL[0], 40, 3), note="one", unknown=False),
    Case("stft", (SIGNAL, 16, 4, 16), gradient=True, dtypes=TWO),
    Case("stft", (SIGNAL, 7, 3, 10), {"window": "hamming", "center": False}),
    Case("stft", (SIGNAL, 10, 3, 10), {"window": None}),
    Case("stft", (SIGNAL, 4, 2, 4), {"window": np.arange(1.0, 5.0)}, note="values", recorded=False),
    Case("rearrange", (PAIR[0], "b h c -> c b h"), gradient=True, dtypes=FLOATS),
    Case("rearrange", (PAIR[0], "b (h w) c -> (b h) (c w)"), {"h": 2}, unknown=False),
    Case("segment_sum", (ROWS, IDS), gradient=True, recorded=False, expected=segments(np.sum, 0)),
    *(
        Case(name, (ROWS, IDS), {"num_segments": 3}, gradient=True, dtypes=dtypes, expected=segments(function, empty))
        for name, function, empty, dtypes in (
            ("segment_sum", np.sum, 0, ()), ("segment_prod", np.prod, 1, ()),
            ("segment_max", np.max, 0, ()), ("segment_min", np.min, 0, ()),
        )
    ),  # fmt: skip
    Case("segment_sum", (ROWS, np.sort(np.abs(IDS))), {"num_segments": 4}, expected=segments(np.sum, 0), note="empty"),
    Case("segment_prod", (integers(1, 5, 6), IDS), {"num_segments": 4}, expected=segments(np.prod, 1), note="integers"),
    Case("istft", (SPECTRUM, 16, 4, 16), gradient=True, expected=inverse_stft),
    Case("istft", (SPECTRUM, 16, 4, 16), {"length": 20}, expected=inverse_stft),
]  # fmt: skip
