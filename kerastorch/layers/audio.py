"""Layers that turn sound into spectrograms."""

import math
import warnings

import numpy as np

from kerastorch import dtypes, fields, initializers, ops, shapes
from kerastorch.fields import declare
from kerastorch.layers.base import Layer
from kerastorch.layers.data_layer import DataLayer
from kerastorch.layers.spec import InputSpec
from kerastorch.op import dtype_of

MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


def _named(value):
    return initializers.STFT(window=value).window  # which knows the names


@declare
class STFTSpectrogram(Layer):
    """The short-time Fourier transform of each channel, as a convolution whose kernels may be trained.

    Args:
        mode: What is given for each frequency: the logarithm or the "magnitude", the "psd" (power spectral density), the "real"
            or "imag" part, the "angle", or with "stft" the real parts, then the imaginary ones.
        frame_length: Samples in a frame.
        frame_step: Samples from one frame to the next; half a frame where it is None.
        fft_length: Length of the transform; None is the power of two that holds a frame.
        window: Name of a window function of scipy, an array of `frame_length` numbers, or None.
        periodic: Whether the window is periodic rather than symmetric.
        scaling: "density" or "spectrum", how the window is normalized; None leaves it.
        padding: "valid", or "same" for a frame at every step.
        expand_dims: Whether frequencies get an axis of their own beside the channels.
        data_format: Whether inputs are of shape (batch, time, channels), "channels_last", or (batch, channels, time),
            "channels_first". Outputs are (batch, frames, channels * frequencies) or (batch, channels * frequencies, frames),
            expanded (batch, frames, frequencies, channels) or (batch, channels, frames, frequencies).
    """

    mode: fields.choice(*MODES, fold=False) = "log"
    frame_length: fields.Count = 256
    frame_step: fields.PLAIN = None
    fft_length: fields.PLAIN = None
    window: fields.Field(_named) = "hann"
    periodic: bool = False
    scaling: fields.choice("density", "spectrum", None) = "density"
    padding: fields.choice("valid", "same", fold=False) = "valid"
    expand_dims: bool = False
    data_format: fields.DataFormat = None

    input_spec = InputSpec(ndim=3)

    def __post_init__(self):
        if self.frame_step is not None and not 1 <= self.frame_step <= self.frame_length:
            raise ValueError(
                f"STFTSpectrogram: `frame_step` must be from 1 to {self.frame_length}, a frame, not {self.frame_step}"
            )
        if self.fft_length is not None and self.fft_length < self.frame_length:
            raise ValueError(
                f"STFTSpectrogram: `fft_length` must be at least {self.frame_length}, a frame, not {self.fft_length}"
            )
        if self.fft_length is not None and self.fft_length & (self.fft_length - 1):
            warnings.warn(f"STFTSpectrogram: `fft_length` should be a power of two, which {self.fft_length} is not", stacklevel=4)
        self._step = self.frame_step or self.frame_length // 2
        self._bins = (self.fft_length or 2 ** math.ceil(math.log2(self.frame_length))) // 2 + 1

    def build(self, input_shape):
        for side in ("real", "imag"):
            if self.mode != {"real": "imag", "imag": "real"}[side]:
                start = initializers.STFT(side, self.window, self.scaling, self.periodic)
                kernel = self.add_weight((self.frame_length, 1, self._bins), start, name=f"{side}_kernel")
                setattr(self, f"{side}_kernel", kernel)

    def call(self, inputs):
        if not dtypes.is_float(dtype_of(inputs)):
            raise TypeError(f"STFTSpectrogram {self.name!r}: samples of a floating dtype are needed, not {dtype_of(inputs)}")
        return self._arranged(self._measured(inputs))

    def _measured(self, inputs):
        """What is wanted of each frequency, of shape (batch, channels, frames, frequencies)."""
        if self.mode in ("real", "imag"):
            return self._transformed(inputs, self.real_kernel if self.mode == "real" else self.imag_kernel)
        both = self._transformed(inputs, ops.concatenate([self.real_kernel, self.imag_kernel], -1))
        if self.mode == "stft":
            return both
        real, imag = both[..., : self._bins], both[..., self._bins :]
        if self.mode == "angle":
            return ops.arctan2(imag, real)
        power = ops.square(real) + ops.square(imag)
        if self.mode == "psd":  # frequencies between the first and the last stand for their negatives too
            return power + ops.pad(power[..., 1:-1], [[0, 0], [0, 0], [0, 0], [1, 1]])
        magnitude = ops.sqrt(ops.maximum(power, dtypes.epsilon()))
        return magnitude if self.mode == "magnitude" else ops.log(ops.maximum(magnitude, dtypes.epsilon()))

    def _transformed(self, inputs, kernel):
        signals = inputs if self.data_format == "channels_first" else ops.transpose(inputs, (0, 2, 1))
        _, channels, time = ops.shape(signals)
        signals = ops.reshape(signals, (-1, time, 1))
        kernel = ops.cast(kernel, dtype_of(signals))
        out = ops.conv(signals, kernel, self._step, self.padding, data_format="channels_last")
        _, frames, bins = ops.shape(out)
        return ops.reshape(out, (-1, channels, frames, bins))

    def _arranged(self, x):
        last = self.data_format == "channels_last"
        if self.expand_dims:
            return ops.transpose(x, (0, 2, 3, 1)) if last else x
        _, channels, frames, bins = ops.shape(x)
        if last:
            return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, frames, channels * bins))
        return ops.reshape(ops.transpose(x, (0, 1, 3, 2)), (-1, channels * bins, frames))

    def compute_output_shape(self, input_shape):
        last = self.data_format == "channels_last"
        batch, time, channels = input_shape if last else (input_shape[0], input_shape[2], input_shape[1])
        frames = shapes.window_length(time, self.frame_length, self._step, self.padding)
        bins = self._bins * (2 if self.mode == "stft" else 1)
        if self.expand_dims:
            return (batch, frames, bins, channels) if last else (batch, channels, frames, bins)
        every = None if channels is None else bins * channels
        return (batch, frames, every) if last else (batch, every, frames)


@declare
class MelSpectrogram(DataLayer):
    """The power of a signal by time and mel frequency, an axis on which equal steps sound equal (Stevens et al., 1937).

    Args:
        fft_length: Length of the transform.
        sequence_stride: Samples from one frame to the next.
        sequence_length: Samples in a frame; None is `fft_length`.
        window: "hann", "hamming", an array, or None.
        sampling_rate: Samples per second.
        num_mel_bins: Number of mel frequencies.
        min_freq, max_freq: Range of them in hertz; `max_freq` is half the sampling rate where it is None.
        power_to_db: Whether power is given in decibel.
        top_db: Nothing is more decibel than this below the loudest.
        mag_exp: The power of the magnitude that is summed: 2 for power, 1 for magnitude.
        min_power: What power is raised to at least, before its logarithm is taken.
        ref_power: The power that is 0 decibel.
    """

    fft_length: int = 2048
    sequence_stride: int = 512
    sequence_length: fields.PLAIN = None
    window: fields.PLAIN = "hann"
    sampling_rate: fields.PLAIN = 16000
    num_mel_bins: int = 128
    min_freq: fields.PLAIN = 20.0
    max_freq: fields.PLAIN = None
    power_to_db: bool = True
    top_db: fields.PLAIN = 80.0
    mag_exp: fields.PLAIN = 2.0
    min_power: fields.PLAIN = 1e-10
    ref_power: fields.PLAIN = 1.0

    def __post_init__(self):
        self.sequence_length = self.sequence_length or self.fft_length
        self.max_freq = self.max_freq or int(self.sampling_rate / 2)
        if self.fft_length < self.sequence_length:
            raise ValueError(
                f"MelSpectrogram: `fft_length` must be greater than or equal to sequence_length={self.sequence_length}, not "
                f"{self.fft_length}"
            )

    def call(self, inputs):
        dtype = self.compute_dtype if self.compute_dtype in ("float32", "float64") else "float32"
        real, imag = ops.stft(
            ops.cast(inputs, dtype), self.sequence_length, self.sequence_stride, self.fft_length, window=self.window, center=True
        )
        power = ops.power(ops.sqrt(ops.square(real) + ops.square(imag)), self.mag_exp)
        out = ops.matmul(power, ops.convert_to_tensor(self._weights(), dtype=dtype))
        if self.power_to_db:
            reference = 10.0 * math.log10(max(abs(self.ref_power), self.min_power))
            out = 10.0 * ops.log10(ops.maximum(out, self.min_power)) - reference
            out = ops.maximum(out, ops.max(out) - self.top_db)
        return ops.cast(ops.swapaxes(out, -1, -2), self.compute_dtype)

    def _weights(self):
        bins = self.fft_length // 2 + 1
        return mel_weights(self.num_mel_bins, bins, self.sampling_rate, self.min_freq, self.max_freq)

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins=20,
        num_spectrogram_bins=129,
        sampling_rate=8000,
        lower_edge_hertz=125.0,
        upper_edge_hertz=3800.0,
        dtype="float32",
    ):
        """The matrix by which a spectrogram is multiplied from the right to have mel frequencies.

        Args:
            num_mel_bins: Number of mel frequencies.
            num_spectrogram_bins: Number of frequencies of the spectrogram, from 0 to half the sampling rate.
            sampling_rate: Samples per second.
            lower_edge_hertz, upper_edge_hertz: Range of the mel frequencies.
            dtype: Dtype of the result.

        Returns:
            Tensor of shape (num_spectrogram_bins, num_mel_bins).
        """
        found = mel_weights(num_mel_bins, num_spectrogram_bins, sampling_rate, lower_edge_hertz, upper_edge_hertz)
        return ops.convert_to_tensor(found, dtype=dtype)

    def compute_output_shape(self, input_shape):
        *batch, time = input_shape
        return (*batch, self.num_mel_bins, None if time is None else time // self.sequence_stride + 1)


def mel_weights(mels, bins, rate, lowest, highest):
    """Triangles over the mel scale of HTK, `1127 log(1 + f / 700)`, each 1 at its centre and 0 at the centres of its neighbours.

    Returns:
        Array of shape (bins, mels).
    """

    def mel(hertz):
        return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)

    at = mel(np.linspace(0.0, rate / 2.0, bins))[:, None]
    edges = np.linspace(mel(lowest), mel(highest), mels + 2)
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    out = np.maximum(0.0, np.minimum((at - lower) / (centre - lower), (upper - at) / (upper - centre)))
    out[0] = 0.0  # the mean of the signal is no sound
    return out.astype("float32")
