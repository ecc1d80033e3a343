"""Dtype policies: in which dtype a layer computes, and in which it keeps its variables.

The quantized ones only say what is asked for; carrying it out is the business of quantization.
"""

import re
from collections.abc import Iterator, MutableMapping
from typing import Any, ClassVar

from kerastorch import dtypes
from kerastorch.errors import near

__all__ = ["AWQDTypePolicy", "DTypePolicy", "DTypePolicyMap", "FloatDTypePolicy", "GPTQDTypePolicy", "Int4DTypePolicy",
           "QuantizedDTypePolicy", "QuantizedFloat8DTypePolicy", "deserialize", "get", "serialize"]  # fmt: skip
MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}


class DTypePolicy:
    """Compute and variable dtype of a layer, named by one string.

    Args:
        name: A dtype, for both, or "mixed_float16" or "mixed_bfloat16", which compute in 16 bits over float32 variables. None
            takes the name of the default policy.

    Raises:
        TypeError: If the name is no string.
        ValueError: If it names no policy.
    """

    def __init__(self, name=None):
        self._name = self._take(name)

    def _take(self, name: Any) -> str:
        """Takes the dtypes that a name stands for, and returns the name."""
        if name is None:
            name = dtype_policy().name
        if not isinstance(name, str):
            raise TypeError(f"{type(self).__name__}: 'name' must be a string such as 'float32' or 'mixed_float16', not {name!r}")
        self._compute_dtype, self._variable_dtype = _dtypes_of(name)
        return name

    name = property(lambda self: self._name, doc="The name.")
    compute_dtype = property(lambda self: self._compute_dtype, doc="The dtype of computations.")
    variable_dtype = property(lambda self: self._variable_dtype, doc="The dtype of variables.")
    quantization_mode = property(lambda self: None, doc="How weights are quantized; None where they are not.")

    def of(self, layer: Any) -> "DTypePolicy":
        """The policy for a layer that was given this one: itself, but for a map."""
        return self

    def convert_input(self, x, autocast, dtype):
        """What a layer computes with, given `x`: floating tensors, arrays and KerasTensors are cast with `autocast`.

        Args:
            x: Input of a layer.
            autocast: Whether to cast.
            dtype: The dtype to cast to.
        """
        from kerastorch import backend_registry, ops
        from kerastorch.op import dtype_of

        if not hasattr(x, "dtype"):
            return x
        if hasattr(x, "__array__") and backend_registry.of(x) is None and not hasattr(x, "node"):
            x = ops.convert_to_tensor(x)
        have = dtype_of(x)
        return ops.cast(x, dtype) if autocast and have != dtype and dtypes.is_float(have or "") else x

    def get_config(self) -> dict[str, Any]:
        """The arguments as a dictionary."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config):
        """A policy from what `get_config` gave."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        if {type(self), type(other)} <= {DTypePolicy, FloatDTypePolicy}:
            return self.name == other.name  # type: ignore[attr-defined]
        return type(self) is type(other) and self.get_config() == other.get_config()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        shown = "DTypePolicy" if type(self) is FloatDTypePolicy else type(self).__name__
        return f'<{shown} "{self.name}">'


class FloatDTypePolicy(DTypePolicy):
    """The same as `DTypePolicy`, under the name that it had."""


class QuantizedDTypePolicy(DTypePolicy):
    """A policy whose weights are quantized.

    Args:
        mode: "int8", "float8", "int4", "gptq" or "awq".
        source_name: Name of the policy in which a layer computes before it is quantized; None takes the default one.

    Raises:
        TypeError: If a name is no string.
        ValueError: If there is no such mode, or int8 is asked for over float16, whose range is too small for it.
    """

    numbers: ClassVar[dict[str, tuple[int, ...] | None]] = {}  # what follows the mode, as "/4/128", and what it may be

    def __init__(self, mode, source_name=None):
        kind, *values = mode.split("/") if self.numbers and isinstance(mode, str) else (mode,)
        if kind not in QUANTIZATION_MODES:
            raise ValueError(f"{type(self).__name__}: Invalid quantization mode. {mode!r} is none of "
                             f"{', '.join(QUANTIZATION_MODES)}.{near(str(kind), QUANTIZATION_MODES)}")  # fmt: skip
        for name, value in self._numbers(mode, kind, values).items():
            setattr(self, name, value)
        source_name = self._take(source_name)
        if kind == "int8" and self._compute_dtype == "float16":
            raise ValueError(f"{type(self).__name__}: mode {mode!r} doesn't work well with the compute dtype float16 of "
                             f"{source_name!r}; take bfloat16 or float32")  # fmt: skip
        self.mode, self._full_mode, self._source_name = kind, mode, source_name
        self._name = f"{mode}_from_{source_name}"

    def _numbers(self, mode: str, kind: str, values: list[str]) -> dict[str, int]:
        """The numbers that follow the mode, by name."""
        form = "/".join((type(self).modes[0], *(f"<{n}>" for n in self.numbers)))
        if kind not in type(self).modes or len(values) != len(self.numbers) or not all(re.fullmatch(r"-?\d+", v) for v in values):
            raise ValueError(f"{type(self).__name__}: Invalid mode {mode!r}: {form} with integers is needed")
        found = dict(zip(self.numbers, map(int, values), strict=True))
        for name, value in found.items():
            allowed = self.numbers[name]
            if allowed == (4,) and value != 4:
                raise ValueError(f"{type(self).__name__}: Invalid mode {mode!r}: it only supports 4-bit weights")
            if value not in allowed if allowed else value < -1 or value == 0:
                raise ValueError(f"{type(self).__name__}: Invalid mode {mode!r}: {name} must be "
                                 f"{f'one of {allowed}' if allowed else '-1 (per channel) or positive'}, not {value}")  # fmt: skip
        return found

    quantization_mode = property(lambda self: self.mode, doc="How weights are quantized.")

    def get_config(self) -> dict[str, Any]:
        """The arguments as a dictionary."""
        return {"mode": self._full_mode, "source_name": self._source_name}


class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """A policy whose weights and inputs are scaled to float8, by the largest values seen lately.

    Args:
        mode: "float8".
        source_name: Name of the policy in which a layer computes before it is quantized; None takes the default one.
        amax_history_length: How many steps back the largest values are remembered.
    """

    default_amax_history_length = 1024

    def __init__(self, mode, source_name=None, amax_history_length=1024):
        super().__init__(mode, source_name)
        if not isinstance(amax_history_length, int):
            raise TypeError(f"{type(self).__name__}: `amax_history_length` must be an integer. It was {amax_history_length!r}")
        self.amax_history_length = amax_history_length

    def get_config(self) -> dict[str, Any]:
        """The arguments as a dictionary."""
        return {**super().get_config(), "amax_history_length": self.amax_history_length}


class Int4DTypePolicy(QuantizedDTypePolicy):
    """A policy whose weights are quantized to 4 bits in blocks.

    Args:
        mode: "int4/<block_size>"; a block size of -1 is a scale per channel.
        source_name: Name of the policy in which a layer computes before it is quantized; None takes the default one.
    """

    modes = ("int4",)
    numbers = {"block_size": None}


class GPTQDTypePolicy(QuantizedDTypePolicy):
    """A policy whose weights are quantized by GPTQ (Frantar et al., 2022).

    Args:
        mode: "gptq/<weight_bits>/<group_size>"; a group size of -1 is a scale per channel.
        source_name: Name of the policy in which a layer computes before it is quantized; None takes the default one.
    """

    modes = ("gptq",)
    numbers = {"weight_bits": (2, 3, 4, 8), "group_size": None}


class AWQDTypePolicy(QuantizedDTypePolicy):
    """A policy whose weights are quantized by AWQ (Lin et al., 2023).

    Args:
        mode: "awq/4/<group_size>"; a group size of -1 is a scale per channel.
        source_name: Name of the policy in which a layer computes before it is quantized; None takes the default one.
    """

    modes = ("awq",)
    numbers = {"weight_bits": (4,), "group_size": None}


# By mode: the class of its policies where numbers follow the mode, or where the mode is all.
QUANTIZATION_MODES: dict[str, tuple[type[QuantizedDTypePolicy], type[QuantizedDTypePolicy]]] = {
    "int8": (QuantizedDTypePolicy, QuantizedDTypePolicy),
    "float8": (QuantizedFloat8DTypePolicy, QuantizedFloat8DTypePolicy),
    "int4": (Int4DTypePolicy, QuantizedDTypePolicy),
    "gptq": (GPTQDTypePolicy, GPTQDTypePolicy),
    "awq": (AWQDTypePolicy, AWQDTypePolicy),
}
QuantizedDTypePolicy.modes = tuple(QUANTIZATION_MODES)


class DTypePolicyMap(DTypePolicy, MutableMapping):
    """Policies by the paths of layers, for layers whose sublayers differ.

    A path that is no key itself takes the policy of the only key that matches all of it as a regular expression, else the
    default policy.

    Args:
        default_policy: Policy or its name; None follows the global default.
        policy_map: Dictionary from path, or regular expression, to policy.

    Raises:
        TypeError: If `policy_map` is no dictionary.
        ValueError: If the default is a map itself.
    """

    def __init__(self, default_policy=None, policy_map=None):
        if isinstance(default_policy, DTypePolicyMap):
            raise ValueError("DTypePolicyMap: the default policy cannot be a map")
        if policy_map is not None and not isinstance(policy_map, dict):
            raise TypeError(f"DTypePolicyMap: If specified, `policy_map` must be a dict. It was {policy_map!r}")
        self._given, self._default = default_policy, get(default_policy)
        self._policies: dict[str, DTypePolicy] = policy_map or {}

    default_policy = property(lambda self: self._default, doc="The policy of layers that no key is for.")
    name = property(lambda self: f"map_{self._default.name}", doc="A name made from that of the default policy.")
    compute_dtype = property(lambda self: self._default.compute_dtype, doc="The dtype of computations.")
    variable_dtype = property(lambda self: self._default.variable_dtype, doc="The dtype of variables.")
    quantization_mode = property(lambda self: self._default.quantization_mode, doc="How weights are quantized.")

    def of(self, layer: Any) -> DTypePolicy:
        """The policy for a layer, by its path."""
        return get(self[layer.path])

    def __getitem__(self, key: str) -> DTypePolicy:
        if key in self._policies:
            return self._policies[key]
        matching = [k for k in self._policies if re.fullmatch(k, key)]
        if len(matching) > 1:
            raise ValueError(f"Path {key!r} matches multiple dtype policy keys of the map: {matching}; make at most one match")
        return self._policies[matching[0]] if matching else self._default

    def __setitem__(self, key: str, policy: Any) -> None:
        if key in self._policies:
            raise ValueError(f"{key} already exist in the DTypePolicyMap, as {self._policies[key]}; delete it first")
        try:
            self._policies[key] = get(policy)
        except (TypeError, ValueError) as error:
            raise ValueError(f"DTypePolicyMap: Cannot interpret the assigned value. {policy!r} is no policy: {error}") from error

    def __delitem__(self, key: str) -> None:
        del self._policies[key]

    def __contains__(self, key: object) -> bool:
        return key in self._policies

    def __len__(self) -> int:
        return len(self._policies)

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    __eq__ = MutableMapping.__eq__
    __hash__ = None  # type: ignore[assignment]

    def get_config(self) -> dict[str, Any]:
        """The arguments as a dictionary.

        Where no default was given, the policies' own names are left out too: loading then takes the default that is global there.
        """
        policies = {k: serialize(p) for k, p in self._policies.items()}
        if self._given is None:
            for described in policies.values():
                config = described["config"]
                config.update({k: None for k in ("name", "source_name") if k in config})
        return {"default_policy": self._given, "policy_map": policies}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A map from what `get_config` gave."""
        policies = {k: deserialize(v, custom_objects) for k, v in config["policy_map"].items()}
        return cls(**{**config, "policy_map": policies})

    def __repr__(self) -> str:
        mapping = [(k, p.name) for k, p in self._policies.items()]
        return f"<DTypePolicyMap default_policy={self._default.name}, mapping={mapping}>"


# ------------------------------------------------------------------------------------------------ the default, and names

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
    """Sets the policy of layers that name none.

    Raises:
        ValueError: If `policy` is neither a policy nor the name of one.
    """
    global _global
    if not isinstance(policy, str | DTypePolicy):
        raise ValueError(f"set_dtype_policy: Invalid `policy` argument. A DTypePolicy or its name is needed, not {policy!r}")
    _global = get(policy)


def serialize(dtype_policy: DTypePolicy) -> Any:
    """A policy as a configuration."""
    from kerastorch.saving.objects import serialize_keras_object

    return serialize_keras_object(dtype_policy)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """A policy from a configuration."""
    from kerastorch.saving.objects import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects)


def get(identifier: Any) -> DTypePolicy:
    """A policy from None (the default one), a name, a dtype, a configuration or a policy.

    Raises:
        ValueError: If it is none of these.
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        return _quantized(identifier) if identifier.startswith(tuple(QUANTIZATION_MODES)) else DTypePolicy(identifier)
    try:
        return DTypePolicy(dtypes.standardize(identifier))
    except ValueError as error:
        raise ValueError(f"Cannot interpret `dtype` argument. {identifier!r} is neither a dtype nor a policy") from error


def _dtypes_of(name: str) -> tuple[str, str]:
    """Compute and variable dtype of a policy by its name."""
    if name in MIXED:
        return MIXED[name], "float32"
    try:
        found = dtypes.standardize(name or "no name")
    except ValueError as error:
        raise ValueError(f"Cannot convert {name[:80]!r} to a dtype policy: a dtype, mixed_float16 or mixed_bfloat16 is "
                         f"needed.{near(name, [*MIXED, *dtypes.ALLOWED])}") from error  # fmt: skip
    return found, found


def _quantized(name: str) -> DTypePolicy:
    """The policy of a name such as "int8_from_float32"."""
    mode, *source = name.split("_from_")
    if len(source) != 1:
        raise ValueError(f"Cannot convert `policy` into a valid pair of mode and source: {name!r} is not of the form "
                         "mode_from_source, as int8_from_float32 is")  # fmt: skip
    kind, _, numbers = mode.partition("/")
    if kind not in QUANTIZATION_MODES:
        raise ValueError(f"Cannot convert {name!r} to a dtype policy: there is no quantization mode {kind!r}."
                         f"{near(kind, QUANTIZATION_MODES)}")  # fmt: skip
    return QUANTIZATION_MODES[kind][0 if numbers else 1](mode, source[0])
