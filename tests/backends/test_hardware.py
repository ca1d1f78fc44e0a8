"""GPUs are found by asking the driver, without an array library."""

import ctypes

import pytest

from bpnet.backends import hardware
from bpnet.backends.hardware import CudaDriver


class Driver:
    """The library of a driver."""

    def __init__(self, version, devices, error):
        self.facts = CudaDriver(version, devices, error)

    def cuDriverGetVersion(self, out):
        out._obj.value = self.facts.version
        return 0

    def cuInit(self, flags):
        return self.facts.error

    def cuDeviceGetCount(self, out):
        out._obj.value = self.facts.devices
        return 0


@pytest.mark.parametrize(
    ("facts", "wheels"),
    [
        (CudaDriver(12040, 2, 0), "cuda12"),
        (CudaDriver(13000, 1, 0), "cuda13"),
        (CudaDriver(12080, 0, 100), "cuda12"),
    ],
    ids=["two GPUs", "new driver", "GPU hidden"],
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
