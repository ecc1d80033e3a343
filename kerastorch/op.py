"""Declaring ops: one decorated function gives name, signature and docstring; a shape rule and a dtype rule say the rest.

`@op` declares a primitive, which every backend lowers by one entry in its table. `@composite` declares an op whose body, written
over other ops, is its lowering wherever a backend has nothing better. Parameters annotated `Tensor` are operands, `Tensors`
sequences of operands; all others are attributes.

Calling an op looks up a *plan* by the types and dtypes of its operands: recording for KerasTensors, the backend's function
(with the casts that the dtype rule asks for worked in) for tensors. Plans are made once and cached, so an eager call costs one
dictionary lookup over the framework's own function.
"""

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

from kerastorch import backend_registry, dtypes, scope, shapes
from kerastorch.errors import NotLowerable, OpError, because, near
from kerastorch.graph import Graph, KerasTensor, Node
from kerastorch.variable import Variable


class Tensor:
    """Annotation of an op's operand: a tensor, array, Variable, KerasTensor or Python number."""


class Tensors:
    """Annotation of an operand that is a sequence of tensors."""


AS_NUMBER = object()  # in place of a dtype: the framework's function takes the Python number itself
FRAMEWORK_NOISE = re.compile(r"\{\{.*?\}\} ?|\[Op:.*|\n.*", re.DOTALL)  # what messages name of a framework's inside
OPS: dict[str, "Op"] = {}  # by name, for printing and for suggestions


class Op:
    """What is known of one op: its public function, operands, attributes, and rules."""

    def __init__(
        self,
        body: Callable,
        shape: Callable | None,
        dtype: Callable | None,
        sparse: Callable | None,
        primitive: bool,
        transparent: bool = False,
        checked: bool = False,
    ):
        self.body, self.primitive, self.transparent, self.checked = body, primitive, transparent, checked
        self.name = body.__name__.rstrip("_")
        self.signature = inspect.signature(body)
        parameters = list(self.signature.parameters.values())
        self.parameters = tuple(p.name for p in parameters)
        self.variadic = {i for i, p in enumerate(parameters) if p.annotation is Tensors}
        self.operands = tuple(i for i, p in enumerate(parameters) if p.annotation in (Tensor, Tensors))
        self.shape_rule, self.dtype_rule, self.sparse_rule = shape, dtype, sparse
        self.shape_attributes, self.dtype_attributes = self.asked(shape), self.asked(dtype)
        self.sparse_attributes = self.asked(sparse)
        self.prefer_body = False  # whether a composite's body runs even where the backend has a function of its own
        self.plans: dict[Any, Callable] = {}
        self.function = self.compile()
        OPS[self.name] = self

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def asked(self, rule: Callable | None) -> tuple[int, ...]:
        """Positions of the attributes that a rule asks for by name."""
        if rule is None:
            return ()
        names = [p.name for p in inspect.signature(rule).parameters.values() if p.kind is p.KEYWORD_ONLY]
        return tuple(self.parameters.index(n) for n in names if n in self.parameters)

    def compile(self) -> Callable:
        """The public function: the declared signature, a plan looked up, the plan called."""
        key = ["None"] if not self.operands else []
        for i in self.operands:
            p = self.parameters[i]
            if i in self.variadic:
                key.append(f"_kind_of_all({p}, {self.name!r}, {p!r})")
            else:
                key += [f"{p}.__class__", f"_readers.get({p}.__class__, _dtype)({p})"]
        key += [self.parameters[i] for i in self.dtype_attributes if self.operands]
        defaults: dict[str, Any] = {}
        header = []
        starred = False
        for parameter in self.signature.parameters.values():
            name, default = parameter.name, parameter.default
            if parameter.kind is parameter.KEYWORD_ONLY and not starred:
                header.append("*")
                starred = True
            if default is parameter.empty:
                header.append(name)
            else:
                defaults[f"_default_{name}"] = default
                header.append(f"{name}=_default_{name}")
        args = ", ".join(self.parameters)
        lines = [f"def {self.body.__name__}({', '.join(header)}):"]
        if "data_format" in self.parameters:
            lines.append("    data_format = _standardize_data_format(data_format)")
        if defaults.get("_default_padding") == "valid":
            lines.append("    padding = padding.lower()")
        if self.shape_rule is shapes.reduce:  # over no axes: one more, of size 1, is reduced, since frameworks differ on ()
            x = self.parameters[0]
            lines += ["    if axis is not None and axis in ((), []):", f"        {x}, axis = _one_more_axis({x}), -1"]
            lines += ["        keepdims = False"] if "keepdims" in self.parameters else []
        lines += [
            f"    _key = ({', '.join(key)},)",
            "    _plan = _plans.get(_key)",
            "    if _plan is None:",
            f"        _plan = _make_plan(_key, ({args}{',' if self.parameters else ''}))",
            "    try:",
            f"        return _plan({args})",
            "    except Exception as _error:",
            f"        raise _explain(_error, ({args}{',' if self.parameters else ''}))",
        ]
        space = {"_plans": self.plans, "_make_plan": self.make_plan, "_explain": self.explain, "_kind_of_all": kind_of_all,
                 "_readers": backend_registry.readers, "_dtype": own_dtype, "_one_more_axis": one_more_axis,
                 "_standardize_data_format": scope.standardize_data_format, **defaults}  # fmt: skip
        exec(compile("\n".join(lines), f"<kerastorch op {self.name}>", "exec"), space)
        function = space[self.body.__name__]
        function.__doc__, function.__module__ = self.body.__doc__, self.body.__module__
        function.__qualname__ = self.body.__qualname__
        function.__signature__ = self.signature
        function.op = self
        return function

    # ---------------------------------------------------------------- rules

    def shape(self, args: Sequence[Any]) -> Any:
        """The result's shape by the rule, from the arguments as given; None where a composite has no rule."""
        if self.shape_rule is None:
            return None
        shapes = [[shape_of(x) for x in args[i]] if i in self.variadic else shape_of(args[i]) for i in self.operands]
        return self.shape_rule(*shapes, **{self.parameters[i]: args[i] for i in self.shape_attributes})

    def dtype(self, args: Sequence[Any]) -> tuple[Any, Any]:
        """(compute, result) dtypes by the rule, from the arguments as given."""
        kinds = [[dtype_of(x) for x in args[i]] if i in self.variadic else dtype_of(args[i]) for i in self.operands]
        if "string" in flat(kinds) and self.dtype_rule not in dtypes.OF_TEXT:
            raise ValueError("it works on numbers, not on text")
        return self.dtype_rule(*kinds, **{self.parameters[i]: args[i] for i in self.dtype_attributes})  # type: ignore[misc]

    def flat_operands(self, args: Sequence[Any]) -> list[Any]:
        """All operands, with sequences flattened."""
        out: list[Any] = []
        for i in self.operands:
            out.extend(args[i] if i in self.variadic else (args[i],))
        return out

    def explain(self, error: Exception, args: Sequence[Any]) -> Exception:
        """The error to raise where a plan failed: the rule's own words where the operands do not fit."""
        if isinstance(error, NotLowerable) or self.transparent:
            return error
        inner = error.op if isinstance(error, OpError) else None  # the op of a composite's body that failed
        if isinstance(error, OpError) and inner in (None, self.name):
            return error
        why: Any = f"{error.reason} (in ops.{inner})" if isinstance(error, OpError) else error
        try:
            self.shape(args)
        except (ValueError, TypeError) as rule_error:
            why = rule_error
        return self.refusal(why, args, error)

    def refusal(self, why: Any, args: Sequence[Any], cause: Exception) -> Exception:
        """What is raised where the arguments do not fit, for a reason and because of an error."""
        reason = FRAMEWORK_NOISE.sub("", str(why)).strip().rstrip(".")
        error = because(cause, OpError, f"ops.{self.name}: {reason}. Arguments: {self.describe(args)}")
        error.op, error.reason = self.name, reason  # type: ignore[attr-defined]
        return error

    def describe(self, args: Sequence[Any]) -> str:
        """The arguments in a line, tensors by shape and dtype."""
        parts = []
        for name, value in zip(self.parameters, args, strict=False):
            if self.parameters.index(name) in self.operands and value is not None:
                values = value if isinstance(value, list | tuple) else [value]
                value = ", ".join(f"{dtype_of(v)}{list(shape_of(v) or ())}" for v in values[:6])
            parts.append(f"{name}={str(value)[:80]}")
        return ", ".join(parts)

    # ---------------------------------------------------------------- plans

    def make_plan(self, key: Any, args: tuple[Any, ...]) -> Callable:
        """Decides, and remembers under `key`, how a call with operands of these types is carried out."""
        operands = self.flat_operands(args)
        if not self.operands:
            plan = self.create
        elif any(isinstance(x, KerasTensor) for x in operands):
            plan = self.record
        else:
            loaded = len(backend_registry.readers)
            owner = self.owner(operands, args)
            if len(backend_registry.readers) != loaded:
                return self.function  # a backend came for these operands: it reads a key of its own from them
            if owner is not None and not any(unsettled(x) for x in operands):
                return self.native(owner, key, args)
            plan = self.convert
        self.plans[key] = plan
        return plan

    def owner(self, operands: Sequence[Any], args: Sequence[Any]) -> Any:
        """The backend of the tensors among the operands, None where there is no tensor."""
        owner = None
        for x in operands:
            found = backend_registry.of(x)
            if found is not None and owner is not None and found is not owner:
                raise OpError(f"ops.{self.name} was given tensors of two frameworks: {self.describe(args)} "
                              f"({owner.name} and {found.name}); convert one of them to numpy first")  # fmt: skip
            owner = found or owner
        return owner

    def convert(self, *args: Any) -> Any:
        """Carries out a call in which some operand must first become a tensor, or none is one.

        Variables, nests and arrays become tensors of the backend of the tensors, else of the variables, else of the active one;
        then the call is planned afresh. While a layer's call is being recorded, such a call is part of the record.
        """
        operands = self.flat_operands(args)
        if scope.is_symbolic() or any(isinstance(a, KerasTensor) for a in args):
            return self.record(*args)
        owner = self.owner(operands, args)
        if owner is None:
            homes = [x.backend for x in operands if isinstance(x, Variable) and x.backend is not None]
            owner = homes[0] if homes else backend_registry.active()
        if all(x is None for x in operands):
            return self.implementation(owner)(*args)
        # A Python number stays one beside anything with a dtype of its own: its dtype is open.
        weak = any(x is not None and dtypes.of_python(x) is None for x in operands)
        args_ = list(args)
        for i in self.operands:
            if i in self.variadic:
                args_[i] = [operand(owner, x) for x in args[i]]
            elif not (weak and dtypes.of_python(args[i])):
                args_[i] = operand(owner, args[i])
        return self.function(*args_)

    def create(self, *args: Any) -> Any:
        """Carries out an op without operands on the active backend, or records it with the layer's call around it."""
        if scope.is_symbolic():
            return self.record(*args)
        owner = backend_registry.active()
        out = self.implementation(owner)(*args)
        wanted: Any = self.dtype(args)[1] if self.dtype_rule is not None else None
        different = isinstance(wanted, str) and owner.is_tensor(out) and owner.dtype(out) != wanted
        return owner.cast(out, wanted) if different else out

    def implementation(self, owner: Any) -> Callable:
        """The backend's function for this op, else (or where it is preferred) a composite's body."""
        found = None if self.prefer_body else owner.ops.get(self.function)
        if found is not None:
            return found
        if self.primitive:
            raise NotLowerable(f"the {owner.name} backend has no rule for ops.{self.name}")

        def body(*args):
            if backend_registry.active() is owner:
                return self.body(*args)
            with backend_registry.using(owner):
                return self.body(*args)

        return body

    def expanded(self, *args: Any, **kwargs: Any) -> Any:
        """What the body records, with operands and results cast as the dtype rule says."""
        if self.dtype_rule is None:
            return self.body(*args, **kwargs)
        compute, result = self.dtype(args)
        wants = compute if isinstance(compute, tuple) else (compute,) * len(self.operands)

        def cast(x: Any, dtype: str | None) -> Any:
            if isinstance(x, list | tuple):
                each = dtype if isinstance(dtype, list | tuple) else [dtype] * len(x)
                return type(x)(cast(item, d) for item, d in zip(x, each, strict=True))
            return x if dtype is None or not isinstance(x, KerasTensor) or x.dtype == dtype else OPS["cast"].function(x, dtype)

        ready = list(args)
        for want, i in zip(wants, self.operands, strict=True):
            ready[i] = cast(args[i], want)
        return cast(self.body(*ready, **kwargs), result)

    def casts(self, owner: Any, args: Sequence[Any]) -> tuple[dict[int, Any], Any]:
        """By the position of each operand the dtype that it is to have on a backend, and the dtype of the result.

        None leaves a tensor as it is, AS_NUMBER a Python number.
        """
        compute, result = self.dtype(args)
        wants = compute if isinstance(compute, tuple) else (compute,) * len(self.operands)
        found: dict[int, Any] = {}
        dense = not any(is_sparse(x) for x in self.flat_operands(args))
        for place, (want, i) in enumerate(zip(wants, self.operands, strict=True)):
            number = dtypes.of_python(args[i])
            if i in self.variadic:
                found[i] = owner.computes_in(self.function, want)
            elif dense and number and number not in ("bool", "string") and owner.takes_number(self.function, place):
                found[i] = AS_NUMBER
            elif want == dtypes.AS_STORED:
                found[i] = None
            else:
                asked = want or dtype_of(args[i])
                wider = owner.computes_in(self.function, asked) if want else owner.wider.get(asked, asked)
                found[i] = want if wider == asked else wider
        return found, result

    def native(self, owner: Any, key: Any, args: tuple[Any, ...]) -> Callable:
        """The plan that runs the backend's function with the casts that the dtype rule asks for."""
        implementation = self.implementation(owner)
        if any(is_sparse(x) for x in self.flat_operands(args)):
            implementation = owner.on_sparse(self, implementation)
        if self.checked:
            trusting = implementation

            def implementation(*values):
                self.shape(values)
                return trusting(*values)

        if self.dtype_rule is None:
            self.plans[key] = implementation
            return implementation
        try:
            wants, result = self.casts(owner, args)
        except (ValueError, TypeError, KeyError) as error:
            raise self.refusal(error, args, error) from error
        prepare = []
        for i, want in wants.items():
            if i in self.variadic:
                if any(backend_registry.of(x) is not owner or want is not None and dtype_of(x) != want for x in args[i]):
                    prepare.append((i, lambda xs, d=want: [operand(owner, x, d) for x in xs]))
            elif args[i] is not None and want is not AS_NUMBER:
                if backend_registry.of(args[i]) is None or want is not None and dtype_of(args[i]) != want:
                    prepare.append((i, lambda x, d=want: operand(owner, x, d)))
        if not prepare:
            run = implementation
        else:

            def run(*values):
                ready = list(values)
                for i, change in prepare:
                    ready[i] = change(ready[i])
                return implementation(*ready)

        def first(*values):
            out = run(*values)
            given = out if isinstance(out, list | tuple) else (out,)
            told = result if isinstance(result, list | tuple) else (result,) * len(given)
            if all(d is None or not owner.is_tensor(o) or owner.dtype(o) == d for o, d in zip(given, told, strict=True)):
                self.plans[key] = run
                return out

            def cast(out):
                if isinstance(out, list | tuple):
                    each = result if isinstance(result, list | tuple) else (result,) * len(out)
                    return type(out)(owner.cast(o, d) if d else o for o, d in zip(out, each, strict=True))
                return owner.cast(out, told[0])

            self.plans[key] = lambda *values: cast(run(*values))
            return cast(out)

        return first

    def sizes(self, place: int, attribute: Any) -> Any:
        """An attribute as it is recorded: a shape that is a symbolic vector as a list of its sizes."""
        vector = isinstance(attribute, KerasTensor) and attribute.ndim == 1 and self.parameters[place] in ("shape", "newshape")
        return OPS["unstack"].function(attribute) if vector else attribute

    def record(self, *args: Any) -> Any:
        """Makes a node of the graph, with the result's shape and dtype by the rules."""
        if self.shape_rule is None or self.dtype_rule is None:
            with scope.symbolic():  # sizes that are not known yet are symbols in the body
                return self.body(*args)
        args = tuple(constant(a) if i in self.operands else self.sizes(i, a) for i, a in enumerate(args))
        try:
            shape = self.shape(args)
            dtype = self.dtype(args)[1]
        except (ValueError, TypeError, KeyError) as error:
            raise self.refusal(error, args, error) from error
        sparse = self.sparse_rule is not None and self.sparse_rule(
            [is_sparse(x) for x in self.flat_operands(args)], **{self.parameters[i]: args[i] for i in self.sparse_attributes}
        )
        node = Node(self.function, args, {}, name=None)
        if isinstance(shape, list):
            dtype = dtype if isinstance(dtype, list | tuple) else [dtype] * len(shape)
            return node.emit([KerasTensor(s, d) for s, d in zip(shape, dtype, strict=True)])
        return node.emit(KerasTensor(shape, dtype, sparse=sparse))


def forget_plans() -> None:
    """Drops all cached plans; needed when the default float dtype changes."""
    for known in OPS.values():
        known.plans.clear()


dtypes.on_floatx_change.append(forget_plans)


def kind_of_all(values: Any, op: str, parameter: str) -> Any:
    """The part of a plan's key that a sequence of operands gives."""
    if backend_registry.of(values) is not None or isinstance(values, KerasTensor):
        raise OpError(f"ops.{op}: {parameter} must be a list of tensors, not one tensor of shape {shape_of(values)}")
    read = backend_registry.readers.get
    return tuple([(x.__class__, read(x.__class__, own_dtype)(x)) for x in values])


def flat(items: Sequence[Any]) -> list[Any]:
    """The items of a list, with those of the lists in it in place of these."""
    return [x for item in items for x in (item if isinstance(item, list) else (item,))]


def own_dtype(x: Any) -> Any:
    """An operand's dtype as it says it itself; None for what has none of its own."""
    return getattr(x, "dtype", None)


def one_more_axis(x: Any) -> Any:
    """An operand with an axis of size 1 behind its own."""
    return OPS["expand_dims"].function(x, -1)


def unsettled(x: Any) -> bool:
    """Whether an operand's dtype may differ from call to call: variables (autocast) and nests."""
    return x is not None and (isinstance(x, Variable) or not hasattr(x, "dtype") and dtypes.of_python(x) is None)


def holds_tensors(nest: Any) -> bool:
    """Whether a nest of lists has a tensor or a variable in it."""
    if isinstance(nest, list | tuple):
        return any(holds_tensors(item) for item in nest)
    return isinstance(nest, Variable) or backend_registry.of(nest) is not None


def operand(owner: Any, value: Any, dtype: str | None = None) -> Any:
    """An operand as a tensor of a backend, in a dtype unless that is None."""
    if value is None:
        return None
    if isinstance(value, Variable):
        value = value.tensor(owner)
    elif backend_registry.of(value) is not owner:
        return owner.convert(value, dtype)
    return value if dtype is None or owner.dtype(value) == dtype else owner.cast(value, dtype)


def shape_of(value: Any) -> Any:
    """The shape of any operand as a tuple; None for an absent one."""
    if value is None:
        return None
    owner = backend_registry.of(value)
    if owner is not None:
        return owner.shape(value)
    if isinstance(value, list | tuple):
        inner = shape_of(value[0]) if value else ()
        return (len(value), *inner)
    return tuple(getattr(value, "shape", ()))


def constant(x: Any) -> Any:
    """An operand as a graph holds it: of tensors that are nothing but values, the array, which every framework can take."""
    if isinstance(x, list | tuple):
        return [constant(v) for v in x]
    owner = backend_registry.of(x)
    return x if owner is None or not owner.is_constant(x) else owner.numpy(x)


def is_sparse(value: Any) -> bool:
    """Whether an operand is a sparse tensor of some framework, or stands for one."""
    if isinstance(value, KerasTensor):
        return value.sparse
    owner = backend_registry.of(value)
    return owner is not None and isinstance(value, owner.sparse_kinds)


def dtype_of(value: Any) -> str | None:
    """The dtype of any operand as the rules take it; None for an absent one."""
    if value is None:
        return None
    if isinstance(value, KerasTensor):
        return value.dtype
    if isinstance(value, Variable):
        return value.compute_dtype
    owner = backend_registry.of(value)
    if owner is not None:
        return owner.dtype(value)
    python = dtypes.of_python(value)
    if python is not None:
        return python
    if isinstance(value, list | tuple):
        return dtypes.concrete(dtypes.join(*(dtype_of(v) or "float" for v in value))) if value else dtypes.floatx()
    return dtypes.standardize(value.dtype)


def op(
    *,
    shape: Callable,
    dtype: Callable,
    sparse: Callable | None = None,
    transparent: bool = False,
    checked: bool = False,
) -> Callable[[Callable], Callable]:
    """Declares a primitive op, which each backend must lower.

    Where `checked`, the shape rule looks at the operands of eager calls too: for what would pass unnoticed through the lowering.
    """
    return lambda body: Op(body, shape, dtype, sparse, True, transparent, checked).function


def composite(
    body: Callable | None = None,
    *,
    shape: Callable | None = None,
    dtype: Callable | None = None,
    sparse: Callable | None = None,
    checked: bool = False,
) -> Any:
    """Declares an op that is written over other ops.

    With rules it is recorded as one node, which a backend may lower its own way; without, recording expands it. `checked` as for
    `op`.
    """
    if body is not None:
        return Op(body, None, None, None, False).function
    return lambda body: Op(body, shape, dtype, sparse, False, checked=checked).function


def trace(function: Callable, inputs: Sequence[Any], **kwargs: Any) -> Graph:
    """The graph of what `function` does over ops, given KerasTensors of the shapes and dtypes of `inputs`."""
    with scope.tracing() as effects:
        fresh = [KerasTensor(x.shape, x.dtype) if isinstance(x, KerasTensor) else x for x in inputs]
        outputs = function(*fresh, **kwargs)
    return Graph([x for x in fresh if isinstance(x, KerasTensor)], outputs, effects=effects)


def find(name: str) -> Callable:
    """The op of a name."""
    if name not in OPS:
        raise OpError(f"there is no op named {name!r}.{near(name, OPS)}")
    return OPS[name].function
