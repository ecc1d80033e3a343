"""Steps that are made orthogonal, for the kernels of hidden layers; Adam for all other weights."""

import re
from typing import Any

from kerastorch import ops
from kerastorch.fields import Field, declare, fields_of
from kerastorch.optimizers.adaptive import moments, unbiased
from kerastorch.optimizers.base import Optimizer
from kerastorch.optimizers.state import Rate
from kerastorch.optimizers.updates import plain

COMMON = list(fields_of(Optimizer))[1:]
OWN = ("exclude_layers", "exclude_embeddings", "muon_a", "muon_b", "muon_c", "adam_lr_ratio", "momentum", "ns_steps", "nesterov",
       "rms_rate")  # fmt: skip


@declare(order=("learning_rate", "adam_beta_1", "adam_beta_2", "adam_weight_decay", "epsilon", *COMMON, *OWN))
class Muon(Optimizer):
    """Momentum whose steps have all singular values near 1, for matrices; Adam with weight decay for all other weights.

    m = momentum * m + g, then w -= rate * factor * orthogonal(m), or orthogonal(g + momentum * m) with `nesterov`.

    Args:
        learning_rate: As of `Optimizer`.
        adam_beta_1, adam_beta_2, adam_weight_decay, epsilon: For the weights that Adam updates, see `AdamW`.
        exclude_layers: Regular expressions; matrices in whose path one is found are left to Adam, as the output layer's should be.
        exclude_embeddings: Whether Adam updates weights with "embedding" in their path.
        muon_a, muon_b, muon_c: Coefficients of the iteration that makes steps orthogonal.
        adam_lr_ratio: Factor of the rate where Adam is used.
        momentum: How much of the momentum stays at each step.
        ns_steps: Number of iterations.
        nesterov: Whether the momentum is applied ahead.
        rms_rate: Size of a step's entries, as Adam's would be; None leaves steps as they are.
        kwargs: Further arguments of `Optimizer`.

    Sources: Jordan, Muon (2024); Liu et al., Muon is scalable for LLM training (2025), arXiv:2502.16982.
    """

    learning_rate: Rate = 0.001
    adam_beta_1: Any = 0.9
    adam_beta_2: Any = 0.999
    adam_weight_decay: Any = 0.004
    epsilon: Any = 1e-7
    weight_decay: Any = 0.004
    exclude_layers: Field(lambda patterns: patterns or []) = None
    exclude_embeddings: Any = True
    muon_a: Any = 3.4445
    muon_b: Any = -4.7750
    muon_c: Any = 2.0315
    adam_lr_ratio: Any = 1
    momentum: Any = 0.95
    ns_steps: Any = 5
    nesterov: Any = True
    rms_rate: Any = 0.2

    def uses_adam(self, variable) -> bool:
        """Whether Adam updates a weight."""
        path = variable.path
        embeds = self.exclude_embeddings and "embedding" in path.lower()
        return len(variable.shape) != 2 or embeds or any(re.search(pattern, path) for pattern in self.exclude_layers)

    def build(self, variables):
        """Makes the momenta, and mean squares for those weights that Adam updates."""
        if self.built:
            return
        super().build(variables)
        slots: dict[str, list[Any]] = {"momentum": [], "velocity": []}
        for v in self._trainable_variables:
            for name, found in slots.items():
                wanted = not v.overwrite_with_gradient and (name == "momentum" or self.uses_adam(v))
                found.append(self.add_variable_from_reference(v, name) if wanted else None)
        self._slots.update(slots)

    def decay_of(self, variable):
        """The weight decay that applies to a weight; None where none does."""
        return None if self.excluded(variable) else self.adam_weight_decay if self.uses_adam(variable) else self.weight_decay

    def alpha(self, learning_rate, dtype="float32"):
        """The size of Adam's step."""
        return unbiased(self, self.number(learning_rate, dtype) * self.adam_lr_ratio, self.adam_beta_1, self.adam_beta_2, dtype)

    def update_step(self, gradient, variable, learning_rate):
        """Changes one weight by its gradient."""
        if self.slot("velocity", variable) is not None:
            m, v = moments(self, gradient, variable, self.adam_beta_1, self.adam_beta_2)
            step = ops.multiply(m, self.alpha(learning_rate, variable.dtype))
            self.assign_sub(variable, ops.divide(step, ops.add(ops.sqrt(v), self.epsilon)))
            return
        m = ops.add(ops.multiply(self.slot("momentum", variable), self.momentum), gradient)
        self.assign(self.slot("momentum", variable), m)
        ahead = ops.add(gradient, ops.multiply(m, self.momentum)) if self.nesterov else m
        self.assign_sub(variable, ops.multiply(self.direction(ahead), plain(self.number(learning_rate, variable.dtype))))

    def direction(self, x):
        """The step of a matrix for a rate of 1."""
        return self.lr_adjust(self.zeropower_via_newtonschulz5(x, self.ns_steps))

    def lr_adjust(self, x):
        """An orthogonal matrix times sqrt(longer side) * rms_rate, which makes its entries as large as those of Adam's steps."""
        if self.rms_rate is None:
            return x
        return ops.multiply(x, max(x.shape[-2:]) ** 0.5 * self.rms_rate)

    def transpose_last_axis(self, X):
        """A matrix (or a stack of them) transposed."""
        return ops.swapaxes(X, -2, -1)

    def zeropower_via_newtonschulz5(self, x, steps: int):
        """A matrix with the singular vectors of x and singular values near 1, by an iteration over odd polynomials of degree 5.

        Args:
            x: Matrix, or a stack of matrices.
            steps: Number of iterations.

        Raises:
            ValueError: If x has fewer than 2 axes.
        """
        if len(x.shape) < 2:
            raise ValueError(f"Muon: only matrices can be made orthogonal, not a tensor of shape {tuple(x.shape)}")
        tall = x.shape[-2] > x.shape[-1]
        x = self.transpose_last_axis(x) if tall else x
        x = ops.divide(x, ops.add(ops.norm(x, axis=(-2, -1), keepdims=True), 1e-7))  # no singular value above 1
        for _ in range(steps):
            square = ops.matmul(x, self.transpose_last_axis(x))
            inner = ops.add(ops.multiply(square, self.muon_b), ops.multiply(ops.matmul(square, square), self.muon_c))
            x = ops.add(ops.multiply(x, self.muon_a), ops.matmul(inner, x))
        return self.transpose_last_axis(x) if tall else x
