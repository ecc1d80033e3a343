"""Small real images that need no download: the handwritten digits that scikit-learn ships.

1,797 digits written by 43 people, 8 by 8 pixels (E. Alpaydin and C. Kaynak, 1998), in the form of
`keras.datasets.mnist`: `(x_train, y_train), (x_test, y_test)`, where x are uint8 images from 0 to 255 and y the digits.
A quarter, drawn at random, is kept for testing.
"""

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def load_small_digits():
    images, digits = load_digits(return_X_y=True)
    images = (images * 255 / 16).round().astype("uint8").reshape(-1, 8, 8)
    x_train, x_test, y_train, y_test = train_test_split(images, digits, test_size=0.25, stratify=digits, random_state=0)
    return (x_train, y_train), (x_test, y_test)
