"""Connectionist temporal classification: labels for sequences whose alignment is not known (Graves et al., 2006)."""

from kerastorch import ops
from kerastorch.dtypes import floating, promote
from kerastorch.op import Tensor, composite, op


def _wide(dtype):
    return promote(floating(dtype)[1], "float32")


def _loss_dtypes(target, output, target_length, output_length):
    d = _wide(output)
    return ("int32", d, "int32", "int32"), d


def _one_each(target, output, target_length, output_length):
    sizes = {x[0] for x in (target, output, target_length, output_length)} - {None}
    if len(sizes) > 1:
        raise ValueError(f"target, output and their lengths must have the same first dimension, got shapes {target}, {output}, "
                         f"{target_length} and {output_length}")  # fmt: skip
    return (sizes.pop() if sizes else None,)


@op(shape=_one_each, dtype=_loss_dtypes, checked=True)
def ctc_loss(target: Tensor, output: Tensor, target_length: Tensor, output_length: Tensor, mask_index=0):
    """The negative logarithm of the probability that a sequence of logits, however aligned, means a sequence of labels.

    Args:
        target: Integer tensor of shape (batch, labels).
        output: Logits of shape (batch, steps, classes).
        target_length: How many labels count, of shape (batch,).
        output_length: How many steps count, of shape (batch,).
        mask_index: The class that stands for no label.

    Returns:
        Tensor of shape (batch,).
    """


def _decoded(inputs, sequence_lengths, *, strategy="greedy", top_paths=1):
    if strategy not in ("greedy", "beam_search"):
        raise ValueError(f"Invalid strategy {strategy!r}: it must be 'greedy' or 'beam_search'")
    if len(inputs) != 3:
        raise ValueError(f"inputs must have the rank 3 of (batch, steps, classes), got shape {inputs}")
    paths = 1 if strategy == "greedy" else top_paths
    return [(paths, *inputs[:2]), (inputs[0], paths)]


def _decoded_dtypes(inputs, sequence_lengths):
    return (_wide(inputs), "int32"), ["int32", _wide(inputs)]


@composite(shape=_decoded, dtype=_decoded_dtypes)
def ctc_greedy(inputs: Tensor, sequence_lengths: Tensor, merge_repeated, mask_index):
    """`ctc_decode` by the likeliest class of each step."""
    steps = ops.shape(inputs)[1]
    step = ops.arange(steps, dtype="int32")
    best = ops.argmax(inputs, axis=-1)
    counts = step < ops.expand_dims(sequence_lengths, 1)
    scores = -ops.sum(ops.where(counts, ops.max(inputs, axis=-1), 0.0), axis=1, keepdims=True)
    kept = ops.logical_and(counts, ops.not_equal(best, mask_index % inputs.shape[-1]))
    if merge_repeated:
        changed = ops.not_equal(best, ops.roll(best, 1, axis=1))
        kept = ops.logical_and(kept, ops.logical_or(changed, ops.equal(step, 0)))
    order = ops.argsort(ops.where(kept, step, step + steps), axis=1)
    return ops.expand_dims(ops.take_along_axis(ops.where(kept, best, -1), order, axis=1), 0), scores


def _beams(inputs, sequence_lengths, *, top_paths):
    return _decoded(inputs, sequence_lengths, strategy="beam_search", top_paths=top_paths)


@op(shape=_beams, dtype=_decoded_dtypes)
def ctc_beams(inputs: Tensor, sequence_lengths: Tensor, beam_width, top_paths, mask_index):
    """`ctc_decode` by a search over prefixes of labels, of which the likeliest `beam_width` are kept at each step."""


@composite(shape=_decoded, dtype=_decoded_dtypes, checked=True)
def ctc_decode(inputs: Tensor, sequence_lengths: Tensor, strategy="greedy", beam_width=100, top_paths=1, merge_repeated=True,
               mask_index=0):  # fmt: skip
    """The labels that sequences of logits mean.

    Args:
        inputs: Logits of shape (batch, steps, classes).
        sequence_lengths: How many steps count, of shape (batch,).
        strategy: "greedy" takes the likeliest class of each step; "beam_search" looks for the likeliest labels.
        beam_width: How many beginnings of labels the search keeps.
        top_paths: How many results it gives.
        merge_repeated: Whether "greedy" takes a class that goes on for several steps as one label; the search always does.
        mask_index: The class that stands for no label.

    Returns:
        (labels, scores): an int32 tensor of shape (paths, batch, steps), filled up with -1, and a tensor of shape (batch, paths).
        Scores are the negative sums of the logits taken where the strategy is "greedy", logarithms of probabilities otherwise.
    """
    if strategy == "greedy":
        return ctc_greedy(inputs, sequence_lengths, merge_repeated, mask_index)
    return ctc_beams(inputs, sequence_lengths, beam_width, top_paths, mask_index)
