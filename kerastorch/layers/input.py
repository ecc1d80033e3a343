"""Where a graph begins."""

import warnings

from kerastorch import backend_registry, dtypes
from kerastorch.graph import KerasTensor, Node
from kerastorch.layers.base import Layer
from kerastorch.variable import standardize_shape


class InputLayer(Layer):
    """Stands for one input of a model; `output` is its KerasTensor.

    Args:
        shape: Shape of one sample: tuple of int or None.
        batch_size: Number of samples in each batch, None for any.
        dtype: Dtype of the input; None is floatx, or that of `input_tensor`.
        sparse, ragged: Whether the input is sparse or ragged.
        batch_shape: Shape with the batch axis, in place of `shape` and `batch_size`.
        input_tensor: A KerasTensor to take as the input, in place of a new one.
        optional: Whether None may be given for the input.
        name: Name; made unique where it is None.

    Raises:
        ValueError: Where no shape is given, or two are, or one that is at odds with `input_tensor`.
    """

    is_input = True
    built = True

    def __init__(self, shape=None, batch_size=None, dtype=None, sparse=None, ragged=None, batch_shape=None,
                 input_tensor=None, optional=False, name=None, **kwargs):  # fmt: skip
        if "input_shape" in kwargs:
            warnings.warn("Argument `input_shape` is deprecated. Use `shape` instead.", stacklevel=2)
            shape = kwargs.pop("input_shape")
        batch_shape = kwargs.pop("batch_input_shape", batch_shape)
        if kwargs:
            raise TypeError(f"InputLayer: unknown arguments {', '.join(sorted(kwargs))}")
        super().__init__(name=name)
        if batch_shape is not None and (shape is not None or batch_size is not None):
            beside = "shape" if shape is not None else "batch_size"
            raise ValueError(f"Input: batch_shape={batch_shape} says all: you cannot pass both `{beside}` and `batch_shape`")
        tensor = input_tensor
        if shape is not None:
            shape = _shape(shape)
            batch_shape = (batch_size, *shape)
        if tensor is None:
            if batch_shape is None:
                raise ValueError("Input: a shape is needed: pass a `shape` argument. Or give batch_shape, with the batch axis")
            tensor = KerasTensor(_shape(batch_shape), dtype, sparse=bool(sparse), ragged=bool(ragged), name=name)
        else:
            _agree(tensor, shape, batch_size, batch_shape, dtype, sparse)
        self._batch_shape, self._tensor_dtype = tensor.shape, tensor.dtype
        self.sparse, self.ragged, self.optional = tensor.sparse, tensor.ragged, optional
        backend_registry.at_hand()  # which records its framework's modules when they are called on what begins here
        node = Node(self, (), {})
        node.emit(tensor)
        self._state.nodes.append(node)

    batch_shape = property(lambda self: self._batch_shape)
    dtype = property(lambda self: self._tensor_dtype)

    def call(self):
        return None

    def get_config(self):
        """The constructor's arguments as JSON-like values."""
        return {k: getattr(self, k) for k in ("batch_shape", "dtype", "sparse", "ragged", "name", "optional")}

    @classmethod
    def from_config(cls, config):
        """A new layer from what `get_config` gave."""
        return cls(**config)


def _shape(shape):
    if not hasattr(shape, "__index__") and not hasattr(shape, "__iter__"):
        raise ValueError(f"Input: a shape is a tuple of int or None, not {shape!r}")
    dims = (shape,) if hasattr(shape, "__index__") else tuple(shape)
    standardize_shape([0 if d is None else d for d in dims], "Input")
    return dims


def _agree(tensor, shape, batch_size, batch_shape, dtype, sparse):
    if not isinstance(tensor, KerasTensor):
        raise ValueError(f"Input: Argument `input_tensor` must be a KerasTensor, not a {type(tensor).__name__}")
    for what, given, have in (
        ("shape", shape, tensor.shape[1:]),
        ("batch_size", batch_size, tensor.shape[0] if tensor.shape else None),
        ("batch_shape", None if shape is not None or batch_shape is None else tuple(batch_shape), tensor.shape),
        ("dtype", None if dtype is None else dtypes.standardize(dtype), tensor.dtype),
        ("sparse", sparse, tensor.sparse),
    ):
        if given is not None and given != have:
            raise ValueError(f"Input: {what}={given} is at odds with the tensor given, which has {have}: you cannot provide an "
                             f"incompatible `{what}`")  # fmt: skip


def Input(shape=None, batch_size=None, dtype=None, sparse=None, ragged=None, batch_shape=None, name=None, tensor=None,
          optional=False):  # fmt: skip
    """A KerasTensor at which a graph begins; arguments as for `InputLayer`, with `tensor` for `input_tensor`."""
    layer = InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name)
    return layer.output
