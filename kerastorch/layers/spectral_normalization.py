"""A wrapper that bounds by how much a layer can stretch its input."""

from kerastorch import initializers, ops
from kerastorch.fields import Field, declare
from kerastorch.layers.wrapper import Wrapper


def _iterations(value):
    if value <= 0:
        raise ValueError(f"`power_iterations` should be greater than zero. It is {value!r}")
    return value


@declare
class SpectralNormalization(Wrapper):
    """Divides a layer's kernel by its largest singular value, each time that it is called in training.

    That value is estimated by power iteration, from where the last call left off (Miyato et al., 2018).

    Args:
        layer: A layer with a `kernel` or `embeddings`.
        power_iterations: Number of iterations in each call.

    Raises:
        ValueError: If `power_iterations` is not positive, or the layer has neither weight.
    """

    power_iterations: Field(_iterations) = 1

    def build(self, input_shape):
        super().build(input_shape)
        self.kernel = getattr(self.layer, "kernel", None)
        if self.kernel is None:
            self.kernel = getattr(self.layer, "embeddings", None)
        if self.kernel is None:
            raise ValueError(f"the {type(self.layer).__name__} object has no attribute 'kernel' nor 'embeddings'")
        start = initializers.TruncatedNormal(stddev=0.02)
        self.vector_u = self.add_weight(
            (1, self.kernel.shape[-1]), start, dtype=self.kernel.dtype, trainable=False, name="vector_u"
        )

    def call(self, inputs, training=False):
        if training:
            vector, kernel = self.normalized_weights()
            self.vector_u.assign(vector)
            self.kernel.assign(kernel)
        return ops.cast(self.layer(inputs), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    def normalized_weights(self):
        """The next estimate of the singular vector, and the kernel divided by the largest singular value.

        A kernel of zeros stays as it is, and so does the vector.
        """
        kernel = ops.stop_gradient(self.kernel)
        matrix = ops.reshape(kernel, (-1, self.kernel.shape[-1]))
        u = start = ops.stop_gradient(self.vector_u)
        for _ in range(self.power_iterations):
            v = ops.normalize(ops.matmul(u, ops.transpose(matrix)), axis=None)
            u = ops.normalize(ops.matmul(v, matrix), axis=None)
        sigma = ops.matmul(ops.matmul(v, matrix), ops.transpose(u))
        none = ops.equal(sigma, 0.0)
        scaled = ops.divide(kernel, ops.reshape(ops.where(none, 1.0, sigma), (1,) * len(self.kernel.shape)))
        return ops.where(none, start, u), scaled
