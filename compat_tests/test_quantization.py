"""Quantized layers and LoRA against reference Keras: values, weights exchanged in both directions, configurations, files."""

import functools
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pytest

import kerastorch
from compat_tests.cases.op_case import between, integers, normal
from kerastorch import layers, ops, quantizers
from kerastorch.quantizers import calibration


@dataclass(frozen=True)
class Case:
    """A layer, how it is quantized, and how it is adapted.

    Attributes:
        layer: Name of its class.
        arguments: Of its constructor.
        inputs: What it is called on.
        mode: Mode of the quantization.
        config: In place of `mode`: what makes the configuration from the module `quantizers`.
        lora: Rank and alpha of LoRA, which is enabled after quantization.
        call: Further arguments of the call.
    """

    layer: str
    arguments: dict[str, Any]
    inputs: Any
    mode: str | None = None
    config: Any = None
    lora: tuple[int, float] | None = None
    call: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        shown = (self.layer, *map(str, self.arguments.values()), self.mode or "", self.config.__name__ if self.config else "", self.lora or "")
        return "-".join(map(str, (x for x in (*shown, *self.call) if x != "")))


ROWS, IDS, IMAGES = normal(4, 6), integers(0, 10, 3, 5), normal(2, 6, 6, 4)
DENSE = {"units": 7, "activation": "tanh"}
TABLE = {"input_dim": 10, "output_dim": 7}
EQUATIONS = (  # equation, output shape, bias axes, inputs
    ("ab,bc->ac", (7,), "c", ROWS),
    ("abc,cde->abde", (5, 2, 4), "de", normal(3, 5, 6)),
    ("abcd,cde->abe", (5, 8), None, normal(2, 5, 3, 7)),
    ("abc,cd->adb", (8, 5), None, normal(3, 5, 6)),
    ("abc,dc->abd", (5, 8), None, normal(3, 5, 6)),
)


def eight(q):
    return q.Int8QuantizationConfig(q.AbsMaxQuantizer(axis=0, value_range=(-100, 100)), q.AbsMaxQuantizer(axis=-1))


def eight_bit_weights(q):
    return q.Int8QuantizationConfig(activation_quantizer=None)


def blocks(q):
    return q.Int4QuantizationConfig(block_size=4)


def channels(q):
    return q.Int4QuantizationConfig(block_size=None)


WAYS = ({"mode": "int8"}, {"mode": "int4"}, {"config": blocks}, {"config": channels}, {"config": eight_bit_weights})
CASES = [
    *(Case("Dense", DENSE, ROWS, **way) for way in (*WAYS, {"config": eight})),
    *(Case("EinsumDense", {"equation": e, "output_shape": s, "bias_axes": b}, x, **way)
      for e, s, b, x in EQUATIONS for way in ({"mode": "int8"}, {"config": blocks})),
    *(Case("Embedding", TABLE, IDS, **way) for way in WAYS[:4]),
    *(Case("ReversibleEmbedding", {**TABLE, "tie_weights": tie}, normal(3, 7), **way, call={"reverse": True})
      for tie in (True, False) for way in WAYS[:4]),
    *(Case("Dense", DENSE, ROWS, **way, lora=(2, 5.0)) for way in ({}, *WAYS[:4])),
    *(Case("EinsumDense", {"equation": e, "output_shape": s, "bias_axes": b}, x, lora=(2, 2)) for e, s, b, x in EQUATIONS[:3]),
    *(Case("EinsumDense", {"equation": e, "output_shape": s, "bias_axes": b}, x, "int8", lora=(2, 2))
      for e, s, b, x in EQUATIONS[:3]),
    *(Case("Embedding", TABLE, IDS, **way, lora=(3, 1.5)) for way in ({}, *WAYS[:4])),
    Case("ReversibleEmbedding", TABLE, normal(3, 7), lora=(2, 2), call={"reverse": True}),
    Case("Conv1D", {"filters": 4, "kernel_size": 3}, normal(2, 8, 3), lora=(2, 4)),
    Case("Conv2D", {"filters": 4, "kernel_size": 3, "padding": "same", "groups": 2}, IMAGES, lora=(2, 2)),
    Case("Conv3D", {"filters": 2, "kernel_size": 2}, normal(1, 4, 4, 4, 2), lora=(1, 2)),
]  # fmt: skip
EACH = pytest.mark.parametrize("case", CASES, ids=[c.id for c in CASES])


def numpy_of(module, x):
    return module.ops.convert_to_numpy(x.detach() if hasattr(x, "detach") else x)


def made(module, case):
    """The case's layer, quantized and adapted, with random weights that are the same in every package."""
    layer = getattr(module.layers, case.layer)(**case.arguments)
    layer(module.ops.zeros(case.inputs.shape[:1] + case.inputs.shape[1:], case.inputs.dtype.name), **case.call)
    rng = np.random.default_rng(len(case.id))
    for v in layer.weights:
        v.assign(rng.uniform(-1, 1, tuple(v.shape)).astype("float32"))
    if case.mode or case.config:
        layer.quantize(case.mode, config=case.config and case.config(module.quantizers))
    if case.lora:
        layer.enable_lora(case.lora[0], lora_alpha=case.lora[1])
        for v in layer.weights:
            if "lora" in v.name:
                v.assign(rng.uniform(-1, 1, tuple(v.shape)).astype("float32"))
    return layer


def kept(module, layer):
    """What the layer stores, by key."""
    store = {}
    layer.save_own_variables(store)
    return {k: numpy_of(module, v) for k, v in store.items()}


def close(ours, theirs, **more):
    assert {k: (v.dtype.name, v.shape) for k, v in ours.items()} == {k: (v.dtype.name, v.shape) for k, v in theirs.items()}
    for key, value in theirs.items():
        # An integer may be the next one, where a value lies just between two.
        slack = {"atol": 1} if value.dtype.kind in "iu" else {"rtol": 1e-5, "atol": 1e-6, **more}
        np.testing.assert_allclose(ours[key].astype("float64"), value.astype("float64"), **slack)


@functools.cache
def reference(case_id):
    """The reference's layer, what it stores, and its output."""
    case = next(c for c in CASES if c.id == case_id)
    layer = made(keras, case)
    return layer, kept(keras, layer), numpy_of(keras, layer(case.inputs, **case.call))


def moved(there, layer, here, case):
    """A layer of one package made from the configuration of a layer of another and what that stores, without LoRA."""
    config = {k: v for k, v in layer.get_config().items() if k not in ("lora_rank", "lora_alpha")}
    new = getattr(here.layers, case.layer).from_config(config)
    new(here.ops.zeros(case.inputs.shape, case.inputs.dtype.name), **case.call)
    store = kept(there, layer)
    new.load_own_variables(store)
    close(kept(here, new), store)
    return numpy_of(here, new(case.inputs, **case.call))


@EACH
def test_layer(backend, case):
    """Outputs, weights and what is stored are the reference's; either package goes on with what the other has stored."""
    theirs, store, output = reference(case.id)
    layer = made(kerastorch, case)
    described = [[(v.name, tuple(v.shape), v.dtype, v.trainable) for v in x.weights] for x in (layer, theirs)]
    assert described[0] == described[1]
    np.testing.assert_allclose(numpy_of(kerastorch, layer(case.inputs, **case.call)), output, rtol=1e-4, atol=1e-5)
    close(kept(kerastorch, layer), store)
    there, back = moved(keras, theirs, kerastorch, case), moved(kerastorch, layer, keras, case)
    np.testing.assert_allclose(there, back, rtol=1e-4, atol=1e-5)
    if not (case.lora and (case.mode or case.config)):  # else what is stored has been rounded once more
        np.testing.assert_allclose(there, output, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", [c for c in CASES if c.layer == "Dense"][::2], ids=lambda c: c.id)
def test_model_file(backend, case, tmp_path):
    """A model is quantized after it has run, trains on, and comes back from its file, in the reference too."""
    inputs = kerastorch.Input((6,))
    layer = layers.Dense(**case.arguments)
    model = kerastorch.Model(inputs, layers.Dense(2)(layer(inputs)))
    before = model.predict(ROWS, verbose=0)
    if case.mode or case.config:
        layer.quantize(case.mode, config=case.config and case.config(quantizers))
    if case.lora:
        layer.enable_lora(case.lora[0], lora_alpha=case.lora[1])
    moved = np.abs(model.predict(ROWS, verbose=0) - before).max()
    assert (moved > 1e-6) == bool(case.mode or case.config) and moved < 0.5
    model.compile("sgd", "mse")
    start = [v.numpy() for v in layer.weights]
    model.fit(ROWS, np.ones((4, 2), "float32"), epochs=2, verbose=0)
    changed = [v.name for v, old in zip(layer.weights, start, strict=True) if (v.numpy() != old).any()]
    assert set(changed) == {v.name for v in layer.trainable_weights}
    model.save(tmp_path / "m.keras")
    read = [m.models.load_model(tmp_path / "m.keras").predict(ROWS, verbose=0) for m in (kerastorch, keras)]
    np.testing.assert_allclose(*read, rtol=1e-4, atol=1e-5)
    if not (case.lora and (case.mode or case.config)):
        np.testing.assert_allclose(read[0], model.predict(ROWS, verbose=0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_gradient_passes_through_rounding(backend, mode):
    """The gradient of the inputs is that of a product with the weights as they are unpacked."""
    layer = layers.Dense(3, use_bias=False)
    layer.build((None, 6))
    layer.quantize(mode)
    unpacked = numpy_of(kerastorch, layer._unpacked("kernel"))
    source = kerastorch.Variable(ROWS)
    _, (slope,) = backend.value_and_gradients(lambda: ops.sum(layer(source.value)), [source])
    np.testing.assert_allclose(numpy_of(kerastorch, slope), np.broadcast_to(unpacked.sum(1), ROWS.shape), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["Dense", "EinsumDense"])
def test_float8_training(backend, name):
    """Losses, weights, scales and largest values of some steps in float8 are the reference's."""
    arguments = (3,) if name == "Dense" else ("ab,bc->ac", (3,), None, "c")
    found = []
    for module in (keras, kerastorch):
        layer = getattr(module.layers, name)(*arguments)
        model = module.Sequential([module.Input((6,)), layer])
        layer.set_weights([normal(6, 3), normal(3)])
        layer.quantize("float8")
        model.compile(module.optimizers.SGD(0.01), "mse")
        losses = model.fit(ROWS * 3, normal(4, 3), batch_size=4, epochs=4, shuffle=False, verbose=0).history["loss"]
        found.append([np.array(losses), model.predict(ROWS, verbose=0), *(numpy_of(module, v.value) for v in layer.weights)])
    for ours, theirs in zip(*reversed(found), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


CALIBRATIONS = [
    ("gptq", {"group_size": 8}), ("gptq", {"group_size": 8, "activation_order": True}), ("gptq", {"weight_bits": 3, "group_size": -1}),
    ("gptq", {"weight_bits": 8, "symmetric": True, "per_channel": False}), ("awq", {"group_size": 8}), ("awq", {"group_size": -1}),
]  # fmt: skip


EACH_CALIBRATION = pytest.mark.parametrize(("mode", "options"), CALIBRATIONS, ids=lambda v: str(v))


@EACH_CALIBRATION
def test_calibrated_model(backend, mode, options):
    """A calibrated model computes about the same; the reference goes on with what a layer of it stores."""
    ids = kerastorch.Input((8,), dtype="int32")
    table = layers.Embedding(30, 12)
    heads = layers.EinsumDense("abc,cde->abde", (8, 2, 6), bias_axes="de"), layers.EinsumDense("abde,dec->abc", (8, 12))
    dense = layers.Dense(24, activation="gelu")
    blocks = [kerastorch.Sequential([kerastorch.Input((8, 12)), *pair]) for pair in ((dense, layers.Dense(12)), heads)]
    model = kerastorch.Model(ids, blocks[1](blocks[0](table(ids))))
    for i, v in enumerate(model.weights):
        v.assign(normal(*v.shape, seed=i, scale=0.3))
    seen = integers(0, 30, 16, 8, seed=1)
    exact = model.predict(seen, verbose=0)
    config = quantizers.AWQConfig if mode == "awq" else quantizers.GPTQConfig
    structure = {"pre_block_layers": [table], "sequential_blocks": blocks}
    model.quantize(mode, config=config(integers(0, 30, 4, 40), None, num_samples=16, sequence_length=8,
                                       quantization_layer_structure=structure, **options))  # fmt: skip
    assert 0 < np.abs(model.predict(seen, verbose=0) - exact).mean() < 0.3 * np.abs(exact).mean()
    assert (dense.is_gptq_calibrated, dense.is_awq_calibrated) == (mode == "gptq", mode == "awq")
    theirs = keras.layers.Dense.from_config(dense.get_config())
    theirs.build((None, 12))
    theirs.load_own_variables(kept(kerastorch, dense))
    setattr(theirs, f"is_{mode}_calibrated", True)
    x = normal(3, 12)
    np.testing.assert_allclose(numpy_of(kerastorch, dense(x)), numpy_of(keras, theirs(x)), rtol=1e-4, atol=1e-5)


@EACH_CALIBRATION
def test_calibration_heeds_the_data(mode, options):
    """The output changes less than by rounding alone, which is what is left where all inputs look alike."""
    layer = layers.Dense(16, use_bias=False)
    layer.build((None, 32))
    layer.kernel.assign(normal(32, 16))
    x = normal(200, 8) @ normal(8, 32, seed=1) * between(0.05, 4, 32)
    config = (quantizers.AWQConfig if mode == "awq" else quantizers.GPTQConfig)(None, None, **{"group_size": 8, **options})
    errors = []
    for rows in (x, np.eye(32, dtype="float32")):
        statistics = calibration.Statistics(layer)
        statistics.add(rows)
        found = calibration.ALGORITHMS[mode](statistics, config)
        groups = found["g_idx"]
        weight = (found["quantized_kernel"] - found["_zero"][:, groups]) * found["_scale"][:, groups] / found.get("awq_scales", 1)
        errors.append(np.square(x @ (weight.T - layer.kernel.numpy())).sum())
    assert errors[0] < 0.9 * errors[1]


@pytest.mark.parametrize("mode", ["gptq", "awq"])
def test_calibration_needs(mode):
    """A configuration with data, and the model's structure."""
    model = kerastorch.Sequential([kerastorch.Input((3,)), layers.Dense(2)])
    with pytest.raises(ValueError, match="you must pass an? `.*Config` object"):
        model.quantize(mode)
    config = quantizers.AWQConfig if mode == "awq" else quantizers.GPTQConfig
    with pytest.raises(ValueError, match="a valid quantization structure must be provided"):
        model.quantize(config=config(["text"], None))
    structure = {"sequential_blocks": [model]}
    with pytest.raises(ValueError, match="a dataset is needed"):
        model.quantize(config=config(None, None, quantization_layer_structure=structure))
    assert model.layers[0].quantization_mode is None


FUNCTIONS = [
    ("abs_max_quantize", (ROWS, -1), {}),
    ("abs_max_quantize", (ROWS, (0, 1)), {"value_range": (-8, 7)}),
    ("abs_max_quantize", (ROWS * 0, 0), {}),
    ("abs_max_quantize_grouped_with_zero_point", (ROWS, 3), {}),
    ("abs_max_quantize_grouped_with_zero_point", (ROWS * 0 + 1, 128), {}),
    ("pack_int4", (integers(-8, 8, 3, 5).astype("int8"), 1), {}),
    ("pack_int4", (integers(0, 16, 5, 4).astype("uint8"), 0, "uint8"), {}),
    ("unpack_int4", (integers(-128, 128, 3, 5).astype("int8"), 9, 1), {}),
    ("unpack_int4", (integers(-128, 128, 3, 5).astype("int8"), 6, 0, "uint8"), {}),
    ("compute_float8_scale", (np.float32([0, np.inf, 2]), np.float32([1, 2, 3]), 448.0, 1), {}),
    ("compute_float8_amax_history", (ROWS, np.float32([1, 2, 3, 4])), {}),
    ("quantize_and_dequantize", (ROWS * 100, 0.1, "float8_e4m3fn", "float32"), {}),
    ("quantize_and_dequantize", (ROWS, 0.1, "float8_e5m2", "float32"), {}),
    ("fake_quant_with_min_max_vars", (ROWS, -3.0, 1.0), {}),
    ("fake_quant_with_min_max_vars", (ROWS, -1.0, 0.5), {"num_bits": 4, "narrow_range": True}),
    ("fake_quant_with_min_max_vars", (ROWS, -between(0, 1, 6), between(0, 1, 6)), {"axis": -1}),
]


@pytest.mark.parametrize(("name", "arguments", "keywords"), FUNCTIONS, ids=[f"{f[0]}-{i}" for i, f in enumerate(FUNCTIONS)])
def test_function(backend, name, arguments, keywords):
    """The functions give what the reference's give, eagerly and recorded."""
    wanted = getattr(keras.quantizers, name)(*arguments, **keywords)
    found = getattr(quantizers, name)(*map(ops.convert_to_tensor, arguments[:1]), *arguments[1:], **keywords)
    symbol = kerastorch.KerasTensor(arguments[0].shape, arguments[0].dtype.name)
    recorded = getattr(quantizers, name)(symbol, *arguments[1:], **keywords)
    for ours, theirs, symbol in zip(*(x if isinstance(x, tuple) else (x,) for x in (found, wanted, recorded)), strict=True):
        if not hasattr(theirs, "dtype"):
            assert ours == tuple(theirs) if isinstance(theirs, tuple) else ours == theirs
            continue
        value, reference = numpy_of(kerastorch, ours), numpy_of(keras, theirs)
        assert (value.dtype, value.shape) == (reference.dtype, reference.shape) == (np.dtype(symbol.dtype), symbol.shape)
        np.testing.assert_allclose(value.astype("float64"), reference.astype("float64"), rtol=1e-6, atol=1e-6)
