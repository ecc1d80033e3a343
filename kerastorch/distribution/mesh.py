"""Grids of devices, and how tensors are laid out over them."""

import re
from collections.abc import MutableMapping

import numpy as np

from kerastorch.distribution.devices import list_devices


class DeviceMesh:
    """Devices in a grid whose axes have names.

    Args:
        shape: Sizes of the grid.
        axis_names: A name for each axis.
        devices: Names of the devices, as many as places in the grid; None takes those of `list_devices()`.

    Raises:
        ValueError: If names or devices do not suit the shape.
    """

    def __init__(self, shape, axis_names, devices=None):
        if not shape or not axis_names:
            raise ValueError(f"DeviceMesh: Shape and axis_names cannot be empty, but shape={shape} and axis_names={axis_names}")
        if len(shape) != len(axis_names):
            raise ValueError(f"DeviceMesh: Shape and axis_names should have same size, but shape={shape}, axis_names={axis_names}")
        found = np.array(list_devices() if devices is None else devices)
        if found.size != np.prod(shape):
            raise ValueError(f"DeviceMesh: Shape does not match the number of devices: shape={shape}, and there are {found.size}")
        self._shape, self._axis_names, self._devices = shape, axis_names, found.reshape(shape)

    shape = property(lambda self: self._shape, doc="Sizes of the grid.")
    axis_names = property(lambda self: self._axis_names, doc="Names of the axes.")
    devices = property(lambda self: self._devices, doc="Array of the devices' names.")

    @property
    def backend_mesh(self):
        """The framework's own mesh: this one, since none of a framework is made for one device."""
        return self

    def __repr__(self):
        return f"<DeviceMesh shape={self.shape}, axis_names={self.axis_names}>"


class TensorLayout:
    """Over which axes of a mesh the axes of a tensor are spread.

    Args:
        axes: For each axis of the tensor, the name of one of the mesh, or None where it is whole everywhere.
        device_mesh: The mesh; it can be set later, once.

    Raises:
        ValueError: If the mesh has no axis of such a name.
    """

    def __init__(self, axes, device_mesh=None):
        self._axes, self._device_mesh = tuple(axes), device_mesh
        self._check()

    axes = property(lambda self: self._axes, doc="Names of the mesh's axes.")

    @property
    def device_mesh(self):
        """The mesh."""
        return self._device_mesh

    @device_mesh.setter
    def device_mesh(self, value):
        if self._device_mesh is not None:
            raise ValueError(f"TensorLayout: Cannot override device mesh value. Existing value is {self._device_mesh}")
        self._device_mesh = value
        self._check()

    @property
    def backend_layout(self):
        """The framework's own layout: this one, since none of a framework is made for one device."""
        return self

    def _check(self):
        known = set(self._device_mesh.axis_names) if self._device_mesh is not None else None
        named = {a for a in self._axes if a is not None}
        if known is not None and not named <= known:
            raise ValueError(f"TensorLayout: Invalid axis names for Layout. Valid axis names: {known}, Got {named}")

    def __repr__(self):
        return f"<TensorLayout axes={self.axes}, device_mesh={self.device_mesh}>"


class LayoutMap(MutableMapping):
    """Layouts by the paths of variables, where keys may be regular expressions that match whole paths.

    Args:
        device_mesh: The mesh of layouts that are given without one, or as tuples of axes.
    """

    def __init__(self, device_mesh):
        self._device_mesh = device_mesh
        self._layouts = {}

    device_mesh = property(lambda self: self._device_mesh, doc="The mesh of layouts that are given without one.")

    def __getitem__(self, key):
        """The layout of a path: that of the very key, else that of the only one that matches; None where none does.

        Raises:
            ValueError: If several match.
        """
        if key in self._layouts:
            return self._layouts[key]
        found = [k for k in self._layouts if re.fullmatch(k, key)]
        if len(found) > 1:
            raise ValueError(f"LayoutMap: Path '{key}' matches multiple layout specification keys: {found}; let only one match")
        return self._layouts[found[0]] if found else None

    def __setitem__(self, key, layout):
        """Adds a layout, or a tuple of axes, under a key that is not there yet."""
        if key in self._layouts:
            raise ValueError(f"LayoutMap: {key} already exist in the LayoutMap with value {self._layouts[key]}; delete that first")
        if isinstance(layout, tuple):
            layout = TensorLayout(layout, self._device_mesh)
        if not isinstance(layout, TensorLayout):
            raise ValueError(f"LayoutMap: {layout!r} should be a TensorLayout type, got {type(layout)}")
        if layout.device_mesh is None:
            layout.device_mesh = self._device_mesh
        self._layouts[key] = layout

    def __delitem__(self, key):
        """Takes the layout of this very key out."""
        del self._layouts[key]

    def __len__(self):
        return len(self._layouts)

    def __iter__(self):
        return iter(self._layouts)
