"""What TensorFlow does with single tensors: recognise, make, cast, read, place."""

import contextlib
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import record  # the public API pauses a tape only through the tape object

from kerastorch import backend_registry, dtypes
from kerastorch import op as declarations
from kerastorch.graph import KerasTensor
from kerastorch.variable import Variable

# TensorFlow's dtypes are hashed in Python, the numbers behind them are not.
with tf.init_scope():  # a pipeline that is being traced may be what first needs this module
    READERS = {kind: kind._datatype_enum for kind in (type(tf.constant(0)),)}


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor of TensorFlow: dense, sparse or ragged, or a variable."""
    return tf.is_tensor(x)


def is_constant(x: Any) -> bool:
    """Whether a tensor is nothing but its values."""
    return isinstance(x, tf.__internal__.EagerTensor)


def dtype(x: Any) -> str:
    """A tensor's dtype by Keras's name."""
    return x.dtype.name


def shape(x: Any) -> tuple[int | None, ...]:
    """A tensor's shape, None where it is not known while a function is traced.

    Raises:
        ValueError: Where not even the rank is known.
    """
    if isinstance(x, tf.IndexedSlices):  # whose own `shape` fails where its sizes are no tensor
        sizes = tf.get_static_value(x.dense_shape) if tf.is_tensor(x.dense_shape) else x.dense_shape
        return tuple(int(size) for size in sizes) if sizes is not None else (None, *x.values.shape[1:])
    if x.shape.rank is None:
        raise ValueError(f"a tensor of unknown rank was given: {x}; state its rank with tf.ensure_shape")
    return tuple(x.shape)


def convert(x: Any, dtype: str | None = None, alias: bool = False) -> Any:
    """A number, nest, array or tensor as a tensor on the current device.

    Args:
        x: What is converted. Arrays keep their dtype; Python numbers take int32, floatx, bool or complex64.
        dtype: Dtype of the result; None keeps or infers it.
        alias: Accepted as on every backend; TensorFlow copies.
    """
    if isinstance(x, Variable):
        x = x.tensor(backend_registry.get("tensorflow"))
    if isinstance(x, KerasTensor):
        raise ValueError(f"{x} is symbolic and has no values to convert to a TensorFlow tensor")
    foreign = backend_registry.of(x)
    if foreign is not None and tf.is_tensor(x):
        x = tf.convert_to_tensor(x) if isinstance(x, tf.Variable | tf.IndexedSlices) else x
        return x if dtype is None else cast(x, dtype)
    wanted = None if dtype is None else dtypes.standardize(dtype)
    scalar = dtypes.of_python(x)
    if scalar is not None:
        kind = wanted or dtypes.concrete(scalar)
        if dtypes.is_float(scalar) and not dtypes.is_float(kind) or kind == "bool":
            return tf.cast(x, kind)
        return tf.constant(x, kind)
    if isinstance(x, list | tuple):
        if declarations.holds_tensors(x):
            return tf.stack([convert(item, dtype) for item in x])
        wanted = wanted or declarations.dtype_of(x)
    result = tf.convert_to_tensor(np.asarray(x) if foreign is None else foreign.numpy(x))
    return result if wanted is None or result.dtype == wanted else tf.cast(result, wanted)


def cast(x: Any, dtype: str) -> Any:
    """A tensor in another dtype; complex numbers lose their imaginary part where the dtype is real."""
    wanted = tf.as_dtype(dtypes.standardize(dtype))
    if x.dtype.is_complex and not wanted.is_complex:
        x = tf.math.real(x)
    return tf.cast(x, wanted)


def dense(x: Any) -> Any:
    """A tensor of any kind as a dense one, filled up with zeros."""
    if isinstance(x, tf.SparseTensor):
        return tf.sparse.to_dense(tf.sparse.reorder(x))
    if isinstance(x, tf.RaggedTensor):
        return x.to_tensor()
    return tf.convert_to_tensor(x) if isinstance(x, tf.IndexedSlices) else x


def numpy(x: Any) -> np.ndarray:
    """A tensor as a numpy array; sparse and ragged ones are filled up with zeros."""
    x = dense(x)
    # numpy cannot take bfloat16 without dimensions from a tensor itself.
    return np.asarray(x if x.shape.rank else x.numpy())


def sparse(x: Any, dtype: str) -> tf.SparseTensor:
    """A scipy CSR array as a sparse tensor."""
    x = x.sorted_indices().tocoo()
    return tf.SparseTensor(np.stack([x.row, x.col], 1).astype("int64"), tf.cast(x.data, dtype), x.shape)


def joined(parts: list[Any]) -> Any:
    """Tensors put one after the other, as a numpy array; as a ragged tensor where no array can hold them."""
    if any(isinstance(x, tf.RaggedTensor) for x in parts):
        return tf.concat(parts, 0)
    arrays = [numpy(x) if tf.is_tensor(x) else x for x in parts]
    if len({x.shape[1:] for x in arrays}) > 1 and len({x.ndim for x in arrays}) == 1:
        return tf.concat([tf.RaggedTensor.from_tensor(x, ragged_rank=x.ndim - 1) for x in arrays], 0)
    return np.concatenate(arrays)


# ------------------------------------------------------------------------------------------------ devices


def devices() -> list[str]:
    """The devices at hand by Keras's names, accelerators first."""
    found = [d.name.rpartition("/device:")[2].lower() for d in tf.config.list_logical_devices()]
    return sorted(found, key=lambda name: name.startswith("cpu"))


def current_device() -> str:
    """Where new tensors are put, by Keras's name."""
    return tf.zeros(()).device.rpartition("/device:")[2].lower() if tf.executing_eagerly() else devices()[0]


def on_device(name: str) -> contextlib.AbstractContextManager[Any]:
    """New tensors are put on this device inside."""
    return tf.device(name)


# ------------------------------------------------------------------------------------------------ running


def tracing() -> bool:
    """Whether a tf.function is being traced."""
    return not tf.executing_eagerly()


def seed(value: int) -> None:
    """Seeds TensorFlow's global generator."""
    tf.random.set_seed(value)


def no_gradient() -> contextlib.AbstractContextManager[Any]:
    """A context in which no open tape records."""
    return record.stop_recording()


def gather(tensor: Any, index_array: Any) -> Any:
    """The rows of a tensor that an integer array names."""
    return tf.gather(tensor, index_array)
