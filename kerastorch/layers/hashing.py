"""Layers that hash text and numbers into bins, with the hashes that TensorFlow uses."""

import numpy as np

from kerastorch import dtypes, fields
from kerastorch.fields import declare
from kerastorch.graph import KerasTensor
from kerastorch.layers.data_layer import SALT, DataLayer, as_array, check_sparse, encode, encoded_shape, host, mode
from kerastorch.layers.structures import TEXT
from kerastorch.op import dtype_of, shape_of
from kerastorch.utils import fingerprints

HASH_KEY = 0xDECAFCAFFE  # with which TensorFlow begins a cross


@host
def hashed(x, bins, salt, mask_value):
    """The bins, from 0 up to `bins`, of text or integers by their decimal digits.

    Args:
        x: Array of text or numbers; numbers with a fraction are cut off.
        bins: Number of bins.
        salt: Key of SipHash, two integers; FarmHash is used where it is None.
        mask_value: What goes into bin 0, the others then sharing the rest; None where no value does.
    """
    x = as_array(x)
    masked = mask_value is not None and bins > 1
    words = as_bytes(x)
    values = fingerprints.farmhash(words) if salt is None else fingerprints.siphash(words, salt)
    out = (values % np.uint64(bins - masked)).astype("int64").reshape(x.shape)
    if masked:
        same = x == mask_value if x.dtype.kind in "iufb" else np.reshape([w == as_bytes(mask_value)[0] for w in words], x.shape)
        out = np.where(same, 0, out + 1)
    return out


@host
def crossed(xs, bins):
    """The bins of several values together, of the rows of arrays of text or integers."""
    xs = [as_array(x) for x in xs]
    out = np.full(xs[0].size, HASH_KEY, "uint64")
    for x in xs:
        integers = x.dtype.kind in "iub"
        values = x.ravel().astype("int64").view("uint64") if integers else fingerprints.farmhash(as_bytes(x))
        out = fingerprints.concatenated(out, values)
    return (out % np.uint64(bins)).astype("int64").reshape(xs[0].shape)


def as_bytes(x):
    """Text, or numbers by their decimal digits, as a flat list of bytes.

    Raises:
        TypeError: Where there is anything else among text.
    """
    x = np.ravel(x)
    if x.dtype.kind in "fiub":
        return [b"%d" % v for v in x.astype("int64").tolist()]
    words = x.tolist()
    other = set(map(type, words)) - {str, bytes}
    if other:
        raise TypeError(f"text is needed, that is strings, but there is {' and '.join(sorted(t.__name__ for t in other))} in it")
    return [w.encode() if isinstance(w, str) else w for w in words]


def _bins(value):
    if value is None or value <= 0:
        raise ValueError(f"The `num_bins` for `Hashing` cannot be `None` or non-positive, as {value!r} is")
    return value


class HashLayer(DataLayer):
    """A layer whose output, unless a dtype is given, is int64 where it is bin numbers and floatx else."""

    runs_on_host = True
    output_mode: str
    number_of_classes = property(lambda self: self.num_bins)

    def __init__(self, *, dtype=None, **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self._dtype_is_open = dtype is None

    def __post_init__(self):
        check_sparse(self)
        if self._dtype_is_open:
            self.dtype_policy = "int64" if self.output_mode == "int" else dtypes.floatx()


@declare
class Hashing(HashLayer):
    """Text or integers hashed into bins: FarmHash, or with a salt SipHash (Aumasson and Bernstein, 2012).

    Args:
        num_bins: Number of bins, that of the mask included.
        mask_value: What goes into bin 0, into which then nothing else goes.
        salt: Key of SipHash, one or two integers; None uses FarmHash.
        output_mode: "int", "one_hot", "multi_hot" or "count", see `CategoryEncoding`.
        sparse: Whether the output is sparse, where the backend has sparse tensors.
    """

    num_bins: fields.Field(_bins)
    mask_value: fields.PLAIN = None
    salt: SALT = None
    output_mode: mode("int", "one_hot", "multi_hot", "count") = "int"
    sparse: bool = False

    def __post_init__(self):
        super().__post_init__()
        if self.output_mode == "int" and self.compute_dtype not in ("int32", "int64"):
            raise ValueError(
                'Hashing: When `output_mode="int"`, `dtype` should be an integer type, "int32" or "int64", '
                f"not {self.compute_dtype!r}"
            )

    def call(self, inputs):
        bins = self._result(hashed(inputs, self.num_bins, self.salt, self.mask_value))
        return encode(bins, self.output_mode, self.num_bins, self.compute_dtype, self.sparse)

    def compute_output_shape(self, input_shape):
        return encoded_shape(input_shape, self.output_mode, self.num_bins)

    def compute_output_spec(self, inputs):
        return KerasTensor(self.compute_output_shape(inputs.shape), self.compute_dtype, sparse=self.sparse)


@declare
class HashedCrossing(HashLayer):
    """Several features of text or integers together, hashed into bins.

    Args:
        num_bins: Number of bins.
        output_mode: "int" or "one_hot", see `CategoryEncoding`.
        sparse: Whether the output is sparse, where the backend has sparse tensors.
    """

    num_bins: int
    output_mode: mode("int", "one_hot") = "int"
    sparse: bool = False
    name: fields.Base = None
    dtype: fields.Base = None

    def call(self, inputs):
        what = "HashedCrossing"
        if not isinstance(inputs, list | tuple):
            raise ValueError(f"`{what}` should be called on a list or tuple of inputs, not on {type(inputs).__name__}")
        if len(inputs) < 2:
            raise ValueError(f"`{what}` should be called on at least two inputs, not on {len(inputs)}")
        shapes = [tuple(shape_of(x)) for x in inputs]
        if len(shapes[0]) > 2 or len(shapes[0]) == 2 and shapes[0][1] != 1:
            raise ValueError(f"All `{what}` inputs should have shape `()`, `(batch_size)` or `(batch_size, 1)`, not {shapes}")
        if len(set(shapes)) > 1:
            raise ValueError(f"All `{what}` inputs should have equal shape, not {shapes}")
        kinds = {dtype_of(x) for x in inputs if getattr(x.dtype, "kind", "") not in TEXT}
        if not all(k == "string" or dtypes.is_integer(k) for k in kinds):
            raise ValueError(f"All `{what}` inputs should have an integer or string dtype, not {', '.join(sorted(kinds))}")
        bins = self._result(crossed(inputs, self.num_bins))
        return encode(bins, self.output_mode, self.num_bins, self.compute_dtype, self.sparse)

    def compute_output_shape(self, input_shape):
        if len(input_shape) != 2 or not all(isinstance(s, list | tuple) for s in input_shape):
            raise ValueError(f"HashedCrossing: the shapes of two inputs are needed, not {input_shape}")
        if tuple(input_shape[0])[-1:] != tuple(input_shape[1])[-1:]:
            raise ValueError(f"HashedCrossing: both inputs must have the same shape, not {input_shape}")
        return encoded_shape(input_shape[0], self.output_mode, self.num_bins)

    def compute_output_spec(self, inputs):
        shape = encoded_shape(inputs[0].shape, self.output_mode, self.num_bins)
        return KerasTensor(shape, self.compute_dtype, sparse=self.sparse)

    def get_config(self):
        config = self.declared_config()
        del config["trainable"]
        return {**config, "dtype": self.dtype}
