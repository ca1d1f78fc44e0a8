"""What the machine has, asked of drivers and files alone: no array library is imported."""

import ctypes
import os
import platform
from pathlib import Path
from typing import NamedTuple

from bpnet.backends.base import DeviceInfo


class CudaDriver(NamedTuple):
    """The NVIDIA driver: the CUDA version it serves (12040 is 12.4, 0: none), GPUs, error.

    And the compute capability of the oldest GPU, 75 for 7.5, 0 where it is not known.
    """

    version: int = 0
    devices: int = 0
    error: int = 0
    capability: int = 0

    def describe(self) -> str:
        """What it is, as a clause."""
        if not self.version:
            return "there is no NVIDIA driver"
        return f"the NVIDIA driver serves CUDA {self.serves()} and sees {self.devices} GPUs"

    def serves(self) -> str:
        """The CUDA version as people write it.

        Examples
        --------
        >>> CudaDriver(12040).serves()
        '12.4'
        """
        return f"{self.version // 1000}.{self.version % 1000 // 10}"

    def named(self) -> str:
        """The CUDA version, as a device shows it."""
        return f"CUDA {self.serves()}"


def rocm(version: int) -> str:
    """The ROCm version, as a device shows it, from HIP's number.

    Examples
    --------
    >>> rocm(70051831)
    'ROCm 7.0'
    """
    return f"ROCm {version // 10**7}.{version // 10**5 % 100}"


NO_DRIVER = CudaDriver()


def cuda_driver() -> CudaDriver:
    """The NVIDIA driver, asked through its own library."""
    windows = platform.system() == "Windows"
    try:
        cuda = ctypes.CDLL("nvcuda.dll" if windows else "libcuda.so.1")
        version, count = ctypes.c_int(0), ctypes.c_int(0)
        cuda.cuDriverGetVersion(ctypes.byref(version))
        error = cuda.cuInit(0)
        if error == 0:
            cuda.cuDeviceGetCount(ctypes.byref(count))
        oldest = min((_capability(cuda, i) for i in range(count.value)), default=0)
    except (OSError, AttributeError):  # no such library, or not the real one
        return NO_DRIVER
    return CudaDriver(version.value, count.value, error, oldest)


def _capability(cuda: ctypes.CDLL, number: int) -> int:
    """Compute capability of a GPU; the numbers are those of the driver's header, ``cuda.h``."""
    device, value, found = ctypes.c_int(0), ctypes.c_int(0), []
    cuda.cuDeviceGet(ctypes.byref(device), number)
    for attribute in (75, 76):  # major, minor
        cuda.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
        found.append(value.value)
    return 10 * found[0] + found[1]


def cuda_major(driver: CudaDriver | None = None) -> str:
    """Wheels that fit driver and GPUs: ``"cuda13"``, or ``"cuda12"`` for older and unknown ones.

    CUDA 13 has no code for GPUs before compute capability 7.5, whose last driver serves it.
    """
    driver = driver or cuda_driver()
    old = 0 < driver.capability < 75
    return "cuda13" if driver.version >= 13000 and not old else "cuda12"


def nvidia_hardware() -> bool | None:
    """Whether an NVIDIA GPU is on the PCI bus; None where that cannot be read.

    On Windows' Linux (WSL) none is: there it is behind Microsoft's own device, ``/dev/dxg``.
    """
    bus = Path("/sys/bus/pci/devices")
    if not bus.is_dir() or Path("/dev/dxg").exists():
        return None
    for device in bus.iterdir():
        try:
            vendor, kind = ((device / part).read_text().strip() for part in ("vendor", "class"))
        except OSError:
            continue
        if vendor == "0x10de" and kind.startswith("0x03"):
            return True
    return False


def amd_hardware() -> bool:
    """Whether AMD's driver for computing has found a GPU."""
    return Path("/dev/kfd").exists()


def gpus() -> frozenset[str]:
    """Kinds of GPU that seem usable: ``"cuda"``, ``"rocm"``, ``"mps"``, ``"intel"``."""
    found = set()
    if cuda_driver().devices:
        found.add("cuda")
    if amd_hardware():
        found.add("rocm")
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        found.add("mps")
    if Path("/dev/dri").exists() and _loads("libze_intel_gpu.so.1"):
        found.add("intel")
    return frozenset(found)


def host(spec: str) -> DeviceInfo:
    """The CPU, as the device of a backend."""
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
    """Bytes of memory of this machine; None where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None
