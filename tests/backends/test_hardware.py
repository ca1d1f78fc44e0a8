"""GPUs are found by asking the driver, without an array library."""

import ctypes

import pytest

from bpnet.backends import hardware
from bpnet.backends.hardware import CudaDriver


class Driver:
    """The library of a driver."""

    def __init__(self, version, devices, error, capability):
        self.facts = CudaDriver(version, devices, error, capability)

    def cuDriverGetVersion(self, out):
        out._obj.value = self.facts.version
        return 0

    def cuInit(self, flags):
        return self.facts.error

    def cuDeviceGetCount(self, out):
        out._obj.value = self.facts.devices
        return 0

    def cuDeviceGet(self, out, number):
        out._obj.value = number
        return 0

    def cuDeviceGetAttribute(self, out, attribute, device):
        """The last GPU is the oldest; 75 and 76 are CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_*."""
        oldest = device.value == self.facts.devices - 1
        major, minor = divmod(self.facts.capability if oldest else 90, 10)
        out._obj.value = {75: major, 76: minor}[attribute]
        return 0


@pytest.mark.parametrize(
    ("facts", "wheels"),
    [
        (CudaDriver(12040, 2, 0, 86), "cuda12"),
        (CudaDriver(13000, 1, 0, 75), "cuda13"),
        (CudaDriver(13000, 2, 0, 61), "cuda12"),
        (CudaDriver(13000, 0, 100), "cuda13"),
        (CudaDriver(12080, 0, 100), "cuda12"),
    ],
    ids=["two GPUs", "new driver", "new driver, old GPU", "new driver, hidden", "GPU hidden"],
)
def test_the_driver_is_asked(monkeypatch, facts, wheels):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Driver(*facts))
    assert hardware.cuda_driver() == facts
    assert hardware.cuda_major() == wheels
    assert ("cuda" in hardware.gpus()) == bool(facts.devices)


@pytest.mark.parametrize("library", [OSError("libcuda.so.1: cannot open"), object()])
def test_a_machine_without_a_driver_or_with_a_stub(monkeypatch, library):
    def load(name):
        if isinstance(library, OSError):
            raise library
        return library

    monkeypatch.setattr(ctypes, "CDLL", load)
    assert hardware.cuda_driver() == hardware.NO_DRIVER
    assert "no NVIDIA driver" in hardware.cuda_driver().describe()


def test_the_host_has_memory():
    assert hardware.host("numpy").memory > 2**28


def test_windows_linux_does_not_show_its_gpu_on_the_bus(monkeypatch, tmp_path):
    """There nobody can say that there is none, as on a machine whose bus has only other devices."""
    there = {"/sys/bus/pci/devices": tmp_path, "/dev/dxg": tmp_path / "dxg"}
    monkeypatch.setattr(hardware, "Path", there.__getitem__)
    assert hardware.nvidia_hardware() is False
    (tmp_path / "dxg").mkdir()
    assert hardware.nvidia_hardware() is None
