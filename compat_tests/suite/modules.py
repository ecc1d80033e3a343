"""Loads Keras's tests with Keras's own modules replaced by the public objects of the package under test.

A test's source is changed in a few places: what it imports from Keras; attributes that begin with an underscore, which only the
test's own objects may have; and names of Keras's modules handed to `mock.patch`. What has no public name becomes `Unusable`: it
does nothing while the file is being loaded, so that a private import costs only the tests that use it.
"""

import ast
import functools
import importlib
import importlib.machinery
import importlib.util
import inspect
import sys
import types
import unittest
from pathlib import Path

OF_KERAS_ON_TORCH = "torch_params"
ROOT = "keras_own"  # the virtual package that stands for `keras.src`


class OutOfReach(unittest.SkipTest):
    """Raised where a test uses something that is not public or not installed."""


class Unusable:
    """Stands for what cannot be had until a test uses it. While a file is loaded it is harmless, as a base class or decorator too.

    Args:
        suite: The suite, which knows whether a file is being loaded.
        what: What it stands for.
        error: Class of what its use in a test raises.
    """

    def __init__(self, suite, what, error):
        vars(self).update(_suite=suite, _what=what, _error=error)

    def __getattr__(self, name):
        return self._suite.unusable(f"{self._what}.{name}", self._error)

    def __call__(self, *args, **kwargs):
        use = lambda *args, **kwargs: self._suite.unusable(self._what, self._error)
        decorates = self._suite.loading and len(args) == 1 and isinstance(args[0], types.FunctionType)
        return functools.wraps(args[0])(use) if decorates else use()

    def __mro_entries__(self, bases):
        return (type("Unusable", (), {"__new__": self, "__init_subclass__": lambda cls, **kwargs: None}),)

    def __bool__(self):
        self()
        return False

    def __iter__(self):
        self()
        return iter(())

    def __getitem__(self, key):
        return self()

    def __or__(self, other):
        return self()

    __add__ = __radd__ = __ror__ = __or__


class Lazy:
    """A module that may not be installed, imported when first used."""

    def __init__(self, name):
        vars(self)["_name"] = name

    @property
    def available(self):
        try:
            return bool(importlib.import_module(self._name))
        except ImportError:
            return False

    def initialize(self):
        return importlib.import_module(self._name)

    def __getattr__(self, name):
        return getattr(importlib.import_module(self._name), name)


class Operation:
    """Stands for a class of Keras's operations: `Sum(axis=1)(x)` is `ops.sum(x, axis=1)`."""

    def __init__(self, package, op, parameters, *args, **kwargs):
        self.package, self.op, self.attributes = package, op, dict(zip(parameters, args)) | kwargs
        self.attributes.pop("name", None)

    def __call__(self, *args, **kwargs):
        attributes, operands, positional = dict(self.attributes), list(args), []
        for name, parameter in inspect.signature(self.op).parameters.items():
            if parameter.kind is parameter.VAR_POSITIONAL:
                positional += operands
            if not operands or parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
                break
            positional.append(attributes.pop(name) if name in attributes else operands.pop(0))
        return self.op(*positional, **attributes, **kwargs)

    call = __call__

    def __getattr__(self, name):
        if name not in vars(self).get("attributes", ()):
            raise AttributeError(f"an operation's public equal has no {name}")
        return self.attributes[name]

    def symbolic_call(self, *args, **kwargs):
        return self(*map(self.symbol, args), **{name: self.symbol(value) for name, value in kwargs.items()})

    compute_output_spec = symbolic_call

    def symbol(self, value):
        """A tensor as a symbolic one of its shape and dtype; lists of them; anything else as it is."""
        if isinstance(value, list | tuple):
            return type(value)(map(self.symbol, value))
        if isinstance(value, self.package.KerasTensor) or not hasattr(value, "shape"):
            return value
        return self.package.KerasTensor(value.shape, self.package.backend.standardize_dtype(value.dtype))


class Trainer:
    """Stands for Keras's class of `fit` and its like, which a test's layer derives from: a class of that layer and the model."""

    def __init__(self, model):
        self.model = model

    def __mro_entries__(self, bases):
        first = [base for base in bases if base is not self and not issubclass(self.model, base)]
        return (type("Trainer", (*first, self.model), {"made_by_layer": bool(first)}),)

    def __getattribute__(self, name):
        if name == "__init__":  # of an object that the layer's constructor, which comes before the model's, may have made already
            return lambda owner: None if owner.made_by_layer else self.model.__init__(owner)
        return object.__getattribute__(self, name)


def held(layer, kind):
    """The objects of a kind that a layer's attributes hold, alone or in lists and dictionaries."""
    todo, found = [vars(layer)], {}
    while todo:
        value = todo.pop()
        if isinstance(value, kind):
            found[id(value)] = value
        elif isinstance(value, list | tuple | dict):
            todo += value.values() if isinstance(value, dict) else value
    return list(found.values())


def flattened(target, layer):
    """A layer and all layers below it."""
    found = [layer]
    for one in found:
        found += [other for other in held(one, target.layers.Layer) if not any(other is known for known in found)]
    return found


# What Keras's own TestCase uses though it is not public, by a public way to the same.
PUBLIC_WAYS = {
    "_flatten_layers": lambda target, layer: lambda *_, **__: flattened(target, layer),
    "_seed_generators": lambda target, layer: held(layer, target.random.SeedGenerator),
    "torch_params": lambda target, layer: {variable.path: variable.value for variable in layer.variables},
}


class Virtual(types.ModuleType):
    """One of Keras's modules; its attributes are looked up when asked for."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self.__spec__.loader.attribute("keras.src" + self.__name__.removeprefix(ROOT), name)


class Suite:
    """Finder and loader of the virtual package.

    Args:
        target: Name of the package under test.
        folder: `keras/src` with the tests.
        names: What `names.py` found out.
    """

    def __init__(self, target: str, folder: Path, names: dict):
        self.target, self.folder, self.names = target, folder, names
        self.package = importlib.import_module(target)
        self.loading = 0
        self.private: list[str] = []  # what the running test used though it is not public
        sys.meta_path.insert(0, self)

    def unusable(self, what, error=OutOfReach):
        """Stands for what cannot be had while a file is loaded, and ends the test that uses it then."""
        if self.loading:
            return Unusable(self, what, error)
        if error is OutOfReach:
            self.private.append(what)
        raise error(f"{what} is not public" if error is OutOfReach else f"{self.target} has no {what}")

    def attribute(self, module, name):
        """The attribute `name` of Keras's `module`."""
        kind, *rest = self.names.get(module, {}).get(name, ("private",))
        full = f"{module}.{name}"
        if kind in ("public", "operation"):
            try:
                value = functools.reduce(getattr, rest[0].split("."), self.package)
            except AttributeError:
                return Unusable(self, rest[0], AttributeError)
            return value if kind == "public" else functools.partial(Operation, self.package, value, rest[1])
        if kind == "module" or full.startswith("keras.src.testing") and self.source(full):
            return importlib.import_module(ROOT + (rest[0] if rest else full).removeprefix("keras.src"))
        if kind == "trainer":
            return Trainer(self.package.Model)
        if kind == "method":
            return lambda owner, *args, **kwargs: getattr(owner, rest[0])(*args, **rest[1], **kwargs)
        if kind == "value":
            return ast.literal_eval(rest[0])
        if kind == "lazy":
            return Lazy(rest[0])
        if kind == "foreign":
            return getattr(importlib.import_module(rest[0]), rest[1])
        return Unusable(self, full, OutOfReach)

    def source(self, module) -> Path | None:
        """The file of a module that is loaded from its source: a test, or `keras.src.testing`."""
        path = self.folder.joinpath(*module.split(".")[2:])
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.exists() and (module.endswith("_test") or module.startswith("keras.src.testing")):
                return file
        return None

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == ROOT:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return types.ModuleType(spec.name) if self.source("keras.src" + spec.name.removeprefix(ROOT)) else Virtual(spec.name)

    def exec_module(self, module):
        internal = "keras.src" + module.__name__.removeprefix(ROOT)
        file = self.source(internal)
        if file is None:
            return
        if internal.endswith("_test"):  # part of the package, as in Keras: what is saved names a class by its module
            module.__name__ = f"{self.target}.{internal.removeprefix('keras.')}"
            sys.modules[module.__name__] = module
        tree = ast.parse(file.read_text(), file)
        own = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
        own |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        own |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        tree = ast.fix_missing_locations(Rewriter(self.target, own, {} if internal.endswith("_test") else PUBLIC_WAYS).visit(tree))
        vars(module).update(__file__=str(file), __suite__=self)
        self.loading += 1
        try:
            exec(compile(tree, file, "exec"), vars(module))
        finally:
            self.loading -= 1

    def absent(self, module):
        """What stands for a module that is not installed."""
        return Unusable(self, module, ModuleNotFoundError)

    def get(self, value, name, *default):
        """`getattr` for names with an underscore: refused on objects of the package under test."""
        if isinstance(value, Virtual) and self.names.get("keras.src" + value.__name__.removeprefix(ROOT), {}).get(name):
            return getattr(value, name)  # a literal
        owner = value.__name__ if isinstance(value, types.ModuleType) else ""
        classes = value.__mro__ if isinstance(value, type) else type(value).__mro__
        homes = [owner, *(cls.__module__ for cls in classes)]
        if any(home.split(".")[0] in (self.target, ROOT) and not home.endswith("_test") for home in homes):
            return self.unusable(f"attribute {name}")
        return getattr(value, name, *default)

    def way(self, value, name):
        """An attribute of `PUBLIC_WAYS`."""
        return PUBLIC_WAYS[name](self.package, value)

    def name(self, what):
        """What stands for a dotted name of Keras's in `mock.patch`."""
        return self.unusable(what)


def private(name):
    """Whether a name begins with one underscore."""
    return name.startswith("_") and not name.startswith("__")


class Rewriter(ast.NodeTransformer):
    """Changes a test's source as the module says; `own` are names that the test defines itself."""

    def __init__(self, target, own, ways):
        self.target, self.own, self.ways = target, own, ways

    def visit_Module(self, node):
        self.generic_visit(node)
        node.body = [self.absent(statement) for statement in node.body]
        return node

    def absent(self, node):
        """A statement that imports a module that is not installed becomes an assignment; any other stays."""
        if isinstance(node, ast.Import) and importlib.util.find_spec(node.names[0].name.split(".")[0]) is None:
            name = node.names[0].asname or node.names[0].name.split(".")[0]
            return ast.Assign([ast.Name(name, ast.Store())], self.call("absent", ast.Constant(node.names[0].name)))
        return node

    def visit_Import(self, node):
        for alias in node.names:
            if alias.name == "keras":
                alias.name, alias.asname = self.target, alias.asname or "keras"
        return node

    def visit_ImportFrom(self, node):
        parts = (node.module or "").split(".")
        if parts[0] == "keras":
            if parts[1:2] == ["src"]:
                node.module = ".".join([ROOT, *parts[2:]])
            else:
                node.module = ".".join([self.target, *parts[1 + (parts[1:2] == ["api"]) :]])
        return node

    def visit_Expr(self, node):
        """An assertion about a container that Keras's layers have on torch, and others need not have, is for those that have it."""
        found = next((n for n in ast.walk(node) if isinstance(n, ast.Attribute) and n.attr == OF_KERAS_ON_TORCH), None)
        self.generic_visit(node)
        if found is None:
            return node
        has = ast.Call(ast.Name("hasattr", ast.Load()), [found.value, ast.Constant(OF_KERAS_ON_TORCH)], [])
        return ast.If(has, [node], [])

    def visit_Attribute(self, node):
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and (node.value.id, node.attr) == ("keras", "src"):
            return ast.Call(ast.Name("__import__", ast.Load()), [ast.Constant(ROOT)], [])
        if isinstance(node.ctx, ast.Load) and node.attr in self.ways:
            return self.call("way", node.value, ast.Constant(node.attr))
        if isinstance(node.ctx, ast.Load) and private(node.attr) and node.attr not in self.own:
            return self.call("get", node.value, ast.Constant(node.attr))
        return node

    def visit_Call(self, node):
        self.generic_visit(node)
        first, second = (*node.args, None, None)[:2]
        if isinstance(node.func, ast.Name) and node.func.id == "getattr" and isinstance(second, ast.Constant):
            if private(second.value) and second.value not in self.own:
                return self.call("get", *node.args)
        if getattr(node.func, "attr", getattr(node.func, "id", None)) == "patch" and isinstance(first, ast.Constant):
            if first.value.startswith("keras."):
                return self.call("name", first)
        return node

    def call(self, method, *args):
        return ast.Call(ast.Attribute(ast.Name("__suite__", ast.Load()), method, ast.Load()), list(args), [])
