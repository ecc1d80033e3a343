"""The public part of what Keras calls its backend: defaults, names, and the session that old scripts clear."""

from kerastorch import backend_registry
from kerastorch.dtypes import epsilon as epsilon
from kerastorch.dtypes import floatx as floatx
from kerastorch.dtypes import set_epsilon as set_epsilon
from kerastorch.dtypes import set_floatx as set_floatx
from kerastorch.graph import is_keras_tensor as is_keras_tensor
from kerastorch.scope import get_uid as get_uid
from kerastorch.scope import image_data_format as image_data_format
from kerastorch.scope import name_scope as name_scope
from kerastorch.scope import set_image_data_format as set_image_data_format
from kerastorch.utils.session import clear_session as clear_session


def backend() -> str:
    """The name of the default backend."""
    return backend_registry.default_name()


def result_type(*dtypes_) -> str:
    """The dtype in which operands of the given dtypes (None and Python types are weak) are computed together."""
    from kerastorch import dtypes

    weak = {None: "float", float: "float", int: "int", bool: "bool"}
    return dtypes.promote(*(weak[d] if d in weak else dtypes.standardize(d) for d in dtypes_)) if dtypes_ else "int32"
