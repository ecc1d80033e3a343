"""torch modules as layers: their weights, their shapes, their modes, copies, and what files may bring."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import kerastorch as keras  # noqa: E402
from kerastorch import backend_registry, layers  # noqa: E402


@pytest.fixture(autouse=True)
def on_torch():
    torch.manual_seed(0)
    with backend_registry.using("torch"):
        yield


def block():
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))


def functional(module):
    x = layers.Input((4,))
    return keras.Model(x, layers.Dense(2)(layers.TorchModuleWrapper(module, name="block")(x)))


def test_shapes_are_found_and_the_modules_state_is_left_alone():
    module = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Flatten(2))
    before = {k: v.clone() for k, v in module.state_dict().items()}
    wrapper = layers.TorchModuleWrapper(module)
    assert wrapper(layers.Input((3, 8, 7))).shape == (None, 5, 30)
    assert wrapper.compute_output_shape((None, 3, 8, 7)) == (None, 5, 30)
    assert all(torch.equal(before[k], v) for k, v in module.state_dict().items())
    assert layers.TorchModuleWrapper(nn.Identity(), output_shape=[None, 9])(layers.Input((9,))).shape == (None, 9)


def test_training_changes_the_users_own_module():
    module = block()
    model = functional(module)
    assert model.get_layer("block").weights[0].value is module[0].weight
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    start = {k: v.clone() for k, v in module.state_dict().items()}
    model.compile("sgd", "mse")
    model.fit(x, np.ones((8, 2)), verbose=0)
    assert [k for k, v in module.state_dict().items() if torch.equal(start[k], v)] in ([], ["0.bias"])  # which the norm undoes
    module.eval()
    expected = module(torch.from_numpy(x)).detach().numpy() @ model.layers[-1].kernel.numpy() + model.layers[-1].bias.numpy()
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)


def test_a_lowered_copy_holds_a_copy_of_the_module():
    module = block()
    model = functional(module)
    copied = model.to_torch()
    assert list(copied.state_dict())[:2] == ["block.0.weight", "block.0.bias"] and copied.block is not module
    x = torch.randn(3, 4)
    torch.testing.assert_close(copied(x), model(x, training=False))
    assert torch.compile(copied, fullgraph=True, backend="eager")(x).shape == (3, 2)
    with torch.no_grad():
        copied.block[0].weight.add_(1.0)
    assert not torch.equal(copied.block[0].weight, module[0].weight)


def test_freezing():
    wrapper = layers.TorchModuleWrapper(block())
    assert [v.trainable for v in wrapper.weights] == [True] * 4
    wrapper.trainable = False
    assert wrapper.trainable_weights == [] and not any(p.requires_grad for p in wrapper.module.parameters())


def test_modules_set_as_attributes_are_wrapped_on_torch_only():
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.block = block()

        def call(self, x, training=None):
            return self.block(x)

    assert isinstance(Net().block, layers.TorchModuleWrapper)
    assert keras.Sequential([layers.Input((4,)), nn.Linear(4, 3)]).output_shape == (None, 3)
    with backend_registry.using("tensorflow") if backend_registry.installed("tensorflow") else pytest.skip("needs TensorFlow"):
        assert isinstance(Net().block, nn.Sequential)


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right, self.drop = nn.Linear(4, 3), nn.Bilinear(3, 2, 5), nn.Dropout(0.5)
        nn.init.constant_(self.left.bias, 3.0)  # else no unit may be active for any sample, and nothing learns

    def forward(self, x, *, other):
        x = self.drop(torch.relu(self.left(x)))
        return self.right(x, other).view(x.size(0), 5, 1), x


def test_modules_called_on_symbols_are_recorded():
    """With their shapes found, several inputs and outputs, and one layer for all calls of a module."""
    module, norm = TwoInputs(), nn.BatchNorm1d(5)
    x, y = layers.Input((4,)), layers.Input((2,))
    first, second = module(layers.Dense(4)(x), other=y)
    assert (first.shape, second.shape) == ((None, 5, 1), (None, 3))
    model = keras.Model([x, y], [norm(layers.Flatten()(first)), module(x, other=y)[1] + second])
    assert [type(layer).__name__ for layer in model.layers].count("TorchModuleWrapper") == 2
    assert sum(v.value is module.left.weight for v in model.trainable_weights) == 1
    arrays = [np.random.default_rng(0).normal(size=s).astype("float32") for s in ((8, 4), (8, 2))]
    model.compile("adam", "mse")
    before = module.right.weight.clone(), norm.running_mean.clone()
    model.fit(arrays, [np.eye(8, 5), np.ones((8, 3))], verbose=0)
    assert not torch.equal(module.right.weight, before[0]) and not torch.equal(norm.running_mean, before[1])
    tensors = [torch.from_numpy(a) for a in arrays]
    copied = model.to_torch()
    for found, expected in zip(copied(*tensors), model(tensors, training=False), strict=True):
        torch.testing.assert_close(found, expected)
    assert not copied.training and torch.compile(copied, fullgraph=True, backend="eager")(*tensors)[0].shape == (8, 5)


def test_modules_called_on_tensors_are_torchs_own():
    module = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    seen = []
    module[0].register_forward_hook(lambda *given: seen.append(len(given)))
    assert module(torch.ones(2, 4)).shape == (2, 3) and seen == [3]
    with pytest.raises(TypeError, match="torch.s relu was given a KerasTensor, which is symbolic"):
        torch.relu(layers.Input((4,)))


def test_weights_files_hold_buffers_too(tmp_path):
    one, two = functional(block()), functional(block())
    one(torch.randn(5, 4), training=True)
    one.save_weights(tmp_path / "m.weights.h5")
    two.load_weights(tmp_path / "m.weights.h5")
    x = torch.randn(3, 4)
    torch.testing.assert_close(two(x, training=False), one(x, training=False), rtol=0, atol=0)


def test_configurations_are_pickles_and_refused():
    wrapper = layers.TorchModuleWrapper(block())
    config = wrapper.get_config()
    with pytest.raises(ValueError, match=r"torch\.load.*arbitrary code execution"):
        layers.TorchModuleWrapper.from_config(config)
    again = layers.TorchModuleWrapper.from_config(config, safe_mode=False)
    for mine, theirs in zip(again.get_weights(), wrapper.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_what_is_no_module_is_refused():
    with pytest.raises(ValueError, match=r"'module' must be a torch nn\.Module, not 3"):
        layers.TorchModuleWrapper(3)
