"""Who imports what: frameworks stay in their folders, and nothing heavy is imported before it is needed."""

import ast
import pathlib

import pytest
from processes import ROOT, run

PACKAGE = ROOT / "kerastorch"
FRAMEWORKS = {"jax", "keras", "onnxruntime", "tensorflow", "tf_keras", "torch"}
FILES = sorted(path.relative_to(ROOT) for path in PACKAGE.rglob("*.py"))


def backend_of(path: pathlib.Path) -> str | None:
    """The folder below backends/ that a file lies in."""
    parts = path.parts
    return parts[2] if len(parts) > 3 and parts[1] == "backends" else None


def imported(tree: ast.AST):
    """All modules that code imports, anywhere in it: line and name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.lineno, node.module or ""
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                yield node.lineno, node.args[0].value


@pytest.mark.parametrize("path", FILES, ids=str)
def test_frameworks_are_imported_in_their_folders_only(path):
    tree = ast.parse((ROOT / path).read_text())
    wrong = []
    for line, name in imported(tree):
        top = name.partition(".")[0]
        if top in FRAMEWORKS and top != backend_of(path):
            wrong.append(f"{path}:{line} imports {name}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", [p for p in FILES if backend_of(p) is None], ids=str)
def test_no_branch_on_the_name_of_a_backend(path):
    wrong = []
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Compare):
            values = [side.value for side in (node.left, *node.comparators) if isinstance(side, ast.Constant)]
            wrong += [f"{path}:{node.lineno} compares with {value!r}" for value in values if value in FRAMEWORKS]
    assert not wrong, "\n".join(wrong)


def test_importing_the_package_imports_nothing_heavy():
    heavy = {"numpy", "torch", "tensorflow", "h5py", "keras"}
    out = run(f"import sys, kerastorch; print(sorted({heavy} & set(sys.modules)))")
    assert out == "[]\n"


def test_recording_and_summaries_import_no_framework():
    out = run(
        """
        import sys
        import kerastorch as keras
        from kerastorch import layers

        model = keras.Sequential([
            layers.Dense(32, activation="relu", input_shape=(784,)),
            layers.Dense(10, activation="softmax"),
        ])
        inputs = keras.Input((28, 28, 1))
        x = layers.Conv2D(4, 3, activation="relu")(inputs)
        x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D()(x)
        outputs = layers.Dense(10)(layers.Flatten()(x))
        functional = keras.Model(inputs, keras.ops.softmax(outputs + 1.0))
        tokens = keras.Input((None,), dtype="int32")
        recurrent = keras.Model(tokens, layers.LSTM(4)(layers.Embedding(10, 3, mask_zero=True)(tokens)))
        for m in (model, functional, recurrent):
            m.summary(print_fn=lambda line, **kwargs: None)
        print(model.count_params(), functional.output_shape, recurrent.output_shape)
        print(sorted({"torch", "tensorflow", "keras", "h5py"} & set(sys.modules)))
        """
    ).splitlines()
    assert out == ["25450 (None, 10) (None, 4)", "[]"]


def test_an_old_spelling_is_not_looked_for_by_a_program_of_today():
    out = run(
        """
        import sys
        import kerastorch as keras
        keras.layers.Dense(3, name="d")
        keras.optimizers.Adam(learning_rate=0.1)
        print(sorted(name for name in sys.modules if name.startswith("kerastorch.legacy.")))
        """
    )
    assert not {"kerastorch.legacy.arguments", "kerastorch.legacy.modules"} & set(ast.literal_eval(out))
