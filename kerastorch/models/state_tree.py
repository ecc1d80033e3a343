"""All variables of a model as one nested dictionary, by the parts of their paths."""

from typing import Any

from kerastorch.op import shape_of

FORMATS = {"backend_tensor": lambda v: v.value, "numpy_array": lambda v: v.numpy()}


def _variables(model: Any) -> dict[str, list[Any]]:
    """The variables of each kind that a model has."""
    found = {
        "trainable_variables": model.trainable_variables,
        "non_trainable_variables": model.non_trainable_variables,
        "optimizer_variables": model.optimizer.variables if getattr(model, "optimizer", None) is not None else [],
        "metrics_variables": [v for metric in model.metrics for v in metric.variables],
    }
    for kind, variables in found.items():
        paths = [v.path for v in variables]
        twice = next((p for p in paths if paths.count(p) > 1), None) if len(set(paths)) < len(paths) else None
        if twice is not None:
            raise ValueError(
                f"The following variable path is found twice in the model: {twice!r}, among the {kind} of {model.name!r}. Give "
                "layers unique names"
            )
    return found


def get_state_tree(self, value_format="backend_tensor"):
    """The values of all variables: for each kind of variable a dictionary, nested by the parts of their paths.

    Args:
        value_format: "backend_tensor" or "numpy_array".

    Returns:
        A dictionary with the keys "trainable_variables", "non_trainable_variables", "optimizer_variables" and
        "metrics_variables"; `set_state_tree` takes it.

    Raises:
        ValueError: For another format, or if two variables have the same path.
    """
    if value_format not in FORMATS:
        raise ValueError(f"Invalid `value_format` argument: {value_format!r} is none of {', '.join(map(repr, FORMATS))}")
    tree: dict[str, Any] = {}
    for kind, variables in _variables(self).items():
        tree[kind] = {}
        for v in variables:
            *way, name = v.path.split("/")
            place = tree[kind]
            for part in way:
                place = place.setdefault(part, {})
            place[name] = FORMATS[value_format](v)
    return tree


def set_state_tree(self, state_tree):
    """Sets variables from what `get_state_tree` gave, or from a part of it; optimizer and metrics only where the model has them.

    Raises:
        ValueError: If a kind of variables, a path or a shape is not the model's; then nothing is changed.
    """
    known = _variables(self)
    unknown = [kind for kind in state_tree if kind not in known]
    if unknown:
        raise ValueError(f"set_state_tree: Unknown variable name: {unknown[0]}; there are {', '.join(known)}")
    changes = []
    for kind, branch in state_tree.items():
        by_path = {v.path: v for v in known[kind]}
        optional = kind in ("optimizer_variables", "metrics_variables")
        for path, value in () if optional and not by_path else _leaves(branch):
            variable, shape = by_path.get(path), tuple(shape_of(value) or ())
            if variable is None or shape != tuple(variable.shape):
                raise ValueError(
                    f"set_state_tree: {kind} of model {self.name!r} have no {path!r} of shape {shape}"
                    + (f"; it has the shape {tuple(variable.shape)}" if variable is not None else "")
                )
            changes.append((variable, value))
    for variable, value in changes:
        variable.assign(value)


def _leaves(branch: Any, path: str = "") -> Any:
    """Pairs of path and value in a nest of dictionaries."""
    for name, value in branch.items():
        below = f"{path}/{name}" if path else name
        if isinstance(value, dict):
            yield from _leaves(value, below)
        else:
            yield below, value
