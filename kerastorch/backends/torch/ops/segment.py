"""torch's scattering, for segments."""

import torch

from kerastorch import ops


def least(dtype):
    return -torch.inf if dtype.is_floating_point else torch.iinfo(dtype).min


def largest(dtype):
    return torch.inf if dtype.is_floating_point else torch.iinfo(dtype).max


def reduction(kind, start):
    """A segment op.

    Args:
        kind: torch's name for how rows are combined.
        start: dtype -> what a segment without rows has.
    """

    def reduce(data, segment_ids, num_segments, sorted):
        number = num_segments if num_segments is not None else int(segment_ids.max()) + 1
        # Rows without a segment go to one that is cut off.
        rows = torch.where(segment_ids < 0, number, segment_ids)
        rows = rows[(..., *(None,) * (data.ndim - 1))].expand_as(data)
        out = data.new_full((number + 1, *data.shape[1:]), start(data.dtype))
        return out.scatter_reduce(0, rows, data, kind)[:number]

    return reduce


TABLE = {
    ops.segment_max: reduction("amax", least),
    ops.segment_min: reduction("amin", largest),
    ops.segment_prod: reduction("prod", lambda dtype: 1),
    ops.segment_sum: reduction("sum", lambda dtype: 0),
}
SCALARS: set = set()
