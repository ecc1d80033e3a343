"""Cases of the layers that prepare numbers; those for text are in preprocessing.py."""

import numpy as np

from compat_tests.cases.layer_case import Case, Data, ints

FRAMES = {"frame_length": 8, "frame_step": 3, "fft_length": 8}
BOUNDS = [-1.0, 0.0, 0.5]


def normalized(axes):
    """What Normalization gives for its weights; the reference looks at them only when they are loaded."""

    def expected(x, mean, variance, count):
        shape = [d if i in axes else 1 for i, d in enumerate(x.shape)]
        return (x - mean.reshape(shape)) / np.maximum(np.sqrt(variance.reshape(shape)), 1e-7)

    return expected


CASES = [
    Case("Normalization", (3, 4), expected=normalized([1])),
    Case("Normalization", (3, 4, 2, 5), {"axis": (1, 2)}, expected=normalized([1, 2]), unknown=(3,)),
    Case("Normalization", (3, 4), {"axis": None}, expected=normalized([])),
    Case("Normalization", (3, 4), {"mean": 3.0, "variance": 2.0}, mask=(3, 4)),
    Case("Normalization", (3, 4, 5), {"axis": 1, "mean": [1.0, 2.0, 0.0, 0.5], "variance": [0.0, 2.0, 3.0, 1.0]}, unknown=(2,)),
    Case("Normalization", (3, 4), {"mean": [1, 2, 3, 4], "variance": [4, 4, 1, 1], "invert": True}),
    Case("Discretization", (3, 4), {"bin_boundaries": BOUNDS}, gradient=False),
    Case("Discretization", (3, 1), {"bin_boundaries": BOUNDS, "output_mode": "one_hot"}, gradient=False),
    Case("Discretization", (3, 4, 2), {"bin_boundaries": BOUNDS, "output_mode": "multi_hot"}, gradient=False),
    Case("Discretization", (3, 4, 2), {"bin_boundaries": BOUNDS, "output_mode": "count"}, gradient=False),
    Case("CategoryEncoding", ints(3, 4), {"num_tokens": 6}, gradient=False),
    Case("CategoryEncoding", ints(3, 1), {"num_tokens": 6, "output_mode": "one_hot"}, gradient=False),
    Case("CategoryEncoding", ints(3, 4, dtype="int64"), {"num_tokens": 6, "output_mode": "one_hot"}, gradient=False),
    Case("CategoryEncoding", Data((3, 4), "float32", 6), {"num_tokens": 6, "output_mode": "count"}, gradient=False),
    Case("STFTSpectrogram", (2, 30, 1), {"frame_length": 8}, tolerance=(1e-4, 1e-5)),
    Case("STFTSpectrogram", (2, 30, 2), {**FRAMES, "mode": "stft", "padding": "same", "scaling": "spectrum"}, unknown=(1,)),
    Case("STFTSpectrogram", (2, 30, 2), {**FRAMES, "mode": "psd", "expand_dims": True, "window": "hamming", "periodic": True}),
    Case("STFTSpectrogram", (2, 2, 30), {**FRAMES, "mode": "real", "data_format": "channels_first"}),
    Case("STFTSpectrogram", (2, 2, 30), {**FRAMES, "mode": "magnitude", "data_format": "channels_first", "expand_dims": True}),
    Case("STFTSpectrogram", (2, 30, 1), {**FRAMES, "mode": "imag", "window": None, "trainable": False}),
    Case("STFTSpectrogram", (2, 30, 1), {**FRAMES, "mode": "angle", "scaling": None}, tolerance=(1e-4, 1e-4)),
    Case("MelSpectrogram", (2, 400), {"fft_length": 64, "sequence_stride": 32, "num_mel_bins": 8}, unknown=(1,),
         tolerance=(1e-4, 1e-3)),
    Case("MelSpectrogram", (400,), {"fft_length": 64, "sequence_length": 48, "sequence_stride": 32, "num_mel_bins": 4,
                                    "power_to_db": False, "mag_exp": 1.0, "min_freq": 200.0, "max_freq": 3000.0},
         tolerance=(1e-4, 1e-4)),
    Case("Resizing", (2, 6, 5, 3), {"height": 3, "width": 4}, tolerance=(1e-4, 1e-4)),
    Case("Resizing", (2, 3, 6, 5), {"height": 9, "width": 4, "interpolation": "nearest", "data_format": "channels_first"}),
    Case("Resizing", (2, 6, 5, 3), {"height": 3, "width": 4, "crop_to_aspect_ratio": True}, tolerance=(1e-4, 1e-4)),
    Case("AutoContrast", (2, 6, 5, 3), {"value_range": (0, 2)}),
    Case("Equalization", (2, 6, 5, 3), {"value_range": (-1, 1), "bins": 16}, gradient=False, tolerance=(1e-4, 1e-4)),
    Case("Equalization", (2, 3, 6, 5), {"value_range": (-2, 2), "data_format": "channels_first"}, gradient=False,
         tolerance=(1e-4, 1e-4)),
    Case("ContrastLimitedAdaptiveHistogramEqualization", (2, 6, 5, 3), {"value_range": (-2, 2), "tile_grid_size": (2, 3)},
         gradient=False, tolerance=(1e-4, 1e-4)),
    Case("ContrastLimitedAdaptiveHistogramEqualization", (2, 2, 7, 9), {"value_range": (-2, 2), "data_format": "channels_first"},
         gradient=False, tolerance=(1e-4, 1e-4)),
    Case("CenterCrop", (2, 6, 5, 3), {"height": 3, "width": 4}),
    Case("CenterCrop", (2, 3, 6, 5), {"height": 4, "width": 8, "data_format": "channels_first"}, tolerance=(1e-4, 1e-4)),
    Case("RandomRotation", (2, 6, 5, 3), {"factor": (0.1, 0.1), "fill_mode": "nearest"}, tolerance=(1e-4, 1e-4)),
    Case("RandomTranslation", (2, 6, 5, 3), {"height_factor": (0.3, 0.3), "width_factor": (-0.1, -0.1), "fill_mode": "constant",
                                             "fill_value": 2.0}, tolerance=(1e-4, 1e-4)),
    Case("RandomZoom", (2, 6, 5, 3), {"height_factor": (0.2, 0.2), "fill_mode": "nearest"}, tolerance=(1e-4, 1e-4)),
    Case("RandomContrast", (2, 6, 5, 3), {"factor": (-0.5, 0.5), "value_range": (-1, 1)}, gradient=False),
    Case("RandomBrightness", (2, 6, 5, 3), {"factor": (0.2, 0.2), "value_range": (-1, 1)}, gradient=False),
    Case("Pipeline", (3, 4), lambda keras: {"layers": [keras.layers.Rescaling(2.0), keras.layers.Dropout(0.0)]}, recorded=False, note="two"),
]
