"""The built-in losses as classes: each is a function of `functions`, its arguments, and a reduction."""

from kerastorch.fields import Field
from kerastorch.losses import functions
from kerastorch.losses.base import FunctionLoss, made_of


def _fraction(q):
    if not 0 < q < 1:
        raise ValueError(f"a number between 0 and 1 is needed, not {q!r}")
    return q


Fraction = Field(_fraction)


@made_of(functions.mean_squared_error)
class MeanSquaredError(FunctionLoss):
    """Mean of the squared differences."""


@made_of(functions.mean_absolute_error)
class MeanAbsoluteError(FunctionLoss):
    """Mean of the absolute differences."""


@made_of(functions.mean_absolute_percentage_error)
class MeanAbsolutePercentageError(FunctionLoss):
    """Mean of the absolute differences in percent of the target."""


@made_of(functions.mean_squared_logarithmic_error)
class MeanSquaredLogarithmicError(FunctionLoss):
    """Mean of the squared differences of log(1 + x)."""


@made_of(functions.cosine_similarity, quiet=("axis",))
class CosineSimilarity(FunctionLoss):
    """Minus the cosine of the angle between vectors along `axis`."""

    axis: int = -1


@made_of(functions.huber, name="huber_loss", quiet=("delta",))
class Huber(FunctionLoss):
    """Half the squared difference up to `delta`, growing linearly beyond."""

    delta: float = 1.0


@made_of(functions.log_cosh)
class LogCosh(FunctionLoss):
    """Mean of log(cosh(difference))."""


@made_of(functions.kl_divergence)
class KLDivergence(FunctionLoss):
    """Kullback-Leibler divergence of distributions."""


@made_of(functions.poisson)
class Poisson(FunctionLoss):
    """Negative log-likelihood of counts under Poisson rates, less a constant."""


@made_of(functions.hinge)
class Hinge(FunctionLoss):
    """Mean of max(1 - t * p, 0) for labels of -1 and 1 (or 0 and 1)."""


@made_of(functions.squared_hinge)
class SquaredHinge(FunctionLoss):
    """Mean of max(1 - t * p, 0) squared for labels of -1 and 1 (or 0 and 1)."""


@made_of(functions.categorical_hinge)
class CategoricalHinge(FunctionLoss):
    """How far the best wrong class comes within 1 of the right one."""


@made_of(functions.binary_crossentropy)
class BinaryCrossentropy(FunctionLoss):
    """Crossentropy of targets of 0 and 1, see `binary_crossentropy`."""

    from_logits: bool = False
    label_smoothing: float = 0.0
    axis: int = -1


@made_of(functions.binary_focal_crossentropy)
class BinaryFocalCrossentropy(FunctionLoss):
    """Crossentropy of targets of 0 and 1 in which easy samples count less, see `binary_focal_crossentropy`."""

    apply_class_balancing: bool = False
    alpha: float = 0.25
    gamma: float = 2.0
    from_logits: bool = False
    label_smoothing: float = 0.0
    axis: int = -1


@made_of(functions.categorical_crossentropy)
class CategoricalCrossentropy(FunctionLoss):
    """Crossentropy of one-hot targets, see `categorical_crossentropy`."""

    from_logits: bool = False
    label_smoothing: float = 0.0
    axis: int = -1


@made_of(functions.categorical_focal_crossentropy)
class CategoricalFocalCrossentropy(FunctionLoss):
    """Crossentropy of one-hot targets in which easy samples count less, see `categorical_focal_crossentropy`."""

    alpha: float = 0.25
    gamma: float = 2.0
    from_logits: bool = False
    label_smoothing: float = 0.0
    axis: int = -1


@made_of(
    functions.sparse_categorical_crossentropy,
    order=("from_logits", "ignore_class", "reduction", "axis", "name", "dtype"),
    quiet=("axis",),
)
class SparseCategoricalCrossentropy(FunctionLoss):
    """Crossentropy of integer classes, see `sparse_categorical_crossentropy`."""

    from_logits: bool = False
    ignore_class: int | None = None
    axis: int = -1

    casts_targets = False


@made_of(functions.categorical_generalized_cross_entropy)
class CategoricalGeneralizedCrossEntropy(FunctionLoss):
    """(1 - p^q) / q for the probability p of the right class, 0 < q < 1: robust against wrong labels."""

    q: Fraction = 0.5

    casts_targets = False


@made_of(functions.dice, order=("reduction", "name", "axis", "dtype"))
class Dice(FunctionLoss):
    """The share of two regions that does not overlap."""

    axis: int | None = None


@made_of(functions.tversky, order=("alpha", "beta", "reduction", "name", "axis", "dtype"))
class Tversky(FunctionLoss):
    """As `Dice`, with what only the target or only the prediction has weighed by `alpha` and `beta`."""

    alpha: float = 0.5
    beta: float = 0.5
    axis: int | None = None


@made_of(functions.circle)
class Circle(FunctionLoss):
    """Draws embeddings of one class together and pushes those of others apart."""

    gamma: float = 80.0
    margin: float = 0.4
    remove_diagonal: bool = True

    casts_targets = False


@made_of(functions.ctc)
class CTC(FunctionLoss):
    """Connectionist temporal classification, see `ctc`."""

    casts_targets = False
