"""Hashes of many strings at once, in numpy: FarmHash's and SipHash's 64-bit values, as TensorFlow computes them.

All arithmetic is modulo 2**64. Strings are laid end to end in one buffer, and each step of a hash is done for all of them.

FarmHash: https://github.com/google/farmhash (`farmhashna`). SipHash: Aumasson and Bernstein, 2012.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

K0, K1, K2 = np.uint64(0xC3A5C85C97CB3127), np.uint64(0xB492B66FBE98F273), np.uint64(0x9AE16A3B2F90404F)
CAT = np.uint64(0xC6A4A7935BD1E995)
PAD = 8  # spare bytes behind the buffer, so that a word may be read at any place


class Texts:
    """Strings in one buffer, whose bytes are read as little-endian words at any place."""

    def __init__(self, texts: Sequence[bytes]):
        self.lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        self.starts = np.fromiter(itertools.accumulate(self.lengths.tolist(), initial=0), np.int64, len(texts) + 1)[:-1]
        self.buffer = b"".join(texts) + bytes(PAD)
        self.views = {n: np.ndarray((len(self.buffer) - n + 1,), f"<u{n}", self.buffer, 0, (1,)) for n in (1, 4, 8)}

    def word(self, at: Any, size: int = 8) -> Any:
        """The words of 1, 4 or 8 bytes at some places of the buffer."""
        return self.views[size][at].astype(np.uint64)


def rotate(x: Any, by: int) -> Any:
    """The bits moved to the right, those that fall out coming in from the left."""
    return (x >> np.uint64(by)) | (x << np.uint64(64 - by))


def mix(x: Any) -> Any:
    """The upper bits worked into the lower ones."""
    return x ^ (x >> np.uint64(47))


def join(u: Any, v: Any, factor: Any) -> Any:
    """One word from two."""
    a = mix((u ^ v) * factor)
    return mix((v ^ a) * factor) * factor


def farmhash(texts: Sequence[bytes]) -> Any:
    """The 64-bit FarmHash fingerprints of byte strings, as an array of uint64."""
    packed = Texts(texts)
    out = np.full(len(texts), K2)
    bounds = np.array([1, 4, 8, 17, 33, 65])
    kinds = np.searchsorted(bounds, packed.lengths, side="right")
    for kind, function in enumerate((_up_to_3, _up_to_7, _up_to_16, _up_to_32, _up_to_64, _longer), start=1):
        chosen = np.flatnonzero(kinds == kind)
        if len(chosen):
            out[chosen] = function(packed, packed.starts[chosen], packed.lengths[chosen])
    return out


def _factor(length: Any) -> Any:
    return K2 + length.astype(np.uint64) * np.uint64(2)


def _up_to_3(t: Texts, s: Any, n: Any) -> Any:
    y = t.word(s, 1) + (t.word(s + (n >> 1), 1) << np.uint64(8))
    z = n.astype(np.uint64) + (t.word(s + n - 1, 1) << np.uint64(2))
    return mix(y * K2 ^ z * K0) * K2


def _up_to_7(t: Texts, s: Any, n: Any) -> Any:
    return join(n.astype(np.uint64) + (t.word(s, 4) << np.uint64(3)), t.word(s + n - 4, 4), _factor(n))


def _up_to_16(t: Texts, s: Any, n: Any) -> Any:
    factor = _factor(n)
    a, b = t.word(s) + K2, t.word(s + n - 8)
    return join(rotate(b, 37) * factor + a, (rotate(a, 25) + b) * factor, factor)


def _ends(t: Texts, s: Any, n: Any, first: Any, factor: Any) -> tuple[Any, Any, Any]:
    """What strings of 17 to 64 bytes have in common: two sums over both ends, and the first word."""
    a, b = t.word(s) * first, t.word(s + 8)
    c, d = t.word(s + n - 8) * factor, t.word(s + n - 16) * K2
    return rotate(a + b, 43) + rotate(c, 30) + d, a + rotate(b + K2, 18) + c, a


def _up_to_32(t: Texts, s: Any, n: Any) -> Any:
    factor = _factor(n)
    return join(*_ends(t, s, n, K1, factor)[:2], factor)


def _up_to_64(t: Texts, s: Any, n: Any) -> Any:
    factor = _factor(n)
    y, z, a = _ends(t, s, n, K2, factor)
    z = join(y, z, factor)
    e, f = t.word(s + 16) * factor, t.word(s + 24)
    g, h = (y + t.word(s + n - 32)) * factor, (z + t.word(s + n - 24)) * factor
    return join(rotate(e + f, 43) + rotate(g, 30) + h, e + rotate(f + a, 18) + g, factor)


def _quarter(t: Texts, s: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """Two words from 32 bytes and two seeds."""
    a = a + t.word(s)
    z = t.word(s + 24)
    b = rotate(b + a + z, 21)
    c = a
    a = a + t.word(s + 8) + t.word(s + 16)
    return a + z, b + rotate(a, 44) + c


def _block(t: Texts, s: Any, state: Any, factor: Any, weight: int) -> tuple[Any, ...]:
    """The state after 64 bytes more."""
    x, y, z, v0, v1, w0, w1 = state
    times = np.uint64(weight)
    x = rotate(x + y + v0 + t.word(s + 8), 37) * factor
    y = rotate(y + v1 + t.word(s + 48), 42) * factor
    x = x ^ w1 * times
    y = y + v0 * times + t.word(s + 40)
    z = rotate(z + w0, 33) * factor
    v0, v1 = _quarter(t, s, v1 * factor, x + w0)
    w0, w1 = _quarter(t, s + 32, z + w1, y + t.word(s + 16))
    return z, y, x, v0, v1, w0, w1


def _longer(t: Texts, s: Any, n: Any) -> Any:
    order = np.argsort(-n, kind="stable")  # the longest first: each round goes on with fewer of them
    s, n = s[order], n[order]
    seed = np.uint64(81)
    with np.errstate(over="ignore"):
        y = seed * K1 + np.uint64(113)
        z = mix(y * K2 + np.uint64(113)) * K2
        start = (seed * K2 + t.word(s), y, z, *[np.uint64(0)] * 4)
    state = np.array([np.broadcast_to(part, n.shape) for part in start])
    blocks = (n - 1) // 64
    for i in range(blocks[0]):
        going = np.count_nonzero(blocks > i)
        state[:, :going] = _block(t, s[:going] + 64 * i, state[:, :going], K1, 1)
    x, y, z, v0, v1, w0, w1 = state
    rest = (n - 1) & 63
    factor = K1 + ((z & np.uint64(0xFF)) << np.uint64(1))
    w0 = w0 + rest.astype(np.uint64)
    v0 = v0 + w0
    w0 = w0 + v0
    x, y, z, v0, v1, w0, w1 = _block(t, s + n - 64, (x, y, z, v0, v1, w0, w1), factor, 9)
    out = np.empty_like(x)
    out[order] = join(join(v0, w0, factor) + mix(y) * K0 + z, join(v1, w1, factor) + x, factor)
    return out


def siphash(texts: Sequence[bytes], key: Sequence[int]) -> Any:
    """The 64-bit SipHash-2-4 values of byte strings under a key of two words, as an array of uint64."""
    packed = Texts(texts)
    order = np.argsort(-packed.lengths, kind="stable")
    starts, lengths = packed.starts[order], packed.lengths[order]
    k0, k1 = (np.uint64(k % 2**64) for k in key)
    seeds = (k0 ^ np.uint64(0x736F6D6570736575), k1 ^ np.uint64(0x646F72616E646F6D),
             k0 ^ np.uint64(0x6C7967656E657261), k1 ^ np.uint64(0x7465646279746573))  # fmt: skip
    state = np.array([np.full(len(texts), seed) for seed in seeds])
    words = lengths // 8
    for i in range(words[0] if len(words) else 0):
        going = np.count_nonzero(words > i)
        state[:, :going] = _absorbed(state[:, :going], packed.word(starts[:going] + 8 * i))
    rest = (lengths % 8).astype(np.uint64)
    kept = (np.uint64(1) << (rest * np.uint64(8))) - np.uint64(1)
    last = packed.word(starts + 8 * words) & kept | lengths.astype(np.uint64) << np.uint64(56)
    v0, v1, v2, v3 = _absorbed(state, last)
    state = v0, v1, v2 ^ np.uint64(0xFF), v3
    for _ in range(4):
        state = _sip_round(*state)
    out = np.empty(len(texts), np.uint64)
    out[order] = state[0] ^ state[1] ^ state[2] ^ state[3]
    return out


def _absorbed(state: Any, word: Any) -> tuple[Any, ...]:
    v0, v1, v2, v3 = state
    state = v0, v1, v2, v3 ^ word
    for _ in range(2):
        state = _sip_round(*state)
    return state[0] ^ word, *state[1:]


def _sip_round(v0: Any, v1: Any, v2: Any, v3: Any) -> tuple[Any, ...]:
    v0, v2 = v0 + v1, v2 + v3
    v1, v3 = rotate(v1, 51) ^ v0, rotate(v3, 48) ^ v2
    v0, v2 = rotate(v0, 32) + v3, v2 + v1
    v1, v3 = rotate(v1, 47) ^ v2, rotate(v3, 43) ^ v0
    return v0, v1, rotate(v2, 32), v3


def concatenated(first: Any, second: Any) -> Any:
    """The fingerprints of pairs, from the fingerprints of their parts."""
    out = (first ^ CAT ^ mix(second * CAT) * CAT) * CAT
    return mix(mix(out) * CAT)
