"""Shape rules of ops: plain functions on tuples in which None is a dimension not known yet.

A rule takes the shapes of an op's operands (tuples; a list of tuples for a sequence of tensors; None for an absent operand)
and, by name, whatever attributes of the op it asks for. It returns the result's shape (a list of shapes for several results)
and raises ValueError where the operands do not fit.
"""

import math
import operator
from collections.abc import Sequence
from typing import Any

Shape = tuple[int | None, ...]


def unary(x, *rest):
    """The shape of the first operand."""
    return x


def scalar(*shapes):
    """No dimensions."""
    return ()


def broadcast(*shapes):
    """The common shape of all operands under numpy's broadcasting rules."""
    given = [tuple(s) for s in shapes if s is not None]
    rank = max(len(s) for s in given)
    out = []
    for dims in zip(*[(1,) * (rank - len(s)) + s for s in given], strict=True):
        known = {d for d in dims if d not in (1, None)}
        if len(known) > 1:
            raise ValueError(f"shapes {' and '.join(map(str, given))} do not broadcast")
        out.append(known.pop() if known else None if None in dims else 1)
    return tuple(out)


def normalize_axis(axis: int, rank: int, name: str = "axis") -> int:
    """A possibly negative axis as a non-negative one."""
    if not hasattr(axis, "__index__"):
        raise TypeError(f"{name} must be an integer, not {axis!r}")
    if not -rank <= axis < rank:
        raise ValueError(f"{name} {axis} is out of bounds for a tensor of rank {rank}")
    return axis % rank


def normalize_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """An axis, several or None (all of them) as a tuple of distinct non-negative ones."""
    if axis is None:
        return tuple(range(rank))
    axes = tuple(normalize_axis(a, rank) for a in (axis if isinstance(axis, list | tuple) else (axis,)))
    if len(set(axes)) != len(axes):
        raise ValueError(f"axis {axis} names a dimension twice")
    return axes


def reduce(x, *, axis=None, keepdims=False):
    """Without the reduced axes, or with 1 in their place."""
    axes = normalize_axes(axis, len(x))
    if keepdims:
        return tuple(1 if i in axes else d for i, d in enumerate(x))
    return tuple(d for i, d in enumerate(x) if i not in axes)


def contract(x1, x2):
    """Matrix multiplication with broadcast leading dimensions."""
    if not x1 or not x2:
        raise ValueError(f"matrix multiplication needs operands of rank 1 or more, got shapes {x1} and {x2}")
    a = x1 if len(x1) > 1 else (1, *x1)
    b = x2 if len(x2) > 1 else (*x2, 1)
    if None not in (a[-1], b[-2]) and a[-1] != b[-2]:
        raise ValueError(f"the inner dimensions of shapes {x1} and {x2} differ: {a[-1]} and {b[-2]}")
    out = broadcast(a[:-2], b[:-2]) if len(a) > 2 or len(b) > 2 else ()
    return (*out, *(a[-2:-1] if len(x1) > 1 else ()), *(b[-1:] if len(x2) > 1 else ()))


def dot(x1, x2):
    """numpy's dot: the last axis of the first with the last but one of the second."""
    if not x1 or not x2:
        return broadcast(x1, x2)
    inner = x2[-2] if len(x2) > 1 else x2[0]
    if None not in (x1[-1], inner) and x1[-1] != inner:
        raise ValueError(f"the contracted dimensions of shapes {x1} and {x2} differ: {x1[-1]} and {inner}")
    return (*x1[:-1], *x2[:-2], *x2[-1:]) if len(x2) > 1 else x1[:-1]


def known(shape: Sequence[Any]) -> Shape:
    """A shape given by a user, with symbolic dimensions (tensors) and None as unknown."""
    return tuple(None if d is None or hasattr(d, "dtype") and not hasattr(d, "__index__") else count(d, "each size") for d in shape)


def count(value: Any, name: str, least: int = 0) -> Any:
    """A number that a user gave for how many there are of something, as an int; tensors, whose values are open, stay."""
    if hasattr(value, "dtype") and not hasattr(value, "__index__"):
        return value
    if not hasattr(value, "__index__") or operator.index(value) < least:
        raise ValueError(f"{name} must be an integer of at least {least}, not {value!r}")
    return operator.index(value)


def given(*, shape):
    """The shape that the op was given."""
    sequence = hasattr(shape, "__iter__") and not hasattr(shape, "dtype")  # TensorFlow's shapes are no tuples
    return known(tuple(shape) if sequence else (shape,))


def reshape(x, *, newshape):
    """The given shape, with -1 worked out where the operand's size is known."""
    sizes = newshape if hasattr(newshape, "__iter__") and not hasattr(newshape, "dtype") else (newshape,)
    if any(isinstance(d, int) and d < -1 for d in sizes):
        raise ValueError(f"each size must be a non-negative integer, or -1 for what is left, unlike in newshape={tuple(sizes)}")
    new: Any = tuple(-1 if isinstance(d, int) and d == -1 else known((d,))[0] for d in sizes)
    if new.count(-1) > 1:
        raise ValueError(f"there can be at most one unknown dimension, unlike in newshape={new}")
    size: Any = tuple(x)
    have: Any = math.prod(size) if None not in size else None
    if -1 not in new:
        if have is not None and None not in new and math.prod(new) != have:
            raise ValueError(f"a tensor of shape {x} with {have} elements cannot take the shape {new}")
        if have is not None and new.count(None) == 1 and (rest := math.prod(d for d in new if d is not None)):
            return tuple(have // rest if d is None else d for d in new)
        return new
    others: list[Any] = [d for d in new if d != -1]
    if have is None or None in others:
        # An unknown dimension that stays in front (the batch) still leaves the rest to be worked out.
        if x.count(None) == 1 and others.count(None) == 1:
            total, by = math.prod(d for d in x if d is not None), math.prod(d for d in others if d is not None)
            if by and total % by == 0:
                return tuple(total // by if d == -1 else d for d in new)
        return tuple(None if d == -1 else d for d in new)
    by = math.prod(others)
    if by == 0 or have % by:
        raise ValueError(f"a tensor of shape {x} with {have} elements cannot take the shape {new}")
    return tuple(have // by if d == -1 else d for d in new)


def transpose(x, *, axes=None):
    """The dimensions in the given order, reversed where none is given."""
    if axes is None:
        return x[::-1]
    rank = len(x)
    if len(axes) != rank:
        raise ValueError(f"axes={list(axes)} must be a list of the same length as the input shape, which is {x}")
    if not all(isinstance(a, int) and -rank <= a < rank for a in axes):
        raise ValueError(f"Each axis in `axes` must be an integer in [-{rank}, {rank}), unlike in axes={list(axes)} (shape {x})")
    if len({a % rank for a in axes}) != rank:
        raise ValueError(f"axes must be a valid permutation of the dimensions of shape {x}, unlike axes={list(axes)}")
    return tuple(x[a] for a in axes)


def expand(x, *, axis):
    """With dimensions of size 1 inserted."""
    axes = axis if isinstance(axis, list | tuple) else (axis,)
    rank = len(x) + len(axes)
    at = {normalize_axis(a, rank) for a in axes}
    rest = iter(x)
    return tuple(1 if i in at else next(rest) for i in range(rank))


def squeeze(x, *, axis=None):
    """Without the dimensions of size 1, or without the named ones."""
    if axis is None:
        return tuple(d for d in x if d != 1)
    axes = normalize_axes(axis, len(x))
    for a in axes:
        if x[a] != 1:
            raise ValueError(f"axis {a} of shape {tuple(x)} has size {x[a]}, so it cannot be squeezed")
    return tuple(d for i, d in enumerate(x) if i not in axes)


def concatenate(xs, *, axis=-1):
    """Joined along one axis; all others must agree."""
    if not xs:
        raise ValueError("at least one tensor is needed")
    first = xs[0]
    if axis is None:
        raise ValueError("an axis is needed, not None")
    axis = normalize_axis(axis, len(first))
    out: list[int | None] = list(first)
    for s in xs[1:]:
        if len(s) != len(first):
            raise ValueError(f"shapes {', '.join(map(str, xs))} differ in rank")
        for i, (a, b) in enumerate(zip(out, s, strict=True)):
            if i == axis:
                out[i] = None if None in (a, b) else a + b
            elif None not in (a, b) and a != b:
                raise ValueError(f"it requires inputs with matching shapes except for the concatenation axis {axis}; "
                                 f"{', '.join(map(str, xs))} differ at axis {i}")  # fmt: skip
            else:
                out[i] = b if a is None else a
    return tuple(out)


def stack(xs, *, axis=0):
    """Equal shapes with a new axis."""
    first = xs[0]
    for s in xs[1:]:
        if len(s) != len(first) or any(None not in (a, b) and a != b for a, b in zip(first, s, strict=True)):
            raise ValueError(f"shapes {', '.join(map(str, xs))} differ")
    axis = normalize_axis(axis, len(first) + 1)
    return (*first[:axis], len(xs), *first[axis:])


def take(x, indices, *, axis=None):
    """The indices' shape in place of the indexed axis."""
    if axis is None:
        return tuple(indices)
    axis = normalize_axis(axis, len(x))
    return (*x[:axis], *indices, *x[axis + 1 :])


def padded(x, *rest, pad_width):
    """Each dimension grown by its padding before and after."""
    pairs = pad_pairs(pad_width, len(x))
    return known([None if d is None else d + a + b for d, (a, b) in zip(x, pairs, strict=True)])


def pad_pairs(pad_width: Any, rank: int) -> list[tuple[int, int]]:
    """numpy's forms of pad_width as one (before, after) pair per dimension."""
    if not hasattr(pad_width, "__iter__"):
        pad_width = [(pad_width, pad_width)]
    if all(isinstance(p, int) for p in pad_width):
        pad_width = [pad_width]  # one pair for all dimensions
    pairs = [(p, p) if isinstance(p, int) else tuple(p) * (2 // len(p)) for p in pad_width]
    for number in (n for pair in pairs for n in pair):
        count(number, "each part of `pad_width`")
    if len(pairs) == 1:
        return pairs * rank
    if len(pairs) != rank:
        raise ValueError(f"pad_width {pad_width} has {len(pairs)} entries for a tensor of rank {rank}")
    return pairs


def repeated(x, *, repeats, axis=None):
    """One axis (or the flattened whole) with each entry repeated."""
    if axis is None:
        x, axis = (None if None in x else math.prod(x),), 0
    axis = normalize_axis(axis, len(x))
    size = x[axis]
    if hasattr(repeats, "tolist"):
        repeats = repeats.tolist()
    for number in repeats if isinstance(repeats, list | tuple) else (repeats,):
        count(number, "`repeats`")
    n = None
    if size is not None and isinstance(repeats, int | list | tuple):
        times = [repeats] if isinstance(repeats, int) else repeats
        if len(times) not in (1, size):
            raise ValueError(f"repeats={times} must be one number, or one for each of {size} positions of axis {axis} of shape {x}")
        n = sum(times) * (size if len(times) == 1 else 1)
    return (*x[:axis], n, *x[axis + 1 :])


def tiled(x, *, repeats):
    """Each dimension times its count of repeats."""
    repeats = tuple(count(r, "`repeats`") for r in (repeats if isinstance(repeats, list | tuple) else (repeats,)))
    rank = max(len(x), len(repeats))
    x, repeats = (1,) * (rank - len(x)) + tuple(x), (1,) * (rank - len(repeats)) + repeats
    return tuple(None if d is None or not isinstance(r, int) else d * r for d, r in zip(x, repeats, strict=True))


def sliced(x, *, key):
    """numpy's indexing: integers, slices, `...`, None and index tensors."""
    key = list(key) if isinstance(key, tuple) else [key]
    if sum(k is Ellipsis for k in key) > 1:
        raise ValueError(f"an index can have one `...`, not several: {key}")
    specified = sum(k is not None and k is not Ellipsis for k in key)
    if specified > len(x):
        raise ValueError(f"{specified} indices for a tensor of rank {len(x)} and shape {x}")
    at = next((i for i, k in enumerate(key) if k is Ellipsis), len(key))
    key[at : at + 1] = [slice(None)] * (len(x) - specified)
    out: list[int | None] = []
    dims = iter(x)
    picked: list[Shape] = []  # the shapes of index tensors, which broadcast together
    places: list[int] = []  # and where each stands among the indices
    start = 0  # where in the result the first one does
    for place, k in enumerate(key):
        if k is None:
            out.append(1)
            continue
        d = next(dims)
        if isinstance(k, slice):
            out.append(_sliced_length(k, d))
        elif isinstance(k, int) or hasattr(k, "__index__") and not getattr(k, "shape", ()):
            if d is not None and not -d <= int(k) < d:
                raise ValueError(f"index {k} is out of range for a dimension of size {d}")
        else:
            start = start if picked else len(out)
            picked.append(tuple(getattr(k, "shape", None) or _nest_shape(k)))
            places.append(place)
    if not picked:
        return tuple(out)
    if places[-1] - places[0] != len(places) - 1:
        start = 0  # index tensors apart from each other put their dimensions first
    return (*out[:start], *broadcast(*picked), *out[start:])


def _sliced_length(k: slice, size: int | None) -> int | None:
    parts = (k.start, k.stop, k.step)
    if parts in ((None, None, None), (None, None, -1)):
        return size
    if size is None or any(p is not None and not hasattr(p, "__index__") for p in parts):
        return None
    return len(range(*k.indices(size)))


def _nest_shape(nest: Any) -> Shape:
    return (len(nest), *_nest_shape(nest[0])) if isinstance(nest, list | tuple) and nest else ()


# ------------------------------------------------------------------------------------------------ images


def image(x, name="images"):
    """The shape of one image, of rank 3, or of a batch of them."""
    if len(x) not in (3, 4):
        raise ValueError(f"Invalid {name} rank: expected rank 3 (an image) or rank 4 (a batch of images), got shape {x}")
    return x


def image_axes(data_format: str) -> tuple[int, int, int]:
    """The axes of rows, columns and channels, counted from the end."""
    return (-3, -2, -1) if data_format == "channels_last" else (-2, -1, -3)


def replaced(x, sizes):
    """A shape with other sizes at some axes, which `sizes` gives by axis."""
    out = list(x)
    for axis, size in sizes.items():
        out[axis] = size
    return known(out)


# ------------------------------------------------------------------------------------------------ windows


def spatial(shape: Shape, data_format: str) -> tuple[Shape, int | None]:
    """The spatial dimensions and the channels of an input of shape (batch, ..., channels) or (batch, channels, ...)."""
    return (shape[1:-1], shape[-1]) if data_format == "channels_last" else (shape[2:], shape[1])


def unspatial(batch: Any, dims: Sequence[Any], channels: Any, data_format: str) -> Shape:
    """The inverse of `spatial`."""
    return (batch, *dims, channels) if data_format == "channels_last" else (batch, channels, *dims)


def per_axis(value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """One value for all spatial axes, or one each, as a tuple."""
    return (value,) * rank if isinstance(value, int) else tuple(value)


def steps(value: Any, rank: int, name: str) -> tuple[int, ...]:
    """As `per_axis`, for sizes and distances that are 1 or more."""
    return tuple(count(n, f"`{name}`", 1) for n in (per_axis(value, rank) if hasattr(value, "__iter__") else (value,) * rank))


def window_length(size: int | None, window: int, stride: int, padding: str, dilation: int = 1) -> int | None:
    """How many windows fit on an axis of `size` positions."""
    if size is None:
        return None
    if padding in ("same", "causal"):
        return -(-size // stride)
    reach = dilation * (window - 1) + 1
    if size < reach:
        raise ValueError("Computed output size would be zero or negative. A window that reaches over "
                         f"{reach} positions does not fit an axis of {size} without padding")  # fmt: skip
    return (size - reach) // stride + 1


def pooled(x, *, pool_size, strides=None, padding="valid", data_format="channels_last"):
    """Windows slid over the spatial axes; batch and channels stay."""
    dims, channels = spatial(x, data_format)
    pool = steps(pool_size, len(dims), "pool_size")
    step = steps(strides, len(dims), "strides") if strides is not None else pool
    out = [window_length(d, w, s, padding) for d, w, s in zip(dims, pool, step, strict=True)]
    return unspatial(x[0], out, channels, data_format)


def convolved(x, kernel, *, strides=1, padding="valid", data_format="channels_last", dilation_rate=1):
    """Kernels of shape (*window, input channels / groups, output channels) slid over the spatial axes."""
    dims, channels = spatial(x, data_format)
    if len(kernel) != len(x):
        raise ValueError(f"an input of shape {x} needs a kernel of rank {len(x)}, got shape {kernel}")
    if None not in (channels, kernel[-2]) and channels % kernel[-2]:
        raise ValueError(f"the input channels must match the kernel: {channels} are no multiple of {kernel[-2]} (kernel {kernel})")
    rank = len(dims)
    each = zip(dims, kernel[:rank], steps(strides, rank, "strides"), steps(dilation_rate, rank, "dilation_rate"), strict=True)
    out = [window_length(d, w, s, padding, r) for d, w, s, r in each]
    return unspatial(x[0], out, kernel[-1], data_format)
