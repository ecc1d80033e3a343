"""Texts of many kinds: one of a dozen topics (or 46) for each, with early stopping.

usage: python -m kerastorch examples/text_topics.py [--full]
By default: which part of scikit-learn does a paragraph of its documentation describe (see textdata.py)?
With --full: the 46 topics of the Reuters newswires.
"""

import sys

import keras
import numpy as np
from keras import layers
from textdata import CHAPTERS, load_sklearn_chapters, multi_hot

keras.utils.set_random_seed(5)

full = "--full" in sys.argv[1:]
num_words = 10_000 if full else 3_000
topics = keras.datasets.reuters.get_label_names() if full else CHAPTERS
load = keras.datasets.reuters.load_data if full else load_sklearn_chapters
(x_train, y_train), (x_test, y_test) = load(num_words=num_words)
x_train, x_test = multi_hot(x_train, num_words), multi_hot(x_test, num_words)

model = keras.Sequential(
    [
        keras.Input(shape=(num_words,)),
        layers.Dense(64, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(len(topics), activation="softmax"),
    ],
    name="text_topics",
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=2, restore_best_weights=True)
model.fit(x_train, y_train, epochs=20, batch_size=64, validation_split=0.15, callbacks=[stop], verbose=2)

loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
majority = np.bincount(y_test).max() / len(y_test)
found = model.predict(x_test, verbose=0).argmax(axis=-1)
for topic in np.bincount(y_test).argsort()[::-1][:5]:
    print(
        f"{topics[topic]:>20}: {np.mean(found[y_test == topic] == topic):.0%} of {np.sum(y_test == topic)} recognised"
    )
print(f"accuracy on {len(y_test)} held-out texts: {accuracy:.3f}; always the most frequent topic: {majority:.3f}")
assert accuracy > majority + 0.3, "the network did not learn the topics"
