"""`keras`, `tf_keras` and `tensorflow.keras` as names of kerastorch. Each test has a process of its own."""

import importlib.util

import pytest
from processes import run

needs_tensorflow = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is None, reason="the real TensorFlow is part of this test"
)

# Hides TensorFlow from the import system.
WITHOUT_TENSORFLOW = """
import sys
from importlib.machinery import PathFinder

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] == "tensorflow" else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Hiding
"""

INSTALL = """
import kerastorch
kerastorch.install()
"""


def test_the_modules_are_the_same_objects():
    run(
        WITHOUT_TENSORFLOW
        + """
import kerastorch
import kerastorch.optimizers  # before install() as well as after it
kerastorch.install()

import importlib
import keras
import keras.layers as L
from keras import layers, models, optimizers
from keras.layers import Dense
from tensorflow import keras as tfk
from tensorflow.keras import layers as tfl
from tensorflow.keras.layers import Dense as TFDense
import tf_keras.layers
import tensorflow as tf

assert keras is kerastorch is tfk is tf.keras is tf_keras
assert L is layers is kerastorch.layers is tfl is tf_keras.layers is tf.keras.layers
assert optimizers is kerastorch.optimizers and models is kerastorch.models
assert Dense is kerastorch.layers.Dense is TFDense
assert importlib.import_module("keras.layers") is kerastorch.layers
assert importlib.import_module("keras") is kerastorch
assert kerastorch.layers.__name__ == kerastorch.layers.__spec__.name == "kerastorch.layers"
assert int(keras.__version__.split(".")[0]) == 3
"""
    )


def test_internal_copies_of_the_package_lead_to_it():
    run(
        WITHOUT_TENSORFLOW
        + INSTALL
        + """
import keras
from keras.src.layers.core.dense import Dense
from keras.api._v2.keras import layers as a
from keras._tf_keras.keras.layers import Dense as B
from tensorflow.python.keras.layers.core import Dense as C
from tensorflow.python.keras.engine.training import Model
from tensorflow.compat.v1.keras import layers as d

assert Dense is B is C is kerastorch.layers.Dense
assert a is d is kerastorch.layers
assert Model is kerastorch.models.Model
"""
    )


def test_old_paths_and_names_work_and_warn():
    run(
        INSTALL
        + """
import warnings
from kerastorch.legacy.spelling import OldSpellingWarning

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from keras.layers.core import Activation, Dense, Dropout
    from keras.layers.convolutional import Convolution2D
    from keras.engine.topology import Layer
    from keras.utils import np_utils
    from keras.utils.np_utils import to_categorical
    from keras.objectives import mean_squared_error
    from keras.optimizers import rmsprop
    import keras.layers.recurrent as R

assert all(issubclass(w.category, OldSpellingWarning) for w in caught), caught
said = [str(w.message) for w in caught]
assert "keras.layers.core is an old path: write from keras.layers import Activation." in said, said
assert "keras.optimizers.rmsprop is an old name: write keras.optimizers.RMSprop." in said, said
assert sum("layers.core" in s for s in said) == 1, said
assert all(w.filename == "<string>" for w in caught), caught
K = kerastorch
assert Dense is K.layers.Dense and Convolution2D is K.layers.Conv2D and R.LSTM is K.layers.LSTM
assert Layer is K.layers.Layer and to_categorical is K.utils.to_categorical and rmsprop is K.optimizers.RMSprop
assert np_utils.to_categorical is to_categorical
"""
    )


def test_star_imports():
    run(
        INSTALL
        + """
from keras.layers import *
from keras.models import *
from keras.layers.core import *
assert Dense is kerastorch.layers.Dense and Sequential is kerastorch.models.Sequential
"""
    )


def test_unknown_names_say_where_and_what_is_near():
    out = run(
        INSTALL
        + """
import keras
for statement in (
    "import keras.layer",
    "from keras.layers import Desne",
    "from keras.layers.core import Desne",
    "keras.layers.Desne",
    "from keras import layer",
    "import keras.layers.nowhere",
):
    try:
        exec(statement)
    except (ImportError, AttributeError) as error:
        print(type(error).__name__, error)
    else:
        raise AssertionError(statement)
"""
    ).splitlines()
    kinds = [line.split()[0] for line in out]
    assert kinds == [
        "ModuleNotFoundError",
        "ImportError",
        "ImportError",
        "AttributeError",
        "ImportError",
        "ModuleNotFoundError",
    ]
    assert all("Did you mean" in line for line in out[:5]), out
    assert all("Dense" in line for line in out[1:4]), out
    assert "layers" in out[0] and "layers" in out[4] and "keras.layers" in out[5]


def test_install_imports_no_framework_and_uninstall_undoes_it():
    run(
        """
import sys, types
import kerastorch
kerastorch.install()
kerastorch.install(("keras",))  # twice is no error
assert not {"torch", "tensorflow", "numpy", "keras"} & set(sys.modules)
import keras.layers.core
assert sum(type(finder).__module__ == "kerastorch.legacy.aliasing" for finder in sys.meta_path) == 1

from kerastorch.legacy.aliasing import uninstall
uninstall()
assert not any(name.partition(".")[0] in ("keras", "tf_keras", "tensorflow") for name in sys.modules)
assert not any(type(finder).__module__ == "kerastorch.legacy.aliasing" for finder in sys.meta_path)
assert not isinstance(vars(kerastorch.layers).get("core"), kerastorch.legacy.modules.OldModule)
"""
    )


def test_some_names_only():
    run(
        """
import sys, types
import kerastorch
sys.modules["keras"] = real = types.ModuleType("keras")
kerastorch.install("tf_keras")
import keras, tf_keras
assert keras is real and tf_keras is kerastorch
try:
    kerastorch.install(("tfkeras",))
except ValueError as error:
    assert "tf_keras" in str(error)
else:
    raise AssertionError
"""
    )


def test_an_imported_keras_is_not_replaced_unless_forced():
    run(
        """
import sys, types
import kerastorch
real = types.ModuleType("keras")
real.__version__ = "9.9"
sys.modules["keras"] = real
sys.modules["keras.layers"] = types.ModuleType("keras.layers")
try:
    kerastorch.install()
except RuntimeError as error:
    assert "keras 9.9 is imported already" in str(error) and "force=True" in str(error), error
else:
    raise AssertionError
import keras
assert keras is real

kerastorch.install(force=True)
import keras
import keras.layers
assert keras is kerastorch and sys.modules["keras.layers"] is kerastorch.layers

from kerastorch.legacy.aliasing import uninstall
uninstall()
assert sys.modules["keras"] is real
"""
    )


def test_a_missing_tensorflow_is_said_to_be_missing():
    out = run(
        WITHOUT_TENSORFLOW
        + INSTALL
        + """
import tensorflow as tf
assert tf.keras is kerastorch
assert tf.python.keras.layers is kerastorch.layers
for statement in ("tf.data", "tf.__version__", "import tensorflow.data", "from tensorflow import data",
                  "tf.compat.v1.Session"):
    try:
        exec(statement)
    except (ImportError, AttributeError) as error:
        print(error)
    else:
        raise AssertionError(statement)
assert not hasattr(tf, "__wrapped__")
from kerastorch import backend_registry
from kerastorch.errors import BackendNotInstalled
assert not backend_registry.installed("tensorflow")
try:
    backend_registry.get("tensorflow")
except BackendNotInstalled:
    pass
else:
    raise AssertionError
"""
    ).splitlines()
    assert len(out) == 5
    assert all("TensorFlow is not installed" in line and "framework[tensorflow]" in line for line in out), out


@needs_tensorflow
def test_the_real_tensorflow_stays_real():
    run(
        INSTALL
        + """
import sys
import tensorflow as tf
from tensorflow.keras.layers import Dense
from tensorflow.python.keras.layers import Dense as Private
import tensorflow.keras.models
import tensorflow.compat.v1 as tf1

assert tf.keras is kerastorch and Dense is kerastorch.layers.Dense is tf.keras.layers.Dense is Private
assert tf1.keras.layers.Dense is Dense
assert tf.losses.MeanSquaredError is kerastorch.losses.MeanSquaredError
assert not any(name.startswith("keras") and "site-packages/keras/" in (getattr(module, "__file__", "") or "")
               for name, module in sys.modules.items())

# TensorFlow works, its own uses of its private copy of Keras too.
assert float(tf.function(lambda x: tf.reduce_sum(2 * x))(tf.ones(3))) == 6
theirs = {"__name__": "tensorflow.some.module"}
exec("from tensorflow.python.keras.layers import Dense; from tensorflow.python.keras.engine import training_v1; "
     "import tensorflow.python.keras.saving.saved_model.load as load; import importlib; "
     "late = importlib.import_module('tensorflow.python.keras.layers.core').Dense", theirs)
assert theirs["Dense"].__module__ == "tensorflow.python.keras.layers.core"
assert theirs["late"] is theirs["Dense"] and theirs["Dense"](2)(tf.zeros((1, 3))).shape == (1, 2)

import os, tempfile
with tempfile.TemporaryDirectory() as folder:
    module = tf.Module()
    module.v = tf.Variable(3.0)
    module.f = tf.function(lambda: module.v * 2, input_signature=())
    tf.saved_model.save(module, folder)
    loaded = tf.saved_model.load(folder)
    assert float(loaded.f()) == 6
"""
    )


@needs_tensorflow
def test_a_tensorflow_that_was_imported_before():
    run(
        """
import sys
sys.modules["keras"] = None  # TensorFlow imports Keras as it starts, unless it cannot
import tensorflow as tf
del sys.modules["keras"]
import kerastorch
kerastorch.install()
from tensorflow import keras
from tensorflow.python.keras.layers import Dense
assert keras is kerastorch is tf.keras and Dense is kerastorch.layers.Dense

from kerastorch.legacy.aliasing import uninstall
uninstall()
assert tf.keras is not kerastorch
from tensorflow.python.keras.layers import Dense
assert Dense is not kerastorch.layers.Dense
"""
    )
