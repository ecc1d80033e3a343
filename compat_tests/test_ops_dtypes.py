"""Dtypes over the whole lattice, for every op: what is recorded is what every backend gives, and what the reference records."""

import keras
import pytest

from compat_tests.test_ops import call, of_dtype, wide_reference, with_operands
from compat_tests.test_ops_errors import FIRST, arrays
from kerastorch import backend_registry, dtypes, ops
from kerastorch.errors import OpError
from kerastorch.graph import KerasTensor

wide_reference = wide_reference
EACH = ("bool", "uint8", "uint16", "uint32", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64")
MEETING = ("bool", "uint8", "uint32", "int8", "int64", "float16", "bfloat16", "float32")
# Each two that differ, now one first and now the other.
PAIRS = [(a, b) if (i + j) % 2 else (b, a) for i, a in enumerate(MEETING) for j, b in enumerate(MEETING) if i < j]

PROMOTED = "the reference's record takes one operand's dtype; what it runs promotes them"
RAISES = "the reference's record refuses operands of unlike or narrow dtypes"
DEPENDS = "the reference's answer depends on its backend"
OWN = {
    **dict.fromkeys(("batch_normalization", "binary_crossentropy", "categorical_crossentropy", "conv_transpose", "depthwise_conv"), PROMOTED),
    **dict.fromkeys(("fft", "fft2", "ifft2", "image.ssim", "irfft", "istft", "lstsq", "select", "separable_conv", "solve"), PROMOTED),
    **dict.fromkeys(("solve_triangular", "sparse_categorical_crossentropy", "stft"), PROMOTED),
    **dict.fromkeys(("adaptive_average_pool", "adaptive_max_pool", "conv", "conv_transpose"), RAISES),
    **dict.fromkeys(("nanmax", "nanmin", "nanprod", "nansum", "prod", "sum", "trace"), DEPENDS),
    "histogram": "no counts are truth values",
    "logsumexp": "the reference's record is always of floatx",
    "meshgrid": "vectors of unlike dtypes keep them, as in numpy",
    "multi_hot": "floatx, as the argument `dtype` says",
    "normalize": "the reference's record is always of floatx",
    "polar": "the result is complex",
    "psnr": "the reference's record is always of floatx",
    "reciprocal": "the reference's record is always of floatx",
    "view_as_real": "the reference's record is always of floatx",
}  # fmt: skip


def outcome(function, *args):
    """The dtypes that a call answers in, or that it is refused."""
    try:
        return function(*args)
    except (OpError, ValueError):
        return "refused"


def on(case, combination, make):
    """The operands of a case: the first and the second in these dtypes, the others as the last of them."""
    places = iter(range(99))
    return with_operands(case, lambda a: make(a, combination[min(next(places), len(combination) - 1)]))


def recorded(case, combination, tensor, namespace):
    """The dtypes that a library records."""
    return [t.dtype for t in call(case, on(case, combination, lambda a, d: tensor(a.shape, d)), namespace)]


def real(case, combination, backend):
    """The dtypes that a backend answers in."""
    with backend_registry.using(backend.name):
        return [backend.dtype(x) for x in call(case, on(case, combination, lambda a, d: backend.convert(of_dtype(a, d))))]


@pytest.mark.parametrize("name", [name for name, case in FIRST.items() if case.recorded and arrays(case)])
def test_every_dtype(name):
    case, wrong = FIRST[name], []
    backends = [backend_registry.get(b) for b in backend_registry.BUILT_IN if backend_registry.installed(b)]
    for combination in [*((d,) for d in EACH), *(PAIRS if len(arrays(case)) > 1 else ())]:
        ours = outcome(recorded, case, combination, KerasTensor, ops)
        found = [outcome(real, case, combination, b) for b in backends]
        if any(f not in (ours, "refused") or f != found[0] for f in found):
            wrong.append(f"{combination}: recorded {ours}, on {backends} {found}")
        if name in OWN or ours == "refused":
            continue
        told = recorded(case, combination, keras.KerasTensor, keras.ops)
        # Of integers the reference often records the operand's dtype, and answers in floats when it runs.
        own = all(map(dtypes.is_float, ours)) and not any(map(dtypes.is_float, (*told, combination[0])))
        if told != ours and not own:
            wrong.append(f"{combination}: recorded {ours}, the reference {told}")
    assert not wrong, "\n".join(wrong)
