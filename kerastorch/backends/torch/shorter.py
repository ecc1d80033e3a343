"""Shorter code for what losses and metrics write op by op: the same values by fewer calls of torch."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import fx

from kerastorch import dtypes
from kerastorch.backends.torch.ops.shaping import size_of
from kerastorch.backends.torch.tensors import native_dtype
from kerastorch.graph import KerasTensor

Known = Mapping[fx.Node, KerasTensor]
"""What is known of the tensors that nodes stand for."""

DISTANCES = {torch.square: torch._C._nn.mse_loss, torch.abs: torch._C._nn.l1_loss}  # of a difference, and the mean or sum of it
REDUCTIONS = {torch.mean: 1, torch.sum: 2}  # as those functions number them
COMPARISONS = (torch.eq, torch.ne, torch.lt, torch.le, torch.gt, torch.ge)
ROWWISE = (torch.mean, torch.sub, torch.square, torch.abs, *COMPARISONS)  # where means leave the first axis alone


def shorten(graph: fx.Graph, known: Known) -> None:
    """Rewrites a graph in place by the rules below, each of which leaves its values as they are (sums up to rounding)."""
    for rule, targets in RULES:
        for node in list(graph.nodes):
            if node.target in targets:
                rule(graph, node, known)
    for node in reversed(graph.nodes):
        if not node.users and (_is_cast(node) or _calls(node, *ROWWISE)):
            graph.erase_node(node)


def _is_cast(node: Any) -> bool:
    return isinstance(node, fx.Node) and node.op == "call_method" and node.target == "to"


def _calls(node: Any, *functions: Callable) -> bool:
    return isinstance(node, fx.Node) and node.op == "call_function" and node.target in functions


def _of_everything(node: fx.Node) -> bool:
    """Whether a mean or sum is over all dimensions."""
    return node.args[1:] == (None, False)


def _axes(mean: fx.Node) -> tuple[int, ...]:
    axes = mean.args[1]
    return tuple(axes) if isinstance(axes, tuple | list) else (axes,)


def compared_as_they_are(graph: fx.Graph, node: fx.Node, known: Known) -> None:
    """Comparing brings both sides to one dtype itself; and the place of a maximum fits into any that it is cast to."""
    for i, other in ((0, node.args[1]), (1, node.args[0])):
        while _is_cast(node.args[i]) and other in known and known[other].shape:
            x, to = node.args[i].args
            if not _calls(x, torch.argmax):
                if x not in known or not known[x].shape:
                    break
                dtype, others = (native_dtype(known[n].dtype) for n in (x, other))
                same = torch.promote_types(dtype, others) == torch.promote_types(to, others)
                if not same or not _bits(dtype) < _bits(to):
                    break
            node.update_arg(i, x)


def _bits(dtype: torch.dtype) -> int:
    """What a dtype has for integers; booleans are taken to need one bit, and others than integers to have two."""
    kind = dtype.is_floating_point or dtype.is_complex
    return 1 if dtype == torch.bool else 2 if kind else torch.iinfo(dtype).bits


def rows_of_operand(graph: fx.Graph, node: fx.Node, known: Known) -> None:
    """What is made of rows one by one has as many of them."""
    x, axis = node.args
    while axis == 0 and x in known and (_is_cast(x) or _calls(x, *ROWWISE)):
        came = [a for a in x.args if a in known and len(known[a].shape) >= len(known[x].shape) and known[a].shape[0] is None]
        if not came or _calls(x, torch.mean) and (x.args[1] is None or 0 in (a % len(known[came[0]].shape) for a in _axes(x))):
            return
        node.update_arg(0, x := came[0])


def mean_of_means(graph: fx.Graph, node: fx.Node, known: Known) -> None:
    """The mean of means over some axes is the mean."""
    inner = node.args[0]
    if _of_everything(node) and _calls(inner, torch.mean) and not inner.args[2]:
        node.update_arg(0, inner.args[0])


def sum_of_single(graph: fx.Graph, node: fx.Node, known: Known) -> None:
    """What is summed up may keep an axis of one value, over which a mean does nothing."""
    inner = node.args[0]
    if not _of_everything(node) or not _calls(inner, torch.mean) or inner.args[1] is None or inner.args[0] not in known:
        return
    if all(known[inner.args[0]].shape[a] == 1 for a in _axes(inner)):
        node.update_arg(0, inner.args[0])


def distance(graph: fx.Graph, node: fx.Node, known: Known) -> None:
    """The mean (or sum) of squared or absolute differences between tensors of one shape is one function."""
    apart = node.args[0]
    if not _of_everything(node) or not _calls(apart, *DISTANCES) or not _calls(apart.args[0], torch.sub):
        return
    x, y = apart.args[0].args
    if x in known and y in known and known[x].shape == known[y].shape and known[x].dtype == known[y].dtype:
        if dtypes.is_float(known[x].dtype):
            node.target, node.args = DISTANCES[apart.target], (x, y, REDUCTIONS[node.target])


def sum_of_cast(graph: fx.Graph, node: fx.Node, known: Known) -> None:
    """A sum can be taken in another dtype."""
    cast = node.args[0]
    if _of_everything(node) and _is_cast(cast):
        node.args, node.kwargs = (cast.args[0],), {"dtype": cast.args[1]}


Rule = Callable[[fx.Graph, fx.Node, Known], None]
RULES: tuple[tuple[Rule, tuple[Any, ...]], ...] = (  # in the order in which they are tried, with what they are tried on
    (compared_as_they_are, COMPARISONS),
    (rows_of_operand, (size_of,)),
    (mean_of_means, (torch.mean,)),
    (sum_of_single, (torch.sum,)),
    (distance, (torch.mean, torch.sum)),
    (sum_of_cast, (torch.sum,)),
)
