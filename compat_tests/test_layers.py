"""Every layer against reference Keras, on every backend: all from the records in `cases/layers_*.py`."""

import inspect
import json
import zlib

import keras
import numpy as np
import pytest

import kerastorch
from compat_tests.cases import (
    image_transformations,
    layers_attention,
    layers_core,
    layers_merging,
    layers_preprocessing,
    layers_recurrent,
    layers_spatial,
    preprocessing,
)
from compat_tests.test_image_augmentation import RANDOM
from kerastorch import backend_registry, layers
from kerastorch.graph import KerasTensor
from kerastorch.variable import Variable

FAMILIES = (layers_attention, layers_core, layers_merging, layers_preprocessing, layers_recurrent, layers_spatial)
CASES = [case for family in FAMILIES for case in family.CASES]
BASES = ("Layer", "InputSpec")  # their constructors are tested beside their other behaviour


def each_case(condition=lambda case: True):
    """Parametrizes a test by the records that meet a condition."""
    chosen = [c for c in CASES if condition(c)]
    return pytest.mark.parametrize("case", chosen, ids=[c.id for c in chosen])


def generator(case):
    """Random numbers that belong to a case."""
    return np.random.default_rng(zlib.crc32(case.id.encode()))


def arrays(case):
    """Inputs and masks of a case."""
    rng = generator(case)
    values = [
        rng.integers(0, d.below, d.shape).astype(d.dtype) if d.below else rng.normal(size=d.shape).astype(d.dtype)
        for d in case.data
    ]
    masks = [None if s is None else rng.uniform(size=s) < 0.6 for s in case.masks]
    return values, masks


def call(layer, case, values, **keywords):
    """The layer called on the inputs as it takes them."""
    return layer(*case.packed(values), **case.keywords, **keywords)


class Reference:
    """The layer of reference Keras, built on the inputs, with random weights."""

    def __init__(self, case):
        self.case = case
        self.layer = getattr(keras.layers, case.layer)(**case.arguments(keras))
        self.values, self.masks = arrays(case)
        shapes = [v.shape for v in self.values]
        if case.expected is None:
            call(self.layer, case, [keras.ops.zeros(s, v.dtype) for s, v in zip(shapes, self.values, strict=True)])
        else:
            self.layer.build(*case.packed(shapes))
        rng = generator(case)
        for v in self.layer.weights:
            low = 0.5 if "variance" in v.path or "stddev" in v.path else -1.0
            v.assign(rng.uniform(low, 1.0, v.shape))
        self.start = self.layer.get_weights()

    def __call__(self, training, gradient=False):
        """Output, its mask, and the gradients of its weighted sum by inputs and trainable weights."""
        self.layer.set_weights(self.start)
        if self.case.expected is not None:
            return self.case.expected(*self.values, *self.start), None
        tensors = [keras.ops.convert_to_tensor(v) for v in self.values]
        for t, m in zip(tensors, self.masks, strict=True):
            if m is not None:
                t._keras_mask = keras.ops.convert_to_tensor(m)
            t.requires_grad_(gradient and t.is_floating_point())
        out = call(self.layer, self.case, tensors, **({"training": training} if takes_training(self.layer) else {}))
        mask = getattr(out, "_keras_mask", None)
        mask = None if mask is None else keras.ops.convert_to_numpy(mask)
        if not gradient:
            return keras.ops.convert_to_numpy(out), mask
        (out * keras.ops.convert_to_tensor(direction(self.case, out.shape), dtype=out.dtype)).sum().backward()
        sources = [*(t for t in tensors if t.requires_grad), *(v.value for v in self.layer.trainable_weights)]
        found = [None if s.grad is None else keras.ops.convert_to_numpy(s.grad) for s in sources]
        for v in self.layer.trainable_weights:
            v.value.grad = None
        return found


def takes_training(layer):
    return "training" in inspect.signature(layer.call).parameters


def direction(case, shape):
    """The weights of the sum whose gradient is taken."""
    return np.random.default_rng(len(case.id)).normal(size=tuple(shape)).astype("float32")


def ours(case, weights=None):
    """The layer of this package, built by recording it where the batch size is not known, with the given weights."""
    layer = getattr(layers, case.layer)(**case.arguments(kerastorch))
    output = call(layer, case, symbols(case))
    if weights is not None:
        layer.set_weights(weights)
    return layer, output


def symbols(case, batch=None, unknown=True):
    """KerasTensors for the inputs, with masks where the case has them."""
    found = []
    for data, mask in zip(case.data, case.masks, strict=True):
        shape = [None if unknown and i in case.unknown else d for i, d in enumerate(data.shape)]
        shape[0] = batch and data.shape[0]
        found.append(KerasTensor(shape, data.dtype))
        if mask is not None:
            found[-1].mask = KerasTensor([None if d is None else d for d in (shape[0], *mask[1:])], "bool")
    return found


def run(case, layer, backend, training):
    """Output and mask of a call on the backend's tensors."""
    values, masks = arrays(case)
    tensors = [backend.convert(v, v.dtype.name) for v in values]
    for t, m in zip(tensors, masks, strict=True):
        if m is not None:
            t._keras_mask = backend.convert(m, "bool")
    out = call(layer, case, tensors, training=training)
    mask = getattr(out, "_keras_mask", None)
    return out, None if mask is None else backend.numpy(mask)


def assert_close(found, expected, tolerance, what=""):
    assert tuple(found.shape) == tuple(expected.shape), what
    np.testing.assert_allclose(found, expected, rtol=tolerance[0], atol=tolerance[1], err_msg=what)


def fits(recorded, real):
    return len(recorded) == len(real) and all(a in (None, b) for a, b in zip(recorded, real, strict=True))


@each_case()
@pytest.mark.filterwarnings("ignore:.*mask")
@pytest.mark.filterwarnings("ignore:.*rms_scaling")
def test_inference(case, backend):
    reference = Reference(case)
    expected, expected_mask = reference(training=False)
    layer, recorded = ours(case, reference.start)
    assert [v.shape for v in layer.weights] == [tuple(v.shape) for v in reference.layer.weights]
    assert [v.name for v in layer.weights] == [v.name for v in reference.layer.weights]
    assert [v.trainable for v in layer.weights] == [v.trainable for v in reference.layer.weights]
    out, mask = run(case, layer, backend, training=False)
    assert backend.dtype(out) == recorded.dtype == str(expected.dtype)
    assert fits(recorded.shape, backend.shape(out))
    assert_close(backend.numpy(out), expected, case.tolerance)
    assert (mask is None) == (expected_mask is None)
    assert (recorded.mask is None) == (expected_mask is None)
    if mask is not None:
        np.testing.assert_array_equal(mask, expected_mask)
        assert fits(recorded.mask.shape, mask.shape)


@each_case(lambda case: case.training)
@pytest.mark.filterwarnings("ignore:.*mask")
@pytest.mark.filterwarnings("ignore:.*rms_scaling")
def test_training(case, backend):
    reference = Reference(case)
    expected, _ = reference(training=True)
    layer, _ = ours(case, reference.start)
    out, _ = run(case, layer, backend, training=True)
    assert_close(backend.numpy(out), expected, case.tolerance)
    for mine, theirs, v in zip(layer.get_weights(), reference.layer.get_weights(), layer.weights, strict=True):
        assert_close(mine, theirs, case.tolerance, v.path)
    assert len(layer.losses) == len(reference.layer.losses)
    for mine, theirs in zip(layer.losses, reference.layer.losses, strict=True):
        assert_close(np.array(backend.numpy(mine)), keras.ops.convert_to_numpy(theirs), case.tolerance, "losses")


@each_case(lambda case: case.gradient and case.expected is None)
@pytest.mark.filterwarnings("ignore:.*mask")
@pytest.mark.filterwarnings("ignore:.*rms_scaling")
def test_gradients(case, backend):
    reference = Reference(case)
    expected = reference(training=case.training, gradient=True)
    layer, _ = ours(case, reference.start)
    values, masks = arrays(case)
    held = [Variable(v, dtype=v.dtype.name, name=f"input{i}") for i, v in enumerate(values)]
    for v in held:
        v.tensor(backend)

    def weighted_sum():
        tensors = []
        for v, m in zip(held, masks, strict=True):
            t = v.tensor(backend)
            if m is not None:
                t._keras_mask = backend.convert(m, "bool")
            tensors.append(t)
        out = call(layer, case, tensors, training=case.training)
        return kerastorch.ops.sum(out * backend.convert(direction(case, backend.shape(out)), backend.dtype(out)))

    sources = [*(v for v in held if v.dtype.startswith("float")), *layer.trainable_weights]
    _, found = backend.value_and_gradients(weighted_sum, sources)
    assert len(found) == len(expected)
    for mine, theirs, v in zip(found, expected, sources, strict=True):
        theirs = np.zeros(v.shape) if theirs is None else theirs
        assert_close(backend.numpy(mine), theirs, [10 * t for t in case.tolerance], v.path)


TRAINED = {
    "Dense", "EinsumDense", "Embedding", "ReversibleEmbedding", "PReLU", "BatchNormalization", "LayerNormalization",
    "GroupNormalization", "RMSNormalization", "SpectralNormalization", "Attention", "AdditiveAttention", "MultiHeadAttention",
    "GroupQueryAttention", "SimpleRNN", "LSTM", "GRU", "RNN", "Bidirectional", "TimeDistributed", "ConvLSTM1D", "ConvLSTM2D",
    "ConvLSTM3D", "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D",
    *(f"Conv{r}D{t}" for r in (1, 2, 3) for t in ("", "Transpose")),
}  # fmt: skip


# The first case of each that gives one certain result in training; of Attention, the first with a weight.
STEPPED = {
    case.layer: case.id
    for case in reversed(CASES)
    if case.training and case.gradient and case.expected is None and case.layer in TRAINED
    and (case.layer != "Attention" or "use_scale" in case.kwargs)
}  # fmt: skip


def with_masks(tensors, masks, convert):
    """The tensors with their masks on them, which a call may take off."""
    for t, m in zip(tensors, masks, strict=True):
        if m is not None:
            t._keras_mask = convert(m, "bool")
    return tensors


@each_case(lambda case: case.id in STEPPED.values())
@pytest.mark.filterwarnings("ignore:.*mask")
def test_ten_steps(case, backend):
    """Weights after ten steps of training, which the reference then takes over."""
    reference = Reference(case)
    layer, _ = ours(case, reference.start)
    values, masks = arrays(case)
    inputs = [backend.convert(v, v.dtype.name) for v in values]
    given = [keras.ops.convert_to_tensor(v) for v in values]

    def theirs_given(training):
        keywords = {"training": training} if takes_training(reference.layer) else {}
        return call(reference.layer, case, with_masks(given, masks, keras.ops.convert_to_tensor), **keywords)

    mine, theirs = kerastorch.optimizers.SGD(0.02, momentum=0.9), keras.optimizers.SGD(0.02, momentum=0.9)

    def loss():
        out = call(layer, case, with_masks(inputs, masks, backend.convert), training=True)
        return kerastorch.ops.mean(kerastorch.ops.square(out - 0.5))

    for _ in range(10):
        _, gradients = backend.value_and_gradients(loss, layer.trainable_weights)
        mine.apply(gradients, layer.trainable_weights)
        keras.ops.mean(keras.ops.square(theirs_given(True) - 0.5)).backward()
        weights = reference.layer.trainable_weights
        theirs.apply([v.value.grad for v in weights], weights)
        for v in weights:
            v.value.grad = None
    for a, b, v in zip(layer.get_weights(), reference.layer.get_weights(), layer.weights, strict=True):
        assert_close(a, b, (1e-4, 1e-5), v.path)
    reference.layer.set_weights([w + 0.1 for w in layer.get_weights()])
    layer.set_weights(reference.layer.get_weights())
    found, _ = run(case, layer, backend, training=False)
    assert_close(backend.numpy(found), keras.ops.convert_to_numpy(theirs_given(False)), (1e-4, 1e-5))


def named_shape_arguments(layer, case):
    """The keywords of a call that the output's shape depends on."""
    takes = inspect.signature(layer.compute_output_shape).parameters
    return {k: v for k, v in case.keywords.items() if k in takes}


@each_case(lambda case: case.recorded)
@pytest.mark.filterwarnings("ignore:.*mask")
@pytest.mark.filterwarnings("ignore:.*rms_scaling")
def test_recorded_like_the_reference(case):
    layer, _ = ours(case)
    theirs = getattr(keras.layers, case.layer)(**case.arguments(keras))
    for batch, unknown in ((None, False), (None, True), (True, False)):
        mine = symbols(case, batch, unknown)
        out = call(layer, case, mine)
        expected = call(theirs, case, [keras.KerasTensor(t.shape, t.dtype) for t in mine])
        assert (out.shape, out.dtype) == (expected.shape, expected.dtype)
        shapes, keywords = case.packed([t.shape for t in mine]), named_shape_arguments(theirs, case)
        assert tuple(layer.compute_output_shape(*shapes, **keywords)) == tuple(
            theirs.compute_output_shape(*shapes, **keywords)
        )


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float64"])
@each_case(lambda case: case.recorded and not callable(case.kwargs))
@pytest.mark.filterwarnings("ignore:.*mask")
@pytest.mark.filterwarnings("ignore:.*rms_scaling")
def test_dtype_policies(case, policy):
    mine, theirs = (
        getattr(k.layers, case.layer)(**{**case.arguments(k), "dtype": policy}) for k in (kerastorch, keras)
    )
    out = call(mine, case, symbols(case))
    expected = call(theirs, case, [keras.KerasTensor(t.shape, t.dtype) for t in symbols(case)])
    assert (out.shape, out.dtype) == (expected.shape, expected.dtype)
    assert [v.dtype for v in mine.weights] == [v.dtype for v in theirs.weights]


def config_of(layer):
    config = layer.get_config()
    return {k: v for k, v in config.items() if k != "name"}


def through_a_file(config):
    """A configuration as it is once written to a file and read again."""
    return json.loads(json.dumps(config, default=lambda array: array.tolist()))


@each_case(lambda case: not callable(case.kwargs))
@pytest.mark.filterwarnings("ignore:.*rms_scaling")
def test_configuration(case):
    mine, theirs = (getattr(k.layers, case.layer)(**case.arguments(k)) for k in (kerastorch, keras))
    assert config_of(mine) == config_of(theirs)
    assert config_of(type(mine).from_config(theirs.get_config())) == config_of(theirs)
    assert config_of(type(theirs).from_config(mine.get_config())) == config_of(theirs)
    again = type(mine).from_config(through_a_file(mine.get_config()))
    assert through_a_file(config_of(again)) == through_a_file(config_of(mine))
    assert again.name == mine.name
    call(mine, case, symbols(case))
    call(theirs, case, [keras.KerasTensor(t.shape, t.dtype) for t in symbols(case)])
    assert config_of(mine) == config_of(theirs), "once built"
    assert (mine.supports_masking, mine.built) == (theirs.supports_masking, theirs.built)


@pytest.mark.parametrize("name", [n for n in layers.__all__ if n not in BASES])
def test_signature(name):
    mine, theirs = (inspect.signature(getattr(k.layers, name)).parameters.values() for k in (kerastorch, keras))
    assert [(p.name, p.kind, p.default) for p in mine] == [(p.name, p.kind, p.default) for p in theirs]


# Layers of another kind, and the file whose tests compare them with the reference.
ELSEWHERE = {
    "tests/test_layers.py": ("Input", "InputLayer", "Wrapper"),
    "compat_tests/test_recurrent.py": ("SimpleRNNCell", "LSTMCell", "GRUCell", "StackedRNNCells"),
    "compat_tests/test_preprocessing.py": [c.layer for c in preprocessing.CASES],
    "compat_tests/test_image_augmentation.py": (*RANDOM, *(c.layer for c in image_transformations.CASES)),
    "tests/test_torch_module.py": ("TorchModuleWrapper",),
    "tests/test_foreign_layers.py": ("TFSMLayer", "JaxLayer", "FlaxLayer"),
}


def test_every_layer_has_a_case():
    tested = {name for names in ELSEWHERE.values() for name in names} | {case.layer for case in CASES} | set(BASES)
    known = {getattr(layers, name) for name in tested}
    missing = [n for n in layers.__all__ if n[0].isupper() and getattr(layers, n) not in known]
    assert not missing, f"no case for {missing}"


def test_backends_are_those_of_the_registry(backend):
    assert backend is backend_registry.get(backend.name)


def test_batch_normalization_called_in_one_way_after_another(backend):
    rng = np.random.default_rng(0)
    mine, theirs = layers.BatchNormalization(momentum=0.5), keras.layers.BatchNormalization(momentum=0.5)
    mine(KerasTensor((None, 4, 3)))
    for trainable, keywords in (
        (True, {"training": False}),
        (True, {"training": True}),
        (True, {"training": True, "mask": rng.uniform(size=(5, 4)) < 0.5}),
        (False, {"training": True}),
        (True, {"training": True}),
        (True, {}),
    ):
        x = rng.normal(size=(5, 4, 3)).astype("float32")
        mine.trainable = theirs.trainable = trainable
        found = mine(backend.convert(x, "float32"), **{k: _given(backend.convert, v) for k, v in keywords.items()})
        expected = theirs(x, **{k: _given(keras.ops.convert_to_tensor, v) for k, v in keywords.items()})
        assert_close(
            backend.numpy(found), keras.ops.convert_to_numpy(expected), (1e-4, 1e-5), f"{trainable} {keywords}"
        )
        for a, b in zip(mine.get_weights(), theirs.get_weights(), strict=True):
            assert_close(a, b, (1e-4, 1e-5), f"{trainable} {keywords}")


def _given(convert, value):
    return convert(value, "bool") if isinstance(value, np.ndarray) else value
