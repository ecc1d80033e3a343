"""The layer that runs others in turn, to prepare data."""

from kerastorch import fields, tree
from kerastorch.fields import declare
from kerastorch.graph import KerasTensor
from kerastorch.layers.calls import specs_of
from kerastorch.layers.data_layer import DataLayer
from kerastorch.saving.objects import deserialize_keras_object, serialize_keras_object


@declare(closed=True)
class Pipeline(DataLayer):
    """Layers run one after the other, each on what the one before gave, in a model or a `tf.data` pipeline.

    Args:
        layers: The layers.
    """

    layers: fields.Field(lambda v: [deserialize_keras_object(x) if isinstance(x, dict) else x for x in v], serialize_keras_object)
    name: fields.Base = None

    calls_user_code = True

    def call(self, inputs, training=True, mask=None):
        for layer in self.layers:
            takes = specs_of(type(layer))
            keywords = {"mask": mask} if takes.mask else {}
            if takes.training and training is not None:
                keywords["training"] = training
            inputs = layer(inputs, **keywords)
            mask = tree.map_structure(_mask_of, inputs)
        return inputs

    def get_config(self):
        config = self.declared_config()
        return {"layers": config["layers"], "name": self.name}

    @classmethod
    def from_config(cls, config):
        if not isinstance(config.get("layers"), list | tuple):
            raise ValueError(
                f"Pipeline.from_config: `layers` must be a list of layers' descriptions, not {config.get('layers')!r}"
            )
        return cls(**config)


def _mask_of(x):
    return x.mask if isinstance(x, KerasTensor) else getattr(x, "_keras_mask", None)
