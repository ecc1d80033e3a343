"""Nests of lists, tuples, dicts and named tuples, by optree; None is a leaf, as in Keras."""

from collections.abc import Callable
from typing import Any

import optree

from kerastorch import backend_registry

NAMESPACE = "kerastorch"

__all__ = ["MAP_TO_NONE", "assert_same_paths", "assert_same_structure", "flatten", "flatten_with_path", "is_nested",
           "lists_to_tuples", "map_shape_structure", "map_structure", "map_structure_up_to", "pack_sequence_as",
           "traverse"]  # fmt: skip


class MAP_TO_NONE:  # noqa: N801
    """What the function given to `traverse` returns for a place where the result is to have None."""


def leaves(structure: Any) -> list[Any]:
    """All leaves, in order."""
    return optree.tree_leaves(structure, none_is_leaf=True, namespace=NAMESPACE)


def flatten(structure: Any) -> list[Any]:
    """All leaves of a nest, in order; dictionaries by sorted key."""
    _meet_framework()
    return leaves(structure)


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """All leaves of a nest, in order, each with its path: the indices and keys that lead to it."""
    _meet_framework()
    paths, found, _ = optree.tree_flatten_with_path(structure, none_is_leaf=True, namespace=NAMESPACE)
    return list(zip(paths, found, strict=True))


def map_structure(func: Callable, *structures: Any, none_is_leaf: bool = True) -> Any:
    """A nest like the first, each leaf the result of `func` on the leaves at its place.

    Raises:
        TypeError: If `func` is not callable.
        ValueError: If no structure is given or the structures differ.
    """
    _check(func, structures)
    return optree.tree_map(func, *structures, none_is_leaf=none_is_leaf, namespace=NAMESPACE)


def map_structure_up_to(shallow_structure: Any, func: Callable, *structures: Any) -> Any:
    """A nest like `shallow_structure`, each leaf the result of `func` on what the structures, which may be deeper, have there.

    Raises:
        TypeError: If `func` is not callable.
        ValueError: If no structure is given, or one lacks a part of `shallow_structure`.
    """
    _check(func, structures)
    return optree.tree_map(
        lambda _, *parts: func(*parts), shallow_structure, *structures, none_is_leaf=True, namespace=NAMESPACE
    )


def traverse(func: Callable, structure: Any, top_down: bool = True) -> Any:
    """A copy of a nest in which `func`, applied to every part of it (nests and leaves), has put what it returned.

    Args:
        func: Where it returns None the part stays, MAP_TO_NONE puts None there, and anything else takes its place.
        structure: Nest.
        top_down: Whether a nest is visited before its parts, which are not visited where something took its place; else after
            them, as it has become.

    Raises:
        TypeError: If `func` is not callable.
    """
    _check(func, (structure,))

    def visit(part: Any) -> Any:
        result = func(part) if top_down else None
        if result is None:
            result = part
            if is_nested(part):
                result = optree.tree_map(
                    visit, part, is_leaf=lambda x: x is not part, none_is_leaf=True, namespace=NAMESPACE
                )
            if not top_down:
                changed = func(result)
                result = result if changed is None else changed
        return None if result is MAP_TO_NONE else result

    return visit(structure)


def lists_to_tuples(structure: Any) -> Any:
    """A nest with tuples in place of its lists."""
    return traverse(lambda part: tuple(part) if isinstance(part, list) else None, structure, top_down=False)


def map_shape_structure(func: Callable, structure: Any) -> Any:
    """A nest of shapes (lists or tuples of int and None) with each the result of `func` on it.

    Raises:
        TypeError: If `func` is not callable.
    """
    _check(func, (structure,))
    return optree.tree_map(func, structure, is_leaf=_is_shape, none_is_leaf=True, namespace=NAMESPACE)


def is_nested(structure: Any) -> bool:
    """Whether the argument is a container rather than a leaf."""
    _meet_framework()
    return not optree.tree_is_leaf(structure, none_is_leaf=True, namespace=NAMESPACE)


def pack_sequence_as(structure: Any, flat_sequence: Any) -> Any:
    """A nest like `structure` with its leaves taken from `flat_sequence`.

    Raises:
        TypeError: If `flat_sequence` is not iterable.
        ValueError: If the number of leaves differs.
    """
    _meet_framework()
    flat = list(flat_sequence)
    spec = optree.tree_structure(structure, none_is_leaf=True, namespace=NAMESPACE)
    if spec.num_leaves != len(flat):
        raise ValueError(f"pack_sequence_as: the sequence has {len(flat)} leaves, but the structure holds {spec.num_leaves}")
    return optree.tree_unflatten(spec, flat)


def assert_same_structure(a: Any, b: Any, check_types: Any = None) -> None:
    """Raises ValueError unless both nests have the same structure; dictionaries of all kinds are alike.

    Args:
        a, b: Nests.
        check_types: Accepted for compatibility; types are always compared.

    Raises:
        ValueError: Where they differ.
    """
    _meet_framework()
    left, right = (optree.tree_structure(x, none_is_leaf=True, namespace=NAMESPACE) for x in (a, b))
    if left == right:
        return
    try:  # an OrderedDict and a dict give different specs, but have the same structure
        left.flatten_up_to(b)
        right.flatten_up_to(a)
    except ValueError as error:
        raise ValueError(f"the two don't have the same nested structure: {error}") from None


def assert_same_paths(a: Any, b: Any) -> None:
    """Raises ValueError unless the leaves of both nests have the same paths, whatever containers these lead through.

    Raises:
        ValueError: Where they differ.
    """
    left, right = ({path for path, _ in flatten_with_path(x)} for x in (a, b))
    if left != right:
        raise ValueError(f"the structures don't have the same paths: only the first has {_shown(left - right)}, only the second "
                         f"{_shown(right - left)}")  # fmt: skip


def _meet_framework() -> None:
    """Loads the backend of a framework in use, which says what containers of the framework's own are nests."""
    backend_registry.at_hand()


def _check(func: Any, structures: Any) -> None:
    _meet_framework()
    if not callable(func):
        raise TypeError(f"func must be callable, not {func!r}")
    if not structures:
        raise ValueError("at least one structure is needed beside func")


def _is_shape(x: Any) -> bool:
    return isinstance(x, list | tuple) and all(isinstance(d, int | None) for d in x)


def _shown(paths: set[tuple[Any, ...]]) -> str:
    return ", ".join(sorted("/".join(map(str, path)) or "the root" for path in paths)) or "none"
