"""torch's functions for class numbers."""

import torch

from kerastorch.backends.torch.tensors import native_dtype
from kerastorch.ops import categorical


def tally(x, weights, depth, dtype):
    x = x.long()
    inside = torch.where((x >= 0) & (x < depth), x, depth)  # one place more, for what is left out
    ones = x.new_ones((), dtype=native_dtype(dtype)).expand(x.shape) if weights is None else weights.expand(x.shape)
    return ones.new_zeros((*x.shape[:-1], depth + 1)).scatter_add(-1, inside, ones)[..., :depth]


def require(x, holds, message):
    torch._assert_async(holds.all(), message)
    return x


TABLE = {
    categorical.require: require,
    categorical.tally: tally,
}
SCALARS: set = set()
