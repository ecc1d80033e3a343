"""SavedModels and LiteRT files: functions of models, with their weights in tf.Variables."""

import inspect
import tempfile
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kerastorch import backend_registry, scope, tree
from kerastorch.backends.tensorflow import homes, text
from kerastorch.backends.tensorflow.homes import VariableHome
from kerastorch.backends.tensorflow.lowering import Bindings, identifier
from kerastorch.errors import NotBuilt
from kerastorch.export import signatures
from kerastorch.graph import KerasTensor
from kerastorch.layers.base import Layer
from kerastorch.layers.structures import found_in
from kerastorch.variable import Variable

TRACKABLE = tf.__internal__.tracking.Trackable


class ExportArchive:
    """A SavedModel in the making: functions of models and layers are added to it, and it is written to a folder.

    What runs on another framework is lowered to TensorFlow for it, with a copy of the weights at the time of `track`; weights that
    live on TensorFlow are used themselves. The folder is read by `tf.saved_model.load`, by `layers.TFSMLayer` and by servers.

    Args:
        format: "saved_model", the only one.

    Raises:
        ValueError: If another format or any other argument is given.
    """

    def __init__(self, format="saved_model", **kwargs):
        if format != "saved_model" or kwargs:
            raise ValueError(f"ExportArchive: Invalid format or arguments: format={format!r}, {kwargs}; only 'saved_model' is "
                             "written")  # fmt: skip
        self._backend = backend_registry.get("tensorflow")
        self._module = tf.__internal__.tracking.AutoTrackable()
        self._module.tracked = []
        self._bindings = Bindings()
        self._variables: list[Variable] = []
        self._endpoints: dict[str, Any] = {}

    @property
    def variables(self):
        """The variables of all that is tracked."""
        return list(self._variables)

    @property
    def trainable_variables(self):
        """Those of the variables that are trained."""
        return [v for v in self._variables if v.trainable]

    @property
    def non_trainable_variables(self):
        """Those of the variables that are not trained."""
        return [v for v in self._variables if not v.trainable]

    def track(self, resource):
        """Takes in the variables of a layer or model, or something of TensorFlow's own that functions use, such as a lookup table.

        Args:
            resource: A built layer or model, or a Trackable of TensorFlow's.

        Raises:
            ValueError: If it is none of these, or not built.
        """
        if isinstance(resource, Layer):
            if not resource.built:
                raise NotBuilt(f"ExportArchive.track: {resource.name!r}: The layer provided has not yet been built. "
                               "It must be built before export")  # fmt: skip
            for v in resource.variables:
                self._hold(v)
            for layer in resource._flatten_layers():
                self._module.tracked.extend(found_in({k: v for k, v in vars(layer).items() if k != "_state"}, TRACKABLE))
        elif isinstance(resource, TRACKABLE):
            self._module.tracked.append(resource)
        else:
            raise ValueError("ExportArchive.track: Invalid resource type. A layer, a model or a Trackable of TensorFlow's is "
                             f"needed, not the {type(resource).__name__} {resource!r}")  # fmt: skip

    def add_endpoint(self, name, fn, input_signature=None, **kwargs):
        """Adds a function, under the name by which it is called after reading.

        Args:
            name: Name of the function in the SavedModel.
            fn: A function of tensors, such as a model's `call` or a function that calls it; or a tf.function.
            input_signature: A list with one nest for each argument, of `InputSpec`, KerasTensor, `tf.TensorSpec` or tensors. It may
                be left out for a tf.function that has been called.
            **kwargs: Accepted as in Keras, where they are for JAX.

        Returns:
            The tf.function.

        Raises:
            ValueError: If the name is taken, or the arguments are not known.
        """
        if name in self._endpoints:
            raise ValueError(f"ExportArchive.add_endpoint: Endpoint name {name!r} is already taken")
        function = fn
        if input_signature is not None:
            specs = _specs(signatures.standardize(input_signature))
            run = self._runner(fn, len(specs))
            function = tf.function(run, input_signature=specs, autograph=False)
            # One to look at: TensorFlow traces the other when it is saved, and takes one with two traces for two functions.
            self._take([tf.function(run, input_signature=specs, autograph=False).get_concrete_function()])
        elif not getattr(fn, "_list_all_concrete_functions", list)():
            raise ValueError(f"ExportArchive.add_endpoint: for the endpoint {name!r} you must either provide a function that "
                             "is a tf.function and has been called, or you must provide an `input_signature` argument: "
                             f"it is {fn!r}")  # fmt: skip
        else:
            self._take(fn._list_all_concrete_functions())
        self._endpoints[name] = function
        setattr(self._module, name, function)
        return function

    def track_and_add_endpoint(self, name, resource, input_signature, **kwargs):
        """`track` and `add_endpoint` of a layer or model.

        Returns:
            The tf.function.
        """
        self.track(resource)
        return self.add_endpoint(name, resource.__call__, input_signature, **kwargs)

    def add_variable_collection(self, name, variables):
        """Adds variables as a list, under the name by which they are found after reading.

        Args:
            name: Name of an attribute.
            variables: A list, tuple or set of Variables.

        Raises:
            ValueError: If they are anything else.
        """
        if not isinstance(variables, list | tuple | set):
            raise ValueError(
                f"ExportArchive.add_variable_collection: Expected `variables` to be a list/tuple/set, not {variables!r}"
            )
        if not all(isinstance(v, Variable) for v in variables):
            raise ValueError("ExportArchive.add_variable_collection: Expected all elements in `variables` to be Variables, "
                             f"but they are {[type(v).__name__ for v in variables]}")  # fmt: skip
        setattr(self._module, name, [self._hold(v) for v in variables])

    def write_out(self, filepath, options=None, verbose=True):
        """Writes the SavedModel.

        Args:
            filepath: Folder to write to.
            options: A `tf.saved_model.SaveOptions`.
            verbose: Whether to print what was written.

        Raises:
            ValueError: If there is no function in it.
        """
        if not self._endpoints:
            raise ValueError("ExportArchive.write_out: No endpoints have been set yet. Call add_endpoint()")
        for kind in ("variables", "trainable_variables", "non_trainable_variables"):
            setattr(self._module, kind, [self._bindings.variables[id(v)] for v in getattr(self, kind)])
        served = {n: f if f.input_signature else f._list_all_concrete_functions()[0] for n, f in self._endpoints.items()}
        served.setdefault("serving_default", next(iter(served.values())))
        tf.saved_model.save(self._module, str(filepath), signatures=served, options=options)
        if verbose:
            print(f"Saved artifact at '{filepath}' with the endpoints {', '.join(self._endpoints)}.")

    def _hold(self, variable: Variable) -> tf.Variable:
        """The tf.Variable that stands for a variable: its home where that is here, else a copy."""
        found = self._bindings.variables.get(id(variable))
        if found is None:
            home = variable.home
            found = home.variable if isinstance(home, VariableHome) else homes.make(variable, identifier(variable.name))
            self._bindings.variables[id(variable)] = found
            self._variables.append(variable)
        return found

    def _take(self, functions: list[Any]) -> None:
        """Keeps the variables, and the tables of our own layers, that traced functions use and that have not been tracked."""
        known = {id(v) for v in self._bindings.variables.values()}
        for concrete in functions:
            captured = {id(outside) for outside, _ in concrete.graph.captures}
            self._module.tracked += [v for v in concrete.graph.variables if id(v) not in known]
            self._module.tracked += [t for t in text.tables.values() if id(t.resource_handle) in captured]

    def _runner(self, fn: Callable, count: int) -> Callable:
        """What runs a function of `count` arguments, under the names that they have in a layer's `call`."""

        def run(*args: Any) -> Any:
            with scope.values(self._bindings), backend_registry.using(self._backend):
                return fn(*args)

        owner = getattr(fn, "__self__", None)
        if isinstance(owner, Layer) and owner.graph is None:
            named = list(inspect.signature(owner.call).parameters.values())[:count]
            run.__signature__ = inspect.Signature([p.replace(default=p.empty) for p in named])
        return run


def _specs(args: Any) -> Any:
    """Nests of KerasTensors as TensorFlow has them."""
    used: set[str] = set()

    def spec(t: KerasTensor | None) -> Any:
        if t is None:
            return None
        name = base = identifier(t.name)
        n = 1
        while name in used:
            name, n = f"{base}_{n}", n + 1
        used.add(name)
        return tf.TensorSpec(t.shape, t.dtype, name=name)

    return tree.map_structure(spec, args)


def saved_model(backend: Any, model: Any, path: str, args: tuple, verbose: bool | None, **options: Any) -> None:
    """Writes a model as a SavedModel with the function "serve"."""
    archive = ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", model.__call__, args, **options)
    archive.write_out(path, verbose=False)


def litert(backend: Any, model: Any, path: str, args: tuple, verbose: bool | None, **options: Any) -> None:
    """Writes a model as a LiteRT (TensorFlow Lite) file; the options are attributes of `tf.lite.TFLiteConverter`."""
    if not path.endswith(".tflite"):
        raise ValueError(f"export: The LiteRT export requires the filepath to end with '.tflite', not {path!r}")
    with tempfile.TemporaryDirectory() as folder:
        saved_model(backend, model, folder, args, verbose)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        for name, value in options.items():
            if not hasattr(converter, name):
                raise ValueError(f"export: {name!r} is no option of the LiteRT converter")
            setattr(converter, name, value)
        content = converter.convert()
    with open(path, "wb") as file:
        file.write(content)


EXPORTS = {"tf_saved_model": saved_model, "litert": litert}
