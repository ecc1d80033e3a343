"""Updates of all weights at once: each optimizer's formula in a few calls on lists of tensors, in the parameters' own
layout.

The formulas are those of `kerastorch.optimizers.descent` and `adam`, where they are written for one weight. Nothing
here asks the device for a value: the step and the learning rate are numbers on the host.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from kerastorch import optimizers
from kerastorch import variable as variable_
from kerastorch.optimizers import Optimizer
from kerastorch.optimizers.base import present
from kerastorch.optimizers.updates import Updates
from kerastorch.variable import Variable

Tensors = list[torch.Tensor]


class Group:
    """Parameters of one kind (dtype, device, weight decay, slots) with their slots: what one call updates."""

    def __init__(self, dtype: str, decay: float | None):
        self.dtype, self.decay = dtype, decay
        self.places: list[int] = []  # in the list of all parameters
        self.owners: list[int] = []  # of the parameters, in the list of all weights
        self.params: Tensors = []
        self.slots: dict[str, Tensors] = {}


Kernel = Callable[[Any, Group, Tensors, float, float], None]
"""(optimizer, group, gradients, learning rate, fraction that weight decay takes) -> None."""

_beyond: dict[torch.device, torch.Tensor] = {}


def _no_bias(device: torch.device) -> torch.Tensor:
    """The step at which Adam's averages have no bias, so that torch's kernel leaves it to the step size it is given."""
    if device not in _beyond:
        _beyond[device] = torch.tensor(float("inf"), device=device)
    return _beyond[device]


def _shrink(params: Tensors, decay: float) -> None:
    if decay:
        torch._foreach_mul_(params, 1.0 - decay)


def _mix(averages: Tensors, new: Tensors, kept: float) -> None:
    torch._foreach_lerp_(averages, new, 1.0 - kept)


def _mix_squares(averages: Tensors, grads: Tensors, kept: float) -> None:
    torch._foreach_mul_(averages, kept)
    torch._foreach_addcmul_(averages, grads, grads, 1.0 - kept)


def _roots(squares: Tensors, epsilon: float) -> Tensors:
    roots = torch._foreach_add(squares, epsilon)
    torch._foreach_sqrt_(roots)
    return roots


def sgd(by, group, grads, rate, decay):
    params, slots = group.params, group.slots
    _shrink(params, decay)
    if not by.momentum:
        torch._foreach_add_(params, grads, alpha=-rate)
    elif by.nesterov:
        m = slots["momentum"]
        torch._foreach_mul_(m, by.momentum)
        torch._foreach_add_(m, grads, alpha=-rate)
        torch._foreach_add_(params, m, alpha=by.momentum)
        torch._foreach_add_(params, grads, alpha=-rate)
    else:  # torch's kernel computes m = momentum * m - (1 - dampening) * g, then p = p - lr * m
        torch._fused_sgd_(
            params,
            grads,
            slots["momentum"],
            weight_decay=0.0,
            momentum=by.momentum,
            lr=-1.0,
            dampening=1.0 - rate,
            nesterov=False,
            maximize=True,
            is_first_step=False,
        )


def rmsprop(by, group, grads, rate, decay):
    params, slots = group.params, group.slots
    _shrink(params, decay)
    _mix_squares(slots["velocity"], grads, by.rho)
    squares = slots["velocity"]
    if by.centered:
        means = slots["average_gradient"]
        _mix(means, grads, by.rho)
        squares = torch._foreach_addcmul(squares, means, means, -1.0)
    roots = _roots(squares, by.epsilon)
    if by.momentum > 0:
        m = slots["momentum"]
        torch._foreach_mul_(m, by.momentum)
        torch._foreach_addcdiv_(m, grads, roots, rate)
        torch._foreach_sub_(params, m)
    else:
        torch._foreach_addcdiv_(params, grads, roots, -rate)


def adagrad(by, group, grads, rate, decay):
    params, slots = group.params, group.slots
    _shrink(params, decay)
    torch._foreach_addcmul_(slots["accumulator"], grads, grads)
    torch._foreach_addcdiv_(params, grads, _roots(slots["accumulator"], by.epsilon), -rate)


def adadelta(by, group, grads, rate, decay):
    params, slots = group.params, group.slots
    _shrink(params, decay)
    steps = slots["accumulated_delta_var"]
    _mix_squares(slots["accumulated_grad"], grads, by.rho)
    step = _roots(steps, by.epsilon)
    torch._foreach_mul_(step, grads)
    torch._foreach_div_(step, _roots(slots["accumulated_grad"], by.epsilon))
    _mix_squares(steps, step, by.rho)
    torch._foreach_add_(params, step, alpha=-rate)


def adam(by, group, grads, rate, decay):
    _adam(by, group, grads, rate, decay, by.beta_1, by.beta_2)


def _adam(by, group, grads, rate, decay, beta_1, beta_2):
    params, slots = group.params, group.slots
    size = by.alpha(rate, group.dtype)
    if not size:  # no step, so torch's decay, which is in parts of it, cannot be said
        _shrink(params, decay)
        decay = 0.0
    torch._fused_adamw_(
        params,
        grads,
        slots["momentum"],
        slots["velocity"],
        slots.get("velocity_hat", []),
        [_no_bias(params[0].device)] * len(params),
        lr=size,
        beta1=beta_1,
        beta2=beta_2,
        weight_decay=decay / size if size else 0.0,
        eps=by.epsilon,
        amsgrad="velocity_hat" in slots,
        maximize=False,
    )


def adamax(by, group, grads, rate, decay):
    params, slots = group.params, group.slots
    _shrink(params, decay)
    _mix(slots["momentum"], grads, by.beta_1)
    torch._foreach_mul_(slots["norm"], by.beta_2)
    torch._foreach_maximum_(slots["norm"], torch._foreach_abs(grads))
    torch._foreach_addcdiv_(
        params, slots["momentum"], torch._foreach_add(slots["norm"], by.epsilon), -by.size(rate, group.dtype)
    )


def nadam(by, group, grads, rate, decay):
    params, slots = group.params, group.slots
    _shrink(params, decay)
    _mix(slots["momentum"], grads, by.beta_1)
    _mix_squares(slots["velocity"], grads, by.beta_2)
    of_mean, of_gradient, of_square = by.sizes(rate, group.dtype)
    roots = torch._foreach_mul(slots["velocity"], of_square)
    torch._foreach_sqrt_(roots)
    torch._foreach_add_(roots, by.epsilon)
    torch._foreach_addcdiv_(params, slots["momentum"], roots, -of_mean)
    torch._foreach_addcdiv_(params, grads, roots, -of_gradient)


def lion(by, group, grads, rate, decay):
    params, slots = group.params, group.slots
    _shrink(params, decay)
    directions = torch._foreach_lerp(slots["momentum"], grads, 1.0 - by.beta_1)
    torch._foreach_sign_(directions)
    torch._foreach_add_(params, directions, alpha=-rate)
    _mix(slots["momentum"], grads, by.beta_2)


def ftrl(by, group, grads, rate, decay):
    params, totals, linear = group.params, group.slots["accumulator"], group.slots["linear"]
    _shrink(params, decay)
    before = torch._foreach_pow(totals, -by.learning_rate_power)
    torch._foreach_addcmul_(totals, grads, grads)
    after = torch._foreach_pow(totals, -by.learning_rate_power)
    torch._foreach_addcmul_(linear, torch._foreach_sub(after, before), params, -1.0 / rate)
    torch._foreach_add_(linear, grads)
    if by.l2_shrinkage_regularization_strength:
        torch._foreach_add_(linear, params, alpha=2.0 * by.l2_shrinkage_regularization_strength)
    torch._foreach_div_(after, rate)
    torch._foreach_add_(after, 2.0 * by.l2_regularization_strength + by.beta / rate)
    l1 = by.l1_regularization_strength
    new = torch._foreach_clamp_max(torch._foreach_clamp_min(linear, -l1), l1)
    torch._foreach_sub_(new, linear)
    torch._foreach_div_(new, after)
    torch._foreach_copy_(params, new)


def lamb(by, group, grads, rate, decay):
    params, slots = group.params, group.slots
    _shrink(params, decay)
    _mix(slots["momentum"], grads, by.beta_1)
    _mix_squares(slots["velocity"], grads, by.beta_2)
    of_mean, of_square = by.sizes(group.dtype)
    roots = torch._foreach_mul(slots["velocity"], of_square)
    torch._foreach_sqrt_(roots)
    torch._foreach_add_(roots, by.epsilon)
    steps = torch._foreach_mul(slots["momentum"], of_mean)
    torch._foreach_div_(steps, roots)
    lengths, sizes = (torch.stack(_joined(torch._foreach_norm(x), group.owners)) for x in (params, steps))
    ratios = torch.where((lengths > 0) & (sizes > 0), lengths / sizes, 1.0) * rate
    torch._foreach_mul_(steps, list(ratios.unbind()))
    torch._foreach_sub_(params, steps)


def schedule_free(by, group, grads, rate, decay):
    params, points, squares = group.params, group.slots["momentum"], group.slots["velocity"]
    _shrink(params, decay)
    rate, of_square, share = by.sizes(rate, group.dtype)
    _mix_squares(squares, grads, by.beta_2)
    roots = torch._foreach_mul(squares, of_square)
    torch._foreach_sqrt_(roots)
    torch._foreach_add_(roots, by.epsilon)
    torch._foreach_addcdiv_(points, grads, roots, -rate)
    torch._foreach_lerp_(params, points, share)


def muon(by, group, grads, rate, decay):
    if "velocity" in group.slots:
        _adam(by, group, grads, rate, decay, by.adam_beta_1, by.adam_beta_2)
        return
    params, momenta = group.params, group.slots["momentum"]
    _shrink(params, decay)
    torch._foreach_mul_(momenta, by.momentum)
    torch._foreach_add_(momenta, grads)
    ahead = torch._foreach_add(grads, momenta, alpha=by.momentum) if by.nesterov else momenta
    torch._foreach_add_(params, [by.direction(x) for x in ahead], alpha=-rate)  # one matrix after another: products, not elements


def _joined(norms: Tensors, owners: list[int]) -> Tensors:
    """For each parameter, the norm over all parts of its weight."""
    if len(set(owners)) == len(owners):
        return norms
    by_owner: dict[int, Tensors] = {}
    for i, n in zip(owners, norms, strict=True):
        by_owner.setdefault(i, []).append(n)
    whole = {i: torch.linalg.vector_norm(torch.stack(parts)) for i, parts in by_owner.items()}
    return [whole[i] for i in owners]


FUSED: dict[type, Kernel] = {
    optimizers.SGD: sgd,
    optimizers.RMSprop: rmsprop,
    optimizers.Adagrad: adagrad,
    optimizers.Adadelta: adadelta,
    optimizers.Adam: adam,
    optimizers.Adamax: adamax,
    optimizers.Nadam: nadam,
    optimizers.Lion: lion,
    optimizers.Ftrl: ftrl,
    optimizers.Lamb: lamb,
    optimizers.ScheduleFreeAdamW: schedule_free,
    optimizers.Muon: muon,
}
"""Adafactor is not among them: its means over rows and columns are one weight's, so its formula over ops is as good."""


def kernel_of(optimizer: Any, variables: Sequence[Variable] = ()) -> Kernel | None:
    """The fused update of an optimizer, None where its formula is somebody's own, or parameters are no longer a weight's matrix."""
    for cls in type(optimizer).__mro__:
        if cls in FUSED:
            own = type(optimizer).update_step is not cls.update_step  # type: ignore[attr-defined]
            return None if own or cls is optimizers.Muon and any(map(_reshaped, variables)) else FUSED[cls]
    return None


def _reshaped(variable: Variable) -> bool:
    """Whether a matrix lies otherwise than as it is or transposed."""
    parts = variable.home.parameters  # type: ignore[attr-defined]
    return len(variable.shape) == 2 and (len(parts) > 1 or sorted(parts[0].shape) != sorted(variable.shape))


class FusedUpdates(Updates):
    """Updates by a kernel. Gradients are lists in the order and layout of all parameters of the weights."""

    def __init__(self, optimizer: Any, variables: list[Variable], kernel: Kernel):
        super().__init__(optimizer, variables)
        self.kernel = kernel
        self.params: Tensors = [p for v in variables for p in v.home.parameters]  # type: ignore[attr-defined]
        self.owners = [i for i, v in enumerate(variables) for _ in v.home.parameters]  # type: ignore[attr-defined]
        self.strides, self.device = [p.stride() for p in self.params], self.params[0].device
        self.waiting, self.averages = self.tensors("gradient_accumulator"), self.tensors("average")
        groups: dict[Any, Group] = {}
        places = iter(range(len(self.params)))
        for owner, v in enumerate(variables):
            decay = optimizer.decay_of(v)
            slots = {n: optimizer.slot(n, v) for n in optimizer._slots if n not in ("gradient_accumulator", "average")}
            parts = {n: slot.home.parameters for n, slot in slots.items() if slot is not None}
            for part, p in enumerate(v.home.parameters):  # type: ignore[attr-defined]
                group = groups.setdefault((p.dtype, p.device, decay, *parts), Group(v.dtype, decay))
                group.places.append(next(places))
                group.owners.append(owner)
                group.params.append(p)
                for n, tensors in parts.items():
                    group.slots.setdefault(n, []).append(tensors[part])
        self.groups = list(groups.values())

    def moved(self) -> bool:
        """Whether somebody has put the parameters elsewhere, or laid them out anew, since they were gathered."""
        return self.params[0].device != self.device or [p.stride() for p in self.params] != self.strides

    def tensors(self, name: str) -> Tensors:
        """A slot's tensors beside all parameters; none where there is no such slot."""
        if name not in self.optimizer._slots:
            return []
        return [t for v in self.variables for t in self.optimizer.slot(name, v).home.parameters]

    def parts(self, grads: list[Any]) -> Tensors:
        """Gradients in Keras's layout as lists in the parameters' layout."""
        found = []
        for g, v in zip(grads, self.variables, strict=True):
            g = v.backend.convert(g, v.dtype).detach()
            found += v.home.to_native(g)  # type: ignore[attr-defined]
        return self.aligned(found)

    def aligned(self, grads: Tensors) -> Tensors:
        """Gradients whose memory is laid out as that of their parameters, which torch's kernels take for granted."""
        return [
            g if g.stride() == s else torch.empty_like(p).copy_(g)
            for g, s, p in zip(grads, self.strides, self.params, strict=True)
        ]

    def scaled(self, grads: Tensors, scale: float) -> Tensors:
        """Gradients divided by a number."""
        return list(torch._foreach_div(grads, scale))

    def collect(self, grads: Tensors) -> None:
        """Adds gradients to those that wait for an update."""
        torch._foreach_add_(self.waiting, grads)

    def collected(self, grads: Tensors, every: int) -> Tensors:
        """The mean of gradients and those that waited, of which none wait any more."""
        total = torch._foreach_add(grads, self.waiting)
        torch._foreach_zero_(self.waiting)
        return list(torch._foreach_div(total, every))

    def clipped(self, grads: Tensors) -> Tensors:
        """Gradients that are no larger than the optimizer allows."""
        by = self.optimizer
        if by.clipvalue:
            return torch._foreach_clamp_max(torch._foreach_clamp_min(grads, -by.clipvalue), by.clipvalue)
        if not by.clipnorm and not by.global_clipnorm:
            return grads
        norms = torch._foreach_norm(grads)
        if by.global_clipnorm:
            norm = torch.linalg.vector_norm(torch.stack(norms))
            factor = by.global_clipnorm / torch.clamp(norm, min=by.global_clipnorm) + (norm - norm)
            return list(torch._foreach_mul(grads, factor))
        norms = _joined(norms, self.owners)  # a weight in several parts is clipped as a whole
        factors = torch._foreach_reciprocal(torch._foreach_clamp_min(norms, by.clipnorm))
        torch._foreach_mul_(factors, by.clipnorm)
        return list(torch._foreach_mul(grads, factors))

    def update(self, grads: Tensors, rate: Any) -> None:
        """Weight decay and the optimizer's formula."""
        by = self.optimizer
        rate = float(by.number(rate))
        for group in self.groups:
            these = grads if len(self.groups) == 1 else [grads[i] for i in group.places]
            self.kernel(by, group, these, rate, rate * (group.decay or 0.0))

    def average(self, begun: Any) -> None:
        """Takes the weights into their moving averages; before the first update, the average is the weight."""
        torch._foreach_lerp_(self.averages, self.params, 1.0 - self.optimizer.ema_momentum * bool(begun))


def updates(optimizer: Any, variables: list[Variable]) -> Updates:
    """What carries out updates of these weights."""
    kernel = kernel_of(optimizer, variables)
    return FusedUpdates(optimizer, variables, kernel) if kernel is not None else Updates(optimizer, variables)


def updater(backend: Any, optimizer: Any, variables: list[Variable]) -> Callable[[], None]:
    """A function that updates the weights by the gradients that backward() left on their parameters.

    Args:
        backend: The torch backend.
        optimizer: Optimizer, or one of torch's own.
        variables: The trainable weights, at home on torch.
    """
    if not isinstance(optimizer, Optimizer):
        return optimizer.step
    cls = type(optimizer)
    own_apply = cls.apply is not Optimizer.apply or cls.apply_gradients is not Optimizer.apply_gradients
    if own_apply or kernel_of(optimizer, variables) is None or any(v.overwrite_with_gradient for v in variables):
        return lambda: optimizer.apply_gradients([(v.home.gradient(), v) for v in variables])  # type: ignore[attr-defined]
    optimizer._weights_for([None] * len(variables), variables)  # builds, and checks that it knows the weights
    work: Any = None
    moves = -1

    def update() -> None:
        nonlocal work, moves
        if work is not None and work.moved():
            optimizer.replace_slots()
            work = None
        if work is None or moves != variable_.moves:
            work = optimizer.work(variables)
            moves = variable_.moves
        grads = [p.grad for p in work.params]
        if any(g is None for g in grads):
            some(grads)
        else:
            optimizer.advance(work, work.aligned(grads))

    def some(grads: list[Any]) -> None:
        found = iter(grads)
        whole = [[next(found) for _ in v.home.parameters] for v in variables]  # type: ignore[attr-defined]
        kept, those = present([None if any(g is None for g in parts) else parts for parts in whole], variables)
        part = optimizer.work(those)
        optimizer.advance(part, part.aligned([g for parts in kept for g in parts]))

    def without_gradient() -> None:
        with backend.no_gradient():
            update()

    return without_gradient
