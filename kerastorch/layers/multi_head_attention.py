"""Attention with heads: queries, keys and values are projected to several heads, each of which attends by itself."""

import math

from kerastorch import fields, ops, scope
from kerastorch.errors import LayerError
from kerastorch.fields import declare
from kerastorch.graph import KerasTensor
from kerastorch.layers.activations import Softmax
from kerastorch.layers.base import Layer
from kerastorch.layers.einsum_dense import EinsumDense
from kerastorch.layers.regularization import Dropout
from kerastorch.ops.neural import dropped_attention_

LETTERS = "abcdefghijklmnopqrstuvwxyz"
PROJECTIONS = ("kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer", "kernel_constraint",
               "bias_constraint")  # fmt: skip


def _axes(value):
    if value is None:
        return None
    if isinstance(value, int):
        return (value,)
    if not isinstance(value, list | tuple):
        raise ValueError(f"an integer or a list of them is needed, not {value!r}")
    return value


def _output_shape(value):
    if value is None or isinstance(value, int):
        return (value,) if value else None
    if not isinstance(value, list | tuple):
        raise ValueError(f"Invalid `output_shape`: an integer or a tuple of them is needed, not {value!r}")
    return tuple(value)


INVALID = "{cls}: argument `{name}`: {error}"
POSITIVE = fields.Field(fields.positive, complaint=INVALID)
OPTIONAL = fields.Field(lambda v: None if v is None else fields.positive(v), complaint=INVALID)
ACTIVITY = fields.Field(fields.Regularizer.parse, fields.Regularizer.serialize, "_activity_regularizer")
FLASH = fields.Field(lambda v: v or scope.is_flash_attention_enabled(), attribute="_flash_attention")
LAST = ("kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer", "activity_regularizer",
        "kernel_constraint", "bias_constraint", "use_gate", "seed")  # fmt: skip


@declare
class HeadedAttention(Layer):
    """What layers share whose queries, keys and values are projected to heads.

    A subclass says in `__post_init__` how many heads the queries have (`heads`) and how many the keys (`key_heads`), of what
    size (`key_dim`, `value_dim`), and along which axes the steps lie (`attention_axes`).
    """

    dropout: float = 0.0
    use_bias: bool = True
    sliding_window: OPTIONAL = None
    flash_attention: FLASH = None
    kernel_initializer: fields.Initializer = "glorot_uniform"
    bias_initializer: fields.Initializer = "zeros"
    kernel_regularizer: fields.Regularizer = None
    bias_regularizer: fields.Regularizer = None
    activity_regularizer: ACTIVITY = None
    kernel_constraint: fields.Constraint = None
    bias_constraint: fields.Constraint = None
    use_gate: bool = False
    seed: int | None = None

    supports_masking = True
    attention_axes = (1,)
    result_shape = None  # sizes of the output in place of the query's last one

    query_dense = property(lambda self: self._query_dense)
    key_dense = property(lambda self: self._key_dense)
    value_dense = property(lambda self: self._value_dense)
    output_dense = property(lambda self: self._output_dense)

    def __post_init__(self):
        if self._flash_attention and self.dropout > 0:
            raise ValueError(f"{type(self).__name__}: Dropout is not supported when flash attention is enabled. Set dropout to 0 "
                             "or leave flash_attention out")  # fmt: skip

    def get_config(self):
        return {k: v for k, v in self.declared_config().items() if k != "flash_attention"}

    # ---------------------------------------------------------------- projections

    def build(self, query_shape, value_shape, key_shape=None):
        key_shape = value_shape if key_shape is None else key_shape
        self._check_shapes(value_shape, key_shape)
        rank = len(query_shape)
        self._settle_axes(rank)
        self._query_dense = self._projection("query", query_shape, (self.heads, self.key_dim))
        self._key_dense = self._projection("key", key_shape, (self.key_heads, self.key_dim))
        if self.use_gate:
            self._gate_dense = self._projection("gate", query_shape, (self.heads, self.value_dim))
        self._value_dense = self._projection("value", value_shape, (self.key_heads, self.value_dim))
        steps = tuple(range(-len(self.attention_axes), 0))
        self._softmax = Softmax(axis=steps, dtype=self.dtype_policy)
        self._dropout_layer = Dropout(self.dropout, dtype=self.dtype_policy, seed=self.seed)
        attended = (*query_shape[:-1], self.heads, self.value_dim)
        self._output_dense = self._projection("attention_output", attended, self.result_shape or (query_shape[-1],), 2)

    def _projection(self, name, shape, sizes, contracted=1):
        """A dense layer from the last axes to axes of the given sizes."""
        kept, rank = len(shape) - contracted, len(shape)
        before, old, new = LETTERS[:kept], LETTERS[kept:rank], LETTERS[rank : rank + len(sizes)]
        shared = {kind: getattr(self, kind) for kind in PROJECTIONS}
        for kind in PROJECTIONS[:2]:  # one of its own for each, since it gives the same numbers each time
            if hasattr(shared[kind], "get_config"):
                shared[kind] = type(shared[kind]).from_config(shared[kind].get_config())
        layer = EinsumDense(
            f"{before}{old},{old}{new}->{before}{new}", (*(None,) * (kept - 1), *sizes), bias_axes=new if self.use_bias else None,
            activity_regularizer=self._activity_regularizer, name=name, dtype=self.dtype_policy, **shared,
        )  # fmt: skip
        layer.supports_masking = True  # the steps stay what they are; what their masks mean is said by `call`
        layer.build(tuple(shape))
        return layer

    def _settle_axes(self, rank):
        """Brings the attention axes to the form in which they are used."""

    def _check_shapes(self, value_shape, key_shape):
        if tuple(value_shape)[1:-1] != tuple(key_shape)[1:-1]:
            raise LayerError(f"layer {self.name!r} ({type(self).__name__}): the sizes of value and key must be equal but for the "
                             f"last, but their shapes are {tuple(value_shape)} and {tuple(key_shape)}")  # fmt: skip

    def compute_output_shape(self, query_shape, value_shape, key_shape=None):
        self._check_shapes(value_shape, value_shape if key_shape is None else key_shape)
        return (*query_shape[:-1], *(self.result_shape or (query_shape[-1],)))

    def compute_output_spec(self, query, value, key=None, query_mask=None, value_mask=None, key_mask=None, attention_mask=None,
                            return_attention_scores=False, training=None, use_causal_mask=False):  # fmt: skip
        shape = HeadedAttention.compute_output_shape(self, query.shape, value.shape, None if key is None else key.shape)
        output = KerasTensor(shape, self.compute_dtype)
        if not return_attention_scores:
            return output
        steps = self.attention_axes
        free = [d for i, d in enumerate(query.shape[:-1]) if i not in steps]
        scores = (*free, self.heads, *(query.shape[i] for i in steps), *(value.shape[i] for i in steps))
        return output, KerasTensor(scores, self.compute_dtype)

    # ---------------------------------------------------------------- running

    def call(
        self, query, value, key=None, query_mask=None, value_mask=None, key_mask=None, attention_mask=None,
        return_attention_scores=False, training=None, use_causal_mask=False,
    ):  # fmt: skip
        if self._flash_attention and return_attention_scores:
            raise LayerError(f"layer {self.name!r} ({type(self).__name__}): Returning attention scores is not supported when flash "
                             "attention is enabled. Please disable flash attention to access attention scores.")  # fmt: skip
        given = {"return_attention_scores": True} if return_attention_scores else {}
        masks = (query_mask, value_mask, key_mask, attention_mask)
        base = HeadedAttention._compute_attention
        if use_causal_mask and all(m is None for m in (*masks, self.sliding_window)) and type(self)._compute_attention is base:
            given["use_causal_mask"] = True  # which needs no mask of (queries, keys)
        else:
            attention_mask = self._compute_attention_mask(query, value, *masks, use_causal_mask=use_causal_mask)
        heads = self._query_dense(query), self._key_dense(value if key is None else key), self._value_dense(value)
        attended, scores = self._compute_attention(*heads, attention_mask=attention_mask, training=training, **given)
        if self.use_gate:
            attended = ops.multiply(attended, ops.sigmoid(self._gate_dense(query)))
        output = self._output_dense(attended)
        return (output, scores) if return_attention_scores else output

    def _compute_attention(self, query, key, value, attention_mask=None, training=None, return_attention_scores=False,
                           use_causal_mask=False):  # fmt: skip
        """What the heads give, and their weights (None where the op that does all at once serves).

        Args:
            query, key, value: (batch, steps, heads, size), with further axes among the steps.
            attention_mask: True where a key may be looked at: (batch, queries, keys), or with the heads' axis.
            training: Whether weights are dropped.
            return_attention_scores: Whether the weights are asked for.
            use_causal_mask: Whether a query looks only at keys up to its own position.
        """
        rank = len(query.shape)
        mask = None if attention_mask is None else self._spread(ops.cast(attention_mask, "bool"), rank)
        if rank == 4 and not return_attention_scores:
            if self.dropout > 0 and (training or mask is not None):  # with a mask the two ways differ where all is masked
                rate = self.dropout if training else 0.0
                return dropped_attention_(query, key, value, mask, use_causal_mask, rate, self._dropout_layer.seed_generator), None
            attended = ops.dot_product_attention(
                query, key, value, mask=mask, is_causal=use_causal_mask, flash_attention=self._flash_attention
            )
            return attended, None
        if self.heads != self.key_heads:
            key, value = (ops.repeat(x, self.heads // self.key_heads, axis=2) for x in (key, value))
        if use_causal_mask:
            causal = self._spread(self._compute_causal_mask(query, key), rank)
            mask = causal if mask is None else ops.logical_and(mask, causal)
        dot, combine = self._equations(rank)
        scores = ops.einsum(dot, key, ops.multiply(query, 1.0 / math.sqrt(self.key_dim)))
        scores = self._masked_softmax(scores, mask)
        return ops.einsum(combine, self._dropout_layer(scores, training=training), value), scores

    def _equations(self, rank):
        """The Einstein sums from keys and queries to scores, and from scores and values to what heads give."""
        axes = self.attention_axes
        queries = LETTERS[:rank]
        keys = "".join(LETTERS[rank + i] if i in axes else queries[i] for i in range(rank))
        free = "".join(queries[i] for i in range(rank - 1) if i not in axes)
        scores = free + "".join(queries[i] for i in axes) + "".join(keys[i] for i in axes)
        return f"{keys},{queries}->{scores}", f"{scores},{keys}->{queries}"

    def _masked_softmax(self, attention_scores, attention_mask=None):
        """Weights that add up to 1 over all keys; zeros where a query may look at none."""
        return self._softmax(attention_scores, mask=attention_mask)

    # ---------------------------------------------------------------- masks

    def _spread(self, mask, rank):
        """A mask with an axis for the heads, and others of size 1 where the scores have more."""
        steps = len(self.attention_axes)
        while len(mask.shape) < rank - 1 + steps:
            mask = ops.expand_dims(mask, -2 * steps - 1)
        return mask

    def _compute_attention_mask(self, query, value, query_mask=None, value_mask=None, key_mask=None, attention_mask=None,
                                use_causal_mask=False):  # fmt: skip
        """All masks in one, (batch, queries, keys); None where there are none."""
        found = [None if attention_mask is None else ops.cast(attention_mask, "bool")]
        if query_mask is not None:
            found.append(ops.expand_dims(ops.cast(query_mask, "bool"), -1))
        found += [ops.expand_dims(ops.cast(m, "bool"), -2) for m in (value_mask, key_mask) if m is not None]
        if use_causal_mask:
            found.append(self._compute_causal_mask(query, value))
        if self.sliding_window is not None:
            found.append(self._compute_sliding_window_mask(query, value))
        found = [m for m in found if m is not None]
        mask = found.pop() if found else None
        for other in found:
            mask = ops.logical_and(mask, other)
        return mask

    def _compute_causal_mask(self, query, value=None):
        """True where a key's position is at most the query's, (1, queries, keys)."""
        at, to = self._positions(query, query if value is None else value)
        return ops.expand_dims(ops.greater_equal(at, to), 0)

    def _compute_sliding_window_mask(self, query, value=None):
        """True where a key is fewer than `sliding_window` steps away, (1, queries, keys)."""
        at, to = self._positions(query, query if value is None else value)
        return ops.expand_dims(ops.less(ops.abs(ops.subtract(at, to)), self.sliding_window), 0)

    def _positions(self, query, value):
        axis = self.attention_axes[0]
        queries, values = (ops.arange(ops.shape(x)[axis], dtype="int32") for x in (query, value))
        return ops.expand_dims(queries, 1), ops.expand_dims(values, 0)


@declare(order=("num_heads", "key_dim", "value_dim", "dropout", "use_bias", "output_shape", "attention_axes", "sliding_window",
                "flash_attention", *LAST))  # fmt: skip
class MultiHeadAttention(HeadedAttention):
    """Attention of several heads, each over projections of its own (Vaswani et al., 2017).

    It is called on a query (batch, queries, size), a value (batch, keys, size) and a key, which is the value where it is left
    out. Masks of these (`query_mask`, ...) are true where a step counts, `attention_mask` (batch, queries, keys) where a key
    may be looked at; `use_causal_mask` forbids looking ahead. `return_attention_scores` gives (output, weights), the weights
    of shape (batch, heads, queries, keys).

    Args:
        num_heads: Number of heads.
        key_dim: Size of each head's queries and keys.
        value_dim: Size of each head's values; None is `key_dim`.
        dropout: Part of the weights that is set to 0 in training.
        use_bias: Whether the projections have biases.
        output_shape: Sizes of the output in place of the query's last one; None keeps that.
        attention_axes: Axes of query and value along which the steps lie; None is all but the first and the last.
        sliding_window: A query looks only at keys fewer steps away than this; None for all.
        flash_attention: True asks for a fused kernel and fails where there is none; None leaves the choice open.
        kernel_initializer, bias_initializer: How the projections' weights start.
        kernel_regularizer, bias_regularizer, activity_regularizer: What is added to the loss for the projections.
        kernel_constraint, bias_constraint: Applied to the projections' weights after each update.
        use_gate: Whether what the heads give is multiplied by the sigmoid of one more projection of the query.
        seed: Seed of the dropout.

    Raises:
        ValueError: If a size is no positive integer, or flash attention is asked for with dropout.
    """

    num_heads: POSITIVE
    key_dim: POSITIVE
    value_dim: OPTIONAL = None
    output_shape: fields.Field(_output_shape, attribute="result_shape") = None
    attention_axes: fields.Field(_axes) = None

    def __post_init__(self):
        super().__post_init__()
        self.heads = self.key_heads = self.num_heads
        self.value_dim = self.value_dim or self.key_dim

    def _settle_axes(self, rank):
        axes = range(1, rank - 1) if self.attention_axes is None else self.attention_axes
        self.attention_axes = tuple(a % rank for a in axes)


@declare(order=("head_dim", "num_query_heads", "num_key_value_heads", "dropout", "use_bias", "sliding_window", "flash_attention",
                *LAST))  # fmt: skip
class GroupQueryAttention(HeadedAttention):
    """Attention in which groups of query heads share one head of keys and values (Ainslie et al., 2023).

    It is called as `MultiHeadAttention` is, with inputs of three axes.

    Args:
        head_dim: Size of each head.
        num_query_heads: Number of heads of the queries, a multiple of the next.
        num_key_value_heads: Number of heads of keys and values.
        dropout, use_bias, sliding_window, flash_attention, kernel_initializer, ...: As for `MultiHeadAttention`.

    Raises:
        ValueError: If the numbers of heads do not fit each other, or flash attention is asked for with dropout.
    """

    head_dim: POSITIVE
    num_query_heads: POSITIVE
    num_key_value_heads: POSITIVE

    named_after = "GroupedQueryAttention"

    def __post_init__(self):
        super().__post_init__()
        self.heads, self.key_heads = self.num_query_heads, self.num_key_value_heads
        self.key_dim = self.value_dim = self.head_dim
        if self.heads % self.key_heads:
            raise ValueError(f"GroupQueryAttention: num_query_heads={self.heads} must be divisible by "
                             f"num_key_value_heads={self.key_heads}")  # fmt: skip

    def compute_output_shape(self, query_shape, value_shape, key_shape=None):
        if query_shape[-1] != value_shape[-1]:
            raise LayerError(f"layer {self.name!r} (GroupQueryAttention): the last sizes of query and value must be equal, but "
                             f"their shapes are {tuple(query_shape)} and {tuple(value_shape)}")  # fmt: skip
        return super().compute_output_shape(query_shape, value_shape, key_shape)
