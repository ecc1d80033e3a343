"""How TensorFlow comes into the process; imported before all else here."""

import sys

import optree

from kerastorch import tree

if "keras" not in sys.modules:
    # TensorFlow imports Keras at its start, to register optimizers: a second and 80 MB that nobody here asks for, and a reason for
    # kerastorch.install() to refuse. It does without where Keras cannot be imported; `tf.keras` still comes when first used.
    sys.modules["keras"] = None  # type: ignore[assignment]
    try:
        import tensorflow  # noqa: F401
    finally:
        del sys.modules["keras"]

from tensorflow.python.autograph.core import config
from tensorflow.python.trackable.data_structures import ListWrapper, _DictWrapper

# AutoGraph rewrites the Python code that a tf.function calls, except for packages on this list, Keras among them.
if not any(rule.matches("kerastorch") for rule in config.CONVERSION_RULES):
    config.CONVERSION_RULES = (config.DoNotConvert("kerastorch"), *config.CONVERSION_RULES)

# What a tf.Module makes of lists and dictionaries among its attributes: nests like any other.
optree.register_pytree_node(ListWrapper, lambda x: (x, None), lambda _, parts: ListWrapper(list(parts)), namespace=tree.NAMESPACE)
optree.register_pytree_node(
    _DictWrapper,
    lambda x: ([x[k] for k in sorted(x)], sorted(x), sorted(x)),
    lambda keys, parts: _DictWrapper(dict(zip(keys, parts, strict=True))),
    namespace=tree.NAMESPACE,
)
