"""`keras.preprocessing.image` of Keras 1 and 2: single images as arrays, moved, turned and shaded."""

import importlib
from typing import Any

import numpy as np

from kerastorch.legacy.past import Past, old
from kerastorch.utils.image_files import array_to_img, img_to_array

PAST: dict[str, Past] = {}


def _needed(module: str, package: str, user: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"{user} needs {module}: install it with `pip install {package}`") from error


@old(PAST, "keras.ops.image.affine_transform")
def apply_affine_transform(x, theta=0, tx=0, ty=0, shear=0, zx=1, zy=1, row_axis=1, col_axis=2, channel_axis=0,
                           fill_mode="nearest", cval=0.0, order=1):  # fmt: skip
    """An image turned, moved, sheared and zoomed about its middle.

    Args:
        x: Array of three axes.
        theta, shear: Angles in degrees.
        tx, ty: How far it is moved in x and in y, in pixels.
        zx, zy: Factors by which what is seen grows in x and in y.
        row_axis, col_axis, channel_axis: Which axis is which.
        fill_mode: What lies outside: "constant", "nearest", "reflect" or "wrap".
        cval: Value outside for "constant".
        order: Order of the splines that interpolate, 0 to 5.
    """
    turn, slant = np.deg2rad(theta), np.deg2rad(shear)
    matrix = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    matrix = matrix @ [[1, 0, tx], [0, 1, ty], [0, 0, 1]]
    matrix = matrix @ [[1, -np.sin(slant), 0], [0, np.cos(slant), 0], [0, 0, 1]]
    matrix = matrix @ [[zx, 0, 0], [0, zy, 0], [0, 0, 1]]
    if np.array_equal(matrix, np.eye(3)):
        return x
    moved = _needed("scipy.ndimage", "scipy", "apply_affine_transform").affine_transform
    planes = np.moveaxis(x, (channel_axis, row_axis, col_axis), (0, 1, 2))
    middle = np.array(planes.shape[1:]) / 2 - 0.5
    offset = matrix[:2, 2] + middle - matrix[:2, :2] @ middle
    # Keras's matrices are of x and y, and the arrays' axes are y and x. The middle stays that of (rows, columns), as there.
    matrix, offset = matrix[1::-1, 1::-1], offset[::-1]
    out = [moved(p, matrix, offset, order=order, mode=fill_mode, cval=cval) for p in planes]
    return np.moveaxis(np.stack(out), (0, 1, 2), (channel_axis, row_axis, col_axis))


@old(PAST, "keras.layers.RandomBrightness")
def apply_brightness_shift(x, brightness, scale=True):
    """An image made brighter by a factor, or darker if it is below 1.

    Args:
        x: Array of three axes.
        brightness: The factor.
        scale: Whether the image's values are stretched to 0 to 255 first.
    """
    enhance = _needed("PIL.ImageEnhance", "pillow", "apply_brightness_shift")
    low, high = np.min(x), np.max(x)
    beyond = low < 0 or high > 255
    out = img_to_array(enhance.Brightness(array_to_img(x, scale=beyond or scale)).enhance(brightness))
    return out / 255 * (high - low) + low if beyond and not scale else out


@old(PAST, "keras.layers.RandomColorJitter")
def apply_channel_shift(x, intensity, channel_axis=0):
    """An image with a number added to it, held between its least and its greatest value."""
    return np.clip(x + intensity, np.min(x), np.max(x))


@old(PAST, "keras.layers.RandomRotation")
def random_rotation(x, rg, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0, interpolation_order=1):
    """An image turned by up to `rg` degrees, either way."""
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, np.random.uniform(-rg, rg), 0, 0, 0, 1, 1, *axes)


@old(PAST, "keras.layers.RandomTranslation")
def random_shift(x, wrg, hrg, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0, interpolation_order=1):
    """An image moved by up to `wrg` of its width and `hrg` of its height, either way."""
    tx = np.random.uniform(-hrg, hrg) * x.shape[row_axis]
    ty = np.random.uniform(-wrg, wrg) * x.shape[col_axis]
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, 0, tx, ty, 0, 1, 1, *axes)


@old(PAST, "keras.layers.RandomShear")
def random_shear(x, intensity, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0, interpolation_order=1):
    """An image sheared by up to `intensity` degrees, either way."""
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, 0, 0, 0, np.random.uniform(-intensity, intensity), 1, 1, *axes)


@old(PAST, "keras.layers.RandomZoom")
def random_zoom(x, zoom_range, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0, interpolation_order=1):
    """An image zoomed along both axes by factors from a range."""
    if len(zoom_range) != 2:
        raise ValueError(f"random_zoom: zoom_range must be two numbers, not {zoom_range!r}")
    zx, zy = (1, 1) if tuple(zoom_range) == (1, 1) else np.random.uniform(zoom_range[0], zoom_range[1], 2)
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, 0, 0, 0, 0, zx, zy, *axes)


@old(PAST, "keras.layers.RandomBrightness")
def random_brightness(x, brightness_range, scale=True):
    """An image made brighter or darker by a factor from a range."""
    if len(brightness_range) != 2:
        raise ValueError(f"random_brightness: brightness_range must be two numbers, not {brightness_range!r}")
    return apply_brightness_shift(x, np.random.uniform(*brightness_range), scale)


@old(PAST, "keras.layers.RandomColorJitter")
def random_channel_shift(x, intensity_range, channel_axis=0):
    """An image with a number of up to `intensity_range`, either way, added to it."""
    return apply_channel_shift(x, np.random.uniform(-intensity_range, intensity_range), channel_axis)
