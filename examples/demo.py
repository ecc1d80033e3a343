"""What becomes of a Keras model: trained on PyTorch, shown as PyTorch code, compared with TensorFlow."""

import numpy as np
from sklearn.datasets import load_digits

import kerastorch as keras
from kerastorch import backend_registry, layers

keras.utils.set_random_seed(0)
images, labels = load_digits(return_X_y=True)
x, y = (images / 16).reshape(-1, 8, 8, 1).astype("float32"), labels.astype("int32")

inputs = keras.Input((8, 8, 1))
hidden = layers.MaxPooling2D(2)(layers.Conv2D(16, 3, padding="same", activation="relu")(inputs))
hidden = layers.BatchNormalization()(layers.Conv2D(32, 3, activation="relu")(hidden))
model = keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.Flatten()(hidden)))
model.summary()

model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x[:1500], y[:1500], epochs=5, verbose=2)
loss, accuracy = model.evaluate(x[1500:], y[1500:], verbose=0)
print(f"\naccuracy on digits not seen in training: {accuracy:.3f}\n")
assert accuracy > 0.85, accuracy

net = model.to_torch()
print("The model as PyTorch code:", net.code)
print("Its parameters:", ", ".join(net.state_dict()), "\n")

backends = [name for name in ("torch", "tensorflow") if backend_registry.installed(name)]
if len(backends) > 1:
    print(keras.compare(model, x[:64], y[:64], backends=backends))
else:
    print("TensorFlow is not installed, so there is nothing to compare with.")
np.testing.assert_allclose(model.predict(x[:8], verbose=0), model(x[:8]).detach().numpy(), atol=1e-5)
