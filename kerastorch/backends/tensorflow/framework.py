"""How TensorFlow comes into the process; imported before all else here."""

import sys

if "keras" not in sys.modules:
    # TensorFlow imports Keras at its start, to register optimizers: a second and 80 MB that nobody here asks for, and a reason for
    # kerastorch.install() to refuse. It does without where Keras cannot be imported; `tf.keras` still comes when first used.
    sys.modules["keras"] = None  # type: ignore[assignment]
    try:
        import tensorflow  # noqa: F401
    finally:
        del sys.modules["keras"]

from tensorflow.python.autograph.core import config

# AutoGraph rewrites the Python code that a tf.function calls, except for packages on this list, Keras among them.
if not any(rule.matches("kerastorch") for rule in config.CONVERSION_RULES):
    config.CONVERSION_RULES = (config.DoNotConvert("kerastorch"), *config.CONVERSION_RULES)
