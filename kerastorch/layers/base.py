"""The base of all layers: naming, weights, building, masks, the training flag, recording a call and running one.

A layer is called in one of two ways. On KerasTensors the call is recorded: output shapes come from `compute_output_shape` where
the layer says it, else from running `call` on KerasTensors. On real tensors it runs: by the backend's native lowering where
there is one, else by `call`, whose ops act on the tensors' framework.
"""

import inspect
import warnings
from collections.abc import Callable
from typing import Any

from kerastorch import backend_registry, dtype_policies, dtypes, fields, ops, regularizers, scope, tree
from kerastorch.errors import LayerError, NotBuilt, OpError, at, is_own, user_line
from kerastorch.graph import KerasTensor, Node, tensors_in
from kerastorch.layers import spec, weighted
from kerastorch.layers.calls import CallSpec, State, parameters_of, specs_of
from kerastorch.layers.structures import (
    NESTS,
    as_tensors,
    fresh,
    given_input_shape,
    has_tensor,
    mapped,
    shown_shapes,
    tensors_of_shapes,
    tree_of_shapes,
)
from kerastorch.layers.weighted import Weighted
from kerastorch.op import dtype_of, shape_of
from kerastorch.operation import constructor_arguments
from kerastorch.variable import Variable, changed

InputSpec = spec.InputSpec
BUILD_ARGUMENTS = ("input_shape", "batch_input_shape", "batch_shape", "input_dim", "batch_size", "input_dtype", "weights",
                   "input_length")  # fmt: skip


class Layer(Weighted):
    """A callable with weights, which turns tensors into tensors.

    Subclasses give `call`, and usually `__init__`, `build` (which adds weights) and `get_config`.

    Args:
        activity_regularizer: Regularizer of the output, added to the loss.
        trainable: Whether the weights are updated in training.
        dtype: Dtype or dtype policy of computations and weights; None takes the default policy.
        autocast: Whether floating inputs are cast to the compute dtype.
        name: Name; made from the class where it is None.
    """

    base_arguments = frozenset(("activity_regularizer", "trainable", "dtype", "autocast", "name", *BUILD_ARGUMENTS))
    is_input = False
    runs_on_host = False  # whether `call` works on arrays, so that no graph of a framework can hold what it does
    adds_losses = False  # whether `call` of a layer of this package adds losses
    calls_user_code = False  # whether `call` of a layer of this package runs functions of the user's
    supports_masking = False
    named_after: str | None = None  # what default names are made from, where that is not the name of the class
    rests_when_frozen = False  # whether the layer, once it is not trainable, does in training what it does otherwise
    input_spec: Any = None
    built = False
    stateful = False
    graph: Any = None  # the recorded graph that `call` runs, for models made of one

    def __new__(cls, *args, **kwargs):
        self = object.__new__(cls)
        self._state = State()
        if "__fields__" not in cls.__dict__:
            self._state.arguments = (args, kwargs)
        return self

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = _building(cls.__dict__["build"])
            cls.built = cls.__dict__.get("built", False)

    def __init__(self, *, activity_regularizer=None, trainable=True, dtype=None, autocast=True, name=None, **kwargs):
        state = self._state
        unknown = kwargs.keys() - set(BUILD_ARGUMENTS)
        if unknown:
            raise ValueError(f"{type(self).__name__}: unknown arguments {', '.join(sorted(unknown))}")
        if name is None:
            name = scope.unique_name(scope.snake(self.named_after or type(self).__name__))
        elif not isinstance(name, str) or not name:
            raise ValueError(f"{type(self).__name__}: name must be a non-empty string, not {name!r}")
        elif "/" in name:
            raise ValueError(f"{type(self).__name__}: name {name!r} must not contain '/'")
        self._name = name
        self._dtype_policy = dtype_policies.get(dtype)
        self.autocast = autocast
        if not isinstance(trainable, bool):
            raise ValueError(f"{type(self).__name__}: `trainable` has to be a boolean, not {trainable!r}")
        self._trainable = trainable
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._remat = scope.state.remat[-1] if scope.state.remat else None
        state.input_shape = given_input_shape(kwargs)
        state.initial_weights = kwargs.get("weights")

    # ---------------------------------------------------------------- what users override

    def build(self, input_shape):
        """Creates the weights; `input_shape` is a tuple, or a nest of them like the inputs."""
        self.built = True

    def call(self, *args, **kwargs):
        """The layer's work on its inputs."""
        raise NotImplementedError(f"the layer class {type(self).__name__} does not have a `call` method implemented.")

    def compute_output_shape(self, *args, **kwargs):
        """The output's shape, given the inputs' shapes; found by running `call` on KerasTensors unless overridden."""
        if type(self).call is Layer.call:
            raise NotImplementedError(f"the layer class {type(self).__name__} does not have a `compute_output_shape` method "
                                      "implemented.")  # fmt: skip
        names = list(args)
        shapes = [tree_of_shapes(s) for s in (*names, *kwargs.values())]
        inputs = [tensors_of_shapes(s, self.compute_dtype) for s in shapes]
        out = self.compute_output_spec(*inputs)
        return tree.map_structure(lambda t: t.shape, out) if not isinstance(out, KerasTensor) else out.shape

    def compute_output_spec(self, *args, **kwargs):
        """KerasTensors of the output's shapes and dtypes."""
        sparse = any(t.sparse for a in (*args, *kwargs.values()) for t in tensors_in(a))  # of which a shape says nothing
        if type(self).compute_output_shape is not Layer.compute_output_shape and not sparse:
            shapes = [tree.map_structure(shape_of, a) if isinstance(a, list | tuple | dict) else shape_of(a)
                      for a in args if tensors_in(a)]  # fmt: skip
            names = parameters_of(type(self).compute_output_shape)
            named = {f"{k}_shape": tree.map_structure(shape_of, v) for k, v in kwargs.items()
                     if tensors_in(v) and f"{k}_shape" in names}  # fmt: skip
            return tensors_of_shapes(
                self.compute_output_shape(*shapes[: max(1, len(names) - len(named))], **named), self.compute_dtype
            )
        return self._spec_by_running(args, kwargs)

    def compute_mask(self, inputs, previous_mask):
        """The mask of the output; layers that support masking pass the input's on."""
        return previous_mask

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON-like values."""
        cls = type(self)
        own = "__fields__" not in cls.__dict__ and cls.__init__ is not Layer.__init__
        config = {"name": self.name, "trainable": self._trainable, "dtype": dtype_policies.serialize(self._dtype_policy)}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        if own and cls.get_config is Layer.get_config:
            return self._constructor_arguments(config)
        return config

    def _constructor_arguments(self, config: dict[str, Any]) -> dict[str, Any]:
        """The configuration of a class without a `get_config` of its own: what it was constructed with."""
        return constructor_arguments(self, self._state.arguments or ((), {}), config)

    @classmethod
    def from_config(cls, config):
        """A new layer from what `get_config` gave."""
        from kerastorch.saving.objects import deserialize_keras_object

        if isinstance(config.get("dtype"), dict):  # constructors written by users take the name of a policy
            policy = dtype_policies.get(config["dtype"])
            plain = type(policy) in (dtype_policies.DTypePolicy, dtype_policies.FloatDTypePolicy)
            config = {**config, "dtype": policy.name if plain else policy}
        if "__fields__" in cls.__dict__ or cls.get_config is not Layer.get_config:
            return cls(**config)
        return cls(  # the configuration is one that was made of the arguments
            **{k: deserialize_keras_object(v) if isinstance(v, dict) and "class_name" in v else v for k, v in config.items()}
        )

    # ---------------------------------------------------------------- calling

    def __call__(self, *args, **kwargs):
        if "_name" not in self.__dict__:
            raise RuntimeError(f"the constructor of {type(self).__name__} did not call super().__init__()")
        symbolic = scope.state.symbolic > 0 or any(tensors_in(a) for a in args) or any(tensors_in(a) for a in kwargs.values())
        if symbolic:
            return self._record(args, kwargs)
        return self._run(args, kwargs)

    def _bind(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """Arguments with those inputs given by name that `call` takes first moved into place."""
        first = specs_of(type(self)).first
        if not args and first in kwargs:
            kwargs = dict(kwargs)
            return (kwargs.pop(first),), kwargs
        return args, kwargs

    def _record(self, args: tuple, kwargs: dict) -> Any:
        """A call on KerasTensors."""
        specs = specs_of(type(self))
        args, kwargs = self._bind(args, kwargs)
        known = {**dict(zip(specs.names, args, strict=False)), **kwargs}
        inner = scope.state.symbolic > 0
        training = kwargs.get("training")
        if training is None and inner:
            training = scope.training()
        if self.input_spec is not None and args:
            self._check(args[0])
        with scope.name_scope(self.name, self):
            try:
                self._maybe_build(known)
                if self.input_spec is not None and args:
                    self._check(args[0])
                kwargs, previous = self._with_masks(specs, known, kwargs, lambda t: t.mask if isinstance(t, KerasTensor) else None)
                if self._state.called_with is None:
                    self._state.called_with = args
                node = Node(self, args, {k: v for k, v in kwargs.items() if not (k == "training" and v is None)})
                scope.state.calls.append(scope.Call(self, training))
                try:
                    with scope.symbolic():
                        out = self._output_spec(args, kwargs)
                finally:
                    scope.state.calls.pop()
            except ValueError as error:
                raise self._explained(error, args) from error
        out = node.emit(fresh(out))
        if not inner:
            self._state.nodes.append(node)
        self._mask_outputs(out, args, kwargs, previous)
        return out

    def _explained(self, error: ValueError, args: tuple) -> ValueError:
        """What to raise where a call failed: for ops and for layers of this package, with the layer and the shapes given."""
        ours = type(error) is ValueError and is_own(type(self))
        if not ours and not isinstance(error, OpError):
            return error
        new = LayerError(f"layer {self.name!r} ({type(self).__name__}) cannot take inputs of shape {shown_shapes(args)}: "
                         f"{str(error).rstrip('.')}{self._configured()}{at(user_line())}")  # fmt: skip
        new.__cause__ = error
        return new

    def _output_spec(self, args: tuple, kwargs: dict) -> Any:
        cls = type(self)
        default = cls.compute_output_spec is Layer.compute_output_spec and cls.compute_output_shape is Layer.compute_output_shape
        if not default:
            takes = parameters_of(cls.compute_output_spec)
            if not all(layer.built for layer in self._flatten_layers(include_self=False)):
                self._spec_by_running(args, kwargs)  # which builds them, as it does where no shapes are said
            kwargs = {k: v for k, v in kwargs.items() if k not in ("mask", "training") or k in takes}
        return self.compute_output_spec(*args, **kwargs)

    def _spec_by_running(self, args: tuple, kwargs: dict) -> Any:
        """The output's spec by running `call` on KerasTensors, or on zeros where it is not written over ops."""
        specs = specs_of(type(self))
        kwargs = {k: v for k, v in kwargs.items() if k in specs.names or specs.open_ended or k in ("training", "mask")}
        if not specs.training:
            kwargs.pop("training", None)
        elif kwargs.get("training") is None:
            found = scope.training()
            kwargs["training"] = specs.unsaid if found is None else found
        fresh = {
            id(t): KerasTensor(t.shape, self._input_dtype(t.dtype), sparse=t.sparse, name="input")
            for a in (*args, *kwargs.values())
            for t in tensors_in(a)
        }
        args_, kwargs_ = Node(self, args, kwargs).map_arguments(lambda t: fresh[id(t)])
        try:
            with scope.symbolic(), scope.autocast(self._autocast_dtype):
                return self.call(*args_, **kwargs_)
        except (TypeError, ValueError, AttributeError, NotImplementedError) as error:
            if is_own(type(self)) and not self.calls_user_code:
                raise
            return self._spec_by_zeros(args_, kwargs_, error)

    def _spec_by_zeros(self, args: tuple, kwargs: dict, why: Exception | None) -> Any:
        """The output's spec by running `call` on zeros of the default backend, twice with different unknown dimensions."""
        found = []
        backend = backend_registry.active()
        for size in (2, 3):

            def zeros(t: KerasTensor, size: int = size) -> Any:
                import numpy as np

                return backend.convert(np.zeros([size if d is None else d for d in t.shape]), t.dtype)

            node = Node(self, args, kwargs)
            real_args, real_kwargs = node.map_arguments(zeros)
            values = _Scratch()
            try:
                with scope.concrete(), scope.values(values), backend.no_gradient(), scope.autocast(self._autocast_dtype):
                    out = self.call(*real_args, **real_kwargs)
            except (TypeError, ValueError, AttributeError, RuntimeError) as error:
                raise error from why
            found.append(
                tree.map_structure(lambda x: KerasTensor(backend.shape(x), backend.dtype(x)) if backend.is_tensor(x) else x, out)
            )

        def merged(a: Any, b: Any) -> Any:
            if not isinstance(a, KerasTensor):
                return a
            return KerasTensor([m if m == n else None for m, n in zip(a.shape, b.shape, strict=True)], a.dtype)

        return tree.map_structure(merged, *found)

    def _run(self, args: tuple, kwargs: dict) -> Any:
        """A call on real tensors (or on arrays, which become tensors)."""
        specs = specs_of(type(self))
        args, kwargs = self._bind(args, kwargs)
        backend = self._backend_for(args, kwargs)
        args = tuple(self._as_tensors(backend, a) for a in args)
        kwargs = {k: self._as_tensors(backend, v) if has_tensor(v) else v for k, v in kwargs.items()}
        known = {**dict(zip(specs.names, args, strict=False)), **kwargs}
        training = kwargs.pop("training", None) if "training" in kwargs else None
        if training is None:
            training = scope.training()
        if training is None:
            training = specs.unsaid
        if self.input_spec is not None and args:
            self._check(args[0])
        if not self.built:
            try:
                with backend_registry.using(backend), scope.name_scope(self.name, self):
                    self._maybe_build(known)
            except ValueError as error:
                raise self._explained(error, args) from error
        if self._state.called_with is None:
            self._state.called_with = tuple(mapped(_symbol_of, a) for a in args)
        kwargs, previous = self._with_masks(specs, known, kwargs, lambda t: getattr(t, "_keras_mask", None))
        outermost = not scope.state.calls
        if outermost:
            self._clear_losses()
        try:
            out = self._invoke(backend, args, kwargs, training)
        except ValueError as error:
            raise self._explained(error, args) from error
        self._mask_outputs(out, args, kwargs, previous)
        return out

    def _invoke(self, backend: Any, args: tuple, kwargs: dict, training: bool | None) -> Any:
        """Runs the layer on tensors of `backend`, masks being explicit arguments.

        Its native lowering does that where there is one, unless other values stand in for those of the variables.
        """
        if self._state.caught_up != weighted.alterations:
            self._catch_up()
        runner = None if scope.state.values else self._state.runners.get(backend.name, self)
        if runner is self:
            runner = self._state.runners[backend.name] = backend.runner(self)
        if self._remat is None:
            return self._run_by(runner, backend, args, kwargs, training)
        run = self.rematerialized_call(lambda *a: self._run_by(runner, backend, a, kwargs, training), *args, **kwargs)
        return run(*args)

    def stateless_call(self, trainable_variables, non_trainable_variables, *args, return_losses=False, **kwargs):
        """A call with values given for all variables; these stay as they are.

        Args:
            trainable_variables, non_trainable_variables: A tensor for each variable in the layer's lists of these names.
            *args, **kwargs: What the layer is called on.
            return_losses: Whether the losses that the call adds are returned too.

        Returns:
            The outputs, the values that the non-trainable variables would have now, and the losses if asked for.

        Raises:
            ValueError: If the layer is not built, or there are more or fewer values than variables.
        """
        from kerastorch.scopes import StatelessScope

        kind = type(self).__name__
        if not self.built:
            raise NotBuilt(f"To call stateless_call, {kind} must be built: call {self.name!r} on data, or build it, first")
        pairs = []
        for name, given in (("trainable_variables", trainable_variables), ("non_trainable_variables", non_trainable_variables)):
            variables, given = getattr(self, name), list(given)
            if len(given) != len(variables):
                raise ValueError(f"stateless_call: Argument `{name}` must be a list of tensors corresponding 1:1 to "
                                 f"{kind}().{name}, which are {len(variables)}; it has {len(given)}")  # fmt: skip
            pairs += zip(variables, given, strict=True)
        with StatelessScope(state_mapping=pairs) as values:
            outputs = self(*args, **kwargs)
            losses = self.losses if return_losses else []
            self._clear_losses()
        after = [values.get_current_value(v) for v in self.non_trainable_variables]
        return (outputs, after, losses) if return_losses else (outputs, after)

    def add_metric(self, *args, **kwargs):
        """Was how layers reported metrics in Keras 2; Keras 3 has no such thing.

        Raises:
            NotImplementedError: Always, with what to do instead.
        """
        raise NotImplementedError(f"{type(self).__name__}.add_metric() is deprecated: give the metric to compile(metrics=[...]), "
                                  "or keep it as an attribute of the layer and call its update_state()")  # fmt: skip

    def _output_tensors(self, args: tuple, kwargs: dict) -> list[KerasTensor]:
        """KerasTensors like what a call on such tensors gives."""
        args = tuple(mapped(_symbol_of, a) for a in args)
        kwargs = {k: mapped(_symbol_of, v) for k, v in kwargs.items()}
        with scope.symbolic():
            return tensors_in(self._output_spec(args, kwargs))

    def _run_by(self, runner: Callable | None, backend: Any, args: tuple, kwargs: dict, training: bool | None) -> Any:
        if runner is None:
            return self._run_python(backend, args, kwargs, training)
        scope.state.calls.append(scope.Call(self, training))
        try:
            return runner(*args, training=training, **kwargs)
        finally:
            scope.state.calls.pop()

    def _run_python(self, backend: Any, args: tuple, kwargs: dict, training: bool | None) -> Any:
        """Runs `call` on tensors of `backend`."""
        if specs_of(type(self)).training:
            kwargs = {**kwargs, "training": training}
        scope.state.calls.append(scope.Call(self, training))
        try:
            with backend_registry.using(backend), scope.autocast(self._autocast_dtype):
                out = self.call(*self._cast_inputs(backend, args), **kwargs)
            if self.activity_regularizer is not None:
                for x in tree.leaves(out):
                    batch = ops.maximum(ops.cast(ops.shape(x)[0], "float32"), 1.0)
                    self.add_loss(ops.divide(self.activity_regularizer(x), batch))
            return out
        finally:
            scope.state.calls.pop()

    def _record_casts(self, args: tuple) -> tuple:
        """The arguments with recorded floats cast to the compute dtype, as `_cast_inputs` does when running."""
        dtype = self._autocast_dtype
        if dtype is None or not self.autocast:
            return args

        def cast(t: Any) -> Any:
            wrong = isinstance(t, KerasTensor) and t.dtype != dtype and dtypes.is_float(t.dtype)
            return ops.cast(t, dtype) if wrong else t

        return tuple(mapped(cast, a) for a in args)

    def _backend_for(self, args: tuple, kwargs: dict) -> Any:
        home = self._home_backend()
        if home is not None:
            return home
        for a in (*args, *kwargs.values()):
            for x in tree.leaves(a) if isinstance(a, list | tuple | dict) else (a,):
                found = backend_registry.of(x)
                if found is not None:
                    return found
        return backend_registry.active()

    def _home_backend(self) -> Any:
        """The backend on which the layer's weights live; None while they are on the host."""
        known = self._state.anchor
        if known is None or known.backend is None:
            known = next((v for layer in self._flatten_layers() for v in layer._state.weights if v.backend is not None), None)
            self._state.anchor = known
        return None if known is None else known.backend

    def _as_tensors(self, backend: Any, value: Any) -> Any:
        """An argument with what can be tensors of `backend` made such."""
        return as_tensors(backend, value)

    def _cast_inputs(self, backend: Any, args: tuple) -> tuple:
        dtype = self._autocast_dtype
        if dtype is None or not self.autocast:
            return args

        def cast(x: Any) -> Any:
            if backend.is_tensor(x):
                have = backend.dtype(x)
                if have != dtype and dtypes.is_float(have):
                    return backend.cast(x, dtype)
            return x

        return tuple(tree.map_structure(cast, a) if isinstance(a, list | tuple | dict) else cast(a) for a in args)

    def _input_dtype(self, dtype: str) -> str:
        return self._autocast_dtype if self.autocast and self._autocast_dtype and dtypes.is_float(dtype) else dtype

    @property
    def _autocast_dtype(self) -> str | None:
        return self.compute_dtype if self.autocast and dtypes.is_float(self.compute_dtype) else None

    def _check(self, inputs: Any) -> None:
        try:
            spec.check(self, self.input_spec, inputs, shape_of)
        except LayerError as error:
            raise LayerError(f"{error}{self._configured()}{at(user_line())}") from None

    def _configured(self) -> str:
        """How the layer is configured, for the end of a message."""
        config = fields.shown(self)
        return f" (configured with {config})" if config else ""

    # ---------------------------------------------------------------- masks

    def _with_masks(self, specs: CallSpec, known: dict, kwargs: dict, mask_of: Callable) -> tuple[dict, Any]:
        """The keywords with masks found on the inputs filled in, and the mask of the first input (a nest like it)."""
        previous = None
        first = known.get(specs.first) if specs.first else None
        if first is not None:
            previous = mapped(mask_of, first)
            if not isinstance(previous, list | tuple | dict) or any(m is not None for m in tree.leaves(previous)):
                # As in Keras, `mask` is filled in for a layer of one argument only; for others it would not say whose mask it is.
                if specs.mask and kwargs.get("mask") is None and previous is not None and sum(map(has_tensor, known.values())) == 1:
                    kwargs = {**kwargs, "mask": previous}
            else:
                previous = None
        for name in specs.masks:
            if kwargs.get(name) is None and name != "mask" and known.get(name) is None:
                mask = mapped(mask_of, known.get(name[:-5])) if known.get(name[:-5]) is not None else None
                if mask is not None and not isinstance(mask, list | tuple | dict):
                    kwargs = {**kwargs, name: mask}
        given = kwargs.get("mask") if specs.mask else None
        return kwargs, given if given is not None else previous

    def _mask_outputs(self, out: Any, args: tuple, kwargs: dict, previous: Any) -> None:
        cls = type(self)
        overridden = cls.compute_mask is not Layer.compute_mask
        if not overridden and previous is None:
            return
        if not self.supports_masking and not overridden:
            if previous is not None and not isinstance(self, MASK_ENDS):
                warnings.warn(f"layer {self.name!r} ({cls.__name__}) does not support masking; the mask of its input ends here",
                              stacklevel=4)  # fmt: skip
            return
        asked = parameters_of(cls.compute_mask)[2:]
        masks = self.compute_mask(args[0], previous, **{k: v for k, v in kwargs.items() if k in asked})
        if masks is None:
            return
        outs = out if isinstance(out, list | tuple) else [out]
        masks = masks if isinstance(masks, list | tuple) and isinstance(out, list | tuple) else [masks] * (1 if outs else 0)
        for x, mask in zip(outs, masks, strict=False):
            if mask is not None:
                if isinstance(x, KerasTensor):
                    x.mask = mask
                else:
                    x._keras_mask = mask

    # ---------------------------------------------------------------- building

    def _maybe_build(self, known: dict[str, Any]) -> None:
        if self.built:
            return
        shapes = {k: mapped(shape_of, v) for k, v in known.items() if has_tensor(v)}
        parameters = [p for p in parameters_of(type(self).build) if p not in ("args", "kwargs")]
        specs = specs_of(type(self))
        if len(parameters) > 1 and not specs.open_ended:
            for p in parameters:
                wrong = ""
                if not p.endswith("_shape"):
                    wrong = f"argument `{p}`, which does not end in `_shape`"
                elif p.removesuffix("_shape") not in specs.every:
                    wrong = f"argument `{p}`, but `call()` does not have argument `{p.removesuffix('_shape')}`"
                if wrong:
                    raise LayerError(f"layer {self.name!r}: {type(self).__name__}.build() has {wrong}; where it has more than one, "
                                     f"they are the shapes of call()'s arguments {', '.join(specs.names)}")  # fmt: skip
        if type(self).build is Layer.build:
            self._state.path = scope.path_prefix()[:-1]
            self.build(None)
        elif len(parameters) == 1 or not any(f"{k}_shape" in parameters for k in shapes):
            first = shapes.get(specs.first, next(iter(shapes.values()), None))
            self.build(first)
            self._state.build_shapes = {"input_shape": first}
        else:
            named = {f"{k}_shape": v for k, v in shapes.items() if f"{k}_shape" in parameters}
            self.build(**named)
            self._state.build_shapes = {"shapes_dict": named} if len(named) > 1 else {"input_shape": next(iter(named.values()))}
        self.built = True
        if self._state.initial_weights is not None:
            given, self._state.initial_weights = self._state.initial_weights, None
            self.set_weights(given)

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes that the layer was built with."""
        shapes = self._state.build_shapes
        return dict(shapes) if shapes else None

    def build_from_config(self, config) -> None:
        """Builds the layer with the shapes that `get_build_config` gave."""
        with scope.name_scope(self.name, self):
            if "shapes_dict" in config:
                self.build(**{k: tree_of_shapes(v) for k, v in config["shapes_dict"].items()})
            elif config.get("input_shape") is not None:
                self.build(tree_of_shapes(config["input_shape"]))
        self.built = True
        self._state.build_shapes = {k: tree_of_shapes(v) for k, v in config.items()}

    # ---------------------------------------------------------------- attributes

    @property
    def name(self) -> str:
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        self._name = value

    @property
    def path(self) -> str:
        """The name with those of the layers in which this one was built; before that, of those around it now."""
        return self._state.path or scope.path_prefix() + self.name

    dtype_policy = property(lambda self: self._dtype_policy)
    _policy = property(lambda self: self._dtype_policy.of(self))  # the one that holds for this layer, of those in a map
    compute_dtype = property(lambda self: self._dtype_policy.of(self).compute_dtype)
    variable_dtype = property(lambda self: self._dtype_policy.of(self).variable_dtype)
    dtype = variable_dtype
    input_dtype = compute_dtype
    inbound_nodes = property(lambda self: self._state.nodes)

    @dtype_policy.setter
    def dtype_policy(self, value):
        policy = dtype_policies.get(value)
        mode = policy.of(self).quantization_mode
        if self.built and mode is not None and mode != self.quantization_mode:
            if mode in ("gptq", "awq"):
                raise ValueError(f"layer {self.name!r}: Implicitly enabling {mode.upper()} quantization by setting `dtype_policy` "
                                 "is not supported, since it needs data; call quantize of the model")  # fmt: skip
            self._quantize_for(policy.of(self))
            return
        self._dtype_policy = policy

    def _quantize_for(self, policy: Any) -> None:
        self.quantize(policy.quantization_mode)
        self._dtype_policy = policy

    quantization_mode = property(lambda self: self._policy.quantization_mode)

    def quantize(self, mode=None, type_check=True, config=None):
        """Replaces the weights by quantized ones, where the class of the layer knows how.

        Args:
            mode: "int8", "int4", "float8", "gptq" or "awq".
            type_check: Whether subclasses of a class that knows how are refused.
            config: Configuration of the quantization, in place of `mode`.
        """
        raise NotImplementedError(f"Layer {type(self).__name__} does not have a `quantize` method implemented.")

    def quantized_build(self, input_shape, mode):
        """Creates the weights for a quantization mode."""
        raise NotImplementedError(f"the layer class {type(self).__name__} does not have a `quantized_build` method implemented.")

    def _first_node(self, what: str) -> Node:
        nodes = self._state.nodes
        if not nodes:
            raise AttributeError(f"layer {self.name!r} has no {what}: it was never called on KerasTensors")
        return nodes[0]

    @property
    def input(self) -> Any:
        """The KerasTensors of the layer's first recorded call."""
        node = self._first_node("input")
        if not node.args:
            return node.structure
        return node.args[0]

    @property
    def output(self) -> Any:
        """The output KerasTensors of the layer's first recorded call."""
        return self._first_node("output").structure

    @property
    def input_shape(self) -> Any:
        """The shape of `input`."""
        return mapped(shape_of, self.input)

    @property
    def output_shape(self) -> Any:
        """The shape of `output`."""
        return mapped(shape_of, self.output)

    def __getattr__(self, name: str) -> Any:
        """What the framework's own modules offer (torch's `parameters`, `state_dict`, `to`) is found there."""
        own = inspect.getattr_static(type(self), name, None)
        if isinstance(own, property):  # it raised an AttributeError, which says more than one made here
            return own.fget(self)
        if not name.startswith("_") and "_name" in self.__dict__:
            backend = self._home_backend() or backend_registry.at_hand()
            if backend is not None and name in backend.layer_attributes:
                return getattr(backend.module(self), name)
            from kerastorch.legacy.methods import old_method

            old = old_method(self, name)
            if old is not None:
                return old
        raise AttributeError(f"{type(self).__name__} {self.__dict__.get('_name', '')!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if callable(value) and not isinstance(value, Layer):
            value = backend_registry.module_layer(value) or value
        if isinstance(value, HOLDING):
            changed()
        object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


HOLDING = (Layer, Variable, *NESTS)  # attributes of these kinds are, or may hold, layers and weights
MASK_ENDS: tuple[type, ...] = ()  # layers at which a mask ends by their nature


class _Scratch(dict):
    """Takes the assignments made while a call is only tried out."""

    collects = True


def _symbol_of(x: Any) -> Any:
    """A KerasTensor like a tensor, for any number of samples; other values as they are."""
    if backend_registry.of(x) is None:
        return x
    return KerasTensor((None, *shape_of(x)[1:]), dtype_of(x))


def _building(build: Callable) -> Callable:
    """A class's `build` that marks the layer as built when called by hand."""
    if getattr(build, "wrapped", False):
        return build

    names = parameters_of(build)

    def building(self, *args, **kwargs):
        first = self._state.build_shapes is None
        with scope.name_scope(self.name, self) as here:
            self._state.path = here.path[:-1]
            build(self, *args, **kwargs)
        self.built = True
        shapes = {k: v for k, v in {**dict(zip(names, args, strict=False)), **kwargs}.items() if v is not None}
        if first and (shapes or not (args or kwargs)):  # a layer that needs no shapes is built again without any
            one = len(shapes) == 1
            self._state.build_shapes = {"input_shape": next(iter(shapes.values()))} if one else {"shapes_dict": shapes}

    building.__wrapped__ = build  # type: ignore[attr-defined]
    building.wrapped = True  # type: ignore[attr-defined]
    building.__name__, building.__doc__, building.__qualname__ = build.__name__, build.__doc__, build.__qualname__
    return building
