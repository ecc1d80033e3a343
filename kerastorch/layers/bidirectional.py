"""A recurrent layer read in both directions."""

from kerastorch import ops, tree
from kerastorch.fields import choice
from kerastorch.layers.base import Layer
from kerastorch.saving.objects import custom_object_scope, deserialize_keras_object, serialize_keras_object

MERGES = {
    "concat": lambda forward, backward: ops.concatenate([forward, backward], axis=-1),
    "sum": ops.add,
    "ave": lambda forward, backward: ops.divide(ops.add(forward, backward), 2),
    "mul": ops.multiply,
}
SHARED = ("stateful", "return_sequences", "return_state")  # what the two directions must agree on


def _copy(layer, direction, **changes):
    """A layer of the same configuration, named after its direction."""
    config = {**layer.get_config(), "name": f"{direction}_{layer.name.removeprefix(f'{direction}_')}", **changes}
    mine = {
        type(sub).__name__: type(sub)
        for sub in layer._flatten_layers()
        if type(sub).__module__.split(".")[0] != "kerastorch"
    }
    with custom_object_scope(mine):
        new = type(layer).from_config(config)
    if hasattr(layer, "use_cudnn"):
        new.use_cudnn = layer.use_cudnn
    return new


class Bidirectional(Layer):
    """A recurrent layer and a second one that reads the sequence from its end.

    Args:
        layer: The recurrent layer; its configuration makes both directions.
        merge_mode: How the two outputs become one: "concat" (along the features), "sum", "ave" (mean), "mul" (product),
            or None for both in a tuple.
        weights: Arrays to start from, those of the forward layer first.
        backward_layer: The layer that reads backwards, with `go_backwards=True`; made from `layer` where it is None.

    Raises:
        ValueError: If an argument is no layer, `merge_mode` is unknown, or the two layers do not fit each other.
    """

    supports_masking = True

    def __init__(self, layer, merge_mode="concat", weights=None, backward_layer=None, **kwargs):
        for name, value in (("layer", layer), ("backward_layer", backward_layer)):
            if not isinstance(value, Layer) and not (name == "backward_layer" and value is None):
                raise ValueError(f"Bidirectional: argument {name!r} must be a layer, not {value!r}")
        super().__init__(weights=weights, **kwargs)
        try:
            self.merge_mode = choice(*MERGES, None).parse(merge_mode)
        except ValueError as error:
            raise ValueError(f"Bidirectional: argument 'merge_mode': {error}") from error
        self.forward_layer = _copy(layer, "forward")
        self.backward_layer = backward_layer or _copy(layer, "backward", go_backwards=True)
        self._check_directions()
        for direction in (self.forward_layer, self.backward_layer):
            if hasattr(direction, "zero_output_for_mask"):
                direction.zero_output_for_mask = direction.return_sequences
        for name in SHARED:
            setattr(self, name, getattr(layer, name))
        self.input_spec = layer.input_spec

    def _check_directions(self):
        forward, backward = self.forward_layer, self.backward_layer
        for name in ("go_backwards", *SHARED):
            for direction, layer in (("forward", forward), ("backward", backward)):
                if not hasattr(layer, name):
                    raise ValueError(f"Bidirectional: the {direction} layer {layer!r} is no recurrent layer: it has no "
                                     f"{name!r}")  # fmt: skip
        if forward.go_backwards == backward.go_backwards:
            raise ValueError("Bidirectional: the forward and the backward layer must differ in go_backwards, but both "
                             f"have go_backwards={forward.go_backwards}")  # fmt: skip
        for name in SHARED:
            if getattr(forward, name) != getattr(backward, name):
                raise ValueError(f"Bidirectional: the forward and the backward layer must agree on {name}, but have "
                                 f"{getattr(forward, name)} and {getattr(backward, name)}")  # fmt: skip

    def build(self, sequences_shape, initial_state_shape=None):
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        one = self.forward_layer.compute_output_shape(sequences_shape)
        two = self.backward_layer.compute_output_shape(sequences_shape)
        states = (*one[1:], *two[1:]) if self.return_state else ()
        one, two = (one[0], two[0]) if self.return_state else (one, two)
        merged = (one, two)
        if self.merge_mode is not None:
            merged = ((*one[:-1], one[-1] + two[-1]) if self.merge_mode == "concat" else one,)
        return (*merged, *states) if self.return_state or self.merge_mode is None else merged[0]

    def compute_mask(self, inputs, mask):
        mask = tree.leaves(mask)[0] if self.return_sequences else None
        outputs = [mask] * (1 if self.merge_mode else 2)
        if self.return_state:
            outputs += [None] * 2 * len(self.forward_layer.state_size)
        return outputs if len(outputs) > 1 else mask

    def call(self, sequences, initial_state=None, mask=None, training=None):
        given = list(initial_state) if initial_state is not None else []
        half = len(given) // 2
        outputs, states = [], []
        for layer, start in ((self.forward_layer, given[:half]), (self.backward_layer, given[half:])):
            out = layer(sequences, initial_state=start or None, mask=mask, training=training)
            output, *after = out if self.return_state else (out,)
            outputs.append(ops.cast(output, self.compute_dtype))
            states += after
        if self.return_sequences:
            outputs[1] = ops.flip(outputs[1], axis=1)
        if self.merge_mode is not None:
            outputs = [MERGES[self.merge_mode](*outputs)]
        return (*outputs, *states) if len(outputs) + len(states) > 1 else outputs[0]

    def reset_state(self):
        """Sets the kept states of both directions to zeros.

        Raises:
            AttributeError: If the layers are not stateful.
        """
        if not self.stateful:
            raise AttributeError(f"layer {self.name!r} (Bidirectional) keeps no states: its layers are not stateful")
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state

    @property
    def states(self):
        """The Variables that keep the states of both directions; None where there are none."""
        forward, backward = self.forward_layer.states, self.backward_layer.states
        return (*forward, *backward) if forward and backward else None

    def get_config(self):
        config = {"merge_mode": self.merge_mode}
        for name, layer in (("layer", self.forward_layer), ("backward_layer", self.backward_layer)):
            config[name] = serialize_keras_object(layer)
        return {**super().get_config(), **config}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A new layer from what `get_config` gave."""
        made = {
            n: deserialize_keras_object(config[n], custom_objects) for n in ("layer", "backward_layer") if n in config
        }
        return cls(**{**config, **made})
