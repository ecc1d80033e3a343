"""Records of optimizers: each is a class of `optimizers` and its arguments."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """One way to use an optimizer.

    Attributes:
        optimizer: Name of the class.
        arguments: Its arguments; a tuple (class, arguments) stands for a schedule.
        excluded: Names of weights that weight decay leaves alone.
        label: Distinguishes cases of one class.
        scale: Size of the gradients.
        tolerance: Largest difference of a weight, of size 1, after 100 steps.
    """

    optimizer: str
    arguments: dict[str, Any] = field(default_factory=dict)
    excluded: tuple[str, ...] = ()
    label: str = ""
    scale: float = 1.0
    tolerance: float = 2e-6

    @property
    def id(self) -> str:
        """Name in test reports."""
        return "-".join([self.optimizer, *([self.label] if self.label else [])])

    def make(self, module: Any) -> Any:
        """The optimizer, of the module `optimizers` of whichever package."""
        schedules = module.schedules
        arguments = {
            k: getattr(schedules, v[0])(**v[1]) if isinstance(v, tuple) else v for k, v in self.arguments.items()
        }
        made = getattr(module, self.optimizer)(**arguments)
        if self.excluded:
            made.exclude_from_weight_decay(var_names=list(self.excluded))
        return made


DECAYED = 2e-5  # a factor near 1 is rounded in each step
CASES = [
    Case("SGD"),
    Case("SGD", {"momentum": 0.9}, label="momentum"),
    Case("SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}, label="nesterov", tolerance=1e-5),
    Case("SGD", {"weight_decay": 0.1, "momentum": 0.5}, label="decay", tolerance=DECAYED),
    Case("SGD", {"clipnorm": 1.0}, label="clipnorm"),
    Case("SGD", {"clipvalue": 0.3}, label="clipvalue"),
    Case("SGD", {"global_clipnorm": 1.0, "momentum": 0.9}, label="global_clipnorm"),
    Case("SGD", {"use_ema": True, "ema_momentum": 0.9}, label="ema"),
    Case("SGD", {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 7}, label="ema_overwrite"),
    Case("SGD", {"gradient_accumulation_steps": 4, "momentum": 0.9}, label="accumulation"),
    Case("SGD", {"loss_scale_factor": 8.0}, label="loss_scale"),
    Case(
        "SGD",
        {"learning_rate": ("ExponentialDecay", {"initial_learning_rate": 0.01, "decay_steps": 30, "decay_rate": 0.5})},
        label="schedule",
    ),
    Case("RMSprop"),
    Case("RMSprop", {"momentum": 0.9}, label="momentum", tolerance=1e-5),
    Case("RMSprop", {"centered": True}, label="centered", tolerance=1e-5),
    Case("RMSprop", {"centered": True, "momentum": 0.5, "rho": 0.8}, label="centered_momentum", tolerance=1e-4),
    Case("RMSprop", {"weight_decay": 0.01, "clipnorm": 0.5}, label="decay_clipnorm", tolerance=DECAYED),
    Case("Adam"),
    Case(
        "Adam", {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}, label="epsilon", tolerance=1e-5
    ),
    Case("Adam", {"amsgrad": True}, label="amsgrad"),
    Case("Adam", {"weight_decay": 0.01}, label="decay", tolerance=DECAYED),
    Case("Adam", {"global_clipnorm": 0.5}, label="global_clipnorm"),
    Case("Adam", {"gradient_accumulation_steps": 3}, label="accumulation"),
    Case(
        "Adam",
        {"gradient_accumulation_steps": 3, "use_ema": True, "ema_overwrite_frequency": 5},
        label="accumulation_ema",
    ),
    Case(
        "Adam",
        {"learning_rate": ("CosineDecay", {"initial_learning_rate": 0.001, "decay_steps": 60, "alpha": 0.1})},
        label="schedule",
    ),
    Case("Adam", label="small_gradients", scale=1e-6, tolerance=1e-5),
    Case("AdamW", tolerance=DECAYED),
    Case("AdamW", {"weight_decay": 0.1}, excluded=("bias",), label="exclusion", tolerance=DECAYED),
    Case("AdamW", {"amsgrad": True, "clipvalue": 0.5}, label="amsgrad_clipvalue", tolerance=DECAYED),
    Case("Adagrad"),
    Case(
        "Adagrad",
        {"learning_rate": 0.1, "initial_accumulator_value": 0.0, "weight_decay": 0.01},
        label="decay",
        tolerance=DECAYED,
    ),
    Case("Adadelta"),
    Case("Adadelta", {"learning_rate": 1.0, "rho": 0.9, "weight_decay": 0.01}, label="decay", tolerance=DECAYED),
    Case("Adamax"),
    Case("Adamax", {"weight_decay": 0.01, "clipnorm": 1.0}, label="decay", tolerance=DECAYED),
    Case("Nadam"),
    Case("Nadam", {"weight_decay": 0.01, "clipvalue": 1.0}, label="decay", tolerance=DECAYED),
    Case("Lion"),
    Case("Lion", {"weight_decay": 0.01}, label="decay", tolerance=DECAYED),
    Case("Ftrl"),
    Case(
        "Ftrl",
        {
            "learning_rate": 0.1,
            "l1_regularization_strength": 0.01,
            "l2_regularization_strength": 0.1,
            "beta": 0.1,
            "l2_shrinkage_regularization_strength": 0.01,
            "learning_rate_power": -0.4,
        },
        label="regularized",
        tolerance=1e-5,
    ),
    Case("Ftrl", {"weight_decay": 0.01, "learning_rate": 0.1}, label="decay", tolerance=DECAYED),
    Case("Lamb"),
    Case("Lamb", {"weight_decay": 0.01}, label="decay", tolerance=DECAYED),
    Case("ScheduleFreeAdamW"),
    Case("ScheduleFreeAdamW", {"weight_decay": 0.01, "warmup_steps": 10, "learning_rate": 0.01}, label="warmup", tolerance=DECAYED),
    Case("Muon", tolerance=DECAYED),
    Case(
        "Muon",
        {"nesterov": False, "rms_rate": None, "weight_decay": None, "adam_lr_ratio": 0.5, "exclude_layers": ["fil"]},
        label="plain",
        tolerance=DECAYED,
    ),
    Case("Muon", {"exclude_layers": ["kern"]}, excluded=("bias",), label="adam", tolerance=DECAYED),
    Case("Adafactor"),
    Case("Adafactor", {"learning_rate": 0.1, "relative_step": False}, label="absolute_step", tolerance=1e-4),
]
