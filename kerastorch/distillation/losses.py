"""How far a student is from its teacher."""

from typing import Any

from kerastorch import losses, ops, tree
from kerastorch.fields import Declared, Field, declare
from kerastorch.saving.objects import deserialize_keras_object, serialize_keras_object


def _losses(value: Any) -> Any:
    if isinstance(value, dict) and "class_name" in value:
        value = deserialize_keras_object(value)
    found = tree.map_structure(losses.get, value)
    if all(x is None for x in tree.leaves(found)):
        raise ValueError("must contain at least one non-`None` value")
    return found


def _temperature(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"temperature must be a number, not {value!r}")
    if value <= 0:
        raise ValueError(f"temperature must be positive, not {value!r}")
    return value


# Each output has the loss in its place in the nest; None leaves the output out.
LOSSES = Field(
    _losses, lambda v: tree.map_structure(serialize_keras_object, v), complaint="{cls}: The `{name}` argument in `{cls}` {error}"
)


class DistillationLoss(Declared):
    """What losses of distillation have in common: subclasses write `compute_loss`."""

    def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        """The scalar loss for what the two models give.

        Args:
            teacher_outputs, student_outputs: Tensors or nests of them.
            **kwargs: For subclasses.
        """
        raise NotImplementedError(f"{type(self).__name__}: Subclasses must implement compute_loss")

    def validate_outputs(self, teacher_outputs, student_outputs):
        """Makes sure that what the models give can be compared.

        Raises:
            ValueError: If the nests differ.
        """
        tree.assert_same_structure(teacher_outputs, student_outputs)

    def validate_model_compatibility(self, teacher, student):
        """Makes sure that the models suit the loss; any do, unless a subclass says otherwise."""


class OfOutputs(DistillationLoss):
    """Losses that are Keras losses of the teacher's outputs as targets and the student's as predictions, added up."""

    scale = 1.0  # by what outputs are divided

    def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        self.validate_outputs(teacher_outputs, student_outputs)
        total = 0.0
        pairs = zip(tree.leaves(teacher_outputs), tree.leaves(student_outputs), self._each(teacher_outputs), strict=True)
        for target, output, loss in pairs:
            if loss is not None:
                total = total + ops.mean(loss(target / self.scale, output / self.scale))
        return total

    def _each(self, outputs: Any) -> list[Any]:
        """The loss of each output."""
        found, n = tree.leaves(self.loss), len(tree.leaves(outputs))
        if len(found) == 1:
            return found * n
        if len(found) != n:
            raise ValueError(f"{type(self).__name__}: there are {len(found)} losses for {n} outputs")
        return found


@declare
class LogitsDistillation(OfOutputs):
    """Compares the models' outputs, divided by a temperature.

    Args:
        temperature: Positive number; a higher one makes the outputs of a softmax more alike.
        loss: A loss as `compile` takes it, or a nest of them like the models' outputs, with None for those left out.

    Raises:
        ValueError: If the temperature is not positive, or no loss is given.
    """

    temperature: Field(_temperature, complaint="{cls}: {error}") = 3.0
    loss: LOSSES = "kl_divergence"

    scale = property(lambda self: self.temperature)


@declare
class FeatureDistillation(OfOutputs):
    """Compares what a layer of the teacher and one of the student give.

    Args:
        loss: A loss as `compile` takes it, or a nest of them like the layers' outputs, with None for those left out.
        teacher_layer_name, student_layer_name: Names of the layers; None for the models' outputs.

    Raises:
        ValueError: If no loss is given.
    """

    loss: LOSSES = "mse"
    teacher_layer_name: str | None = None
    student_layer_name: str | None = None

    def validate_model_compatibility(self, teacher, student):
        """Makes sure that the models have the layers.

        Raises:
            ValueError: If one is missing, or a model has no graph to find it in.
        """
        for role, model, name in (("teacher", teacher, self.teacher_layer_name), ("student", student, self.student_layer_name)):
            if name is None:
                continue
            if model.graph is None:
                raise ValueError(f"FeatureDistillation: the {role} model {model.name!r} is a subclassed model, whose layers' "
                                 "outputs are not recorded; it must be functional or sequential")  # fmt: skip
            try:
                model.get_layer(name)
            except ValueError as error:
                raise ValueError(f"FeatureDistillation: In {role} model: {error}") from error
