"""Old spellings of Keras 1, Keras 2 and tf.keras, as tables that are applied at the border.

`arguments` has the old arguments (`translate` applies them), `modules` the old module paths and names; `aliasing` takes
over the imports of `keras` itself. Here is the border: constructors and functions come to the tables only with a
keyword that they do not know, so a program in today's spelling never loads them.
"""

import functools
import inspect
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from kerastorch.errors import near

Function = TypeVar("Function", bound=Callable[..., Any])


def constructor_arguments(
    cls: type, args: tuple, kwargs: dict[str, Any], names: Sequence[str], accepts: Collection[str]
) -> tuple[tuple, dict[str, Any]]:
    """The modern arguments of a constructor that was called with some that it does not know.

    Args:
        cls: The class of the constructor.
        args: The positional arguments given.
        kwargs: The keyword arguments given.
        names: The arguments that it takes by position, in order.
        accepts: All that it takes.

    Returns:
        Positional and keyword arguments.

    Raises:
        ValueError: If an argument is unknown and the class takes further keywords, as layers do, as in Keras.
        TypeError: If an argument is unknown otherwise, and what `translate` raises.
    """
    from kerastorch.legacy.translate import translate

    package, _, inside = cls.__module__.partition(".")
    kind = inside.partition(".")[0] if package == __name__.partition(".")[0] else cls.__module__
    call = translate(kind, cls.__name__, kwargs, names, accepts, args)
    unknown = [key for key in call if key not in accepts]
    if unknown:
        error = ValueError if len(accepts) > len(names) else TypeError
        hints = "".join(near(key, accepts) for key in unknown)
        what = f"argument{'s' * (len(unknown) > 1)} {', '.join(map(repr, unknown))}"
        takes = f" It takes {', '.join(names)}."
        raise error(f"{cls.__name__}() does not know the {what}.{hints or takes}")
    return (), call


def old_spellings(kind: str, name: str) -> Callable[[Function], Function]:
    """A decorator for a function or method that takes old spellings of its arguments too.

    Args:
        kind: Its public module, as "utils".
        name: Its name there, as "to_categorical"; of a method with its class, as "Model.fit".
    """

    def wrap(function: Function) -> Function:
        parameters = inspect.signature(function).parameters.values()
        names = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        accepts = {*names, *(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)}

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if accepts >= kwargs.keys():
                return function(*args, **kwargs)
            from kerastorch.legacy.translate import translate

            return function(**translate(kind, name, kwargs, names, accepts, args))

        return call  # type: ignore[return-value]

    return wrap


def old_attribute(old: str, today: str) -> property:
    """An attribute under the name that it had in the past.

    Args:
        old: That name.
        today: Its name today.
    """

    def note() -> None:
        from kerastorch.legacy.spelling import warn_once

        warn_once(("attribute", old, today), f".{old} is an old name: write .{today}.")

    def read(self: Any) -> Any:
        note()
        return getattr(self, today)

    def write(self: Any, value: Any) -> None:
        note()
        setattr(self, today, value)

    return property(read, write, doc=f"Old name of `{today}`.")
