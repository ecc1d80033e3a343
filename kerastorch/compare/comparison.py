"""`compare`: one model and one batch on several backends, layer by layer."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from kerastorch import backend_registry, dtypes, scope, tree
from kerastorch.compare.measuring import Call, Run, lodged
from kerastorch.compare.report import Difference, Report, Row
from kerastorch.errors import NotCompiled
from kerastorch.graph import KerasTensor
from kerastorch.layers.base import Layer
from kerastorch.training.compiled import CompiledLoss
from kerastorch.variable import host_array

LOSS = "loss"


@dataclass
class Measured:
    """What one backend made of the model: arrays, by the number of the call."""

    backend: str
    calls: list[Call] = field(default_factory=list)
    alone: list[Any] = field(default_factory=list)  # outputs given the first backend's inputs
    gradients_alone: list[list[Any] | None] = field(default_factory=list)
    gradients: dict[int, Any] | None = None  # of the whole model's loss, by variable
    note: str | None = None


def compare(
    model, x, y=None, backends=tuple(backend_registry.BUILT_IN), rtol=1e-4, atol=1e-5, training=False
) -> Report:
    """Runs a model with the same weights on several backends and says where they first differ, and by how much.

    Each layer is compared twice: alone, on the inputs that it had on the first backend, and cumulatively, on what the
    backend itself computed up to it. So are the gradients of its weights: alone, of its outputs times fixed random
    numbers; cumulatively, of the model's loss. The model itself is left as it is.

    Args:
        model: A model or layer; it is built from `x` if need be.
        x: One batch of inputs as arrays.
        y: Its targets, for the gradients of the compiled loss; of the sum of squares of the outputs where None.
        backends: Names of two or more backends; the first is what the others are compared with.
        rtol, atol: Two arrays agree where they differ nowhere by more than `atol + rtol * (largest element)`.
        training: Whether layers run as in training; dropout then differs, unless the backends share their generator.

    Returns:
        A Report; printing it shows a table.

    Raises:
        ValueError: If fewer than two backends are named, or one that is not known.
        NotCompiled: If `y` is given and the model has no loss.
        BackendNotInstalled: If a backend's framework is missing.
    """
    if isinstance(backends, str) or len(set(backends)) < 2:
        raise ValueError(f"compare: backends must name at least two backends, not {backends!r}")
    chosen = [backend_registry.get(name) for name in backends]
    if y is not None and not (getattr(model, "compiled", False) and model._training.arguments.get("loss") is not None):
        raise NotCompiled(
            f"compare: targets were given, but model {model.name!r} has no loss: compile it with one, or leave y out"
        )
    x, y = _host(x), _host(y)
    if not model.built:
        with scope.symbolic():
            model(_symbols(x))
    first = _measure(model, chosen[0], x, y, training, None)
    others = [_measure(model, b, x, y, training, first.calls) for b in chosen[1:]]
    report = Report(model.name, [b.name for b in chosen], rtol, atol)
    report.notes = [m.note for m in (first, *others) if m.note]
    titles = _numbered([call.title for call in first.calls])
    for i, title in enumerate(titles):
        report.rows += [_row(title, i, first, other, rtol, atol) for other in others]
    return report


def _measure(model: Layer, backend: Any, x: Any, y: Any, training: bool, calls: list[Call] | None) -> Measured:
    """Everything about one backend; `calls` are those of the first one, None where this is it."""
    found = Measured(backend.name)
    with lodged(model, backend):
        run = Run(model, backend, training)
        out = run.record(x)
        whole = _Loss(model, y)
        loss = whole(run, out)
        if loss is not None:
            run.note(LOSS, whole.kind, whole, (out,), {}, loss)
        found.calls = run.calls
        calls = found.calls if calls is None else calls
        for call in calls:
            with backend.no_gradient():
                found.alone.append(run.arrays(run.again(call)))
        try:
            _differentiate(found, run, x, whole, calls)
        except NotImplementedError as error:
            found.note = f"Gradients were not compared: the backend {backend.name} does not give any ({error})."
            found.gradients, found.gradients_alone = None, []
    return found


def _differentiate(found: Measured, run: Run, x: Any, loss: "_Loss", calls: list[Call]) -> None:
    weights = list({id(v): v for call in calls for v in call.weights}.values())
    if weights and isinstance(calls[-1].target, _Loss):
        gradients = run.gradients(lambda: loss(run, run.whole(x)), weights)
        found.gradients = dict(zip(map(id, weights), gradients, strict=True))
    for i, call in enumerate(calls):
        smooth = any(a.dtype.kind in "fV" for a in _numbers(call.output))
        gradients = None
        if call.weights and smooth:
            gradients = run.gradients(lambda i=i, call=call: run.projection(run.again(call), i), call.weights)
        found.gradients_alone.append(gradients)


class _Loss:
    """The scalar whose gradients are compared: the compiled loss, or the sum of squares of the outputs."""

    def __init__(self, model: Any, y: Any):
        self.model, self.y = model, y
        self.kind = "sum of squares" if y is None else "compiled loss"

    def __call__(self, run: Run, out: Any) -> Any:
        if self.y is None:
            return run.sum_of_squares(out)
        arguments = self.model._training.arguments
        loss = CompiledLoss(arguments["loss"], arguments["loss_weights"], out, self.model._names_of(out))
        return loss(run.tensors(self.y), out)


def _row(title: str, i: int, first: Measured, other: Measured, rtol: float, atol: float) -> Row:
    call = first.calls[i]

    def worst(mine: Sequence[Any], others: Sequence[Any], names: Sequence[str]) -> Difference | None:
        pairs = zip(mine, others, names, strict=True)
        return Difference.worst([Difference.of(a, b, rtol, atol, name) for a, b, name in pairs])

    def outputs(mine: Any, others: Any) -> Difference | None:
        a, b = (_numbers(nest) for nest in (mine, others))
        return worst(a, b, [f"output {n}" if len(a) > 1 else "" for n in range(len(a))])

    paths = [v.path for v in call.weights]
    alone = gradients = None
    if first.gradients_alone and other.gradients_alone and first.gradients_alone[i] is not None:
        alone = worst(first.gradients_alone[i], other.gradients_alone[i] or [], paths)
    earlier = {id(v) for c in first.calls[:i] for v in c.weights}
    new = [v for v in call.weights if id(v) not in earlier]  # a weight's gradient belongs to its first call
    if first.gradients is not None and other.gradients is not None:
        gradients = worst(
            [first.gradients[id(v)] for v in new], [other.gradients[id(v)] for v in new], [v.path for v in new]
        )
    cumulative = outputs(call.output, other.calls[i].output) if _same_call(first, other, i) else None
    return Row(title, call.kind, other.backend, outputs(first.alone[i], other.alone[i]), cumulative, alone, gradients)


def _same_call(first: Measured, other: Measured, i: int) -> bool:
    """Whether both backends made the same call; a subclassed model's Python may take another turn."""
    return i < len(other.calls) and other.calls[i].title == first.calls[i].title


def _numbers(nest: Any) -> list[Any]:
    arrays = [
        host_array(x)
        for x in tree.leaves(nest)
        if x is not None and (hasattr(x, "dtype") or isinstance(x, bool | int | float))
    ]
    return [a for a in arrays if a.dtype.kind in "biufcV"]


def _numbered(titles: list[str]) -> list[str]:
    """Titles with the number of the call where there are several of one name."""
    total, seen = Counter(titles), Counter[str]()
    out = []
    for title in titles:
        seen[title] += 1
        out.append(f"{title} (call {seen[title]})" if total[title] > 1 else title)
    return out


def _host(nest: Any) -> Any:
    """Arrays, tensors of any backend and lists of numbers as numpy arrays; floats in the default width."""
    import numpy as np

    if nest is None:
        return None
    if isinstance(nest, dict):
        return {k: _host(v) for k, v in nest.items()}
    if isinstance(nest, list | tuple) and any(hasattr(v, "shape") for v in tree.leaves(nest)):
        return type(nest)(_host(v) for v in nest)
    array = host_array(nest)
    return array.astype(dtypes.floatx()) if array.dtype == np.float64 else array


def _symbols(nest: Any) -> Any:
    def symbol(a: Any) -> KerasTensor:
        return KerasTensor((None, *a.shape[1:]), str(a.dtype))

    return symbol(nest) if hasattr(nest, "shape") else tree.map_structure(symbol, nest)
