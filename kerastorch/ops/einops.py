"""Dimensions rearranged by a pattern that names them."""

import functools
import math

from kerastorch.ops import core, shaping


@functools.cache
def _parse(side: str) -> tuple[tuple[str, ...], ...]:
    """The names of each dimension of one side of a pattern: several in parentheses, one otherwise."""
    groups: list[tuple[str, ...]] = []
    inside: list[str] | None = None
    for word in side.replace("(", " ( ").replace(")", " ) ").split():
        if word in "()":
            if (word == "(") is not (inside is None):
                raise ValueError(f"the parentheses of {side!r} do not match")
            if inside is not None:
                groups.append(tuple(inside))
            inside = [] if word == "(" else None
        elif inside is None:
            groups.append((word,))
        else:
            inside.append(word)
    if inside is not None:
        raise ValueError(f"the parentheses of {side!r} do not match")
    return tuple(groups)


def _sizes(groups, shape, lengths, pattern):
    """The size of each name; in a group one may be left to be worked out."""
    sizes = dict(lengths)
    for names, size in zip(groups, shape, strict=True):
        open_ = [n for n in names if n not in sizes]
        known = math.prod(sizes[n] for n in names if n in sizes)
        fixed = isinstance(size, int)
        if len(open_) > 1 or fixed and (size % known if open_ else size != known):
            raise ValueError(f"{pattern!r} cannot split a dimension of size {size} into {names} with {lengths}")
        for name in open_:
            sizes[name] = size if len(names) == 1 else size // known if fixed else -1
    return sizes


def rearrange(tensor, pattern, **axes_lengths):
    """Dimensions reordered, split and merged by a pattern such as "b (h s) c -> b h (s c)" (Rogozhnikov, 2022).

    Args:
        tensor: Tensor.
        pattern: Names of the dimensions before and after; parentheses hold several in one.
        axes_lengths: Sizes of dimensions that are split off; one of each group may be left out.

    Raises:
        ValueError: If the pattern does not fit the tensor, or itself.
    """
    before, arrow, after = pattern.partition("->")
    shape = core.shape(tensor)
    try:
        source, target = _parse(before), _parse(after)
        names, wanted = ([n for group in side for n in group] for side in (source, target))
        if not arrow or sorted(names) != sorted(wanted) or len(set(names)) != len(names):
            raise ValueError(f"{pattern!r} must name each dimension once on either side of '->'")
        if len(source) != len(shape):
            raise ValueError(f"{pattern!r} names {len(source)} dimensions")
        sizes = _sizes(source, shape, axes_lengths, pattern)
    except ValueError as error:
        raise ValueError(f"rearrange: {error}, for a tensor of shape {tuple(shape)}") from error
    if len(names) != len(source):
        tensor = shaping.reshape(tensor, tuple(_open(sizes[n]) for n in names))
    tensor = shaping.transpose(tensor, tuple(names.index(n) for n in wanted))
    if len(wanted) == len(target):
        return tensor
    split = core.shape(tensor)
    found = dict(zip(wanted, split, strict=True))
    return shaping.reshape(tensor, tuple(_merged([found[n] for n in group]) for group in target))


def _open(size):
    return -1 if size is None else size


def _merged(sizes):
    return -1 if None in sizes else math.prod(sizes)
