"""What a layer requires of its inputs."""

from typing import Any

from kerastorch import dtypes
from kerastorch.errors import LayerError


class InputSpec:
    """Rank, shape and dtype that an input must have.

    Args:
        dtype: Required dtype, None for any.
        shape: Required shape; None in it fits any size.
        ndim, max_ndim, min_ndim: Required rank.
        axes: Mapping from axis to required size.
        allow_last_axis_squeeze: Whether a last dimension of 1 may be missing or too much.
        name: Name of the input, where inputs are given by name.
        optional: Whether the input may be None.
    """

    def __init__(self, dtype=None, shape=None, ndim=None, max_ndim=None, min_ndim=None, axes=None,
                 allow_last_axis_squeeze=False, name=None, optional=False):  # fmt: skip
        self.dtype = dtypes.standardize(dtype) if dtype is not None else None
        self.shape = None if shape is None else tuple(shape)
        self.ndim = ndim if shape is None else len(self.shape or ())
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.allow_last_axis_squeeze, self.name, self.optional = allow_last_axis_squeeze, name, optional
        try:
            self.axes = {int(k): v for k, v in (axes or {}).items()}
        except (TypeError, ValueError, AttributeError) as error:
            raise TypeError(f"InputSpec: axes must map axis numbers to sizes, not {axes!r}") from error

    def get_config(self) -> dict[str, Any]:
        """The arguments as a dictionary."""
        return {k: getattr(self, k) for k in ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")}

    @classmethod
    def from_config(cls, config):
        """A spec from what `get_config` gave."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"InputSpec({', '.join(f'{k}={v}' for k, v in self.get_config().items() if v)})"

    def problem(self, shape: tuple[int | None, ...]) -> str | None:
        """What is wrong with an input of this shape; None where nothing is."""
        rank = len(shape)
        if self.shape is not None and self.allow_last_axis_squeeze:
            if rank == len(self.shape) + 1 and shape[-1] == 1:
                shape, rank = shape[:-1], rank - 1
            elif rank == len(self.shape) - 1 and self.shape[-1] == 1:
                shape, rank = (*shape, 1), rank + 1
        if self.ndim is not None and rank != self.ndim:
            return f"needs an input of rank {self.ndim}"
        if self.max_ndim is not None and rank > self.max_ndim:
            return f"needs an input of rank at most {self.max_ndim}"
        if self.min_ndim is not None and rank < self.min_ndim:
            return f"needs an input of rank at least {self.min_ndim}"
        for axis, size in self.axes.items():
            if size is not None and (not -rank <= axis < rank or shape[axis] not in (size, None)):
                return f"needs an input whose axis {axis} has size {size}"
        if self.shape is not None and any(
            a is not None and b is not None and a != b for a, b in zip(self.shape, shape, strict=True)
        ):
            return f"needs another input (expected shape={self.shape}, found shape={shape})"
        return None


def check(layer: Any, specs: Any, inputs: Any, shape_of: Any) -> None:
    """Raises LayerError where inputs do not fit the layer's input_spec."""
    from kerastorch import tree

    if isinstance(specs, dict) and isinstance(inputs, dict):
        pairs = [(specs[k], inputs[k]) for k in specs if k in inputs]
    else:
        flat = tree.leaves(specs)
        values = [inputs] if len(flat) == 1 and not isinstance(inputs, list | tuple | dict) else tree.leaves(inputs)
        if len(flat) == 1 and len(values) > 1:
            raise LayerError(f"layer {layer.name!r} ({type(layer).__name__}) takes one input, but was given {len(values)}")
        if len(flat) != len(values):
            raise LayerError(f"layer {layer.name!r} ({type(layer).__name__}) takes {len(flat)} inputs, but was given {len(values)}")
        pairs = list(zip(flat, values, strict=True))
    for spec, value in pairs:
        if spec is None or value is None and spec.optional:
            continue
        shape = shape_of(value)
        why = spec.problem(shape) if shape is not None else "needs a tensor"
        if why:
            raise LayerError(f"layer {layer.name!r} ({type(layer).__name__}) {why}: one of shape {shape} is "
                             "incompatible with the layer")  # fmt: skip
