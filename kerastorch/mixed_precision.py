"""Computing in 16 bits over float32 variables: policies, and the optimizer that scales the loss for it."""

from kerastorch.dtype_policies import DTypePolicy as DTypePolicy
from kerastorch.dtype_policies import DTypePolicy as Policy
from kerastorch.dtype_policies import dtype_policy as dtype_policy
from kerastorch.dtype_policies import dtype_policy as global_policy
from kerastorch.dtype_policies import set_dtype_policy as set_dtype_policy
from kerastorch.dtype_policies import set_dtype_policy as set_global_policy
from kerastorch.optimizers import LossScaleOptimizer as LossScaleOptimizer

__all__ = ["DTypePolicy", "LossScaleOptimizer", "Policy", "dtype_policy", "global_policy", "set_dtype_policy",
           "set_global_policy"]  # fmt: skip
