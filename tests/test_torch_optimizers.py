"""Fused updates on torch: the same as the formulas over ops, whatever the parameters' layout."""

import numpy as np
import pytest
import torch
from torch import nn

from compat_tests.cases.optimizers import CASES
from kerastorch import backend_registry, ops, optimizers
from kerastorch.backends.torch.native import ParameterHome, Weight, permuted
from kerastorch.backends.torch.optimizers import FUSED, FusedUpdates, kernel_of, updater
from kerastorch.optimizers.updates import Updates
from kerastorch.variable import Variable

BACKEND = backend_registry.get("torch")


@pytest.fixture(autouse=True)
def active():
    with backend_registry.using(BACKEND):
        yield


def halves(x):
    """A weight of Keras's as two parameters."""
    return [x[: len(x) // 2], x[len(x) // 2 :]]


def joined(parts):
    return torch.cat(list(parts)) if isinstance(parts[0], torch.Tensor) else np.concatenate(parts)


LAYOUTS = {  # shape in Keras, shapes of the parameters, translations
    "kernel": ((5, 3), [(3, 5)], *permuted(1, 0)),
    "filters": ((2, 3, 4, 6), [(6, 4, 2, 3)], *permuted(3, 2, 0, 1)),
    "bias": ((6,), [(3,), (3,)], halves, joined),
    "gain": ((4,), [(4,)], lambda x: [x], lambda parts: parts[0]),
}


def weights():
    """Variables at home in parameters of other layouts; the convolution's in channels-last memory."""
    rng = np.random.default_rng(0)
    module, found = nn.Module(), []
    for name, (shape, parts, to_native, from_native) in LAYOUTS.items():
        v = Variable(rng.normal(size=shape).astype("float32"), name=name)
        names = [f"{name}_{i}" for i in range(len(parts))]
        for n, part in zip(names, to_native(torch.tensor(v.numpy())), strict=True):
            kept = part.contiguous(memory_format=torch.channels_last) if part.ndim == 4 else part.contiguous()
            module.register_parameter(n, nn.Parameter(kept.clone()))
        v.move(ParameterHome(BACKEND, module, Weight(v, names, to_native, from_native)))
        found.append(v)
    return found


def plain_weights():
    """The same values at home in Keras's layout."""
    return [Variable(v.numpy(), name=v.name) for v in weights()]


def gradients(case, step):
    rng = np.random.default_rng([3, step])
    return [(case.scale * (rng.normal(size=shape) + 0.3)).astype("float32") for shape, *_ in LAYOUTS.values()]


def leave(variables, grads):
    """Puts gradients where backward() would."""
    for v, g in zip(variables, grads, strict=True):
        if g is None:
            for p in v.home.parameters:
                p.grad = None
            continue
        for p, part in zip(v.home.parameters, v.home.to_native(torch.tensor(g)), strict=True):
            p.grad = torch.empty_like(p).copy_(part)


@pytest.mark.parametrize("case", CASES, ids=[c.id for c in CASES])
def test_fused_is_the_formula_in_any_layout(case, monkeypatch):
    fused, generic = case.make(optimizers), case.make(optimizers)
    native, plain = weights(), plain_weights()
    fused.build(native)
    generic.build(plain)
    step_fused = updater(BACKEND, fused, native)
    for step in range(20):
        leave(native, gradients(case, step))
        step_fused()
    monkeypatch.setattr(type(BACKEND), "updates", lambda self, optimizer, variables: Updates(optimizer, variables))
    for step in range(20):
        generic.apply([torch.tensor(g) for g in gradients(case, step)], plain)
    for a, b in zip(native, plain, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=2e-6, err_msg=a.name)
    for a, b in zip(fused.variables, generic.variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=case.scale * 1e-5, err_msg=a.name)


def test_which_optimizers_are_fused():
    class Own(optimizers.Adam):
        def update_step(self, gradient, variable, learning_rate):
            self.assign_sub(variable, ops.multiply(gradient, 0.5))

    class Renamed(optimizers.Adam):
        pass

    assert kernel_of(optimizers.AdamW()) is kernel_of(Renamed()) is FUSED[optimizers.Adam]
    assert kernel_of(Own()) is None and kernel_of(optimizers.Adafactor()) is None


def test_matrices_in_several_parts_are_not_made_orthogonal_part_by_part():
    module, whole = nn.Module(), Variable(np.ones((4, 3), "float32"), name="kernel")
    for n, part in zip("ab", halves(torch.ones(4, 3)), strict=True):
        module.register_parameter(n, nn.Parameter(part.clone()))
    whole.move(ParameterHome(BACKEND, module, Weight(whole, ["a", "b"], halves, joined)))
    assert kernel_of(optimizers.Muon(), weights()) is FUSED[optimizers.Muon]
    assert kernel_of(optimizers.Muon(), [whole]) is None


def test_own_formula_runs_over_ops():
    class Halving(optimizers.Optimizer):
        def __init__(self, learning_rate=0.1, **kwargs):
            super().__init__(learning_rate=learning_rate, **kwargs)

        def build(self, variables):
            if self.built:
                return
            super().build(variables)
            self.sums = [self.add_variable_from_reference(v, "sum") for v in variables]

        def update_step(self, gradient, variable, learning_rate):
            total = self.sums[self._get_variable_index(variable)]
            self.assign_add(total, gradient)
            self.assign_sub(variable, total * ops.cast(learning_rate, variable.dtype))

    native = weights()
    before = [v.numpy() for v in native]
    made = Halving()
    update = updater(BACKEND, made, native)
    grads = gradients(CASES[0], 0)
    for _ in range(2):
        leave(native, grads)
        update()
    for v, b, g, total in zip(native, before, grads, made.sums, strict=True):
        np.testing.assert_allclose(total.numpy(), 2 * g, rtol=1e-6)
        np.testing.assert_allclose(v.numpy(), b - 0.1 * 3 * g, atol=1e-6)


def test_slots_are_read_in_keras_layout_and_lie_as_the_parameters():
    native = weights()
    made = optimizers.SGD(momentum=0.9, learning_rate=0.1)
    update = updater(BACKEND, made, native)
    grads = gradients(CASES[0], 0)
    leave(native, grads)
    update()
    for v, g in zip(native, grads, strict=True):
        slot = made.slot("momentum", v)
        np.testing.assert_allclose(slot.numpy(), -0.1 * g, rtol=1e-6)
        assert [p.stride() for p in slot.home.parameters] == [p.stride() for p in v.home.parameters]


def test_weights_without_gradient_stay():
    native = weights()
    before = [v.numpy() for v in native]
    made = optimizers.Adam()
    update = updater(BACKEND, made, native)
    grads = gradients(CASES[0], 0)
    leave(native, [None, *grads[1:]])
    with pytest.warns(UserWarning, match="kernel"):
        update()
    assert np.array_equal(native[0].numpy(), before[0]) and not np.array_equal(native[1].numpy(), before[1])
    assert int(made.iterations.numpy()) == 1
    leave(native, [None] * 4)
    with pytest.raises(ValueError, match="No gradients provided"):
        update()


def test_gradients_in_other_memory_layouts():
    native, again = weights(), weights()
    made, other = optimizers.Adam(), optimizers.Adam()
    grads = gradients(CASES[0], 0)
    made.apply([torch.tensor(g) for g in grads], native)
    strange = [
        torch.tensor(np.asfortranarray(g))
        if g.ndim < 3
        else torch.tensor(g).permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)
        for g in grads
    ]
    other.apply(strange, again)
    for a, b in zip(native, again, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_parameters_laid_out_anew():
    native, untouched = weights(), weights()
    made, other = optimizers.Adam(), optimizers.Adam()
    updates = [(updater(BACKEND, made, native), native), (updater(BACKEND, other, untouched), untouched)]
    for step in range(4):
        if step == 2:
            p = native[1].home.parameters[0]
            p.data = p.data.contiguous()
        for update, variables in updates:
            leave(variables, gradients(CASES[0], step))
            update()
    for a, b in zip(native, untouched, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-7)


def test_weights_on_the_host_are_taken_along():
    host = [Variable(v.numpy(), name=v.name) for v in weights()]
    made = optimizers.Adam()
    made.build(host)
    assert all(v.backend is None for v in made.variables)
    made.apply([torch.tensor(g) for g in gradients(CASES[0], 0)], host)
    assert all(v.backend is BACKEND for v in host) and made.slot("momentum", host[0]).backend is BACKEND
    assert made.iterations.backend is None and made.learning_rate.backend is None


def test_torch_optimizers_step_themselves():
    native = weights()
    theirs = torch.optim.SGD([p for v in native for p in v.home.parameters], lr=0.5)
    before, grads = [v.numpy() for v in native], gradients(CASES[0], 0)
    leave(native, grads)
    updater(BACKEND, theirs, native)()
    for v, b, g in zip(native, before, grads, strict=True):
        np.testing.assert_allclose(v.numpy(), b - 0.5 * g, rtol=1e-5, atol=1e-6)


def test_lists_are_gathered_once(monkeypatch):
    made = []
    monkeypatch.setattr(
        FusedUpdates, "__init__", lambda self, *a, _init=FusedUpdates.__init__: (made.append(1), _init(self, *a))[1]
    )
    native = weights()
    optimizer = optimizers.Adam()
    update = updater(BACKEND, optimizer, native)
    for step in range(5):
        leave(native, gradients(CASES[0], step))
        update()
    assert len(made) == 1
