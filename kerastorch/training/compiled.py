"""What `compile` was given, matched to the model's outputs: losses with their weights, and metrics."""

from collections.abc import Sequence
from typing import Any

from kerastorch import metrics as metrics_
from kerastorch import ops, scope, tree
from kerastorch.errors import LayerError, near
from kerastorch.graph import KerasTensor
from kerastorch.losses import names as losses_
from kerastorch.metrics.names import resolve as resolve_metric


def parts(structure: Any) -> list[Any]:
    """The outputs or targets of a model as a list; None stays a leaf."""
    if structure is None:
        return []
    return tree.leaves(structure)


def match(value: Any, structure: Any, names: Sequence[str], what: str) -> list[Any]:
    """One entry of a compile argument per output.

    Args:
        value: What compile was given: one thing for all outputs, a list in their order, or a dict by their names.
        structure: The model's output, a nest.
        names: The outputs' names, in order.
        what: The argument's name, for errors.

    Raises:
        LayerError: If a name is unknown or the number differs.
    """
    n = len(names)
    if isinstance(value, dict):
        keys = sorted(structure) if isinstance(structure, dict) else list(names)
        unknown = [k for k in value if k not in keys and k not in names]
        if unknown:
            raise LayerError(f"compile: {what} names {unknown}, but the outputs are {keys}.{near(str(unknown[0]), keys)}")
        return [value.get(k, value.get(name)) for k, name in zip(keys, names, strict=True)]
    if isinstance(value, list | tuple):
        if len(value) != n or any(isinstance(v, list | tuple | dict) for v in value):
            flat = tree.leaves(value)
            value = flat if len(flat) == n else value
        if len(value) != n:
            raise LayerError(f"compile: {what} has {len(value)} entries, but the model has {n} outputs ({', '.join(names)})")
        return list(value)
    return [value] * n


SAMPLES = 7919  # stands for a number of samples that is not known: with it, an axis too many does not broadcast by chance


def sized(x: Any) -> Any:
    """A KerasTensor with a number of samples."""
    return KerasTensor((SAMPLES, *x.shape[1:]), x.dtype)


class CompiledLoss:
    """The model's loss: the weighted sum of the losses of its outputs.

    Args:
        loss: The argument of `compile`.
        loss_weights: Likewise.
        structure: The model's output, a nest of KerasTensors.
        names: The outputs' names.
    """

    def __init__(self, loss: Any, loss_weights: Any, structure: Any, names: Sequence[str]):
        given = match(loss, structure, names, "loss")
        weights = match(loss_weights, structure, names, "loss_weights") if loss_weights is not None else [None] * len(names)
        self.terms = [losses_.as_loss(x) for x in given]
        odd = [w for w in weights if w is not None and not hasattr(w, "__float__")]
        if odd:
            raise LayerError(f"compile: loss_weights must be numbers, one per output, but {odd[0]!r} is none")
        self.weights = [1.0 if w is None else w for w in weights]
        self.names = list(names)
        self.several = sum(t is not None for t in self.terms) > 1
        self.trackers = [metrics_.Mean(name=f"{n}_loss") if self.several and t is not None else None
                         for n, t in zip(names, self.terms, strict=True)]  # fmt: skip
        if all(t is None for t in self.terms):
            raise LayerError("compile: at least one output needs a loss")

    @property
    def metrics(self) -> list[Any]:
        """The trackers of the outputs' own losses."""
        return [t for t in self.trackers if t is not None]

    def check(self, y_true: Any, y_pred: Any) -> None:
        """Raises where the losses cannot take such targets and outputs (nests of KerasTensors)."""
        with scope.symbolic():
            for term, truth, out, name in zip(self.terms, *align(y_true, y_pred, self.terms), self.names, strict=True):
                if term is not None and truth is not None:
                    try:
                        term(truth, out)
                        if truth.shape[:1] == out.shape[:1] == (None,):
                            term(sized(truth), sized(out))
                    except ValueError as error:
                        why = f": {error}" if str(SAMPLES) not in str(error) else ""
                        raise LayerError(f"the loss {term.name!r} of output {name!r} cannot take targets of shape {truth.shape} "
                                         f"for outputs of shape {out.shape}{why}") from error  # fmt: skip

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None, instead: Any = None) -> Any:
        """The scalar loss; `instead` is the loss to use for the only output, where a pass found a better one."""
        truths, outputs = align(y_true, y_pred, self.terms)
        weights = parts(sample_weight) if sample_weight is not None else [None]
        if len(weights) == 1:
            weights = weights * len(outputs)
        total = None
        for i, term in enumerate(self.terms):
            if term is None:
                continue
            if truths[i] is None:
                raise LayerError(f"output {self.names[i]!r} has the loss {term.name!r}, but the data has no targets y for it")
            value = (instead or term)(truths[i], outputs[i], weights[i])
            tracker = self.trackers[i]
            if tracker is not None:
                tracker.update_state(ops.stop_gradient(value), sample_weight=ops.shape(outputs[i])[0])
            if self.weights[i] != 1.0:
                value = ops.multiply(value, self.weights[i])
            total = value if total is None else ops.add(total, value)
        return total


def align(y_true: Any, y_pred: Any, terms: Sequence[Any] = ()) -> tuple[list[Any], list[Any]]:
    """Targets and outputs as lists of equal length.

    Args:
        y_true, y_pred: Nests of targets and of outputs.
        terms: The outputs' losses. Where there are targets only for the outputs that have one, those of the others are None.

    Raises:
        LayerError: If their numbers differ.
    """
    outputs = parts(y_pred)
    if isinstance(y_pred, dict) and isinstance(y_true, dict):
        missing = [k for k in y_pred if k not in y_true]
        truths = [y_true.get(k) for k in sorted(y_pred)] if missing else parts({k: y_true[k] for k in y_pred})
    else:
        truths = parts(y_true)
        if len(truths) < len(outputs) and len(truths) == sum(t is not None for t in terms):
            rest = iter(truths)
            truths = [None if t is None else next(rest) for t in terms]
    if y_true is None:
        truths = [None] * len(outputs)
    if len(truths) != len(outputs):
        raise LayerError(f"the model has {len(outputs)} outputs, but {len(truths)} targets were given")
    return truths, outputs


class CompiledMetrics:
    """The metrics given to `compile`, by output.

    Args:
        metrics, weighted_metrics: The arguments of `compile`.
        structure: The model's output, a nest of KerasTensors.
        names: The outputs' names.
        shapes: (y_true, y_pred) shapes per output, by which "accuracy" is understood.
        terms: The losses per output, likewise.
    """

    def __init__(self, metrics: Any, weighted_metrics: Any, structure: Any, names: Sequence[str], shapes: Sequence[Any],
                 terms: Sequence[Any]):  # fmt: skip
        self.names, self.terms = list(names), list(terms)
        self.rows: list[tuple[int, Any, bool]] = []  # output, metric, weighted
        for given, weighted in ((metrics, False), (weighted_metrics, True)):
            for i, found in enumerate(self._per_output(given, structure, names)):
                for m in found:
                    self.rows.append((i, resolve_metric(m, shapes[i][0], shapes[i][1], terms[i]), weighted))
        self.metrics = list({id(m): m for _, m, _ in self.rows}.values())

    def _per_output(self, given: Any, structure: Any, names: Sequence[str]) -> list[list[Any]]:
        if given is None or (isinstance(given, list | tuple | dict) and not given):
            return [[] for _ in names]
        if not isinstance(given, list | tuple | dict):
            given = [given]
        if isinstance(given, dict):
            found = match(given, structure, names, "metrics")
        elif len(names) > 1 and (len(given) == len(names) or any(isinstance(g, list | tuple) for g in given)):
            found = match(list(given), structure, names, "metrics")
        elif len(names) == 1 and len(given) == 1 and isinstance(given[0], list | tuple):
            found = [given[0]]
        else:
            found = [list(given)] * len(names)
        return [list(f) if isinstance(f, list | tuple) else [] if f is None else [f] for f in found]

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Takes one batch into account."""
        if not self.rows:
            return
        truths, outputs = align(y_true, y_pred, self.terms)
        weights = parts(sample_weight) if sample_weight is not None else [None]
        if len(weights) == 1:
            weights = weights * len(outputs)
        for i, metric, weighted in self.rows:
            if weighted and weights[i] is not None:
                metric.update_state(truths[i], outputs[i], sample_weight=weights[i])
            else:
                metric.update_state(truths[i], outputs[i])

    def named(self) -> list[tuple[str, Any]]:
        """(name in logs, metric), the output's name in front where there are several outputs; names are made distinct."""
        used: dict[str, int] = {}
        out = []
        for i, metric, weighted in self.rows:
            name = f"{self.names[i]}_{metric.name}" if len(self.names) > 1 else metric.name
            if name in used and weighted:
                name = f"weighted_{name}"
            n = used.get(name, 0)
            used[name] = n + 1
            out.append((f"{name}_{n}" if n else name, metric))
        return out
