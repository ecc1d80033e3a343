"""Functions over ops as generated torch code: what runs at every step costs no dispatch."""

from collections.abc import Callable, Sequence
from typing import Any

import optree
import torch

from kerastorch import variable as variable_
from kerastorch.backends.torch import native, tensors
from kerastorch.backends.torch.lowering import Lowering, Writer
from kerastorch.backends.torch.modules import Lowered
from kerastorch.backends.torch.shorter import shorten
from kerastorch.graph import KerasTensor
from kerastorch.op import trace
from kerastorch.tree import NAMESPACE
from kerastorch.variable import Variable

KINDS = 16  # of arguments that code is generated for; whatever varies more often is not worth it


class Traced:
    """A function over ops that is recorded once for each kind of arguments, and runs as the torch code generated from that.

    Arguments with anything but dense tensors in them run the function itself.

    Args:
        backend: The torch backend.
        function: Takes nests of tensors, the first dimension of each being the batch. It may change variables.
        variables: The variables that it uses. They live in the generated code's module.
        finish: What is done with the generated forward, such as `torch.compile`.
    """

    def __init__(self, backend: Any, function: Callable, variables: Sequence[Variable] = (), finish: Callable | None = None):
        self.backend, self.function, self.variables, self.finish = backend, function, list(variables), finish
        self.settle()

    def settle(self) -> None:
        """Brings the variables here; what was generated when they lived elsewhere is void."""
        self.root, weights = native.hold(self.variables, tensors.current_device(), tensors.native_dtype)
        native.place(self.backend, self.root, weights, adopt=True)
        self.names = {id(w.variable): w.names[0] for w in weights}
        self.homes = [v.home for v in self.variables]
        self.moves = variable_.moves
        self.made: dict[Any, Callable] = {}

    def __call__(self, *nests: Any) -> Any:
        leaves = [x for x in nests if x is not None]
        spec: Any = tuple([x is not None for x in nests])  # says all of arguments that are tensors or None, as nearly always
        if not all(isinstance(x, torch.Tensor) for x in leaves):
            leaves, spec = optree.tree_flatten(nests, namespace=NAMESPACE)
        if not all(isinstance(x, torch.Tensor) and x.layout is torch.strided for x in leaves):
            return self.function(*nests)
        masks = [getattr(x, "_keras_mask", None) for x in leaves]
        if self.moves != variable_.moves:
            if all(v.home is home for v, home in zip(self.variables, self.homes, strict=True)):
                self.moves = variable_.moves
            else:
                self.settle()
        masked = [m for m in masks if m is not None]
        key = spec, *[(x.shape[1:], x.dtype) for x in leaves], *(m is not None for m in masks)
        made = self.made.get(key)
        if made is None:
            if len(self.made) == KINDS:
                return self.function(*nests)
            made = self.made[key] = self.make(optree.tree_structure(nests, namespace=NAMESPACE), leaves, masks)
        return made(*leaves, *masked)

    def make(self, spec: Any, leaves: list[torch.Tensor], masks: list[torch.Tensor | None]) -> Callable:
        """The code for arguments like these."""
        inputs = [KerasTensor((None, *x.shape[1:]) if x.ndim else (), tensors.dtype(x))
                  for x in (*leaves, *(m for m in masks if m is not None))]  # fmt: skip

        def run(*fresh: KerasTensor) -> Any:
            rest = iter(fresh[len(leaves) :])
            for x, mask in zip(fresh, masks, strict=False):
                if mask is not None:
                    x._keras_mask = next(rest)  # type: ignore[attr-defined]
            return self.function(*spec.unflatten(fresh[: len(leaves)]))

        writer = Writer(Lowering(self.backend, adopt=True, export=False), self.root, self.names)
        writer.write(trace(run, inputs))
        shorten(writer.graph, writer.known())
        forward = Lowered(self.root, [writer.graph], type(self).__name__).forward
        return forward if self.finish is None else self.finish(forward)
