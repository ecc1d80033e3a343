"""torch's functions for element-wise ops: arithmetic, elementary functions, comparisons, logic and bits."""

import torch

from kerastorch import ops
from kerastorch.ops import elementwise


def maximum(x1, x2):
    return torch.maximum(x1, x2) if isinstance(x2, torch.Tensor) else torch.clamp_min(x1, x2)


def minimum(x1, x2):
    return torch.minimum(x1, x2) if isinstance(x2, torch.Tensor) else torch.clamp_max(x1, x2)


def imag(x):
    return x.imag if x.is_complex() else torch.zeros_like(x)


def round_to(x, decimals):
    return torch.round(x, decimals=decimals) if x.is_floating_point() else elementwise.round.op.body(x, decimals)


TABLE = {
    ops.abs: torch.abs,
    ops.add: torch.add,
    ops.angle: torch.angle,
    ops.arccos: torch.acos,
    ops.arccosh: torch.acosh,
    ops.arcsin: torch.asin,
    ops.arcsinh: torch.asinh,
    ops.arctan: torch.atan,
    ops.arctan2: torch.atan2,
    ops.arctanh: torch.atanh,
    ops.bitwise_and: torch.bitwise_and,
    ops.bitwise_left_shift: torch.bitwise_left_shift,
    ops.bitwise_not: torch.bitwise_not,
    ops.bitwise_or: torch.bitwise_or,
    ops.bitwise_right_shift: torch.bitwise_right_shift,
    ops.bitwise_xor: torch.bitwise_xor,
    ops.ceil: torch.ceil,
    ops.clip: torch.clamp,
    ops.conj: torch.conj,
    ops.cos: torch.cos,
    ops.cosh: torch.cosh,
    ops.deg2rad: torch.deg2rad,
    ops.divide: torch.div,
    ops.equal: torch.eq,
    ops.erf: torch.erf,
    ops.erfc: torch.erfc,
    ops.erfinv: torch.erfinv,
    ops.exp: torch.exp,
    ops.exp2: torch.exp2,
    ops.expm1: torch.expm1,
    ops.floor: torch.floor,
    ops.floor_divide: torch.floor_divide,
    ops.fmax: torch.fmax,
    ops.fmin: torch.fmin,
    ops.fmod: torch.fmod,
    ops.gcd: torch.gcd,
    ops.greater: torch.gt,
    ops.greater_equal: torch.ge,
    ops.hypot: torch.hypot,
    ops.i0: torch.i0,
    ops.imag: imag,
    ops.isfinite: torch.isfinite,
    ops.isinf: torch.isinf,
    ops.isnan: torch.isnan,
    ops.isneginf: torch.isneginf,
    ops.isposinf: torch.isposinf,
    ops.isreal: torch.isreal,
    ops.lcm: torch.lcm,
    ops.less: torch.lt,
    ops.less_equal: torch.le,
    ops.log: torch.log,
    ops.log10: torch.log10,
    ops.log1p: torch.log1p,
    ops.log2: torch.log2,
    ops.logaddexp: torch.logaddexp,
    ops.logaddexp2: torch.logaddexp2,
    ops.logical_and: torch.logical_and,
    ops.logical_not: torch.logical_not,
    ops.logical_or: torch.logical_or,
    ops.logical_xor: torch.logical_xor,
    ops.maximum: maximum,
    ops.minimum: minimum,
    ops.mod: torch.remainder,
    ops.multiply: torch.mul,
    ops.nan_to_num: torch.nan_to_num,
    ops.negative: torch.neg,
    ops.nextafter: torch.nextafter,
    ops.not_equal: torch.ne,
    ops.power: torch.pow,
    ops.rad2deg: torch.rad2deg,
    ops.real: torch.real,
    ops.reciprocal: torch.reciprocal,
    ops.round: round_to,
    ops.round_to_integer: torch.round,
    ops.rsqrt: torch.rsqrt,
    ops.sign: torch.sign,
    ops.signbit: torch.signbit,
    ops.sin: torch.sin,
    ops.sinc: torch.sinc,
    ops.sinh: torch.sinh,
    ops.sqrt: torch.sqrt,
    ops.square: torch.square,
    ops.subtract: torch.sub,
    ops.tan: torch.tan,
    ops.tanh: torch.tanh,
    ops.trunc: torch.trunc,
    elementwise.where_: torch.where,
}
SCALARS = {ops.add, ops.subtract, ops.multiply, ops.divide, ops.power, ops.clip, elementwise.where_}
TRAILING_SCALARS = {
    ops.equal, ops.not_equal, ops.greater, ops.greater_equal, ops.less, ops.less_equal, ops.floor_divide, ops.mod,
    ops.fmod, ops.maximum, ops.minimum, ops.bitwise_and, ops.bitwise_or, ops.bitwise_xor, ops.bitwise_left_shift,
    ops.bitwise_right_shift,
}  # fmt: skip
WIDER = dict.fromkeys((ops.gcd, ops.lcm), {"bool": "uint8"})
