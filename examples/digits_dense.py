"""Handwritten digits with a dense network: images as vectors, labels one-hot.

usage: python -m kerastorch examples/digits_dense.py [--full]
By default the 1,797 digits that scikit-learn ships; with --full the 70,000 of MNIST.
"""

import sys

import keras
import numpy as np
from digitdata import load_small_digits
from keras import layers
from keras.utils import to_categorical

keras.utils.set_random_seed(1)

full = "--full" in sys.argv[1:]
(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data() if full else load_small_digits()
x_train = x_train.reshape(len(x_train), -1).astype("float32") / 255
x_test = x_test.reshape(len(x_test), -1).astype("float32") / 255

model = keras.Sequential(
    [
        keras.Input(shape=x_train.shape[1:]),
        layers.Dense(256, activation="relu"),
        layers.Dropout(0.2),
        layers.Dense(10, activation="softmax"),
    ],
    name="digits_dense",
)
model.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    x_train,
    to_categorical(y_train),
    epochs=5 if full else 15,
    batch_size=128 if full else 32,
    validation_split=0.1,
    verbose=2,
)

loss, accuracy = model.evaluate(x_test, to_categorical(y_test), verbose=0)
majority = np.bincount(y_test).max() / len(y_test)
print(f"validation accuracy by epoch: {[round(float(a), 3) for a in history.history['val_accuracy']]}")
print(f"accuracy on {len(y_test)} held-out digits: {accuracy:.3f}; always the most frequent digit: {majority:.3f}")
assert accuracy > majority + 0.8, "the dense network did not learn the digits"
