"""Dtype policies: in which dtype a layer computes, and in which it keeps its variables."""

from typing import Any

from kerastorch import dtypes

MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}


class DTypePolicy:
    """Compute and variable dtype of a layer, named by one string.

    Args:
        name: A dtype, for both, or "mixed_float16" or "mixed_bfloat16", which compute in 16 bits over float32 variables.
    """

    def __init__(self, name="float32"):
        if not isinstance(name, str):
            raise TypeError(f"DTypePolicy: name must be a string such as 'float32' or 'mixed_float16', not {name!r}")
        if name in MIXED:
            self._compute_dtype, self._variable_dtype = MIXED[name], "float32"
        else:
            try:
                self._compute_dtype = self._variable_dtype = dtypes.standardize(name)
            except ValueError as error:
                raise ValueError(f"{name!r} is no dtype policy: a dtype, mixed_float16 or mixed_bfloat16 is needed") from error
        self._name = name

    name = property(lambda self: self._name)
    compute_dtype = property(lambda self: self._compute_dtype)
    variable_dtype = property(lambda self: self._variable_dtype)
    quantization_mode = property(lambda self: None)

    def get_config(self) -> dict[str, Any]:
        """The arguments as a dictionary."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config):
        """A policy from what `get_config` gave."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.name == self.name  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self), self._name))

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


_global: DTypePolicy | None = None
_floatx_policies: dict[str, DTypePolicy] = {}


def dtype_policy() -> DTypePolicy:
    """The policy of layers that name none: the one set, else floatx."""
    if _global is not None:
        return _global
    name = dtypes.floatx()
    found = _floatx_policies.get(name)
    if found is None:
        found = _floatx_policies[name] = DTypePolicy(name)
    return found


def set_dtype_policy(policy: Any) -> None:
    """Sets the policy of layers that name none; None goes back to floatx."""
    global _global
    _global = None if policy is None else get(policy)


def serialize(dtype_policy: DTypePolicy) -> Any:
    """A policy as a configuration."""
    return {"module": "keras", "class_name": "DTypePolicy", "config": dtype_policy.get_config(), "registered_name": None}


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """A policy from a configuration."""
    from kerastorch.saving.objects import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects)


def get(identifier: Any) -> DTypePolicy:
    """A policy from None (the default one), a name, a dtype, a configuration or a policy."""
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    return DTypePolicy(identifier if isinstance(identifier, str) else dtypes.standardize(identifier))
