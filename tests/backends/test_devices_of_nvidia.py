"""What is taken for a GPU of NVIDIA's, and which driver is too old for which wheel."""

import pytest

from bpnet.backends import hardware
from bpnet.backends.diagnosis import CupyFacts, diagnose_cupy
from bpnet.backends.hardware import CudaDriver

INSUFFICIENT = RuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient")


@pytest.mark.parametrize(
    ("vendor", "kind", "there"),
    [
        ("0x10de", "0x030000", True),  # a display controller
        ("0x10de", "0x030200", True),  # a 3D controller, as in a server
        ("0x10de", "0x040300", False),  # the sound of a card whose GPU is given away
        ("0x8086", "0x030000", False),
    ],
)
def test_a_gpu_is_a_display_controller_of_nvidias(vendor, kind, there, tmp_path, monkeypatch):
    device = tmp_path / "bus" / "0000:01:00.0"
    device.mkdir(parents=True)
    (device / "vendor").write_text(f"{vendor}\n")
    (device / "class").write_text(f"{kind}\n")
    places = {"/sys/bus/pci/devices": tmp_path / "bus", "/dev/dxg": tmp_path / "dxg"}
    monkeypatch.setattr(hardware, "Path", places.__getitem__)
    assert hardware.nvidia_hardware() is there


@pytest.mark.parametrize(
    ("version", "cure"),
    [
        (11080, "install the NVIDIA driver 580 or newer"),
        (12000, 'pip uninstall -y cupy-cuda13x && pip install "cupy-cuda12x[ctk]>=14"'),
        (12080, 'pip uninstall -y cupy-cuda13x && pip install "cupy-cuda12x[ctk]>=14"'),
    ],
)
def test_a_driver_of_any_cuda_12_serves_the_wheel_for_12(version, cure):
    facts = CupyFacts(("cupy-cuda13x",), CudaDriver(version, 1))
    assert diagnose_cupy(INSUFFICIENT, facts).cure == cure


@pytest.mark.parametrize("visible", ["", "-1"])
def test_gpus_that_are_hidden_are_told_as_hidden(visible):
    actual = diagnose_cupy(
        RuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected"),
        CupyFacts(("cupy-cuda12x",), CudaDriver(12080, 0, 100), visible),
    )
    assert actual.cure == "unset CUDA_VISIBLE_DEVICES"
    assert f"CUDA_VISIBLE_DEVICES={visible!r}" in actual.why
