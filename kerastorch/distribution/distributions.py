"""Ways to spread a model's data and variables over a mesh."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

from kerastorch.distribution.devices import check_mesh, list_devices
from kerastorch.distribution.mesh import DeviceMesh, LayoutMap, TensorLayout

_current: Any = None


class Distribution:
    """What the ways to distribute have in common."""

    def __init__(self, device_mesh: DeviceMesh, batch_dim_name: str, auto_shard_dataset: bool):
        self._device_mesh, self._batch_dim_name, self._auto_shard_dataset = device_mesh, batch_dim_name, auto_shard_dataset

    device_mesh = property(lambda self: self._device_mesh, doc="The mesh.")
    batch_dim_name = property(lambda self: self._batch_dim_name, doc="The mesh's axis over which batches are spread.")
    auto_shard_dataset = property(lambda self: self._auto_shard_dataset, doc="Whether each process takes its part of the data.")
    num_processes = property(lambda self: 1, doc="Number of processes.")
    data_shard_id = property(lambda self: 0, doc="Which part of the data this process takes.")

    @property
    def num_model_replicas(self):
        """The size of the axis over which batches are spread."""
        names = list(self.device_mesh.axis_names)
        return self.device_mesh.shape[names.index(self.batch_dim_name)] if self.batch_dim_name in names else 1

    def get_data_layout(self, data_shape):
        """The layout of data of a shape: spread along the first axis."""
        return TensorLayout([self.batch_dim_name, *(None for _ in data_shape[1:])], self.device_mesh)

    def get_variable_layout(self, variable):
        """The layout of a variable; whole on all devices unless said otherwise."""
        return TensorLayout([None] * len(variable.shape), self.device_mesh)

    def get_tensor_layout(self, path):
        """The layout of the tensor that a layer of a path makes; None where none is said."""
        return None

    def distribute_dataset(self, dataset):
        """This process's part of a dataset: all of it, since there is one process."""
        return dataset

    def distribute_tf_dataset(self, dataset):
        """As `distribute_dataset`."""
        return dataset

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """A context in which this is the distribution."""
        before = distribution()
        set_distribution(self)
        try:
            yield
        finally:
            set_distribution(before)

    def __repr__(self):
        return f"<{type(self).__name__} device_mesh={self.device_mesh}>"


class DataParallel(Distribution):
    """Every device has the whole model and a part of each batch.

    Args:
        device_mesh: A mesh, of whose first axis use is made; None makes one of the devices.
        devices: Names of devices; None for those of `list_devices()`.
        auto_shard_dataset: Whether each process takes its part of the data.
    """

    def __init__(self, device_mesh=None, devices=None, auto_shard_dataset=True):
        if device_mesh is None:
            devices = list_devices() if devices is None else list(devices)
            device_mesh = DeviceMesh((len(devices),), ["batch"], devices)
        elif len(device_mesh.shape) > 1:
            warnings.warn(
                f"DataParallel: of the axes of {device_mesh} the first alone is used, {device_mesh.axis_names[0]!r}", stacklevel=2
            )
        super().__init__(device_mesh, device_mesh.axis_names[0], auto_shard_dataset)


class ModelParallel(Distribution):
    """Variables are spread over devices too, each as a map says.

    Args:
        layout_map: A `LayoutMap` from the paths of variables, and of layers for the tensors that they make.
        batch_dim_name: The mesh's axis over which batches are spread; its first one where it is None.
        auto_shard_dataset: Whether each process takes its part of the data.
        **kwargs: `device_mesh`, as older versions had it, is the map's and so of no use.

    Raises:
        ValueError: If `layout_map` is no LayoutMap.
    """

    def __init__(self, *, layout_map=None, batch_dim_name=None, auto_shard_dataset=True, **kwargs):
        kwargs.pop("device_mesh", None)
        if kwargs:
            raise ValueError(f"ModelParallel: unknown arguments {', '.join(sorted(kwargs))}")
        if layout_map is None:
            raise ValueError("ModelParallel: You must specify a layout_map argument")
        if not isinstance(layout_map, LayoutMap):
            raise ValueError(f"ModelParallel: Argument `layout_map` must be a `LayoutMap` instance, not {layout_map!r}")
        mesh = layout_map.device_mesh
        super().__init__(mesh, batch_dim_name or mesh.axis_names[0], auto_shard_dataset)
        self._layout_map = layout_map

    def get_variable_layout(self, variable):
        return self._layout_map[variable.path] or super().get_variable_layout(variable)

    def get_tensor_layout(self, path):
        return self._layout_map[path]


def distribution():
    """The distribution set; None where none is."""
    return _current


def set_distribution(value):
    """Sets the distribution of what is made and run from now on; None for none.

    Raises:
        ValueError: If it is no distribution.
        NotImplementedError: If its mesh has more than one device.
    """
    global _current
    if value is not None:
        if not isinstance(value, Distribution):
            raise ValueError(f"set_distribution: a DataParallel, a ModelParallel or None is needed, not {value!r}")
        check_mesh("set_distribution", value.device_mesh)
    _current = value
