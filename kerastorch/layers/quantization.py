"""What a quantization mode does with a weight: how it is packed, and how a product with it is made.

A layer says of each weight which of its axes a product sums over (`Matrix`); a mode (`MODES`) does the rest for all layers.
"""

import functools
import math
from dataclasses import dataclass
from typing import Any

from kerastorch import ops
from kerastorch.op import dtype_of
from kerastorch.quantizers import configs, functions
from kerastorch.quantizers.quantizers import AbsMaxQuantizer


@dataclass(eq=False)
class Matrix:
    """A weight as a matrix: rows are what a product sums over, columns what comes out of it.

    Attributes:
        shape: The weight's shape.
        summed: Its axes that a product sums over.
        rows: Which axis of the matrix, as it is stored in blocks, the rows lie along.
        packed: Along which axis of that two integers share a byte.
        fields: What the layer's fields of initializer, regularizer and constraint are called after.
        zeros: Dtype of the zero points of blocks.
    """

    shape: tuple[int, ...]
    summed: tuple[int, ...] = (0,)
    rows: int = 0
    packed: int = 1
    fields: str | None = None
    zeros: str = "int8"
    input_axes = (-1,)  # the axes of the input that a product sums over

    @functools.cached_property
    def size(self) -> tuple[int, int]:
        """Shape of the matrix, before anything is packed. Its elements follow each other as they do in the weight."""
        count = math.prod(self.shape[i] for i in self.summed)
        rest = math.prod(self.shape) // count
        return (rest, count) if self.rows else (count, rest)

    @property
    def scale_shape(self) -> tuple[int, ...]:
        """Shape of a scale for each column, as the output of a product can be divided by it."""
        return tuple(n for i, n in enumerate(self.shape) if i not in self.summed)

    def to_output(self, scale: Any) -> Any:
        """A scale with the axes of the weight, those summed over being ones, as the output can be divided by it."""
        return ops.squeeze(scale, self.summed)

    def from_output(self, scale: Any) -> Any:
        """What undoes `to_output`."""
        return ops.expand_dims(scale, [i - len(self.shape) for i in self.summed])

    def inputs_to_output(self, scale: Any) -> Any:
        """A scale with the axes of the input, those summed over being ones, as the output can be divided by it."""
        return scale

    @functools.cached_property
    def order(self) -> tuple[int, ...]:
        """The weight's axes with those first that are summed over."""
        return (*self.summed, *(i for i in range(len(self.shape)) if i not in self.summed))

    def samples(self, inputs: Any) -> Any:
        """Inputs of a product as rows of what is multiplied by the weight."""
        return ops.reshape(inputs, (-1, self.size[0]))


class Mode:
    """How a weight is kept. Its parts are named by suffixes, or by names of their own; "" stands for the numbers themselves."""

    GROUPS = "g_idx"
    keeps = False  # whether the weight itself stays as it is
    waits = False  # whether the parts are filled later, by an algorithm that looks at data; until then the weight stays
    made: dict[str, Any] = {"trainable": False}  # how the parts are made
    suffixes: tuple[str, ...] = ("_scale",)  # of all parts that there may be, beside ""

    def parts(self, matrix: Matrix, config: Any) -> dict[str, tuple[tuple[int, ...], str | None]]:
        """By suffix, shape and dtype of what is stored; None is the layer's variable dtype."""
        raise NotImplementedError("a mode says what it stores")

    def pack(self, matrix: Matrix, config: Any, value: Any) -> dict[str, Any]:
        """By suffix, what is stored of a weight of this value."""
        raise NotImplementedError("a mode says how it packs")

    def integers(self, matrix: Matrix, parts: dict[str, Any]) -> Any:
        """The integers, in the shape of the weight."""
        return parts[""]

    def value(self, matrix: Matrix, parts: dict[str, Any], dtype: str) -> Any:
        """The weight that the parts stand for."""
        raise NotImplementedError("a mode says how it unpacks")

    def rows(self, matrix: Matrix, parts: dict[str, Any], dtype: str) -> Any:
        """As `value`, where the parts are those of some rows of a weight that is summed over its last axis."""
        return self.value(matrix, parts, dtype)

    def factors(self, matrix: Matrix, parts: dict[str, Any], dtype: str) -> tuple[Any, Any]:
        """What takes part in a product in the weight's place, and what the output is then divided by (None is nothing)."""
        return self.value(matrix, parts, dtype), None

    def bias(self, bias: Any, dtype: str) -> Any:
        """The bias as it is added."""
        return bias

    def product(self, layer: Any, matrix: Matrix, parts: dict[str, Any], config: Any, inputs: Any, product: Any) -> Any:
        """`product(inputs, weight)` for the weight that the parts stand for, with inputs rounded as the configuration says."""
        dtype = dtype_of(inputs)
        weight, scale = self.factors(matrix, parts, dtype)
        if config.activation_quantizer is not None:
            inputs, factor = rounded(inputs, config.activation_quantizer, matrix.input_axes)
            factor = matrix.inputs_to_output(factor)
            scale = factor if scale is None else ops.multiply(scale, factor)
        out = product(inputs, weight)
        return out if scale is None else ops.divide(out, scale)


def applied(quantizer: Any, x: Any, axes: tuple[int, ...]) -> tuple[Any, Any]:
    """What a quantizer makes of `x`: along its own axes where it has any, else along the ones given."""
    own = not isinstance(quantizer, AbsMaxQuantizer) or quantizer.axis is not None
    return quantizer(x) if own else quantizer(x, axis=axes)


def rounded(inputs: Any, quantizer: Any, axes: tuple[int, ...]) -> tuple[Any, Any]:
    """Inputs as whole numbers in their own dtype, and the factor they carry. Gradients pass as if nothing were rounded."""
    whole, factor = applied(quantizer, inputs, axes)
    factor = ops.stop_gradient(factor)
    scaled = ops.multiply(inputs, factor)
    return ops.add(scaled, ops.stop_gradient(ops.subtract(ops.cast(whole, dtype_of(inputs)), scaled))), factor


class Int8(Mode):
    """A byte per weight, and a scale for each column."""

    def parts(self, matrix, config):
        return {"": (matrix.shape, "int8"), "_scale": (matrix.scale_shape, None)}

    def pack(self, matrix, config, value):
        whole, scale = applied(config.weight_quantizer or AbsMaxQuantizer(), value, matrix.summed)
        return {"": whole, "_scale": matrix.to_output(scale)}

    def value(self, matrix, parts, dtype):
        return ops.divide(ops.cast(parts[""], dtype), ops.cast(matrix.from_output(parts["_scale"]), dtype))

    def factors(self, matrix, parts, dtype):
        return ops.cast(parts[""], dtype), ops.cast(parts["_scale"], dtype)


class Blocks(Mode):
    """Integers of a matrix, with a scale for each column, or a scale and a zero point for each block of rows in each column."""

    suffixes = ("_scale", "_zero", Mode.GROUPS)

    def parts(self, matrix, config):
        size, rows = list(matrix.size), matrix.rows
        packed = tuple((n + 1) // 2 if i == matrix.packed else n for i, n in enumerate(size))
        if not config.grouped:
            return {"": (packed, "int8"), "_scale": ((size[1 - rows],), None)}
        count = size[rows]
        size[rows] = -(-count // min(config.block_size, count))
        blocks = tuple(size)
        return {"": (packed, "int8"), "_scale": (blocks, None), "_zero": (blocks, matrix.zeros), self.GROUPS: ((count,), "float32")}

    def pack(self, matrix, config, value):
        x = ops.reshape(value, matrix.size)
        if not config.grouped:
            quantizer = config.weight_quantizer or AbsMaxQuantizer(value_range=configs.BITS["int4"])
            whole, scale = applied(quantizer, x, (matrix.rows,))
            return {"": self.packed(matrix, whole), "_scale": ops.squeeze(scale, matrix.rows)}
        turn = ops.transpose if matrix.rows else (lambda v: v)
        whole, scale, zero = map(turn, self.blocks(turn(x), config.block_size))
        groups = [i // config.block_size for i in range(matrix.size[matrix.rows])]
        groups = ops.convert_to_tensor(groups, "float32")
        return {"": self.packed(matrix, whole), "_scale": scale, "_zero": ops.cast(zero, matrix.zeros), self.GROUPS: groups}

    @staticmethod
    def blocks(x, size):
        """Integers, scales and zero points; what a block lacks are zeros, and its range reaches to them."""
        return functions.abs_max_quantize_grouped_with_zero_point(x, size, to_numpy=True)

    def packed(self, matrix, whole):
        """Pairs of integers as bytes."""
        return functions.pack_int4(ops.cast(whole, "int8"), matrix.packed)[0]

    def unpacked(self, matrix, parts):
        """The integers of the stored matrix, or of some of its rows where these are its last axis."""
        packed = parts[""]
        axis = matrix.packed - 2 + len(packed.shape)
        return functions.unpack_int4(packed, matrix.size[matrix.packed], axis)

    def integers(self, matrix, parts):
        return ops.reshape(self.unpacked(matrix, parts), matrix.shape)

    def value(self, matrix, parts, dtype):
        x = self.rows(matrix, parts, dtype)
        return x if tuple(x.shape) == matrix.shape else ops.reshape(x, matrix.shape)

    def rows(self, matrix, parts, dtype):
        x = ops.cast(self.unpacked(matrix, parts), dtype)
        scale, along = ops.cast(parts["_scale"], dtype), matrix.rows - 2
        if "_zero" not in parts:
            return ops.divide(x, ops.expand_dims(scale, along))
        groups = ops.cast(parts[self.GROUPS], "int32")
        zero, scale = (ops.take(v, groups, axis=along) for v in (ops.cast(parts["_zero"], dtype), scale))
        return ops.multiply(ops.subtract(x, zero), scale)


class Calibrated(Mode):
    """Integers of the transposed matrix, with a scale and a zero point for each group of rows in each column.

    Args:
        more: Names of further parts: factors by which rows were multiplied.
    """

    waits = True

    def __init__(self, *more: str):
        self.factors_of_rows = more
        self.suffixes = ("quantized_kernel", "_scale", "_zero", *more, self.GROUPS)

    def parts(self, matrix, config):
        rows, columns = matrix.size
        groups = (columns, 1 if config.group_size == -1 else -(-rows // config.group_size))
        packed = (columns + 1) // 2 if config.weight_bits == 4 else columns
        sizes = {"quantized_kernel": ((packed, rows), "uint8"), "_scale": (groups, None), "_zero": (groups, "uint8")}
        return sizes | dict.fromkeys((*self.factors_of_rows, self.GROUPS), ((rows,), "float32"))

    def pack(self, matrix, config, found):
        whole = ops.convert_to_tensor(found.pop("quantized_kernel"), "uint8")
        return {"quantized_kernel": functions.pack_int4(whole, 0, "uint8")[0] if config.weight_bits == 4 else whole, **found}

    def integers(self, matrix, parts):
        packed, columns = parts["quantized_kernel"], matrix.size[1]
        return packed if packed.shape[0] == columns else functions.unpack_int4(packed, columns, 0, "uint8")

    def value(self, matrix, parts, dtype):
        groups = ops.cast(parts[self.GROUPS], "int32")
        zero, scale = (ops.take(ops.cast(parts[s], dtype), groups, axis=1) for s in ("_zero", "_scale"))
        x = ops.transpose(ops.multiply(ops.subtract(ops.cast(self.integers(matrix, parts), dtype), zero), scale))
        for name in self.factors_of_rows:
            x = ops.divide(x, ops.expand_dims(ops.cast(parts[name], dtype), 1))
        back = sorted(range(len(matrix.order)), key=matrix.order.__getitem__)
        return ops.transpose(ops.reshape(x, [matrix.shape[i] for i in matrix.order]), back)


class Float8(Mode):
    """Training in float8: weight, inputs and the output's gradient are rounded, by scales that follow their largest values.

    The scales and the largest values of late come out as "gradients" of themselves, which an optimizer puts in their place.
    """

    keeps = True
    made = {"trainable": True, "autocast": False, "overwrite_with_gradient": True}
    suffixes = ("inputs_scale", "inputs_amax_history", "_scale", "_amax_history", "outputs_grad_scale", "outputs_grad_amax_history")

    def parts(self, matrix, config):
        sizes = {s: () if s.endswith("scale") else (config.amax_history_length,) for s in self.suffixes}
        return {"": (matrix.shape, None), **{s: (size, None) for s, size in sizes.items()}}

    def product(self, layer, matrix, parts, config, inputs, product):
        dtype = dtype_of(inputs)

        def through(x, kind, forward):
            return followed(x, parts[f"{kind}_scale"], parts[f"{kind}_amax_history"], forward, dtype)

        out = product(through(inputs, "inputs", True), through(ops.cast(parts[""], dtype), "", True))
        return through(out, "outputs_grad", False)

    def bias(self, bias, dtype):
        """The bias as it is added, which is rounded to bfloat16."""
        return ops.cast(ops.cast(bias, "bfloat16"), dtype)


def followed(x: Any, scale: Any, history: Any, forward: bool, dtype: str) -> Any:
    """A value that is rounded to float8 on its way forward, or whose gradient is on its way back.

    The gradients of the scale and of the largest values of late are what these are to be next.
    """
    kind = "float8_e4m3fn" if forward else "float8_e5m2"

    def rounding(value, scale, history):
        def gradient(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream
            known = ops.max(history)
            after = functions.compute_float8_scale(known, scale, functions.LARGEST[kind])
            seen = functions.compute_float8_amax_history(value if forward else upstream, history)
            back = upstream if forward else functions.quantize_and_dequantize(upstream, scale, kind, dtype)
            return back, after, seen

        out = functions.quantize_and_dequantize(value, scale, kind, dtype) if forward else ops.multiply(value, 1)
        return out, gradient

    return ops.custom_gradient(rounding)(x, scale, history)


MODES: dict[str, Mode] = {
    "int8": Int8(), "int4": Blocks(), "float8": Float8(), "gptq": Calibrated(), "awq": Calibrated("awq_scales"),
}  # fmt: skip
