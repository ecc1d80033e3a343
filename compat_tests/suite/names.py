"""Which public object does each name of Keras's own modules stand for? Asked of installed Keras, in a process of its own.

    python -m compat_tests.suite.names FILE      # for the backend that KERAS_BACKEND says

writes `{module below keras.src: {name: [kind, ...]}}` as JSON. The kinds: `public` path, `method` name and keywords, `module` name,
`value` literal, `lazy` module that may not be installed, `foreign` module and name, `trainer`, `operation` path of the op and its
constructor's parameters. A name that is missing is private.
"""

import ast
import importlib
import inspect
import json
import sys
from pathlib import Path

# Private names that have a public equal.
EQUALS = {
    "export_saved_model": ["method", "export", {"format": "tf_saved_model"}],
    "Functional": ["public", "Model"],
    "load_model_from_hdf5": ["public", "saving.load_model"],
    "load_weights_only": ["method", "load_weights", {}],
    "removesuffix": ["method", "removesuffix", {}],
    "save_model_to_hdf5": ["public", "saving.save_model"],
    "save_weights_only": ["method", "save_weights", {}],
    "TensorFlowTrainer": ["trainer"],
    "TorchTrainer": ["trainer"],
    "Trainer": ["trainer"],
}

# Classes of operations that are not called as their ops.
OPERATIONS = {"LayerNorm": "LayerNormalization", "RMSNorm": "RMSNormalization"}


def flat(name: str) -> str:
    """A name as classes and functions have it in common."""
    return name.replace("_", "").lower()


def public_objects(package) -> dict[int, str]:
    """`{id: path}` of all that is public, by the shortest path."""
    paths: dict[int, str] = {}
    todo = [("", package)]
    for prefix, module in todo:
        for name, value in sorted(vars(module).items()):
            if name.startswith("_"):
                continue
            if inspect.ismodule(value):
                if value.__name__ == f"{package.__name__}.{prefix}{name}" and name != "src":
                    todo.append((f"{prefix}{name}.", value))
            elif callable(value):
                paths.setdefault(id(value), prefix + name)
    return paths


def describe(module: str, name: str, value, public: dict[int, str], by_name: dict[str, str]):
    """The JSON record of an attribute of one of Keras's modules, or None where it is private."""
    from keras import Operation

    if id(value) in public:
        return ["public", public[id(value)]]
    if module.startswith("keras.src.saving.saving_lib") and name in ("load_model", "save_model"):
        return ["public", f"saving.{name}"]
    if (inspect.isclass(value) or inspect.isfunction(value)) and value.__name__ in EQUALS:
        return EQUALS[value.__name__]
    if inspect.ismodule(value):
        return ["module" if value.__name__.startswith("keras.src") else "lazy", value.__name__]
    if "LazyModule" in type(value).__name__:
        return ["lazy", value.name]
    if inspect.isclass(value) and issubclass(value, Operation):
        op = by_name.get(OPERATIONS.get(name, name).lower())
        return op and ["operation", op, list(inspect.signature(value.__init__).parameters)[1:]]
    if module.startswith("keras.src.backend") and flat(name) in by_name and callable(value):
        return ["public", by_name[flat(name)]]  # a backend's function under the op of the same name
    if module.startswith("keras.src.tree.") and f"tree.{name}" in public.values():
        return ["public", f"tree.{name}"]
    home = getattr(value, "__module__", None)
    if isinstance(home, str) and hasattr(value, "__name__") and not home.startswith("keras"):
        return ["foreign", home, value.__name__]
    try:
        same = ast.literal_eval(repr(value)) == value
    except (ValueError, SyntaxError, TypeError):
        return None
    return ["value", repr(value)] if same else None


def collect() -> dict:
    """The records of all of Keras's modules that can be imported here."""
    import keras
    import keras.src as internal

    public = public_objects(keras)
    by_name: dict[str, str] = {}
    for path in sorted(public.values(), key=lambda path: (not path.startswith("ops."), path.count("."))):
        if "." not in path or path.startswith(("ops.", "random.", "config.", "backend.", "utils.")):
            by_name.setdefault(flat(path.rsplit(".", 1)[-1]), path)
    folder = Path(internal.__path__[0])
    backends = {"jax", "numpy", "openvino", "tensorflow", "torch"} - {keras.config.backend()}
    others = tuple(f"backend/{name}" for name in backends)
    result = {}
    for file in folder.rglob("*.py"):
        path = file.relative_to(folder)
        if str(path).startswith(others) or path.stem.endswith("_test"):
            continue
        module = ".".join(["keras.src", *path.with_suffix("").parts]).removesuffix(".__init__")
        try:
            result[module] = vars(importlib.import_module(module))
        except ImportError:
            continue  # it needs something that is not installed
    return {
        module: {
            name: record
            for name, value in sorted(names.items())
            if not name.startswith("__") and (record := describe(module, name, value, public, by_name))
        }
        for module, names in sorted(result.items())
    }


if __name__ == "__main__":
    records = collect()
    with open(sys.argv[1], "w") as file:
        json.dump(records, file)
