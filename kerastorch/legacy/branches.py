"""A Sequential that began with a Merge of others, as models of several inputs were made in Keras 1: in today's form, a graph."""

from collections.abc import Mapping
from typing import Any

Config = dict[str, Any]


def joined(stack: Mapping[str, Any]) -> Config:
    """The configuration of the graph that such a stack is.

    Args:
        stack: Its name and layers, of which the first is a Merge.
    """
    layers: list[Config] = []
    inputs: list[list[Any]] = []
    end = _added(stack["layers"], layers, inputs)
    return {"name": stack.get("name", "sequential"), "layers": layers, "input_layers": inputs, "output_layers": [end]}


def _added(stack: Any, layers: list[Config], inputs: list[list[Any]]) -> list[Any]:
    """Adds the layers of a stack to those of the graph; gives the place where it ends."""
    first, *rest = stack
    config = first["config"]
    if first["class_name"] == "Merge":
        ends = [_added(_stack_of(branch), layers, inputs) for branch in config["layers"]]
        config = {k: v for k, v in config.items() if k != "layers"}
    else:
        start = f"{config['name']}_input"
        given = {"batch_input_shape": config["batch_input_shape"], "dtype": config.get("input_dtype", "float32"), "name": start}
        layers.append({"class_name": "InputLayer", "name": start, "config": given, "inbound_nodes": []})
        inputs.append([start, 0, 0])
        ends = [[start, 0, 0]]
    for entry in ({**first, "config": config}, *rest):
        name = entry["config"]["name"]
        layers.append({**entry, "name": name, "inbound_nodes": [ends]})
        ends = [[name, 0, 0]]
    return ends[0]


def _stack_of(branch: Mapping[str, Any]) -> Any:
    if branch["class_name"] != "Sequential":
        raise ValueError(f"the configuration merges a {branch['class_name']}; only Sequential models can begin one")
    return branch["config"]
