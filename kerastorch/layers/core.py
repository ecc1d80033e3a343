"""The most used layers: dense, embedding, masking, and wrapped functions."""

import inspect

from kerastorch import fields, ops, tree
from kerastorch.fields import declare
from kerastorch.graph import KerasTensor
from kerastorch.layers.adapted import QUANTIZATION, Quantizable, adaptable
from kerastorch.layers.base import Layer
from kerastorch.layers.elementwise import Elementwise
from kerastorch.layers.quantization import Matrix
from kerastorch.layers.spec import InputSpec
from kerastorch.layers.structures import is_shape
from kerastorch.op import dtype_of
from kerastorch.saving import safety
from kerastorch.saving.objects import custom_object_scope, deserialize_keras_object, serialize_keras_object


def _value(value):
    """A value given as it is or by its configuration."""
    return deserialize_keras_object(value) if isinstance(value, dict) and "class_name" in value else value


@declare(hidden=("lora_rank", "lora_alpha"))
class Dense(Quantizable):
    """A fully connected layer: `activation(inputs @ kernel + bias)` along the last axis.

    Args:
        units: Size of the output's last axis.
        activation: Function of the result; none where None.
        use_bias: Whether a bias is added.
        kernel_initializer, bias_initializer: How the weights start.
        kernel_regularizer, bias_regularizer, activity_regularizer: What is added to the loss for weights and output.
        kernel_constraint, bias_constraint: Applied to the weights after each update.
        lora_rank, lora_alpha: As for `enable_lora`, which is called when the layer is built; None does not.
        quantization_config: Configuration of quantization, where the dtype policy asks for it; None takes the mode's own.
    """

    units: fields.Count
    activation: fields.Activation = None
    use_bias: bool = True
    kernel_initializer: fields.Initializer = "glorot_uniform"
    bias_initializer: fields.Initializer = "zeros"
    kernel_regularizer: fields.Regularizer = None
    bias_regularizer: fields.Regularizer = None
    activity_regularizer: fields.Base = None
    kernel_constraint: fields.Constraint = None
    bias_constraint: fields.Constraint = None
    lora_rank: fields.PLAIN = None
    lora_alpha: fields.PLAIN = None
    quantization_config: QUANTIZATION = None

    supports_masking = True
    input_spec = InputSpec(min_ndim=2)
    modes = ("int8", "float8", "int4", "gptq", "awq")
    kernel = adaptable("kernel")

    def build(self, input_shape):
        features = input_shape[-1]
        if features is None:
            raise ValueError(f"the size of the last axis of {tuple(input_shape)} must be known")
        self._build_matrices(kernel=Matrix((features, self.units)))
        self.bias = self._declared_weight("bias", (self.units,)) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features})
        self._built()

    def call(self, inputs, training=None):
        x = self._biased(self._product(inputs, ops.matmul))
        return x if self.activation is None else self.activation(x)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)


@declare(hidden=("lora_rank", "lora_alpha"), unlisted=("activity_regularizer",))
class Embedding(Quantizable):
    """Replaces integers below `input_dim` by learned vectors of size `output_dim`.

    Args:
        input_dim: Number of different integers, 0 included.
        output_dim: Size of the vectors.
        embeddings_initializer: How the vectors start.
        embeddings_regularizer, activity_regularizer: What is added to the loss for the vectors and the output.
        embeddings_constraint: Applied to the vectors after each update.
        mask_zero: Whether 0 stands for padding and is masked.
        weights: Array of shape (input_dim, output_dim), or a list of it, to start from.
        lora_rank, lora_alpha: As for `enable_lora`, which is called when the layer is built; None does not.
        quantization_config: Configuration of quantization, where the dtype policy asks for it; None takes the mode's own.
    """

    input_dim: fields.Count
    output_dim: fields.Count
    embeddings_initializer: fields.Initializer = "uniform"
    embeddings_regularizer: fields.Regularizer = None
    embeddings_constraint: fields.Constraint = None
    mask_zero: bool = False
    weights: fields.Base = None
    lora_rank: fields.PLAIN = None
    lora_alpha: fields.PLAIN = None
    quantization_config: QUANTIZATION = None
    activity_regularizer: fields.Regularizer = None

    adapted, rest = "embeddings", ()
    embeddings = adaptable("embeddings")

    def __post_init__(self):
        self.autocast = False
        self.supports_masking = self.mask_zero
        given = self._state.initial_weights
        if given is not None:
            self._state.initial_weights = None
            self.build()
            self.set_weights(given if isinstance(given, list) and len(given) == 1 else [given])

    def build(self, input_shape=None):
        if not self.built:
            self._build_matrices(**self._matrices())
            self._built()

    def _matrices(self):
        """How the weights are seen as matrices: vectors are rows of it, which a product with vectors sums over."""
        return {"embeddings": Matrix((self.input_dim, self.output_dim), summed=(1,), rows=1)}

    def _quantized_names(self):
        return list(self._matrices())

    def quantized_build(self, embeddings_shape, mode, config=None):
        """Creates the weights for a quantization mode; the arguments are as for other layers."""
        super().quantized_build(embeddings_shape, mode, config)

    def call(self, inputs):
        if dtype_of(inputs) not in ("int32", "int64"):
            inputs = ops.cast(inputs, "int32")
        return ops.cast(self._rows(inputs), self.compute_dtype)

    def _rows(self, places):
        """The vectors in some places; only these are unpacked where the layer is quantized."""
        rows = self._unpacked_rows(places)
        if not self.lora_enabled:
            return rows
        a, b = self._lora_weights()
        return ops.add(rows, ops.multiply(ops.matmul(ops.take(a, places, axis=0), b), self.lora_alpha / self.lora_rank))

    def compute_mask(self, inputs, mask=None):
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.output_dim)


SOFT_CAP = fields.number(0, optional=True)


@declare(order=("input_dim", "output_dim", "tie_weights", "embeddings_initializer", "embeddings_regularizer",
                "embeddings_constraint", "mask_zero", "reverse_dtype", "logit_soft_cap", "activity_regularizer",
                "quantization_config", "lora_rank", "lora_alpha"),
         unlisted=("activity_regularizer", "quantization_config", "lora_rank", "lora_alpha"))  # fmt: skip
class ReversibleEmbedding(Embedding):
    """An `Embedding` that also leads back: with `reverse=True`, from vectors to a logit for each integer.

    Args:
        input_dim: Number of different integers, 0 included.
        output_dim: Size of the vectors.
        tie_weights: Whether the same weights serve both ways, transposed.
        embeddings_initializer: How the vectors start.
        embeddings_regularizer: What is added to the loss for the vectors.
        embeddings_constraint: Applied to the vectors after each update.
        mask_zero: Whether 0 stands for padding and is masked.
        reverse_dtype: Dtype of the way back; None is the compute dtype.
        logit_soft_cap: Largest absolute value of the logits, approached by a tanh; None is no limit.
    """

    tie_weights: bool = True
    reverse_dtype: fields.PLAIN = None
    logit_soft_cap: SOFT_CAP = None

    def _matrices(self):
        back = Matrix((self.output_dim, self.input_dim), packed=0, fields="embeddings", zeros="float32")
        return super()._matrices() if self.tie_weights else {**super()._matrices(), "reverse_embeddings": back}

    def call(self, inputs, reverse=False):
        if not reverse:
            return super().call(inputs)
        inputs = ops.cast(inputs, self.reverse_dtype or self.compute_dtype)
        turn = ops.transpose if self.tie_weights else (lambda kernel: kernel)
        name = "embeddings" if self.tie_weights else "reverse_embeddings"
        logits = self._product(inputs, lambda x, kernel: ops.matmul(x, turn(ops.cast(kernel, dtype_of(x)))), name, thin=False)
        if self.logit_soft_cap is None:
            return logits
        return ops.multiply(ops.tanh(ops.divide(logits, self.logit_soft_cap)), self.logit_soft_cap)

    def compute_mask(self, inputs, mask=None, reverse=False):
        return None if reverse else super().compute_mask(inputs, mask)

    def compute_output_shape(self, input_shape, reverse=False):
        return (*input_shape[:-1], self.input_dim) if reverse else super().compute_output_shape(input_shape)

    def compute_output_spec(self, inputs, reverse=False):
        return self._spec_by_running((inputs,), {"reverse": reverse})


@declare
class Masking(Elementwise):
    """Masks the steps of a sequence at which all features have one value, and sets them to 0.

    Args:
        mask_value: The value that marks a step to be skipped.
    """

    mask_value: fields.Field(_value) = 0.0

    def call(self, inputs):
        kept = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        return ops.where(kept, inputs, 0)

    def compute_mask(self, inputs, mask=None):
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)


@declare
class Activation(Elementwise):
    """Applies a function to its input.

    Args:
        activation: The function, or its name.
    """

    activation: fields.Activation

    def call(self, inputs):
        return self.activation(inputs)


@declare
class Identity(Layer):
    """Gives back its input."""

    built = True
    supports_masking = True

    def call(self, inputs):
        return inputs


def _shape_or_function(value):
    value = _value(value)
    return tuple(value) if isinstance(value, list) and is_shape(value) else value


@declare(hidden=("output_shape", "mask"))
class Lambda(Layer):
    """Makes a layer of a function. One with a lambda in it is read from files only with `safe_mode=False`.

    Args:
        function: Takes the inputs, and `training` and `mask` where it has arguments of these names.
        output_shape: Shape of the result without the batch axis, or a function from input shape to output shape; found
            by running `function` where None.
        mask: Mask of the output, or a function `(inputs, mask) -> mask`; masks end here where None.
        arguments: Further keyword arguments for `function`.
    """

    function: fields.Field(_value, serialize_keras_object)
    output_shape: fields.Field(_shape_or_function, lambda v: v if isinstance(v, tuple) else serialize_keras_object(v),
                               "_output_shape") = None  # fmt: skip
    mask: fields.Field(_value, serialize_keras_object) = None
    arguments: fields.Field(lambda v: {k: _value(x) for k, x in (v or {}).items()}, serialize_keras_object) = None

    calls_user_code = True

    @classmethod
    def from_config(cls, config, custom_objects=None, safe_mode=None):
        """A new layer from what `get_config` gave; one with a lambda in it only where safe mode is off."""
        safe = safety.in_safe_mode() if safe_mode is None else safe_mode
        with safety.safe_mode(safe), custom_object_scope(custom_objects or {}):
            return cls(**config)

    def __post_init__(self):
        self.supports_masking = self.mask is not None
        self._wanted = {"mask", "training"} & inspect.signature(self.function).parameters.keys()

    def call(self, inputs, mask=None, training=None):
        context = {"mask": mask, "training": training}
        return self.function(inputs, **self.arguments, **{k: context[k] for k in self._wanted})

    def compute_mask(self, inputs, mask=None):
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def compute_output_spec(self, inputs, mask=None, training=None):
        if self._output_shape is None:
            return self._spec_by_running((inputs,), {"mask": mask, "training": training})
        shape = self.compute_output_shape(tree.map_structure(lambda x: x.shape, inputs))
        return KerasTensor(shape, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        if callable(self._output_shape):
            return tuple(self._output_shape(input_shape))
        if self._output_shape is not None:
            batch = input_shape[0] if is_shape(input_shape) else tree.leaves(input_shape)[0]
            return (batch, *self._output_shape)
        return super().compute_output_shape(input_shape)
