"""Two kinds of text with a dense network on bags of words: one multi-hot vector per text.

usage: python -m kerastorch examples/text_binary_dense.py [--full]
By default: does a paragraph come from the documentation of NumPy or of Python's standard library (see textdata.py)?
With --full: is a film review of IMDB for or against the film?
"""

import sys

import keras
import numpy as np
from keras import layers, models
from textdata import load_numpy_or_stdlib, multi_hot

keras.utils.set_random_seed(3)

full = "--full" in sys.argv[1:]
num_words = 10_000 if full else 2_000
load = keras.datasets.imdb.load_data if full else load_numpy_or_stdlib
(x_train, y_train), (x_test, y_test) = load(num_words=num_words)
x_train, x_test = multi_hot(x_train, num_words), multi_hot(x_test, num_words)

model = models.Sequential()
model.add(keras.Input(shape=(num_words,)))
model.add(layers.Dense(16, activation="relu"))
model.add(layers.Dense(16, activation="relu"))
model.add(layers.Dense(1, activation="sigmoid"))
model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["accuracy"])

held = len(x_train) // 5
history = model.fit(
    x_train[held:],
    y_train[held:],
    epochs=4 if full else 10,
    batch_size=512 if full else 64,
    validation_data=(x_train[:held], y_train[:held]),
    verbose=2,
)
best = int(np.argmin(history.history["val_loss"])) + 1
print(f"the validation loss was least after epoch {best} of {len(history.epoch)}")

loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
majority = np.bincount(y_test).max() / len(y_test)
sure = float(np.mean(np.abs(model.predict(x_test, verbose=0) - 0.5) > 0.4))
print(f"{sure:.0%} of the predictions are surer than 90%")
print(f"accuracy on {len(y_test)} held-out texts: {accuracy:.3f}; always the most frequent class: {majority:.3f}")
assert accuracy > majority + 0.25, "the dense network did not learn to tell the texts apart"
