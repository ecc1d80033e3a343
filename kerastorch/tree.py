"""Nests of lists, tuples, dicts and named tuples, by optree; None is a leaf, as in Keras."""

from collections.abc import Callable
from typing import Any

import optree

NAMESPACE = "kerastorch"


def leaves(structure: Any) -> list[Any]:
    """All leaves, in order."""
    return optree.tree_leaves(structure, none_is_leaf=True, namespace=NAMESPACE)


def flatten(structure: Any) -> list[Any]:
    """All leaves of a nest, in order; dictionaries by sorted key."""
    return leaves(structure)


def map_structure(func: Callable, *structures: Any, none_is_leaf: bool = True) -> Any:
    """A nest like the first, each leaf the result of `func` on the leaves at its place.

    Raises:
        TypeError: If `func` is not callable.
        ValueError: If no structure is given or the structures differ.
    """
    if not callable(func):
        raise TypeError(f"map_structure: func must be callable, not {func!r}")
    if not structures:
        raise ValueError("map_structure needs at least one structure")
    return optree.tree_map(func, *structures, none_is_leaf=none_is_leaf, namespace=NAMESPACE)


def is_nested(structure: Any) -> bool:
    """Whether the argument is a container rather than a leaf."""
    return not optree.tree_is_leaf(structure, none_is_leaf=True, namespace=NAMESPACE)


def pack_sequence_as(structure: Any, flat_sequence: Any) -> Any:
    """A nest like `structure` with its leaves taken from `flat_sequence`.

    Raises:
        ValueError: If the number of leaves differs.
    """
    flat = list(flat_sequence) if is_nested(flat_sequence) else [flat_sequence]
    spec = optree.tree_structure(structure, none_is_leaf=True, namespace=NAMESPACE)
    if spec.num_leaves != len(flat):
        raise ValueError(f"pack_sequence_as: the structure has {spec.num_leaves} leaves, the sequence {len(flat)}")
    return optree.tree_unflatten(spec, flat)


def assert_same_structure(a: Any, b: Any) -> None:
    """Raises ValueError unless both nests have the same shape.

    Raises:
        ValueError: Where they differ.
    """
    left, right = (optree.tree_structure(x, none_is_leaf=True, namespace=NAMESPACE) for x in (a, b))
    if left != right:
        raise ValueError(f"the structures differ: {left} and {right}")
