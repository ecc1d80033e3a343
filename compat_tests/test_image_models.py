"""Image ops in models whose images may be of any size: what runs is what the ops give eagerly, on every backend."""

import numpy as np
import pytest

from compat_tests.cases.op_case import between
from kerastorch import layers, models, ops

IMAGES = between(0, 1, 2, 7, 9, 3)
SIDE = np.array([1, 0.1, 0.3, 0.1, 0.9, 0.2, 0, 0], "float32")
OPEN = {
    "crop_to_ratio": (lambda x: ops.image.resize(x, (4, 6), crop_to_aspect_ratio=True), (4, 6)),
    "pad_to_ratio": (lambda x: ops.image.resize(x, (6, 4), pad_to_aspect_ratio=True, fill_value=0.5), (6, 4)),
    "lanczos": (lambda x: ops.image.resize(x, (6, 4), interpolation="lanczos3"), (6, 4)),
    "bytes": (lambda x: ops.image.resize(ops.cast(x * 255, "uint8"), (4, 6)), (4, 6)),
    "pad": (lambda x: ops.image.pad_images(x, 1, right_padding=2, target_height=12, target_width=14), (12, 14)),
    "crop": (lambda x: ops.image.crop_images(x, 1, right_cropping=2, target_height=5, target_width=4), (5, 4)),
    "wrapped": (lambda x: ops.image.affine_transform(x, SIDE, fill_mode="wrap"), (None, None)),
    "elastic": (lambda x: ops.image.elastic_transform(x, seed=3), (None, None)),
    "patches": (lambda x: ops.image.extract_patches(x, 2), (None, None)),
    "upsampling": (lambda x: layers.UpSampling2D(2, interpolation="bilinear")(x), (None, None)),
}


@pytest.mark.parametrize("name", OPEN)
def test_images_of_any_size(name, backend):
    change, sizes = OPEN[name]
    inputs = layers.Input((None, None, 3))
    model = models.Model(inputs, change(inputs))
    assert model.output.shape[1:3] == sizes
    found = model.predict(IMAGES, verbose=0)
    wanted = ops.convert_to_numpy(change(backend.convert(IMAGES)))
    assert found.shape == wanted.shape and found.dtype == wanted.dtype
    np.testing.assert_allclose(found.astype("float32"), wanted.astype("float32"), 1e-5, 1e-5)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda x: ops.image.resize(x, (0, 3)), ValueError, "ops.resize: `size` must have positive height and width, got .0, 3."),
        (lambda x: ops.image.resize(x, (3, 3), "area"), ValueError, "'area' is none of nearest, bilinear"),
        (lambda x: ops.image.resize(x[0, 0], (3, 3)), ValueError, r"images rank.*got shape \(9, 3\)"),
        (lambda x: ops.image.rgb_to_hsv(ops.cast(x, "int32")), ValueError, "expected float dtype.*int32"),
        (lambda x: ops.image.hsv_to_rgb(x[..., :2]), ValueError, "received images with 2 channels"),
        (lambda x: ops.image.pad_images(x, 1, 1), ValueError, "exactly two of top_padding, bottom_padding, target_height"),
        (lambda x: ops.image.crop_images(x, 9, 0, 0, 0), ValueError, "target_height must be >= 0, got -2"),
        (lambda x: ops.image.extract_patches(x, "5"), TypeError, "int or a tuple"),
        (lambda x: ops.image.extract_patches(x, (8, 8)), ValueError, "does not fit an axis of 7"),
        (lambda x: ops.image.affine_transform(x, np.zeros((2, 6))), ValueError, r"8 numbers, got shape \(2, 6\)"),
        (lambda x: ops.image.map_coordinates(x, np.zeros((4, 2)), 3), ValueError, "`order`: 3 is none of 0, 1"),
        (lambda x: ops.image.scale_and_translate(x, (1, 4, 4, 3), [1.0], [0.0], (1,), "linear"), ValueError, "output_shape"),
        (lambda x: ops.image.ssim(x, x), ValueError, "11 positions does not fit"),
        (lambda x: ops.fold(ops.ones((2, 8, 5)), 4, 2, stride=2), ValueError, "has 4 such windows.*has 5"),
        (lambda x: ops.ctc_decode(x[..., 0], [7, 7], "best"), ValueError, "Invalid strategy 'best'"),
    ],
)
def test_wrong_arguments(call, kind, words, backend):
    with pytest.raises(kind, match=words):
        call(backend.convert(IMAGES))
