"""Lowering to torch: native against generic, what runs, torch.compile, state dicts, and the module as a thing in itself."""

import copy
import io
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lowering_cases import ALL, PROGRAMS  # noqa: E402
from torch import nn  # noqa: E402

import kerastorch as keras  # noqa: E402
from kerastorch import backend_registry, layers, passes, tree  # noqa: E402
from kerastorch.errors import NotBuilt  # noqa: E402

PACKAGE = str(Path(keras.__file__).parent)


def each(condition=lambda program: True):
    """Parametrizes a test by the programs that meet a condition."""
    chosen = [p for p in ALL if condition(p)]
    return pytest.mark.parametrize("program", chosen, ids=[p.id for p in chosen])


@pytest.fixture
def backend():
    with backend_registry.using("torch") as chosen:
        yield chosen


@pytest.fixture(autouse=True)
def same_numbers():
    torch.manual_seed(0)


def tensors(program, gradient=False):
    found = [torch.from_numpy(a) for a in program.arrays()]
    for t in found:
        t.requires_grad_(gradient and t.is_floating_point())
    return found


def total(outputs):
    """A number that depends on every output in its own way."""
    generator = torch.Generator().manual_seed(1)
    leaves = [t for t in tree.leaves(outputs) if t.is_floating_point()]
    return sum((t * torch.randn(t.shape, generator=generator)).sum() for t in leaves)


def assert_close(found, expected, tolerance, what=""):
    rtol, atol = tolerance
    torch.testing.assert_close(found, expected, rtol=rtol, atol=atol, msg=lambda m: f"{what}: {m}")


def assert_all_close(found, expected, tolerance, what=""):
    found, expected = tree.leaves(found), tree.leaves(expected)
    assert len(found) == len(expected), what
    for f, e in zip(found, expected, strict=True):
        assert_close(f, e, tolerance, what)


# ------------------------------------------------------------------------------------------------ native against generic


@pytest.mark.filterwarnings("ignore:.*mask", "ignore:.*rms_scaling")
@each()
def test_native_like_generic(program, backend):
    """Outputs, gradients by inputs and weights in Keras's layout, moving averages, and weights read back."""
    native = program.model()
    module = backend.lower(native, adopt=True)
    with passes.without("native_layers"):
        generic = program.model()
        reference = backend.lower(generic, adopt=True)
        start = native.get_weights()
        for mine, theirs in zip(start, generic.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)
        assert_all_close(module.eval()(*tensors(program)), reference.eval()(*tensors(program)), program.tolerance, "inference")
        if not program.training:
            return
        sides = []
        for model, net in ((native, module.train()), (generic, reference.train())):
            inputs = tensors(program, gradient=True)
            outputs = net(*inputs)
            loss = total(outputs)
            if isinstance(loss, torch.Tensor) and loss.requires_grad:
                loss.backward()
            sides.append((outputs, [t.grad for t in inputs], [v.value.grad for v in model.trainable_weights], model.get_weights()))
    (out, by_input, by_weight, after), (out_, by_input_, by_weight_, after_) = sides
    wider = tuple(10 * t for t in program.tolerance)
    assert_all_close(out, out_, program.tolerance, "training")
    assert_all_close(by_input, by_input_, wider, "gradients by inputs")
    for v, mine, theirs in zip(native.trainable_weights, by_weight, by_weight_, strict=True):
        mine = torch.zeros(v.shape) if mine is None and theirs is not None else mine
        assert_close(mine, theirs, wider, v.path)
    for v, mine, theirs in zip(native.weights, after, after_, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=program.tolerance[0], atol=program.tolerance[1], err_msg=v.path)


def test_every_native_rule_has_a_case(backend):
    """Each layer with a native lowering is in a case in which that lowering is used, so it is tested against the generic one."""
    used = set()
    for program in ALL:
        model = program.model()
        backend.lower(model, adopt=True)
        used |= {type(layer) for layer in model._flatten_layers() if getattr(layer._state.lowered.get("torch"), "native", None)}
    # A user's own module has no other lowering than itself; its tests are in test_torch_module.py.
    assert set(backend.layers) - used == {layers.TorchModuleWrapper}


# ------------------------------------------------------------------------------------------------ what runs

# What records, plans and dispatches. A lowered module may call the backend's own functions and the arithmetic they share.
MACHINERY = tuple(f"{PACKAGE}/{part}" for part in (
    "backend_registry.py", "graph.py", "op.py", "random.py", "scope.py", "variable.py", "layers/", "models/", "training/",
    "backends/torch/lowering.py", "backends/torch/running.py"))  # fmt: skip


def machinery_in(call):
    """The functions of the package's machinery that are entered while something is called."""
    entered = set()

    def note(frame, event, argument):
        file = frame.f_code.co_filename
        if event == "call" and file.startswith(("<kerastorch", *MACHINERY)):
            entered.add(f"{file.removeprefix(PACKAGE)}:{frame.f_code.co_name}")

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return entered


@pytest.mark.filterwarnings("ignore:.*mask", "ignore:.*rms_scaling")
@each()
def test_runs_without_the_machinery(program):
    """A copy runs by torch alone, in both modes, and its inference is that of the model."""
    model = program.model()
    module, inputs = model.to_torch(), tensors(program)
    assert isinstance(module, torch.nn.Module) and not module.training
    for training in (False, True):
        module.train(training)
        assert not machinery_in(lambda: module(*inputs))
    again = model.to_torch()(*inputs)
    expected = model(arguments(model, inputs), training=False)
    assert_all_close(again, expected, program.tolerance)


def arguments(model, inputs):
    return tree.pack_sequence_as(model.input, inputs) if len(inputs) > 1 else inputs[0]


# ------------------------------------------------------------------------------------------------ torch.compile


def compiled(module, **options):
    torch._dynamo.reset()
    return torch.compile(module, fullgraph=True, **options)


@pytest.mark.filterwarnings("ignore:.*mask", "ignore:.*rms_scaling")
@each()
def test_compiles_in_one_graph(program):
    module, inputs = program.model().to_torch(), tensors(program)
    for training in (False, True):
        module.train(training)
        state = {k: v.clone() for k, v in module.state_dict().items()}
        expected = module(*inputs)
        module.load_state_dict(state)
        found = compiled(module, backend="eager")(*inputs)
        if training and not program.training:
            assert [t.shape for t in tree.leaves(found)] == [t.shape for t in tree.leaves(expected)]
        else:
            assert_all_close(found, expected, program.tolerance)


def by_name(*names):
    return pytest.mark.parametrize("program", [p for p in ALL if p.id in names], ids=lambda p: p.id)


def gradients_of(run, module, program):
    inputs = tensors(program, gradient=True)
    total(run(*inputs)).backward()
    found = [t.grad for t in inputs] + [p.grad for p in module.parameters() if p.requires_grad]
    module.zero_grad()
    return found


@by_name("convnet", "masked_text", "nested", "layer_of_a_user", "frozen_part", "modes_fixed_by_the_caller", "encoder_decoder")
def test_compiled_gradients(program):
    module = program.model().to_torch().train(program.training)
    expected = gradients_of(module, module, program)
    found = gradients_of(compiled(module, backend="aot_eager"), module, program)
    assert_all_close(found, expected, tuple(10 * t for t in program.tolerance))


@pytest.mark.slow
@by_name("convnet", "masked_text")
def test_compiled_by_inductor(program):
    module, inputs = program.model().to_torch(), tensors(program)
    assert_all_close(compiled(module)(*inputs), module(*inputs), (1e-4, 1e-5))


def test_compiled_for_any_batch_size():
    program = next(p for p in ALL if p.id == "convnet")
    module = program.model().to_torch()
    fast = compiled(module, backend="eager", dynamic=True)
    for batch in (2, 3, 5):
        x = torch.randn(batch, 8, 8, 3)
        assert_close(fast(x), module(x), program.tolerance)


# ------------------------------------------------------------------------------------------------ the module as a thing in itself


def storages(module):
    return [t.untyped_storage().data_ptr() for t in module.state_dict(keep_vars=True).values()]


def through_a_file(module):
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


COPIED = ("Rescaling-scale=[2.0,3.0],offset=-1.0-masked", "BatchNormalization-masked", "GRU-units=3,activation=relu,return_sequences=True")


@pytest.mark.parametrize("copies", [copy.deepcopy, through_a_file], ids=["copied", "pickled"])
@pytest.mark.filterwarnings("ignore:.*mask", "ignore:.*rms_scaling")
@each(lambda program: program in PROGRAMS and program.id != "lambdas" or program.id in COPIED)
def test_state_dict_and_copies(program, copies):
    """No storage twice; a deep copy, its state and another dtype work, and leave the module alone."""
    model = program.model()
    module = model.to_torch()
    assert len(set(storages(module))) == len(storages(module))
    assert not [name for name in module.state_dict() if "constant" in name]
    assert sum(t.numel() for t in module.state_dict().values() if t.ndim) >= sum(v.size for v in model.trainable_weights)
    inputs = tensors(program)
    expected = module(*inputs)
    twin = copies(module)
    assert not set(storages(twin)) & set(storages(module))
    assert_all_close(twin(*inputs), expected, (0, 0))
    with torch.no_grad():
        for p in twin.parameters():
            p.add_(1.0)
    assert_all_close(module(*inputs), expected, (0, 0))
    twin.load_state_dict(module.state_dict())
    assert_all_close(twin(*inputs), expected, (0, 0))


# The loop over steps that is no fused kernel begins at zeros whose dtype is written in its graph.
@each(lambda program: program in PROGRAMS and program.id not in ("masked_text", "shared_for_two_shapes"))
def test_in_another_dtype(program):
    module = program.model().to_torch().to(torch.float64)
    inputs = [t.double() if t.is_floating_point() else t for t in tensors(program)]
    for training in (False, True):
        assert all(t.dtype == torch.float64 for t in tree.leaves(module.train(training)(*inputs)))


def test_conventional_names():
    keras.utils.clear_session()
    model = keras.Sequential([
        layers.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.BatchNormalization(), layers.Conv2D(4, 3), layers.Reshape((16, 4)),
        layers.LSTM(3, return_sequences=True), layers.Bidirectional(layers.GRU(2)), layers.LayerNormalization(),
        layers.Dense(10), layers.Dense(2, name="the head"), layers.PReLU()])  # fmt: skip
    module = model.to_torch()
    assert list(module.state_dict()) == [
        "conv2d.weight", "conv2d.bias",
        "batch_normalization.weight", "batch_normalization.bias",
        "batch_normalization.running_mean", "batch_normalization.running_var",
        "conv2d_1.weight", "conv2d_1.bias",
        "lstm.weight_ih_l0", "lstm.weight_hh_l0", "lstm.bias_ih_l0", "lstm.bias_hh_l0",
        *(f"bidirectional.{kind}_{part}_l0{side}" for side in ("", "_reverse") for kind in ("weight", "bias") for part in ("ih", "hh")),
        "layer_normalization.weight", "layer_normalization.bias",
        "dense.weight", "dense.bias", "the_head.weight", "the_head.bias", "p_re_lu.alpha",
    ]  # fmt: skip
    assert [n for n, _ in module.named_buffers()] == ["batch_normalization.running_mean", "batch_normalization.running_var"]


def test_the_state_loads_into_modules_of_torchs_own():
    keras.utils.clear_session()
    model = keras.Sequential([layers.Input((5, 4)), layers.LSTM(3, return_sequences=True), layers.Dense(2, activation="tanh")])
    module = model.to_torch()

    class Written(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.dense = nn.LSTM(4, 3, batch_first=True), nn.Linear(3, 2)

        def forward(self, x):
            return torch.tanh(self.dense(self.lstm(x)[0]))

    by_hand, x = Written(), torch.randn(2, 5, 4)
    by_hand.load_state_dict(module.state_dict())
    assert_close(module(x), by_hand(x), (1e-5, 1e-6))
    module.load_state_dict(Written().state_dict())
    with pytest.raises(AssertionError):
        assert_close(module(x), by_hand(x), (1e-5, 1e-6))


def test_the_code_is_what_people_would_write():
    keras.utils.clear_session()
    x = inputs = layers.Input((8, 8, 3), name="image")
    x = layers.MaxPooling2D()(layers.Conv2D(4, 3, activation="relu", name="first")(x))
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    module = keras.Model(inputs, layers.Dense(10, activation="softmax")(x)).to_torch()
    lines = [line.split(";")[0].strip() for line in module.code.splitlines() if line.strip()]
    assert lines == [
        "def forward(self, image):",
        "permute = image.permute(0, 3, 1, 2)",
        "first = self.first(permute)",
        "relu = torch.relu(first)",
        "max_pooling2d = self.max_pooling2d(relu)",
        "permute_1 = max_pooling2d.permute(0, 2, 3, 1)",
        "reshape = permute_1.reshape((-1, 36))",
        "dropout = self.dropout(reshape)",
        "dense = self.dense(dropout)",
        "softmax = torch.softmax(dense, -1)",
        "return softmax",
    ]


def test_the_module_is_a_copy():
    program = next(p for p in ALL if p.id == "convnet")
    model = program.model()
    module, start = model.to_torch(), model.get_weights()
    x = torch.from_numpy(program.arrays()[0])
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    module.train()(x).square().sum().backward()
    optimizer.step()
    for now, before in zip(model.get_weights(), start, strict=True):
        np.testing.assert_array_equal(now, before)
    after = {k: v.clone() for k, v in module.state_dict().items()}
    model.compile("sgd", "mse")
    model.fit(program.arrays()[0], np.zeros((2, 10)), verbose=0)
    assert all(torch.equal(after[k], v) for k, v in module.state_dict().items())


def test_seeds_are_buffers():
    """A module with seeds draws what its copy draws, whether compiled or not."""
    model = keras.Sequential([layers.Input((50,)), layers.Dropout(0.5, seed=3), layers.GaussianNoise(1.0, seed=4)])
    module, x = model.to_torch().train(), torch.ones(2, 50)
    twin, fast = copy.deepcopy(module), compiled(model.to_torch().train(), backend="aot_eager")
    assert not module.state_dict()
    drawn = [module(x) for _ in range(3)]
    assert not torch.equal(drawn[0], drawn[1])
    for expected in drawn:
        assert torch.equal(twin(x), expected)
        assert_close(fast(x), expected, (1e-6, 1e-6))


def test_users_layers_are_traced_in_a_copy_and_run_as_written_in_the_model():
    program = next(p for p in ALL if p.id == "layer_of_a_user")
    model = program.model()
    copied, own = model.to_torch(), backend_registry.get("torch").lower(model, adopt=True)
    assert list(copied.state_dict()) == [
        "scaled.shift", "scaled.seen", "scaled.dense.weight", "scaled.dense.bias", "scaled.dense_1.weight", "scaled.dense_1.bias",
        "dense_2.weight", "dense_2.bias"]  # fmt: skip
    inputs, seen = tensors(program), float(model.get_layer("scaled").seen)
    for training in (False, True):
        assert_all_close(copied.train(training)(*inputs), own.train(training)(*inputs), program.tolerance)
    assert float(model.get_layer("scaled").seen) == pytest.approx(seen + 1.0)


def test_what_is_not_built_cannot_be_lowered():
    with pytest.raises(NotBuilt, match="sequential.*is not built.*call it on data, or build"):
        keras.Sequential([layers.Dense(1)]).to_torch()


def test_passes_can_be_switched_off():
    model = keras.Sequential([layers.Input((4,)), layers.Dense(2)])
    with passes.without("native_layers"):
        assert not any(isinstance(m, nn.Linear) for m in model.to_torch().modules())
    assert any(isinstance(m, nn.Linear) for m in model.to_torch().modules())
    with pytest.raises(ValueError, match="no pass named 'native_layer'.*'native_layers'"):
        passes.without("native_layer").__enter__()
