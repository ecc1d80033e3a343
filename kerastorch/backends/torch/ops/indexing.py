"""torch's functions for picking, placing, ordering and searching elements."""

import math

import torch

from kerastorch import ops
from kerastorch.ops.indexing import distinct as distinct_op
from kerastorch.shapes import normalize_axis


def counted_from_start(indices, size):
    """Indices into an axis of some size, with those that count from the end made to count from the start."""
    return torch.where(indices < 0, indices + size, indices)


# ------------------------------------------------------------------------------------------------ picking


def take(x, indices, axis=None):
    if axis is None:
        x, axis = x.reshape(-1), 0
    axis = normalize_axis(axis, x.ndim)
    found = x.index_select(axis, counted_from_start(indices.reshape(-1).long(), x.shape[axis]))
    if indices.ndim == 1:
        return found
    return found.reshape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


def take_along_axis(x, indices, axis=None):
    if axis is None:
        x, indices, axis = x.reshape(-1), indices.reshape(-1), 0
    return torch.take_along_dim(x, counted_from_start(indices.long(), x.shape[axis]), axis)


def get_item(x, key):
    keys = list(key) if isinstance(key, tuple) else [key]
    for place, k in enumerate(keys):
        if isinstance(k, slice) and isinstance(k.step, int) and k.step < 0:
            x, keys[place] = forwards(x, keys, place)
        elif not isinstance(k, int | slice | torch.Tensor) and k is not None and k is not Ellipsis:
            keys[place] = torch.as_tensor(k, device=x.device)
    return x[tuple(keys)]


def forwards(x, keys, place):
    """A tensor turned round along the axis of a slice that runs backwards, and the slice that runs forwards there."""
    behind = (
        sum(k is not None for k in keys[place:]) if Ellipsis in [k for k in keys[:place] if k is Ellipsis] else None
    )
    axis = sum(k is not None for k in keys[:place]) if behind is None else x.ndim - behind
    size, part = x.shape[axis], keys[place]
    start, stop, step = part.indices(size)
    return x.flip(axis), slice(size - 1 - start, size - 1 - stop, -step)


def block(inputs, start_indices, shape):
    """What names a block of a tensor: slices, or indices where a start that is a tensor is not known while torch traces."""
    if torch.compiler.is_compiling() and any(isinstance(s, torch.Tensor) for s in start_indices):
        found = []
        for axis, (start, n) in enumerate(zip(start_indices, shape, strict=True)):
            steps = torch.arange(inputs.shape[axis] if n == -1 else n, device=inputs.device)
            found.append((steps + start).reshape([-1 if a == axis else 1 for a in range(inputs.ndim)]))
        return tuple(found)
    starts = [int(s) for s in start_indices]
    return tuple(slice(a, None if n == -1 else a + n) for a, n in zip(starts, shape, strict=True))


def slice_(inputs, start_indices, shape):
    out = inputs[block(inputs, start_indices, shape)]
    if any(want not in (-1, have) for want, have in zip(shape, out.shape, strict=True)):
        raise ValueError(f"a block of shape {tuple(shape)} from {[int(s) for s in start_indices]} on is not within shape "
                         f"{tuple(inputs.shape)}")  # fmt: skip
    return out


def slice_update(inputs, start_indices, updates):
    out = inputs.clone()
    out[block(inputs, start_indices, updates.shape)] = updates
    return out


def diagonal(x, offset=0, axis1=0, axis2=1):
    return torch.diagonal(x, offset, axis1, axis2)


# ------------------------------------------------------------------------------------------------ placing


def places(indices):
    return tuple(indices.long().unbind(-1))


def scatter(indices, values, shape):
    return values.new_zeros(tuple(shape)).index_put(places(indices), values, accumulate=True)


REDUCTIONS = {"max": "amax", "min": "amin", "mul": "prod"}


def scatter_update(inputs, indices, updates, reduction=None):
    if reduction in (None, "add"):
        return inputs.index_put(places(indices), updates, accumulate=reduction == "add")
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction {reduction!r} is none of None, 'add', 'mul', 'max' and 'min'")
    depth = indices.shape[-1]
    sizes = inputs.shape[:depth]
    flat = torch.zeros_like(indices[..., 0], dtype=torch.int64)
    for at, size in zip(indices.long().unbind(-1), sizes, strict=True):
        flat = flat * size + counted_from_start(at, size)
    rows = inputs.reshape(math.prod(sizes), *inputs.shape[depth:])
    updates = updates.reshape(flat.numel(), *inputs.shape[depth:])
    flat = flat.reshape(-1, *[1] * (updates.ndim - 1)).expand(updates.shape)
    return rows.scatter_reduce(0, flat, updates, REDUCTIONS[reduction]).reshape(inputs.shape)


# --------------------------------------------------------------------------------------------- ordering and searching


def sort(x, axis=-1):
    return torch.sort(x.reshape(-1) if axis is None else x, -1 if axis is None else axis).values


def argsort(x, axis=-1):
    return torch.argsort(x.reshape(-1) if axis is None or not x.ndim else x, dim=-1 if axis is None else axis, stable=True)


def top_k(x, k, sorted=True):
    values, at = torch.topk(x, k, sorted=sorted)
    return values, at.int()


def isin(x1, x2, assume_unique=False, invert=False):
    return torch.isin(x1, x2, assume_unique=assume_unique, invert=invert)


def nonzero(x):
    return tuple(places.int() for places in torch.nonzero(x, as_tuple=True)) if x.ndim else ()


def distinct(x, axis=None):
    values, inverse, counts = torch.unique(x, return_inverse=True, return_counts=True, dim=axis)
    return values, inverse.int(), counts.int()


def searchsorted(sorted_sequence, values, side="left"):
    return torch.searchsorted(sorted_sequence, values, side=side)


TABLE = {
    distinct_op: distinct,
    ops.argsort: argsort,
    ops.diagonal: diagonal,
    ops.get_item: get_item,
    ops.isin: isin,
    ops.nonzero: nonzero,
    ops.scatter: scatter,
    ops.scatter_update: scatter_update,
    ops.searchsorted: searchsorted,
    ops.slice: slice_,
    ops.slice_update: slice_update,
    ops.sort: sort,
    ops.take: take,
    ops.take_along_axis: take_along_axis,
    ops.top_k: top_k,
    ops.tril: torch.tril,
    ops.triu: torch.triu,
}
SCALARS: set = set()
