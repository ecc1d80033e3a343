"""Quantization that looks at data: GPTQ (Frantar et al., 2022) and AWQ (Lin et al., 2023), computed on the host."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from kerastorch import ops, scope
from kerastorch.layers.adapted import Quantizable

AT_ONCE = 128  # so many inputs, or more: the weights of those behind them are corrected once for all of them


def calibrate(model: Any, config: Any, wanted: Callable[[Any], bool]) -> None:
    """Quantizes the layers in the blocks of a model, one block after another, each on what the quantized ones before give.

    Raises:
        ValueError: If nothing says what the blocks are, or there is no data.
    """
    structure = config.quantization_layer_structure or model.get_quantization_layer_structure(config.mode)
    if structure is None:
        raise ValueError(f"For mode={config.mode!r}, a valid quantization structure must be provided either via "
                         "`config.quantization_layer_structure` or by overriding `model.get_quantization_layer_structure(mode)`: "
                         "a dictionary with the keys 'pre_block_layers' and 'sequential_blocks'")  # fmt: skip
    if config.dataset is None:
        raise ValueError(f"{type(config).__name__}: a dataset is needed to calibrate the layers")
    # What the layers keep of it is what a file can hold: neither the data nor other layers.
    stored = type(config).from_config({**config.get_config(), "quantization_layer_structure": None})
    flows = [ops.convert_to_tensor(tokens[None]) for tokens in windows(config)]
    for layer in structure.get("pre_block_layers", ()):
        flows = [layer(x) for x in flows]
    for block in structure["sequential_blocks"]:
        chosen = [x for x in block._flatten_layers() if isinstance(x, Quantizable) and config.mode in x.modes and wanted(x)]
        statistics = {id(layer): Statistics(layer) for layer in chosen}
        for layer in chosen:
            layer._watch = statistics[id(layer)].add
        try:
            with scope.values({}):  # all layers by their `call`
                for x in flows:
                    block(x)
        finally:
            for layer in chosen:
                layer._watch = None
        for layer in chosen:
            if statistics[id(layer)].count:
                layer.quantize(config.mode, config=stored)
                layer._fill(ALGORITHMS[config.mode](statistics[id(layer)], config))
        flows = [block(x) for x in flows]


def windows(config: Any) -> Iterable[Any]:
    """Samples of `sequence_length` tokens, spread evenly over the dataset.

    Raises:
        ValueError: If the dataset is empty or too short.
    """
    texts = config.dataset if not isinstance(config.dataset, str) else [config.dataset]
    pieces = [np.asarray(config.tokenizer(t) if isinstance(t, str) else t).reshape(-1) for t in texts]
    tokens = np.concatenate(pieces) if pieces else np.zeros(0)
    length = config.sequence_length
    if not len(tokens):
        raise ValueError(f"{type(config).__name__}: the provided dataset is empty")
    tokens = np.tile(tokens, -(-length // len(tokens)))
    starts = np.linspace(0, len(tokens) - length, config.num_samples).astype(int)
    return [tokens[i : i + length].astype("int32") for i in starts]


class Statistics:
    """What is gathered of the inputs of one layer: X.T @ X, and the sums of absolute values."""

    def __init__(self, layer: Any):
        self.layer, self.matrix = layer, layer._seen[layer.adapted]
        rows = self.matrix.size[0]
        self.count, self.squares, self.sizes = 0, np.zeros((rows, rows)), np.zeros(rows)

    def add(self, inputs: Any) -> None:
        """Takes in the inputs of one call."""
        x = np.asarray(ops.convert_to_numpy(self.matrix.samples(ops.stop_gradient(inputs))), "float64")
        self.count += len(x)
        self.squares += x.T @ x
        self.sizes += np.abs(x).sum(0)

    def weight(self) -> Any:
        """The weight as a matrix of (columns, rows)."""
        value = self.layer._weight(self.layer.adapted).numpy().astype("float64")
        return value.transpose(self.matrix.order).reshape(self.matrix.size).T


def span(w: Any, config: Any) -> tuple[Any, Any]:
    """Scale and zero point for each row of a group of weights."""
    most = 2**config.weight_bits - 1
    low, high = np.minimum(w.min(1), 0), np.maximum(w.max(1), 0)
    if not getattr(config, "per_channel", True):
        low, high = np.full_like(low, low.min()), np.full_like(high, high.max())
    if getattr(config, "symmetric", False):
        high = np.maximum(high, -low)
        low = np.where(low < 0, -high, low)
    empty = low == high
    low, high = np.where(empty, -1, low), np.where(empty, 1, high)
    scale = (high - low) / most
    zero = np.full_like(scale, (most + 1) / 2) if getattr(config, "symmetric", False) else np.round(-low / scale)
    return scale, np.clip(zero, 0, most)


def integers(w: Any, scale: Any, zero: Any, bits: int) -> Any:
    """Weights as integers."""
    return np.clip(np.round(w / scale) + zero, 0, 2**bits - 1)


def gptq(found: Statistics, config: Any) -> dict[str, Any]:
    """Quantizes one input after another, each time correcting the weights of those to come for the error made."""
    w, h = found.weight(), 2 * found.squares / found.count
    rows = w.shape[1]
    dead = np.diag(h) == 0
    h[dead, dead] = 1
    w[:, dead] = 0
    order = np.argsort(-np.diag(h), kind="stable") if config.activation_order else np.arange(rows)
    w, h = w[:, order], h[order][:, order]
    h += np.eye(rows) * config.hessian_damping * np.diag(h).mean()
    inverse = np.linalg.cholesky(np.linalg.inv(h)).T
    group = rows if config.group_size == -1 else config.group_size
    step = AT_ONCE if group >= rows else group * max(1, AT_ONCE // group)  # whole groups, whose scales are of corrected weights
    q, scales, zeros = np.zeros_like(w), [], []
    for start in range(0, rows, step):
        end = min(start + step, rows)
        errors = np.zeros((len(w), end - start))
        for i in range(start, end):
            if i % group == 0:
                for known, new in zip((scales, zeros), span(w[:, i : i + group], config), strict=True):
                    known.append(new)
            q[:, i] = integers(w[:, i], scales[-1], zeros[-1], config.weight_bits)
            errors[:, i - start] = (w[:, i] - (q[:, i] - zeros[-1]) * scales[-1]) / inverse[i, i]
            w[:, i:end] -= np.outer(errors[:, i - start], inverse[i, i:end])
        w[:, end:] -= errors @ inverse[start:end, end:]
    back = np.argsort(order)
    return {"quantized_kernel": q[:, back], "_scale": np.stack(scales, 1), "_zero": np.stack(zeros, 1),
            "g_idx": (np.arange(rows) // group)[back]}  # fmt: skip


def awq(found: Statistics, config: Any) -> dict[str, Any]:
    """Multiplies weights of large inputs before rounding, by that power of the inputs' sizes that changes the output least."""
    w, sizes = found.weight(), np.maximum(found.sizes / found.count, 1e-8)
    rows = w.shape[1]
    group = rows if config.group_size == -1 else config.group_size
    groups = np.arange(rows) // group
    best: tuple[float, dict[str, Any]] | None = None
    for point in range(config.num_grid_points):
        factors = sizes ** (point / config.num_grid_points)
        factors = factors / np.sqrt(factors.max() * factors.min())
        scaled = w * factors
        spans = [span(scaled[:, groups == g], config) for g in range(groups[-1] + 1)]
        scale, zero = (np.stack(x, 1) for x in zip(*spans, strict=True))
        q = integers(scaled, scale[:, groups], zero[:, groups], config.weight_bits)
        error = w - (q - zero[:, groups]) * scale[:, groups] / factors
        loss = float(np.einsum("ci,ij,cj->", error, found.squares, error, optimize=True))
        if best is None or loss < best[0]:
            best = loss, {"quantized_kernel": q, "_scale": scale, "_zero": zero, "awq_scales": factors, "g_idx": groups}
    assert best is not None
    return best[1]


ALGORITHMS = {"gptq": gptq, "awq": awq}
