"""A torch module as a layer."""

from kerastorch import backend_registry, fields
from kerastorch.errors import LayerError
from kerastorch.fields import declare
from kerastorch.graph import KerasTensor
from kerastorch.layers.base import Layer
from kerastorch.saving import safety


@declare
class TorchModuleWrapper(Layer):
    """A layer that runs a torch `nn.Module`, whose parameters are its weights.

    A module is in training mode unless the layer is called with `training=False`. One that is set as an attribute of a layer or
    model while torch is the active backend is wrapped by itself.

    Args:
        module: The module. It is used as it is, not copied.
        name: Name; made from the class where it is None.
        output_shape: Shape of the output with the batch axis; found by running the module on zeros where it is None.

    Raises:
        ValueError: If `module` is no `nn.Module`.
    """

    module: fields.PLAIN
    name: fields.Base = None
    output_shape: fields.Field(lambda v: None if v is None else tuple(v), attribute="_output_shape") = None

    calls_user_code = True
    built = True

    def __post_init__(self):
        backend = backend_registry.get("torch")
        if not backend.foreign.is_module(self.module):
            raise ValueError(f"TorchModuleWrapper: argument 'module' must be a torch nn.Module, not {self.module!r}")
        self._parameters = backend.foreign.settle(backend, self.module)
        self._state.weights.extend(self._parameters.values())

    def __setattr__(self, name, value):
        if name == "module":
            object.__setattr__(self, name, value)  # for it would be wrapped once more
        else:
            super().__setattr__(name, value)

    def parameters(self, recurse=True):
        """The module's parameters; only its own, without those of modules in it, where `recurse` is False."""
        return self.module.parameters(recurse)

    def call(self, *args, training=None, **kwargs):
        home = backend_registry.get("torch")
        if any(v.backend not in (None, home) for v in self._parameters.values()):
            raise LayerError(f"layer {self.name!r} (TorchModuleWrapper) runs on torch only, but its model was moved elsewhere")
        if self.module.training != (training is not False):
            self.module.train(training is not False)
        return self.module(*args, **kwargs)

    def compute_output_shape(self, input_shape):
        return self._output_shape or super().compute_output_shape(input_shape)

    def compute_output_spec(self, *args, **kwargs):
        if self._output_shape is not None:
            return KerasTensor(self._output_shape, self.compute_dtype)
        with backend_registry.using("torch"):
            return self._spec_by_zeros(args, {**kwargs, "training": False}, None)

    def save_own_variables(self, store):
        """Writes the module's state, buffers included, under torch's names."""
        for name, value in self.module.state_dict().items():
            store[name] = backend_registry.get("torch").numpy(value)

    def load_own_variables(self, store):
        """Sets the module's state from such a mapping."""
        convert = backend_registry.get("torch").convert
        self.module.load_state_dict({name: convert(store[name][()]) for name in store})

    def get_config(self):
        """The constructor's arguments as JSON-like values; the module is a pickle of torch's in base 64."""
        config = {k: v for k, v in self.declared_config().items() if k != "module"}
        return {**config, "module": backend_registry.get("torch").foreign.dump(self.module)}

    @classmethod
    def from_config(cls, config, custom_objects=None, safe_mode=None):
        """A new layer from what `get_config` gave.

        Raises:
            ValueError: In safe mode, since reading the module may run any code.
        """
        if safety.in_safe_mode() if safe_mode is None else safe_mode:
            raise safety.refuse("holds a torch module", "torch.load would unpickle")
        return cls(**{**config, "module": backend_registry.get("torch").foreign.load(config["module"])})
