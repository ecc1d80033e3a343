"""JAX functions and Flax modules as layers."""

import importlib
import importlib.util
import inspect

from kerastorch import backend_registry, fields, random, scope
from kerastorch.errors import BackendNotInstalled, LayerError, NotLowerable
from kerastorch.fields import declare
from kerastorch.layers.base import Layer
from kerastorch.layers.structures import tensors_of_shapes
from kerastorch.saving.objects import deserialize_keras_object, serialize_keras_object

OF_CALL = ("params", "state", "rng", "inputs", "training")
OF_INIT = ("rng", "inputs", "training")
FUNCTION = fields.Field(
    lambda v: deserialize_keras_object(v) if isinstance(v, dict) else v,
    lambda v: None if v is None else serialize_keras_object(v),
)


def _need(package, what):
    if importlib.util.find_spec(package) is None:
        raise BackendNotInstalled(f"{what} needs the package {package}, which is not installed: pip install {package}")


@declare(hidden=("params", "state"))
class JaxLayer(Layer):
    """A layer that runs a JAX function, on TensorFlow by jax2tf. It needs the packages jax and tensorflow.

    Args:
        call_fn: Function of some of `params`, `state`, `rng`, `inputs` and `training`, by these names in any order. It gives the
            outputs, or with `state` the outputs and the new state.
        init_fn: Function of some of `rng`, `inputs` and `training` that gives the first `params`, or `(params, state)`.
        params: Pytree of the first trainable weights, in place of `init_fn`.
        state: Pytree of the first state, which `call_fn` changes.
        seed: Seed of `rng`.
        native_serialization_platforms: Platforms for which an export is made, as jax2tf takes them.

    Raises:
        ValueError: If a function takes other arguments or no inputs, or there is nothing to begin with.
    """

    call_fn: FUNCTION
    init_fn: FUNCTION = None
    params: fields.PLAIN = None
    state: fields.PLAIN = None
    seed: int | None = None
    native_serialization_platforms: fields.PLAIN = None

    calls_user_code = True

    def __post_init__(self):
        _need("jax", type(self).__name__)
        self._takes = _checked("call_fn", self.call_fn, OF_CALL)
        self._starts = _checked("init_fn", self.init_fn, OF_INIT) if self.init_fn is not None else []
        wanted = {"params", "state"} & set(self._takes)
        if self.init_fn is None and wanted and self.params is None and self.state is None:
            raise ValueError(f"{type(self).__name__}: call_fn takes {', '.join(sorted(wanted))}, so one of init_fn, params and "
                             "state must be given")  # fmt: skip
        if "rng" in (*self._takes, *self._starts):
            self.seed_generator = random.SeedGenerator(self.seed)
        if self.init_fn is None or self.params is not None or self.state is not None:
            self._keep(self.params, self.state)
            self.built = True

    def get_config(self):
        return {k: v for k, v in self.declared_config().items() if k not in ("params", "state", "seed")}

    def _keep(self, params, state):
        """Makes variables of the numbers and arrays in two pytrees."""
        self.params, self.state = self._variables(params, True), self._variables(state, False)

    def _variables(self, nest, trainable):
        leaves, structure = self._foreign.flatten(nest)

        def variable(value):
            import numpy as np

            if isinstance(value, str | bytes):
                return value
            value = np.asarray(value)
            dtype = self.variable_dtype if trainable and value.dtype.kind == "f" else value.dtype
            return self.add_weight(value.shape, lambda shape, dtype: value, dtype=dtype, trainable=trainable, name="variable")

        return structure.unflatten([variable(x) for x in leaves])

    @property
    def _foreign(self):
        return importlib.import_module("kerastorch.backends.jax")

    def build(self, input_shape):
        inputs = tensors_of_shapes(input_shape, self.compute_dtype)
        seed = self.seed_generator.draw()[0] if "rng" in self._starts else 0
        made = self._foreign.initial(self.init_fn, inputs, seed, **({"training": True} if "training" in self._starts else {}))
        self._keep(*(made if "state" in self._takes else (made, None)))

    def call(self, inputs, training=False):
        if scope.is_symbolic():
            raise NotLowerable(f"layer {self.name!r} ({type(self).__name__}) runs JAX by TensorFlow, so its model must run there: "
                               "compile(..., backend='tensorflow')")  # fmt: skip
        foreign, backend = self._foreign, backend_registry.get("tensorflow")
        held = {name: foreign.flatten(getattr(self, name)) for name in ("params", "state")}
        values = {name: [v.tensor(backend) for v in leaves] for name, (leaves, _) in held.items()}
        words = list(self.seed_generator.words()) if "rng" in self._takes else []

        def run(params, state, words, inputs):
            known = {"params": held["params"][1].unflatten(params), "state": held["state"][1].unflatten(state), "inputs": inputs,
                     "training": bool(training), "rng": foreign.key(words) if words else None}  # fmt: skip
            out = self.call_fn(**{name: known[name] for name in self._takes})
            if "state" not in self._takes:
                return out, []
            out, after = out
            leaves, structure = foreign.flatten(after)
            before = held["state"][1]
            if structure != before and (leaves or state):
                raise LayerError(f"layer {self.name!r} (JaxLayer): call_fn gave a state of the structure {structure}, where the "
                                 f"one that it was given has {before}")  # fmt: skip
            return out, leaves

        arguments = (values["params"], values["state"], words, inputs)
        out, after = foreign.convert(run, arguments, self.native_serialization_platforms)(*arguments)
        for variable, value in zip(held["state"][0], after, strict=True):
            variable.assign(value)
        return out

    def compute_output_spec(self, *args, **kwargs):
        with backend_registry.using("tensorflow"):
            return self._spec_by_zeros(args, {**kwargs, "training": False}, None)

    def _backend_for(self, args, kwargs):
        return backend_registry.get("tensorflow")


def _checked(name, function, allowed):
    """The names of a function's arguments, which must be some of those allowed and `inputs` among them."""
    names = list(inspect.signature(function).parameters)
    if "inputs" not in names:
        raise ValueError(f"JaxLayer: `{name}` must take an argument `inputs`, but takes {', '.join(names)}")
    for other in names:
        if other not in allowed:
            raise ValueError(f"JaxLayer: `{name}` takes an argument `{other}`, which is none of {', '.join(allowed)}")
    return names


def _identity(value):
    return value


@declare(order=("module", "method", "variables", "seed", "native_serialization_platforms"),
         unlisted=("seed", "native_serialization_platforms"))  # fmt: skip
class FlaxLayer(JaxLayer):
    """A layer that runs a module of Flax's linen, on TensorFlow by jax2tf. It needs jax, flax and tensorflow.

    Args:
        module: The `flax.linen.Module`.
        method: Method of the module, or function `(module, *args)`, that is applied; `__call__` where it is None. It may take
            `training`.
        variables: The module's first variables, in place of those that it starts with by itself.

    Raises:
        BackendNotInstalled: If a package is missing.
    """

    module: FUNCTION
    method: FUNCTION = None
    variables: fields.Field(_identity, attribute="_start") = None

    def __post_init__(self):
        _need("flax", "FlaxLayer")
        chosen = self.method or type(self.module).__call__
        trains = {"training"} & set(inspect.signature(chosen).parameters)
        chosen = getattr(self.method, "__func__", self.method)  # a bound method is applied to the layer's own module

        def apply(params, state, rng, inputs, training):
            given = {"training": training} if trains else {}
            found = {**({"params": params} if params else {}), **(state or {})}
            mutable = list(state) if state else False
            out = self.module.apply(found, inputs, rngs={"dropout": rng}, method=chosen, mutable=mutable, **given)
            return out if mutable else (out, state)

        def start(rng, inputs, training):
            given = {"training": training} if trains else {}
            return self._parts(self.module.init({"params": rng, "dropout": rng}, inputs, method=chosen, **given))

        self.call_fn, self.init_fn = apply, start
        self.params, self.state = self._parts(self._start) if self._start is not None else (None, None)
        super().__post_init__()

    @staticmethod
    def _parts(variables):
        """Trainable variables and all others."""
        rest = {k: v for k, v in variables.items() if k != "params"}
        return variables.get("params", {}), rest

    def get_config(self):
        return {k: v for k, v in self.declared_config().items() if k not in ("variables", "seed")}
