"""What is raised where a batch fails: an error that names the model, the layer or argument, the shapes and the user's own line."""

from typing import Any

from kerastorch import backend_registry, tree
from kerastorch.errors import KerastorchError, LayerError, NotCompiled, OpError, at, user_line
from kerastorch.graph import Node
from kerastorch.op import shape_of


def explained(model: Any, error: Exception, batch: Any) -> Exception:
    """The error to raise in place of one that a batch ran into.

    Args:
        model: The model.
        error: What was raised: by an op or layer of ours, by the framework, or by code of the user's.
        batch: The batch, on tensors.

    Returns:
        A LayerError where labels are out of range or a layer of a recorded model can be found that fails by itself; else
        the same error, with a note that says which model was run and from where.
    """
    if isinstance(error, NotCompiled) or isinstance(error, LayerError) and repr(model.name) in str(error):
        return error
    x, y, _ = (*batch, None, None)[:3] if isinstance(batch, tuple) else (batch, None, None)
    if isinstance(error, OpError) or not isinstance(error, KerastorchError):
        try:
            model._check_labels(tree.map_structure(_host, y))
            _run_layer_by_layer(model, x)
        except LayerError as found:
            found.__cause__ = error
            return found
    shapes = f"x of shape {_shapes(x)}" + ("" if y is None else f" and y of shape {_shapes(y)}")
    if isinstance(error, OpError | LayerError):
        new = LayerError(f"model {model.name!r} was given {shapes}: {error}{at(user_line(), 'called')}")
        new.__cause__ = error
        return new
    error.add_note(f"model {model.name!r} was given {shapes}{at(user_line(), 'called')}")
    return error


def _shapes(nest: Any) -> str:
    return ", ".join(str(shape_of(leaf)) for leaf in tree.leaves(nest))


def _host(x: Any) -> Any:
    backend = backend_registry.of(x)
    return x if backend is None else backend.numpy(x)


def _run_layer_by_layer(model: Any, x: Any) -> None:
    """Runs a recorded model without training it, each layer by itself, so that the one that fails is named."""
    from kerastorch.models.model import carry_out

    if model.graph is None:
        return

    def one(node: Node, args: tuple, kwargs: dict) -> Any:
        try:
            return carry_out(node, args, kwargs, False)
        except Exception as error:
            shapes = ", ".join(str(shape_of(leaf)) for a in args for leaf in tree.leaves(a))
            raise LayerError(f"layer {node.title!r} ({node.kind}){at(node.source)} of model {model.name!r} cannot take its "
                             f"input of shape {shapes}: {error}{at(user_line(), 'called')}") from error  # fmt: skip

    with model.backend.no_gradient():
        model.graph.run(model.standardize_inputs(x), one)
