"""A TensorFlow SavedModel as a layer."""

from kerastorch import backend_registry, fields
from kerastorch.fields import declare
from kerastorch.layers.base import Layer
from kerastorch.saving import safety


@declare(closed=True)
class TFSMLayer(Layer):
    """A layer that runs a SavedModel, whose variables are its weights. It needs TensorFlow, and runs on it.

    Args:
        filepath: Folder of the SavedModel.
        call_endpoint: Name of the function in it that runs: an attribute, or a signature such as "serving_default".
        call_training_endpoint: Name of the function that runs in training; the same where it is None.
        trainable: Whether the variables are updated in training.
        name, dtype: Of the layer.

    Raises:
        ValueError: If there is no such function.
    """

    filepath: str
    call_endpoint: str = "serve"
    call_training_endpoint: str | None = None
    trainable: fields.Base = True
    name: fields.Base = None
    dtype: fields.Base = None

    calls_user_code = True
    built = True

    def __post_init__(self):
        backend = backend_registry.get("tensorflow")
        self._loaded = backend.foreign.load(self.filepath)
        self._infer = self._endpoint(self.call_endpoint)
        self._train = self._endpoint(self.call_training_endpoint or self.call_endpoint)
        functions = (self._infer, self._train)
        self._state.weights.extend(backend.foreign.variables_of(backend, self._loaded, functions, self.trainable))

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)  # what was loaded is no layer to be found

    def _endpoint(self, name):
        found = getattr(self._loaded, name, None) or self._loaded.signatures.get(name)
        if found is None:
            raise ValueError(f"TFSMLayer: The endpoint '{name}' is neither an attribute nor a signature of the SavedModel in "
                             f"{self.filepath}, whose signatures are {sorted(self._loaded.signatures)}")  # fmt: skip
        return found

    def call(self, inputs, training=False, **kwargs):
        return (self._train if training else self._infer)(inputs, **kwargs)

    def compute_output_spec(self, *args, **kwargs):
        with backend_registry.using("tensorflow"):
            return self._spec_by_zeros(args, {**kwargs, "training": False}, None)

    @classmethod
    def from_config(cls, config, custom_objects=None, safe_mode=None):
        """A new layer from what `get_config` gave.

        Raises:
            ValueError: In safe mode, since the configuration names a folder whose functions would run.
        """
        if safety.in_safe_mode() if safe_mode is None else safe_mode:
            raise safety.refuse(f"names the SavedModel {config.get('filepath')!r}", "would be loaded and run")
        return cls(**config)
