"""Weights of tf.keras models in TensorFlow's checkpoints and SavedModels.

A checkpoint has a graph of objects: each node has named children and, where it is a variable, the key of its value. The names are
those of the attributes that hold the objects; the layers of Sequential and functional models are numbered instead.
"""

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from kerastorch.models.model import Model
from kerastorch.models.sequential import Sequential
from kerastorch.saving import weights
from kerastorch.saving.tensor_bundle import INDEX, Bundle, Malformed, bytes_of, message, number
from kerastorch.saving.tracking import children_of
from kerastorch.variable import Variable

GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
VALUE = b"VARIABLE_VALUE"
NUMBERED = "layer_with_weights-{}"
OLD_NAMES = {"kernel": "depthwise_kernel"}  # attributes of layers today, and in tf.keras


class Node(NamedTuple):
    """An object of a checkpoint."""

    children: dict[str, int]
    key: str  # of the value of a variable; empty for other objects


def prefix_of(path: str) -> str | None:
    """The path of the bundle that a path means: a checkpoint's without an ending, or a SavedModel's folder; None if neither."""
    inside = os.path.join(path, "variables", "variables")
    return next((p for p in (path, path.removesuffix(INDEX), inside) if os.path.isfile(p + INDEX)), None)


def load_weights(model: Any, prefix: str, skip_mismatch: bool) -> None:
    """Sets a model's weights from a checkpoint; nothing is changed where they do not fit.

    Args:
        model: A built model.
        prefix: The path without `.index`.
        skip_mismatch: Whether weights that do not fit stay as they are, with a warning.

    Raises:
        ValueError: If the checkpoint is damaged or hostile, or does not fit the model.
    """
    bundle = Bundle(prefix)
    try:
        nodes = _nodes(bundle)
        found = dict(_matched(model, nodes))
        pairs, problems = [], []
        for v in model.weights:
            key = found.get(v, "")
            if key not in bundle:
                problems.append(f"it has nothing for {v.path!r} of shape {v.shape}")
            elif bundle.shape(key) != v.shape:
                problems.append(f"{key} has shape {bundle.shape(key)}, but {v.path!r} has {v.shape}, and the two must match")
            else:
                pairs.append((v, bundle.read(key)))
    except (Malformed, UnicodeDecodeError, IndexError) as error:
        raise ValueError(f"{prefix}: the checkpoint is damaged: {error}") from error
    weights.report(problems, prefix, model, skip_mismatch)
    weights.assign_all(pairs)


def _nodes(bundle: Bundle) -> list[Node]:
    if GRAPH not in bundle:
        raise ValueError(
            f"{bundle.prefix} is a checkpoint of TensorFlow 1, which knows variables by their names alone; save it with tf.keras 2 "
            "first"
        )
    found = []
    for content in message(bundle.text(GRAPH)).get(1, []):
        node = message(content)
        children = {bytes_of(c, 2).decode(): number(c, 1) for c in map(message, node.get(1, []))}
        keys = [bytes_of(a, 3).decode() for a in map(message, node.get(2, [])) if bytes_of(a, 1) == VALUE]
        found.append(Node(children, keys[0] if keys else ""))
    return found


def _matched(model: Any, nodes: list[Node]) -> Iterator[tuple[Variable, str]]:
    """The variables of a model with the keys of their values."""
    seen: set[int] = set()
    stack: list[tuple[Any, int]] = [(model, 0)]
    while stack:
        owner, at = stack.pop()
        if isinstance(owner, Variable):
            yield owner, nodes[at].key
        if id(owner) in seen:
            continue
        seen.add(id(owner))
        children = nodes[at].children
        for name, child in _named(owner):
            name = name if name in children else OLD_NAMES.get(name, name)
            if name in children:
                stack.append((child, children[name]))


def _named(owner: Any) -> Iterator[tuple[str, Any]]:
    """What an object holds, by the names of checkpoints."""
    if isinstance(owner, list | tuple):
        yield from ((str(i), item) for i, item in enumerate(owner))
    elif isinstance(owner, dict):
        yield from ((str(key), item) for key, item in owner.items())
    elif isinstance(owner, Sequential) or (isinstance(owner, Model) and owner.graph is not None):
        yield from ((NUMBERED.format(i), x) for i, x in enumerate(x for x in owner.layers if x.weights))
    yield from children_of(owner)
