"""What the scripts beside this one share: a model's files, and what that version of Keras computes with it."""

import json
import os

import numpy as np

RNG = np.random.RandomState(0)


def drawn(*shape):
    """Random numbers; the same ones in each run."""
    return RNG.normal(size=shape).astype("float32")


def as_list(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def settle(model):
    """Gives each weight a value that is not the initial one, and to statistics, which are vectors, one that is possible."""
    moved = [(w + 0.2 * drawn(*w.shape)).astype(w.dtype) if w.ndim else w for w in model.get_weights()]
    model.set_weights([np.abs(w) + 0.1 if w.ndim == 1 else w for w in moved])


def target(shape):
    y = np.abs(drawn(*shape)) + 0.1
    return (y / y.sum(axis=-1, keepdims=True)).astype("float32")


def store(model, path, inputs, endings=(".h5",), trains=True):
    """Trains a compiled model a little, writes its files, and beside them an `.npz` with inputs and predictions.

    Where it `trains`, the losses of three further updates on given targets are kept too.
    """
    settle(model)
    outputs = as_list(model.predict(inputs))
    known = {}
    if trains:
        targets = [target(y.shape) for y in outputs]
        y = targets if len(targets) > 1 else targets[0]
        for _ in range(2):
            model.train_on_batch(inputs, y)
        known = {"t%d" % i: t for i, t in enumerate(targets)}
    for ending in endings:
        if ending == ".json":
            with open(path + ending, "w") as file:
                file.write(json.dumps(json.loads(model.to_json()), indent=1))
        elif ending in (".weights.h5", ""):
            model.save_weights(path + ending)
        elif ending == "_saved":
            model.save(path + ending, save_format="tf")
        else:
            model.save(path + ending)
    known.update(("x%d" % i, x) for i, x in enumerate(as_list(inputs)))
    known.update(("y%d" % i, x) for i, x in enumerate(as_list(model.predict(inputs))))
    if trains:
        known["losses"] = [float(np.ravel(model.train_on_batch(inputs, y))[0]) for _ in range(3)]
    np.savez_compressed(path + ".npz", **known)


def folder_of(arguments):
    """The folder that was asked for on the command line."""
    folder = arguments[1]
    if not os.path.isdir(folder):
        os.makedirs(folder)
    return folder
