"""Files of Keras 2 and of tf.keras: python make_keras_2.py FOLDER [tensorflow.keras]"""

import importlib
import os
import sys

import numpy as np
from storing import RNG, drawn, folder_of, store

k = importlib.import_module(sys.argv[2] if len(sys.argv) > 2 else "keras")
layers = k.layers
TENSORFLOW = len(sys.argv) > 2 and sys.argv[2] != "keras"
VERSION = tuple(map(int, (importlib.import_module("tensorflow") if TENSORFLOW else k).__version__.split(".")[:2]))


def rate(value):
    """The learning rate's name changed, with both names allowed for a while."""
    return {"learning_rate" if TENSORFLOW else "lr": value}


def convolutions():
    model = k.models.Sequential()
    model.add(layers.Conv2D(3, (3, 2), strides=(1, 1), padding="same", activation="relu", input_shape=(6, 5, 2)))
    model.add(layers.BatchNormalization())
    model.add(layers.SeparableConv2D(3, 2, depth_multiplier=2, padding="valid"))
    if hasattr(layers, "DepthwiseConv2D"):
        model.add(layers.DepthwiseConv2D(2, depth_multiplier=1, padding="same"))
    model.add(layers.Conv2DTranspose(2, 2, strides=2, use_bias=False, kernel_regularizer=k.regularizers.l2(0.01)))
    model.add(layers.Conv2D(2, 2, dilation_rate=2, kernel_initializer="he_normal"))
    model.add(layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    model.add(layers.Dense(3, activation="sigmoid", kernel_constraint=k.constraints.MaxNorm(3)))
    model.add(layers.Dropout(0.0))
    model.add(layers.Dense(3, activation="softmax"))
    optimizer = k.optimizers.SGD(momentum=0.9, nesterov=True, **rate(0.05))
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    return model, drawn(4, 6, 5, 2)


def planes():
    """What Theano has of convolutions."""
    model = k.models.Sequential()
    model.add(layers.Conv2D(3, (2, 3), input_shape=(6, 5, 2)))
    model.add(layers.Conv2DTranspose(2, 2, strides=2))
    model.add(layers.Conv2D(2, 2, dilation_rate=2))
    model.add(layers.GlobalAveragePooling2D())
    model.compile(k.optimizers.SGD(momentum=0.9, **rate(0.01)), "mse")
    return model, drawn(4, 6, 5, 2)


def network():
    a, b = layers.Input((4,), name="a"), layers.Input((4,), name="b")
    shared = layers.Dense(4, activation="tanh", name="shared")
    inner = k.models.Sequential(name="inner")
    inner.add(layers.Dense(4, input_shape=(4,), activation="relu", name="dense"))
    inner.add(layers.BatchNormalization(name="norm"))
    start = layers.Input((4,), name="start")
    name = "other_dense" if TENSORFLOW and VERSION >= (2, 4) else "dense"  # which could not write two of one name
    other = k.models.Model(start, layers.Dense(4, name=name)(start), name="other")
    x, y = other(inner(shared(a))), inner(shared(b))
    merges = [layers.Add(), layers.Multiply(), layers.Average(), layers.Maximum(), layers.Dot(axes=1), layers.Concatenate()]
    joined = layers.concatenate([m([x, y]) for m in merges])
    out = layers.Dense(2, activation="softmax", name="kind")(joined)
    size = layers.Dense(1, name="size")(layers.LeakyReLU(0.1)(layers.PReLU()(joined)))
    model = k.models.Model([a, b], [out, size])
    losses = {"kind": "categorical_crossentropy", "size": "mse"}
    weights = {"kind": 1.0, "size": 0.5}
    # Keras 2 on TensorFlow 1 counts Adam's steps in no certain order.
    optimizer = k.optimizers.Adam(**rate(0.01)) if TENSORFLOW else k.optimizers.Adadelta()
    model.compile(optimizer, losses, metrics={"kind": ["accuracy"]}, loss_weights=weights)
    return model, [drawn(4, 4), drawn(4, 4)]


def recurrent():
    words = layers.Input((5,), dtype="int32", name="words")
    x = layers.Embedding(7, 3, mask_zero=True)(words)
    parts = [
        layers.LSTM(2, recurrent_activation="hard_sigmoid")(x),
        layers.GRU(2, recurrent_activation="sigmoid")(x),
        layers.SimpleRNN(2)(x),
        layers.Bidirectional(layers.LSTM(2, return_sequences=False), merge_mode="concat")(x),
        layers.Bidirectional(layers.GRU(2), merge_mode="sum")(x),
    ]
    sequence = layers.GRU(2, return_sequences=True, go_backwards=True)(x)
    parts.append(layers.LSTM(2, unit_forget_bias=False)(layers.TimeDistributed(layers.Dense(2))(sequence)))
    if not TENSORFLOW and VERSION >= (2, 3):  # others mix up the states of cells in a row, or cannot write them
        parts.append(layers.RNN([layers.LSTMCell(2), layers.GRUCell(2)])(x))
    if TENSORFLOW or VERSION >= (2, 1):
        parts += [layers.GRU(2, reset_after=after)(x) for after in (False, True)]
    out = layers.Dense(2, activation="softmax")(layers.concatenate(parts))
    model = k.models.Model(words, out)
    model.compile(k.optimizers.RMSprop(**rate(0.01)), "categorical_crossentropy")
    return model, np.minimum(RNG.randint(0, 9, size=(4, 5)), 6).astype("int32") * np.array([[1, 1, 1, 1, 0]], "int32")


def sequences():
    model = k.models.Sequential()
    model.add(layers.Conv1D(3, 2, padding="causal", input_shape=(6, 2)))
    if TENSORFLOW:
        model.add(layers.LayerNormalization())
    model.add(layers.MaxPooling1D(2))
    model.add(layers.TimeDistributed(layers.Dense(2)))
    model.add(layers.Permute((2, 1)))
    model.add(layers.Reshape((3, 2)))
    model.add(layers.ThresholdedReLU(0.1))
    model.add(layers.GlobalMaxPooling1D())
    model.compile(k.optimizers.Adagrad(**rate(0.01)), "mse")
    return model, drawn(4, 6, 2)


def functions():
    model = k.models.Sequential()
    model.add(layers.Lambda(lambda x: x * 2, input_shape=(3,)))
    model.compile("sgd", "mse")
    return model, drawn(4, 3)


def operators():
    """What tf.keras made layers of: calls of TensorFlow's functions on the tensors of a functional model."""
    import tensorflow as tf

    x = layers.Input((4,), name="x")
    picture = layers.Input((3, 2, 2), name="picture")
    y = layers.Dense(4)(x)
    y = tf.nn.relu(y) * 2.0 + 1.0 - x
    y = tf.concat([y[:, :2], tf.sqrt(tf.abs(x)) / 3.0], axis=1)
    z = tf.reduce_mean(picture / 255.0 - 0.5, axis=[1, 2])
    z = tf.reshape(tf.transpose(tf.stack([z, z * z], axis=1), [0, 2, 1]), [-1, 4])
    y = tf.matmul(y[:, None, :4], z[:, :, None])[:, 0]
    y = tf.concat([y, tf.cast(x > 0.0, "float32"), tf.clip_by_value(-x, -0.5, 0.5), tf.nn.softmax(z), z ** 2], -1)
    y = tf.squeeze(tf.expand_dims(y, 1), axis=1)
    model = k.models.Model([x, picture], layers.Dense(2)(tf.math.tanh(y)))
    model.compile(k.optimizers.Adam(0.01), "mse")
    return model, [drawn(4, 4), np.abs(100 * drawn(4, 3, 2, 2))]


def cudnn(path):
    """Layers that only run on a GPU; what they would give is what their ordinary kin make of the same file."""

    def stack(lstm, gru, **gru_options):
        model = k.models.Sequential()
        model.add(layers.Bidirectional(lstm(2, return_sequences=True), input_shape=(5, 3)))
        model.add(gru(3, **gru_options))
        return model

    place = layers if hasattr(layers, "CuDNNLSTM") else importlib.import_module("tensorflow").compat.v1.keras.layers
    stack(place.CuDNNLSTM, place.CuDNNGRU).save(path + ".h5")
    k.backend.clear_session()
    sigmoid = {"recurrent_activation": "sigmoid"}
    alike = stack(lambda n, **more: layers.LSTM(n, **dict(sigmoid, **more)), layers.GRU, reset_after=True, **sigmoid)
    alike.load_weights(path + ".h5")
    inputs = drawn(4, 5, 3)
    np.savez_compressed(path + ".npz", x0=inputs, y0=alike.predict(inputs))


MODELS = {f.__name__: f for f in (convolutions, network, recurrent, sequences, functions)}
ENDINGS = {name: [".h5"] for name in MODELS}
ENDINGS["network"] += [".weights.h5", ".json"]
other = operators if TENSORFLOW else planes
MODELS[other.__name__], ENDINGS[other.__name__] = other, [".h5"]
if TENSORFLOW:
    ENDINGS["convolutions"] += [""]
    ENDINGS["network"] += ["_saved"]
if TENSORFLOW and VERSION >= (2, 12):
    for name in ("convolutions", "recurrent", "operators"):
        ENDINGS[name] += [".keras"]
    ENDINGS["network"] = [".keras", ".weights.h5"]  # its optimizer's state has names that an .h5 file cannot have

if __name__ == "__main__":
    folder = folder_of(sys.argv)
    for name in sys.argv[3:] or MODELS:
        np.random.seed(0)
        if hasattr(k.backend, "clear_session"):  # which Theano has no need of
            k.backend.clear_session()
        path = os.path.join(folder, name)
        if name == "cudnn":
            cudnn(path)
            continue
        model, inputs = MODELS[name]()
        store(model, path, inputs, ENDINGS[name], trains=name != "functions")
