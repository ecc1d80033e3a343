"""A first network as the books and blogs of 2017 wrote it, the old spelling `lr` and all.

usage: python -m kerastorch examples/first_page.py
Reference Keras 3 refuses `lr`; kerastorch takes it and says once how it is spelt today. The images are the digits that
scikit-learn ships, enlarged from 8 by 8 pixels to 28 by 28.
"""

import numpy as np
from digitdata import load_small_digits
from keras import layers, models, optimizers
from keras.utils import set_random_seed

set_random_seed(7)


def as_vectors(images):
    large = np.pad(np.kron(images, np.ones((1, 3, 3))), ((0, 0), (2, 2), (2, 2)))
    return large.reshape(-1, 784).astype("float32") / 255


(x_train, y_train), (x_test, y_test) = load_small_digits()
x_train, x_test = as_vectors(x_train), as_vectors(x_test)

model = models.Sequential(
    [
        layers.Dense(32, activation="relu", input_shape=(784,)),
        layers.Dense(10, activation="softmax"),
    ]
)
model.summary()
model.compile(
    optimizer=optimizers.RMSprop(lr=0.001),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(x_train, y_train, epochs=5)

loss, accuracy = model.evaluate(x_test, y_test)
majority = np.bincount(y_test).max() / len(y_test)
print(f"accuracy on {len(y_test)} held-out digits: {accuracy:.3f}; always the most frequent digit: {majority:.3f}")
assert accuracy > majority + 0.7, "the network did not learn the digits"
