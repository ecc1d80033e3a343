"""What metrics do on every batch, on torch: no conversions, which torch's own promotion makes needless."""

import torch

from kerastorch.backends.torch.tensors import native_dtype
from kerastorch.metrics import kernels

TABLE = {
    kernels.tally: lambda values, dtype: torch.sum(values, dtype=native_dtype(dtype)),
    kernels.hits: lambda y_true, y_pred: torch.eq(torch.argmax(y_pred, dim=-1), y_true),
}
SCALARS = ()
