"""What `compile` was given, matched to the model's outputs: losses with their weights, and metrics."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from kerastorch import metrics as metrics_
from kerastorch import ops, scope, tree
from kerastorch.errors import LayerError, UnknownOutput, is_own, near
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
        keys = sorted(structure) if isinstance(structure, dict) and len(structure) == n else list(names)
        check_names(value, [*keys, *names], keys, what)
        return [value.get(k, value.get(name)) for k, name in zip(keys, names, strict=True)]
    if isinstance(value, list | tuple):
        if len(value) != n or any(isinstance(v, list | tuple | dict) for v in value):
            flat = tree.leaves(value)
            value = flat if len(flat) == n else value
        if len(value) != n:
            raise LayerError(f"compile: {what} has {len(value)} entries, but the model has {n} outputs ({', '.join(names)})")
        return list(value)
    return [value] * n


def check_names(value: Any, known: Iterable[Any], shown: Iterable[Any], what: str) -> None:
    """Raises where a dictionary given to `compile` names what is no output.

    Raises:
        UnknownOutput: If it does.
    """
    unknown = [k for k in value if k not in list(known)]
    if unknown:
        keys = [str(k) for k in shown]
        raise UnknownOutput(f"compile: Invalid `{what}`: {', '.join(map(repr, unknown))} in the `{what}` argument, can't be found "
                            "in either the model's output or its names. "
                            f"Expected keys: {keys}.{near(str(unknown[0]), keys)}")  # fmt: skip


SAMPLES = 7919  # stands for a number of samples that is not known: with it, an axis too many does not broadcast by chance


def sized(x: Any) -> Any:
    """A KerasTensor with a number of samples."""
    return KerasTensor((SAMPLES, *x.shape[1:]), x.dtype)


def path_names(structure: Any, names: Sequence[str]) -> list[str]:
    """The names of a model's outputs in logs: keys and places that lead to them, and at the end of a list their own names.

    Args:
        structure: The model's output, a nest.
        names: The names of what makes the outputs, in order.
    """
    paths = (path for path, _ in tree.flatten_with_path(structure))
    return ["/".join(map(str, path if path and isinstance(path[-1], str) else (*path[:-1], name)))
            for path, name in zip(paths, names, strict=True)]  # fmt: skip


class Term:
    """One loss of a model, and the part of its output that it is for.

    Attributes:
        name: The part's name.
        loss: The loss.
        weight: Its factor.
        places: The numbers of the outputs that make the part.
        structure: The part as a nest; a single output where the loss takes just one.
    """

    def __init__(self, name: str, loss: Any, weight: Any, places: range, structure: Any):
        if weight is not None and not hasattr(weight, "__float__"):
            raise LayerError(f"compile: loss_weights must be numbers, one per output, but {weight!r} is none")
        self.name, self.loss, self.weight = name, losses_.as_loss(loss), 1.0 if weight is None else weight
        self.places, self.structure = places, structure
        self.tracker: Any = None

    def of(self, values: Sequence[Any]) -> Any:
        """The part, from a list of what there is for each output; None where something is missing."""
        mine = [values[i] for i in self.places]
        if not tree.is_nested(self.structure):
            return mine[0]
        return None if any(v is None for v in mine) else tree.pack_sequence_as(self.structure, mine)


def _nested(value: Any) -> bool:
    return isinstance(value, list | tuple) or isinstance(value, dict) and "class_name" not in value


def _children(structure: Any, start: int, name: str, names: Sequence[str]) -> list[tuple[Any, Any, int, str]]:
    """The parts of a nest of outputs: key, nest, number of the first output, and name of each."""
    found = []
    keys = sorted(structure) if isinstance(structure, dict) else range(len(structure))
    for key in keys:
        part = structure[key]
        title = f"{name}/{key}" if name else str(key)
        found.append((key, part, start, title if tree.is_nested(part) else names[start]))
        start += len(tree.leaves(part))
    return found


def spread(loss: Any, weight: Any, structure: Any, names: Sequence[str], start: int = 0, name: str = "") -> Iterator[Term]:
    """The terms that the arguments of `compile` mean for a nest of outputs.

    A list or dict in the place of a nest of its kind has a loss, or again a nest, for each part. In any other place, a list has
    several losses for the same part, and what is no list is a loss that takes the part as it is; but one loss for the whole
    model is for each output.

    Args:
        loss, weight: The arguments of `compile`.
        structure: Nest of outputs.
        names: The names of all outputs of the model.
        start: Number of the first output of `structure`.
        name: Name of `structure`; empty for the whole output.

    Raises:
        LayerError: If a name is unknown or the number differs.
    """
    if loss is None:
        return
    count = len(tree.leaves(structure))
    here = range(start, start + count)
    if not tree.is_nested(structure):
        if isinstance(loss, dict) and _nested(loss):
            loss = match(loss, structure, [names[start]], "loss")[0]
        if not _nested(loss):
            weight = _weights(weight, [(names[start], names[start])])[0]
            if loss is not None:
                yield Term(names[start], loss, weight, here, structure)
            return
    if not _nested(loss):
        if name:
            yield Term(name, loss, weight, here, structure)
        else:
            for i, (out, w) in enumerate(zip(tree.leaves(structure), _weights(weight, list(zip(names, names))), strict=True)):
                yield Term(names[i], loss, w, range(i, i + 1), out)
        return
    children = _children(structure, start, name, names) if tree.is_nested(structure) else []
    flat = not any(map(_nested, loss.values() if isinstance(loss, dict) else loss))
    if isinstance(loss, dict) and children:
        known = {k: n for k, *_, n in children}
        check_names(loss, [*known, *known.values()], known.values() if isinstance(structure, list | tuple) else known, "loss")
        rows = [loss.get(k, loss.get(n)) for k, n in known.items()]
    elif children and len(loss) == len(children) and (flat or isinstance(loss, list) == isinstance(structure, list)):
        rows = list(loss)
    elif children and flat and len(loss) == count:  # for each output, whatever nest they make
        children = [(n, out, start + i, n) for i, (n, out) in enumerate(zip(names[start:], tree.leaves(structure), strict=False))]
        rows = list(loss)
    elif flat and children or isinstance(loss, dict):
        shown = ", ".join(names[i] for i in here)
        raise LayerError(f"compile: loss has {len(loss)} entries, but there are {count} outputs ({shown})")
    else:
        title = name or "_".join(n for *_, n in children)
        for one, w in zip(loss, _weights(weight, [(i, i) for i in range(len(loss))]), strict=True):
            if _nested(one) or not children:
                yield from spread(one, w, structure, names, start, name)
            else:
                yield Term(title, one, w, here, structure)
        return
    weights = _weights(weight, [(k, n) for k, *_, n in children])
    for row, w, (_, part, first, title) in zip(rows, weights, children, strict=True):
        yield from spread(row, w, part, names, first, title)


def _weights(weight: Any, children: Sequence[tuple[Any, Any]]) -> list[Any]:
    """The weight of each of some parts, known by (key, name), in what `loss_weights` has for all of them."""
    if isinstance(weight, dict):
        check_names(weight, [x for child in children for x in child], [n for _, n in children], "loss_weights")
        return [weight.get(k, weight.get(n)) for k, n in children]
    if not isinstance(weight, list | tuple):
        return [weight] * len(children)
    if len(weight) != len(children):
        raise LayerError(f"compile: loss_weights has {len(weight)} entries, but there are {len(children)} outputs or losses "
                         f"({', '.join(str(n) for _, n in children)})")  # fmt: skip
    return list(weight)


class CompiledLoss:
    """The model's loss: the weighted sum of the losses of its outputs.

    Args:
        loss: The argument of `compile`.
        loss_weights: Likewise.
        structure: The model's output, a nest of KerasTensors.
        names: The outputs' names.
        of_targets: Whether `structure` and `names` are not the model's output's, but the targets'.

    Attributes:
        rows: The terms of the sum.
        terms: By output, the first loss that takes it; None where there is none.
    """

    def __init__(self, loss: Any, loss_weights: Any, structure: Any, names: Sequence[str], of_targets: bool = False):
        self.of_targets = of_targets
        self.rows = list(spread(loss, loss_weights, structure, names))
        self.names = list(names)
        self.terms = [next((r.loss for r in self.rows if i in r.places), None) for i in range(len(names))]
        for row in self.rows if len(self.rows) > 1 else ():
            row.tracker = metrics_.Mean(name=f"{row.name}_loss")
        if not self.rows:
            raise LayerError("compile: at least one output needs a loss")

    @property
    def metrics(self) -> list[Any]:
        """The trackers of the outputs' own losses."""
        return [r.tracker for r in self.rows if r.tracker is not None]

    def check(self, y_true: Any, y_pred: Any) -> None:
        """Raises where the losses cannot take such targets and outputs (nests of KerasTensors)."""
        truths, outputs = align(y_true, y_pred, self.terms, self.names)
        with scope.symbolic():
            for row in self.rows:
                truth, out = row.of(truths), row.of(outputs)
                if truth is not None and ours(row.loss):  # what others write may want real tensors
                    try:
                        row.loss(truth, out)
                        if all(t.shape[:1] == (None,) for t in tree.leaves([truth, out])):
                            row.loss(*tree.map_structure(sized, (truth, out)))
                    except ValueError as error:
                        shapes = tree.map_structure(lambda t: t.shape, (truth, out))
                        why = f": {error}" if str(SAMPLES) not in str(error) else ""
                        raise LayerError(f"the loss {row.loss.name!r} of output {row.name!r} cannot take targets of shape "
                                         f"{shapes[0]} for outputs of shape {shapes[1]}{why}") from error  # fmt: skip

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None, instead: Any = None) -> Any:
        """The scalar loss; `instead` is the loss to use for the only output, where a pass found a better one."""
        truths, outputs = align(y_true, y_pred, self.terms, self.names)
        weights = weights_of(sample_weight, y_pred, self.terms, self.names)
        total = None
        for row in self.rows:
            truth = row.of(truths)
            if truth is None:
                raise LayerError(f"output {row.name!r} has the loss {row.loss.name!r}, but the data has no targets y for it")
            value = (instead or row.loss)(truth, row.of(outputs), weights[row.places[0]])
            if row.tracker is not None:
                row.tracker.update_state(ops.stop_gradient(value), sample_weight=ops.shape(outputs[row.places[0]])[0])
            if row.weight != 1.0:
                value = ops.multiply(value, row.weight)
            total = value if total is None else ops.add(total, value)
        return total


def ours(x: Any) -> bool:
    """Whether a loss, a metric and the function that it may run are this package's: recorded once, they mean the same."""
    function = getattr(x, "fn", None)
    return is_own(x) and (function is None or ours(function))


def by_output(values: Any, y_pred: Any, terms: Sequence[Any], names: Sequence[str], what: str) -> list[Any]:
    """What there is for each output, as a list.

    Args:
        values: Nest of targets or sample weights. A dictionary goes by the outputs' keys or, where they have none, their names.
        y_pred: Nest of outputs.
        terms: The outputs' losses. Where there are values only for the outputs that have one, those of the others are None.
        names: The outputs' names.
        what: What the values are, for errors.

    Raises:
        LayerError: If a dictionary has a key that is no output.
    """
    keyed = isinstance(y_pred, dict)
    keys = list(y_pred) if keyed else list(names)
    if isinstance(values, dict) and any(k in values for k in keys):
        unknown = [k for k in values if k not in keys]
        if unknown and not keyed:
            raise LayerError(f"{what} has the key {unknown[0]!r}, but the outputs are {keys}.{near(str(unknown[0]), keys)}")
        if keyed and all(k in values for k in keys):
            return parts({k: values[k] for k in keys})  # values may be nests, as the outputs are
        return [values.get(k) for k in (sorted(keys) if keyed else keys)]
    found = parts(values)
    if len(found) < len(terms) and len(found) == sum(t is not None for t in terms):
        rest = iter(found)
        found = [None if t is None else next(rest) for t in terms]
    return found


def align(y_true: Any, y_pred: Any, terms: Sequence[Any] = (), names: Sequence[str] = ()) -> tuple[list[Any], list[Any]]:
    """Targets and outputs as lists of equal length; the other arguments are those of `by_output`.

    Raises:
        LayerError: If their numbers differ, or a dictionary of targets has a key that is no output.
    """
    outputs = parts(y_pred)
    truths = by_output(y_true, y_pred, terms, names, "y") if y_true is not None else [None] * len(outputs)
    if len(truths) != len(outputs):
        raise LayerError(f"the model has {len(outputs)} outputs, but {len(truths)} targets were given")
    return truths, outputs


def weights_of(sample_weight: Any, y_pred: Any, terms: Sequence[Any], names: Sequence[str]) -> list[Any]:
    """The sample weights of each output; what there is once serves all outputs."""
    if sample_weight is None:
        return [None] * len(names)
    weights = by_output(sample_weight, y_pred, terms, names, "sample_weight")
    return weights * len(names) if len(weights) == 1 else weights


class CompiledMetrics:
    """The metrics given to `compile`, by output.

    Args:
        metrics, weighted_metrics: The arguments of `compile`.
        structure: The model's output, a nest of KerasTensors.
        names: The outputs' names.
        shapes: Gives (y_true, y_pred) shapes per output, by which "accuracy" is understood.
        terms: The losses per output, likewise.
    """

    def __init__(self, metrics: Any, weighted_metrics: Any, structure: Any, names: Sequence[str],
                 shapes: Callable[[], Sequence[Any]], terms: Sequence[Any]):  # fmt: skip
        self.names, self.terms = list(names), list(terms)
        self.rows: list[tuple[int, Any, bool]] = []  # output, metric, weighted
        for given, weighted in ((metrics, False), (weighted_metrics, True)):
            for i, found in enumerate(self._per_output(given, structure, names)):
                for m in found:
                    self.rows.append((i, resolve_metric(m, *shapes()[i], terms[i]), weighted))
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
        truths, outputs = align(y_true, y_pred, self.terms, self.names)
        weights = weights_of(sample_weight, y_pred, self.terms, self.names)
        for i, metric, weighted in self.rows:
            if weighted and weights[i] is not None:
                metric.update_state(truths[i], outputs[i], sample_weight=weights[i])
            else:
                metric.update_state(truths[i], outputs[i])

    update_state = update  # by which name older code calls it

    def named(self) -> list[tuple[str, Any]]:
        """(name in logs, metric), the output's name in front where there are several outputs; names are made distinct."""
        used: dict[str, int] = {}
        out = []
        for i, metric, weighted in self.rows:
            output = f"{self.names[i]}_" if len(self.names) > 1 else ""
            name = output + metric.name
            if name in used and weighted:
                name = f"{output}weighted_{metric.name}"
            n = used.get(name, 0)
            used[name] = n + 1
            out.append((f"{name}_{n}" if n else name, metric))
        return out
