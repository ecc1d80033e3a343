"""A TensorFlow module as a layer."""

from kerastorch import backend_registry, fields
from kerastorch.errors import LayerError
from kerastorch.fields import declare
from kerastorch.layers.base import Layer


@declare
class TensorFlowModuleWrapper(Layer):
    """A layer that runs a `tf.Module`, whose variables are its weights. It runs on TensorFlow only.

    A module that is called on a KerasTensor is wrapped by itself.

    Args:
        module: The module, with a `__call__`. It is used as it is, not copied.
        name: Name; made from the class where it is None.

    Raises:
        ValueError: If `module` is no `tf.Module` that can be called.
    """

    module: fields.PLAIN
    name: fields.Base = None

    calls_user_code = True
    built = True

    def __post_init__(self):
        backend = backend_registry.get("tensorflow")
        if not backend.foreign.is_module(self.module) or not callable(self.module):
            raise ValueError(f"TensorFlowModuleWrapper: argument 'module' must be a tf.Module with a __call__, not {self.module!r}")
        self._find_weights()

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)  # the module is no layer to be found

    def _find_weights(self):
        backend = backend_registry.get("tensorflow")
        self._state.weights.extend(backend.foreign.variables_of(backend, self.module, (), True))

    def call(self, *args, **kwargs):
        home = backend_registry.get("tensorflow")
        if any(v.backend not in (None, home) for v in self._state.weights):
            raise LayerError(f"layer {self.name!r} (TensorFlowModuleWrapper) runs on TensorFlow only, but its model was moved "
                             "elsewhere")  # fmt: skip
        return self.module(*args, **kwargs)

    def compute_output_spec(self, *args, **kwargs):
        with backend_registry.using("tensorflow"):
            spec = self._spec_by_zeros(args, kwargs, None)
        if not self._state.weights:  # a module may make its variables when it is first called
            self._find_weights()
        return spec

    def get_config(self):
        """Raises NotImplementedError: a module is code, which a configuration cannot hold."""
        raise NotImplementedError(f"layer {self.name!r} is around the tf.Module {type(self.module).__name__}, which a "
                                  "configuration cannot hold: save the weights, or write a Layer with a get_config")  # fmt: skip
