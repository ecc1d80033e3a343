"""What layers share that have no weights and give each input element its own output element."""

from kerastorch.layers.base import Layer


class Elementwise(Layer):
    """A layer without weights whose output has its input's shape, and which passes masks on."""

    built = True
    supports_masking = True

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)
