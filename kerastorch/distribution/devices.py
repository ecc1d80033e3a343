"""The devices at hand, and what would spread over them."""

from typing import Any

from kerastorch import backend_registry

ONE = "a process of kerastorch computes on one device"


def list_devices(device_type=None):
    """The devices of one kind that the active backend can use, as "gpu:0", "gpu:1", ...

    Args:
        device_type: "cpu", "gpu" or "tpu"; None for the accelerators, or the CPU where there is none.
    """
    found = backend_registry.active().devices()
    kinds = [device.partition(":")[0] for device in found]
    kind = device_type.lower() if device_type else next((k for k in kinds if k != "cpu"), "cpu")
    return [device for device, k in zip(found, kinds, strict=True) if k == kind]


def get_device_count(device_type=None):
    """The number of devices that `list_devices` gives."""
    return len(list_devices(device_type))


def initialize(job_addresses=None, num_processes=None, process_id=None):
    """Joins the processes of a job, which is done already where there is one.

    Args:
        job_addresses: Addresses of the processes.
        num_processes: Their number.
        process_id: The number of this one.

    Raises:
        NotImplementedError: If there are several.
    """
    if (num_processes or 1) > 1 or "," in (job_addresses or ""):
        raise NotImplementedError(f"distribution.initialize: {num_processes or 'several'} processes at {job_addresses} cannot be "
                                  f"joined: {ONE}, and does not speak with others")  # fmt: skip


def distribute_tensor(tensor, layout):
    """A tensor laid out as asked, which on one device it is already.

    Args:
        tensor: The tensor.
        layout: A `TensorLayout`.

    Raises:
        NotImplementedError: If the layout's mesh has more than one device.
    """
    check_mesh("distribute_tensor", layout.device_mesh)
    return tensor


def check_mesh(what: str, mesh: Any) -> None:
    """Refuses a mesh of several devices for what would have to compute on them."""
    if mesh is not None and mesh.devices.size > 1:
        raise NotImplementedError(f"{what}: the {mesh.devices.size} devices of {mesh} cannot be used together: {ONE}. Give a mesh "
                                  "of one device; on torch, what `to_torch()` returns can be wrapped for several")  # fmt: skip
