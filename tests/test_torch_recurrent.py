"""The recurrent modules of the torch backend: against torch's cells step by step, compiled, as state dicts."""

import itertools

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from kerastorch.backends.torch.layers import recurrent_modules as modules  # noqa: E402

BATCH, TIME, FEATURES, UNITS = 4, 6, 3, 2
MASK = torch.tensor(
    [[0, 1, 1, 0, 1, 0], [1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1]]
).bool()  # hole, full, none, left
CELLS = {
    "LSTM": torch.lstm_cell,
    "GRU": torch.gru_cell,
    "RNN_TANH": torch.rnn_tanh_cell,
    "RNN_RELU": torch.rnn_relu_cell,
}
KINDS = {
    "lstm": (modules.LSTM, {"one_bias": True}),
    "gru": (modules.GRU, {}),
    "tanh": (modules.RNN, {}),
    "relu": (modules.RNN, {"nonlinearity": "relu"}),
}
TORCHS_OWN = {
    "lstm": (nn.LSTM, {}),
    "gru": (nn.GRU, {}),
    "tanh": (nn.RNN, {}),
    "relu": (nn.RNN, {"nonlinearity": "relu"}),
}


def make(kind, **options):
    torch.manual_seed(0)
    cls, more = KINDS[kind]
    module = cls(FEATURES, UNITS, **more, **options)
    for p in module.parameters():
        if p.requires_grad:
            nn.init.normal_(p)
    return module


def one_way(module, x, mask, state, suffix, backwards):
    """What Keras says of masked steps, one step after the other."""
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")[: 4 if module.bias else 2]
    weights = [getattr(module, name + suffix) for name in names]
    output, outputs = torch.zeros_like(state[0]), []
    for t in reversed(range(TIME)) if backwards else range(TIME):
        new = CELLS[module.mode](x[:, t], list(state) if len(state) > 1 else state[0], *weights)
        new = list(new) if isinstance(new, tuple) else [new]
        counts = mask[:, t : t + 1]
        output = torch.where(counts, new[0], torch.zeros_like(output) if module.zero_output_for_mask else output)
        state = [torch.where(counts, n, s) for n, s in zip(new, state, strict=True)]
        outputs.append(output)
    return torch.stack(outputs, 1) if module.return_sequences else output, state


def by_steps(module, x, mask, state):
    mask = torch.ones(BATCH, TIME, dtype=torch.bool) if mask is None else mask
    if not module.bidirectional:
        output, state = one_way(module, x, mask, state, "_l0", module.go_backwards)
        return (output, *state)
    half = module.states
    there, first = one_way(module, x, mask, state[:half], "_l0", False)
    back, second = one_way(module, x, mask, state[half:], "_l0_reverse", True)
    back = back.flip(1) if module.return_sequences else back
    merge = modules.MERGES.get(module.merge_mode, lambda *both: both)
    merged = merge(there, back)
    return (*(merged if isinstance(merged, tuple) else (merged,)), *first, *second)


def gradients(outputs, inputs):
    torch.manual_seed(1)
    total = sum((o * torch.randn(o.shape)).sum() for o in outputs)
    found = torch.autograd.grad(total, inputs, allow_unused=True)
    return [torch.zeros_like(i) if g is None else g for i, g in zip(inputs, found, strict=True)]


def flat(output):
    return output if isinstance(output, tuple) else (output,)


OPTIONS = [
    dict(
        zip(("bidirectional", "return_sequences", "go_backwards", "zero_output_for_mask", "bias"), values, strict=True)
    )
    for values in itertools.product((False, True), repeat=5)
    if not (values[0] and values[2])
]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_option_step_by_step(kind, masked):
    for options in OPTIONS:
        module = make(kind, return_state=True, **options)
        x = torch.randn(BATCH, TIME, FEATURES, requires_grad=True)
        state = [
            torch.randn(BATCH, UNITS, requires_grad=True) for _ in range(module.states * (1 + options["bidirectional"]))
        ]
        mask = MASK if masked else None
        got, want = module(x, state, mask), by_steps(module, x, mask, state)
        inputs = [x, *state, *(p for p in module.parameters() if p.requires_grad)]
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5, msg=lambda m, o=options: f"{o}: {m}")
        for g, w in zip(gradients(got, inputs), gradients(want, inputs), strict=True):
            torch.testing.assert_close(g, w, rtol=1e-4, atol=1e-5, msg=lambda m, o=options: f"{o}: {m}")


@pytest.mark.parametrize("merge_mode", [*modules.MERGES, None])
@pytest.mark.parametrize("masked", [False, True])
def test_merge_modes(merge_mode, masked):
    module = make("gru", bidirectional=True, merge_mode=merge_mode, return_sequences=True, zero_output_for_mask=True)
    x = torch.randn(BATCH, TIME, FEATURES)
    start = [torch.zeros(BATCH, UNITS)] * 2
    got, want = module(x, None, MASK if masked else None), by_steps(module, x, MASK if masked else None, start)
    torch.testing.assert_close(flat(got), want[:-2])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_state_dict_is_torchs_own(kind, bidirectional, bias):
    module = make(kind, bidirectional=bidirectional, bias=bias, return_sequences=True)
    cls, more = TORCHS_OWN[kind]
    own = cls(FEATURES, UNITS, bias=bias, bidirectional=bidirectional, batch_first=True, **more)
    own.load_state_dict(module.state_dict())
    x = torch.randn(BATCH, TIME, FEATURES)
    torch.testing.assert_close(module(x), own(x)[0])


PLAIN, FULL, DROPPED = (False, False, 0.0), (True, True, 0.0), (True, False, 0.5)  # masked, bidirectional, dropout


@pytest.mark.parametrize(
    ("kind", "case"), [("lstm", PLAIN), ("lstm", FULL), ("lstm", DROPPED), ("gru", FULL), ("tanh", FULL)]
)
def test_no_graph_break_and_right_gradients_compiled(kind, case):
    check_compiled("aot_eager", kind, case)


@pytest.mark.slow
@pytest.mark.parametrize("case", [PLAIN, FULL])
def test_inductor(case):
    check_compiled("inductor", "lstm", case)


def check_compiled(backend, kind, case):
    masked, bidirectional, dropout = case
    options = {"bidirectional": bidirectional, "dropout": dropout, "return_sequences": True, "return_state": True}
    for training in (True, False):
        torch._dynamo.reset()
        module = make(kind, **options).train(training)
        compiled = torch.compile(module, fullgraph=True, backend=backend)
        x = torch.randn(BATCH, TIME, FEATURES, requires_grad=True)
        mask = MASK if masked else None
        got = compiled(x, None, mask)
        inputs = [x, *(p for p in module.parameters() if p.requires_grad)]
        found = gradients(got, inputs)
        if training and dropout:  # other masks are drawn than without compiling
            assert all(torch.isfinite(g).all() for g in found)
            continue
        want = module(x, None, mask)
        torch.testing.assert_close(got, want)
        for g, w in zip(found, gradients(want, inputs), strict=True):
            torch.testing.assert_close(g, w, rtol=1e-4, atol=1e-5)


def test_compiled_for_any_batch():
    torch._dynamo.reset()
    module = make("lstm", return_sequences=True)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    for batch in (2, 3, 5, 8):
        x = torch.randn(batch, TIME, FEATURES)
        torch.testing.assert_close(compiled(x), module(x))


def test_exported_program_needs_nothing_of_ours():
    module = make("lstm", return_sequences=True, return_state=True).eval()
    x = torch.randn(BATCH, TIME, FEATURES)
    program = torch.export.export(module, (x, None, MASK))
    assert "kerastorch" not in str(program.graph)
    torch.testing.assert_close(program.module()(x, None, MASK), module(x, None, MASK))


def test_dropout_drops_a_feature_from_all_steps_alike():
    module = make("tanh", dropout=0.5).train()
    kept = module.dropped(torch.ones(200, TIME, FEATURES))
    assert set(kept.unique().tolist()) == {0.0, 2.0}
    assert (kept == kept[:, :1]).all()
    assert 0.3 < (kept[:, 0] == 0).float().mean() < 0.7
    assert torch.equal(module.eval().dropped(kept), kept)


def test_states_carry_over_from_batch_to_batch():
    stateful, plain = make("lstm", stateful=BATCH, return_state=True), make("lstm", return_state=True)
    x, y = torch.randn(2, BATCH, TIME, FEATURES)
    stateful(x)
    got, want = stateful(y), plain(y, plain(x)[1:])
    torch.testing.assert_close(got, want)
    assert "state_0" not in stateful.state_dict()
    got[0].sum().backward()  # the kept states do not lead back into the batch before
    with pytest.raises(ValueError, match="4 sequences, but was given a batch size of 2"):
        stateful(x[:2])


def test_number_of_initial_states_is_checked():
    with pytest.raises(ValueError, match="2 tensors, but has 1"):
        make("lstm")(torch.zeros(BATCH, TIME, FEATURES), torch.zeros(BATCH, UNITS))


def test_16_bits_hold_the_carry_exactly():
    module = make("lstm", return_state=True).to(torch.bfloat16)
    x = torch.randn(BATCH, TIME, FEATURES, dtype=torch.bfloat16)
    counts = torch.arange(TIME).expand(BATCH, TIME) < 3
    assert torch.equal(module(x, None, counts)[2], module(x[:, :3])[2])
