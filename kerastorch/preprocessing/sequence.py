"""Preparing sequences."""

from kerastorch.lazy import attach_past
from kerastorch.utils.sequences import pad_sequences as pad_sequences

__all__ = ["pad_sequences"]

__getattr__ = attach_past(__name__)
