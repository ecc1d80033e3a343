"""What the models of `keras.applications` are like, in short, from reference Keras or from kerastorch.

    KERAS_BACKEND=tensorflow python -m compat_tests.applications

asks the reference, which takes some minutes, and writes `applications.json` beside this file. TensorFlow, since on torch the
reference has not all of them. Where a digest differs, `described` says of both models what went into it.
"""

import contextlib
import hashlib
import json
import pathlib
import sys
import warnings
from typing import Any, NamedTuple
from unittest import mock

FACTS = pathlib.Path(__file__).with_name("applications.json")
VARIANTS = (
    "ConvNeXtBase ConvNeXtLarge ConvNeXtSmall ConvNeXtTiny ConvNeXtXLarge DenseNet121 DenseNet169 DenseNet201 EfficientNetB0 "
    "EfficientNetB1 EfficientNetB2 EfficientNetB3 EfficientNetB4 EfficientNetB5 EfficientNetB6 EfficientNetB7 EfficientNetV2B0 "
    "EfficientNetV2B1 EfficientNetV2B2 EfficientNetV2B3 EfficientNetV2L EfficientNetV2M EfficientNetV2S InceptionResNetV2 "
    "InceptionV3 MobileNet MobileNetV2 MobileNetV3Large MobileNetV3Small NASNetLarge NASNetMobile ResNet101 ResNet101V2 ResNet152 "
    "ResNet152V2 ResNet50 ResNet50V2 VGG16 VGG19 Xception"
).split()
FIRST = "channels_first"


class Case(NamedTuple):
    """A model: the name of its function, the arguments, and the layout that the configuration asks for."""

    variant: str
    options: dict[str, Any]
    data_format: str = "channels_last"

    @property
    def id(self) -> str:
        more = [f"{k}={v}" for k, v in self.options.items()] + [FIRST] * (self.data_format == FIRST)
        return " ".join([self.variant, *more])


FOREIGN = {"weights": None, "include_top": False}
CASES = [
    *(Case(v, {}) for v in VARIANTS),
    *(Case(v, {"include_top": False}) for v in VARIANTS),
    *(Case(v, FOREIGN | {"pooling": "avg", "input_shape": (97, 130, 1)}) for v in
      ("ConvNeXtTiny", "EfficientNetB0", "EfficientNetV2B0", "MobileNetV2", "NASNetMobile", "ResNet50", "VGG16")),
    *(Case(v, FOREIGN | {"pooling": "max", "input_shape": (3, 97, 96)}, FIRST) for v in
      ("VGG16", "ResNet50", "ResNet50V2", "InceptionV3", "Xception", "MobileNet", "MobileNetV2", "MobileNetV3Small",
       "EfficientNetB0", "EfficientNetV2B0", "EfficientNetV2S", "InceptionResNetV2")),
    Case("MobileNet", {"alpha": 0.25, "input_shape": (128, 128, 3)}),
    Case("MobileNet", {"alpha": 0.6, "depth_multiplier": 2, "dropout": 0.3, "classes": 5, "weights": None}),
    Case("MobileNetV2", {"alpha": 1.4, "input_shape": (96, 96, 3), "include_top": False}),
    Case("MobileNetV2", {"alpha": 0.35, "classes": 7, "weights": None, "name": "mine", "classifier_activation": None}),
    Case("MobileNetV3Small", {"alpha": 0.75}),
    Case("MobileNetV3Large", {"minimalistic": True, "include_top": False}),
    Case("MobileNetV3Large", {"alpha": 1.5, "weights": None, "dropout_rate": 0.0, "include_preprocessing": False}),
    Case("EfficientNetV2B1", {"include_preprocessing": False, "weights": None}),
    Case("EfficientNetV2S", {"include_preprocessing": False, "weights": None, "classes": 3}),
    Case("ConvNeXtTiny", {"include_preprocessing": False, "weights": None, "name": "mine", "classes": 9}),
    Case("VGG16", {"weights": None, "input_shape": (64, 48, 3), "classes": 4, "classifier_activation": "sigmoid"}),
]  # fmt: skip


@contextlib.contextmanager
def nothing_loaded(k, name):
    """Inside, a Keras of that name takes weights for loaded; gives the list of what it asked `get_file` for."""
    asked: list[list[Any]] = []

    def get_file(fname, origin, cache_subdir, file_hash=None):
        assert cache_subdir == "models"
        asked.append([fname, origin, file_hash])
        return fname

    with contextlib.ExitStack() as stack:
        real = k.utils.get_file
        k.applications.VGG16  # noqa: B018  kerastorch imports the modules that are looked at now
        for module in list(sys.modules.values()):
            if getattr(module, "__name__", "").startswith(name) and vars(module).get("get_file") is real:
                stack.enter_context(mock.patch.object(module, "get_file", get_file))
        stack.enter_context(mock.patch.object(k.Model, "load_weights", lambda self, path: None))
        yield asked


def plain(config):
    """A configuration without what says only where a class lives."""
    if isinstance(config, dict):
        left_out = ("module", "registered_name", "build_config", "shared_object_id")
        return {key: plain(value) for key, value in config.items() if key not in left_out}
    return [plain(value) for value in config] if isinstance(config, list | tuple) else config


def connections(layer):
    """A layer's calls, without arguments that are None or `training`, which the reference writes for some layers."""
    nodes = plain(layer["inbound_nodes"])
    for node in nodes:
        node["kwargs"] = {key: value for key, value in node["kwargs"].items() if value is not None and key != "training"}
    return nodes


def recorded(k, case):
    """The model of a case, and the files that its weights would come from."""
    before = k.config.image_data_format()
    k.utils.clear_session()
    k.config.set_image_data_format(case.data_format)
    try:
        with nothing_loaded(k, k.__name__) as asked, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(k.applications, case.variant)(**case.options), asked
    finally:
        k.config.set_image_data_format(before)


def described(model):
    """What there is to compare of a model, by kind."""
    config = json.loads(json.dumps(model.get_config()))
    return {
        "layers": [layer.name for layer in model.layers],
        "configurations": [[layer["class_name"], layer["name"], plain(layer["config"])] for layer in config["layers"]],
        "connections": [[layer["name"], connections(layer)] for layer in config["layers"]],
        "ends": [config["input_layers"], config["output_layers"]],
        "weights": [[v.path, list(v.shape), v.trainable] for v in model.weights],
    }


def facts(k, case):
    """A model in a line: its name, its parameters, its file of weights, and digests of all else."""
    model, asked = recorded(k, case)
    texts = {kind: json.dumps(found, sort_keys=True).encode() for kind, found in described(model).items()}
    digests = {kind: hashlib.sha256(text).hexdigest()[:12] for kind, text in texts.items()}
    return {"name": model.name, "parameters": model.count_params(), "files": asked, **digests}


def main():
    import keras

    lines = (f"{json.dumps(case.id)}: {json.dumps(facts(keras, case))}" for case in CASES)
    FACTS.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
