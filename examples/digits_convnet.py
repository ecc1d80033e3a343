"""Handwritten digits with a small convolutional network, written with the functional API.

usage: python -m kerastorch examples/digits_convnet.py [--full]
By default the 1,797 digits that scikit-learn ships; with --full the 70,000 of MNIST.
"""

import sys

import keras
import numpy as np
from digitdata import load_small_digits
from keras import layers

keras.utils.set_random_seed(2)

full = "--full" in sys.argv[1:]
(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data() if full else load_small_digits()

inputs = keras.Input(shape=(*x_train.shape[1:], 1))
x = layers.Rescaling(1 / 255)(inputs)
x = layers.Conv2D(32, 3, padding="same", activation="relu")(x)
x = layers.MaxPooling2D(2)(x)
x = layers.Conv2D(64, 3, padding="same", activation="relu")(x)
x = layers.MaxPooling2D(2)(x)
x = layers.Flatten()(x)
x = layers.Dense(64, activation="relu")(x)
outputs = layers.Dense(10, activation="softmax")(x)
model = keras.Model(inputs, outputs, name="digits_convnet")
model.summary()

model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train[..., np.newaxis], y_train, epochs=3 if full else 10, batch_size=64 if full else 32, verbose=2)

loss, accuracy = model.evaluate(x_test[..., np.newaxis], y_test, verbose=0)
majority = np.bincount(y_test).max() / len(y_test)
print(f"accuracy on {len(y_test)} held-out digits: {accuracy:.3f}; always the most frequent digit: {majority:.3f}")
assert accuracy > majority + 0.8, "the convolutional network did not learn the digits"
