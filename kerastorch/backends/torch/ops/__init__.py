"""The torch backend's table of ops, merged from the files beside this one."""

from collections.abc import Callable

from kerastorch.backends.torch.ops import (
    categorical,
    control,
    ctc,
    elementwise,
    image,
    indexing,
    linalg,
    metrics,
    nn,
    random,
    reduce,
    segment,
    shaping,
    signal,
)

FILES = (categorical, control, ctc, elementwise, image, indexing, linalg, metrics, nn, random, reduce, segment, shaping, signal)
TABLE: dict[Callable, Callable] = {op: native for file in FILES for op, native in file.TABLE.items()}
SCALARS: set[Callable] = {op for file in FILES for op in file.SCALARS}
TRAILING_SCALARS: set[Callable] = {op for file in FILES for op in getattr(file, "TRAILING_SCALARS", ())}
WIDER: dict[Callable, dict[str, str]] = {op: dtypes for file in FILES for op, dtypes in getattr(file, "WIDER", {}).items()}
