"""Pictures of models against reference Keras: the same boxes with the same words, joined by the same lines."""

import re
import shutil

import numpy as np
import pytest

import kerastorch
from kerastorch.utils import plotting

reference = pytest.importorskip("keras")
pytest.importorskip("pydot")


def stack(k):
    return k.Sequential([k.layers.Input((4,)), k.layers.Dense(3, activation="relu"), k.layers.Dropout(0.5), k.layers.Dense(1)])


def network(k):
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    x = k.layers.Dense(4, trainable=False)(a) * b
    return k.Model([a, b], [k.layers.Dense(1, name="score")(x), k.layers.Concatenate()([x, a])])


def nested(k):
    start = k.Input((3,), name="start")
    tail = k.Sequential([k.layers.Input((2,)), k.layers.Dense(2), k.layers.ReLU()], name="tail")
    inner = k.Model(start, [k.layers.Dense(2)(start), tail(k.layers.Dense(2)(start))], name="inner")
    a = k.Input((3,), name="a")
    x, y = inner(a)
    return k.Model(a, k.layers.Add()([k.layers.Dense(2, name="after")(x), y]))


def subclassed(k):
    class Mine(k.Model):
        def __init__(self):
            super().__init__(name="mine")
            self.dense = k.layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    model = Mine()
    model(np.zeros((1, 3), "float32"))
    return model


def words(label):
    """What a box says, without the marks for how it looks."""
    return [w for w in re.split(r"<[^>]*>+", label.strip("<>")) if w.strip()]


def picture(k, build, **kwargs):
    k.utils.clear_session()
    dot = k.utils.model_to_dot(build(k), **kwargs)
    boxes, lines, frames = {}, [], []

    def walk(graph):
        for node in graph.get_nodes():
            if node.get_name() != "node":
                boxes[node.get_name()] = words(node.get_label())
        lines.extend((e.get_source(), e.get_destination()) for e in graph.get_edges())
        for sub in graph.get_subgraphs():
            frames.append(sub.get_label())
            walk(sub)

    walk(dot)
    return sorted(boxes.values()), sorted((boxes[a], boxes[b]) for a, b in lines), frames, dot.get_rankdir()


EVERYTHING = {"show_shapes": True, "show_dtype": True, "show_layer_activations": True, "show_trainable": True}


@pytest.mark.parametrize(
    "kwargs", [{}, {"show_layer_names": False, "rankdir": "LR"}, EVERYTHING, {"expand_nested": True}], ids=str
)
@pytest.mark.parametrize("build", [stack, network, nested, subclassed], ids=lambda b: b.__name__)
def test_same_picture(build, kwargs):
    assert picture(kerastorch, build, **kwargs) == picture(reference, build, **kwargs)


def test_refused():
    model = kerastorch.Sequential([kerastorch.layers.Dense(2)])
    for function in (kerastorch.utils.model_to_dot, kerastorch.utils.plot_model):
        with pytest.raises(ValueError, match="not built"):
            function(model)
        with pytest.raises(ValueError, match="layer_range"):
            function(stack(kerastorch), layer_range=("a", "b"))
        with pytest.raises(ValueError, match="unknown arguments colour"):
            function(stack(kerastorch), colour="red")


def test_without_pydot(monkeypatch):
    monkeypatch.setattr(plotting, "PYDOT", ("there_is_no_such_package",))
    for function in (kerastorch.utils.model_to_dot, kerastorch.utils.plot_model):
        with pytest.raises(ImportError, match="pip install pydot"):
            function(stack(kerastorch))


def test_without_graphviz(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImportError, match="graphviz.org/download"):
        kerastorch.utils.plot_model(stack(kerastorch), tmp_path / "m.png")


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_file(tmp_path):
    kerastorch.utils.plot_model(network(kerastorch), tmp_path / "m.svg", show_shapes=True)
    assert "score" in (tmp_path / "m.svg").read_text()
