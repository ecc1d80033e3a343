"""Layers beyond parity with the reference: inputs, error messages, masks in the record, what is refused."""

import json
import subprocess
import sys

import numpy as np
import pytest

import kerastorch
from kerastorch import backend_registry, layers, ops, scope
from kerastorch.errors import LayerError
from kerastorch.graph import KerasTensor

RECORDING = """
import sys
from kerastorch import layers
x = layers.Input((28, 28, 1))
x = layers.Conv2D(8, 3, activation="relu")(x)
x = layers.BatchNormalization()(layers.MaxPooling2D()(x))
x = layers.Dropout(0.5)(layers.Flatten()(x))
y = layers.Embedding(10, 4, mask_zero=True)(layers.Input((5,), dtype="int32"))
y = layers.GlobalAveragePooling1D()(layers.Masking()(y))
layers.Dense(2)(layers.Concatenate()([x, y]))
print({"torch", "tensorflow", "keras"} & set(sys.modules))
"""


def symbolic(*shape, dtype="float32"):
    return KerasTensor(shape, dtype)


def test_recording_imports_no_framework():
    shown = subprocess.run([sys.executable, "-c", RECORDING], check=True, capture_output=True, text=True).stdout
    assert shown.strip() == "set()"


# ------------------------------------------------------------------------------------------------ inputs


@pytest.mark.parametrize(
    ("arguments", "shape", "dtype"),
    [
        ({"shape": (3, None)}, (None, 3, None), "float32"),
        ({"shape": 4, "batch_size": 2, "dtype": "int32"}, (2, 4), "int32"),
        ({"shape": ()}, (None,), "float32"),
        ({"batch_shape": (2, 3)}, (2, 3), "float32"),
        ({"tensor": KerasTensor((None, 7), "bool")}, (None, 7), "bool"),
    ],
)
def test_input(arguments, shape, dtype):
    tensor = layers.Input(**arguments)
    assert (tensor.shape, tensor.dtype) == (shape, dtype)
    layer = tensor.node.operation
    assert layer.is_input and layer.built and not tensor.node.inputs and layer.output is tensor
    assert (layer.batch_shape, layer.dtype) == (shape, dtype)
    again = layers.InputLayer.from_config(json.loads(json.dumps(layer.get_config())))
    assert again.output.shape == shape and again.name == layer.name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "a shape is needed"),
        ({"shape": (3,), "batch_shape": (2, 3)}, r"batch_shape=\(2, 3\) says all"),
        ({"batch_size": 2, "batch_shape": (2, 3)}, "both `batch_size` and `batch_shape`"),
        ({"shape": (-3,)}, "-3"),
        ({"tensor": KerasTensor((None, 7), "bool"), "dtype": "int32"}, "dtype=int32 is at odds"),
        ({"tensor": KerasTensor((None, 7), "bool"), "shape": (6,)}, r"shape=\(6,\) is at odds"),
        ({"tensor": [1, 2]}, "must be a KerasTensor"),
    ],
)
def test_wrong_inputs(arguments, message):
    with pytest.raises(ValueError, match=message):
        layers.Input(**arguments)


def test_names_count_up_by_class():
    scope.reset_names()
    assert [layers.Dense(1).name, layers.Dense(1).name, layers.LeakyReLU().name, layers.Dense(1, name="d").name] == [
        "dense", "dense_1", "leaky_re_lu", "d"]  # fmt: skip


# ------------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Dense(), r"Dense\(\) is missing the argument 'units'"),
        (lambda: layers.Dense(0), "Dense: `units` must be a positive integer, not 0"),
        (lambda: layers.Dense(2, activation="rellu"), "argument 'activation'.*rellu.*'relu'"),
        (lambda: layers.Dense(2, unit=3), "unit"),
        (lambda: layers.Conv2D(3, (2, 3, 4)), r"`kernel_size` argument must be a tuple of 2 integers. Received kernel_size=\(2, 3, 4\)"),
        (lambda: layers.Conv2D(3, 2, padding="causal"), "argument 'padding': 'causal' is none of 'valid', 'same'"),
        (
            lambda: layers.Conv2D(3, 2, strides=2, dilation_rate=2),
            r"`dilation_rate > 1`. Received: strides=\(2, 2\) and dilation_rate=\(2, 2\)",
        ),
        (lambda: layers.Conv2D(3, 2, groups=2), "evenly divisible by the number of groups. Received: groups=2, filters=3"),
        (
            lambda: layers.Conv2DTranspose(3, 2, output_padding=1),
            r"strictly less than `strides`. Received: output_padding=\(1, 1\) and strides=\(1, 1\)",
        ),
        (lambda: layers.Conv2D(3, 2, data_format="first"), "argument 'data_format'.*'channels_first', not 'first'"),
        (lambda: layers.Dropout(1.5), "argument `rate`. Expected a float value between 0 and 1. Received: rate=1.5"),
        (lambda: layers.Dropout(0.5, noise_shape=(None, 0)), "Expected all dimensions to be positive integers or None. One is 0"),
        (lambda: layers.ReLU(negative_slope=None), "negative_slope of a ReLU layer cannot be None"),
        (lambda: layers.Permute((1, 3)), "each once"),
        (lambda: layers.Reshape((-1, -1)), "at most one unknown dimension, -1"),
        (lambda: layers.BatchNormalization(renorm_clipping={"r": 1.0}), "renorm_clipping.*Received invalid keys .r."),
        (lambda: layers.Dot((1, 2, 3)), "argument 'axes'.*a pair of integers"),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


@pytest.mark.parametrize(
    ("layer", "inputs", "message"),
    [
        (layers.Dense(3), symbolic(4), r"needs an input of rank at least 2: one of shape \(4,\) is incompatible with the layer"),
        (layers.Dense(3), symbolic(None, None), r"size of the last axis of \(None, None\) must be known"),
        (layers.Conv2D(3, 2), symbolic(None, 8, 8), r"rank at least 4.*\(None, 8, 8\)"),
        (layers.Conv2D(3, 9), symbolic(None, 8, 8, 3), r"reaches over 9 positions does not fit an axis of 8"),
        (layers.Conv2D(4, 3, groups=2), symbolic(None, 8, 8, 3), "the 3 channels cannot be split into 2 groups"),
        (layers.Conv2D(4, 3), symbolic(None, 8, 8, None), r"number of channels in \(None, 8, 8, None\) must be known"),
        (layers.MaxPooling1D(), symbolic(None, 8, 8, 3), "rank 3"),
        (layers.Reshape((5, -1)), symbolic(None, 4, 3), r"\(4, 3\) with 12 elements cannot take the shape \(5, -1\)"),
        (layers.Cropping1D(4), symbolic(None, 8, 3), "smaller than the corresponding spatial dimension"),
        (layers.Add(), symbolic(None, 3), "should be called on a list of at least 1 input"),
        (layers.Add(), [symbolic(None, 3), symbolic(None, 4)], r"\(None, 3\) and \(None, 4\) do not broadcast"),
        (layers.Add(), [symbolic(2, 3), symbolic(4, 3)], "the batch sizes of the inputs differ"),
        (layers.Subtract(), [symbolic(2, 3)] * 3, "should be called on exactly 2 inputs"),
        (layers.Concatenate(), [symbolic(2, 3, 4), symbolic(2, 5, 4)], "except for the concatenation axis 2; .* differ at axis 1"),
        (layers.Dot(1), [symbolic(2, 3), symbolic(2, 4)], "differ in size along axes 1 and 1"),
        (layers.Dot(0), [symbolic(2, 3), symbolic(2, 3)], "along which the samples lie"),
        (layers.BatchNormalization(), symbolic(None, None), "the size of axis -1 of .* must be known"),
        (layers.GroupNormalization(3), symbolic(None, 4), "the 4 channels cannot be split into 3 groups"),
        (layers.LayerNormalization(axis=3), symbolic(None, 4), "axis 3 is out of"),
        (layers.PReLU(), symbolic(None, None, 3), "the sizes in .* must be known"),
        (layers.EinsumDense("ab,b->ad", 3), symbolic(None, 4), "'d' in the result only"),
        (layers.EinsumDense("ab,bc", 3), symbolic(None, 4), "must be of the form"),
    ],
)
def test_inputs_that_do_not_fit(layer, inputs, message):
    with pytest.raises(LayerError, match=message) as caught:
        layer(inputs)
    assert repr(layer.name) in str(caught.value) and __file__ in str(caught.value)
    assert all(f"{n}={getattr(layer, n)!r}" in str(caught.value) for n in ("units", "filters") if hasattr(layer, n))
    assert not layer.weights


def test_later_inputs_have_the_channels_of_the_first():
    layer = layers.Conv1D(2, 3)
    layer(symbolic(None, 8, 4))
    with pytest.raises(LayerError, match="axis -1 has size 4"):
        layer(symbolic(None, 8, 5))


# ------------------------------------------------------------------------------------------------ masks


def test_masks_are_edges_of_the_record():
    ids = symbolic(None, 5, dtype="int32")
    embedded = layers.Embedding(10, 3, mask_zero=True)(ids)
    mask = embedded.mask
    assert (mask.shape, mask.dtype) == ((None, 5), "bool")
    assert mask.node.operation is ops.not_equal and mask.node.inputs == [ids]
    dense = layers.Dense(2)(embedded)
    assert dense.mask is mask
    pooled = layers.GlobalAveragePooling1D()(dense)
    assert pooled.node.kwargs == {"mask": mask} and pooled.mask is None
    both = layers.Add()([dense, layers.Dense(2)(layers.Masking()(embedded))])
    assert both.mask.node.operation is ops.logical_or
    assert layers.Add()([dense, layers.Dense(2)(symbolic(None, 5, 3))]).mask is None


def test_a_layer_at_which_a_mask_ends_says_so():
    embedded = layers.Embedding(10, 3, mask_zero=True)(symbolic(None, 5, dtype="int32"))
    with pytest.warns(UserWarning, match="flatten.*does not support masking"):
        assert layers.Flatten()(embedded).mask is None


# ------------------------------------------------------------------------------------------------ Lambda


def doubled(x):
    return x * 2


def test_lambda_keeps_the_dtype_that_its_function_gives():
    out = layers.Lambda(lambda x: ops.cast(x, "int32"))(symbolic(None, 3))
    assert (out.shape, out.dtype) == ((None, 3), "int32")
    assert layers.Lambda(doubled, output_shape=(3,))(symbolic(None, 3)).shape == (None, 3)


def test_lambda_gets_what_it_asks_for():
    layer = layers.Lambda(lambda x, training=None, mask=None: (x, training, mask)[0])
    assert layer._wanted == {"training", "mask"}
    assert layer(symbolic(None, 3)).shape == (None, 3)


def test_the_bytecode_of_a_lambda_is_not_run():
    with pytest.warns(UserWarning, match="lambda"):
        config = layers.Lambda(lambda x: x).get_config()
    with pytest.raises(ValueError, match="holds a lambda as bytecode"):
        layers.Lambda.from_config(config)


# ------------------------------------------------------------------------------------------------ weights


def test_frozen_layers_make_frozen_weights():
    layer = layers.Dense(2, trainable=False)
    layer.build((None, 3))
    assert not layer.trainable_weights and [v.name for v in layer.non_trainable_weights] == ["kernel", "bias"]
    layer.trainable = True
    assert [v.trainable for v in layer.weights] == [True, True]


def test_a_subclass_of_a_weightless_layer_may_have_weights():
    class Scaled(layers.Activation):
        def build(self, input_shape):
            self.factor = self.add_weight((input_shape[-1],), "ones")

        def call(self, inputs):
            return super().call(inputs) * self.factor

    assert layers.Activation("relu").built and not Scaled("relu").built
    layer = Scaled("relu")
    assert layer(symbolic(None, 3)).shape == (None, 3) and layer.built and len(layer.weights) == 1


def test_paths_of_weights():
    layer = layers.BatchNormalization(name="norm")
    layer(symbolic(None, 3))
    assert [v.path for v in layer.weights] == ["norm/gamma", "norm/beta", "norm/moving_mean", "norm/moving_variance"]
    assert [v.path for v in layer.trainable_weights] == ["norm/gamma", "norm/beta"]


# ------------------------------------------------------------------------------------------------ stateless


@pytest.mark.parametrize("name", list(backend_registry.BUILT_IN))
def test_stateless_call_takes_values_and_changes_none(name):
    with backend_registry.using(name):
        model = kerastorch.Sequential([layers.Input((3,)), layers.Dense(2, kernel_regularizer="l2"), layers.BatchNormalization()])
        x = ops.convert_to_tensor(np.arange(12, dtype="float32").reshape(4, 3))
        before = model.get_weights()
        model(x)  # is lowered now
        zeros = [ops.zeros_like(v) for v in model.trainable_variables]
        out, after, losses = model.stateless_call(zeros, model.non_trainable_variables, x, training=True, return_losses=True)
        assert not ops.convert_to_numpy(out).any()
        assert len(after) == 2 and np.allclose(ops.convert_to_numpy(after[1]), 0.99)  # the variance of nothing but zeros
        assert [float(x) for x in losses] == [0.0]
        for a, b in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        with pytest.raises(ValueError, match="non_trainable_variables` must be a list of tensors"):
            model.stateless_call(zeros, [], x)
    with pytest.raises(ValueError, match="must be built"):
        layers.Dense(2).stateless_call([], [], x)


# ------------------------------------------------------------------------------------------------ what classes show


@pytest.mark.parametrize("kind, name", [("LSTM", "recurrent_dropout"), ("ConvLSTM2D", "kernel_size"), ("MultiHeadAttention", "num_heads")])
def test_a_class_shows_the_fields_that_its_objects_keep(kind, name):
    kind = getattr(layers, kind)
    assert hasattr(kind, name)
    with pytest.raises(AttributeError, match=name):
        getattr(object.__new__(kind), name)


def test_a_normalization_set_by_hand_needs_no_finalizing():
    layer = layers.Normalization()
    layer.build((None, 2))
    layer.adapt_mean.assign([1.0, 2.0])
    layer.finalize_state()
    np.testing.assert_array_equal(layer.convert_weight(np.ones(2)), np.ones(2))
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.mean), [[1.0, 2.0]])
