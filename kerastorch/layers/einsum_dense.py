"""A dense layer along any axes, as an Einstein sum says."""

import re

from kerastorch import fields, ops
from kerastorch.fields import declare
from kerastorch.layers.adapted import QUANTIZATION, Quantizable, adaptable
from kerastorch.layers.quantization import Matrix
from kerastorch.layers.spec import InputSpec

FORM = re.compile(r"(\.\.\.)?([A-Za-z]+)(\.\.\.)?,([A-Za-z]+)->(\.\.\.)?([A-Za-z]+)(\.\.\.)?")


class Plan:
    """What an equation means for an input's shape: the shapes of kernel, bias and output, the kernel's axes by role."""

    def __init__(self, layer, input_shape):
        found = FORM.fullmatch(layer.equation.replace(" ", ""))
        if not found or (found[1], found[3]) != (found[5], found[7]) or found[1] and found[3]:
            raise ValueError(
                f"equation {layer.equation!r} must be of the form 'ab,bc->ac', with '...' before or behind the letters "
                "of both input and output or of neither"
            )
        before, inputs, behind, kernel, outputs = bool(found[1]), found[2], bool(found[3]), found[4], found[6]
        elided = len(input_shape) - len(inputs)
        if elided < 0 or elided and not (before or behind):
            raise ValueError(f"the input of shape {tuple(input_shape)} does not have the axes "
                             f"that equation {layer.equation!r} names")  # fmt: skip
        partial = layer.partial_output_shape
        if before:
            self.output = (*input_shape[: max(elided, 1)], *partial)
        else:
            self.output = (input_shape[0], *partial, *input_shape[len(inputs) :])
        skip = elided if before else 0
        given, made = (
            dict(zip(inputs, input_shape[skip:], strict=False)),
            dict(zip(outputs, self.output[skip:], strict=False)),
        )
        for letter in kernel:
            if letter not in given and letter not in made:
                raise ValueError(f"equation {layer.equation!r} has {letter!r} in the kernel only")
        for letter in outputs:
            if letter not in inputs and letter not in kernel:
                raise ValueError(f"equation {layer.equation!r} has {letter!r} in the result only")
            if letter in given and made.get(letter) is not None and made[letter] != given[letter]:
                raise ValueError(f"axis {letter!r} of equation {layer.equation!r} has size "
                                 f"{given[letter]} in the input and {made[letter]} in output_shape")  # fmt: skip
        self.kernel = tuple(made[c] if c in made else given[c] for c in kernel)
        self.letters = (inputs, kernel, outputs)
        self.elided = (elided if before else 0, elided if behind else 0)
        self.input_axes = [i for i, c in enumerate(kernel) if c not in made]
        self.output_axes = [i for i, c in enumerate(kernel) if c in made]
        count = len(self.input_axes)
        kept = len(inputs) - count
        plain = inputs[kept:] == kernel[:count] and outputs == inputs[:kept] + kernel[count:] and not behind
        plain = plain and 0 < count < len(kernel)
        self.trailing = count if plain else None  # how many of the input's axes give way to others, where they are the last
        self.bias = None
        if layer.bias_axes is not None:
            unknown = set(layer.bias_axes) - set(outputs)
            if unknown:
                raise ValueError(f"bias_axes {layer.bias_axes!r} names "
                                 f"{', '.join(sorted(unknown))}, not among the output's axes {outputs!r}")  # fmt: skip
            along = outputs[min(outputs.index(c) for c in layer.bias_axes) :]
            self.bias = tuple(made[c] if c in layer.bias_axes else 1 for c in along) + ((1,) * elided if behind else ())


class EinsumMatrix(Matrix):
    """The kernel of an equation: scales lie along the output's axes, those of which they know nothing being ones."""

    def __init__(self, plan):
        inputs, kernel, outputs = self.letters = plan.letters
        self.elided = plan.elided
        super().__init__(plan.kernel, tuple(i for i, c in enumerate(kernel) if c not in outputs))
        self.input_axes = tuple(i + self.elided[0] for i, c in enumerate(inputs) if c not in outputs)

    @property
    def scale_shape(self):
        _, kernel, outputs = self.letters
        sizes = dict(zip(kernel, self.shape, strict=True))
        return (*(1,) * self.elided[0], *(sizes.get(c, 1) for c in outputs), *(1,) * self.elided[1])

    def to_output(self, scale):
        return ops.reshape(aligned(scale, self.letters[1], self.letters[2]), self.scale_shape)

    def from_output(self, scale):
        _, kernel, outputs = self.letters
        before, behind = (range(n) for n in self.elided)
        return aligned(scale, [*before, *outputs, *behind], kernel)

    def samples(self, inputs):
        axes = [self.letters[0].index(self.letters[1][i]) + self.elided[0] for i in self.summed]
        others = [i for i in range(len(inputs.shape)) if i not in axes]
        return super().samples(ops.transpose(inputs, (*others, *axes)))

    def inputs_to_output(self, scale):
        before, behind = (range(n) for n in self.elided)  # of "...", at most one of which there is
        inputs, _, outputs = self.letters
        return aligned(scale, [*before, *inputs, *behind], [*before, *outputs, *behind])


def aligned(x, axes, wanted):
    """A tensor with its axes in the order of other names: those that these do not have, of size 1, are gone, others are new."""
    kept = [c for c in axes if c in wanted]
    gone = tuple(i for i, c in enumerate(axes) if c not in wanted)
    x = ops.squeeze(x, gone) if gone else x
    order = [c for c in wanted if c in kept]
    x = ops.transpose(x, [kept.index(c) for c in order]) if order != kept else x
    new = [i for i, c in enumerate(wanted) if c not in kept]
    return ops.expand_dims(x, new) if new else x


@declare(hidden=("lora_rank", "lora_alpha", "gptq_unpacked_column_size"), unlisted=("activity_regularizer",))
class EinsumDense(Quantizable):
    """A layer that contracts its input with a kernel as an Einstein sum says: "ab,bc->ac" is a dense layer.

    Args:
        equation: Axes of input, kernel and output; "..." stands for further axes of input and output alike.
        output_shape: The output's shape without the batch axis and without what "..." stands for.
        activation: Function of the result; none where None.
        bias_axes: Letters of the output's axes along which the bias has a value each; no bias where None.
        kernel_initializer, bias_initializer: How the weights start.
        kernel_regularizer, bias_regularizer, activity_regularizer: What is added to the loss for weights and output.
        kernel_constraint, bias_constraint: Applied to the weights after each update.
        lora_rank, lora_alpha: As for `enable_lora`, which is called when the layer is built; None does not.
        gptq_unpacked_column_size: Columns of a kernel that GPTQ has packed; found out where None.
        quantization_config: Configuration of quantization, where the dtype policy asks for it; None takes the mode's own.
    """

    equation: str
    output_shape: fields.Field(lambda v: (v,) if isinstance(v, int) else tuple(v), attribute="partial_output_shape")
    activation: fields.Activation = None
    bias_axes: fields.PLAIN = None
    kernel_initializer: fields.Initializer = "glorot_uniform"
    bias_initializer: fields.Initializer = "zeros"
    kernel_regularizer: fields.Regularizer = None
    bias_regularizer: fields.Regularizer = None
    kernel_constraint: fields.Constraint = None
    bias_constraint: fields.Constraint = None
    lora_rank: fields.PLAIN = None
    lora_alpha: fields.PLAIN = None
    gptq_unpacked_column_size: fields.PLAIN = None
    quantization_config: QUANTIZATION = None
    activity_regularizer: fields.Regularizer = None

    modes = ("int8", "float8", "int4", "gptq", "awq")
    kernel = adaptable("kernel")

    def build(self, input_shape):
        plan = self.plan = Plan(self, input_shape)
        self._build_matrices(kernel=EinsumMatrix(plan))
        self.bias = None if plan.bias is None else self._declared_weight("bias", plan.bias)
        self.input_spec = InputSpec(ndim=len(input_shape))
        self._built()

    def _declared_weight(self, name, shape, *fields, **more):
        initializer = self.kernel_initializer
        start = initializer.get_config() if name == "kernel" and hasattr(initializer, "get_config") else {}
        if "input_axes" in start and (start["input_axes"] is None or start["output_axes"] is None):
            axes = {"seed": initializer.seed, "input_axes": self.plan.input_axes, "output_axes": self.plan.output_axes}
            more["initializer"] = type(initializer).from_config({**start, **axes})
        return super()._declared_weight(name, shape, *fields, **more)

    def call(self, inputs, training=None):
        _, kernel, outputs = self.plan.letters
        thin = kernel[-1] == outputs[-1] and not self.plan.elided[1]
        x = self._biased(self._product(inputs, lambda x, weight: ops.einsum(self.equation, x, weight), thin=thin))
        return x if self.activation is None else self.activation(x)

    def compute_output_shape(self, input_shape):
        return Plan(self, input_shape).output
