"""Calls of ops in a model's configuration: Keras has a class per op, made with the attributes, called with tensors."""

from collections.abc import Mapping, Sequence
from typing import Any

from kerastorch import op as op_
from kerastorch import ops, scope
from kerastorch.errors import near
from kerastorch.graph import Node, tensors_in
from kerastorch.legacy import tensorflow_ops
from kerastorch.saving.objects import deserialize_keras_object

# Where Keras defines the classes of ops that are not in keras.src.ops.numpy.
MODULES = {
    "core": "associative_scan cast cond convert_to_tensor fori_loop map saturate_cast scan scatter scatter_update "
    "slice slice_update stop_gradient switch unstack vectorized_map while_loop",
    "einops": "rearrange",
    "image": "affine_transform crop_images elastic_transform extract_patches gaussian_blur hsv_to_rgb map_coordinates "
    "pad_images perspective_transform resize rgb_to_grayscale rgb_to_hsv scale_and_translate sobel_edges ssim",
    "linalg": "cholesky cholesky_inverse det eig eigh inv jvp lstsq lu_factor matrix_rank norm pinv qr solve "
    "solve_triangular svd",
    "math": "cdist erf erfc erfinv extract_sequences fft fft2 ifft2 in_top_k irfft istft logdet logsumexp rfft rsqrt "
    "segment_max segment_min segment_prod segment_sum stft top_k view_as_complex view_as_real",
    "nn": "adaptive_average_pool adaptive_max_pool average_pool batch_normalization binary_crossentropy "
    "categorical_crossentropy celu conv conv_transpose ctc_decode ctc_loss depth_to_space depthwise_conv "
    "dot_product_attention elu fold gelu glu hard_shrink hard_sigmoid hard_silu hard_tanh layer_normalization "
    "leaky_relu log_sigmoid log_softmax max_pool moments multi_hot normalize one_hot polar psnr relu relu6 "
    "rms_normalization selu separable_conv sigmoid silu soft_shrink softmax softplus softsign space_to_depth "
    "sparse_categorical_crossentropy sparse_plus sparse_sigmoid sparsemax squareplus tanh_shrink threshold unfold",
}
MODULE_OF = {name: f"keras.src.ops.{module}" for module, names in MODULES.items() for name in names.split()}
# Classes whose names do not follow from the op's.
CLASSES = {
    "allclose": "AllClose",
    "batch_normalization": "BatchNorm",
    "cdist": "CDist",
    "isin": "IsIn",
    "layer_normalization": "LayerNorm",
    "psnr": "PSNR",
    "rms_normalization": "RMSNorm",
    "searchsorted": "SearchSorted",
    "ssim": "SSIM",
    "svd": "SVD",
    "while": "WhileLoop",
}
OP_OF = {kind: name for name, kind in CLASSES.items()}
# What the object is called with, where that is not just the op's tensors: the rest goes to its constructor.
CALLED_WITH = {
    "arange": ("start", "stop", "step"),
    "bincount": ("x",),
    "clip": ("x",),
    "dot_product_attention": ("query", "key", "value", "bias", "mask", "scale"),
    "gaussian_blur": ("images",),
    "get_item": ("x", "key"),
    "isclose": ("x1", "x2", "rtol", "atol"),
    "scale_and_translate": ("images", "output_shape", "scale", "translation"),
    "trapezoid": ("y",),
}


def describe(node: Node, args: Sequence[Any]) -> dict[str, Any]:
    """The configuration of a recorded op.

    Args:
        node: The op's call.
        args: Its arguments, in their order, as values that a configuration can hold.
    """
    op = node.operation.op
    name = op.name.strip("_")
    called = _called_with(op)
    values = dict(zip(op.parameters, args, strict=True))
    kind = CLASSES.get(name, node.kind)
    # Sizes that are open are tensors of the graph, and so arguments of the call.
    sized = {k for k, a in zip(op.parameters, node.args, strict=True) if k not in called and tensors_in(a)}
    return {
        "module": MODULE_OF.get(name, "keras.src.ops.numpy"),
        "class_name": kind,
        "config": {"name": node.title, **{k: v for k, v in values.items() if k not in called and k not in sized}},
        "registered_name": kind,
        "name": node.title,
        "inbound_nodes": [{"args": [values[k] for k in called], "kwargs": {k: values[k] for k in op.parameters if k in sized}}],
    }


def is_operation(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of a configuration is an op rather than a layer."""
    return str(entry.get("module") or "").startswith("keras.src.ops")


def is_known(kind: str) -> bool:
    """Whether there is an op whose class Keras calls so."""
    name = OP_OF.get(kind, scope.snake(kind))
    return kind[:1].isupper() and name in ops.__all__ and hasattr(getattr(ops, name), "op")


def call(entry: Mapping[str, Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Carries out the op that an entry names, on tensors that were found for it.

    Raises:
        ValueError: If there is no such op, or it does not take the arguments given.
    """
    if entry["class_name"] in tensorflow_ops.KINDS:
        return tensorflow_ops.call(entry["config"]["function"], kwargs)
    op = _find(entry["class_name"])
    values = {
        k: deserialize_keras_object(v) if isinstance(v, Mapping) else v
        for k, v in entry["config"].items()
        if k not in ("name", "dtype") or k in op.parameters and k != "name"
    }
    values |= dict(zip(_called_with(op), args, strict=False)) | dict(kwargs)
    unknown = [k for k in values if k not in op.parameters]
    if unknown or len(args) > len(_called_with(op)):
        raise ValueError(
            f"the operation {entry['name']!r} ({entry['class_name']}) has arguments {unknown or list(args)} that "
            f"ops.{op.name} does not take: its arguments are {list(op.parameters)}"
        )
    if op.name == "get_item" and isinstance(values["key"], list):  # JSON knows no tuples
        values["key"] = tuple(values["key"])
    return op.function(**values)


def _called_with(op: Any) -> Sequence[str]:
    return CALLED_WITH.get(op.name) or [op.parameters[i] for i in op.operands]


def _find(kind: str) -> Any:
    name = OP_OF.get(kind, scope.snake(kind))
    # Not all are attributes of `ops`: those that a user's own package declared, and loops and branches with recorded bodies.
    function = getattr(ops, name) if name in ops.__all__ else None
    if not hasattr(function, "op") and name in op_.OPS:
        function = op_.OPS[name].function
    if not hasattr(function, "op"):
        raise ValueError(
            f"the configuration names the operation {kind!r}, which is not known.{near(name, ops.__all__)}"
        )
    return function.op
