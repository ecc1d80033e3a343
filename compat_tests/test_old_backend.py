"""`keras.backend` of the past against tf_keras's: each function of the table, eagerly on every backend, and recorded."""

import inspect
from dataclasses import dataclass, field

import numpy as np
import pytest

import kerastorch
from kerastorch import ops
from kerastorch.graph import Graph, KerasTensor

tensorflow = pytest.importorskip("tensorflow")
tf_keras = pytest.importorskip("tf_keras")

pytestmark = pytest.mark.filterwarnings("ignore::kerastorch.legacy.spelling.OldSpellingWarning")
K = kerastorch.backend


def values(*shape, low=-2.0, high=2.0, dtype="float32"):
    """Numbers in no order, the same for the same shape."""
    n = int(np.prod(shape))
    spread = (np.arange(n) * 7919 % max(n, 2)) / max(n - 1, 1)
    return (low + (high - low) * spread).reshape(shape).astype(dtype)


X, Y = values(3, 4), values(3, 4, low=0.1, high=1.9)
CHANCES = values(3, 4, low=0.05, high=0.95)
SHARES = CHANCES / CHANCES.sum(1, keepdims=True)
TRUTHS = (values(3, 4) > 0).astype("float32")
CLASSES = np.eye(4, dtype="float32")[[2, 0, 3]]
COUNTS = np.arange(-5, 7, dtype="int32").reshape(3, 4)
STEPS, IMAGES, VOLUMES = values(2, 6, 3), values(2, 6, 5, 3), values(1, 4, 4, 4, 2)
VECTOR = values(4, low=0.5, high=1.5)


@dataclass
class Case:
    """A call of a function of `keras.backend`."""

    name: str
    args: tuple
    kwargs: dict = field(default_factory=dict)

    def __str__(self):
        told = [f"{k}={v}" for k, v in self.kwargs.items() if not isinstance(v, np.ndarray)]
        return f"{self.name}({', '.join([str(np.shape(a)) if isinstance(a, np.ndarray) else str(a) for a in self.args] + told)})"


def case(name, *args, **kwargs):
    return Case(name, args, kwargs)


CASES = [
    *(case(f, X) for f in ("abs", "square", "sqrt", "exp", "round", "sign", "sin", "cos", "sigmoid", "tanh", "softplus", "softsign")),
    *(case(f, X) for f in ("softmax", "elu", "hard_sigmoid", "relu", "flatten", "transpose", "ones_like", "zeros_like")),
    *(case(f, COUNTS) for f in ("abs", "square", "sign", "sum", "prod", "max", "min", "mean", "ones_like")),
    *(case(f, X, Y) for f in ("maximum", "minimum", "equal", "not_equal", "greater", "greater_equal", "less", "less_equal")),
    *(case(f, X, axis=1) for f in ("sum", "prod", "max", "min", "mean", "var", "std", "argmax", "argmin", "cumsum", "cumprod")),
    *(case(f, X, axis=-1, keepdims=True) for f in ("sum", "mean", "max", "std")),
    *(case(f, X) for f in ("sum", "mean", "max", "var", "std", "argmax", "argmin", "cumsum", "l2_normalize", "batch_flatten")),
    *(case(f, X > 0, axis=0) for f in ("any", "all", "mean", "std")),
    case("mean", STEPS, axis=[1, 2]),
    case("sum", COUNTS, axis=0),
    case("cumsum", COUNTS, axis=1),
    case("log", Y),
    case("pow", Y, 2),
    case("pow", X, 3.0),
    case("clip", X, -0.5, 0.5),
    case("clip", COUNTS, -2, 3),
    case("clip", X, 0.5, -0.5),
    case("relu", X, alpha=0.1),
    case("relu", X, max_value=1.0),
    case("relu", X, alpha=0.2, threshold=0.5, max_value=1.5),
    case("elu", X, alpha=0.5),
    case("softmax", STEPS, axis=1),
    case("cast", X, "int32"),
    case("cast", COUNTS, "float32"),
    case("reshape", X, (4, -1)),
    case("expand_dims", X),
    case("expand_dims", X, axis=1),
    case("squeeze", X[:, None], 1),
    case("permute_dimensions", STEPS, (2, 0, 1)),
    case("concatenate", [X, Y]),
    case("concatenate", [X, Y], axis=0),
    case("stack", [X, Y]),
    case("stack", [X, Y], axis=1),
    case("repeat_elements", X, 2, 1),
    case("repeat", X, 3),
    case("tile", X, (1, 2)),
    case("reverse", STEPS, 1),
    case("reverse", STEPS, (0, 2)),
    case("gather", X, np.array([[2, 0], [1, 1]], "int32")),
    case("one_hot", np.array([1, 0, 3], "int32"), 4),
    case("batch_flatten", IMAGES),
    case("dot", X, values(4, 2)),
    case("dot", STEPS, values(3, 2)),
    case("dot", values(2, 3), values(4, 3, 5)),
    case("batch_dot", X, Y),
    case("batch_dot", X, Y, axes=1),
    case("batch_dot", STEPS, values(2, 3, 5)),
    case("batch_dot", STEPS, values(2, 4, 3), axes=2),
    case("batch_dot", STEPS, values(2, 6, 5), axes=(1, 1)),
    case("batch_dot", values(2, 3, 4, 5), values(2, 5, 6), axes=[3, 1]),
    case("batch_dot", values(2, 6), STEPS, axes=(1, 1)),
    case("l2_normalize", X, axis=1),
    case("batch_normalization", X, VECTOR, VECTOR, VECTOR, VECTOR),
    case("batch_normalization", IMAGES, values(6), values(6, low=0.5), values(6), values(6), axis=1),
    case("normalize_batch_in_training", X, VECTOR, VECTOR, [0]),
    case("normalize_batch_in_training", STEPS, values(3), values(3), [0, 1]),
    case("bias_add", X, VECTOR),
    case("bias_add", IMAGES, values(3)),
    case("bias_add", IMAGES, values(6), data_format="channels_first"),
    case("bias_add", STEPS, values(6, 3)),
    case("binary_crossentropy", TRUTHS, CHANCES),
    case("binary_crossentropy", TRUTHS, X, from_logits=True),
    case("categorical_crossentropy", CLASSES, SHARES),
    case("categorical_crossentropy", CLASSES, CHANCES),
    case("categorical_crossentropy", CLASSES, X, from_logits=True),
    case("categorical_crossentropy", CLASSES.T.copy(), SHARES.T.copy(), axis=0),
    case("sparse_categorical_crossentropy", np.array([2, 0, 3]), SHARES),
    case("sparse_categorical_crossentropy", np.array([2, 0, 3], "float32"), X, from_logits=True),
    case("sparse_categorical_crossentropy", np.array([2, 0, 3]), X, from_logits=True, ignore_class=0),
    case("binary_focal_crossentropy", TRUTHS, CHANCES),
    case("binary_focal_crossentropy", TRUTHS, CHANCES, apply_class_balancing=True, gamma=1.5),
    case("categorical_focal_crossentropy", CLASSES, SHARES),
    case("in_top_k", X, np.array([1, 2, 0], "int32"), 2),
    case("switch", np.array(True), X, Y),
    case("switch", X > 0, X, Y),
    case("switch", X[:, :1] > 0, X, Y),
    case("temporal_padding", STEPS, (2, 1)),
    case("spatial_2d_padding", IMAGES, ((1, 2), (0, 1))),
    case("spatial_2d_padding", IMAGES, data_format="channels_first"),
    case("spatial_3d_padding", VOLUMES),
    case("resize_images", IMAGES, 2, 3, "channels_last"),
    case("resize_images", IMAGES, 2, 2, "channels_last", interpolation="bilinear"),
    case("resize_volumes", VOLUMES, 1, 2, 3, "channels_last"),
    case("conv1d", STEPS, values(3, 3, 4), padding="same"),
    case("conv1d", STEPS, values(3, 3, 4), padding="causal", dilation_rate=2),
    case("conv2d", IMAGES, values(3, 2, 3, 4)),
    case("conv2d", IMAGES, values(3, 2, 3, 4), strides=(2, 2), padding="same"),
    case("conv3d", VOLUMES, values(2, 2, 2, 2, 3)),
    case("conv2d_transpose", IMAGES, values(3, 3, 4, 3), (2, 8, 7, 4)),
    case("conv2d_transpose", IMAGES, values(3, 3, 4, 3), (2, 12, 10, 4), strides=(2, 2), padding="same"),
    case("depthwise_conv2d", IMAGES, values(3, 3, 3, 2)),
    case("separable_conv2d", IMAGES, values(3, 3, 3, 2), values(1, 1, 6, 4), padding="same"),
    case("pool2d", IMAGES, (2, 2)),
    case("pool2d", IMAGES, (2, 2), strides=(2, 2), padding="same", pool_mode="avg"),
    case("pool3d", VOLUMES, (2, 2, 2), strides=(2, 2, 2)),
    case("local_conv1d", STEPS, values(4, 9, 5), (3,), (1,)),
    case("local_conv2d", IMAGES, values(20, 12, 2), (2, 2), (1, 1), (5, 4)),
    case("local_conv2d", IMAGES.transpose(0, 3, 1, 2), values(4, 18, 2), (3, 2), (2, 2), (2, 2), data_format="channels_first"),
]


def tensors(make, arguments):
    """Arguments with their arrays, in lists too, as tensors."""
    kinds = (np.ndarray, lambda a: make(a)), (list, lambda a: [make(v) for v in a] if isinstance(a[0], np.ndarray) else a)
    return [next((turn(a) for kind, turn in kinds if isinstance(a, kind)), a) for a in arguments]


def expected(c):
    found = getattr(tf_keras.backend, c.name)(*tensors(tensorflow.constant, c.args), **c.kwargs)
    return [np.asarray(v) for v in (found if isinstance(found, tuple | list) else [found])]


def close(found, wanted, dtypes):
    for f, w, dtype in zip(found, wanted, dtypes, strict=True):
        assert (f.shape, dtype) == (w.shape, w.dtype.name)
        np.testing.assert_allclose(f, w, rtol=2e-5, atol=2e-6)


def flat(found):
    return list(found) if isinstance(found, tuple | list) else [found]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_eager(case, backend):
    found = flat(getattr(K, case.name)(*tensors(ops.convert_to_tensor, case.args), **case.kwargs))
    close([ops.convert_to_numpy(f) for f in found], expected(case), [ops.dtype(f) for f in found])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_recorded(case):
    symbols, arrays = [], []

    def symbol(array):
        shape = array.shape if case.name in ("switch", "gather") or "conv" in case.name else (None, *array.shape[1:])
        symbols.append(KerasTensor(shape, array.dtype.name))
        arrays.append(ops.convert_to_tensor(array))
        return symbols[-1]

    found = flat(getattr(K, case.name)(*tensors(symbol, case.args), **case.kwargs))
    wanted = expected(case)
    assert all(isinstance(f, KerasTensor) and len(f.shape) == w.ndim for f, w in zip(found, wanted, strict=True))
    results = flat(Graph(symbols, found).run(arrays, lambda node, args, kwargs: node.operation(*args, **kwargs)))
    close([ops.convert_to_numpy(r) for r in results], wanted, [f.dtype for f in found])


def test_all_names_and_signatures_of_tf_keras():
    gone = {"ctc_label_dense_to_sparse"}  # which say why
    today = {"name_scope", "clear_session"}  # which have more arguments in Keras 3
    for name in (n for n in dir(tf_keras.backend) if not n.startswith("_") and n != "experimental"):
        ours, theirs = (inspect.signature(getattr(k, name)).parameters.values() for k in (K, tf_keras.backend))
        same = [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]
        assert same or name in gone | today, name
    assert "mean" not in dir(K)
