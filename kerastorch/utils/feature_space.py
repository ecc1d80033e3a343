"""Tables of features of many kinds, prepared and put together: `FeatureSpace`."""

import itertools

import numpy as np

from kerastorch import backend_registry, dtypes, layers, ops, scope, tree
from kerastorch.graph import KerasTensor
from kerastorch.layers.data_layer import as_array, batches
from kerastorch.layers.structures import TEXT
from kerastorch.op import dtype_of
from kerastorch.saving import objects

MODULE = "keras.src.layers.preprocessing.feature_space"  # where Keras keeps what it does not export
BATCH = 32  # how many samples are put together where a data set gives them one by one


class Part:
    """What a configuration describes under a name that Keras does not export."""

    def serialized(self):
        """The description."""
        name = type(self).__name__
        return {"module": MODULE, "class_name": name, "config": self.get_config(), "registered_name": name}

    @classmethod
    def from_config(cls, config):
        """A new object from what `get_config` gave."""
        return cls(**config)


class Cross(Part):
    """Several features together as one, by a hash of their values.

    Args:
        feature_names: The features.
        crossing_dim: Number of bins of the hash.
        output_mode: "one_hot" or "int".
    """

    def __init__(self, feature_names, crossing_dim, output_mode="one_hot"):
        _one_of(output_mode, ("int", "one_hot"))
        self.feature_names, self.crossing_dim, self.output_mode = tuple(feature_names), crossing_dim, output_mode

    name = property(lambda self: "_X_".join(self.feature_names))

    def get_config(self):
        """The constructor's arguments."""
        return {"feature_names": self.feature_names, "crossing_dim": self.crossing_dim, "output_mode": self.output_mode}


class Feature(Part):
    """One feature: its dtype, the layer that prepares it, and whether what that gives is encoded further.

    Args:
        dtype: Dtype of the values.
        preprocessor: The layer.
        output_mode: "float" or "int" as the layer gives it; "one_hot" for a layer that gives class numbers.
    """

    def __init__(self, dtype, preprocessor, output_mode):
        _one_of(output_mode, ("int", "one_hot", "float"))
        self.dtype, self.output_mode = dtype, output_mode
        self.preprocessor = objects.deserialize_keras_object(preprocessor) if isinstance(preprocessor, dict) else preprocessor

    def get_config(self):
        """The constructor's arguments as JSON-like values."""
        described = objects.serialize_keras_object(self.preprocessor)
        return {"dtype": self.dtype, "preprocessor": described, "output_mode": self.output_mode}


KNOWN = {"Cross": Cross, "Feature": Feature, "TFDIdentity": layers.Identity, "TFDConcat": layers.Concatenate}


def _one_of(value, allowed):
    if value not in allowed:
        raise ValueError(
            f"Invalid value for argument `output_mode`. Expected one of {', '.join(allowed)}, not {value!r}"
        )


class FeatureSpace(layers.Layer):
    """Prepares the features of a table, each as fits it, and puts them together.

    Called on a dictionary of features, of one sample or of a batch; in a model on `get_inputs()`; in a `tf.data` pipeline.

    Args:
        features: From the name of each feature to its kind: "float", "float_rescaled", "float_normalized", "float_discretized",
            "integer_categorical", "string_categorical", "integer_hashed", "string_hashed", or what the method of that name gives.
        output_mode: "concat" for one vector, "dict" for a dictionary of them.
        crosses: Tuples of features that are hashed together, or what `cross` gives.
        crossing_dim: Number of bins of such a hash.
        hashing_dim: Number of bins of hashed features.
        num_discretization_bins: Number of bins of discretized features.
        name: Name.
    """

    def __init__(
        self,
        features,
        output_mode="concat",
        crosses=None,
        crossing_dim=32,
        hashing_dim=32,
        num_discretization_bins=32,
        name=None,
    ):
        super().__init__(name=name)
        if not features:
            raise ValueError("FeatureSpace: the argument `features` cannot be None or empty")
        self.crossing_dim, self.hashing_dim, self.num_discretization_bins = crossing_dim, hashing_dim, num_discretization_bins
        self.features = {n: self._feature(n, given) for n, given in features.items()}
        self.crosses = [self._cross(given) for given in crosses or ()]
        _one_of(output_mode, ("dict", "concat"))
        self.output_mode = output_mode
        self.inputs = {n: layers.Input((1,), dtype=f.dtype, name=n) for n, f in self.features.items()}
        self.preprocessors = {n: f.preprocessor for n, f in self.features.items()}
        self.crossers = {c.name: layers.HashedCrossing(c.crossing_dim, name=c.name) for c in self.crosses}
        self.one_hot_encoders = {}
        self.concat = layers.Concatenate(axis=-1)
        self.encoded_features = None
        self._is_adapted = False

    # ---------------------------------------------------------------- kinds of features

    @classmethod
    def cross(cls, feature_names, crossing_dim, output_mode="one_hot"):
        """Several features hashed together; see `Cross`."""
        return Cross(feature_names, crossing_dim, output_mode=output_mode)

    @classmethod
    def feature(cls, dtype, preprocessor, output_mode):
        """A feature prepared by a layer of one's own; see `Feature`."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name=None):
        """A number as it is."""
        return cls._made("float", name, "float32", "float", layers.Identity, dtype="float32")

    @classmethod
    def float_rescaled(cls, scale=1.0, offset=0.0, name=None):
        """A number as `Rescaling` gives it."""
        return cls._made("float_rescaled", name, "float32", "float", layers.Rescaling, scale=scale, offset=offset)

    @classmethod
    def float_normalized(cls, name=None):
        """A number as `Normalization` gives it."""
        return cls._made("float_normalized", name, "float32", "float", layers.Normalization, axis=-1)

    @classmethod
    def float_discretized(cls, num_bins, bin_boundaries=None, output_mode="one_hot", name=None):
        """A number as `Discretization` gives it."""
        return cls._made("float_discretized", name, "float32", output_mode, layers.Discretization,
                         num_bins=num_bins, bin_boundaries=bin_boundaries)  # fmt: skip

    @classmethod
    def integer_categorical(cls, max_tokens=None, num_oov_indices=1, output_mode="one_hot", name=None):
        """An integer as `IntegerLookup` gives it."""
        return cls._made("integer_categorical", name, "int32", output_mode, layers.IntegerLookup,
                         max_tokens=max_tokens, num_oov_indices=num_oov_indices)  # fmt: skip

    @classmethod
    def string_categorical(cls, max_tokens=None, num_oov_indices=1, output_mode="one_hot", name=None):
        """A word as `StringLookup` gives it."""
        return cls._made("string_categorical", name, "string", output_mode, layers.StringLookup,
                         max_tokens=max_tokens, num_oov_indices=num_oov_indices)  # fmt: skip

    @classmethod
    def string_hashed(cls, num_bins, output_mode="one_hot", name=None):
        """A word as `Hashing` gives it."""
        return cls._made("string_hashed", name, "string", output_mode, layers.Hashing, num_bins=num_bins)

    @classmethod
    def integer_hashed(cls, num_bins, output_mode="one_hot", name=None):
        """An integer as `Hashing` gives it."""
        return cls._made("integer_hashed", name, "int32", output_mode, layers.Hashing, num_bins=num_bins)

    @classmethod
    def _made(cls, kind, name, kind_of_value, output_mode, layer, **arguments):
        name = name or scope.unique_name(kind)
        return Feature(kind_of_value, layer(name=f"{name}_preprocessor", **arguments), output_mode)

    def _feature(self, name, given):
        if isinstance(given, Feature):
            return given
        if isinstance(given, dict):
            return objects.deserialize_keras_object(given, custom_objects=KNOWN)
        arguments = {
            "float_discretized": {"num_bins": self.num_discretization_bins},
            "integer_hashed": {"num_bins": self.hashing_dim},
            "string_hashed": {"num_bins": self.hashing_dim},
        }
        kinds = ("float", "float_normalized", "float_rescaled", "integer_categorical", "string_categorical", *arguments)
        if given not in kinds:
            raise ValueError(f"FeatureSpace: feature {name!r}: {given!r} is none of {', '.join(kinds)}")
        return getattr(type(self), given)(name=name, **arguments.get(given, {}))

    def _cross(self, given):
        if isinstance(given, dict):
            given = objects.deserialize_keras_object(given, custom_objects=KNOWN)
        if isinstance(given, Cross):
            return given
        if not self.crossing_dim:
            raise ValueError("FeatureSpace: with `crosses`, `crossing_dim` must say how many bins they are hashed into")
        unknown = [n for n in given if n not in self.features]
        if unknown:
            raise ValueError(f"FeatureSpace: all features of `crosses` should be present in `features`, which {unknown} are not")
        return Cross(given, self.crossing_dim)

    # ---------------------------------------------------------------- adapting

    def adapt(self, dataset):
        """Adapts the layers of all features that can be.

        Args:
            dataset: A dictionary of arrays, or what gives dictionaries, of samples or of batches: a `tf.data.Dataset`, a
                `DataLoader`, a list.

        Raises:
            ValueError: If it is neither.
        """
        if not isinstance(dataset, dict) and not hasattr(dataset, "__iter__"):
            raise ValueError(
                "`adapt()` can only be called on a tf.data.Dataset, a dict of arrays or lists, or what gives dicts, not on "
                f"{type(dataset).__name__}"
            )
        dataset = list(dataset) if hasattr(dataset, "__next__") else dataset
        for name in self._to_adapt():
            self.preprocessors[name].adapt(_column(dataset, name))
        self._is_adapted = True
        self.encoded_features = None
        self.get_encoded_features()

    def _to_adapt(self):
        return [n for n, layer in self.preprocessors.items() if getattr(layer, "is_adaptable", hasattr(layer, "adapt"))]

    # ---------------------------------------------------------------- calling

    def get_inputs(self):
        """The inputs of a model that begins with the features, by name."""
        self.get_encoded_features()
        return self.inputs

    def get_encoded_features(self):
        """The encoded features of a model that begins with `get_inputs()`."""
        if not self._is_adapted and self._to_adapt():
            which = ", ".join(self._to_adapt())
            raise ValueError(f"FeatureSpace {self.name!r}: You need to call `.adapt(dataset)` before using it, to adapt {which}")
        if self.encoded_features is None:
            self.encoded_features = self._encoded(self.inputs)
            self.built = True
        return self.encoded_features

    def __call__(self, data):
        self.get_encoded_features()
        if not isinstance(data, dict):
            raise ValueError(f"A FeatureSpace can only be called with a dict of features, not with {type(data).__name__}")
        missing = self.features.keys() - data.keys()
        if missing:
            raise ValueError(f"FeatureSpace {self.name!r}: the features {', '.join(sorted(missing))} are missing from the data")
        columns = {n: _tensor(data[n]) for n in self.features}
        alone = any(len(x.shape) == 0 for x in columns.values())
        out = self._encoded({n: _as_column(x) for n, x in columns.items()})
        return tree.map_structure(lambda x: ops.squeeze(x, 0) if x.shape[0] == 1 else x, out) if alone else out

    def _encoded(self, data):
        ready = {n: self.preprocessors[n](x) for n, x in data.items()}
        specs = {**self.features, **{c.name: c for c in self.crosses}}
        crossed = {c.name: self.crossers[c.name]([ready[n] for n in c.feature_names]) for c in self.crosses}
        out = {n: self._one_hot(n, x) if specs[n].output_mode == "one_hot" else x
               for found in (ready, crossed) for n, x in sorted(found.items())}  # fmt: skip
        if self.output_mode == "dict":
            return out
        for n, x in out.items():
            if not dtypes.is_float(dtype_of(x)):
                raise ValueError(
                    f"FeatureSpace: Cannot concatenate features because feature {n!r} has not been encoded, it has dtype "
                    f"{dtype_of(x)}; `output_mode='dict'` leaves features apart"
                )
        return self.concat(list(out.values())) if len(out) > 1 else next(iter(out.values()))

    def _one_hot(self, name, x):
        encoder = self.one_hot_encoders.get(name)
        if encoder is None:
            encoder = self.one_hot_encoders[name] = layers.CategoryEncoding(self._classes(name, x), output_mode="multi_hot")
        return encoder(x)

    def _classes(self, name, x):
        """How many classes what prepares a feature distinguishes."""
        layer = self.crossers.get(name) or self.preprocessors[name]
        if not dtypes.is_integer(dtype_of(x)):
            raise ValueError(
                f"FeatureSpace: feature {name!r} has output_mode 'one_hot', so its layer should give integers, not {dtype_of(x)}"
            )
        if getattr(layer, "number_of_classes", None) is None:
            raise ValueError(
                f"FeatureSpace: feature {name!r} has output_mode 'one_hot', but how many classes {type(layer).__name__} "
                "distinguishes is not known; use 'int'"
            )
        return layer.number_of_classes

    # ---------------------------------------------------------------- saving

    def get_config(self):
        return {
            "features": {n: f.serialized() for n, f in self.features.items()},
            "output_mode": self.output_mode,
            "crosses": [c.serialized() for c in self.crosses],
            "crossing_dim": self.crossing_dim,
            "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def get_build_config(self):
        return {n: layer.get_build_config() for n, layer in self.preprocessors.items()}

    def build_from_config(self, config):
        for n, shapes in config.items():
            if not self.preprocessors[n].built and shapes is not None:
                self.preprocessors[n].build_from_config(shapes)
        self._is_adapted = True

    def save(self, filepath):
        """Writes a `.keras` file, which `load_model` reads."""
        from kerastorch import saving

        saving.save_model(self, filepath)


def _tensor(x):
    """A feature as a tensor; text as an array where tensors hold none."""
    if isinstance(x, KerasTensor) or backend_registry.of(x) is not None:
        return x
    array = as_array(x)
    if array.dtype.kind in TEXT:
        backend = backend_registry.active()
        return backend.convert(array) if "text" in backend.also_holds else array
    return ops.convert_to_tensor(x if not hasattr(x, "__array__") else array)


def _as_column(x):
    """One value a row."""
    if len(x.shape) > 1:
        return x
    return ops.reshape(x, (-1, 1)) if backend_registry.of(x) is not None else x.reshape(-1, 1)


def _column(dataset, name):
    """The batches of one feature, each of shape (samples, 1) or more dimensions."""
    if isinstance(dataset, dict):
        values = as_array(dataset[name])
        found = (values[i : i + BATCH] for i in range(0, len(values), BATCH))
    else:
        found = _together(as_array(b[name]) for b in batches(dataset))
    return (x[:, None] if x.ndim == 1 else x for x in found)


def _together(values):
    """Batches; single numbers or words put together in some."""
    first = next(values, None)
    values = iter(()) if first is None else itertools.chain((first,), values)
    if first is None or first.ndim:
        yield from values
        return
    while group := list(itertools.islice(values, BATCH)):
        yield np.stack(group)
