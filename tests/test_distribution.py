"""Meshes and layouts; what one process does with them, and what it refuses."""

import pytest

from kerastorch import Variable, backend_registry, distribution, ops
from kerastorch.distribution import DataParallel, DeviceMesh, LayoutMap, ModelParallel, TensorLayout

FOUR = DeviceMesh((2, 2), ["data", "model"], [f"gpu:{i}" for i in range(4)])
ONE = DeviceMesh((1,), ["batch"], ["cpu:0"])


def test_devices_are_of_one_kind():
    with backend_registry.using("torch"):
        assert distribution.list_devices("cpu") == ["cpu:0"]
        assert distribution.get_device_count() == len(distribution.list_devices())


def test_a_map_finds_the_layout_of_a_path():
    layouts = LayoutMap(FOUR)
    layouts[".*kernel"] = (None, "model")
    layouts["dense/kernel"] = TensorLayout(("data", None))
    assert layouts["dense/kernel"].axes == ("data", None) and layouts["dense/kernel"].device_mesh is FOUR
    assert layouts["other/kernel"].axes == (None, "model") and layouts["bias"] is None
    layouts["o.*"] = (None,)
    with pytest.raises(ValueError, match="matches multiple"):
        layouts["other/kernel"]


def test_layouts_of_data_and_variables():
    layouts = LayoutMap(FOUR)
    layouts["kernel"] = (None, "model")
    spread = ModelParallel(layout_map=layouts)
    assert spread.num_model_replicas == 2 and spread.get_data_layout((8, 3)).axes == ("data", None)
    assert spread.get_variable_layout(Variable([[1.0]], name="kernel")).axes == (None, "model")
    assert spread.get_variable_layout(Variable([1.0], name="bias")).axes == (None,)


def test_one_device_is_a_distribution_and_several_are_refused():
    one, four = DataParallel(ONE), DataParallel(devices=["gpu:0", "gpu:1"])
    with one.scope():
        assert distribution.distribution() is one
        assert distribution.distribute_tensor(ops.ones((2,)), one.get_data_layout((2,))).shape == (2,)
    assert distribution.distribution() is None
    with pytest.raises(NotImplementedError, match="the 2 devices of .* one device"):
        distribution.set_distribution(four)
    with pytest.raises(NotImplementedError, match="2 processes"):
        distribution.initialize("a,b", 2, 0)
