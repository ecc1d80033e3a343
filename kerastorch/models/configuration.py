"""Models as configurations in Keras 3's format, and back."""

import inspect
import json
from collections.abc import Mapping
from typing import Any

from kerastorch import tree
from kerastorch.errors import near
from kerastorch.graph import KerasTensor, Node
from kerastorch.layers.base import Layer
from kerastorch.layers.calls import specs_of
from kerastorch.layers.input import InputLayer
from kerastorch.models.model import Functional, Model
from kerastorch.models.sequential import Sequential
from kerastorch.saving import operations
from kerastorch.saving.objects import deserialize_keras_object, serialize_keras_object

FUNCTIONAL_KEYS = {"name", "layers", "input_layers", "output_layers"}


def config_of(model: Model) -> dict[str, Any]:
    """The configuration of a model: its layers and how they are connected, or its constructor's arguments.

    Raises:
        NotImplementedError: For a subclassed model whose constructor takes what a configuration cannot hold.
    """
    base = Layer.get_config(model)
    if isinstance(model, Sequential):
        return base | _stack(model)
    if model.graph is not None and _takes_a_graph(type(model)):
        return {"name": model.name, "trainable": model.trainable, **_network(model)}
    return model._constructor_arguments(base) if type(model).get_config is Model.get_config else base


def model_of(cls: type[Model], config: Mapping[str, Any], custom_objects: Any = None) -> Model:
    """A new model of a class from what `config_of` gave.

    Raises:
        ValueError: If the configuration is malformed, or names classes that are not known.
        TypeError: If the class's constructor does not take what the configuration says.
    """
    if issubclass(cls, Sequential):
        return _stacked(cls, config, custom_objects)
    if config.keys() >= FUNCTIONAL_KEYS and _takes_a_graph(cls):
        return _connected(cls, config, custom_objects)
    try:
        return cls(**config)
    except TypeError as error:
        raise TypeError(
            f"a model of class {cls.__name__} cannot be made from its configuration {sorted(config)}: {error}. Give "
            "the class a get_config whose result its constructor takes, or a from_config"
        ) from error


def to_json(model: Model, **kwargs: Any) -> str:
    """A model's configuration as JSON; `kwargs` are those of `json.dumps`."""
    return json.dumps(serialize_keras_object(model), **kwargs)


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """A new model, with fresh weights, from what `model.to_json()` gave.

    Args:
        json_string: The configuration.
        custom_objects: The user's own classes and functions by name.

    Raises:
        ValueError: If it is no JSON or no model's configuration.
    """
    config = json.loads(json_string)
    version = str(config.get("keras_version", "")) if isinstance(config, dict) else ""
    if version.startswith(("1.", "2.")):
        from kerastorch.legacy import configs, spelling

        with spelling.silence():
            return deserialize_keras_object(configs.modern(config, version), custom_objects=custom_objects)
    return deserialize_keras_object(config, custom_objects=custom_objects)


def _takes_a_graph(cls: type) -> bool:
    """Whether the constructor is that of Functional or passes everything on to it."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    kinds = {p.kind for p in parameters}
    named = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    return (
        named == ["inputs", "outputs", "name"]
        or {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD} <= kinds
    )


# ------------------------------------------------------------------------------------------------ stacks


def _stack(model: Sequential) -> dict[str, Any]:
    start = model.input_layer
    layers = [*([start] if start is not None else []), *model.layers]
    config = {"build_input_shape": list(start.batch_shape)} if model.graph is not None else {}
    return {"layers": [serialize_keras_object(x) for x in layers], **config}


def _stacked(cls: type[Sequential], config: Mapping[str, Any], custom_objects: Any) -> Sequential:
    if not {"name", "layers"} <= config.keys():
        raise ValueError(
            "A Sequential model configuration must be a dictionary containing the 'name' and 'layers' keys, and this one has "
            f"{sorted(config)}"
        )
    model = cls(name=config["name"])
    for i, entry in enumerate(config["layers"]):
        if not isinstance(entry, Mapping) or "config" not in entry:
            raise ValueError(
                f"layer {i} of Sequential {model.name!r}: Expected a dictionary containing a 'config' key. It is {entry!r}"
            )
        model.add(deserialize_keras_object(entry, custom_objects=custom_objects), rebuild=False)
    model._maybe_rebuild()
    if config.get("build_input_shape") and not model.built:
        model.build(tuple(config["build_input_shape"]))
    model._trainable = bool(config.get("trainable", True))  # of its layers each has a configuration of its own
    return model


# ------------------------------------------------------------------------------------------ graphs to configurations


def _network(model: Model) -> dict[str, Any]:
    graph = model.graph
    assert graph is not None
    inside = {id(n) for n in graph.nodes} | {id(t.node) for t in graph.inputs}
    numbers: dict[int, int] = {}  # of a node among the calls of its layer that belong to this model
    for row in model.operations:
        for i, node in enumerate(n for n in _calls(row) if id(n) in inside):
            numbers[id(node)] = i

    def place(t: KerasTensor) -> list[Any]:
        return [t.node.title, numbers[id(t.node)], t.index]  # type: ignore[union-attr]

    def end(t: KerasTensor) -> list[Any]:
        name, call, index = place(t)
        # Keras counts the nodes with which a functional model is made itself, but not everywhere.
        return [name, call + isinstance(t.node.layer, Functional), index]  # type: ignore[union-attr]

    def described(value: Any) -> Any:
        if isinstance(value, KerasTensor):
            config = {"shape": list(value.shape), "dtype": value.dtype, "keras_history": place(value)}
            return {"class_name": "__keras_tensor__", "config": config}
        if isinstance(value, list | tuple):
            return [described(v) for v in value]
        return {k: described(v) for k, v in value.items()} if isinstance(value, dict) else serialize_keras_object(value)

    layers = []
    for row in model.operations:
        if isinstance(row, Node):
            layers.append(operations.describe(row, described(row.args)))
        else:
            calls = [
                {"args": described(n.args), "kwargs": described(n.kwargs)}
                for n in _calls(row)
                if id(n) in inside and n.inputs
            ]
            layers.append({**serialize_keras_object(row), "name": row.name, "inbound_nodes": calls})
    return {"layers": layers, "input_layers": _map(end, model.input), "output_layers": _map(end, model.output)}


def _calls(row: Any) -> list[Node]:
    return [row] if isinstance(row, Node) else row.inbound_nodes


def _map(f: Any, structure: Any) -> Any:
    return f(structure) if isinstance(structure, KerasTensor) else tree.map_structure(f, structure)


# ------------------------------------------------------------------------------------------ configurations to graphs


class _Missing(Exception):
    """A call needs the result of one that has not been made yet."""


class _Builder:
    """Makes the layers of a configuration and calls them, each as soon as its inputs are there."""

    def __init__(self, entries: list[Mapping[str, Any]], custom_objects: Any):
        self.entries = {entry["name"]: entry for entry in entries}
        self.layers: dict[str, Layer | None] = {}
        self.results: dict[str, list[list[KerasTensor]]] = {}  # by layer name: the outputs of each call
        for name, entry in self.entries.items():
            layer = (
                None
                if operations.is_operation(entry)
                else deserialize_keras_object(entry, custom_objects=custom_objects)
            )
            self.layers[name] = layer
            self.results[name] = [[layer.output]] if isinstance(layer, InputLayer) else []

    def run(self) -> None:
        waiting = {name: list(entry["inbound_nodes"]) for name, entry in self.entries.items() if entry["inbound_nodes"]}
        while waiting:
            before = sum(map(len, waiting.values()))
            for name in list(waiting):
                calls = waiting[name]
                while calls:
                    try:
                        arguments = self.arguments(calls[0])
                    except _Missing:
                        break
                    self.call(name, *arguments)
                    calls.pop(0)
                if not calls:
                    del waiting[name]
            if waiting and sum(map(len, waiting.values())) == before:
                raise ValueError(f"the configuration's graph has a loop: {', '.join(sorted(waiting))} wait for one another")

    def arguments(self, call: Any) -> tuple[list[Any], dict[str, Any]]:
        if isinstance(call, list):  # as Keras 2 wrote it: [layer, call, output, keywords] for each input
            tensors = [self.tensor(*place[:3]) for place in call]
            keywords = dict(call[0][3]) if len(call[0]) > 3 else {}
            return [tensors[0] if len(tensors) == 1 else tensors], {k: self.keyword(v) for k, v in keywords.items()}
        return self.revive(call["args"]), self.revive(call["kwargs"])

    def keyword(self, value: Any) -> Any:
        """A keyword argument as Keras 2 wrote it: a tensor is the place where it is made."""
        place = isinstance(value, list) and len(value) >= 3 and isinstance(value[0], str) and value[0] in self.results
        return self.tensor(*value[:3]) if place else [*map(self.keyword, value)] if isinstance(value, list) else value

    def revive(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.revive(v) for v in value]
        if isinstance(value, dict):
            if value.get("class_name") == "__keras_tensor__":
                return self.tensor(*value["config"]["keras_history"])
            if "class_name" not in value:
                return {k: self.revive(v) for k, v in value.items()}
        return value if isinstance(value, str) else deserialize_keras_object(value)

    def tensor(self, name: str, call: int, index: int) -> KerasTensor:
        if name not in self.results:
            raise ValueError(
                f"Missing node: {name} is a layer that the configuration names, but does not have.{near(name, self.results)}"
            )
        calls = self.results[name]
        if call >= len(calls):
            raise _Missing(name)
        return calls[call][index]

    def end(self, name: str, call: int, index: int) -> KerasTensor:
        """A tensor at which the model begins or ends."""
        try:
            return self.tensor(name, call - isinstance(self.layers.get(name), Functional), index)
        except _Missing:
            raise ValueError(f"the configuration names call {call} of layer {name!r}, which is not made") from None

    def call(self, name: str, args: list[Any], kwargs: dict[str, Any]) -> None:
        layer = self.layers[name]
        if layer is None:
            out = operations.call(self.entries[name], args, kwargs)
        else:
            out = layer(*args, **self.meant(layer, kwargs))
        found = [t for t in tree.leaves(out) if isinstance(t, KerasTensor)]
        if layer is None and found[0].node is not None:
            found[0].node.given_name = name
        self.results[name].append(found)

    @staticmethod
    def meant(layer: Layer, kwargs: dict[str, Any]) -> dict[str, Any]:
        """The keywords without those that Keras writes unasked: a mask of None, and `training` at its default."""
        parameter = inspect.signature(layer.call).parameters.get("training")
        drop = {k for k, v in kwargs.items() if v is None}
        if not specs_of(type(layer)).training or (
            kwargs.get("training") is False and parameter and parameter.default is False
        ):
            drop.add("training")
        return {k: v for k, v in kwargs.items() if k not in drop}

    def ends(self, structure: Any) -> Any:
        if isinstance(structure, dict):
            return {k: self.ends(v) for k, v in structure.items()}
        if len(structure) == 3 and isinstance(structure[0], str):
            return self.end(*structure)
        return type(structure)(self.ends(v) for v in structure)


def _connected(cls: type[Model], config: Mapping[str, Any], custom_objects: Any) -> Model:
    builder = _Builder(config["layers"], custom_objects)
    builder.run()
    more = {k: v for k, v in config.items() if k not in FUNCTIONAL_KEYS and k != "trainable"}
    cls = Functional if cls is Model else cls
    model = cls(
        builder.ends(config["input_layers"]), builder.ends(config["output_layers"]), name=config["name"], **more
    )
    model._trainable = bool(config.get("trainable", True))  # of its layers each has a configuration of its own
    return model
