"""The table that `model.summary()` prints, drawn by rich."""

import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from kerastorch import dtypes, tree
from kerastorch.errors import near
from kerastorch.graph import Graph, Node
from kerastorch.layers.base import Layer
from kerastorch.utils import io

HEADINGS = (("Layer (type)", "left"), ("Output Shape", "left"), ("Param #", "right"), ("Connected to", "left"))
TRAINABLE = ("Trainable", "center")
# Width in characters, and where each column ends as a fraction of it: for a stack of layers, and for other graphs.
STACK = (88, (0.45, 0.80, 1.0))
NETWORK = (108, (0.3, 0.56, 0.74, 1.0))
UNITS = ("B", "KB", "MB", "GB", "TB", "PB")
NUMBER, UNKNOWN, CLASS, YES, NO = 34, 45, 33, 34, 9  # terminal colours


def print_summary(
    model, line_length=None, positions=None, print_fn=None, expand_nested=False, show_trainable=False, layer_range=None
) -> None:
    """Prints a table of a model's layers, their output shapes and their numbers of parameters.

    Args:
        model: The model.
        line_length: Width of the table in characters; it fits the terminal where None.
        positions: Where each column ends, as fractions of the width.
        print_fn: Called once with the whole text, in place of writing to standard output.
        expand_nested: Whether the layers of models inside the model get rows too.
        show_trainable: Whether a column says which layers are trained.
        layer_range: Names (or regular expressions for them) of the first and the last layer to show.

    Raises:
        ValueError: If the width is too small for the columns, or `layer_range` is malformed or matches no layer.
    """
    graph = model.graph if model.graph is not None and not hasattr(model, "pop") else None
    rows = list(model.operations if graph is not None else model.layers)
    if graph is not None and is_chain(graph):
        graph = None
    width, ends = STACK if graph is None else NETWORK
    headings = list(HEADINGS[: len(ends)])
    ends = list(positions or ends)
    if show_trainable:
        width, ends, headings = width + 12, [e * 0.9 for e in ends] + [1.0], [*headings, TRAINABLE]
    width = line_length or min(width, shutil.get_terminal_size().columns - 4)

    table = Table(*_columns(headings, ends, width), width=width, show_lines=True)
    first, last = _bounds(rows, layer_range)
    for row, level in _expand(rows[first:last], expand_nested):
        cells = [_name(row, level), _shape(row), _parameters(row)]
        if graph is not None:
            cells.append(_connections(row, graph))
        if show_trainable:
            cells.append(_trainable(row))
        table.add_row(*cells)

    if print_fn is None and not io.is_interactive_logging_enabled():
        print_fn = _log
    console = Console(highlight=False, **({} if print_fn is None else {"force_terminal": False, "color_system": None}))
    if print_fn is not None:
        console.begin_capture()
    console.print(f'[bold]Model: "{escape(model.name)}"[/]')
    console.print(table)
    for title, variables in _totals(model):
        size = readable_size(sum(v.size * _bits(v.dtype) for v in variables) / 8)
        console.print(f"[bold] {title}: [/]{_coloured(f'{sum(v.size for v in variables):,}')} ({size})")
    if print_fn is not None:
        print_fn(console.end_capture())


def is_chain(graph: Graph) -> bool:
    """Whether a graph is a stack: one input, nodes fed by one tensor and feeding one node, no layer called twice."""
    fed = [n.inputs[0].node for n in graph.nodes if n.inputs]
    titles = [n.title for n in graph.nodes]
    return (
        len(graph.inputs) == 1
        and all(len(n.inputs) == 1 for n in graph.nodes)
        and len({id(n) for n in fed}) == len(fed)
        and len(set(titles)) == len(titles)
    )


def readable_size(size: float) -> str:
    """A number of bytes in the largest unit in which it is at least 1."""
    power = next((i for i in range(len(UNITS)) if size < 1024 ** (i + 1)), len(UNITS))
    return f"{size / 1024**power:.2f} {UNITS[min(power, len(UNITS) - 1)]}"


def _bits(dtype: str) -> int:
    # A bool counts as one bit, as in the reference, whatever a framework makes of it.
    return 1 if dtype == "bool" else 8 * dtypes.itemsize(dtype)


def _columns(headings: Sequence[tuple[str, Any]], ends: Sequence[float], width: int) -> Iterator[Column]:
    start = 0
    for (heading, justify), end in zip(headings, ends, strict=True):
        room = int(end * width) - start
        if room < 4:
            raise ValueError(
                f"summary: a width of {width} characters leaves {room} for the column {heading!r}, which needs 4; give "
                "a larger line_length or other positions"
            )
        yield Column(heading, justify=justify, width=room)
        start += room


def _bounds(rows: Sequence[Any], layer_range: Any) -> tuple[int, int]:
    """The indices of the first row to show and of the one after the last."""
    if layer_range is None:
        return 0, len(rows)
    if len(layer_range) != 2 or not all(isinstance(name, str) for name in layer_range):
        raise ValueError(f"summary: layer_range must hold two layer names, not {layer_range!r}")
    names = [_title(row) for row in rows]
    found = [[i for i, name in enumerate(names) if re.match(pattern, name)] for pattern in layer_range]
    for pattern, indices in zip(layer_range, found, strict=True):
        if not indices:
            raise ValueError(f"summary: no layer's name matches {pattern!r} of layer_range.{near(pattern, names)}")
    a, b = found
    return (min(a), max(b) + 1) if min(a) <= max(b) else (min(b), max(a) + 1)


def _expand(rows: Iterable[Any], nested: bool, level: int = 0) -> Iterator[tuple[Any, int]]:
    for row in rows:
        yield row, level
        if nested:
            yield from _expand(getattr(row, "layers", ()), nested, level + 1)


def _totals(model: Any) -> Iterator[tuple[str, list[Any]]]:
    trained, kept = model.trainable_weights, model.non_trainable_weights
    optimizer = model.optimizer if model.compiled and getattr(model.optimizer, "built", False) else None
    steered = list(optimizer.variables) if optimizer is not None else []
    yield "Total params", [*trained, *kept, *steered]
    yield "Trainable params", trained
    yield "Non-trainable params", kept
    if optimizer is not None:
        yield "Optimizer params", steered


def _log(text: str) -> None:
    io.print_msg(text, line_break=False)


# ------------------------------------------------------------------------------------------------ cells


def _coloured(x: Any) -> str:
    return f"[color({UNKNOWN if x is None else NUMBER})]{x}[/]"


def _title(row: Any) -> str:
    return row.title if isinstance(row, Node) else row.name


def _name(row: Any, level: int) -> str:
    indent = "   " * level + "└ " if level else ""
    kind = row.kind if isinstance(row, Node) else type(row).__name__
    return f"{escape(indent + _title(row))} ([color({CLASS})]{escape(kind)}[/])"


def _nodes(row: Any) -> list[Node]:
    return [row] if isinstance(row, Node) else row.inbound_nodes


def _shape(row: Any) -> str:
    """The output's shape in the last recorded call, else what follows from the shapes the layer was built for."""
    nodes = _nodes(row)
    if nodes:
        shapes: Any = [_tuple(t.shape) for t in nodes[-1].outputs]
    else:
        built = row._state.build_shapes
        if not row.built or not built:
            return "?"
        try:
            shapes = _map_shapes(row.compute_output_shape(*_built_for(built)), _tuple)
        except NotImplementedError:
            return "?"
    flat = tree.leaves(shapes)
    return flat[0] if len(flat) == 1 else str(shapes).replace("'", "")


def _built_for(built: dict[str, Any]) -> list[Any]:
    shapes = built.get("shapes_dict") or built
    return list(shapes.values())


def _tuple(shape: Sequence[int | None]) -> str:
    return f"({', '.join(_coloured(d) for d in shape)})"


def _map_shapes(shapes: Any, f: Callable) -> Any:
    if isinstance(shapes, dict):
        return {k: _map_shapes(s, f) for k, s in shapes.items()}
    if isinstance(shapes, list | tuple) and any(isinstance(s, list | tuple | dict) for s in shapes):
        return type(shapes)(_map_shapes(s, f) for s in shapes)
    return f(shapes)


def _parameters(row: Any) -> str:
    if isinstance(row, Node):
        return _coloured(0)
    if not row.built:
        return f"{_coloured(0)} (unbuilt)"
    return _coloured(f"{row.count_params():,}")


def _connections(row: Any, graph: Graph) -> str:
    """Where a layer's inputs come from: name[number of the call][number of the output]."""
    inside = {id(n) for n in graph.nodes}
    found = []
    for node in _nodes(row):
        if id(node) in inside:
            for t in node.inputs:
                _, call, index = t._keras_history
                found.append(f"{t.node.title}[{_coloured(call)}][{_coloured(index)}]")  # type: ignore[union-attr]
    return ", ".join(found) or "-"


def _trainable(row: Any) -> str:
    if not isinstance(row, Layer) or not row.weights:
        return "[bold]-[/]"
    letter, colour = ("Y", YES) if row.trainable else ("N", NO)
    return f"[bold][color({colour})]{letter}[/][/]"
