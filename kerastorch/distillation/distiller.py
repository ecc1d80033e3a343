"""The model that trains a student."""

from collections.abc import Callable
from typing import Any

from kerastorch import ops, tree
from kerastorch.distillation.losses import FeatureDistillation
from kerastorch.metrics import Mean
from kerastorch.models import Model
from kerastorch.saving.objects import deserialize_keras_object, serialize_keras_object

OUTPUT = ""  # the model's own output among those of its layers


class Distiller(Model):
    """A model that trains a student on targets and on what a teacher gives; called, it is the student.

    The loss is `student_loss_weight` times the student's own, plus the rest of 1 times the weighted sum of those of distillation.

    Args:
        teacher: A trained model. It is frozen.
        student: The model to be trained.
        distillation_losses: A `DistillationLoss`, or a list of them.
        distillation_loss_weights: The weight of each; 1 where it is None.
        student_loss_weight: The weight of the student's loss, from 0 to 1.
        name: Name.
        **kwargs: For `Model`.

    Raises:
        ValueError: If an argument is none of these, or the models' outputs differ in shape.
    """

    def __init__(self, teacher, student, distillation_losses, distillation_loss_weights=None, student_loss_weight=0.5,
                 name="distiller", **kwargs):  # fmt: skip
        super().__init__(name=name, **kwargs)
        for role, model in (("Teacher", teacher), ("Student", student)):
            if not isinstance(model, Model):
                raise ValueError(f"Distiller: {role} must be a model, not {model!r}")
        if distillation_losses is None:
            raise ValueError("Distiller: 'distillation_losses' cannot be `None`; a DistillationLoss or a list of them is needed")
        given = distillation_losses if isinstance(distillation_losses, list | tuple) else [distillation_losses]
        weights = distillation_loss_weights
        weights = [1.0] * len(given) if weights is None else weights if isinstance(weights, list | tuple) else [weights]
        if len(weights) != len(given):
            raise ValueError(f"Distiller: Number of distillation_loss_weights ({len(weights)}) must match number of "
                             f"distillation_losses ({len(given)})")  # fmt: skip
        if not 0.0 <= student_loss_weight <= 1.0:
            raise ValueError(f"Distiller: student_loss_weight must be between 0.0 and 1.0, not {student_loss_weight}")
        self.teacher, self.student = teacher, student
        self.distillation_losses, self.distillation_loss_weights = list(given), list(weights)
        self.student_loss_weight = student_loss_weight
        _check_outputs(teacher, student)
        for loss in given:
            loss.validate_model_compatibility(teacher, student)
        teacher.trainable = False
        self.student_loss_tracker = Mean(name="student_loss")
        self.distillation_loss_tracker = Mean(name="distillation_loss")
        self.total_loss_tracker = Mean(name="total_loss")
        features = [x for x in given if isinstance(x, FeatureDistillation)]
        self._reads_within = any(x.student_layer_name for x in features)
        # Not attributes, since they are other views of the layers that the models hold.
        self._state.extra["readers"] = (
            _reader(teacher, {x.teacher_layer_name for x in features}),
            _reader(student, {x.student_layer_name for x in features}),
        )

    def call(self, inputs, training=None, **kwargs):
        return self.student(inputs, training=training, **kwargs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        of_teacher, of_student = self._state.extra["readers"]
        mine = super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)
        taught = tree.map_structure(ops.stop_gradient, of_teacher(x, False))
        # Layers within are read by running the student once more, since `y_pred` does not tell of them.
        learned = {**(of_student(x, training) if self._reads_within else {}), OUTPUT: y_pred}
        theirs = 0.0
        for loss, weight in zip(self.distillation_losses, self.distillation_loss_weights, strict=True):
            target = taught[getattr(loss, "teacher_layer_name", None) or OUTPUT]
            theirs = theirs + weight * loss.compute_loss(target, learned[getattr(loss, "student_layer_name", None) or OUTPUT])
        total = self.student_loss_weight * mine + (1.0 - self.student_loss_weight) * theirs
        self.student_loss_tracker.update_state(mine)
        self.distillation_loss_tracker.update_state(theirs)
        self.total_loss_tracker.update_state(total)
        return total

    def get_config(self):
        """The constructor's arguments as JSON-like values."""
        return {
            **super().get_config(),
            "teacher": serialize_keras_object(self.teacher),
            "student": serialize_keras_object(self.student),
            "distillation_losses": [serialize_keras_object(x) for x in self.distillation_losses],
            "distillation_loss_weights": self.distillation_loss_weights,
            "student_loss_weight": self.student_loss_weight,
        }

    @classmethod
    def from_config(cls, config):
        """A new distiller from what `get_config` gave."""
        made = {name: deserialize_keras_object(config[name]) for name in ("teacher", "student", "distillation_losses")}
        return cls(**{**config, **made})


def _check_outputs(teacher: Model, student: Model) -> None:
    if teacher.graph is None or student.graph is None:
        return
    shapes = teacher.output_shape, student.output_shape
    mine, theirs = (tree.leaves([t.shape for t in m.outputs]) for m in (teacher, student))
    if len(mine) != len(theirs) or any(None not in (a, b) and a != b for a, b in zip(mine, theirs, strict=True)):
        raise ValueError(
            f"Distiller: Teacher and student output shapes are incompatible. Teacher: {shapes[0]}, Student: {shapes[1]}"
        )


def _reader(model: Model, names: set[str | None]) -> Callable[[Any, Any], dict[str, Any]]:
    """A function of inputs and the training flag: the model's outputs, and those of the layers named, by name."""
    found = sorted(name for name in names if name)
    if not found:
        return lambda x, training: {OUTPUT: model(x, training=training)}
    inner = Model(model.input, {OUTPUT: model.output, **{name: model.get_layer(name).output for name in found}})
    return lambda x, training: inner(x, training=training)
