"""The TensorFlow backend: its tables, and the verbs that run them."""

import functools
from typing import Any

from kerastorch.backend_registry import Backend
from kerastorch.backends.tensorflow import framework as framework  # first
from kerastorch.backends.tensorflow import homes, tensors
from kerastorch.backends.tensorflow import sparse as sparse_
from kerastorch.backends.tensorflow.ops import SCALARS, TABLE, TRAILING_SCALARS, WIDER


class TensorflowBackend(Backend):
    """Runs kerastorch on TensorFlow."""

    name = "tensorflow"
    packages = ("tensorflow",)
    ops = TABLE
    scalars = frozenset(SCALARS)
    trailing_scalars = frozenset(TRAILING_SCALARS)
    wider_for = WIDER
    readers = tensors.READERS
    also_holds = frozenset(("text", "sparse", "ragged"))
    sparse_kinds = sparse_.KINDS
    traces = True
    variable_attributes = frozenset(("handle", "_should_act_as_resource_variable", "_shared_name", "device"))

    is_tensor = staticmethod(tensors.is_tensor)
    is_constant = staticmethod(tensors.is_constant)
    convert = staticmethod(tensors.convert)
    cast = staticmethod(tensors.cast)
    numpy = staticmethod(tensors.numpy)
    dtype = staticmethod(tensors.dtype)
    shape = staticmethod(tensors.shape)
    devices = staticmethod(tensors.devices)
    current_device = staticmethod(tensors.current_device)
    on_device = staticmethod(tensors.on_device)
    seed = staticmethod(tensors.seed)
    no_gradient = staticmethod(tensors.no_gradient)
    gather = staticmethod(tensors.gather)
    sparse = staticmethod(tensors.sparse)
    joined = staticmethod(tensors.joined)
    on_sparse = staticmethod(sparse_.on_sparse)

    # What runs layers is imported when the first one runs: ops alone do not need it.

    @functools.cached_property
    def layers(self) -> Any:  # type: ignore[override]
        from kerastorch.backends.tensorflow.layers import LAYERS

        return LAYERS

    def tracing(self) -> bool:
        return tensors.tracing()

    @functools.cached_property
    def host(self) -> Any:  # type: ignore[override]
        from kerastorch.backends.tensorflow.text import HOST

        return HOST

    @functools.cached_property
    def foreign(self) -> Any:  # type: ignore[override]
        from kerastorch.backends.tensorflow import foreign

        return foreign

    @functools.cached_property
    def exports(self) -> Any:  # type: ignore[override]
        from kerastorch.backends.tensorflow import saved_models

        return saved_models.EXPORTS

    @functools.cached_property
    def archive(self) -> Any:  # type: ignore[override]
        from kerastorch.backends.tensorflow import saved_models

        return saved_models.ExportArchive

    @functools.cached_property
    def datasets(self) -> Any:  # type: ignore[override]
        from kerastorch.backends.tensorflow import datasets

        return datasets

    def adopt(self, variable: Any) -> None:
        homes.adopt(self, variable)

    def variable(self, own: Any) -> Any:
        return homes.around(self, own)

    def with_gradient(self, variable: Any, value: Any) -> Any:
        """The tf.Variable itself, as in Keras, unless it is read in another dtype."""
        own = variable.home.variable
        return own if value.dtype == own.dtype else value

    def value_and_gradients(self, function: Any, variables: Any) -> tuple[Any, list[Any]]:
        from kerastorch.backends.tensorflow import running

        return running.value_and_gradients(self, function, variables)

    def updates(self, optimizer: Any, variables: Any) -> Any:
        from kerastorch.backends.tensorflow import running

        return running.DenseUpdates(optimizer, variables)

    def remat(self, function: Any) -> Any:
        import tensorflow as tf

        return tf.recompute_grad(function)

    def profile(self, folder: str) -> Any:
        import tensorflow as tf

        return tf.profiler.experimental.Profile(folder)

    def runner(self, layer: Any) -> Any:
        from kerastorch.backends.tensorflow import running

        return running.runner(self, layer)

    def lower(self, model: Any, adopt: bool = False) -> Any:
        from kerastorch.backends.tensorflow import lowering

        return lowering.lower(self, model, adopt)

    def steps(self, model: Any) -> Any:
        from kerastorch.backends.tensorflow.steps import TensorflowSteps

        return TensorflowSteps(self, model)


backend = TensorflowBackend()
"""The one instance."""

from kerastorch.backends.tensorflow import calls  # noqa: E402  (TensorFlow comes in by `framework`, in its own way)

calls.start()
