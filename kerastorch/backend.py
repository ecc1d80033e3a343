"""The public part of what Keras calls its backend: defaults, names, and the session that old scripts clear."""

from kerastorch import backend_registry, dtypes
from kerastorch.dtypes import epsilon as epsilon
from kerastorch.dtypes import floatx as floatx
from kerastorch.dtypes import set_epsilon as set_epsilon
from kerastorch.dtypes import set_floatx as set_floatx
from kerastorch.graph import is_keras_tensor as is_keras_tensor
from kerastorch.lazy import attach_past
from kerastorch.scope import get_uid as get_uid
from kerastorch.scope import image_data_format as image_data_format
from kerastorch.scope import name_scope as name_scope
from kerastorch.scope import set_image_data_format as set_image_data_format
from kerastorch.utils.session import clear_session as clear_session

__getattr__ = attach_past(__name__)


def backend() -> str:
    """The name of the default backend."""
    return backend_registry.default_name()


def result_type(*dtypes_) -> str:
    """The dtype in which operands of the given dtypes (None and Python types are weak) are computed together."""
    weak = {None: "float", float: "float", int: "int", bool: "bool"}
    return dtypes.promote(*(weak[d] if d in weak else dtypes.standardize(d) for d in dtypes_ or (None,)))


def standardize_dtype(dtype) -> str:
    """The name of a dtype given as a string, a Python type, or a numpy, torch or TensorFlow dtype.

    Args:
        dtype: What names the dtype; None is the default floating one.

    Raises:
        ValueError: For what names no dtype.
    """
    return dtypes.standardize(dtype)


def is_float_dtype(dtype) -> bool:
    """Whether a dtype, given as for `standardize_dtype`, is a real floating one."""
    return dtypes.is_float(dtypes.standardize(dtype))


def is_int_dtype(dtype) -> bool:
    """Whether a dtype, given as for `standardize_dtype`, is an integer one; bool is not."""
    return dtypes.is_integer(dtypes.standardize(dtype))
