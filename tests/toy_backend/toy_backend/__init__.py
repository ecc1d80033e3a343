"""A backend of kerastorch that another package brings: it computes with numpy, and can do everything but differentiate."""

import contextlib
from typing import Any

import numpy as np

from kerastorch import backend_registry, dtypes, scope
from kerastorch.backend_registry import Backend
from kerastorch.training.steps import Steps
from kerastorch.variable import Home, host_array, numpy_dtype
from toy_backend.tensors import Tensor, tensor


class ArrayHome(Home):
    """A variable at home in a Tensor."""

    def __init__(self, owner, value):
        self.backend, self.value = owner, value

    def tensor(self):
        return self.value

    def numpy(self):
        return np.array(self.value)

    def write(self, value):
        self.value = tensor(np.array(value, self.value.dtype))


class Lowered:
    """A model with weights of its own, called with one tensor or array for each input."""

    def __init__(self, model: Any):
        self.model = model
        self.weights = {id(v): tensor(v.numpy()) for v in model.variables}

    def __call__(self, *inputs: Any, training: bool = False) -> Tensor:
        given = [backend.convert(x) for x in inputs]
        with scope.values(self.weights), backend_registry.using(backend):
            return self.model(given if len(given) > 1 else given[0], training=training)


class ToySteps(Steps):
    """What can be done with a batch without gradients."""

    def __init__(self, owner: Any, model: Any):
        model._leave_for(owner)
        super().__init__(owner, model)

    def call(self, x, training):
        return self.model(x, training=training) if self.model._takes_training() else self.model(x), None

    def test(self, batch):
        return self.test_batch(batch)

    def predict(self, batch):
        return self.call(batch[0], False)[0]


class ToyBackend(Backend):
    """Runs kerastorch on numpy."""

    name = "toy"
    packages = ("toy_backend",)

    @property
    def ops(self):
        from toy_backend.table import TABLE

        return TABLE

    def is_tensor(self, x):
        return isinstance(x, Tensor)

    def convert(self, x, dtype=None, alias=False):
        if isinstance(x, Tensor):
            return x if dtype is None else self.cast(x, dtype)
        return tensor(host_array(x, dtype and dtypes.standardize(dtype)))

    def cast(self, x, dtype):
        return tensor(np.asarray(x).astype(numpy_dtype(dtypes.standardize(dtype))))

    def numpy(self, x):
        return np.array(x)

    def dtype(self, x):
        return dtypes.standardize(x.dtype)

    def shape(self, x):
        return x.shape

    def gather(self, x, index):
        return x[np.asarray(index)]

    def adopt(self, variable):
        variable.move(ArrayHome(self, tensor(variable.home.numpy())))

    def devices(self):
        return ["cpu:0"]

    def seed(self, seed):
        np.random.seed(seed % 2**32)

    def no_gradient(self):
        return contextlib.nullcontext()

    def value_and_gradients(self, function, variables):
        raise NotImplementedError("numpy does not differentiate")

    def lower(self, model, adopt=False):
        return Lowered(model)

    def steps(self, model):
        return ToySteps(self, model)


backend = ToyBackend()
