"""Sparsity rules of ops: whether a result is sparse, by which operands are.

A rule takes a list with a truth value for each operand, and by name whatever attributes of the op it asks for, and answers with
a truth value. An op without a rule has dense results, and is given dense operands. On a backend with sparse tensors the rules say
what such tensors give there; others have them in name only.
"""


def kept(operands: list[bool]) -> bool:
    """As the first operand: the op moves elements, or gives 0 for 0."""
    return operands[0]


def union(operands: list[bool]) -> bool:
    """Sparse where all operands are: there may be values wherever one of them has some."""
    return all(operands)


def intersection(operands: list[bool]) -> bool:
    """Sparse where any operand is: there are no values where one of them has none."""
    return any(operands)


def quotient(operands: list[bool]) -> bool:
    """As the first operand, unless the second is sparse too: 0 divided by 0 is NaN."""
    return operands[0] and not operands[1]


def on_request(operands: list[bool], *, sparse: bool) -> bool:
    """Sparse where the op's own argument asks for it."""
    return sparse
