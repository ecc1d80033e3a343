"""Regression on few samples, judged by K-fold validation: a new model for each fold, scaled by that fold's own data.

usage: python -m kerastorch examples/housing_kfold.py [--full]
By default the progress of diabetes in 442 patients, which scikit-learn ships; with --full house prices in Boston.
"""

import sys

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(6)

if "--full" in sys.argv[1:]:
    (x, y), (x_test, y_test) = keras.datasets.boston_housing.load_data()
    unit, k, epochs = "thousand dollars", 4, 80
else:
    from sklearn.datasets import load_diabetes
    from sklearn.model_selection import train_test_split

    x, x_test, y, y_test = train_test_split(
        *load_diabetes(return_X_y=True, scaled=False), test_size=0.2, random_state=0
    )
    unit, k, epochs = "points of the progress score", 4, 30


def build_model():
    model = keras.Sequential()
    model.add(layers.Dense(64, activation="relu"))
    model.add(layers.Dense(32, activation="relu"))
    model.add(layers.Dense(1))
    model.compile(optimizer="rmsprop", loss="mse", metrics=["mae"])
    return model


def train_and_judge(x, y, x_held, y_held):
    """Mean absolute errors on held-out samples: of a model trained on x and y, and of always guessing y's median."""
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    centre, spread = y.mean(), y.std()  # targets are scaled too, and errors scaled back
    model = build_model()
    model.fit((x - mean) / deviation, (y - centre) / spread, epochs=epochs, batch_size=32, verbose=0)
    loss, error = model.evaluate((x_held - mean) / deviation, (y_held - centre) / spread, verbose=0)
    return error * spread, np.abs(y_held - np.median(y)).mean()


folds = np.array_split(np.random.permutation(len(x)), k)
errors, guesses = [], []
for i, fold in enumerate(folds):
    rest = np.concatenate(folds[:i] + folds[i + 1 :])
    error, guess = train_and_judge(x[rest], y[rest], x[fold], y[fold])
    print(f"fold {i + 1} of {k}: mean absolute error {error:.2f} {unit}, guessing the median {guess:.2f}")
    errors.append(error)
    guesses.append(guess)
print(f"{k}-fold validation: {np.mean(errors):.2f} ± {np.std(errors):.2f} {unit}")

error, guess = train_and_judge(x, y, x_test, y_test)
print(f"error on {len(x_test)} held-out samples: {error:.2f} {unit}; always the median: {guess:.2f}")
assert np.mean(errors) < 0.9 * np.mean(guesses), "the networks of the folds did not learn the regression"
assert error < 0.9 * guess, "the network of all samples did not learn the regression"
