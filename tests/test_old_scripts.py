"""Whole scripts in the spelling of Keras 2, run unchanged with `keras` being kerastorch. Each has a process of its own."""

import pytest
from processes import run

from kerastorch import backend_registry

INSTALL = """
import warnings
warnings.simplefilter("ignore")
import kerastorch
kerastorch.install()
"""

AUTOENCODER = """
import numpy as np
from keras import backend as K
from keras import metrics
from keras.layers import Dense, Input, Lambda
from keras.models import Model

np.random.seed(0)
x = Input(shape=(12,))
h = Dense(8, activation="relu")(x)
z_mean = Dense(2)(h)
z_log_var = Dense(2)(h)

def sampling(args):
    z_mean, z_log_var = args
    epsilon = K.random_normal(shape=(K.shape(z_mean)[0], 2), mean=0.0, stddev=1.0)
    return z_mean + K.exp(z_log_var / 2) * epsilon

z = Lambda(sampling, output_shape=(2,))([z_mean, z_log_var])
decoded = Dense(12, activation="sigmoid")(Dense(8, activation="relu")(z))
vae = Model(x, decoded)
xent_loss = 12 * metrics.binary_crossentropy(x, decoded)
kl_loss = -0.5 * K.sum(1 + z_log_var - K.square(z_mean) - K.exp(z_log_var), axis=-1)
vae.add_loss(K.mean(xent_loss + kl_loss))
vae.compile(optimizer="rmsprop", loss=None)
data = (np.random.rand(64, 12) > 0.8).astype("float32")
history = vae.fit(data, shuffle=True, epochs=8, batch_size=16, verbose=0)
assert history.history["loss"][-1] < history.history["loss"][0], history.history
encode = K.function([x], [z_mean])
assert encode([data[:3]])[0].shape == (3, 2)
assert K.get_value(vae.optimizer.lr) == np.float32(0.001)
K.set_value(vae.optimizer.lr, 0.01)
assert abs(float(K.get_value(vae.optimizer.lr)) - 0.01) < 1e-8
"""

IMAGES = """
import numpy as np
from keras.layers import Activation, Conv2D, Dense, Flatten, MaxPooling2D
from keras.models import Sequential
from keras.preprocessing.image import ImageDataGenerator
from keras.utils import np_utils

np.random.seed(0)
y = np.arange(32) % 2
x = np.random.rand(32, 8, 8, 1) + y[:, None, None, None]
datagen = ImageDataGenerator(featurewise_center=True, rotation_range=20, width_shift_range=0.2, horizontal_flip=True)
datagen.fit(x)
model = Sequential()
model.add(Conv2D(4, (3, 3), input_shape=(8, 8, 1)))
model.add(Activation("relu"))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Flatten())
model.add(Dense(2, activation="softmax"))
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
labels = np_utils.to_categorical(y, 2)
history = model.fit_generator(datagen.flow(x, labels, batch_size=8), steps_per_epoch=len(x) // 8, epochs=12, verbose=0,
                              validation_data=datagen.flow(x, labels, batch_size=8))
assert history.history["loss"][-1] < history.history["loss"][0], history.history
assert np.shape(model.predict_generator(datagen.flow(x, batch_size=8, shuffle=False))) == (32, 2)
"""

TEXTS = """
import numpy as np
from keras.layers import LSTM, Dense, Embedding
from keras.models import Sequential
from keras.preprocessing.sequence import pad_sequences
from keras.preprocessing.text import Tokenizer

texts = ["good movie", "a bad film", "really good film", "bad bad movie"] * 8
labels = np.array([1, 0, 1, 0] * 8)
tokenizer = Tokenizer(num_words=20)
tokenizer.fit_on_texts(texts)
data = pad_sequences(tokenizer.texts_to_sequences(texts), maxlen=4)
model = Sequential()
model.add(Embedding(20, 8, input_length=4))
model.add(LSTM(8, dropout=0.1))
model.add(Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer="rmsprop", metrics=["acc"])
history = model.fit(data, labels, epochs=10, batch_size=8, verbose=0)
assert history.history["loss"][-1] < history.history["loss"][0]
assert "acc" in history.history
"""


@pytest.mark.parametrize("backend", backend_registry.BUILT_IN)
@pytest.mark.parametrize("script", [AUTOENCODER, IMAGES, TEXTS], ids=["autoencoder", "images", "texts"])
def test_script(script, backend):
    if not backend_registry.installed(backend):
        pytest.skip(f"the framework of the {backend} backend is not installed")
    run(INSTALL + script, KERASTORCH_BACKEND=backend)
