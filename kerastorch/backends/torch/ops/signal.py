"""torch's functions for Fourier transforms and overlapping sequences."""

import torch
import torch.nn.functional as F

from kerastorch import ops
from kerastorch.ops import signal


def parts(function):
    """A transform of a pair of real tensors to such a pair."""

    def transform(x):
        out = function(torch.complex(*x))
        return out.real, out.imag

    return transform


def rfft(x, fft_length=None):
    out = torch.fft.rfft(x, fft_length)
    return out.real, out.imag


def irfft(x, fft_length=None):
    return torch.fft.irfft(torch.complex(*x), fft_length)


def extract_sequences(x, sequence_length, sequence_stride):
    return x.unfold(-1, sequence_length, sequence_stride)


def overlap_and_add(x, stride):
    *batch, count, length = x.shape
    columns = x.reshape(-1, count, length).transpose(1, 2)
    total = length + (count - 1) * stride
    return F.fold(columns, (1, total), (1, length), stride=(1, stride)).reshape(*batch, total)


TABLE = {
    ops.extract_sequences: extract_sequences,
    ops.fft: parts(torch.fft.fft),
    ops.fft2: parts(torch.fft.fft2),
    ops.ifft2: parts(torch.fft.ifft2),
    ops.irfft: irfft,
    ops.rfft: rfft,
    ops.view_as_complex: lambda x: torch.view_as_complex(x.contiguous()),
    ops.view_as_real: lambda x: torch.view_as_real(x.resolve_conj()),
    signal.overlap_and_add: overlap_and_add,
}
SCALARS: set = set()
