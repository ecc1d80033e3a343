"""Initializers: the first values of weights, drawn on the host: a seed gives the same start on every backend."""

import math
import random
from typing import Any

import ml_dtypes as ml_dtypes  # from which numpy knows bfloat16 and float8 by name
import numpy as np

from kerastorch import dtypes
from kerastorch.fields import Declared, Field, declare
from kerastorch.lazy import attach_past
from kerastorch.saving import objects
from kerastorch.scope import snake
from kerastorch.variable import host_array, numpy_dtype, standardize_shape


class Initializer(Declared):
    """Base of initializers: objects that are called with a shape and a dtype and return the values as a numpy array."""

    def __call__(self, shape, dtype=None):
        """The values.

        Args:
            shape: Shape as a tuple.
            dtype: Name of the dtype; None is floatx.
        """
        raise NotImplementedError(f"{type(self).__name__} must define __call__(shape, dtype)")

    def clone(self):
        """Another initializer of the same configuration; where that has no seed, with a seed of its own."""
        return type(self).from_config(self.get_config())


def _array(values: Any, dtype: Any) -> np.ndarray:
    return np.asarray(values).astype(numpy_dtype(dtypes.standardize(dtype)), copy=False)


# ------------------------------------------------------------------------------------------------ constants


class Zeros(Initializer):
    """All values 0."""

    def __call__(self, shape, dtype=None):
        return np.zeros(shape, numpy_dtype(dtypes.standardize(dtype)))


class Ones(Initializer):
    """All values 1."""

    def __call__(self, shape, dtype=None):
        return np.ones(shape, numpy_dtype(dtypes.standardize(dtype)))


def _unpacked(value: Any) -> Any:
    return objects.deserialize_keras_object(value) if isinstance(value, dict) else value


@declare
class Constant(Initializer):
    """All values the same, or those of an array that broadcasts to the shape.

    Args:
        value: Number or array.
    """

    value: Field(_unpacked, objects.serialize_keras_object) = 0.0

    def __call__(self, shape, dtype=None):
        value = self.value if np.isscalar(self.value) else host_array(self.value)
        return _array(np.broadcast_to(value, shape), dtype).copy()


@declare
class Identity(Initializer):
    """The identity matrix; ones on the diagonal of a matrix that is not square.

    Args:
        gain: Factor.
    """

    gain: Any = 1.0

    def __call__(self, shape, dtype=None):
        if len(shape) != 2:
            raise ValueError(f"Identity needs a shape of rank 2, got {tuple(shape)}")
        return _array(np.eye(*shape) * self.gain, dtype)

    def get_config(self):
        """The constructor's arguments as JSON-like values; as in Keras, a gain of 1 is left out."""
        return {} if self.gain == 1.0 else {"gain": self.gain}


def window_of(name: str, length: int, periodic: bool) -> np.ndarray:
    """A window function of scipy's by name, as an array of shape (length,)."""
    from scipy import signal

    return signal.get_window(name, length, periodic)


def _window(value: Any) -> Any:
    if isinstance(value, str):
        window_of(value, 1, True)  # raises for an unknown name
    return value


INVALID = "{cls}: Invalid `{name}` argument: {error}"


def _member(*allowed: Any, **how: Any) -> Field:
    def parse(value: Any) -> Any:
        if value not in allowed:
            raise ValueError(f"{value!r} is none of {', '.join(map(repr, allowed))}")
        return value

    return Field(parse, **how)


@declare
class STFT(Initializer):
    """Kernels of a short-time Fourier transform, for a convolution over a signal.

    Args:
        side: "real" for cosines, "imag" for sines.
        window: Name of a window function of scipy, an array of shape (frame length,), or None for none.
        scaling: "density" or "spectrum", how the window is normalized; None leaves it.
        periodic: Whether the window is periodic rather than symmetric.
    """

    side: _member("real", "imag") = "real"
    window: Field(_window) = "hann"
    scaling: _member("density", "spectrum", None) = "density"
    periodic: Any = False

    def __call__(self, shape, dtype=None):
        frame, _, bins = shape
        time = np.arange(frame).reshape(frame, 1, 1)
        angle = -2.0 * math.pi * time * np.arange(bins) / (2.0 * (bins - 1))
        kernel = np.cos(angle) if self.side == "real" else np.sin(angle)
        if self.window is not None:
            named = isinstance(self.window, str)
            window = window_of(self.window, frame, self.periodic) if named else host_array(self.window)
            if window.shape != (frame,):
                raise ValueError(f"STFT: the window must have the shape ({frame},) of a frame, got {window.shape}")
            norm = {"density": np.sqrt(np.square(window).sum()), "spectrum": np.abs(window).sum()}.get(self.scaling, 1)
            kernel = kernel * window.reshape(frame, 1, 1) / norm
        return _array(np.broadcast_to(kernel, (frame, 1, bins)), dtype)


# ------------------------------------------------------------------------------------------------ random


class DrawnSeed(int):
    """A seed that was drawn because none was given; a configuration leaves it out."""


def _seed(value: Any) -> Any:
    from kerastorch.random import SeedGenerator

    if value is None:
        return DrawnSeed(random.randint(1, 10**9))
    if isinstance(value, dict):
        return objects.deserialize_keras_object(value)
    if not isinstance(value, int | np.integer | SeedGenerator):
        raise ValueError(f"an integer or a SeedGenerator is needed, not {value!r}")
    return value


Seed = Field(_seed, lambda s: None if isinstance(s, DrawnSeed) else objects.serialize_keras_object(s))


class RandomInitializer(Initializer):
    """Base of initializers that draw their values; with an integer as seed, each call gives the same."""

    seed: Any

    def generator(self) -> np.random.Generator:
        """What the values of one call are drawn from."""
        from kerastorch.random import SeedGenerator

        key = self.seed.draw() if isinstance(self.seed, SeedGenerator) else (int(self.seed), 0)
        return np.random.default_rng([k % 2**64 for k in key])

    def normal(self, shape, stddev: float, mean: float, dtype) -> np.ndarray:
        """Normally distributed values."""
        return _array(self.generator().standard_normal(shape, _precision(dtype)) * stddev + mean, dtype)

    def truncated(self, shape, stddev: float, mean: float, dtype) -> np.ndarray:
        """Normally distributed values, with those beyond two deviations drawn again."""
        generator, kind = self.generator(), _precision(dtype)
        values = np.asarray(generator.standard_normal(shape, kind))
        while (far := np.abs(values) > 2).any():
            values[far] = generator.standard_normal(int(far.sum()), kind)
        return _array(values * stddev + mean, dtype)

    def uniform(self, shape, low: float, high: float, dtype) -> np.ndarray:
        """Evenly distributed values."""
        return _array(self.generator().random(shape, _precision(dtype)) * (high - low) + low, dtype)


def _precision(dtype: Any) -> Any:
    return np.float64 if dtypes.standardize(dtype) == "float64" else np.float32


@declare
class RandomNormal(RandomInitializer):
    """Normally distributed values.

    Args:
        mean, stddev: Mean and standard deviation.
        seed: Integer or SeedGenerator; None draws a seed.
    """

    mean: Any = 0.0
    stddev: Any = 0.05
    seed: Seed = None

    def __call__(self, shape, dtype=None):
        return self.normal(shape, self.stddev, self.mean, dtype)


@declare
class TruncatedNormal(RandomInitializer):
    """Normally distributed values within two standard deviations of the mean.

    Args:
        mean, stddev: Mean and standard deviation of the distribution before it is cut.
        seed: Integer or SeedGenerator; None draws a seed.
    """

    mean: Any = 0.0
    stddev: Any = 0.05
    seed: Seed = None

    def __call__(self, shape, dtype=None):
        return self.truncated(shape, self.stddev, self.mean, dtype)


@declare
class RandomUniform(RandomInitializer):
    """Evenly distributed values.

    Args:
        minval, maxval: Bounds; the upper one is never reached.
        seed: Integer or SeedGenerator; None draws a seed.
    """

    minval: Any = -0.05
    maxval: Any = 0.05
    seed: Seed = None

    def __call__(self, shape, dtype=None):
        return self.uniform(shape, self.minval, self.maxval, dtype)


def fans(shape, input_axes=None, output_axes=None) -> tuple[int, int]:
    """How many inputs an output of a layer depends on, and how many outputs an input has a part in.

    Args:
        shape: The kernel's shape, (*window, in, out) unless axes are named.
        input_axes, output_axes: Axes that make up the inputs and outputs; both or none.
    """
    shape = tuple(shape)
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in input_axes), math.prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        return (shape[0],) * 2 if shape else (1, 1)
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


def _positive(value: Any) -> Any:
    if value <= 0:
        raise ValueError(f"a positive number is needed, not {value!r}")
    return value


def _distribution(value: str) -> str:
    value = value.lower()
    value = "truncated_normal" if value == "normal" else value
    return _member("uniform", "truncated_normal", "untruncated_normal").parse(value)


# Standard deviation of a normal distribution of deviation 1 that is cut at -2 and 2.
CUT_DEVIATION = 0.8796256610342398


@declare
class VarianceScaling(RandomInitializer):
    """Values whose variance is `scale` divided by the number of a layer's inputs, outputs, or the mean of both.

    Args:
        scale: Positive number.
        mode: "fan_in", "fan_out" or "fan_avg".
        distribution: "truncated_normal" (or "normal"), "untruncated_normal" or "uniform".
        seed: Integer or SeedGenerator; None draws a seed.
        input_axes, output_axes: Axes of the shape that make up inputs and outputs; None takes (*window, in, out).
    """

    scale: Field(_positive, complaint="{cls}: Argument `scale` must be positive float: {error}") = 1.0
    mode: _member("fan_in", "fan_out", "fan_avg", complaint=INVALID) = "fan_in"
    distribution: Field(_distribution, complaint=INVALID) = "truncated_normal"
    seed: Seed = None
    input_axes: Any = None
    output_axes: Any = None

    def __call__(self, shape, dtype=None):
        fan_in, fan_out = fans(shape, self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        deviation = math.sqrt(self.scale / max(1.0, n))
        if self.distribution == "uniform":
            limit = math.sqrt(3.0) * deviation
            return self.uniform(shape, -limit, limit, dtype)
        if self.distribution == "untruncated_normal":
            return self.normal(shape, deviation, 0.0, dtype)
        return self.truncated(shape, deviation / CUT_DEVIATION, 0.0, dtype)


def scaling(scale: float, mode: str, distribution: str):
    """Completes a subclass of VarianceScaling in which only the seed and the axes are left open."""

    def complete(cls):
        cls.scale, cls.mode, cls.distribution = scale, mode, distribution
        return declare(cls, order=("seed", "input_axes", "output_axes"))

    return complete


@scaling(1.0, "fan_avg", "uniform")
class GlorotUniform(VarianceScaling):
    """Even values within `sqrt(6 / (in + out))` of 0 (Glorot and Bengio, 2010)."""


@scaling(1.0, "fan_avg", "truncated_normal")
class GlorotNormal(VarianceScaling):
    """Truncated normal values of deviation `sqrt(2 / (in + out))` (Glorot and Bengio, 2010)."""


@scaling(2.0, "fan_in", "uniform")
class HeUniform(VarianceScaling):
    """Even values within `sqrt(6 / in)` of 0 (He et al., 2015)."""


@scaling(2.0, "fan_in", "truncated_normal")
class HeNormal(VarianceScaling):
    """Truncated normal values of deviation `sqrt(2 / in)` (He et al., 2015)."""


@scaling(1.0, "fan_in", "uniform")
class LecunUniform(VarianceScaling):
    """Even values within `sqrt(3 / in)` of 0 (LeCun et al., 1998)."""


@scaling(1.0, "fan_in", "truncated_normal")
class LecunNormal(VarianceScaling):
    """Truncated normal values of deviation `sqrt(1 / in)` (LeCun et al., 1998)."""


@declare
class Orthogonal(RandomInitializer):
    """A matrix of orthonormal rows or columns, whichever are fewer (Saxe et al., 2014); leading axes count as one.

    Args:
        gain: Factor.
        seed: Integer or SeedGenerator; None draws a seed.
    """

    gain: Any = 1.0
    seed: Seed = None

    def __call__(self, shape, dtype=None):
        if len(shape) < 2:
            raise ValueError(f"Orthogonal needs a shape of rank 2 or more, got {tuple(shape)}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(self.generator().standard_normal((max(rows, columns), min(rows, columns)), np.float32))
        q = q * np.sign(np.diag(r))
        return _array((q if rows >= columns else q.T).reshape(shape) * self.gain, dtype)


# ------------------------------------------------------------------------------------------------ finding

CLASSES = (
    Initializer, Constant, GlorotNormal, GlorotUniform, HeNormal, HeUniform, Identity, LecunNormal, LecunUniform, Ones,
    Orthogonal, RandomNormal, RandomUniform, STFT, TruncatedNormal, VarianceScaling, Zeros,
)  # fmt: skip
NAMES = {name: cls for cls in CLASSES for name in (cls.__name__, snake(cls.__name__))} | {
    "IdentityInitializer": Identity,
    "OrthogonalInitializer": Orthogonal,
    "STFTInitializer": STFT,
    "normal": RandomNormal,
    "uniform": RandomUniform,
    "one": Ones,
    "zero": Zeros,
}


def serialize(initializer) -> Any:
    """The configuration of an initializer."""
    return objects.serialize_keras_object(initializer)


def deserialize(config, custom_objects=None):
    """The initializer of a name or configuration.

    Raises:
        ValueError: Where it is not known.
    """
    return objects.lookup("initializer", NAMES, config, custom_objects)


def get(identifier):
    """The initializer that a name, a configuration, a class, a callable or an array stands for; None stays None.

    Raises:
        ValueError: Where it is not known; near names are suggested.
    """
    if hasattr(identifier, "shape") and not callable(identifier):
        return fixed(identifier)
    return objects.lookup("initializer", NAMES, identifier)


def fixed(values):
    """An initializer that gives an array's own values, for its own shape only."""

    def give(shape, dtype=None):
        if standardize_shape(shape) != tuple(values.shape):
            raise ValueError(f"Expected `shape` to be {tuple(values.shape)}, that of the initial values, got {tuple(shape)}")
        return host_array(values, dtypes.standardize(dtype))

    return give


glorot_normal, glorot_uniform = GlorotNormal, GlorotUniform
he_normal, he_uniform = HeNormal, HeUniform
lecun_normal, lecun_uniform = LecunNormal, LecunUniform
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
constant, identity, ones, orthogonal, stft, variance_scaling, zeros = (
    Constant, Identity, Ones, Orthogonal, STFT, VarianceScaling, Zeros
)  # fmt: skip
IdentityInitializer, OrthogonalInitializer, STFTInitializer = Identity, Orthogonal, STFT
__all__ = [
    "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "IdentityInitializer",
    "Initializer", "LecunNormal", "LecunUniform", "Ones", "Orthogonal", "OrthogonalInitializer", "RandomNormal",
    "RandomUniform", "STFT", "STFTInitializer", "TruncatedNormal", "VarianceScaling", "Zeros", "constant",
    "deserialize", "get", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "identity", "lecun_normal",
    "lecun_uniform", "ones", "orthogonal", "random_normal", "random_uniform", "serialize", "stft",
    "truncated_normal", "variance_scaling", "zeros",
]  # fmt: skip


__getattr__ = attach_past(__name__)
