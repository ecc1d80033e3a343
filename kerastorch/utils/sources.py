"""Where recorded tensors come from."""

from kerastorch import tree
from kerastorch.graph import KerasTensor


def get_source_inputs(tensor):
    """The tensors at which the graph of a KerasTensor, or of a list of them, begins.

    Args:
        tensor: KerasTensor or nest of them.

    Returns:
        List of KerasTensors, in the order in which they are met; a tensor without history itself.
    """
    if isinstance(tensor, KerasTensor) and tensor.node is None:
        return tensor
    found: dict[int, KerasTensor] = {}
    seen: set[int] = set()
    stack = list(reversed(tree.leaves(tensor)))
    while stack:
        t = stack.pop()
        if id(t) in seen:
            continue
        seen.add(id(t))
        if t.node is None or not t.node.inputs:
            found[id(t)] = t
        else:
            stack.extend(reversed(t.node.inputs))
    return list(found.values())
