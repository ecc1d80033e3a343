"""What one op costs over the framework's own function, in microseconds: prints JSON, {op: [bare, ours]}, for one backend.

    python benchmarks/eager_ops.py torch|tensorflow [rounds]

Tensors are small, so that the call is what is timed. Bare and our calls take turns, and the least time of each counts: whatever
else runs on the machine only ever adds to it.
"""

import json
import sys
import timeit

from kerastorch import ops

CALLS = 10


def functions(backend):
    """{op: (bare call, our call)} on small tensors of a backend."""
    if backend == "torch":
        import torch

        x = torch.ones(4, 4)
        bare = {"add": lambda: torch.add(x, x), "matmul": lambda: torch.matmul(x, x), "sum": lambda: torch.sum(x),
                "softmax": lambda: torch.softmax(x, -1)}  # fmt: skip
    else:
        import tensorflow as tf

        x = tf.ones((4, 4))
        bare = {"add": lambda: tf.add(x, x), "matmul": lambda: tf.matmul(x, x), "sum": lambda: tf.reduce_sum(x),
                "softmax": lambda: tf.nn.softmax(x, -1)}  # fmt: skip
    ours = {"add": lambda: ops.add(x, x), "matmul": lambda: ops.matmul(x, x), "sum": lambda: ops.sum(x),
            "softmax": lambda: ops.softmax(x)}  # fmt: skip
    return {name: (bare[name], ours[name]) for name in bare}


def least(pair, rounds):
    """The least time of a call of each of two functions, in microseconds."""
    for function in pair:
        function()
    times = [[timeit.timeit(function, number=CALLS) for function in pair] for _ in range(rounds)]
    return [1e6 * min(column) / CALLS for column in zip(*times)]


if __name__ == "__main__":
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    print(json.dumps({name: least(pair, rounds) for name, pair in functions(sys.argv[1]).items()}))
