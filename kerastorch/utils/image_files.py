"""Images between files, Pillow and arrays."""

import importlib
import io
import os
import pathlib
import warnings
from typing import Any

import numpy as np

from kerastorch import backend_registry, dtypes, ops, scope
from kerastorch.errors import near

# How `color_mode` is called by Pillow, and the modes of files that count as it already.
COLORS = {"grayscale": ("L", ("L", "I", "I;16")), "rgb": ("RGB", ("RGB",)), "rgba": ("RGBA", ("RGBA",))}
CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}
FILTERS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def pillow(user: str) -> Any:
    """Pillow's module `Image`.

    Args:
        user: The function that needs it, for the message where it is missing.
    """
    try:
        return importlib.import_module("PIL.Image")
    except ImportError as error:
        raise ImportError(f"{user} needs Pillow (PIL.Image): install it with `pip install pillow`") from error


def array_to_img(x, data_format=None, scale=True, dtype=None):
    """An array as an image of Pillow's.

    Args:
        x: Of shape `(height, width, channels)`, or `(channels, height, width)` for "channels_first", with 1, 3 or 4 channels.
        data_format: "channels_last" or "channels_first"; None is `keras.config.image_data_format()`.
        scale: Whether the smallest value becomes 0 and the greatest 255; else values are taken to be of that range already.
        dtype: What it is computed in; None is `keras.config.floatx()`.

    Returns:
        A `PIL.Image.Image` of mode "L", "RGB" or "RGBA", or "I" where one channel has values above 255.

    Raises:
        ImportError: If Pillow is missing.
        ValueError: If the array is no image.
    """
    first = scope.standardize_data_format(data_format) == "channels_first"
    image = pillow("array_to_img")
    x = _host(x, dtype)
    if x.ndim != 3:
        raise ValueError(f"array_to_img: an image array has rank 3, but x is of shape {x.shape}")
    x = x.transpose(1, 2, 0) if first else x
    if x.shape[2] not in CHANNELS.values():
        raise ValueError(f"array_to_img: an image has 1, 3 or 4 channels, but x has {x.shape[2]}: its shape is {x.shape}")
    if scale:
        x = x - x.min()
        x = (x / x.max() if x.max() != 0 else x) * 255
    if x.shape[2] > 1:
        return image.fromarray(x.astype("uint8"))
    return image.fromarray(x[:, :, 0].astype("int32" if x.max() > 255 else "uint8"))


def img_to_array(img, data_format=None, dtype=None):
    """An image of Pillow's as an array.

    Args:
        img: The image.
        data_format: "channels_last" or "channels_first"; None is `keras.config.image_data_format()`.
        dtype: Of the array; None is `keras.config.floatx()`.

    Returns:
        A numpy array of shape `(height, width, channels)`, or `(channels, height, width)` for "channels_first".

    Raises:
        ValueError: If it is no image.
    """
    first = scope.standardize_data_format(data_format) == "channels_first"
    x = _host(img, dtype)
    if x.ndim not in (2, 3):
        raise ValueError(f"img_to_array: Unsupported image shape: {x.shape}; an image has rank 2 or 3")
    x = x[:, :, np.newaxis] if x.ndim == 2 else x
    return x.transpose(2, 0, 1) if first else x


def load_img(path, color_mode="rgb", target_size=None, interpolation="nearest", keep_aspect_ratio=False):
    """The image in a file, as Pillow's.

    Args:
        path: Of the file, or an `io.BytesIO` with its content.
        color_mode: "grayscale", "rgb" or "rgba"; gray images of 16 and 32 bits stay as they are for "grayscale".
        target_size: `(height, width)` in pixels to resize it to; None keeps its size.
        interpolation: "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".
        keep_aspect_ratio: Whether what would distort the image is cut off, evenly on both sides, before it is resized.

    Returns:
        A `PIL.Image.Image`.

    Raises:
        ImportError: If Pillow is missing.
        TypeError: If `path` is neither a path nor an `io.BytesIO`.
        ValueError: If `color_mode` or `interpolation` is unknown.
    """
    image = pillow("load_img")
    if not isinstance(path, io.BytesIO | pathlib.Path | bytes | str):
        raise TypeError(f"load_img: path should be path-like or io.BytesIO, not {type(path)}")
    if color_mode not in COLORS:
        raise ValueError(
            f'load_img: color_mode must be "grayscale", "rgb", or "rgba", not {color_mode!r}.{near(color_mode, COLORS)}'
        )
    if isinstance(path, io.BytesIO):
        img = image.open(path)
    else:
        with open(path, "rb") as file:
            img = image.open(io.BytesIO(file.read()))
    mode, accepted = COLORS[color_mode]
    img = img if img.mode in accepted else img.convert(mode)
    if target_size is None or img.size == (target_size[1], target_size[0]):
        return img
    if interpolation not in FILTERS:
        raise ValueError(
            f"load_img: Invalid interpolation method {interpolation!r}; known are {', '.join(FILTERS)}."
            f"{near(interpolation, FILTERS)}"
        )
    box = None
    if keep_aspect_ratio:
        top, left, height, width = _middle(img.size[1], img.size[0], target_size, 0)
        box = (left, top, left + width, top + height)
    return img.resize((target_size[1], target_size[0]), getattr(image.Resampling, interpolation.upper()), box=box)


def save_img(path, x, data_format=None, file_format=None, scale=True, **kwargs):
    """Writes an array to an image file.

    Args:
        path: Of the file, or an open file.
        x: The image, as for `array_to_img`. JPEG files have no transparency, so a fourth channel is left out there.
        data_format: "channels_last" or "channels_first"; None is `keras.config.image_data_format()`.
        file_format: "png", "jpeg", ...; None tells it by the end of the file's name.
        scale: As for `array_to_img`.
        **kwargs: For `PIL.Image.Image.save`.

    Raises:
        ImportError: If Pillow is missing.
        ValueError: If the array is no image, or the format unknown.
    """
    if file_format is None and isinstance(path, str | os.PathLike):
        file_format = pathlib.Path(path).suffix[1:]
    if file_format is not None:
        file_format = {"jpg": "jpeg"}.get(file_format.lower(), file_format.lower())
    img = array_to_img(x, data_format=data_format, scale=scale)
    if (img.mode, file_format) == ("RGBA", "jpeg"):
        warnings.warn("save_img: JPEG files do not support RGBA images, so this one is saved as RGB", stacklevel=2)
        img = img.convert("RGB")
    img.save(path, format=file_format or None, **kwargs)


def smart_resize(x, size, interpolation="bilinear", data_format="channels_last", **kwargs):
    """Resizes images without distortion: what does not fit is cut off, evenly on both sides.

    Args:
        x: An image of shape `(height, width, channels)` or a batch of them; channels come before the height for "channels_first".
        size: `(height, width)` in pixels.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        data_format: "channels_last" or "channels_first".

    Returns:
        Images of that size: a numpy array where `x` is one, else a tensor.

    Raises:
        ValueError: If `x` is no image or batch of images, or `size` not two numbers.
    """
    if kwargs:
        raise TypeError(f"smart_resize: unexpected arguments {list(kwargs)}")
    if len(size) != 2:
        raise ValueError(f"smart_resize: `size` must be a height and a width, not {size!r}")
    images = ops.convert_to_tensor(x) if backend_registry.of(x) is None else x
    if len(images.shape) not in (3, 4):
        raise ValueError(
            "smart_resize: x must have shape (height, width, channels) or (batch_size, height, width, channels), "
            f"not {tuple(images.shape)}"
        )
    last = data_format == "channels_last"
    height, width = ops.shape(images)[-3:-1] if last else ops.shape(images)[-2:]
    top, left, height, width = _middle(height, width, size)
    cut: tuple[Any, ...] = (..., slice(top, top + height), slice(left, left + width))
    images = ops.image.resize(images[(*cut, slice(None)) if last else cut], size, interpolation, data_format=data_format)
    return ops.convert_to_numpy(images) if isinstance(x, np.ndarray) else images


def _middle(height: int, width: int, size: tuple[int, int], least: int = 1) -> tuple[int, int, int, int]:
    """The largest part in the middle that has the proportions of a size: where it begins, and its height and width."""
    kept_height = max(min(height, width * size[0] // size[1]), least)
    kept_width = max(min(width, height * size[1] // size[0]), least)
    return (height - kept_height) // 2, (width - kept_width) // 2, kept_height, kept_width


def _host(x: Any, dtype: Any) -> Any:
    """An image of any make as a numpy array."""
    owner = backend_registry.of(x)
    return np.asarray(x if owner is None else owner.numpy(x), dtype=dtypes.floatx() if dtype is None else dtype)
