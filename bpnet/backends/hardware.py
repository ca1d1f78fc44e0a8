"""The machine's GPUs, processor and memory, from drivers and files, without an array library."""

import ctypes
import os
import platform
from pathlib import Path
from typing import NamedTuple

from bpnet.backends.base import DeviceInfo


class CudaDriver(NamedTuple):
    """The NVIDIA driver."""

    version: int = 0  # CUDA version that it serves, 12040 for 12.4; 0 without a driver
    devices: int = 0  # number of GPUs
    error: int = 0  # what cuInit returned, 0 for success
    capability: int = 0  # compute capability of the oldest GPU, 75 for 7.5; 0 if unknown

    def describe(self) -> str:
        """Return a clause about the driver."""
        if not self.version:
            return "there is no NVIDIA driver"
        return f"the NVIDIA driver serves {cuda(self.version)} and sees {self.devices} GPUs"


def cuda(version: int) -> str:
    """Name of a CUDA version, from the driver's number.

    Examples
    --------
    >>> cuda(12040)
    'CUDA 12.4'
    """
    return f"CUDA {version // 1000}.{version % 1000 // 10}"


def rocm(version: int) -> str:
    """Name of a ROCm version, from HIP's number.

    Examples
    --------
    >>> rocm(70051831)
    'ROCm 7.0'
    """
    return f"ROCm {version // 10**7}.{version // 10**5 % 100}"


NO_DRIVER = CudaDriver()


def cuda_driver() -> CudaDriver:
    """The NVIDIA driver, through its own library."""
    windows = platform.system() == "Windows"
    try:
        cuda = ctypes.CDLL("nvcuda.dll" if windows else "libcuda.so.1")
        version, count = ctypes.c_int(0), ctypes.c_int(0)
        cuda.cuDriverGetVersion(ctypes.byref(version))
        # the version is known without a GPU; devices are counted after cuInit only
        error = cuda.cuInit(0)
        if error == 0:
            cuda.cuDeviceGetCount(ctypes.byref(count))
        oldest = min((_capability(cuda, i) for i in range(count.value)), default=0)
    except (OSError, AttributeError):  # there is no such library, or it is a stub
        return NO_DRIVER
    return CudaDriver(version.value, count.value, error, oldest)


def _capability(cuda: ctypes.CDLL, number: int) -> int:
    """Compute capability of a GPU; the numbers are those of the driver's header, ``cuda.h``."""
    device, major, minor = (ctypes.c_int(0) for _ in range(3))
    cuda.cuDeviceGet(ctypes.byref(device), number)
    for attribute, value in ((75, major), (76, minor)):
        cuda.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
    return 10 * major.value + minor.value


def cuda_major(driver: CudaDriver | None = None) -> str:
    """CUDA version of the wheels that fit: ``"cuda13"``, else ``"cuda12"``.

    CUDA 13 has no code for GPUs before compute capability 7.5, though their last driver serves it.
    """
    driver = driver or cuda_driver()
    old = 0 < driver.capability < 75
    return "cuda13" if driver.version >= 13000 and not old else "cuda12"


def nvidia_hardware() -> bool | None:
    """Whether an NVIDIA GPU is on the PCI bus; None where the bus does not tell.

    Under WSL, Windows' Linux, a GPU is behind Microsoft's own device, ``/dev/dxg``.
    """
    bus = Path("/sys/bus/pci/devices")
    if not bus.is_dir() or Path("/dev/dxg").exists():
        return None
    for device in bus.iterdir():
        try:
            vendor, kind = ((device / part).read_text().strip() for part in ("vendor", "class"))
        except OSError:
            continue
        # NVIDIA's number, and the class of display and 3D controllers
        if vendor == "0x10de" and kind.startswith("0x03"):
            return True
    return False


def amd_hardware() -> bool:
    """Whether AMD's driver for computing has a GPU."""
    return Path("/dev/kfd").exists()


def gpus() -> frozenset[str]:
    """Kinds of GPU that seem usable: ``"cuda"``, ``"rocm"``, ``"mps"``, ``"intel"``."""
    kinds = {
        "cuda": cuda_driver().devices > 0,
        "rocm": amd_hardware(),
        "mps": platform.system() == "Darwin" and platform.machine() == "arm64",
        # any GPU has /dev/dri; the library is Level Zero's driver for Intel's
        "intel": Path("/dev/dri").exists() and _loads("libze_intel_gpu.so.1"),
    }
    return frozenset(kind for kind, is_there in kinds.items() if is_there)


def host(spec: str) -> DeviceInfo:
    """Return the CPU as the device of a backend."""
    return DeviceInfo(spec, _cpu_name(), memory())


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def memory() -> int | None:
    """Bytes of memory of this machine; None where the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None
