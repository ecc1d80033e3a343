"""Files of Keras 1: KERAS_BACKEND=theano python make_keras_1.py FOLDER"""

import os
import sys

import numpy as np
from keras import backend, layers
from keras.layers import convolutional as conv
from keras.models import Model, Sequential
from keras.optimizers import SGD, Adam, RMSprop
from storing import RNG, drawn, folder_of, store


def convolutions(order):
    first = order == "th"
    shape = (2, 6, 5) if first else (6, 5, 2)
    own = {"dim_ordering": order}
    model = Sequential()
    model.add(conv.Convolution2D(3, 3, 3, border_mode="same", subsample=(1, 1), activation="relu", input_shape=shape, **own))
    model.add(layers.BatchNormalization(axis=1 if first else -1, epsilon=1e-3))
    model.add(conv.ZeroPadding2D((1, 1), **own))
    model.add(conv.Convolution2D(2, 2, 2, border_mode="valid", subsample=(2, 2), bias=False, W_regularizer="l2", **own))
    model.add(conv.UpSampling2D((2, 1), **own))
    model.add(layers.AveragePooling2D((2, 2), strides=(1, 1), border_mode="valid", **own))
    model.add(layers.Flatten())
    model.add(layers.Dense(3, init="he_normal", activation="sigmoid", W_constraint="maxnorm"))
    model.add(layers.Dropout(0.0))
    model.add(layers.Dense(3, activation="softmax"))
    model.compile(SGD(lr=0.05, momentum=0.9, nesterov=True), "categorical_crossentropy", metrics=["accuracy"])
    return model, drawn(4, *shape)


def dilated():
    model = Sequential()
    own = {"dim_ordering": "tf"}
    model.add(conv.AtrousConvolution2D(3, 2, 2, atrous_rate=(2, 2), border_mode="valid", input_shape=(6, 5, 2), **own))
    model.add(conv.Deconvolution2D(2, 2, 2, (None, 8, 6, 2), subsample=(2, 2), border_mode="valid", **own))
    if backend.backend() == "tensorflow":
        model.add(conv.SeparableConvolution2D(3, 2, 2, depth_multiplier=2, border_mode="same", **own))
    model.add(conv.Cropping2D(((1, 0), (0, 1)), **own))
    model.add(layers.GlobalAveragePooling2D(**own))
    model.compile("adadelta", "mse")
    return model, drawn(4, 6, 5, 2)


def network():
    a, b = layers.Input((4,), name="a"), layers.Input((4,), name="b")
    shared = layers.Dense(4, activation="tanh", name="shared")
    inner = Sequential(name="inner")
    inner.add(layers.Dense(4, input_dim=4, activation="relu", name="dense"))
    inner.add(layers.BatchNormalization(name="norm"))
    start = layers.Input((4,), name="start")
    other = Model(start, layers.Dense(4, name="dense")(start), name="other")
    x, y = other(inner(shared(a))), inner(shared(b))
    merged = [layers.merge([x, y], mode=mode) for mode in ("sum", "mul", "ave", "max")]
    merged.append(layers.merge([x, y], mode="dot", dot_axes=1))
    merged.append(layers.merge([x, y], mode="concat", concat_axis=-1, name="joined"))
    joined = layers.merge(merged, mode="concat")
    out = layers.Dense(2, activation="softmax", name="kind")(joined)
    size = layers.Dense(1, name="size")(layers.LeakyReLU(0.1)(layers.PReLU()(joined)))
    model = Model(input=[a, b], output=[out, size])
    losses = {"kind": "categorical_crossentropy", "size": "mse"}
    model.compile(Adam(lr=0.01), losses, metrics={"kind": "accuracy"}, loss_weights={"kind": 1.0, "size": 0.5})
    return model, [drawn(4, 4), drawn(4, 4)]


def branches():
    """The way to several inputs before there were functional models."""
    left, right = Sequential(), Sequential()
    left.add(layers.Dense(3, input_dim=4, activation="relu"))
    right.add(layers.Dense(2, input_shape=(3,)))
    right.add(layers.Activation("tanh"))
    model = Sequential()
    model.add(layers.Merge([left, right], mode="concat"))
    model.add(layers.Dense(2, activation="softmax"))
    model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
    return model, [drawn(4, 4), drawn(4, 3)]


def recurrent(way):
    words = layers.Input((5,), dtype="int32", name="words")
    x = layers.Embedding(7, 3, mask_zero=True)(words)
    options = {"consume_less": way}
    parts = [
        layers.LSTM(2, forget_bias_init="one", **options)(x),
        layers.GRU(2, inner_activation="sigmoid", activation="tanh", **options)(x),
        layers.SimpleRNN(2, **options)(x),
        layers.Bidirectional(layers.LSTM(2, return_sequences=False, **options), merge_mode="concat")(x),
    ]
    steps = layers.TimeDistributed(layers.Dense(2))(layers.GRU(2, return_sequences=True, go_backwards=True, **options)(x))
    parts.append(layers.LSTM(2, **options)(steps))
    out = layers.Dense(2, activation="softmax")(layers.merge(parts, mode="concat"))
    model = Model(words, out)
    model.compile(RMSprop(lr=0.01), "categorical_crossentropy")
    return model, np.minimum(RNG.randint(0, 9, size=(4, 5)), 6).astype("int32") * np.array([[1, 1, 1, 1, 0]], "int32")


def sequences():
    model = Sequential()
    model.add(layers.Convolution1D(3, 2, border_mode="valid", subsample_length=1, input_shape=(6, 2)))
    model.add(layers.MaxPooling1D(2))
    model.add(layers.TimeDistributed(layers.Dense(2)))
    model.add(layers.Permute((2, 1)))
    model.add(layers.Reshape((4,)))
    model.add(layers.ThresholdedReLU(0.1))
    model.add(layers.RepeatVector(2))
    model.add(layers.GlobalAveragePooling1D())
    model.compile("adagrad", "mse")
    return model, drawn(4, 6, 2)


def gone():
    """Layers that Keras 2 dropped."""
    model = Sequential()
    model.add(layers.Highway(input_dim=3, activation="tanh"))
    model.add(layers.MaxoutDense(2, nb_feature=3))
    model.compile("adamax", "mse")
    return model, drawn(4, 3)


def functions():
    model = Sequential()
    model.add(layers.Lambda(lambda x: x * 2, input_shape=(3,)))
    model.compile("sgd", "mse")
    return model, drawn(4, 3)


MODELS = {
    "convolutions": lambda: convolutions("th" if backend.backend() == "theano" else "tf"),
    "convolutions_other": lambda: convolutions("tf" if backend.backend() == "theano" else "th"),
    "dilated": dilated,
    "network": network,
    "branches": branches,
    "recurrent": lambda: recurrent("gpu"),
    "recurrent_gates": lambda: recurrent("cpu"),
    "sequences": sequences,
    "gone": gone,
    "functions": functions,
}

if __name__ == "__main__":
    folder = folder_of(sys.argv)
    for name in sys.argv[2:] or MODELS:
        np.random.seed(0)
        model, inputs = MODELS[name]()
        more = [".weights.h5", ".json"] if name == "network" else []
        store(model, os.path.join(folder, name), inputs, [".h5"] + more, trains=name != "functions")
