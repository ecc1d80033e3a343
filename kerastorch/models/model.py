"""Models: layers with a training loop, made from a recorded graph or by subclassing."""

import warnings
from typing import Any

from kerastorch import backend_registry, dtypes, ops, scope, tree
from kerastorch.errors import GraphError, LayerError, NotBuilt, at, near, user_line
from kerastorch.graph import Graph, KerasTensor, Node, tensors_in
from kerastorch.layers.base import Layer
from kerastorch.layers.input import Input
from kerastorch.layers.structures import has_tensor, is_shape, mapped, tensors_of_shapes, tree_of_shapes
from kerastorch.models import state_tree
from kerastorch.op import dtype_of, is_sparse, shape_of
from kerastorch.training.trainer import Trainer


class Model(Trainer, Layer):
    """A layer that can be compiled, trained, evaluated and saved.

    `Model(inputs, outputs)` makes a model of the graph between KerasTensors; a subclass gives `call` instead.

    Args:
        inputs: KerasTensor, or list, tuple or dict of them.
        outputs: Nest of KerasTensors computed from the inputs.
        name: Name of the model.

    Raises:
        GraphError: If an output depends on a tensor that is not among the inputs.
    """

    def __new__(cls, *args, **kwargs):
        if cls is Model and _is_functional(args, kwargs):
            cls = Functional
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args, **kwargs):
        Trainer.__init__(self)
        if _is_functional(args, kwargs):
            args, kwargs = _modern(args, kwargs)
            values = dict(zip(("inputs", "outputs", "name"), args, strict=False)) | kwargs
            inputs, outputs = values.pop("inputs"), values.pop("outputs")
            Layer.__init__(self, **values)
            self._record_graph(inputs, outputs)
        else:
            Layer.__init__(self, *args, **kwargs)

    def _record_graph(self, inputs: Any, outputs: Any) -> None:
        """Makes this the model of the graph between the given tensors."""
        flat, outputs = check_ends(f"model {self.name!r}", inputs, outputs)
        if len({id(t) for t in flat}) != len(flat):
            raise GraphError(f"model {self.name!r}: the inputs {[t.name for t in flat]} contain a tensor twice")
        given, outputs = outputs, _alone(outputs)
        wrapped = given is not outputs
        try:
            graph = Graph(flat, outputs)
        except GraphError as error:
            raise GraphError(f"model {self.name!r}: {error}") from None
        if any(_made(t) for t in flat):  # what makes these tensors is outside: what comes after is recorded anew
            inputs = tree.map_structure(lambda t: Input(batch_shape=t.shape, dtype=t.dtype) if _made(t) else t, inputs)
            flat = tree.leaves(inputs)
            outputs = graph.run(flat, lambda node, args, kwargs: node.operation(*args, **kwargs))
            graph = Graph(flat, outputs)
        store = self._state.extra
        store["graph"], store["inputs"] = graph, inputs
        store["outputs"] = type(given)([graph.outputs]) if wrapped else graph.outputs
        store["operations"] = operations(graph)
        self.built = True

    @property
    def graph(self) -> Graph | None:  # type: ignore[override]
        """The recorded graph that `call` runs; None for models that have a `call` of their own."""
        return self._state.extra.get("graph") if type(self).call in (Model.call, Functional.call) else None

    @property
    def _callable(self) -> bool:  # type: ignore[override]
        return type(self).call is not Model.call or self._state.extra.get("graph") is not None

    # ---------------------------------------------------------------- layers

    def _layers(self) -> list[Layer]:
        recorded = self._state.extra.get("operations")
        found = [o for o in recorded if isinstance(o, Layer)] if recorded else []
        have = {id(x) for x in found}
        return found + [x for x in super()._layers() if id(x) not in have]

    @property
    def layers(self) -> list[Layer]:
        """The layers directly below this model."""
        return self._layers()

    @layers.setter
    def layers(self, _: Any) -> None:
        raise AttributeError("`Model.layers` attribute is reserved: it lists the layers of the model, which are set by other names")

    @property
    def operations(self) -> list[Any]:
        """Layers, and nodes of ops that were called outside of layers, in the order of `summary`."""
        return list(self._state.extra.get("operations") or self.layers)

    def get_layer(self, name=None, index=None) -> Layer:
        """The layer of a name or of a place in `layers`.

        Raises:
            ValueError: If there is none, or neither or both are given.
        """
        if (name is None) == (index is None):
            raise ValueError(f"get_layer takes either a name or an index, got name={name!r}, index={index!r}")
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(f"model {self.name!r} has {len(self.layers)} layers, so there is none at index {index}")
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        names = [x.name for x in self.layers]
        raise ValueError(f"model {self.name!r} has no layer named {name!r}.{near(name, names)} Its layers are {', '.join(names)}")

    def pop_layer(self):
        """Functional and subclassed models cannot lose a layer.

        Raises:
            ValueError: Always.
        """
        raise ValueError("only Sequential models can pop() a layer")

    # ---------------------------------------------------------------- building and calling

    def build(self, input_shape):
        """Builds a subclassed model by running `call` on KerasTensors of the given shapes."""
        if self._state.extra.get("graph") is not None:
            return
        self._build_with(input_shape)

    def _build_with(self, *shapes: Any, **named: Any) -> None:
        dtype = self._state.extra.get("input_dtype", dtypes.floatx())

        def inputs(shape: Any) -> Any:
            return tensors_of_shapes(tree_of_shapes(shape), dtype)

        with scope.symbolic():
            self(*map(inputs, shapes), **{k: inputs(v) for k, v in named.items()})
        self.built = True

    def build_from_config(self, config) -> None:
        """Builds the model with the shapes that `get_build_config` gave."""
        if self._state.extra.get("graph") is None and type(self).build is Model.build and "shapes_dict" in config:
            self._build_with(**config["shapes_dict"])
            self._state.build_shapes = dict(config)
        else:
            super().build_from_config(config)

    def _maybe_build(self, known: dict[str, Any]) -> None:
        if type(self).build is Model.build or self.built:
            self.built = True
            if self._state.build_shapes is None:
                shapes = {k: mapped(shape_of, v) for k, v in known.items() if has_tensor(v)}
                one = len(shapes) == 1
                self._state.build_shapes = {"input_shape": next(iter(shapes.values()))} if one else {"shapes_dict": shapes}
            return
        super()._maybe_build(known)

    def call(self, inputs, training=None, mask=None):
        """Runs the recorded graph."""
        graph = self._state.extra.get("graph")
        if graph is None:
            raise NotImplementedError(f"the model class {type(self).__name__} has neither a recorded graph nor a `call` method")
        return run(graph, self.standardize_inputs(inputs), training)

    def standardize_inputs(self, inputs: Any) -> list[Any]:
        """The inputs as a list in the order of the graph's, in the dtypes recorded.

        Raises:
            LayerError: If their number, names or shapes do not fit.
        """
        given = self._state.extra["inputs"]
        wanted = tree.leaves(given)
        if isinstance(inputs, dict) and not isinstance(given, dict):
            names = [t.name for t in wanted]
            layers = [t.node.layer.name if t.node else t.name for t in wanted]
            missing = [n for n, layer in zip(names, layers, strict=True) if n not in inputs and layer not in inputs]
            if missing:
                raise LayerError(f"model {self.name!r} needs the inputs {names}, but was given {sorted(inputs)}")
            flat = [inputs[n] if n in inputs else inputs[layer] for n, layer in zip(names, layers, strict=True)]
        elif isinstance(inputs, dict):
            missing = [k for k in given if k not in inputs]
            if missing:
                raise LayerError(f"model {self.name!r} needs the inputs {sorted(given)}, but was given {sorted(inputs)}")
            if len(inputs) > len(given):
                self._other_structure(inputs)
            flat = tree.leaves({k: inputs[k] for k in given})
        else:
            if isinstance(given, dict) and isinstance(inputs, list | tuple):
                self._other_structure(inputs, refuse=list(given) != sorted(given))
            flat = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
            if any(isinstance(x, list | tuple | dict) for x in flat):
                flat = tree.leaves(inputs)
        if len(flat) != len(wanted):
            names = f" named input(s) with keys {sorted(given)}" if isinstance(given, dict) else " tensors as input"
            raise LayerError(f"model {self.name!r} expects {len(wanted)}{names} ({[t.name for t in wanted]}), not {len(flat)}")
        return [self._fit(x, t) for x, t in zip(flat, wanted, strict=True)]

    def _other_structure(self, inputs: Any, refuse: bool = False) -> None:
        """Warns, once, that the inputs are another nest than the model's, or raises where that leaves open which is which."""
        names = tree.map_structure(lambda t: t.name, self._state.extra["inputs"])
        text = (f"The structure of `inputs` doesn't match the expected structure of model {self.name!r}: a nest like {names} "
                f"is needed, not a {type(inputs).__name__} of {len(inputs)} entries")  # fmt: skip
        if refuse:
            raise LayerError(text)
        if not self._state.extra.get("warned"):
            self._state.extra["warned"] = True
            warnings.warn(text, stacklevel=4)

    def _fit(self, x: Any, t: KerasTensor) -> Any:
        """One input in the recorded dtype and rank: a missing or superfluous last dimension of 1 is mended."""
        if x is None:
            if t.node is None or not getattr(t.node.layer, "optional", False):
                raise LayerError(f"model {self.name!r}: input {t.name!r} is not optional, but was given None"
                                 f"{at(user_line(), 'called')}")  # fmt: skip
            return None
        if is_sparse(x) and not t.sparse:
            x = ops.convert_to_tensor(x, sparse=False)
        shape = shape_of(x)
        if len(shape) == len(t.shape) + 1 and shape[-1] == 1:
            x, shape = ops.squeeze(x, axis=-1), shape[:-1]
        elif len(shape) == len(t.shape) - 1 and t.shape[-1] == 1:
            x, shape = ops.expand_dims(x, axis=-1), (*shape, 1)
        # Another batch size than the recorded one is let through: where something depends on it, that says so itself.
        if len(shape) != len(t.shape) or any(None not in (a, b) and a != b for a, b in zip(shape[1:], t.shape[1:], strict=True)):
            name = t.node.title if t.node else t.name
            path = next(p for p, u in tree.flatten_with_path(self._state.extra["inputs"]) if u is t)
            raise LayerError(f"model {self.name!r}: expected shape={t.shape}, found shape={shape} for the input with name {name!r} "
                             f"and path {'.'.join(map(str, path))!r}{t._where()}{at(user_line(), 'called')}")  # fmt: skip
        return x if dtype_of(x) == t.dtype else ops.cast(x, t.dtype)

    def compute_output_spec(self, *args, **kwargs):
        """KerasTensors of the output's shapes and dtypes."""
        return self._spec_by_running(args, kwargs)

    def compute_output_shape(self, input_shape):
        """The output's shape for inputs of the given shapes."""
        with scope.symbolic():
            out = self(tensors_of_shapes(tree_of_shapes(input_shape), dtypes.floatx()))
        return tree.map_structure(lambda t: t.shape, out) if not isinstance(out, KerasTensor) else out.shape

    def compute_mask(self, inputs, previous_mask=None):
        """The mask of the outputs that the recorded graph carries."""
        graph = self._state.extra.get("graph")
        if graph is None or all(t.mask is None for t in tensors_in(graph.outputs)) or not scope.is_symbolic():
            return None
        return None

    @property
    def inputs(self) -> list[KerasTensor]:
        """The input KerasTensors of a recorded model."""
        return list(self._graph("inputs").inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The output KerasTensors of a recorded model."""
        return tensors_in(self._graph("outputs").outputs)

    @property
    def input(self) -> Any:
        return self._graph("input") and self._state.extra["inputs"]

    @property
    def output(self) -> Any:
        return self._graph("output") and self._state.extra["outputs"]

    def _graph(self, what: str) -> Graph:
        graph = self._state.extra.get("graph")
        if graph is None:
            raise AttributeError(f"model {self.name!r} has no {what}: no graph was recorded for it (it is subclassed, or its input "
                                 "shape is not known yet)")  # fmt: skip
        return graph

    @property
    def input_shape(self) -> Any:
        shapes = tree.map_structure(lambda t: t.shape, self.input) if not isinstance(self.input, KerasTensor) else self.input.shape
        return shapes[0] if isinstance(shapes, list) and len(shapes) == 1 and not is_shape(shapes) else shapes

    @property
    def output_shape(self) -> Any:
        outputs = self._graph("output_shape").outputs
        return outputs.shape if isinstance(outputs, KerasTensor) else tree.map_structure(lambda t: t.shape, outputs)

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs: those of the layers that make them."""
        return [t.node.title for t in self.outputs]

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs."""
        return [t.node.title if t.node else t.name for t in self.inputs]

    def count_params(self) -> int:
        """Number of elements of all weights."""
        if not self.built and not self.weights:
            raise NotBuilt(f"model {self.name!r} is not built: call it on data, or call build(input_shape)")
        return sum(v.size for v in self.weights)

    # ---------------------------------------------------------------- showing

    def export(self, filepath, format="tf_saved_model", verbose=None, input_signature=None, **kwargs):
        """Writes the model as a file for inference by other programs.

        The format says which framework writes it: what was recorded is lowered there, with a copy of the weights, whatever the
        model runs on. So a model that trains on torch becomes a SavedModel of TensorFlow's too, where that is installed.

        Args:
            filepath: File or folder to write.
            format: "tf_saved_model" (a folder with the function "serve", for TensorFlow, its servers and `layers.TFSMLayer`),
                "torch" (a file ".pt2" for `torch.export.load`), "onnx", "openvino" (a file ".xml") or "litert" (a file ".tflite").
            verbose: Whether a line is printed that says what was written; it is, unless this is False.
            input_signature: A list with one nest for each argument of the model, of `InputSpec`, KerasTensor, `tf.TensorSpec` or
                tensors; None takes what the model was recorded with or first called on, with any batch size.
            **kwargs: Options of the format: of `torch.export.export` for "torch", attributes of `tf.lite.TFLiteConverter` for
                "litert", `opset_version` for "onnx".

        Raises:
            ValueError: For an unknown format, a wrong ending of the path, an unknown option, or a model that is not built.
            ImportError: If the library for the format is not installed.
            RuntimeError: If the format cannot hold what the model does.
        """
        from kerastorch.export import formats

        formats.export(self, filepath, format, verbose, input_signature, kwargs)

    def summary(self, line_length=None, positions=None, print_fn=None, expand_nested=False, show_trainable=False,
                layer_range=None) -> None:  # fmt: skip
        """Prints a table of the layers, their output shapes and numbers of parameters."""
        from kerastorch.models.summary import print_summary

        print_summary(self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range)

    def to_torch(self) -> Any:
        """An ordinary torch `nn.Module` with a copy of the weights, in evaluation mode."""
        return backend_registry.get("torch").lower(self)

    # ---------------------------------------------------------------- quantization

    def quantize(self, mode=None, config=None, filters=None, **kwargs) -> None:
        """Quantizes the weights of all layers that know how.

        Args:
            mode: "int8", "int4", "float8", "gptq" or "awq".
            config: Configuration of the quantization, in place of `mode`.
            filters: Which layers: a regular expression found in their names, a list of such, or a function of the layer.
            **kwargs: `type_check` is for the layers' `quantize`.

        Raises:
            ValueError: If the model is not built, a layer is quantized already, or the arguments do not say one mode.
        """
        from kerastorch.quantizers import whole_models

        whole_models.quantize(self, mode, config, filters, **kwargs)

    def get_quantization_layer_structure(self, mode=None):
        """What the algorithms that look at data need to know, for models that override this.

        Args:
            mode: The mode.

        Returns:
            A dictionary of "pre_block_layers", through which inputs go first, and "sequential_blocks", which are quantized one
            after another; None where nothing is said.
        """
        return None

    # ---------------------------------------------------------------- saving

    def get_config(self):
        """The model as JSON-like values: its layers and how they are connected, or its constructor's arguments."""
        from kerastorch.models import configuration

        return configuration.config_of(self)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A new model, with fresh weights, from what `get_config` gave."""
        from kerastorch.models import configuration

        return configuration.model_of(cls, config, custom_objects)

    def to_json(self, **kwargs) -> str:
        """The configuration as JSON; `kwargs` are those of `json.dumps`."""
        from kerastorch.models import configuration

        return configuration.to_json(self, **kwargs)

    def save(self, filepath, overwrite=True, zipped=None, **kwargs) -> None:
        """Writes the model with its weights, and what it was compiled with, to a file; see `keras.saving.save_model`."""
        from kerastorch.saving import api

        api.save_model(self, filepath, overwrite, zipped, **kwargs)

    def save_weights(self, filepath, overwrite=True, max_shard_size=None) -> None:
        """Writes the weights to a file; see `keras.saving.save_weights`."""
        from kerastorch.saving import api

        api.save_weights(self, filepath, overwrite, max_shard_size)

    def load_weights(self, filepath, skip_mismatch=False, **kwargs) -> None:
        """Sets the weights from a file; nothing is changed where it does not fit. See `keras.saving.load_weights`."""
        from kerastorch.saving import api

        api.load_weights(self, filepath, skip_mismatch, **kwargs)

    get_state_tree, set_state_tree = state_tree.get_state_tree, state_tree.set_state_tree


class Functional(Model):
    """A model made of the graph between KerasTensors.

    Args:
        inputs: KerasTensor, or list, tuple or dict of them.
        outputs: Nest of KerasTensors computed from the inputs.
        name: Name of the model.
    """

    def add_loss(self, loss) -> None:
        """Adds a loss: in a call a tensor for this call, after recording one computed from the inputs, for all calls."""
        if isinstance(loss, KerasTensor) and not scope.is_symbolic() and self.graph is not None:
            from kerastorch.legacy import added_losses

            added_losses.attach(self, loss)
        else:
            super().add_loss(loss)

    def __init__(self, inputs, outputs, name=None, **kwargs):
        Model.__init__(self, inputs, outputs, name=name, **kwargs)

    def call(self, inputs, training=None, mask=None):
        """Runs the recorded graph."""
        return Model.call(self, inputs, training=training, mask=mask)


def _made(t: KerasTensor) -> bool:
    """Whether a KerasTensor comes out of something rather than stand for an input."""
    return t.node is not None and bool(t.node.inputs)


def check_ends(what: str, inputs: Any, outputs: Any) -> tuple[list[KerasTensor], Any]:
    """The inputs as a list, and the outputs, of something that is to be made of the graph between them.

    Raises:
        GraphError: If there are none or some are no KerasTensors.
    """
    flat = tree.leaves(inputs)
    for name, found, origin in (("inputs", flat, "made by Input()"), ("outputs", tree.leaves(outputs), "computed from the inputs")):
        if not found:
            raise GraphError(f"{what}: the `{name}` argument cannot be empty; KerasTensors {origin} are needed")
        for t in found:
            if not isinstance(t, KerasTensor):
                raise GraphError(f"{what}: All `{name}` values must be KerasTensors {origin}, but {t!r} is none")
    return flat, outputs


def run(graph: Graph, values: list[Any], training: bool | None) -> Any:
    """Runs a recorded graph of layers and ops on tensors of the active backend, or records it on KerasTensors.

    Args:
        graph: The graph.
        values: Tensors for its inputs, in order.
        training: The training flag of layers that were recorded without one.
    """
    return graph.run(values, lambda node, args, kwargs: carry_out(node, args, kwargs, training))


def carry_out(node: Node, args: tuple, kwargs: dict, training: bool | None) -> Any:
    """Runs, or records anew, what a node recorded, on other arguments."""
    if node.layer is None:
        return node.operation(*args, **kwargs)
    if scope.is_symbolic():
        return node.layer(*args, **kwargs)
    flag = kwargs.pop("training", training)
    return node.layer._invoke(backend_registry.active(), args, kwargs, flag)


def _is_functional(args: tuple, kwargs: dict) -> bool:
    return len(args) >= 2 or (len(args) == 1 and bool({"outputs", "output"} & kwargs.keys())) or bool(
        {"inputs", "input"} & kwargs.keys() and {"outputs", "output"} & kwargs.keys())  # fmt: skip


def _modern(args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    if {"input", "output"} & kwargs.keys():
        from kerastorch import legacy

        return legacy.constructor_arguments(Model, args, kwargs, ["inputs", "outputs", "name"],
                                            {"inputs", "outputs", "name", "trainable", "dtype"})  # fmt: skip
    return args, kwargs


def _alone(outputs: Any) -> Any:
    """What a model gives: the one output itself, where it was given in a list or tuple."""
    return outputs[0] if type(outputs) in (list, tuple) and len(outputs) == 1 else outputs


def operations(graph: Graph) -> list[Any]:
    """Layers and op nodes of a graph in Keras's order: by distance from the outputs, then by the order in which a walk from the
    outputs meets them. Weights are listed, and files written, in this order."""
    order: list[Node] = []
    met: dict[Any, int] = {}
    done: set[int] = set()
    inputs = {id(t): t for t in graph.inputs}

    def key(node: Node) -> Any:
        return node if node.called is None else node.called

    # An explicit stack in place of recursion: models may be thousands of layers deep.
    for t in (*tensors_in(graph.outputs), *(t for node in graph.effects for t in node.outputs)):
        stack: list[tuple[Node, bool]] = [(t.node, False)] if t.node else []
        while stack:
            node, finished = stack.pop()
            if finished:
                order.append(node)
                continue
            if id(node) in done:
                continue
            done.add(id(node))
            if node.inputs and all(id(o) in inputs for o in node.outputs):
                continue  # what makes a tensor at which the graph begins is outside of it
            met.setdefault(key(node), len(met))
            stack.append((node, True))
            stack.extend((x.node, False) for x in reversed(node.inputs) if x.node is not None and id(x.node) not in done)
    depth: dict[int, int] = {}
    depth_of: dict[Any, int] = {}
    for node in reversed(order):
        d = max(depth.get(id(node), 0), depth_of.get(key(node), 0))
        depth[id(node)] = depth_of[key(node)] = d
        if all(id(o) in inputs for o in node.outputs):
            continue
        for x in node.inputs:
            if x.node is not None:
                depth[id(x.node)] = max(d + 1, depth.get(id(x.node), 0))
    for t in graph.inputs:
        if t.node is not None and not t.node.inputs:
            depth_of.setdefault(key(t.node), 0)
            met.setdefault(key(t.node), len(met))
    return sorted(depth_of, key=lambda o: (-depth_of[o], met[o]))


__all__ = ["Functional", "Input", "Model"]
