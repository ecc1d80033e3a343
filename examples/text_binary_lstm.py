"""Two kinds of text with an LSTM that reads them word by word; padding is masked.

usage: python -m kerastorch examples/text_binary_lstm.py [--full]
By default: does a paragraph come from the documentation of NumPy or of Python's standard library (see textdata.py)?
With --full: is a film review of IMDB for or against the film?
"""

import sys

import keras
import numpy as np
from keras import layers
from keras.utils import pad_sequences
from textdata import load_numpy_or_stdlib

keras.utils.set_random_seed(4)

full = "--full" in sys.argv[1:]
num_words, length = (10_000, 200) if full else (2_000, 30)
load = keras.datasets.imdb.load_data if full else load_numpy_or_stdlib
(x_train, y_train), (x_test, y_test) = load(num_words=num_words)
x_train = pad_sequences(x_train, maxlen=length, padding="post", truncating="post")
x_test = pad_sequences(x_test, maxlen=length, padding="post", truncating="post")

model = keras.Sequential(
    [
        keras.Input(shape=(length,), dtype="int32"),
        layers.Embedding(num_words, 32, mask_zero=True),
        layers.LSTM(32),
        layers.Dense(1, activation="sigmoid"),
    ],
    name="text_binary_lstm",
)
model.summary()
model.compile(optimizer=keras.optimizers.Adam(5e-3), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=3 if full else 4, batch_size=128 if full else 64, validation_split=0.1, verbose=2)

loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
majority = np.bincount(y_test).max() / len(y_test)
print(f"accuracy on {len(y_test)} held-out texts: {accuracy:.3f}; always the most frequent class: {majority:.3f}")
assert accuracy > majority + 0.2, "the LSTM did not learn to tell the texts apart"
