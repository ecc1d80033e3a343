"""How much work on the device an update of a metric or of the weights is, counted in torch's own ops."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from kerastorch import backend_registry, metrics, optimizers
from kerastorch.backends.torch.optimizers import updater
from kerastorch.variable import Variable

ROWS, CLASSES = 32, 10
BACKEND = backend_registry.get("torch")


class Counter(TorchDispatchMode):
    """Keeps the names of all ops that torch carries out."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.append(str(function))
        return function(*args, **(kwargs or {}))


def work(step):
    """The ops of a step that is not the first one."""
    with backend_registry.using(BACKEND), torch.no_grad():
        step()
        with Counter() as counter:
            step()
    assert not any("_local_scalar_dense" in n for n in counter.names), "a value was read to the host"
    return counter.names


def test_metrics():
    values, classes, scores = torch.rand(ROWS), torch.randint(0, CLASSES, (ROWS,)), torch.rand(ROWS, CLASSES)
    mean, tracker, accuracy = metrics.Mean(), metrics.Mean(), metrics.SparseCategoricalAccuracy()
    loss = torch.tensor(0.5)
    assert len(work(lambda: mean.update_state(values))) <= 3
    assert len(work(lambda: tracker.update_state(loss, sample_weight=ROWS))) <= 3
    assert len(work(lambda: accuracy.update_state(classes, scores))) <= 5


@pytest.mark.parametrize(
    "optimizer,calls",
    [
        (optimizers.SGD(), 1),
        (optimizers.SGD(momentum=0.9), 1),
        (optimizers.RMSprop(), 5),
        (optimizers.Adam(), 1),
        (optimizers.AdamW(optimizers.schedules.CosineDecay(0.1, 100)), 1),
        (optimizers.Adagrad(), 4),
    ],
    ids=lambda x: getattr(x, "name", None),
)
def test_optimizers(optimizer, calls):
    weights = [Variable(np.ones((3, 4), "float32"), name=f"w{i}") for i in range(20)]
    for w in weights:
        BACKEND.adopt(w)
        w.home.parameters[0].grad = torch.ones(3, 4)
    assert len(work(updater(BACKEND, optimizer, weights))) == calls
