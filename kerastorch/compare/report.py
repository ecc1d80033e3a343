"""What a comparison found, as data and as a table."""

import io
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

ASPECTS = ("output", "output_cumulative", "gradient", "gradient_cumulative")
FORWARD = ASPECTS[:3]  # those in which a layer differs by its own doing or by that of layers before it


@dataclass(frozen=True)
class Difference:
    """How far two backends' arrays are apart.

    Attributes:
        absolute: Largest absolute difference of two elements; inf where only one is NaN or the shapes differ.
        relative: The same as a fraction of the largest element of the first backend's array.
        within: Whether `absolute <= atol + rtol * (largest element)`.
        where: The output or weight in which the arrays differ most.
        compared: Number of pairs of arrays.
    """

    absolute: float
    relative: float
    within: bool
    where: str = ""
    compared: int = 1

    @classmethod
    def of(cls, mine: Any, other: Any, rtol: float, atol: float, where: str = "") -> "Difference":
        """The difference of two arrays."""
        a, b = np.asarray(mine), np.asarray(other)
        if a.shape != b.shape:
            return cls(np.inf, np.inf, False, f"{where} (shapes {a.shape} and {b.shape})".strip())
        kind = np.complex128 if "c" in (a.dtype.kind, b.dtype.kind) else np.float64
        a, b = a.astype(kind), b.astype(kind)
        with np.errstate(invalid="ignore"):
            apart = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
        absolute = float(np.max(np.nan_to_num(apart, nan=np.inf), initial=0.0))
        finite = np.abs(a[np.isfinite(a)])
        scale = float(np.max(finite, initial=0.0))
        relative = absolute / scale if scale else np.inf if absolute else 0.0
        return cls(absolute, relative, bool(absolute <= atol + rtol * scale), where)

    @classmethod
    def worst(cls, found: list["Difference"]) -> "Difference | None":
        """The greatest of several differences, those beyond tolerance first; None of none."""
        if not found:
            return None
        most = max(found, key=lambda d: (not d.within, d.relative, d.absolute))
        return cls(
            most.absolute, most.relative, all(d.within for d in found), most.where, sum(d.compared for d in found)
        )

    def __str__(self) -> str:
        return f"{self.absolute:.1e} ({self.relative:.1e}){'' if self.within else ' !'}"


@dataclass(frozen=True)
class Row:
    """One call of a layer or op on one backend, against the same call on the first backend.

    Attributes:
        layer: Name of the layer, with those of the models around it; the number of the call where there are several.
        kind: Its class.
        backend: The backend that is compared with the first.
        output: Outputs given the first backend's inputs.
        output_cumulative: Outputs given what the backend itself computed so far.
        gradient: Gradients of its weights for its outputs times fixed random numbers, given the first backend's inputs.
        gradient_cumulative: Gradients of the layer's weights for the loss of the whole model.
    """

    layer: str
    kind: str
    backend: str
    output: Difference | None = None
    output_cumulative: Difference | None = None
    gradient: Difference | None = None
    gradient_cumulative: Difference | None = None

    @property
    def differences(self) -> dict[str, Difference]:
        """Those that were made, by what was compared."""
        return {a: d for a in ASPECTS if (d := getattr(self, a)) is not None}

    @property
    def ok(self) -> bool:
        """Whether all differences are within tolerance."""
        return all(d.within for d in self.differences.values())


@dataclass
class Report:
    """What `compare` found.

    Attributes:
        model: Name of the model.
        backends: The backends' names, the first being what the others were compared with.
        rtol, atol: The tolerance.
        rows: One for each call on each of the other backends, in the order of the calls.
        notes: What could not be compared, and why.
    """

    model: str
    backends: list[str]
    rtol: float
    atol: float
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def _differences(self) -> Iterator[tuple[Row, str, Difference]]:
        return ((row, a, d) for row in self.rows for a, d in row.differences.items())

    @property
    def count(self) -> int:
        """Number of pairs of arrays that were compared."""
        return sum(d.compared for _, _, d in self._differences())

    @property
    def ok(self) -> bool:
        """Whether anything was compared and all of it is within tolerance."""
        return self.count > 0 and all(row.ok for row in self.rows)

    @property
    def first_divergence(self) -> Row | None:
        """The first layer beyond tolerance; None where all are within it.

        A wrong layer spoils the cumulative gradients of the layers before it. So these decide only where nothing else
        is beyond tolerance, and then it is the last such layer that comes first.
        """
        forward = [row for row in self.rows if any(not d.within for a, d in row.differences.items() if a in FORWARD)]
        backward = [row for row in reversed(self.rows) if not row.ok]
        return next(iter(forward or backward), None)

    @property
    def worst(self) -> Row | None:
        """The row with the greatest relative difference, those beyond tolerance first."""
        found = list(self._differences())
        return max(found, key=lambda x: (not x[2].within, x[2].relative))[0] if found else None

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        first = self.first_divergence
        return {
            **asdict(self),
            "count": self.count,
            "ok": self.ok,
            "first_divergence": None if first is None else {"layer": first.layer, "backend": first.backend},
        }

    def __str__(self) -> str:
        several = len(self.backends) > 2
        table = Table(
            "Layer",
            *(["Backend"] if several else []),
            "Outputs",
            "from its own inputs",
            "Weight gradients",
            "of the model's loss",
            title=self._title(),
            title_justify="left",
        )
        for row in self.rows:
            cells = [str(getattr(row, a) or "-") for a in ASPECTS]
            table.add_row(f"{row.layer} ({row.kind})", *([row.backend] if several else []), *cells)
        console = Console(file=io.StringIO(), width=140, color_system=None, highlight=False, markup=False)
        console.print(table)
        console.print("\n".join([self._verdict(), *self.notes]))
        return console.file.getvalue().rstrip()

    def _title(self) -> str:
        return (
            f"Model {self.model!r}: {' and '.join(self.backends[1:])} against {self.backends[0]}, "
            "largest absolute (relative) differences"
        )

    def _verdict(self) -> str:
        done = f"{self.count} comparisons, rtol={self.rtol:g}, atol={self.atol:g}"
        first = self.first_divergence
        if first is None:
            return f"{done}: all within tolerance." if self.count else f"{done}: nothing was compared."
        what = next(iter(a for a, d in first.differences.items() if not d.within))
        where = first.differences[what].where
        return (
            f"{done}. The first layer beyond tolerance (!) is {first.layer} ({first.kind}) on {first.backend}, in "
            f"its {what.replace('_', ' ')}{f' at {where}' if where else ''}."
        )
