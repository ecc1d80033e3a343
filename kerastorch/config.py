"""The settings that hold for the whole process."""

from kerastorch import backend_registry, settings
from kerastorch.backend import backend as backend
from kerastorch.backend import epsilon as epsilon
from kerastorch.backend import set_epsilon as set_epsilon
from kerastorch.dtype_policies import dtype_policy as dtype_policy
from kerastorch.dtype_policies import set_dtype_policy as set_dtype_policy
from kerastorch.dtypes import floatx as floatx
from kerastorch.dtypes import set_floatx as set_floatx
from kerastorch.saving.safety import enable_unsafe_deserialization as enable_unsafe_deserialization
from kerastorch.scope import disable_flash_attention as disable_flash_attention
from kerastorch.scope import enable_flash_attention as enable_flash_attention
from kerastorch.scope import image_data_format as image_data_format
from kerastorch.scope import is_flash_attention_enabled as is_flash_attention_enabled
from kerastorch.scope import set_image_data_format as set_image_data_format
from kerastorch.utils.io import disable_interactive_logging as disable_interactive_logging
from kerastorch.utils.io import enable_interactive_logging as enable_interactive_logging
from kerastorch.utils.io import is_interactive_logging_enabled as is_interactive_logging_enabled
from kerastorch.utils.io import set_logging_verbosity as set_logging_verbosity


def set_backend(backend) -> None:
    """Makes a backend the default for what is run or lowered from now on.

    Args:
        backend: Name of the backend.

    Raises:
        ValueError: If there is no backend of that name.
    """
    backend_registry.set_default(backend)


def is_nnx_enabled() -> bool:
    """Whether layers are modules of Flax's NNX, which no backend here has."""
    return False


def enable_traceback_filtering() -> None:
    """Asks for tracebacks without frames of the package; errors name the user's own line in any case."""
    settings.traceback_filtering = True


def disable_traceback_filtering() -> None:
    """Asks for full tracebacks."""
    settings.traceback_filtering = False


def is_traceback_filtering_enabled() -> bool:
    """What was asked for by `enable_traceback_filtering` or `disable_traceback_filtering`."""
    return settings.traceback_filtering


def max_epochs() -> int | None:
    """The number of epochs after which `fit` ends in any case; None is no limit."""
    return settings.max_epochs


def set_max_epochs(max_epochs) -> None:
    """Limits the number of epochs of `fit`; None lifts the limit."""
    settings.max_epochs = max_epochs


def max_steps_per_epoch() -> int | None:
    """The number of steps after which an epoch of `fit`, `evaluate` or `predict` ends in any case; None is no limit."""
    return settings.max_steps_per_epoch


def set_max_steps_per_epoch(max_steps_per_epoch) -> None:
    """Limits the number of steps of an epoch; None lifts the limit."""
    settings.max_steps_per_epoch = max_steps_per_epoch
