"""Models that are written by one library and read by another; `k` is the library in each. Also the script that has a
library in another process read and write them:

    python compat_tests/saving_models.py LIBRARY FOLDER_TO_READ FOLDER_TO_WRITE
"""

import importlib
import json
import os
import sys

import numpy as np

FORMATS = {"zip": ".keras", "folder": "", "h5": ".h5"}


def classes(k):
    """The user's own classes, for one library."""

    class Scale(k.layers.Layer):
        def __init__(self, factor=2.0, inner=None, **kwargs):
            super().__init__(**kwargs)
            self.factor, self.inner = factor, inner or k.layers.Dense(3)

        def build(self, shape):
            if not self.inner.built:
                self.inner.build(shape)
            self.shift = self.add_weight(shape=(3,), initializer="ones", name="shift")

        def call(self, x):
            return self.inner(x) * self.factor + self.shift

        def get_config(self):
            return {**super().get_config(), "factor": self.factor, "inner": k.saving.serialize_keras_object(self.inner)}

        @classmethod
        def from_config(cls, config):
            return cls(**{**config, "inner": k.saving.deserialize_keras_object(config["inner"])})

    class Own(k.Model):
        def __init__(self, units=3, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.first, self.blocks = k.layers.Dense(units), [k.layers.Dense(4), k.layers.Dense(units)]

        def call(self, x):
            for block in self.blocks:
                x = block(x)
            return self.first(x)

        def get_config(self):
            return {"name": self.name, "units": self.units}

    return {"Scale": Scale, "Own": Own, "doubled": doubled}


def doubled(x):
    return x * 2


def trained(k, model, optimizer, loss="mse", metrics=("mae",)):
    """A model after two updates, so that its optimizer has a state."""
    model.compile(optimizer, loss, metrics=list(metrics))
    x = inputs(model)
    shapes = model.output_shape if isinstance(model.output_shape, list) else [model.output_shape]
    y = [np.full((4, *shape[1:]), 0.25, "float32") for shape in shapes]
    y = y[0] if len(y) == 1 else y
    for _ in range(2):
        model.train_on_batch(x, y)
    return model, y


def dense(k):
    layers = k.layers
    model = k.Sequential([layers.Input((3,)), layers.Dense(4, "relu", kernel_regularizer="l2"), layers.Dense(2)])
    return trained(k, model, k.optimizers.Adam(0.01))[0]


def schedule(k):
    model = k.Sequential([k.layers.Input((3,)), k.layers.Dense(2)])
    rate = k.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    return trained(k, model, k.optimizers.SGD(rate, momentum=0.9), k.losses.Huber(), [k.metrics.MeanSquaredError()])[0]


def convolutions(k):
    layers = k.layers
    stack = [layers.Input((8, 8, 2)), layers.Conv2D(3, 3, activation="relu"), layers.BatchNormalization()]
    stack += [layers.DepthwiseConv2D(2), layers.MaxPooling2D(), layers.Flatten(), layers.Dropout(0.5), layers.Dense(2)]
    return trained(k, k.Sequential(stack), "rmsprop")[0]


def shared(k):
    a, b = k.Input((3,), name="a"), k.Input((3,), name="b")
    layer = k.layers.Dense(4, activation="tanh")
    x, y = layer(a), layer(b)
    return k.Model([a, b], k.layers.Concatenate()([x, y, k.layers.Add()([x, y])]))


def nested(k):
    start = k.Input((3,))
    inner = k.Model(start, k.layers.Dense(3)(start), name="inner")
    tail = k.Sequential([k.layers.Input((3,)), k.layers.Dense(2), k.layers.LayerNormalization()], name="tail")
    x = k.Input((3,))
    return trained(k, k.Model(x, tail(inner(inner(x)))), "adam")[0]


def recurrent(k):
    layers = k.layers
    stack = [layers.Input((5, 2)), layers.LSTM(3, return_sequences=True), layers.Bidirectional(layers.GRU(2))]
    return trained(k, k.Sequential([*stack, layers.Dense(1)]), "adam")[0]


def words(k):
    x = k.Input((5,), dtype="int32", name="words")
    h = k.layers.Embedding(10, 4, mask_zero=True)(x)
    return k.Model(x, k.layers.LSTM(3)(h))


def several_outputs(k):
    x = k.Input((3,), name="x")
    h = k.layers.Dense(4)(x)
    model = k.Model(x, [k.layers.Dense(1, name="one")(h), k.layers.Dense(2, name="two")(h)])
    model, y = trained(k, model, "nadam", {"one": "mse", "two": "mae"}, ())
    return model


def distributed(k):
    layers = k.layers
    stack = [layers.Input((4, 3)), layers.TimeDistributed(layers.Dense(2)), layers.Reshape((8,)), layers.PReLU()]
    return k.Sequential([*stack, layers.Activation("softmax")])


def operators(k):
    x = k.Input((4,), name="x")
    return k.Model(x, k.ops.concatenate([k.layers.Dense(4)(x) * x + 1.0, k.ops.relu(x)[:, 1:3]], axis=-1))


def own_layer(k):
    x = k.Input((3,), name="x")
    return k.Model(x, k.layers.Dense(1, activation=doubled)(classes(k)["Scale"](0.5)(x)))


def own_model(k):
    model = classes(k)["Own"](3, name="mine")
    model(np.zeros((2, 3), "float32"))
    return model


def vocabulary(k):
    x, numbers = k.Input((2,), dtype="int64", name="x"), k.Input((3,), name="numbers")
    scaled = k.layers.Normalization(name="scaled")
    scaled.adapt(np.arange(12, dtype="float32").reshape(4, 3))
    h = k.layers.Embedding(5, 2)(k.layers.IntegerLookup(vocabulary=[2, 5, 7], name="lookup")(x))
    bins = k.layers.Embedding(3, 1)(k.layers.Discretization(bin_boundaries=[0.0, 0.5], name="bins")(numbers))
    return k.Model([x, numbers], k.layers.Dense(2)(k.layers.Concatenate()([k.layers.Flatten()(z) for z in (h, bins, scaled(numbers))])))


MODELS = [dense, schedule, convolutions, shared, nested, recurrent, words, several_outputs, distributed, operators, own_layer,
          own_model, vocabulary]  # fmt: skip
# `.h5` cannot hold a subclassed model; Keras itself does not read calls of ops back from it.
UNFIT = {("h5", "own_model"), ("h5", "operators")} | {("folder", m.__name__) for m in MODELS[1:]}  # one folder is enough
UNFIT |= {("h5", m.__name__) for m in (schedule, shared, distributed)}  # of which other models have all there is to try


def inputs(model):
    rng = np.random.default_rng(0)
    if not hasattr(model, "inputs") or model.name == "mine":
        return rng.normal(size=(4, 3)).astype("float32")
    found = [
        rng.integers(0, 8, (4, *t.shape[1:])) if "int" in str(t.dtype) else rng.normal(size=(4, *t.shape[1:])).astype("float32")
        for t in model.inputs
    ]
    return found if len(found) > 1 else found[0]


def predicted(model):
    out = model.predict(inputs(model), verbose=0)
    return [np.asarray(x) for x in (out if isinstance(out, list | tuple) else [out])]


def continued(model):
    """The losses of two more updates."""
    if getattr(model, "optimizer", None) is None or not model.weights or "Dropout" in {type(x).__name__ for x in model.layers}:
        return []
    out = predicted(model)
    y = [np.full(x.shape, 0.25, "float32") for x in out]
    losses = [model.train_on_batch(inputs(model), y if len(y) > 1 else y[0]) for _ in range(2)]
    return [float(np.ravel(x)[0]) for x in losses]


def results(model):
    return {"out": [x.tolist() for x in predicted(model)], "losses": continued(model)}


def path_of(folder, form, build):
    return os.path.join(folder, f"{build.__name__}{FORMATS[form]}")


def pairs():
    return [(form, build) for form in FORMATS for build in MODELS if (form, build.__name__) not in UNFIT]


def write(k, folder):
    """Writes all models in all formats, and what they give afterwards."""
    os.makedirs(folder, exist_ok=True)
    found = {}
    for build in MODELS:
        k.utils.clear_session()
        k.utils.set_random_seed(1)
        model = build(k)
        for form in FORMATS:
            if (form, build.__name__) not in UNFIT:
                model.save(path_of(folder, form, build), **({"zipped": False} if form == "folder" else {}))
        found[build.__name__] = results(model)
    with open(os.path.join(folder, "results.json"), "w") as file:
        json.dump(found, file)
    return found


def read(k, folder):
    """What the models of a folder give, or the error in words."""
    found = {}
    for form, build in pairs():
        try:
            model = k.saving.load_model(path_of(folder, form, build), classes(k), compile=form != "h5")
            found[f"{form}/{build.__name__}"] = results(model)
        except Exception as error:  # noqa: BLE001  it is compared, and shown where it differs
            found[f"{form}/{build.__name__}"] = f"{type(error).__name__}: {error}"
    return found


if __name__ == "__main__":
    library, source, target = sys.argv[1:]
    k = importlib.import_module(library)
    write(k, target)
    with open(os.path.join(target, "read.json"), "w") as out:
        json.dump(read(k, source), out)
