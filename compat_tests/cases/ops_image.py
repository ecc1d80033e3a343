"""Records of the ops of images."""

import numpy as np

from compat_tests.cases.op_case import FLOATS, Case, between, integers, normal

NEAR = (1e-4, 1e-5)
PICTURES = ("uint8", *FLOATS)
BATCH = between(0, 1, 2, 6, 5, 3)
SMALL = BATCH[:1, :3, 1:4].copy()
ONE = between(0, 1, 5, 6, 3)
FIRST = np.moveaxis(BATCH, -1, 1).copy()
BYTES = integers(0, 256, 2, 5, 4, 3).astype("uint8")
GRAY = np.repeat(between(0, 1, 1, 2, 2, 1), 3, -1)  # no hue


def both(op, *rest, layouts=True, tolerance=NEAR, dtypes=(), note="", gradient=False, **kwargs):
    """An op on a batch and on one image, and on a batch with channels first."""
    name = f"image.{op}"
    yield Case(name, (BATCH, *rest), kwargs, tolerance, dtypes=dtypes, note=note)
    if gradient:
        yield Case(name, (SMALL, *rest), kwargs, tolerance, True, note=f"{note}gradient")
    if layouts:
        yield Case(name, (ONE, *rest), kwargs, tolerance, unknown=False, note=f"{note}one")
        yield Case(name, (FIRST, *rest), {**kwargs, "data_format": "channels_first"}, tolerance, note=note)


CASES = [
    *both("rgb_to_grayscale", dtypes=PICTURES, gradient=True),
    Case("image.rgb_to_grayscale", (BYTES,), note="bytes"),
    Case("image.rgb_to_grayscale", (BATCH[..., :1].copy(),), note="gray"),
    *both("rgb_to_hsv", dtypes=FLOATS, gradient=True),
    Case("image.rgb_to_hsv", (GRAY,), note="gray"),
    *both("hsv_to_rgb", dtypes=FLOATS, gradient=True),
    *both("pad_images", 1, 2, 3, 0, dtypes=PICTURES),
    *both("pad_images", target_height=9, target_width=8, bottom_padding=1, left_padding=2, layouts=False),
    *both("crop_images", 1, 2, 3, 0, dtypes=PICTURES),
    *both("crop_images", target_height=3, target_width=2, bottom_cropping=1, left_cropping=2, layouts=False),
    *(
        case
        for interpolation in ("nearest", "bilinear")
        for size in ((9, 8), (3, 4))
        for case in both("resize", size, interpolation=interpolation, note=str(size), layouts=size == (3, 4))
    ),
    *both("resize", (2, 4), antialias=True, dtypes=PICTURES, gradient=True, layouts=False),
    # Without antialiasing the frameworks mean different cubics.
    Case("image.resize", (BATCH, (3, 4)), {"antialias": True, "interpolation": "bicubic"}, NEAR),
    Case("image.resize", (BATCH, (9, 8)), {"antialias": True, "interpolation": "bicubic"}, NEAR, note="up"),
    Case("image.resize", (BYTES, (8, 7)), {}, (0, 1), note="bytes"),
    Case("image.resize", (BYTES, (8, 7)), {"interpolation": "nearest"}, note="bytes"),
    *both("resize", (8, 8), crop_to_aspect_ratio=True),
    *both("resize", (4, 8), pad_to_aspect_ratio=True, fill_value=0.5),
]


def patches(images, size, strides=None, dilation_rate=1, padding="valid", data_format="channels_last"):
    """Windows, pixel by pixel."""
    size = (size, size) if isinstance(size, int) else size
    rank = len(size)
    strides = size if strides is None else (strides,) * rank if isinstance(strides, int) else strides
    x = np.moveaxis(images, 1, -1) if data_format == "channels_first" else images
    reach = [dilation_rate * (k - 1) + 1 for k in size]
    if padding == "same":
        missing = [max((-(-n // s) - 1) * s + r - n, 0) for n, s, r in zip(x.shape[1:], strides, reach, strict=False)]
        x = np.pad(x, [(0, 0), *((m // 2, m - m // 2) for m in missing), (0, 0)])
    counts = [(n - r) // s + 1 for n, s, r in zip(x.shape[1:], strides, reach, strict=False)]
    out = np.zeros((len(x), *counts, int(np.prod(size)) * x.shape[-1]), x.dtype)
    for at in np.ndindex(*counts):
        key = tuple(slice(i * s, i * s + r, dilation_rate) for i, s, r in zip(at, strides, reach, strict=True))
        out[(slice(None), *at)] = x[(slice(None), *key)].reshape(len(x), -1)
    return np.moveaxis(out, -1, 1) if data_format == "channels_first" else out


VOLUMES = normal(1, 4, 5, 4, 2)
CASES += [
    *both("extract_patches", 2, dtypes=PICTURES, gradient=True, layouts=False),
    Case("image.extract_patches", (ONE, 2), unknown=False, note="one"),
    *(
        Case("image.extract_patches", (images, (2, 3)), {**layout, **how}, expected=patches, unknown="padding" not in how)
        for images, layout in ((BATCH, {}), (FIRST, {"data_format": "channels_first"}))
        for how in ({"strides": 1, "padding": "same"}, {"strides": 2, "dilation_rate": 2}, {"strides": (2, 1)})
    ),
    Case("image.extract_patches", (VOLUMES, (2, 3, 2)), {"strides": 2, "padding": "same"}, expected=patches, unknown=False),
    Case("image.extract_patches_3d", (VOLUMES, 2), {"strides": 1}),
    Case("image.extract_patches_3d", (VOLUMES[:, :2, :3, :3].copy(), 2), {"strides": 1}, gradient=True, note="gradient"),
    Case("image.extract_patches_3d", (np.moveaxis(VOLUMES, -1, 1).copy(), 2), {"data_format": "channels_first"}),
]


def sobel_edges(images, data_format="channels_last"):
    """Sobel's windows pixel by pixel, with zeros outside (the reference's TensorFlow backend reflects instead)."""
    x = np.moveaxis(images, 1, -1) if data_format == "channels_first" else images
    down = np.outer([-1, 0, 1], [1, 2, 1])
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    out = np.zeros((*x.shape, 2))
    for i in range(3):
        for j in range(3):
            part = padded[:, i : i + x.shape[1], j : j + x.shape[2]]
            out += part[..., None] * np.array([down[i, j], down[j, i]])
    return np.moveaxis(out, -2, 1) if data_format == "channels_first" else out


def gaussian_blur(images, kernel_size=(3, 3), sigma=(1.0, 1.0), data_format="channels_last"):
    """Weighted sums of shifted images (the reference's torch backend mixes up rows and channels)."""
    x = np.moveaxis(images, 1, -1) if data_format == "channels_first" else images
    for axis, (size, width) in enumerate(zip(kernel_size[::-1], sigma[::-1], strict=True), 1):
        weights = np.exp(-0.5 * ((np.arange(size) - (size - 1) / 2) / width) ** 2)
        pairs = [(0, 0)] * 4
        pairs[axis] = ((size - 1) // 2, size // 2)
        padded = np.pad(x, pairs)
        n = x.shape[axis]
        x = sum(w / weights.sum() * np.take(padded, range(i, i + n), axis) for i, w in enumerate(weights))
    return np.moveaxis(x, -1, 1) if data_format == "channels_first" else x


LARGE = between(0, 1, 2, 8, 9, 2)
CASES += [
    Case("image.sobel_edges", (BATCH,), tolerance=NEAR, expected=sobel_edges, dtypes=FLOATS),
    Case("image.sobel_edges", (SMALL,), {}, NEAR, True, expected=sobel_edges, note="gradient"),
    Case("image.sobel_edges", (FIRST,), {"data_format": "channels_first"}, NEAR, expected=sobel_edges),
    Case("image.gaussian_blur", (BATCH,), {}, NEAR, dtypes=FLOATS, expected=gaussian_blur),
    Case("image.gaussian_blur", (SMALL,), {}, NEAR, True, expected=gaussian_blur, note="gradient"),
    Case("image.gaussian_blur", (FIRST, (5, 4), (1.5, 2.0)), {"data_format": "channels_first"}, NEAR, expected=gaussian_blur),
    Case("image.ssim", (LARGE, LARGE**2), {"filter_size": 5}, NEAR, dtypes=FLOATS),
    Case("image.ssim", (SMALL, SMALL**2), {"filter_size": 2}, NEAR, True, note="gradient"),
    Case("image.ssim", (LARGE[0], LARGE[1]), {"filter_size": 5, "max_val": 255.0, "k1": 0.1}, NEAR, unknown=False),
    Case("image.scale_and_translate", (ONE[:, :, :1].copy(), (7, 4, 1), np.array([1.5, 0.6], "float32"), np.array([0.6, -0.25], "float32"), (0, 1),
         "linear"), {}, NEAR, True, unknown=False),
    *(
        Case("image.scale_and_translate", (BATCH, (2, 4, 8, 3), np.array([0.5, 1.5], "float32"), np.zeros(2, "float32"), (1, 2),
             method), {"antialias": antialias}, (1e-3, 1e-4), unknown=False)
        for method in ("cubic", "lanczos3", "lanczos5")
        for antialias in (True, False)
    ),
]  # fmt: skip

GRID = normal(4, 5)
PLACES = between(-2.3, 6.7, 2, 3, 4)
TURN = np.array([[0.91, 0.33, -0.71, -0.34, 0.83, 1.13, 0, 0], [1.23, 0.02, 0.41, 0.13, 0.94, -1.32, 0, 0]], "float32")
START = np.array([[0, 0], [4, 0], [0, 5], [4, 5]], "float32")
END = np.array([[0.3, 0.2], [3.7, 0.4], [0.1, 4.6], [4.2, 5.3]], "float32")


def affine_transform(images, transform, interpolation="bilinear", fill_mode="constant", fill_value=0):
    """Each pixel by `map_coordinates`, the denominator included (the reference's torch backend leaves it out)."""
    import keras

    out = np.zeros(images.shape)
    for n, i, j in np.ndindex(images.shape[:3]):
        a0, a1, a2, b0, b1, b2, c0, c1 = transform[n]
        k = c0 * j + c1 * i + 1
        at = np.array([[(b0 * j + b1 * i + b2) / k], [(a0 * j + a1 * i + a2) / k]], "float32")
        for c in range(images.shape[3]):
            found = keras.ops.image.map_coordinates(images[n, :, :, c], at, int(interpolation == "bilinear"), fill_mode, fill_value)
            out[n, i, j, c] = keras.ops.convert_to_numpy(found)[0]
    return out


CASES += [
    *(
        Case("image.map_coordinates", (GRID, PLACES, order), {"fill_mode": mode, "fill_value": 0.5}, NEAR, unknown=False)
        for order in (0, 1)
        for mode in ("constant", "nearest", "wrap", "mirror", "reflect")
    ),
    Case("image.map_coordinates", (GRID, PLACES, 1), {}, NEAR, True, unknown=False, note="gradient"),
    Case("image.map_coordinates", (integers(0, 99, 4, 5), PLACES, 1), {}, unknown=False, note="integers"),
    *(
        Case("image.affine_transform", (BATCH, TURN), {"interpolation": how, "fill_mode": mode, "fill_value": 0.5}, NEAR,
             expected=affine_transform)
        for how in ("nearest", "bilinear")
        for mode in ("constant", "nearest", "wrap", "mirror", "reflect")
    ),
    Case("image.affine_transform", (BATCH[:, :2, :2].copy(), TURN.tolist()), {}, NEAR, True, note="gradient"),
    Case("image.affine_transform", (BATCH, TURN + [0, 0, 0, 0, 0, 0, 0.05, 0.02]), {}, NEAR, expected=affine_transform,
         note="perspective"),
    Case("image.affine_transform", (ONE, TURN[0]), {}, NEAR, unknown=False, note="one"),
    Case("image.affine_transform", (FIRST, TURN), {"data_format": "channels_first"}, NEAR),
    Case("image.affine_transform", (BYTES, TURN), {}, (0, 1), note="bytes"),
    *both("perspective_transform", START, END, note="", dtypes=("float32", "float64")),
    Case("image.perspective_transform", (BATCH, np.stack([START, END]), np.stack([END, START])), {"fill_value": 0.5}, (1e-3, 1e-4)),
]  # fmt: skip
