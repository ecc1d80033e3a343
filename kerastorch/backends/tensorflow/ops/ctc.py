"""Connectionist temporal classification by TensorFlow."""

import tensorflow as tf

from kerastorch import ops
from kerastorch.ops import ctc


def ctc_loss(target, output, target_length, output_length, mask_index):
    blank = mask_index % output.shape[-1]
    output = tf.cast(output, tf.float32)  # TensorFlow's gradient knows no other dtype
    return tf.nn.ctc_loss(target, output, target_length, output_length, logits_time_major=False, blank_index=blank)


def ctc_beams(inputs, sequence_lengths, beam_width, top_paths, mask_index):
    blank = mask_index % inputs.shape[-1]  # which TensorFlow wants behind all others
    steps = tf.shape(inputs)[1]
    scores = tf.transpose(tf.nn.log_softmax(inputs), (1, 0, 2))
    scores = tf.concat([scores[..., :blank], scores[..., blank + 1 :], scores[..., blank : blank + 1]], -1)
    found, values = tf.nn.ctc_beam_search_decoder(scores, sequence_lengths, max(beam_width, top_paths), top_paths)
    labels = []
    for path in found:
        dense = tf.sparse.to_dense(path, default_value=-1)
        dense = tf.pad(dense, [[0, 0], [0, steps - tf.shape(dense)[1]]], constant_values=-1)
        labels.append(tf.where(dense >= blank, dense + 1, dense))
    labels = tf.ensure_shape(tf.cast(tf.stack(labels), tf.int32), (top_paths, *inputs.shape[:2]))
    return labels, values


TABLE = {
    ops.ctc_loss: ctc_loss,
    ctc.ctc_beams: ctc_beams,
}
SCALARS: set = set()
