"""The settings that hold for the whole process."""

from kerastorch.backend import backend as backend
from kerastorch.backend import epsilon as epsilon
from kerastorch.backend import set_epsilon as set_epsilon
from kerastorch.dtype_policies import dtype_policy as dtype_policy
from kerastorch.dtype_policies import set_dtype_policy as set_dtype_policy
from kerastorch.dtypes import floatx as floatx
from kerastorch.dtypes import set_floatx as set_floatx
from kerastorch.scope import disable_flash_attention as disable_flash_attention
from kerastorch.scope import enable_flash_attention as enable_flash_attention
from kerastorch.scope import image_data_format as image_data_format
from kerastorch.scope import is_flash_attention_enabled as is_flash_attention_enabled
from kerastorch.scope import set_image_data_format as set_image_data_format
from kerastorch.utils.io import disable_interactive_logging as disable_interactive_logging
from kerastorch.utils.io import enable_interactive_logging as enable_interactive_logging
from kerastorch.utils.io import is_interactive_logging_enabled as is_interactive_logging_enabled
from kerastorch.utils.io import set_logging_verbosity as set_logging_verbosity
