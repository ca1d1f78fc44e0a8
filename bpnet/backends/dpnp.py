"""dpnp, on the SYCL devices of Intel's oneAPI: CPUs and GPUs."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bpnet._typing import Array, Namespace
from bpnet.backends.base import Backend, DeviceInfo
from bpnet.errors import BackendUnavailable, InputError
from bpnet.requirements import install


@dataclass(frozen=True)
class Dpnp(Backend):
    """dpnp on one device; ``device`` is its SYCL filter string, such as ``"opencl:cpu:0"``."""

    name: str = "dpnp"

    @property
    def xp(self) -> Namespace:
        """``dpnp``."""
        return _library()

    @property
    def spec(self) -> str:
        """Name and device: ``"dpnp:cpu"`` where that selects this device, else the long form."""
        kind = self.device.split(":")[1]
        return f"dpnp:{kind}" if _filter_string(kind) == self.device else f"dpnp:{self.device}"

    def synchronize(self) -> None:
        """Wait for the queue of the device."""
        # an empty array leads to the queue that all arrays of the device share
        self.xp.empty(0, device=self.device).sycl_queue.wait()

    def _from_host(self, x: Any, *, copy: bool) -> Array:
        return self.xp.asarray(x, device=self.device)

    def _download(self, a: Array) -> Any:
        return self.xp.asnumpy(a)

    def _move(self, a: Array) -> Array:
        return self.xp.asarray(a, device=self.device)

    def _exportable(self, a: Array) -> Array:
        # a negative stride makes PyTorch end the process
        return self.xp.ascontiguousarray(a) if min(a.strides, default=0) < 0 else a


def _library() -> Any:
    """Import dpnp so that it finds the OpenCL driver for CPUs of ``intel-opencl-rt``."""
    driver = _cpu_driver()
    # OpenCL reads the variable once, when dpnp is imported
    if "dpnp" not in sys.modules and "OCL_ICD_FILENAMES" not in os.environ and driver.exists():
        os.environ["OCL_ICD_FILENAMES"] = str(driver)
    import dpnp

    return dpnp


def _cpu_driver() -> Path:
    return Path(sys.prefix, "lib", "libintelocl.so")


def _filter_string(selector: str) -> str | None:
    import dpctl

    try:
        return str(dpctl.SyclDevice(selector).filter_string)
    except (ValueError, dpctl.SyclDeviceCreationError):  # no such device, no such selector
        return None


def open_backend(device: str | None) -> Dpnp:
    """Backend on ``"cpu"``, ``"gpu"``, ``"gpu:1"`` or a full SYCL filter string."""
    _library()
    import dpctl

    present = dpctl.get_devices()
    if not present:
        raise _without_driver()
    # the kernels are chosen for the process, not for a device
    if any(d.is_cpu for d in present):
        _avoid_vector_math()
    if device is None:
        return Dpnp(device=str(dpctl.select_default_device().filter_string))
    words = {"cpu", "gpu", "accelerator", "opencl", "level_zero", "cuda", "hip"}
    if not all(part in words or part.isdigit() for part in device.split(":")):
        msg = f"dpnp has no device {device!r}; use 'cpu', 'gpu' or a SYCL filter string"
        raise InputError(msg)
    chosen = _filter_string(device)
    if chosen is None:
        why = f"dpnp finds only: {', '.join(d.filter_string for d in present)}"
        raise BackendUnavailable(f"dpnp:{device}", why, f"use 'dpnp:{present[0].filter_string}'")
    return Dpnp(device=chosen)


def _avoid_vector_math() -> None:
    """Use dpnp's own kernels for exp and its kind, not those of oneMKL's vector math.

    On a CPU the latter deadlock now and then, in dpnp 0.20 within seconds of training
    (https://github.com/IntelPython/dpctl/issues/1954).
    """
    from dpnp.dpnp_algo import dpnp_elementwise_common

    if hasattr(dpnp_elementwise_common, "vmi"):
        dpnp_elementwise_common.vmi = SimpleNamespace(_is_available=lambda: False)


def _without_driver() -> BackendUnavailable:
    if not _cpu_driver().exists():
        why = "there is no OpenCL or Level Zero driver"
        return BackendUnavailable("dpnp", why, install("intel-opencl-rt"))
    why = "dpnp was imported, or OCL_ICD_FILENAMES set, before it could find the driver for CPUs"
    return BackendUnavailable("dpnp", why, f"set OCL_ICD_FILENAMES={_cpu_driver()}")


def holding(array: Array) -> Dpnp:
    """Backend of an array."""
    return Dpnp(device=str(array.sycl_device.filter_string))


def devices() -> list[DeviceInfo]:
    """All SYCL devices."""
    _library()
    import dpctl

    return [
        DeviceInfo(
            Dpnp(device=d.filter_string).spec, d.name.strip(), d.global_mem_size, d.driver_version
        )
        for d in dpctl.get_devices()
    ]
