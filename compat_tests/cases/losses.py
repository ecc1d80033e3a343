"""Records of losses and metrics: a class, its arguments, and the kind of targets and predictions that it is about."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

ROWS, COLUMNS = 6, 5


def _softmax(x):
    e = np.exp(x)
    return e / e.sum(-1, keepdims=True)


def _unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


# Kind -> (targets, predictions) from a generator.
DATA: dict[str, Callable[[Any], tuple[Any, Any]]] = {
    "real": lambda r: (r.normal(size=(ROWS, COLUMNS)), r.normal(size=(ROWS, COLUMNS))),
    "deep": lambda r: (r.normal(size=(ROWS, 3, COLUMNS)), r.normal(size=(ROWS, 3, COLUMNS))),
    "vector": lambda r: (r.normal(size=ROWS), r.normal(size=(ROWS, 1))),
    "integers": lambda r: (r.integers(0, 9, (ROWS, COLUMNS)), r.normal(size=(ROWS, COLUMNS))),
    "positive": lambda r: (r.uniform(0.1, 3.0, (ROWS, COLUMNS)), r.uniform(0.1, 3.0, (ROWS, COLUMNS))),
    "distributions": lambda r: (_softmax(r.normal(size=(ROWS, COLUMNS))), _softmax(r.normal(size=(ROWS, COLUMNS)))),
    "binary": lambda r: (r.integers(0, 2, (ROWS, COLUMNS)), r.uniform(0.01, 0.99, (ROWS, COLUMNS))),
    "binary_floats": lambda r: (
        r.integers(0, 2, (ROWS, COLUMNS)).astype("float32"),
        r.uniform(0.01, 0.99, (ROWS, COLUMNS)),
    ),
    "binary_column": lambda r: (r.integers(0, 2, ROWS), r.uniform(0.01, 0.99, (ROWS, 1))),
    "binary_logits": lambda r: (r.integers(0, 2, (ROWS, COLUMNS)), r.normal(size=(ROWS, COLUMNS))),
    "signs": lambda r: (2 * r.integers(0, 2, (ROWS, COLUMNS)) - 1, r.normal(size=(ROWS, COLUMNS))),
    "onehot": lambda r: (np.eye(COLUMNS)[r.integers(0, COLUMNS, ROWS)], _softmax(r.normal(size=(ROWS, COLUMNS)))),
    "onehot_deep": lambda r: (
        np.eye(COLUMNS)[r.integers(0, COLUMNS, (ROWS, 3))],
        _softmax(r.normal(size=(ROWS, 3, COLUMNS))),
    ),
    "onehot_logits": lambda r: (np.eye(COLUMNS)[r.integers(0, COLUMNS, ROWS)], 3 * r.normal(size=(ROWS, COLUMNS))),
    "classes": lambda r: (r.integers(0, COLUMNS, ROWS), _softmax(r.normal(size=(ROWS, COLUMNS)))),
    "classes_column": lambda r: (r.integers(0, COLUMNS, (ROWS, 1)), _softmax(r.normal(size=(ROWS, COLUMNS)))),
    "classes_deep": lambda r: (r.integers(0, COLUMNS, (ROWS, 3)), _softmax(r.normal(size=(ROWS, 3, COLUMNS)))),
    "classes_logits": lambda r: (r.integers(0, COLUMNS, ROWS), 3 * r.normal(size=(ROWS, COLUMNS))),
    "embeddings": lambda r: (np.array([0, 1, 0, 1, 2, 2]), _unit(r.normal(size=(ROWS, COLUMNS)))),
    "class_pairs": lambda r: (r.integers(0, 3, ROWS), r.integers(0, 3, ROWS)),
    "images": lambda r: (r.integers(0, 2, (ROWS, 4, 4, 2)), r.uniform(0.01, 0.99, (ROWS, 4, 4, 2))),
}


def arrays(kind: str, seed: int = 0) -> tuple[Any, Any]:
    """Targets and predictions of a kind, floats in float32."""
    found = DATA[kind](np.random.default_rng([seed, *kind.encode()]))
    return tuple(x.astype("float32") if x.dtype == np.float64 else x for x in found)  # type: ignore[return-value]


@dataclass(frozen=True)
class Case:
    """One way to use a loss or metric.

    Attributes:
        name: Name of the class.
        data: Kind of targets and predictions.
        arguments: Arguments of the constructor.
        gradient: Whether the gradient is compared too.
        weights: Shape of the sample weights to try; None tries none.
        tolerance: Largest relative difference.
    """

    name: str
    data: str
    arguments: dict[str, Any] = field(default_factory=dict)
    gradient: bool = True
    weights: tuple[int, ...] | None = (ROWS,)
    tolerance: float = 1e-5

    @property
    def id(self) -> str:
        """Name in test reports."""
        return "-".join([self.name, self.data, *(f"{k}={v}" for k, v in self.arguments.items())])

    def make(self, module: Any, **more: Any) -> Any:
        """The loss or metric, of the module of whichever package."""
        return getattr(module, self.name)(**self.arguments, **more)


LOSSES = [
    *(Case(n, d) for n in ("MeanSquaredError", "MeanAbsoluteError", "LogCosh") for d in ("real", "vector", "integers")),
    *(Case(n, "deep", weights=(ROWS, 3)) for n in ("MeanSquaredError", "MeanAbsoluteError", "LogCosh")),
    Case("MeanAbsolutePercentageError", "real"),
    Case("MeanSquaredLogarithmicError", "positive"),
    Case("CosineSimilarity", "real"),
    Case("CosineSimilarity", "deep", {"axis": 1}, weights=(ROWS, COLUMNS)),
    Case("Huber", "real"),
    Case("Huber", "real", {"delta": 0.3}),
    Case("KLDivergence", "distributions"),
    Case("Poisson", "positive"),
    *(Case(n, d) for n in ("Hinge", "SquaredHinge") for d in ("signs", "binary")),
    Case("CategoricalHinge", "onehot"),
    *(Case("BinaryCrossentropy", d) for d in ("binary", "binary_floats", "binary_column")),
    Case("BinaryCrossentropy", "binary_logits", {"from_logits": True, "label_smoothing": 0.1}),
    Case("BinaryFocalCrossentropy", "binary"),
    Case(
        "BinaryFocalCrossentropy",
        "binary",
        {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5, "label_smoothing": 0.1},
    ),
    Case("BinaryFocalCrossentropy", "binary_logits", {"from_logits": True}),
    *(Case("CategoricalCrossentropy", d) for d in ("onehot", "distributions")),
    Case("CategoricalCrossentropy", "onehot_deep", weights=(ROWS, 3)),
    Case("CategoricalCrossentropy", "onehot_logits", {"from_logits": True, "label_smoothing": 0.2}),
    Case("CategoricalFocalCrossentropy", "onehot"),
    Case("CategoricalFocalCrossentropy", "onehot_logits", {"from_logits": True, "alpha": 0.5, "gamma": 1.0}),
    *(Case("SparseCategoricalCrossentropy", d) for d in ("classes", "classes_column")),
    Case("SparseCategoricalCrossentropy", "classes_deep", weights=(ROWS, 3)),
    Case("SparseCategoricalCrossentropy", "classes_logits", {"from_logits": True}),
    Case("SparseCategoricalCrossentropy", "classes", {"ignore_class": 2}),
    Case("SparseCategoricalCrossentropy", "classes_logits", {"from_logits": True, "ignore_class": 1}),
    Case("CategoricalGeneralizedCrossEntropy", "classes", {"q": 0.7}),
    Case("Dice", "images", weights=None),
    Case("Dice", "images", {"axis": (1, 2, 3)}),
    Case("Tversky", "images", {"alpha": 0.3, "beta": 0.8}, weights=None),
    Case("Tversky", "images", {"alpha": 0.3, "beta": 0.8, "axis": (1, 2, 3)}),
    Case("Circle", "embeddings", tolerance=1e-4),
    Case("Circle", "embeddings", {"gamma": 16.0, "margin": 0.3, "remove_diagonal": False}, tolerance=1e-4),
]

METRICS = [
    *(
        Case(n, d)
        for n in ("MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError")
        for d in ("real", "deep", "vector")
    ),
    Case("MeanAbsolutePercentageError", "real"),
    Case("MeanSquaredLogarithmicError", "positive"),
    Case("LogCoshError", "real"),
    Case("CosineSimilarity", "real"),
    Case("CosineSimilarity", "deep", {"axis": 1}),
    Case("KLDivergence", "distributions"),
    Case("Poisson", "positive"),
    Case("Hinge", "signs"),
    Case("SquaredHinge", "binary"),
    Case("CategoricalHinge", "onehot"),
    Case("BinaryCrossentropy", "binary_floats"),
    Case("BinaryCrossentropy", "binary_logits", {"from_logits": True, "label_smoothing": 0.1}),
    Case("CategoricalCrossentropy", "onehot"),
    Case("CategoricalCrossentropy", "onehot_logits", {"from_logits": True}),
    Case("SparseCategoricalCrossentropy", "classes"),
    Case("SparseCategoricalCrossentropy", "classes", {"ignore_class": 2}),
    Case("Accuracy", "class_pairs"),
    *(Case("BinaryAccuracy", d) for d in ("binary", "binary_floats", "binary_column")),
    Case("BinaryAccuracy", "binary", {"threshold": 0.7}),
    *(Case("CategoricalAccuracy", d) for d in ("onehot", "onehot_deep")),
    *(Case("SparseCategoricalAccuracy", d) for d in ("classes", "classes_column", "classes_deep")),
    Case("TopKCategoricalAccuracy", "onehot", {"k": 2}),
    Case("TopKCategoricalAccuracy", "onehot_deep", {"k": 3}, weights=None),
    *(Case("SparseTopKCategoricalAccuracy", d, {"k": 2}) for d in ("classes", "classes_deep")),
    Case("R2Score", "real"),
    Case("R2Score", "real", {"class_aggregation": None}),
    Case("R2Score", "real", {"class_aggregation": "variance_weighted_average", "num_regressors": 2}),
    *(Case("FBetaScore", "onehot", {"average": a, "beta": 2.0}) for a in (None, "micro", "macro", "weighted")),
    Case("FBetaScore", "binary", {"threshold": 0.4}),
    Case("F1Score", "onehot"),
    Case("PearsonCorrelation", "real", tolerance=1e-4),
    Case("ConcordanceCorrelation", "real", tolerance=1e-4),
    *(
        Case(n, "binary")
        for n in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives", "Precision", "Recall")
    ),
    *(Case(n, "binary", {"thresholds": [0.7, 0.2]}) for n in ("TruePositives", "TrueNegatives", "Precision", "Recall")),
    Case("Precision", "onehot", {"top_k": 2}),
    Case("Recall", "onehot", {"class_id": 1}),
    Case("Precision", "onehot", {"top_k": 3, "class_id": 2}),
    Case("SensitivityAtSpecificity", "binary", {"specificity": 0.4}),
    Case("SpecificityAtSensitivity", "binary", {"sensitivity": 0.4, "num_thresholds": 50}),
    Case("PrecisionAtRecall", "binary", {"recall": 0.4}),
    Case("RecallAtPrecision", "binary", {"precision": 0.4}),
    *(
        Case("AUC", "binary", {"curve": c, "summation_method": s})
        for c in ("ROC", "PR")
        for s in ("interpolation", "minoring", "majoring")
    ),
    Case("AUC", "binary", {"curve": "PRGAIN"}),
    Case("AUC", "binary", {"num_thresholds": 3}),
    Case("AUC", "binary", {"thresholds": [0.3, 0.9, 0.5]}),
    Case("AUC", "binary", {"multi_label": True}),
    Case("AUC", "binary", {"multi_label": True, "num_labels": COLUMNS, "label_weights": [1.0, 2.0, 0.5, 1.0, 3.0]}),
    Case("AUC", "binary_logits", {"from_logits": True}),
    Case("IoU", "class_pairs", {"num_classes": 3, "target_class_ids": [0, 2]}),
    Case("IoU", "class_pairs", {"num_classes": 3, "target_class_ids": [0, 1], "ignore_class": 2}),
    Case("MeanIoU", "class_pairs", {"num_classes": 3}),
    Case("BinaryIoU", "binary", {"target_class_ids": [1], "threshold": 0.4}, weights=None),
    Case("OneHotIoU", "onehot", {"num_classes": COLUMNS, "target_class_ids": [0, 3]}),
    Case("OneHotMeanIoU", "onehot", {"num_classes": COLUMNS}),
]
