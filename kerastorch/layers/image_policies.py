"""Layers that change images in training by other layers: each in turn, or some that are drawn for each batch."""

from kerastorch import fields, ops, random
from kerastorch.fields import declare, fields_of
from kerastorch.layers import image_colors as colors
from kerastorch.layers import image_contrast as contrast
from kerastorch.layers import image_warping as warping
from kerastorch.layers.image_layer import INTERPOLATION, VALUE_RANGE, RandomImageLayer, span

JITTER = {
    "brightness_factor": colors.RandomBrightness,
    "contrast_factor": colors.RandomContrast,
    "saturation_factor": colors.RandomSaturation,
    "hue_factor": colors.RandomHue,
}
POLICY = {  # by name, the layer, and which of its arguments say how much it changes
    "random_shear": (warping.RandomShear, "x_factor", "y_factor"),
    "random_translation": (warping.RandomTranslation, "height_factor", "width_factor"),
    "random_rotation": (warping.RandomRotation, "factor"),
    "random_brightness": (colors.RandomBrightness, "factor"),
    "random_color_degeneration": (colors.RandomColorDegeneration, "factor"),
    "random_contrast": (colors.RandomContrast, "factor"),
    "random_sharpness": (colors.RandomSharpness, "factor"),
    "random_posterization": (colors.RandomPosterization, "factor"),
    "solarization": (colors.Solarization, "addition_factor", "threshold_factor"),
    "auto_contrast": (contrast.AutoContrast,),
    "equalization": (contrast.Equalization,),
}
MORE = ("random_brightness", "random_color_degeneration", "random_contrast", "random_sharpness")  # not in the paper on AugMix


@declare
class Steps(RandomImageLayer):
    """A layer that changes images by other layers, which take their seeds from it."""

    moves = False

    def __post_init__(self):
        super().__post_init__()
        shared = {"value_range": self.value_range, "data_format": self.data_format, "dtype": self.dtype_policy}
        shared |= {"interpolation": self.interpolation} if "interpolation" in fields_of(type(self)) else {}
        self._state.extra["steps"] = {
            name: kind(**given, **{k: v for k, v in shared.items() if k in fields_of(kind) or k == "dtype"})
            for name, (kind, given) in self.kinds().items()
        }

    def kinds(self):
        """By name, the class of a layer and its arguments."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it runs (`kinds`)")

    def _each_drawn(self, data, seed):
        return {name: step.get_random_transformation(data, seed=seed) for name, step in self._state.extra["steps"].items()}

    def _changed_by(self, name, images, transforms):
        return self._state.extra["steps"][name].transform_images(images, transforms[name], training=True)

    def _run_drawn(self, index, images, transforms):
        """What the step at a drawn position makes of images; beyond the last one, they stay as they are."""
        names = self._state.extra["steps"]
        branches = [lambda x, name=name: self._changed_by(name, x, transforms) for name in names]
        return ops.switch(index, [*branches, lambda x: x], images)


@declare(order=("value_range", *JITTER, "seed", "data_format", "bounding_box_format"))
class RandomColorJitter(Steps):
    """Changes brightness, contrast, saturation and hue of images at random, one after the other, in training.

    Args:
        value_range: The least and the greatest value of a pixel.
        brightness_factor: As for `RandomBrightness`; None leaves it as it is.
        contrast_factor: As for `RandomContrast`; None leaves it as it is.
        saturation_factor: As for `RandomSaturation`; None leaves it as it is.
        hue_factor: As for `RandomHue`; None leaves it as it is.
        seed: Seed of the draws; an integer, or None for a random one.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
    """

    value_range: VALUE_RANGE = (0, 255)
    brightness_factor: fields.PLAIN = None
    contrast_factor: fields.PLAIN = None
    saturation_factor: fields.PLAIN = None
    hue_factor: fields.PLAIN = None

    def kinds(self):
        given = {name: getattr(self, name) for name in JITTER}
        return {name: (JITTER[name], {"factor": factor}) for name, factor in given.items() if factor is not None}

    def get_random_transformation(self, data, training=True, seed=None):
        """What is drawn for each of the changes, by the name of its factor."""
        return self._each_drawn(data, self._seed(seed)) if training else None

    def changed(self, images, transformation):
        for name in self._state.extra["steps"]:
            images = self._changed_by(name, images, transformation)
        return images


@declare
class Policy(Steps):
    """What layers share that draw which of the layers in `POLICY` they run.

    Args:
        value_range: The least and the greatest value of a pixel.
        factor: Range of how much images are changed, from 0 to 1: a pair, or one number for the range from 0.
        interpolation: "bilinear" or "nearest", where pixels are moved.
    """

    value_range: VALUE_RANGE = (0, 255)
    factor: span(0, 1) = 0.5
    interpolation: INTERPOLATION = "bilinear"

    names = tuple(POLICY)

    def kinds(self):
        found = {name: (POLICY[name][0], dict.fromkeys(POLICY[name][1:], self.factor)) for name in self.names}
        found["random_posterization"][1]["factor"] = tuple(max(1, int(8 * f)) for f in self.factor)
        return found


@declare(order=("value_range", "num_ops", "factor", "interpolation", "seed", "data_format", "bounding_box_format"))
class RandAugment(Policy):
    """Runs some layers that are drawn for each batch, in training (Cubuk et al., 2019).

    Args:
        value_range: The least and the greatest value of a pixel.
        num_ops: How many layers are run.
        factor: Range of how much images are changed, from 0 to 1: a pair, or one number for the range from 0.
        interpolation: "bilinear" or "nearest", where pixels are moved.
        seed: Seed of the draws; an integer, or None for a random one.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
    """

    num_ops: fields.PLAIN = 2

    def get_random_transformation(self, data, training=True, seed=None):
        """What is drawn for each of the layers ("transforms"), and which are run ("layer_idxes")."""
        if not training:
            return None
        seed = self._seed(seed)
        chosen = random.randint((self.num_ops,), 0, len(self.names), seed=seed)
        return {"transforms": self._each_drawn(data, seed), "layer_idxes": chosen}

    def changed(self, images, transformation):
        def step(i, x):
            return self._run_drawn(ops.take(transformation["layer_idxes"], i), x, transformation["transforms"])

        return ops.fori_loop(0, self.num_ops, step, images)


@declare(order=("value_range", "num_chains", "chain_depth", "factor", "alpha", "all_ops", "interpolation", "seed", "data_format",
                "bounding_box_format"))  # fmt: skip
class AugMix(Policy):
    """Mixes images with what several chains of drawn layers make of them, in training (Hendrycks et al., 2019).

    Args:
        value_range: The least and the greatest value of a pixel.
        num_chains: Number of chains.
        chain_depth: How many layers a chain has at most.
        factor: Range of how much images are changed, from 0 to 1: a pair, or one number for the range from 0.
        alpha: Parameter of the Dirichlet and of the beta distribution that weights come from.
        all_ops: Whether brightness, color, contrast and sharpness are changed too.
        interpolation: "bilinear" or "nearest", where pixels are moved.
        seed: Seed of the draws; an integer, or None for a random one.
        data_format: "channels_last", or "channels_first" for (channels, height, width); None is the default layout.
    """

    num_chains: fields.Count = 3
    chain_depth: fields.Count = 3
    factor: span(0, 1) = 0.3
    alpha: fields.number(0) = 1.0
    all_ops: fields.PLAIN = True

    @property
    def names(self):
        return tuple(name for name in POLICY if self.all_ops or name not in MORE)

    def get_random_transformation(self, data, training=True, seed=None):
        """The weights of the chains and of the images themselves, which layers each chain runs, and what is drawn for them.

        These are "chain_mixing_weights", of shape (chains,), "weight_sample", of shape (), "layer_idxes", of shape (chains, depth),
        and "transforms", a list for all chains.
        """
        if not training:
            return None
        seed, shape = self._seed(seed), (self.num_chains, self.chain_depth)
        weights = random.gamma(shape[:1], float(self.alpha), seed=seed)
        length = random.randint((self.num_chains, 1), 1, self.chain_depth + 1, seed=seed)
        chosen = random.randint(shape, 0, len(self.names), seed=seed)
        return {
            "chain_mixing_weights": weights / ops.sum(weights),
            "weight_sample": random.beta((), float(self.alpha), float(self.alpha), seed=seed),
            "layer_idxes": ops.where(ops.arange(self.chain_depth, dtype="int32") < length, chosen, len(self.names)),
            "transforms": [self._each_drawn(data, seed) for _ in range(self.num_chains)],
        }

    def changed(self, images, transformation):
        depth, drawn = self.chain_depth, transformation["transforms"]
        chosen = ops.reshape(transformation["layer_idxes"], (-1,))
        weights = ops.cast(transformation["chain_mixing_weights"], images.dtype)
        keys = {name: [k for k in found or () if k != "input_shape"] for name, found in drawn[0].items()}
        stacked = {name: {k: ops.stack([chain[name][k] for chain in drawn]) for k in found} for name, found in keys.items()}

        def step(i, state):  # one loop over all chains, so that frameworks that trace it do so once
            x, total = state
            chain, place = ops.floor_divide(i, depth), ops.mod(i, depth)
            transforms = {name: {k: ops.take(v, chain, axis=0) for k, v in found.items()} for name, found in stacked.items()}
            x = self._run_drawn(ops.take(chosen, i), ops.where(ops.equal(place, 0), images, x), transforms)
            return x, total + ops.where(ops.equal(place, depth - 1), ops.take(weights, chain), 0.0) * x

        _, total = ops.fori_loop(0, self.num_chains * depth, step, (images, ops.zeros_like(images)))
        weight = ops.cast(transformation["weight_sample"], images.dtype)
        return images * weight + total * (1 - weight)
