"""Gradients where a function is not smooth: at zero, at ties, at the edges of a range, beside NaN. The same on every backend."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from kerastorch import ops
from kerastorch.variable import Variable


@dataclass(frozen=True)
class Point:
    """A place at which a function's derivative is not plain, and the gradient of the sum of its results there."""

    id: str
    function: Callable
    at: tuple[float, ...]
    gradient: tuple[float, ...]


INF, NAN = np.inf, np.nan
POINTS = [
    Point("sqrt of 0", ops.sqrt, (0, 4), (INF, 0.25)),
    Point("rsqrt of 0", ops.rsqrt, (0, 4), (-INF, -0.0625)),
    Point("log of 0", ops.log, (0, 2), (INF, 0.5)),
    Point("arccos of 1", ops.arccos, (1, 0), (-INF, -1)),
    Point("abs of 0", ops.abs, (0, -1), (0, -1)),
    Point("sign", ops.sign, (0, 1), (0, 0)),
    Point("norm of 0", ops.norm, (0, 0), (0, 0)),
    Point("norm of 0, order 2", lambda x: ops.norm(x, 2), (0, 0), (0, 0)),
    Point("norm of 0, an axis", lambda x: ops.norm(ops.reshape(x, (1, 2)), axis=-1), (0, 0), (0, 0)),
    Point("norm of 0, a matrix", lambda x: ops.norm(ops.reshape(x, (1, 2))), (0, 0), (0, 0)),
    Point("norm with ties, order 1", lambda x: ops.norm(x, 1), (0, -2), (0, -1)),
    Point("norm with ties, largest", lambda x: ops.norm(x, np.inf), (2, -2), (0.5, -0.5)),
    Point("norm of 0, order 3", lambda x: ops.norm(x, 3), (0, 0), (0, 0)),
    Point("normalize 0", ops.normalize, (0, 0), (1e7, 1e7)),
    Point("where, NaN left out", lambda x: ops.where(x > 0, ops.log(ops.where(x > 0, x, 1.0)), 0.0), (-1, 2), (0, 0.5)),
    Point("where, infinity left out", lambda x: ops.where(x > 0, ops.log(ops.maximum(x, 1e-30)), 0.0), (-1, 2), (0, 0.5)),
    Point("where, NaN in a branch", lambda x: ops.where(x > 0, ops.sqrt(x), 0.0), (-1, 4), (NAN, 0.25)),
    Point("nan_to_num", ops.nan_to_num, (NAN, 1), (0, 1)),
    Point("nansum", ops.nansum, (NAN, 1), (0, 1)),
    Point("nanmean", ops.nanmean, (NAN, 1), (0, 1)),
    Point("nanmax with ties", ops.nanmax, (NAN, 1, 1), (0, 0.5, 0.5)),
    Point("max with ties", ops.max, (1, 1, 0), (0.5, 0.5, 0)),
    Point("max with ties, an axis", lambda x: ops.max(x, axis=0), (1, 1, 0), (0.5, 0.5, 0)),
    Point("min with ties", ops.min, (1, 1, 3), (0.5, 0.5, 0)),
    Point("ptp with ties", ops.ptp, (1, 1), (0, 0)),
    Point("top_k with ties", lambda x: ops.top_k(x, 1)[0], (1, 1), (1, 0)),
    Point("sort with ties", lambda x: ops.sort(x)[0], (1, 1), (1, 0)),
    Point("median with ties", ops.median, (1, 1, 2), (0, 1, 0)),
    Point("max_pool with ties", lambda x: ops.max_pool(ops.reshape(x, (1, 2, 1)), 2), (1, 1), (1, 0)),
    Point("segment_max with ties", lambda x: ops.segment_max(x, np.array([0, 0])), (1, 1), (0.5, 0.5)),
    Point("maximum of equals", lambda x: ops.maximum(x, ops.flip(x)), (1, 1), (1, 1)),
    Point("clip, edges", lambda x: ops.clip(x, 0.0, 1.0), (0, 1, 0.5, -1, 2), (1, 1, 1, 0, 0)),
    Point("relu, edge", ops.relu, (0, 1), (0, 1)),
    Point("relu6, edges", ops.relu6, (0, 6, 3), (0, 0, 1)),
    Point("hard_tanh, edges", ops.hard_tanh, (-1, 1, 0), (1, 1, 1)),
    Point("threshold, edge", lambda x: ops.threshold(x, 0.0, 0.0), (0, 1), (0, 1)),
    Point("elu, edge", ops.elu, (0, 1), (1, 1)),
    Point("floor", ops.floor, (1, 1.5), (0, 0)),
    Point("mod", lambda x: ops.mod(x, 2.0), (2, 3), (1, 1)),
    Point("power of 0", lambda x: ops.power(x, 2.0), (0, 1), (0, 2)),
    Point("root of 0", lambda x: ops.power(x, 0.5), (0, 1), (INF, 0.5)),
    Point("0 to the power of 0", lambda x: ops.power(x, 0.0), (0, 1), (0, 0)),
    Point("divide by 0", lambda x: ops.divide_no_nan(1.0, x), (0, 2), (0, -0.25)),
    Point("sinc of 0", ops.sinc, (0, 1), (0, -1)),
    Point("prod with a zero", ops.prod, (0, 2, 3), (6, 0, 0)),
    Point("prod with zeros", ops.prod, (0, 0, 3), (0, 0, 0)),
    Point("cumprod with a zero", ops.cumprod, (0, 2, 3), (9, 0, 0)),
    Point("cumprod with zeros", ops.cumprod, (2, 0, 3, 0), (1, 8, 0, 0)),
    Point("var of equals", ops.var, (1, 1), (0, 0)),
    Point("std of equals", ops.std, (1, 1), (0, 0)),
    Point("cdist of equals", lambda x: ops.cdist(ops.reshape(x, (1, 2)), ops.reshape(x, (1, 2))), (1, 2), (0, 0)),
    Point("hypot of 0", lambda x: ops.hypot(x, ops.flip(x)), (0, 0), (0, 0)),
    Point("arctan2 of 0", lambda x: ops.arctan2(x, ops.flip(x)), (0, 0), (0, 0)),
    Point("logsumexp with -inf", ops.logsumexp, (-INF, 0), (0, 1)),
    Point("softmax with -inf", lambda x: ops.softmax(x)[0], (-INF, 0), (0, 0)),
    Point("logaddexp of equals", lambda x: ops.logaddexp(x, ops.flip(x)), (0, 0), (1, 1)),
]


@pytest.mark.parametrize("case", POINTS, ids=[p.id for p in POINTS])
def test_awkward_gradient(case, backend):
    x = Variable(np.array(case.at, "float32"))
    _, (found,) = backend.value_and_gradients(lambda: ops.sum(case.function(x)), [x])
    np.testing.assert_allclose(backend.numpy(found), case.gradient, 1e-5)
