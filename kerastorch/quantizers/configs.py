"""Configurations of quantization: the mode, and how weights and inputs are rounded."""

from typing import Any

from kerastorch.dtype_policies import QUANTIZATION_MODES
from kerastorch.errors import near
from kerastorch.quantizers import quantizers
from kerastorch.saving import objects

BITS = {"int8": (-127, 127), "int4": (-8, 7)}  # the integers that weights become, by mode


class QuantizationConfig:
    """How a layer is quantized; subclasses say in which mode.

    Args:
        weight_quantizer: Quantizer of weights; None takes the mode's own.
        activation_quantizer: Quantizer of inputs; None leaves them as they are.
    """

    def __init__(self, weight_quantizer=None, activation_quantizer=None):
        self.weight_quantizer = quantizers.get(weight_quantizer)
        self.activation_quantizer = quantizers.get(activation_quantizer)
        for name in ("weight_quantizer", "activation_quantizer"):
            found = getattr(self, name)
            if found is not None and found.output_dtype != "int8":
                raise ValueError(f"{type(self).__name__} requires a {name} with output_dtype='int8', not {found.output_dtype!r}")

    @property
    def mode(self) -> str:
        """The mode: "int8", "int4", "float8", "gptq" or "awq"."""
        raise NotImplementedError("Subclasses must implement this property. Do not instantiate QuantizationConfig directly: it "
                                  "has no mode")  # fmt: skip

    def policy_mode(self) -> str:
        """The mode with its numbers, as the name of a dtype policy has it."""
        return self.mode

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON-like values."""
        pair = ("weight_quantizer", "activation_quantizer")
        return {n: objects.serialize_keras_object(getattr(self, n)) for n in pair}

    @classmethod
    def from_config(cls, config):
        """A configuration from what `get_config` gave."""
        return cls(**config)

    @staticmethod
    def weight_quantizer_or_default(config, default):
        """The quantizer of weights that a configuration names, `default` where there is none."""
        found = None if config is None else config.weight_quantizer
        return default if found is None else found

    @staticmethod
    def activation_quantizer_or_default(config, default):
        """The quantizer of inputs that a configuration names or rules out by None, `default` without a configuration."""
        return default if config is None else config.activation_quantizer


class Int8QuantizationConfig(QuantizationConfig):
    """Weights and inputs rounded to 8 bits.

    Args:
        weight_quantizer: Quantizer of weights; None takes the largest absolute value for each output channel.
        activation_quantizer: Quantizer of inputs; None leaves them as they are, "default" takes the largest absolute value of
            each row.

    Raises:
        ValueError: If a quantizer does not give int8.
    """

    mode = "int8"

    def __init__(self, weight_quantizer=None, activation_quantizer="default"):
        default = activation_quantizer == "default"
        super().__init__(weight_quantizer, quantizers.AbsMaxQuantizer() if default else activation_quantizer)


class Int4QuantizationConfig(QuantizationConfig):
    """Weights rounded to 4 bits, two of them in a byte.

    Args:
        weight_quantizer: Quantizer of weights; None takes the largest absolute value for each output channel.
        activation_quantizer: Quantizer of inputs; they are left as they are by default.
        block_size: Weights of an output channel that share a scale; None or -1 is all.

    Raises:
        ValueError: If a quantizer does not give int8 from -8 to 7, one is given with blocks, or the size is not allowed.
    """

    mode = "int4"

    def __init__(self, weight_quantizer=None, activation_quantizer="default", block_size=128):
        activation_quantizer = None if activation_quantizer == "default" else activation_quantizer
        if block_size is not None and block_size != -1 and block_size <= 0:
            raise ValueError(f"Int4QuantizationConfig: block_size must be None, -1, or a positive integer, not {block_size!r}")
        self.block_size = block_size
        if self.grouped and (weight_quantizer is not None or activation_quantizer is not None):
            raise ValueError(f"Int4QuantizationConfig: Int4 sub-channel quantization (block_size={block_size}) does not support "
                             "custom quantizers. Leave them out, or set block_size to None for a scale per channel")  # fmt: skip
        super().__init__(weight_quantizer, activation_quantizer)
        found = self.weight_quantizer
        if found is not None and tuple(found.value_range) != BITS["int4"]:
            raise ValueError("Int4QuantizationConfig requires a weight_quantizer with value_range=(-8, 7), not "
                             f"value_range={found.value_range}")  # fmt: skip

    grouped = property(lambda self: self.block_size not in (None, -1), doc="Whether scales are those of blocks.")

    def policy_mode(self) -> str:
        """The mode with its numbers, as the name of a dtype policy has it."""
        return f"int4/{self.block_size if self.grouped else -1}"

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON-like values."""
        return {**super().get_config(), "block_size": self.block_size}


class Float8QuantizationConfig(QuantizationConfig):
    """Training with weights, inputs and gradients scaled to float8."""

    mode = "float8"
    amax_history_length = 1024  # how many steps back the largest values are remembered, unless the dtype policy says otherwise

    def __init__(self):
        super().__init__()

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, of which there are none."""
        return {}


class CalibratedConfig(QuantizationConfig):
    """A configuration of an algorithm that looks at data."""

    kept: tuple[str, ...] = ()

    def _check(self) -> None:
        """Raises for numbers out of range."""
        name = type(self).__name__
        for n in ("num_samples", "sequence_length", "num_grid_points"):
            if getattr(self, n, 1) <= 0:
                raise ValueError(f"{name}: {n} must be a positive integer. It was {getattr(self, n)}")
        if self.group_size < -1 or self.group_size == 0:
            raise ValueError(f"{name}: Invalid group_size. Supported values are -1, for one group of all weights (per-channel), "
                             f"and positive integers, not {self.group_size}")  # fmt: skip

    def dtype_policy_string(self) -> str:
        """The mode of the dtype policy of layers that are quantized so."""
        return f"{self.mode}/{self.weight_bits}/{self.group_size}"

    policy_mode = dtype_policy_string

    def get_config(self) -> dict[str, Any]:
        """The arguments that a configuration can hold; dataset and tokenizer are left out."""
        return {"dataset": None, "tokenizer": None, **{k: getattr(self, k) for k in self.kept}}


class GPTQConfig(CalibratedConfig):
    """How weights are quantized by GPTQ (Frantar et al., 2022).

    Args:
        dataset: Strings, or arrays of tokens, on which the layers are calibrated.
        tokenizer: Turns a string into tokens; not needed for tokens.
        weight_bits: Bits per weight: 2, 3, 4 or 8.
        num_samples: Number of samples of the dataset that are used.
        per_channel: Whether each output channel has scales of its own.
        sequence_length: Tokens per sample.
        hessian_damping: Part of the mean of the Hessian's diagonal that is added to the diagonal, between 0 and 1.
        group_size: Weights that share a scale; -1 is all.
        symmetric: Whether the quantized range is symmetric about zero.
        activation_order: Whether weights are quantized in the order of the sizes of their inputs.
        quantization_layer_structure: Names of the parts of a model and the order in which they are quantized.

    Raises:
        ValueError: For a number outside of its range.
    """

    mode = "gptq"
    kept = ("weight_bits", "num_samples", "per_channel", "sequence_length", "hessian_damping", "group_size", "symmetric",
            "activation_order", "quantization_layer_structure")  # fmt: skip

    def __init__(self, dataset, tokenizer, *, weight_bits: int = 4, num_samples: int = 128, per_channel: bool = True,
                 sequence_length: int = 512, hessian_damping: float = 0.01, group_size: int = 128, symmetric: bool = False,
                 activation_order: bool = False, quantization_layer_structure: dict = None):  # fmt: skip # noqa: RUF013
        if weight_bits not in (2, 3, 4, 8):
            raise ValueError(f"GPTQConfig: Unsupported weight_bits {weight_bits}; 2, 3, 4 or 8 is needed")
        if not 0 <= hessian_damping <= 1:
            raise ValueError(f"GPTQConfig: hessian_damping must be between 0 and 1. It was {hessian_damping}")
        super().__init__()
        self.dataset, self.tokenizer = dataset, tokenizer
        self.weight_bits, self.num_samples, self.per_channel = weight_bits, num_samples, per_channel
        self.sequence_length, self.hessian_damping, self.group_size = sequence_length, hessian_damping, group_size
        self.symmetric, self.activation_order = symmetric, activation_order
        self.quantization_layer_structure = quantization_layer_structure
        self._check()


class AWQConfig(CalibratedConfig):
    """How weights are quantized by AWQ (Lin et al., 2023).

    Args:
        dataset: Strings, or arrays of tokens, on which the layers are calibrated.
        tokenizer: Turns a string into tokens; not needed for tokens.
        weight_bits: Bits per weight: 4.
        num_samples: Number of samples of the dataset that are used.
        sequence_length: Tokens per sample.
        group_size: Weights that share a scale; -1 is all.
        num_grid_points: How many strengths of the scales by inputs are tried.
        quantization_layer_structure: Names of the parts of a model and the order in which they are quantized.

    Raises:
        ValueError: For a number outside of its range.
    """

    mode = "awq"
    kept = ("weight_bits", "num_samples", "sequence_length", "group_size", "num_grid_points", "quantization_layer_structure")

    def __init__(self, dataset, tokenizer, *, weight_bits: int = 4, num_samples: int = 128, sequence_length: int = 512,
                 group_size: int = 128, num_grid_points: int = 20,
                 quantization_layer_structure: dict = None):  # fmt: skip # noqa: RUF013
        if weight_bits != 4:
            raise ValueError(f"AWQConfig: AWQ only supports 4-bit quantization. weight_bits was {weight_bits}")
        super().__init__()
        self.dataset, self.tokenizer = dataset, tokenizer
        self.weight_bits, self.num_samples, self.sequence_length = weight_bits, num_samples, sequence_length
        self.group_size, self.num_grid_points = group_size, num_grid_points
        self.quantization_layer_structure = quantization_layer_structure
        self._check()


DEFAULTS: dict[str, type[QuantizationConfig]] = {
    "int8": Int8QuantizationConfig, "int4": Int4QuantizationConfig, "float8": Float8QuantizationConfig,
}  # fmt: skip


CALIBRATED = {"gptq": GPTQConfig, "awq": AWQConfig}


def resolve(mode, config) -> QuantizationConfig:
    """The configuration that the arguments of `quantize` ask for.

    Raises:
        ValueError: If neither or both say a mode, there is no such mode, or it needs a configuration.
    """
    if isinstance(config, str):
        mode, config = config, None
    if mode is None and config is None:
        raise ValueError("You must provide either `mode` or `config` to `quantize`.")
    if mode is not None and mode not in QUANTIZATION_MODES:
        raise ValueError(f"Invalid quantization mode. Expected one of {tuple(QUANTIZATION_MODES)}, not mode={mode!r}."
                         f"{near(str(mode), QUANTIZATION_MODES)}")  # fmt: skip
    if config is None:
        if mode not in DEFAULTS:
            name = f"{mode.upper()}Config"
            raise ValueError(f"For {mode.upper()}, you must pass {'an' if mode == 'awq' else 'a'} `{name}` object in the `config` "
                             "argument, since it needs data")  # fmt: skip
        return DEFAULTS[mode]()
    if not isinstance(config, QuantizationConfig):
        raise ValueError(f"Argument `config` must be an instance of `QuantizationConfig`, not {config!r}")
    if mode is not None and config.mode != mode:
        raise ValueError(f"Contradictory arguments: mode={mode!r} but config.mode={config.mode!r}")
    return config


def implied(policy, mode) -> QuantizationConfig:
    """The configuration that a dtype policy stands for, in a layer that is given none."""
    if mode == "int4":
        return Int4QuantizationConfig(block_size=getattr(policy, "block_size", None))
    if mode in CALIBRATED:
        return CALIBRATED[mode](None, None, weight_bits=policy.weight_bits, group_size=policy.group_size)
    config = DEFAULTS[mode]()
    if hasattr(policy, "amax_history_length"):
        config.amax_history_length = policy.amax_history_length  # type: ignore[attr-defined]
    return config


def get(value):
    """The configuration that an argument or a file gives: None, an object or its description."""
    return objects.deserialize_keras_object(value) if isinstance(value, dict) else value
