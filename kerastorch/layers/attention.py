"""Attention without heads: each query gives the mean of values, weighted by how well it fits their keys."""

from kerastorch import fields, ops, random
from kerastorch.errors import LayerError
from kerastorch.fields import declare
from kerastorch.layers.base import Layer
from kerastorch.op import dtype_of

MODES = ("dot", "concat")
FORMS = "[query, value] or [query, value, key]"


def _mode(value):
    if value not in MODES:
        raise ValueError(f"Invalid value for argument score_mode. Expected one of {{'dot', 'concat'}}, not {value!r}")
    return value


@declare
class Attention(Layer):
    """The mean of values for each query, weighted by the softmax of a score of the query and the values' keys.

    Inputs are a list of a query (batch, queries, size), a value (batch, values, value size) and a key (batch, values, size),
    which is the value where it is left out; a mask is a list with one for each, true where a step counts.

    Args:
        use_scale: Whether scores are multiplied by a learned number.
        score_mode: "dot", the product of query and key (Luong et al., 2015), or "concat", a learned number times the sum of
            the tanh of their sum.
        dropout: Part of the weights that is set to 0 in training.
        seed: Seed of the dropout.

    Raises:
        ValueError: If `score_mode` is unknown, or the layer is not called on a list of two or three inputs.
    """

    use_scale: bool = False
    score_mode: fields.Field(_mode) = "dot"
    dropout: float = 0.0
    seed: int | None = None

    supports_masking = True

    def __post_init__(self):
        if self.dropout > 0:
            self.seed_generator = random.SeedGenerator(self.seed)

    def build(self, input_shape):
        self._check_list(input_shape)
        self.scale = self.add_weight((), "ones", name="scale") if self.use_scale else None
        concat = self.score_mode == "concat"
        self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight") if concat else None

    def call(self, inputs, mask=None, training=False, return_attention_scores=False, use_causal_mask=False):
        self._check_list(inputs)
        self._check_masks(mask)
        query, value, key = (*inputs, inputs[1])[:3]
        query_mask, value_mask = (None, None) if mask is None else mask[:2]
        if return_attention_scores or not self._fusible(query, training):
            scores = self._calculate_scores(query, key)
            result, weights = self._apply_scores(
                scores, value, self._calculate_score_mask(scores, value_mask, use_causal_mask), training
            )
        else:
            result = self._fused(query, key, value, value_mask, use_causal_mask)
        if query_mask is not None:
            result = ops.multiply(result, ops.cast(ops.expand_dims(query_mask, -1), dtype_of(result)))
        return (result, weights) if return_attention_scores else result

    def _fusible(self, query, training):
        """Whether the op that backends have a kernel for does the same; it has three axes, and no dropout."""
        plain = type(self)._calculate_scores is Attention._calculate_scores and self.score_mode == "dot"
        return plain and len(query.shape) == 3 and not (training and self.dropout > 0)

    def _fused(self, query, key, value, value_mask, use_causal_mask):
        query = query if self.scale is None else ops.multiply(query, self.scale)
        mask = None if value_mask is None else ops.expand_dims(ops.cast(value_mask, "bool"), (1, 2))
        one_head = (ops.expand_dims(x, 2) for x in (query, key, value))
        return ops.squeeze(ops.dot_product_attention(*one_head, mask=mask, scale=1.0, is_causal=use_causal_mask), 2)

    def _calculate_scores(self, query, key):
        """Scores of shape (batch, queries, values)."""
        if self.score_mode == "dot":
            scores = ops.matmul(query, ops.swapaxes(key, -1, -2))
            return scores if self.scale is None else ops.multiply(scores, self.scale)
        total = ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3))
        total = total if self.scale is None else ops.multiply(total, self.scale)
        return ops.multiply(self.concat_score_weight, ops.sum(ops.tanh(total), axis=-1))

    def _calculate_score_mask(self, scores, v_mask, use_causal_mask):
        """True where a value may be looked at, broadcastable to the scores; None where all may."""
        mask = None if v_mask is None else ops.expand_dims(ops.cast(v_mask, "bool"), -2)
        if use_causal_mask:
            causal = ops.tril(ops.ones_like(scores[:1], dtype="bool"))
            mask = causal if mask is None else ops.logical_and(mask, causal)
        return mask

    def _apply_scores(self, scores, value, scores_mask=None, training=False):
        """The mean of the values, and the weights."""
        if scores_mask is not None:
            least = 65504.0 if dtype_of(scores) == "float16" else 1e9
            scores = ops.subtract(scores, ops.multiply(ops.cast(ops.logical_not(scores_mask), dtype_of(scores)), least))
        weights = ops.softmax(scores, axis=-1)
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.dropout, seed=self.seed_generator)
        return ops.matmul(weights, value), weights

    def compute_mask(self, inputs, mask=None):
        self._check_masks(mask)
        return None if mask is None or mask[0] is None else ops.convert_to_tensor(mask[0])

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:-1], input_shape[1][-1])

    def compute_output_spec(self, *args, **kwargs):
        return self._spec_by_running(args, kwargs)

    def _check_list(self, inputs):
        title = f"layer {self.name!r} ({type(self).__name__})"
        if not isinstance(inputs, list | tuple) or inputs and isinstance(inputs[0], int | None):
            raise LayerError(f"{title} must be called on a list of inputs, {FORMS}, not on one input {_shown(inputs)}")
        if len(inputs) not in (2, 3):
            raise LayerError(f"{title} takes a list of inputs of length 2 or 3, {FORMS}, but was given {len(inputs)}")

    def _check_masks(self, mask):
        title = f"layer {self.name!r} ({type(self).__name__})"
        if mask is not None and not isinstance(mask, list | tuple):
            raise LayerError(f"{title}: the layer mask must be a list of one for each input, {FORMS}, not {_shown(mask)}")
        if mask is not None and len(mask) not in (2, 3):
            raise LayerError(f"{title}: the layer mask must be a list of length 2 or 3, {FORMS}, but has {len(mask)}")


def _shown(x):
    """A tensor by its shape, a shape as it is."""
    return f"of shape {tuple(x.shape)}" if hasattr(x, "shape") else repr(x)


@declare(order=("use_scale", "dropout", "seed"), unlisted=("seed",))
class AdditiveAttention(Attention):
    """Attention whose score is the sum of the tanh of query plus key (Bahdanau et al., 2015).

    Inputs and masks are those of `Attention`; queries and keys have one size.

    Args:
        use_scale: Whether that sum is weighted by a learned vector.
        dropout: Part of the weights that is set to 0 in training.
    """

    use_scale: bool = True

    def build(self, input_shape):
        self._check_list(input_shape)
        size = input_shape[0][-1]
        self.scale = self.add_weight((size,), "glorot_uniform", name="scale") if self.use_scale else None

    def _calculate_scores(self, query, key):
        total = ops.tanh(ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3)))
        return ops.sum(total if self.scale is None else ops.multiply(self.scale, total), axis=-1)
