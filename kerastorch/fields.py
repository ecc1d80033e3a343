"""Declaring configuration: typed fields give a class its constructor, `get_config` and repr.

    @declare
    class Dense(Layer):
        units: Count
        activation: Activation = None
        ...

The constructor takes the fields in their order and, as keywords, what the nearest undeclared base class takes. `__post_init__`
runs when all fields are set. A field's type says how a value is read (`parse`) and written to a configuration (`serialize`);
annotations that are no Field stand for values that are kept as they are.
"""

import functools
import importlib
import inspect
import operator
from collections.abc import Callable, Sequence
from typing import Any, dataclass_transform

from kerastorch import scope
from kerastorch.errors import at, near, user_line


class Field:
    """How a value of one kind is read from an argument and written to a configuration.

    Args:
        parse: `(value) -> value`; raises ValueError or TypeError with a message that names what is accepted.
        serialize: `(value) -> JSON-like value`.
        attribute: Name of the attribute that keeps the value, where the argument's own name is taken.
        complaint: What is said of a wrong value: a template of `cls`, `name`, `value`, and the `error` that `parse` raised.
    """

    def __init__(
        self,
        parse: Callable[[Any], Any] = lambda v: v,
        serialize: Callable[[Any], Any] = lambda v: v,
        attribute: str | None = None,
        complaint: str = "{cls}: argument {name!r}: {error}",
    ):
        self.parse, self.serialize, self.attribute, self.complaint = parse, serialize, attribute, complaint


class Kept:
    """Where a class shows that its objects keep a field under this name; the value is in the object, which is asked first."""

    def __init__(self, name: str):
        self.name = name

    def __get__(self, obj: Any, kind: type) -> Any:
        if obj is None:
            return self
        raise AttributeError(f"{kind.__name__} object has no attribute {self.name!r} yet")


PLAIN = Field()
Base = Field()  # an argument that the base class takes, keeps and saves; listed for its place in the signature
REQUIRED = inspect.Parameter.empty


def shown(obj: Any) -> str:
    """The arguments of a declared object that are plain and not the defaults, as they would be written."""
    values = ((n, getattr(obj, f.attribute or n, d), d) for n, (f, d) in fields_of(type(obj)).items() if f is not Base)
    return ", ".join(f"{n}={v!r}" for n, v, d in values if v != d and isinstance(v, bool | int | float | str | tuple))


def fields_of(cls: type) -> dict[str, tuple[Field, Any]]:
    """The declared fields of a class in order: name -> (field, default)."""
    return getattr(cls, "__fields__", {})


@dataclass_transform()
def declare(
    cls: Any = None,
    *,
    hidden: Sequence[str] = (),
    order: Sequence[str] = (),
    unlisted: Sequence[str] = (),
    closed: bool = False,
    also: Sequence[type] = (),
) -> Any:
    """Generates the constructor and `get_config` of a class from its annotated fields and those of its bases.

    A class that needs a `get_config` of its own finds the generated one as `declared_config`.

    Args:
        cls: The class.
        hidden: Fields that are left out of the configuration while they are None.
        order: Names of all fields in the constructor's order, where that is not the order of declaration.
        unlisted: Fields that are accepted as keywords and saved, but that the signature does not show.
        closed: Whether the signature shows nothing of the base class's keywords, which are accepted all the same.
        also: Other declared classes whose fields this one takes over.
    """
    if cls is None:
        return lambda c: declare(c, hidden=hidden, order=order, unlisted=unlisted, closed=closed, also=also)
    fields = {name: field for c in (cls.__mro__[1], *also) for name, field in fields_of(c).items()}
    for name, annotation in cls.__dict__.get("__annotations__", {}).items():
        field = annotation if isinstance(annotation, Field) else PLAIN
        fields[name] = (field, cls.__dict__.get(name, REQUIRED))
        if name in cls.__dict__:
            delattr(cls, name)
    if order:
        fields = {name: fields[name] for name in order}
    cls.__fields__ = fields
    cls.__hidden__ = frozenset(hidden) | getattr(cls, "__hidden__", frozenset())
    cls.__unlisted__ = frozenset(unlisted).union(*(getattr(c, "__unlisted__", ()) for c in (cls, *also)))
    cls.__init__ = _constructor(cls, fields, closed)
    for name in {field.attribute or name for name, (field, _) in fields.items() if field is not Base}:
        if not hasattr(cls, name):
            setattr(cls, name, Kept(name))
    written = any("get_config" in c.__dict__ and c.__dict__["get_config"] is not c.__dict__.get("declared_config")
                  for c in cls.__mro__ if "__fields__" in c.__dict__)  # fmt: skip
    cls.declared_config = _get_config(cls)
    if not written:
        cls.get_config = cls.declared_config
    return cls


def _constructor(cls: type, fields: dict[str, tuple[Field, Any]], closed: bool) -> Callable:
    base = next(c for c in cls.__mro__[1:] if "__fields__" not in c.__dict__)
    accepts = fields.keys() | getattr(base, "base_arguments", frozenset())
    open_ended = hasattr(base, "base_arguments") and not closed
    listed = [n for n in fields if n not in cls.__unlisted__]  # type: ignore[attr-defined]

    parameters = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    parameters += [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=fields[n][1]) for n in listed]
    if open_ended:
        parameters.append(inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD))
    parsers = [(n, f.attribute or n, f.parse) for n, (f, _) in fields.items() if f is not Base]
    for_base = [n for n, (f, _) in fields.items() if f is Base]
    names = [*listed, *(n for n in fields if n not in listed)]
    defaults = {n: d for n, (_, d) in fields.items() if d is not REQUIRED}

    initialize: Any = base.__init__  # type: ignore[misc]

    def __init__(self, *args, **kwargs):
        if not accepts >= kwargs.keys() or len(args) > len(listed):
            from kerastorch import legacy

            args, kwargs = legacy.constructor_arguments(cls, args, kwargs, names, accepts)
        values = dict(zip(names, args, strict=False))
        for n in names[len(args) :]:
            if n in kwargs:
                values[n] = kwargs.pop(n)
            elif n in defaults:
                values[n] = defaults[n]
            else:
                raise TypeError(f"{cls.__name__}() is missing the argument {n!r}; it takes ({', '.join(names)})")
        for n in names[: len(args)]:
            if n in kwargs:
                raise TypeError(f"{cls.__name__}() got the argument {n!r} twice")
        for n in for_base:
            kwargs[n] = values[n]
        initialize(self, **kwargs)
        for n, attribute, parse in parsers:
            try:
                value = parse(values[n])
            except (ValueError, TypeError) as error:
                said = fields[n][0].complaint.format(cls=cls.__name__, name=n, value=values[n], error=error)
                raise type(error)(said + at(user_line(), "called")) from error
            setattr(self, attribute, value)
        post = getattr(self, "__post_init__", None)
        if post is not None:
            post()

    __init__.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    __init__.__qualname__ = f"{cls.__qualname__}.__init__"
    return __init__


def _get_config(cls: Any) -> Callable:
    base = next(c for c in cls.__mro__[1:] if "__fields__" not in c.__dict__)

    def get_config(self: Any) -> dict[str, Any]:
        """The constructor's arguments as JSON-like values."""
        config = dict(base.get_config(self)) if hasattr(base, "get_config") else {}
        for n, (field, _) in cls.__fields__.items():
            if field is Base:
                continue
            value = getattr(self, field.attribute or n)
            if value is None and n in cls.__hidden__:
                continue
            config[n] = field.serialize(value)
        return config

    return get_config


class Declared:
    """Base of declared classes that are not layers: a repr, `from_config`, copying by configuration."""

    @classmethod
    def from_config(cls, config):
        """A new object of this class from what `get_config` gave."""
        return cls(**config)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON-like values."""
        return {}

    def __repr__(self) -> str:
        shown = (f"{n}={getattr(self, n)!r}" for n, (_, d) in fields_of(type(self)).items() if getattr(self, n, d) != d)
        return f"{type(self).__name__}({', '.join(shown)})"


# ------------------------------------------------------------------------------------------------ fields


def _from(package: str) -> Field:
    """A field whose values are found by name, config or object in a package with `get` and `serialize`."""

    @functools.cache
    def module() -> Any:
        return importlib.import_module(f"kerastorch.{package}")

    return Field(lambda v: module().get(v), lambda v: None if v is None else module().serialize(v))


Activation = _from("activations")
Initializer = _from("initializers")
Regularizer = _from("regularizers")
Constraint = _from("constraints")
DataFormat = Field(scope.standardize_data_format)


def positive(value: Any) -> int:
    """A positive integer."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() <= 0:
        raise ValueError(f"a positive integer is needed, not {value!r}")
    return operator.index(value)


Count = Field(positive, complaint="{cls}: `{name}` must be a positive integer, not {value!r}")


def number(least: float | None = None, most: float | None = None, optional: bool = False, **more: Any) -> Field:
    """A field of one real number within bounds; `more` is for `Field`."""
    bounds = " ".join(f"{word} {v}" for word, v in (("of at least", least), ("and at most", most)) if v is not None)

    def parse(value: Any) -> Any:
        if value is None and optional:
            return None
        real = hasattr(value, "__float__") and not isinstance(value, bool)
        if not real or (least is not None and value < least) or (most is not None and value > most):
            raise ValueError(f"a number {bounds}{' or None' if optional else ''} is needed, not {value!r}")
        return value

    return Field(parse, **more)


def choice(*allowed: Any, fold: bool = True, **more: Any) -> Field:
    """A field that takes one of some values; strings are compared in lower case. `more` is for `Field`."""

    def parse(value: Any) -> Any:
        v = value.lower() if fold and isinstance(value, str) else value
        if v not in allowed:
            raise ValueError(f"{value!r} is none of {', '.join(map(repr, allowed))}{near(str(value), map(str, allowed))}")
        return v

    return Field(parse, **more)


def sizes(rank: int, zero: bool = False, optional: bool = False, wrong: type[Exception] = ValueError) -> Field:
    """A field of one integer for all axes or one each, kept as a tuple of `rank`; `wrong` is raised for anything else."""

    def parse(value: Any) -> Any:
        if value is None and optional:
            return None
        if hasattr(value, "__index__"):
            value = (value,) * rank
        least = 0 if zero else 1
        try:
            out = tuple(operator.index(v) for v in value)
        except TypeError:
            out = ()
        small = {v for v in out if v < least}
        if small:
            raise ValueError(f", including values {small} that do not satisfy `value {'>=' if zero else '>'} 0`")
        if len(out) != rank:
            raise wrong("")
        return out

    said = f"{{cls}}: The `{{name}}` argument must be a tuple of {rank} integers. Received {{name}}={{value!r}}{{error}}"
    return Field(parse, lambda v: v if v is None else tuple(v), complaint=said)


def axes(value: Any) -> Any:
    """An axis or a list of axes, as integers."""
    if isinstance(value, list | tuple):
        return [operator.index(v) for v in value]
    return value if value is None else operator.index(value)


Axes = Field(axes)
