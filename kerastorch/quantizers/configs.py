"""Configurations of quantization."""

from typing import Any


class GPTQConfig:
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

    def __init__(self, dataset, tokenizer, *, weight_bits: int = 4, num_samples: int = 128, per_channel: bool = True,
                 sequence_length: int = 512, hessian_damping: float = 0.01, group_size: int = 128, symmetric: bool = False,
                 activation_order: bool = False, quantization_layer_structure: dict = None):  # fmt: skip # noqa: RUF013
        if weight_bits not in (2, 3, 4, 8):
            raise ValueError(f"GPTQConfig: Unsupported weight_bits {weight_bits}; 2, 3, 4 or 8 is needed")
        for name, value in (("num_samples", num_samples), ("sequence_length", sequence_length)):
            if value <= 0:
                raise ValueError(f"GPTQConfig: {name} must be a positive integer. It was {value}")
        if not 0 <= hessian_damping <= 1:
            raise ValueError(f"GPTQConfig: hessian_damping must be between 0 and 1. It was {hessian_damping}")
        if group_size < -1 or group_size == 0:
            raise ValueError("GPTQConfig: Invalid group_size. Supported values are -1, for one group of all weights, and positive "
                             f"integers, not {group_size}")  # fmt: skip
        self.dataset, self.tokenizer = dataset, tokenizer
        self.weight_bits, self.num_samples, self.per_channel = weight_bits, num_samples, per_channel
        self.sequence_length, self.hessian_damping, self.group_size = sequence_length, hessian_damping, group_size
        self.symmetric, self.activation_order = symmetric, activation_order
        self.quantization_layer_structure = quantization_layer_structure

    def dtype_policy_string(self) -> str:
        """The mode of the dtype policy of layers that are quantized so."""
        return f"gptq/{self.weight_bits}/{self.group_size}"

    def get_config(self) -> dict[str, Any]:
        """The arguments that a configuration can hold; dataset and tokenizer are left out."""
        kept = ("weight_bits", "num_samples", "per_channel", "sequence_length", "hessian_damping", "group_size", "symmetric",
                "activation_order", "quantization_layer_structure")  # fmt: skip
        return {"dataset": None, "tokenizer": None, **{k: getattr(self, k) for k in kept}}

    @classmethod
    def from_config(cls, config):
        """A configuration from what `get_config` gave."""
        return cls(**config)
