"""Distillation against the reference: losses, a step of training, configurations."""

import keras
import numpy as np
import pytest

import kerastorch

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(8, 4)).astype("float32")
Y = np.arange(8) % 3
TARGET, OUTPUT = (RANDOM.uniform(0.1, 1, size=(5, 3)).astype("float32") for _ in range(2))
WEIGHTS = [RANDOM.normal(size=s).astype("float32") for s in ((4, 5), (5,), (5, 3), (3,))]

LOSSES = [
    ("LogitsDistillation", {}),
    ("LogitsDistillation", {"temperature": 2.0, "loss": "categorical_crossentropy"}),
    ("FeatureDistillation", {}),
    ("FeatureDistillation", {"loss": "cosine_similarity"}),
]


@pytest.mark.parametrize("name, options", LOSSES)
def test_losses_are_those_of_the_reference(name, options, backend):
    expected, found = (
        getattr(package.distillation, name)(**options).compute_loss(convert(TARGET), convert(OUTPUT))
        for package, convert in ((keras, keras.ops.convert_to_tensor), (kerastorch, backend.convert))
    )
    np.testing.assert_allclose(backend.numpy(found), keras.ops.convert_to_numpy(expected), rtol=1e-5)


def distiller(package):
    """One with a loss of each kind, whose models start alike in both packages."""

    def model(name, scale):
        x = inputs = package.Input((4,))
        x = package.layers.Dense(5, activation="relu", name="hidden")(x)
        made = package.Model(inputs, package.layers.Dense(3, name="logits")(x), name=name)
        made.set_weights([w * scale for w in WEIGHTS])
        return made

    d = package.distillation
    found = d.Distiller(
        model("teacher", 1.0), model("student", 0.5), [d.LogitsDistillation(loss="mse"), d.FeatureDistillation("mae", "hidden", "hidden")],
        distillation_loss_weights=[2.0, 0.5], student_loss_weight=0.3,
    )  # fmt: skip
    found.compile(package.optimizers.SGD(0.1), package.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return found


def test_training_is_that_of_the_reference(backend):
    kerastorch.config.set_backend(backend.name)
    theirs, mine = distiller(keras), distiller(kerastorch)
    for made in (theirs, mine):
        made.history_ = made.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0).history
    assert sorted(mine.history_) == sorted(theirs.history_)
    for name, values in theirs.history_.items():
        np.testing.assert_allclose(mine.history_[name], values, rtol=1e-4, err_msg=name)
    for a, b in zip(mine.student.get_weights(), theirs.student.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    for a, b in zip(mine.teacher.get_weights(), WEIGHTS, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(mine.predict(X, verbose=0), theirs.predict(X, verbose=0), rtol=1e-4, atol=1e-5)


def test_a_distiller_is_saved_with_both_models(tmp_path):
    made = distiller(kerastorch)
    made.build((None, 4))
    made.save(tmp_path / "distiller.keras")
    read = kerastorch.saving.load_model(tmp_path / "distiller.keras")
    assert [type(x).__name__ for x in read.distillation_losses] == ["LogitsDistillation", "FeatureDistillation"]
    assert (read.distillation_loss_weights, read.student_loss_weight) == ([2.0, 0.5], 0.3)
    np.testing.assert_allclose(read.predict(X, verbose=0), made.predict(X, verbose=0), rtol=1e-6)


@pytest.mark.parametrize("make, message", [
    (lambda d: d.LogitsDistillation(0), "temperature must be positive"),
    (lambda d: d.LogitsDistillation(loss=[None]), "at least one non-`None`"),
    (lambda d: d.Distiller(3, 4, d.LogitsDistillation()), "Teacher must be a model"),
    (lambda d: d.Distiller(kerastorch.Sequential(), kerastorch.Sequential(), [], [1.0]), "must match number"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make(kerastorch.distillation)
