"""TensorFlow's functions for segments."""

import tensorflow as tf

from kerastorch import ops


def reduction(function):
    """A segment op by TensorFlow's function, which wants the number of segments."""

    def reduce(data, segment_ids, num_segments, sorted):
        number = tf.reduce_max(segment_ids) + 1 if num_segments is None else num_segments
        return function(data, segment_ids, number)

    return reduce


TABLE = {
    ops.segment_max: reduction(tf.math.unsorted_segment_max),
    ops.segment_min: reduction(tf.math.unsorted_segment_min),
    ops.segment_prod: reduction(tf.math.unsorted_segment_prod),
    ops.segment_sum: reduction(tf.math.unsorted_segment_sum),
}
SCALARS: set = set()
