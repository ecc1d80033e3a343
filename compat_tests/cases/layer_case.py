"""What one record about a layer says; `test_layers.py` makes all its tests from it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Data:
    """A random array: normal numbers where `below` is 0, else integers from 0 up to it."""

    shape: Shape
    dtype: str = "float32"
    below: int = 0


def ints(*shape: int, below: int = 5, dtype: str = "int32") -> Data:
    """Random integers from 0 up to `below`."""
    return Data(shape, dtype, below)


@dataclass(frozen=True)
class Case:
    """One way to use a layer.

    Attributes:
        layer: Name of the class in `layers`.
        inputs: Shape of the input, or `Data`, or a list of such for a layer with several inputs; with the batch axis.
        kwargs: The constructor's arguments, or a function that makes them from the Keras in question.
        apart: Whether several inputs are arguments of their own rather than a list.
        keywords: Further arguments of each call.
        mask: Shape of a random mask of the input; a list with one each, or None, for several inputs.
        training: Whether a call in training gives one certain result, which is then compared too.
        unknown: Axes of the inputs, that of the batch aside, whose size the record need not know.
        gradient: Whether gradients are compared.
        recorded: Whether the shapes and dtypes that the reference records are compared with ours.
        expected: The output, worked out from the inputs and weights in numpy, where reference Keras is wrong on torch;
            gradients are not compared then.
        tolerance: Relative and absolute, for outputs; gradients are allowed ten times as much.
        note: What tells the case from others of the layer.
    """

    layer: str
    inputs: Any
    kwargs: dict[str, Any] | Callable[[Any], dict[str, Any]] = field(default_factory=dict)
    apart: bool = False
    keywords: dict[str, Any] = field(default_factory=dict)
    mask: Any = None
    training: bool = True
    unknown: tuple[int, ...] = ()
    gradient: bool = True
    recorded: bool = True
    expected: Callable[..., Any] | None = None
    tolerance: tuple[float, float] = (1e-5, 1e-5)
    note: str = ""

    @property
    def id(self) -> str:
        shown = {**({} if callable(self.kwargs) else self.kwargs), **self.keywords}
        given = ",".join(f"{k}={v}" for k, v in shown.items())
        parts = [self.layer, given, self.note, "masked" if self.mask is not None else ""]
        return "-".join(p for p in parts if p).replace(" ", "")

    @property
    def several(self) -> bool:
        """Whether the layer takes a list of inputs."""
        return isinstance(self.inputs, list)

    @property
    def data(self) -> list[Data]:
        """The inputs, always as a list."""
        given = self.inputs if self.several else [self.inputs]
        return [d if isinstance(d, Data) else Data(d) for d in given]

    @property
    def masks(self) -> list[Shape | None]:
        """The masks' shapes, one per input."""
        if self.several:
            return self.mask or [None] * len(self.inputs)
        return [self.mask]

    def packed(self, values: Sequence[Any]) -> list[Any]:
        """One value for each input, as the layer's positional arguments."""
        return list(values) if self.apart else [list(values) if self.several else values[0]]

    def arguments(self, keras: Any) -> dict[str, Any]:
        """The constructor's arguments, with objects of the given Keras."""
        return self.kwargs(keras) if callable(self.kwargs) else dict(self.kwargs)
