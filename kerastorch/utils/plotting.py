"""Pictures of models, drawn by Graphviz through pydot."""

import importlib
import os
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from kerastorch import tree
from kerastorch.graph import KerasTensor, Node
from kerastorch.layers.base import Layer
from kerastorch.models.model import Model
from kerastorch.models.sequential import Sequential
from kerastorch.utils import io

PYDOT = ("pydot", "pydot_ng", "pydotplus")  # the forks have the same interface
NEED_PYDOT = "{0} needs pydot: install it with `pip install pydot`"
NEED_GRAPHVIZ = "{0} needs the program `dot` of Graphviz: install that from https://graphviz.org/download"
BOX = '<table border="0" cellborder="1" bgcolor="black" cellpadding="10">{}</table>'
ROW = "<tr>{}</tr>"
CELL = '<td bgcolor="{1}"><font point-size="14"{2}>{0}</font></td>'
TITLE = '<td colspan="{0}" bgcolor="black"><font point-size="16" color="white">{1}</font></td>'
WIDE = '<td bgcolor="white" colspan="{0}"><font point-size="14">{1}</font></td>'


def model_to_dot(
    model,
    show_shapes=False,
    show_dtype=False,
    show_layer_names=True,
    rankdir="TB",
    expand_nested=False,
    dpi=200,
    subgraph=False,
    show_layer_activations=False,
    show_trainable=False,
    splines="ortho",
    **kwargs,
) -> Any:
    """A model as a graph of pydot's.

    Args:
        model: A built model.
        show_shapes, show_dtype: Whether boxes say the shapes of inputs and outputs, and the outputs' dtype.
        show_layer_names: Whether boxes say the layers' names and not only their classes.
        rankdir: "TB" draws from top to bottom, "LR" from left to right.
        expand_nested: Whether the layers of models inside the model are drawn too.
        dpi: Resolution in dots per inch.
        subgraph: Whether to make a `pydot.Cluster`, to stand in another graph, rather than a `pydot.Dot`.
        show_layer_activations, show_trainable: Whether boxes say the layers' activation, and whether they are trained.
        splines: How edges are drawn: "ortho", "curved", "polyline", "spline" or "line".

    Raises:
        ValueError: If the model is not built.
        ImportError: If pydot is missing.
    """
    _check(model, kwargs, "model_to_dot")
    pydot = _pydot()
    if pydot is None:
        raise ImportError(NEED_PYDOT.format("model_to_dot"))
    shown = {
        "names": show_layer_names,
        "shapes": show_shapes,
        "dtype": show_dtype,
        "activations": show_layer_activations,
        "trainable": show_trainable,
    }
    if subgraph:
        dot = pydot.Cluster(style="dashed", graph_name=model.name, label=model.name, labeljust="l")
    else:
        dot = pydot.Dot(rankdir=rankdir, concentrate=True, dpi=dpi, splines=splines)
        dot.set_node_defaults(shape="record")
    rows = _rows(model)
    for row in rows or [model]:
        if expand_nested and _rows(row):
            dot.add_subgraph(
                model_to_dot(
                    row,
                    show_shapes,
                    show_dtype,
                    show_layer_names,
                    rankdir,
                    expand_nested,
                    dpi,
                    True,
                    show_layer_activations,
                    show_trainable,
                    splines,
                )
            )
        else:
            dot.add_node(
                pydot.Node(
                    _identity(row), label=f"<{_label(row, **shown)}>", fontname="Helvetica", border="0", margin="0"
                )
            )
    drawn = set()
    for source, target in _edges(model, rows, expand_nested):
        ends = (_identity(source), _identity(target))
        if ends not in drawn:
            drawn.add(ends)
            dot.add_edge(pydot.Edge(*ends, penwidth="2"))
    return dot


def plot_model(
    model,
    to_file="model.png",
    show_shapes=False,
    show_dtype=False,
    show_layer_names=False,
    rankdir="TB",
    expand_nested=False,
    dpi=200,
    show_layer_activations=False,
    show_trainable=False,
    splines="ortho",
    **kwargs,
):
    """Draws a model into a file, whose ending says the format; arguments as for `model_to_dot`.

    Returns:
        The picture for display in a notebook where IPython is installed, else None.

    Raises:
        ValueError: If the model is not built.
        ImportError: If pydot or Graphviz is missing; in a notebook this is printed instead.
    """
    _check(model, kwargs, "plot_model")
    pydot = _pydot()
    missing = NEED_PYDOT if pydot is None else None if _graphviz(pydot) else NEED_GRAPHVIZ
    if missing is not None:
        if "IPython.core.magics.namespace" not in sys.modules:
            raise ImportError(missing.format("plot_model"))
        io.print_msg(missing.format("plot_model"))
        return None
    dot = model_to_dot(
        model,
        show_shapes,
        show_dtype,
        show_layer_names,
        rankdir,
        expand_nested,
        dpi,
        False,
        show_layer_activations,
        show_trainable,
        splines,
    )
    path = os.fspath(to_file)
    kind = os.path.splitext(path)[1].lstrip(".") or "png"
    dot.write(path, format=kind)
    display = _first_installed("IPython.display") if kind != "pdf" else None
    return display.Image(filename=path) if display is not None else None


def _first_installed(*names: str) -> ModuleType | None:
    for name in names:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


def _pydot() -> ModuleType | None:
    return _first_installed(*PYDOT)


def _graphviz(pydot: ModuleType) -> bool:
    try:
        pydot.Dot().create()
    except (OSError, AssertionError, getattr(pydot, "PydotException", OSError)):
        return False
    return True


def _check(model: Model, kwargs: dict[str, Any], name: str) -> None:
    if not model.built:
        raise ValueError(f"{name}: model {model.name!r} is not built: call it on data, or call its build(input_shape)")
    if kwargs.pop("layer_range", None) is not None:
        raise ValueError(f"{name}: layer_range cannot be used any more; make a model of the layers to be drawn")
    if kwargs:
        raise ValueError(f"{name}: unknown arguments {', '.join(sorted(kwargs))}")


# ------------------------------------------------------------------------------------------------ nodes and edges


def _rows(model: Any) -> list[Any]:
    """The boxes inside a model: none where it is no model, or one that is subclassed."""
    if isinstance(model, Sequential):
        return model.layers
    return list(model.operations) if isinstance(model, Model) and model.graph is not None else []


def _identity(row: Any) -> str:
    return str(id(row.layer or row) if isinstance(row, Node) else id(row))


def _edges(model: Model, rows: list[Any], expand: bool) -> Iterator[tuple[Any, Any]]:
    graph = model.graph
    if isinstance(model, Sequential):
        for source, target in zip(rows, rows[1:], strict=False):
            yield (_last(source), _first(target)) if expand else (source, target)
    elif graph is not None:
        for node in graph.nodes:
            for i, t in enumerate(node.inputs):
                if expand:
                    yield _last(_row_of(t), t.index), _first(node.layer or node, i)
                else:
                    yield _row_of(t), node


def _row_of(t: KerasTensor) -> Any:
    return t.node.layer or t.node  # type: ignore[union-attr]


def _last(row: Any, index: int = 0) -> Any:
    """The innermost box that makes an output of a box."""
    while _rows(row):
        t = row.outputs[index] if row.graph is not None else None
        row, index = (_row_of(t), t.index) if t is not None else (row.layers[-1], 0)
    return row


def _first(row: Any, index: int = 0) -> Any:
    """The innermost box that takes an input of a box."""
    while _rows(row):
        row, index = (row.layers[0], 0) if isinstance(row, Sequential) else (_row_of(row.inputs[index]), 0)
    return row


# ------------------------------------------------------------------------------------------------ boxes


def _label(row: Any, names: bool, shapes: bool, dtype: bool, activations: bool, trainable: bool) -> str:
    kind = row.kind if isinstance(row, Node) else type(row).__name__
    title = f"<b>{row.title if isinstance(row, Node) else row.name}</b> ({kind})" if names else f"<b>{kind}</b>"
    width = max(1, 2 * shapes + dtype + trainable)
    cells = []
    if shapes:
        if not getattr(row, "is_input", False):
            cells.append(CELL.format(f"Input shape: <b>{_each(row, 'input', 'shape')}</b>", "white", ""))
        cells.append(CELL.format(f"Output shape: <b>{_each(row, 'output', 'shape')}</b>", "white", ""))
    if dtype:
        cells.append(CELL.format(f"Output dtype: <b>{_each(row, 'output', 'dtype')}</b>", "white", ""))
    if trainable and isinstance(row, Layer) and row.weights:
        text, colour = ("Trainable", "forestgreen") if row.trainable else ("Non-trainable", "firebrick")
        cells.append(CELL.format(f"<b>{text}</b>", colour, ' color="white"'))
    rows = [TITLE.format(width, title)]
    activation = getattr(row, "activation", None)
    if activations and activation is not None:
        rows.append(
            WIDE.format(width, f"Activation: <b>{getattr(activation, '__name__', type(activation).__name__)}</b>")
        )
    if cells:
        rows.append("".join(cells))
    return BOX.format("".join(map(ROW.format, rows)))


def _each(row: Any, side: str, what: str) -> str:
    """The shapes or dtypes of a box's inputs or outputs; "?" where it was called never or more than once."""
    if isinstance(row, Node):
        tensors: Any = row.structure if side == "output" else row.inputs[0] if len(row.inputs) == 1 else row.inputs
    else:
        nodes = row.inbound_nodes
        if len(nodes) != 1 and not (isinstance(row, Model) and row.graph is not None):
            return "?"
        tensors = getattr(row, side)
    found = (
        tree.map_structure(lambda t: getattr(t, what), tensors)
        if not isinstance(tensors, KerasTensor)
        else getattr(tensors, what)
    )
    text = ", ".join(f"{k}: {v}" for k, v in found.items()) if isinstance(found, dict) else str(found)
    return text.replace("{", "").replace("}", "")
