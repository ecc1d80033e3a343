"""From the arguments that an old program gives to those that are taken today, by the tables of `arguments`."""

import functools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from kerastorch.legacy.arguments import ARGUMENTS, POSITIONS
from kerastorch.legacy.rules import Call, Rule, to
from kerastorch.legacy.spelling import warn_once


@functools.cache
def _rules(kind: str, name: str) -> dict[tuple[str, ...], Rule]:
    """The rules of a callable by old arguments, its own before those of its kind."""
    own, general = ARGUMENTS.get(f"{kind}.{name}", {}), ARGUMENTS.get(f"{kind}.*", {})
    rules = {old: to(rule, {}) if isinstance(rule, str) else rule for old, rule in {**general, **own}.items()}
    return {(old,) if isinstance(old, str) else old: rule for old, rule in rules.items()}


def translate(
    kind: str,
    name: str,
    kwargs: Mapping[str, Any],
    names: Sequence[str],
    accepts: Collection[str] = (),
    args: Sequence[Any] = (),
) -> dict[str, Any]:
    """The arguments of a call under their modern names.

    Keywords that neither the callable nor the tables know are left as they are: the caller reports them.

    Args:
        kind: The public module of the callable, as "layers" or "datasets.imdb".
        name: Its name there, as "Dense"; a method as "Model.fit".
        kwargs: The keyword arguments of the call.
        names: The arguments that the callable takes by position, in order.
        accepts: Further ones that it takes by keyword.
        args: The positional arguments of the call.

    Returns:
        All arguments, those by position too, as keywords.

    Raises:
        TypeError: If an argument is given twice (by its old and its modern name, or by position and by name), if there
            are too many by position, or if an old value has no equal today.
    """
    rules = _rules(kind, name)
    place = f"{kind}.{name}"
    known = {*names, *accepts}
    from_the_past = any(not known.issuperset(kwargs.keys() & olds) for olds in map(set, rules))
    order = POSITIONS.get(place, names) if from_the_past else names
    if len(args) > len(order):
        takes = f"{len(order)} arguments by position ({', '.join(order)})"
        raise TypeError(f"{name}() takes at most {takes}, and {len(args)} were given")
    call = dict(zip(order, args, strict=False))
    for key in call.keys() & kwargs.keys():
        raise TypeError(f"{name}() got the argument {key!r} twice")
    call.update(kwargs)
    for olds, rule in rules.items():
        given = {old: call[old] for old in olds if old in call}
        if known.issuperset(given):
            continue
        rest = {key: value for key, value in call.items() if key not in given}
        modern = rule.make(*(given.get(old) for old in olds), Call(kind, name, rest))
        if not known.issuperset(modern):
            continue
        for key in modern.keys() & rest.keys() - set(rule.replaces):
            twice = f"{_spell(given)} and {_spell({key: rest[key]})}"
            raise TypeError(f"{name}() got {twice}, the old and the new name of one argument")
        _warn(place, name, given, modern, rule.note)
        call = rest | modern
    return call


def _warn(place: str, name: str, given: dict[str, Any], modern: dict[str, Any], note: str) -> None:
    today = f"write {name}({_spell(modern)})" if modern else "leave it out"
    reason = f" ({note})" if note else ""
    warn_once(("argument", place, *given), f"{name}({_spell(given)}) is an old spelling: {today}{reason}.")


def _spell(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={_show(value)}" for key, value in arguments.items())


def _show(value: Any) -> str:
    if isinstance(value, (int, float, str, tuple, type(None))) and len(repr(value)) <= 40:
        return repr(value)
    return "..." if isinstance(value, (int, float, str, tuple, list, dict)) else f"<{type(value).__name__}>"
