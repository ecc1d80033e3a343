"""Rows of a tensor combined by the segment that each belongs to."""

from kerastorch import dtypes
from kerastorch.op import Tensor, op
from kerastorch.shapes import count, known


def _segments(data, segment_ids, *, num_segments=None):
    if len(segment_ids) != 1:
        raise ValueError(f"Argument `segment_ids` should be an 1-D vector, got shape: {segment_ids}")
    if not data or None not in (data[0], segment_ids[0]) and data[0] != segment_ids[0]:
        raise ValueError(
            "Argument `segment_ids` and `data` should have same leading dimension. "
            f"Received: shapes {segment_ids} and {data}"
        )
    return known((None if num_segments is None else count(num_segments, "`num_segments`"), *data[1:]))


def _dtype(data, segment_ids):
    compute, d = dtypes.arithmetic(data)
    return (compute, "int64"), d


@op(shape=_segments, dtype=_dtype, checked=True)
def segment_sum(data: Tensor, segment_ids: Tensor, num_segments=None, sorted=False):
    """The sums of the rows of each segment.

    Args:
        data: Tensor of shape (n, ...).
        segment_ids: Vector of n integers; rows with a negative one belong nowhere.
        num_segments: How many segments there are; None is one more than the largest of `segment_ids`.
        sorted: Whether `segment_ids` ascend, which changes no result.

    Returns:
        Tensor of shape (num_segments, ...), zero for segments without rows.
    """


@op(shape=_segments, dtype=_dtype, checked=True)
def segment_prod(data: Tensor, segment_ids: Tensor, num_segments=None, sorted=False):
    """The products of the rows of each segment, 1 without rows. Arguments as for `segment_sum`."""


@op(shape=_segments, dtype=_dtype, checked=True)
def segment_max(data: Tensor, segment_ids: Tensor, num_segments=None, sorted=False):
    """The largest of the rows of each segment, element by element. Arguments as for `segment_sum`.

    A segment without rows has the framework's own least number: negative infinity on torch, the least finite one on TensorFlow.
    """


@op(shape=_segments, dtype=_dtype, checked=True)
def segment_min(data: Tensor, segment_ids: Tensor, num_segments=None, sorted=False):
    """The smallest of the rows of each segment, element by element. Arguments as for `segment_sum`.

    A segment without rows has the framework's own largest number: infinity on torch, the largest finite one on TensorFlow.
    """
